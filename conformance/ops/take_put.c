// SPDX-License-Identifier: Apache-2.0
//
// take_put: what take, take_along_dim, scatter.value, masked_scatter and the scatters into views
// are held to: plain loops over places.

#include "reference.h"

#define MOVES .dtypes = TN_DTYPES_ALL, .flags = TN_SPEC_COMPLEX_PARTS

static const tn_operand *self_of(const tn_sample *sample) { return &sample->operands[0]; }

static double *copy_of_self(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample);
  double *out = reference_like(expected, self, self->dtype);
  for (int64_t p = 0; out != NULL && p < self->numel; p++) out[p] = self->values[p];
  return out;
}

// ---- take --------------------------------------------------------------------------------------

static void take_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(4), TN_SHAPE(2, 3), TN_SHAPE_SCALAR, TN_SHAPE(0)};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "flat", 0);
    tn_sample_tensor(sample, i == 2 ? TN_SHAPE(5) : TN_SHAPE(2, 3), tn_samples_dtype(samples), -8,
                     8);
    tn_sample_tensor(sample, shapes[i], i % 2 ? TN_I16 : TN_I64, -5, 4);
  }
}
static void take_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *index = &sample->operands[1];
  double *out = reference_like(expected, index, self->dtype);
  for (int64_t p = 0; out != NULL && p < index->numel; p++) {
    int64_t at = (int64_t)index->values[p];
    out[p] = self->values[at < 0 ? at + self->numel : at];
  }
}
static void take_errors(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    const double values[2] = {0, i == 0 ? 6 : i == 1 ? -7 : 1};
    tn_sample *sample =
        tn_sample_failing(samples, "index", i < 2 ? TN_OUT_OF_RANGE : TN_INVALID_DTYPE, NULL);
    tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
    tn_sample_values(sample, TN_SHAPE(2), i < 2 ? TN_I64 : TN_F32, values);
  }
}

const tn_op_spec tn_spec_take = {.op = "take",
                                 MOVES,
                                 .samples = take_samples,
                                 .reference = take_reference,
                                 .errors = take_errors};

static void along_samples(tn_samples *samples) {
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "along", 0);
    tn_sample_tensor(sample, i == 1 ? TN_SHAPE(1, 3) : TN_SHAPE(2, 3), tn_samples_dtype(samples),
                     -8, 8);
    tn_sample_tensor(sample,
                     i == 2   ? TN_SHAPE(1, 4)
                     : i == 3 ? TN_SHAPE(5)
                              : TN_SHAPE(2, 2),
                     TN_I64, -3, 2);
    if (i < 3) tn_sample_int(sample, i == 0 ? -1 : 1);
  }
}
static void along_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *index = &sample->operands[1];
  if (!tn_sample_is_given(sample, 2)) {
    take_reference(sample, expected);
    return;
  }
  const int64_t rows = self->sizes[0] > index->sizes[0] ? self->sizes[0] : index->sizes[0];
  const int64_t columns = index->sizes[1], sizes[2] = {rows, columns};
  double *out = tn_expect(expected, self->dtype, 2, sizes);
  for (int64_t p = 0; out != NULL && p < rows * columns; p++) {
    const int64_t row = p / columns;
    int64_t at = (int64_t)index->values[(index->sizes[0] == 1 ? 0 : row) * columns + p % columns];
    if (at < 0) at += self->sizes[1];
    out[p] = self->values[(self->sizes[0] == 1 ? 0 : row) * self->sizes[1] + at];
  }
}
static void along_errors(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_failing(samples, "shapes and dim",
                                          i < 2 ? TN_INVALID_ARGUMENT : TN_OUT_OF_RANGE, NULL);
    tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(2) : TN_SHAPE(3, 3), TN_I64, 0, 1);
    tn_sample_int(sample, i == 2 ? 2 : 1);
  }
}

const tn_op_spec tn_spec_take_along_dim = {.op = "take_along_dim",
                                           MOVES,
                                           .samples = along_samples,
                                           .reference = along_reference,
                                           .errors = along_errors};

// ---- scatter.value -----------------------------------------------------------------------------

static void value_samples(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_add(samples, "value", 0);
    tn_sample_tensor(sample, TN_SHAPE(2, 5), tn_samples_dtype(samples), -8, 8);
    tn_sample_int(sample, i == 1 ? 0 : -1);
    tn_sample_tensor(sample, i == 2 ? TN_SHAPE(0, 3) : TN_SHAPE(2, 3), TN_I64, 0, 1);
    tn_sample_scalar(sample, tn_scalar_int(1));
  }
}
static void value_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *index = &sample->operands[1];
  double *out = copy_of_self(sample, expected);
  int64_t place[TN_SPEC_MAX_DIMS];
  for (int64_t p = 0; out != NULL && p < index->numel; p++) {
    tn_reference_unravel(p, index->ndim, index->sizes, place);
    place[reference_dim(tn_sample_int_at(sample, 1, 0), 2)] = (int64_t)index->values[p];
    out[tn_reference_ravel(self->ndim, self->sizes, place)] = 1;
  }
}
static void value_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "index too high", TN_OUT_OF_RANGE, NULL);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
  tn_sample_int(sample, 1);
  tn_sample_values(sample, TN_SHAPE(1, 2), TN_I64, (const double[]){0, 3});
  tn_sample_scalar(sample, tn_scalar_int(1));
}

// The number is not one of both parts.
const tn_op_spec tn_spec_scatter_value = {.op = "scatter.value",
                                          .dtypes = TN_DTYPES_ALL,
                                          .samples = value_samples,
                                          .reference = value_reference,
                                          .errors = value_errors};

// ---- views replaced ----------------------------------------------------------------------------

static void select_scatter_samples(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_add(samples, "index", 0);
    tn_sample_tensor(sample, TN_SHAPE(3, 4), tn_samples_dtype(samples), -8, 8);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(4) : TN_SHAPE(3), tn_samples_dtype(samples), -8, 8);
    tn_sample_int(sample, i == 0 ? 0 : i == 1 ? 1 : -1);
    tn_sample_int(sample, i == 1 ? -1 : i);
  }
}
static void select_scatter_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *src = &sample->operands[1];
  const int32_t dim = reference_dim(tn_sample_int_at(sample, 2, 0), 2);
  int64_t index = tn_sample_int_at(sample, 3, 0);
  if (index < 0) index += self->sizes[dim];
  double *out = copy_of_self(sample, expected);
  for (int64_t p = 0; out != NULL && p < src->numel; p++) {
    out[dim == 0 ? index * self->sizes[1] + p : p * self->sizes[1] + index] = src->values[p];
  }
}
static void select_scatter_errors(tn_samples *samples) {
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = tn_sample_failing(samples, "src and index",
                                          i == 0 ? TN_INVALID_ARGUMENT : TN_OUT_OF_RANGE, NULL);
    tn_sample_tensor(sample, TN_SHAPE(3, 4), tn_samples_dtype(samples), 0, 1);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(3) : TN_SHAPE(4), tn_samples_dtype(samples), 0, 1);
    tn_sample_int(sample, 0);
    tn_sample_int(sample, i == 0 ? 1 : 3);
  }
}

const tn_op_spec tn_spec_select_scatter = {.op = "select_scatter",
                                           MOVES,
                                           .samples = select_scatter_samples,
                                           .reference = select_scatter_reference,
                                           .errors = select_scatter_errors};

static void slice_scatter_samples(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_add(samples, "range", 0);
    tn_sample_tensor(sample, TN_SHAPE(2, 5), tn_samples_dtype(samples), -8, 8);
    tn_sample_tensor(sample, i == 2 ? TN_SHAPE(2, 0) : TN_SHAPE(2, 2), tn_samples_dtype(samples),
                     -8, 8);
    tn_sample_int(sample, 1);
    tn_sample_int(sample, i == 1 ? 0 : 1);
    tn_sample_int(sample, i == 0 ? 3 : i == 1 ? 4 : 1);
    tn_sample_int(sample, i == 1 ? 2 : 1);
  }
}
static void slice_scatter_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *src = &sample->operands[1];
  const int64_t start = tn_sample_int_at(sample, 3, 0), step = tn_sample_int_at(sample, 5, 1);
  double *out = copy_of_self(sample, expected);
  for (int64_t p = 0; out != NULL && p < src->numel; p++) {
    out[p / src->sizes[1] * 5 + start + p % src->sizes[1] * step] = src->values[p];
  }
}
static void slice_scatter_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "src's shape", TN_INVALID_ARGUMENT, "src");
  tn_sample_tensor(sample, TN_SHAPE(2, 5), tn_samples_dtype(samples), 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(2, 4), tn_samples_dtype(samples), 0, 1);
  tn_sample_int(sample, 1);
}

const tn_op_spec tn_spec_slice_scatter = {.op = "slice_scatter",
                                          MOVES,
                                          .samples = slice_scatter_samples,
                                          .reference = slice_scatter_reference,
                                          .errors = slice_scatter_errors};

// ---- masked_scatter ----------------------------------------------------------------------------

static void masked_samples(tn_samples *samples) {
  static const double mask[] = {1, 0, 1, 0, 1, 1};
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_add(samples, "mask", TN_SAMPLE_NO_EXPAND);
    tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), -8, 8);
    tn_sample_values(sample, i == 1 ? TN_SHAPE(3) : TN_SHAPE(2, 3), TN_BOOL, mask);
    tn_sample_tensor(sample, i == 2 ? TN_SHAPE(2, 3) : TN_SHAPE(4), tn_samples_dtype(samples), -8,
                     8);
  }
}
static void masked_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *mask = &sample->operands[1];
  double *out = copy_of_self(sample, expected);
  int64_t place[TN_SPEC_MAX_DIMS], used = 0;
  for (int64_t p = 0; out != NULL && p < self->numel; p++) {
    tn_reference_unravel(p, self->ndim, self->sizes, place);
    if (tn_reference_broadcast_at(mask, self->ndim, place) == 0) continue;
    out[p] = sample->operands[2].values[used++];
  }
}
static void masked_errors(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    static const double mask[] = {1, 1, 1};
    tn_sample *sample = tn_sample_failing(samples, "mask and source",
                                          i == 2 ? TN_INVALID_DTYPE : TN_INVALID_ARGUMENT, NULL);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(2) : TN_SHAPE(3), tn_samples_dtype(samples), 0, 1);
    tn_sample_values(sample, TN_SHAPE(3), i == 2 ? TN_I64 : TN_BOOL, mask);
    tn_sample_tensor(sample, TN_SHAPE(2), tn_samples_dtype(samples), 0, 1);
  }
}

const tn_op_spec tn_spec_masked_scatter = {.op = "masked_scatter",
                                           MOVES,
                                           .samples = masked_samples,
                                           .reference = masked_reference,
                                           .errors = masked_errors};
