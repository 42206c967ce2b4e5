// SPDX-License-Identifier: Apache-2.0
//
// reduction: operators that make one number of many. The reference sorts the operand into groups,
// one for each element of the result, and calls the row's function on each. Sums are judged against
// the sum of absolute values, which is what rounding errors grow with.

#include <stdlib.h>

#include "reference.h"

typedef enum dim_kind { DIMS_NONE, DIMS_LIST, DIMS_ONE, DIMS_MAYBE_ONE } dim_kind;
typedef enum result_kind {
  RESULT_SAME,
  RESULT_SUM,
  RESULT_FLOAT,
  RESULT_BOOL,
  RESULT_INDEX
} result_kind;

typedef struct reduction {
  // The result of one group; writes to |scale| what its error is relative to, if not itself.
  double (*reduce)(const double *x, int64_t count, const tn_sample *sample, double *scale);
  // A second result of the same shape, in int64.
  double (*second)(const double *x, int64_t count, const tn_sample *sample, double *scale);
  dim_kind dims;
  result_kind result;
  int32_t keepdim_at, dtype_at, correction_at;  // argument indices; 0: no such argument
  double low, high;
  bool needs_elements;  // nothing comes of no elements
  bool needs_dims;      // the list of dims may be empty, but not left out
  bool no_nan;
  bool unbiased;  // the correction is a bool: 1 or 0
} reduction;

static const reduction *row_of(const tn_op_spec *spec) { return spec->data; }

// ---- samples -----------------------------------------------------------------------------------

typedef struct geometry {
  const char *name;
  uint32_t flags;
  int32_t ndim;
  int64_t sizes[4];
  int32_t dim_count;  // 0: an empty list; -1: left out
  int64_t dims[3];
  bool keepdim;
} geometry;

static const geometry geometries[] = {
    {"last", 0, 2, {3, 4}, 1, {1}, false},
    {"first, kept", 0, 2, {3, 4}, 1, {-2}, true},
    {"middle", TN_SAMPLE_NO_GRAD, 3, {2, 5, 3}, 1, {1}, false},
    {"two dims", 0, 3, {2, 3, 2}, 2, {0, 2}, false},
    {"inner two, kept", 0, 3, {2, 3, 2}, 2, {-1, 1}, true},
    {"left out", 0, 2, {3, 2}, -1, {0}, false},
    {"empty list", TN_SAMPLE_NO_GRAD, 2, {3, 2}, 0, {0}, true},
    {"0-dim", 0, 0, {0}, 1, {0}, false},
    {"0-dim, left out", 0, 0, {0}, -1, {0}, false},
    {"size 1", 0, 2, {3, 1}, 1, {1}, false},
    {"long", TN_SAMPLE_NO_GRAD, 1, {67}, 1, {0}, false},
    {"long rows", TN_SAMPLE_NO_GRAD, 2, {3, 67}, 1, {1}, true},
    {"four dims", TN_SAMPLE_NO_GRAD, 4, {2, 3, 2, 3}, 2, {1, 3}, false},
    {"no elements in the result", 0, 2, {0, 3}, 1, {1}, false},
    {"over no elements", 0, 2, {3, 0}, 1, {1}, false},
    {"large rows", TN_SAMPLE_LARGE, 2, {70, 1031}, 1, {1}, false},
    {"large columns", TN_SAMPLE_LARGE, 2, {70, 1031}, 1, {0}, false},
    {"large, all", TN_SAMPLE_LARGE, 2, {70, 1031}, -1, {0}, false},
};
enum { GEOMETRY_COUNT = sizeof geometries / sizeof geometries[0] };

static bool is_served(const reduction *row, const geometry *g) {
  if (row->needs_elements && g->ndim > 1 && g->sizes[1] == 0) return false;
  switch (row->dims) {
    case DIMS_NONE:
      return g->dim_count == -1;
    case DIMS_ONE:
      return g->dim_count == 1;
    case DIMS_MAYBE_ONE:
      return g->dim_count == 1 || g->dim_count == -1;
    default:
      return true;
  }
}

static void add_options(tn_sample *sample, const reduction *row, const geometry *g,
                        tn_value correction) {
  if (row->dims == DIMS_LIST && g->dim_count >= 0) {
    tn_sample_ints(sample, tn_ints_of(g->dims, g->dim_count));
  } else if (row->dims != DIMS_NONE && g->dim_count >= 0) {
    tn_sample_int(sample, g->dims[0]);
  } else if (row->needs_dims) {
    tn_sample_ints(sample, TN_NO_DIMS);
  } else if (row->dims != DIMS_NONE) {
    tn_sample_none(sample);
  }
  if (row->correction_at > 0) tn_sample_value(sample, correction);
  if (row->keepdim_at > 0) tn_sample_bool(sample, g->keepdim);
}

static void add_geometry(tn_samples *samples, const geometry *g) {
  const reduction *row = row_of(tn_samples_spec(samples));
  tn_sample *sample = tn_sample_add(samples, g->name, g->flags);
  if (sample == NULL) return;
  tn_sample_tensor(sample, tn_ints_of(g->sizes, g->ndim), tn_samples_dtype(samples), row->low,
                   row->high);
  add_options(sample, row, g, tn_value_none());
}

// NaN and infinities, one kind a row.
static void add_specials(tn_samples *samples) {
  const reduction *row = row_of(tn_samples_spec(samples));
  static const double values[] = {1,         NAN, 2,        3, INFINITY, 1,   2, 2,
                                  -INFINITY, 0,   1,        1, INFINITY, NAN, 0, 1,
                                  -INFINITY, 1,   INFINITY, 0, NAN,      NAN, 1, 1};
  const geometry g = {
      "special values", TN_SAMPLE_NO_GRAD, 2, {6, 4}, row->dims == DIMS_NONE ? -1 : 1, {1}, false};
  if (row->no_nan || !tn_dtype_is_floating(tn_samples_dtype(samples))) return;
  tn_sample *sample = tn_sample_add(samples, g.name, g.flags);
  if (sample == NULL) return;
  tn_sample_values(sample, TN_SHAPE(6, 4), tn_samples_dtype(samples), values);
  add_options(sample, row, &g, tn_value_none());
}

// A dtype to compute in that is not the operand's.
static void add_other_dtype(tn_samples *samples) {
  const reduction *row = row_of(tn_samples_spec(samples));
  if (row->dtype_at == 0 || tn_dtype_is_complex(tn_samples_dtype(samples))) return;
  tn_sample *sample = tn_sample_add(samples, "in float64", 0);
  if (sample == NULL) return;
  tn_sample_tensor(sample, TN_SHAPE(3, 4), tn_samples_dtype(samples), row->low, row->high);
  add_options(sample, row, &geometries[0], tn_value_none());
  while (sample->arg_count < row->dtype_at) tn_sample_none(sample);
  tn_sample_dtype(sample, TN_F64);
}

static void reduction_samples(tn_samples *samples) {
  const reduction *row = row_of(tn_samples_spec(samples));
  for (int32_t i = 0; i < GEOMETRY_COUNT; i++) {
    if (is_served(row, &geometries[i])) add_geometry(samples, &geometries[i]);
  }
  for (int correction = 0; correction < (row->unbiased ? 2 : 3) && row->correction_at > 0;
       correction++) {
    tn_sample *sample = tn_sample_add(samples, "correction", 0);
    if (sample == NULL) return;
    tn_sample_tensor(sample, TN_SHAPE(2, 5), tn_samples_dtype(samples), row->low, row->high);
    tn_value value =
        row->unbiased ? tn_value_bool(correction == 1) : tn_value_scalar(tn_scalar_int(correction));
    add_options(sample, row, &geometries[0], value);
  }
  add_specials(samples);
  add_other_dtype(samples);
}

// ---- calls that must fail ----------------------------------------------------------------------

static void add_failing(tn_samples *samples, const char *name, tn_status status,
                        const geometry *g) {
  const reduction *row = row_of(tn_samples_spec(samples));
  bool about_dim = status == TN_OUT_OF_RANGE || g->dim_count == 2;
  tn_sample *sample = tn_sample_failing(samples, name, status, about_dim ? "dim" : NULL);
  if (sample == NULL) return;
  tn_sample_tensor(sample, tn_ints_of(g->sizes, g->ndim), tn_samples_dtype(samples), 0, 1);
  add_options(sample, row, g, tn_value_none());
}

static void reduction_errors(tn_samples *samples) {
  static const geometry high = {"", 0, 2, {2, 3}, 1, {2}, false};
  static const geometry low = {"", 0, 2, {2, 3}, 1, {-3}, false};
  static const geometry twice = {"", 0, 2, {2, 3}, 2, {1, -1}, false};
  static const geometry nothing = {"", 0, 2, {2, 0}, 1, {1}, false};
  static const geometry nothing_at_all = {"", 0, 1, {0}, -1, {0}, false};
  const reduction *row = row_of(tn_samples_spec(samples));
  if (row->dims != DIMS_NONE) {
    add_failing(samples, "dim too high", TN_OUT_OF_RANGE, &high);
    add_failing(samples, "dim too low", TN_OUT_OF_RANGE, &low);
    if (row->needs_elements) {
      add_failing(samples, "over no elements", TN_INVALID_ARGUMENT, &nothing);
    }
  } else if (row->needs_elements) {
    add_failing(samples, "no elements", TN_INVALID_ARGUMENT, &nothing_at_all);
  }
  if (row->dims == DIMS_LIST) add_failing(samples, "dim twice", TN_INVALID_ARGUMENT, &twice);
}

// ---- reference ---------------------------------------------------------------------------------

static uint32_t dims_of(const tn_sample *sample, const reduction *row) {
  int32_t ndim = sample->operands[0].ndim;
  uint32_t all = (1u << ndim) - 1;
  if (row->dims == DIMS_NONE || !tn_sample_is_given(sample, 1) || ndim == 0) return all;
  if (row->dims == DIMS_LIST) return reference_dims(tn_sample_ints_at(sample, 1), ndim);
  return 1u << reference_dim(tn_sample_int_at(sample, 1, 0), ndim);
}

static tn_dtype result_dtype(const tn_sample *sample, const reduction *row) {
  tn_dtype dtype = sample->operands[0].dtype;
  if (row->dtype_at > 0) dtype = tn_sample_dtype_at(sample, row->dtype_at, dtype);
  bool whole = reference_is_whole(dtype);
  if (row->result == RESULT_BOOL) return TN_BOOL;
  if (row->result == RESULT_INDEX) return TN_I64;
  if (row->result == RESULT_SUM && whole) return TN_I64;
  return row->result == RESULT_FLOAT && whole ? TN_F32 : dtype;
}

typedef double (*group_fn)(const double *x, int64_t count, const tn_sample *sample, double *scale);

static void reduce_groups(const tn_sample *sample, group_fn reduce, tn_dtype dtype, uint32_t mask,
                          bool keepdim, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  int64_t sizes[TN_SPEC_MAX_DIMS], count;
  int32_t ndim = reference_reduced(self, mask, keepdim, sizes);
  double *groups = reference_groups(self, mask, &count);
  double *out = tn_expect(expected, dtype, ndim, sizes), *scales = tn_expect_scales(expected);
  for (int64_t i = 0; out != NULL && scales != NULL && i < tn_reference_numel(ndim, sizes); i++) {
    out[i] = reduce(groups + i * count, count, sample, &scales[i]);
  }
  free(groups);
}

static void reduction_reference(const tn_sample *sample, tn_expected *expected) {
  const reduction *row = row_of(sample->spec);
  bool keepdim = row->keepdim_at > 0 && tn_sample_bool_at(sample, row->keepdim_at, false);
  uint32_t mask = dims_of(sample, row);
  reduce_groups(sample, row->reduce, result_dtype(sample, row), mask, keepdim, expected);
  if (row->second != NULL) reduce_groups(sample, row->second, TN_I64, mask, keepdim, expected);
}

#define REDUCTION \
  .samples = reduction_samples, .reference = reduction_reference, .errors = reduction_errors

// ---- sums --------------------------------------------------------------------------------------

static double sum(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample;
  long double total = 0;
  for (int64_t i = 0; i < count; i++) {
    total += x[i];
    *scale += fabs(x[i]);
  }
  return (double)total;
}
static double mean(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  double total = sum(x, count, sample, scale);
  *scale /= (double)count;
  return total / (double)count;
}
static double product(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample, (void)scale;
  double total = 1;
  for (int64_t i = 0; i < count; i++) total *= x[i];
  return total;
}
static double variance(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  int32_t at = ((const reduction *)sample->spec->data)->correction_at;
  double left = (double)count - tn_sample_number_at(sample, at, 1), size = 0;
  double middle = mean(x, count, sample, &size);
  long double squares = 0;
  for (int64_t i = 0; i < count; i++) squares += (x[i] - middle) * (x[i] - middle);
  // The mean is off by one rounding, which is squared.
  double off = size * reference_epsilon(sample->operands[0].dtype);
  *scale = off * off / reference_epsilon(sample->operands[0].dtype);
  return (double)squares / fmax(left, 0);
}
static double deviation(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  double square = variance(x, count, sample, scale);
  *scale = sqrt(*scale * reference_epsilon(sample->operands[0].dtype)) /
           reference_epsilon(sample->operands[0].dtype);
  if (square > 0) *scale = 0;
  return sqrt(square);
}

const tn_op_spec tn_spec_sum_dim_IntList = {.op = "sum.dim_IntList",
                                            .dtypes = TN_DTYPES_ALL,
                                            .flags = TN_SPEC_INT_TO_INT64 | TN_SPEC_COMPLEX_PARTS,
                                            REDUCTION,
                                            .ulps = 4,
                                            .data = &(const reduction){.reduce = sum,
                                                                       .dims = DIMS_LIST,
                                                                       .result = RESULT_SUM,
                                                                       .keepdim_at = 2,
                                                                       .dtype_at = 3,
                                                                       .low = -8,
                                                                       .high = 8}};

const tn_op_spec tn_spec_sum = {
    .op = "sum",
    .dtypes = TN_DTYPES_ALL,
    .flags = TN_SPEC_INT_TO_INT64 | TN_SPEC_COMPLEX_PARTS,
    REDUCTION,
    .ulps = 4,
    .data = &(const reduction){
        .reduce = sum, .result = RESULT_SUM, .dtype_at = 1, .low = -8, .high = 8}};

const tn_op_spec tn_spec_mean_dim = {
    .op = "mean.dim",
    .dtypes = TN_DTYPES_FLOATING,
    REDUCTION,
    .ulps = 4,
    .data = &(const reduction){
        .reduce = mean, .dims = DIMS_LIST, .keepdim_at = 2, .dtype_at = 3, .low = -8, .high = 8}};

const tn_op_spec tn_spec_mean = {
    .op = "mean",
    .dtypes = TN_DTYPES_FLOATING,
    REDUCTION,
    .ulps = 4,
    .data = &(const reduction){.reduce = mean, .dtype_at = 1, .low = -8, .high = 8}};

#define PRODUCT_TOLERANCE .ulps = 64, .why = "one rounding for each of up to 67 factors"

const tn_op_spec tn_spec_prod_dim_int = {.op = "prod.dim_int",
                                         .dtypes = TN_DTYPES_REAL,
                                         .flags = TN_SPEC_INT_TO_INT64,
                                         REDUCTION,
                                         PRODUCT_TOLERANCE,
                                         .data = &(const reduction){.reduce = product,
                                                                    .dims = DIMS_ONE,
                                                                    .result = RESULT_SUM,
                                                                    .keepdim_at = 2,
                                                                    .dtype_at = 3,
                                                                    .low = 0.8,
                                                                    .high = 1.25}};

const tn_op_spec tn_spec_prod = {
    .op = "prod",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_INT64,
    REDUCTION,
    PRODUCT_TOLERANCE,
    .data = &(const reduction){
        .reduce = product, .result = RESULT_SUM, .dtype_at = 1, .low = 0.8, .high = 1.25}};

#define VARIANCE_TOLERANCE .ulps = 16, .why = "a difference, a square, a sum and a quotient"

const tn_op_spec tn_spec_var_correction = {.op = "var.correction",
                                           .dtypes = TN_DTYPES_FLOATING,
                                           REDUCTION,
                                           VARIANCE_TOLERANCE,
                                           .data = &(const reduction){.reduce = variance,
                                                                      .dims = DIMS_LIST,
                                                                      .keepdim_at = 3,
                                                                      .correction_at = 2,
                                                                      .low = -8,
                                                                      .high = 8}};

const tn_op_spec tn_spec_std_correction = {.op = "std.correction",
                                           .dtypes = TN_DTYPES_FLOATING,
                                           REDUCTION,
                                           VARIANCE_TOLERANCE,
                                           .data = &(const reduction){.reduce = deviation,
                                                                      .dims = DIMS_LIST,
                                                                      .keepdim_at = 3,
                                                                      .correction_at = 2,
                                                                      .low = -8,
                                                                      .high = 8}};

const tn_op_spec tn_spec_var_dim = {.op = "var.dim",
                                    .dtypes = TN_DTYPES_FLOATING,
                                    REDUCTION,
                                    VARIANCE_TOLERANCE,
                                    .data = &(const reduction){.reduce = variance,
                                                               .dims = DIMS_LIST,
                                                               .keepdim_at = 3,
                                                               .correction_at = 2,
                                                               .unbiased = true,
                                                               .low = -8,
                                                               .high = 8}};

const tn_op_spec tn_spec_std_dim = {.op = "std.dim",
                                    .dtypes = TN_DTYPES_FLOATING,
                                    REDUCTION,
                                    VARIANCE_TOLERANCE,
                                    .data = &(const reduction){.reduce = deviation,
                                                               .dims = DIMS_LIST,
                                                               .keepdim_at = 3,
                                                               .correction_at = 2,
                                                               .unbiased = true,
                                                               .low = -8,
                                                               .high = 8}};

static double log_sum_exp(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample;
  double top = -INFINITY, total = 0;
  for (int64_t i = 0; i < count; i++) top = isnan(x[i]) || x[i] > top ? x[i] : top;
  if (isinf(top)) top = top > 0 ? top : 0;
  for (int64_t i = 0; i < count; i++) {
    if (isnan(x[i])) return NAN;
    total += isinf(top) ? x[i] == top : exp(x[i] - top);
  }
  *scale = fabs(top) + fabs(log(total));
  if (isinf(*scale)) *scale = 0;
  return isinf(top) ? top : top + log(total);
}

const tn_op_spec tn_spec_logsumexp = {.op = "logsumexp",
                                      .dtypes = TN_DTYPES_REAL,
                                      .flags = TN_SPEC_INT_TO_FLOAT,
                                      REDUCTION,
                                      .ulps = 4,
                                      .data = &(const reduction){.reduce = log_sum_exp,
                                                                 .dims = DIMS_LIST,
                                                                 .needs_dims = true,
                                                                 .result = RESULT_FLOAT,
                                                                 .keepdim_at = 2,
                                                                 .low = -3,
                                                                 .high = 3}};

// ---- extremes ----------------------------------------------------------------------------------

static int64_t first_best(const double *x, int64_t count, bool largest) {
  int64_t best = 0;
  for (int64_t i = 1; i < count && !isnan(x[best]); i++) {
    if (isnan(x[i]) || (largest ? x[i] > x[best] : x[i] < x[best])) best = i;
  }
  return best;
}
static double largest(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample, (void)scale;
  return x[first_best(x, count, true)];
}
static double smallest(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample, (void)scale;
  return x[first_best(x, count, false)];
}
static double largest_at(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample, (void)scale;
  return (double)first_best(x, count, true);
}
static double smallest_at(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample, (void)scale;
  return (double)first_best(x, count, false);
}

const tn_op_spec tn_spec_amax = {.op = "amax",
                                 .dtypes = TN_DTYPES_REAL,
                                 REDUCTION,
                                 .data = &(const reduction){.reduce = largest,
                                                            .dims = DIMS_LIST,
                                                            .keepdim_at = 2,
                                                            .low = -8,
                                                            .high = 8,
                                                            .needs_elements = true}};

const tn_op_spec tn_spec_amin = {.op = "amin",
                                 .dtypes = TN_DTYPES_REAL,
                                 REDUCTION,
                                 .data = &(const reduction){.reduce = smallest,
                                                            .dims = DIMS_LIST,
                                                            .keepdim_at = 2,
                                                            .low = -8,
                                                            .high = 8,
                                                            .needs_elements = true}};

const tn_op_spec tn_spec_max = {
    .op = "max",
    .dtypes = TN_DTYPES_REAL,
    REDUCTION,
    .data = &(const reduction){.reduce = largest, .low = -8, .high = 8, .needs_elements = true}};

const tn_op_spec tn_spec_max_dim = {.op = "max.dim",
                                    .dtypes = TN_DTYPES_REAL,
                                    REDUCTION,
                                    .data = &(const reduction){.reduce = largest,
                                                               .second = largest_at,
                                                               .dims = DIMS_ONE,
                                                               .keepdim_at = 2,
                                                               .low = -8,
                                                               .high = 8,
                                                               .needs_elements = true}};

const tn_op_spec tn_spec_argmax = {.op = "argmax",
                                   .dtypes = TN_DTYPES_INTEGER | TN_DTYPES_FLOATING,
                                   REDUCTION,
                                   .data = &(const reduction){.reduce = largest_at,
                                                              .dims = DIMS_MAYBE_ONE,
                                                              .result = RESULT_INDEX,
                                                              .keepdim_at = 2,
                                                              .low = -8,
                                                              .high = 8,
                                                              .needs_elements = true}};

const tn_op_spec tn_spec_min = {
    .op = "min",
    .dtypes = TN_DTYPES_REAL,
    REDUCTION,
    .data = &(const reduction){.reduce = smallest, .low = -8, .high = 8, .needs_elements = true}};

const tn_op_spec tn_spec_min_dim = {.op = "min.dim",
                                    .dtypes = TN_DTYPES_REAL,
                                    REDUCTION,
                                    .data = &(const reduction){.reduce = smallest,
                                                               .second = smallest_at,
                                                               .dims = DIMS_ONE,
                                                               .keepdim_at = 2,
                                                               .low = -8,
                                                               .high = 8,
                                                               .needs_elements = true}};

const tn_op_spec tn_spec_argmin = {.op = "argmin",
                                   .dtypes = TN_DTYPES_INTEGER | TN_DTYPES_FLOATING,
                                   REDUCTION,
                                   .data = &(const reduction){.reduce = smallest_at,
                                                              .dims = DIMS_MAYBE_ONE,
                                                              .result = RESULT_INDEX,
                                                              .keepdim_at = 2,
                                                              .low = -8,
                                                              .high = 8,
                                                              .needs_elements = true}};

// ---- truth -------------------------------------------------------------------------------------

static double any(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample, (void)scale;
  for (int64_t i = 0; i < count; i++) {
    if (x[i] != 0) return 1;
  }
  return 0;
}
static double all(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample, (void)scale;
  for (int64_t i = 0; i < count; i++) {
    if (x[i] == 0) return 0;
  }
  return 1;
}

const tn_op_spec tn_spec_any_dims = {.op = "any.dims",
                                     .dtypes = TN_DTYPES_REAL,
                                     REDUCTION,
                                     .data = &(const reduction){.reduce = any,
                                                                .dims = DIMS_LIST,
                                                                .result = RESULT_BOOL,
                                                                .keepdim_at = 2,
                                                                .low = -1,
                                                                .high = 1}};

const tn_op_spec tn_spec_any_dim = {.op = "any.dim",
                                    .dtypes = TN_DTYPES_REAL,
                                    REDUCTION,
                                    .data = &(const reduction){.reduce = any,
                                                               .dims = DIMS_ONE,
                                                               .result = RESULT_BOOL,
                                                               .keepdim_at = 2,
                                                               .low = -1,
                                                               .high = 1}};

const tn_op_spec tn_spec_all_dim = {.op = "all.dim",
                                    .dtypes = TN_DTYPES_REAL,
                                    REDUCTION,
                                    .data = &(const reduction){.reduce = all,
                                                               .dims = DIMS_ONE,
                                                               .result = RESULT_BOOL,
                                                               .keepdim_at = 2,
                                                               .low = -1,
                                                               .high = 1}};

static double nonzero(const double *x, int64_t count, const tn_sample *sample, double *scale) {
  (void)sample, (void)scale;
  double found = 0;
  for (int64_t i = 0; i < count; i++) found += x[i] != 0;
  return found;
}

const tn_op_spec tn_spec_count_nonzero_dim_IntList = {
    .op = "count_nonzero.dim_IntList",
    .dtypes = TN_DTYPES_ALL,
    REDUCTION,
    .data = &(const reduction){.reduce = nonzero,
                               .dims = DIMS_LIST,
                               .needs_dims = true,
                               .result = RESULT_INDEX,
                               .low = -1,
                               .high = 1}};

const tn_op_spec tn_spec_count_nonzero = {
    .op = "count_nonzero",
    .dtypes = TN_DTYPES_ALL,
    REDUCTION,
    .data = &(const reduction){
        .reduce = nonzero, .dims = DIMS_MAYBE_ONE, .result = RESULT_INDEX, .low = -1, .high = 1}};

const tn_op_spec tn_spec_any = {
    .op = "any",
    .dtypes = TN_DTYPES_REAL,
    REDUCTION,
    .data = &(const reduction){.reduce = any, .result = RESULT_BOOL, .low = -1, .high = 1}};

const tn_op_spec tn_spec_all_dims = {.op = "all.dims",
                                     .dtypes = TN_DTYPES_REAL,
                                     REDUCTION,
                                     .data = &(const reduction){.reduce = all,
                                                                .dims = DIMS_LIST,
                                                                .result = RESULT_BOOL,
                                                                .keepdim_at = 2,
                                                                .low = -1,
                                                                .high = 1}};

const tn_op_spec tn_spec_all = {
    .op = "all",
    .dtypes = TN_DTYPES_REAL,
    REDUCTION,
    .data = &(const reduction){.reduce = all, .result = RESULT_BOOL, .low = -1, .high = 1}};
