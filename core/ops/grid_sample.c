// SPDX-License-Identifier: Apache-2.0
//
// grid_sample: an image read at places that a tensor names, by interpolation. The gradient reaches
// the image and the places. As in PyTorch the backward operator has no gradient of its own: asking
// for one is an error.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

enum { BICUBIC = 2, REFLECTION = 2 };

// |first|: the index of input, before grid.
static tn_status check_sampling(tn_infer *infer, int32_t first, int64_t interpolation,
                                int64_t padding) {
  tn__call *call = infer->call;
  const tn_tensor *input = infer->inputs[first], *grid = infer->inputs[first + 1];
  TN_TRY(tn__expect_rank(infer, first, "input", 4, 4));
  TN_TRY(tn__expect_rank(infer, first + 1, "grid", 4, 4));
  if (grid->dtype != input->dtype) {
    return tn__op_error(call, TN_INVALID_DTYPE, "grid", "expected input's %s, not %s",
                        tn_dtype_name(input->dtype), tn_dtype_name(grid->dtype));
  }
  if (grid->sizes[0] != input->sizes[0] || grid->sizes[3] != 2) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "grid",
                        "expected [%" PRId64 ", H, W, 2] for as many images", input->sizes[0]);
  }
  if (input->sizes[2] == 0 || input->sizes[3] == 0) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "input", "an image of no elements");
  }
  if (interpolation < 0 || interpolation > BICUBIC) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "interpolation_mode",
                        "expected 0 (bilinear), 1 (nearest) or 2 (bicubic), not %" PRId64,
                        interpolation);
  }
  if (padding < 0 || padding > REFLECTION) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "padding_mode",
                        "expected 0 (zeros), 1 (border) or 2 (reflection), not %" PRId64, padding);
  }
  return TN_OK;
}

static tn_status sample_infer(tn_infer *infer) {
  const tn_grid_sampler_2d_attrs *attrs = infer->attrs;
  const tn_tensor *input = infer->inputs[0], *grid = infer->inputs[1];
  TN_TRY(check_sampling(infer, 0, attrs->interpolation_mode, attrs->padding_mode));
  return tn__result_shape(
      infer, 0, TN_SHAPE(input->sizes[0], input->sizes[1], grid->sizes[1], grid->sizes[2]));
}

static tn_status sample_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_grid_sampler_2d_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *grad_grid;
  tn_tensor *grad_input = tn_grid_sampler_2d_backward(
      grad_out[0], tn_vjp_input(vjp, 0), tn_vjp_input(vjp, 1), attrs->interpolation_mode,
      attrs->padding_mode, attrs->align_corners,
      TN_INTS(tn_vjp_needs(vjp, 0), tn_vjp_needs(vjp, 1)), &grad_grid);
  TN_TRY(tn__status_of(grad_input));
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = grad_input;
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = grad_grid;
  return TN_OK;
}

/// input read at the places in grid: (x, y) of which -1 and 1 are the middles of the outermost
/// elements with align_corners, else their outer edges. input: [N, C, H, W], floating; grid: [N,
/// H', W', 2], input's dtype; interpolation_mode: 0 bilinear, 1 nearest, 2 bicubic (with -0.75);
/// padding_mode: outside of the image there are 0 zeros, 1 the border's elements, 2 the image
/// reflected. Returns [N, C, H', W']. gradient: for input and grid; it has none of its own.
/// errors: INVALID_ARGUMENT for shapes and modes; INVALID_DTYPE.
/// source: Jaderberg et al. 2015; ATen `grid_sampler_2d`.
// clang-format off
const tn_op_def tn_op_grid_sampler_2d = {
    .schema = "grid_sampler_2d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = sample_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 1,
    .vjp = sample_vjp,
};

static tn_status sample_backward_infer(tn_infer *infer) {
  const tn_grid_sampler_2d_backward_attrs *attrs = infer->attrs;
  const tn_tensor *grad = infer->inputs[0], *input = infer->inputs[1], *grid = infer->inputs[2];
  TN_TRY(check_sampling(infer, 1, attrs->interpolation_mode, attrs->padding_mode));
  const int64_t expected[4] = {input->sizes[0], input->sizes[1], grid->sizes[1], grid->sizes[2]};
  bool fits = grad->rank == 4;
  for (int32_t d = 0; fits && d < 4; d++) fits = grad->sizes[d] == expected[d];
  if (!fits) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad_output",
                        "expected the shape of what was sampled");
  }
  if (attrs->output_mask.count != 2) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "output_mask",
                        "expected 2 truth values, not %" PRId64, attrs->output_mask.count);
  }
  for (int32_t k = 0; k < 2; k++) {
    tn_ints whole = tn_tensor_shape(infer->inputs[1 + k]);
    TN_TRY(tn__result_shape(infer, k, attrs->output_mask.data[k] != 0 ? whole : TN_SHAPE(0)));
  }
  return TN_OK;
}

/// The gradients of grid_sampler_2d() for its input and grid, as far as output_mask asks for them;
/// what it does not ask for is a tensor of shape [0]. grad_output: the shape of the result.
/// errors: as grid_sampler_2d; INVALID_ARGUMENT for grad_output's shape or the mask.
/// source: ATen `grid_sampler_2d_backward`.
// clang-format off
const tn_op_def tn_op_grid_sampler_2d_backward = {
    .schema = "grid_sampler_2d_backward(Tensor grad_output, Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners, bool[2] output_mask) -> (Tensor, Tensor)",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING,
    .infer = sample_backward_infer,
};
