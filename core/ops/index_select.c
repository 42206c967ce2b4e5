// SPDX-License-Identifier: Apache-2.0
//
// index_select: whole slices picked by an index along one dimension, index_add, which adds slices
// there, and index_copy, which writes them. Each one's gradient is made of the others. Kernels
// check every index against the dimension.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// A 0-dim index counts as one of 1 element.
static tn_status check_index(tn_infer *infer, int64_t *dim) {
  const tn_tensor *self = infer->inputs[0], *index = infer->inputs[1];
  TN_TRY(tn__canonical_dim(infer->call, "dim", dim, self->rank));
  TN_TRY(tn__expect_index(infer, 1, "index"));
  TN_TRY(tn__expect_rank(infer, 1, "index", 0, 1));
  if (self->rank == 0 && index->numel != 1) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "index",
                        "a 0-dim self takes one index, not %" PRId64, index->numel);
  }
  return TN_OK;
}

static tn_status index_select_infer(tn_infer *infer) {
  tn_index_select_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  TN_TRY(check_index(infer, &attrs->dim));
  int64_t sizes[TN_MAX_DIMS];
  for (int32_t d = 0; d < self->rank; d++) {
    sizes[d] = d == attrs->dim ? infer->inputs[1]->numel : self->sizes[d];
  }
  return tn__result_shape(infer, 0, tn_ints_of(sizes, self->rank));
}

static tn_status index_select_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_index_select_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *whole = tn__zeros_beside(grad_out[0], tn_vjp_input_sizes(vjp, 0));
  grad_in[0] = tn_index_add(whole, attrs->dim, tn_vjp_input(vjp, 1), grad_out[0]);
  return tn__status_of(grad_in[0]);
}

/// The slices of self along dim that index names, in its order: a copy. self: any shape and dtype;
/// index: [n] or 0-dim, int64 or int32, each in [0, size). Returns self's shape with n along dim.
/// errors: OUT_OF_RANGE for dim, and for an index, from the kernel; INVALID_DTYPE.
/// source: ATen `index_select`.
const tn_op_def tn_op_index_select = {
    .schema = "index_select(Tensor self, int dim, Tensor index) -> Tensor",
    .exempt = 1u << 1,
    .infer = index_select_infer,
    .saves = {TN_SAVE_INPUT(1)},
    .save_count = 1,
    .vjp = index_select_vjp,
};

// index_add and index_copy: source has one slice for each index.
static tn_status infer_slices(tn_infer *infer, int64_t *dim) {
  const tn_tensor *self = infer->inputs[0], *index = infer->inputs[1], *source = infer->inputs[2];
  TN_TRY(check_index(infer, dim));
  bool fits = source->rank == self->rank;
  for (int32_t d = 0; fits && d < self->rank; d++) {
    fits = source->sizes[d] == (d == *dim ? index->numel : self->sizes[d]);
  }
  if (!fits) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "source",
                        "expected self's shape with one slice for each of %" PRId64
                        " indices along dimension %" PRId64,
                        index->numel, *dim);
  }
  return tn__infer_same(infer);
}

static tn_status index_add_infer(tn_infer *infer) {
  tn_index_add_attrs *attrs = infer->attrs;
  return infer_slices(infer, &attrs->dim);
}

static tn_status index_add_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_index_add_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = grad_out[0];
  if (!tn_vjp_needs(vjp, 2)) return TN_OK;
  tn_tensor *picked = tn_index_select(grad_out[0], attrs->dim, tn_vjp_input(vjp, 1));
  grad_in[2] = tn_mul_scalar(picked, attrs->alpha);
  return tn__status_of(grad_in[2]);
}

/// self with alpha source[i] added at index[i] along dim, for every i; repeated indices add up.
/// self: any shape and dtype; index: [n] or 0-dim, int64 or int32, each in [0, size); source:
/// self's shape with n along dim, and its dtype. errors: OUT_OF_RANGE for dim, and for an index,
/// from the kernel; INVALID_ARGUMENT for source's shape; INVALID_DTYPE. source: ATen `index_add`.
// clang-format off
const tn_op_def tn_op_index_add = {
    .schema = "index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
    // clang-format on
    .forms = TN_FORM_INPLACE,
    .exempt = 1u << 1,
    .infer = index_add_infer,
    .saves = {0, 0, TN_SAVE_INPUT(1)},
    .save_count = 3,
    .vjp = index_add_vjp,
};

static tn_status index_copy_infer(tn_infer *infer) {
  tn_index_copy_attrs *attrs = infer->attrs;
  return infer_slices(infer, &attrs->dim);
}

static tn_status index_copy_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_index_copy_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *index = tn_vjp_input(vjp, 1);
  if (tn_vjp_needs(vjp, 0)) {
    tn_tensor *zeros = tn__zeros_beside(grad_out[0], tn_vjp_input_sizes(vjp, 2));
    grad_in[0] = tn_index_copy(grad_out[0], attrs->dim, index, zeros);
    TN_TRY(tn__status_of(grad_in[0]));
  }
  if (!tn_vjp_needs(vjp, 2)) return TN_OK;
  grad_in[2] = tn_index_select(grad_out[0], attrs->dim, index);
  return tn__status_of(grad_in[2]);
}

/// self with source[i] written at index[i] along dim, for every i, as index_add adds it. Of equal
/// indices the last one's slice stays, and gradients are as if each had. errors: as index_add.
/// source: ATen `index_copy`.
const tn_op_def tn_op_index_copy = {
    .schema = "index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
    .forms = TN_FORM_INPLACE,
    .exempt = 1u << 1,
    .infer = index_copy_infer,
    .saves = {TN_SAVE_INPUT(1)},
    .save_count = 1,
    .vjp = index_copy_vjp,
};
