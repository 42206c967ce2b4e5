// SPDX-License-Identifier: Apache-2.0
//
// upsample: images resized to a given size by the nearest element or by bilinear interpolation. All
// are linear in the image: a backward operator is the adjoint, whose own gradient is the resizing
// again.

#include <inttypes.h>
#include <string.h>
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

// ---- by size or by factors

// The size that |output_size| or |factors| asks for, and the factors as options.
static tn_status asked_size(tn_compose *compose, tn_ints output_size, tn_floats factors,
                            int64_t *size, tn_opt_float *scales) {
  const tn_tensor *input = compose->inputs[0];
  if (input->rank != 4) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "input",
                        "expected 4 dimensions, [N, C, H, W], not %d", (int)input->rank);
  }
  if ((output_size.count < 0) == (factors.count < 0)) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "output_size",
                        "expected either output_size or scale_factors");
  }
  if (factors.count < 0) {
    TN_TRY(expect_sizes(compose->call, "output_size", output_size, 2));
    memcpy(size, output_size.data, 2 * sizeof *size);
    return TN_OK;
  }
  for (int32_t d = 0; d < 2; d++) {
    double factor = factors.count == 2 ? factors.data[d] : 0;
    double asked = (double)input->sizes[2 + d] * factor;
    if (!(factor > 0) || !(asked >= 1) || !(asked < 0x1p53)) {
      return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "scale_factors",
                          "expected 2 positive factors that leave at least 1 element");
    }
    size[d] = (int64_t)asked;
    scales[d] = (tn_opt_float){factor, 1};
  }
  return TN_OK;
}

static tn_status nearest_vec_compose(tn_compose *compose) {
  const tn_upsample_nearest2d_vec_attrs *attrs = compose->attrs;
  int64_t size[2];
  tn_opt_float scales[2] = {{0, 0}, {0, 0}};
  TN_TRY(asked_size(compose, attrs->output_size, attrs->scale_factors, size, scales));
  compose->results[0] = tn_upsample_nearest2d(compose->inputs[0], tn_ints_of(size, 2),
                                              .scales_h = scales[0], .scales_w = scales[1]);
  return tn__status_of(compose->results[0]);
}

/// upsample_nearest2d() to a size, or by factors for height and width: to floor(size factor).
/// input: [N, C, H, W]; one of output_size (two integers) and scale_factors (two numbers) is given.
/// errors: as upsample_nearest2d; INVALID_ARGUMENT for both or neither, or for factors.
/// source: ATen `upsample_nearest2d.vec`.
// clang-format off
const tn_op_def tn_op_upsample_nearest2d_vec = {
    .schema = "upsample_nearest2d.vec(Tensor input, int[]? output_size, float[]? scale_factors) -> Tensor",
    // clang-format on
    .compose = nearest_vec_compose,
};

static tn_status bilinear_vec_compose(tn_compose *compose) {
  const tn_upsample_bilinear2d_vec_attrs *attrs = compose->attrs;
  int64_t size[2];
  tn_opt_float scales[2] = {{0, 0}, {0, 0}};
  TN_TRY(asked_size(compose, attrs->output_size, attrs->scale_factors, size, scales));
  compose->results[0] =
      tn_upsample_bilinear2d(compose->inputs[0], tn_ints_of(size, 2), attrs->align_corners,
                             .scales_h = scales[0], .scales_w = scales[1]);
  return tn__status_of(compose->results[0]);
}

/// upsample_bilinear2d() to a size, or by factors for height and width: to floor(size factor).
/// input: [N, C, H, W]; one of output_size (two integers) and scale_factors (two numbers) is given.
/// errors: as upsample_bilinear2d; INVALID_ARGUMENT for both or neither, or for factors.
/// source: ATen `upsample_bilinear2d.vec`.
// clang-format off
const tn_op_def tn_op_upsample_bilinear2d_vec = {
    .schema = "upsample_bilinear2d.vec(Tensor input, int[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor",
    // clang-format on
    .compose = bilinear_vec_compose,
};
