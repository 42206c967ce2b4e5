// SPDX-License-Identifier: Apache-2.0
//
// rows_reduction: sums and their kin over each dimension, and running sums.

#include "ops.h"

enum { LARGE = 16 << 20, SIDE = 2048 };

static void make_large(tn_tensor **x) { x[0] = normal(TN_SHAPE(LARGE), TN_F32); }
static void make_square(tn_tensor **x) { x[0] = normal(TN_SHAPE(SIDE, SIDE), TN_F32); }
static void make_cube(tn_tensor **x) { x[0] = normal(TN_SHAPE(64, 256, 256), TN_F32); }

static tn_tensor *call_sum(tn_tensor *const *x) { return tn_sum(x[0]); }
static tn_tensor *call_sum_0(tn_tensor *const *x) { return tn_sum_dim(x[0], TN_INTS(0)); }
static tn_tensor *call_sum_1(tn_tensor *const *x) { return tn_sum_dim(x[0], TN_INTS(1)); }
static tn_tensor *call_mean_1(tn_tensor *const *x) { return tn_mean_dim(x[0], TN_INTS(1)); }
static tn_tensor *call_amax_0(tn_tensor *const *x) { return tn_amax(x[0], .dim = TN_INTS(0)); }
static tn_tensor *call_amax_1(tn_tensor *const *x) { return tn_amax(x[0], .dim = TN_INTS(1)); }
static tn_tensor *call_argmax_1(tn_tensor *const *x) { return tn_argmax(x[0], .dim = TN_INT(1)); }
static tn_tensor *call_var_1(tn_tensor *const *x) { return tn_var(x[0], .dim = TN_INTS(1)); }

#define REDUCTION "reduction"

static const op_row rows[] = {
    {"sum.large", REDUCTION, "sum of 16M float32", make_large, call_sum, "bench_sum_loop"},
    {"sum.0", REDUCTION, "sum of [2048, 2048] over dim 0", make_square, call_sum_0, NULL},
    {"sum.1", REDUCTION, "sum of [2048, 2048] over dim 1", make_square, call_sum_1, NULL},
    {"sum.middle", REDUCTION, "sum of [64, 256, 256] over dim 1", make_cube, call_sum_1, NULL},
    {"mean.1", REDUCTION, "mean of [2048, 2048] over dim 1", make_square, call_mean_1, NULL},
    {"amax.0", REDUCTION, "amax of [2048, 2048] over dim 0", make_square, call_amax_0, NULL},
    {"amax.1", REDUCTION, "amax of [2048, 2048] over dim 1", make_square, call_amax_1, NULL},
    {"argmax.1", REDUCTION, "argmax of [2048, 2048] over dim 1", make_square, call_argmax_1, NULL},
    {"var.1", REDUCTION, "var of [2048, 2048] over dim 1", make_square, call_var_1, NULL},
};

const op_table reduction_table = OP_TABLE(rows);
