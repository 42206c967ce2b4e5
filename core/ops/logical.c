// SPDX-License-Identifier: Apache-2.0
//
// logical: the truth functions. An element is true when it is not zero (NaN is true); answers are
// bool, whatever the operands' dtype, and carry no gradient.

#include <tenon/ops.h>

#include "op_def.h"

/// Whether each element is zero.
/// self: any shape, any dtype. Returns bool of self's shape, without a gradient. source: ATen
/// `logical_not`.
const tn_op_def tn_op_logical_not = {
    .schema = "logical_not(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_ALL,
};

/// Whether both elements are true.
/// self, other: shapes that broadcast, any dtypes. Returns bool of the broadcast shape, without a
/// gradient. errors: INVALID_ARGUMENT for shapes that do not broadcast. source: ATen `logical_and`.
const tn_op_def tn_op_logical_and = {
    .schema = "logical_and(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_ALL,
};

/// Whether one element or both are true.
/// self, other: shapes that broadcast, any dtypes. Returns bool of the broadcast shape, without a
/// gradient. errors: INVALID_ARGUMENT for shapes that do not broadcast. source: ATen `logical_or`.
const tn_op_def tn_op_logical_or = {
    .schema = "logical_or(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_ALL,
};

/// Whether exactly one of the elements is true.
/// self, other: shapes that broadcast, any dtypes. Returns bool of the broadcast shape, without a
/// gradient. errors: INVALID_ARGUMENT for shapes that do not broadcast. source: ATen `logical_xor`.
const tn_op_def tn_op_logical_xor = {
    .schema = "logical_xor(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_ALL,
};
