// SPDX-License-Identifier: Apache-2.0
//
// gemm_run: matrix products spread over the process's threads, by our own kernels (gemm.h) or by
// OpenBLAS (openblas.h), whichever was measured to be faster for the size.

#ifndef TENON_CPU_GEMM_RUN_H_
#define TENON_CPU_GEMM_RUN_H_

#include "cpu.h"
#include "gemm.h"

// How the products of a batch lie in memory: the steps from one to the next, in elements.
typedef struct cpu_gemm_batch {
  int64_t count;
  int64_t a_step, b_step, c_step;
} cpu_gemm_batch;

#define CPU_GEMM_ONE ((cpu_gemm_batch){1, 0, 0, 0})

// Why OpenBLAS should not compute |gemm|, whose operands need not have memory yet; NULL where it
// should. Opens the library when everything else speaks for it.
const char *cpu_openblas_declines(const cpu_gemm *gemm);

// Computes |batch.count| products of f32 or f64, with OpenBLAS where |openblas|, which then must
// not have declined. Without it the bits are the same at any thread count. errors: OUT_OF_MEMORY
tn_status cpu_gemm_run(tn_kernel_ctx *ctx, tn_dtype dtype, const cpu_gemm *gemm,
                       cpu_gemm_batch batch, bool openblas);

#endif  // TENON_CPU_GEMM_RUN_H_
