// SPDX-License-Identifier: Apache-2.0
//
// upsample: images resized to a given size by the nearest element or by bilinear interpolation. All
// are linear in the image: a backward operator is the adjoint, whose own gradient is the resizing
// again.

#include <inttypes.h>
#include <math.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status expect_sizes(tn__call *call, const char *argument, tn_ints sizes, int64_t count) {
  if (sizes.count == count) return tn__expect_at_least(call, argument, sizes, 1);
  return tn__op_error(call, TN_INVALID_ARGUMENT, argument, "expected %" PRId64 " integers", count);
}

static tn_status infer_resized(tn_infer *infer, tn_ints output_size) {
  const tn_tensor *self = infer->inputs[0];
  TN_TRY(tn__expect_rank(infer, 0, "self", 4, 4));
  TN_TRY(expect_sizes(infer->call, "output_size", output_size, 2));
  if (self->sizes[1] == 0 || self->sizes[2] == 0 || self->sizes[3] == 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                        "expected [N, C, H, W] of which only N may be 0");
  }
  return tn__result_shape(
      infer, 0, TN_SHAPE(self->sizes[0], self->sizes[1], output_size.data[0], output_size.data[1]));
}

static tn_status infer_backward(tn_infer *infer, tn_ints output_size, tn_ints input_size) {
  const tn_tensor *grad = infer->inputs[0];
  TN_TRY(tn__expect_rank(infer, 0, "grad_output", 4, 4));
  TN_TRY(expect_sizes(infer->call, "output_size", output_size, 2));
  if (input_size.count != 4) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "input_size", "expected 4 integers");
  }
  TN_TRY(tn__expect_at_least(infer->call, "input_size", input_size, 0));
  for (int32_t d = 0; d < 4; d++) {
    int64_t size = d < 2 ? input_size.data[d] : output_size.data[d - 2];
    if (grad->sizes[d] == size) continue;
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad_output",
                        "expected %" PRId64 " elements in dimension %d, not %" PRId64, size, (int)d,
                        grad->sizes[d]);
  }
  if (input_size.data[2] == 0 || input_size.data[3] == 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "input_size", "an image of no elements");
  }
  return tn__result_shape(infer, 0, input_size);
}

// The last two of [N, C, H, W].
static tn_ints image_size(tn_ints sizes) { return tn_ints_of(sizes.data + 2, 2); }

// ---- nearest

static tn_status nearest_infer(tn_infer *infer) {
  const tn_upsample_nearest2d_attrs *attrs = infer->attrs;
  return infer_resized(infer, attrs->output_size);
}

static tn_status nearest_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_upsample_nearest2d_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] =
      tn_upsample_nearest2d_backward(grad_out[0], attrs->output_size, tn_vjp_input_sizes(vjp, 0),
                                     .scales_h = attrs->scales_h, .scales_w = attrs->scales_w);
  return tn__status_of(grad_in[0]);
}

/// self resized to output_size: element i of a result takes element min(floor(i s), size - 1),
/// where s is 1 / scales_h (or w) where that is given and positive, else size / output size, in
/// float32. self: [N, C, H, W], floating or uint8, of which only N may be 0; output_size: two
/// integers. errors: INVALID_ARGUMENT for ranks and sizes; INVALID_DTYPE. source: ATen
/// `upsample_nearest2d`.
// clang-format off
const tn_op_def tn_op_upsample_nearest2d = {
    .schema = "upsample_nearest2d(Tensor self, int[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING | TN_DTYPE_BIT(TN_U8),
    .infer = nearest_infer,
    .vjp = nearest_vjp,
};

static tn_status nearest_backward_infer(tn_infer *infer) {
  const tn_upsample_nearest2d_backward_attrs *attrs = infer->attrs;
  return infer_backward(infer, attrs->output_size, attrs->input_size);
}

static tn_status nearest_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                      tn_tensor **grad_in) {
  const tn_upsample_nearest2d_backward_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_upsample_nearest2d(grad_out[0], image_size(tn_vjp_input_sizes(vjp, 0)),
                                     .scales_h = attrs->scales_h, .scales_w = attrs->scales_w);
  return tn__status_of(grad_in[0]);
}

/// The gradient of upsample_nearest2d(): each element of grad_output added where it was taken from.
/// grad_output: [N, C, *output_size]; input_size: [N, C, H, W], the shape of the result.
/// errors: INVALID_ARGUMENT for sizes; INVALID_DTYPE. source: ATen `upsample_nearest2d_backward`.
// clang-format off
const tn_op_def tn_op_upsample_nearest2d_backward = {
    .schema = "upsample_nearest2d_backward(Tensor grad_output, int[2] output_size, int[4] input_size, float? scales_h=None, float? scales_w=None) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = nearest_backward_infer,
    .vjp = nearest_backward_vjp,
};

// ---- bilinear

static tn_status bilinear_infer(tn_infer *infer) {
  const tn_upsample_bilinear2d_attrs *attrs = infer->attrs;
  return infer_resized(infer, attrs->output_size);
}

static tn_status bilinear_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_upsample_bilinear2d_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_upsample_bilinear2d_backward(
      grad_out[0], attrs->output_size, tn_vjp_input_sizes(vjp, 0), attrs->align_corners,
      .scales_h = attrs->scales_h, .scales_w = attrs->scales_w);
  return tn__status_of(grad_in[0]);
}

/// self resized to output_size by linear interpolation in both directions. Element i of a result
/// lies at i (size - 1) / (output size - 1) with align_corners; else at max(0, (i + 1/2) s - 1/2),
/// where s is 1 / scales_h (or w) where that is given and positive, else size / output size.
/// self: [N, C, H, W], floating, of which only N may be 0; output_size: two integers.
/// errors: INVALID_ARGUMENT for ranks and sizes; INVALID_DTYPE. source: ATen `upsample_bilinear2d`.
// clang-format off
const tn_op_def tn_op_upsample_bilinear2d = {
    .schema = "upsample_bilinear2d(Tensor self, int[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = bilinear_infer,
    .vjp = bilinear_vjp,
};

static tn_status bilinear_backward_infer(tn_infer *infer) {
  const tn_upsample_bilinear2d_backward_attrs *attrs = infer->attrs;
  return infer_backward(infer, attrs->output_size, attrs->input_size);
}

static tn_status bilinear_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                       tn_tensor **grad_in) {
  const tn_upsample_bilinear2d_backward_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_upsample_bilinear2d(grad_out[0], image_size(tn_vjp_input_sizes(vjp, 0)),
                                      attrs->align_corners, .scales_h = attrs->scales_h,
                                      .scales_w = attrs->scales_w);
  return tn__status_of(grad_in[0]);
}

/// The gradient of upsample_bilinear2d(): each element of grad_output shared out among those that
/// it was interpolated from. grad_output: [N, C, *output_size]; input_size: [N, C, H, W], the shape
/// of the result. errors: INVALID_ARGUMENT for sizes; INVALID_DTYPE. source: ATen
/// `upsample_bilinear2d_backward`.
// clang-format off
const tn_op_def tn_op_upsample_bilinear2d_backward = {
    .schema = "upsample_bilinear2d_backward(Tensor grad_output, int[2] output_size, int[4] input_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = bilinear_backward_infer,
    .vjp = bilinear_backward_vjp,
};
