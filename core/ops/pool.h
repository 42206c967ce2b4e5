// SPDX-License-Identifier: Apache-2.0
//
// pool: what poolings over one dimension have in common: they are poolings of images of height 1.

#ifndef TENON_CORE_OPS_POOL_H_
#define TENON_CORE_OPS_POOL_H_

#include "op_def.h"

// Pairs of 1, 1 and 0 with the kernel, stride (absent: the kernel) and padding in |lists|, each of
// one integer; and checks that input 0 is [N, C, L] or [C, L]. errors: INVALID_ARGUMENT
tn_status tn__pool_pairs(tn_compose *compose, const tn_ints lists[3], int64_t pairs[][2]);

#endif  // TENON_CORE_OPS_POOL_H_
