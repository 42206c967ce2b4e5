// SPDX-License-Identifier: Apache-2.0
//
// trigonometric: sine, cosine, the hyperbolic tangent and the error function. tanh's gradient is
// the fused tanh_backward, which needs the result alone.

#include <tenon/ops.h>

#include "op_def.h"

static tn_status sin_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_mul(grad_out[0], tn_cos(tn_vjp_input(vjp, 0)));
  return TN_OK;
}

/// The sine of x in radians, elementwise.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: cos(x). errors: INVALID_DTYPE for complex. source: ATen `sin`.
const tn_op_def tn_op_sin = {
    .schema = "sin(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = sin_vjp,
};

static tn_status cos_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_neg(tn_mul(grad_out[0], tn_sin(tn_vjp_input(vjp, 0))));
  return TN_OK;
}

/// The cosine of x in radians, elementwise.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: -sin(x). errors: INVALID_DTYPE for complex. source: ATen `cos`.
const tn_op_def tn_op_cos = {
    .schema = "cos(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = cos_vjp,
};

static tn_status tanh_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_tanh_backward(grad_out[0], tn_vjp_output(vjp, 0));
  return TN_OK;
}

/// The hyperbolic tangent, elementwise.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: 1 - tanh(x)^2. errors: INVALID_DTYPE for complex. source: ATen `tanh`.
const tn_op_def tn_op_tanh = {
    .schema = "tanh(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = tanh_vjp,
};

static tn_status erf_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const double two_over_root_pi = 1.1283791670955126;
  tn_tensor *density = tn_exp(tn_neg(tn_square(tn_vjp_input(vjp, 0))));
  grad_in[0] = tn_mul(grad_out[0], tn_mul_scalar(density, two_over_root_pi));
  return TN_OK;
}

/// The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x, elementwise.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: 2 / sqrt(pi) * exp(-x^2). errors: INVALID_DTYPE for complex.
/// source: ATen `erf`.
const tn_op_def tn_op_erf = {
    .schema = "erf(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = erf_vjp,
};
