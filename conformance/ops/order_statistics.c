// SPDX-License-Identifier: Apache-2.0
//
// order_statistics: single elements of the sorted order, and bincount. The reference finds the k-th
// smallest of a group by counting what goes before each element: what is smaller, and of equal ones
// what stands before it; NaN is greater than everything.

#include <stdlib.h>

#include "reference.h"

typedef struct statistic {
  int32_t k_at, dim_at, keepdim_at;  // 0: no such argument
  bool nan_wins;                     // one NaN makes the result NaN
} statistic;

typedef struct geometry {
  const char *name;
  uint32_t flags;
  int32_t ndim;
  int64_t sizes[3], dim, k;
  bool keepdim;
} geometry;

static const geometry geometries[] = {
    {"last", 0, 2, {3, 5}, -1, 2, false},
    {"first, kept", 0, 2, {4, 3}, 0, 4, true},
    {"middle", 0, 3, {2, 5, 2}, 1, 1, false},
    {"of one", 0, 2, {3, 1}, 1, 1, false},
    {"0-dim", 0, 0, {0}, 0, 1, true},
    {"0-dim, from behind", 0, 0, {0}, -1, 1, false},
    {"no lines", 0, 2, {0, 4}, 1, 2, true},
    {"long", TN_SAMPLE_NO_GRAD, 1, {67}, 0, 30, false},
    {"large", TN_SAMPLE_LARGE, 2, {170, 401}, 1, 11, false},
};
enum { GEOMETRY_COUNT = sizeof geometries / sizeof geometries[0] };

static void add_options(tn_sample *sample, const statistic *row, const geometry *g) {
  if (row->k_at > 0) tn_sample_int(sample, g->k);
  if (row->dim_at > 0) tn_sample_int(sample, g->dim);
  if (row->keepdim_at > 0) tn_sample_bool(sample, g->keepdim);
}

static void statistic_samples(tn_samples *samples) {
  static const double specials[] = {1, NAN, 3, 0, INFINITY, -0.0, NAN, 2, 5, -INFINITY, 1, 1};
  const statistic *row = tn_samples_spec(samples)->data;
  const tn_dtype dtype = tn_samples_dtype(samples);
  for (int32_t i = 0; i < GEOMETRY_COUNT; i++) {
    const geometry *g = &geometries[i];
    const tn_ints shape = tn_ints_of(g->sizes, g->ndim);
    if (row->dim_at == 0 && g->ndim > 1 && g->sizes[0] == 0) continue;
    tn_sample *sample = tn_sample_add(samples, g->name, g->flags);
    if (g->flags == 0) {
      tn_sample_distinct(sample, shape, dtype, tn_dtype_in(dtype, TN_DTYPES_UNSIGNED) ? 0 : -9, 1);
    } else {
      tn_sample_tensor(sample, shape, dtype, -8, 8);
    }
    add_options(sample, row, g);
  }
  if (!tn_dtype_is_floating(dtype)) return;
  static const geometry special = {"", 0, 2, {3, 4}, 1, 3, false};
  tn_sample *sample = tn_sample_add(samples, "special values", TN_SAMPLE_NO_GRAD);
  tn_sample_values(sample, TN_SHAPE(3, 4), dtype, specials);
  add_options(sample, row, &special);
  if (row->dim_at > 0) return;
  sample = tn_sample_add(samples, "no elements", TN_SAMPLE_NO_GRAD);
  tn_sample_tensor(sample, TN_SHAPE(2, 0), dtype, 0, 1);
}

static bool goes_before(const double *x, int64_t a, int64_t b) {
  if (isnan(x[a]) || isnan(x[b])) return isnan(x[a]) == isnan(x[b]) ? a < b : isnan(x[b]);
  return x[a] < x[b] || (x[a] == x[b] && a < b);
}

// The position of the k-th smallest of |count|, from 1.
static int64_t find_kth(const double *x, int64_t count, int64_t k, bool nan_wins) {
  int64_t found = 0;
  for (int64_t i = 0; i < count; i++) {
    if (nan_wins && isnan(x[i])) return i;
    int64_t before = 0;
    for (int64_t j = 0; j < count && before < k; j++) before += goes_before(x, j, i);
    if (before == k - 1) found = i;
  }
  return found;
}

static void statistic_reference(const tn_sample *sample, tn_expected *expected) {
  const statistic *row = sample->spec->data;
  const tn_operand *self = &sample->operands[0];
  int64_t sizes[TN_SPEC_MAX_DIMS], count = 0;
  uint32_t mask = (1u << self->ndim) - 1;
  if (row->dim_at > 0 && self->ndim > 0) {
    mask = 1u << reference_dim(tn_sample_int_at(sample, row->dim_at, -1), self->ndim);
  }
  const bool keepdim = row->keepdim_at > 0 && tn_sample_bool_at(sample, row->keepdim_at, false);
  const int32_t ndim = reference_reduced(self, mask, keepdim, sizes);
  double *values = tn_expect(expected, self->dtype, ndim, sizes);
  double *places = row->dim_at > 0 ? tn_expect(expected, TN_I64, ndim, sizes) : NULL;
  double *groups = reference_groups(self, mask, &count);
  for (int64_t i = 0; i < tn_reference_numel(ndim, sizes) && groups != NULL; i++) {
    const double *group = groups + i * count;
    const int64_t k = row->k_at > 0 ? tn_sample_int_at(sample, row->k_at, 1) : (count + 1) / 2;
    const int64_t at = find_kth(group, count, k, row->nan_wins);
    if (values != NULL) values[i] = count == 0 ? NAN : group[at];
    if (places != NULL) places[i] = (double)at;
  }
  free(groups);
}

static void add_failing(tn_samples *samples, const char *name, tn_status status,
                        const char *argument, tn_ints shape, int64_t dim, int64_t k) {
  const geometry g = {.dim = dim, .k = k};
  tn_sample *sample = tn_sample_failing(samples, name, status, argument);
  tn_sample_tensor(sample, shape, tn_samples_dtype(samples), -8, 8);
  add_options(sample, tn_samples_spec(samples)->data, &g);
}

static void statistic_errors(tn_samples *samples) {
  const statistic *row = tn_samples_spec(samples)->data;
  if (row->dim_at == 0) return;
  add_failing(samples, "dim too high", TN_OUT_OF_RANGE, "dim", TN_SHAPE(2, 3), 2, 1);
  add_failing(samples, "dim too low", TN_OUT_OF_RANGE, "dim", TN_SHAPE(2, 3), -3, 1);
  if (row->k_at > 0) {
    add_failing(samples, "k too large", TN_OUT_OF_RANGE, "k", TN_SHAPE(2, 3), 0, 3);
    add_failing(samples, "k of 0", TN_OUT_OF_RANGE, "k", TN_SHAPE(2, 3), 0, 0);
    add_failing(samples, "k negative", TN_OUT_OF_RANGE, "k", TN_SHAPE(2, 3), 0, -1);
    add_failing(samples, "k of nothing", TN_OUT_OF_RANGE, "k", TN_SHAPE(2, 0), 1, 1);
  } else {
    add_failing(samples, "of nothing", TN_INVALID_ARGUMENT, "self", TN_SHAPE(2, 0), 1, 1);
  }
}

#define STATISTIC                                                                 \
  .dtypes = TN_DTYPES_INTEGER | TN_DTYPES_FLOATING, .samples = statistic_samples, \
  .reference = statistic_reference, .errors = statistic_errors

const tn_op_spec tn_spec_kthvalue = {
    .op = "kthvalue",
    STATISTIC,
    .data = &(const statistic){.k_at = 1, .dim_at = 2, .keepdim_at = 3}};

const tn_op_spec tn_spec_median_dim = {
    .op = "median.dim",
    STATISTIC,
    .data = &(const statistic){.dim_at = 1, .keepdim_at = 2, .nan_wins = true}};

const tn_op_spec tn_spec_median = {
    .op = "median", STATISTIC, .data = &(const statistic){.nan_wins = true}};

// ---- bincount ----------------------------------------------------------------------------------

static void bincount_samples(tn_samples *samples) {
  const tn_dtype dtype = tn_samples_dtype(samples);
  // Never self's dtype: the kit would count the weights.
  const tn_dtype whole = dtype == TN_I32 ? TN_I16 : TN_I32;
  for (int32_t i = 0; i < 6; i++) {
    tn_sample *sample = tn_sample_add(samples, i < 3 ? "counts" : "weights", 0);
    tn_sample_tensor(sample, TN_SHAPE(i % 3 == 2 ? 0 : 31), dtype, 0, 9);
    if (i < 3) {
      tn_sample_none(sample);
    } else {
      tn_sample_tensor(sample, TN_SHAPE(i == 5 ? 0 : 31), i == 4 ? whole : TN_F32, -4, 4);
    }
    tn_sample_int(sample, i % 3 == 0 ? 0 : i == 1 ? 20 : 5);
  }
  tn_sample *sample = tn_sample_add(samples, "weights of float64", 0);
  tn_sample_tensor(sample, TN_SHAPE(31), dtype, 0, 9);
  tn_sample_tensor(sample, TN_SHAPE(31), TN_F64, -4, 4);
  sample = tn_sample_add(samples, "weights of float16", 0);
  tn_sample_tensor(sample, TN_SHAPE(31), dtype, 0, 9);
  tn_sample_tensor(sample, TN_SHAPE(31), TN_F16, -4, 4);
  sample = tn_sample_add(samples, "large", TN_SAMPLE_LARGE);
  tn_sample_tensor(sample, TN_SHAPE(70001), dtype, 0, 100);
}

static void bincount_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  const tn_operand *weights = tn_sample_is_given(sample, 1) ? &sample->operands[1] : NULL;
  int64_t bins = tn_sample_int_at(sample, 2, 0);
  for (int64_t i = 0; i < self->numel; i++) {
    if (self->values[i] >= (double)bins) bins = (int64_t)self->values[i] + 1;
  }
  tn_dtype dtype = weights == NULL ? TN_I64 : weights->dtype == TN_F32 ? TN_F32 : TN_F64;
  double *out = tn_expect(expected, dtype, 1, &bins), *scales = tn_expect_scales(expected);
  for (int64_t i = 0; i < self->numel && out != NULL && scales != NULL; i++) {
    const double weight = weights == NULL ? 1 : weights->values[i];
    out[(int64_t)self->values[i]] += weight;
    scales[(int64_t)self->values[i]] += fabs(weight);
  }
}

static void bincount_errors(tn_samples *samples) {
  static const double negative[] = {1, -2, 3};
  tn_sample *sample = tn_sample_failing(samples, "two dims", TN_INVALID_ARGUMENT, "self");
  tn_sample_tensor(sample, TN_SHAPE(2, 3), TN_I64, 0, 3);
  sample = tn_sample_failing(samples, "negative", TN_INVALID_ARGUMENT, "self");
  tn_sample_values(sample, TN_SHAPE(3), TN_I64, negative);
  sample = tn_sample_failing(samples, "weights", TN_INVALID_ARGUMENT, "weights");
  tn_sample_tensor(sample, TN_SHAPE(3), TN_I64, 0, 3);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_F32, 0, 3);
  sample = tn_sample_failing(samples, "complex weights", TN_INVALID_DTYPE, "weights");
  tn_sample_tensor(sample, TN_SHAPE(3), TN_I64, 0, 3);
  tn_sample_tensor(sample, TN_SHAPE(3), TN_C64, 0, 3);
  sample = tn_sample_failing(samples, "minlength", TN_INVALID_ARGUMENT, "minlength");
  tn_sample_tensor(sample, TN_SHAPE(3), TN_I64, 0, 3);
  tn_sample_none(sample);
  tn_sample_int(sample, -1);
}

const tn_op_spec tn_spec_bincount = {.op = "bincount",
                                     .dtypes = TN_DTYPES_INTEGER,
                                     .ulps = 16,
                                     .why = "one rounding for each of up to 31 weights",
                                     .samples = bincount_samples,
                                     .reference = bincount_reference,
                                     .errors = bincount_errors};
