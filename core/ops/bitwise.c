// SPDX-License-Identifier: Apache-2.0
//
// bitwise: operations on the bits of integers, which on bool are the truth functions. They carry no
// gradient, as no floating operand is admitted.

#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

/// Every bit inverted, elementwise; on bool, the truth value.
/// self: any shape, integer or bool. Returns self's shape and dtype.
/// errors: INVALID_DTYPE for floating and complex. source: ATen `bitwise_not`.
const tn_op_def tn_op_bitwise_not = {
    .schema = "bitwise_not(Tensor self) -> Tensor",
    .aliases = "bitwise_invert",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN__DTYPES_BITS,
};

/// self & other, bit by bit, elementwise.
/// self, other: shapes that broadcast, integer or bool. Returns the broadcast shape in the promoted
/// dtype. errors: INVALID_DTYPE for floating and complex, INVALID_ARGUMENT for shapes that do not
/// broadcast. source: ATen `bitwise_and.Tensor`.
const tn_op_def tn_op_bitwise_and_Tensor = {
    .schema = "bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_BITS,
};

/// self & other for a number other, elementwise. As `bitwise_and.Tensor`.
/// source: ATen `bitwise_and.Scalar`.
const tn_op_def tn_op_bitwise_and_Scalar = {
    .schema = "bitwise_and.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_bitwise_and_Tensor,
};

/// self | other, bit by bit, elementwise.
/// self, other: shapes that broadcast, integer or bool. Returns the broadcast shape in the promoted
/// dtype. errors: INVALID_DTYPE for floating and complex, INVALID_ARGUMENT for shapes that do not
/// broadcast. source: ATen `bitwise_or.Tensor`.
const tn_op_def tn_op_bitwise_or_Tensor = {
    .schema = "bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_BITS,
};

/// self | other for a number other, elementwise. As `bitwise_or.Tensor`.
/// source: ATen `bitwise_or.Scalar`.
const tn_op_def tn_op_bitwise_or_Scalar = {
    .schema = "bitwise_or.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_bitwise_or_Tensor,
};

/// self ^ other, bit by bit, elementwise.
/// self, other: shapes that broadcast, integer or bool. Returns the broadcast shape in the promoted
/// dtype. errors: INVALID_DTYPE for floating and complex, INVALID_ARGUMENT for shapes that do not
/// broadcast. source: ATen `bitwise_xor.Tensor`.
const tn_op_def tn_op_bitwise_xor_Tensor = {
    .schema = "bitwise_xor.Tensor(Tensor self, Tensor other) -> Tensor",
    .flags = TN_OP_POINTWISE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_BITS,
};

/// self ^ other for a number other, elementwise. As `bitwise_xor.Tensor`.
/// source: ATen `bitwise_xor.Scalar`.
const tn_op_def tn_op_bitwise_xor_Scalar = {
    .schema = "bitwise_xor.Scalar(Tensor self, Scalar other) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_bitwise_xor_Tensor,
};
