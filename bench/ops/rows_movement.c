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

static void make_pairs(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(1024, 1024), TN_F32);
  x[1] = indices_below(TN_SHAPE(MILLION), 1024);
  tn_manual_seed(2);
  x[2] = tn_randint(0, 1024, TN_SHAPE(MILLION));
}

static void make_mask(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(MILLION), TN_F32);
  x[1] = tn_gt_scalar(x[0], 0);
}

static void make_table_and_values(tn_tensor **x) {
  make_table(x);
  x[2] = normal(TN_SHAPE(CHOSEN, WIDTH), TN_F32);
}

static void make_line(tn_tensor **x) { x[0] = normal(TN_SHAPE(MILLION), TN_F32); }
static void make_integers(tn_tensor **x) {
  x[0] = indices_below(TN_SHAPE(MILLION), INT64_C(1) << 40);
}
static void make_few_integers(tn_tensor **x) { x[0] = indices_below(TN_SHAPE(MILLION), 1000); }
static void make_thousand_rows(tn_tensor **x) { x[0] = normal(TN_SHAPE(1000, 1000), TN_F32); }

static void make_boundaries(tn_tensor **x) {
  x[0] = tn_linspace(0, 1, 65536, .dtype = TN_F32);
  x[1] = positive(TN_SHAPE(MILLION), TN_F32);
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

static tn_tensor *call_index(tn_tensor *const *x) { return tn_index(x[0], TN_TENSORS(x[1])); }
static tn_tensor *call_index_pairs(tn_tensor *const *x) {
  return tn_index(x[0], TN_TENSORS(x[1], x[2]));
}
static tn_tensor *call_index_put(tn_tensor *const *x) {
  return tn_index_put_(x[0], TN_TENSORS(x[1]), x[2]) == TN_OK ? tn_retain(x[0]) : NULL;
}
static tn_tensor *call_nonzero(tn_tensor *const *x) { return tn_nonzero(x[1]); }
static tn_tensor *call_sort(tn_tensor *const *x) { return tn_sort(x[0], NULL); }
static tn_tensor *call_sort_0(tn_tensor *const *x) { return tn_sort(x[0], NULL, .dim = 0); }
static tn_tensor *call_topk_100(tn_tensor *const *x) { return tn_topk(x[0], 100, NULL); }
static tn_tensor *call_topk_10(tn_tensor *const *x) { return tn_topk(x[0], 10, NULL); }
static tn_tensor *call_unique(tn_tensor *const *x) { return tn_aten_unique2(x[0], NULL, NULL); }
static tn_tensor *call_searchsorted(tn_tensor *const *x) {
  return tn_searchsorted(x[0], x[1], TN_NONE);
}

#define COPY "copy"
#define INDEXING "gather, scatter, index"
#define SORTING "sort, search"

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
    {"index.rows", INDEXING, "index: 50,000 rows of 64 out of 100,000", make_table, call_index,
     NULL},
    {"index.elements", INDEXING, "index: 1M elements of [1024, 1024]", make_pairs, call_index_pairs,
     NULL},
    {"index.mask", INDEXING, "index: half of 1M by a mask", make_mask, call_index, NULL},
    {"index_put.rows", INDEXING, "index_put_: 50,000 rows of 64", make_table_and_values,
     call_index_put, NULL},
    {"nonzero", INDEXING, "nonzero of 1M bool, half of them true", make_mask, call_nonzero, NULL},
    {"sort.f32", SORTING, "sort of 1M float32", make_line, call_sort, NULL},
    {"sort.i64", SORTING, "sort of 1M int64", make_integers, call_sort, NULL},
    {"sort.rows", SORTING, "sort of [1000, 1000] along dim 1", make_thousand_rows, call_sort, NULL},
    {"sort.0", SORTING, "sort of [1000, 1000] along dim 0", make_thousand_rows, call_sort_0, NULL},
    {"topk", SORTING, "the 100 largest of 1M float32", make_line, call_topk_100, NULL},
    {"topk.rows", SORTING, "the 10 largest of each row of [1000, 1000]", make_thousand_rows,
     call_topk_10, NULL},
    {"unique", SORTING, "unique of 1M int64 below 1000", make_few_integers, call_unique, NULL},
    {"searchsorted", SORTING, "1M float32 in 65536", make_boundaries, call_searchsorted, NULL},
};

const op_table movement_table = OP_TABLE(rows);
