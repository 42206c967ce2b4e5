// SPDX-License-Identifier: Apache-2.0
//
// linalg_factor: Cholesky and LU factors, solutions, inverses and determinants. Factors and
// solutions are judged by what they solve: the residual of a backward stable method is a few units
// of n * epsilon * |A| |X|, which says more than a comparison with another solution would.

#include <stdio.h>

#include "matrices.h"

#define NOT_SPECIFIED "what a matrix with NaN or infinities gives is not specified"

static void add_stacks(tn_samples *samples, matrix_kind kind) {
  matrix_sample_add(samples, "3 x 3", TN_SHAPE(3, 3), kind, 0);
  matrix_sample_add(samples, "one element", TN_SHAPE(1, 1), kind, 0);
  matrix_sample_add(samples, "stack", TN_SHAPE(2, 3, 3), kind, 0);
  matrix_sample_add(samples, "stack of stacks", TN_SHAPE(2, 2, 2, 2), kind, 0);
  matrix_sample_add(samples, "no elements", TN_SHAPE(0, 0), kind, 0);
  matrix_sample_add(samples, "stack of none", TN_SHAPE(0, 3, 3), kind, 0);
  matrix_sample_add(samples, "stack of empty", TN_SHAPE(2, 0, 0), kind, 0);
  matrix_sample_add(samples, "blocks", TN_SHAPE(40, 40), kind, TN_SAMPLE_NO_GRAD);
  matrix_sample_add(samples, "many", TN_SHAPE(90, 12, 12), kind, TN_SAMPLE_LARGE);
}

static void add_failing(tn_samples *samples, const char *name, tn_status status,
                        const char *argument, tn_ints shape, matrix_kind kind) {
  tn_sample *sample = tn_sample_failing(samples, name, status, argument);
  matrix_sample(sample, shape, kind);
}

static void add_shape_errors(tn_samples *samples, const char *argument, bool square) {
  tn_sample *sample = tn_sample_failing(samples, "a vector", TN_INVALID_ARGUMENT, argument);
  tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 1, 2);
  if (square) {
    add_failing(samples, "not square", TN_INVALID_ARGUMENT, argument, TN_SHAPE(2, 3), MATRIX_ANY);
  }
}

// ---- Cholesky

static void cholesky_samples(tn_samples *samples) {
  add_stacks(samples, MATRIX_POSITIVE);
  tn_sample *sample = matrix_sample_add(samples, "upper", TN_SHAPE(2, 3, 3), MATRIX_POSITIVE, 0);
  tn_sample_bool(sample, true);
}

static const char *judge_cholesky(matrix_bench *bench, const tn_sample *sample,
                                  const tn_operand *factor, int64_t b, bool upper) {
  const tn_operand *self = &sample->operands[0];
  matrix a = matrix_from_triangle(bench, matrix_load(bench, self, b), upper);
  matrix f = matrix_load(bench, factor, b);
  for (int64_t i = 0; i < f.rows; i++) {
    if (!(creal(f.at[i * f.cols + i]) > 0)) return "the factor's diagonal is not positive";
    for (int64_t j = 0; j < f.cols; j++) {
      if ((upper ? j < i : j > i) && f.at[i * f.cols + j] != 0) return "not a triangle";
    }
  }
  matrix adjoint = matrix_adjoint(bench, f);
  matrix product = upper ? matrix_product(bench, adjoint, f) : matrix_product(bench, f, adjoint);
  double ratio = matrix_ratio(matrix_minus(bench, a, product), matrix_norm(a), self->dtype);
  return ratio > MATRIX_RATIO ? "the factors' product is not the matrix" : NULL;
}

static const char *verify_cholesky(const tn_sample *sample, const tn_operand *results,
                                   int32_t count) {
  const tn_operand *self = &sample->operands[0];
  const char *wrong = NULL;
  (void)count;
  if (results[0].dtype != self->dtype ||
      !matrix_has_shape(&results[0], self, tn_ints_of(self->sizes + self->ndim - 2, 2))) {
    return "shape or dtype";
  }
  for (int64_t b = 0; b < matrix_count(self) && wrong == NULL; b++) {
    matrix_bench bench = {.count = 0};
    wrong = judge_cholesky(&bench, sample, &results[0], b, tn_sample_bool_at(sample, 1, false));
    matrix_bench_close(&bench);
  }
  return wrong;
}

static const char *verify_cholesky_ex(const tn_sample *sample, const tn_operand *results,
                                      int32_t count) {
  if (count != 2 || results[1].dtype != TN_I32) return "info is not int32";
  for (int64_t b = 0; b < results[1].numel; b++) {
    if (results[1].values[b] != 0) return "info says that it failed";
  }
  return verify_cholesky(sample, results, count);
}

static void cholesky_errors(tn_samples *samples) {
  add_shape_errors(samples, "self", true);
  add_failing(samples, "not positive definite", TN_NO_SOLUTION, NULL, TN_SHAPE(4, 3, 3),
              MATRIX_INDEFINITE);
}

static void cholesky_ex_errors(tn_samples *samples) {
  add_shape_errors(samples, "self", true);
  tn_sample *sample = tn_sample_failing(samples, "not positive definite", TN_NO_SOLUTION, NULL);
  matrix_sample(sample, TN_SHAPE(3, 3), MATRIX_INDEFINITE);
  tn_sample_bool(sample, false);
  tn_sample_bool(sample, true);
}

#define CHOLESKY_WHY                                                                \
  NOT_SPECIFIED                                                                     \
  "; the gradient is Hermitian, which differences in one triangle do not see: see " \
  "tests/test_linalg.c"

const tn_op_spec tn_spec_linalg_cholesky = {.op = "linalg_cholesky",
                                            .dtypes = MATRIX_DTYPES,
                                            .flags = TN_SPEC_NO_GRAD,
                                            .samples = cholesky_samples,
                                            .verify = verify_cholesky,
                                            .errors = cholesky_errors,
                                            .finite = 1,
                                            .why = CHOLESKY_WHY};
const tn_op_spec tn_spec_linalg_cholesky_ex = {.op = "linalg_cholesky_ex",
                                               .dtypes = MATRIX_DTYPES,
                                               .flags = TN_SPEC_NO_GRAD,
                                               .samples = cholesky_samples,
                                               .verify = verify_cholesky_ex,
                                               .errors = cholesky_ex_errors,
                                               .finite = 1,
                                               .why = CHOLESKY_WHY};

// ---- solutions: |A X - B| or |X A - B|

// The place in a stack of |count| matrices that broadcasts to |whole| of them, one batch dimension.
static int64_t place_in(const tn_operand *stack, int32_t core, const tn_operand *whole,
                        int32_t whole_core, int64_t b) {
  int64_t index[TN_SPEC_MAX_DIMS], place = 0;
  const int32_t batch = whole->ndim - whole_core, own = stack->ndim - core;
  tn_reference_unravel(b, batch, whole->sizes, index);
  for (int32_t d = 0; d < own; d++) {
    place = place * stack->sizes[d] + (stack->sizes[d] == 1 ? 0 : index[batch - own + d]);
  }
  return place;
}

// A vector [*, n] as n x 1 matrices.
static tn_operand as_columns(const tn_operand *x) {
  tn_operand columns = *x;
  columns.sizes[columns.ndim++] = 1;
  return columns;
}

typedef matrix (*system_matrix)(matrix_bench *bench, const tn_sample *sample, matrix a);

// |which| is the sample's argument that says left; -1: always left.
static const char *judge_solutions(const tn_sample *sample, const tn_operand *x, int32_t a_at,
                                   int32_t b_at, bool left, system_matrix of) {
  const tn_operand *a = &sample->operands[a_at];
  tn_operand rhs = sample->operands[b_at], solution = *x;
  if (rhs.ndim == 1 || rhs.ndim < a->ndim - 1 || x->ndim == a->ndim - 1) {
    if (rhs.ndim == 1 || (rhs.ndim == a->ndim - 1 &&
                          memcmp(rhs.sizes, a->sizes, sizeof(int64_t) * (size_t)rhs.ndim) == 0)) {
      rhs = as_columns(&rhs);
      solution = as_columns(&solution);
    }
  }
  if (x->dtype != a->dtype) return "dtype";
  const char *wrong = NULL;
  for (int64_t b = 0; b < matrix_count(&solution) && wrong == NULL; b++) {
    matrix_bench bench = {.count = 0};
    matrix m = matrix_load(&bench, a, place_in(a, 2, &solution, 2, b));
    if (of != NULL) m = of(&bench, sample, m);
    matrix want = matrix_load(&bench, &rhs, place_in(&rhs, 2, &solution, 2, b));
    matrix s = matrix_load(&bench, &solution, b);
    matrix got = left ? matrix_product(&bench, m, s) : matrix_product(&bench, s, m);
    if (got.rows != want.rows || got.cols != want.cols) {
      wrong = "shape";
    } else {
      double scale = matrix_norm(m) * matrix_norm(s) + matrix_norm(want);
      if (matrix_ratio(matrix_minus(&bench, got, want), scale, x->dtype) > MATRIX_RATIO) {
        wrong = "the solution does not solve the system";
      }
    }
    matrix_bench_close(&bench);
  }
  return wrong;
}

static void add_system(tn_samples *samples, const char *name, tn_ints a, tn_ints b, int left,
                       uint32_t flags) {
  tn_sample *sample = matrix_sample_add(samples, name, a, MATRIX_REGULAR, flags);
  tn_sample_tensor(sample, b, tn_samples_dtype(samples), -1, 1);
  if (left >= 0) tn_sample_bool(sample, left != 0);
}

static void solve_samples(tn_samples *samples) {
  add_system(samples, "matrix", TN_SHAPE(3, 3), TN_SHAPE(3, 2), -1, 0);
  add_system(samples, "vector", TN_SHAPE(3, 3), TN_SHAPE(3), -1, TN_SAMPLE_NO_EXPAND);
  add_system(samples, "from the right", TN_SHAPE(3, 3), TN_SHAPE(2, 3), 0, 0);
  add_system(samples, "stacks", TN_SHAPE(2, 3, 3), TN_SHAPE(2, 3, 2), 1, 0);
  add_system(samples, "stacks from the right", TN_SHAPE(2, 2, 2), TN_SHAPE(2, 1, 2), 0, 0);
  add_system(samples, "stacks of vectors", TN_SHAPE(2, 3, 3), TN_SHAPE(2, 3), -1, 0);
  add_system(samples, "one matrix, many sides", TN_SHAPE(2, 2), TN_SHAPE(3, 2, 1), -1, 0);
  add_system(samples, "batches broadcast", TN_SHAPE(2, 1, 2, 2), TN_SHAPE(3, 2, 2), -1, 0);
  add_system(samples, "no elements", TN_SHAPE(0, 0), TN_SHAPE(0, 2), -1, 0);
  add_system(samples, "no right sides", TN_SHAPE(3, 3), TN_SHAPE(3, 0), -1, 0);
  add_system(samples, "stack of none", TN_SHAPE(0, 3, 3), TN_SHAPE(0, 3, 2), -1, 0);
  add_system(samples, "blocks", TN_SHAPE(50, 50), TN_SHAPE(50, 33), -1, TN_SAMPLE_NO_GRAD);
  add_system(samples, "many", TN_SHAPE(80, 12, 12), TN_SHAPE(80, 12, 5), -1, TN_SAMPLE_LARGE);
}

static void add_system_errors(tn_samples *samples, const char *a, const char *b) {
  static const int64_t shapes[][5] = {{2, 3, 2, 2, 1}, {3, 3, 4, 2, 0}};
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = tn_sample_failing(samples, i == 0 ? "not square" : "sizes",
                                          TN_INVALID_ARGUMENT, shapes[i][4] ? a : b);
    matrix_sample(sample, tn_ints_of(shapes[i], 2), MATRIX_ANY);
    tn_sample_tensor(sample, tn_ints_of(shapes[i] + 2, 2), tn_samples_dtype(samples), -1, 1);
  }
  tn_sample *sample = tn_sample_failing(samples, "batches", TN_INVALID_ARGUMENT, b);
  matrix_sample(sample, TN_SHAPE(2, 3, 3), MATRIX_REGULAR);
  tn_sample_tensor(sample, TN_SHAPE(3, 3, 1), tn_samples_dtype(samples), -1, 1);
}

static void add_singular(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "singular", TN_NO_SOLUTION, NULL);
  matrix_sample(sample, TN_SHAPE(3, 2, 2), MATRIX_SINGULAR);
  tn_sample_tensor(sample, TN_SHAPE(3, 2, 1), tn_samples_dtype(samples), -1, 1);
}

static void solve_errors(tn_samples *samples) {
  add_system_errors(samples, "A", "B");
  add_singular(samples);
  tn_sample *sample = tn_sample_failing(samples, "0-dim", TN_INVALID_ARGUMENT, "B");
  matrix_sample(sample, TN_SHAPE(2, 2), MATRIX_REGULAR);
  tn_sample_tensor(sample, TN_SHAPE_SCALAR, tn_samples_dtype(samples), -1, 1);
  sample = tn_sample_failing(samples, "a vector from the right", TN_INVALID_ARGUMENT, "B");
  matrix_sample(sample, TN_SHAPE(2, 2), MATRIX_REGULAR);
  tn_sample_tensor(sample, TN_SHAPE(2), tn_samples_dtype(samples), -1, 1);
  tn_sample_bool(sample, false);
}

static const char *verify_solve(const tn_sample *sample, const tn_operand *results, int32_t count) {
  (void)count;
  return judge_solutions(sample, &results[0], 0, 1, tn_sample_bool_at(sample, 2, true), NULL);
}

static const char *verify_solve_ex(const tn_sample *sample, const tn_operand *results,
                                   int32_t count) {
  if (count != 2 || results[1].dtype != TN_I32) return "info is not int32";
  return verify_solve(sample, results, count);
}

static void solve_ex_errors(tn_samples *samples) { add_system_errors(samples, "A", "B"); }

const tn_op_spec tn_spec_linalg_solve = {.op = "linalg_solve",
                                         .dtypes = MATRIX_DTYPES,
                                         .samples = solve_samples,
                                         .verify = verify_solve,
                                         .errors = solve_errors,
                                         .finite = 3,
                                         .why = NOT_SPECIFIED};
const tn_op_spec tn_spec_linalg_solve_ex = {.op = "linalg_solve_ex",
                                            .dtypes = MATRIX_DTYPES,
                                            .samples = solve_samples,
                                            .verify = verify_solve_ex,
                                            .errors = solve_ex_errors,
                                            .finite = 3,
                                            .why = NOT_SPECIFIED};

// ---- triangular systems: self, B, upper, left, unitriangular

static matrix triangle_of(matrix_bench *bench, const tn_sample *sample, matrix a) {
  const bool upper = tn_sample_bool_at(sample, 2, false);
  const bool unit = tn_sample_bool_at(sample, 4, false);
  matrix t = matrix_zeros(bench, a.rows, a.cols);
  for (int64_t i = 0; i < t.rows; i++) {
    for (int64_t j = 0; j < t.cols; j++) {
      if (i == j) t.at[i * t.cols + j] = unit ? 1 : a.at[i * t.cols + j];
      if (upper ? j > i : j < i) t.at[i * t.cols + j] = a.at[i * t.cols + j];
    }
  }
  return t;
}

static void triangular_samples(tn_samples *samples) {
  const tn_ints a[] = {TN_SHAPE(3, 3), TN_SHAPE(2, 2, 2), TN_SHAPE(2, 2), TN_SHAPE(0, 0),
                       TN_SHAPE(40, 40)};
  const tn_ints left[] = {TN_SHAPE(3, 2), TN_SHAPE(2, 2, 1), TN_SHAPE(3, 2, 2), TN_SHAPE(0, 2),
                          TN_SHAPE(40, 9)};
  const tn_ints right[] = {TN_SHAPE(2, 3), TN_SHAPE(2, 1, 2), TN_SHAPE(3, 2, 2), TN_SHAPE(2, 0),
                           TN_SHAPE(9, 40)};
  for (int i = 0; i < 5; i++) {
    for (int k = 0; k < 8; k++) {
      tn_sample *sample = matrix_sample_add(samples, "triangle", a[i], MATRIX_REGULAR,
                                            i == 4 ? TN_SAMPLE_NO_GRAD : 0);
      tn_sample_tensor(sample, k & 1 ? right[i] : left[i], tn_samples_dtype(samples), -1, 1);
      tn_sample_bool(sample, (k & 2) != 0);
      tn_sample_bool(sample, (k & 1) == 0);
      tn_sample_bool(sample, (k & 4) != 0 && i != 4);
    }
  }
}

static void triangular_errors(tn_samples *samples) {
  const tn_ints a[] = {TN_SHAPE(2, 3), TN_SHAPE(3, 3), TN_SHAPE(3, 3), TN_SHAPE(2, 3, 3)};
  const tn_ints b[] = {TN_SHAPE(2, 2), TN_SHAPE(4, 2), TN_SHAPE(3), TN_SHAPE(3, 3, 1)};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample =
        tn_sample_failing(samples, "shapes", TN_INVALID_ARGUMENT, i == 0 ? "self" : "B");
    matrix_sample(sample, a[i], MATRIX_ANY);
    tn_sample_tensor(sample, b[i], tn_samples_dtype(samples), -1, 1);
    tn_sample_bool(sample, false);
  }
}

static const char *verify_triangular(const tn_sample *sample, const tn_operand *results,
                                     int32_t count) {
  (void)count;
  return judge_solutions(sample, &results[0], 0, 1, tn_sample_bool_at(sample, 3, true),
                         triangle_of);
}

const tn_op_spec tn_spec_linalg_solve_triangular = {.op = "linalg_solve_triangular",
                                                    .dtypes = MATRIX_DTYPES,
                                                    .samples = triangular_samples,
                                                    .verify = verify_triangular,
                                                    .errors = triangular_errors,
                                                    .finite = 3,
                                                    .why = NOT_SPECIFIED};

// ---- from Cholesky factors: self (right sides), input2, upper

static matrix cholesky_product(matrix_bench *bench, const tn_sample *sample, matrix a) {
  const bool upper = tn_sample_bool_at(sample, 2, false);
  matrix t = matrix_zeros(bench, a.rows, a.cols);
  for (int64_t i = 0; i < t.rows; i++) {
    for (int64_t j = 0; j < t.cols; j++) {
      if (upper ? j >= i : j <= i) t.at[i * t.cols + j] = a.at[i * t.cols + j];
    }
  }
  matrix adjoint = matrix_adjoint(bench, t);
  return upper ? matrix_product(bench, adjoint, t) : matrix_product(bench, t, adjoint);
}

static void cholesky_solve_samples(tn_samples *samples) {
  const tn_ints b[] = {TN_SHAPE(3, 2), TN_SHAPE(2, 3, 1), TN_SHAPE(2, 3, 2), TN_SHAPE(0, 2)};
  const tn_ints a[] = {TN_SHAPE(3, 3), TN_SHAPE(2, 3, 3), TN_SHAPE(3, 3), TN_SHAPE(0, 0)};
  for (int i = 0; i < 8; i++) {
    tn_sample *sample =
        tn_sample_add(samples, "system", a[i % 4].count == 2 ? TN_SAMPLE_NO_EXPAND : 0);
    tn_sample_tensor(sample, b[i % 4], tn_samples_dtype(samples), -1, 1);
    matrix_sample(sample, a[i % 4], MATRIX_REGULAR);
    if (i >= 4) tn_sample_bool(sample, true);
  }
}

static void cholesky_solve_errors(tn_samples *samples) {
  const tn_ints b[] = {TN_SHAPE(4, 2), TN_SHAPE(3), TN_SHAPE(3, 1), TN_SHAPE(2, 3, 1)};
  const tn_ints a[] = {TN_SHAPE(3, 3), TN_SHAPE(3, 3), TN_SHAPE(2, 3), TN_SHAPE(4, 3, 3)};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_failing(samples, "shapes", TN_INVALID_ARGUMENT,
                                          i == 2   ? "input2"
                                          : i == 3 ? NULL
                                                   : "self");
    tn_sample_tensor(sample, b[i], tn_samples_dtype(samples), -1, 1);
    matrix_sample(sample, a[i], MATRIX_REGULAR);
  }
}

static const char *verify_cholesky_solve(const tn_sample *sample, const tn_operand *results,
                                         int32_t count) {
  (void)count;
  return judge_solutions(sample, &results[0], 1, 0, true, cholesky_product);
}

const tn_op_spec tn_spec_cholesky_solve = {.op = "cholesky_solve",
                                           .dtypes = MATRIX_DTYPES,
                                           .samples = cholesky_solve_samples,
                                           .verify = verify_cholesky_solve,
                                           .errors = cholesky_solve_errors,
                                           .finite = 3,
                                           .why = NOT_SPECIFIED};

// ---- LU factors

static void lu_samples(tn_samples *samples) {
  add_stacks(samples, MATRIX_REGULAR);
  matrix_sample_add(samples, "tall", TN_SHAPE(5, 3), MATRIX_ANY, 0);
  matrix_sample_add(samples, "wide", TN_SHAPE(2, 3, 5), MATRIX_ANY, 0);
  matrix_sample_add(samples, "no columns", TN_SHAPE(2, 3, 0), MATRIX_ANY, 0);
}

static void lu_errors(tn_samples *samples) {
  add_shape_errors(samples, "A", false);
  tn_sample *sample = tn_sample_failing(samples, "singular", TN_NO_SOLUTION, NULL);
  matrix_sample(sample, TN_SHAPE(3, 2, 2), MATRIX_SINGULAR);
  tn_sample_bool(sample, true);
  tn_sample_bool(sample, true);
}

// P L U, from packed factors and pivots counted from 1.
static matrix multiply_factors(matrix_bench *bench, matrix lu, const double *pivots) {
  const int64_t k = lu.rows < lu.cols ? lu.rows : lu.cols;
  matrix l = matrix_zeros(bench, lu.rows, k), u = matrix_zeros(bench, k, lu.cols);
  for (int64_t i = 0; i < lu.rows; i++) {
    for (int64_t j = 0; j < lu.cols; j++) {
      if (j < i && j < k) l.at[i * k + j] = lu.at[i * lu.cols + j];
      if (j >= i) u.at[i * lu.cols + j] = lu.at[i * lu.cols + j];
    }
    if (i < k) l.at[i * k + i] = 1;
  }
  matrix product = matrix_product(bench, l, u);
  for (int64_t i = k - 1; i >= 0; i--) {
    const int64_t other = (int64_t)pivots[i] - 1;
    for (int64_t j = 0; j < lu.cols && other >= 0 && other < lu.rows; j++) {
      const double complex kept = product.at[i * lu.cols + j];
      product.at[i * lu.cols + j] = product.at[other * lu.cols + j];
      product.at[other * lu.cols + j] = kept;
    }
  }
  return product;
}

static const char *verify_lu(const tn_sample *sample, const tn_operand *results, int32_t count) {
  const tn_operand *a = &sample->operands[0];
  if (count != 3 || results[1].dtype != TN_I32 || results[2].dtype != TN_I32) return "results";
  const int64_t k = results[1].sizes[results[1].ndim - 1];
  const char *wrong = NULL;
  for (int64_t b = 0; b < matrix_count(a) && wrong == NULL; b++) {
    matrix_bench bench = {.count = 0};
    matrix m = matrix_load(&bench, a, b), lu = matrix_load(&bench, &results[0], b);
    matrix product = multiply_factors(&bench, lu, results[1].values + b * k);
    if (matrix_ratio(matrix_minus(&bench, m, product), matrix_norm(m), a->dtype) > MATRIX_RATIO) {
      wrong = "the factors' product is not the matrix";
    }
    if (results[2].values[b] != 0) wrong = "info says that it failed";
    matrix_bench_close(&bench);
  }
  return wrong;
}

const tn_op_spec tn_spec_linalg_lu_factor_ex = {.op = "linalg_lu_factor_ex",
                                                .dtypes = MATRIX_DTYPES,
                                                .flags = TN_SPEC_NO_GRAD,
                                                .samples = lu_samples,
                                                .verify = verify_lu,
                                                .errors = lu_errors,
                                                .finite = 1,
                                                .why = NOT_SPECIFIED "; has no gradient"};

// ---- from LU factors: LU, pivots, B, left, adjoint

static matrix lu_product(matrix_bench *bench, const tn_sample *sample, matrix lu) {
  const tn_operand *pivots = &sample->operands[1];
  matrix a = multiply_factors(bench, lu, pivots->values);
  return tn_sample_bool_at(sample, 4, false) ? matrix_adjoint(bench, a) : a;
}

static void lu_solve_samples(tn_samples *samples) {
  static const double pivots[] = {2, 3, 3, 4, 2, 3, 3, 4};  // the same for each matrix of a stack
  const tn_ints a[] = {TN_SHAPE(4, 4), TN_SHAPE(2, 4, 4)};
  const tn_ints p[] = {TN_SHAPE(4), TN_SHAPE(2, 4)};
  const tn_ints b[] = {TN_SHAPE(4, 2), TN_SHAPE(2, 4), TN_SHAPE(2, 4, 1), TN_SHAPE(2, 1, 4)};
  for (int i = 0; i < 8; i++) {
    const bool left = (i & 1) == 0;
    tn_sample *sample = tn_sample_add(samples, "factors", i < 4 ? TN_SAMPLE_NO_EXPAND : 0);
    matrix_sample(sample, a[i / 4], MATRIX_REGULAR);
    tn_sample_values(sample, p[i / 4], TN_I32, pivots);
    tn_sample_tensor(sample, b[i / 4 * 2 + (left ? 0 : 1)], tn_samples_dtype(samples), -1, 1);
    tn_sample_bool(sample, left);
    tn_sample_bool(sample, (i & 2) != 0);
  }
}

static void lu_solve_errors(tn_samples *samples) {
  static const double pivots[] = {1, 2, 3};
  for (int i = 0; i < 3; i++) {
    tn_sample *sample =
        i == 0   ? tn_sample_failing(samples, "pivots' dtype", TN_INVALID_DTYPE, "pivots")
        : i == 1 ? tn_sample_failing(samples, "pivots' shape", TN_INVALID_ARGUMENT, "pivots")
                 : tn_sample_failing(samples, "sizes", TN_INVALID_ARGUMENT, "B");
    matrix_sample(sample, TN_SHAPE(3, 3), MATRIX_REGULAR);
    tn_sample_values(sample, i == 1 ? TN_SHAPE(2) : TN_SHAPE(3), i == 0 ? TN_I64 : TN_I32, pivots);
    tn_sample_tensor(sample, i == 2 ? TN_SHAPE(2, 3) : TN_SHAPE(3, 1), tn_samples_dtype(samples),
                     -1, 1);
  }
}

static const char *verify_lu_solve(const tn_sample *sample, const tn_operand *results,
                                   int32_t count) {
  (void)count;
  return judge_solutions(sample, &results[0], 0, 2, tn_sample_bool_at(sample, 3, true), lu_product);
}

const tn_op_spec tn_spec_linalg_lu_solve = {
    .op = "linalg_lu_solve",
    .dtypes = MATRIX_DTYPES,
    .samples = lu_solve_samples,
    .verify = verify_lu_solve,
    .errors = lu_solve_errors,
    .smooth = 4,
    .flags = TN_SPEC_FIRST_GRAD_ONLY,
    .finite = 5,
    .why = NOT_SPECIFIED "; linear in B, with no gradient for LU"};

// ---- inverses

static void inv_samples(tn_samples *samples) { add_stacks(samples, MATRIX_REGULAR); }
static void inv_errors(tn_samples *samples) {
  add_shape_errors(samples, "A", true);
  add_failing(samples, "singular", TN_NO_SOLUTION, NULL, TN_SHAPE(3, 2, 2), MATRIX_SINGULAR);
}
static void inv_ex_errors(tn_samples *samples) {
  add_shape_errors(samples, "A", true);
  tn_sample *sample = tn_sample_failing(samples, "singular", TN_NO_SOLUTION, NULL);
  matrix_sample(sample, TN_SHAPE(2, 2), MATRIX_SINGULAR);
  tn_sample_bool(sample, true);
}

static const char *verify_inv(const tn_sample *sample, const tn_operand *results, int32_t count) {
  const tn_operand *a = &sample->operands[0];
  const char *wrong = NULL;
  (void)count;
  if (results[0].dtype != a->dtype ||
      !matrix_has_shape(&results[0], a, tn_ints_of(a->sizes + a->ndim - 2, 2))) {
    return "shape or dtype";
  }
  for (int64_t b = 0; b < matrix_count(a) && wrong == NULL; b++) {
    matrix_bench bench = {.count = 0};
    matrix m = matrix_load(&bench, a, b), x = matrix_load(&bench, &results[0], b);
    matrix difference =
        matrix_minus(&bench, matrix_product(&bench, m, x), matrix_identity(&bench, m.rows));
    if (matrix_ratio(difference, matrix_norm(m) * matrix_norm(x), a->dtype) > MATRIX_RATIO) {
      wrong = "the product with the inverse is not the identity";
    }
    matrix_bench_close(&bench);
  }
  return wrong;
}

const tn_op_spec tn_spec_linalg_inv = {.op = "linalg_inv",
                                       .dtypes = MATRIX_DTYPES,
                                       .samples = inv_samples,
                                       .verify = verify_inv,
                                       .errors = inv_errors,
                                       .finite = 1,
                                       .why = NOT_SPECIFIED};
const tn_op_spec tn_spec_linalg_inv_ex = {.op = "linalg_inv_ex",
                                          .dtypes = MATRIX_DTYPES,
                                          .samples = inv_samples,
                                          .verify = verify_inv,
                                          .errors = inv_ex_errors,
                                          .finite = 1,
                                          .why = NOT_SPECIFIED};

// ---- determinants: within n units of the last place of Hadamard's bound

static void det_samples(tn_samples *samples) {
  add_stacks(samples, MATRIX_REGULAR);
  matrix_sample_add(samples, "needs exchanges", TN_SHAPE(4, 4), MATRIX_ANY, 0);
  // Their gradient, of rank 1, is the matrix of cofactors; slogdet has none there.
  const bool singular = strcmp(tn_samples_spec(samples)->op, "linalg_det") == 0;
  matrix_sample_add(samples, "singular", TN_SHAPE(2, 3, 3), MATRIX_SINGULAR,
                    TN_SAMPLE_NO_EXPAND | (singular ? 0 : TN_SAMPLE_NO_GRAD));
}
static void det_errors(tn_samples *samples) { add_shape_errors(samples, "A", true); }

static double hadamard(matrix a) {
  double bound = (double)a.rows;
  for (int64_t i = 0; i < a.rows; i++) {
    bound *= matrix_norm((matrix){1, a.cols, a.at + i * a.cols});
  }
  return bound;
}

static void det_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *a = &sample->operands[0];
  double *out = tn_expect(expected, a->dtype, a->ndim - 2, a->sizes);
  double *scales = tn_expect_scales(expected);
  for (int64_t b = 0; out != NULL && scales != NULL && b < matrix_count(a); b++) {
    matrix_bench bench = {.count = 0};
    matrix m = matrix_load(&bench, a, b);
    scales[b] = hadamard(m);
    out[b] = creal(matrix_determinant(m));
    matrix_bench_close(&bench);
  }
}

const tn_op_spec tn_spec_linalg_det = {.op = "linalg_det",
                                       .dtypes = MATRIX_DTYPES,
                                       .samples = det_samples,
                                       .reference = det_reference,
                                       .errors = det_errors,
                                       .ulps = 4,
                                       .finite = 1,
                                       .why = NOT_SPECIFIED};

static void slogdet_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *a = &sample->operands[0];
  const tn_dtype real = a->dtype == TN_C64 ? TN_F32 : a->dtype == TN_C128 ? TN_F64 : a->dtype;
  double *sign = tn_expect(expected, a->dtype, a->ndim - 2, a->sizes);
  double *size = tn_expect(expected, real, a->ndim - 2, a->sizes);
  double *scales = tn_expect_scales(expected);
  for (int64_t b = 0; sign != NULL && scales != NULL && b < matrix_count(a); b++) {
    matrix_bench bench = {.count = 0};
    matrix m = matrix_load(&bench, a, b);
    const double bound = hadamard(m);
    const double det = creal(matrix_determinant(m));
    sign[b] = det > 0 ? 1 : det < 0 ? -1 : 0;
    size[b] = log(fabs(det));
    scales[b] = det == 0 ? 0 : bound / fabs(det) + (double)m.rows;
    matrix_bench_close(&bench);
  }
}

const tn_op_spec tn_spec_linalg_slogdet = {.op = "linalg_slogdet",
                                           .dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64),
                                           .samples = det_samples,
                                           .reference = slogdet_reference,
                                           .errors = det_errors,
                                           .ulps = 4,
                                           .finite = 1,
                                           .why = NOT_SPECIFIED};
