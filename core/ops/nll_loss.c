// SPDX-License-Identifier: Apache-2.0
//
// nll_loss: minus the logarithm of the probability given to the right class, weighted by class. It
// only picks elements, so it is linear: its gradient puts them back, and the gradient of that
// picks again.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

enum { REDUCTION_NONE = 0, REDUCTION_MEAN = 1, REDUCTION_SUM = 2 };

static tn_status check_loss(tn_infer *infer, int32_t first, int64_t reduction) {
  const tn_tensor *self = infer->inputs[first], *target = infer->inputs[first + 1];
  const tn_tensor *weight = infer->inputs[first + 2];
  TN_TRY(tn__expect_rank(infer, first, "self", 1, 2));
  TN_TRY(tn__expect_index(infer, first + 1, "target"));
  bool batched = self->rank == 2;
  if (batched ? target->rank != 1 || target->sizes[0] != self->sizes[0] : target->rank != 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "target",
                        "expected one class index for each of self's rows: [N] for [N, C], a 0-dim "
                        "tensor for [C]");
  }
  int64_t classes = self->sizes[self->rank - 1];
  if (!tn__is_none(weight) && (weight->rank != 1 || weight->sizes[0] != classes)) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "weight",
                        "expected [%" PRId64 "], one for each class", classes);
  }
  if (reduction < REDUCTION_NONE || reduction > REDUCTION_SUM) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "reduction",
                        "expected 0 (none), 1 (mean) or 2 (sum), not %" PRId64, reduction);
  }
  return TN_OK;
}

static tn_status nll_loss_forward_infer(tn_infer *infer) {
  const tn_nll_loss_forward_attrs *attrs = infer->attrs;
  TN_TRY(check_loss(infer, 0, attrs->reduction));
  const tn_tensor *target = infer->inputs[1];
  bool each = attrs->reduction == REDUCTION_NONE;
  TN_TRY(tn__result_shape(infer, 0, each ? tn_tensor_shape(target) : TN_SHAPE_SCALAR));
  return tn__result_shape(infer, 1, TN_SHAPE_SCALAR);
}

static tn_status nll_loss_forward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                      tn_tensor **grad_in) {
  const tn_nll_loss_forward_attrs *attrs = tn_vjp_attrs(vjp);
  if (!tn_vjp_needs(vjp, 0) || grad_out[0] == TN_NONE) return TN_OK;
  grad_in[0] = tn_nll_loss_backward(grad_out[0], tn_vjp_input(vjp, 0), tn_vjp_input(vjp, 1),
                                    tn_vjp_input(vjp, 2), attrs->reduction, attrs->ignore_index,
                                    tn_vjp_output(vjp, 1));
  return tn__status_of(grad_in[0]);
}

/// output[n] = -weight[t] self[n, t] with t = target[n], 0 where t is ignore_index; reduced to its
/// sum, or to its sum over total_weight, the sum of the weights that counted (which for no
/// reduction is not computed: 0). self: [N, C] or [C], floating, logarithms of probabilities;
/// target: [N] or 0-dim, class indices; weight: [C] or absent (ones), without a gradient;
/// reduction: 0 none, 1 mean, 2 sum. Returns output ([N] or 0-dim) and total_weight (0-dim).
/// errors: OUT_OF_RANGE for a class index, from the kernel; INVALID_ARGUMENT for shapes or
/// reduction. source: ATen `nll_loss_forward`.
// clang-format off
const tn_op_def tn_op_nll_loss_forward = {
    .schema = "nll_loss_forward(Tensor self, Tensor target, Tensor? weight, int reduction, int ignore_index) -> (Tensor output, Tensor total_weight)",
    // clang-format on
    .exempt = 1u << 1,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = nll_loss_forward_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_INPUT(2) | TN_SAVE_OUTPUT(1), 0},
    .save_count = 2,
    .vjp = nll_loss_forward_vjp,
};

static tn_status nll_loss_backward_infer(tn_infer *infer) {
  const tn_nll_loss_backward_attrs *attrs = infer->attrs;
  TN_TRY(check_loss(infer, 1, attrs->reduction));
  const tn_tensor *grad = infer->inputs[0], *target = infer->inputs[2];
  bool each = attrs->reduction == REDUCTION_NONE && target->rank == 1;
  if (each ? grad->rank != 1 || grad->sizes[0] != target->sizes[0] : grad->numel != 1) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad_output",
                        "expected the shape of the loss");
  }
  if (infer->inputs[4]->numel != 1) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "total_weight", "expected one element");
  }
  tn__result_like(&infer->results[0], infer->inputs[1]);
  infer->results[0].dtype = infer->key;
  return TN_OK;
}

// The loss is linear in self, so what it makes of the direction is the gradient.
static tn_status nll_loss_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                       tn_tensor **grad_in) {
  const tn_nll_loss_backward_attrs *attrs = tn_vjp_attrs(vjp);
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  grad_in[0] = tn_nll_loss_forward(grad_out[0], tn_vjp_input(vjp, 2), tn_vjp_input(vjp, 3),
                                   attrs->reduction, attrs->ignore_index, NULL);
  return tn__status_of(grad_in[0]);
}

/// The gradient of nll_loss_forward(): -weight[t] grad_output at [n, t], t = target[n], over
/// total_weight for the mean; zeros elsewhere and where t is ignore_index. Returns self's shape;
/// self's values are not read. errors: as the forward; INVALID_ARGUMENT for grad_output's shape.
/// source: ATen `nll_loss_backward`.
// clang-format off
const tn_op_def tn_op_nll_loss_backward = {
    .schema = "nll_loss_backward(Tensor grad_output, Tensor self, Tensor target, Tensor? weight, int reduction, int ignore_index, Tensor total_weight) -> Tensor",
    // clang-format on
    .exempt = 1u << 2,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = nll_loss_backward_infer,
    .saves = {TN_SAVE_INPUT(2) | TN_SAVE_INPUT(3), 0},
    .save_count = 2,
    .vjp = nll_loss_backward_vjp,
};

// [N, C, *] with the classes last, and everything else joined: [N *, C].
static tn_tensor *classes_last(tn_tensor *self) {
  int64_t rows = 1;
  for (int32_t d = 0; d < self->rank; d++) rows *= d == 1 ? 1 : self->sizes[d];
  return tn_reshape(tn_movedim(self, 1, -1), TN_SHAPE(rows, self->sizes[1]));
}

static tn_status nll_loss_compose(tn_compose *compose) {
  const tn_nll_loss_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *target = compose->inputs[1];
  bool spatial = self->rank > 2;
  tn_ints shape = tn_tensor_shape(target);
  if (spatial) {
    bool fits = target->rank == self->rank - 1 && target->sizes[0] == self->sizes[0];
    for (int32_t d = 1; fits && d < target->rank; d++) {
      fits = target->sizes[d] == self->sizes[d + 1];
    }
    if (!fits) {
      return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "target",
                          "expected self's shape without its classes, dimension 1");
    }
    self = classes_last(self);
    target = tn_reshape(target, TN_SHAPE(target->numel));
  }
  tn_tensor *loss = tn_nll_loss_forward(self, target, compose->inputs[2], attrs->reduction,
                                        attrs->ignore_index, NULL);
  bool restore = spatial && attrs->reduction == REDUCTION_NONE;
  compose->results[0] = restore ? tn_reshape(loss, shape) : loss;
  return tn__status_of(compose->results[0]);
}

/// The negative log likelihood loss: -weight[t] self[n, t], t = target[n], averaged over the
/// weights (reduction 1), summed (2), or for each n (0); targets equal to ignore_index count for
/// nothing. self: [N, C], [C] or [N, C, *], floating, logarithms of probabilities; target: class
/// indices in self's shape without the classes; weight: [C] or absent.
/// errors: OUT_OF_RANGE for a class index; INVALID_ARGUMENT for shapes or reduction.
/// source: ATen `nll_loss_nd`.
// clang-format off
const tn_op_def tn_op_nll_loss = {
    .schema = "nll_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, int ignore_index=-100) -> Tensor",
    // clang-format on
    .exempt = 1u << 1,
    .compose = nll_loss_compose,
};
