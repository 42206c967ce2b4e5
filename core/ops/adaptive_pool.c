// SPDX-License-Identifier: Apache-2.0
//
// adaptive_pool: means over as many windows as the caller wants results, cut so that they cover the
// input: result i takes in floor(i in / out) up to ceil((i + 1) in / out). Linear: a backward
// operator is its adjoint, whose own gradient is the pooling again.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// self must be [N, C, *spatial] or [C, *spatial], with elements to take a mean of.
static tn_status check_self(tn_infer *infer, int32_t input, int32_t spatial) {
  const tn_tensor *self = infer->inputs[input];
  TN_TRY(tn__expect_rank(infer, input, "self", spatial + 1, spatial + 2));
  for (int32_t d = self->rank - spatial; d < self->rank; d++) {
    if (self->sizes[d] > 0) continue;
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                        "dimension %d, over which a mean is taken, has size 0", (int)d);
  }
  return TN_OK;
}

static tn_status infer_adaptive(tn_infer *infer, int32_t spatial, tn_ints *output_size) {
  const tn_tensor *self = infer->inputs[0];
  TN_TRY(check_self(infer, 0, spatial));
  TN_TRY(tn__expand_list(infer->call, "output_size", output_size, spatial, NULL));
  TN_TRY(tn__expect_at_least(infer->call, "output_size", *output_size, 0));
  int64_t sizes[5];
  for (int32_t d = 0; d < self->rank; d++) {
    int32_t own = d - (self->rank - spatial);
    sizes[d] = own < 0 ? self->sizes[d] : output_size->data[own];
  }
  return tn__result_shape(infer, 0, tn_ints_of(sizes, self->rank));
}

static tn_status infer_backward(tn_infer *infer, int32_t spatial) {
  const tn_tensor *grad = infer->inputs[0], *self = infer->inputs[1];
  TN_TRY(check_self(infer, 1, spatial));
  bool fits = grad->rank == self->rank;
  for (int32_t d = 0; fits && d < self->rank - spatial; d++) {
    fits = grad->sizes[d] == self->sizes[d];
  }
  if (!fits) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad_output",
                        "expected self's sizes but for the last %d", (int)spatial);
  }
  tn__result_like(&infer->results[0], self);
  infer->results[0].dtype = infer->key;
  return TN_OK;
}

// The last |spatial| of |sizes|.
static tn_ints pooled_sizes(tn_ints sizes, int32_t spatial) {
  return tn_ints_of(sizes.data + sizes.count - spatial, spatial);
}

// ---- two dimensions

static tn_status adaptive2d_infer(tn_infer *infer) {
  tn__adaptive_avg_pool2d_attrs *attrs = infer->attrs;
  return infer_adaptive(infer, 2, &attrs->output_size);
}

static tn_status adaptive2d_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_aten_adaptive_avg_pool2d_backward(grad_out[0], tn_vjp_input(vjp, 0));
  return tn__status_of(grad_in[0]);
}

/// The means of output_size windows over the last two dimensions, cut evenly: result i takes in
/// floor(i in / out) up to ceil((i + 1) in / out). self: [N, C, H, W] or [C, H, W], floating, H and
/// W not 0; output_size: one integer for both directions or two.
/// errors: INVALID_ARGUMENT for ranks and sizes; INVALID_DTYPE. source: ATen
/// `_adaptive_avg_pool2d`.
// clang-format off
const tn_op_def tn_op__adaptive_avg_pool2d = {
    .schema = "_adaptive_avg_pool2d(Tensor self, int[2] output_size) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = adaptive2d_infer,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = adaptive2d_vjp,
};

static tn_status adaptive2d_backward_infer(tn_infer *infer) { return infer_backward(infer, 2); }

static tn_status adaptive2d_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                         tn_tensor **grad_in) {
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  tn_ints sizes = pooled_sizes(tn_vjp_input_sizes(vjp, 0), 2);
  grad_in[0] = tn_aten_adaptive_avg_pool2d(grad_out[0], sizes);
  return tn__status_of(grad_in[0]);
}

/// The gradient of `_adaptive_avg_pool2d`: each element of grad_output, over its window's size,
/// added to every element of the window. Returns self's shape; self's values are not read.
/// errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE. source: ATen
/// `_adaptive_avg_pool2d_backward`.
const tn_op_def tn_op__adaptive_avg_pool2d_backward = {
    .schema = "_adaptive_avg_pool2d_backward(Tensor grad_output, Tensor self) -> Tensor",
    .dtypes = TN_DTYPES_FLOATING,
    .infer = adaptive2d_backward_infer,
    .vjp = adaptive2d_backward_vjp,
};

static tn_status adaptive_avg_pool2d_compose(tn_compose *compose) {
  const tn_adaptive_avg_pool2d_attrs *attrs = compose->attrs;
  compose->results[0] = tn_aten_adaptive_avg_pool2d(compose->inputs[0], attrs->output_size);
  return tn__status_of(compose->results[0]);
}

/// `_adaptive_avg_pool2d` under its usual name. errors: as there. source: ATen
/// `adaptive_avg_pool2d`.
const tn_op_def tn_op_adaptive_avg_pool2d = {
    .schema = "adaptive_avg_pool2d(Tensor self, int[2] output_size) -> Tensor",
    .compose = adaptive_avg_pool2d_compose,
};

// ---- three dimensions

static tn_status adaptive3d_infer(tn_infer *infer) {
  tn__adaptive_avg_pool3d_attrs *attrs = infer->attrs;
  return infer_adaptive(infer, 3, &attrs->output_size);
}

static tn_status adaptive3d_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  grad_in[0] = tn_aten_adaptive_avg_pool3d_backward(grad_out[0], tn_vjp_input(vjp, 0));
  return tn__status_of(grad_in[0]);
}

/// The means of output_size windows over the last three dimensions, as `_adaptive_avg_pool2d` over
/// two. self: [N, C, D, H, W] or [C, D, H, W], floating, D, H and W not 0; output_size: one integer
/// for all directions or three. errors: as `_adaptive_avg_pool2d`.
/// source: ATen `_adaptive_avg_pool3d`.
// clang-format off
const tn_op_def tn_op__adaptive_avg_pool3d = {
    .schema = "_adaptive_avg_pool3d(Tensor self, int[3] output_size) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = adaptive3d_infer,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = adaptive3d_vjp,
};

static tn_status adaptive3d_backward_infer(tn_infer *infer) { return infer_backward(infer, 3); }

static tn_status adaptive3d_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                         tn_tensor **grad_in) {
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  tn_ints sizes = pooled_sizes(tn_vjp_input_sizes(vjp, 0), 3);
  grad_in[0] = tn_aten_adaptive_avg_pool3d(grad_out[0], sizes);
  return tn__status_of(grad_in[0]);
}

/// The gradient of `_adaptive_avg_pool3d`. Returns self's shape; self's values are not read.
/// errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE. source: ATen
/// `_adaptive_avg_pool3d_backward`.
const tn_op_def tn_op__adaptive_avg_pool3d_backward = {
    .schema = "_adaptive_avg_pool3d_backward(Tensor grad_output, Tensor self) -> Tensor",
    .dtypes = TN_DTYPES_FLOATING,
    .infer = adaptive3d_backward_infer,
    .vjp = adaptive3d_backward_vjp,
};

static tn_status adaptive_avg_pool3d_compose(tn_compose *compose) {
  const tn_adaptive_avg_pool3d_attrs *attrs = compose->attrs;
  compose->results[0] = tn_aten_adaptive_avg_pool3d(compose->inputs[0], attrs->output_size);
  return tn__status_of(compose->results[0]);
}

/// `_adaptive_avg_pool3d` under its usual name. errors: as there. source: ATen
/// `adaptive_avg_pool3d`.
const tn_op_def tn_op_adaptive_avg_pool3d = {
    .schema = "adaptive_avg_pool3d(Tensor self, int[3] output_size) -> Tensor",
    .compose = adaptive_avg_pool3d_compose,
};

// ---- one dimension

static tn_status adaptive_avg_pool1d_compose(tn_compose *compose) {
  const tn_adaptive_avg_pool1d_attrs *attrs = compose->attrs;
  const tn_tensor *self = compose->inputs[0];
  if (self->rank != 2 && self->rank != 3) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "expected 3 dimensions, or 2 for one sample, not %d", (int)self->rank);
  }
  if (attrs->output_size.count != 1) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "output_size",
                        "expected 1 integer, not %" PRId64, attrs->output_size.count);
  }
  tn_tensor *image = tn_unsqueeze(compose->inputs[0], -2);
  tn_tensor *pooled = tn_aten_adaptive_avg_pool2d(image, TN_INTS(1, attrs->output_size.data[0]));
  compose->results[0] = tn_squeeze_dim(pooled, -2);
  return tn__status_of(compose->results[0]);
}

/// The means of output_size windows over the last dimension, as `_adaptive_avg_pool2d` over two.
/// self: [N, C, L] or [C, L], floating, L not 0. errors: as `_adaptive_avg_pool2d`.
/// source: ATen `adaptive_avg_pool1d`.
const tn_op_def tn_op_adaptive_avg_pool1d = {
    .schema = "adaptive_avg_pool1d(Tensor self, int[1] output_size) -> Tensor",
    .compose = adaptive_avg_pool1d_compose,
};
