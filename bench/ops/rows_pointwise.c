// SPDX-License-Identifier: Apache-2.0
//
// rows_pointwise: one number in, one number out: what costs memory alone, and what costs thought.

#include "ops.h"

enum { MILLION = 1 << 20, LARGE = 16 << 20, SIDE = 1024 };

static void make_two(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(MILLION), TN_F32);
  x[1] = positive(TN_SHAPE(MILLION), TN_F32);
}

static void make_two_doubles(tn_tensor **x) {
  x[0] = positive(TN_SHAPE(MILLION), TN_F64);
  x[1] = positive(TN_SHAPE(MILLION), TN_F64);
}

static void make_positive(tn_tensor **x) {
  x[0] = positive(TN_SHAPE(MILLION), TN_F32);
  x[1] = positive(TN_SHAPE(MILLION), TN_F32);
}

static void make_two_integers(tn_tensor **x) {
  x[0] = indices_below(TN_SHAPE(MILLION), 1000);
  x[1] = indices_below(TN_SHAPE(MILLION), 1000);
}

static void make_large(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(LARGE), TN_F32);
  x[1] = positive(TN_SHAPE(LARGE), TN_F32);
  x[2] = tn_zeros(TN_SHAPE(LARGE), .dtype = TN_F32);
}

static void make_square_and_row(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(SIDE, SIDE), TN_F32);
  x[1] = normal(TN_SHAPE(SIDE), TN_F32);
}

static void make_transposed(tn_tensor **x) {
  tn_tensor *y = normal(TN_SHAPE(SIDE, SIDE), TN_F32);
  x[0] = normal(TN_SHAPE(SIDE, SIDE), TN_F32);
  x[1] = then_release(y, tn_transpose(y, 0, 1));
}

static void make_where(tn_tensor **x) {
  make_two(x);
  x[2] = tn_gt(x[0], x[1]);
}

static tn_tensor *call_add(tn_tensor *const *x) { return tn_add(x[0], x[1]); }
static tn_tensor *call_mul(tn_tensor *const *x) { return tn_mul(x[0], x[1]); }
static tn_tensor *call_where(tn_tensor *const *x) { return tn_where(x[2], x[0], x[1]); }
static tn_tensor *call_exp(tn_tensor *const *x) { return tn_exp(x[0]); }
static tn_tensor *call_log(tn_tensor *const *x) { return tn_log(x[0]); }
static tn_tensor *call_sin(tn_tensor *const *x) { return tn_sin(x[0]); }
static tn_tensor *call_tanh(tn_tensor *const *x) { return tn_tanh(x[0]); }
static tn_tensor *call_erf(tn_tensor *const *x) { return tn_erf(x[0]); }
static tn_tensor *call_pow(tn_tensor *const *x) { return tn_pow(x[0], x[1]); }

// Into a tensor that is there, so that the system's fresh pages do not hide the kernel.
static tn_tensor *call_add_out(tn_tensor *const *x) {
  return tn_add_out(x[2], x[0], x[1]) == TN_OK ? tn_retain(x[2]) : NULL;
}

#define CHEAP "pointwise, cheap"
#define DEAR "pointwise, dear"

static const op_row rows[] = {
    {"add.f32", CHEAP, "add of 1M float32", make_two, call_add, NULL},
    {"mul.f32", CHEAP, "mul of 1M float32", make_two, call_mul, NULL},
    {"add.i64", CHEAP, "add of 1M int64", make_two_integers, call_add, NULL},
    {"add.row", CHEAP, "add of [1024, 1024] and [1024]", make_square_and_row, call_add, NULL},
    {"add.transposed", CHEAP, "add of [1024, 1024] and a transposed one", make_transposed, call_add,
     NULL},
    {"where.f32", CHEAP, "where of 1M float32", make_where, call_where, NULL},
    {"add.large", CHEAP, "add of 16M float32 into a tensor that is there", make_large, call_add_out,
     "bench_add_loop"},
    {"exp.f32", DEAR, "exp of 1M float32", make_two, call_exp, NULL},
    {"log.f32", DEAR, "log of 1M float32", make_positive, call_log, NULL},
    {"sin.f32", DEAR, "sin of 1M float32", make_two, call_sin, NULL},
    {"tanh.f32", DEAR, "tanh of 1M float32", make_two, call_tanh, NULL},
    {"erf.f32", DEAR, "erf of 1M float32", make_two, call_erf, NULL},
    {"pow.f32", DEAR, "pow of 1M float32", make_positive, call_pow, NULL},
    {"exp.f64", DEAR, "exp of 1M float64", make_two_doubles, call_exp, NULL},
    {"log.f64", DEAR, "log of 1M float64", make_two_doubles, call_log, NULL},
    {"sin.f64", DEAR, "sin of 1M float64", make_two_doubles, call_sin, NULL},
    {"tanh.f64", DEAR, "tanh of 1M float64", make_two_doubles, call_tanh, NULL},
    {"erf.f64", DEAR, "erf of 1M float64", make_two_doubles, call_erf, NULL},
    {"pow.f64", DEAR, "pow of 1M float64", make_two_doubles, call_pow, NULL},
};

const op_table pointwise_table = OP_TABLE(rows);
