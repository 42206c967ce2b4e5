// SPDX-License-Identifier: Apache-2.0
//
// arithmetic: sum, difference, product and quotient of two operands, broadcast and promoted to one
// dtype. A number takes the place of the second operand in the Scalar overloads, which run as the
// same operator. Products save, for each operand's gradient, only the other one.

#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

static tn_status add_check(tn__call *call, const void *attrs, tn_dtype key) {
  return tn__check_scalar(call, "alpha", ((const tn_add_Tensor_attrs *)attrs)->alpha, key);
}

static tn_status add_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_add_Tensor_attrs *attrs = tn_vjp_attrs(vjp);
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = grad_out[0];
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = tn__scaled(grad_out[0], tn__conjugate(attrs->alpha));
  return TN_OK;
}

/// self + alpha * other, elementwise; on bool, the truth of either.
/// self, other: shapes that broadcast, any dtypes. Returns the broadcast shape in the promoted
/// dtype. gradient: 1 and alpha. errors: INVALID_ARGUMENT for shapes that do not broadcast, a
/// fractional alpha beside integers or a complex one beside real operands. source: ATen
/// `add.Tensor`.
const tn_op_def tn_op_add_Tensor = {
    .schema = "add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_ALL,
    .check = add_check,
    .vjp = add_vjp,
};

/// self + alpha * other for a number other, elementwise. As `add.Tensor`.
/// source: ATen `add.Scalar`.
const tn_op_def tn_op_add_Scalar = {
    .schema = "add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_add_Tensor,
};

static tn_status sub_check(tn__call *call, const void *attrs, tn_dtype key) {
  return tn__check_scalar(call, "alpha", ((const tn_sub_Tensor_attrs *)attrs)->alpha, key);
}

static tn_status sub_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_sub_Tensor_attrs *attrs = tn_vjp_attrs(vjp);
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = grad_out[0];
  if (tn_vjp_needs(vjp, 1))
    grad_in[1] = tn_neg(tn__scaled(grad_out[0], tn__conjugate(attrs->alpha)));
  return TN_OK;
}

/// self - alpha * other, elementwise; unsigned integers wrap around.
/// self, other: shapes that broadcast, any dtypes but two bools. Returns the broadcast shape in the
/// promoted dtype. gradient: 1 and -alpha. errors: INVALID_ARGUMENT for shapes that do not
/// broadcast, a fractional alpha beside integers or a complex one beside real operands;
/// INVALID_DTYPE for two bools (logical_xor tells them apart). source: ATen `sub.Tensor`.
const tn_op_def tn_op_sub_Tensor = {
    .schema = "sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    .aliases = "subtract",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS | TN_DTYPES_COMPLEX,
    .check = sub_check,
    .vjp = sub_vjp,
};

/// self - alpha * other for a number other, elementwise. As `sub.Tensor`.
/// source: ATen `sub.Scalar`.
const tn_op_def tn_op_sub_Scalar = {
    .schema = "sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_sub_Tensor,
};

static tn_status mul_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = tn__times_conj(grad_out[0], tn_vjp_input(vjp, 1));
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = tn__times_conj(grad_out[0], tn_vjp_input(vjp, 0));
  return TN_OK;
}

/// self * other, elementwise; on bool, the truth of both.
/// self, other: shapes that broadcast, any dtypes. Returns the broadcast shape in the promoted
/// dtype. gradient: other and self. errors: INVALID_ARGUMENT for shapes that do
/// not broadcast. source: ATen `mul.Tensor`.
const tn_op_def tn_op_mul_Tensor = {
    .schema = "mul.Tensor(Tensor self, Tensor other) -> Tensor",
    .aliases = "multiply",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_ALL,
    .saves = {TN_SAVE_INPUT(1), TN_SAVE_INPUT(0)},
    .save_count = 2,
    .vjp = mul_vjp,
};

/// self * other for a number other, elementwise. As `mul.Tensor`. source: ATen `mul.Scalar`.
const tn_op_def tn_op_mul_Scalar = {
    .schema = "mul.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_mul_Tensor,
};

static tn_status div_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *other = tn_vjp_input(vjp, 1);
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = tn__over_conj(grad_out[0], other);
  if (tn_vjp_needs(vjp, 1)) {
    // Divided twice rather than by the square, which would overflow sooner.
    tn_tensor *slope = tn_div(tn_div(tn_vjp_input(vjp, 0), other), other);
    grad_in[1] = tn_neg(tn__times_conj(grad_out[0], slope));
  }
  return TN_OK;
}

/// self / other, elementwise; division by 0 gives an infinity or NaN.
/// self, other: shapes that broadcast, any dtypes. Returns the broadcast shape in the promoted
/// dtype; integers and bool become the default float dtype. gradient: 1 / other and -self /
/// other^2. errors: INVALID_ARGUMENT for shapes that do not broadcast. source:
/// ATen `div.Tensor`.
const tn_op_def tn_op_div_Tensor = {
    .schema = "div.Tensor(Tensor self, Tensor other) -> Tensor",
    .aliases = "divide,true_divide",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN__DTYPES_FIELDS,
    .saves = {TN_SAVE_INPUT(1), TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 2,
    .vjp = div_vjp,
};

/// self / other for a number other, elementwise. As `div.Tensor`. source: ATen `div.Scalar`.
const tn_op_def tn_op_div_Scalar = {
    .schema = "div.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_div_Tensor,
};
