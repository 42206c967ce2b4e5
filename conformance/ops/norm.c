// SPDX-License-Identifier: Apache-2.0
//
// norm: see norm.h. Plain loops over whole operands.

#include "norm.h"

#include <stdlib.h>

norm_shape norm_shape_of_rows(int64_t rows, int64_t count) {
  return (norm_shape){.statistics = rows, .parameters = count, .count = count};
}

norm_shape norm_shape_of_batch(const tn_operand *input) {
  int64_t channels = input->sizes[1], space = 1;
  for (int32_t d = 2; d < input->ndim; d++) space *= input->sizes[d];
  return (norm_shape){.statistics = channels,
                      .parameters = channels,
                      .count = input->sizes[0] * space,
                      .channels = channels,
                      .space = space,
                      .split = 1,
                      .by_batch = true};
}

norm_shape norm_shape_of_groups(int64_t samples, int64_t channels, int64_t space, int64_t groups) {
  return (norm_shape){.statistics = samples * groups,
                      .parameters = channels,
                      .count = channels / groups * space,
                      .channels = channels,
                      .space = space,
                      .split = channels / groups};
}

int64_t norm_statistic_of(const norm_shape *shape, int64_t p) {
  if (shape->split == 0) return p / shape->count;
  int64_t plane = p / shape->space;
  return shape->by_batch ? plane % shape->channels : plane / shape->split;
}

int64_t norm_parameter_of(const norm_shape *shape, int64_t p) {
  return shape->split == 0 ? p % shape->count : p / shape->space % shape->channels;
}

norm_moments norm_measure(const norm_shape *shape, const tn_operand *input) {
  norm_moments m = {calloc((size_t)(2 * shape->statistics) + 1, sizeof(double)), NULL};
  long double *sums = calloc((size_t)(2 * shape->statistics) + 1, sizeof *sums);
  if (m.mean == NULL || sums == NULL) {
    free(m.mean);
    free(sums);
    return (norm_moments){NULL, NULL};
  }
  long double *squares = sums + shape->statistics, count = (long double)shape->count;
  m.variance = m.mean + shape->statistics;
  for (int64_t p = 0; p < input->numel; p++) {
    sums[norm_statistic_of(shape, p)] += (long double)input->values[p] / count;
  }
  for (int64_t p = 0; p < input->numel; p++) {
    int64_t s = norm_statistic_of(shape, p);
    long double d = (long double)input->values[p] - sums[s];
    squares[s] += d * d / count;
  }
  for (int64_t s = 0; s < shape->statistics; s++) {
    m.mean[s] = (double)sums[s];
    m.variance[s] = (double)squares[s];
  }
  free(sums);
  return m;
}

tn_dtype norm_statistics_dtype(tn_dtype dtype) {
  return tn_dtype_in(dtype, TN_DTYPES_HALF) ? TN_F32 : dtype;
}

void norm_expect_result(const norm_shape *shape, const tn_operand *input, norm_moments moments,
                        const tn_operand *weight, const tn_operand *bias, double eps,
                        tn_expected *expected) {
  double *out = reference_like(expected, input, input->dtype);
  double *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < input->numel; p++) {
    int64_t s = norm_statistic_of(shape, p), k = norm_parameter_of(shape, p);
    double w = weight == NULL ? 1 : weight->values[k], b = bias == NULL ? 0 : bias->values[k];
    double rstd = 1 / sqrt(moments.variance[s] + eps), x = input->values[p];
    out[p] = (x - moments.mean[s]) * rstd * w + b;
    double scale = (fabs(x) + fabs(moments.mean[s])) * rstd * fabs(w) + fabs(b);
    scales[p] = isfinite(scale) ? scale : 0;
  }
}

void norm_expect_statistics(const norm_shape *shape, const tn_operand *input, norm_moments moments,
                            double eps, int32_t ndim, const int64_t *sizes, tn_expected *expected) {
  tn_dtype dtype = norm_statistics_dtype(input->dtype);
  double *mean = tn_expect(expected, dtype, ndim, sizes), *scales = tn_expect_scales(expected);
  if (mean == NULL || scales == NULL) return;
  for (int64_t s = 0; s < shape->statistics; s++) mean[s] = moments.mean[s];
  for (int64_t p = 0; p < input->numel; p++) {
    double size = fabs(input->values[p]) / (double)shape->count;
    if (isfinite(size)) scales[norm_statistic_of(shape, p)] += size;
  }
  double *rstd = tn_expect(expected, dtype, ndim, sizes);
  for (int64_t s = 0; rstd != NULL && s < shape->statistics; s++) {
    rstd[s] = 1 / sqrt(moments.variance[s] + eps);
  }
}

// Sums that the gradient of the input needs, one for each statistic, and their magnitudes.
typedef struct sums {
  double *grad, *product, *grad_size, *product_size;
} sums;

static double normal_at(const norm_shape *shape, const norm_backward *b, int64_t p) {
  int64_t s = norm_statistic_of(shape, p);
  return (b->input->values[p] - b->mean[s]) * b->rstd[s];
}

// The magnitude of what the difference in normal_at was made of.
static double normal_size_at(const norm_shape *shape, const norm_backward *b, int64_t p) {
  int64_t s = norm_statistic_of(shape, p);
  return (fabs(b->input->values[p]) + fabs(b->mean[s])) * b->rstd[s];
}

static double scaled_at(const norm_shape *shape, const norm_backward *b, int64_t p) {
  double w = b->weight == NULL ? 1 : b->weight->values[norm_parameter_of(shape, p)];
  return b->grad->values[p] * w;
}

static void expect_input(const norm_shape *shape, const norm_backward *b, const sums *t,
                         tn_expected *expected) {
  double count = (double)shape->count;
  double *out = reference_like(expected, b->input, b->input->dtype);
  double *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < b->input->numel; p++) {
    int64_t s = norm_statistic_of(shape, p);
    double h = scaled_at(shape, b, p), normal = normal_at(shape, b, p);
    double through = b->moving ? (t->grad[s] + normal * t->product[s]) / count : 0;
    out[p] = (h - through) * b->rstd[s];
    double size = (t->grad_size[s] + normal_size_at(shape, b, p) * t->product_size[s]) / count;
    scales[p] = (fabs(h) + (b->moving ? size : 0)) * b->rstd[s];
    if (!isfinite(scales[p])) scales[p] = 0;
  }
}

static void expect_parameter(const norm_shape *shape, const norm_backward *b, bool of_weight,
                             tn_expected *expected) {
  tn_dtype dtype = b->weight == NULL ? b->input->dtype : b->weight->dtype;
  double *out = tn_expect(expected, dtype, b->parameter_ndim, b->parameter_sizes);
  double *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < b->input->numel; p++) {
    int64_t k = norm_parameter_of(shape, p);
    double g = b->grad->values[p];
    out[k] += of_weight ? g * normal_at(shape, b, p) : g;
    double size = fabs(g) * (of_weight ? normal_size_at(shape, b, p) : 1);
    if (isfinite(size)) scales[k] += size;
  }
}

void norm_expect_gradients(const norm_shape *shape, const norm_backward *b, tn_expected *expected) {
  static const int64_t nothing = 0;
  size_t n = (size_t)shape->statistics;
  double *room = calloc(4 * n + 1, sizeof *room);
  sums t = {room, room + n, room + 2 * n, room + 3 * n};
  for (int64_t p = 0; room != NULL && p < b->input->numel; p++) {
    int64_t s = norm_statistic_of(shape, p);
    double h = scaled_at(shape, b, p);
    t.grad[s] += h;
    t.product[s] += h * normal_at(shape, b, p);
    t.grad_size[s] += fabs(h);
    t.product_size[s] += fabs(h) * normal_size_at(shape, b, p);
  }
  for (int k = 0; room != NULL && k < 3; k++) {
    tn_dtype dtype = k == 0 || b->weight == NULL ? b->input->dtype : b->weight->dtype;
    if (b->mask.data[k] == 0) {
      (void)tn_expect(expected, dtype, 1, &nothing);
    } else if (k == 0) {
      expect_input(shape, b, &t, expected);
    } else {
      expect_parameter(shape, b, k == 1, expected);
    }
  }
  free(room);
}
