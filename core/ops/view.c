// SPDX-License-Identifier: Apache-2.0
//
// view: the same elements in the same order under other sizes. view() refuses where no strides can
// say so; reshape() then copies. alias() and detach() rename nothing: the one keeps the history of
// gradients, the other leaves it behind.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status view_infer(tn_infer *infer) {
  const tn_view_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  tn__result *result = &infer->results[0];
  TN_TRY(tn__resolve_sizes(infer->call, "size", attrs->size, self->numel, result->sizes));
  result->rank = (int32_t)attrs->size.count;
  result->offset = self->offset;
  tn_ints sizes = {result->sizes, attrs->size.count};
  if (tn__view_strides(tn_tensor_shape(self), self->strides, sizes, result->strides)) return TN_OK;
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "size",
                      "the input's strides allow no view of these sizes: a dimension would span "
                      "two that are not adjacent in memory; use reshape, which copies then");
}

static tn_status reshape_gradient(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_reshape(grad_out[0], tn_vjp_input_sizes(vjp, 0));
  return tn__status_of(grad_in[0]);
}

/// The same elements, in row-major order, under other sizes; shares self's storage.
/// self: any shape and dtype. size: multiplies to the same number of elements; one may be -1.
/// Each new dimension must lie within old ones that are evenly spaced in memory.
/// errors: INVALID_ARGUMENT for sizes that do not fit, or strides that allow no view.
/// source: ATen `view`.
const tn_op_def tn_op_view = {
    .schema = "view(Tensor self, int[] size) -> Tensor",
    .flags = TN_OP_VIEW,
    .infer = view_infer,
    .vjp = reshape_gradient,
};

static tn_status reshape_compose(tn_compose *compose) {
  const tn_reshape_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  int64_t sizes[TN_MAX_DIMS], strides[TN_MAX_DIMS];
  TN_TRY(tn__resolve_sizes(compose->call, "shape", attrs->shape, self->numel, sizes));
  tn_ints shape = {sizes, attrs->shape.count};
  if (!tn__view_strides(tn_tensor_shape(self), self->strides, shape, strides)) {
    self = tn_clone(self);
  }
  compose->results[0] = tn_view_shape(self, shape);
  return tn__status_of(compose->results[0]);
}

/// The same elements, in row-major order, under other sizes: a view where strides allow it, else a
/// copy. self: any shape and dtype. shape: multiplies to the same number of elements; one may be
/// -1. errors: INVALID_ARGUMENT for sizes that do not fit. source: ATen `reshape`.
const tn_op_def tn_op_reshape = {
    .schema = "reshape(Tensor self, int[] shape) -> Tensor",
    .compose = reshape_compose,
};

static tn_status flatten_compose(tn_compose *compose) {
  const tn_flatten_using_ints_attrs *attrs = compose->attrs;
  const tn_tensor *self = compose->inputs[0];
  int64_t start = attrs->start_dim, end = attrs->end_dim, count = 0, product = 1;
  TN_TRY(tn__canonical_dim(compose->call, "start_dim", &start, self->rank));
  TN_TRY(tn__canonical_dim(compose->call, "end_dim", &end, self->rank));
  if (start > end) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "start_dim",
                        "dimension %" PRId64 " comes after end_dim %" PRId64, start, end);
  }
  int64_t sizes[TN_MAX_DIMS];
  for (int64_t d = 0; d < start; d++) sizes[count++] = self->sizes[d];
  for (int64_t d = start; d <= end && d < self->rank; d++) {
    if (!__builtin_mul_overflow(product, self->sizes[d], &product)) continue;
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "the joined dimension's size overflows");
  }
  sizes[count++] = product;
  for (int64_t d = end + 1; d < self->rank; d++) sizes[count++] = self->sizes[d];
  compose->results[0] = tn_reshape(compose->inputs[0], tn_ints_of(sizes, count));
  return tn__status_of(compose->results[0]);
}

/// Joins the dimensions start_dim to end_dim into one; a 0-dim input gets one dimension of size 1.
/// self: any shape and dtype. A view where strides allow it, else a copy.
/// errors: OUT_OF_RANGE for a dim; INVALID_ARGUMENT where start_dim comes after end_dim.
/// source: ATen `flatten.using_ints`.
// clang-format off
const tn_op_def tn_op_flatten_using_ints = {
    .schema = "flatten.using_ints(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor",
    // clang-format on
    .compose = flatten_compose,
};

static tn_status alias_infer(tn_infer *infer) {
  const tn_tensor *self = infer->inputs[0];
  tn__result *result = &infer->results[0];
  tn__result_like(result, self);
  for (int32_t d = 0; d < self->rank; d++) result->strides[d] = self->strides[d];
  result->offset = self->offset;
  return TN_OK;
}

static tn_status alias_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  (void)vjp;
  grad_in[0] = grad_out[0];
  return TN_OK;
}

/// Another tensor over the same elements, with the same sizes and strides and its own place in the
/// history of gradients. self: any shape and dtype. errors: none. source: ATen `alias`.
const tn_op_def tn_op_alias = {
    .schema = "alias(Tensor self) -> Tensor",
    .flags = TN_OP_VIEW,
    .infer = alias_infer,
    .vjp = alias_vjp,
};

/// Another tensor over the same elements, with no history of gradients: it never requires one.
/// self: any shape and dtype. errors: none. source: ATen `detach`.
const tn_op_def tn_op_detach = {
    .schema = "detach(Tensor self) -> Tensor",
    .flags = TN_OP_VIEW | TN_OP_NONDIFFERENTIABLE,
    .infer = alias_infer,
};
