// SPDX-License-Identifier: Apache-2.0
//
// pool: what poolings have in common: windows over the last dimensions, and that one over a single
// dimension is one of images of height 1.

#ifndef TENON_CORE_OPS_POOL_H_
#define TENON_CORE_OPS_POOL_H_

#include "op_def.h"

// The attributes of any pooling, where they stand.
typedef struct tn__pool {
  tn_ints *kernel, *stride, *padding;
  tn_ints *dilation;  // NULL: 1 everywhere
  bool ceil_mode;
} tn__pool;

// Completes the lists (one integer stands for all |spatial| dimensions, no stride means the
// kernel), and gives the |sizes| of the pooled |input|, which is as deep as it is.
// errors: INVALID_ARGUMENT for ranks, lists, padding above half a kernel, a kernel that is larger
// than the padded input
tn_status tn__pool_sizes(tn_infer *infer, int32_t input, int32_t spatial, const tn__pool *pool,
                         int64_t *sizes);

// Pairs of 1, 1 and 0 with the kernel, stride (absent: the kernel) and padding in |lists|, each of
// one integer; and checks that input 0 is [N, C, L] or [C, L]. errors: INVALID_ARGUMENT
tn_status tn__pool_pairs(tn_compose *compose, const tn_ints lists[3], int64_t pairs[][2]);

#endif  // TENON_CORE_OPS_POOL_H_
