// SPDX-License-Identifier: Apache-2.0
//
// activation_backward: fused gradients of the activations: the arriving gradient times the
// derivative, in one pass. Those that are simple have a gradient of their own; silu's and gelu's
// are composed where one must be recorded, so that second gradients are right without a formula.

#include <string.h>
#include <tenon/ops.h>

#include "activation.h"
#include "op_def.h"
#include "pointwise.h"

// d/d grad_output is the same mask again; in the operand the result is piecewise constant.
static tn_status threshold_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                        tn_tensor **grad_in) {
  const tn_threshold_backward_attrs *attrs = tn_vjp_attrs(vjp);
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = tn_threshold_backward(grad_out[0], tn_vjp_input(vjp, 1), attrs->threshold);
  }
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = tn_zeros_like(grad_out[0]);
  return TN_OK;
}

/// grad_output where self > threshold, else 0, elementwise.
/// grad_output, self: shapes that broadcast, integer or floating. Returns the broadcast shape in
/// the promoted dtype. errors: INVALID_ARGUMENT for shapes that do not broadcast, INVALID_DTYPE for
/// bool and complex. source: ATen `threshold_backward`.
const tn_op_def tn_op_threshold_backward = {
    .schema = "threshold_backward(Tensor grad_output, Tensor self, Scalar threshold) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS,
    .saves = {TN_SAVE_INPUT(1), 0},
    .save_count = 2,
    .vjp = threshold_backward_vjp,
};

static tn_status sigmoid_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                      tn_tensor **grad_in) {
  tn_tensor *output = tn_vjp_input(vjp, 1);
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = tn_sigmoid_backward(grad_out[0], output);
  if (tn_vjp_needs(vjp, 1)) {
    tn_tensor *curvature = tn_add_scalar(tn_mul_scalar(output, -2), 1);
    grad_in[1] = tn_mul(tn_mul(grad_out[0], tn_vjp_input(vjp, 0)), curvature);
  }
  return TN_OK;
}

/// grad_output * y * (1 - y) for y = output, elementwise.
/// grad_output, output: shapes that broadcast, floating. Returns the broadcast shape in the
/// promoted dtype. errors: INVALID_ARGUMENT for shapes that do not broadcast, INVALID_DTYPE unless
/// floating. source: ATen `sigmoid_backward`.
const tn_op_def tn_op_sigmoid_backward = {
    .schema = "sigmoid_backward(Tensor grad_output, Tensor output) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(1), TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 2,
    .vjp = sigmoid_backward_vjp,
};

static tn_status tanh_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *output = tn_vjp_input(vjp, 1);
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = tn_tanh_backward(grad_out[0], output);
  if (tn_vjp_needs(vjp, 1)) {
    tn_tensor *curvature = tn_mul_scalar(output, -2);
    grad_in[1] = tn_mul(tn_mul(grad_out[0], tn_vjp_input(vjp, 0)), curvature);
  }
  return TN_OK;
}

/// grad_output * (1 - y^2) for y = output, elementwise.
/// grad_output, output: shapes that broadcast, floating. Returns the broadcast shape in the
/// promoted dtype. errors: INVALID_ARGUMENT for shapes that do not broadcast, INVALID_DTYPE unless
/// floating. source: ATen `tanh_backward`.
const tn_op_def tn_op_tanh_backward = {
    .schema = "tanh_backward(Tensor grad_output, Tensor output) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(1), TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 2,
    .vjp = tanh_backward_vjp,
};

static tn_status leaky_relu_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                         tn_tensor **grad_in) {
  const tn_leaky_relu_backward_attrs *attrs = tn_vjp_attrs(vjp);
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = tn_leaky_relu_backward(grad_out[0], tn_vjp_input(vjp, 1), attrs->negative_slope,
                                        attrs->self_is_result);
  }
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = tn_zeros_like(grad_out[0]);
  return TN_OK;
}

/// grad_output where self > 0, else negative_slope * grad_output, elementwise. self is leaky_relu's
/// operand or, for a slope that is not negative, its result (self_is_result).
/// grad_output, self: shapes that broadcast, floating. Returns the broadcast shape in the promoted
/// dtype. errors: INVALID_ARGUMENT for shapes that do not broadcast, INVALID_DTYPE unless floating.
/// source: ATen `leaky_relu_backward`.
const tn_op_def tn_op_leaky_relu_backward = {
    // clang-format off
    .schema = "leaky_relu_backward(Tensor grad_output, Tensor self, Scalar negative_slope, bool self_is_result) -> Tensor",
    // clang-format on
    .flags = TN_OP_POINTWISE,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(1), 0},
    .save_count = 2,
    .vjp = leaky_relu_backward_vjp,
};

static tn_status silu_backward_compose(tn_compose *compose) {
  tn_tensor *grad = compose->inputs[0], *self = compose->inputs[1];
  tn_tensor *gate = tn_sigmoid(self);
  tn_tensor *closed = tn_add_scalar(tn_neg(gate), 1);
  tn_tensor *slope = tn_mul(gate, tn_add_scalar(tn_mul(self, closed), 1));
  compose->results[0] = tn_mul(grad, slope);
  return TN_OK;
}

/// grad_output * s (1 + x (1 - s)) for x = self and s = sigmoid(x), elementwise.
/// grad_output, self: shapes that broadcast, floating. Returns the broadcast shape in the promoted
/// dtype. errors: INVALID_ARGUMENT for shapes that do not broadcast, INVALID_DTYPE unless floating.
/// source: ATen `silu_backward`.
const tn_op_def tn_op_silu_backward = {
    .schema = "silu_backward(Tensor grad_output, Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_FLOATING,
    .compose = silu_backward_compose,
};

tn_status tn__gelu_canonical(tn__call *call, const char **approximate) {
  const char *given = *approximate;
  if (given == NULL || strcmp(given, "none") == 0) {
    *approximate = "none";
  } else if (strcmp(given, "tanh") == 0) {
    *approximate = "tanh";
  } else {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "approximate",
                        "\"%s\" is neither \"none\" nor \"tanh\"", given);
  }
  return TN_OK;
}

// Phi(x) + x phi(x), the normal distribution's function and density.
static tn_tensor *gelu_slope(tn_tensor *x) {
  const double root_half = 0.7071067811865476, density_at_0 = 0.3989422804014327;
  tn_tensor *erf = tn_erf(tn_mul_scalar(x, root_half));
  tn_tensor *distribution = tn_mul_scalar(tn_add_scalar(erf, 1), 0.5);
  tn_tensor *density = tn_mul_scalar(tn_exp(tn_mul_scalar(tn_square(x), -0.5)), density_at_0);
  return tn_add(distribution, tn_mul(x, density));
}

// With u = sqrt(2 / pi) (x + a x^3) and t = tanh(u): (1 + t) / 2 + x (1 - t^2) u' / 2.
static tn_tensor *gelu_tanh_slope(tn_tensor *x) {
  const double root = 0.7978845608028654, cubic = 0.044715;
  tn_tensor *square = tn_square(x);
  tn_tensor *u = tn_mul(x, tn_add_scalar(tn_mul_scalar(square, root * cubic), root));
  tn_tensor *u_slope = tn_add_scalar(tn_mul_scalar(square, 3 * root * cubic), root);
  tn_tensor *t = tn_tanh(u);
  tn_tensor *left = tn_mul_scalar(tn_add_scalar(t, 1), 0.5);
  tn_tensor *t_slope = tn_add_scalar(tn_neg(tn_square(t)), 1);
  return tn_add(left, tn_mul_scalar(tn_mul(tn_mul(x, t_slope), u_slope), 0.5));
}

static tn_status gelu_backward_infer(tn_infer *infer) {
  tn_gelu_backward_attrs *attrs = infer->attrs;
  const tn_status status = tn__gelu_canonical(infer->call, &attrs->approximate);
  return status == TN_OK ? tn__infer_pointwise(infer) : status;
}

static tn_status gelu_backward_compose(tn_compose *compose) {
  const tn_gelu_backward_attrs *attrs = compose->attrs;
  const char *approximate = attrs->approximate;
  const tn_status status = tn__gelu_canonical(compose->call, &approximate);
  if (status != TN_OK) return status;
  tn_tensor *grad = compose->inputs[0], *self = compose->inputs[1];
  const bool exact = strcmp(approximate, "none") == 0;
  compose->results[0] = tn_mul(grad, exact ? gelu_slope(self) : gelu_tanh_slope(self));
  return TN_OK;
}

/// grad_output times the derivative of gelu at self, elementwise.
/// grad_output, self: shapes that broadcast, floating. Returns the broadcast shape in the promoted
/// dtype. errors: INVALID_ARGUMENT for another approximate than "none" and "tanh" or for shapes
/// that do not broadcast; INVALID_DTYPE unless floating. source: ATen `gelu_backward`.
const tn_op_def tn_op_gelu_backward = {
    .schema = "gelu_backward(Tensor grad_output, Tensor self, *, str approximate='none') -> Tensor",
    .flags = TN_OP_POINTWISE,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = gelu_backward_infer,
    .compose = gelu_backward_compose,
};
