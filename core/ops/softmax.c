// SPDX-License-Identifier: Apache-2.0
//
// softmax: exp(x_i) / sum_j exp(x_j) along one dimension, and its logarithm. Both save their
// result, from which the gradient follows:
//   softmax:      gx = y (g - sum g y)
//   log_softmax:  gx = g - exp(y) sum g
// The backward operators have these formulas as their composition, which also carries gradients
// of gradients.

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// half_to_float: half precision in, single precision out, computed in single precision.
static tn_status infer_along(tn_infer *infer, int64_t *dim, bool half_to_float) {
  const tn_tensor *self = infer->inputs[0];
  TN_TRY(tn__canonical_dim(infer->call, "dim", dim, self->rank));
  tn__result_like(&infer->results[0], self);
  infer->results[0].dtype = infer->key;
  if (!half_to_float) return TN_OK;
  if (!tn_dtype_in(tn_tensor_dtype(self), TN_DTYPES_HALF)) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, "half_to_float",
                        "expected a float16 or bfloat16 input, not %s",
                        tn_dtype_name(tn_tensor_dtype(self)));
  }
  infer->key = TN_F32;
  infer->results[0].dtype = TN_F32;
  return TN_OK;
}

static tn_status softmax_infer(tn_infer *infer) {
  tn__softmax_attrs *attrs = infer->attrs;
  return infer_along(infer, &attrs->dim, attrs->half_to_float);
}

// The engine casts the gradient from the output's dtype to the input's.
static tn_status softmax_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__softmax_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *output = tn_vjp_output(vjp, 0);
  grad_in[0] =
      tn_aten_softmax_backward_data(grad_out[0], output, attrs->dim, tn_tensor_dtype(output));
  return tn__status_of(grad_in[0]);
}

static tn_tensor *cast_unless(tn_tensor *tensor, tn_dtype dtype) {
  return tensor == NULL || tn_tensor_dtype(tensor) == dtype ? tensor : tn_aten_cast(tensor, dtype);
}

// |self| less its maximum along |dim|, so that exp() cannot overflow.
static tn_tensor *below_maximum(tn_tensor *self, int64_t dim) {
  return tn_sub(self, tn_amax(self, .dim = TN_DIMS(dim), .keepdim = true));
}

static tn_status softmax_by_parts(tn_compose *compose) {
  const tn__softmax_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  if (attrs->half_to_float) {
    compose->results[0] = tn_aten_softmax(cast_unless(self, TN_F32), attrs->dim, false);
  } else if (self->numel == 0) {
    compose->results[0] = tn_clone(self);
  } else {
    tn_tensor *power = tn_exp(below_maximum(self, attrs->dim));
    tn_tensor *sum = tn_sum_dim(power, TN_DIMS(attrs->dim), .keepdim = true);
    compose->results[0] = tn_div(power, sum);
  }
  return tn__status_of(compose->results[0]);
}

/// exp(x_i) / sum_j exp(x_j) along dim, computed without overflow by taking the maximum off first.
/// self: any shape, floating. half_to_float: a float16 or bfloat16 self gives a float32 result.
/// errors: OUT_OF_RANGE for dim; INVALID_DTYPE. source: Bridle 1990; ATen `_softmax`.
const tn_op_def tn_op__softmax = {
    .schema = "_softmax(Tensor self, int dim, bool half_to_float) -> Tensor",
    .dtypes = TN_DTYPES_FLOATING,
    .infer = softmax_infer,
    .compose = softmax_by_parts,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = softmax_vjp,
};

static tn_status log_softmax_infer(tn_infer *infer) {
  tn__log_softmax_attrs *attrs = infer->attrs;
  return infer_along(infer, &attrs->dim, attrs->half_to_float);
}

static tn_status log_softmax_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__log_softmax_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *output = tn_vjp_output(vjp, 0);
  grad_in[0] =
      tn_aten_log_softmax_backward_data(grad_out[0], output, attrs->dim, tn_tensor_dtype(output));
  return tn__status_of(grad_in[0]);
}

static tn_status log_softmax_by_parts(tn_compose *compose) {
  const tn__log_softmax_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  if (attrs->half_to_float) {
    compose->results[0] = tn_aten_log_softmax(cast_unless(self, TN_F32), attrs->dim, false);
  } else if (self->numel == 0) {
    compose->results[0] = tn_clone(self);
  } else {
    tn_tensor *lower = below_maximum(self, attrs->dim);
    tn_tensor *sum = tn_sum_dim(tn_exp(lower), TN_DIMS(attrs->dim), .keepdim = true);
    compose->results[0] = tn_sub(lower, tn_log(sum));
  }
  return tn__status_of(compose->results[0]);
}

/// x_i - log sum_j exp(x_j) along dim, computed without overflow by taking the maximum off first.
/// self: any shape, floating. half_to_float: a float16 or bfloat16 self gives a float32 result.
/// errors: OUT_OF_RANGE for dim; INVALID_DTYPE. source: ATen `_log_softmax`.
const tn_op_def tn_op__log_softmax = {
    .schema = "_log_softmax(Tensor self, int dim, bool half_to_float) -> Tensor",
    .dtypes = TN_DTYPES_FLOATING,
    .infer = log_softmax_infer,
    .compose = log_softmax_by_parts,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = log_softmax_vjp,
};

// ---- backward

static tn_status infer_backward(tn_infer *infer, int64_t *dim, tn_dtype dtype) {
  const tn_tensor *grad = infer->inputs[0], *output = infer->inputs[1];
  TN_TRY(tn__canonical_dim(infer->call, "dim", dim, output->rank));
  bool same = grad->rank == output->rank;
  for (int32_t d = 0; same && d < grad->rank; d++) same = grad->sizes[d] == output->sizes[d];
  if (!same) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad_output",
                        "expected the shape of output");
  }
  if (!tn_dtype_is_floating(dtype)) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, "input_dtype",
                        "expected a floating dtype, not %s", tn_dtype_name(dtype));
  }
  infer->key = dtype;
  tn__result_like(&infer->results[0], output);
  infer->results[0].dtype = dtype;
  return TN_OK;
}

static tn_status softmax_backward_infer(tn_infer *infer) {
  tn__softmax_backward_data_attrs *attrs = infer->attrs;
  return infer_backward(infer, &attrs->dim, attrs->input_dtype);
}

static tn_status softmax_backward_compose(tn_compose *compose) {
  const tn__softmax_backward_data_attrs *attrs = compose->attrs;
  tn_tensor *output = compose->inputs[1], *product = tn_mul(compose->inputs[0], output);
  tn_tensor *sum = tn_sum_dim(product, TN_DIMS(attrs->dim), .keepdim = true);
  tn_tensor *grad = tn_sub(product, tn_mul(output, sum));
  compose->results[0] = cast_unless(grad, attrs->input_dtype);
  return tn__status_of(compose->results[0]);
}

/// The gradient of _softmax() from its output y: y (g - sum g y), the sum along dim.
/// grad_output, output: one shape. Returns that shape in input_dtype, in which it is computed.
/// errors: INVALID_ARGUMENT for shapes; OUT_OF_RANGE for dim; INVALID_DTYPE.
/// source: ATen `_softmax_backward_data`.
// clang-format off
const tn_op_def tn_op__softmax_backward_data = {
    .schema = "_softmax_backward_data(Tensor grad_output, Tensor output, int dim, ScalarType input_dtype) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = softmax_backward_infer,
    .compose = softmax_backward_compose,
};

static tn_status log_softmax_backward_infer(tn_infer *infer) {
  tn__log_softmax_backward_data_attrs *attrs = infer->attrs;
  return infer_backward(infer, &attrs->dim, attrs->input_dtype);
}

static tn_status log_softmax_backward_compose(tn_compose *compose) {
  const tn__log_softmax_backward_data_attrs *attrs = compose->attrs;
  tn_tensor *grad = compose->inputs[0], *softmax = tn_exp(compose->inputs[1]);
  tn_tensor *sum = tn_sum_dim(grad, TN_DIMS(attrs->dim), .keepdim = true);
  compose->results[0] = cast_unless(tn_sub(grad, tn_mul(softmax, sum)), attrs->input_dtype);
  return tn__status_of(compose->results[0]);
}

/// The gradient of _log_softmax() from its output y: g - exp(y) sum g, the sum along dim.
/// grad_output, output: one shape. Returns that shape in input_dtype, in which it is computed.
/// errors: INVALID_ARGUMENT for shapes; OUT_OF_RANGE for dim; INVALID_DTYPE.
/// source: ATen `_log_softmax_backward_data`.
// clang-format off
const tn_op_def tn_op__log_softmax_backward_data = {
    .schema = "_log_softmax_backward_data(Tensor grad_output, Tensor output, int dim, ScalarType input_dtype) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = log_softmax_backward_infer,
    .compose = log_softmax_backward_compose,
};

// ---- the usual faces

// |self| as |dtype|, where that is given.
static tn_tensor *cast_first(tn_tensor *self, tn_dtype dtype) {
  return dtype == TN_DTYPE_NONE ? self : cast_unless(self, dtype);
}

static tn_status softmax_compose(tn_compose *compose) {
  const tn_softmax_int_attrs *attrs = compose->attrs;
  tn_tensor *self = cast_first(compose->inputs[0], attrs->dtype);
  compose->results[0] = tn_aten_softmax(self, attrs->dim, false);
  return tn__status_of(compose->results[0]);
}

/// exp(x_i) / sum_j exp(x_j) along dim, computed without overflow. self: any shape; floating,
/// unless dtype says to cast it first. errors: OUT_OF_RANGE for dim; INVALID_DTYPE. source: Bridle
/// 1990; ATen `softmax.int`.
// clang-format off
const tn_op_def tn_op_softmax_int = {
    .schema = "softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    // clang-format on
    .compose = softmax_compose,
};

static tn_status log_softmax_compose(tn_compose *compose) {
  const tn_log_softmax_int_attrs *attrs = compose->attrs;
  tn_tensor *self = cast_first(compose->inputs[0], attrs->dtype);
  compose->results[0] = tn_aten_log_softmax(self, attrs->dim, false);
  return tn__status_of(compose->results[0]);
}

/// The logarithm of softmax along dim, computed without overflow. self: any shape; floating, unless
/// dtype says to cast it first. errors: OUT_OF_RANGE for dim; INVALID_DTYPE.
/// source: ATen `log_softmax.int`.
// clang-format off
const tn_op_def tn_op_log_softmax_int = {
    .schema = "log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    // clang-format on
    .compose = log_softmax_compose,
};
