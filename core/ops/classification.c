// SPDX-License-Identifier: Apache-2.0
//
// classification: which elements are NaN, infinite, finite. Answers are bool and carry no
// gradient; integers and bool are always finite.

#include <tenon/ops.h>

#include "op_def.h"

/// Whether each element is NaN.
/// self: any shape, any real dtype. Returns bool of self's shape, without a gradient.
/// errors: INVALID_DTYPE for complex. source: ATen `isnan`.
const tn_op_def tn_op_isnan = {
    .schema = "isnan(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_REAL,
};

/// Whether each element is positive or negative infinity.
/// self: any shape, any real dtype. Returns bool of self's shape, without a gradient.
/// errors: INVALID_DTYPE for complex. source: ATen `isinf`.
const tn_op_def tn_op_isinf = {
    .schema = "isinf(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_REAL,
};

/// Whether each element is neither infinite nor NaN.
/// self: any shape, any real dtype. Returns bool of self's shape, without a gradient.
/// errors: INVALID_DTYPE for complex. source: ATen `isfinite`.
const tn_op_def tn_op_isfinite = {
    .schema = "isfinite(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_REAL,
};
