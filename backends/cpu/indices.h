// SPDX-License-Identifier: Apache-2.0
//
// indices: index operands, i64 or i32, as checked i64. Every kernel that indexes calls this before
// it writes anything, so a bad index leaves the result as it was.

#ifndef TENON_CPU_INDICES_H_
#define TENON_CPU_INDICES_H_

#include "cpu.h"

// The indices of |view| (contiguous), each of which is in [0, size) or |*exempt|; NULL with the
// error recorded. No value could stand for "none exempt", so |exempt| is NULL then. |what| names
// what is indexed: "dimension 1". errors: OUT_OF_RANGE, INVALID_DTYPE, OUT_OF_MEMORY
tn_status cpu_check_indices(tn_kernel_ctx *ctx, const tn_view *view, int64_t size,
                            const int64_t *exempt, const char *what, const int64_t **indices);

#endif  // TENON_CPU_INDICES_H_
