// SPDX-License-Identifier: Apache-2.0
//
// matrix_norm: norms of matrices in any two dimensions, from plain sums or, where singular values
// are asked for, from Jacobi rotations.

#include "matrices.h"

// ---- samples: self, ord, dim, keepdim, dtype

static void add_ord(tn_samples *samples, tn_sample *sample, double ord, const char *name) {
  (void)samples;
  if (name != NULL) {
    tn_sample_string(sample, name);
  } else {
    tn_sample_scalar(sample, isinf(ord) ? tn_scalar_float(ord) : tn_scalar_int((int64_t)ord));
  }
}

static void add_shapes(tn_samples *samples, double ord, const char *name) {
  tn_sample *sample = tn_sample_add(samples, "matrix", TN_SAMPLE_NO_EXPAND);
  tn_sample_tensor(sample, TN_SHAPE(3, 4), tn_samples_dtype(samples), -2, 2);
  add_ord(samples, sample, ord, name);
  sample = tn_sample_add(samples, "stack", 0);
  tn_sample_tensor(sample, TN_SHAPE(2, 3, 2), tn_samples_dtype(samples), -2, 2);
  add_ord(samples, sample, ord, name);
  sample = tn_sample_add(samples, "other dims", TN_SAMPLE_NO_EXPAND);
  tn_sample_tensor(sample, TN_SHAPE(3, 2, 2), tn_samples_dtype(samples), 1, 2);
  add_ord(samples, sample, ord, name);
  tn_sample_ints(sample, TN_DIMS(2, 0));
  sample = tn_sample_add(samples, "keepdim", 0);
  tn_sample_tensor(sample, TN_SHAPE(2, 3, 2), tn_samples_dtype(samples), -2, 2);
  add_ord(samples, sample, ord, name);
  tn_sample_ints(sample, TN_DIMS(-2, -1));
  tn_sample_bool(sample, true);
  sample = matrix_sample_add(samples, "stack of none", TN_SHAPE(0, 3, 2), MATRIX_ANY, 0);
  add_ord(samples, sample, ord, name);
  for (int i = 0; i < 2 && (ord > 0 || name != NULL); i++) {
    sample = tn_sample_add(samples, "no elements", 0);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(2, 3, 0) : TN_SHAPE(0, 3), tn_samples_dtype(samples),
                     1, 2);
    add_ord(samples, sample, ord, name);
  }
  sample = matrix_sample_add(samples, "dtype", TN_SHAPE(2, 2), MATRIX_REGULAR, TN_SAMPLE_NO_GRAD);
  add_ord(samples, sample, ord, name);
  tn_sample_none(sample);
  tn_sample_none(sample);
  tn_sample_dtype(sample, TN_F64);
}

static bool has_singular_values(tn_dtype dtype) { return tn_dtype_in(dtype, MATRIX_DTYPES); }

static void norm_samples(tn_samples *samples) {
  static const double ords[] = {1, -1, INFINITY, -INFINITY, 2, -2};
  const int count = has_singular_values(tn_samples_dtype(samples)) ? 6 : 4;
  for (int i = 0; i < count; i++) add_shapes(samples, ords[i], NULL);
}

static void named_samples(tn_samples *samples) {
  add_shapes(samples, 0, "fro");
  if (has_singular_values(tn_samples_dtype(samples))) add_shapes(samples, 0, "nuc");
  tn_sample *sample = tn_sample_add(samples, "no columns", 0);
  tn_sample_tensor(sample, TN_SHAPE(2, 3, 0), tn_samples_dtype(samples), 1, 2);
}

static void add_errors(tn_samples *samples, const char *name) {
  static const int64_t dims[][2] = {{0, 0}, {1, -1}, {0, 2}, {0, 1}};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample =
        i < 2   ? tn_sample_failing(samples, "one dim twice", TN_INVALID_ARGUMENT, "dim")
        : i < 3 ? tn_sample_failing(samples, "range", TN_OUT_OF_RANGE, "dim")
                : tn_sample_failing(samples, "one dim", TN_INVALID_ARGUMENT, "dim");
    tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 1, 2);
    add_ord(samples, sample, 1, name);
    tn_sample_ints(sample, tn_ints_of(dims[i], i == 3 ? 1 : 2));
  }
  tn_sample *sample = tn_sample_failing(samples, "a vector", TN_INVALID_ARGUMENT, "self");
  tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 1, 2);
  add_ord(samples, sample, 1, name);
  sample = tn_sample_failing(samples, "ord", TN_INVALID_ARGUMENT, "ord");
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 1, 2);
  add_ord(samples, sample, 3, name == NULL ? NULL : "frobenius");
}
static void norm_errors(tn_samples *samples) { add_errors(samples, NULL); }
static void named_errors(tn_samples *samples) { add_errors(samples, "fro"); }

// ---- reference

// The matrix at |batch| of what is left of |x| without the dims |d|.
static matrix load_at(matrix_bench *bench, const tn_operand *x, const int32_t *d,
                      const int64_t *batch) {
  int64_t index[TN_SPEC_MAX_DIMS];
  matrix a = matrix_zeros(bench, x->sizes[d[0]], x->sizes[d[1]]);
  for (int64_t i = 0; i < a.rows * a.cols; i++) {
    int32_t next = 0;
    for (int32_t k = 0; k < x->ndim; k++) {
      index[k] = k == d[0] ? i / a.cols : k == d[1] ? i % a.cols : batch[next++];
    }
    a.at[i] = x->values[tn_reference_ravel(x->ndim, x->sizes, index)];
  }
  return a;
}

// The largest or smallest sum of absolute values of a row (of a column where |columns|).
static double extreme_sum(matrix a, bool columns, bool smallest) {
  double best = smallest ? INFINITY : 0;
  for (int64_t i = 0; i < (columns ? a.cols : a.rows); i++) {
    double sum = 0;
    for (int64_t j = 0; j < (columns ? a.rows : a.cols); j++) {
      sum += cabs(columns ? a.at[j * a.cols + i] : a.at[i * a.cols + j]);
    }
    if (isnan(sum)) return NAN;
    best = smallest ? fmin(best, sum) : fmax(best, sum);
  }
  return best;
}

static double norm_of(matrix_bench *bench, const tn_sample *sample, matrix a, double *scale) {
  const char *name = tn_sample_string_at(sample, 1, "");
  double values[16] = {0}, sum = 0;
  const bool named = strstr(sample->spec->op, "str_ord") != NULL;
  if (named && strcmp(name, "nuc") != 0) return matrix_norm(a);
  const double ord = named ? 0 : tn_sample_number_at(sample, 1, 0);
  if (fabs(ord) == 1 || isinf(ord)) return extreme_sum(a, fabs(ord) == 1, ord < 0);
  const int64_t k = a.rows < a.cols ? a.rows : a.cols;
  matrix_singular_values(bench, a, values);
  *scale = 4 * matrix_norm(a);
  for (int64_t i = 0; i < k; i++) sum += values[i];
  return named ? sum : ord > 0 ? values[0] : values[k - 1];
}

static void norm_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *x = &sample->operands[0];
  const tn_ints dims = tn_sample_ints_at(sample, 2);
  const int32_t d[2] = {reference_dim(dims.count == 2 ? dims.data[0] : -2, x->ndim),
                        reference_dim(dims.count == 2 ? dims.data[1] : -1, x->ndim)};
  const bool keepdim = tn_sample_bool_at(sample, 3, false);
  int64_t sizes[TN_SPEC_MAX_DIMS], left[TN_SPEC_MAX_DIMS], batch[TN_SPEC_MAX_DIMS];
  int32_t rank = 0, left_rank = 0;
  for (int32_t k = 0; k < x->ndim; k++) {
    const bool goes = k == d[0] || k == d[1];
    if (!goes) left[left_rank++] = x->sizes[k];
    if (!goes || keepdim) sizes[rank++] = goes ? 1 : x->sizes[k];
  }
  double *out = tn_expect(expected, tn_sample_dtype_at(sample, 4, x->dtype), rank, sizes);
  double *scales = tn_expect_scales(expected);
  const int64_t count = tn_reference_numel(left_rank, left);
  for (int64_t b = 0; out != NULL && scales != NULL && b < count; b++) {
    matrix_bench bench = {.count = 0};
    tn_reference_unravel(b, left_rank, left, batch);
    out[b] = norm_of(&bench, sample, load_at(&bench, x, d, batch), &scales[b]);
    matrix_bench_close(&bench);
  }
}

#define NORM                                                                            \
  .dtypes = TN_DTYPES_FLOATING, .reference = norm_reference, .ulps = 4, .half_ulps = 4, \
  .finite = 1, .why = "where NaN or infinities meet singular values nothing is specified"
const tn_op_spec tn_spec_linalg_matrix_norm = {
    .op = "linalg_matrix_norm", NORM, .samples = norm_samples, .errors = norm_errors};
const tn_op_spec tn_spec_linalg_matrix_norm_str_ord = {
    .op = "linalg_matrix_norm.str_ord", NORM, .samples = named_samples, .errors = named_errors};
