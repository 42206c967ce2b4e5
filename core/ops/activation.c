// SPDX-License-Identifier: Apache-2.0
//
// activation: the nonlinearities of neural networks. Each has a fused gradient among the operators
// in activation_backward.c; relu and sigmoid save their result, which most networks keep anyway as
// the next layer's input, the others their input.

#include <tenon/ops.h>

#include "activation.h"
#include "op_def.h"
#include "pointwise.h"

static tn_status relu_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_threshold_backward(grad_out[0], tn_vjp_output(vjp, 0), 0);
  return TN_OK;
}

/// max(x, 0), elementwise; NaN stays NaN.
/// self: any shape, integer or floating. Returns self's shape and dtype.
/// gradient: 1 where x > 0, else 0. errors: INVALID_DTYPE for bool and complex.
/// source: Nair and Hinton 2010; ATen `relu`.
const tn_op_def tn_op_relu = {
    .schema = "relu(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN__DTYPES_NUMBERS,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = relu_vjp,
};

static tn_status sigmoid_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_sigmoid_backward(grad_out[0], tn_vjp_output(vjp, 0));
  return TN_OK;
}

/// The logistic function 1 / (1 + exp(-x)), elementwise.
/// self: any shape, any real dtype. Returns self's shape; integers and bool become the default
/// float dtype. gradient: y (1 - y). errors: INVALID_DTYPE for complex. source: ATen `sigmoid`.
const tn_op_def tn_op_sigmoid = {
    .schema = "sigmoid(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = sigmoid_vjp,
};

static tn_status silu_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_silu_backward(grad_out[0], tn_vjp_input(vjp, 0));
  return TN_OK;
}

/// x * sigmoid(x), elementwise (swish).
/// self: any shape, floating. Returns self's shape and dtype.
/// gradient: s (1 + x (1 - s)), s = sigmoid(x). errors: INVALID_DTYPE unless floating.
/// source: Elfwing et al. 2018, arXiv:1702.03118; ATen `silu`.
const tn_op_def tn_op_silu = {
    .schema = "silu(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = silu_vjp,
};

static tn_status gelu_infer(tn_infer *infer) {
  tn_gelu_attrs *attrs = infer->attrs;
  const tn_status status = tn__gelu_canonical(infer->call, &attrs->approximate);
  return status == TN_OK ? tn__infer_pointwise(infer) : status;
}

static tn_status gelu_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_gelu_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] =
      tn_gelu_backward(grad_out[0], tn_vjp_input(vjp, 0), .approximate = attrs->approximate);
  return TN_OK;
}

/// x * Phi(x) with the normal distribution function Phi, elementwise; with approximate "tanh",
/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
/// self: any shape, floating. Returns self's shape and dtype.
/// errors: INVALID_ARGUMENT for another approximate than "none" and "tanh"; INVALID_DTYPE unless
/// floating. source: Hendrycks and Gimpel 2016, arXiv:1606.08415; ATen `gelu`.
const tn_op_def tn_op_gelu = {
    .schema = "gelu(Tensor self, *, str approximate='none') -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = gelu_infer,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = gelu_vjp,
};

static tn_status leaky_relu_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_leaky_relu_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] =
      tn_leaky_relu_backward(grad_out[0], tn_vjp_input(vjp, 0), attrs->negative_slope, false);
  return TN_OK;
}

/// x where x > 0, negative_slope * x elsewhere.
/// self: any shape, floating. Returns self's shape and dtype.
/// gradient: 1 where x > 0, else negative_slope. errors: INVALID_DTYPE unless floating.
/// source: Maas et al. 2013; ATen `leaky_relu`.
const tn_op_def tn_op_leaky_relu = {
    .schema = "leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = leaky_relu_vjp,
};
