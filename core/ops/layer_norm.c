// SPDX-License-Identifier: Apache-2.0
//
// layer_norm: y = (x - mean) * rstd * weight + bias, mean and rstd over the last dimensions. Mean
// and rstd are results: the backward operator takes them as operands of their own, and what reaches
// them through its gradient is passed on here, so that second gradients are those of the whole.

#include <inttypes.h>
#include <tenon/ops.h>

#include "norm.h"
#include "shapes.h"
#include "tensor_impl.h"

// The input's last dimensions must be |normalized|, of which there is at least one.
static tn_status check_normalized(tn__call *call, const tn_tensor *input, tn_ints normalized) {
  if (normalized.count < 1) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "normalized_shape",
                        "expected at least 1 dimension");
  }
  bool fits = normalized.count <= input->rank;
  for (int64_t d = 0; fits && d < normalized.count; d++) {
    fits = input->sizes[input->rank - normalized.count + d] == normalized.data[d];
  }
  if (fits) return TN_OK;
  return tn__op_error(call, TN_INVALID_ARGUMENT, "normalized_shape",
                      "the input's last %" PRId64 " dimensions have other sizes", normalized.count);
}

// The input's sizes with 1 for what is normalised.
static tn_ints statistics_shape(const tn_tensor *input, tn_ints normalized, int64_t *sizes) {
  for (int32_t d = 0; d < input->rank; d++) {
    sizes[d] = d < input->rank - normalized.count ? input->sizes[d] : 1;
  }
  return tn_ints_of(sizes, input->rank);
}

static tn_status layer_norm_infer(tn_infer *infer) {
  const tn_native_layer_norm_attrs *attrs = infer->attrs;
  const tn_tensor *input = infer->inputs[0];
  int64_t sizes[TN_MAX_DIMS];
  TN_TRY(check_normalized(infer->call, input, attrs->normalized_shape));
  TN_TRY(tn__expect_norm_operand(infer, 1, "weight", attrs->normalized_shape));
  TN_TRY(tn__expect_norm_operand(infer, 2, "bias", attrs->normalized_shape));
  tn_ints statistics = statistics_shape(input, attrs->normalized_shape, sizes);
  TN_TRY(tn__result_shape(infer, 0, tn_tensor_shape(input)));
  for (int32_t k = 1; k < 3; k++) {
    infer->results[k].dtype = tn__statistics_dtype(infer->key);
    TN_TRY(tn__result_shape(infer, k, statistics));
  }
  return TN_OK;
}

// Dims [first, first + count).
static tn_ints dims_from(int64_t *dims, int64_t first, int64_t count) {
  for (int64_t d = 0; d < count; d++) dims[d] = first + d;
  return tn_ints_of(dims, count);
}

static tn_status layer_norm_parts(tn_compose *compose) {
  const tn_native_layer_norm_attrs *attrs = compose->attrs;
  tn_dtype key = compose->inputs[0]->dtype, wide = tn__statistics_dtype(key);
  tn_tensor *input = tn__in_dtype(compose->inputs[0], wide);
  int64_t dims[TN_MAX_DIMS], inner = attrs->normalized_shape.count;
  tn__normal n =
      tn__normalise(input, dims_from(dims, compose->inputs[0]->rank - inner, inner), attrs->eps);
  compose->results[0] = tn__norm_affine(n.normal, tn__in_dtype(compose->inputs[1], wide),
                                        tn__in_dtype(compose->inputs[2], wide), key);
  compose->results[1] = n.mean;
  compose->results[2] = n.rstd;
  return tn__status_of(compose->results[0]);
}

static double normalized_count(tn_ints normalized) {
  double count = 1;
  for (int64_t d = 0; d < normalized.count; d++) count *= (double)normalized.data[d];
  return count;
}

static tn_status layer_norm_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_native_layer_norm_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *input = tn_vjp_input(vjp, 0), *mean = tn_vjp_output(vjp, 1);
  tn_tensor *rstd = tn_vjp_output(vjp, 2);
  if (grad_out[0] != TN_NONE) {
    tn_tensor *grads[2];
    tn_ints mask = TN_INTS(tn_vjp_needs(vjp, 0), tn_vjp_needs(vjp, 1), tn_vjp_needs(vjp, 2));
    tn_tensor *grad_input =
        tn_native_layer_norm_backward(grad_out[0], input, attrs->normalized_shape, mean, rstd,
                                      tn_vjp_input(vjp, 1), TN_NONE, mask, &grads[0], &grads[1]);
    TN_TRY(tn__status_of(grad_input));
    if (tn_vjp_needs(vjp, 0)) grad_in[0] = grad_input;
    for (int32_t k = 0; k < 2; k++) {
      if (tn_vjp_needs(vjp, 1 + k)) grad_in[1 + k] = grads[k];
    }
  }
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  tn_tensor *more = tn__norm_statistics_gradient(input, mean, rstd, grad_out[1], grad_out[2],
                                                 normalized_count(attrs->normalized_shape));
  grad_in[0] = tn__sum_of_gradients(grad_in[0], more);
  return tn__status_of(grad_in[0]);
}

/// result0 = (input - mean) * rstd * weight + bias, where result1 is the mean and result2 is rstd =
/// 1 / sqrt(variance + eps), the variance without a correction, over the last dimensions, whose
/// sizes are normalized_shape. input: [*, normalized_shape], floating; weight, bias: of
/// normalized_shape or absent, in input's dtype, or float32 for a half input. Returns input's shape
/// and dtype; the statistics have 1 in place of what is normalised, and are float32 for a half
/// input. errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE.
/// source: Ba, Kiros and Hinton 2016; ATen `native_layer_norm`.
// clang-format off
const tn_op_def tn_op_native_layer_norm = {
    .schema = "native_layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = layer_norm_infer,
    .compose = layer_norm_parts,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_OUTPUT(1) | TN_SAVE_OUTPUT(2)},
    .save_count = 1,
    .vjp = layer_norm_vjp,
};

// ---- its gradients

static tn_status layer_norm_backward_infer(tn_infer *infer) {
  const tn_native_layer_norm_backward_attrs *attrs = infer->attrs;
  const tn_tensor *input = infer->inputs[1];
  int64_t sizes[TN_MAX_DIMS];
  tn_ints normalized = attrs->normalized_shape;
  TN_TRY(check_normalized(infer->call, input, normalized));
  tn_ints statistics = statistics_shape(input, normalized, sizes);
  TN_TRY(tn__expect_norm_operand(infer, 0, "grad_out", tn_tensor_shape(input)));
  TN_TRY(tn__expect_norm_operand(infer, 2, "mean", statistics));
  TN_TRY(tn__expect_norm_operand(infer, 3, "rstd", statistics));
  TN_TRY(tn__expect_norm_operand(infer, 4, "weight", normalized));
  TN_TRY(tn__expect_norm_operand(infer, 5, "bias", normalized));
  TN_TRY(tn__expect_norm_mask(infer->call, attrs->output_mask));
  for (int32_t k = 0; k < 3; k++) {
    tn_ints whole = k == 0 ? tn_tensor_shape(input) : normalized;
    const tn_tensor *weight = infer->inputs[4];
    if (k > 0 && !tn__is_none(weight)) infer->results[k].dtype = weight->dtype;
    TN_TRY(tn__result_shape(infer, k, attrs->output_mask.data[k] != 0 ? whole : TN_SHAPE(0)));
  }
  return TN_OK;
}

static tn_status layer_norm_backward_compose(tn_compose *compose) {
  const tn_native_layer_norm_backward_attrs *attrs = compose->attrs;
  tn_dtype key = compose->inputs[0]->dtype, wide = tn__statistics_dtype(key);
  tn_tensor *grad = tn__in_dtype(compose->inputs[0], wide);
  tn_tensor *input = tn__in_dtype(compose->inputs[1], wide);
  tn_tensor *weight = tn__in_dtype(compose->inputs[4], wide), *rstd = compose->inputs[3];
  tn_tensor *normal = tn_mul(tn_sub(input, compose->inputs[2]), rstd);
  int64_t dims[TN_MAX_DIMS], inner = attrs->normalized_shape.count;
  int64_t outer = compose->inputs[1]->rank - inner;
  tn_tensor *scaled = tn__is_none(weight) ? grad : tn_mul(grad, weight);
  tn_tensor *grad_input =
      tn__norm_input_gradient(scaled, normal, rstd, dims_from(dims, outer, inner));
  TN_TRY(tn__put_norm_gradient(compose, 0, attrs->output_mask, grad_input, key));
  tn_ints leading = dims_from(dims, 0, outer);
  tn_tensor *product = tn_mul(grad, normal);
  tn_tensor *grad_weight = outer == 0 ? product : tn_sum_dim(product, leading);
  tn_tensor *grad_bias = outer == 0 ? grad : tn_sum_dim(grad, leading);
  tn_dtype own = tn__is_none(compose->inputs[4]) ? key : compose->inputs[4]->dtype;
  TN_TRY(tn__put_norm_gradient(compose, 1, attrs->output_mask, grad_weight, own));
  return tn__put_norm_gradient(compose, 2, attrs->output_mask, grad_bias, own);
}

/// The gradients of native_layer_norm() for its input, weight and bias, as far as output_mask asks
/// for them; what it does not ask for is a tensor of shape [0]. mean and rstd are taken as they are
/// given. grad_out, input: one shape; mean, rstd: the statistics of the forward call; weight, bias:
/// normalized_shape or absent, of which bias is not read; output_mask: three truth values.
/// errors: as native_layer_norm; INVALID_ARGUMENT for the mask.
/// source: ATen `native_layer_norm_backward`.
// clang-format off
const tn_op_def tn_op_native_layer_norm_backward = {
    .schema = "native_layer_norm_backward(Tensor grad_out, Tensor input, int[] normalized_shape, Tensor mean, Tensor rstd, Tensor? weight, Tensor? bias, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = layer_norm_backward_infer,
    .compose = layer_norm_backward_compose,
};

// ---- the usual face

static tn_status layer_norm_compose(tn_compose *compose) {
  const tn_layer_norm_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_native_layer_norm(compose->inputs[0], attrs->normalized_shape, compose->inputs[1],
                           compose->inputs[2], attrs->eps, NULL, NULL);
  return tn__status_of(compose->results[0]);
}

/// (input - mean) / sqrt(variance + eps) * weight + bias, mean and variance over the last
/// dimensions, as native_layer_norm() without the statistics. cudnn_enable: no meaning here.
/// errors: as native_layer_norm. source: ATen `layer_norm`.
// clang-format off
const tn_op_def tn_op_layer_norm = {
    .schema = "layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enable=True) -> Tensor",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2,
    .compose = layer_norm_compose,
};
