// SPDX-License-Identifier: Apache-2.0
//
// group_norm: y = (x - mean) * rstd * weight + bias, one mean and rstd for each group of channels
// of each sample, one weight and bias for each channel. As in layer_norm, what reaches the
// statistics is passed on.

#include <inttypes.h>
#include <tenon/ops.h>

#include "norm.h"
#include "shapes.h"
#include "tensor_impl.h"

typedef struct groups {
  int64_t samples, channels, space, count;
} groups;

static tn_status check_groups(tn_infer *infer, int32_t at, const groups *g) {
  const tn_tensor *input = infer->inputs[at];
  if (g->count < 1 || g->channels < 0 || g->channels % g->count != 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "group",
                        "%" PRId64 " channels cannot be split into %" PRId64 " groups", g->channels,
                        g->count);
  }
  int64_t numel;
  TN_TRY(
      tn__checked_numel(infer->call, "HxW", TN_SHAPE(g->samples, g->channels, g->space), &numel));
  if (numel == input->numel) return TN_OK;
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "input",
                      "expected N * C * HxW = %" PRId64 " elements, not %" PRId64, numel,
                      input->numel);
}

static tn_status group_norm_infer(tn_infer *infer) {
  const tn_native_group_norm_attrs *attrs = infer->attrs;
  groups g = {attrs->N, attrs->C, attrs->HxW, attrs->group};
  TN_TRY(check_groups(infer, 0, &g));
  TN_TRY(tn__expect_norm_operand(infer, 1, "weight", TN_SHAPE(g.channels)));
  TN_TRY(tn__expect_norm_operand(infer, 2, "bias", TN_SHAPE(g.channels)));
  tn__result_like(&infer->results[0], infer->inputs[0]);
  for (int32_t k = 1; k < 3; k++) {
    infer->results[k].dtype = tn__statistics_dtype(infer->key);
    TN_TRY(tn__result_shape(infer, k, TN_SHAPE(g.samples, g.count)));
  }
  return TN_OK;
}

// |tensor| as [N, group, C / group, HxW], where a channel or a group may stand for all it holds.
static tn_tensor *by_group(tn_tensor *tensor, int64_t n, int64_t group, int64_t channels,
                           int64_t space) {
  if (tensor == NULL || tn__is_none(tensor)) return tensor;
  return tn_reshape(tensor, TN_SHAPE(n, group, channels, space));
}

static tn_status group_norm_parts(tn_compose *compose) {
  const tn_native_group_norm_attrs *attrs = compose->attrs;
  tn_dtype key = compose->inputs[0]->dtype, wide = tn__statistics_dtype(key);
  int64_t n = attrs->N, group = attrs->group, channels = attrs->C / group;
  tn_tensor *input = tn__in_dtype(compose->inputs[0], wide);
  tn__normal normal =
      tn__normalise(by_group(input, n, group, channels, attrs->HxW), TN_DIMS(2, 3), attrs->eps);
  tn_tensor *weight = by_group(tn__in_dtype(compose->inputs[1], wide), 1, group, channels, 1);
  tn_tensor *bias = by_group(tn__in_dtype(compose->inputs[2], wide), 1, group, channels, 1);
  tn_tensor *result = tn__norm_affine(normal.normal, weight, bias, key);
  compose->results[0] = tn_reshape(result, tn_tensor_shape(compose->inputs[0]));
  compose->results[1] = tn_reshape(normal.mean, TN_SHAPE(n, group));
  compose->results[2] = tn_reshape(normal.rstd, TN_SHAPE(n, group));
  return tn__status_of(compose->results[0]);
}

static tn_status group_norm_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_native_group_norm_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *input = tn_vjp_input(vjp, 0), *mean = tn_vjp_output(vjp, 1);
  tn_tensor *rstd = tn_vjp_output(vjp, 2);
  int64_t n = attrs->N, group = attrs->group, channels = attrs->C / group;
  if (grad_out[0] != TN_NONE) {
    tn_tensor *grads[2];
    tn_ints mask = TN_INTS(tn_vjp_needs(vjp, 0), tn_vjp_needs(vjp, 1), tn_vjp_needs(vjp, 2));
    tn_tensor *grad_input =
        tn_native_group_norm_backward(grad_out[0], input, mean, rstd, tn_vjp_input(vjp, 1), n,
                                      attrs->C, attrs->HxW, group, mask, &grads[0], &grads[1]);
    TN_TRY(tn__status_of(grad_input));
    if (tn_vjp_needs(vjp, 0)) grad_in[0] = grad_input;
    for (int32_t k = 0; k < 2; k++) {
      if (tn_vjp_needs(vjp, 1 + k)) grad_in[1 + k] = grads[k];
    }
  }
  if (!tn_vjp_needs(vjp, 0) || (grad_out[1] == TN_NONE && grad_out[2] == TN_NONE)) return TN_OK;
  tn_tensor *more = tn__norm_statistics_gradient(
      by_group(input, n, group, channels, attrs->HxW), by_group(mean, n, group, 1, 1),
      by_group(rstd, n, group, 1, 1), by_group(grad_out[1], n, group, 1, 1),
      by_group(grad_out[2], n, group, 1, 1), (double)channels * (double)attrs->HxW);
  more = tn_reshape(more, tn_vjp_input_sizes(vjp, 0));
  grad_in[0] = tn__sum_of_gradients(grad_in[0], more);
  return tn__status_of(grad_in[0]);
}

/// result0 = (input - mean) * rstd * weight + bias, where result1 is the mean and result2 is rstd =
/// 1 / sqrt(variance + eps), the variance without a correction, over each sample's group of C /
/// group channels. input: N * C * HxW elements in this order, floating; weight, bias: [C] or
/// absent, in input's dtype, or float32 for a half input. Returns input's shape and dtype, and
/// statistics of [N, group], float32 for a half input. errors: INVALID_ARGUMENT for sizes or
/// groups; INVALID_DTYPE. source: Wu and He 2018; ATen `native_group_norm`.
// clang-format off
const tn_op_def tn_op_native_group_norm = {
    .schema = "native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int HxW, int group, float eps) -> (Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = group_norm_infer,
    .compose = group_norm_parts,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_OUTPUT(1) | TN_SAVE_OUTPUT(2)},
    .save_count = 1,
    .vjp = group_norm_vjp,
};

// ---- its gradients

static tn_status group_norm_backward_infer(tn_infer *infer) {
  const tn_native_group_norm_backward_attrs *attrs = infer->attrs;
  const tn_tensor *input = infer->inputs[1], *weight = infer->inputs[4];
  groups g = {attrs->N, attrs->C, attrs->HxW, attrs->group};
  TN_TRY(check_groups(infer, 1, &g));
  TN_TRY(tn__expect_norm_operand(infer, 0, "grad_out", tn_tensor_shape(input)));
  TN_TRY(tn__expect_norm_operand(infer, 2, "mean", TN_SHAPE(g.samples, g.count)));
  TN_TRY(tn__expect_norm_operand(infer, 3, "rstd", TN_SHAPE(g.samples, g.count)));
  TN_TRY(tn__expect_norm_operand(infer, 4, "weight", TN_SHAPE(g.channels)));
  TN_TRY(tn__expect_norm_mask(infer->call, attrs->output_mask));
  for (int32_t k = 0; k < 3; k++) {
    tn_ints whole = k == 0 ? tn_tensor_shape(input) : TN_SHAPE(g.channels);
    if (k > 0 && !tn__is_none(weight)) infer->results[k].dtype = weight->dtype;
    TN_TRY(tn__result_shape(infer, k, attrs->output_mask.data[k] != 0 ? whole : TN_SHAPE(0)));
  }
  return TN_OK;
}

static tn_status group_norm_backward_compose(tn_compose *compose) {
  const tn_native_group_norm_backward_attrs *attrs = compose->attrs;
  tn_dtype key = compose->inputs[0]->dtype, wide = tn__statistics_dtype(key);
  int64_t n = attrs->N, group = attrs->group, channels = attrs->C / group, space = attrs->HxW;
  tn_tensor *grad = by_group(tn__in_dtype(compose->inputs[0], wide), n, group, channels, space);
  tn_tensor *input = by_group(tn__in_dtype(compose->inputs[1], wide), n, group, channels, space);
  tn_tensor *mean = by_group(compose->inputs[2], n, group, 1, 1);
  tn_tensor *rstd = by_group(compose->inputs[3], n, group, 1, 1);
  tn_tensor *weight = by_group(tn__in_dtype(compose->inputs[4], wide), 1, group, channels, 1);
  tn_tensor *normal = tn_mul(tn_sub(input, mean), rstd);
  tn_tensor *scaled = tn__is_none(weight) ? grad : tn_mul(grad, weight);
  tn_tensor *grad_input = tn__norm_input_gradient(scaled, normal, rstd, TN_DIMS(2, 3));
  grad_input = tn_reshape(grad_input, tn_tensor_shape(compose->inputs[1]));
  TN_TRY(tn__put_norm_gradient(compose, 0, attrs->output_mask, grad_input, key));
  tn_tensor *sums[2] = {tn_sum_dim(tn_mul(grad, normal), TN_DIMS(0, 3)),
                        tn_sum_dim(grad, TN_DIMS(0, 3))};
  tn_dtype own = tn__is_none(compose->inputs[4]) ? key : compose->inputs[4]->dtype;
  for (int32_t k = 0; k < 2; k++) {
    tn_tensor *flat = tn_reshape(sums[k], TN_SHAPE(attrs->C));
    TN_TRY(tn__put_norm_gradient(compose, 1 + k, attrs->output_mask, flat, own));
  }
  return TN_OK;
}

/// The gradients of native_group_norm() for its input, weight and bias, as far as output_mask asks
/// for them; what it does not ask for is a tensor of shape [0]. mean and rstd are taken as they are
/// given. grad_out, input: one shape; mean, rstd: [N, group], as the forward call gave them;
/// weight: [C] or absent. errors: as native_group_norm; INVALID_ARGUMENT for the mask.
/// source: ATen `native_group_norm_backward`.
// clang-format off
const tn_op_def tn_op_native_group_norm_backward = {
    .schema = "native_group_norm_backward(Tensor grad_out, Tensor input, Tensor mean, Tensor rstd, Tensor? weight, int N, int C, int HxW, int group, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 2 | 1u << 3 | 1u << 4,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = group_norm_backward_infer,
    .compose = group_norm_backward_compose,
};

// ---- the usual face

static tn_status group_norm_compose(tn_compose *compose) {
  const tn_group_norm_attrs *attrs = compose->attrs;
  tn_tensor *input = compose->inputs[0];
  if (input->rank < 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "input",
                        "expected at least 2 dimensions, [N, C, *], not %d", (int)input->rank);
  }
  int64_t space = 1;
  for (int32_t d = 2; d < input->rank; d++) space *= input->sizes[d];
  if (attrs->num_groups < 1 || input->sizes[1] % attrs->num_groups != 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "num_groups",
                        "%" PRId64 " channels cannot be split into %" PRId64 " groups",
                        input->sizes[1], attrs->num_groups);
  }
  compose->results[0] =
      tn_native_group_norm(input, compose->inputs[1], compose->inputs[2], input->sizes[0],
                           input->sizes[1], space, attrs->num_groups, attrs->eps, NULL, NULL);
  return tn__status_of(compose->results[0]);
}

/// (input - mean) / sqrt(variance + eps) * weight + bias, mean and variance over each sample's
/// group of channels. input: [N, C, *], floating; num_groups: divides C; weight, bias: [C] or
/// absent. cudnn_enabled: no meaning here. errors: as native_group_norm. source: ATen `group_norm`.
// clang-format off
const tn_op_def tn_op_group_norm = {
    .schema = "group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enabled=True) -> Tensor",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2,
    .compose = group_norm_compose,
};
