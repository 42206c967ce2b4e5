// SPDX-License-Identifier: Apache-2.0
//
// abs_sign: the absolute value, the sign, and the negative of each element. The gradient of abs is
// written with sign, so it is 0 at 0, where abs has no derivative; sign itself is flat.

#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

static tn_status abs_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_mul(grad_out[0], tn_sign(tn_vjp_input(vjp, 0)));
  return TN_OK;
}

/// The absolute value |x|, elementwise. The smallest signed integer stays what it is.
/// self: any shape, integer or floating. Returns self's shape and dtype.
/// gradient: sign(x), which is 0 at 0.
/// errors: INVALID_DTYPE for bool and complex. source: ATen `abs`.
const tn_op_def tn_op_abs = {
    .schema = "abs(Tensor self) -> Tensor",
    .aliases = "absolute",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN__DTYPES_NUMBERS,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = abs_vjp,
};

static tn_status neg_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  (void)vjp;
  grad_in[0] = tn_neg(grad_out[0]);
  return TN_OK;
}

/// The negative -x, elementwise; unsigned integers wrap around.
/// self: any shape, any dtype but bool. Returns self's shape and dtype.
/// errors: INVALID_DTYPE for bool (logical_not inverts a mask). source: ATen `neg`.
const tn_op_def tn_op_neg = {
    .schema = "neg(Tensor self) -> Tensor",
    .aliases = "negative",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN__DTYPES_NUMBERS | TN_DTYPES_COMPLEX,
    .vjp = neg_vjp,
};

/// The sign: -1, 0 or 1, elementwise; NaN gives 0.
/// self: any shape, any real dtype. Returns self's shape and dtype.
/// gradient: 0. errors: INVALID_DTYPE for complex. source: ATen `sign`.
const tn_op_def tn_op_sign = {
    .schema = "sign(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_REAL,
    .vjp = tn__zero_vjp,
};

static tn_status positive_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  if (tn_tensor_dtype(self) == TN_BOOL) {
    return tn__op_error(compose->call, TN_INVALID_DTYPE, "self", "a bool has no sign");
  }
  compose->results[0] = self;
  return TN_OK;
}

/// self, as it is: the unary plus.
/// self: any shape, any dtype but bool. Returns self. errors: INVALID_DTYPE for bool.
/// source: ATen `positive`.
const tn_op_def tn_op_positive = {
    .schema = "positive(Tensor self) -> Tensor",
    .compose = positive_compose,
};
