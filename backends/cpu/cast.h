// SPDX-License-Identifier: Apache-2.0
//
// cast: the loops that read floats, [result's dtype], one function for each instruction set.

#ifndef TENON_CPU_CAST_H_
#define TENON_CPU_CAST_H_

#include "pointwise.h"

#define X(isa) const cpu_loop *cpu_float_casts_##isa(tn_dtype from);
CPU_ISA_TABLE(X)
#undef X

#endif  // TENON_CPU_CAST_H_
