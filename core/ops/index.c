// SPDX-License-Identifier: Apache-2.0
//
// index: NumPy's indexing by tensors. Each operand stands for one dimension, a mask for as many as
// it has, and absent ones leave theirs whole. The indexed dimensions are seen as one, in which the
// operands name positions; what moves whole slices along one dimension (index_select, index_copy,
// index_add) does the rest and gives the gradients. Where the indexed dimensions do not lie side by
// side they come first, as in NumPy. Every index is checked by the kernel of _index_positions.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// ---- positions ---------------------------------------------------------------------------------

static tn_status positions_infer(tn_infer *infer) {
  infer->key = infer->inputs[0]->dtype;
  return tn__infer_same(infer);
}

/// step times an index along dimension dim, which has size elements; a negative index counts from
/// the end. index: any shape, any integer dtype. Returns int64. No gradient. errors: OUT_OF_RANGE
/// for an index, from the kernel, which names index, dim and size; INVALID_DTYPE. source: Tenon;
/// the positions behind ATen's `index`.
// clang-format off
const tn_op_def tn_op__index_positions = {
    .schema = "_index_positions(Tensor index, int dim, int size, int step) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .dtypes = TN_DTYPES_INTEGER,
    .result_dtype = TN_I64,
    .infer = positions_infer,
};

// ---- the plan ----------------------------------------------------------------------------------

typedef struct index_plan {
  int32_t count;              // of indexed dimensions
  int32_t dims[TN_MAX_DIMS];  // ascending
  tn_tensor *indices[TN_MAX_DIMS];
  int32_t rank;  // of the indices' common shape
  int64_t shape[TN_MAX_DIMS];
  bool in_place;  // the indexed dimensions lie side by side
  int32_t first;  // where they start, in |order|
  int64_t order[TN_MAX_DIMS];
  int64_t sizes[TN_MAX_DIMS];   // self's, in |order|
  int64_t flat[TN_MAX_DIMS];    // the same with the indexed dimensions as one
  int64_t picked[TN_MAX_DIMS];  // the same with the indices' shape in its place
  int32_t self_rank, flat_rank, picked_rank;
  tn_tensor *positions;  // [n]
} index_plan;

static bool is_mask(const tn_tensor *index) {
  return index->dtype == TN_BOOL || index->dtype == TN_U8;
}

// A mask becomes one index for each of its dimensions.
static tn_status take_mask(tn__call *call, const tn_tensor *self, tn_tensor *mask, int32_t dim,
                           index_plan *plan) {
  if (mask->rank == 0) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "indices",
                        "a 0-dim mask stands for no dimension; use where() or unsqueeze() first");
  }
  for (int32_t d = 0; d < mask->rank; d++) {
    if (dim + d < self->rank && mask->sizes[d] == self->sizes[dim + d]) continue;
    return tn__op_error(call, TN_INVALID_ARGUMENT, "indices",
                        "dimension %d of a mask has size %" PRId64
                        " and stands for dimension %d "
                        "of self%s, which has size %" PRId64,
                        (int)d, mask->sizes[d], (int)(dim + d),
                        dim + d < self->rank ? "" : " (there is none)",
                        dim + d < self->rank ? self->sizes[dim + d] : 0);
  }
  tn_tensor *found = tn_nonzero(mask);
  for (int32_t d = 0; d < mask->rank; d++) {
    tn_tensor *index = tn_select(found, 1, d);
    TN_TRY(tn__status_of(index));
    plan->dims[plan->count] = dim + d;
    plan->indices[plan->count++] = index;
  }
  return TN_OK;
}

static tn_status take_indices(tn__call *call, const tn_tensor *self, tn_tensors list,
                              index_plan *plan) {
  int32_t dim = 0;
  for (int64_t i = 0; i < list.count; i++) {
    tn_tensor *index = list.data[i];
    const bool absent = tn__is_none(index);
    if (dim >= self->rank) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, "indices",
                          "there are more indices than self's %d dimensions", (int)self->rank);
    }
    if (!absent && is_mask(index)) {
      TN_TRY(take_mask(call, self, index, dim, plan));
      dim += index->rank;
      continue;
    }
    if (!absent && !tn_dtype_in(index->dtype, TN_DTYPES_INTEGER)) {
      return tn__op_error(call, TN_INVALID_DTYPE, "indices",
                          "expected integers, or bool as a mask, not %s",
                          tn_dtype_name(index->dtype));
    }
    if (!absent) {
      plan->dims[plan->count] = dim;
      plan->indices[plan->count++] = index;
    }
    dim++;
  }
  return TN_OK;
}

static tn_status join_shapes(tn__call *call, index_plan *plan) {
  for (int32_t i = 0; i < plan->count; i++) {
    int64_t joined[TN_MAX_DIMS];
    const int32_t rank = tn_broadcast_shapes(tn_ints_of(plan->shape, plan->rank),
                                             tn_tensor_shape(plan->indices[i]), joined);
    if (rank < 0) {
      tn_error_clear();
      return tn__op_error(call, TN_INVALID_ARGUMENT, "indices",
                          "the shapes of the indices do not broadcast");
    }
    plan->rank = rank;
    for (int32_t d = 0; d < rank; d++) plan->shape[d] = joined[d];
  }
  return TN_OK;
}

// Which dimensions come in which order, and their sizes before, between and after.
static tn_status lay_out(tn__call *call, const tn_tensor *self, index_plan *plan) {
  const int32_t count = plan->count;
  plan->self_rank = self->rank;
  plan->in_place = plan->dims[count - 1] - plan->dims[0] == count - 1;
  plan->first = plan->in_place ? plan->dims[0] : 0;
  if (self->rank - count + plan->rank > TN_MAX_DIMS) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "indices",
                        "the result would have more than %d dimensions", TN_MAX_DIMS);
  }
  int32_t indexed = plan->first, other = plan->in_place ? 0 : count, next = 0;
  for (int32_t d = 0; d < self->rank; d++) {
    const bool is_indexed = next < count && plan->dims[next] == d;
    if (is_indexed) next++;
    if (!is_indexed && other == plan->first && plan->in_place) other += count;
    plan->order[is_indexed ? indexed++ : other++] = d;
  }
  uint64_t together = 1;  // wraps around only where self has no elements
  for (int32_t i = 0; i < count; i++) together *= (uint64_t)self->sizes[plan->dims[i]];
  for (int32_t d = 0; d < self->rank; d++) {
    plan->sizes[d] = self->sizes[plan->order[d]];
    if (d == plan->first) {
      plan->flat[plan->flat_rank++] = (int64_t)together;
      for (int32_t k = 0; k < plan->rank; k++) plan->picked[plan->picked_rank++] = plan->shape[k];
    }
    if (d >= plan->first && d < plan->first + count) continue;
    plan->flat[plan->flat_rank++] = plan->sizes[d];
    plan->picked[plan->picked_rank++] = plan->sizes[d];
  }
  return TN_OK;
}

static tn_status find_positions(const tn_tensor *self, index_plan *plan) {
  tn_tensor *sum = NULL;
  uint64_t step = 1;
  for (int32_t i = plan->count - 1; i >= 0; i--) {
    const int64_t size = self->sizes[plan->dims[i]];
    tn_tensor *along =
        tn_aten_index_positions(plan->indices[i], plan->dims[i], size, (int64_t)step);
    sum = sum == NULL ? along : tn_add(sum, along);
    TN_TRY(tn__status_of(sum));
    step *= (uint64_t)size;
  }
  plan->positions = tn_reshape(sum, TN_SHAPE(-1));
  if (sum->numel == 0) plan->positions = tn_reshape(sum, TN_SHAPE(0));
  return tn__status_of(plan->positions);
}

// Without anything indexed |plan->count| is 0 and nothing else is set.
static tn_status make_plan(tn__call *call, const tn_tensor *self, tn_tensors list,
                           index_plan *plan) {
  TN_TRY(take_indices(call, self, list, plan));
  if (plan->count == 0) return TN_OK;
  TN_TRY(join_shapes(call, plan));
  TN_TRY(lay_out(call, self, plan));
  return find_positions(self, plan);
}

// self with the indexed dimensions as one.
static tn_tensor *flatten(tn_tensor *self, const index_plan *plan) {
  if (!plan->in_place) self = tn_permute(self, tn_ints_of(plan->order, plan->self_rank));
  if (plan->count == 1) return self;
  return tn_reshape(self, tn_ints_of(plan->flat, plan->flat_rank));
}

static tn_tensor *unflatten(tn_tensor *flat, const index_plan *plan) {
  if (plan->count > 1) flat = tn_reshape(flat, tn_ints_of(plan->sizes, plan->self_rank));
  if (plan->in_place) return flat;
  int64_t back[TN_MAX_DIMS];
  for (int32_t d = 0; d < plan->self_rank; d++) back[plan->order[d]] = d;
  return tn_permute(flat, tn_ints_of(back, plan->self_rank));
}

static tn_ints picked_shape(const index_plan *plan) {
  return tn_ints_of(plan->picked, plan->picked_rank);
}

// ---- index -------------------------------------------------------------------------------------

static tn_status index_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  index_plan plan = {0};
  TN_TRY(make_plan(compose->call, self, (tn_tensors){compose->inputs + 1, compose->input_count - 1},
                   &plan));
  if (plan.count == 0) {
    compose->results[0] = tn_clone(self);
  } else if (self->numel == 0) {
    compose->results[0] = tn_reshape(self, picked_shape(&plan));
  } else {
    tn_tensor *rows = tn_index_select(flatten(self, &plan), plan.first, plan.positions);
    compose->results[0] = plan.rank == 1 ? rows : tn_reshape(rows, picked_shape(&plan));
  }
  return tn__status_of(compose->results[0]);
}

/// The elements of self that indices name, as NumPy's self[i, j, ...]: a copy. indices: at most one
/// for each dimension of self, TN_NONE leaving its dimension whole. Integers of any dtype but uint8
/// stand for one dimension, negative ones counting from its end; their shapes broadcast. bool, and
/// uint8 with 0 as false, is a mask, which stands for as many dimensions as it has, of the same
/// sizes, and means the indices of its true elements. Returns self's dtype; the indices' common
/// shape takes the place of the indexed dimensions, or comes first where others lie between them.
/// gradient: added up where the elements came from. errors: OUT_OF_RANGE for an index;
/// INVALID_ARGUMENT for shapes or too many indices; INVALID_DTYPE. source: ATen `index.Tensor`.
const tn_op_def tn_op_index_Tensor = {
    .schema = "index.Tensor(Tensor self, Tensor?[] indices) -> Tensor",
    .exempt = ~1u,
    .compose = index_compose,
};

// ---- index_put ---------------------------------------------------------------------------------

// |values| as slices for |flat|, one for each position.
static tn_tensor *slices_of(tn__call *call, tn_tensor *values, const index_plan *plan) {
  int64_t shape[TN_MAX_DIMS];
  const int32_t rank = tn_broadcast_shapes(tn_tensor_shape(values), picked_shape(plan), shape);
  bool fits = rank == plan->picked_rank;
  for (int32_t d = 0; fits && d < rank; d++) fits = shape[d] == plan->picked[d];
  if (!fits) {
    if (rank < 0) tn_error_clear();
    tn__op_error(call, TN_INVALID_ARGUMENT, "values",
                 "its shape does not broadcast to that of the indexed elements");
    return NULL;
  }
  tn_tensor *spread = tn_expand(values, picked_shape(plan));
  int64_t sizes[TN_MAX_DIMS];
  for (int32_t d = 0; d < plan->flat_rank; d++) {
    sizes[d] = d == plan->first ? plan->positions->numel : plan->flat[d];
  }
  return tn_reshape(spread, tn_ints_of(sizes, plan->flat_rank));
}

static tn_status index_put_compose(tn_compose *compose) {
  const tn_index_put_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *values = compose->inputs[1];
  index_plan plan = {0};
  if (values->dtype != self->dtype) {
    return tn__op_error(compose->call, TN_INVALID_DTYPE, "values", "expected self's dtype, not %s",
                        tn_dtype_name(values->dtype));
  }
  TN_TRY(make_plan(compose->call, self, (tn_tensors){compose->inputs + 2, compose->input_count - 2},
                   &plan));
  if (plan.count == 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "indices",
                        "at least one index must be given; use copy_ to write everything");
  }
  tn_tensor *slices = slices_of(compose->call, values, &plan);
  TN_TRY(tn__status_of(slices));
  if (self->numel == 0) {
    compose->results[0] = tn_clone(self);
    return TN_OK;
  }
  tn_tensor *flat = flatten(self, &plan);
  flat = attrs->accumulate ? tn_index_add(flat, plan.first, plan.positions, slices)
                           : tn_index_copy(flat, plan.first, plan.positions, slices);
  compose->results[0] = unflatten(flat, &plan);
  return tn__status_of(compose->results[0]);
}

/// self with values written at the places that indices name, as `index` reads them: NumPy's
/// self[i, j, ...] = values. With accumulate they are added, repeated places adding up in row-major
/// order; otherwise the last of them stays. values: self's dtype, a shape that broadcasts to what
/// `index` would return. gradient: self's is zero at places written (accumulate: passes on),
/// values' is what stands there. errors: as `index`; INVALID_ARGUMENT for values' shape;
/// INVALID_DTYPE. source: ATen `index_put`.
// clang-format off
const tn_op_def tn_op_index_put = {
    .schema = "index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
    // clang-format on
    .forms = TN_FORM_INPLACE,
    .exempt = ~3u,
    .compose = index_put_compose,
};
