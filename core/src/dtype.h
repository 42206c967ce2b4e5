// SPDX-License-Identifier: Apache-2.0
//
// dtype: what the core asks of dtypes on every call. These record no error and take no lock;
// tensor.h has the public forms, which do record.

#ifndef TENON_CORE_DTYPE_H_
#define TENON_CORE_DTYPE_H_

#include <tenon/base.h>

// What arithmetic between |a| and |b| computes in; TN_DTYPE_NONE where there is no such dtype
// (u64 beside a signed integer) or one of them is no dtype.
// errors: none | threads: any
tn_dtype tn__promote_types(tn_dtype a, tn_dtype b);

// The dtype in which an operator over |tensors| computes. Dimensioned tensors decide; 0-dim ones
// count only where they are of a higher category (bool < integer < floating < complex), and
// numbers written in the program (immediates) only where they are of a higher category still.
// Operands of |exempt_mask| (bit i: tensors[i]), TN_NONE and NULL take no part. TN_DTYPE_NONE when
// nothing is left, or when there is no common dtype.
// errors: none | threads: any
tn_dtype tn__result_type(tn_tensor *const *tensors, int64_t count, uint32_t exempt_mask);

// The complex dtype that holds floating |dtype|; others are returned as they are.
tn_dtype tn__dtype_to_complex(tn_dtype dtype);

#endif  // TENON_CORE_DTYPE_H_
