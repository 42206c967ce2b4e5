// SPDX-License-Identifier: Apache-2.0
//
// sets: tensors as sets. The reference looks for equal elements by comparing each with all, or with
// its neighbour for unique_consecutive: -0 is 0 and every NaN is an element of its own.

#include <stdlib.h>

#include "reference.h"

// ---- what is unique ----------------------------------------------------------------------------

enum { VALUES = 1, INDICES = 2, INVERSE = 4, COUNTS = 8 };

// Which results an operator has, in this order; WISHED ones are empty unless asked for by the
// argument at |inverse_at| or |counts_at|.
typedef struct uniqueness {
  uint32_t results;
  int32_t inverse_at, counts_at, dim_at;
} uniqueness;

static void add_options(tn_sample *sample, const uniqueness *row, uint32_t wishes) {
  if (row->inverse_at == 2) tn_sample_bool(sample, true);  // sorted
  if (row->inverse_at > 0) tn_sample_bool(sample, (wishes & INVERSE) != 0);
  if (row->counts_at > 0) tn_sample_bool(sample, (wishes & COUNTS) != 0);
}

static void unique_samples(tn_samples *samples) {
  static const double specials[] = {NAN,       1,        -0.0, 0,    INFINITY, NAN,
                                    -INFINITY, INFINITY, 0,    -0.0, 2,        2};
  const uniqueness *row = tn_samples_spec(samples)->data;
  const tn_dtype dtype = tn_samples_dtype(samples);
  const tn_ints shapes[] = {TN_SHAPE(3, 7), TN_SHAPE(29), TN_SHAPE_SCALAR,
                            TN_SHAPE(0, 3), TN_SHAPE(1),  TN_SHAPE(70)};
  for (uint32_t i = 0; i < 6; i++) {
    tn_sample *sample = tn_sample_add(samples, "shapes", TN_SAMPLE_NO_GRAD);
    tn_sample_tensor(sample, shapes[i], dtype, -4, 4);
    add_options(sample, row, i % 2 == 0 ? INVERSE | COUNTS : i == 1 ? INVERSE : COUNTS);
  }
  tn_sample *sample = tn_sample_add(samples, "neither", TN_SAMPLE_NO_GRAD);
  tn_sample_tensor(sample, TN_SHAPE(3, 7), dtype, -4, 4);
  sample = tn_sample_add(samples, "all different", 0);
  tn_sample_distinct(sample, TN_SHAPE(2, 4), dtype, 0, dtype == TN_BOOL ? 0 : 1);
  add_options(sample, row, INVERSE | COUNTS);
  sample = tn_sample_add(samples, "large", TN_SAMPLE_LARGE);
  tn_sample_tensor(sample, TN_SHAPE(70, 331), dtype, -4, 4);
  add_options(sample, row, INVERSE | COUNTS);
  if (!tn_dtype_is_floating(dtype)) return;
  sample = tn_sample_add(samples, "special values", TN_SAMPLE_NO_GRAD);
  tn_sample_values(sample, TN_SHAPE(12), dtype, specials);
  add_options(sample, row, INVERSE | COUNTS);
}

typedef struct place {
  double value;
  int64_t at;
} place;

static int compare_places(const void *a, const void *b) {
  const place *x = a, *y = b;
  if (isnan(x->value) != isnan(y->value)) return isnan(x->value) - isnan(y->value);
  if (x->value < y->value || x->value > y->value) return x->value < y->value ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

static bool is_wished(const tn_sample *sample, int32_t at) {
  return at == 0 || tn_sample_bool_at(sample, at, false);
}

// The results for |places|, which are in order; |sizes| are those of the inverse.
static void expect_runs(const tn_sample *sample, const place *places, int64_t count, int32_t ndim,
                        const int64_t *sizes, tn_expected *expected) {
  const uniqueness *row = sample->spec->data;
  const int64_t none = 0;
  const bool inverse = is_wished(sample, row->inverse_at);
  const bool counts = is_wished(sample, row->counts_at);
  int64_t runs = 0;
  for (int64_t i = 0; i < count; i++) runs += i == 0 || !(places[i].value == places[i - 1].value);
  double *out[4] = {NULL, NULL, NULL, NULL};
  out[0] = tn_expect(expected, sample->operands[0].dtype, 1, &runs);
  if (row->results & INDICES) out[1] = tn_expect(expected, TN_I64, 1, &runs);
  if (row->results & INVERSE) {
    out[2] = tn_expect(expected, TN_I64, inverse ? ndim : 1, inverse ? sizes : &none);
  }
  if (row->results & COUNTS) out[3] = tn_expect(expected, TN_I64, 1, counts ? &runs : &none);
  int64_t run = -1;
  for (int64_t i = 0; i < count; i++) {
    const bool first = i == 0 || !(places[i].value == places[i - 1].value);
    run += first;
    if (first && out[0] != NULL) out[0][run] = places[i].value;
    if (first && out[1] != NULL) out[1][run] = (double)places[i].at;
    if (inverse && out[2] != NULL) out[2][places[i].at] = (double)run;
    if (counts && out[3] != NULL) out[3][run]++;
  }
}

static void unique_reference(const tn_sample *sample, tn_expected *expected) {
  const uniqueness *row = sample->spec->data;
  const tn_operand *self = &sample->operands[0];
  place *places = malloc(sizeof *places * (size_t)self->numel + 1);
  if (places == NULL) return;
  for (int64_t i = 0; i < self->numel; i++) places[i] = (place){self->values[i], i};
  if (row->dim_at == 0) qsort(places, (size_t)self->numel, sizeof *places, compare_places);
  expect_runs(sample, places, self->numel, self->ndim, self->sizes, expected);
  free(places);
}

#define UNIQUE .dtypes = TN_DTYPES_REAL, .samples = unique_samples, .reference = unique_reference

const tn_op_spec tn_spec__unique2 = {
    .op = "_unique2",
    UNIQUE,
    .data =
        &(const uniqueness){.results = VALUES | INVERSE | COUNTS, .inverse_at = 2, .counts_at = 3}};

const tn_op_spec tn_spec_unique_all = {
    .op = "unique_all",
    UNIQUE,
    .data = &(const uniqueness){.results = VALUES | INDICES | INVERSE | COUNTS}};

const tn_op_spec tn_spec_unique_counts = {
    .op = "unique_counts", UNIQUE, .data = &(const uniqueness){.results = VALUES | COUNTS}};

const tn_op_spec tn_spec_unique_inverse = {
    .op = "unique_inverse", UNIQUE, .data = &(const uniqueness){.results = VALUES | INVERSE}};

const tn_op_spec tn_spec_unique_values = {
    .op = "unique_values", UNIQUE, .data = &(const uniqueness){.results = VALUES}};

// ---- what differs from what stands before it ---------------------------------------------------

static void consecutive_samples(tn_samples *samples) {
  static const double rows[] = {1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 1};
  unique_samples(samples);
  for (int32_t i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "slices", TN_SAMPLE_NO_GRAD);
    tn_sample_values(sample, i == 3 ? TN_SHAPE(5, 0) : TN_SHAPE(5, 3), tn_samples_dtype(samples),
                     rows);
    tn_sample_bool(sample, i != 1);
    tn_sample_bool(sample, i != 2);
    tn_sample_int(sample, i == 0 ? 1 : i == 1 ? -2 : i == 2 ? -1 : 0);
  }
}

// Whether slices |a| and |b| along |dim| have equal elements.
static bool same_slices(const tn_operand *self, int32_t dim, int64_t a, int64_t b) {
  int64_t at[TN_SPEC_MAX_DIMS];
  for (int64_t p = 0; p < self->numel; p++) {
    tn_reference_unravel(p, self->ndim, self->sizes, at);
    if (at[dim] != a) continue;
    at[dim] = b;
    if (!(self->values[p] == self->values[tn_reference_ravel(self->ndim, self->sizes, at)])) {
      return false;
    }
  }
  return true;
}

static void consecutive_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  if (!tn_sample_is_given(sample, 3)) {
    unique_reference(sample, expected);
    return;
  }
  const int32_t dim = reference_dim(tn_sample_int_at(sample, 3, 0), self->ndim);
  const int64_t length = self->sizes[dim], none = 0;
  const bool inverse = is_wished(sample, 1), counts = is_wished(sample, 2);
  int64_t starts[8], runs = 0, sizes[TN_SPEC_MAX_DIMS], at[TN_SPEC_MAX_DIMS];
  for (int64_t i = 0; i < length; i++) {
    if (i == 0 || !same_slices(self, dim, i - 1, i)) starts[runs++] = i;
  }
  memcpy(sizes, self->sizes, sizeof sizes);
  sizes[dim] = runs;
  double *out = tn_expect(expected, self->dtype, self->ndim, sizes);
  for (int64_t p = 0; out != NULL && p < tn_reference_numel(self->ndim, sizes); p++) {
    tn_reference_unravel(p, self->ndim, sizes, at);
    at[dim] = starts[at[dim]];
    out[p] = self->values[tn_reference_ravel(self->ndim, self->sizes, at)];
  }
  double *places = tn_expect(expected, TN_I64, 1, inverse ? &length : &none);
  double *lengths = tn_expect(expected, TN_I64, 1, counts ? &runs : &none);
  for (int64_t i = 0, run = -1; i < length && places != NULL && lengths != NULL; i++) {
    if (run + 1 < runs && starts[run + 1] == i) run++;
    if (inverse) places[i] = (double)run;
    if (counts) lengths[run]++;
  }
}

static void consecutive_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "dim", TN_OUT_OF_RANGE, "dim");
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
  tn_sample_bool(sample, false);
  tn_sample_bool(sample, false);
  tn_sample_int(sample, 2);
}

const tn_op_spec tn_spec_unique_consecutive = {
    .op = "unique_consecutive",
    .dtypes = TN_DTYPES_REAL,
    .samples = consecutive_samples,
    .reference = consecutive_reference,
    .errors = consecutive_errors,
    .data = &(const uniqueness){
        .results = VALUES | INVERSE | COUNTS, .inverse_at = 1, .counts_at = 2, .dim_at = 3}};

// ---- membership --------------------------------------------------------------------------------

static void isin_samples(tn_samples *samples) {
  static const double specials[] = {NAN, 1, -0.0, INFINITY, NAN, 2, -INFINITY};
  const tn_dtype dtype = tn_samples_dtype(samples);
  const tn_ints elements[] = {TN_SHAPE(3, 5), TN_SHAPE(7), TN_SHAPE_SCALAR, TN_SHAPE(0),
                              TN_SHAPE(4)};
  const tn_ints tests[] = {TN_SHAPE(4), TN_SHAPE(2, 3), TN_SHAPE(3), TN_SHAPE(3), TN_SHAPE(0)};
  for (int32_t i = 0; i < 10; i++) {
    tn_sample *sample = tn_sample_add(samples, i < 5 ? "is in" : "is not in", 0);
    tn_sample_tensor(sample, elements[i % 5], dtype, -8, 8);
    tn_sample_tensor(sample, tests[i % 5], dtype, -8, 8);
    if (i < 5) continue;
    tn_sample_bool(sample, false);
    tn_sample_bool(sample, true);
  }
  tn_sample *sample = tn_sample_add(samples, "large", TN_SAMPLE_LARGE);
  tn_sample_tensor(sample, TN_SHAPE(60000), dtype, -500, 500);
  tn_sample_tensor(sample, TN_SHAPE(501), dtype, -500, 500);
  if (!tn_dtype_is_floating(dtype)) return;
  sample = tn_sample_add(samples, "special values", 0);
  tn_sample_values(sample, TN_SHAPE(7), dtype, specials);
  tn_sample_values(sample, TN_SHAPE(5), dtype, specials + 2);
  sample = tn_sample_add(samples, "integers among floats", 0);
  tn_sample_tensor(sample, TN_SHAPE(9), dtype, -4, 4);
  tn_sample_tensor(sample, TN_SHAPE(5), TN_I32, -4, 4);
}

static void isin_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *elements = &sample->operands[0], *test = &sample->operands[1];
  const bool invert = tn_sample_bool_at(sample, 3, false);
  double *out = reference_like(expected, elements, TN_BOOL);
  for (int64_t i = 0; i < elements->numel && out != NULL; i++) {
    bool found = false;
    for (int64_t j = 0; j < test->numel; j++) found |= elements->values[i] == test->values[j];
    out[i] = found != invert;
  }
}

const tn_op_spec tn_spec_isin_Tensor_Tensor = {.op = "isin.Tensor_Tensor",
                                               .dtypes = TN_DTYPES_REAL,
                                               .samples = isin_samples,
                                               .reference = isin_reference};

// |first|: the number stands before the tensor.
static void number_samples(tn_samples *samples, bool first) {
  const tn_ints shapes[] = {TN_SHAPE(3, 5), TN_SHAPE_SCALAR, TN_SHAPE(0), TN_SHAPE(9)};
  for (int32_t i = 0; i < 8; i++) {
    tn_sample *sample = tn_sample_add(samples, "a number", 0);
    if (first) tn_sample_scalar(sample, tn_scalar_int(i / 4));
    tn_sample_tensor(sample, shapes[i % 4], tn_samples_dtype(samples), 0, 3);
    if (!first) tn_sample_scalar(sample, tn_scalar_int(i / 4));
    if (i % 2 == 0) continue;
    tn_sample_bool(sample, true);
    tn_sample_bool(sample, i > 4);
  }
}
static void number_last_samples(tn_samples *samples) { number_samples(samples, false); }
static void number_first_samples(tn_samples *samples) { number_samples(samples, true); }

static void number_last_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *elements = &sample->operands[0];
  const double number = tn_sample_number_at(sample, 1, 0);
  const bool invert = tn_sample_bool_at(sample, 3, false);
  double *out = reference_like(expected, elements, TN_BOOL);
  for (int64_t i = 0; i < elements->numel && out != NULL; i++) {
    out[i] = (elements->values[i] == number) != invert;
  }
}

static void number_first_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *test = &sample->operands[0];
  const double number = tn_sample_number_at(sample, 0, 0);
  const bool invert = tn_sample_bool_at(sample, 3, false);
  bool found = false;
  double *out = tn_expect(expected, TN_BOOL, 0, NULL);
  for (int64_t i = 0; i < test->numel; i++) found |= test->values[i] == number;
  if (out != NULL) out[0] = found != invert;
}

const tn_op_spec tn_spec_isin_Tensor_Scalar = {.op = "isin.Tensor_Scalar",
                                               .dtypes = TN_DTYPES_REAL,
                                               .samples = number_last_samples,
                                               .reference = number_last_reference};

const tn_op_spec tn_spec_isin_Scalar_Tensor = {.op = "isin.Scalar_Tensor",
                                               .dtypes = TN_DTYPES_REAL,
                                               .samples = number_first_samples,
                                               .reference = number_first_reference};
