// SPDX-License-Identifier: Apache-2.0
//
// exponential: exp and log, and their companions expm1 and log1p that stay exact near 0. The
// exponentials' derivatives come from their results, which is what they save.

#include <tenon/ops.h>

#include "op_def.h"

static tn_status exp_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_mul(grad_out[0], tn_vjp_output(vjp, 0));
  return TN_OK;
}

/// The exponential e^x, elementwise.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: e^x. errors: INVALID_DTYPE for complex. source: ATen `exp`.
const tn_op_def tn_op_exp = {
    .schema = "exp(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = exp_vjp,
};

static tn_status expm1_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_mul(grad_out[0], tn_add_scalar(tn_vjp_output(vjp, 0), 1));
  return TN_OK;
}

/// e^x - 1 without the cancellation near 0, elementwise.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: e^x. errors: INVALID_DTYPE for complex. source: ATen `expm1`.
const tn_op_def tn_op_expm1 = {
    .schema = "expm1(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = expm1_vjp,
};

static tn_status log_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_div(grad_out[0], tn_vjp_input(vjp, 0));
  return TN_OK;
}

/// The natural logarithm, elementwise; -inf at 0, NaN below.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: 1 / x. errors: INVALID_DTYPE for complex. source: ATen `log`.
const tn_op_def tn_op_log = {
    .schema = "log(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = log_vjp,
};

static tn_status log1p_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_div(grad_out[0], tn_add_scalar(tn_vjp_input(vjp, 0), 1));
  return TN_OK;
}

/// log(1 + x) without the cancellation near 0, elementwise; -inf at -1, NaN below.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: 1 / (1 + x). errors: INVALID_DTYPE for complex. source: ATen `log1p`.
const tn_op_def tn_op_log1p = {
    .schema = "log1p(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = log1p_vjp,
};
