// SPDX-License-Identifier: Apache-2.0
//
// attention: scaled_dot_product_attention, and what it must give to a query that sees nothing.

#include <stdlib.h>

#include "reference.h"

// query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa
enum { NO_MASK, BOOL_MASK, FLOAT_MASK };

typedef struct attention_row {
  const char *name;
  uint32_t flags;
  int32_t ndim;
  int64_t heads[2], lengths[2], features, values;  // heads: before the last two; of query and key
  int mask;
  bool causal, grouped;
  double scale;  // 0: absent
} attention_row;

static const attention_row rows[] = {
    {"plain", 0, 3, {2, 2}, {2, 3}, 2, 2, NO_MASK, false, false, 0},
    {"no batch", 0, 2, {1, 1}, {3, 4}, 3, 2, NO_MASK, false, false, 0},
    {"causal", 0, 3, {1, 1}, {3, 4}, 2, 3, NO_MASK, true, false, 0},
    {"more queries than keys", 0, 3, {1, 1}, {4, 2}, 2, 2, NO_MASK, true, false, 0},
    {"bool mask", 0, 3, {2, 2}, {3, 3}, 2, 2, BOOL_MASK, false, false, 0},
    {"float mask", 0, 3, {1, 1}, {3, 4}, 2, 2, FLOAT_MASK, false, false, 0},
    {"scale", 0, 3, {1, 1}, {2, 3}, 3, 2, NO_MASK, false, false, 0.25},
    {"grouped heads", 0, 3, {4, 2}, {2, 2}, 2, 2, NO_MASK, false, true, 0},
    {"no queries", TN_SAMPLE_NO_GRAD, 3, {2, 2}, {0, 3}, 2, 2, NO_MASK, false, false, 0},
    {"large", TN_SAMPLE_LARGE, 3, {8, 8}, {60, 70}, 32, 24, NO_MASK, true, false, 0},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

// Row 1 of the mask sees nothing.
static void add_mask(tn_sample *sample, const attention_row *r, tn_dtype dtype) {
  double values[64];
  tn_ints shape = TN_SHAPE(r->lengths[0], r->lengths[1]);
  for (int64_t i = 0; r->mask == BOOL_MASK && i < r->lengths[0] * r->lengths[1]; i++) {
    values[i] = i / r->lengths[1] != 1 && i % 3 != 1;
  }
  if (r->mask == NO_MASK) tn_sample_none(sample);
  if (r->mask == BOOL_MASK) tn_sample_values(sample, shape, TN_BOOL, values);
  if (r->mask == FLOAT_MASK) tn_sample_tensor(sample, shape, dtype, -2, 2);
}

static void attention_samples(tn_samples *samples) {
  for (int i = 0; i < ROW_COUNT; i++) {
    const attention_row *r = &rows[i];
    tn_dtype dtype = tn_samples_dtype(samples);
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    const int64_t query[] = {r->heads[0], r->lengths[0], r->features};
    const int64_t key[] = {r->heads[1], r->lengths[1], r->features};
    const int64_t value[] = {r->heads[1], r->lengths[1], r->values};
    const int64_t *shapes[] = {query, key, value};
    for (int k = 0; k < 3; k++) {
      tn_sample_tensor(sample, tn_ints_of(shapes[k] + 3 - r->ndim, r->ndim), dtype, -2, 2);
    }
    add_mask(sample, r, dtype);
    tn_sample_float(sample, 0);
    tn_sample_bool(sample, r->causal);
    if (r->scale == 0) tn_sample_none(sample);
    if (r->scale != 0) tn_sample_float(sample, r->scale);
    tn_sample_bool(sample, r->grouped);
  }
}

// The probabilities of query |i| of head |h|; none where it sees nothing.
static void find_weights(const tn_sample *sample, int64_t h, int64_t i, double *weights) {
  const tn_operand *query = &sample->operands[0], *key = &sample->operands[1];
  const tn_operand *mask = tn_sample_tensor_at(sample, 3);
  int64_t length = key->sizes[key->ndim - 2], features = key->sizes[key->ndim - 1];
  int64_t queries = query->sizes[query->ndim - 2];
  int64_t heads = query->ndim == 3 ? query->sizes[0] : 1, own = key->ndim == 3 ? key->sizes[0] : 1;
  double scale = tn_sample_number_at(sample, 6, 1 / sqrt((double)features)), top = -INFINITY;
  double total = 0;
  for (int64_t j = 0; j < length; j++) {
    double score = 0;
    for (int64_t k = 0; k < features; k++) {
      score += query->values[(h * queries + i) * features + k] *
               key->values[(h / (heads / own) * length + j) * features + k];
    }
    weights[j] = score * scale;
    if (tn_sample_bool_at(sample, 5, false) && j > i) weights[j] = -INFINITY;
    if (mask != NULL && mask->dtype != TN_BOOL) weights[j] += mask->values[i * length + j];
    if (mask != NULL && mask->dtype == TN_BOOL && mask->values[i * length + j] == 0) {
      weights[j] = -INFINITY;
    }
    top = fmax(top, weights[j]);
  }
  for (int64_t j = 0; j < length; j++) {
    weights[j] = isinf(top) ? 0 : exp(weights[j] - top);
    total += weights[j];
  }
  for (int64_t j = 0; j < length && total > 0; j++) weights[j] /= total;
}

static void attention_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *query = &sample->operands[0], *value = &sample->operands[2];
  int64_t length = value->sizes[value->ndim - 2], columns = value->sizes[value->ndim - 1];
  int64_t queries = query->sizes[query->ndim - 2], heads = query->ndim == 3 ? query->sizes[0] : 1;
  int64_t own = value->ndim == 3 ? value->sizes[0] : 1, sizes[3];
  memcpy(sizes, query->sizes, sizeof sizes);
  sizes[query->ndim - 1] = columns;
  double *out = tn_expect(expected, query->dtype, query->ndim, sizes);
  double *scales = tn_expect_scales(expected);
  double *weights = malloc(sizeof *weights * (size_t)(length + 1));
  for (int64_t p = 0; weights != NULL && out != NULL && p < heads * queries; p++) {
    int64_t h = p / queries;
    find_weights(sample, h, p % queries, weights);
    for (int64_t j = 0; scales != NULL && j < length; j++) {
      for (int64_t k = 0; k < columns; k++) {
        double term = weights[j] * value->values[(h / (heads / own) * length + j) * columns + k];
        out[p * columns + k] += term;
        // A score of about 10 keeps its last digits in single units of that size.
        scales[p * columns + k] += 4 * fabs(term);
      }
    }
  }
  free(weights);
}

static void attention_errors(tn_samples *samples) {
  static const char *const names[] = {"rank",   "features",     "lengths", "mask and causal",
                                      "dtypes", "mask's dtype", "heads"};
  static const char *const arguments[] = {"query", "key",       "value", "attn_mask",
                                          "key",   "attn_mask", "key"};
  tn_dtype dtype = tn_samples_dtype(samples), other = dtype == TN_F32 ? TN_F64 : TN_F32;
  for (int i = 0; i < 7; i++) {
    tn_status status = i == 4 || i == 5 ? TN_INVALID_DTYPE : TN_INVALID_ARGUMENT;
    tn_sample *sample = tn_sample_failing(samples, names[i], status, arguments[i]);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(4) : TN_SHAPE(3, 2, 4), dtype, 0, 1);
    tn_ints key = i == 1 ? TN_SHAPE(3, 3, 5) : i == 6 ? TN_SHAPE(2, 3, 4) : TN_SHAPE(3, 3, 4);
    tn_sample_tensor(sample, key, i == 4 ? other : dtype, 0, 1);
    tn_sample_tensor(sample, i == 2 ? TN_SHAPE(3, 2, 4) : TN_SHAPE(3, 3, 4), dtype, 0, 1);
    if (i == 3 || i == 5) {
      tn_sample_tensor(sample, TN_SHAPE(2, 3), i == 5 ? TN_I64 : TN_BOOL, 0, 1);
    } else {
      tn_sample_none(sample);
    }
    tn_sample_float(sample, 0);
    tn_sample_bool(sample, i == 3);
    tn_sample_none(sample);
    tn_sample_bool(sample, i == 6);
  }
}

const tn_op_spec tn_spec_scaled_dot_product_attention = {
    .op = "scaled_dot_product_attention",
    .dtypes = TN_DTYPES_FLOATING,
    .samples = attention_samples,
    .reference = attention_reference,
    .errors = attention_errors,
    .ulps = 4,
    .half_ulps = 16,
    .finite = 7,
    .why =
        "in half precision scores, probabilities and products each round; an infinite or NaN "
        "score spreads over its row in ways that depend on the order of the sums"};
