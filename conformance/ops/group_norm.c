// SPDX-License-Identifier: Apache-2.0
//
// group_norm: normalisation over groups of a sample's channels.

#include <stdlib.h>

#include "norm.h"

// native: input, weight, bias, N, C, HxW, group, eps; the usual face: input, num_groups, weight,
// bias, eps; backward: grad_out, input, mean, rstd, weight, N, C, HxW, group, output_mask.
typedef struct group_row {
  const char *name;
  int32_t ndim;
  int64_t sizes[4], groups;
  bool weight, bias, wide;  // wide: parameters of the statistics' dtype
  uint32_t flags;
} group_row;

static const group_row group_rows[] = {
    {"plain", 3, {2, 4, 3}, 2, true, true, false, 0},
    {"images", 4, {1, 4, 2, 2}, 2, true, true, false, 0},
    {"one group", 3, {2, 3, 2}, 1, true, false, false, 0},
    {"each channel its own", 3, {2, 2, 4}, 2, false, true, false, 0},
    {"no space", 2, {2, 6}, 3, true, true, false, 0},
    {"parameters as statistics", 3, {1, 4, 3}, 2, true, true, true, 0},
    {"no samples", 3, {0, 4, 3}, 2, true, true, false, TN_SAMPLE_NO_GRAD},
    {"odd size", 3, {2, 6, 37}, 3, true, true, false, TN_SAMPLE_NO_GRAD},
    {"large", 3, {8, 12, 701}, 4, true, true, false, TN_SAMPLE_LARGE},
};
enum { GROUP_ROW_COUNT = sizeof group_rows / sizeof group_rows[0] };

static bool is_native(const tn_op_spec *spec) { return spec->op[0] == 'n'; }

static int64_t space_of(const group_row *r) {
  int64_t space = 1;
  for (int32_t d = 2; d < r->ndim; d++) space *= r->sizes[d];
  return space;
}

static void add_optional(tn_sample *sample, bool given, int64_t count, tn_dtype dtype) {
  if (given) {
    tn_sample_tensor(sample, TN_SHAPE(count), dtype, -2, 2);
  } else {
    tn_sample_none(sample);
  }
}

static void add_sizes(tn_sample *sample, int64_t n, int64_t channels, int64_t space,
                      int64_t groups) {
  tn_sample_int(sample, n);
  tn_sample_int(sample, channels);
  tn_sample_int(sample, space);
  tn_sample_int(sample, groups);
}

static void group_samples(tn_samples *samples) {
  bool native = is_native(tn_samples_spec(samples));
  for (int i = 0; i < GROUP_ROW_COUNT; i++) {
    const group_row *r = &group_rows[i];
    tn_dtype dtype = tn_samples_dtype(samples);
    tn_dtype own = r->wide ? norm_statistics_dtype(dtype) : dtype;
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    tn_sample_tensor(sample, tn_ints_of(r->sizes, r->ndim), dtype, -3, 5);
    if (!native) tn_sample_int(sample, r->groups);
    add_optional(sample, r->weight, r->sizes[1], own);
    add_optional(sample, r->bias, r->sizes[1], own);
    if (native) add_sizes(sample, r->sizes[0], r->sizes[1], space_of(r), r->groups);
    tn_sample_float(sample, i % 2 == 0 ? 1e-5 : 0.1);
  }
}

static void group_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *input = &sample->operands[0];
  bool native = is_native(sample->spec);
  int64_t groups = tn_sample_int_at(sample, native ? 6 : 1, 1), space = 1;
  for (int32_t d = 2; d < input->ndim; d++) space *= input->sizes[d];
  norm_shape shape = norm_shape_of_groups(input->sizes[0], input->sizes[1], space, groups);
  norm_moments moments = norm_measure(&shape, input);
  double eps = tn_sample_number_at(sample, native ? 7 : 4, 1e-5);
  if (moments.mean == NULL) return;
  norm_expect_result(&shape, input, moments, tn_sample_tensor_at(sample, native ? 1 : 2),
                     tn_sample_tensor_at(sample, native ? 2 : 3), eps, expected);
  const int64_t sizes[] = {input->sizes[0], groups};
  if (native) norm_expect_statistics(&shape, input, moments, eps, 2, sizes, expected);
  free(moments.mean);
}

static void group_errors(tn_samples *samples) {
  static const char *const names[] = {"groups", "no groups", "weight", "weight's dtype", "sizes"};
  bool native = is_native(tn_samples_spec(samples));
  tn_dtype dtype = tn_samples_dtype(samples);
  for (int i = 0; i < (native ? 5 : 4); i++) {
    int64_t groups = i == 0 ? 3 : i == 1 ? 0 : 2;
    const char *argument = i < 2 ? (native ? "group" : "num_groups") : i < 4 ? "weight" : "input";
    tn_sample *sample = tn_sample_failing(
        samples, names[i], i == 3 ? TN_INVALID_DTYPE : TN_INVALID_ARGUMENT, argument);
    tn_sample_tensor(sample, TN_SHAPE(2, 4, 3), dtype, 0, 1);
    if (!native) tn_sample_int(sample, groups);
    tn_sample_tensor(sample, TN_SHAPE(i == 2 ? 2 : 4), i == 3 ? TN_I64 : dtype, 0, 1);
    tn_sample_none(sample);
    if (native) add_sizes(sample, i == 4 ? 3 : 2, 4, 3, groups);
    tn_sample_float(sample, 1e-5);
  }
  if (native) return;
  tn_sample *sample = tn_sample_failing(samples, "rank", TN_INVALID_ARGUMENT, "input");
  tn_sample_tensor(sample, TN_SHAPE(4), dtype, 0, 1);
  tn_sample_int(sample, 2);
}

const tn_op_spec tn_spec_native_group_norm = {.op = "native_group_norm",
                                              .dtypes = TN_DTYPES_FLOATING,
                                              .samples = group_samples,
                                              .reference = group_reference,
                                              .errors = group_errors,
                                              .ulps = 4};
const tn_op_spec tn_spec_group_norm = {.op = "group_norm",
                                       .dtypes = TN_DTYPES_FLOATING,
                                       .samples = group_samples,
                                       .reference = group_reference,
                                       .errors = group_errors,
                                       .ulps = 4};

// ---- backward ----------------------------------------------------------------------------------

static void add_backward(tn_samples *samples, const group_row *r, uint32_t left_out) {
  tn_dtype dtype = tn_samples_dtype(samples), statistics = norm_statistics_dtype(dtype);
  tn_ints whole = tn_ints_of(r->sizes, r->ndim);
  tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
  tn_sample_tensor(sample, whole, dtype, -2, 2);
  tn_sample_tensor(sample, whole, dtype, -3, 5);
  tn_sample_tensor(sample, TN_SHAPE(r->sizes[0], r->groups), statistics, -1, 1);
  tn_sample_tensor(sample, TN_SHAPE(r->sizes[0], r->groups), statistics, 0.5, 2);
  add_optional(sample, r->weight, r->sizes[1], r->wide ? statistics : dtype);
  add_sizes(sample, r->sizes[0], r->sizes[1], space_of(r), r->groups);
  tn_value mask = tn_value_ints(TN_INTS(left_out != 1, left_out != 2, left_out != 3));
  mask.kind = TN_VALUE_BOOLS;
  tn_sample_value(sample, mask);
}
static void group_backward_samples(tn_samples *samples) {
  for (uint32_t i = 0; i < GROUP_ROW_COUNT; i++) add_backward(samples, &group_rows[i], i % 4);
}

static void group_backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *input = &sample->operands[1];
  int64_t channels = tn_sample_int_at(sample, 6, 1);
  norm_shape shape =
      norm_shape_of_groups(tn_sample_int_at(sample, 5, 1), channels, tn_sample_int_at(sample, 7, 1),
                           tn_sample_int_at(sample, 8, 1));
  norm_backward b = {.grad = &sample->operands[0],
                     .input = input,
                     .weight = tn_sample_tensor_at(sample, 4),
                     .mean = sample->operands[2].values,
                     .rstd = sample->operands[3].values,
                     .mask = tn_sample_ints_at(sample, 9),
                     .parameter_ndim = 1,
                     .parameter_sizes = &channels,
                     .moving = true};
  norm_expect_gradients(&shape, &b, expected);
}

static void group_backward_errors(tn_samples *samples) {
  static const char *const arguments[] = {"grad_out", "mean", "weight", "group"};
  tn_dtype dtype = tn_samples_dtype(samples), statistics = norm_statistics_dtype(dtype);
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_failing(samples, arguments[i], TN_INVALID_ARGUMENT, arguments[i]);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(3, 3) : TN_SHAPE(2, 4, 3), dtype, 0, 1);
    tn_sample_tensor(sample, TN_SHAPE(2, 4, 3), dtype, 0, 1);
    tn_sample_tensor(sample, i == 1 ? TN_SHAPE(2) : TN_SHAPE(2, 2), statistics, 0, 1);
    tn_sample_tensor(sample, TN_SHAPE(2, 2), statistics, 0, 1);
    tn_sample_tensor(sample, TN_SHAPE(i == 2 ? 2 : 4), dtype, 0, 1);
    add_sizes(sample, 2, 4, 3, i == 3 ? 3 : 2);
    tn_value mask = tn_value_ints(TN_INTS(1, 1, 1));
    mask.kind = TN_VALUE_BOOLS;
    tn_sample_value(sample, mask);
  }
}

const tn_op_spec tn_spec_native_group_norm_backward = {
    .op = "native_group_norm_backward",
    .dtypes = TN_DTYPES_FLOATING,
    .samples = group_backward_samples,
    .reference = group_backward_reference,
    .errors = group_backward_errors,
    .ulps = 4,
    .finite = 7u << 2,
    .why = "products of 0 and an infinite statistic or weight depend on how a kernel groups them"};
