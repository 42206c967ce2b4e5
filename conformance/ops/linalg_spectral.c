// SPDX-License-Identifier: Apache-2.0
//
// linalg_spectral: QR, singular values and eigenvalues, judged by what defines them: orthonormal
// columns, a product that gives the matrix back, values in their order. Values are also compared
// with those that one-sided Jacobi rotations find in double precision. Vectors are known up to
// signs, which LAPACK chooses anew for a matrix that differs a little, so gradients are checked of
// functions that do not depend on them, in tests/test_linalg.c.

#include <stdlib.h>

#include "matrices.h"

#define NOT_SPECIFIED "a matrix with NaN or infinities has no such factors"
#define GAUGE NOT_SPECIFIED "; gradients: see tests/test_linalg.c"

static void add_rectangles(tn_samples *samples) {
  matrix_sample_add(samples, "square", TN_SHAPE(3, 3), MATRIX_REGULAR, 0);
  matrix_sample_add(samples, "tall", TN_SHAPE(4, 2), MATRIX_ANY, 0);
  matrix_sample_add(samples, "wide", TN_SHAPE(2, 3), MATRIX_REGULAR, 0);
  matrix_sample_add(samples, "stack", TN_SHAPE(2, 3, 2), MATRIX_ANY, 0);
  matrix_sample_add(samples, "stack of stacks", TN_SHAPE(2, 2, 2, 3), MATRIX_ANY, 0);
  matrix_sample_add(samples, "one element", TN_SHAPE(1, 1), MATRIX_ANY, 0);
  matrix_sample_add(samples, "no columns", TN_SHAPE(2, 3, 0), MATRIX_ANY, 0);
  matrix_sample_add(samples, "no rows", TN_SHAPE(0, 2), MATRIX_ANY, 0);
  matrix_sample_add(samples, "stack of none", TN_SHAPE(0, 3, 2), MATRIX_ANY, 0);
  matrix_sample_add(samples, "rank deficient", TN_SHAPE(5, 5), MATRIX_SINGULAR, TN_SAMPLE_NO_GRAD);
  matrix_sample_add(samples, "blocks", TN_SHAPE(70, 45), MATRIX_ANY, TN_SAMPLE_NO_GRAD);
  matrix_sample_add(samples, "many", TN_SHAPE(60, 12, 10), MATRIX_ANY, TN_SAMPLE_LARGE);
}

static void add_vector_error(tn_samples *samples, const char *argument) {
  tn_sample *sample = tn_sample_failing(samples, "a vector", TN_INVALID_ARGUMENT, argument);
  tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 1, 2);
}

static tn_dtype real_of(tn_dtype dtype) {
  return dtype == TN_C64 ? TN_F32 : dtype == TN_C128 ? TN_F64 : dtype;
}

// The row-vectors of a stack as 1 x n matrices.
static matrix load_row(matrix_bench *bench, const tn_operand *rows, int64_t index) {
  const int64_t n = rows->sizes[rows->ndim - 1];
  matrix row = matrix_zeros(bench, 1, n);
  for (int64_t i = 0; i < row.cols; i++) row.at[i] = rows->values[index * n + i];
  return row;
}

typedef const char *(*judge_matrix)(matrix_bench *bench, const tn_sample *sample,
                                    const tn_operand *results, int64_t index);

static const char *judge_each(const tn_sample *sample, const tn_operand *results,
                              judge_matrix judge) {
  const char *wrong = NULL;
  for (int64_t b = 0; b < matrix_count(&sample->operands[0]) && wrong == NULL; b++) {
    matrix_bench bench = {.count = 0};
    wrong = judge(&bench, sample, results, b);
    if (bench.failed) wrong = "out of memory";
    matrix_bench_close(&bench);
  }
  return wrong;
}

// ---- QR

static void qr_samples(tn_samples *samples) {
  add_rectangles(samples);
  static const char *const modes[] = {"reduced", "complete", "r"};
  const tn_ints shapes[] = {TN_SHAPE(4, 2), TN_SHAPE(2, 2, 3), TN_SHAPE(3, 0), TN_SHAPE(40, 7)};
  for (int i = 0; i < 12; i++) {
    const uint32_t flags = i / 4 == 0 && i < 3 ? 0 : TN_SAMPLE_NO_GRAD;
    tn_sample *sample = matrix_sample_add(samples, modes[i / 4], shapes[i % 4], MATRIX_ANY, flags);
    tn_sample_string(sample, modes[i / 4]);
  }
}

static void qr_errors(tn_samples *samples) {
  add_vector_error(samples, "A");
  tn_sample *sample = tn_sample_failing(samples, "mode", TN_INVALID_ARGUMENT, "mode");
  matrix_sample(sample, TN_SHAPE(3, 3), MATRIX_ANY);
  tn_sample_string(sample, "full");
}

static const char *judge_qr(matrix_bench *bench, const tn_sample *sample, const tn_operand *results,
                            int64_t index) {
  const tn_operand *self = &sample->operands[0];
  matrix a = matrix_load(bench, self, index), r = matrix_load(bench, &results[1], index);
  for (int64_t i = 0; i < r.rows; i++) {
    for (int64_t j = 0; j < i && j < r.cols; j++) {
      if (r.at[i * r.cols + j] != 0) return "R is not upper triangular";
    }
  }
  if (results[0].ndim == 1) {  // mode r: R^H R = A^H A
    matrix left = matrix_product(bench, matrix_adjoint(bench, a), a);
    matrix right = matrix_product(bench, matrix_adjoint(bench, r), r);
    const double scale = matrix_norm(a) * matrix_norm(a);
    return matrix_ratio(matrix_minus(bench, left, right), scale, self->dtype) > MATRIX_RATIO
               ? "R^H R is not A^H A"
               : NULL;
  }
  matrix q = matrix_load(bench, &results[0], index);
  if (matrix_orthonormality(bench, q, self->dtype) > MATRIX_RATIO) {
    return "Q's columns are not orthonormal";
  }
  matrix product = matrix_product(bench, q, r);
  return matrix_ratio(matrix_minus(bench, a, product), matrix_norm(a), self->dtype) > MATRIX_RATIO
             ? "Q R is not the matrix"
             : NULL;
}

static const char *verify_qr(const tn_sample *sample, const tn_operand *results, int32_t count) {
  const tn_operand *a = &sample->operands[0];
  const char *mode = tn_sample_string_at(sample, 1, "reduced");
  const int64_t m = a->sizes[a->ndim - 2], n = a->sizes[a->ndim - 1];
  const int64_t width = strcmp(mode, "complete") == 0 ? m : m < n ? m : n;
  if (count != 2 || results[0].dtype != a->dtype || results[1].dtype != a->dtype) return "dtype";
  const bool right = strcmp(mode, "r") == 0 ? results[0].ndim == 1 && results[0].numel == 0
                                            : matrix_has_shape(&results[0], a, TN_SHAPE(m, width));
  if (!right || !matrix_has_shape(&results[1], a, TN_SHAPE(width, n))) return "shape";
  return judge_each(sample, results, judge_qr);
}

const tn_op_spec tn_spec_linalg_qr = {.op = "linalg_qr",
                                      .dtypes = MATRIX_DTYPES,
                                      .samples = qr_samples,
                                      .verify = verify_qr,
                                      .errors = qr_errors,
                                      .finite = 1,
                                      .why = NOT_SPECIFIED};

// ---- singular values

// A full U is as large as the matrix is high, so full_matrices is said of each sample.
static void svd_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(3, 3),  TN_SHAPE(4, 2),    TN_SHAPE(2, 3), TN_SHAPE(2, 3, 2),
                            TN_SHAPE(1, 1),  TN_SHAPE(2, 3, 0), TN_SHAPE(0, 2), TN_SHAPE(0, 3, 2),
                            TN_SHAPE(9, 70), TN_SHAPE(50, 20)};
  for (int i = 0; i < 20; i++) {
    tn_sample *sample =
        matrix_sample_add(samples, i < 10 ? "thin" : "full", shapes[i % 10], MATRIX_ANY, 0);
    tn_sample_bool(sample, i >= 10);
  }
  tn_sample *sample =
      matrix_sample_add(samples, "rank deficient", TN_SHAPE(5, 5), MATRIX_SINGULAR, 0);
  tn_sample_bool(sample, false);
  sample = matrix_sample_add(samples, "many", TN_SHAPE(60, 12, 10), MATRIX_ANY, TN_SAMPLE_LARGE);
  tn_sample_bool(sample, false);
}

static void add_not_finite(tn_samples *samples, const char *argument) {
  static const double values[] = {1, 2, 2, 1, NAN, 0, 0, 1};
  tn_sample *sample = tn_sample_failing(samples, "NaN", TN_NO_SOLUTION, argument);
  tn_sample_values(sample, TN_SHAPE(2, 2, 2), tn_samples_dtype(samples), values);
}

static void svd_errors(tn_samples *samples) {
  add_vector_error(samples, "A");
  add_not_finite(samples, NULL);
}

static const char *judge_values(matrix_bench *bench, matrix a, matrix s, tn_dtype dtype) {
  double *want = calloc((size_t)s.cols + 1, sizeof *want);
  if (want == NULL) return "out of memory";
  matrix_singular_values(bench, a, want);
  const char *wrong = NULL;
  matrix difference = matrix_zeros(bench, 1, s.cols);
  for (int64_t i = 0; i < s.cols; i++) {
    if (!(creal(s.at[i]) >= 0)) wrong = "a singular value is negative or NaN";
    if (i > 0 && creal(s.at[i]) > creal(s.at[i - 1])) wrong = "not in descending order";
    difference.at[i] = s.at[i] - want[i];
  }
  if (wrong == NULL && matrix_ratio(difference, matrix_norm(a), dtype) > MATRIX_RATIO) {
    wrong = "the singular values are others";
  }
  free(want);
  return wrong;
}

static const char *judge_svd(matrix_bench *bench, const tn_sample *sample,
                             const tn_operand *results, int64_t index) {
  const tn_operand *self = &sample->operands[0];
  matrix a = matrix_load(bench, self, index), u = matrix_load(bench, &results[0], index);
  matrix s = load_row(bench, &results[1], index), vh = matrix_load(bench, &results[2], index);
  matrix v = matrix_adjoint(bench, vh);
  if (matrix_orthonormality(bench, u, self->dtype) > MATRIX_RATIO) return "U is not orthonormal";
  if (matrix_orthonormality(bench, v, self->dtype) > MATRIX_RATIO) return "Vh is not orthonormal";
  const char *wrong = judge_values(bench, a, s, self->dtype);
  if (wrong != NULL) return wrong;
  matrix middle = matrix_zeros(bench, u.cols, vh.rows);
  for (int64_t i = 0; i < s.cols; i++) middle.at[i * middle.cols + i] = s.at[i];
  matrix product = matrix_product(bench, matrix_product(bench, u, middle), vh);
  return matrix_ratio(matrix_minus(bench, a, product), matrix_norm(a), self->dtype) > MATRIX_RATIO
             ? "U S Vh is not the matrix"
             : NULL;
}

static const char *verify_full_or_thin(const tn_sample *sample, const tn_operand *results,
                                       int32_t count, bool full) {
  const tn_operand *a = &sample->operands[0];
  const int64_t m = a->sizes[a->ndim - 2], n = a->sizes[a->ndim - 1], k = m < n ? m : n;
  if (count != 3 || results[0].dtype != a->dtype || results[1].dtype != real_of(a->dtype) ||
      results[2].dtype != a->dtype) {
    return "dtype";
  }
  if (!matrix_has_shape(&results[0], a, TN_SHAPE(m, full ? m : k)) ||
      !matrix_has_shape(&results[1], a, TN_SHAPE(k)) ||
      !matrix_has_shape(&results[2], a, TN_SHAPE(full ? n : k, n))) {
    return "shape";
  }
  return judge_each(sample, results, judge_svd);
}

static const char *verify_svd(const tn_sample *sample, const tn_operand *results, int32_t count) {
  return verify_full_or_thin(sample, results, count, tn_sample_bool_at(sample, 1, true));
}
static const char *verify_internal_svd(const tn_sample *sample, const tn_operand *results,
                                       int32_t count) {
  return verify_full_or_thin(sample, results, count, tn_sample_bool_at(sample, 1, false));
}

static void linalg_svd_errors(tn_samples *samples) {
  svd_errors(samples);
  tn_sample *sample = tn_sample_failing(samples, "driver", TN_INVALID_ARGUMENT, "driver");
  matrix_sample(sample, TN_SHAPE(3, 3), MATRIX_ANY);
  tn_sample_bool(sample, false);
  tn_sample_string(sample, "gesvd");
}

const tn_op_spec tn_spec_linalg_svd = {.op = "linalg_svd",
                                       .dtypes = MATRIX_DTYPES,
                                       .flags = TN_SPEC_NO_GRAD,
                                       .samples = svd_samples,
                                       .verify = verify_svd,
                                       .errors = linalg_svd_errors,
                                       .finite = 1,
                                       .why = GAUGE};
const tn_op_spec tn_spec__linalg_svd = {.op = "_linalg_svd",
                                        .dtypes = MATRIX_DTYPES,
                                        .flags = TN_SPEC_NO_GRAD,
                                        .samples = svd_samples,
                                        .verify = verify_internal_svd,
                                        .errors = svd_errors,
                                        .finite = 1,
                                        .why = GAUGE};

static const char *judge_svdvals(matrix_bench *bench, const tn_sample *sample,
                                 const tn_operand *results, int64_t index) {
  const tn_operand *self = &sample->operands[0];
  return judge_values(bench, matrix_load(bench, self, index), load_row(bench, results, index),
                      self->dtype);
}

static const char *verify_svdvals(const tn_sample *sample, const tn_operand *results,
                                  int32_t count) {
  const tn_operand *a = &sample->operands[0];
  const int64_t m = a->sizes[a->ndim - 2], n = a->sizes[a->ndim - 1];
  if (count != 1 || results[0].dtype != real_of(a->dtype)) return "dtype";
  if (!matrix_has_shape(&results[0], a, TN_SHAPE(m < n ? m : n))) return "shape";
  return judge_each(sample, results, judge_svdvals);
}

const tn_op_spec tn_spec_linalg_svdvals = {.op = "linalg_svdvals",
                                           .dtypes = MATRIX_DTYPES,
                                           .samples = add_rectangles,
                                           .verify = verify_svdvals,
                                           .errors = svd_errors,
                                           .finite = 1,
                                           .why = NOT_SPECIFIED};

// ---- eigenvalues of Hermitian matrices

static void eigh_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(3, 3), TN_SHAPE(2, 4, 4), TN_SHAPE(1, 1),
                            TN_SHAPE(0, 0), TN_SHAPE(0, 2, 2), TN_SHAPE(50, 50)};
  for (int i = 0; i < 12; i++) {
    tn_sample *sample =
        matrix_sample_add(samples, i < 6 ? "lower" : "upper", shapes[i % 6], MATRIX_HERMITIAN, 0);
    if (i >= 6) tn_sample_string(sample, "U");
  }
  // The other triangle is not read.
  matrix_sample_add(samples, "not symmetric", TN_SHAPE(4, 4), MATRIX_ANY, 0);
  matrix_sample_add(samples, "many", TN_SHAPE(60, 12, 12), MATRIX_HERMITIAN, TN_SAMPLE_LARGE);
}

static void add_eigh_errors(tn_samples *samples, const char *argument) {
  add_vector_error(samples, argument);
  tn_sample *sample = tn_sample_failing(samples, "not square", TN_INVALID_ARGUMENT, argument);
  matrix_sample(sample, TN_SHAPE(2, 3), MATRIX_ANY);
  sample = tn_sample_failing(samples, "UPLO", TN_INVALID_ARGUMENT, "UPLO");
  matrix_sample(sample, TN_SHAPE(2, 2), MATRIX_HERMITIAN);
  tn_sample_string(sample, "lower");
  add_not_finite(samples, NULL);
}
static void eigh_errors(tn_samples *samples) { add_eigh_errors(samples, "self"); }
static void internal_eigh_errors(tn_samples *samples) { add_eigh_errors(samples, "A"); }

static bool is_upper(const tn_sample *sample) {
  return strcmp(tn_sample_string_at(sample, 1, "L"), "U") == 0;
}

static bool ascends(matrix values) {
  for (int64_t i = 1; i < values.cols; i++) {
    if (!(creal(values.at[i]) >= creal(values.at[i - 1]))) return false;
  }
  return true;
}

static const char *judge_eigh(matrix_bench *bench, const tn_sample *sample,
                              const tn_operand *results, int64_t index) {
  const tn_operand *self = &sample->operands[0];
  matrix a = matrix_from_triangle(bench, matrix_load(bench, self, index), is_upper(sample));
  matrix values = load_row(bench, &results[0], index), v = matrix_load(bench, &results[1], index);
  if (!ascends(values)) return "the eigenvalues do not ascend";
  if (matrix_orthonormality(bench, v, self->dtype) > MATRIX_RATIO) {
    return "the eigenvectors are not orthonormal";
  }
  matrix left = matrix_product(bench, a, v), right = matrix_scaled(bench, v, values);
  return matrix_ratio(matrix_minus(bench, left, right), matrix_norm(a), self->dtype) > MATRIX_RATIO
             ? "A V is not V diag(L)"
             : NULL;
}

static const char *verify_eigh(const tn_sample *sample, const tn_operand *results, int32_t count) {
  const tn_operand *a = &sample->operands[0];
  const int64_t n = a->sizes[a->ndim - 1];
  if (count != 2 || results[0].dtype != real_of(a->dtype) || results[1].dtype != a->dtype) {
    return "dtype";
  }
  if (!matrix_has_shape(&results[0], a, TN_SHAPE(n)) ||
      !matrix_has_shape(&results[1], a, TN_SHAPE(n, n))) {
    return "shape";
  }
  return judge_each(sample, results, judge_eigh);
}

const tn_op_spec tn_spec_linalg_eigh = {.op = "linalg_eigh",
                                        .dtypes = MATRIX_DTYPES,
                                        .flags = TN_SPEC_NO_GRAD,
                                        .samples = eigh_samples,
                                        .verify = verify_eigh,
                                        .errors = eigh_errors,
                                        .finite = 1,
                                        .why = GAUGE};
const tn_op_spec tn_spec__linalg_eigh = {.op = "_linalg_eigh",
                                         .dtypes = MATRIX_DTYPES,
                                         .flags = TN_SPEC_NO_GRAD,
                                         .samples = eigh_samples,
                                         .verify = verify_eigh,
                                         .errors = internal_eigh_errors,
                                         .finite = 1,
                                         .why = GAUGE};

// The eigenvalues of A + c I with c = |A|, which are not negative, are its singular values.
static const char *judge_eigvalsh(matrix_bench *bench, const tn_sample *sample,
                                  const tn_operand *results, int64_t index) {
  const tn_operand *self = &sample->operands[0];
  matrix a = matrix_from_triangle(bench, matrix_load(bench, self, index), is_upper(sample));
  matrix values = load_row(bench, results, index);
  const double shift = matrix_norm(a);
  const int64_t n = a.rows;
  double *want = calloc((size_t)n + 1, sizeof *want);
  if (want == NULL) return "out of memory";
  for (int64_t i = 0; i < n; i++) a.at[i * n + i] += shift;
  matrix_singular_values(bench, a, want);
  matrix difference = matrix_zeros(bench, 1, n);
  for (int64_t i = 0; i < difference.cols; i++) {
    difference.at[i] = values.at[i] - (want[n - 1 - i] - shift);
  }
  free(want);
  if (!ascends(values)) return "the eigenvalues do not ascend";
  return matrix_ratio(difference, 2 * shift, self->dtype) > MATRIX_RATIO
             ? "the eigenvalues are others"
             : NULL;
}

static const char *verify_eigvalsh(const tn_sample *sample, const tn_operand *results,
                                   int32_t count) {
  const tn_operand *a = &sample->operands[0];
  if (count != 1 || results[0].dtype != real_of(a->dtype)) return "dtype";
  if (!matrix_has_shape(&results[0], a, TN_SHAPE(a->sizes[a->ndim - 1]))) return "shape";
  return judge_each(sample, results, judge_eigvalsh);
}

const tn_op_spec tn_spec_linalg_eigvalsh = {.op = "linalg_eigvalsh",
                                            .dtypes = MATRIX_DTYPES,
                                            .flags = TN_SPEC_NO_GRAD,
                                            .samples = eigh_samples,
                                            .verify = verify_eigvalsh,
                                            .errors = eigh_errors,
                                            .finite = 1,
                                            .why = GAUGE};

// ---- eigenvalues of any square matrix

static void eig_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(3, 3), TN_SHAPE(2, 4, 4), TN_SHAPE(1, 1),
                            TN_SHAPE(0, 0), TN_SHAPE(0, 2, 2), TN_SHAPE(30, 30)};
  for (int i = 0; i < 6; i++) {
    matrix_sample_add(samples, "real eigenvalues", shapes[i], MATRIX_HERMITIAN, 0);
  }
  matrix_sample_add(samples, "many", TN_SHAPE(40, 12, 12), MATRIX_HERMITIAN, TN_SAMPLE_LARGE);
}

static void eig_errors(tn_samples *samples) {
  add_vector_error(samples, "self");
  tn_sample *sample = tn_sample_failing(samples, "not square", TN_INVALID_ARGUMENT, "self");
  matrix_sample(sample, TN_SHAPE(2, 3), MATRIX_ANY);
  add_not_finite(samples, NULL);
}

static tn_dtype complex_of(tn_dtype dtype) {
  return dtype == TN_F32 ? TN_C64 : dtype == TN_F64 ? TN_C128 : dtype;
}

static const char *judge_eig(matrix_bench *bench, const tn_sample *sample,
                             const tn_operand *results, int64_t index) {
  const tn_operand *self = &sample->operands[0];
  matrix a = matrix_load(bench, self, index);
  matrix values = load_row(bench, &results[0], index), v = matrix_load(bench, &results[1], index);
  matrix left = matrix_product(bench, a, v), right = matrix_scaled(bench, v, values);
  for (int64_t j = 0; j < v.cols; j++) {
    double sum = 0;
    for (int64_t i = 0; i < v.rows; i++) sum += pow(cabs(v.at[i * v.cols + j]), 2);
    if (fabs(sum - 1) > 64 * reference_epsilon(real_of(self->dtype))) {
      return "an eigenvector's length is not 1";
    }
  }
  return matrix_ratio(matrix_minus(bench, left, right), matrix_norm(a), self->dtype) > MATRIX_RATIO
             ? "A V is not V diag(L)"
             : NULL;
}

static const char *verify_eig(const tn_sample *sample, const tn_operand *results, int32_t count) {
  const tn_operand *a = &sample->operands[0];
  const int64_t n = a->sizes[a->ndim - 1];
  if (count != 2 || results[0].dtype != complex_of(a->dtype) ||
      results[1].dtype != complex_of(a->dtype)) {
    return "dtype";
  }
  if (!matrix_has_shape(&results[0], a, TN_SHAPE(n)) ||
      !matrix_has_shape(&results[1], a, TN_SHAPE(n, n))) {
    return "shape";
  }
  return judge_each(sample, results, judge_eig);
}

#define EIG                                                                                        \
  .dtypes = MATRIX_DTYPES, .flags = TN_SPEC_NO_GRAD, .samples = eig_samples, .errors = eig_errors, \
  .finite = 1, .why = GAUGE
const tn_op_spec tn_spec_linalg_eig = {.op = "linalg_eig", EIG, .verify = verify_eig};

// Each in turn makes A - l I singular: its smallest singular value is nothing beside |A|.
static const char *judge_eigvals(matrix_bench *bench, const tn_sample *sample,
                                 const tn_operand *results, int64_t index) {
  const tn_operand *self = &sample->operands[0];
  matrix values = load_row(bench, results, index);
  const int64_t n = values.cols;
  double *sizes = calloc((size_t)n + 1, sizeof *sizes);
  const char *wrong = sizes == NULL ? "out of memory" : NULL;
  for (int64_t i = 0; i < n && wrong == NULL; i++) {
    matrix_bench own = {.count = 0};
    matrix a = matrix_load(&own, self, index);
    const double scale = matrix_norm(a);
    for (int64_t k = 0; k < a.rows; k++) a.at[k * n + k] -= values.at[i];
    matrix_singular_values(&own, a, sizes);
    matrix smallest = matrix_zeros(&own, 1, 1);
    smallest.at[0] = sizes[n - 1] / (double)n;
    if (matrix_ratio(smallest, scale, self->dtype) > MATRIX_RATIO) wrong = "no eigenvalue";
    matrix_bench_close(&own);
  }
  free(sizes);
  return wrong;
}

static const char *verify_eigvals(const tn_sample *sample, const tn_operand *results,
                                  int32_t count) {
  const tn_operand *a = &sample->operands[0];
  if (count != 1 || results[0].dtype != complex_of(a->dtype)) return "dtype";
  if (!matrix_has_shape(&results[0], a, TN_SHAPE(a->sizes[a->ndim - 1]))) return "shape";
  return judge_each(sample, results, judge_eigvals);
}
const tn_op_spec tn_spec_linalg_eigvals = {.op = "linalg_eigvals", EIG, .verify = verify_eigvals};
