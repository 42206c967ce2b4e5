// SPDX-License-Identifier: Apache-2.0
//
// embedding_bag: rows of a table joined bag by bag.

#include "reference.h"

// weight, indices, offsets, scale_grad_by_freq, mode, sparse, per_sample_weights,
// include_last_offset; padding_idx where the name starts with _.
enum { MODE_SUM, MODE_MEAN, MODE_MAX };

static const double indices[] = {0, 1, 3, 2, 1, 4, 0};
static const double offsets[] = {0, 2, 2, 5, 7};
enum { INDEX_COUNT = 7, BAG_COUNT = 4 };

static bool has_padding(const tn_op_spec *spec) { return spec->op[0] == '_'; }

typedef struct bag_options {
  int64_t mode, padding;
  bool weighted, last, by_frequency;
  tn_dtype index_dtype;
} bag_options;

static void add_bags(tn_samples *samples, const char *name, bag_options o) {
  tn_dtype dtype = tn_samples_dtype(samples);
  tn_sample *sample = tn_sample_add(samples, name, TN_SAMPLE_NO_EXPAND);
  tn_sample_tensor(sample, TN_SHAPE(5, 3), dtype, -4, 4);
  tn_sample_values(sample, TN_SHAPE(INDEX_COUNT), o.index_dtype, indices);
  tn_sample_values(sample, TN_SHAPE(BAG_COUNT + (o.last ? 1 : 0)), o.index_dtype, offsets);
  tn_sample_bool(sample, o.by_frequency);
  tn_sample_int(sample, o.mode);
  tn_sample_bool(sample, false);
  if (o.weighted) {
    tn_sample_tensor(sample, TN_SHAPE(INDEX_COUNT), dtype, -2, 2);
  } else {
    tn_sample_none(sample);
  }
  tn_sample_bool(sample, o.last);
  if (has_padding(tn_samples_spec(samples))) tn_sample_int(sample, o.padding);
}

static void bag_samples(tn_samples *samples) {
  for (int64_t mode = MODE_SUM; mode <= MODE_MAX; mode++) {
    add_bags(samples, "plain", (bag_options){mode, -1, false, false, false, TN_I64});
    add_bags(samples, "last offset", (bag_options){mode, -1, false, true, false, TN_I32});
    add_bags(samples, "padding", (bag_options){mode, 1, false, false, false, TN_I64});
  }
  add_bags(samples, "weighted", (bag_options){MODE_SUM, -1, true, false, false, TN_I64});
  add_bags(samples, "weighted, padded", (bag_options){MODE_SUM, 4, true, true, false, TN_I32});
  tn_sample *sample = tn_sample_add(samples, "no indices", TN_SAMPLE_NO_GRAD | TN_SAMPLE_NO_EXPAND);
  tn_sample_tensor(sample, TN_SHAPE(5, 3), tn_samples_dtype(samples), -4, 4);
  tn_sample_tensor(sample, TN_SHAPE(0), TN_I64, 0, 0);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_I64, 0, 0);
  sample = tn_sample_add(samples, "no bags", TN_SAMPLE_NO_GRAD | TN_SAMPLE_NO_EXPAND);
  tn_sample_tensor(sample, TN_SHAPE(5, 3), tn_samples_dtype(samples), -4, 4);
  tn_sample_tensor(sample, TN_SHAPE(0), TN_I64, 0, 0);
  tn_sample_tensor(sample, TN_SHAPE(0), TN_I64, 0, 0);
  sample = tn_sample_add(samples, "large", TN_SAMPLE_LARGE | TN_SAMPLE_NO_EXPAND);
  static double starts[700];
  for (int i = 0; i < 700; i++) starts[i] = i * 10 - i % 7;
  tn_sample_tensor(sample, TN_SHAPE(100, 131), tn_samples_dtype(samples), -4, 4);
  tn_sample_tensor(sample, TN_SHAPE(7000), TN_I64, 0, 99);
  tn_sample_values(sample, TN_SHAPE(700), TN_I64, starts);
}

typedef struct bag {
  int64_t first, end, size;
} bag;

static void join(const tn_sample *sample, const bag *b, int64_t mode, int64_t padding, double *out,
                 double *scales, double *places) {
  const tn_operand *weight = &sample->operands[0];
  const tn_operand *factors = tn_sample_tensor_at(sample, 6);
  const double *list = sample->operands[1].values;
  int64_t columns = weight->sizes[1];
  for (int64_t k = 0; k < columns; k++) {
    bool any = false;
    for (int64_t i = b->first; i < b->end; i++) {
      if ((int64_t)list[i] == padding) continue;
      double value = weight->values[(int64_t)list[i] * columns + k];
      if (mode == MODE_MAX) {
        bool taken = !any || value > out[k] || (isnan(value) && !isnan(out[k]));
        if (taken) out[k] = value;
        if (taken) places[k] = list[i];
        any = true;
        continue;
      }
      if (factors != NULL) value *= factors->values[i];
      if (mode == MODE_MEAN) value /= (double)b->size;
      out[k] += value;
      if (isfinite(value)) scales[k] += fabs(value);
    }
  }
}

static void bag_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *weight = &sample->operands[0], *list = &sample->operands[1];
  const tn_operand *starts = &sample->operands[2];
  int64_t mode = tn_sample_int_at(sample, 4, 0), padding = tn_sample_int_at(sample, 8, -1);
  bool last = tn_sample_bool_at(sample, 7, false);
  int64_t count = starts->numel - (last ? 1 : 0), sizes[] = {count, weight->sizes[1]};
  double *out = tn_expect(expected, weight->dtype, 2, sizes), *scales = tn_expect_scales(expected);
  double *members = tn_expect(expected, list->dtype, 1, list->sizes);
  double *bag_sizes = tn_expect(expected, list->dtype, 1, &count);
  double *places = tn_expect(expected, list->dtype, mode == MODE_MAX ? 2 : 1, sizes);
  if (out == NULL || scales == NULL || members == NULL || bag_sizes == NULL || places == NULL) {
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    bool ends = i + 1 == count && !last;
    bag b = {(int64_t)starts->values[i], ends ? list->numel : (int64_t)starts->values[i + 1], 0};
    for (int64_t k = b.first; k < b.end; k++) {
      members[k] = (double)i;
      b.size += (int64_t)list->values[k] != padding;
    }
    bag_sizes[i] = (double)b.size;
    if (mode != MODE_MAX) places[i] = (double)b.size;
    join(sample, &b, mode, padding, out + i * sizes[1], scales + i * sizes[1],
         mode == MODE_MAX ? places + i * sizes[1] : NULL);
  }
}

static void bag_errors(tn_samples *samples) {
  static const double wrong_indices[] = {0, 9}, late[] = {1, 2}, falling[] = {0, 2, 1};
  static const char *const names[] = {"rank",    "index",         "first offset", "falling", "mode",
                                      "weights", "weights' size", "dtype",        "offset"};
  static const char *const arguments[] = {
      "weight",  NULL, NULL, NULL, "mode", "per_sample_weights", "per_sample_weights",
      "indices", NULL};
  static const double far[] = {0, 3};
  tn_dtype dtype = tn_samples_dtype(samples);
  for (int i = 0; i < 9; i++) {
    tn_status status = i == 1 || i == 8 ? TN_OUT_OF_RANGE
                       : i == 7         ? TN_INVALID_DTYPE
                                        : TN_INVALID_ARGUMENT;
    tn_sample *sample = tn_sample_failing(samples, names[i], status, arguments[i]);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(5) : TN_SHAPE(5, 3), dtype, 0, 1);
    if (i == 1) {
      tn_sample_values(sample, TN_SHAPE(2), TN_I64, wrong_indices);
    } else {
      tn_sample_tensor(sample, TN_SHAPE(2), i == 7 ? TN_F32 : TN_I64, 0, 4);
    }
    if (i == 2) {
      tn_sample_values(sample, TN_SHAPE(2), TN_I64, late);
    } else if (i == 3) {
      tn_sample_values(sample, TN_SHAPE(3), TN_I64, falling);
    } else if (i == 8) {
      tn_sample_values(sample, TN_SHAPE(2), TN_I64, far);
    } else {
      tn_sample_tensor(sample, TN_SHAPE(1), TN_I64, 0, 0);
    }
    tn_sample_bool(sample, false);
    tn_sample_int(sample, i == 4 ? 3 : i == 5 ? 1 : 0);
    tn_sample_bool(sample, false);
    if (i == 5 || i == 6) {
      tn_sample_tensor(sample, TN_SHAPE(i == 6 ? 3 : 2), dtype, 0, 1);
    } else {
      tn_sample_none(sample);
    }
  }
}

#define BAGS                                                                        \
  .dtypes = TN_DTYPES_FLOATING, .samples = bag_samples, .reference = bag_reference, \
  .errors = bag_errors, .ulps = 4

const tn_op_spec tn_spec__embedding_bag = {.op = "_embedding_bag", BAGS};
const tn_op_spec tn_spec_embedding_bag = {.op = "embedding_bag", BAGS};
