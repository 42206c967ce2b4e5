// SPDX-License-Identifier: Apache-2.0
//
// rows_movement: what moves numbers without changing them: copies, indexing, sorting.

#include "ops.h"

enum { MILLION = 1 << 20, SIDE = 4096, ROWS = 100000, WIDTH = 64, CHOSEN = 50000 };

static void make_square(tn_tensor **x) { x[0] = normal(TN_SHAPE(SIDE, SIDE), TN_F32); }

static void make_three(tn_tensor **x) {
  for (int i = 0; i < 3; i++) x[i] = normal(TN_SHAPE(512, 1024), TN_F32);
}

static void make_table(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(ROWS, WIDTH), TN_F32);
  x[1] = indices_below(TN_SHAPE(CHOSEN), ROWS);
}

static void make_elements(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(1024, 1024), TN_F32);
  x[1] = indices_below(TN_SHAPE(1024, 1024), 1024);
  x[2] = normal(TN_SHAPE(1024, 1024), TN_F32);
}

static tn_tensor *call_transpose(tn_tensor *const *x) {
  tn_tensor *view = tn_transpose(x[0], 0, 1);
  return then_release(view, tn_contiguous(view));
}
static tn_tensor *call_cat_0(tn_tensor *const *x) {
  return tn_cat(TN_TENSORS(x[0], x[1], x[2]), .dim = 0);
}
static tn_tensor *call_cat_1(tn_tensor *const *x) {
  return tn_cat(TN_TENSORS(x[0], x[1], x[2]), .dim = 1);
}
static tn_tensor *call_index_select(tn_tensor *const *x) { return tn_index_select(x[0], 0, x[1]); }
static tn_tensor *call_gather_1(tn_tensor *const *x) { return tn_gather(x[0], 1, x[1]); }
static tn_tensor *call_gather_0(tn_tensor *const *x) { return tn_gather(x[0], 0, x[1]); }
static tn_tensor *call_scatter(tn_tensor *const *x) { return tn_scatter(x[0], 1, x[1], x[2]); }
static tn_tensor *call_scatter_add(tn_tensor *const *x) {
  return tn_scatter_add(x[0], 1, x[1], x[2]);
}

#define COPY "copy"
#define INDEXING "gather, scatter, index"

static const op_row rows[] = {
    {"transpose", COPY, "a copy of [4096, 4096] transposed", make_square, call_transpose, NULL},
    {"cat.0", COPY, "cat of three [512, 1024] along dim 0", make_three, call_cat_0, NULL},
    {"cat.1", COPY, "cat of three [512, 1024] along dim 1", make_three, call_cat_1, NULL},
    {"index_select", INDEXING, "50,000 rows of 64 out of 100,000", make_table, call_index_select,
     NULL},
    {"gather.1", INDEXING, "gather of [1024, 1024] along dim 1", make_elements, call_gather_1,
     NULL},
    {"gather.0", INDEXING, "gather of [1024, 1024] along dim 0", make_elements, call_gather_0,
     NULL},
    {"scatter", INDEXING, "scatter into [1024, 1024] along dim 1", make_elements, call_scatter,
     NULL},
    {"scatter_add", INDEXING, "scatter_add into [1024, 1024] along dim 1", make_elements,
     call_scatter_add, NULL},
};

const op_table movement_table = OP_TABLE(rows);
