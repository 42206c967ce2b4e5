// SPDX-License-Identifier: Apache-2.0
//
// squeeze: views that lose dimensions of size 1, or gain one. Gradients go back by naming the
// input's sizes again.

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// Leaves out the dimensions of |mask| that have size 1.
static void drop_ones(const tn_tensor *self, uint32_t mask, tn__result *result) {
  result->rank = 0;
  result->offset = self->offset;
  for (int32_t d = 0; d < self->rank; d++) {
    if (self->sizes[d] == 1 && ((mask >> d) & 1u) != 0) continue;
    result->sizes[result->rank] = self->sizes[d];
    result->strides[result->rank] = self->strides[d];
    result->rank++;
  }
}

static tn_status squeeze_infer(tn_infer *infer) {
  drop_ones(infer->inputs[0], UINT32_MAX, &infer->results[0]);
  return TN_OK;
}

static tn_status restore_sizes(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_reshape(grad_out[0], tn_vjp_input_sizes(vjp, 0));
  return tn__status_of(grad_in[0]);
}

/// A view without the dimensions of size 1. self: any shape and dtype. errors: none.
/// source: ATen `squeeze`.
const tn_op_def tn_op_squeeze = {
    .schema = "squeeze(Tensor self) -> Tensor",
    .flags = TN_OP_VIEW,
    .infer = squeeze_infer,
    .vjp = restore_sizes,
};

static tn_status squeeze_dim_infer(tn_infer *infer) {
  tn_squeeze_dim_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  TN_TRY(tn__canonical_dim(infer->call, "dim", &attrs->dim, self->rank));
  drop_ones(self, 1u << attrs->dim, &infer->results[0]);
  return TN_OK;
}

/// A view without dimension dim, where that has size 1; otherwise with the same sizes.
/// self: any shape and dtype. errors: OUT_OF_RANGE for a dim. source: ATen `squeeze.dim`.
const tn_op_def tn_op_squeeze_dim = {
    .schema = "squeeze.dim(Tensor self, int dim) -> Tensor",
    .flags = TN_OP_VIEW,
    .infer = squeeze_dim_infer,
    .vjp = restore_sizes,
};

static tn_status squeeze_dims_infer(tn_infer *infer) {
  tn_squeeze_dims_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  uint32_t mask;
  TN_TRY(tn__canonical_dims(infer->call, "dim", &attrs->dim, self->rank, false, &mask));
  drop_ones(self, mask, &infer->results[0]);
  return TN_OK;
}

/// A view without those of the given dimensions that have size 1. self: any shape and dtype.
/// errors: OUT_OF_RANGE for a dim; INVALID_ARGUMENT for a repeated one. source: ATen
/// `squeeze.dims`.
const tn_op_def tn_op_squeeze_dims = {
    .schema = "squeeze.dims(Tensor self, int[] dim) -> Tensor",
    .flags = TN_OP_VIEW,
    .infer = squeeze_dims_infer,
    .vjp = restore_sizes,
};

static tn_status unsqueeze_infer(tn_infer *infer) {
  tn_unsqueeze_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  if (self->rank == TN_MAX_DIMS) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                        "the input already has the most dimensions there may be, %d", TN_MAX_DIMS);
  }
  TN_TRY(tn__canonical_dim(infer->call, "dim", &attrs->dim, self->rank + 1));
  tn__result *result = &infer->results[0];
  result->rank = self->rank + 1;
  result->offset = self->offset;
  for (int32_t d = 0, from = 0; d < result->rank; d++) {
    if (d == attrs->dim) {
      // What the dimension before it would step by, as in a row-major tensor.
      bool last = from == self->rank;
      result->sizes[d] = 1;
      int64_t step = 1;
      if (!last && __builtin_mul_overflow(self->sizes[from], self->strides[from], &step)) step = 1;
      result->strides[d] = step;
    } else {
      result->sizes[d] = self->sizes[from];
      result->strides[d] = self->strides[from++];
    }
  }
  return TN_OK;
}

/// A view with a dimension of size 1 put in at place dim. self: any shape and dtype.
/// errors: OUT_OF_RANGE unless dim is in [-ndim - 1, ndim]; INVALID_ARGUMENT at the highest rank.
/// source: ATen `unsqueeze`.
const tn_op_def tn_op_unsqueeze = {
    .schema = "unsqueeze(Tensor self, int dim) -> Tensor",
    .aliases = "expand_dims",
    .flags = TN_OP_VIEW,
    .infer = unsqueeze_infer,
    .vjp = restore_sizes,
};
