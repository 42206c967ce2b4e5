// SPDX-License-Identifier: Apache-2.0
//
// nonzero: results whose shape depends on data: where elements are not zero, and the elements where
// a mask is true.

#include "reference.h"

// ---- nonzero, argwhere, nonzero_numpy ----------------------------------------------------------

static void nonzero_samples(tn_samples *samples) {
  static const double values[] = {0, 1, -0.0, NAN, 0, -1, INFINITY, 0, 0, 0, 1e-45, 2};
  const tn_ints shapes[] = {TN_SHAPE(2, 3, 4), TN_SHAPE(7),    TN_SHAPE(3, 0), TN_SHAPE_SCALAR,
                            TN_SHAPE(0),       TN_SHAPE(5, 1), TN_SHAPE(2, 67)};
  const tn_dtype dtype = tn_samples_dtype(samples);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    tn_sample_tensor(tn_sample_add(samples, "shapes", 0), shapes[i], dtype, -1, 1);
  }
  const double zero = 0, one = 1;
  tn_sample_values(tn_sample_add(samples, "zero", 0), TN_SHAPE_SCALAR, dtype, &zero);
  tn_sample_values(tn_sample_add(samples, "one", 0), TN_SHAPE_SCALAR, dtype, &one);
  tn_sample_tensor(tn_sample_add(samples, "none", 0), TN_SHAPE(3, 4), dtype, 0, 0);
  tn_sample_tensor(tn_sample_add(samples, "all", 0), TN_SHAPE(3, 4), dtype, 1, 1);
  tn_sample_tensor(tn_sample_add(samples, "large", TN_SAMPLE_LARGE), TN_SHAPE(70, 3, 341), dtype,
                   -1, 1);
  if (tn_dtype_is_floating(dtype)) {
    tn_sample_values(tn_sample_add(samples, "special values", 0), TN_SHAPE(3, 4), dtype, values);
  }
}

static void nonzero_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  int64_t sizes[2] = {0, self->ndim}, place[TN_SPEC_MAX_DIMS], row = 0;
  for (int64_t p = 0; p < self->numel; p++) sizes[0] += self->values[p] != 0;
  double *out = tn_expect(expected, TN_I64, 2, sizes);
  for (int64_t p = 0; p < self->numel && out != NULL; p++) {
    if (self->values[p] == 0) continue;
    tn_reference_unravel(p, self->ndim, self->sizes, place);
    for (int32_t d = 0; d < self->ndim; d++) out[row * self->ndim + d] = (double)place[d];
    row++;
  }
}

static void by_dimension_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  int64_t count = 0, place[TN_SPEC_MAX_DIMS] = {0};
  for (int64_t p = 0; p < self->numel; p++) count += self->values[p] != 0;
  for (int32_t d = 0; d < (self->ndim == 0 ? 1 : self->ndim); d++) {
    double *out = tn_expect(expected, TN_I64, 1, &count);
    for (int64_t p = 0; p < self->numel && out != NULL; p++) {
      if (self->values[p] == 0) continue;
      tn_reference_unravel(p, self->ndim, self->sizes, place);
      *out++ = (double)place[d];
    }
  }
}

const tn_op_spec tn_spec_nonzero = {.op = "nonzero",
                                    .dtypes = TN_DTYPES_ALL,
                                    .samples = nonzero_samples,
                                    .reference = nonzero_reference};

const tn_op_spec tn_spec_argwhere = {.op = "argwhere",
                                     .dtypes = TN_DTYPES_ALL,
                                     .samples = nonzero_samples,
                                     .reference = nonzero_reference};

const tn_op_spec tn_spec_nonzero_numpy = {.op = "nonzero_numpy",
                                          .dtypes = TN_DTYPES_ALL,
                                          .samples = nonzero_samples,
                                          .reference = by_dimension_reference};

// ---- masked_select -----------------------------------------------------------------------------

static void mask_samples(tn_samples *samples) {
  static const struct {
    const char *name;
    uint32_t flags;
    int32_t self_ndim, mask_ndim;
    int64_t self[3], mask[3];
  } shapes[] = {{"one shape", 0, 2, 2, {3, 5}, {3, 5}},
                {"one line", 0, 1, 1, {67}, {67}},
                {"mask broadcast", 0, 2, 1, {3, 4}, {4}},
                {"self broadcast", 0, 1, 2, {4}, {3, 4}},
                {"both broadcast", 0, 3, 2, {2, 1, 3}, {4, 1}},
                {"0-dim mask", 0, 1, 0, {4}, {0}},
                {"0-dim self", 0, 0, 1, {0}, {5}},
                {"0-dim", 0, 0, 0, {0}, {0}},
                {"empty", 0, 2, 2, {3, 0}, {3, 0}},
                {"large", TN_SAMPLE_LARGE, 2, 2, {211, 341}, {211, 341}},
                {"large, broadcast", TN_SAMPLE_LARGE, 2, 1, {211, 341}, {341}}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    tn_sample *sample = tn_sample_add(samples, shapes[i].name, shapes[i].flags);
    tn_sample_tensor(sample, tn_ints_of(shapes[i].self, shapes[i].self_ndim),
                     tn_samples_dtype(samples), -8, 8);
    tn_sample_tensor(sample, tn_ints_of(shapes[i].mask, shapes[i].mask_ndim), TN_BOOL, 0, 1);
  }
  for (int all = 0; all < 2; all++) {
    tn_sample *sample = tn_sample_add(samples, all ? "all" : "none", 0);
    tn_sample_tensor(sample, TN_SHAPE(3, 5), tn_samples_dtype(samples), -8, 8);
    tn_sample_tensor(sample, TN_SHAPE(3, 5), TN_BOOL, all, all);
  }
}

// The broadcast shape of the two operands; gives its rank.
static int32_t broadcast_shape(const tn_operand *a, const tn_operand *b, int64_t *sizes) {
  int32_t rank = a->ndim > b->ndim ? a->ndim : b->ndim;
  for (int32_t d = 0; d < rank; d++) {
    int32_t at_a = d - (rank - a->ndim), at_b = d - (rank - b->ndim);
    int64_t size_a = at_a < 0 ? 1 : a->sizes[at_a], size_b = at_b < 0 ? 1 : b->sizes[at_b];
    sizes[d] = size_a == 1 ? size_b : size_a;
  }
  return rank;
}

static void mask_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0], *mask = &sample->operands[1];
  int64_t sizes[TN_SPEC_MAX_DIMS], place[TN_SPEC_MAX_DIMS], count = 0;
  int32_t rank = broadcast_shape(self, mask, sizes);
  int64_t numel = tn_reference_numel(rank, sizes);
  for (int64_t p = 0; p < numel; p++) {
    tn_reference_unravel(p, rank, sizes, place);
    count += tn_reference_broadcast_at(mask, rank, place) != 0;
  }
  double *out = tn_expect(expected, self->dtype, 1, &count);
  for (int64_t p = 0; p < numel && out != NULL; p++) {
    tn_reference_unravel(p, rank, sizes, place);
    if (tn_reference_broadcast_at(mask, rank, place) == 0) continue;
    *out++ = tn_reference_broadcast_at(self, rank, place);
  }
}

static void mask_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "a mask of integers", TN_INVALID_DTYPE, "mask");
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), -8, 8);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), TN_I64, 0, 1);
  sample = tn_sample_failing(samples, "shapes", TN_INVALID_ARGUMENT, NULL);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), -8, 8);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_BOOL, 0, 1);
}

const tn_op_spec tn_spec_masked_select = {.op = "masked_select",
                                          .dtypes = TN_DTYPES_ALL,
                                          .samples = mask_samples,
                                          .reference = mask_reference,
                                          .errors = mask_errors};
