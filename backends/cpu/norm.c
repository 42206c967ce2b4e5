// SPDX-License-Identifier: Apache-2.0
//
// norm: chooses the loops of norm.simd.c.

#include "norm.h"

static const cpu_norm_loops *loops[2];  // f32, f64

void cpu_norm_start(cpu_isa isa) {
  static const cpu_norm_loops *const variants[CPU_ISA_COUNT][2] = {
#define X(name) [CPU_ISA_##name] = {&cpu_norm_f32_##name, &cpu_norm_f64_##name},
      CPU_ISA_TABLE(X)
#undef X
  };
  loops[0] = variants[isa][0];
  loops[1] = variants[isa][1];
}

const cpu_norm_loops *cpu_norm_loops_for(tn_dtype dtype) { return loops[dtype == TN_F64]; }
