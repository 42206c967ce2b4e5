// SPDX-License-Identifier: Apache-2.0
//
// matrices: what the specs of linear algebra are written with: samples of matrices that have the
// property an operator asks for, and small complex matrices in double precision to judge results
// by. A factorisation is judged as LAPACK's own tests judge it, by a residual in units of
// n * epsilon * |A|, which a right one keeps small whatever its gauge.

#ifndef TENON_CONFORMANCE_MATRICES_H_
#define TENON_CONFORMANCE_MATRICES_H_

#include <complex.h>

#include "reference.h"

#define MATRIX_DTYPES \
  (TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64) | TN_DTYPE_BIT(TN_C64) | TN_DTYPE_BIT(TN_C128))

// The largest residual that passes.
#define MATRIX_RATIO 16.0

// ---- samples

typedef enum matrix_kind {
  MATRIX_ANY,         // random elements in [-1, 1)
  MATRIX_REGULAR,     // the same with more on the diagonal: far from singular
  MATRIX_POSITIVE,    // Hermitian, positive definite
  MATRIX_HERMITIAN,   // Hermitian, eigenvalues of both signs, far apart
  MATRIX_SINGULAR,    // the last row is zero
  MATRIX_INDEFINITE,  // Hermitian; the leading minor of order 2 is negative
} matrix_kind;

// Appends matrices of |kind|; |shape|'s last two dimensions are theirs. In a stack of singular or
// indefinite ones only the last is such a one, the others are regular or positive definite.
void matrix_sample(tn_sample *sample, tn_ints shape, matrix_kind kind);

// One sample of one matrix argument. |flags| as tn_sample_add's; a single matrix is never repeated
// along its rows, which would make it singular.
tn_sample *matrix_sample_add(tn_samples *samples, const char *name, tn_ints shape, matrix_kind kind,
                             uint32_t flags);

// ---- matrices in double precision

typedef struct matrix {
  int64_t rows, cols;
  double complex *at;  // row-major
} matrix;

// Where matrices of one check live; released at once. Fails like malloc: |failed|.
typedef struct matrix_bench {
  void *blocks[128];
  int count;
  bool failed;
} matrix_bench;

void matrix_bench_close(matrix_bench *bench);
matrix matrix_zeros(matrix_bench *bench, int64_t rows, int64_t cols);
matrix matrix_identity(matrix_bench *bench, int64_t n);
// Matrix |index| of a stack; of a stack of fewer, the one that broadcasts there is for the caller.
matrix matrix_load(matrix_bench *bench, const tn_operand *stack, int64_t index);
int64_t matrix_count(const tn_operand *stack);
matrix matrix_product(matrix_bench *bench, matrix a, matrix b);
matrix matrix_adjoint(matrix_bench *bench, matrix a);
matrix matrix_minus(matrix_bench *bench, matrix a, matrix b);
// a with the columns of it multiplied by the numbers in the 1 x n matrix |factors|.
matrix matrix_scaled(matrix_bench *bench, matrix a, matrix factors);
// The Hermitian matrix of which |a| holds one triangle.
matrix matrix_from_triangle(matrix_bench *bench, matrix a, bool upper);
double matrix_norm(matrix a);  // Frobenius

// |difference| / (n epsilon scale), n the larger size of |difference|.
double matrix_ratio(matrix difference, double scale, tn_dtype dtype);
// How far a's columns are from orthonormal, in units of n epsilon.
double matrix_orthonormality(matrix_bench *bench, matrix a, tn_dtype dtype);

// The determinant, by elimination with complete pivoting; overwrites |a|.
double complex matrix_determinant(matrix a);
// The singular values of |a|, descending, by one-sided Jacobi rotations, into |values|
// [min(rows, cols)]. source: Hestenes 1958.
void matrix_singular_values(matrix_bench *bench, matrix a, double *values);

// Whether |result| has |batch| of |like| and then |core|.
bool matrix_has_shape(const tn_operand *result, const tn_operand *like, tn_ints core);

#endif  // TENON_CONFORMANCE_MATRICES_H_
