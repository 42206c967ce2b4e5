// SPDX-License-Identifier: Apache-2.0
//
// clamp: each element brought into [min, max], either bound of which may be left out. Where min is
// above max the result is max. The bounds themselves count as inside: there self gets the gradient.

#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

static tn_status clamp_infer(tn_infer *infer) {
  if (infer->inputs[1] == TN_NONE && infer->inputs[2] == TN_NONE) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "min", "give min, max or both");
  }
  return tn__infer_pointwise(infer);
}

// The conjunction of two conditions, either of which may be TN_NONE: no condition.
static tn_tensor *both(tn_tensor *a, tn_tensor *b) {
  if (a == TN_NONE) return b;
  return b == TN_NONE ? a : tn_logical_and(a, b);
}

static tn_status clamp_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *grad = grad_out[0], *self = tn_vjp_input(vjp, 0);
  tn_tensor *min = tn_vjp_input(vjp, 1), *max = tn_vjp_input(vjp, 2);
  if (tn_vjp_needs(vjp, 0)) {
    tn_tensor *above = min == TN_NONE ? TN_NONE : tn_ge(self, min);
    tn_tensor *below = max == TN_NONE ? TN_NONE : tn_le(self, max);
    grad_in[0] = tn_where_scalar(both(above, below), grad, 0);
  }
  if (tn_vjp_needs(vjp, 1)) {
    tn_tensor *in_order = max == TN_NONE ? TN_NONE : tn_lt(min, max);
    grad_in[1] = tn_where_scalar(both(tn_lt(self, min), in_order), grad, 0);
  }
  if (tn_vjp_needs(vjp, 2)) {
    tn_tensor *taken = tn_gt(self, max);
    if (min != TN_NONE) taken = tn_logical_or(taken, tn_gt(min, max));
    grad_in[2] = tn_where_scalar(taken, grad, 0);
  }
  return TN_OK;
}

/// min(max(self, lower), upper) for tensors of bounds, elementwise; NaN stays NaN.
/// self, min, max: shapes that broadcast, integer or floating; min or max may be TN_NONE. Returns
/// the broadcast shape in the promoted dtype. gradient: to self inside the bounds (inclusive), else
/// to the bound that was taken. errors: INVALID_ARGUMENT without a bound or for shapes that do not
/// broadcast, INVALID_DTYPE for bools and complex. source: ATen `clamp.Tensor`.
const tn_op_def tn_op_clamp_Tensor = {
    .schema = "clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS,
    .infer = clamp_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_INPUT(2)},
    .save_count = 1,
    .vjp = clamp_vjp,
};

/// Each element brought into [min, max] for numbers min and max, either of which may be left out.
/// As `clamp.Tensor`. source: ATen `clamp`.
const tn_op_def tn_op_clamp = {
    .schema = "clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor",
    .aliases = "clip",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_clamp_Tensor,
};
