// SPDX-License-Identifier: Apache-2.0
//
// roots: the square and its inverses: square root, its reciprocal, and the reciprocal. Where the
// result alone gives the derivative, the result is what is saved, so that the input may go.

#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

static tn_status square_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn__times_conj(grad_out[0], tn_mul_scalar(tn_vjp_input(vjp, 0), 2));
  return TN_OK;
}

/// The square x * x, elementwise.
/// self: any shape, any dtype but bool. Returns self's shape and dtype. gradient: 2 x. errors:
/// INVALID_DTYPE for bool. source: ATen `square`.
const tn_op_def tn_op_square = {
    .schema = "square(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN__DTYPES_NUMBERS | TN_DTYPES_COMPLEX,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = square_vjp,
};

static tn_status sqrt_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn__over_conj(grad_out[0], tn_mul_scalar(tn_vjp_output(vjp, 0), 2));
  return TN_OK;
}

/// The square root, elementwise; NaN for a real x below 0.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: 1 / (2 sqrt(x)). errors: INVALID_DTYPE for complex.
/// source: ATen `sqrt`.
const tn_op_def tn_op_sqrt = {
    .schema = "sqrt(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = sqrt_vjp,
};

static tn_status rsqrt_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *result = tn_vjp_output(vjp, 0);
  tn_tensor *cube = tn_mul(tn_mul(result, result), result);
  grad_in[0] = tn__times_conj(grad_out[0], tn_mul_scalar(cube, -0.5));
  return TN_OK;
}

/// The reciprocal of the square root 1 / sqrt(x), elementwise; infinite at 0, NaN for a real x
/// below. self: any shape, any real dtype. Returns self's shape; integers and bool become the
/// default float dtype. gradient: -1/2 x^(-3/2). errors: INVALID_DTYPE for complex. source: ATen
/// `rsqrt`.
const tn_op_def tn_op_rsqrt = {
    .schema = "rsqrt(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = rsqrt_vjp,
};

static tn_status reciprocal_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *result = tn_vjp_output(vjp, 0);
  grad_in[0] = tn_neg(tn__times_conj(grad_out[0], tn_mul(result, result)));
  return TN_OK;
}

/// The reciprocal 1 / x, elementwise; infinite at 0.
/// self: any shape, any dtype. Returns self's shape; integers and bool become the default float
/// dtype. gradient: -1 / x^2. source: ATen `reciprocal`.
const tn_op_def tn_op_reciprocal = {
    .schema = "reciprocal(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN__DTYPES_FIELDS,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = reciprocal_vjp,
};
