// SPDX-License-Identifier: Apache-2.0
//
// sort: elements in order along one dimension. The reference sorts pairs of value and position with
// the C library's qsort, which makes the order total: -0 equals 0, NaN is greater than everything,
// and of equal elements the one that stands first comes first, in descending order too.

#include <stdlib.h>

#include "reference.h"

// Where an operator's arguments stand; -1 where it has none such.
typedef struct sorting {
  int32_t dim_at, descending_at, k_at, stable_at;
  bool largest;              // descending_at says "largest", which is true where left out
  bool no_values, no_index;  // of the two results
} sorting;

static const sorting *row_of(const tn_sample *sample) { return sample->spec->data; }

// ---- samples -----------------------------------------------------------------------------------

typedef struct geometry {
  const char *name;
  uint32_t flags;
  int32_t ndim;
  int64_t sizes[4];
  int64_t dim, k;
  bool other_way;  // not the default order
} geometry;

static const geometry geometries[] = {
    {"last", 0, 2, {3, 5}, -1, 2, false},
    {"first", 0, 2, {5, 3}, 0, 3, true},
    {"middle", 0, 3, {2, 5, 3}, 1, 5, false},
    {"of one", 0, 2, {3, 1}, 1, 1, false},
    {"0-dim", 0, 0, {0}, 0, 1, true},
    {"0-dim, from behind", 0, 0, {0}, -1, 1, false},
    {"no lines", 0, 2, {0, 4}, 1, 2, false},
    {"empty lines", 0, 2, {3, 0}, 1, 0, false},
    {"one line", TN_SAMPLE_NO_GRAD, 1, {67}, 0, 9, false},
    {"one line, the other way", TN_SAMPLE_NO_GRAD, 1, {67}, -1, 66, true},
    {"a digit or two", TN_SAMPLE_NO_GRAD, 2, {2, 531}, 1, 531, true},
    {"columns", TN_SAMPLE_NO_GRAD, 2, {131, 19}, 0, 40, false},
    {"large rows", TN_SAMPLE_LARGE, 2, {11, 9001}, 1, 7, false},
    {"large columns", TN_SAMPLE_LARGE, 2, {4099, 21}, 0, 100, true},
    {"one large line", TN_SAMPLE_LARGE, 1, {150001}, 0, 1000, false},
    {"one large line, most of it", TN_SAMPLE_LARGE, 1, {150001}, 0, 140000, true},
};
enum { GEOMETRY_COUNT = sizeof geometries / sizeof geometries[0] };

static void set_value(tn_value *values, int32_t at, tn_value value, int32_t *count) {
  if (at < 0) return;
  values[at] = value;
  if (*count <= at) *count = at + 1;
}

// The arguments behind self, in the schema's order.
static void add_options(tn_sample *sample, const geometry *g) {
  if (sample == NULL) return;
  const sorting *row = row_of(sample);
  tn_value values[8];
  int32_t count = 1;
  for (int i = 0; i < 8; i++) values[i] = tn_value_none();
  set_value(values, row->k_at, tn_value_int(g->k), &count);
  set_value(values, row->stable_at, tn_value_bool(true), &count);
  set_value(values, row->dim_at, tn_value_int(g->dim), &count);
  if (g->other_way) {
    set_value(values, row->descending_at, tn_value_bool(!row->largest), &count);
  }
  for (int32_t i = 1; i < count; i++) tn_sample_value(sample, values[i]);
}

// All different for gradients, with many equal ones where there are none.
static void add_geometry(tn_samples *samples, const geometry *g) {
  tn_sample *sample = tn_sample_add(samples, g->name, g->flags);
  const tn_dtype dtype = tn_samples_dtype(samples);
  const tn_ints shape = tn_ints_of(g->sizes, g->ndim);
  if (g->flags == 0 && dtype != TN_BOOL) {
    tn_sample_distinct(sample, shape, dtype, tn_dtype_in(dtype, TN_DTYPES_UNSIGNED) ? 0 : -15, 1);
  } else if (g->flags == TN_SAMPLE_LARGE) {
    tn_sample_tensor(sample, shape, dtype, -3e4, 3e4);
  } else {
    tn_sample_tensor(sample, shape, dtype, -8, 8);
  }
  add_options(sample, g);
}

static bool is_served(const sorting *row, const geometry *g) {
  return row->dim_at >= 0 || g->dim == 0;
}

static void add_values(tn_samples *samples, const geometry *g, const double *given) {
  tn_sample *sample = tn_sample_add(samples, g->name, g->flags);
  double values[16];
  // What a negative number becomes as a uint64 is no double.
  const bool absolute = tn_dtype_in(tn_samples_dtype(samples), TN_DTYPES_UNSIGNED);
  for (int64_t i = 0; i < g->sizes[0]; i++) values[i] = absolute ? fabs(given[i]) : given[i];
  tn_sample_values(sample, tn_ints_of(g->sizes, g->ndim), tn_samples_dtype(samples), values);
  add_options(sample, g);
}

static void sort_samples(tn_samples *samples) {
  static const double specials[] = {2,  NAN, -0.0, 0,    INFINITY, NAN, -INFINITY,
                                    -3, 0,   -0.0, -NAN, 0.5,      7,   -INFINITY};
  static const geometry special[] = {
      {"special values", TN_SAMPLE_NO_GRAD, 1, {14}, 0, 11, false},
      {"special values, the other way", TN_SAMPLE_NO_GRAD, 1, {14}, 0, 6, true}};
  static const double extremes[] = {1e19, -1e19, 3e38, -3e38, 65504, -65504, 5e9, -5e9,
                                    1,    0,     -1,   255,   127,   -128,   3,   3};
  static const geometry extreme[] = {
      {"extreme values", TN_SAMPLE_NO_GRAD, 1, {16}, 0, 5, false},
      {"extreme values, the other way", TN_SAMPLE_NO_GRAD, 1, {16}, 0, 12, true}};
  const sorting *row = tn_samples_spec(samples)->data;
  for (int32_t i = 0; i < GEOMETRY_COUNT; i++) {
    if (is_served(row, &geometries[i])) add_geometry(samples, &geometries[i]);
  }
  for (int32_t i = 0; i < 2; i++) {
    if (tn_dtype_is_floating(tn_samples_dtype(samples))) {
      add_values(samples, &special[i], specials);
    }
    add_values(samples, &extreme[i], extremes);
  }
}

// ---- calls that must fail ----------------------------------------------------------------------

static void add_failing(tn_samples *samples, const char *name, const char *argument, tn_ints shape,
                        int64_t dim, int64_t k) {
  const geometry g = {.dim = dim, .k = k};
  tn_sample *sample = tn_sample_failing(samples, name, TN_OUT_OF_RANGE, argument);
  tn_sample_tensor(sample, shape, tn_samples_dtype(samples), -8, 8);
  add_options(sample, &g);
}

static void sort_errors(tn_samples *samples) {
  const sorting *row = tn_samples_spec(samples)->data;
  if (row->dim_at >= 0) {
    add_failing(samples, "dim too high", "dim", TN_SHAPE(2, 3), 2, 1);
    add_failing(samples, "dim too low", "dim", TN_SHAPE(2, 3), -3, 1);
    add_failing(samples, "dim of a 0-dim tensor", "dim", TN_SHAPE_SCALAR, 1, 1);
  }
  if (row->k_at < 0) return;
  add_failing(samples, "k too large", "k", TN_SHAPE(2, 3), 0, 3);
  add_failing(samples, "k negative", "k", TN_SHAPE(2, 3), 1, -1);
  add_failing(samples, "k of nothing", "k", TN_SHAPE(2, 0), 1, 1);
  add_failing(samples, "none of a 0-dim tensor", "k", TN_SHAPE_SCALAR, 0, 0);
  add_failing(samples, "two of a 0-dim tensor", "k", TN_SHAPE_SCALAR, 0, 2);
}

// ---- reference ---------------------------------------------------------------------------------

typedef struct place {
  double value;
  int64_t at;
} place;

static int compare(double a, double b) {
  if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
  return (a > b) - (a < b);
}
static int by_position(const place *a, const place *b) { return (a->at > b->at) - (a->at < b->at); }
static int ascending(const void *a, const void *b) {
  const place *x = a, *y = b;
  int order = compare(x->value, y->value);
  return order != 0 ? order : by_position(x, y);
}
static int descending(const void *a, const void *b) {
  const place *x = a, *y = b;
  int order = compare(y->value, x->value);
  return order != 0 ? order : by_position(x, y);
}

static void sort_reference(const tn_sample *sample, tn_expected *expected) {
  const sorting *row = row_of(sample);
  const tn_operand *self = &sample->operands[0];
  int32_t dim =
      reference_dim(row->dim_at < 0 ? 0 : tn_sample_int_at(sample, row->dim_at, -1), self->ndim);
  bool down =
      row->descending_at >= 0 && tn_sample_bool_at(sample, row->descending_at, row->largest);
  int64_t length = self->ndim == 0 ? 1 : self->sizes[dim], inner = 1, sizes[TN_SPEC_MAX_DIMS];
  int64_t kept = row->k_at < 0 ? length : tn_sample_int_at(sample, row->k_at, 0);
  for (int32_t d = dim + 1; d < self->ndim; d++) inner *= self->sizes[d];
  memcpy(sizes, self->sizes, sizeof sizes);
  if (self->ndim > 0) sizes[dim] = kept;
  double *values = row->no_values ? NULL : tn_expect(expected, self->dtype, self->ndim, sizes);
  double *index = row->no_index ? NULL : tn_expect(expected, TN_I64, self->ndim, sizes);
  place *line = malloc(sizeof *line * (size_t)length + 1);
  int64_t lines = length == 0 ? 0 : self->numel / length;
  for (int64_t l = 0; l < lines && line != NULL; l++) {
    int64_t from = l / inner * length * inner + l % inner;
    for (int64_t i = 0; i < length; i++) line[i] = (place){self->values[from + i * inner], i};
    qsort(line, (size_t)length, sizeof *line, down ? descending : ascending);
    for (int64_t i = 0; i < kept; i++) {
      int64_t to = (l / inner * kept + i) * inner + l % inner;
      if (values != NULL) values[to] = line[i].value;
      if (index != NULL) index[to] = (double)line[i].at;
    }
  }
  free(line);
}

#define SORTING                                                                   \
  .dtypes = TN_DTYPES_REAL, .samples = sort_samples, .reference = sort_reference, \
  .errors = sort_errors

const tn_op_spec tn_spec_sort = {
    .op = "sort",
    SORTING,
    .data = &(const sorting){.dim_at = 1, .descending_at = 2, .k_at = -1, .stable_at = -1}};

const tn_op_spec tn_spec_sort_stable = {
    .op = "sort.stable",
    SORTING,
    .data = &(const sorting){.stable_at = 1, .dim_at = 2, .descending_at = 3, .k_at = -1}};

const tn_op_spec tn_spec_argsort = {
    .op = "argsort",
    SORTING,
    .data = &(const sorting){
        .dim_at = 1, .descending_at = 2, .k_at = -1, .stable_at = -1, .no_values = true}};

const tn_op_spec tn_spec_argsort_stable = {
    .op = "argsort.stable",
    SORTING,
    .data = &(const sorting){
        .stable_at = 1, .dim_at = 2, .descending_at = 3, .k_at = -1, .no_values = true}};

const tn_op_spec tn_spec_msort = {
    .op = "msort",
    SORTING,
    .data = &(const sorting){
        .dim_at = -1, .descending_at = -1, .k_at = -1, .stable_at = -1, .no_index = true}};

const tn_op_spec tn_spec_topk = {
    .op = "topk",
    SORTING,
    .data = &(const sorting){
        .k_at = 1, .dim_at = 2, .descending_at = 3, .largest = true, .stable_at = -1}};
