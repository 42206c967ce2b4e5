// SPDX-License-Identifier: Apache-2.0
//
// convolution: convolution and convolution_backward for 1 to 3 spatial dimensions, with groups,
// dilation and transposition, described as correlations (window.h) and computed in correlation.c.
//
//            result                 grad_input                    grad_weight
//   plain    correlate(x, w)        adjoint in x (grad, w)        adjoint in w (x, grad)
//   transp.  adjoint in x (x, w)    correlate(grad, w)            adjoint in w (grad, x)
//
// f16 and bf16 are computed in f32 (wide.h).

#include <tenon/op_args.h>

#include "correlation.h"
#include "cpu.h"
#include "wide.h"

// ---- geometry ----------------------------------------------------------------------------------

// Sizes and attributes of |image|, the operand that the kernel slides over, and |positions|, the
// one it makes or takes.
static cpu_window window_of(const tn_view *image, const tn_view *positions, const tn_view *weight,
                            tn_ints stride, tn_ints padding, tn_ints dilation, int64_t groups) {
  cpu_window window = {.batch = image->sizes[0],
                       .groups = groups,
                       .in_channels = weight->sizes[1],
                       .out_channels = weight->sizes[0] / groups,
                       .in = {1, 1, 1},
                       .out = {1, 1, 1},
                       .kernel = {1, 1, 1},
                       .stride = {1, 1, 1},
                       .dilation = {1, 1, 1}};
  const int32_t spatial = image->rank - 2, skipped = 3 - spatial;
  for (int32_t d = 0; d < spatial; d++) {
    window.in[skipped + d] = image->sizes[2 + d];
    window.out[skipped + d] = positions->sizes[2 + d];
    window.kernel[skipped + d] = weight->sizes[2 + d];
    window.stride[skipped + d] = stride.data[d];
    window.padding[skipped + d] = padding.data[d];
    window.dilation[skipped + d] = dilation.data[d];
  }
  cpu_window_complete(&window);
  return window;
}

static const char *supports(const tn_view *image) {
  return image->rank >= 3 && image->rank <= 5 ? NULL : "1 to 3 spatial dimensions only";
}

// ---- forward -----------------------------------------------------------------------------------

static tn_status forward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_convolution_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_convolution_result];
  const tn_view *input = &views[TN_ARG_convolution_input];
  const tn_view *weight = &views[TN_ARG_convolution_weight];
  const tn_view *bias = &views[TN_ARG_convolution_bias];
  const void *bias_data = cpu_view_given(bias) ? bias->data : NULL;
  const tn_view *image = attrs->transposed ? result : input;
  const tn_view *positions = attrs->transposed ? input : result;
  const cpu_window window = window_of(image, positions, weight, attrs->stride, attrs->padding,
                                      attrs->dilation, attrs->groups);
  if (attrs->transposed) {
    return cpu_correlate_adjoint(ctx, result->dtype, &window, input->data, weight->data, bias_data,
                                 result->data);
  }
  return cpu_correlate(ctx, result->dtype, &window, input->data, weight->data, bias_data,
                       result->data);
}

static const char *supports_forward(void *self, const tn_args *args) {
  (void)self;
  return supports(&args->views[TN_ARG_convolution_input]);
}

static tn_status run_forward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, forward);
}

// ---- backward ----------------------------------------------------------------------------------

static bool wanted(const tn_view *grad, tn_ints mask, int64_t index) {
  return cpu_view_given(grad) && grad->numel > 0 && (index >= mask.count || mask.data[index] != 0);
}

static int64_t space_of(const tn_view *view) {
  int64_t space = 1;
  for (int32_t d = 2; d < view->rank; d++) space *= view->sizes[d];
  return space;
}

static tn_status backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_convolution_backward_attrs *attrs = attributes;
  const tn_view *grad_input = &views[TN_ARG_convolution_backward_grad_input];
  const tn_view *grad_weight = &views[TN_ARG_convolution_backward_grad_weight];
  const tn_view *grad_bias = &views[TN_ARG_convolution_backward_grad_bias];
  const tn_view *grad = &views[TN_ARG_convolution_backward_grad_output];
  const tn_view *input = &views[TN_ARG_convolution_backward_input];
  const tn_view *weight = &views[TN_ARG_convolution_backward_weight];
  const tn_dtype dtype = grad->dtype;
  const tn_view *image = attrs->transposed ? grad : input;
  const tn_view *positions = attrs->transposed ? input : grad;
  const cpu_window window = window_of(image, positions, weight, attrs->stride, attrs->padding,
                                      attrs->dilation, attrs->groups);
  tn_status status = TN_OK;
  if (wanted(grad_input, attrs->output_mask, 0)) {
    status = attrs->transposed ? cpu_correlate(ctx, dtype, &window, grad->data, weight->data, NULL,
                                               grad_input->data)
                               : cpu_correlate_adjoint(ctx, dtype, &window, grad->data,
                                                       weight->data, NULL, grad_input->data);
  }
  if (status == TN_OK && wanted(grad_weight, attrs->output_mask, 1)) {
    status =
        cpu_correlate_weight(ctx, dtype, &window, image->data, positions->data, grad_weight->data);
  }
  if (status == TN_OK && wanted(grad_bias, attrs->output_mask, 2)) {
    cpu_channel_sums(dtype, grad->data, grad->sizes[0], grad->sizes[1], space_of(grad),
                     grad_bias->data);
  }
  return status;
}

static const char *supports_backward(void *self, const tn_args *args) {
  (void)self;
  return supports(&args->views[TN_ARG_convolution_backward_input]);
}

static tn_status run_backward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, backward);
}

// ---- rows --------------------------------------------------------------------------------------

const tn_kernel_row cpu_convolution_rows[] = {
    {.op = "convolution",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_convolution_attrs),
     .supports = supports_forward,
     .run = run_forward},
    {.op = "convolution_backward",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_convolution_backward_attrs),
     .supports = supports_backward,
     .run = run_backward},
};
const uint64_t cpu_convolution_row_count =
    sizeof cpu_convolution_rows / sizeof cpu_convolution_rows[0];
