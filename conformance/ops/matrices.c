// SPDX-License-Identifier: Apache-2.0
//
// matrices: see matrices.h. Everything is a plain loop on double complex numbers.

#include "matrices.h"

#include <stdlib.h>

// ---- samples

static double next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return ((double)(*state >> 58) - 32) / 32;  // k / 32 in [-1, 1): products add up exactly
}

static void fill_hermitian(double *to, int64_t n, uint64_t *state, bool positive) {
  double *m = malloc(sizeof *m * (size_t)(n * n) + 1);
  for (int64_t i = 0; m != NULL && i < n * n; i++) m[i] = next_random(state);
  for (int64_t i = 0; m != NULL && i < n; i++) {
    for (int64_t j = 0; j < n; j++) {
      double sum = positive ? (i == j ? (double)n / 4 : 0) : (m[i * n + j] + m[j * n + i]) / 8;
      for (int64_t k = 0; positive && k < n; k++) sum += m[i * n + k] * m[j * n + k];
      if (!positive && i == j) sum += (double)(i - n / 2);
      to[i * n + j] = sum;
    }
  }
  free(m);
}

static void fill_matrix(double *to, int64_t rows, int64_t cols, matrix_kind kind, uint64_t *state) {
  if (kind == MATRIX_POSITIVE || kind == MATRIX_HERMITIAN || kind == MATRIX_INDEFINITE) {
    fill_hermitian(to, rows, state, kind != MATRIX_HERMITIAN);
    if (kind == MATRIX_INDEFINITE && rows > 1) to[cols + 1] = -1;
    return;
  }
  for (int64_t i = 0; i < rows * cols; i++) to[i] = next_random(state);
  for (int64_t i = 0; kind != MATRIX_ANY && i < rows && i < cols; i++) {
    to[i * cols + i] += to[i * cols + i] < 0 ? -2 : 2;
  }
  for (int64_t j = 0; kind == MATRIX_SINGULAR && j < cols; j++) {
    to[(rows - 1) * cols + j] = 0;
  }
}

void matrix_sample(tn_sample *sample, tn_ints shape, matrix_kind kind) {
  if (sample == NULL) return;
  int64_t rows = shape.data[shape.count - 2], cols = shape.data[shape.count - 1], count = 1;
  for (int64_t d = 0; d < shape.count - 2; d++) count *= shape.data[d];
  double *values = malloc(sizeof *values * (size_t)(count * rows * cols) + 1);
  uint64_t state = (uint64_t)(rows * 31 + cols * 7 + sample->arg_count * 3 + 5);
  for (int64_t b = 0; values != NULL && b < count; b++) {
    matrix_kind own = kind;
    if (kind == MATRIX_SINGULAR && b < count - 1) own = MATRIX_REGULAR;
    if (kind == MATRIX_INDEFINITE && b < count - 1) own = MATRIX_POSITIVE;
    fill_matrix(values + b * rows * cols, rows, cols, own, &state);
  }
  if (values != NULL) tn_sample_values(sample, shape, sample->dtype, values);
  free(values);
}

tn_sample *matrix_sample_add(tn_samples *samples, const char *name, tn_ints shape, matrix_kind kind,
                             uint32_t flags) {
  if (shape.count == 2) flags |= TN_SAMPLE_NO_EXPAND;
  tn_sample *sample = tn_sample_add(samples, name, flags);
  matrix_sample(sample, shape, kind);
  return sample;
}

// ---- matrices

void matrix_bench_close(matrix_bench *bench) {
  for (int i = 0; i < bench->count; i++) free(bench->blocks[i]);
  bench->count = 0;
}

matrix matrix_zeros(matrix_bench *bench, int64_t rows, int64_t cols) {
  static double complex nothing;
  matrix a = {rows, cols, &nothing};
  void *block =
      bench->count < 128 ? calloc((size_t)(rows * cols) + 1, sizeof(double complex)) : NULL;
  if (block == NULL) {
    bench->failed = true;
    a.rows = a.cols = 0;
    return a;
  }
  bench->blocks[bench->count++] = block;
  a.at = block;
  return a;
}

matrix matrix_identity(matrix_bench *bench, int64_t n) {
  matrix a = matrix_zeros(bench, n, n);
  for (int64_t i = 0; i < a.rows; i++) a.at[i * n + i] = 1;
  return a;
}

int64_t matrix_count(const tn_operand *stack) {
  int64_t count = 1;
  for (int32_t d = 0; d < stack->ndim - 2; d++) count *= stack->sizes[d];
  return count;
}

matrix matrix_load(matrix_bench *bench, const tn_operand *stack, int64_t index) {
  const int64_t rows = stack->sizes[stack->ndim - 2], cols = stack->sizes[stack->ndim - 1];
  matrix a = matrix_zeros(bench, rows, cols);
  for (int64_t i = 0; i < a.rows * a.cols; i++) {
    a.at[i] = stack->values[index * rows * cols + i];
  }
  return a;
}

matrix matrix_product(matrix_bench *bench, matrix a, matrix b) {
  matrix c = matrix_zeros(bench, a.rows, b.cols);
  for (int64_t i = 0; i < c.rows; i++) {
    for (int64_t k = 0; k < a.cols; k++) {
      for (int64_t j = 0; j < c.cols; j++) {
        c.at[i * c.cols + j] += a.at[i * a.cols + k] * b.at[k * b.cols + j];
      }
    }
  }
  return c;
}

matrix matrix_adjoint(matrix_bench *bench, matrix a) {
  matrix t = matrix_zeros(bench, a.cols, a.rows);
  for (int64_t i = 0; i < t.rows; i++) {
    for (int64_t j = 0; j < t.cols; j++) t.at[i * t.cols + j] = conj(a.at[j * a.cols + i]);
  }
  return t;
}

matrix matrix_minus(matrix_bench *bench, matrix a, matrix b) {
  matrix c = matrix_zeros(bench, a.rows, a.cols);
  for (int64_t i = 0; i < c.rows * c.cols; i++) c.at[i] = a.at[i] - b.at[i];
  return c;
}

matrix matrix_scaled(matrix_bench *bench, matrix a, matrix factors) {
  matrix c = matrix_zeros(bench, a.rows, a.cols);
  for (int64_t i = 0; i < c.rows * c.cols; i++) c.at[i] = a.at[i] * factors.at[i % c.cols];
  return c;
}

matrix matrix_from_triangle(matrix_bench *bench, matrix a, bool upper) {
  matrix c = matrix_zeros(bench, a.rows, a.cols);
  for (int64_t i = 0; i < c.rows; i++) {
    for (int64_t j = 0; j < c.cols; j++) {
      const bool stored = upper ? j >= i : j <= i;
      c.at[i * c.cols + j] = stored ? a.at[i * c.cols + j] : conj(a.at[j * c.cols + i]);
    }
    c.at[i * c.cols + i] = creal(c.at[i * c.cols + i]);
  }
  return c;
}

double matrix_norm(matrix a) {
  double sum = 0;
  for (int64_t i = 0; i < a.rows * a.cols; i++) {
    sum += creal(a.at[i]) * creal(a.at[i]) + cimag(a.at[i]) * cimag(a.at[i]);
  }
  return sqrt(sum);
}

static double epsilon_of(tn_dtype dtype) {
  return dtype == TN_F32 || dtype == TN_C64 ? 0x1p-23 : 0x1p-52;
}

double matrix_ratio(matrix difference, double scale, tn_dtype dtype) {
  const int64_t n = difference.rows > difference.cols ? difference.rows : difference.cols;
  if (n == 0) return 0;
  const double size = matrix_norm(difference), unit = (double)n * epsilon_of(dtype) * scale;
  if (isnan(size)) return INFINITY;
  return size == 0 ? 0 : size / unit;
}

double matrix_orthonormality(matrix_bench *bench, matrix a, tn_dtype dtype) {
  matrix gram = matrix_product(bench, matrix_adjoint(bench, a), a);
  matrix difference = matrix_minus(bench, gram, matrix_identity(bench, a.cols));
  return a.cols == 0 ? 0 : matrix_ratio(difference, sqrt((double)a.cols), dtype);
}

static void swap_rows(matrix a, int64_t i, int64_t j) {
  for (int64_t k = 0; k < a.cols; k++) {
    const double complex kept = a.at[i * a.cols + k];
    a.at[i * a.cols + k] = a.at[j * a.cols + k];
    a.at[j * a.cols + k] = kept;
  }
}

static void swap_cols(matrix a, int64_t i, int64_t j) {
  for (int64_t k = 0; k < a.rows; k++) {
    const double complex kept = a.at[k * a.cols + i];
    a.at[k * a.cols + i] = a.at[k * a.cols + j];
    a.at[k * a.cols + j] = kept;
  }
}

double complex matrix_determinant(matrix a) {
  const int64_t n = a.rows;
  double complex product = 1;
  for (int64_t step = 0; step < n; step++) {
    int64_t row = step, col = step;
    for (int64_t i = step; i < n; i++) {
      for (int64_t j = step; j < n; j++) {
        if (cabs(a.at[i * n + j]) > cabs(a.at[row * n + col])) {
          row = i;
          col = j;
        }
      }
    }
    if (a.at[row * n + col] == 0) return 0;
    if (row != step) product = -product;
    if (col != step) product = -product;
    swap_rows(a, row, step);
    swap_cols(a, col, step);
    product *= a.at[step * n + step];
    for (int64_t i = step + 1; i < n; i++) {
      const double complex factor = a.at[i * n + step] / a.at[step * n + step];
      for (int64_t j = step; j < n; j++) a.at[i * n + j] -= factor * a.at[step * n + j];
    }
  }
  return product;
}

// Rotates columns p and q of |a| so that they are orthogonal; gives how far they were from it.
static double rotate(matrix a, int64_t p, int64_t q) {
  double alpha = 0, beta = 0;
  double complex gamma = 0;
  for (int64_t i = 0; i < a.rows; i++) {
    const double complex x = a.at[i * a.cols + p], y = a.at[i * a.cols + q];
    alpha += creal(x * conj(x));
    beta += creal(y * conj(y));
    gamma += conj(x) * y;
  }
  const double size = cabs(gamma);
  if (size <= 0x1p-60 * sqrt(alpha * beta) || size == 0) return 0;
  const double complex phase = gamma / size;
  const double zeta = (beta - alpha) / (2 * size);
  const double t = (zeta >= 0 ? 1 : -1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
  const double c = 1 / sqrt(1 + t * t), s = c * t;
  for (int64_t i = 0; i < a.rows; i++) {
    const double complex x = a.at[i * a.cols + p], y = a.at[i * a.cols + q] * conj(phase);
    a.at[i * a.cols + p] = c * x - s * y;
    a.at[i * a.cols + q] = s * x + c * y;
  }
  return size / sqrt(alpha * beta);
}

static int descending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

void matrix_singular_values(matrix_bench *bench, matrix a, double *values) {
  matrix tall = matrix_adjoint(bench, a);
  if (a.rows >= a.cols) tall = matrix_adjoint(bench, tall);
  double worst = 1;
  for (int sweep = 0; sweep < 60 && worst > 0x1p-52; sweep++) {
    worst = 0;
    for (int64_t p = 0; p < tall.cols; p++) {
      for (int64_t q = p + 1; q < tall.cols; q++) worst = fmax(worst, rotate(tall, p, q));
    }
  }
  for (int64_t j = 0; j < tall.cols; j++) {
    double sum = 0;
    for (int64_t i = 0; i < tall.rows; i++) {
      const double complex x = tall.at[i * tall.cols + j];
      sum += creal(x * conj(x));
    }
    values[j] = sqrt(sum);
  }
  qsort(values, (size_t)tall.cols, sizeof *values, descending);
}

bool matrix_has_shape(const tn_operand *result, const tn_operand *like, tn_ints core) {
  const int32_t batch = like->ndim - 2;
  if (result->ndim != batch + (int32_t)core.count) return false;
  for (int32_t d = 0; d < batch; d++) {
    if (result->sizes[d] != like->sizes[d]) return false;
  }
  for (int64_t d = 0; d < core.count; d++) {
    if (result->sizes[batch + d] != core.data[d]) return false;
  }
  return true;
}
