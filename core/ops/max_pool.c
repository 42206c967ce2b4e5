// SPDX-License-Identifier: Apache-2.0
//
// max_pool: the largest element of each window, and where it stood. The places are a result, so the
// gradient scatters to them and the gradient's gradient gathers from them.

#include <inttypes.h>
#include <tenon/ops.h>

#include "pool.h"
#include "shapes.h"
#include "tensor_impl.h"

static tn_status infer_pool(tn_infer *infer, int32_t spatial, const tn__pool *pool) {
  int64_t sizes[5];
  TN_TRY(tn__pool_sizes(infer, 0, spatial, pool, sizes));
  infer->results[1].dtype = TN_I64;
  tn_ints whole = tn_ints_of(sizes, infer->inputs[0]->rank);
  TN_TRY(tn__result_shape(infer, 0, whole));
  return tn__result_shape(infer, 1, whole);
}

// grad_output is input 0, self input 1, indices input 2.
static tn_status infer_backward(tn_infer *infer, int32_t spatial, const tn__pool *pool) {
  const tn_tensor *grad = infer->inputs[0], *self = infer->inputs[1], *places = infer->inputs[2];
  int64_t sizes[5];
  TN_TRY(tn__pool_sizes(infer, 1, spatial, pool, sizes));
  TN_TRY(tn__expect_index(infer, 2, "indices"));
  bool same = grad->rank == self->rank && places->rank == self->rank;
  for (int32_t d = 0; same && d < self->rank; d++) {
    same = grad->sizes[d] == sizes[d] && places->sizes[d] == sizes[d];
  }
  if (!same) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad_output",
                        "grad_output and indices must have the shape of the pooled result");
  }
  tn__result_like(&infer->results[0], self);
  infer->results[0].dtype = infer->key;
  return TN_OK;
}

// The adjoint of the scatter over the last |spatial| dimensions: what stands in each window's
// place.
static tn_status gather_places(tn_vjp *vjp, tn_tensor *grad, int32_t spatial, tn_tensor **grad_in) {
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  tn_tensor *planes = tn_flatten(grad, .start_dim = -spatial);
  tn_tensor *places = tn_flatten(tn_vjp_input(vjp, 2), .start_dim = -spatial);
  grad_in[0] = tn_reshape(tn_gather(planes, -1, places), tn_vjp_input_sizes(vjp, 0));
  return tn__status_of(grad_in[0]);
}

// ---- two dimensions

static tn_status max_pool2d_infer(tn_infer *infer) {
  tn_max_pool2d_with_indices_attrs *attrs = infer->attrs;
  const tn__pool pool = {&attrs->kernel_size, &attrs->stride, &attrs->padding, &attrs->dilation,
                         attrs->ceil_mode};
  return infer_pool(infer, 2, &pool);
}

static tn_status max_pool2d_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_max_pool2d_with_indices_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_max_pool2d_with_indices_backward(
      grad_out[0], tn_vjp_input(vjp, 0), attrs->kernel_size, attrs->stride, attrs->padding,
      attrs->dilation, attrs->ceil_mode, tn_vjp_output(vjp, 1));
  return tn__status_of(grad_in[0]);
}

/// The largest element of each window over the last two dimensions, and its place. self: [N, C, H,
/// W] or [C, H, W], real; NaN counts as largest. kernel_size, stride, padding, dilation: one
/// integer for both directions or two; no stride means kernel_size; padding never wins. ceil_mode:
/// a last window may reach beyond the padded input. Returns result with (size + 2 padding -
/// dilation (kernel - 1) - 1) / stride + 1, rounded down or up, and indices: int64, h W + w in the
/// plane. errors: INVALID_ARGUMENT for ranks, lists, padding above half a kernel, or a kernel
/// larger than the padded input. source: ATen `max_pool2d_with_indices`.
// clang-format off
const tn_op_def tn_op_max_pool2d_with_indices = {
    .schema = "max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> (Tensor result, Tensor indices)",
    // clang-format on
    .dtypes = TN_DTYPES_REAL & ~TN_DTYPE_BIT(TN_BOOL),
    .infer = max_pool2d_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = max_pool2d_vjp,
};

static tn_status max_pool2d_backward_infer(tn_infer *infer) {
  tn_max_pool2d_with_indices_backward_attrs *attrs = infer->attrs;
  const tn__pool pool = {&attrs->kernel_size, &attrs->stride, &attrs->padding, &attrs->dilation,
                         attrs->ceil_mode};
  return infer_backward(infer, 2, &pool);
}

static tn_status max_pool2d_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                         tn_tensor **grad_in) {
  return gather_places(vjp, grad_out[0], 2, grad_in);
}

/// The gradient of max_pool2d_with_indices(): each element of grad_output added to the place in
/// self's plane that indices names, zeros elsewhere. Returns self's shape; self's values are not
/// read. errors: as the forward; INVALID_ARGUMENT for shapes; INVALID_DTYPE for indices.
/// source: ATen `max_pool2d_with_indices_backward`.
// clang-format off
const tn_op_def tn_op_max_pool2d_with_indices_backward = {
    .schema = "max_pool2d_with_indices_backward(Tensor grad_output, Tensor self, int[2] kernel_size, int[2] stride, int[2] padding, int[2] dilation, bool ceil_mode, Tensor indices) -> Tensor",
    // clang-format on
    .exempt = 1u << 2,
    .dtypes = TN_DTYPES_REAL & ~TN_DTYPE_BIT(TN_BOOL),
    .infer = max_pool2d_backward_infer,
    .saves = {TN_SAVE_INPUT(2), 0},
    .save_count = 2,
    .vjp = max_pool2d_backward_vjp,
};

static tn_status max_pool2d_compose(tn_compose *compose) {
  const tn_max_pool2d_attrs *attrs = compose->attrs;
  tn_ints dilation = attrs->dilation;
  compose->results[0] = tn_max_pool2d_with_indices(
      compose->inputs[0], attrs->kernel_size, NULL, .stride = attrs->stride,
      .padding = attrs->padding, .dilation = dilation, .ceil_mode = attrs->ceil_mode);
  return tn__status_of(compose->results[0]);
}

/// The largest element of each window, as max_pool2d_with_indices without the places.
/// errors: as max_pool2d_with_indices. source: ATen `max_pool2d`.
// clang-format off
const tn_op_def tn_op_max_pool2d = {
    .schema = "max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor",
    // clang-format on
    .compose = max_pool2d_compose,
};

// ---- three dimensions

static tn_status max_pool3d_infer(tn_infer *infer) {
  tn_max_pool3d_with_indices_attrs *attrs = infer->attrs;
  const tn__pool pool = {&attrs->kernel_size, &attrs->stride, &attrs->padding, &attrs->dilation,
                         attrs->ceil_mode};
  return infer_pool(infer, 3, &pool);
}

static tn_status max_pool3d_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_max_pool3d_with_indices_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_max_pool3d_with_indices_backward(
      grad_out[0], tn_vjp_input(vjp, 0), attrs->kernel_size, attrs->stride, attrs->padding,
      attrs->dilation, attrs->ceil_mode, tn_vjp_output(vjp, 1));
  return tn__status_of(grad_in[0]);
}

/// The largest element of each window over the last three dimensions, and its place, as
/// max_pool2d_with_indices over two. self: [N, C, D, H, W] or [C, D, H, W], real; lists: one
/// integer for all directions or three. indices: int64, (d H + h) W + w in the volume. errors: as
/// max_pool2d_with_indices. source: ATen `max_pool3d_with_indices`.
// clang-format off
const tn_op_def tn_op_max_pool3d_with_indices = {
    .schema = "max_pool3d_with_indices(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, bool ceil_mode=False) -> (Tensor result, Tensor indices)",
    // clang-format on
    .dtypes = TN_DTYPES_REAL & ~TN_DTYPE_BIT(TN_BOOL),
    .infer = max_pool3d_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = max_pool3d_vjp,
};

static tn_status max_pool3d_backward_infer(tn_infer *infer) {
  tn_max_pool3d_with_indices_backward_attrs *attrs = infer->attrs;
  const tn__pool pool = {&attrs->kernel_size, &attrs->stride, &attrs->padding, &attrs->dilation,
                         attrs->ceil_mode};
  return infer_backward(infer, 3, &pool);
}

static tn_status max_pool3d_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                         tn_tensor **grad_in) {
  return gather_places(vjp, grad_out[0], 3, grad_in);
}

/// The gradient of max_pool3d_with_indices(): each element of grad_output added to the place in
/// self's volume that indices names, zeros elsewhere. Returns self's shape; self's values are not
/// read. errors: as the forward; INVALID_ARGUMENT for shapes; INVALID_DTYPE for indices.
/// source: ATen `max_pool3d_with_indices_backward`.
// clang-format off
const tn_op_def tn_op_max_pool3d_with_indices_backward = {
    .schema = "max_pool3d_with_indices_backward(Tensor grad_output, Tensor self, int[3] kernel_size, int[3] stride, int[3] padding, int[3] dilation, bool ceil_mode, Tensor indices) -> Tensor",
    // clang-format on
    .exempt = 1u << 2,
    .dtypes = TN_DTYPES_REAL & ~TN_DTYPE_BIT(TN_BOOL),
    .infer = max_pool3d_backward_infer,
    .saves = {TN_SAVE_INPUT(2), 0},
    .save_count = 2,
    .vjp = max_pool3d_backward_vjp,
};

static tn_status max_pool3d_compose(tn_compose *compose) {
  const tn_max_pool3d_attrs *attrs = compose->attrs;
  tn_ints dilation = attrs->dilation;
  compose->results[0] = tn_max_pool3d_with_indices(
      compose->inputs[0], attrs->kernel_size, NULL, .stride = attrs->stride,
      .padding = attrs->padding, .dilation = dilation, .ceil_mode = attrs->ceil_mode);
  return tn__status_of(compose->results[0]);
}

/// The largest element of each window, as max_pool3d_with_indices without the places.
/// errors: as max_pool3d_with_indices. source: ATen `max_pool3d`.
// clang-format off
const tn_op_def tn_op_max_pool3d = {
    .schema = "max_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, bool ceil_mode=False) -> Tensor",
    // clang-format on
    .compose = max_pool3d_compose,
};

// ---- one dimension

static tn_status pool_line(tn_compose *compose, const tn_ints lists[4], bool ceil_mode,
                           tn_tensor **indices) {
  int64_t pairs[4][2];
  TN_TRY(tn__pool_pairs(compose, lists, pairs));
  pairs[3][0] = 1;
  pairs[3][1] = lists[3].count > 0 ? lists[3].data[0] : 1;
  compose->results[0] = tn_max_pool2d_with_indices(
      tn_unsqueeze(compose->inputs[0], -2), tn_ints_of(pairs[0], 2), indices,
      .stride = tn_ints_of(pairs[1], 2), .padding = tn_ints_of(pairs[2], 2),
      .dilation = tn_ints_of(pairs[3], 2), .ceil_mode = ceil_mode);
  compose->results[0] = tn_squeeze_dim(compose->results[0], -2);
  if (indices != NULL) *indices = tn_squeeze_dim(*indices, -2);
  return tn__status_of(compose->results[0]);
}

static tn_status max_pool1d_with_indices_compose(tn_compose *compose) {
  const tn_max_pool1d_with_indices_attrs *attrs = compose->attrs;
  const tn_ints lists[4] = {attrs->kernel_size, attrs->stride, attrs->padding, attrs->dilation};
  return pool_line(compose, lists, attrs->ceil_mode, &compose->results[1]);
}

/// The largest element of each window over the last dimension, and its place, as
/// max_pool2d_with_indices over two. self: [N, C, L] or [C, L], real.
/// errors: as max_pool2d_with_indices. source: ATen `max_pool1d_with_indices`.
// clang-format off
const tn_op_def tn_op_max_pool1d_with_indices = {
    .schema = "max_pool1d_with_indices(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, int[1] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)",
    // clang-format on
    .compose = max_pool1d_with_indices_compose,
};

static tn_status max_pool1d_compose(tn_compose *compose) {
  const tn_max_pool1d_attrs *attrs = compose->attrs;
  const tn_ints lists[4] = {attrs->kernel_size, attrs->stride, attrs->padding, attrs->dilation};
  return pool_line(compose, lists, attrs->ceil_mode, NULL);
}

/// The largest element of each window, as max_pool1d_with_indices without the places.
/// errors: as max_pool2d_with_indices. source: ATen `max_pool1d`.
// clang-format off
const tn_op_def tn_op_max_pool1d = {
    .schema = "max_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, int[1] dilation=1, bool ceil_mode=False) -> Tensor",
    // clang-format on
    .compose = max_pool1d_compose,
};
