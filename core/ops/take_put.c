// SPDX-License-Identifier: Apache-2.0
//
// take_put: kin of indexing that are written with it: elements by flat or along-one-dimension
// indices, and results that are self with a view, a mask or indexed places replaced. All of them
// have their parts' gradients.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_tensor *flat(tn_tensor *tensor) { return tn_reshape(tensor, TN_SHAPE(-1)); }

// One number as a tensor of |sizes| that takes one element's memory.
static tn_tensor *spread(tn_scalar value, const tn_tensor *like, tn_ints sizes) {
  tn_tensor *one = tn_full(TN_SHAPE_SCALAR, value, .dtype = like->dtype, .device = like->device);
  return tn_expand(one, sizes);
}

// ---- reading -----------------------------------------------------------------------------------

static tn_status take_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0], *index = compose->inputs[1];
  tn_tensor *positions = tn_aten_index_positions(index, 0, self->numel, 1);
  TN_TRY(tn__status_of(positions));
  if (index->numel == 0) {
    compose->results[0] =
        tn_reshape(tn_slice(tn_reshape(self, TN_SHAPE(self->numel)), .end = TN_INT(0)),
                   tn_tensor_shape(index));
    return TN_OK;
  }
  compose->results[0] =
      tn_reshape(tn_index_select(flat(self), 0, flat(positions)), tn_tensor_shape(index));
  return TN_OK;
}

/// The elements of self, seen as one dimension, that index names: result[i] = self.flat[index[i]].
/// self: any shape and dtype; index: any shape and integer dtype, negative ones counting from the
/// end. Returns index's shape. gradient: added up where elements came from. errors: OUT_OF_RANGE
/// for an index; INVALID_DTYPE. source: ATen `take`.
const tn_op_def tn_op_take = {
    .schema = "take(Tensor self, Tensor index) -> Tensor",
    .exempt = 1u << 1,
    .compose = take_compose,
};

// The shape of |tensor| broadcast with |other| along all dimensions but |dim|; -1 where they do
// not.
static int32_t joined_but(const tn_tensor *tensor, const tn_tensor *other, int64_t dim,
                          int64_t *sizes) {
  for (int32_t d = 0; d < tensor->rank; d++) {
    const int64_t a = tensor->sizes[d], b = other->sizes[d];
    if (d != dim && a != b && a != 1 && b != 1) return -1;
    sizes[d] = d == dim || b == 1 ? a : b;
  }
  return tensor->rank;
}

static tn_status take_along_dim_compose(tn_compose *compose) {
  const tn_take_along_dim_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *indices = compose->inputs[1];
  if (!attrs->dim.present) {
    compose->results[0] = tn_take(self, flat(indices));
    return TN_OK;
  }
  int64_t dim = attrs->dim.value, sizes[TN_MAX_DIMS];
  TN_TRY(tn__canonical_dim(compose->call, "dim", &dim, self->rank));
  const int32_t rank = self->rank == indices->rank ? joined_but(self, indices, dim, sizes) : -1;
  if (rank < 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "indices",
                        "expected self's rank and sizes that broadcast but for dimension %" PRId64,
                        dim);
  }
  tn_tensor *wide = tn_expand(self, tn_ints_of(sizes, rank));
  joined_but(indices, self, dim, sizes);
  tn_tensor *positions =
      tn_aten_index_positions(indices, dim, self->rank == 0 ? 1 : self->sizes[dim], 1);
  compose->results[0] = tn_gather(wide, dim, tn_expand(positions, tn_ints_of(sizes, rank)));
  return TN_OK;
}

/// Elements of self picked along dim, as `gather`, after self and indices are broadcast along all
/// other dimensions; without dim, of both seen as one dimension. indices: any integer dtype,
/// negative ones counting from the end. gradient: as `gather`. errors: OUT_OF_RANGE for dim or an
/// index; INVALID_ARGUMENT for shapes; INVALID_DTYPE. source: ATen `take_along_dim`.
const tn_op_def tn_op_take_along_dim = {
    .schema = "take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor",
    .aliases = "take_along_axis",
    .exempt = 1u << 1,
    .compose = take_along_dim_compose,
};

// ---- numbers -----------------------------------------------------------------------------------

static tn_status scatter_value_compose(tn_compose *compose) {
  const tn_scatter_value_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *index = compose->inputs[1];
  tn_tensor *src = spread(attrs->value, self, tn_tensor_shape(index));
  compose->results[0] = tn_scatter(self, attrs->dim, index, src);
  return TN_OK;
}

/// self with value written where index says, along dim, as `scatter.src` writes.
/// gradient: zero at places written. errors: as `scatter.src`. source: ATen `scatter.value`.
// clang-format off
const tn_op_def tn_op_scatter_value = {
    .schema = "scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
    // clang-format on
    .forms = TN_FORM_INPLACE,
    .exempt = 1u << 1,
    .compose = scatter_value_compose,
};

// ---- views replaced ----------------------------------------------------------------------------

// self with |src|, of the view's very shape, in place of the view of |whole|.
static tn_status replace(tn_compose *compose, tn_tensor *whole, tn_tensor *view) {
  tn_tensor *src = compose->inputs[1];
  TN_TRY(tn__status_of(view));
  bool same = view->rank == src->rank;
  for (int32_t d = 0; same && d < view->rank; d++) same = view->sizes[d] == src->sizes[d];
  if (!same) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "src",
                        "expected the shape of what it replaces");
  }
  compose->results[0] = whole;
  return tn_copy_(view, src);
}

static tn_status select_scatter_compose(tn_compose *compose) {
  const tn_select_scatter_attrs *attrs = compose->attrs;
  tn_tensor *whole = tn_clone(compose->inputs[0]);
  return replace(compose, whole, tn_select(whole, attrs->dim, attrs->index));
}

/// self with src in place of one index along dim: a copy. src: the shape of select(self, dim,
/// index), any dtype. gradient: to self but for what is replaced, and to src. errors: as `select`;
/// INVALID_ARGUMENT for src's shape. source: ATen `select_scatter`.
const tn_op_def tn_op_select_scatter = {
    .schema = "select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor",
    .exempt = 1u << 1,
    .compose = select_scatter_compose,
};

static tn_status slice_scatter_compose(tn_compose *compose) {
  const tn_slice_scatter_attrs *attrs = compose->attrs;
  tn_tensor *whole = tn_clone(compose->inputs[0]);
  return replace(compose, whole,
                 tn_slice(whole, .dim = attrs->dim, .start = attrs->start, .end = attrs->end,
                          .step = TN_INT(attrs->step)));
}

/// self with src in place of a slice along dim: a copy. src: the shape of slice(self, dim, start,
/// end, step), any dtype. gradient: as `select_scatter`. errors: as `slice`; INVALID_ARGUMENT for
/// src's shape. source: ATen `slice_scatter`.
// clang-format off
const tn_op_def tn_op_slice_scatter = {
    .schema = "slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    // clang-format on
    .exempt = 1u << 1,
    .compose = slice_scatter_compose,
};

// ---- masks -------------------------------------------------------------------------------------

static tn_status masked_scatter_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0], *mask = compose->inputs[1], *source = compose->inputs[2];
  int64_t sizes[TN_MAX_DIMS];
  if (mask->dtype != TN_BOOL || source->dtype != self->dtype) {
    return tn__op_error(compose->call, TN_INVALID_DTYPE, mask->dtype != TN_BOOL ? "mask" : "source",
                        "expected a mask of bool and self's dtype for source");
  }
  const int32_t rank = tn_broadcast_shapes(tn_tensor_shape(self), tn_tensor_shape(mask), sizes);
  if (rank < 0) {
    tn_error_clear();
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "mask",
                        "it does not broadcast to self");
  }
  const tn_ints shape = tn_ints_of(sizes, rank);
  tn_tensor *whole = tn_expand(self, shape);
  TN_TRY(tn__status_of(whole));
  tn_tensor *places = tn_nonzero(tn_reshape(tn_expand(mask, shape), TN_SHAPE(whole->numel)));
  TN_TRY(tn__status_of(places));
  const int64_t count = places->sizes[0];
  if (source->numel < count) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "source",
                        "it has %" PRId64 " elements and the mask wants %" PRId64, source->numel,
                        count);
  }
  tn_tensor *taken = tn_slice(tn_reshape(source, TN_SHAPE(source->numel)), .end = TN_INT(count));
  tn_tensor *put = tn_index_copy(tn_reshape(whole, TN_SHAPE(whole->numel)), 0,
                                 tn_reshape(places, TN_SHAPE(count)), taken);
  compose->results[0] = tn_reshape(put, shape);
  return TN_OK;
}

/// self with its elements where mask is true replaced by source's, in row-major order of both.
/// mask: bool, a shape that broadcasts with self's; source: self's dtype, any shape with enough
/// elements. gradient: to self where mask is false, to source's elements that were used. errors:
/// INVALID_ARGUMENT for shapes or too few elements; INVALID_DTYPE. source: ATen `masked_scatter`.
const tn_op_def tn_op_masked_scatter = {
    .schema = "masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
    .forms = TN_FORM_INPLACE,
    .exempt = 1u << 1,
    .compose = masked_scatter_compose,
};
