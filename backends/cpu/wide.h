// SPDX-License-Identifier: Apache-2.0
//
// wide: kernels that compute in f32 or f64 serve f16 and bf16 too, by widening whole operands to
// f32 beforehand and rounding the results once at the end. Operands of other dtypes (indices,
// masks) pass through. For contiguous operands only.

#ifndef TENON_CPU_WIDE_H_
#define TENON_CPU_WIDE_H_

#include "cpu.h"

// A kernel's body: |views| as in tn_args, none of them f16 or bf16.
typedef tn_status (*cpu_wide_run)(tn_kernel_ctx *ctx, const tn_view *views, const void *attrs);

// Runs |run| on the operands of |args|. errors: OUT_OF_MEMORY, and those of |run|
tn_status cpu_run_wide(tn_kernel_ctx *ctx, const tn_args *args, cpu_wide_run run);

#endif  // TENON_CPU_WIDE_H_
