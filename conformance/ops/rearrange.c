// SPDX-License-Identifier: Apache-2.0
//
// rearrange: operators that copy elements into another order or beside each other.

#include "movement.h"

#define MOVES .dtypes = TN_DTYPES_ALL, .flags = TN_SPEC_COMPLEX_PARTS

static const tn_operand *self_of(const tn_sample *sample) { return &sample->operands[0]; }

static int32_t same_shape(const tn_sample *sample, int64_t *sizes) {
  memcpy(sizes, self_of(sample)->sizes, sizeof self_of(sample)->sizes);
  return self_of(sample)->ndim;
}

// ---- flip, triangles ---------------------------------------------------------------------------

static bool flip_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  const tn_operand *self = self_of(sample);
  tn_ints dims = tn_sample_ints_at(sample, 1);
  uint32_t mask = dims.count == 0 ? 0 : reference_dims(dims, self->ndim);
  for (int32_t d = 0; d < self->ndim; d++) {
    from[d] = (mask >> d) & 1 ? self->sizes[d] - 1 - index[d] : index[d];
  }
  return true;
}
static void flip_samples(tn_samples *samples) {
  tn_sample_ints(movement_of(samples, "last", TN_SHAPE(2, 5)), TN_DIMS(1));
  tn_sample_ints(movement_of(samples, "two", TN_SHAPE(2, 3, 4)), TN_DIMS(0, -1));
  tn_sample_ints(movement_of(samples, "middle", TN_SHAPE(2, 3, 4)), TN_DIMS(1));
  tn_sample_ints(movement_of(samples, "none", TN_SHAPE(2, 3)), TN_NO_DIMS);
  tn_sample_ints(movement_of(samples, "empty", TN_SHAPE(0, 3)), TN_DIMS(0, 1));
  tn_sample_ints(movement_of(samples, "long", TN_SHAPE(37)), TN_DIMS(0));
}
static void flip_errors(tn_samples *samples) {
  tn_sample_ints(movement_failing(samples, "high", TN_OUT_OF_RANGE, "dims", TN_SHAPE(2, 3)),
                 TN_DIMS(2));
  tn_sample_ints(movement_failing(samples, "twice", TN_INVALID_ARGUMENT, "dims", TN_SHAPE(2, 3)),
                 TN_DIMS(1, -1));
}

const tn_op_spec tn_spec_flip = {.op = "flip",
                                 MOVES,
                                 .samples = flip_samples,
                                 .reference = movement_reference,
                                 .errors = flip_errors,
                                 .data = &(const movement){same_shape, flip_index}};

static bool triangle_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  int32_t ndim = self_of(sample)->ndim;
  int64_t above = index[ndim - 1] - index[ndim - 2], diagonal = tn_sample_int_at(sample, 1, 0);
  memcpy(from, index, sizeof(int64_t) * (size_t)ndim);
  return strcmp(sample->spec->op, "tril") == 0 ? above <= diagonal : above >= diagonal;
}
static void triangle_samples(tn_samples *samples) {
  movement_of(samples, "main diagonal", TN_SHAPE(3, 3));
  for (int64_t diagonal = -2; diagonal < 4; diagonal++) {
    tn_sample_int(movement_of(samples, "diagonal", TN_SHAPE(2, 3, 4)), diagonal);
  }
  movement_of(samples, "empty", TN_SHAPE(2, 0));
}
static void triangle_errors(tn_samples *samples) {
  movement_failing(samples, "vector", TN_INVALID_ARGUMENT, "self", TN_SHAPE(3));
}

static const movement triangle = {same_shape, triangle_index};
const tn_op_spec tn_spec_tril = {.op = "tril",
                                 MOVES,
                                 .samples = triangle_samples,
                                 .reference = movement_reference,
                                 .errors = triangle_errors,
                                 .data = &triangle};
const tn_op_spec tn_spec_triu = {.op = "triu",
                                 MOVES,
                                 .samples = triangle_samples,
                                 .reference = movement_reference,
                                 .errors = triangle_errors,
                                 .data = &triangle};

// ---- repeat ------------------------------------------------------------------------------------

static int32_t repeat_shape(const tn_sample *sample, int64_t *sizes) {
  tn_ints repeats = tn_sample_ints_at(sample, 1);
  int64_t more = repeats.count - self_of(sample)->ndim;
  for (int64_t d = 0; d < repeats.count; d++) {
    sizes[d] = repeats.data[d] * (d < more ? 1 : self_of(sample)->sizes[d - more]);
  }
  return (int32_t)repeats.count;
}
static bool repeat_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  int64_t more = tn_sample_ints_at(sample, 1).count - self_of(sample)->ndim;
  for (int32_t d = 0; d < self_of(sample)->ndim; d++) {
    from[d] = index[more + d] % self_of(sample)->sizes[d];
  }
  return true;
}
static void repeat_samples(tn_samples *samples) {
  tn_sample_ints(movement_of(samples, "both", TN_SHAPE(2, 3)), TN_INTS(2, 2));
  tn_sample_ints(movement_of(samples, "deeper", TN_SHAPE(3)), TN_INTS(2, 1, 2));
  tn_sample_ints(movement_of(samples, "number", TN_SHAPE_SCALAR), TN_INTS(3));
  tn_sample_ints(movement_of(samples, "nothing", TN_SHAPE(2, 3)), TN_INTS(0, 1));
}
static void repeat_errors(tn_samples *samples) {
  const char *name = "repeats";
  tn_sample_ints(movement_failing(samples, "fewer", TN_INVALID_ARGUMENT, name, TN_SHAPE(2, 3)),
                 TN_INTS(2));
  tn_sample_ints(movement_failing(samples, "negative", TN_INVALID_ARGUMENT, name, TN_SHAPE(2)),
                 TN_INTS(-1));
}

const tn_op_spec tn_spec_repeat = {.op = "repeat",
                                   MOVES,
                                   .samples = repeat_samples,
                                   .reference = movement_reference,
                                   .errors = repeat_errors,
                                   .data = &(const movement){repeat_shape, repeat_index}};

// ---- tile --------------------------------------------------------------------------------------

static int32_t tile_shape(const tn_sample *sample, int64_t *sizes) {
  tn_ints dims = tn_sample_ints_at(sample, 1);
  const tn_operand *self = self_of(sample);
  int64_t ndim = dims.count > self->ndim ? dims.count : self->ndim;
  for (int64_t d = 0; d < ndim; d++) {
    int64_t own = d - (ndim - self->ndim), times = d - (ndim - dims.count);
    sizes[d] = (own < 0 ? 1 : self->sizes[own]) * (times < 0 ? 1 : dims.data[times]);
  }
  return (int32_t)ndim;
}
static bool tile_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  const tn_operand *self = self_of(sample);
  int64_t count = tn_sample_ints_at(sample, 1).count;
  int64_t more = count > self->ndim ? count - self->ndim : 0;
  for (int32_t d = 0; d < self->ndim; d++) from[d] = index[more + d] % self->sizes[d];
  return true;
}
static void tile_samples(tn_samples *samples) {
  repeat_samples(samples);
  tn_sample_ints(movement_of(samples, "fewer", TN_SHAPE(2, 3)), TN_INTS(2));
  tn_sample_ints(movement_of(samples, "none", TN_SHAPE(2, 3)), TN_NO_DIMS);
}
static void tile_errors(tn_samples *samples) {
  tn_sample_ints(movement_failing(samples, "negative", TN_INVALID_ARGUMENT, "dims", TN_SHAPE(2)),
                 TN_INTS(-1));
}

const tn_op_spec tn_spec_tile = {.op = "tile",
                                 MOVES,
                                 .samples = tile_samples,
                                 .reference = movement_reference,
                                 .errors = tile_errors,
                                 .data = &(const movement){tile_shape, tile_index}};

// ---- roll --------------------------------------------------------------------------------------

static int64_t moved_back(int64_t place, int64_t shift, int64_t size) {
  return ((place - shift) % size + size) % size;
}
static bool roll_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  const tn_operand *self = self_of(sample);
  tn_ints shifts = tn_sample_ints_at(sample, 1), dims = tn_sample_ints_at(sample, 2);
  for (int32_t d = 0; d < self->ndim; d++) from[d] = index[d];
  if (dims.count <= 0) {
    int64_t place = tn_reference_ravel(self->ndim, self->sizes, index);
    tn_reference_unravel(moved_back(place, shifts.data[0], self->numel), self->ndim, self->sizes,
                         from);
    return true;
  }
  for (int64_t i = 0; i < dims.count; i++) {
    int32_t d = reference_dim(dims.data[i], self->ndim);
    if (self->ndim > 0) from[d] = moved_back(from[d], shifts.data[i], self->sizes[d]);
  }
  return true;
}
static void rolled_by(tn_sample *sample, tn_ints shifts, tn_ints dims) {
  tn_sample_ints(sample, shifts);
  tn_sample_ints(sample, dims);
}
static void roll_samples(tn_samples *samples) {
  rolled_by(movement_of(samples, "flat", TN_SHAPE(2, 3)), TN_INTS(2), TN_NO_DIMS);
  rolled_by(movement_of(samples, "rows", TN_SHAPE(3, 4)), TN_INTS(1), TN_DIMS(0));
  rolled_by(movement_of(samples, "back", TN_SHAPE(3, 4)), TN_INTS(-1), TN_DIMS(-1));
  rolled_by(movement_of(samples, "far", TN_SHAPE(3, 4)), TN_INTS(-9, 11), TN_DIMS(0, 1));
  rolled_by(movement_of(samples, "one dim twice", TN_SHAPE(5)), TN_INTS(1, 2), TN_DIMS(0, 0));
  rolled_by(movement_of(samples, "number", TN_SHAPE_SCALAR), TN_INTS(3), TN_NO_DIMS);
  rolled_by(movement_of(samples, "empty", TN_SHAPE(0, 3)), TN_INTS(1), TN_DIMS(0));
  rolled_by(movement_of(samples, "empty, flat", TN_SHAPE(0, 3)), TN_INTS(1), TN_NO_DIMS);
}
static void roll_errors(tn_samples *samples) {
  const tn_status bad = TN_INVALID_ARGUMENT;
  rolled_by(movement_failing(samples, "lengths", bad, "shifts", TN_SHAPE(2, 3)), TN_INTS(1, 2),
            TN_DIMS(0));
  rolled_by(movement_failing(samples, "no shift", bad, "shifts", TN_SHAPE(2, 3)), TN_NO_DIMS,
            TN_NO_DIMS);
  rolled_by(movement_failing(samples, "high", TN_OUT_OF_RANGE, "dims", TN_SHAPE(2, 3)), TN_INTS(1),
            TN_DIMS(2));
}

const tn_op_spec tn_spec_roll = {.op = "roll",
                                 MOVES,
                                 .samples = roll_samples,
                                 .reference = movement_reference,
                                 .errors = roll_errors,
                                 .data = &(const movement){same_shape, roll_index}};

// ---- cat, stack --------------------------------------------------------------------------------

static void add_list(tn_samples *samples, const char *name, int32_t count, const tn_ints *shapes,
                     int64_t dim, tn_dtype second) {
  tn_sample *sample = tn_sample_add(samples, name, 0);
  tn_sample_list(sample, count);
  for (int32_t i = 0; i < count; i++) {
    tn_dtype dtype = i == 1 && second != 0 ? second : tn_samples_dtype(samples);
    tn_sample_tensor(sample, shapes[i], dtype, -8, 8);
  }
  tn_sample_int(sample, dim);
}
static void add_failing_list(tn_samples *samples, const char *name, tn_status status,
                             const char *argument, tn_ints a, tn_ints b, int64_t dim) {
  tn_sample *sample = tn_sample_failing(samples, name, status, argument);
  tn_sample_list(sample, 2);
  tn_sample_tensor(sample, a, tn_samples_dtype(samples), 0, 1);
  tn_sample_tensor(sample, b, tn_samples_dtype(samples), 0, 1);
  tn_sample_int(sample, dim);
}

static void cat_samples(tn_samples *samples) {
  const tn_ints rows[] = {TN_SHAPE(2, 3), TN_SHAPE(1, 3), TN_SHAPE(3, 3)};
  const tn_ints columns[] = {TN_SHAPE(2, 1), TN_SHAPE(2, 0), TN_SHAPE(2, 4)};
  const tn_ints lines[] = {TN_SHAPE(3), TN_SHAPE(0), TN_SHAPE(37)};
  const tn_ints deep[] = {TN_SHAPE(2, 1, 3), TN_SHAPE(2, 2, 3)};
  add_list(samples, "rows", 3, rows, 0, 0);
  add_list(samples, "columns", 3, columns, -1, 0);
  add_list(samples, "vectors", 3, lines, 0, 0);
  add_list(samples, "middle", 2, deep, 1, 0);
  add_list(samples, "one", 1, rows, 0, 0);
  if (!tn_dtype_is_complex(tn_samples_dtype(samples))) {
    add_list(samples, "two dtypes", 2, rows, 0, TN_F64);
  }
}
static tn_dtype list_dtype(const tn_sample *sample) {
  tn_dtype dtype = self_of(sample)->dtype;
  for (int32_t i = 1; i < sample->operand_count; i++) {
    dtype = tn_promote_types(dtype, sample->operands[i].dtype);
  }
  return dtype;
}
static void cat_reference(const tn_sample *sample, tn_expected *expected) {
  int32_t ndim = self_of(sample)->ndim;
  int32_t dim = reference_dim(tn_sample_int_at(sample, 1, 0), ndim);
  int64_t sizes[TN_SPEC_MAX_DIMS], index[TN_SPEC_MAX_DIMS];
  memcpy(sizes, self_of(sample)->sizes, sizeof sizes);
  for (int32_t i = 1; i < sample->operand_count; i++) sizes[dim] += sample->operands[i].sizes[dim];
  double *out = tn_expect(expected, list_dtype(sample), ndim, sizes);
  for (int64_t p = 0; out != NULL && p < tn_reference_numel(ndim, sizes); p++) {
    tn_reference_unravel(p, ndim, sizes, index);
    int32_t i = 0;
    while (index[dim] >= sample->operands[i].sizes[dim]) {
      index[dim] -= sample->operands[i++].sizes[dim];
    }
    out[p] = sample->operands[i].values[tn_reference_ravel(ndim, sample->operands[i].sizes, index)];
  }
}
static void cat_errors(tn_samples *samples) {
  const char *name = "tensors";
  add_failing_list(samples, "other sizes", TN_INVALID_ARGUMENT, name, TN_SHAPE(2, 3),
                   TN_SHAPE(2, 4), 0);
  add_failing_list(samples, "other ranks", TN_INVALID_ARGUMENT, name, TN_SHAPE(2, 3), TN_SHAPE(3),
                   0);
  add_failing_list(samples, "0-dim", TN_INVALID_ARGUMENT, name, TN_SHAPE_SCALAR, TN_SHAPE_SCALAR,
                   0);
  add_failing_list(samples, "dim", TN_OUT_OF_RANGE, "dim", TN_SHAPE(2), TN_SHAPE(2), 1);
  tn_sample *sample = tn_sample_failing(samples, "nothing", TN_INVALID_ARGUMENT, name);
  tn_sample_list(sample, 0);
}

const tn_op_spec tn_spec_cat = {
    .op = "cat", MOVES, .samples = cat_samples, .reference = cat_reference, .errors = cat_errors};

static void stack_samples(tn_samples *samples) {
  const tn_ints plain[] = {TN_SHAPE(2, 3), TN_SHAPE(2, 3), TN_SHAPE(2, 3)};
  const tn_ints number[] = {TN_SHAPE_SCALAR, TN_SHAPE_SCALAR, TN_SHAPE_SCALAR};
  for (int64_t dim = -1; dim < 3; dim++) add_list(samples, "matrices", 3, plain, dim, 0);
  add_list(samples, "numbers", 2, number, 0, 0);
}
static void stack_reference(const tn_sample *sample, tn_expected *expected) {
  int32_t own = self_of(sample)->ndim, ndim = own + 1;
  int32_t dim = reference_dim(tn_sample_int_at(sample, 1, 0), ndim);
  int64_t sizes[TN_SPEC_MAX_DIMS], index[TN_SPEC_MAX_DIMS], within[TN_SPEC_MAX_DIMS];
  for (int32_t d = 0; d < ndim; d++) {
    sizes[d] = d == dim ? sample->operand_count : self_of(sample)->sizes[d < dim ? d : d - 1];
  }
  double *out = tn_expect(expected, list_dtype(sample), ndim, sizes);
  for (int64_t p = 0; out != NULL && p < tn_reference_numel(ndim, sizes); p++) {
    tn_reference_unravel(p, ndim, sizes, index);
    for (int32_t d = 0; d < own; d++) within[d] = index[d < dim ? d : d + 1];
    out[p] = sample->operands[index[dim]]
                 .values[tn_reference_ravel(own, self_of(sample)->sizes, within)];
  }
}
static void stack_errors(tn_samples *samples) {
  add_failing_list(samples, "other sizes", TN_INVALID_ARGUMENT, "tensors", TN_SHAPE(2, 3),
                   TN_SHAPE(2, 4), 0);
  add_failing_list(samples, "dim", TN_OUT_OF_RANGE, "dim", TN_SHAPE(2), TN_SHAPE(2), 2);
}

const tn_op_spec tn_spec_stack = {.op = "stack",
                                  MOVES,
                                  .samples = stack_samples,
                                  .reference = stack_reference,
                                  .errors = stack_errors};

// ---- copies between dtypes ---------------------------------------------------------------------

static void cast_samples(tn_samples *samples) {
  static const tn_ints none = {NULL, 0};
  for (tn_dtype to = 1; to < TN_DTYPE_COUNT; to++) {
    tn_dtype from = tn_samples_dtype(samples);
    bool from_float = tn_dtype_is_floating(from) || tn_dtype_is_complex(from);
    bool keeps_gradient = tn_dtype_is_complex(from) == tn_dtype_is_complex(to);
    // Negative floats to unsigned integers are not specified.
    double low = from_float && tn_dtype_in(to, TN_DTYPES_UNSIGNED) ? 0 : -100;
    tn_sample *sample = tn_sample_add(samples, tn_dtype_name(to),
                                      to == TN_F64 && keeps_gradient ? 0 : TN_SAMPLE_NO_GRAD);
    tn_sample_tensor(sample, TN_SHAPE(5, 7), from, low, 100);
    tn_sample_dtype(sample, to);
  }
  tn_sample *sample = tn_sample_add(samples, "0-dim", 0);
  tn_sample_tensor(sample, none, tn_samples_dtype(samples), 0, 4);
  tn_sample_dtype(sample, TN_F64);
}
static void to_copy_samples(tn_samples *samples) {
  cast_samples(samples);
  movement_of(samples, "unchanged", TN_SHAPE(2, 3));
}
static void cast_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample);
  tn_dtype dtype = tn_sample_dtype_at(sample, 1, self->dtype);
  double *out = tn_expect(expected, dtype, self->ndim, self->sizes);
  for (int64_t p = 0; out != NULL && p < self->numel; p++) {
    out[p] = tn_reference_round(self->values[p], dtype);
  }
}

const tn_op_spec tn_spec__cast = {
    .op = "_cast", MOVES, .samples = cast_samples, .reference = cast_reference};
const tn_op_spec tn_spec__to_copy = {
    .op = "_to_copy", MOVES, .samples = to_copy_samples, .reference = cast_reference};

static void copy_samples(tn_samples *samples) {
  const tn_ints sources[] = {TN_SHAPE(3, 4), TN_SHAPE(4), TN_SHAPE(3, 1), TN_SHAPE_SCALAR};
  for (int i = 0; i < 5; i++) {
    bool complex_one = tn_dtype_is_complex(tn_samples_dtype(samples));
    tn_sample *sample = movement_of(samples, i < 4 ? "broadcast" : "another dtype", TN_SHAPE(3, 4));
    if (i == 4 && complex_one) {
      tn_sample_tensor(sample, sources[0], TN_F32, 0, 8);
    } else {
      tn_sample_tensor(sample, sources[i % 4], i < 4 ? tn_samples_dtype(samples) : TN_F64, 0, 8);
    }
  }
}
static void copy_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample), *src = &sample->operands[1];
  int64_t index[TN_SPEC_MAX_DIMS];
  double *out = tn_expect(expected, self->dtype, self->ndim, self->sizes);
  for (int64_t p = 0; out != NULL && p < self->numel; p++) {
    tn_reference_unravel(p, self->ndim, self->sizes, index);
    out[p] = tn_reference_round(tn_reference_broadcast_at(src, self->ndim, index), self->dtype);
  }
}
static void copy_errors(tn_samples *samples) {
  tn_sample *sample =
      movement_failing(samples, "does not broadcast", TN_INVALID_ARGUMENT, NULL, TN_SHAPE(3, 4));
  tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 0, 1);
}

const tn_op_spec tn_spec_copy = {.op = "copy",
                                 MOVES,
                                 .samples = copy_samples,
                                 .reference = copy_reference,
                                 .errors = copy_errors};

// ---- fill --------------------------------------------------------------------------------------

static void fill_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(3, 4), TN_SHAPE_SCALAR, TN_SHAPE(0, 2), TN_SHAPE(37)};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = movement_of(samples, "shapes", shapes[i]);
    tn_sample_scalar(sample, tn_scalar_int(i));
  }
}
static void fill_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = self_of(sample);
  double *out = tn_expect(expected, self->dtype, self->ndim, self->sizes);
  for (int64_t p = 0; out != NULL && p < self->numel; p++) {
    out[p] = tn_reference_round(tn_sample_number_at(sample, 1, 0), self->dtype);
  }
}

// The number is not one of both parts.
const tn_op_spec tn_spec_fill_Scalar = {.op = "fill.Scalar",
                                        .dtypes = TN_DTYPES_ALL,
                                        .samples = fill_samples,
                                        .reference = fill_reference};
