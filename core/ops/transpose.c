// SPDX-License-Identifier: Apache-2.0
//
// transpose: views whose dimensions stand in another order. Each gradient goes back through the
// inverse order.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// result's dimension d is self's dimension order[d].
static void reorder(const tn_tensor *self, const int64_t *order, tn__result *result) {
  result->rank = self->rank;
  result->offset = self->offset;
  for (int32_t d = 0; d < self->rank; d++) {
    result->sizes[d] = self->sizes[order[d]];
    result->strides[d] = self->strides[order[d]];
  }
}

static tn_status permute_infer(tn_infer *infer) {
  tn_permute_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  if (attrs->dims.count != self->rank) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "dims",
                        "expected every one of the input's %d dimensions once, not %" PRId64
                        " entries",
                        (int)self->rank, attrs->dims.count);
  }
  int64_t *dims = tn__call_ints(infer->call, attrs->dims.data, attrs->dims.count);
  if (dims == NULL && attrs->dims.count > 0) return TN_OUT_OF_MEMORY;
  uint32_t seen = 0;
  for (int32_t d = 0; d < self->rank; d++) {
    TN_TRY(tn__canonical_dim(infer->call, "dims", &dims[d], self->rank));
    if (seen & (1u << dims[d])) {
      return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "dims",
                          "dimension %" PRId64 " is repeated", dims[d]);
    }
    seen |= 1u << dims[d];
  }
  attrs->dims.data = dims;
  reorder(self, dims, &infer->results[0]);
  return TN_OK;
}

static tn_status permute_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_permute_attrs *attrs = tn_vjp_attrs(vjp);
  int64_t inverse[TN_MAX_DIMS];
  for (int64_t d = 0; d < attrs->dims.count; d++) inverse[attrs->dims.data[d]] = d;
  grad_in[0] = tn_permute(grad_out[0], tn_ints_of(inverse, attrs->dims.count));
  return tn__status_of(grad_in[0]);
}

/// A view with the dimensions in another order: result dimension d is self's dimension dims[d].
/// self: any shape and dtype. dims: each dimension once, negative ones count from the end.
/// errors: INVALID_ARGUMENT for missing or repeated dims; OUT_OF_RANGE. source: ATen `permute`.
const tn_op_def tn_op_permute = {
    .schema = "permute(Tensor self, int[] dims) -> Tensor",
    .aliases = "permute_dims",
    .flags = TN_OP_VIEW,
    .infer = permute_infer,
    .vjp = permute_vjp,
};

static tn_status transpose_infer(tn_infer *infer) {
  tn_transpose_int_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  TN_TRY(tn__canonical_dim(infer->call, "dim0", &attrs->dim0, self->rank));
  TN_TRY(tn__canonical_dim(infer->call, "dim1", &attrs->dim1, self->rank));
  int64_t order[TN_MAX_DIMS];
  for (int32_t d = 0; d < self->rank; d++) order[d] = d;
  if (self->rank > 0) {
    order[attrs->dim0] = attrs->dim1;
    order[attrs->dim1] = attrs->dim0;
  }
  reorder(self, order, &infer->results[0]);
  return TN_OK;
}

static tn_status transpose_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_transpose_int_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_transpose(grad_out[0], attrs->dim0, attrs->dim1);
  return tn__status_of(grad_in[0]);
}

/// A view with two dimensions exchanged. self: any shape and dtype.
/// errors: OUT_OF_RANGE for a dim. source: ATen `transpose.int`.
const tn_op_def tn_op_transpose_int = {
    .schema = "transpose.int(Tensor self, int dim0, int dim1) -> Tensor",
    .aliases = "swapaxes,swapdims",
    .flags = TN_OP_VIEW,
    .infer = transpose_infer,
    .vjp = transpose_vjp,
};

static tn_status t_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  if (self->rank > 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "expected at most 2 dimensions, not %d; use transpose or permute",
                        (int)self->rank);
  }
  compose->results[0] = self->rank == 2 ? tn_transpose(self, 0, 1) : tn_alias(self);
  return tn__status_of(compose->results[0]);
}

/// A matrix's transpose, as a view; tensors of fewer dimensions as they are.
/// self: at most 2 dimensions, any dtype. errors: INVALID_ARGUMENT. source: ATen `t`.
const tn_op_def tn_op_t = {
    .schema = "t(Tensor self) -> Tensor",
    .compose = t_compose,
};

static tn_status mT_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  if (self->rank < 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "expected a matrix or a stack of them, not %d dimensions", (int)self->rank);
  }
  compose->results[0] = tn_transpose(self, -2, -1);
  return tn__status_of(compose->results[0]);
}

/// The transpose of each matrix of a stack, as a view. self: at least 2 dimensions, any dtype.
/// errors: INVALID_ARGUMENT for fewer. source: ATen `mT`.
const tn_op_def tn_op_mT = {
    .schema = "mT(Tensor self) -> Tensor",
    .compose = mT_compose,
};

static tn_status movedim_compose(tn_compose *compose) {
  const tn_movedim_int_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  int64_t source = attrs->source, destination = attrs->destination, next = 0;
  TN_TRY(tn__canonical_dim(compose->call, "source", &source, self->rank));
  TN_TRY(tn__canonical_dim(compose->call, "destination", &destination, self->rank));
  int64_t order[TN_MAX_DIMS];
  for (int32_t d = 0; d < self->rank; d++) {
    if (next == source) next++;
    order[d] = d == destination ? source : next++;
  }
  compose->results[0] = tn_permute(self, tn_ints_of(order, self->rank));
  return tn__status_of(compose->results[0]);
}

/// A view with one dimension moved to another place; the others keep their order.
/// self: any shape and dtype. errors: OUT_OF_RANGE for a dim. source: ATen `movedim.int`.
const tn_op_def tn_op_movedim_int = {
    .schema = "movedim.int(Tensor self, int source, int destination) -> Tensor",
    .aliases = "moveaxis",
    .compose = movedim_compose,
};

// Writes the canonical dims of |list| and the set of them.
static tn_status distinct_dims(tn__call *call, const char *argument, tn_ints list, int32_t rank,
                               int64_t *dims, uint32_t *set) {
  *set = 0;
  for (int64_t i = 0; i < list.count; i++) {
    int64_t dim = list.data[i];
    TN_TRY(tn__canonical_dim(call, argument, &dim, rank));
    if (*set & (1u << dim)) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, argument, "dimension %" PRId64 " is repeated",
                          dim);
    }
    *set |= 1u << dim;
    dims[i] = dim;
  }
  return TN_OK;
}

static tn_status movedim_intlist_compose(tn_compose *compose) {
  const tn_movedim_intlist_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  const int64_t count = attrs->source.count;
  if (count != attrs->destination.count) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "destination",
                        "expected as many entries as source has, %" PRId64 ", not %" PRId64, count,
                        attrs->destination.count);
  }
  // A list of more entries than dimensions repeats one or is out of range, and both are noticed
  // before the arrays are full. A 0-dim tensor has one dimension to name.
  int64_t source[TN_MAX_DIMS + 1], destination[TN_MAX_DIMS + 1], order[TN_MAX_DIMS + 1];
  uint32_t taken, placed;
  TN_TRY(distinct_dims(compose->call, "source", attrs->source, self->rank, source, &taken));
  TN_TRY(distinct_dims(compose->call, "destination", attrs->destination, self->rank, destination,
                       &placed));
  for (int64_t i = 0; i < count; i++) order[destination[i]] = source[i];
  int64_t next = 0;
  for (int32_t d = 0; d < self->rank; d++) {
    if (placed & (1u << d)) continue;
    while (taken & (1u << next)) next++;
    order[d] = next++;
  }
  compose->results[0] = tn_permute(self, tn_ints_of(order, self->rank));
  return tn__status_of(compose->results[0]);
}

/// A view with dimension source[i] moved to place destination[i]; the others keep their order.
/// self: any shape and dtype. source, destination: equally many dims, none twice in a list.
/// errors: INVALID_ARGUMENT for a repeated dim or lists of different lengths; OUT_OF_RANGE for a
/// dim. source: ATen `movedim.intlist`.
const tn_op_def tn_op_movedim_intlist = {
    .schema = "movedim.intlist(Tensor self, int[] source, int[] destination) -> Tensor",
    .compose = movedim_intlist_compose,
};
