// SPDX-License-Identifier: Apache-2.0
//
// avg_pool: the mean of each window over the last one, two or three dimensions. Linear: a backward
// operator is its adjoint, whose own gradient is the pooling again.

#include <inttypes.h>
#include <tenon/ops.h>

#include "pool.h"
#include "shapes.h"
#include "tensor_impl.h"

static tn_status check_divisor(tn_infer *infer, tn_opt_int divisor) {
  if (!divisor.present || divisor.value != 0) return TN_OK;
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "divisor_override", "0 divides nothing");
}

static tn_status infer_pool(tn_infer *infer, int32_t spatial, const tn__pool *pool) {
  int64_t sizes[5];
  TN_TRY(tn__pool_sizes(infer, 0, spatial, pool, sizes));
  return tn__result_shape(infer, 0, tn_ints_of(sizes, infer->inputs[0]->rank));
}

// grad_output is input 0, self input 1.
static tn_status infer_backward(tn_infer *infer, int32_t spatial, const tn__pool *pool) {
  const tn_tensor *grad = infer->inputs[0], *self = infer->inputs[1];
  int64_t sizes[5];
  TN_TRY(tn__pool_sizes(infer, 1, spatial, pool, sizes));
  bool same = grad->rank == self->rank;
  for (int32_t d = 0; same && d < self->rank; d++) same = grad->sizes[d] == sizes[d];
  if (!same) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad_output",
                        "expected the shape of the pooled result");
  }
  tn__result_like(&infer->results[0], self);
  infer->results[0].dtype = infer->key;
  return TN_OK;
}

// ---- two dimensions

static tn_status avg_pool2d_infer(tn_infer *infer) {
  tn_avg_pool2d_attrs *attrs = infer->attrs;
  const tn__pool pool = {&attrs->kernel_size, &attrs->stride, &attrs->padding, NULL,
                         attrs->ceil_mode};
  TN_TRY(check_divisor(infer, attrs->divisor_override));
  return infer_pool(infer, 2, &pool);
}

static tn_status avg_pool2d_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_avg_pool2d_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_avg_pool2d_backward(grad_out[0], tn_vjp_input(vjp, 0), attrs->kernel_size,
                                      attrs->stride, attrs->padding, attrs->ceil_mode,
                                      attrs->count_include_pad, attrs->divisor_override);
  return tn__status_of(grad_in[0]);
}

/// The mean of each window over the last two dimensions: its sum, padding counting as zeros, over
/// divisor_override where given; else over the elements of the window inside the padded input, or
/// without count_include_pad inside the input itself. self: [N, C, H, W] or [C, H, W], floating.
/// kernel_size, stride, padding: one integer for both directions or two; no stride means
/// kernel_size. ceil_mode: a last window may reach beyond the padded input. Returns sizes of
/// (size + 2 padding - kernel) / stride + 1, rounded down or up.
/// errors: INVALID_ARGUMENT for ranks, lists, padding above half a kernel, a kernel larger than the
/// padded input, or a divisor of 0. source: ATen `avg_pool2d`.
// clang-format off
const tn_op_def tn_op_avg_pool2d = {
    .schema = "avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = avg_pool2d_infer,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = avg_pool2d_vjp,
};

static tn_status avg_pool2d_backward_infer(tn_infer *infer) {
  tn_avg_pool2d_backward_attrs *attrs = infer->attrs;
  const tn__pool pool = {&attrs->kernel_size, &attrs->stride, &attrs->padding, NULL,
                         attrs->ceil_mode};
  TN_TRY(check_divisor(infer, attrs->divisor_override));
  return infer_backward(infer, 2, &pool);
}

static tn_status avg_pool2d_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                         tn_tensor **grad_in) {
  const tn_avg_pool2d_backward_attrs *attrs = tn_vjp_attrs(vjp);
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  grad_in[0] = tn_avg_pool2d(grad_out[0], attrs->kernel_size, .stride = attrs->stride,
                             .padding = attrs->padding, .ceil_mode = attrs->ceil_mode,
                             .count_include_pad = attrs->count_include_pad ? TN_YES : TN_NO,
                             .divisor_override = attrs->divisor_override);
  return tn__status_of(grad_in[0]);
}

/// The gradient of avg_pool2d(): each element of grad_output, over its window's divisor, added to
/// every element of the window. Returns self's shape; self's values are not read.
/// errors: as avg_pool2d; INVALID_ARGUMENT for grad_output's shape.
/// source: ATen `avg_pool2d_backward`.
// clang-format off
const tn_op_def tn_op_avg_pool2d_backward = {
    .schema = "avg_pool2d_backward(Tensor grad_output, Tensor self, int[2] kernel_size, int[2] stride, int[2] padding, bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = avg_pool2d_backward_infer,
    .vjp = avg_pool2d_backward_vjp,
};

// ---- three dimensions

static tn_status avg_pool3d_infer(tn_infer *infer) {
  tn_avg_pool3d_attrs *attrs = infer->attrs;
  const tn__pool pool = {&attrs->kernel_size, &attrs->stride, &attrs->padding, NULL,
                         attrs->ceil_mode};
  TN_TRY(check_divisor(infer, attrs->divisor_override));
  return infer_pool(infer, 3, &pool);
}

static tn_status avg_pool3d_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_avg_pool3d_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_avg_pool3d_backward(grad_out[0], tn_vjp_input(vjp, 0), attrs->kernel_size,
                                      attrs->stride, attrs->padding, attrs->ceil_mode,
                                      attrs->count_include_pad, attrs->divisor_override);
  return tn__status_of(grad_in[0]);
}

/// The mean of each window over the last three dimensions, as avg_pool2d over two. self: [N, C, D,
/// H, W] or [C, D, H, W], floating; lists: one integer for all directions or three. errors: as
/// avg_pool2d. source: ATen `avg_pool3d`.
// clang-format off
const tn_op_def tn_op_avg_pool3d = {
    .schema = "avg_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = avg_pool3d_infer,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = avg_pool3d_vjp,
};

static tn_status avg_pool3d_backward_infer(tn_infer *infer) {
  tn_avg_pool3d_backward_attrs *attrs = infer->attrs;
  const tn__pool pool = {&attrs->kernel_size, &attrs->stride, &attrs->padding, NULL,
                         attrs->ceil_mode};
  TN_TRY(check_divisor(infer, attrs->divisor_override));
  return infer_backward(infer, 3, &pool);
}

static tn_status avg_pool3d_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                         tn_tensor **grad_in) {
  const tn_avg_pool3d_backward_attrs *attrs = tn_vjp_attrs(vjp);
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  grad_in[0] = tn_avg_pool3d(grad_out[0], attrs->kernel_size, .stride = attrs->stride,
                             .padding = attrs->padding, .ceil_mode = attrs->ceil_mode,
                             .count_include_pad = attrs->count_include_pad ? TN_YES : TN_NO,
                             .divisor_override = attrs->divisor_override);
  return tn__status_of(grad_in[0]);
}

/// The gradient of avg_pool3d(). Returns self's shape; self's values are not read.
/// errors: as avg_pool3d; INVALID_ARGUMENT for grad_output's shape. source: ATen
/// `avg_pool3d_backward`.
// clang-format off
const tn_op_def tn_op_avg_pool3d_backward = {
    .schema = "avg_pool3d_backward(Tensor grad_output, Tensor self, int[3] kernel_size, int[3] stride, int[3] padding, bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = avg_pool3d_backward_infer,
    .vjp = avg_pool3d_backward_vjp,
};

// ---- one dimension

static tn_status avg_pool1d_compose(tn_compose *compose) {
  const tn_avg_pool1d_attrs *attrs = compose->attrs;
  tn_ints lists[3] = {attrs->kernel_size, attrs->stride, attrs->padding};
  int64_t pairs[3][2];
  TN_TRY(tn__pool_pairs(compose, lists, pairs));
  tn_tensor *pooled =
      tn_avg_pool2d(tn_unsqueeze(compose->inputs[0], -2), tn_ints_of(pairs[0], 2),
                    .stride = tn_ints_of(pairs[1], 2), .padding = tn_ints_of(pairs[2], 2),
                    .ceil_mode = attrs->ceil_mode,
                    .count_include_pad = attrs->count_include_pad ? TN_YES : TN_NO);
  compose->results[0] = tn_squeeze_dim(pooled, -2);
  return tn__status_of(compose->results[0]);
}

/// The mean of each window over the last dimension, as avg_pool2d over two. self: [N, C, L] or [C,
/// L], floating. errors: as avg_pool2d. source: ATen `avg_pool1d`.
// clang-format off
const tn_op_def tn_op_avg_pool1d = {
    .schema = "avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, bool ceil_mode=False, bool count_include_pad=True) -> Tensor",
    // clang-format on
    .compose = avg_pool1d_compose,
};
