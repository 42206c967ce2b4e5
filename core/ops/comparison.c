// SPDX-License-Identifier: Apache-2.0
//
// comparison: six relations between two operands, which are broadcast and promoted to one dtype
// before they are compared. Answers are bool and carry no gradient. A comparison with NaN is false,
// but for ne, which is true.

#include <tenon/ops.h>

#include "op_def.h"

/// self == other, elementwise.
/// self, other: shapes that broadcast, any dtype. Returns bool of the broadcast shape, without a
/// gradient. errors: INVALID_ARGUMENT for shapes that do not broadcast.
/// source: ATen `eq.Tensor`.
const tn_op_def tn_op_eq_Tensor = {
    .schema = "eq.Tensor(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_ALL,
};

/// self == other for a number other, elementwise. As `eq.Tensor`. source: ATen `eq.Scalar`.
const tn_op_def tn_op_eq_Scalar = {
    .schema = "eq.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_eq_Tensor,
};

/// self != other, elementwise.
/// self, other: shapes that broadcast, any dtype. Returns bool of the broadcast shape, without a
/// gradient. errors: INVALID_ARGUMENT for shapes that do not broadcast.
/// source: ATen `ne.Tensor`.
const tn_op_def tn_op_ne_Tensor = {
    .schema = "ne.Tensor(Tensor self, Tensor other) -> Tensor",
    .aliases = "not_equal",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_ALL,
};

/// self != other for a number other, elementwise. As `ne.Tensor`. source: ATen `ne.Scalar`.
const tn_op_def tn_op_ne_Scalar = {
    .schema = "ne.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_ne_Tensor,
};

/// self < other, elementwise.
/// self, other: shapes that broadcast, any real dtypes. Returns bool of the broadcast shape,
/// without a gradient. errors: INVALID_DTYPE for complex, INVALID_ARGUMENT for shapes that do not
/// broadcast. source: ATen `lt.Tensor`.
const tn_op_def tn_op_lt_Tensor = {
    .schema = "lt.Tensor(Tensor self, Tensor other) -> Tensor",
    .aliases = "less",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_REAL,
};

/// self < other for a number other, elementwise. As `lt.Tensor`. source: ATen `lt.Scalar`.
const tn_op_def tn_op_lt_Scalar = {
    .schema = "lt.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_lt_Tensor,
};

/// self <= other, elementwise.
/// self, other: shapes that broadcast, any real dtypes. Returns bool of the broadcast shape,
/// without a gradient. errors: INVALID_DTYPE for complex, INVALID_ARGUMENT for shapes that do not
/// broadcast. source: ATen `le.Tensor`.
const tn_op_def tn_op_le_Tensor = {
    .schema = "le.Tensor(Tensor self, Tensor other) -> Tensor",
    .aliases = "less_equal",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_REAL,
};

/// self <= other for a number other, elementwise. As `le.Tensor`. source: ATen `le.Scalar`.
const tn_op_def tn_op_le_Scalar = {
    .schema = "le.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_le_Tensor,
};

/// self > other, elementwise.
/// self, other: shapes that broadcast, any real dtypes. Returns bool of the broadcast shape,
/// without a gradient. errors: INVALID_DTYPE for complex, INVALID_ARGUMENT for shapes that do not
/// broadcast. source: ATen `gt.Tensor`.
const tn_op_def tn_op_gt_Tensor = {
    .schema = "gt.Tensor(Tensor self, Tensor other) -> Tensor",
    .aliases = "greater",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_REAL,
};

/// self > other for a number other, elementwise. As `gt.Tensor`. source: ATen `gt.Scalar`.
const tn_op_def tn_op_gt_Scalar = {
    .schema = "gt.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_gt_Tensor,
};

/// self >= other, elementwise.
/// self, other: shapes that broadcast, any real dtypes. Returns bool of the broadcast shape,
/// without a gradient. errors: INVALID_DTYPE for complex, INVALID_ARGUMENT for shapes that do not
/// broadcast. source: ATen `ge.Tensor`.
const tn_op_def tn_op_ge_Tensor = {
    .schema = "ge.Tensor(Tensor self, Tensor other) -> Tensor",
    .aliases = "greater_equal",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_REAL,
};

/// self >= other for a number other, elementwise. As `ge.Tensor`. source: ATen `ge.Scalar`.
const tn_op_def tn_op_ge_Scalar = {
    .schema = "ge.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_ge_Tensor,
};
