// SPDX-License-Identifier: Apache-2.0
//
// select_slice: views of one index, or of evenly spaced indices, along a dimension. A slice with a
// negative step is a view too: it starts at its first element and walks backwards. Canonical
// bounds read the same when they are given again, so a gradient repeats its forward's slice; the
// end "before element 0" of a backward walk is written as -size - 1.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status expect_dimensions(tn_infer *infer) {
  if (infer->inputs[0]->rank > 0) return TN_OK;
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                      "a 0-dim tensor has no dimension to index");
}

static tn_status select_infer(tn_infer *infer) {
  tn_select_int_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  tn__result *result = &infer->results[0];
  TN_TRY(expect_dimensions(infer));
  TN_TRY(tn__canonical_dim(infer->call, "dim", &attrs->dim, self->rank));
  int64_t size = self->sizes[attrs->dim], index = attrs->index;
  if (index < -size || index >= size) {
    return tn__op_error(infer->call, TN_OUT_OF_RANGE, "index",
                        "index %" PRId64 " is out of range for dimension %" PRId64
                        " of size %" PRId64,
                        index, attrs->dim, size);
  }
  if (index < 0) attrs->index = index += size;
  result->rank = 0;
  for (int32_t d = 0; d < self->rank; d++) {
    if (d == attrs->dim) continue;
    result->sizes[result->rank] = self->sizes[d];
    result->strides[result->rank++] = self->strides[d];
  }
  result->offset = self->offset + index * self->strides[attrs->dim];
  return TN_OK;
}

static tn_status select_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_select_int_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] =
      tn_select_backward(grad_out[0], tn_vjp_input_sizes(vjp, 0), attrs->dim, attrs->index);
  return tn__status_of(grad_in[0]);
}

/// A view of one index along dim, which the result has no more. self: at least one dimension, any
/// dtype. index: in [-size, size). errors: OUT_OF_RANGE for dim or index; INVALID_ARGUMENT for a
/// 0-dim self. source: ATen `select.int`.
const tn_op_def tn_op_select_int = {
    .schema = "select.int(Tensor self, int dim, int index) -> Tensor",
    .flags = TN_OP_VIEW,
    .infer = select_infer,
    .vjp = select_vjp,
};

// A bound that may count from the end, moved into [low, high].
static int64_t clamp_bound(int64_t bound, int64_t size, int64_t low, int64_t high) {
  if (bound < 0) bound += size;
  return bound < low ? low : bound > high ? high : bound;
}

// How many elements a slice of |size| elements has; fills in canonical bounds.
static int64_t resolve_bounds(int64_t size, int64_t step, tn_opt_int *start, tn_opt_int *end) {
  int64_t first, stop, count;
  if (step > 0) {
    first = start->present ? clamp_bound(start->value, size, 0, size) : 0;
    stop = end->present ? clamp_bound(end->value, size, 0, size) : size;
    count = first < stop ? (stop - first - 1) / step + 1 : 0;
  } else {
    first = start->present ? clamp_bound(start->value, size, -1, size - 1) : size - 1;
    stop = end->present ? clamp_bound(end->value, size, -1, size - 1) : -1;
    count = first > stop ? (int64_t)((uint64_t)(first - stop - 1) / -(uint64_t)step) + 1 : 0;
  }
  *start = TN_INT(first >= 0 ? first : -size - 1);
  *end = TN_INT(stop >= 0 ? stop : -size - 1);
  return count;
}

static tn_status slice_infer(tn_infer *infer) {
  tn_slice_Tensor_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  tn__result *result = &infer->results[0];
  TN_TRY(expect_dimensions(infer));
  TN_TRY(tn__canonical_dim(infer->call, "dim", &attrs->dim, self->rank));
  if (attrs->step == 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "step", "a step of 0 goes nowhere");
  }
  int64_t dim = attrs->dim;
  int64_t count = resolve_bounds(self->sizes[dim], attrs->step, &attrs->start, &attrs->end);
  tn__result_like(result, self);
  for (int32_t d = 0; d < self->rank; d++) result->strides[d] = self->strides[d];
  result->offset = self->offset;
  result->sizes[dim] = count;
  if (count > 0) result->offset += attrs->start.value * self->strides[dim];
  if (count > 1) result->strides[dim] *= attrs->step;
  return TN_OK;
}

static tn_status slice_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_slice_Tensor_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_slice_backward(grad_out[0], tn_vjp_input_sizes(vjp, 0), attrs->dim,
                                 attrs->start.value, attrs->end.value, attrs->step);
  return tn__status_of(grad_in[0]);
}

/// A view of the indices start, start + step, ... before end, along dim, as Python's
/// self[s:e:step]. self: at least one dimension, any dtype. Bounds count from the end where
/// negative, and are clamped; absent ones reach as far as there are elements. step: not 0; a
/// negative one walks backwards, from the last element unless start says otherwise, and is a view
/// as well. errors: OUT_OF_RANGE for dim; INVALID_ARGUMENT for a step of 0 or a 0-dim self. source:
/// ATen `slice.Tensor`; Python's slice for negative steps.
// clang-format off
const tn_op_def tn_op_slice_Tensor = {
    .schema = "slice.Tensor(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    // clang-format on
    .flags = TN_OP_VIEW,
    .infer = slice_infer,
    .vjp = slice_vjp,
};

static tn_status narrow_compose(tn_compose *compose) {
  const tn_narrow_attrs *attrs = compose->attrs;
  const tn_tensor *self = compose->inputs[0];
  int64_t dim = attrs->dim, start = attrs->start;
  TN_TRY(tn__canonical_dim(compose->call, "dim", &dim, self->rank));
  int64_t size = self->rank > 0 ? self->sizes[dim] : 0;
  if (start < -size || start > size) {
    return tn__op_error(compose->call, TN_OUT_OF_RANGE, "start",
                        "start %" PRId64 " is out of range for dimension %" PRId64
                        " of size %" PRId64,
                        start, dim, size);
  }
  if (start < 0) start += size;
  if (attrs->length < 0 || attrs->length > size - start) {
    return tn__op_error(compose->call, TN_OUT_OF_RANGE, "length",
                        "length %" PRId64 " from start %" PRId64
                        " does not lie within dimension %" PRId64 " of size %" PRId64,
                        attrs->length, start, dim, size);
  }
  compose->results[0] = tn_slice(compose->inputs[0], .dim = dim, .start = TN_INT(start),
                                 .end = TN_INT(start + attrs->length));
  return tn__status_of(compose->results[0]);
}

/// A view of length indices from start on, along dim. self: at least one dimension, any dtype.
/// errors: OUT_OF_RANGE for dim, start or length. source: ATen `narrow`.
const tn_op_def tn_op_narrow = {
    .schema = "narrow(Tensor self, int dim, int start, int length) -> Tensor",
    .compose = narrow_compose,
};

// ---- gradients: zeros with the gradient written into the view

static tn_status select_backward_compose(tn_compose *compose) {
  const tn_select_backward_attrs *attrs = compose->attrs;
  tn_tensor *whole = tn__zeros_beside(compose->inputs[0], attrs->input_sizes);
  tn_tensor *part = tn_select(whole, attrs->dim, attrs->index);
  TN_TRY(tn__status_of(part));
  TN_TRY(tn__put_grad(compose->call, part, compose->inputs[0]));
  compose->results[0] = whole;
  return TN_OK;
}

static tn_status select_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_select_backward_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_select(grad_out[0], attrs->dim, attrs->index);
  return tn__status_of(grad_in[0]);
}

/// The gradient of select(): zeros of input_sizes with grad_output at index along dim.
/// errors: as select; INVALID_ARGUMENT for grad_output's shape. source: ATen `select_backward`.
// clang-format off
const tn_op_def tn_op_select_backward = {
    .schema = "select_backward(Tensor grad_output, int[] input_sizes, int dim, int index) -> Tensor",
    // clang-format on
    .compose = select_backward_compose,
    .vjp = select_backward_vjp,
};

static tn_status slice_backward_compose(tn_compose *compose) {
  const tn_slice_backward_attrs *attrs = compose->attrs;
  tn_tensor *whole = tn__zeros_beside(compose->inputs[0], attrs->input_sizes);
  tn_tensor *part = tn_slice(whole, .dim = attrs->dim, .start = TN_INT(attrs->start),
                             .end = TN_INT(attrs->end), .step = TN_INT(attrs->step));
  TN_TRY(tn__status_of(part));
  TN_TRY(tn__put_grad(compose->call, part, compose->inputs[0]));
  compose->results[0] = whole;
  return TN_OK;
}

static tn_status slice_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_slice_backward_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_slice(grad_out[0], .dim = attrs->dim, .start = TN_INT(attrs->start),
                        .end = TN_INT(attrs->end), .step = TN_INT(attrs->step));
  return tn__status_of(grad_in[0]);
}

/// The gradient of slice(): zeros of input_sizes with grad_output in the slice's places.
/// errors: as slice; INVALID_ARGUMENT for grad_output's shape. source: ATen `slice_backward`.
// clang-format off
const tn_op_def tn_op_slice_backward = {
    .schema = "slice_backward(Tensor grad_output, int[] input_sizes, int dim, int start, int end, int step) -> Tensor",
    // clang-format on
    .compose = slice_backward_compose,
    .vjp = slice_backward_vjp,
};
