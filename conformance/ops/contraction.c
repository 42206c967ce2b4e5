// SPDX-License-Identifier: Apache-2.0
//
// contraction: outer, inner and cross products, tensordot and powers of matrices. Each is a plain
// loop; errors are judged against the sum of the absolute values of what was added up.

#include "matrices.h"

#define NUMBERS (TN_DTYPES_INTEGER | TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX)
#define PARTS "its parts round to half precision on the way"

static void add_pair(tn_samples *samples, const char *name, tn_ints a, tn_ints b, uint32_t flags) {
  tn_sample *sample = tn_sample_add(samples, name, flags);
  tn_sample_tensor(sample, a, tn_samples_dtype(samples), -2, 2);
  tn_sample_tensor(sample, b, tn_samples_dtype(samples), -2, 2);
}

static tn_sample *add_failing_pair(tn_samples *samples, const char *name, tn_status status,
                                   const char *argument, tn_ints a, tn_ints b) {
  tn_sample *sample = tn_sample_failing(samples, name, status, argument);
  tn_sample_tensor(sample, a, tn_samples_dtype(samples), -2, 2);
  tn_sample_tensor(sample, b, tn_samples_dtype(samples), -2, 2);
  return sample;
}

static tn_dtype common(const tn_sample *sample) {
  return tn_promote_types(sample->operands[0].dtype, sample->operands[1].dtype);
}

// ---- outer

static void outer_samples(tn_samples *samples) {
  add_pair(samples, "small", TN_SHAPE(3), TN_SHAPE(4), 0);
  add_pair(samples, "empty", TN_SHAPE(0), TN_SHAPE(4), 0);
  add_pair(samples, "one", TN_SHAPE(1), TN_SHAPE(1), 0);
}
static void outer_errors(tn_samples *samples) {
  add_failing_pair(samples, "rank", TN_INVALID_ARGUMENT, "self", TN_SHAPE(2, 3), TN_SHAPE(3));
  add_failing_pair(samples, "rank", TN_INVALID_ARGUMENT, "vec2", TN_SHAPE(3), TN_SHAPE_SCALAR);
}
static void outer_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *a = &sample->operands[0], *b = &sample->operands[1];
  const int64_t sizes[2] = {a->numel, b->numel};
  const bool has_imag = a->imag != NULL && b->imag != NULL;
  double *out = tn_expect(expected, common(sample), 2, sizes);
  double *imag = has_imag ? tn_expect_imag(expected) : NULL;
  for (int64_t p = 0; out != NULL && p < a->numel * b->numel; p++) {
    const int64_t i = p / b->numel, j = p % b->numel;
    out[p] = a->values[i] * b->values[j];
    if (imag == NULL) continue;
    out[p] -= a->imag[i] * b->imag[j];
    imag[p] = a->values[i] * b->imag[j] + a->imag[i] * b->values[j];
  }
}
const tn_op_spec tn_spec_outer = {.op = "outer",
                                  .dtypes = TN_DTYPES_ALL,
                                  .samples = outer_samples,
                                  .reference = outer_reference,
                                  .errors = outer_errors,
                                  .flags = TN_SPEC_COMPLEX,
                                  .ulps = 1,
                                  .complex_ulps = 3};

// ---- inner products

static void vdot_samples(tn_samples *samples) {
  add_pair(samples, "small", TN_SHAPE(5), TN_SHAPE(5), 0);
  add_pair(samples, "empty", TN_SHAPE(0), TN_SHAPE(0), 0);
  add_pair(samples, "long", TN_SHAPE(101), TN_SHAPE(101), TN_SAMPLE_NO_GRAD);
}
static void vdot_errors(tn_samples *samples) {
  add_failing_pair(samples, "sizes", TN_INVALID_ARGUMENT, NULL, TN_SHAPE(3), TN_SHAPE(4));
  add_failing_pair(samples, "rank", TN_INVALID_ARGUMENT, "self", TN_SHAPE(2, 3), TN_SHAPE(3));
  add_failing_pair(samples, "rank", TN_INVALID_ARGUMENT, "other", TN_SHAPE(3), TN_SHAPE(1, 3));
}

// Adds a * b to the results at |place|.
static void add_term(double *out, double *scales, int64_t place, double a, double b, double more) {
  out[place] += a * b;
  scales[place] += fabs(a * b) * more;
}

static void vdot_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *a = &sample->operands[0], *b = &sample->operands[1];
  double *out = tn_expect(expected, common(sample), 0, NULL);
  double *scales = tn_expect_scales(expected);
  for (int64_t i = 0; out != NULL && scales != NULL && i < a->numel; i++) {
    add_term(out, scales, 0, a->values[i], b->values[i], 1 + (double)a->numel / 32);
  }
}
const tn_op_spec tn_spec_vdot = {.op = "vdot",
                                 .dtypes = NUMBERS,
                                 .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                 .samples = vdot_samples,
                                 .reference = vdot_reference,
                                 .errors = vdot_errors,
                                 .ulps = 4};

static void vecdot_samples(tn_samples *samples) {
  add_pair(samples, "small", TN_SHAPE(5), TN_SHAPE(5), 0);
  add_pair(samples, "rows", TN_SHAPE(2, 3), TN_SHAPE(2, 3), 0);
  add_pair(samples, "broadcast", TN_SHAPE(2, 1, 3), TN_SHAPE(4, 3), 0);
  add_pair(samples, "empty", TN_SHAPE(2, 0), TN_SHAPE(2, 0), 0);
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = tn_sample_add(samples, "dim", 0);
    tn_sample_tensor(sample, TN_SHAPE(3, 2, 2), tn_samples_dtype(samples), -2, 2);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(3, 1, 2) : TN_SHAPE(2, 1), tn_samples_dtype(samples),
                     -2, 2);
    tn_sample_int(sample, i == 0 ? 0 : -2);
  }
}
static void vecdot_errors(tn_samples *samples) {
  add_failing_pair(samples, "sizes", TN_INVALID_ARGUMENT, "y", TN_SHAPE(2, 3), TN_SHAPE(2, 1));
  add_failing_pair(samples, "0-dim", TN_INVALID_ARGUMENT, "x", TN_SHAPE_SCALAR, TN_SHAPE(3));
  tn_sample *sample =
      add_failing_pair(samples, "dim", TN_OUT_OF_RANGE, "dim", TN_SHAPE(2, 3), TN_SHAPE(2, 3));
  tn_sample_int(sample, 2);
  sample = add_failing_pair(samples, "dim", TN_OUT_OF_RANGE, "dim", TN_SHAPE(2, 3), TN_SHAPE(3));
  tn_sample_int(sample, 0);
}

// The shape of both operands broadcast together.
static int32_t whole_shape(const tn_operand *a, const tn_operand *b, int64_t *sizes) {
  const int32_t ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
  for (int32_t d = 0; d < ndim; d++) {
    const int32_t in_a = d - (ndim - a->ndim), in_b = d - (ndim - b->ndim);
    sizes[d] = in_a < 0 ? 1 : a->sizes[in_a];
    if (in_b >= 0 && sizes[d] == 1) sizes[d] = b->sizes[in_b];
  }
  return ndim;
}

static void vecdot_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *a = &sample->operands[0], *b = &sample->operands[1];
  int64_t sizes[TN_SPEC_MAX_DIMS], left[TN_SPEC_MAX_DIMS], index[TN_SPEC_MAX_DIMS];
  int64_t kept[TN_SPEC_MAX_DIMS];
  const int32_t ndim = whole_shape(a, b, sizes);
  const int32_t dim = reference_dim(tn_sample_int_at(sample, 2, -1), ndim);
  int32_t rank = 0;
  for (int32_t d = 0; d < ndim; d++) {
    if (d != dim) left[rank++] = sizes[d];
  }
  double *out = tn_expect(expected, common(sample), rank, left);
  double *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < tn_reference_numel(ndim, sizes); p++) {
    tn_reference_unravel(p, ndim, sizes, index);
    int32_t next = 0;
    for (int32_t d = 0; d < ndim; d++) {
      if (d != dim) kept[next++] = index[d];
    }
    add_term(out, scales, tn_reference_ravel(rank, left, kept),
             tn_reference_broadcast_at(a, ndim, index), tn_reference_broadcast_at(b, ndim, index),
             1);
  }
}
const tn_op_spec tn_spec_linalg_vecdot = {.op = "linalg_vecdot",
                                          .dtypes = NUMBERS,
                                          .samples = vecdot_samples,
                                          .reference = vecdot_reference,
                                          .errors = vecdot_errors,
                                          .ulps = 4};

// ---- cross products

static void cross_samples(tn_samples *samples) {
  add_pair(samples, "one", TN_SHAPE(3), TN_SHAPE(3), 0);
  add_pair(samples, "rows", TN_SHAPE(2, 3), TN_SHAPE(2, 3), 0);
  add_pair(samples, "broadcast", TN_SHAPE(2, 1, 3), TN_SHAPE(1, 2, 3), 0);
  add_pair(samples, "empty", TN_SHAPE(0, 3), TN_SHAPE(0, 3), 0);
  tn_sample *sample = tn_sample_add(samples, "dim", 0);
  tn_sample_tensor(sample, TN_SHAPE(3, 2), tn_samples_dtype(samples), -2, 2);
  tn_sample_tensor(sample, TN_SHAPE(3, 2), tn_samples_dtype(samples), -2, 2);
  tn_sample_int(sample, 0);
}
static void any_cross_samples(tn_samples *samples) {
  cross_samples(samples);
  add_pair(samples, "the first of size 3", TN_SHAPE(2, 3, 3), TN_SHAPE(2, 3, 3),
           TN_SAMPLE_NO_EXPAND);
}
static void linalg_cross_errors(tn_samples *samples) {
  add_failing_pair(samples, "size", TN_INVALID_ARGUMENT, "self", TN_SHAPE(2, 4), TN_SHAPE(2, 4));
  add_failing_pair(samples, "rank", TN_INVALID_ARGUMENT, "other", TN_SHAPE(3), TN_SHAPE(2, 3));
  tn_sample *sample =
      add_failing_pair(samples, "dim", TN_OUT_OF_RANGE, "dim", TN_SHAPE(2, 3), TN_SHAPE(2, 3));
  tn_sample_int(sample, 2);
}
static void cross_errors(tn_samples *samples) {
  linalg_cross_errors(samples);
  tn_sample *sample = add_failing_pair(samples, "size along dim", TN_INVALID_ARGUMENT, "self",
                                       TN_SHAPE(2, 3), TN_SHAPE(2, 3));
  tn_sample_int(sample, 0);
}
static void cross_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *a = &sample->operands[0], *b = &sample->operands[1];
  int64_t sizes[TN_SPEC_MAX_DIMS], index[TN_SPEC_MAX_DIMS];
  const int32_t ndim = whole_shape(a, b, sizes);
  int32_t dim = 0;
  const bool chosen = tn_sample_is_given(sample, 2) || strcmp(sample->spec->op, "cross") != 0;
  if (chosen) dim = reference_dim(tn_sample_int_at(sample, 2, -1), ndim);
  while (!chosen && a->sizes[dim] != 3) dim++;
  double *out = tn_expect(expected, common(sample), ndim, sizes);
  double *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < tn_reference_numel(ndim, sizes); p++) {
    double x[2], y[2];
    tn_reference_unravel(p, ndim, sizes, index);
    const int64_t i = index[dim];
    for (int k = 0; k < 2; k++) {
      index[dim] = (i + 1 + k) % 3;
      x[k] = tn_reference_broadcast_at(a, ndim, index);
      y[k] = tn_reference_broadcast_at(b, ndim, index);
    }
    out[p] = x[0] * y[1] - x[1] * y[0];
    scales[p] = fabs(x[0] * y[1]) + fabs(x[1] * y[0]);
  }
}
#define CROSS .dtypes = NUMBERS, .reference = cross_reference, .ulps = 2, .half_ulps = 2
const tn_op_spec tn_spec_linalg_cross = {
    .op = "linalg_cross", CROSS, .samples = cross_samples, .errors = linalg_cross_errors};
const tn_op_spec tn_spec_cross = {
    .op = "cross", CROSS, .samples = any_cross_samples, .errors = cross_errors};

// ---- tensordot: dims_self, dims_other

static void add_contraction(tn_samples *samples, const char *name, tn_ints a, tn_ints b,
                            tn_ints dims_a, tn_ints dims_b) {
  tn_sample *sample = tn_sample_add(samples, name, 0);
  tn_sample_tensor(sample, a, tn_samples_dtype(samples), -2, 2);
  tn_sample_tensor(sample, b, tn_samples_dtype(samples), -2, 2);
  tn_sample_ints(sample, dims_a);
  tn_sample_ints(sample, dims_b);
}
static void tensordot_samples(tn_samples *samples) {
  add_contraction(samples, "one dim", TN_SHAPE(2, 3), TN_SHAPE(3, 4), TN_DIMS(1), TN_DIMS(0));
  add_contraction(samples, "two dims", TN_SHAPE(2, 3, 4), TN_SHAPE(4, 2, 3), TN_DIMS(0, 2),
                  TN_DIMS(1, 0));
  add_contraction(samples, "negative dims", TN_SHAPE(3, 2), TN_SHAPE(2, 3), TN_DIMS(-2),
                  TN_DIMS(-1));
  add_contraction(samples, "none", TN_SHAPE(2), TN_SHAPE(2, 2), TN_NO_DIMS, TN_NO_DIMS);
  add_contraction(samples, "all", TN_SHAPE(2, 3), TN_SHAPE(2, 3), TN_DIMS(0, 1), TN_DIMS(0, 1));
  add_contraction(samples, "no elements", TN_SHAPE(2, 0), TN_SHAPE(0, 3), TN_DIMS(1), TN_DIMS(0));
  add_contraction(samples, "0-dim", TN_SHAPE_SCALAR, TN_SHAPE(3), TN_NO_DIMS, TN_NO_DIMS);
  add_contraction(samples, "a size of 1", TN_SHAPE(2, 1), TN_SHAPE(3, 2), TN_DIMS(1), TN_DIMS(0));
}
static void tensordot_errors(tn_samples *samples) {
  static const struct {
    const char *name, *argument;
    int64_t a[2], b[2];
    int64_t count_a, count_b;
    tn_status status;
  } rows[] = {
      {"sizes", "dims_other", {1, 0}, {1, 0}, 1, 1, TN_INVALID_ARGUMENT},
      {"lengths", "dims_other", {0, 1}, {0, 0}, 2, 1, TN_INVALID_ARGUMENT},
      {"range", "dims_self", {2, 0}, {0, 0}, 1, 1, TN_OUT_OF_RANGE},
      {"range", "dims_other", {0, 0}, {-3, 0}, 1, 1, TN_OUT_OF_RANGE},
      {"twice", "dims_self", {1, -1}, {0, 1}, 2, 2, TN_INVALID_ARGUMENT},
  };
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = add_failing_pair(samples, rows[i].name, rows[i].status, rows[i].argument,
                                         TN_SHAPE(2, 3), TN_SHAPE(3, 2));
    tn_sample_ints(sample, tn_ints_of(rows[i].a, rows[i].count_a));
    tn_sample_ints(sample, tn_ints_of(rows[i].b, rows[i].count_b));
  }
}

// Splits |index| of |x| into what is contracted, in the order of |dims|, and what is left.
static int32_t what_is_left(const tn_operand *x, tn_ints dims, const int64_t *index,
                            int64_t *left) {
  int32_t rank = 0;
  for (int32_t d = 0; d < x->ndim; d++) {
    bool contracted = false;
    for (int64_t i = 0; i < dims.count; i++) {
      contracted = contracted || reference_dim(dims.data[i], x->ndim) == d;
    }
    if (!contracted) left[rank++] = index == NULL ? x->sizes[d] : index[d];
  }
  return rank;
}

static void tensordot_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *a = &sample->operands[0], *b = &sample->operands[1];
  const tn_ints dims_a = tn_sample_ints_at(sample, 2), dims_b = tn_sample_ints_at(sample, 3);
  int64_t sizes[2 * TN_SPEC_MAX_DIMS], left[2 * TN_SPEC_MAX_DIMS];
  int64_t in_a[TN_SPEC_MAX_DIMS], in_b[TN_SPEC_MAX_DIMS];
  const int32_t rank_a = what_is_left(a, dims_a, NULL, sizes);
  const int32_t rank = rank_a + what_is_left(b, dims_b, NULL, sizes + rank_a);
  double *out = tn_expect(expected, common(sample), rank, sizes);
  double *scales = tn_expect_scales(expected);
  for (int64_t i = 0; out != NULL && scales != NULL && i < a->numel; i++) {
    tn_reference_unravel(i, a->ndim, a->sizes, in_a);
    for (int64_t j = 0; j < b->numel; j++) {
      bool meet = true;
      tn_reference_unravel(j, b->ndim, b->sizes, in_b);
      for (int64_t k = 0; k < dims_a.count; k++) {
        const int32_t d = reference_dim(dims_a.data[k], a->ndim);
        const int32_t e = reference_dim(dims_b.data[k], b->ndim);
        meet = meet && (a->sizes[d] == 1 || b->sizes[e] == 1 || in_a[d] == in_b[e]);
      }
      if (!meet) continue;
      what_is_left(a, dims_a, in_a, left);
      what_is_left(b, dims_b, in_b, left + rank_a);
      add_term(out, scales, tn_reference_ravel(rank, sizes, left), a->values[i], b->values[j], 2);
    }
  }
}
const tn_op_spec tn_spec_tensordot = {.op = "tensordot",
                                      .dtypes = NUMBERS,
                                      .samples = tensordot_samples,
                                      .reference = tensordot_reference,
                                      .errors = tensordot_errors,
                                      .ulps = 4};

// ---- powers

static void power_samples(tn_samples *samples) {
  static const int64_t powers[] = {0, 1, 2, 3, 5};
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = matrix_sample_add(samples, "power", TN_SHAPE(2, 2, 2), MATRIX_ANY,
                                          powers[i] == 0 ? TN_SAMPLE_NO_GRAD : 0);
    tn_sample_int(sample, powers[i]);
    sample = matrix_sample_add(samples, "empty", TN_SHAPE(0, 0), MATRIX_ANY, 0);
    tn_sample_int(sample, powers[i]);
  }
  if (!tn_dtype_in(tn_samples_dtype(samples), MATRIX_DTYPES)) return;
  for (int i = 1; i < 4; i++) {
    tn_sample *sample = matrix_sample_add(samples, "inverse", TN_SHAPE(2, 3, 3), MATRIX_REGULAR, 0);
    tn_sample_int(sample, -i);
  }
}
static void power_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "not square", TN_INVALID_ARGUMENT, "self");
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 2);
  tn_sample_int(sample, 2);
  sample = tn_sample_failing(samples, "a vector", TN_INVALID_ARGUMENT, "self");
  tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 0, 2);
  tn_sample_int(sample, 2);
}

// A^n, or the inverse's by Cramer's rule; |A|^n for the scales.
static matrix power_of(matrix_bench *bench, matrix a, int64_t n) {
  matrix power = matrix_identity(bench, a.rows);
  for (int64_t i = 0; i < n; i++) power = matrix_product(bench, power, a);
  return power;
}
static matrix inverse_of(matrix_bench *bench, matrix a) {
  const int64_t n = a.rows;
  matrix inverse = matrix_zeros(bench, n, n);
  for (int64_t i = 0; i < inverse.rows; i++) {
    for (int64_t j = 0; j < n; j++) {
      matrix replaced = matrix_minus(bench, a, matrix_zeros(bench, n, n));
      for (int64_t k = 0; k < replaced.rows; k++) replaced.at[k * n + i] = k == j;
      const double complex part = matrix_determinant(replaced);
      matrix whole = matrix_minus(bench, a, matrix_zeros(bench, n, n));
      inverse.at[i * n + j] = part / matrix_determinant(whole);
    }
  }
  return inverse;
}

static void power_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  const int64_t n = tn_sample_int_at(sample, 1, 0), size = self->sizes[self->ndim - 1];
  double *out = reference_like(expected, self, self->dtype), *scales = tn_expect_scales(expected);
  for (int64_t b = 0; out != NULL && scales != NULL && b < matrix_count(self); b++) {
    matrix_bench bench = {.count = 0};
    matrix a = matrix_load(&bench, self, b);
    if (n < 0) a = inverse_of(&bench, a);
    matrix power = power_of(&bench, a, n < 0 ? -n : n);
    matrix sizes = matrix_minus(&bench, a, matrix_zeros(&bench, size, size));
    for (int64_t i = 0; i < sizes.rows * sizes.cols; i++) sizes.at[i] = cabs(a.at[i]);
    matrix scale = power_of(&bench, sizes, n < 0 ? -n : n);
    for (int64_t i = 0; i < power.rows * power.cols; i++) {
      out[b * size * size + i] = creal(power.at[i]);
      scales[b * size * size + i] = creal(scale.at[i]) * (n < 0 ? 8 : 1);
    }
    matrix_bench_close(&bench);
  }
}
const tn_op_spec tn_spec_linalg_matrix_power = {.op = "linalg_matrix_power",
                                                .dtypes = NUMBERS,
                                                .samples = power_samples,
                                                .reference = power_reference,
                                                .errors = power_errors,
                                                .ulps = 4,
                                                .half_ulps = 8,
                                                .finite = 1,
                                                .why =
                                                    "NaN and infinities spread by the order in "
                                                    "which it multiplies; " PARTS};
