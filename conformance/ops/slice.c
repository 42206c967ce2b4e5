// SPDX-License-Identifier: Apache-2.0
//
// slice: views of parts of a tensor, lists of such views, and the operators that put gradients back
// into their places.

#include "movement.h"

#define MOVES .dtypes = TN_DTYPES_ALL, .flags = TN_SPEC_COMPLEX_PARTS

static const tn_operand *self_of(const tn_sample *sample) { return &sample->operands[0]; }
static int64_t size_along(const tn_sample *sample, int32_t dim) {
  return self_of(sample)->sizes[dim];
}
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// ---- select, slice, narrow ---------------------------------------------------------------------

static void select_samples(tn_samples *samples) {
  static const int64_t rows[][2] = {{0, 1}, {1, -1}, {-1, 0}, {2, 3}};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = movement_of(samples, "index", TN_SHAPE(2, 3, 4));
    tn_sample_int(sample, rows[i][0]);
    tn_sample_int(sample, rows[i][1]);
  }
  tn_sample *sample = movement_of(samples, "vector", TN_SHAPE(3));
  tn_sample_int(sample, 0);
  tn_sample_int(sample, 2);
}
static void select_reference(const tn_sample *sample, tn_expected *expected) {
  int32_t dim = reference_dim(tn_sample_int_at(sample, 1, 0), self_of(sample)->ndim);
  int64_t index = tn_sample_int_at(sample, 2, 0);
  if (index < 0) index += size_along(sample, dim);
  movement_slice(self_of(sample), dim, index, 1, 1, true, expected);
}
static void select_errors(tn_samples *samples) {
  static const int64_t rows[][2] = {{0, 2}, {0, -3}, {2, 0}};
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = movement_failing(samples, "out of range", TN_OUT_OF_RANGE,
                                         i < 2 ? "index" : "dim", TN_SHAPE(2, 3));
    tn_sample_int(sample, rows[i][0]);
    tn_sample_int(sample, rows[i][1]);
  }
  tn_sample *sample =
      movement_failing(samples, "0-dim", TN_INVALID_ARGUMENT, "self", TN_SHAPE_SCALAR);
  tn_sample_int(sample, 0);
  tn_sample_int(sample, 0);
}

const tn_op_spec tn_spec_select_int = {.op = "select.int",
                                       MOVES,
                                       .samples = select_samples,
                                       .reference = select_reference,
                                       .errors = select_errors};

enum { ABSENT = -1000 };

static void add_optional_int(tn_sample *sample, int64_t value) {
  if (value == ABSENT) {
    tn_sample_none(sample);
  } else {
    tn_sample_int(sample, value);
  }
}
static void slice_samples(tn_samples *samples) {
  static const int64_t rows[][4] = {{1, 1, 3, 1},
                                    {1, ABSENT, ABSENT, 2},
                                    {0, 1, ABSENT, 1},
                                    {-1, -3, 100, 2},
                                    {1, 3, 1, 1},
                                    {1, 4, 0, -1},
                                    {1, ABSENT, ABSENT, -2},
                                    {1, ABSENT, 1, -1},
                                    {0, -100, 1, 1},
                                    {1, 100, 200, 1},
                                    {1, 0, 5, 7}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    tn_sample *sample = movement_of(samples, "range", TN_SHAPE(2, 5));
    tn_sample_int(sample, rows[i][0]);
    add_optional_int(sample, rows[i][1]);
    add_optional_int(sample, rows[i][2]);
    tn_sample_int(sample, rows[i][3]);
  }
  movement_of(samples, "all by default", TN_SHAPE(3, 2));
}
// As Python's slice(start, end, step).indices(size).
static void slice_reference(const tn_sample *sample, tn_expected *expected) {
  int32_t dim = reference_dim(tn_sample_int_at(sample, 1, 0), self_of(sample)->ndim);
  int64_t size = size_along(sample, dim), step = tn_sample_int_at(sample, 4, 1);
  int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  int64_t start = step > 0 ? low : high, end = step > 0 ? high : low;
  if (tn_sample_is_given(sample, 2)) {
    int64_t given = tn_sample_int_at(sample, 2, 0);
    start = larger(low, smaller(high, given < 0 ? given + size : given));
  }
  if (tn_sample_is_given(sample, 3)) {
    int64_t given = tn_sample_int_at(sample, 3, 0);
    end = larger(low, smaller(high, given < 0 ? given + size : given));
  }
  int64_t span = step > 0 ? end - start : start - end, pace = step > 0 ? step : -step;
  movement_slice(self_of(sample), dim, start, step, span <= 0 ? 0 : (span + pace - 1) / pace, false,
                 expected);
}
static void slice_errors(tn_samples *samples) {
  tn_sample *sample =
      movement_failing(samples, "step 0", TN_INVALID_ARGUMENT, "step", TN_SHAPE(2, 3));
  tn_sample_int(sample, 0);
  tn_sample_none(sample);
  tn_sample_none(sample);
  tn_sample_int(sample, 0);
  tn_sample_int(movement_failing(samples, "dim", TN_OUT_OF_RANGE, "dim", TN_SHAPE(2, 3)), 2);
  movement_failing(samples, "0-dim", TN_INVALID_ARGUMENT, "self", TN_SHAPE_SCALAR);
}

const tn_op_spec tn_spec_slice_Tensor = {.op = "slice.Tensor",
                                         MOVES,
                                         .samples = slice_samples,
                                         .reference = slice_reference,
                                         .errors = slice_errors};

static void add_narrow(tn_sample *sample, int64_t dim, int64_t start, int64_t length) {
  tn_sample_int(sample, dim);
  tn_sample_int(sample, start);
  tn_sample_int(sample, length);
}
static void narrow_samples(tn_samples *samples) {
  add_narrow(movement_of(samples, "middle", TN_SHAPE(2, 5)), 1, 1, 3);
  add_narrow(movement_of(samples, "from the end", TN_SHAPE(4, 2)), 0, -2, 2);
  add_narrow(movement_of(samples, "nothing", TN_SHAPE(4, 2)), 0, 4, 0);
}
static void narrow_reference(const tn_sample *sample, tn_expected *expected) {
  int32_t dim = reference_dim(tn_sample_int_at(sample, 1, 0), self_of(sample)->ndim);
  int64_t start = tn_sample_int_at(sample, 2, 0);
  if (start < 0) start += size_along(sample, dim);
  movement_slice(self_of(sample), dim, start, 1, tn_sample_int_at(sample, 3, 0), false, expected);
}
static void narrow_errors(tn_samples *samples) {
  add_narrow(movement_failing(samples, "start", TN_OUT_OF_RANGE, "start", TN_SHAPE(4)), 0, 5, 0);
  add_narrow(movement_failing(samples, "length", TN_OUT_OF_RANGE, "length", TN_SHAPE(4)), 0, 2, 3);
  add_narrow(movement_failing(samples, "negative", TN_OUT_OF_RANGE, "length", TN_SHAPE(4)), 0, 2,
             -1);
}

const tn_op_spec tn_spec_narrow = {.op = "narrow",
                                   MOVES,
                                   .samples = narrow_samples,
                                   .reference = narrow_reference,
                                   .errors = narrow_errors};

// ---- diagonal ----------------------------------------------------------------------------------

typedef struct diagonal_of {
  int64_t offset;
  int32_t rows, columns;  // dims
  int64_t length;
} diagonal_of;

static diagonal_of find_diagonal(const tn_sample *sample, int32_t ndim, const int64_t *sizes,
                                 int32_t first_arg) {
  diagonal_of d = {tn_sample_int_at(sample, first_arg, 0),
                   reference_dim(tn_sample_int_at(sample, first_arg + 1, 0), ndim),
                   reference_dim(tn_sample_int_at(sample, first_arg + 2, 1), ndim), 0};
  int64_t above = d.offset > 0 ? d.offset : 0, below = d.offset < 0 ? -d.offset : 0;
  d.length = larger(0, smaller(sizes[d.rows] - below, sizes[d.columns] - above));
  return d;
}
static int32_t diagonal_shape(const tn_sample *sample, int64_t *sizes) {
  const tn_operand *self = self_of(sample);
  diagonal_of diagonal = find_diagonal(sample, self->ndim, self->sizes, 1);
  int32_t ndim = 0;
  for (int32_t d = 0; d < self->ndim; d++) {
    if (d != diagonal.rows && d != diagonal.columns) sizes[ndim++] = self->sizes[d];
  }
  sizes[ndim++] = diagonal.length;
  return ndim;
}
static bool diagonal_index(const tn_sample *sample, const int64_t *index, int64_t *from) {
  const tn_operand *self = self_of(sample);
  diagonal_of diagonal = find_diagonal(sample, self->ndim, self->sizes, 1);
  int64_t along = index[self->ndim - 2];
  int32_t next = 0;
  for (int32_t d = 0; d < self->ndim; d++) {
    if (d != diagonal.rows && d != diagonal.columns) from[d] = index[next++];
  }
  from[diagonal.rows] = along + (diagonal.offset < 0 ? -diagonal.offset : 0);
  from[diagonal.columns] = along + (diagonal.offset > 0 ? diagonal.offset : 0);
  return true;
}
static void diagonal_samples(tn_samples *samples) {
  static const int64_t rows[][3] = {{0, 0, 1},  {1, 0, 1}, {-1, 0, 1},
                                    {0, -1, 0}, {1, 2, 1}, {9, 0, 1}};
  for (int i = 0; i < 6; i++) {
    tn_sample *sample =
        movement_of(samples, "diagonal", i > 2 ? TN_SHAPE(2, 3, 4) : TN_SHAPE(3, 4));
    for (int k = 0; k < 3; k++) tn_sample_int(sample, rows[i][k]);
  }
}
static void diagonal_errors(tn_samples *samples) {
  tn_sample *sample =
      movement_failing(samples, "equal dims", TN_INVALID_ARGUMENT, "dim2", TN_SHAPE(2, 3));
  add_narrow(sample, 0, 1, -1);
  sample = movement_failing(samples, "dim", TN_OUT_OF_RANGE, "dim1", TN_SHAPE(2, 3));
  add_narrow(sample, 0, 2, 1);
}

const tn_op_spec tn_spec_diagonal = {.op = "diagonal",
                                     MOVES,
                                     .samples = diagonal_samples,
                                     .reference = movement_reference,
                                     .errors = diagonal_errors,
                                     .data = &(const movement){diagonal_shape, diagonal_index}};

// ---- gradients back into place: zeros of the input's sizes with grad_output in the part --------

// Appends zeros of argument 1's sizes; writes them and their rank.
static double *expect_input(const tn_sample *sample, tn_expected *expected, tn_ints *sizes) {
  *sizes = tn_sample_ints_at(sample, 1);
  return tn_expect(expected, self_of(sample)->dtype, (int32_t)sizes->count, sizes->data);
}
// Element p of grad_output goes to start + step * index along dim.
static void put_back(const tn_sample *sample, int32_t dim, int64_t start, int64_t step,
                     bool dropped, tn_expected *expected) {
  tn_ints sizes;
  double *out = expect_input(sample, expected, &sizes);
  const tn_operand *grad = self_of(sample);
  int32_t ndim = (int32_t)sizes.count;
  for (int64_t p = 0; out != NULL && p < grad->numel; p++) {
    int64_t index[TN_SPEC_MAX_DIMS], place[TN_SPEC_MAX_DIMS];
    tn_reference_unravel(p, grad->ndim, grad->sizes, index);
    for (int32_t d = 0; d < ndim; d++) {
      int32_t own = dropped && d > dim ? d - 1 : d;
      place[d] = d != dim ? index[own] : dropped ? start : start + step * index[d];
    }
    out[tn_reference_ravel(ndim, sizes.data, place)] = grad->values[p];
  }
}

static void select_backward_samples(tn_samples *samples) {
  for (int64_t dim = -1; dim < 2; dim++) {
    tn_sample *sample = movement_of(samples, "back",
                                    dim == 0   ? TN_SHAPE(3, 4)
                                    : dim == 1 ? TN_SHAPE(2, 4)
                                               : TN_SHAPE(2, 3));
    tn_sample_ints(sample, TN_SHAPE(2, 3, 4));
    tn_sample_int(sample, dim);
    tn_sample_int(sample, dim == 0 ? -1 : 1);
  }
}
static void select_backward_reference(const tn_sample *sample, tn_expected *expected) {
  tn_ints sizes = tn_sample_ints_at(sample, 1);
  int32_t dim = reference_dim(tn_sample_int_at(sample, 2, 0), (int32_t)sizes.count);
  int64_t index = tn_sample_int_at(sample, 3, 0);
  put_back(sample, dim, index < 0 ? index + sizes.data[dim] : index, 1, true, expected);
}
static void backward_errors(tn_samples *samples) {
  tn_sample *sample = movement_failing(samples, "other shape", TN_INVALID_ARGUMENT, "grad_output",
                                       TN_SHAPE(7, 7, 7));
  tn_sample_ints(sample, TN_SHAPE(2, 3, 4));
  bool slice = strcmp(tn_samples_spec(samples)->op, "slice_backward") == 0;
  bool diagonal = strcmp(tn_samples_spec(samples)->op, "diagonal_backward") == 0;
  tn_sample_int(sample, 0);
  tn_sample_int(sample, 0);
  if (slice || diagonal) tn_sample_int(sample, 1);
  if (slice) tn_sample_int(sample, 1);
}

const tn_op_spec tn_spec_select_backward = {.op = "select_backward",
                                            MOVES,
                                            .samples = select_backward_samples,
                                            .reference = select_backward_reference,
                                            .errors = backward_errors};

static void slice_backward_samples(tn_samples *samples) {
  static const int64_t rows[][4] = {{1, 1, 4, 1}, {1, 0, 5, 2}, {0, 0, 1, 1}};
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = movement_of(samples, "back", i < 2 ? TN_SHAPE(2, 3) : TN_SHAPE(1, 5));
    tn_sample_ints(sample, TN_SHAPE(2, 5));
    for (int k = 0; k < 4; k++) tn_sample_int(sample, rows[i][k]);
  }
}
static void slice_backward_reference(const tn_sample *sample, tn_expected *expected) {
  put_back(sample, (int32_t)tn_sample_int_at(sample, 2, 0), tn_sample_int_at(sample, 3, 0),
           tn_sample_int_at(sample, 5, 1), false, expected);
}

const tn_op_spec tn_spec_slice_backward = {.op = "slice_backward",
                                           MOVES,
                                           .samples = slice_backward_samples,
                                           .reference = slice_backward_reference,
                                           .errors = backward_errors};

static void diagonal_backward_samples(tn_samples *samples) {
  for (int64_t offset = -1; offset < 2; offset++) {
    tn_sample *sample = movement_of(samples, "back", offset < 0 ? TN_SHAPE(2) : TN_SHAPE(3));
    tn_sample_ints(sample, TN_SHAPE(3, 4));
    add_narrow(sample, offset, 0, 1);
  }
}
static void diagonal_backward_reference(const tn_sample *sample, tn_expected *expected) {
  tn_ints sizes;
  double *out = expect_input(sample, expected, &sizes);
  diagonal_of diagonal = find_diagonal(sample, 2, sizes.data, 2);
  for (int64_t i = 0; out != NULL && i < diagonal.length; i++) {
    int64_t index[2] = {i, i};
    index[diagonal.rows] += diagonal.offset < 0 ? -diagonal.offset : 0;
    index[diagonal.columns] += diagonal.offset > 0 ? diagonal.offset : 0;
    out[tn_reference_ravel(2, sizes.data, index)] = self_of(sample)->values[i];
  }
}

const tn_op_spec tn_spec_diagonal_backward = {.op = "diagonal_backward",
                                              MOVES,
                                              .samples = diagonal_backward_samples,
                                              .reference = diagonal_backward_reference,
                                              .errors = backward_errors};

// ---- lists of views ----------------------------------------------------------------------------

static int32_t list_dim(const tn_sample *sample, int32_t arg) {
  return reference_dim(tn_sample_int_at(sample, arg, 0), self_of(sample)->ndim);
}
static void expect_pieces(const tn_sample *sample, int32_t dim, int64_t piece,
                          tn_expected *expected) {
  int64_t size = size_along(sample, dim);
  for (int64_t start = 0; start < size; start += piece) {
    movement_slice(self_of(sample), dim, start, 1, smaller(piece, size - start), false, expected);
  }
}

static void pieces_samples(tn_samples *samples) {
  static const int64_t rows[][2] = {{2, 0}, {3, 1}, {1, -1}, {7, 1}};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = movement_of(samples, "pieces", TN_SHAPE(4, 5));
    tn_sample_int(sample, rows[i][0]);
    tn_sample_int(sample, rows[i][1]);
  }
}
static void split_reference(const tn_sample *sample, tn_expected *expected) {
  expect_pieces(sample, list_dim(sample, 2), tn_sample_int_at(sample, 1, 1), expected);
}
static void chunk_reference(const tn_sample *sample, tn_expected *expected) {
  int32_t dim = list_dim(sample, 2);
  int64_t chunks = tn_sample_int_at(sample, 1, 1);
  expect_pieces(sample, dim, (size_along(sample, dim) + chunks - 1) / chunks, expected);
}
static void pieces_errors(tn_samples *samples) {
  tn_sample_int(movement_failing(samples, "negative", TN_INVALID_ARGUMENT, NULL, TN_SHAPE(4)), -1);
  tn_sample *sample = movement_failing(samples, "dim", TN_OUT_OF_RANGE, "dim", TN_SHAPE(4));
  tn_sample_int(sample, 2);
  tn_sample_int(sample, 1);
}

const tn_op_spec tn_spec_split_Tensor = {.op = "split.Tensor",
                                         MOVES,
                                         .samples = pieces_samples,
                                         .reference = split_reference,
                                         .errors = pieces_errors};
const tn_op_spec tn_spec_chunk = {.op = "chunk",
                                  MOVES,
                                  .samples = pieces_samples,
                                  .reference = chunk_reference,
                                  .errors = pieces_errors};

static void sizes_samples(tn_samples *samples) {
  tn_sample_ints(movement_of(samples, "first dim", TN_SHAPE(6, 2)), TN_INTS(1, 3, 2));
  tn_sample *sample = movement_of(samples, "last dim", TN_SHAPE(2, 5));
  tn_sample_ints(sample, TN_INTS(0, 4, 1));
  tn_sample_int(sample, -1);
}
static void sizes_reference(const tn_sample *sample, tn_expected *expected) {
  tn_ints sizes = tn_sample_ints_at(sample, 1);
  int64_t start = 0;
  for (int64_t i = 0; i < sizes.count; i++) {
    movement_slice(self_of(sample), list_dim(sample, 2), start, 1, sizes.data[i], false, expected);
    start += sizes.data[i];
  }
}
static void sizes_errors(tn_samples *samples) {
  const char *name = "split_sizes";
  tn_sample_ints(movement_failing(samples, "sum", TN_INVALID_ARGUMENT, name, TN_SHAPE(6)),
                 TN_INTS(1, 3));
  tn_sample_ints(movement_failing(samples, "negative", TN_INVALID_ARGUMENT, name, TN_SHAPE(6)),
                 TN_INTS(7, -1));
}

const tn_op_spec tn_spec_split_with_sizes = {.op = "split_with_sizes",
                                             MOVES,
                                             .samples = sizes_samples,
                                             .reference = sizes_reference,
                                             .errors = sizes_errors};

static void unbind_samples(tn_samples *samples) {
  movement_of(samples, "first dim", TN_SHAPE(3, 2));
  tn_sample_int(movement_of(samples, "last dim", TN_SHAPE(2, 3, 2)), -1);
}
static void unbind_reference(const tn_sample *sample, tn_expected *expected) {
  int32_t dim = list_dim(sample, 1);
  for (int64_t i = 0; i < size_along(sample, dim); i++) {
    movement_slice(self_of(sample), dim, i, 1, 1, true, expected);
  }
}
static void unbind_errors(tn_samples *samples) {
  movement_failing(samples, "0-dim", TN_INVALID_ARGUMENT, "self", TN_SHAPE_SCALAR);
  tn_sample_int(movement_failing(samples, "dim", TN_OUT_OF_RANGE, "dim", TN_SHAPE(2)), 1);
}

const tn_op_spec tn_spec_unbind_int = {.op = "unbind.int",
                                       MOVES,
                                       .samples = unbind_samples,
                                       .reference = unbind_reference,
                                       .errors = unbind_errors};
