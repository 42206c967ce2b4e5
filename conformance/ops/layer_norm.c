// SPDX-License-Identifier: Apache-2.0
//
// layer_norm, group_norm: normalisation within one sample.

#include <stdlib.h>

#include "norm.h"

static void add_mask(tn_sample *sample, bool input, bool weight, bool bias) {
  tn_value mask = tn_value_ints(TN_INTS(input, weight, bias));
  mask.kind = TN_VALUE_BOOLS;
  tn_sample_value(sample, mask);
}

static void add_optional(tn_sample *sample, bool given, tn_ints shape, tn_dtype dtype) {
  if (given) {
    tn_sample_tensor(sample, shape, dtype, -2, 2);
  } else {
    tn_sample_none(sample);
  }
}

// ---- layer norm: input, normalized_shape, weight, bias, eps -----------------------------------

typedef struct layer_row {
  const char *name;
  int32_t ndim, inner;  // dimensions, and how many of them are normalised
  int64_t sizes[4];
  bool weight, bias, wide;  // wide: parameters of the statistics' dtype
  uint32_t flags;
} layer_row;

static const layer_row layer_rows[] = {
    {"plain", 2, 1, {3, 5}, true, true, false, 0},
    {"two dimensions", 3, 2, {2, 3, 2}, true, true, false, 0},
    {"one row", 1, 1, {6}, true, true, false, 0},
    {"no weight", 3, 1, {2, 2, 4}, false, true, false, 0},
    {"no bias", 2, 1, {2, 4}, true, false, false, 0},
    {"neither", 2, 1, {2, 4}, false, false, false, 0},
    {"parameters as statistics", 2, 1, {2, 5}, true, true, true, 0},
    {"no rows", 2, 1, {0, 4}, true, true, false, TN_SAMPLE_NO_GRAD},
    {"odd size", 2, 1, {3, 133}, true, true, false, TN_SAMPLE_NO_GRAD},
    {"large", 2, 1, {70, 1031}, true, true, false, TN_SAMPLE_LARGE},
};
enum { LAYER_ROW_COUNT = sizeof layer_rows / sizeof layer_rows[0] };

static tn_ints layer_inner(const layer_row *r) {
  return tn_ints_of(r->sizes + r->ndim - r->inner, r->inner);
}

static tn_dtype layer_parameter_dtype(const layer_row *r, tn_dtype dtype) {
  return r->wide ? norm_statistics_dtype(dtype) : dtype;
}

static void layer_samples(tn_samples *samples) {
  for (int i = 0; i < LAYER_ROW_COUNT; i++) {
    const layer_row *r = &layer_rows[i];
    tn_dtype dtype = tn_samples_dtype(samples);
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    tn_sample_tensor(sample, tn_ints_of(r->sizes, r->ndim), dtype, -3, 5);
    tn_sample_ints(sample, layer_inner(r));
    add_optional(sample, r->weight, layer_inner(r), layer_parameter_dtype(r, dtype));
    add_optional(sample, r->bias, layer_inner(r), layer_parameter_dtype(r, dtype));
    tn_sample_float(sample, i % 2 == 0 ? 1e-5 : 0.1);
  }
}

static norm_shape layer_shape(const tn_operand *input, tn_ints normalized) {
  int64_t count = 1, rows = 1;
  for (int32_t d = 0; d < input->ndim; d++) {
    *(d < input->ndim - normalized.count ? &rows : &count) *= input->sizes[d];
  }
  return norm_shape_of_rows(rows, count);
}

static void layer_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *input = &sample->operands[0];
  tn_ints normalized = tn_sample_ints_at(sample, 1);
  norm_shape shape = layer_shape(input, normalized);
  norm_moments moments = norm_measure(&shape, input);
  double eps = tn_sample_number_at(sample, 4, 1e-5);
  if (moments.mean == NULL) return;
  norm_expect_result(&shape, input, moments, tn_sample_tensor_at(sample, 2),
                     tn_sample_tensor_at(sample, 3), eps, expected);
  int64_t sizes[TN_SPEC_MAX_DIMS];
  for (int32_t d = 0; d < input->ndim; d++) {
    sizes[d] = d < input->ndim - normalized.count ? input->sizes[d] : 1;
  }
  if (strcmp(sample->spec->op, "layer_norm") != 0) {
    norm_expect_statistics(&shape, input, moments, eps, input->ndim, sizes, expected);
  }
  free(moments.mean);
}

static void add_layer_failing(tn_samples *samples, const char *name, const char *argument,
                              tn_ints normalized, tn_ints weight, tn_dtype weight_dtype) {
  tn_status status =
      weight_dtype == tn_samples_dtype(samples) ? TN_INVALID_ARGUMENT : TN_INVALID_DTYPE;
  tn_sample *sample = tn_sample_failing(samples, name, status, argument);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
  tn_sample_ints(sample, normalized);
  tn_sample_tensor(sample, weight, weight_dtype, 0, 1);
  tn_sample_none(sample);
  tn_sample_float(sample, 1e-5);
}
static void layer_errors(tn_samples *samples) {
  tn_dtype dtype = tn_samples_dtype(samples);
  add_layer_failing(samples, "other sizes", "normalized_shape", TN_SHAPE(2), TN_SHAPE(2), dtype);
  add_layer_failing(samples, "no sizes", "normalized_shape", TN_SHAPE_SCALAR, TN_SHAPE(3), dtype);
  add_layer_failing(samples, "more than there are", "normalized_shape", TN_SHAPE(1, 2, 3),
                    TN_SHAPE(3), dtype);
  add_layer_failing(samples, "weight", "weight", TN_SHAPE(3), TN_SHAPE(2), dtype);
  add_layer_failing(samples, "weight's rank", "weight", TN_SHAPE(3), TN_SHAPE(1, 3), dtype);
  add_layer_failing(samples, "weight's dtype", "weight", TN_SHAPE(3), TN_SHAPE(3), TN_I64);
}

const tn_op_spec tn_spec_native_layer_norm = {.op = "native_layer_norm",
                                              .dtypes = TN_DTYPES_FLOATING,
                                              .samples = layer_samples,
                                              .reference = layer_reference,
                                              .errors = layer_errors,
                                              .ulps = 4};
const tn_op_spec tn_spec_layer_norm = {.op = "layer_norm",
                                       .dtypes = TN_DTYPES_FLOATING,
                                       .samples = layer_samples,
                                       .reference = layer_reference,
                                       .errors = layer_errors,
                                       .ulps = 4};

// ---- its backward: grad_out, input, normalized_shape, mean, rstd, weight, bias, output_mask ----

static void layer_backward_samples(tn_samples *samples) {
  for (int i = 0; i < LAYER_ROW_COUNT; i++) {
    const layer_row *r = &layer_rows[i];
    tn_dtype dtype = tn_samples_dtype(samples), statistics = norm_statistics_dtype(dtype);
    tn_ints whole = tn_ints_of(r->sizes, r->ndim);
    int64_t kept[4];
    for (int32_t d = 0; d < r->ndim; d++) kept[d] = d < r->ndim - r->inner ? r->sizes[d] : 1;
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    tn_sample_tensor(sample, whole, dtype, -2, 2);
    tn_sample_tensor(sample, whole, dtype, -3, 5);
    tn_sample_ints(sample, layer_inner(r));
    tn_sample_tensor(sample, tn_ints_of(kept, r->ndim), statistics, -1, 1);
    tn_sample_tensor(sample, tn_ints_of(kept, r->ndim), statistics, 0.5, 2);
    add_optional(sample, r->weight, layer_inner(r), layer_parameter_dtype(r, dtype));
    tn_sample_none(sample);
    add_mask(sample, i % 4 != 1, i % 4 != 2, i % 4 != 3);
  }
}

static void layer_backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *input = &sample->operands[1];
  tn_ints normalized = tn_sample_ints_at(sample, 2);
  norm_shape shape = layer_shape(input, normalized);
  norm_backward b = {.grad = &sample->operands[0],
                     .input = input,
                     .weight = tn_sample_tensor_at(sample, 5),
                     .mean = sample->operands[2].values,
                     .rstd = sample->operands[3].values,
                     .mask = tn_sample_ints_at(sample, 7),
                     .parameter_ndim = (int32_t)normalized.count,
                     .parameter_sizes = normalized.data,
                     .moving = true};
  norm_expect_gradients(&shape, &b, expected);
}

static void layer_backward_errors(tn_samples *samples) {
  static const char *const arguments[] = {"grad_out", "mean", "weight", "output_mask"};
  tn_dtype dtype = tn_samples_dtype(samples), statistics = norm_statistics_dtype(dtype);
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_failing(samples, arguments[i], TN_INVALID_ARGUMENT, arguments[i]);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(3, 3) : TN_SHAPE(2, 3), dtype, 0, 1);
    tn_sample_tensor(sample, TN_SHAPE(2, 3), dtype, 0, 1);
    tn_sample_ints(sample, TN_SHAPE(3));
    tn_sample_tensor(sample, i == 1 ? TN_SHAPE(2) : TN_SHAPE(2, 1), statistics, 0, 1);
    tn_sample_tensor(sample, TN_SHAPE(2, 1), statistics, 0, 1);
    tn_sample_tensor(sample, i == 2 ? TN_SHAPE(2) : TN_SHAPE(3), dtype, 0, 1);
    tn_sample_none(sample);
    tn_value mask = tn_value_ints(TN_INTS(1, 1));
    mask.kind = TN_VALUE_BOOLS;
    if (i == 3) {
      tn_sample_value(sample, mask);
    } else {
      add_mask(sample, true, true, true);
    }
  }
}

const tn_op_spec tn_spec_native_layer_norm_backward = {
    .op = "native_layer_norm_backward",
    .dtypes = TN_DTYPES_FLOATING,
    .samples = layer_backward_samples,
    .reference = layer_backward_reference,
    .errors = layer_backward_errors,
    .ulps = 4,
    .finite = 7u << 2,
    .why = "products of 0 and an infinite statistic or weight depend on how a kernel groups them"};
