// SPDX-License-Identifier: Apache-2.0
//
// cdist: distances between the rows of two matrices, or of one, and their gradients.

#include "reference.h"

static const double norms[] = {2, 1, 0, INFINITY, 3, 0.5, 1.5};
enum { NORM_COUNT = sizeof norms / sizeof norms[0] };

#define FLOATS (TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64))

static double term(double difference, double p) {
  double size = fabs(difference);
  return p == 0 ? (difference != 0) : p == 1 ? size : p == 2 ? size * size : pow(size, p);
}

static double distance_of(const double *a, const double *b, int64_t n, double p) {
  double total = 0;
  for (int64_t k = 0; k < n; k++) {
    double size = fabs(a[k] - b[k]);
    if (!isinf(p)) {
      total += term(size, p);
    } else if (size > total || isnan(size)) {
      total = size;
    }
  }
  return p == 0 || p == 1 || isinf(p) ? total : p == 2 ? sqrt(total) : pow(total, 1 / p);
}

// The derivative of |distance| by an element that differs by |d|.
static double slope_of(double d, double distance, double p) {
  double sign = d > 0 ? 1 : d < 0 ? -1 : d;
  if (p == 0 || (distance == 0 && p != 1)) return 0;
  if (p == 1) return sign;
  if (isinf(p)) return fabs(d) == distance ? sign : 0;
  if (p == 2) return d / distance;
  return d == 0 ? 0 : sign * pow(fabs(d) / distance, p - 1);
}

// ---- two matrices: x1, x2, p, compute_mode -----------------------------------------------------

typedef struct pair_row {
  const char *name;
  uint32_t flags;
  int32_t ndim[2];
  int64_t sizes[2][4];
} pair_row;

static const pair_row rows[] = {
    {"plain", 0, {2, 2}, {{3, 4}, {2, 4}}},
    {"batches", 0, {3, 3}, {{2, 2, 3}, {2, 3, 3}}},
    {"broadcast", 0, {4, 3}, {{2, 1, 2, 2}, {3, 2, 2}}},
    {"one matrix for all", 0, {2, 3}, {{2, 3}, {2, 3, 3}}},
    {"no rows", TN_SAMPLE_NO_GRAD, {2, 2}, {{0, 4}, {2, 4}}},
    {"no columns", TN_SAMPLE_NO_GRAD, {2, 2}, {{3, 0}, {2, 0}}},
    {"long", TN_SAMPLE_NO_GRAD, {2, 2}, {{3, 67}, {2, 67}}},
    {"large", TN_SAMPLE_LARGE, {2, 2}, {{300, 40}, {200, 40}}},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static void pair_samples(tn_samples *samples) {
  bool usual = tn_samples_spec(samples)->op[0] == 'c';
  for (int i = 0; i < ROW_COUNT * NORM_COUNT; i++) {
    const pair_row *r = &rows[i % ROW_COUNT];
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    for (int k = 0; k < 2; k++) {
      tn_sample_tensor(sample, tn_ints_of(r->sizes[k], r->ndim[k]), tn_samples_dtype(samples), -4,
                       4);
    }
    tn_sample_float(sample, norms[i / ROW_COUNT]);
    if (i % 3 == 0 || usual) {
      tn_sample_none(sample);
    } else {
      tn_sample_int(sample, i % 3);
    }
  }
  static const double equal[] = {1, 2, 3, 4, 1, 2};
  for (int i = 0; i < NORM_COUNT; i++) {
    tn_sample *sample = tn_sample_add(samples, "equal rows", TN_SAMPLE_NO_GRAD);
    tn_sample_values(sample, TN_SHAPE(3, 2), tn_samples_dtype(samples), equal);
    tn_sample_values(sample, TN_SHAPE(2, 2), tn_samples_dtype(samples), equal);
    tn_sample_float(sample, norms[i]);
    tn_sample_none(sample);
  }
}

// The shape of the distances; gives the rank.
static int32_t pair_shape(const tn_operand *x1, const tn_operand *x2, int64_t *sizes) {
  int32_t ndim = x1->ndim > x2->ndim ? x1->ndim : x2->ndim;
  for (int32_t d = 0; d < ndim - 2; d++) {
    int32_t a = d - (ndim - x1->ndim), b = d - (ndim - x2->ndim);
    int64_t one = a < 0 ? 1 : x1->sizes[a], other = b < 0 ? 1 : x2->sizes[b];
    sizes[d] = one == 1 ? other : one;
  }
  sizes[ndim - 2] = x1->sizes[x1->ndim - 2];
  sizes[ndim - 1] = x2->sizes[x2->ndim - 2];
  return ndim;
}

// Row |row| of |operand| in batch |index| of |ndim| - 2 dimensions.
static const double *row_at(const tn_operand *operand, int32_t ndim, const int64_t *index,
                            int64_t row) {
  int64_t batch = 0, columns = operand->sizes[operand->ndim - 1];
  for (int32_t d = 0; d < operand->ndim - 2; d++) {
    int64_t place = index[d + ndim - operand->ndim];
    batch = batch * operand->sizes[d] + (operand->sizes[d] == 1 ? 0 : place);
  }
  return operand->values + (batch * operand->sizes[operand->ndim - 2] + row) * columns;
}

static void pair_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *x1 = &sample->operands[0], *x2 = &sample->operands[1];
  int64_t sizes[TN_SPEC_MAX_DIMS], index[TN_SPEC_MAX_DIMS], n = x1->sizes[x1->ndim - 1];
  int32_t ndim = pair_shape(x1, x2, sizes);
  double p = tn_sample_number_at(sample, 2, 2);
  double *out = tn_expect(expected, x1->dtype, ndim, sizes), *scales = tn_expect_scales(expected);
  for (int64_t k = 0; out != NULL && scales != NULL && k < tn_reference_numel(ndim, sizes); k++) {
    tn_reference_unravel(k, ndim, sizes, index);
    out[k] = distance_of(row_at(x1, ndim, index, index[ndim - 2]),
                         row_at(x2, ndim, index, index[ndim - 1]), n, p);
    scales[k] = isfinite(out[k]) ? out[k] * (1 + (double)n / 16) : 0;
  }
}

static void pair_errors(tn_samples *samples) {
  static const char *const names[] = {"rank", "columns", "batches", "p", "mode"};
  static const char *const arguments[] = {"x1", "x2", "x2", "p", "compute_mode"};
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = tn_sample_failing(samples, names[i], TN_INVALID_ARGUMENT, arguments[i]);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(4) : TN_SHAPE(2, 3, 4), tn_samples_dtype(samples), 0,
                     1);
    tn_ints other = i == 1 ? TN_SHAPE(2, 3, 5) : i == 2 ? TN_SHAPE(3, 3, 4) : TN_SHAPE(2, 3, 4);
    tn_sample_tensor(sample, other, tn_samples_dtype(samples), 0, 1);
    tn_sample_float(sample, i == 3 ? -1 : 2);
    if (i == 4) tn_sample_int(sample, 3);
    if (i != 4) tn_sample_none(sample);
  }
}

#define PAIRS                                                                                    \
  .dtypes = FLOATS, .samples = pair_samples, .reference = pair_reference, .errors = pair_errors, \
  .ulps = 4

const tn_op_spec tn_spec__cdist_forward = {.op = "_cdist_forward", PAIRS};
const tn_op_spec tn_spec_cdist = {.op = "cdist", PAIRS};

// ---- their gradient: grad, x1, x2, p, cdist ----------------------------------------------------

static void slope_samples(tn_samples *samples) {
  tn_dtype dtype = tn_samples_dtype(samples);
  for (int i = 0; i < ROW_COUNT * NORM_COUNT; i++) {
    const pair_row *r = &rows[i % ROW_COUNT];
    tn_operand both[2];
    int64_t sizes[TN_SPEC_MAX_DIMS];
    for (int k = 0; k < 2; k++) {
      both[k] = (tn_operand){.ndim = r->ndim[k]};
      memcpy(both[k].sizes, r->sizes[k], sizeof r->sizes[k]);
    }
    tn_ints shape = tn_ints_of(sizes, pair_shape(&both[0], &both[1], sizes));
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    tn_sample_tensor(sample, shape, dtype, -2, 2);
    for (int k = 0; k < 2; k++) {
      tn_sample_tensor(sample, tn_ints_of(r->sizes[k], r->ndim[k]), dtype, -4, 4);
    }
    tn_sample_float(sample, norms[i / ROW_COUNT]);
    tn_sample_tensor(sample, shape, dtype, 0.5, 4);
  }
  static const double grad[] = {1, 2, 3, 4}, one[] = {0, 1, 2, -1}, other[] = {1, 3, 0, 1};
  static const double largest[] = {2, 0, 4, 2};
  for (int i = 0; i < NORM_COUNT; i++) {
    tn_sample *sample = tn_sample_add(samples, "the largest, and none", TN_SAMPLE_NO_GRAD);
    tn_sample_values(sample, TN_SHAPE(2, 2), dtype, grad);
    tn_sample_values(sample, TN_SHAPE(2, 2), dtype, one);
    tn_sample_values(sample, TN_SHAPE(2, 2), dtype, other);
    tn_sample_float(sample, norms[i]);
    tn_sample_values(sample, TN_SHAPE(2, 2), dtype, largest);
  }
}

static void slope_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *grad = &sample->operands[0], *distance = &sample->operands[3];
  const tn_operand *x1 = &sample->operands[1], *x2 = &sample->operands[2];
  int64_t sizes[TN_SPEC_MAX_DIMS], index[TN_SPEC_MAX_DIMS], n = x1->sizes[x1->ndim - 1];
  int32_t ndim = grad->ndim;
  double p = tn_sample_number_at(sample, 3, 2);
  memcpy(sizes, grad->sizes, sizeof sizes);
  sizes[ndim - 1] = n;
  double *out = tn_expect(expected, x1->dtype, ndim, sizes), *scales = tn_expect_scales(expected);
  for (int64_t k = 0; out != NULL && scales != NULL && k < grad->numel; k++) {
    tn_reference_unravel(k, ndim, grad->sizes, index);
    const double *a = row_at(x1, ndim, index, index[ndim - 2]);
    const double *b = row_at(x2, ndim, index, index[ndim - 1]);
    int64_t to = k / grad->sizes[ndim - 1] * n;
    for (int64_t c = 0; c < n; c++) {
      double value = grad->values[k] * slope_of(a[c] - b[c], distance->values[k], p);
      out[to + c] += value;
      if (isfinite(value)) scales[to + c] += fabs(value);
    }
  }
}

static void slope_errors(tn_samples *samples) {
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = tn_sample_failing(samples, i == 0 ? "shape" : "p", TN_INVALID_ARGUMENT,
                                          i == 0 ? "grad" : "p");
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(2, 2) : TN_SHAPE(2, 3), tn_samples_dtype(samples), 0,
                     1);
    tn_sample_tensor(sample, TN_SHAPE(2, 4), tn_samples_dtype(samples), 0, 1);
    tn_sample_tensor(sample, TN_SHAPE(3, 4), tn_samples_dtype(samples), 0, 1);
    tn_sample_float(sample, i == 1 ? -1 : 2);
    tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 1, 2);
  }
}

static const char zeros_times_infinity[] =
    "whether a slope of 0 is multiplied with an infinite gradient, or an infinite distance "
    "divides, "
    "is not specified";

const tn_op_spec tn_spec__cdist_backward = {.op = "_cdist_backward",
                                            .dtypes = FLOATS,
                                            .samples = slope_samples,
                                            .reference = slope_reference,
                                            .errors = slope_errors,
                                            .ulps = 4,
                                            .finite = 15,
                                            .why = zeros_times_infinity};

// ---- one matrix: self, p; backward: grad, self, p, pdist ---------------------------------------

static const int64_t matrices[][2] = {{4, 3}, {2, 5}, {1, 3}, {0, 3}, {5, 0}, {3, 67}, {90, 40}};
static const uint32_t matrix_flags[] = {0,
                                        0,
                                        TN_SAMPLE_NO_GRAD,
                                        TN_SAMPLE_NO_GRAD,
                                        TN_SAMPLE_NO_GRAD,
                                        TN_SAMPLE_NO_GRAD,
                                        TN_SAMPLE_LARGE};
enum { MATRIX_COUNT = sizeof matrices / sizeof matrices[0] };

static int64_t pairs_of(int64_t count) { return count < 2 ? 0 : count * (count - 1) / 2; }

static void one_samples(tn_samples *samples) {
  bool back = strstr(tn_samples_spec(samples)->op, "backward") != NULL;
  for (int i = 0; i < MATRIX_COUNT * NORM_COUNT; i++) {
    const int64_t *m = matrices[i % MATRIX_COUNT];
    tn_dtype dtype = tn_samples_dtype(samples);
    tn_sample *sample = tn_sample_add(samples, "matrix", matrix_flags[i % MATRIX_COUNT]);
    if (back) tn_sample_tensor(sample, TN_SHAPE(pairs_of(m[0])), dtype, -2, 2);
    tn_sample_tensor(sample, tn_ints_of(m, 2), dtype, -4, 4);
    tn_sample_float(sample, norms[i / MATRIX_COUNT]);
    if (back) tn_sample_tensor(sample, TN_SHAPE(pairs_of(m[0])), dtype, 0.5, 4);
  }
}

static void one_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  int64_t count = pairs_of(self->sizes[0]), n = self->sizes[1], k = 0;
  double p = tn_sample_number_at(sample, 1, 2);
  double *out = tn_expect(expected, self->dtype, 1, &count), *scales = tn_expect_scales(expected);
  if (out == NULL || scales == NULL) return;
  for (int64_t i = 0; i < self->sizes[0]; i++) {
    for (int64_t j = i + 1; j < self->sizes[0]; j++, k++) {
      out[k] = distance_of(self->values + i * n, self->values + j * n, n, p);
      scales[k] = isfinite(out[k]) ? out[k] * (1 + (double)n / 16) : 0;
    }
  }
}

static void one_slope_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *grad = &sample->operands[0], *self = &sample->operands[1];
  const tn_operand *distance = &sample->operands[2];
  int64_t n = self->sizes[1], k = 0;
  double p = tn_sample_number_at(sample, 2, 2);
  double *out = reference_like(expected, self, self->dtype), *scales = tn_expect_scales(expected);
  if (out == NULL || scales == NULL) return;
  for (int64_t i = 0; i < self->sizes[0]; i++) {
    for (int64_t j = i + 1; j < self->sizes[0]; j++, k++) {
      for (int64_t c = 0; c < n; c++) {
        double d = self->values[i * n + c] - self->values[j * n + c];
        double value = grad->values[k] * slope_of(d, distance->values[k], p);
        out[i * n + c] += value;
        out[j * n + c] -= value;
        scales[i * n + c] += fabs(value);
        scales[j * n + c] += fabs(value);
      }
    }
  }
}

static void one_errors(tn_samples *samples) {
  bool back = strstr(tn_samples_spec(samples)->op, "backward") != NULL;
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = tn_sample_failing(samples, i == 0 ? "rank" : "p", TN_INVALID_ARGUMENT,
                                          i == 0 ? "self" : "p");
    if (back) tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 0, 1);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(3) : TN_SHAPE(3, 2), tn_samples_dtype(samples), 0,
                     1);
    tn_sample_float(sample, i == 1 ? -1 : 2);
    if (back) tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 1, 2);
  }
}

#define ONE                                                                                   \
  .dtypes = FLOATS, .samples = one_samples, .reference = one_reference, .errors = one_errors, \
  .ulps = 4

const tn_op_spec tn_spec__pdist_forward = {.op = "_pdist_forward", ONE};
const tn_op_spec tn_spec_pdist = {.op = "pdist", ONE};
const tn_op_spec tn_spec__pdist_backward = {.op = "_pdist_backward",
                                            .dtypes = FLOATS,
                                            .samples = one_samples,
                                            .reference = one_slope_reference,
                                            .errors = one_errors,
                                            .ulps = 4,
                                            .finite = 7,
                                            .why = zeros_times_infinity};
