// SPDX-License-Identifier: Apache-2.0
//
// unary: operators of one operand, elementwise. The C library's double functions are the reference.

#include "pointwise.h"

static double negative(double x) { return -x; }
static double sign(double x) { return isnan(x) ? 0 : (x > 0) - (x < 0); }
static double square(double x) { return x * x; }
static double _Complex complex_negative(double _Complex x) { return -x; }
static double _Complex complex_square(double _Complex x) { return x * x; }
static double rectified(double x) { return isnan(x) ? x : x > 0 ? x : 0; }
static double to_even(double x) { return rint(x); }

const tn_op_spec tn_spec_abs = {
    .op = "abs",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .data = &(const pointwise){.f = fabs, .arg_count = 1, POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_neg = {
    .op = "neg",
    .dtypes = POINTWISE_NUMBERS | TN_DTYPES_COMPLEX,
    .flags = TN_SPEC_COMPLEX,
    POINTWISE,
    .data = &(const pointwise){
        .f = negative, .fc = complex_negative, .arg_count = 1, POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_sign = {
    .op = "sign",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data = &(const pointwise){.f = sign, .arg_count = 1, POINTWISE_RANGE(-3, 3)}};

const tn_op_spec tn_spec_square = {
    .op = "square",
    .dtypes = POINTWISE_NUMBERS | TN_DTYPES_COMPLEX,
    .flags = TN_SPEC_COMPLEX,
    POINTWISE,
    .complex_ulps = 3,
    .data = &(const pointwise){
        .f = square, .fc = complex_square, .arg_count = 1, POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_relu = {
    .op = "relu",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .data = &(const pointwise){.f = rectified, .arg_count = 1, POINTWISE_RANGE(-3, 3)}};

// ---- rounding: integers stay what they are -----------------------------------------------------

const tn_op_spec tn_spec_floor = {
    .op = "floor",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .data = &(const pointwise){.f = floor, .arg_count = 1, POINTWISE_RANGE(-9, 9)}};

const tn_op_spec tn_spec_ceil = {
    .op = "ceil",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .data = &(const pointwise){.f = ceil, .arg_count = 1, POINTWISE_RANGE(-9, 9)}};

const tn_op_spec tn_spec_round = {
    .op = "round",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .data = &(const pointwise){.f = to_even, .arg_count = 1, POINTWISE_RANGE(-9, 9)}};

const tn_op_spec tn_spec_trunc = {
    .op = "trunc",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .data = &(const pointwise){.f = trunc, .arg_count = 1, POINTWISE_RANGE(-9, 9)}};

// ---- floating results; integers become float32 -------------------------------------------------

static double reciprocal(double x) { return 1 / x; }
static double reciprocal_root(double x) { return 1 / sqrt(x); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

const tn_op_spec tn_spec_sqrt = {
    .op = "sqrt",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 0.51,
    .data = &(const pointwise){.f = sqrt, .arg_count = 1, POINTWISE_RANGE(0.25, 9)}};

const tn_op_spec tn_spec_rsqrt = {
    .op = "rsqrt",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 2,
    .data = &(const pointwise){.f = reciprocal_root, .arg_count = 1, POINTWISE_RANGE(0.25, 9)}};

const tn_op_spec tn_spec_reciprocal = {
    .op = "reciprocal",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 1,
    .data = &(const pointwise){.f = reciprocal, .arg_count = 1, POINTWISE_RANGE(0.5, 9)}};

const tn_op_spec tn_spec_exp = {
    .op = "exp",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 2,
    .data = &(const pointwise){.f = exp, .arg_count = 1, POINTWISE_RANGE(-3, 3)}};

const tn_op_spec tn_spec_expm1 = {
    .op = "expm1",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 3,
    .data = &(const pointwise){.f = expm1, .arg_count = 1, POINTWISE_RANGE(-3, 3)}};

const tn_op_spec tn_spec_log = {
    .op = "log",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 2,
    .data = &(const pointwise){.f = log, .arg_count = 1, POINTWISE_RANGE(0.25, 9)}};

const tn_op_spec tn_spec_log1p = {
    .op = "log1p",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 3,
    .data = &(const pointwise){.f = log1p, .arg_count = 1, POINTWISE_RANGE(-0.75, 9)}};

const tn_op_spec tn_spec_sin = {
    .op = "sin",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 2,
    .data = &(const pointwise){.f = sin, .arg_count = 1, POINTWISE_RANGE(-7, 7)}};

const tn_op_spec tn_spec_cos = {
    .op = "cos",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 2,
    .data = &(const pointwise){.f = cos, .arg_count = 1, POINTWISE_RANGE(-7, 7)}};

const tn_op_spec tn_spec_tanh = {
    .op = "tanh",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 3,
    .data = &(const pointwise){.f = tanh, .arg_count = 1, POINTWISE_RANGE(-3, 3)}};

const tn_op_spec tn_spec_sigmoid = {
    .op = "sigmoid",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 3,
    .data = &(const pointwise){.f = sigmoid, .arg_count = 1, POINTWISE_RANGE(-4, 4)}};

const tn_op_spec tn_spec_erf = {
    .op = "erf",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 4,
    .data = &(const pointwise){.f = erf, .arg_count = 1, POINTWISE_RANGE(-2, 2)}};

// ---- questions and bits ------------------------------------------------------------------------

static double is_nan(double x) { return isnan(x); }
static double is_inf(double x) { return isinf(x) != 0; }
static double is_finite(double x) { return isfinite(x) != 0; }
static double is_zero(double x) { return x == 0; }
static double complement(const double *x, const tn_sample *sample) {
  return sample->operands[0].dtype == TN_BOOL ? x[0] == 0 : -x[0] - 1;
}

const tn_op_spec tn_spec_isnan = {
    .op = "isnan",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data =
        &(const pointwise){.f = is_nan, .arg_count = 1, POINTWISE_RANGE(-3, 3), .result = TN_BOOL}};

const tn_op_spec tn_spec_isinf = {
    .op = "isinf",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data =
        &(const pointwise){.f = is_inf, .arg_count = 1, POINTWISE_RANGE(-3, 3), .result = TN_BOOL}};

const tn_op_spec tn_spec_isfinite = {
    .op = "isfinite",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data = &(const pointwise){
        .f = is_finite, .arg_count = 1, POINTWISE_RANGE(-3, 3), .result = TN_BOOL}};

const tn_op_spec tn_spec_logical_not = {
    .op = "logical_not",
    .dtypes = TN_DTYPES_ALL,
    POINTWISE,
    .data = &(const pointwise){
        .f = is_zero, .arg_count = 1, POINTWISE_RANGE(-1, 1), .result = TN_BOOL}};

const tn_op_spec tn_spec_bitwise_not = {
    .op = "bitwise_not",
    .dtypes = TN_DTYPES_INTEGER | TN_DTYPE_BIT(TN_BOOL),
    POINTWISE,
    .data = &(const pointwise){.h = complement, .arg_count = 1, POINTWISE_RANGE(-100, 100)}};
