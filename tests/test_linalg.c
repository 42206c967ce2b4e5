// SPDX-License-Identifier: Apache-2.0
//
// Linear algebra where the specs cannot look: gradients of factors, through functions that depend
// neither on the signs of singular and eigenvectors nor on the triangle that is not read; and what
// an error says of which matrix.

#include "tensor_test.h"

// ---- matrices

// Well conditioned, the same for the same seed: [*, rows, cols] in [-1, 1), more on the diagonal.
static tn_tensor *random_matrices(tn_ints shape, int64_t seed) {
  tn_manual_seed((uint64_t)seed);
  tn_tensor *noise = tn_sub_scalar(tn_mul_scalar(tn_rand(shape, .dtype = TN_F64), 2), 1);
  const int64_t cols = shape.data[shape.count - 1], rows = shape.data[shape.count - 2];
  tn_tensor *eye = tn_mul_scalar(tn_eye_m(rows, cols, .dtype = TN_F64), 2);
  tn_tensor *steps = tn_arange_step(0, cols, .dtype = TN_F64);
  tn_tensor *matrices = tn_add(noise, tn_mul(eye, tn_add_scalar(steps, 1)));
  cr_assert_not_null(matrices, "%s", tn_ok() ? "" : tn_error_peek()->message);
  return tn_detach(matrices);
}

static tn_tensor *transposed(tn_tensor *x) { return tn_transpose(x, -2, -1); }

static tn_tensor *symmetric(tn_tensor *x) { return tn_add(x, transposed(x)); }

// Any matrix made positive definite, differentiably.
static tn_tensor *positive(tn_tensor *x) {
  tn_tensor *eye = tn_eye(tn_tensor_size(x, -1), .dtype = TN_F64);
  return tn_add(tn_matmul(x, transposed(x)), eye);
}

// Weighs elements differently, so that no gradient hides in a sum.
static tn_tensor *weighed(tn_tensor *x) {
  if (x == NULL) return NULL;
  tn_tensor *weights = tn_arange_step(1, tn_tensor_numel(x) + 1, .dtype = TN_F64);
  return tn_sum(tn_mul(tn_reshape(x, TN_SHAPE(-1)), tn_sin(weights)));
}

static tn_tensor *square(tn_tensor *x) { return tn_mul(x, x); }

// ---- functions of one matrix

static tn_tensor *lower_cholesky(tn_tensor *x) { return tn_linalg_cholesky(positive(x)); }
static tn_tensor *upper_cholesky(tn_tensor *x) {
  return tn_linalg_cholesky(positive(x), .upper = true);
}
static tn_tensor *cholesky_of_ex(tn_tensor *x) { return tn_linalg_cholesky_ex(positive(x), NULL); }

// With the signs of Q's columns and R's rows squared away.
static tn_tensor *qr_squares(tn_tensor *x) {
  tn_tensor *r = NULL, *q = tn_linalg_qr(x, &r);
  if (q == NULL) return NULL;
  return tn_add(weighed(square(q)), weighed(square(r)));
}

static tn_tensor *thin_svd_squares(tn_tensor *x) {
  tn_tensor *s = NULL, *vh = NULL, *u = tn_linalg_svd(x, &s, &vh, .full_matrices = TN_NO);
  if (u == NULL) return NULL;
  tn_tensor *both = tn_matmul(tn_mul(u, tn_unsqueeze(tn_exp(s), -2)), vh);
  return tn_add(tn_add(weighed(square(u)), weighed(square(vh))), tn_add(weighed(both), weighed(s)));
}
static tn_tensor *full_svd_squares(tn_tensor *x) {
  tn_tensor *s = NULL, *vh = NULL, *u = tn_linalg_svd(x, &s, &vh);
  if (u == NULL) return NULL;
  return tn_add(tn_add(weighed(square(u)), weighed(square(vh))), weighed(s));
}
static tn_tensor *left_vectors_alone(tn_tensor *x) {
  tn_tensor *u = tn_linalg_svd(x, NULL, NULL, .full_matrices = TN_NO);
  return weighed(square(u));
}

static tn_tensor *eigh_squares(tn_tensor *x) {
  tn_tensor *v = NULL, *l = tn_linalg_eigh(symmetric(x), &v);
  if (l == NULL) return NULL;
  tn_tensor *both = tn_matmul(tn_mul(v, tn_unsqueeze(tn_sin(l), -2)), transposed(v));
  return tn_add(tn_add(weighed(square(v)), weighed(l)), weighed(both));
}
static tn_tensor *eigh_upper(tn_tensor *x) {
  tn_tensor *v = NULL, *l = tn_linalg_eigh(symmetric(x), &v, .UPLO = "U");
  return l == NULL ? NULL : tn_add(weighed(square(v)), weighed(l));
}
static tn_tensor *eigvalsh_of(tn_tensor *x) { return tn_linalg_eigvalsh(symmetric(x)); }

static tn_tensor *hermitian_pinv(tn_tensor *x) {
  return tn_linalg_pinv(symmetric(x), .hermitian = true);
}
static tn_tensor *logarithm_of_det(tn_tensor *x) {
  tn_tensor *size = NULL;
  return tn_linalg_slogdet(x, &size) == NULL ? NULL : size;
}

typedef tn_tensor *(*matrix_function)(tn_tensor *x);

static tn_tensor *call_function(void *context, tn_tensors inputs) {
  const matrix_function *function = context;
  return (*function)(inputs.data[0]);
}

// First and second gradients of |function| at |x| agree with central differences.
static void expect_gradients_at(matrix_function function, tn_tensor *x, const char *name) {
  tn_tensor *inputs[] = {x};
  tn_requires_grad_(x, true);
  tn_gradcheck_options first = {.struct_size = sizeof first, .atol = 1e-6, .rtol = 1e-5};
  tn_gradcheck_options second = {.struct_size = sizeof second, .atol = 1e-4, .rtol = 1e-3};
  tn_status status = tn_gradcheck(call_function, &function, (tn_tensors){inputs, 1}, &first);
  cr_assert_eq(status, TN_OK, "%s: %s", name, tn_ok() ? "" : tn_error_peek()->message);
  status = tn_gradgradcheck(call_function, &function, (tn_tensors){inputs, 1}, &second);
  cr_assert_eq(status, TN_OK, "%s, second: %s", name, tn_ok() ? "" : tn_error_peek()->message);
}

static void expect_gradients(matrix_function function, tn_ints shape, const char *name) {
  tn_scope *scope = tn_scope_open();
  expect_gradients_at(function, random_matrices(shape, 7), name);
  tn_scope_close(scope);
}

#define GRADIENTS(function, ...) expect_gradients(function, TN_SHAPE(__VA_ARGS__), #function)

TN_TEST(linalg_gradients, of_cholesky_are_those_of_a_hermitian_matrix) {
  GRADIENTS(lower_cholesky, 3, 3);
  GRADIENTS(lower_cholesky, 2, 2, 2);
  GRADIENTS(upper_cholesky, 3, 3);
  GRADIENTS(cholesky_of_ex, 3, 3);
}

TN_TEST(linalg_gradients, of_qr_hold_for_every_shape) {
  GRADIENTS(qr_squares, 3, 3);
  GRADIENTS(qr_squares, 4, 2);
  GRADIENTS(qr_squares, 2, 4);
  GRADIENTS(qr_squares, 2, 3, 2);
}

TN_TEST(linalg_gradients, of_singular_vectors_hold_where_signs_do_not_matter) {
  GRADIENTS(thin_svd_squares, 3, 3);
  GRADIENTS(thin_svd_squares, 4, 2);
  GRADIENTS(thin_svd_squares, 2, 4);
  GRADIENTS(thin_svd_squares, 2, 3, 2);
  GRADIENTS(full_svd_squares, 3, 3);
  GRADIENTS(left_vectors_alone, 4, 3);
}

TN_TEST(linalg_gradients, of_eigenvectors_hold_where_signs_do_not_matter) {
  GRADIENTS(eigh_squares, 3, 3);
  GRADIENTS(eigh_squares, 2, 2, 2);
  GRADIENTS(eigh_upper, 3, 3);
  GRADIENTS(eigvalsh_of, 2, 3, 3);
}

TN_TEST(linalg_gradients, of_pinv_hold_for_hermitian_matrices) { GRADIENTS(hermitian_pinv, 3, 3); }

TN_TEST(linalg_gradients, of_slogdet_are_the_inverse) { GRADIENTS(logarithm_of_det, 2, 3, 3); }

static tn_tensor *solve_for_vectors(tn_tensor *x) {
  return tn_linalg_solve(x, tn_ones(TN_SHAPE(3), .dtype = TN_F64));
}
static tn_tensor *solve_for_constants(tn_tensor *x) {
  return tn_linalg_solve(x, tn_ones(TN_SHAPE(2, 3), .dtype = TN_F64));
}

TN_TEST(linalg_gradients, of_solve_hold_where_the_matrix_alone_has_one) {
  GRADIENTS(solve_for_vectors, 3, 3);
  GRADIENTS(solve_for_vectors, 2, 3, 3);
  GRADIENTS(solve_for_constants, 2, 3, 3);
}

// ---- singular matrices

TN_TEST(linalg_gradients, of_det_are_cofactors_of_a_singular_matrix) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(3, 3), (double[]){1, 2, 3, 2, 4, 6, 1, 0, 1});
  tn_requires_grad_(x, true);
  cr_assert_eq(tn_backward(tn_linalg_det(x)), TN_OK);
  const double cofactors[] = {4, 4, -4, -2, -2, 2, 0, 0, 0};
  expect_values(tn_tensor_grad(x), cofactors, 9, 1e-12);
  tn_scope_close(scope);
}

TN_TEST(linalg_gradients, of_det_are_zero_where_two_rows_could_go) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_zeros(TN_SHAPE(3, 3), .dtype = TN_F64);
  tn_requires_grad_(x, true);
  cr_assert_eq(tn_backward(tn_linalg_det(x)), TN_OK);
  expect_exactly(tn_tensor_grad(x), 0, 0, 0, 0, 0, 0, 0, 0, 0);
  tn_scope_close(scope);
}

// ---- what errors say

TN_TEST(linalg_errors, name_the_matrix_and_the_minor) {
  tn_scope *scope = tn_scope_open();
  const double values[] = {1, 0, 0, 1, 2, 0, 0, 2, 3, 0, 0, 3, 1, 2, 2, 1};
  cr_assert_null(tn_linalg_cholesky(doubles(TN_SHAPE(4, 2, 2), values)));
  expect_error(TN_NO_SOLUTION,
               "linalg_cholesky: batch element 3: the leading minor of order 2 is not positive");
  tn_scope_close(scope);
}

TN_TEST(linalg_errors, name_the_matrix_and_the_pivot) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2, 2, 2), (double[]){1, 0, 0, 1, 1, 0, 5, 0});
  cr_assert_null(tn_linalg_inv(x));
  expect_error(TN_NO_SOLUTION, "linalg_inv: batch element 1: the matrix is singular: pivot 2");
  cr_assert_null(tn_linalg_solve(x, tn_ones(TN_SHAPE(2, 2), .dtype = TN_F64)));
  expect_error(TN_NO_SOLUTION, "linalg_solve: batch element 1: the matrix is singular: pivot 2");
  tn_tensor *one = tn_select(x, 0, 1);
  cr_assert_null(tn_linalg_inv(one));
  expect_error(TN_NO_SOLUTION, "linalg_inv: the matrix is singular");
  tn_scope_close(scope);
}

TN_TEST(linalg_errors, say_that_a_matrix_is_not_finite) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2, 2, 2), (double[]){1, 0, 0, 1, 1, INFINITY, 0, 1});
  cr_assert_null(tn_linalg_svdvals(x));
  expect_error(TN_NO_SOLUTION, "linalg_svdvals: batch element 1: the matrix has NaN or infinite");
  cr_assert_not_null(tn_linalg_eigvalsh(x), "the upper triangle is not read");
  cr_assert_null(tn_linalg_eigvalsh(x, .UPLO = "U"));
  expect_error(TN_NO_SOLUTION, "linalg_eigvalsh: batch element 1");
  tn_scope_close(scope);
}

TN_TEST(linalg_errors, come_as_numbers_from_the_ex_forms) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(3, 2, 2), (double[]){1, 0, 0, 1, 1, 2, 2, 1, -1, 0, 0, 1});
  tn_tensor *info = NULL;
  cr_assert_not_null(tn_linalg_cholesky_ex(x, &info));
  expect_exactly(info, 0, 2, 1);
  cr_assert_not_null(tn_linalg_inv_ex(tn_mul_scalar(x, 0), &info));
  expect_exactly(info, 1, 1, 1);
  expect_ok();
  tn_scope_close(scope);
}

TN_TEST(linalg_errors, a_nan_on_the_diagonal_is_not_positive_definite) {
  tn_scope *scope = tn_scope_open();
  cr_assert_null(tn_linalg_cholesky(doubles(TN_SHAPE(2, 2), (double[]){1, 0, 0, NAN})));
  expect_error(TN_NO_SOLUTION, "order 2");
  tn_scope_close(scope);
}

// ---- other properties

TN_TEST(linalg, out_may_be_the_operand) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2, 2), (double[]){2, 0, 0, 4});
  cr_assert_eq(tn_linalg_inv_out(x, x), TN_OK);
  expect_exactly(x, 0.5, 0, 0, 0.25);
  tn_tensor *b = doubles(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4});
  cr_assert_eq(tn_linalg_solve_out(b, x, b), TN_OK);
  expect_exactly(b, 2, 4, 12, 16);
  cr_assert_eq(tn_linalg_solve_out(x, x, b), TN_OK);
  expect_exactly(x, 4, 8, 48, 64);
  tn_scope_close(scope);
}

TN_TEST(linalg, pinv_leaves_out_what_is_below_the_tolerance) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2, 2), (double[]){4, 0, 0, 0.5});
  expect_values(tn_linalg_pinv(x), (double[]){0.25, 0, 0, 2}, 4, 1e-15);
  expect_values(tn_linalg_pinv(x, .atol = TN_FLOAT(0.5)), (double[]){0.25, 0, 0, 0}, 4, 1e-15);
  expect_values(tn_linalg_pinv(x, .rtol = TN_FLOAT(0.2)), (double[]){0.25, 0, 0, 0}, 4, 1e-15);
  expect_exactly(tn_linalg_matrix_rank(x, .rtol = TN_FLOAT(0.2)), 1);
  expect_exactly(tn_linalg_matrix_rank(x), 2);
  tn_scope_close(scope);
}

// A V = V diag(L) for a matrix with a conjugated pair, by |dtype|.
static void expect_complex_pair(tn_dtype dtype) {
  const double values[] = {0, -2, 0, 2, 0, 0, 0, 0, 3};
  double l[2 * 3], v[2 * 9];
  tn_tensor *vectors = NULL, *x = tn_to(doubles(TN_SHAPE(3, 3), values), TN_DEVICE_CPU, dtype);
  tn_tensor *eigenvalues = tn_linalg_eig(x, &vectors);
  cr_assert_not_null(eigenvalues, "%s", tn_ok() ? "" : tn_error_peek()->message);
  cr_assert_eq(tn_copy_to_host(eigenvalues, l, sizeof l, TN_C128), TN_OK);
  cr_assert_eq(tn_copy_to_host(vectors, v, sizeof v, TN_C128), TN_OK);
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) {
      double real = 0, imag = 0;
      for (int k = 0; k < 3; k++) {
        real += values[3 * i + k] * v[2 * (3 * k + j)];
        imag += values[3 * i + k] * v[2 * (3 * k + j) + 1];
      }
      const double *z = &v[2 * (3 * i + j)];
      cr_assert(fabs(real - (l[2 * j] * z[0] - l[2 * j + 1] * z[1])) < 1e-5);
      cr_assert(fabs(imag - (l[2 * j] * z[1] + l[2 * j + 1] * z[0])) < 1e-5);
    }
  }
  double imaginary = 0;
  for (int j = 0; j < 3; j++) imaginary += fabs(l[2 * j + 1]);
  cr_assert(fabs(imaginary - 4) < 1e-5, "the pair is 2i and -2i");
}

TN_TEST(linalg, real_matrices_have_complex_eigenvectors_in_pairs) {
  tn_scope *scope = tn_scope_open();
  expect_complex_pair(TN_F32);
  expect_complex_pair(TN_F64);
  expect_complex_pair(TN_C64);
  expect_complex_pair(TN_C128);
  tn_scope_close(scope);
}

TN_TEST(linalg, a_right_side_of_vectors_is_solved_for_each_matrix) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = doubles(TN_SHAPE(2, 2, 2), (double[]){1, 0, 0, 1, 2, 0, 0, 4});
  tn_tensor *x = tn_linalg_solve(a, doubles(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4}));
  expect_shape(x, TN_SHAPE(2, 2));
  expect_exactly(x, 1, 2, 1.5, 1);
  tn_scope_close(scope);
}
