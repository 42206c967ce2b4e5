// SPDX-License-Identifier: Apache-2.0
//
// diff: what differences of neighbours and the trace of a matrix are held to: loops in double
// precision. Rounding errors of differences are judged against what was subtracted.

#include <stdlib.h>

#include "reference.h"

// ---- diff --------------------------------------------------------------------------------------

// Element |place| along |dim| of prepend, self and append laid side by side, at |index| of the
// others.
static double joined_at(const tn_sample *sample, int32_t dim, const int64_t *index, int64_t place) {
  static const int32_t order[] = {3, 0, 4};
  int64_t at[TN_SPEC_MAX_DIMS];
  for (int i = 0; i < 3; i++) {
    const tn_operand *part = tn_sample_tensor_at(sample, order[i]);
    if (part == NULL) continue;
    if (place >= part->sizes[dim]) {
      place -= part->sizes[dim];
      continue;
    }
    for (int32_t d = 0; d < part->ndim; d++) at[d] = d == dim ? place : index[d];
    return part->values[tn_reference_ravel(part->ndim, part->sizes, at)];
  }
  return NAN;
}

// The n-th difference that begins at |place|, and the sum of the absolute values of its terms.
static double difference(const tn_sample *sample, int64_t n, int32_t dim, const int64_t *index,
                         int64_t place, double *scale) {
  if (n == 0) {
    double value = joined_at(sample, dim, index, place);
    *scale += fabs(value);
    return value;
  }
  double next = difference(sample, n - 1, dim, index, place + 1, scale);
  double own = difference(sample, n - 1, dim, index, place, scale);
  tn_dtype dtype = sample->operands[0].dtype;
  return dtype == TN_BOOL ? (double)(next != own) : next - own;
}

static void diff_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  int64_t n = tn_sample_int_at(sample, 1, 1), sizes[TN_SPEC_MAX_DIMS], index[TN_SPEC_MAX_DIMS];
  int32_t dim = reference_dim(tn_sample_int_at(sample, 2, -1), self->ndim);
  for (int32_t d = 0; d < self->ndim; d++) sizes[d] = self->sizes[d];
  for (int32_t i = 3; i < 5; i++) {
    const tn_operand *part = tn_sample_tensor_at(sample, i);
    if (part != NULL) sizes[dim] += part->sizes[dim];
  }
  sizes[dim] = sizes[dim] > n ? sizes[dim] - n : 0;
  double *out = tn_expect(expected, self->dtype, self->ndim, sizes);
  double *scales = tn_expect_scales(expected);
  for (int64_t i = 0; out != NULL && scales != NULL && i < tn_reference_numel(self->ndim, sizes);
       i++) {
    tn_reference_unravel(i, self->ndim, sizes, index);
    out[i] =
        tn_reference_round(difference(sample, n, dim, index, index[dim], &scales[i]), self->dtype);
  }
}

static void add_diff(tn_samples *samples, const char *name, tn_ints shape, int64_t n, int64_t dim) {
  tn_sample *sample = tn_sample_add(samples, name, 0);
  tn_sample_tensor(sample, shape, tn_samples_dtype(samples), -8, 8);
  tn_sample_int(sample, n);
  tn_sample_int(sample, dim);
}

static void diff_samples(tn_samples *samples) {
  add_diff(samples, "last", TN_SHAPE(3, 5), 1, -1);
  add_diff(samples, "first", TN_SHAPE(3, 5), 1, 0);
  add_diff(samples, "twice", TN_SHAPE(2, 4), 2, 1);
  add_diff(samples, "not at all", TN_SHAPE(2, 3), 0, 1);
  add_diff(samples, "more than there are", TN_SHAPE(2, 3), 5, 1);
  add_diff(samples, "empty", TN_SHAPE(2, 0), 1, 1);
  tn_sample *sample = tn_sample_add(samples, "between others", 0);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), -8, 8);
  tn_sample_int(sample, 1);
  tn_sample_int(sample, 1);
  tn_sample_tensor(sample, TN_SHAPE(2, 1), tn_samples_dtype(samples), -8, 8);
  tn_sample_tensor(sample, TN_SHAPE(2, 2), tn_samples_dtype(samples), -8, 8);
}

static void add_failing_diff(tn_samples *samples, const char *name, tn_status status,
                             const char *argument, tn_ints shape, int64_t n, int64_t dim) {
  tn_sample *sample = tn_sample_failing(samples, name, status, argument);
  tn_sample_tensor(sample, shape, tn_samples_dtype(samples), 0, 1);
  tn_sample_int(sample, n);
  tn_sample_int(sample, dim);
}

static void diff_errors(tn_samples *samples) {
  add_failing_diff(samples, "number", TN_INVALID_ARGUMENT, "self", TN_SHAPE_SCALAR, 1, 0);
  add_failing_diff(samples, "negative n", TN_INVALID_ARGUMENT, "n", TN_SHAPE(3), -1, 0);
  add_failing_diff(samples, "dim", TN_OUT_OF_RANGE, "dim", TN_SHAPE(3), 1, 1);
}

const tn_op_spec tn_spec_diff = {
    .op = "diff",
    .dtypes = TN_DTYPES_ALL,
    .samples = diff_samples,
    .reference = diff_reference,
    .errors = diff_errors,
    .ulps = 2,
};

// ---- trace -------------------------------------------------------------------------------------

static void trace_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  tn_dtype dtype = reference_is_whole(self->dtype) ? TN_I64 : self->dtype;
  double *out = tn_expect(expected, dtype, 0, NULL), *scales = tn_expect_scales(expected);
  if (out == NULL || scales == NULL) return;
  for (int64_t i = 0; i < self->sizes[0] && i < self->sizes[1]; i++) {
    out[0] += self->values[i * self->sizes[1] + i];
    scales[0] += fabs(self->values[i * self->sizes[1] + i]);
  }
}

static void trace_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(3, 3), TN_SHAPE(2, 5), TN_SHAPE(5, 2), TN_SHAPE(0, 3)};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    tn_sample *sample = tn_sample_add(samples, "matrix", 0);
    tn_sample_tensor(sample, shapes[i], tn_samples_dtype(samples), -8, 8);
  }
}

static void trace_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "vector", TN_INVALID_ARGUMENT, "self");
  tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 0, 1);
}

const tn_op_spec tn_spec_trace = {
    .op = "trace",
    .dtypes = TN_DTYPES_ALL,
    .samples = trace_samples,
    .reference = trace_reference,
    .errors = trace_errors,
    .ulps = 2,
};
