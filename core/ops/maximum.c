// SPDX-License-Identifier: Apache-2.0
//
// maximum: the larger and the smaller of two operands, elementwise. NaN in either wins. The
// gradient goes to the operand that was taken; where both are equal, half of it to each.

#include <tenon/ops.h>

#include "op_def.h"

// What an operand that was not taken where |lost| gets of |grad|: half of it where |tied|.
static tn_tensor *share(tn_tensor *grad, tn_tensor *tied, tn_tensor *lost) {
  tn_tensor *split = tn_where(tied, tn_mul_scalar(grad, 0.5), grad);
  return tn_where_scalar_self(lost, 0, split);
}

static tn_status maximum_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *self = tn_vjp_input(vjp, 0), *other = tn_vjp_input(vjp, 1);
  tn_tensor *tied = tn_eq(self, other);
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = share(grad_out[0], tied, tn_lt(self, other));
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = share(grad_out[0], tied, tn_gt(self, other));
  return TN_OK;
}

/// The larger of self and other, elementwise; NaN where either is NaN.
/// self, other: shapes that broadcast, any real dtypes. Returns the broadcast shape in the promoted
/// dtype. gradient: to the larger, half each where equal. errors: INVALID_ARGUMENT for shapes that
/// do not broadcast, INVALID_DTYPE for complex. source: ATen `maximum`.
const tn_op_def tn_op_maximum = {
    .schema = "maximum(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_REAL,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 1,
    .vjp = maximum_vjp,
};

static tn_status minimum_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *self = tn_vjp_input(vjp, 0), *other = tn_vjp_input(vjp, 1);
  tn_tensor *tied = tn_eq(self, other);
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = share(grad_out[0], tied, tn_gt(self, other));
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = share(grad_out[0], tied, tn_lt(self, other));
  return TN_OK;
}

/// The smaller of self and other, elementwise; NaN where either is NaN.
/// self, other: shapes that broadcast, any real dtypes. Returns the broadcast shape in the promoted
/// dtype. gradient: to the smaller, half each where equal. errors: INVALID_ARGUMENT for shapes that
/// do not broadcast, INVALID_DTYPE for complex. source: ATen `minimum`.
const tn_op_def tn_op_minimum = {
    .schema = "minimum(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_REAL,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 1,
    .vjp = minimum_vjp,
};
