// SPDX-License-Identifier: Apache-2.0
//
// index: picking and placing by several index tensors at once. The reference turns masks into
// indices, broadcasts them, wraps negative ones around and walks through what they name. Absent
// indices, which leave a dimension whole, are left to the library's own tests.

#include "reference.h"

#define MOVES .dtypes = TN_DTYPES_ALL, .flags = TN_SPEC_COMPLEX_PARTS
enum { MOST = 64 };  // elements of an index

// The indices of a sample, broadcast to one shape.
typedef struct named_elements {
  int32_t count, ndim;
  int64_t sizes[TN_SPEC_MAX_DIMS], numel;
  int64_t at[TN_SPEC_MAX_DIMS][MOST];
} named_elements;

typedef struct index_parts {
  int32_t count;
  tn_operand operands[TN_SPEC_MAX_DIMS];
  double values[TN_SPEC_MAX_DIMS][MOST];
} index_parts;

static void add_part(index_parts *parts, const tn_operand *index) {
  tn_operand *part = &parts->operands[parts->count];
  *part = *index;
  part->values = parts->values[parts->count++];
  for (int64_t i = 0; i < index->numel; i++) part->values[i] = index->values[i];
}

static void add_mask(index_parts *parts, const tn_operand *mask) {
  int64_t found = 0, place[TN_SPEC_MAX_DIMS];
  for (int64_t p = 0; p < mask->numel; p++) {
    if (mask->values[p] == 0) continue;
    tn_reference_unravel(p, mask->ndim, mask->sizes, place);
    for (int32_t d = 0; d < mask->ndim; d++) {
      parts->values[parts->count + d][found] = (double)place[d];
    }
    found++;
  }
  for (int32_t d = 0; d < mask->ndim; d++) {
    tn_operand *part = &parts->operands[parts->count];
    *part = (tn_operand){.dtype = TN_I64, .ndim = 1, .sizes = {found}, .numel = found};
    part->values = parts->values[parts->count++];
  }
}

// The operands [first, last) of |sample| as indices into |self|.
static named_elements choose(const tn_sample *sample, int32_t first, int32_t last) {
  const tn_operand *self = &sample->operands[0];
  index_parts listed = {0};
  for (int32_t i = first; i < last; i++) {
    const tn_operand *index = &sample->operands[i];
    bool mask = index->dtype == TN_BOOL || index->dtype == TN_U8;
    if (mask) add_mask(&listed, index);
    if (!mask) add_part(&listed, index);
  }
  named_elements all = {.count = listed.count};
  for (int32_t i = 0; i < listed.count; i++) {
    if (listed.operands[i].ndim > all.ndim) all.ndim = listed.operands[i].ndim;
  }
  for (int32_t d = 0; d < all.ndim; d++) all.sizes[d] = 1;
  for (int32_t i = 0; i < listed.count; i++) {
    const tn_operand *part = &listed.operands[i];
    for (int32_t d = 0; d < part->ndim; d++) {
      int64_t *size = &all.sizes[d + all.ndim - part->ndim];
      if (part->sizes[d] != 1) *size = part->sizes[d];
    }
  }
  all.numel = tn_reference_numel(all.ndim, all.sizes);
  for (int32_t i = 0; i < listed.count; i++) {
    int64_t place[TN_SPEC_MAX_DIMS];
    for (int64_t p = 0; p < all.numel && p < MOST; p++) {
      tn_reference_unravel(p, all.ndim, all.sizes, place);
      int64_t at = (int64_t)tn_reference_broadcast_at(&listed.operands[i], all.ndim, place);
      all.at[i][p] = at < 0 ? at + self->sizes[i] : at;
    }
  }
  return all;
}

// The shape of what is chosen; returns its rank.
static int32_t chosen_shape(const named_elements *chosen, const tn_operand *self, int64_t *sizes) {
  int32_t ndim = chosen->ndim;
  memcpy(sizes, chosen->sizes, sizeof(int64_t) * TN_SPEC_MAX_DIMS);
  for (int32_t d = chosen->count; d < self->ndim; d++) sizes[ndim++] = self->sizes[d];
  return ndim;
}

// Where element |p| of what is chosen lies in self.
static int64_t origin(const named_elements *chosen, const tn_operand *self, int64_t p) {
  int64_t first = 0, run = 1;
  for (int32_t d = chosen->count; d < self->ndim; d++) run *= self->sizes[d];
  for (int32_t i = 0; i < chosen->count; i++) {
    first = first * self->sizes[i] + chosen->at[i][p / run];
  }
  return first * run + p % run;
}

// ---- index -------------------------------------------------------------------------------------

static void index_samples(tn_samples *samples) {
  static const double wrapped[] = {0, -1, 1, -3}, columns[] = {3, -4, 0, 1};
  static const double mask[] = {1, 0, 1, 0, 0, 1};
  const tn_dtype dtypes[] = {TN_I64, TN_I32, TN_I16, TN_I8, TN_U16, TN_U32, TN_U64};
  tn_dtype dtype = tn_samples_dtype(samples);
  for (int i = 0; i < 7; i++) {
    tn_sample *sample = tn_sample_add(samples, "one index", 0);
    tn_sample_tensor(sample, i == 6 ? TN_SHAPE(3) : TN_SHAPE(3, 4), dtype, -8, 8);
    tn_sample_list(sample, 1);
    if (i < 4) tn_sample_values(sample, i % 2 ? TN_SHAPE(2, 2) : TN_SHAPE(4), dtypes[i], wrapped);
    if (i >= 4) tn_sample_tensor(sample, i == 5 ? TN_SHAPE_SCALAR : TN_SHAPE(5), dtypes[i], 0, 2);
  }
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "two indices", 0);
    tn_sample_tensor(sample, i == 3 ? TN_SHAPE(3, 4) : TN_SHAPE(3, 4, 2), dtype, -8, 8);
    tn_sample_list(sample, 2);
    tn_sample_values(sample, i == 1 ? TN_SHAPE(4, 1) : TN_SHAPE(4), TN_I64, wrapped);
    tn_sample_values(sample, i == 2 ? TN_SHAPE_SCALAR : TN_SHAPE(4), TN_I32, columns);
  }
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "mask", TN_SAMPLE_NO_EXPAND);
    tn_sample_tensor(sample, i < 2 ? TN_SHAPE(2, 3, 2) : TN_SHAPE(3, 2), dtype, -8, 8);
    tn_sample_list(sample, i == 3 ? 2 : 1);
    tn_sample_values(sample, i < 2 ? TN_SHAPE(2, 3) : TN_SHAPE(3), i == 1 ? TN_U8 : TN_BOOL, mask);
    if (i == 3) tn_sample_values(sample, TN_SHAPE(2), TN_I64, (const double[]){1, 0});
  }
  tn_sample *sample = tn_sample_add(samples, "nothing is named", 0);
  tn_sample_tensor(sample, TN_SHAPE(3, 4), dtype, -8, 8);
  tn_sample_list(sample, 1);
  tn_sample_tensor(sample, TN_SHAPE(0), TN_I64, 0, 0);
  sample = tn_sample_add(samples, "no elements", 0);
  tn_sample_tensor(sample, TN_SHAPE(3, 0), dtype, -8, 8);
  tn_sample_list(sample, 1);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_I64, 0, 2);
}
static void index_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  const named_elements named = choose(sample, 1, sample->operand_count);
  int64_t sizes[TN_SPEC_MAX_DIMS];
  int32_t ndim = chosen_shape(&named, self, sizes);
  double *out = tn_expect(expected, self->dtype, ndim, sizes);
  for (int64_t p = 0; out != NULL && p < tn_reference_numel(ndim, sizes); p++) {
    out[p] = self->values[origin(&named, self, p)];
  }
}

// Calls that fail whatever is done at the indices; |put| appends values.
static void bad_indices(tn_samples *samples, bool put) {
  static const struct {
    const char *name;
    tn_status status;
    tn_dtype dtype;
    double value;
    int32_t count;
  } cases[] = {
      {"index too high", TN_OUT_OF_RANGE, TN_I64, 3, 1},
      {"index too low", TN_OUT_OF_RANGE, TN_I16, -4, 1},
      {"index beyond int64", TN_OUT_OF_RANGE, TN_U64, 9.3e18, 1},
      {"index is floating", TN_INVALID_DTYPE, TN_F32, 1, 1},
      {"mask of another size", TN_INVALID_ARGUMENT, TN_BOOL, 1, 1},
      {"more indices than dimensions", TN_INVALID_ARGUMENT, TN_I64, 1, 3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const double values[2] = {0, cases[i].value};
    tn_sample *sample = tn_sample_failing(samples, cases[i].name, cases[i].status, NULL);
    tn_sample_tensor(sample, TN_SHAPE(3, 4), tn_samples_dtype(samples), 0, 1);
    tn_sample_list(sample, cases[i].count);
    for (int32_t k = 0; k < cases[i].count; k++) {
      tn_sample_values(sample, TN_SHAPE(2), cases[i].dtype, values);
    }
    if (put) tn_sample_tensor(sample, TN_SHAPE(1), tn_samples_dtype(samples), 0, 1);
  }
  tn_sample *sample =
      tn_sample_failing(samples, "shapes that do not broadcast", TN_INVALID_ARGUMENT, "indices");
  tn_sample_tensor(sample, TN_SHAPE(3, 4), tn_samples_dtype(samples), 0, 1);
  tn_sample_list(sample, 2);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_I64, 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(3), TN_I64, 0, 1);
  if (put) tn_sample_tensor(sample, TN_SHAPE(1), tn_samples_dtype(samples), 0, 1);
}
static void index_errors(tn_samples *samples) { bad_indices(samples, false); }

const tn_op_spec tn_spec_index_Tensor = {.op = "index.Tensor",
                                         MOVES,
                                         .samples = index_samples,
                                         .reference = index_reference,
                                         .errors = index_errors};

// ---- index_put ---------------------------------------------------------------------------------

static void index_put_samples(tn_samples *samples) {
  static const double rows[] = {2, -3}, columns[] = {3, 0}, mask[] = {1, 0, 1, 0, 0, 1};
  static const double again[] = {1, 1, -2, 0};
  tn_dtype dtype = tn_samples_dtype(samples);
  for (int i = 0; i < 6; i++) {
    tn_sample *sample = tn_sample_add(samples, "places", TN_SAMPLE_NO_EXPAND);
    tn_sample_tensor(sample, i == 5 ? TN_SHAPE(2, 3, 2) : TN_SHAPE(3, 4), dtype, -8, 8);
    tn_sample_list(sample, i == 1 || i == 2 ? 2 : 1);
    if (i == 5) tn_sample_values(sample, TN_SHAPE(2, 3), TN_BOOL, mask);
    if (i < 3) tn_sample_values(sample, i == 2 ? TN_SHAPE(2, 1) : TN_SHAPE(2), TN_I64, rows);
    if (i == 1 || i == 2) tn_sample_values(sample, TN_SHAPE(2), TN_I32, columns);
    if (i == 3 || i == 4) tn_sample_values(sample, TN_SHAPE(4), TN_I64, again);
    tn_sample_tensor(sample,
                     i == 0   ? TN_SHAPE(2, 4)
                     : i == 1 ? TN_SHAPE(2)
                     : i == 2 ? TN_SHAPE(2, 2)
                     : i == 5 ? TN_SHAPE(3, 1)
                     : i == 4 ? TN_SHAPE_SCALAR
                              : TN_SHAPE(4, 4),
                     dtype, -8, 8);
    tn_sample_bool(sample, i == 3 || i == 4);
  }
}
static void index_put_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  const tn_operand *values = &sample->operands[sample->operand_count - 1];
  const named_elements named = choose(sample, 1, sample->operand_count - 1);
  int64_t sizes[TN_SPEC_MAX_DIMS], place[TN_SPEC_MAX_DIMS];
  int32_t ndim = chosen_shape(&named, self, sizes);
  bool add = tn_sample_bool_at(sample, 3, false);
  double *out = reference_like(expected, self, self->dtype), *scales = tn_expect_scales(expected);
  if (out == NULL || scales == NULL) return;
  for (int64_t p = 0; p < self->numel; p++) {
    out[p] = self->values[p];
    scales[p] = fabs(out[p]);
  }
  for (int64_t p = 0; p < tn_reference_numel(ndim, sizes); p++) {
    tn_reference_unravel(p, ndim, sizes, place);
    double value = tn_reference_broadcast_at(values, ndim, place);
    int64_t at = origin(&named, self, p);
    out[at] = add ? out[at] + value : value;
    scales[at] = add ? scales[at] + fabs(value) : 0;
  }
}
static void index_put_errors(tn_samples *samples) {
  bad_indices(samples, true);
  for (int i = 0; i < 2; i++) {
    tn_sample *sample =
        tn_sample_failing(samples, "values", i == 0 ? TN_INVALID_ARGUMENT : TN_INVALID_DTYPE, NULL);
    tn_dtype dtype = tn_samples_dtype(samples), other = dtype == TN_F32 ? TN_F64 : TN_F32;
    tn_sample_tensor(sample, TN_SHAPE(3, 4), dtype, 0, 1);
    tn_sample_list(sample, 1);
    tn_sample_tensor(sample, TN_SHAPE(2), TN_I64, 0, 1);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(3) : TN_SHAPE(4), i == 0 ? dtype : other, 0, 1);
  }
}

const tn_op_spec tn_spec_index_put = {.op = "index_put",
                                      .dtypes = TN_DTYPES_REAL,
                                      .ulps = 2,
                                      .half_ulps = 4,
                                      .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                      .samples = index_put_samples,
                                      .reference = index_put_reference,
                                      .errors = index_put_errors};

// ---- positions ---------------------------------------------------------------------------------

static void positions_samples(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_add(samples, "indices", 0);
    tn_sample_tensor(sample,
                     i == 0   ? TN_SHAPE(5)
                     : i == 1 ? TN_SHAPE(2, 3)
                              : TN_SHAPE(0),
                     tn_samples_dtype(samples), -7, 6);
    tn_sample_int(sample, i);
    tn_sample_int(sample, 7);
    tn_sample_int(sample, i == 0 ? 1 : 12);
  }
}
static void positions_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *index = &sample->operands[0];
  double size = (double)tn_sample_int_at(sample, 2, 0),
         step = (double)tn_sample_int_at(sample, 3, 0);
  double *out = reference_like(expected, index, TN_I64);
  for (int64_t p = 0; out != NULL && p < index->numel; p++) {
    out[p] = step * (index->values[p] + (index->values[p] < 0 ? size : 0));
  }
}
static void positions_errors(tn_samples *samples) {
  const double values[2] = {0, 7};
  tn_sample *sample = tn_sample_failing(samples, "index too high", TN_OUT_OF_RANGE, NULL);
  tn_sample_values(sample, TN_SHAPE(2), tn_samples_dtype(samples), values);
  for (int i = 0; i < 3; i++) tn_sample_int(sample, i == 1 ? 7 : 1);
}

const tn_op_spec tn_spec__index_positions = {.op = "_index_positions",
                                             .dtypes = TN_DTYPES_INTEGER,
                                             .samples = positions_samples,
                                             .reference = positions_reference,
                                             .errors = positions_errors};
