// SPDX-License-Identifier: Apache-2.0
//
// comparison: relations, logic and bits of two operands. Small ranges, so that equal values occur.

#include "pointwise.h"

#define TENSOR_TENSOR .args = {POINTWISE_TENSOR, POINTWISE_TENSOR}, .arg_count = 2
#define TENSOR_NUMBER .args = {POINTWISE_TENSOR, POINTWISE_SCALAR}, .arg_count = 2

static double equal(double x, double y) { return x == y; }
static double unequal(double x, double y) { return x != y; }
static double less(double x, double y) { return x < y; }
static double at_most(double x, double y) { return x <= y; }
static double greater(double x, double y) { return x > y; }
static double at_least(double x, double y) { return x >= y; }
static double both(double x, double y) { return x != 0 && y != 0; }
static double either(double x, double y) { return x != 0 || y != 0; }
static double one_of(double x, double y) { return (x != 0) != (y != 0); }
static double bits_and(double x, double y) { return (double)((int64_t)x & (int64_t)y); }
static double bits_or(double x, double y) { return (double)((int64_t)x | (int64_t)y); }
static double bits_xor(double x, double y) { return (double)((int64_t)x ^ (int64_t)y); }

const tn_op_spec tn_spec_eq_Tensor = {
    .op = "eq.Tensor",
    .dtypes = TN_DTYPES_ALL,
    POINTWISE,
    .data =
        &(const pointwise){.g = equal, TENSOR_TENSOR, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_eq_Scalar = {
    .op = "eq.Scalar",
    .dtypes = TN_DTYPES_ALL,
    POINTWISE,
    .data =
        &(const pointwise){.g = equal, TENSOR_NUMBER, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_ne_Tensor = {
    .op = "ne.Tensor",
    .dtypes = TN_DTYPES_ALL,
    POINTWISE,
    .data =
        &(const pointwise){.g = unequal, TENSOR_TENSOR, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_ne_Scalar = {
    .op = "ne.Scalar",
    .dtypes = TN_DTYPES_ALL,
    POINTWISE,
    .data =
        &(const pointwise){.g = unequal, TENSOR_NUMBER, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_lt_Tensor = {
    .op = "lt.Tensor",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data =
        &(const pointwise){.g = less, TENSOR_TENSOR, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_lt_Scalar = {
    .op = "lt.Scalar",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data =
        &(const pointwise){.g = less, TENSOR_NUMBER, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_le_Tensor = {
    .op = "le.Tensor",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data =
        &(const pointwise){.g = at_most, TENSOR_TENSOR, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_le_Scalar = {
    .op = "le.Scalar",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data =
        &(const pointwise){.g = at_most, TENSOR_NUMBER, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_gt_Tensor = {
    .op = "gt.Tensor",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data =
        &(const pointwise){.g = greater, TENSOR_TENSOR, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_gt_Scalar = {
    .op = "gt.Scalar",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data =
        &(const pointwise){.g = greater, TENSOR_NUMBER, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_ge_Tensor = {
    .op = "ge.Tensor",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data = &(const pointwise){
        .g = at_least, TENSOR_TENSOR, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_ge_Scalar = {
    .op = "ge.Scalar",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data = &(const pointwise){
        .g = at_least, TENSOR_NUMBER, POINTWISE_RANGE(-2, 2), .result = TN_BOOL}};

const tn_op_spec tn_spec_logical_and = {
    .op = "logical_and",
    .dtypes = TN_DTYPES_ALL,
    POINTWISE,
    .data =
        &(const pointwise){.g = both, TENSOR_TENSOR, POINTWISE_RANGE(-1, 1), .result = TN_BOOL}};

const tn_op_spec tn_spec_logical_or = {
    .op = "logical_or",
    .dtypes = TN_DTYPES_ALL,
    POINTWISE,
    .data =
        &(const pointwise){.g = either, TENSOR_TENSOR, POINTWISE_RANGE(-1, 1), .result = TN_BOOL}};

const tn_op_spec tn_spec_logical_xor = {
    .op = "logical_xor",
    .dtypes = TN_DTYPES_ALL,
    POINTWISE,
    .data =
        &(const pointwise){.g = one_of, TENSOR_TENSOR, POINTWISE_RANGE(-1, 1), .result = TN_BOOL}};

const tn_op_spec tn_spec_bitwise_and_Tensor = {
    .op = "bitwise_and.Tensor",
    .dtypes = TN_DTYPES_INTEGER | TN_DTYPE_BIT(TN_BOOL),
    POINTWISE,
    .data = &(const pointwise){.g = bits_and, TENSOR_TENSOR, POINTWISE_RANGE(-100, 100)}};

const tn_op_spec tn_spec_bitwise_and_Scalar = {
    .op = "bitwise_and.Scalar",
    .dtypes = TN_DTYPES_INTEGER,
    POINTWISE,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.g = bits_and, TENSOR_NUMBER, POINTWISE_RANGE(-100, 100)}};

const tn_op_spec tn_spec_bitwise_or_Tensor = {
    .op = "bitwise_or.Tensor",
    .dtypes = TN_DTYPES_INTEGER | TN_DTYPE_BIT(TN_BOOL),
    POINTWISE,
    .data = &(const pointwise){.g = bits_or, TENSOR_TENSOR, POINTWISE_RANGE(-100, 100)}};

const tn_op_spec tn_spec_bitwise_or_Scalar = {
    .op = "bitwise_or.Scalar",
    .dtypes = TN_DTYPES_INTEGER,
    POINTWISE,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.g = bits_or, TENSOR_NUMBER, POINTWISE_RANGE(-100, 100)}};

const tn_op_spec tn_spec_bitwise_xor_Tensor = {
    .op = "bitwise_xor.Tensor",
    .dtypes = TN_DTYPES_INTEGER | TN_DTYPE_BIT(TN_BOOL),
    POINTWISE,
    .data = &(const pointwise){.g = bits_xor, TENSOR_TENSOR, POINTWISE_RANGE(-100, 100)}};

const tn_op_spec tn_spec_bitwise_xor_Scalar = {
    .op = "bitwise_xor.Scalar",
    .dtypes = TN_DTYPES_INTEGER,
    POINTWISE,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.g = bits_xor, TENSOR_NUMBER, POINTWISE_RANGE(-100, 100)}};
