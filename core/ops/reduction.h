// SPDX-License-Identifier: Apache-2.0
//
// reduction: what the reductions share. An empty or absent list of dims means all of them. After
// infer the dims in the attributes are non-negative and sorted, which kernels and gradients rely
// on.

#ifndef TENON_CORE_OPS_REDUCTION_H_
#define TENON_CORE_OPS_REDUCTION_H_

#include "op_def.h"

// Makes |dims| of input 0 canonical and gives every result its reduced shape.
// errors: OUT_OF_RANGE; INVALID_ARGUMENT for a repeated dim
tn_status tn__infer_reduction(tn_infer *infer, tn_ints *dims, bool keepdim);

// The same over the one dimension |dim|.
tn_status tn__infer_reduction_dim(tn_infer *infer, int64_t *dim, bool keepdim);

// Sets the key and result dtype of a sum or product: |*dtype| or, where that is not given, input
// 0's with integers and bool widened to i64; writes it back to |*dtype|.
// errors: INVALID_DTYPE for a bool |*dtype|
tn_status tn__infer_accumulation_dtype(tn_infer *infer, tn_dtype *dtype);

// The dims to hand to another reduction: all of them where |dims| is absent or empty.
tn_ints tn__reduced_dims(tn_ints dims);

// |tensor|, a result or gradient of a reduction of input 0 over |dims|, with dimensions of size 1
// where it was reduced.
tn_tensor *tn__with_reduced_dims(tn_vjp *vjp, tn_tensor *tensor, tn_ints dims, bool keepdim);

// How many elements of input 0 went into each element of result 0.
double tn__reduced_count(tn_vjp *vjp, tn_ints dims);

#endif  // TENON_CORE_OPS_REDUCTION_H_
