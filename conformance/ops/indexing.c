// SPDX-License-Identifier: Apache-2.0
//
// indexing: picking and placing elements by indices, and tables of rows. Every index is checked by
// the kernel: one beyond a dimension is OUT_OF_RANGE, whatever the dtype of the index.

#include "reference.h"

#define MOVES .dtypes = TN_DTYPES_ALL, .flags = TN_SPEC_COMPLEX_PARTS

static const tn_operand *self_of(const tn_sample *sample) { return &sample->operands[0]; }
static int32_t dim_of(const tn_sample *sample) {
  return reference_dim(tn_sample_int_at(sample, 1, 0), self_of(sample)->ndim);
}

// ---- whole slices ------------------------------------------------------------------------------

static void add_self(tn_sample *sample, tn_ints shape, int64_t dim) {
  tn_sample_tensor(sample, shape, sample == NULL ? TN_F32 : sample->dtype, -8, 8);
  tn_sample_int(sample, dim);
}
static void select_samples(tn_samples *samples) {
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = tn_sample_add(samples, i < 3 ? "dims" : i == 3 ? "0-dim index" : "none", 0);
    add_self(sample, TN_SHAPE(2, 3, 4), i < 3 ? i : i - 4);
    tn_dtype dtype = i % 2 ? TN_I32 : TN_I64;
    tn_ints shape = i == 3 ? TN_SHAPE_SCALAR : i == 4 ? TN_SHAPE(0) : TN_SHAPE(5);
    tn_sample_tensor(sample, shape, dtype, 0, i == 0 ? 1 : i == 1 ? 2 : i == 3 ? 3 : 1);
  }
}
static void select_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *index = &sample->operands[1];
  int32_t dim = dim_of(sample);
  int64_t sizes[TN_SPEC_MAX_DIMS], place[TN_SPEC_MAX_DIMS];
  memcpy(sizes, self->sizes, sizeof sizes);
  sizes[dim] = index->numel;
  double *out = tn_expect(expected, self->dtype, self->ndim, sizes);
  for (int64_t p = 0; out != NULL && p < tn_reference_numel(self->ndim, sizes); p++) {
    tn_reference_unravel(p, self->ndim, sizes, place);
    place[dim] = (int64_t)index->values[place[dim]];
    out[p] = self->values[tn_reference_ravel(self->ndim, self->sizes, place)];
  }
}

// An index of |value| among zeros; |shape| is the index's.
static tn_sample *bad_index(tn_samples *samples, const char *name, tn_ints shape, double value,
                            tn_dtype dtype) {
  double values[16] = {0};
  values[1] = value;
  tn_sample *sample = tn_sample_failing(
      samples, name, tn_dtype_is_floating(dtype) ? TN_INVALID_DTYPE : TN_OUT_OF_RANGE, NULL);
  add_self(sample, TN_SHAPE(2, 3), 1);
  tn_sample_values(sample, shape, dtype, values);
  return sample;
}
static void select_errors(tn_samples *samples) {
  (void)bad_index(samples, "index too high", TN_SHAPE(3), 3, TN_I64);
  (void)bad_index(samples, "index negative", TN_SHAPE(3), -1, TN_I32);
  (void)bad_index(samples, "index is floating", TN_SHAPE(3), 1, TN_F32);
  tn_sample *sample = tn_sample_failing(samples, "dim", TN_OUT_OF_RANGE, "dim");
  add_self(sample, TN_SHAPE(2, 3), 2);
  tn_sample_tensor(sample, TN_SHAPE(3), TN_I64, 0, 1);
}

const tn_op_spec tn_spec_index_select = {.op = "index_select",
                                         MOVES,
                                         .samples = select_samples,
                                         .reference = select_reference,
                                         .errors = select_errors};

static void index_add_samples(tn_samples *samples) {
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "dims", 0);
    const int64_t shape[3] = {i == 0 ? 5 : 2, i == 1 ? 5 : 3, i >= 2 ? 5 : 4};
    add_self(sample, TN_SHAPE(2, 3, 4), i < 3 ? i : -1);
    tn_sample_tensor(sample, TN_SHAPE(5), i % 2 ? TN_I32 : TN_I64, 0, i == 0 ? 1 : 2);
    tn_sample_tensor(sample, tn_ints_of(shape, 3), tn_samples_dtype(samples), -8, 8);
    if (i > 1) tn_sample_scalar(sample, tn_scalar_int(i == 2 ? 1 : 3));
  }
}
static void index_add_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *index = &sample->operands[1];
  const tn_operand *source = &sample->operands[2];
  int32_t dim = dim_of(sample);
  double alpha = tn_sample_number_at(sample, 4, 1);
  int64_t place[TN_SPEC_MAX_DIMS];
  double *out = reference_like(expected, self, self->dtype), *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < self->numel; p++) {
    out[p] = self->values[p];
    scales[p] = fabs(out[p]);
  }
  for (int64_t p = 0; out != NULL && scales != NULL && p < source->numel; p++) {
    tn_reference_unravel(p, source->ndim, source->sizes, place);
    place[dim] = (int64_t)index->values[place[dim]];
    int64_t at = tn_reference_ravel(self->ndim, self->sizes, place);
    out[at] += alpha * source->values[p];
    scales[at] += fabs(alpha * source->values[p]);
  }
}
static void index_add_errors(tn_samples *samples) {
  tn_sample *sample = bad_index(samples, "index too high", TN_SHAPE(3), 3, TN_I64);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
  sample = bad_index(samples, "index negative", TN_SHAPE(3), -1, TN_I32);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
  sample = tn_sample_failing(samples, "source's shape", TN_INVALID_ARGUMENT, "source");
  add_self(sample, TN_SHAPE(2, 3), 1);
  tn_sample_tensor(sample, TN_SHAPE(3), TN_I64, 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(2, 4), tn_samples_dtype(samples), 0, 1);
}

// A sum of few terms, each addition of which rounds to the dtype.
#define ADDS .ulps = 2, .half_ulps = 4

const tn_op_spec tn_spec_index_add = {.op = "index_add",
                                      .dtypes = TN_DTYPES_REAL,
                                      ADDS,
                                      .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                      .samples = index_add_samples,
                                      .reference = index_add_reference,
                                      .errors = index_add_errors};

// Every index is named once, so that gradients are those of a function.
static void index_copy_samples(tn_samples *samples) {
  static const double order[] = {3, 0, 2};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "dims", TN_SAMPLE_NO_EXPAND);
    const int64_t count = i == 3 ? 0 : 3;
    const int64_t shape[2] = {i == 0 ? count : 4, i == 0 ? 4 : count};
    add_self(sample, TN_SHAPE(4, 4), i == 0 ? 0 : i == 2 ? -1 : 1);
    tn_sample_values(sample, tn_ints_of(&count, 1), i % 2 ? TN_I32 : TN_I64, order);
    tn_sample_tensor(sample, tn_ints_of(shape, 2), tn_samples_dtype(samples), -8, 8);
  }
}
static void index_copy_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *index = &sample->operands[1];
  const tn_operand *source = &sample->operands[2];
  int64_t place[TN_SPEC_MAX_DIMS];
  double *out = reference_like(expected, self, self->dtype);
  for (int64_t p = 0; out != NULL && p < self->numel; p++) out[p] = self->values[p];
  for (int64_t p = 0; out != NULL && p < source->numel; p++) {
    tn_reference_unravel(p, source->ndim, source->sizes, place);
    place[dim_of(sample)] = (int64_t)index->values[place[dim_of(sample)]];
    out[tn_reference_ravel(self->ndim, self->sizes, place)] = source->values[p];
  }
}

const tn_op_spec tn_spec_index_copy = {.op = "index_copy",
                                       MOVES,
                                       .samples = index_copy_samples,
                                       .reference = index_copy_reference,
                                       .errors = index_add_errors};

// ---- single elements ---------------------------------------------------------------------------

static void gather_samples(tn_samples *samples) {
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = tn_sample_add(samples, "dims", 0);
    tn_dtype dtype = i % 2 ? TN_I32 : TN_I64;
    if (i == 4) {
      add_self(sample, TN_SHAPE_SCALAR, 0);
      tn_sample_tensor(sample, TN_SHAPE_SCALAR, dtype, 0, 0);
      continue;
    }
    add_self(sample, TN_SHAPE(2, 3, 4), i < 3 ? i : -1);
    tn_ints shape = i == 0 ? TN_SHAPE(5, 3, 4) : i == 1 ? TN_SHAPE(2, 5, 2) : TN_SHAPE(1, 2, 5);
    tn_sample_tensor(sample, i == 3 ? TN_SHAPE(2, 3, 0) : shape, dtype, 0, i == 0 ? 1 : 2);
  }
}
static void gather_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *index = &sample->operands[1];
  int64_t place[TN_SPEC_MAX_DIMS];
  double *out = reference_like(expected, index, self->dtype);
  for (int64_t p = 0; out != NULL && p < index->numel; p++) {
    tn_reference_unravel(p, index->ndim, index->sizes, place);
    place[dim_of(sample)] = (int64_t)index->values[p];
    out[p] = self->ndim == 0 ? self->values[0]
                             : self->values[tn_reference_ravel(self->ndim, self->sizes, place)];
  }
}
static void gather_errors(tn_samples *samples) {
  (void)bad_index(samples, "index too high", TN_SHAPE(2, 2), 3, TN_I64);
  (void)bad_index(samples, "index negative", TN_SHAPE(2, 2), -1, TN_I32);
  (void)bad_index(samples, "index is floating", TN_SHAPE(2, 2), 1, TN_F32);
  tn_sample *sample = tn_sample_failing(samples, "rank", TN_INVALID_ARGUMENT, "index");
  add_self(sample, TN_SHAPE(2, 3), 1);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_I64, 0, 1);
  sample = tn_sample_failing(samples, "too large", TN_INVALID_ARGUMENT, "index");
  add_self(sample, TN_SHAPE(2, 3), 1);
  tn_sample_tensor(sample, TN_SHAPE(3, 3), TN_I64, 0, 1);
}

const tn_op_spec tn_spec_gather = {.op = "gather",
                                   MOVES,
                                   .samples = gather_samples,
                                   .reference = gather_reference,
                                   .errors = gather_errors};

// |unique|: no place is named twice.
static void scatter_samples_of(tn_samples *samples, bool unique) {
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "dims", unique ? TN_SAMPLE_NO_EXPAND : 0);
    add_self(sample, TN_SHAPE(2, 5), i % 2 == 0 ? 1 : 0);
    tn_dtype dtype = i % 2 ? TN_I32 : TN_I64;
    if (unique) {
      static const double columns[] = {4, 0, 2, 1, 3, 0}, rows[] = {1, 0, 1, 0, 1, 0};
      tn_sample_values(sample, TN_SHAPE(2, 3), dtype, i % 2 == 0 ? columns : rows);
    } else {
      tn_sample_tensor(sample, TN_SHAPE(2, 3), dtype, 0, i % 2 == 0 ? 4 : 1);
    }
    tn_sample_tensor(sample, i > 1 ? TN_SHAPE(2, 4) : TN_SHAPE(2, 3), tn_samples_dtype(samples), -8,
                     8);
  }
  tn_sample *sample = tn_sample_add(samples, "no indices", 0);
  add_self(sample, TN_SHAPE(2, 3), 0);
  tn_sample_tensor(sample, TN_SHAPE(0, 3), TN_I64, 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), -8, 8);
}
static void scatter_add_samples(tn_samples *samples) { scatter_samples_of(samples, false); }
static void scatter_samples(tn_samples *samples) { scatter_samples_of(samples, true); }

static void scatter_into(const tn_sample *sample, bool add, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *index = &sample->operands[1];
  const tn_operand *src = &sample->operands[2];
  int64_t place[TN_SPEC_MAX_DIMS];
  double *out = reference_like(expected, self, self->dtype), *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < self->numel; p++) {
    out[p] = self->values[p];
    scales[p] = fabs(out[p]);
  }
  for (int64_t p = 0; out != NULL && scales != NULL && p < index->numel; p++) {
    tn_reference_unravel(p, index->ndim, index->sizes, place);
    double value = src->values[tn_reference_ravel(src->ndim, src->sizes, place)];
    place[dim_of(sample)] = (int64_t)index->values[p];
    int64_t at = tn_reference_ravel(self->ndim, self->sizes, place);
    out[at] = add ? out[at] + value : value;
    scales[at] = add ? scales[at] + fabs(value) : 0;
  }
}
static void scatter_add_reference(const tn_sample *sample, tn_expected *expected) {
  scatter_into(sample, true, expected);
}
static void scatter_reference(const tn_sample *sample, tn_expected *expected) {
  scatter_into(sample, false, expected);
}
static void scatter_errors(tn_samples *samples) {
  tn_sample *sample = bad_index(samples, "index too high", TN_SHAPE(2, 2), 3, TN_I64);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
  sample = bad_index(samples, "index negative", TN_SHAPE(2, 2), -1, TN_I32);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
  sample = tn_sample_failing(samples, "larger than src", TN_INVALID_ARGUMENT, NULL);
  add_self(sample, TN_SHAPE(2, 3), 1);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), TN_I64, 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(2, 2), tn_samples_dtype(samples), 0, 1);
}

const tn_op_spec tn_spec_scatter_add = {.op = "scatter_add",
                                        .dtypes = TN_DTYPES_REAL,
                                        ADDS,
                                        .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                        .samples = scatter_add_samples,
                                        .reference = scatter_add_reference,
                                        .errors = scatter_errors};
const tn_op_spec tn_spec_scatter_src = {.op = "scatter.src",
                                        MOVES,
                                        .samples = scatter_samples,
                                        .reference = scatter_reference,
                                        .errors = scatter_errors};

// ---- tables of rows ----------------------------------------------------------------------------

static void embedding_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(3), TN_SHAPE(2, 3), TN_SHAPE_SCALAR, TN_SHAPE(0)};
  for (int i = 0; i < 7; i++) {
    tn_sample *sample = tn_sample_add(samples, i < 4 ? "lookup" : "options of the gradient",
                                      i < 4 ? 0 : TN_SAMPLE_NO_GRAD);
    tn_sample_tensor(sample, TN_SHAPE(5, 3), tn_samples_dtype(samples), -8, 8);
    tn_sample_tensor(sample, shapes[i % 4], i % 2 ? TN_I32 : TN_I64, 0, 4);
    if (i < 4) continue;
    tn_sample_int(sample, i == 4 ? 2 : -1);
    tn_sample_bool(sample, i == 5);
  }
}
static void embedding_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *weight = self_of(sample), *index = &sample->operands[1];
  int64_t sizes[TN_SPEC_MAX_DIMS], width = weight->sizes[1];
  memcpy(sizes, index->sizes, sizeof sizes);
  sizes[index->ndim] = width;
  double *out = tn_expect(expected, weight->dtype, index->ndim + 1, sizes);
  for (int64_t p = 0; out != NULL && p < index->numel * width; p++) {
    out[p] = weight->values[(int64_t)index->values[p / width] * width + p % width];
  }
}
static void embedding_errors(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    const double values[2] = {0, i == 0 ? 5 : i == 1 ? -1 : 1};
    tn_sample *sample =
        tn_sample_failing(samples, "index", i < 2 ? TN_OUT_OF_RANGE : TN_INVALID_DTYPE, NULL);
    tn_sample_tensor(sample, TN_SHAPE(5, 3), tn_samples_dtype(samples), 0, 1);
    tn_sample_values(sample, TN_SHAPE(2), i < 2 ? TN_I64 : TN_F32, values);
  }
  tn_sample *sample = tn_sample_failing(samples, "rank", TN_INVALID_ARGUMENT, "weight");
  tn_sample_tensor(sample, TN_SHAPE(5), tn_samples_dtype(samples), 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_I64, 0, 1);
}

// Complex tables are looked up, but have no gradient: embedding_dense_backward is of floating
// dtypes.
const tn_op_spec tn_spec_embedding = {.op = "embedding",
                                      .dtypes = TN_DTYPES_ALL,
                                      .samples = embedding_samples,
                                      .reference = embedding_reference,
                                      .errors = embedding_errors};

// grad_output, indices, num_weights, padding_idx, scale_grad_by_freq
static void dense_backward_samples(tn_samples *samples) {
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "rows", 0);
    tn_sample_tensor(sample, i == 3 ? TN_SHAPE(3) : TN_SHAPE(2, 4, 3), tn_samples_dtype(samples),
                     -8, 8);
    tn_sample_tensor(sample, i == 3 ? TN_SHAPE_SCALAR : TN_SHAPE(2, 4), i % 2 ? TN_I32 : TN_I64, 0,
                     4);
    tn_sample_int(sample, 5);
    tn_sample_int(sample, i == 1 ? 2 : -1);
    tn_sample_bool(sample, i == 2);
  }
}
static void dense_backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *grad = self_of(sample), *index = &sample->operands[1];
  int64_t width = grad->sizes[grad->ndim - 1], padding = tn_sample_int_at(sample, 3, -1);
  const int64_t sizes[2] = {tn_sample_int_at(sample, 2, 0), width};
  double *out = tn_expect(expected, grad->dtype, 2, sizes), *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < grad->numel; p++) {
    int64_t row = (int64_t)index->values[p / width];
    double count = 0;
    for (int64_t i = 0; i < index->numel; i++) count += (int64_t)index->values[i] == row;
    if (row == padding) continue;
    double term = grad->values[p] / (tn_sample_bool_at(sample, 4, false) ? count : 1);
    out[row * width + p % width] += term;
    scales[row * width + p % width] += fabs(term);
  }
}

const tn_op_spec tn_spec_embedding_dense_backward = {.op = "embedding_dense_backward",
                                                     .dtypes = TN_DTYPES_FLOATING,
                                                     .ulps = 2,
                                                     .half_ulps = 8,
                                                     .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                                     .samples = dense_backward_samples,
                                                     .reference = dense_backward_reference};
