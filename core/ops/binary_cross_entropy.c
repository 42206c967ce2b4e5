// SPDX-License-Identifier: Apache-2.0
//
// binary_cross_entropy: the cross entropy of independent yes-or-no questions, from their logits. It
// is built on the logarithm of the sigmoid, which is smooth and never overflows.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

enum { REDUCTION_NONE = 0, REDUCTION_MEAN = 1, REDUCTION_SUM = 2 };

static tn_status log_sigmoid_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  tn_tensor *tail = tn_log1p(tn_exp(tn_neg(tn_abs(self))));
  compose->results[0] = tn_sub(tn_clamp(self, .max = TN_SCALAR(0)), tail);
  return tn__status_of(compose->results[0]);
}

static tn_status log_sigmoid_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_mul(grad_out[0], tn_sigmoid(tn_neg(tn_vjp_input(vjp, 0))));
  return tn__status_of(grad_in[0]);
}

/// log(1 / (1 + exp(-self))), elementwise, computed as min(self, 0) - log1p(exp(-|self|)).
/// self: any shape, floating. gradient: 1 - sigmoid(self). errors: INVALID_DTYPE.
/// source: ATen `log_sigmoid`.
const tn_op_def tn_op_log_sigmoid = {
    .schema = "log_sigmoid(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .dtypes = TN_DTYPES_FLOATING,
    .compose = log_sigmoid_compose,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = log_sigmoid_vjp,
};

// (1 - target) self - (1 + (pos_weight - 1) target) log_sigmoid(self)
static tn_tensor *loss_of_each(tn_tensor *self, tn_tensor *target, tn_tensor *pos_weight) {
  tn_tensor *linear = tn_mul(tn_add_scalar(tn_neg(target), 1), self);
  tn_tensor *logarithm = tn_log_sigmoid(self);
  if (pos_weight == TN_NONE) return tn_sub(linear, logarithm);
  tn_tensor *factor = tn_add_scalar(tn_mul(tn_sub_scalar(pos_weight, 1), target), 1);
  return tn_sub(linear, tn_mul(factor, logarithm));
}

static tn_status with_logits_compose(tn_compose *compose) {
  const tn_binary_cross_entropy_with_logits_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *target = compose->inputs[1];
  bool same = self->rank == target->rank;
  for (int32_t d = 0; same && d < self->rank; d++) same = self->sizes[d] == target->sizes[d];
  if (!same) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "target", "expected self's shape");
  }
  if (!tn_dtype_is_floating(self->dtype)) {
    return tn__op_error(compose->call, TN_INVALID_DTYPE, "self", "expected a floating dtype");
  }
  if (attrs->reduction < REDUCTION_NONE || attrs->reduction > REDUCTION_SUM) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "reduction",
                        "expected 0 (none), 1 (mean) or 2 (sum), not %" PRId64, attrs->reduction);
  }
  tn_tensor *loss = loss_of_each(self, target, compose->inputs[3]);
  if (compose->inputs[2] != TN_NONE) loss = tn_mul(loss, compose->inputs[2]);
  compose->results[0] = attrs->reduction == REDUCTION_NONE   ? loss
                        : attrs->reduction == REDUCTION_MEAN ? tn_mean(loss)
                                                             : tn_sum(loss);
  return tn__status_of(compose->results[0]);
}

/// weight * ((1 - target) self - (1 + (pos_weight - 1) target) log(sigmoid(self))), its mean
/// (reduction 1), its sum (2), or each (0). self: any shape, floating; target: that shape,
/// probabilities; weight, pos_weight: broadcast, ones where absent. errors: INVALID_ARGUMENT for
/// shapes or reduction; INVALID_DTYPE. source: ATen `binary_cross_entropy_with_logits`.
// clang-format off
const tn_op_def tn_op_binary_cross_entropy_with_logits = {
    .schema = "binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=1) -> Tensor",
    // clang-format on
    .compose = with_logits_compose,
};
