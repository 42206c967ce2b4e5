// SPDX-License-Identifier: Apache-2.0
//
// division: quotients rounded to integers, and the remainder that belongs to the quotient rounded
// down: self == other * floor(self / other) + remainder, with the remainder's sign that of other.
// A rounded quotient is flat between its jumps, so its gradient is zero; an unrounded one (no mode)
// is plain division.

#include <string.h>
#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

// The canonical literal for |mode|, which may live no longer than the call: "" for no rounding,
// NULL for a mode that nobody knows.
static const char *rounding_mode(const char *mode) {
  if (mode == NULL || mode[0] == '\0') return "";
  if (strcmp(mode, "floor") == 0) return "floor";
  if (strcmp(mode, "trunc") == 0) return "trunc";
  return NULL;
}

static tn_status unknown_mode(tn__call *call, const char *mode) {
  return tn__op_error(call, TN_INVALID_ARGUMENT, "rounding_mode",
                      "\"%s\" is neither \"floor\" nor \"trunc\"", mode);
}

static tn_status div_mode_infer(tn_infer *infer) {
  tn_div_Tensor_mode_attrs *attrs = infer->attrs;
  const char *mode = rounding_mode(attrs->rounding_mode);
  if (mode == NULL) return unknown_mode(infer->call, attrs->rounding_mode);
  attrs->rounding_mode = mode[0] == '\0' ? NULL : mode;
  if (mode[0] == '\0' && !tn_dtype_is_floating(infer->key)) {
    infer->key = tn_default_dtype();
    infer->results[0].dtype = infer->key;
  }
  return tn__infer_pointwise(infer);
}

static tn_status div_mode_compose(tn_compose *compose) {
  const tn_div_Tensor_mode_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *other = compose->inputs[1];
  const char *mode = rounding_mode(attrs->rounding_mode);
  if (mode == NULL) return unknown_mode(compose->call, attrs->rounding_mode);
  if (mode[0] != '\0') {
    return tn__op_error(compose->call, TN_UNIMPLEMENTED, "rounding_mode",
                        "no kernel divides with rounding mode \"%s\"", mode);
  }
  compose->results[0] = tn_div(self, other);
  return TN_OK;
}

static tn_status div_mode_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_div_Tensor_mode_attrs *attrs = tn_vjp_attrs(vjp);
  const bool flat = rounding_mode(attrs->rounding_mode)[0] != '\0';
  tn_tensor *other = tn_vjp_input(vjp, 1);
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = flat ? tn_zeros_like(grad_out[0]) : tn_div(grad_out[0], other);
  }
  if (tn_vjp_needs(vjp, 1)) {
    tn_tensor *slope = flat ? NULL : tn_div(tn_div(tn_vjp_input(vjp, 0), other), other);
    grad_in[1] = flat ? tn_zeros_like(grad_out[0]) : tn_neg(tn_mul(grad_out[0], slope));
  }
  return TN_OK;
}

/// self / other, rounded down (rounding_mode "floor"), towards zero ("trunc") or not at all (none).
/// self, other: shapes that broadcast, integer or floating (one may be bool). Returns the broadcast
/// shape in the promoted dtype; without rounding, as `div.Tensor`. Integer division by 0 is an
/// error of the kernel's. gradient: 0 where rounded.
/// errors: INVALID_ARGUMENT for another mode or shapes that do not broadcast; INVALID_DTYPE for two
/// bools and complex. source: ATen `div.Tensor_mode`; Python's `//` for "floor".
const tn_op_def tn_op_div_Tensor_mode = {
    .schema = "div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS,
    .infer = div_mode_infer,
    .compose = div_mode_compose,
    .saves = {TN_SAVE_INPUT(1), TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 2,
    .vjp = div_mode_vjp,
};

/// self / other for a number other, rounded. As `div.Tensor_mode`. source: ATen `div.Scalar_mode`.
const tn_op_def tn_op_div_Scalar_mode = {
    .schema = "div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_div_Tensor_mode,
};

static tn_status remainder_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = grad_out[0];
  if (tn_vjp_needs(vjp, 1)) {
    tn_tensor *quotient = tn_div_mode(tn_vjp_input(vjp, 0), tn_vjp_input(vjp, 1), "floor");
    grad_in[1] = tn_neg(tn_mul(grad_out[0], quotient));
  }
  return TN_OK;
}

/// self - other * floor(self / other), elementwise: the remainder with the sign of other.
/// self, other: shapes that broadcast, integer or floating (one may be bool). Returns the broadcast
/// shape in the promoted dtype; floating NaN for other == 0. gradient: 1 and -floor(self / other).
/// errors: INVALID_ARGUMENT for shapes that do not broadcast; INVALID_DTYPE for two bools and
/// complex. source: ATen `remainder.Tensor`; Python's `%`.
const tn_op_def tn_op_remainder_Tensor = {
    .schema = "remainder.Tensor(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS,
    .saves = {0, TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 2,
    .vjp = remainder_vjp,
};

/// The remainder by a number other, elementwise. As `remainder.Tensor`.
/// source: ATen `remainder.Scalar`.
const tn_op_def tn_op_remainder_Scalar = {
    .schema = "remainder.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_remainder_Tensor,
};

static tn_status floor_divide_compose(tn_compose *compose) {
  compose->results[0] = tn_div_mode(compose->inputs[0], compose->inputs[1], "floor");
  return TN_OK;
}

/// floor(self / other), elementwise: `div.Tensor_mode` with "floor", under its other name.
/// self, other: shapes that broadcast, integer or floating (one may be bool). Returns the broadcast
/// shape in the promoted dtype. gradient: 0. errors: INVALID_ARGUMENT for shapes that do not
/// broadcast and for an integer divided by 0; INVALID_DTYPE for two bools and complex.
/// source: ATen `floor_divide`.
const tn_op_def tn_op_floor_divide = {
    .schema = "floor_divide(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS,
    .compose = floor_divide_compose,
};

/// floor(self / other) for a number other, elementwise. As `floor_divide`.
/// source: ATen `floor_divide.Scalar`.
const tn_op_def tn_op_floor_divide_Scalar = {
    .schema = "floor_divide.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_floor_divide,
};
