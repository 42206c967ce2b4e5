// SPDX-License-Identifier: Apache-2.0
//
// where: elements of one operand where a condition holds and of another where it does not. A
// number takes the place of either in the Scalar overloads. masked_fill is the same, written from
// the side of the operand that is kept: its result has that operand's dtype.

#include <tenon/ops.h>

#include "op_def.h"

static tn_status where_infer(tn_infer *infer) {
  const tn_dtype condition = tn_tensor_dtype(infer->inputs[0]);
  if (condition != TN_BOOL) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, "condition", "must be bool, not %s",
                        tn_dtype_name(condition));
  }
  return tn__infer_pointwise(infer);
}

static tn_status where_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *condition = tn_vjp_input(vjp, 0);
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = tn_where_scalar(condition, grad_out[0], 0);
  if (tn_vjp_needs(vjp, 2)) grad_in[2] = tn_where_scalar_self(condition, 0, grad_out[0]);
  return TN_OK;
}

/// condition ? self : other, elementwise.
/// condition: bool; self, other: any dtypes; all three shapes broadcast. Returns the broadcast
/// shape in the promoted dtype of self and other. gradient: to the operand that was taken. errors:
/// INVALID_DTYPE for a condition that is not bool, INVALID_ARGUMENT for shapes that do not
/// broadcast. source: ATen `where.self`.
const tn_op_def tn_op_where_self = {
    .schema = "where.self(Tensor condition, Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .exempt = 1u << 0,
    .infer = where_infer,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = where_vjp,
};

/// condition ? self : other for a number other, elementwise. As `where.self`.
/// source: ATen `where.ScalarOther`.
const tn_op_def tn_op_where_ScalarOther = {
    .schema = "where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor",
    .base = &tn_op_where_self,
};

/// condition ? self : other for a number self, elementwise. As `where.self`.
/// source: ATen `where.ScalarSelf`.
const tn_op_def tn_op_where_ScalarSelf = {
    .schema = "where.ScalarSelf(Tensor condition, Scalar self, Tensor other) -> Tensor",
    .base = &tn_op_where_self,
};

static tn_status masked_fill_check(const tn_compose *compose) {
  const tn_tensor *self = compose->inputs[0], *value = compose->inputs[2];
  if (tn_tensor_dtype(compose->inputs[1]) != TN_BOOL) {
    return tn__op_error(compose->call, TN_INVALID_DTYPE, "mask", "must be bool, not %s",
                        tn_dtype_name(tn_tensor_dtype(compose->inputs[1])));
  }
  if (tn_tensor_ndim(value) != 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "value",
                        "must have no dimensions, not %d", (int)tn_tensor_ndim(value));
  }
  if (tn_dtype_is_complex(tn_tensor_dtype(value)) && !tn_dtype_is_complex(tn_tensor_dtype(self))) {
    return tn__op_error(compose->call, TN_INVALID_DTYPE, "value", "complex does not fit into %s",
                        tn_dtype_name(tn_tensor_dtype(self)));
  }
  return TN_OK;
}

static tn_status masked_fill_compose(tn_compose *compose) {
  const tn_status status = masked_fill_check(compose);
  if (status != TN_OK) return status;
  tn_tensor *self = compose->inputs[0], *mask = compose->inputs[1], *value = compose->inputs[2];
  tn_tensor *filled = tn_where(mask, tn_to(value, TN_DEVICE_DEFAULT, tn_tensor_dtype(self)), self);
  compose->results[0] = filled;
  return TN_OK;
}

/// self with value where mask holds, elementwise.
/// self: any dtype; mask: bool, a shape that broadcasts with self's; value: 0-dim, cast to self's
/// dtype. Returns the broadcast shape in self's dtype. gradient: to self where mask does not hold,
/// summed to value where it does. errors: INVALID_DTYPE for a mask that is not bool or a complex
/// value beside a real self; INVALID_ARGUMENT for a value with dimensions or shapes that do not
/// broadcast. source: ATen `masked_fill.Tensor`.
const tn_op_def tn_op_masked_fill_Tensor = {
    .schema = "masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor",
    .forms = TN_FORM_INPLACE,
    .promote = TN_PROMOTE_NONE,
    .exempt = 1u << 1 | 1u << 2,
    .compose = masked_fill_compose,
};

/// self with a number where mask holds, elementwise. As `masked_fill.Tensor`.
/// source: ATen `masked_fill.Scalar`.
const tn_op_def tn_op_masked_fill_Scalar = {
    .schema = "masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor",
    .forms = TN_FORM_INPLACE,
    .base = &tn_op_masked_fill_Tensor,
};
