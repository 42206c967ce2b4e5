// SPDX-License-Identifier: Apache-2.0
//
// view: operators that give the same elements, in the same order or another, under another shape.

#include "movement.h"

#define MOVES_WITH(more) \
  .dtypes = TN_DTYPES_ALL, .flags = TN_SPEC_COMPLEX_PARTS | (more), .reference = movement_reference
#define MOVES MOVES_WITH(0)

static const tn_operand *self_of(const tn_sample *sample) { return &sample->operands[0]; }

static int32_t same_shape(const tn_sample *sample, int64_t *sizes) {
  const tn_operand *self = self_of(sample);
  memcpy(sizes, self->sizes, sizeof self->sizes);
  return self->ndim;
}
static bool same_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  memcpy(from, index, sizeof(int64_t) * (size_t)self_of(sample)->ndim);
  return true;
}

// ---- another shape, the same row-major order ---------------------------------------------------

// Sizes given as argument 1, one of which may be -1.
static int32_t given_shape(const tn_sample *sample, int64_t *sizes) {
  tn_ints given = tn_sample_ints_at(sample, 1);
  int64_t known = 1;
  for (int64_t d = 0; d < given.count; d++) known *= given.data[d] < 0 ? 1 : given.data[d];
  for (int64_t d = 0; d < given.count; d++) {
    sizes[d] = given.data[d] < 0 ? self_of(sample)->numel / known : given.data[d];
  }
  return (int32_t)given.count;
}
static int32_t flat_shape(const tn_sample *sample, int64_t *sizes) {
  const tn_operand *self = self_of(sample);
  int32_t first = reference_dim(tn_sample_int_at(sample, 1, 0), self->ndim);
  int32_t last = reference_dim(tn_sample_int_at(sample, 2, -1), self->ndim);
  int32_t ndim = 0;
  if (self->ndim == 0) return sizes[0] = 1, 1;
  for (int32_t d = 0; d < self->ndim; d++) {
    if (d <= first || d > last) sizes[ndim++] = 1;
    sizes[ndim - 1] *= self->sizes[d];
  }
  return ndim;
}
static int32_t squeezed(const tn_operand *self, uint32_t mask, int64_t *sizes) {
  int32_t ndim = 0;
  for (int32_t d = 0; d < self->ndim; d++) {
    if (self->sizes[d] != 1 || ((mask >> d) & 1) == 0) sizes[ndim++] = self->sizes[d];
  }
  return ndim;
}
static int32_t squeeze_shape(const tn_sample *sample, int64_t *sizes) {
  return squeezed(self_of(sample), ~0u, sizes);
}
static int32_t squeeze_dim_shape(const tn_sample *sample, int64_t *sizes) {
  const tn_operand *self = self_of(sample);
  return squeezed(self, 1u << reference_dim(tn_sample_int_at(sample, 1, 0), self->ndim), sizes);
}
static int32_t squeeze_dims_shape(const tn_sample *sample, int64_t *sizes) {
  tn_ints dims = tn_sample_ints_at(sample, 1);
  const tn_operand *self = self_of(sample);
  return squeezed(self, dims.count == 0 ? 0 : reference_dims(dims, self->ndim), sizes);
}
static int32_t unsqueeze_shape(const tn_sample *sample, int64_t *sizes) {
  const tn_operand *self = self_of(sample);
  int32_t dim = reference_dim(tn_sample_int_at(sample, 1, 0), self->ndim + 1);
  for (int32_t d = 0; d <= self->ndim; d++) {
    sizes[d] = d == dim ? 1 : self->sizes[d < dim ? d : d - 1];
  }
  return self->ndim + 1;
}

static bool same_order(const tn_sample *sample, const int64_t *index, int64_t *from) {
  const movement *row = sample->spec->data;
  int64_t sizes[TN_SPEC_MAX_DIMS] = {0};
  int32_t ndim = row->shape(sample, sizes);
  tn_reference_unravel(tn_reference_ravel(ndim, sizes, index), self_of(sample)->ndim,
                       self_of(sample)->sizes, from);
  return true;
}

static void shape_samples(tn_samples *samples) {
  tn_sample_ints(movement_of(samples, "split a dim", TN_SHAPE(2, 6)), TN_SHAPE(2, 3, 2));
  tn_sample_ints(movement_of(samples, "one size left open", TN_SHAPE(2, 6)), TN_SHAPE(3, -1));
  tn_sample_ints(movement_of(samples, "to a vector", TN_SHAPE(2, 3, 2)), TN_SHAPE(-1));
  tn_sample_ints(movement_of(samples, "to a number", TN_SHAPE(1, 1)), TN_SHAPE_SCALAR);
  tn_sample_ints(movement_of(samples, "from a number", TN_SHAPE_SCALAR), TN_SHAPE(1, 1));
  tn_sample_ints(movement_of(samples, "empty", TN_SHAPE(0, 3)), TN_SHAPE(3, 5, 0));
}
static void shape_errors(tn_samples *samples) {
  const char *name = strcmp(tn_samples_spec(samples)->op, "view") == 0 ? "size" : "shape";
  tn_sample_ints(
      movement_failing(samples, "other count", TN_INVALID_ARGUMENT, name, TN_SHAPE(2, 3)),
      TN_SHAPE(4));
  tn_sample_ints(movement_failing(samples, "two open", TN_INVALID_ARGUMENT, name, TN_SHAPE(2, 3)),
                 TN_SHAPE(-1, -1));
  tn_sample_ints(movement_failing(samples, "negative", TN_INVALID_ARGUMENT, name, TN_SHAPE(2, 3)),
                 TN_SHAPE(-2, -3));
}

const tn_op_spec tn_spec_view = {.op = "view",
                                 MOVES_WITH(TN_SPEC_CONTIGUOUS_ONLY),
                                 .samples = shape_samples,
                                 .errors = shape_errors,
                                 .why = "other strides may allow no view, which is an error",
                                 .data = &(const movement){given_shape, same_order}};

const tn_op_spec tn_spec_reshape = {.op = "reshape",
                                    MOVES,
                                    .samples = shape_samples,
                                    .errors = shape_errors,
                                    .data = &(const movement){given_shape, same_order}};

static void flatten_samples(tn_samples *samples) {
  movement_of(samples, "all", TN_SHAPE(2, 3, 2));
  movement_of(samples, "number", TN_SHAPE_SCALAR);
  for (int64_t first = 0; first < 3; first++) {
    tn_sample *sample = movement_of(samples, "some", TN_SHAPE(2, 1, 3, 2));
    tn_sample_int(sample, first);
    tn_sample_int(sample, first == 1 ? -2 : -1);
  }
}
static void flatten_errors(tn_samples *samples) {
  tn_sample *sample = movement_failing(samples, "start after end", TN_INVALID_ARGUMENT, "start_dim",
                                       TN_SHAPE(2, 3));
  tn_sample_int(sample, 1);
  tn_sample_int(sample, 0);
  sample =
      movement_failing(samples, "dim out of range", TN_OUT_OF_RANGE, "end_dim", TN_SHAPE(2, 3));
  tn_sample_int(sample, 0);
  tn_sample_int(sample, 2);
}

const tn_op_spec tn_spec_flatten_using_ints = {.op = "flatten.using_ints",
                                               MOVES,
                                               .samples = flatten_samples,
                                               .errors = flatten_errors,
                                               .data = &(const movement){flat_shape, same_order}};

static void squeeze_samples(tn_samples *samples) {
  movement_of(samples, "ones", TN_SHAPE(1, 3, 1, 2));
  movement_of(samples, "none", TN_SHAPE(3, 2));
  movement_of(samples, "number", TN_SHAPE_SCALAR);
  movement_of(samples, "empty", TN_SHAPE(1, 0));
}

const tn_op_spec tn_spec_squeeze = {.op = "squeeze",
                                    MOVES,
                                    .samples = squeeze_samples,
                                    .data = &(const movement){squeeze_shape, same_order}};

static void one_dim_samples(tn_samples *samples) {
  tn_sample_int(movement_of(samples, "of size 1", TN_SHAPE(1, 3, 1, 2)), 2);
  tn_sample_int(movement_of(samples, "of size 3", TN_SHAPE(1, 3, 1, 2)), 1);
  tn_sample_int(movement_of(samples, "negative", TN_SHAPE(1, 3, 1)), -1);
  tn_sample_int(movement_of(samples, "number", TN_SHAPE_SCALAR), 0);
  tn_sample_int(movement_of(samples, "empty", TN_SHAPE(0, 1)), 1);
}
static void one_dim_errors(tn_samples *samples) {
  tn_sample_int(movement_failing(samples, "high", TN_OUT_OF_RANGE, "dim", TN_SHAPE(1, 3)), 3);
  tn_sample_int(movement_failing(samples, "low", TN_OUT_OF_RANGE, "dim", TN_SHAPE(1, 3)), -4);
}

const tn_op_spec tn_spec_squeeze_dim = {.op = "squeeze.dim",
                                        MOVES,
                                        .samples = one_dim_samples,
                                        .errors = one_dim_errors,
                                        .data = &(const movement){squeeze_dim_shape, same_order}};

static void squeeze_dims_samples(tn_samples *samples) {
  tn_sample_ints(movement_of(samples, "two", TN_SHAPE(1, 3, 1, 2)), TN_DIMS(0, -2));
  tn_sample_ints(movement_of(samples, "mixed", TN_SHAPE(1, 3, 1, 2)), TN_DIMS(1, 2));
  tn_sample_ints(movement_of(samples, "none", TN_SHAPE(1, 3)), TN_NO_DIMS);
}
static void squeeze_dims_errors(tn_samples *samples) {
  tn_sample_ints(movement_failing(samples, "high", TN_OUT_OF_RANGE, "dim", TN_SHAPE(1, 3)),
                 TN_DIMS(2));
  tn_sample_ints(movement_failing(samples, "twice", TN_INVALID_ARGUMENT, "dim", TN_SHAPE(1, 3)),
                 TN_DIMS(0, -2));
}

const tn_op_spec tn_spec_squeeze_dims = {.op = "squeeze.dims",
                                         MOVES,
                                         .samples = squeeze_dims_samples,
                                         .errors = squeeze_dims_errors,
                                         .data = &(const movement){squeeze_dims_shape, same_order}};

const tn_op_spec tn_spec_unsqueeze = {.op = "unsqueeze",
                                      MOVES,
                                      .samples = one_dim_samples,
                                      .data = &(const movement){unsqueeze_shape, same_order}};

// ---- the same geometry -------------------------------------------------------------------------

static const movement same = {same_shape, same_index};

const tn_op_spec tn_spec_alias = {.op = "alias", MOVES, .samples = squeeze_samples, .data = &same};
const tn_op_spec tn_spec_detach = {
    .op = "detach", MOVES, .samples = squeeze_samples, .data = &same};
const tn_op_spec tn_spec_clone = {.op = "clone", MOVES, .samples = squeeze_samples, .data = &same};
const tn_op_spec tn_spec_contiguous = {
    .op = "contiguous", MOVES, .samples = squeeze_samples, .data = &same};

// ---- dimensions in another order ---------------------------------------------------------------

// Writes the order: result dimension d is the operand's order[d].
static void exchange(const tn_sample *sample, int64_t a, int64_t b, int32_t *order) {
  int32_t ndim = self_of(sample)->ndim;
  for (int32_t d = 0; d < TN_SPEC_MAX_DIMS; d++) order[d] = d;
  order[reference_dim(a, ndim)] = reference_dim(b, ndim);
  order[reference_dim(b, ndim)] = reference_dim(a, ndim);
}
// Puts the named dimensions in their places and the others, in order, in those that are left.
static void many_moved(const tn_sample *sample, int32_t *order) {
  const int32_t ndim = self_of(sample)->ndim;
  tn_ints source = tn_sample_ints_at(sample, 1), target = tn_sample_ints_at(sample, 2);
  bool moved[TN_SPEC_MAX_DIMS] = {false}, filled[TN_SPEC_MAX_DIMS] = {false};
  for (int64_t i = 0; i < source.count; i++) {
    const int32_t from = reference_dim(source.data[i], ndim);
    const int32_t to = reference_dim(target.data[i], ndim);
    order[to] = from;
    moved[from] = filled[to] = true;
  }
  int32_t next = 0;
  for (int32_t d = 0; d < ndim; d++) {
    if (filled[d]) continue;
    while (moved[next]) next++;
    order[d] = next++;
  }
}
static void order_of(const tn_sample *sample, int32_t *order) {
  const char *op = sample->spec->op;
  int32_t ndim = self_of(sample)->ndim;
  tn_ints dims = op[0] == 'p' ? tn_sample_ints_at(sample, 1) : TN_NO_DIMS;
  if (strcmp(op, "mT") == 0) {
    exchange(sample, -2, -1, order);
  } else if (strcmp(op, "t") == 0) {
    exchange(sample, 0, ndim < 2 ? 0 : 1, order);
  } else if (op[0] == 't') {
    exchange(sample, tn_sample_int_at(sample, 1, 0), tn_sample_int_at(sample, 2, 0), order);
  } else if (strcmp(op, "movedim.intlist") == 0) {
    many_moved(sample, order);
  } else if (op[0] == 'm') {
    int32_t source = reference_dim(tn_sample_int_at(sample, 1, 0), ndim);
    int32_t target = reference_dim(tn_sample_int_at(sample, 2, 0), ndim), next = 0;
    for (int32_t d = 0; d < ndim; d++) {
      next += next == source;
      order[d] = d == target ? source : next++;
    }
  }
  for (int64_t d = 0; d < dims.count; d++) order[d] = reference_dim(dims.data[d], ndim);
}
static int32_t ordered_shape(const tn_sample *sample, int64_t *sizes) {
  int32_t order[TN_SPEC_MAX_DIMS] = {0};
  order_of(sample, order);
  for (int32_t d = 0; d < self_of(sample)->ndim; d++) sizes[d] = self_of(sample)->sizes[order[d]];
  return self_of(sample)->ndim;
}
static bool ordered_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  int32_t order[TN_SPEC_MAX_DIMS] = {0};
  order_of(sample, order);
  for (int32_t d = 0; d < self_of(sample)->ndim; d++) from[order[d]] = index[d];
  return true;
}
static const movement reorder = {ordered_shape, ordered_index};

static void permute_samples(tn_samples *samples) {
  tn_sample_ints(movement_of(samples, "cycle", TN_SHAPE(2, 3, 4)), TN_DIMS(2, 0, 1));
  tn_sample_ints(movement_of(samples, "negative", TN_SHAPE(2, 3, 4)), TN_DIMS(-1, -2, -3));
  tn_sample_ints(movement_of(samples, "number", TN_SHAPE_SCALAR), TN_NO_DIMS);
  tn_sample_ints(movement_of(samples, "empty", TN_SHAPE(0, 2)), TN_DIMS(1, 0));
}
static void permute_errors(tn_samples *samples) {
  tn_sample_ints(movement_failing(samples, "missing", TN_INVALID_ARGUMENT, "dims", TN_SHAPE(2, 3)),
                 TN_DIMS(0));
  tn_sample_ints(movement_failing(samples, "twice", TN_INVALID_ARGUMENT, "dims", TN_SHAPE(2, 3)),
                 TN_DIMS(0, -2));
  tn_sample_ints(movement_failing(samples, "high", TN_OUT_OF_RANGE, "dims", TN_SHAPE(2, 3)),
                 TN_DIMS(0, 2));
}
static void two_dims_samples(tn_samples *samples) {
  static const int64_t pairs[][2] = {{0, 1}, {-1, 0}, {1, 1}, {2, 0}};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = movement_of(samples, "pair", TN_SHAPE(2, 3, 4));
    tn_sample_int(sample, pairs[i][0]);
    tn_sample_int(sample, pairs[i][1]);
  }
  tn_sample *sample = movement_of(samples, "number", TN_SHAPE_SCALAR);
  tn_sample_int(sample, 0);
  tn_sample_int(sample, -1);
}
static void two_dims_errors(tn_samples *samples) {
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = movement_failing(samples, "high", TN_OUT_OF_RANGE, NULL, TN_SHAPE(2, 3));
    tn_sample_int(sample, i == 0 ? 2 : 0);
    tn_sample_int(sample, i == 0 ? 0 : -3);
  }
}
static void moved_sample(tn_sample *sample, tn_ints source, tn_ints destination) {
  tn_sample_ints(sample, source);
  tn_sample_ints(sample, destination);
}
static void many_dims_samples(tn_samples *samples) {
  moved_sample(movement_of(samples, "two", TN_SHAPE(2, 3, 4, 5)), TN_DIMS(0, 2), TN_DIMS(-1, 0));
  moved_sample(movement_of(samples, "all", TN_SHAPE(2, 3, 4)), TN_DIMS(0, 1, 2), TN_DIMS(2, 0, 1));
  moved_sample(movement_of(samples, "none", TN_SHAPE(2, 3)), TN_NO_DIMS, TN_NO_DIMS);
  moved_sample(movement_of(samples, "empty", TN_SHAPE(2, 0, 3)), TN_DIMS(-1), TN_DIMS(0));
  moved_sample(movement_of(samples, "number", TN_SHAPE_SCALAR), TN_DIMS(0), TN_DIMS(-1));
}
static void many_dims_errors(tn_samples *samples) {
  const tn_status bad = TN_INVALID_ARGUMENT;
  moved_sample(movement_failing(samples, "lengths", bad, "destination", TN_SHAPE(2, 3)),
               TN_DIMS(0, 1), TN_DIMS(0));
  moved_sample(movement_failing(samples, "source twice", bad, "source", TN_SHAPE(2, 3)),
               TN_DIMS(0, -2), TN_DIMS(0, 1));
  moved_sample(movement_failing(samples, "destination twice", bad, "destination", TN_SHAPE(2, 3)),
               TN_DIMS(0, 1), TN_DIMS(1, -1));
  moved_sample(movement_failing(samples, "high", TN_OUT_OF_RANGE, "source", TN_SHAPE(2, 3)),
               TN_DIMS(2), TN_DIMS(0));
  moved_sample(movement_failing(samples, "low", TN_OUT_OF_RANGE, "destination", TN_SHAPE(2, 3)),
               TN_DIMS(0), TN_DIMS(-3));
}
static void matrix_samples(tn_samples *samples) {
  movement_of(samples, "matrix", TN_SHAPE(3, 4));
  movement_of(samples, "vector", TN_SHAPE(3));
  movement_of(samples, "number", TN_SHAPE_SCALAR);
}
static void matrix_errors(tn_samples *samples) {
  movement_failing(samples, "rank 3", TN_INVALID_ARGUMENT, "self", TN_SHAPE(2, 2, 2));
}

static void stack_samples(tn_samples *samples) {
  movement_of(samples, "matrix", TN_SHAPE(3, 4));
  movement_of(samples, "stack", TN_SHAPE(2, 3, 4));
  movement_of(samples, "empty", TN_SHAPE(2, 0, 4));
}
static void stack_errors(tn_samples *samples) {
  movement_failing(samples, "vector", TN_INVALID_ARGUMENT, "self", TN_SHAPE(3));
}

const tn_op_spec tn_spec_permute = {
    .op = "permute", MOVES, .samples = permute_samples, .errors = permute_errors, .data = &reorder};
const tn_op_spec tn_spec_transpose_int = {.op = "transpose.int",
                                          MOVES,
                                          .samples = two_dims_samples,
                                          .errors = two_dims_errors,
                                          .data = &reorder};
const tn_op_spec tn_spec_movedim_int = {.op = "movedim.int",
                                        MOVES,
                                        .samples = two_dims_samples,
                                        .errors = two_dims_errors,
                                        .data = &reorder};
const tn_op_spec tn_spec_movedim_intlist = {.op = "movedim.intlist",
                                            MOVES,
                                            .samples = many_dims_samples,
                                            .errors = many_dims_errors,
                                            .data = &reorder};
const tn_op_spec tn_spec_mT = {
    .op = "mT", MOVES, .samples = stack_samples, .errors = stack_errors, .data = &reorder};
const tn_op_spec tn_spec_t = {
    .op = "t", MOVES, .samples = matrix_samples, .errors = matrix_errors, .data = &reorder};

// ---- repeated dimensions -----------------------------------------------------------------------

static int32_t expand_shape(const tn_sample *sample, int64_t *sizes) {
  tn_ints given = tn_sample_ints_at(sample, 1);
  const tn_operand *self = self_of(sample);
  for (int64_t d = 0; d < given.count; d++) {
    int64_t own = d - (given.count - self->ndim);
    sizes[d] = given.data[d] < 0 ? self->sizes[own] : given.data[d];
  }
  return (int32_t)given.count;
}
static bool expand_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  const tn_operand *self = self_of(sample);
  int64_t more = tn_sample_ints_at(sample, 1).count - self->ndim;
  for (int32_t d = 0; d < self->ndim; d++) from[d] = self->sizes[d] == 1 ? 0 : index[more + d];
  return true;
}
static void expand_samples(tn_samples *samples) {
  tn_sample_ints(movement_of(samples, "ones", TN_SHAPE(3, 1)), TN_SHAPE(3, 4));
  tn_sample_ints(movement_of(samples, "deeper", TN_SHAPE(3, 1)), TN_SHAPE(2, -1, 4));
  tn_sample_ints(movement_of(samples, "number", TN_SHAPE_SCALAR), TN_SHAPE(2, 2));
  tn_sample_ints(movement_of(samples, "to nothing", TN_SHAPE(1, 3)), TN_SHAPE(0, 3));
}
static void expand_errors(tn_samples *samples) {
  const char *size = "size";
  tn_sample_ints(movement_failing(samples, "other", TN_INVALID_ARGUMENT, size, TN_SHAPE(3, 2)),
                 TN_SHAPE(3, 4));
  tn_sample_ints(movement_failing(samples, "fewer", TN_INVALID_ARGUMENT, size, TN_SHAPE(3, 2)),
                 TN_SHAPE(2));
  tn_sample_ints(movement_failing(samples, "open", TN_INVALID_ARGUMENT, size, TN_SHAPE(3)),
                 TN_SHAPE(-1, 3));
}

const tn_op_spec tn_spec_expand = {.op = "expand",
                                   MOVES,
                                   .samples = expand_samples,
                                   .errors = expand_errors,
                                   .data = &(const movement){expand_shape, expand_index}};
const tn_op_spec tn_spec_broadcast_to = {.op = "broadcast_to",
                                         MOVES,
                                         .samples = expand_samples,
                                         .errors = expand_errors,
                                         .data = &(const movement){expand_shape, expand_index}};

// ---- any geometry ------------------------------------------------------------------------------

static int32_t strided_shape(const tn_sample *sample, int64_t *sizes) {
  tn_ints given = tn_sample_ints_at(sample, 1);
  for (int64_t d = 0; d < given.count; d++) sizes[d] = given.data[d];
  return (int32_t)given.count;
}
static bool strided_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  tn_ints strides = tn_sample_ints_at(sample, 2);
  int64_t place = tn_sample_int_at(sample, 3, 0);
  for (int64_t d = 0; d < strides.count; d++) place += index[d] * strides.data[d];
  tn_reference_unravel(place, self_of(sample)->ndim, self_of(sample)->sizes, from);
  return true;
}
static void strided_samples(tn_samples *samples) {
  static const struct {
    int64_t sizes[2], strides[2], offset;
  } rows[] = {{{2, 3}, {1, 2}, 0}, {{3, 2}, {4, -1}, 3}, {{4, 2}, {1, 1}, 2}, {{0, 3}, {1, 1}, 0}};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = movement_of(samples, "geometry", TN_SHAPE(3, 4));
    tn_sample_ints(sample, tn_ints_of(rows[i].sizes, 2));
    tn_sample_ints(sample, tn_ints_of(rows[i].strides, 2));
    if (i > 0) tn_sample_int(sample, rows[i].offset);
  }
}
static void strided_errors(tn_samples *samples) {
  tn_sample *sample =
      movement_failing(samples, "beyond the storage", TN_OUT_OF_RANGE, "size", TN_SHAPE(2, 3));
  tn_sample_ints(sample, TN_SHAPE(1000));
  tn_sample_ints(sample, TN_SHAPE(1));
  sample = movement_failing(samples, "before the storage", TN_OUT_OF_RANGE, "size", TN_SHAPE(2, 3));
  tn_sample_ints(sample, TN_SHAPE(1000));
  tn_sample_ints(sample, TN_SHAPE(-1));
  sample = movement_failing(samples, "two lengths", TN_INVALID_ARGUMENT, "stride", TN_SHAPE(2, 3));
  tn_sample_ints(sample, TN_SHAPE(2, 2));
  tn_sample_ints(sample, TN_SHAPE(1));
}

const tn_op_spec tn_spec_as_strided = {
    .op = "as_strided",
    MOVES_WITH(TN_SPEC_CONTIGUOUS_ONLY),
    .samples = strided_samples,
    .errors = strided_errors,
    .why = "strides are those of the storage, not of the operand",
    .data = &(const movement){strided_shape, strided_index}};
