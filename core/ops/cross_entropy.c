// SPDX-License-Identifier: Apache-2.0
//
// cross_entropy: log_softmax over the classes and the negative log likelihood in one call. Targets
// are class indices, or probabilities for every class where they have the input's shape and a
// floating dtype. Label smoothing mixes the target with the uniform distribution.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

enum { REDUCTION_NONE = 0, REDUCTION_MEAN = 1, REDUCTION_SUM = 2 };

// |weight| [C] shaped to broadcast over |like| along |dim|.
static tn_tensor *spread_weight(tn_tensor *weight, const tn_tensor *like, int64_t dim) {
  int64_t sizes[TN_MAX_DIMS];
  for (int32_t d = 0; d < like->rank; d++) sizes[d] = d == dim ? like->sizes[d] : 1;
  return tn_reshape(weight, tn_ints_of(sizes, like->rank));
}

// -sum over classes of weight log_probability: the loss against the uniform distribution, times C.
static tn_tensor *loss_of_all(tn_tensor *log_probability, tn_tensor *weight, int64_t dim) {
  if (weight != TN_NONE) {
    log_probability = tn_mul(log_probability, spread_weight(weight, log_probability, dim));
  }
  return tn_neg(tn_sum_dim(log_probability, TN_DIMS(dim)));
}

// What a mean divides by: the weights of the targets that count.
static tn_tensor *counted_weight(tn_tensor *weight, tn_tensor *target, tn_tensor *ignored,
                                 tn_dtype dtype) {
  if (weight == TN_NONE) return tn_sum(tn_logical_not(ignored), .dtype = dtype);
  tn_tensor *classes = tn_masked_fill_scalar(target, ignored, 0);
  tn_tensor *flat = tn_reshape(classes, TN_SHAPE(-1));
  tn_tensor *weights = tn_reshape(tn_index_select(weight, 0, flat), tn_tensor_shape(target));
  return tn_sum(tn_masked_fill_scalar(weights, ignored, 0));
}

static tn_tensor *smoothed_loss(const tn_cross_entropy_loss_attrs *attrs, tn_tensor *probability,
                                tn_tensor *target, tn_tensor *weight, int64_t dim) {
  int64_t classes = probability->sizes[dim];
  double smoothing = attrs->label_smoothing;
  tn_tensor *sharp = tn_nll_loss(probability, target, weight, .reduction = TN_INT(attrs->reduction),
                                 .ignore_index = TN_INT(attrs->ignore_index));
  tn_tensor *ignored = tn_eq_scalar(target, attrs->ignore_index);
  tn_tensor *smooth = tn_masked_fill_scalar(loss_of_all(probability, weight, dim), ignored, 0);
  if (attrs->reduction != REDUCTION_NONE) smooth = tn_sum(smooth);
  if (attrs->reduction == REDUCTION_MEAN) {
    smooth = tn_div(smooth, counted_weight(weight, target, ignored, tn_tensor_dtype(smooth)));
  }
  return tn_add(tn_mul_scalar(sharp, 1.0 - smoothing),
                tn_mul_scalar(smooth, smoothing / (double)classes));
}

static tn_tensor *loss_of_distribution(const tn_cross_entropy_loss_attrs *attrs,
                                       tn_tensor *probability, tn_tensor *target, tn_tensor *weight,
                                       int64_t dim) {
  int64_t classes = probability->sizes[dim];
  double smoothing = attrs->label_smoothing;
  if (smoothing > 0) {
    target = tn_add_scalar(tn_mul_scalar(target, 1.0 - smoothing), smoothing / (double)classes);
  }
  tn_tensor *loss = loss_of_all(tn_mul(probability, target), weight, dim);
  if (attrs->reduction == REDUCTION_NONE) return loss;
  loss = tn_sum(loss);
  if (attrs->reduction == REDUCTION_SUM) return loss;
  // The mean is over samples; classes of weight do not change it.
  int64_t samples = classes > 0 ? probability->numel / classes : 0;
  return tn_div_scalar(loss, samples);
}

static tn_status check_cross_entropy(tn_compose *compose, bool *distribution) {
  const tn_cross_entropy_loss_attrs *attrs = compose->attrs;
  const tn_tensor *self = compose->inputs[0], *target = compose->inputs[1];
  const tn_tensor *weight = compose->inputs[2];
  if (self->rank == 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "a 0-dim tensor has no dimension of classes");
  }
  int64_t classes = self->sizes[self->rank == 1 ? 0 : 1];
  if (!tn__is_none(weight) && (weight->rank != 1 || weight->sizes[0] != classes)) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "weight",
                        "expected [%" PRId64 "], one for each class", classes);
  }
  if (!(attrs->label_smoothing >= 0 && attrs->label_smoothing <= 1)) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "label_smoothing",
                        "expected a number in [0, 1], not %g", attrs->label_smoothing);
  }
  if (attrs->reduction < REDUCTION_NONE || attrs->reduction > REDUCTION_SUM) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "reduction",
                        "expected 0 (none), 1 (mean) or 2 (sum), not %" PRId64, attrs->reduction);
  }
  bool same = self->rank == target->rank;
  for (int32_t d = 0; same && d < self->rank; d++) same = self->sizes[d] == target->sizes[d];
  *distribution = same && tn_dtype_is_floating(tn_tensor_dtype(target));
  bool index = tn_dtype_in(tn_tensor_dtype(target), TN_DTYPE_BIT(TN_I64) | TN_DTYPE_BIT(TN_I32));
  bool ranks = target->rank == self->rank - 1;
  for (int32_t d = 0; ranks && d < target->rank; d++) {
    ranks = target->sizes[d] == self->sizes[d < 1 ? d : d + 1];
  }
  if (*distribution || (index && ranks)) return TN_OK;
  return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "target",
                      "expected int64 or int32 class indices in self's shape without its classes, "
                      "or floating probabilities in self's shape");
}

static tn_status cross_entropy_compose(tn_compose *compose) {
  const tn_cross_entropy_loss_attrs *attrs = compose->attrs;
  bool distribution;
  TN_TRY(check_cross_entropy(compose, &distribution));
  tn_tensor *self = compose->inputs[0], *target = compose->inputs[1], *weight = compose->inputs[2];
  int64_t dim = self->rank == 1 ? 0 : 1;
  tn_tensor *probability = tn_log_softmax(self, dim);
  TN_TRY(tn__status_of(probability));
  if (distribution) {
    compose->results[0] = loss_of_distribution(attrs, probability, target, weight, dim);
  } else if (attrs->label_smoothing > 0) {
    compose->results[0] = smoothed_loss(attrs, probability, target, weight, dim);
  } else {
    compose->results[0] =
        tn_nll_loss(probability, target, weight, .reduction = TN_INT(attrs->reduction),
                    .ignore_index = TN_INT(attrs->ignore_index));
  }
  return tn__status_of(compose->results[0]);
}

/// The cross entropy between softmax(self) and target: minus the sum over classes of target's
/// probability times weight times log_softmax(self). self: [N, C], [C] or [N, C, *], floating;
/// target: class indices in self's shape without the classes, or probabilities in self's shape;
/// weight: [C] or absent; reduction: 0 for each sample, 1 mean (over the weights of the targets
/// that count; over the samples for probabilities), 2 sum; ignore_index: a class index that counts
/// for nothing; label_smoothing e: target becomes (1 - e) target + e / C.
/// errors: OUT_OF_RANGE for a class index; INVALID_ARGUMENT for shapes, reduction or smoothing.
/// source: Szegedy et al. 2016 (smoothing); ATen `cross_entropy_loss`.
// clang-format off
const tn_op_def tn_op_cross_entropy_loss = {
    .schema = "cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, int ignore_index=-100, float label_smoothing=0.0) -> Tensor",
    // clang-format on
    .exempt = 1u << 1,
    .compose = cross_entropy_compose,
};
