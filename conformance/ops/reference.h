// SPDX-License-Identifier: Apache-2.0
//
// reference: what references of several families are written with: reduction dims, and operands as
// functions of indices.

#ifndef TENON_CONFORMANCE_REFERENCE_H_
#define TENON_CONFORMANCE_REFERENCE_H_

#include <math.h>
#include <string.h>
#include <tenon/op_spec.h>

// A dim in [0, ndim) from one in [-ndim, ndim); 0 for a 0-dim operand.
int32_t reference_dim(int64_t dim, int32_t ndim);

// A set of dims from a list: bit d for each. An absent list, or an empty one, means all.
uint32_t reference_dims(tn_ints dims, int32_t ndim);

// The shape of |operand| without the dims of |mask|, or with 1 in their place. Gives the rank.
int32_t reference_reduced(const tn_operand *operand, uint32_t mask, bool keepdim, int64_t *sizes);

// The elements of |operand| sorted by the element of the reduced shape that they belong to, in
// row-major order within each: groups of equal size, one after the other. |count| receives a
// group's size. The caller frees it; NULL when memory is out.
double *reference_groups(const tn_operand *operand, uint32_t mask, int64_t *count);

// Appends a result with |operand|'s shape and |dtype|.
double *reference_like(tn_expected *expected, const tn_operand *operand, tn_dtype dtype);

// The distance from 1 to the next larger value of |dtype|.
double reference_epsilon(tn_dtype dtype);

// Whether |dtype| is an integer or bool.
bool reference_is_whole(tn_dtype dtype);

#endif  // TENON_CONFORMANCE_REFERENCE_H_
