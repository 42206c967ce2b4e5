// SPDX-License-Identifier: Apache-2.0
//
// searchsorted: where values belong in what is sorted: how many elements are below the value, or
// not above it, counted one by one. NaN is greater than everything.

#include "reference.h"

static bool is_below(double a, double b) { return isnan(b) ? !isnan(a) : a < b; }

// Where the operands and options of an operator stand.
typedef struct search {
  int32_t sequence_at, values_at, right_at, side_at, int32_at;
} search;

// ---- samples -----------------------------------------------------------------------------------

typedef struct geometry {
  const char *name;
  uint32_t flags;
  int32_t sequence_ndim, self_ndim;
  int64_t sequence[3], self[3];
} geometry;

static const geometry geometries[] = {
    {"one sequence", 0, 1, 2, {9}, {3, 5}},
    {"a sequence for each row", 0, 2, 2, {3, 6}, {3, 4}},
    {"a sequence for each row of two dimensions", 0, 3, 3, {2, 3, 5}, {2, 3, 4}},
    {"0-dim value", 0, 1, 0, {5}, {0}},
    {"one element", 0, 1, 1, {1}, {6}},
    {"no elements", 0, 1, 1, {0}, {6}},
    {"no values", 0, 1, 2, {4}, {3, 0}},
    {"no rows", 0, 2, 2, {0, 4}, {0, 3}},
    {"large", TN_SAMPLE_LARGE, 1, 1, {1000}, {70001}},
    {"large, by rows", TN_SAMPLE_LARGE, 2, 2, {70, 33}, {70, 1031}},
};
enum { GEOMETRY_COUNT = sizeof geometries / sizeof geometries[0] };

// Ascending values with steps of 0, 1 and 2 from |low| on, along the last dimension.
static void add_sequence(tn_sample *sample, tn_ints shape, tn_dtype dtype, double low) {
  enum { MOST = 70 * 33 };
  double values[MOST];
  const int64_t width = shape.data[shape.count - 1];
  int64_t numel = 1;
  for (int64_t d = 0; d < shape.count; d++) numel *= shape.data[d];
  for (int64_t i = 0; i < numel; i++) {
    const int64_t at = i % width;
    values[i] = low + (double)(at * 3 / 4 + (i / width) % 2);
    if (dtype == TN_BOOL) values[i] = at * 2 >= width;
    if (tn_dtype_size(dtype) == 1 && values[i] > 100) values[i] = 100;
  }
  tn_sample_values(sample, shape, dtype, values);
}

static void add_operands(tn_sample *sample, const geometry *g, tn_dtype dtype, bool values_first) {
  const double low = tn_dtype_in(dtype, TN_DTYPES_UNSIGNED) ? 0 : -4;
  const tn_ints sequence = tn_ints_of(g->sequence, g->sequence_ndim);
  if (!values_first) add_sequence(sample, sequence, dtype, low);
  tn_sample_tensor(sample, tn_ints_of(g->self, g->self_ndim), dtype, low - 1, low + 12);
  if (values_first) add_sequence(sample, sequence, dtype, low);
}

static bool is_served(const search *row, const geometry *g) {
  return row->side_at > 0 || g->sequence_ndim == 1;  // bucketize has one sequence
}

static void search_samples(tn_samples *samples) {
  static const double sequence[] = {-INFINITY, -1, 0, 2, INFINITY, NAN, NAN};
  static const double values[] = {NAN, INFINITY, -0.0, 1, -INFINITY, -2, 3};
  const search *row = tn_samples_spec(samples)->data;
  const tn_dtype dtype = tn_samples_dtype(samples);
  const bool values_first = row->values_at == 0;
  for (int32_t i = 0; i < 2 * GEOMETRY_COUNT; i++) {
    const geometry *g = &geometries[i / 2];
    if (!is_served(row, g)) continue;
    tn_sample *sample = tn_sample_add(samples, g->name, g->flags | TN_SAMPLE_NO_EXPAND);
    add_operands(sample, g, dtype, values_first);
    tn_sample_bool(sample, i % 4 == 1);
    tn_sample_bool(sample, i % 2 == 1);
  }
  for (int32_t right = 0; right < 2 && tn_dtype_is_floating(dtype); right++) {
    tn_sample *sample = tn_sample_add(samples, "special values", TN_SAMPLE_NO_EXPAND);
    if (values_first) tn_sample_values(sample, TN_SHAPE(7, 1), dtype, values);
    tn_sample_values(sample, TN_SHAPE(7), dtype, sequence);
    if (!values_first) tn_sample_values(sample, TN_SHAPE(7, 1), dtype, values);
    tn_sample_bool(sample, false);
    tn_sample_bool(sample, right == 1);
  }
  if (tn_dtype_is_floating(dtype)) {
    tn_sample *sample = tn_sample_add(samples, "integers among floats", TN_SAMPLE_NO_EXPAND);
    if (values_first) tn_sample_tensor(sample, TN_SHAPE(4), dtype, -5, 8);
    add_sequence(sample, TN_SHAPE(9), TN_I32, -4);
    if (!values_first) tn_sample_tensor(sample, TN_SHAPE(4), dtype, -5, 8);
  }
}

static void searchsorted_samples(tn_samples *samples) {
  static const double shuffled[] = {6, 1, 4, 1, 9}, order[] = {1, 3, 2, 0, 4};
  search_samples(samples);
  for (int32_t i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_add(samples, "side and sorter", TN_SAMPLE_NO_EXPAND);
    if (tn_samples_dtype(samples) == TN_BOOL) {
      add_sequence(sample, TN_SHAPE(5), TN_BOOL, 0);
    } else {
      tn_sample_values(sample, TN_SHAPE(5), tn_samples_dtype(samples), shuffled);
    }
    tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 10);
    tn_sample_bool(sample, false);
    tn_sample_bool(sample, i == 2);
    tn_sample_string(sample, i == 0 ? "left" : "right");
    if (tn_samples_dtype(samples) == TN_BOOL) continue;
    // Never of the sequence's dtype: the kit would give one tensor for both.
    const bool narrow =
        i == 1 ? tn_samples_dtype(samples) != TN_I32 : tn_samples_dtype(samples) == TN_I64;
    tn_sample_values(sample, TN_SHAPE(5), narrow ? TN_I32 : TN_I64, order);
  }
}

// ---- reference ---------------------------------------------------------------------------------

static void search_reference(const tn_sample *sample, tn_expected *expected) {
  const search *row = sample->spec->data;
  const tn_operand *sequence = tn_sample_tensor_at(sample, row->sequence_at);
  const tn_operand *values = tn_sample_tensor_at(sample, row->values_at);
  const tn_operand *sorter = row->side_at > 0 ? tn_sample_tensor_at(sample, 5) : NULL;
  bool right = tn_sample_bool_at(sample, row->right_at, false);
  if (row->side_at > 0 && tn_sample_is_given(sample, row->side_at)) {
    right = strcmp(tn_sample_string_at(sample, row->side_at, "left"), "right") == 0;
  }
  tn_dtype dtype = tn_sample_bool_at(sample, row->int32_at, false) ? TN_I32 : TN_I64;
  double *out = reference_like(expected, values, dtype);
  int64_t length = sequence->sizes[sequence->ndim - 1];
  for (int64_t i = 0; i < values->numel && out != NULL; i++) {
    int64_t line = 0;
    if (sequence->ndim > 1) line = i / values->sizes[values->ndim - 1] * length;
    for (int64_t j = 0; j < length; j++) {
      int64_t at = sorter == NULL ? j : (int64_t)sorter->values[line + j];
      double element = sequence->values[line + at], value = values->values[i];
      out[i] += right ? !is_below(value, element) : is_below(element, value);
    }
  }
}

// ---- calls that must fail ----------------------------------------------------------------------

static tn_sample *failing(tn_samples *samples, const char *name, tn_status status,
                          const char *argument, tn_ints sequence, tn_ints self) {
  tn_sample *sample = tn_sample_failing(samples, name, status, argument);
  tn_sample_tensor(sample, sequence, tn_samples_dtype(samples), 0, 1);
  tn_sample_tensor(sample, self, tn_samples_dtype(samples), 0, 1);
  return sample;
}

static void add_side(tn_sample *sample, bool right, const char *side) {
  tn_sample_bool(sample, false);
  tn_sample_bool(sample, right);
  if (side == NULL) {
    tn_sample_none(sample);
  } else {
    tn_sample_string(sample, side);
  }
}

static void searchsorted_errors(tn_samples *samples) {
  static const double bad[] = {0, 3, 1}, negative[] = {0, -1, 1};
  (void)failing(samples, "0-dim sequence", TN_INVALID_ARGUMENT, "sorted_sequence", TN_SHAPE_SCALAR,
                TN_SHAPE(2));
  (void)failing(samples, "rows", TN_INVALID_ARGUMENT, "sorted_sequence", TN_SHAPE(2, 3),
                TN_SHAPE(3, 3));
  (void)failing(samples, "ranks", TN_INVALID_ARGUMENT, "sorted_sequence", TN_SHAPE(2, 3),
                TN_SHAPE(3));
  tn_sample *sample =
      failing(samples, "side", TN_INVALID_ARGUMENT, "side", TN_SHAPE(3), TN_SHAPE(2));
  add_side(sample, false, "middle");
  sample = failing(samples, "sides", TN_INVALID_ARGUMENT, "side", TN_SHAPE(3), TN_SHAPE(2));
  add_side(sample, true, "left");
  for (int32_t i = 0; i < 4; i++) {
    sample = failing(samples, "sorter",
                     i < 2    ? TN_OUT_OF_RANGE
                     : i == 2 ? TN_INVALID_ARGUMENT
                              : TN_INVALID_DTYPE,
                     i < 2 ? NULL : "sorter", TN_SHAPE(3), TN_SHAPE(2));
    add_side(sample, false, NULL);
    tn_sample_values(sample, i == 2 ? TN_SHAPE(2) : TN_SHAPE(3), i == 3 ? TN_F32 : TN_I64,
                     i == 1 ? negative : bad);
  }
}

static void bucketize_errors(tn_samples *samples) {
  (void)failing(samples, "0-dim boundaries", TN_INVALID_ARGUMENT, "boundaries", TN_SHAPE(2),
                TN_SHAPE_SCALAR);
  (void)failing(samples, "2-dim boundaries", TN_INVALID_ARGUMENT, "boundaries", TN_SHAPE(2, 3),
                TN_SHAPE(2, 3));
}

#define SORTED_WHY "bisection says nothing of a sequence that is not sorted"

const tn_op_spec tn_spec_searchsorted_Tensor = {
    .op = "searchsorted.Tensor",
    .dtypes = TN_DTYPES_REAL,
    .finite = 1u << 0,
    .why = SORTED_WHY,
    .samples = searchsorted_samples,
    .reference = search_reference,
    .errors = searchsorted_errors,
    .data = &(const search){
        .sequence_at = 0, .values_at = 1, .int32_at = 2, .right_at = 3, .side_at = 4}};

const tn_op_spec tn_spec_bucketize_Tensor = {
    .op = "bucketize.Tensor",
    .dtypes = TN_DTYPES_REAL,
    .finite = 1u << 1,
    .why = SORTED_WHY,
    .samples = search_samples,
    .reference = search_reference,
    .errors = bucketize_errors,
    .data = &(const search){.values_at = 0, .sequence_at = 1, .int32_at = 2, .right_at = 3}};

// ---- one number --------------------------------------------------------------------------------

static void scalar_samples(tn_samples *samples) {
  for (int32_t i = 0; i < 6; i++) {
    tn_sample *sample = tn_sample_add(samples, "a number", TN_SAMPLE_NO_EXPAND);
    add_sequence(sample, TN_SHAPE(9), tn_samples_dtype(samples), 0);
    tn_sample_scalar(sample, i < 4 ? tn_scalar_int(i) : tn_scalar_int(i == 4 ? 100 : 0));
    tn_sample_bool(sample, i == 3);
    tn_sample_bool(sample, i % 2 == 1);
  }
  if (tn_samples_dtype(samples) != TN_I32 && tn_samples_dtype(samples) != TN_F32) return;
  tn_sample *sample = tn_sample_add(samples, "between", TN_SAMPLE_NO_EXPAND);
  add_sequence(sample, TN_SHAPE(9), tn_samples_dtype(samples), 0);
  tn_sample_scalar(sample, tn_scalar_float(2.5));
}

static void scalar_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *sequence = &sample->operands[0];
  const double value = tn_sample_number_at(sample, 1, 0);
  const bool right = tn_sample_bool_at(sample, 3, false);
  double *out = tn_expect(expected, tn_sample_bool_at(sample, 2, false) ? TN_I32 : TN_I64, 0, NULL);
  for (int64_t i = 0; i < sequence->numel && out != NULL; i++) {
    const double element = sequence->values[i];
    out[0] += right ? !is_below(value, element) : is_below(element, value);
  }
}

static void scalar_errors(tn_samples *samples) {
  tn_sample *sample =
      tn_sample_failing(samples, "2-dim sequence", TN_INVALID_ARGUMENT, "sorted_sequence");
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
  tn_sample_scalar(sample, tn_scalar_int(1));
}

const tn_op_spec tn_spec_searchsorted_Scalar = {.op = "searchsorted.Scalar",
                                                .dtypes = TN_DTYPES_REAL,
                                                .finite = 1u << 0,
                                                .why = SORTED_WHY,
                                                .samples = scalar_samples,
                                                .reference = scalar_reference,
                                                .errors = scalar_errors};
