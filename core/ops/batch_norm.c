// SPDX-License-Identifier: Apache-2.0
//
// batch_norm: y = (x - mean) * invstd * weight + bias, one mean and invstd for each channel, from
// the batch or from running statistics. Kernels never write an operand: the functional form gives
// the new running statistics as results, and the forms whose schemas say (a!) copy them back,
// unrecorded, as an in-place operator would.

#include <inttypes.h>
#include <tenon/autograd.h>
#include <tenon/ops.h>

#include "norm.h"
#include "shapes.h"
#include "tensor_impl.h"

static tn_status check_input(tn_infer *infer, int32_t at) {
  const tn_tensor *input = infer->inputs[at];
  if (input->rank >= 2) return TN_OK;
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "input",
                      "expected at least 2 dimensions, [N, C, *], not %d", (int)input->rank);
}

// Inputs [first, first + count) must be [C], where given.
static tn_status check_parameters(tn_infer *infer, int64_t channels, int32_t first, int32_t count,
                                  const char *const *names) {
  for (int32_t i = 0; i < count; i++) {
    TN_TRY(tn__expect_norm_operand(infer, first + i, names[i], TN_SHAPE(channels)));
  }
  return TN_OK;
}

static const char *const parameter_names[] = {"weight", "bias", "running_mean", "running_var"};

static tn_status infer_batch_norm(tn_infer *infer, int32_t parameters, bool training) {
  TN_TRY(check_input(infer, 0));
  const tn_tensor *input = infer->inputs[0];
  int64_t channels = input->sizes[1];
  TN_TRY(check_parameters(infer, channels, 1, parameters, parameter_names));
  TN_TRY(tn__result_shape(infer, 0, tn_tensor_shape(input)));
  for (int32_t k = 1; k < 3; k++) {
    infer->results[k].dtype = tn__statistics_dtype(infer->key);
    TN_TRY(tn__result_shape(infer, k, TN_SHAPE(training ? channels : 0)));
  }
  return TN_OK;
}

// ---- vjps

// |tensor|, [C], shaped to stand beside an input of |rank| dimensions.
static tn_tensor *by_channel(tn_tensor *tensor, int64_t rank) {
  if (tensor == NULL || tn__is_none(tensor)) return tensor;
  int64_t sizes[TN_MAX_DIMS];
  for (int64_t d = 0; d < rank; d++) sizes[d] = d == 1 ? tn_tensor_numel(tensor) : 1;
  return tn_reshape(tensor, tn_ints_of(sizes, rank));
}

// Every dim but the channels'.
static tn_ints other_dims(int64_t *dims, int64_t rank) {
  dims[0] = 0;
  for (int64_t d = 2; d < rank; d++) dims[d - 1] = d;
  return tn_ints_of(dims, rank - 1);
}

static double count_of(tn_ints sizes) {
  double count = 1;
  for (int64_t d = 0; d < sizes.count; d++) count *= d == 1 ? 1.0 : (double)sizes.data[d];
  return count;
}

// What a call's vjp needs of its operands; absent ones are TN_NONE.
typedef struct operands {
  tn_tensor *input, *weight, *running_mean, *running_var, *mean, *invstd;
  bool training;
  double eps;
} operands;

// The gradients that come through the normalised result.
static tn_status result_gradients(tn_vjp *vjp, tn_tensor *grad, const operands *o,
                                  tn_tensor **grad_in) {
  if (grad == TN_NONE) return TN_OK;
  tn_tensor *grads[2];
  tn_ints mask = TN_INTS(tn_vjp_needs(vjp, 0), tn_vjp_needs(vjp, 1), tn_vjp_needs(vjp, 2));
  tn_tensor *grad_input = tn_native_batch_norm_backward(
      grad, o->input, o->weight, o->running_mean, o->running_var, o->mean, o->invstd, o->training,
      o->eps, mask, &grads[0], &grads[1]);
  TN_TRY(tn__status_of(grad_input));
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = grad_input;
  for (int32_t k = 0; k < 2; k++) {
    if (tn_vjp_needs(vjp, 1 + k)) grad_in[1 + k] = grads[k];
  }
  return TN_OK;
}

// The gradients that come through the batch's mean and invstd, and through its variance without
// bias (TN_NONE where they did not arrive): of the latter, 2 (x - mean) / (count - 1).
static tn_status statistics_gradients(tn_vjp *vjp, const operands *o, tn_tensor *grad_mean,
                                      tn_tensor *grad_invstd, tn_tensor *grad_var,
                                      tn_tensor **grad_in) {
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  tn_ints sizes = tn_vjp_input_sizes(vjp, 0);
  double count = count_of(sizes);
  tn_tensor *mean = by_channel(o->mean, sizes.count);
  tn_tensor *more = tn__norm_statistics_gradient(o->input, mean, by_channel(o->invstd, sizes.count),
                                                 by_channel(grad_mean, sizes.count),
                                                 by_channel(grad_invstd, sizes.count), count);
  if (grad_var != TN_NONE) {
    tn_tensor *slope = tn_mul_scalar(by_channel(grad_var, sizes.count), 2 / (count - 1));
    more = tn__sum_of_gradients(more, tn_mul(slope, tn_sub(o->input, mean)));
  }
  grad_in[0] = tn__sum_of_gradients(grad_in[0], more);
  return tn__status_of(grad_in[0]);
}

// Running statistics that normalise: y = (x - mean) (var + eps)^-1/2 weight + bias.
static tn_status running_gradients(tn_vjp *vjp, tn_tensor *grad, const operands *o,
                                   tn_tensor **grad_mean, tn_tensor **grad_var) {
  if (grad == TN_NONE || !(tn_vjp_needs(vjp, 3) || tn_vjp_needs(vjp, 4))) return TN_OK;
  int64_t dims[TN_MAX_DIMS], rank = tn_vjp_input_sizes(vjp, 0).count;
  tn_ints others = other_dims(dims, rank);
  tn_tensor *invstd = tn_rsqrt(tn_add_scalar(o->running_var, o->eps));
  tn_tensor *scale = o->weight == TN_NONE ? invstd : tn_mul(o->weight, invstd);
  if (tn_vjp_needs(vjp, 3)) {
    tn_tensor *through = tn_neg(tn_mul(tn_sum_dim(grad, others), scale));
    *grad_mean = tn__sum_of_gradients(*grad_mean, through);
    TN_TRY(tn__status_of(*grad_mean));
  }
  if (!tn_vjp_needs(vjp, 4)) return TN_OK;
  tn_tensor *centred = tn_sub(o->input, by_channel(o->running_mean, rank));
  tn_tensor *slope = tn_mul(tn_mul_scalar(scale, -0.5), tn_square(invstd));
  tn_tensor *through = tn_mul(tn_sum_dim(tn_mul(grad, centred), others), slope);
  *grad_var = tn__sum_of_gradients(*grad_var, through);
  return tn__status_of(*grad_var);
}

// ---- without a kernel

static tn_status batch_parts(tn_compose *compose, double eps, tn__normal *n) {
  tn_dtype key = compose->inputs[0]->dtype, wide = tn__statistics_dtype(key);
  int64_t dims[TN_MAX_DIMS], rank = compose->inputs[0]->rank;
  *n = tn__normalise(tn__in_dtype(compose->inputs[0], wide), other_dims(dims, rank), eps);
  compose->results[0] =
      tn__norm_affine(n->normal, by_channel(tn__in_dtype(compose->inputs[1], wide), rank),
                      by_channel(tn__in_dtype(compose->inputs[2], wide), rank), key);
  tn_ints channels = TN_SHAPE(compose->inputs[0]->sizes[1]);
  compose->results[1] = tn_reshape(n->mean, channels);
  compose->results[2] = tn_reshape(n->rstd, channels);
  return tn__status_of(compose->results[0]);
}

static tn_status running_parts(tn_compose *compose, double eps) {
  const tn_tensor *input = compose->inputs[0];
  tn_dtype key = input->dtype, wide = tn__statistics_dtype(key);
  int64_t rank = input->rank;
  tn_tensor *mean = by_channel(tn__in_dtype(compose->inputs[3], wide), rank);
  tn_tensor *var = by_channel(tn__in_dtype(compose->inputs[4], wide), rank);
  tn_tensor *centred = tn_sub(tn__in_dtype(compose->inputs[0], wide), mean);
  tn_tensor *normal = tn_mul(centred, tn_rsqrt(tn_add_scalar(var, eps)));
  compose->results[0] =
      tn__norm_affine(normal, by_channel(tn__in_dtype(compose->inputs[1], wide), rank),
                      by_channel(tn__in_dtype(compose->inputs[2], wide), rank), key);
  for (int32_t k = 1; k < 3; k++) {
    compose->results[k] = tn_empty(TN_SHAPE(0), .dtype = wide, .device = tn_tensor_device(input));
  }
  return tn__status_of(compose->results[0]);
}

// ---- from the batch

static tn_status no_stats_infer(tn_infer *infer) { return infer_batch_norm(infer, 2, true); }

static tn_status no_stats_parts(tn_compose *compose) {
  const tn__native_batch_norm_legit_no_stats_attrs *attrs = compose->attrs;
  tn__normal n;
  return batch_parts(compose, attrs->eps, &n);
}

static tn_status no_stats_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__native_batch_norm_legit_no_stats_attrs *attrs = tn_vjp_attrs(vjp);
  operands o = {tn_vjp_input(vjp, 0),  tn_vjp_input(vjp, 1),  TN_NONE, TN_NONE,
                tn_vjp_output(vjp, 1), tn_vjp_output(vjp, 2), true,    attrs->eps};
  TN_TRY(result_gradients(vjp, grad_out[0], &o, grad_in));
  return statistics_gradients(vjp, &o, grad_out[1], grad_out[2], TN_NONE, grad_in);
}

/// Batch normalisation by the batch itself: result0 = (input - mean) * invstd * weight + bias,
/// where result1 is each channel's mean and result2 is invstd = 1 / sqrt(variance + eps), the
/// variance without a correction. input: [N, C, *], floating; weight, bias: [C] or absent, in
/// input's dtype, or float32 for a half input. training, momentum: of no consequence without
/// running statistics. Returns input's shape and dtype, and statistics of [C], float32 for a half
/// input. errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE. source: Ioffe and Szegedy 2015; ATen
/// `_native_batch_norm_legit.no_stats`.
// clang-format off
const tn_op_def tn_op__native_batch_norm_legit_no_stats = {
    .schema = "_native_batch_norm_legit.no_stats(Tensor input, Tensor? weight, Tensor? bias, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = no_stats_infer,
    .compose = no_stats_parts,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_OUTPUT(1) | TN_SAVE_OUTPUT(2)},
    .save_count = 1,
    .vjp = no_stats_vjp,
};

static tn_status functional_infer(tn_infer *infer) {
  const tn__native_batch_norm_legit_functional_attrs *attrs = infer->attrs;
  TN_TRY(infer_batch_norm(infer, 4, attrs->training));
  for (int32_t k = 3; k < 5; k++) {
    infer->results[k].dtype = infer->inputs[k]->dtype;
    TN_TRY(tn__result_shape(infer, k, tn_tensor_shape(infer->inputs[k])));
  }
  return TN_OK;
}

// (1 - momentum) running + momentum batch, in running's dtype.
static tn_tensor *renewed(tn_tensor *running, tn_tensor *batch, double momentum) {
  tn_tensor *wide = tn__in_dtype(running, tn_tensor_dtype(batch));
  tn_tensor *kept = tn_mul_scalar(wide, 1 - momentum);
  return tn__in_dtype(tn_add(kept, tn_mul_scalar(batch, momentum)), running->dtype);
}

static tn_status functional_parts(tn_compose *compose) {
  const tn__native_batch_norm_legit_functional_attrs *attrs = compose->attrs;
  tn_tensor *mean = compose->inputs[3], *var = compose->inputs[4];
  if (!attrs->training) {
    compose->results[3] = tn_clone(mean);
    compose->results[4] = tn_clone(var);
    return running_parts(compose, attrs->eps);
  }
  tn__normal n;
  TN_TRY(batch_parts(compose, attrs->eps, &n));
  double count = count_of(tn_tensor_shape(compose->inputs[0]));
  tn_tensor *unbiased =
      tn_mul_scalar(tn_reshape(n.variance, tn_tensor_shape(var)), count / (count - 1));
  compose->results[3] = renewed(mean, compose->results[1], attrs->momentum);
  compose->results[4] = renewed(var, unbiased, attrs->momentum);
  return tn__status_of(compose->results[4]);
}

static tn_tensor *scaled(tn_tensor *grad, double factor) {
  return grad == TN_NONE ? grad : tn_mul_scalar(grad, factor);
}

static tn_status functional_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__native_batch_norm_legit_functional_attrs *attrs = tn_vjp_attrs(vjp);
  bool training = attrs->training;
  double kept = training ? 1 - attrs->momentum : 1;
  // While training the running statistics are not asked for: they may have changed since.
  operands o = {tn_vjp_input(vjp, 0),
                tn_vjp_input(vjp, 1),
                training ? TN_NONE : tn_vjp_input(vjp, 3),
                training ? TN_NONE : tn_vjp_input(vjp, 4),
                training ? tn_vjp_output(vjp, 1) : TN_NONE,
                training ? tn_vjp_output(vjp, 2) : TN_NONE,
                training,
                attrs->eps};
  TN_TRY(result_gradients(vjp, grad_out[0], &o, grad_in));
  for (int32_t k = 3; k < 5; k++) {
    if (tn_vjp_needs(vjp, k)) grad_in[k] = scaled(grad_out[k], kept);
  }
  if (!training) return running_gradients(vjp, grad_out[0], &o, &grad_in[3], &grad_in[4]);
  tn_tensor *grad_mean = tn__sum_of_gradients(grad_out[1], scaled(grad_out[3], attrs->momentum));
  return statistics_gradients(vjp, &o, grad_mean, grad_out[2], scaled(grad_out[4], attrs->momentum),
                              grad_in);
}

/// Batch normalisation that writes nothing: as `_native_batch_norm_legit`, with the new running
/// statistics as results 3 and 4: (1 - momentum) running + momentum batch, where the batch's
/// variance is the one without bias. Without training they are copies, and the statistics results 1
/// and 2 are of shape [0]. errors: as `_native_batch_norm_legit`.
/// source: ATen `_native_batch_norm_legit_functional`.
// clang-format off
const tn_op_def tn_op__native_batch_norm_legit_functional = {
    .schema = "_native_batch_norm_legit_functional(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor running_mean_out, Tensor running_var_out)",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = functional_infer,
    .compose = functional_parts,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_INPUT(3) | TN_SAVE_INPUT(4) |
              TN_SAVE_OUTPUT(1) | TN_SAVE_OUTPUT(2)},
    .save_count = 1,
    .vjp = functional_vjp,
};

// ---- from running statistics

static tn_status no_training_infer(tn_infer *infer) { return infer_batch_norm(infer, 4, false); }

static tn_status no_training_parts(tn_compose *compose) {
  const tn__native_batch_norm_legit_no_training_attrs *attrs = compose->attrs;
  return running_parts(compose, attrs->eps);
}

static tn_status no_training_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__native_batch_norm_legit_no_training_attrs *attrs = tn_vjp_attrs(vjp);
  operands o = {tn_vjp_input(vjp, 0),
                tn_vjp_input(vjp, 1),
                tn_vjp_input(vjp, 3),
                tn_vjp_input(vjp, 4),
                TN_NONE,
                TN_NONE,
                false,
                attrs->eps};
  TN_TRY(result_gradients(vjp, grad_out[0], &o, grad_in));
  return running_gradients(vjp, grad_out[0], &o, &grad_in[3], &grad_in[4]);
}

/// Batch normalisation by running statistics: result0 = (input - running_mean) / sqrt(running_var +
/// eps) * weight + bias; results 1 and 2 are of shape [0]. input: [N, C, *], floating; the others:
/// [C], weight and bias possibly absent, in input's dtype, or float32 for a half input.
/// momentum: of no consequence. errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE.
/// source: ATen `_native_batch_norm_legit_no_training`.
// clang-format off
const tn_op_def tn_op__native_batch_norm_legit_no_training = {
    .schema = "_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = no_training_infer,
    .compose = no_training_parts,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_INPUT(3) | TN_SAVE_INPUT(4)},
    .save_count = 1,
    .vjp = no_training_vjp,
};

// ---- gradients

static tn_status backward_infer(tn_infer *infer) {
  static const char *const names[] = {"weight", "running_mean", "running_var", "save_mean",
                                      "save_invstd"};
  const tn_native_batch_norm_backward_attrs *attrs = infer->attrs;
  TN_TRY(check_input(infer, 1));
  const tn_tensor *input = infer->inputs[1], *weight = infer->inputs[2];
  int64_t channels = input->sizes[1];
  TN_TRY(tn__expect_norm_operand(infer, 0, "grad_out", tn_tensor_shape(input)));
  TN_TRY(check_parameters(infer, channels, 2, attrs->train ? 1 : 3, names));
  if (attrs->train) TN_TRY(check_parameters(infer, channels, 5, 2, names + 3));
  for (int32_t i = 0; i < 2; i++) {
    int32_t at = (attrs->train ? 5 : 3) + i;
    if (!tn__is_none(infer->inputs[at])) continue;
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, names[at - 2],
                        "what normalised the input must be given");
  }
  TN_TRY(tn__expect_norm_mask(infer->call, attrs->output_mask));
  for (int32_t k = 0; k < 3; k++) {
    tn_ints whole = k == 0 ? tn_tensor_shape(input) : TN_SHAPE(channels);
    if (k > 0 && !tn__is_none(weight)) infer->results[k].dtype = weight->dtype;
    TN_TRY(tn__result_shape(infer, k, attrs->output_mask.data[k] != 0 ? whole : TN_SHAPE(0)));
  }
  return TN_OK;
}

static tn_status backward_compose(tn_compose *compose) {
  const tn_native_batch_norm_backward_attrs *attrs = compose->attrs;
  tn_dtype key = compose->inputs[0]->dtype, wide = tn__statistics_dtype(key);
  int64_t dims[TN_MAX_DIMS], rank = compose->inputs[1]->rank;
  tn_ints others = other_dims(dims, rank);
  tn_tensor *grad = tn__in_dtype(compose->inputs[0], wide);
  tn_tensor *input = tn__in_dtype(compose->inputs[1], wide);
  tn_tensor *weight = by_channel(tn__in_dtype(compose->inputs[2], wide), rank);
  tn_tensor *mean = compose->inputs[attrs->train ? 5 : 3], *invstd = compose->inputs[6];
  if (!attrs->train) {
    invstd = tn_rsqrt(tn_add_scalar(tn__in_dtype(compose->inputs[4], wide), attrs->eps));
  }
  mean = by_channel(tn__in_dtype(mean, wide), rank);
  invstd = by_channel(tn__in_dtype(invstd, wide), rank);
  tn_tensor *normal = tn_mul(tn_sub(input, mean), invstd);
  tn_tensor *scaled_grad = tn__is_none(weight) ? grad : tn_mul(grad, weight);
  tn_tensor *grad_input = attrs->train
                              ? tn__norm_input_gradient(scaled_grad, normal, invstd, others)
                              : tn_mul(scaled_grad, invstd);
  TN_TRY(tn__put_norm_gradient(compose, 0, attrs->output_mask, grad_input, key));
  tn_dtype own = tn__is_none(compose->inputs[2]) ? key : compose->inputs[2]->dtype;
  tn_tensor *grad_weight = tn_sum_dim(tn_mul(grad, normal), others);
  TN_TRY(tn__put_norm_gradient(compose, 1, attrs->output_mask, grad_weight, own));
  return tn__put_norm_gradient(compose, 2, attrs->output_mask, tn_sum_dim(grad, others), own);
}

/// The gradients of batch normalisation for its input, weight and bias, as far as output_mask asks
/// for them; what it does not ask for is a tensor of shape [0]. grad_out, input: [N, C, *]; train:
/// save_mean and save_invstd, [C], normalised the input and moved with it; without, running_mean
/// and running_var did. The others are not read. errors: INVALID_ARGUMENT for shapes, for
/// statistics that are absent, or for the mask; INVALID_DTYPE. source: ATen
/// `native_batch_norm_backward`.
// clang-format off
const tn_op_def tn_op_native_batch_norm_backward = {
    .schema = "native_batch_norm_backward(Tensor grad_out, Tensor input, Tensor? weight, Tensor? running_mean, Tensor? running_var, Tensor? save_mean, Tensor? save_invstd, bool train, float eps, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = backward_infer,
    .compose = backward_compose,
};

// ---- the forms that write running statistics

// to <- from, unrecorded: the value of a running statistic is not part of any gradient.
static tn_status write_back(tn_tensor *to, tn_tensor *from) {
  bool recorded = tn_grad_mode_set(false);
  tn_status status = tn_copy_(to, from);
  (void)tn_grad_mode_set(recorded);
  return status;
}

static tn_status normalise(tn_compose *compose, bool training, double momentum, double eps) {
  tn_tensor *const *in = compose->inputs;
  tn_tensor **results = compose->results;
  bool mean_given = !tn__is_none(in[3]), var_given = !tn__is_none(in[4]);
  if (mean_given != var_given || (!training && !mean_given)) {
    return tn__op_error(
        compose->call, TN_INVALID_ARGUMENT, mean_given ? "running_var" : "running_mean",
        mean_given != var_given ? "running_mean and running_var must be given both or not at all"
                                : "without training both running statistics must be given");
  }
  if (!training) {
    results[0] = tn_aten_native_batch_norm_legit_no_training(
        in[0], in[1], in[2], in[3], in[4], momentum, eps, &results[1], &results[2]);
    return tn__status_of(results[0]);
  }
  if (!mean_given) {
    results[0] = tn_aten_native_batch_norm_legit_no_stats(in[0], in[1], in[2], true, momentum, eps,
                                                          &results[1], &results[2]);
    return tn__status_of(results[0]);
  }
  tn_tensor *mean, *var;
  results[0] =
      tn_aten_native_batch_norm_legit_functional(in[0], in[1], in[2], in[3], in[4], true, momentum,
                                                 eps, &results[1], &results[2], &mean, &var);
  TN_TRY(tn__status_of(results[0]));
  if (in[0]->numel == 0) return TN_OK;  // a batch of nothing changes nothing
  TN_TRY(write_back(in[3], mean));
  return write_back(in[4], var);
}

static tn_status legit_compose(tn_compose *compose) {
  const tn__native_batch_norm_legit_attrs *attrs = compose->attrs;
  return normalise(compose, attrs->training, attrs->momentum, attrs->eps);
}

/// Batch normalisation. Training: by the batch's own statistics, which are results 1 and 2 (mean
/// and 1 / sqrt(variance + eps)), and running_mean and running_var are changed in place to (1 -
/// momentum) running + momentum batch, the batch's variance without bias. Else by the running
/// statistics, and results 1 and 2 are of shape [0]. input: [N, C, *], floating; the others: [C],
/// weight and bias possibly absent, in input's dtype, or float32 for a half input.
/// errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE; READ_ONLY for running statistics that cannot
/// be written. source: Ioffe and Szegedy 2015; ATen `_native_batch_norm_legit`.
// clang-format off
const tn_op_def tn_op__native_batch_norm_legit = {
    .schema = "_native_batch_norm_legit(Tensor input, Tensor? weight, Tensor? bias, Tensor(a!) running_mean, Tensor(b!) running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4,
    .compose = legit_compose,
};

static tn_status native_compose(tn_compose *compose) {
  const tn_native_batch_norm_attrs *attrs = compose->attrs;
  return normalise(compose, attrs->training, attrs->momentum, attrs->eps);
}

/// `_native_batch_norm_legit`, where the running statistics may be absent while training: nothing
/// is changed then. errors: as there; INVALID_ARGUMENT for one running statistic without the other.
/// source: ATen `native_batch_norm`.
// clang-format off
const tn_op_def tn_op_native_batch_norm = {
    .schema = "native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4,
    .compose = native_compose,
};

static tn_status batch_norm_compose(tn_compose *compose) {
  const tn_batch_norm_attrs *attrs = compose->attrs;
  return normalise(compose, attrs->training, attrs->momentum, attrs->eps);
}

/// native_batch_norm() without the statistics of the batch. cudnn_enabled: no meaning here.
/// errors: as native_batch_norm. source: ATen `batch_norm`.
// clang-format off
const tn_op_def tn_op_batch_norm = {
    .schema = "batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4,
    .compose = batch_norm_compose,
};
