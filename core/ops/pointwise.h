// SPDX-License-Identifier: Apache-2.0
//
// pointwise: what several families of pointwise operators share: the sets of dtypes they admit and
// a check of scalar attributes. Every one of them broadcasts its operands, computes in one dtype
// and leaves the summing of a gradient down to a broadcast operand's shape to the engine.

#ifndef TENON_CORE_OPS_POINTWISE_H_
#define TENON_CORE_OPS_POINTWISE_H_

#include "op_def.h"

#define TN__DTYPES_NUMBERS (TN_DTYPES_REAL & ~TN_DTYPE_BIT(TN_BOOL))
#define TN__DTYPES_FIELDS (TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX)
#define TN__DTYPES_BITS (TN_DTYPES_INTEGER | TN_DTYPE_BIT(TN_BOOL))

// Refuses a fractional |scalar| beside operands of an integer |key|, which would be cut without a
// word. errors: INVALID_ARGUMENT
tn_status tn__check_scalar(tn__call *call, const char *argument, tn_scalar scalar, tn_dtype key);

// Whether |scalar| is exactly one, so that multiplying by it may be left out.
bool tn__scalar_is_one(tn_scalar scalar);

// |tensor| times |scalar|; |tensor| itself for a scalar of one.
tn_tensor *tn__scaled(tn_tensor *tensor, tn_scalar scalar);

// |scalar| with the sign of its imaginary part turned: the factor of a complex gradient.
tn_scalar tn__conjugate(tn_scalar scalar);

// The conjugate of a complex |tensor|; a real one, or NULL, is itself.
tn_tensor *tn__conj(tn_tensor *tensor);

// |grad| times the conjugate of |slope|, and |grad| over it: how a gradient goes back through a
// function with that derivative. Real tensors are their own conjugates.
tn_tensor *tn__times_conj(tn_tensor *grad, tn_tensor *slope);
tn_tensor *tn__over_conj(tn_tensor *grad, tn_tensor *slope);

// The gradient of an operator that is constant wherever it is differentiable: zeros.
tn_status tn__zero_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in);

#endif  // TENON_CORE_OPS_POINTWISE_H_
