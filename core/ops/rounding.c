// SPDX-License-Identifier: Apache-2.0
//
// rounding: to an integer downwards, upwards, to the nearest and towards zero. Integers are whole
// already and come back as a copy. All are flat between their jumps, so their gradient is zero.

#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

/// The largest integer not above x, elementwise; integers are copied.
/// self: any shape, integer or floating. Returns self's shape and dtype.
/// gradient: 0. errors: INVALID_DTYPE for bool and complex. source: ATen `floor`.
const tn_op_def tn_op_floor = {
    .schema = "floor(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN__DTYPES_NUMBERS,
    .vjp = tn__zero_vjp,
};

/// The smallest integer not below x, elementwise; integers are copied.
/// self: any shape, integer or floating. Returns self's shape and dtype.
/// gradient: 0. errors: INVALID_DTYPE for bool and complex. source: ATen `ceil`.
const tn_op_def tn_op_ceil = {
    .schema = "ceil(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN__DTYPES_NUMBERS,
    .vjp = tn__zero_vjp,
};

/// The nearest integer, halves to the even one, elementwise; integers are copied.
/// self: any shape, integer or floating. Returns self's shape and dtype.
/// gradient: 0. errors: INVALID_DTYPE for bool and complex.
/// source: IEEE 754 roundToIntegralTiesToEven; ATen `round`.
const tn_op_def tn_op_round = {
    .schema = "round(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN__DTYPES_NUMBERS,
    .vjp = tn__zero_vjp,
};

/// The integer part of x: rounded towards zero, elementwise; integers are copied.
/// self: any shape, integer or floating. Returns self's shape and dtype.
/// gradient: 0. errors: INVALID_DTYPE for bool and complex. source: ATen `trunc`.
const tn_op_def tn_op_trunc = {
    .schema = "trunc(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN__DTYPES_NUMBERS,
    .vjp = tn__zero_vjp,
};
