// SPDX-License-Identifier: Apache-2.0
//
// gather_scatter: single elements moved by an index along one dimension. gather reads from where
// index says, scatter writes there, scatter_add adds there; each one's gradient is made of the
// others. Kernels check every index against the dimension.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// A 0-dim tensor counts as one of 1 element.
static int64_t size_along(const tn_tensor *tensor, int32_t d) {
  return tensor->rank == 0 ? 1 : tensor->sizes[d];
}

static int32_t dimensions_of(const tn_tensor *tensor) {
  return tensor->rank == 0 ? 1 : tensor->rank;
}

// index must fit within |whole|, along every dimension but |except|.
static tn_status expect_within(tn_infer *infer, const tn_tensor *whole, const char *name,
                               int64_t except) {
  const tn_tensor *index = infer->inputs[1];
  bool ranks = dimensions_of(index) == dimensions_of(whole);
  if (!ranks && index->numel > 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "index",
                        "it has %d dimensions and %s has %d; expected as many", (int)index->rank,
                        name, (int)whole->rank);
  }
  for (int32_t d = 0; ranks && d < dimensions_of(index); d++) {
    if (d == except || size_along(index, d) <= size_along(whole, d)) continue;
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "index",
                        "its size %" PRId64 " along dimension %d is larger than %s's %" PRId64,
                        size_along(index, d), (int)d, name, size_along(whole, d));
  }
  return TN_OK;
}

static tn_status gather_infer(tn_infer *infer) {
  tn_gather_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  TN_TRY(tn__canonical_dim(infer->call, "dim", &attrs->dim, self->rank));
  TN_TRY(tn__expect_index(infer, 1, "index"));
  TN_TRY(expect_within(infer, self, "self", attrs->dim));
  return tn__result_shape(infer, 0, tn_tensor_shape(infer->inputs[1]));
}

static tn_status gather_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_gather_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *whole = tn__zeros_beside(grad_out[0], tn_vjp_input_sizes(vjp, 0));
  grad_in[0] = tn_scatter_add(whole, attrs->dim, tn_vjp_input(vjp, 1), grad_out[0]);
  return tn__status_of(grad_in[0]);
}

/// Elements of self picked along dim: for dim 1 of 3, result[i, j, k] = self[i, index[i, j, k], k].
/// self: any shape and dtype; index: int64 or int32, self's rank, at most self's size along the
/// other dimensions, each in [0, size of dim). Returns index's shape. sparse_grad: no meaning here,
/// the gradient is dense. errors: OUT_OF_RANGE for dim, and for an index, from the kernel;
/// INVALID_ARGUMENT for shapes; INVALID_DTYPE. source: ATen `gather`.
// clang-format off
const tn_op_def tn_op_gather = {
    .schema = "gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
    // clang-format on
    .exempt = 1u << 1,
    .infer = gather_infer,
    .saves = {TN_SAVE_INPUT(1)},
    .save_count = 1,
    .vjp = gather_vjp,
};

static tn_status infer_scatter(tn_infer *infer, int64_t *dim) {
  const tn_tensor *self = infer->inputs[0], *src = infer->inputs[2];
  TN_TRY(tn__canonical_dim(infer->call, "dim", dim, self->rank));
  TN_TRY(tn__expect_index(infer, 1, "index"));
  TN_TRY(expect_within(infer, self, "self", *dim));
  TN_TRY(expect_within(infer, src, "src", -1));
  return tn__infer_same(infer);
}

// src's gradient: what stands in the places written, and zeros for the part of src beyond index.
static tn_status gradient_of_src(tn_vjp *vjp, int64_t dim, tn_tensor *grad, tn_tensor **grad_in) {
  if (!tn_vjp_needs(vjp, 2)) return TN_OK;
  tn_tensor *index = tn_vjp_input(vjp, 1);
  TN_TRY(tn__status_of(index));
  tn_ints sizes = tn_vjp_input_sizes(vjp, 2);
  if (tn_tensor_numel(index) == 0) {
    grad_in[2] = tn__zeros_beside(grad, sizes);
    return tn__status_of(grad_in[2]);
  }
  tn_tensor *picked = tn_gather(grad, dim, index);
  int64_t grown[TN_MAX_DIMS];
  for (int32_t d = 0; d < tn_tensor_ndim(index); d++) grown[d] = tn_tensor_size(index, d);
  for (int32_t d = 0; d < tn_tensor_ndim(index); d++) {
    int64_t covered = grown[d];
    if (d >= sizes.count || covered == sizes.data[d]) continue;
    grown[d] = sizes.data[d];
    picked = tn_slice_backward(picked, tn_ints_of(grown, sizes.count), d, 0, covered, 1);
  }
  grad_in[2] = picked;
  return tn__status_of(picked);
}

static tn_status scatter_add_infer(tn_infer *infer) {
  tn_scatter_add_attrs *attrs = infer->attrs;
  return infer_scatter(infer, &attrs->dim);
}

static tn_status scatter_add_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_scatter_add_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = grad_out[0];
  return gradient_of_src(vjp, attrs->dim, grad_out[0], grad_in);
}

/// self with every element of src added where index says, along dim: for dim 1 of 3, result[i,
/// index[i, j, k], k] += src[i, j, k]; repeated places add up. self: any shape and dtype; index:
/// int64 or int32, self's rank, at most src's size along every dimension and self's along all but
/// dim, each in [0, size of dim); src: self's rank and dtype.
/// errors: OUT_OF_RANGE for dim, and for an index, from the kernel; INVALID_ARGUMENT for shapes;
/// INVALID_DTYPE. source: ATen `scatter_add`.
// clang-format off
const tn_op_def tn_op_scatter_add = {
    .schema = "scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
    // clang-format on
    .forms = TN_FORM_INPLACE,
    .exempt = 1u << 1,
    .infer = scatter_add_infer,
    .saves = {0, 0, TN_SAVE_INPUT(1)},
    .save_count = 3,
    .vjp = scatter_add_vjp,
};

static tn_status scatter_infer(tn_infer *infer) {
  tn_scatter_src_attrs *attrs = infer->attrs;
  return infer_scatter(infer, &attrs->dim);
}

static tn_status scatter_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_scatter_src_attrs *attrs = tn_vjp_attrs(vjp);
  if (tn_vjp_needs(vjp, 0)) {
    tn_tensor *index = tn_vjp_input(vjp, 1);
    tn_tensor *zeros = tn__zeros_beside(grad_out[0], tn_tensor_shape(index));
    grad_in[0] = tn_scatter(grad_out[0], attrs->dim, index, zeros);
    TN_TRY(tn__status_of(grad_in[0]));
  }
  return gradient_of_src(vjp, attrs->dim, grad_out[0], grad_in);
}

/// self with every element of src written where index says, along dim, as scatter_add adds it.
/// Where a place is named twice, any one of the elements may stay, and gradients are as if each
/// had. errors: as scatter_add. source: ATen `scatter.src`.
// clang-format off
const tn_op_def tn_op_scatter_src = {
    .schema = "scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
    // clang-format on
    .forms = TN_FORM_INPLACE,
    .exempt = 1u << 1,
    .infer = scatter_infer,
    .saves = {TN_SAVE_INPUT(1), 0, TN_SAVE_INPUT(1)},
    .save_count = 3,
    .vjp = scatter_vjp,
};
