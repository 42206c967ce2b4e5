// SPDX-License-Identifier: Apache-2.0
//
// roll: elements moved along dimensions, what leaves at the end coming back at the beginning. Two
// ranges change places, so it is a cat of two views, and its gradient is theirs.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// |shift| brought into [0, size).
static int64_t wrapped(int64_t shift, int64_t size) {
  int64_t rest = shift % size;
  return rest < 0 ? rest + size : rest;
}

// NULL where |self| is.
static tn_tensor *rolled(tn_tensor *self, int64_t shift, int64_t dim) {
  if (self == NULL) return NULL;
  const int64_t size = self->rank == 0 ? 1 : self->sizes[dim];
  if (size <= 1 || wrapped(shift, size) == 0) return tn_clone(self);
  const int64_t tail = wrapped(shift, size);
  tn_tensor *end = tn_narrow(self, dim, size - tail, tail);
  tn_tensor *beginning = tn_narrow(self, dim, 0, size - tail);
  return tn_cat(TN_TENSORS(end, beginning), .dim = dim);
}

static tn_status roll_compose(tn_compose *compose) {
  const tn_roll_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  const int64_t count = attrs->shifts.count;
  if (attrs->dims.count <= 0 && count == 1) {
    tn_tensor *flat = tn_reshape(self, TN_SHAPE(-1));
    tn_tensor *line = self->numel == 0 ? tn_clone(flat) : rolled(flat, attrs->shifts.data[0], 0);
    compose->results[0] = tn_reshape(line, tn_ints_of(self->sizes, self->rank));
    return tn__status_of(compose->results[0]);
  }
  if (count != attrs->dims.count || count == 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "shifts",
                        "%" PRId64 " shifts for %" PRId64
                        " dims; expected one for each, or one shift and no dims",
                        count, attrs->dims.count < 0 ? 0 : attrs->dims.count);
  }
  tn_tensor *result = self;
  for (int64_t i = 0; i < count && result != NULL; i++) {
    int64_t dim = attrs->dims.data[i];
    TN_TRY(tn__canonical_dim(compose->call, "dims", &dim, self->rank));
    result = rolled(result, attrs->shifts.data[i], dim);
  }
  compose->results[0] = result;
  return tn__status_of(result);
}

/// self with its elements moved by shifts[i] places along dims[i], around the end; without dims, by
/// one shift over the elements in row-major order. Always a copy.
/// self: any shape and dtype; shifts: of either sign and any size; dims: each in [-ndim, ndim), one
/// for each shift. Returns self's shape. gradient: rolled back. errors: INVALID_ARGUMENT for
/// another number of shifts than of dims, OUT_OF_RANGE for a dim. source: ATen `roll`.
const tn_op_def tn_op_roll = {
    .schema = "roll(Tensor self, int[1] shifts, int[1] dims=[]) -> Tensor",
    .compose = roll_compose,
};
