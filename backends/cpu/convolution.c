// SPDX-License-Identifier: Apache-2.0
//
// convolution: convolution and convolution_backward for 1 to 3 spatial dimensions, with groups,
// dilation and transposition, described as correlations (window.h) and computed in correlation.c.
//
//            result                 grad_input                    grad_weight
//   plain    correlate(x, w)        adjoint in x (grad, w)        adjoint in w (x, grad)
//   transp.  adjoint in x (x, w)    correlate(grad, w)            adjoint in w (grad, x)
//
// f16 and bf16 are widened to f32 as a whole and rounded once at the end.

#include "correlation.h"
#include "cpu.h"
#include "workspace.h"

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

// ---- halves ------------------------------------------------------------------------------------

typedef struct convert_job {
  uint16_t *half;
  float *wide;
  bool bf16, narrow;
} convert_job;

static void convert_range(void *closure, int64_t begin, int64_t end) {
  const convert_job *job = closure;
  uint16_t *half = job->half;
  float *wide = job->wide;
  if (job->narrow && job->bf16) {
    for (int64_t i = begin; i < end; i++) half[i] = tn_f32_to_bf16(wide[i]);
  } else if (job->narrow) {
    for (int64_t i = begin; i < end; i++) half[i] = tn_f32_to_f16(wide[i]);
  } else if (job->bf16) {
    for (int64_t i = begin; i < end; i++) wide[i] = tn_bf16_to_f32(half[i]);
  } else {
    for (int64_t i = begin; i < end; i++) wide[i] = tn_f16_to_f32(half[i]);
  }
}

// Memory for |view|'s elements as f32, and the elements themselves where |filled|.
static tn_status widen(tn_kernel_ctx *ctx, tn_view *view, bool filled) {
  if (!cpu_view_given(view)) return TN_OK;
  convert_job job = {view->data, cpu_scratch(ctx, view->numel, sizeof(float)),
                     view->dtype == TN_BF16, false};
  if (job.wide == NULL) return TN_OUT_OF_MEMORY;
  if (filled) cpu_parallel_for(view->numel, CPU_GRAIN / 4, convert_range, &job);
  view->data = job.wide;
  view->dtype = TN_F32;
  return TN_OK;
}

static void narrow(const tn_view *to, const tn_view *wide) {
  convert_job job = {to->data, wide->data, to->dtype == TN_BF16, true};
  cpu_parallel_for(to->numel, CPU_GRAIN / 4, convert_range, &job);
}

typedef tn_status (*wide_run)(tn_kernel_ctx *ctx, const tn_view *views, const void *attrs);

enum { MAX_VIEWS = 6 };

// Runs |run| on the operands of |args|, as f32 where they are halves.
static tn_status run_wide(tn_kernel_ctx *ctx, const tn_args *args, wide_run run) {
  const tn_dtype dtype = args->views[0].dtype;
  if (!tn_dtype_in(dtype, TN_DTYPES_HALF)) return run(ctx, args->views, args->attrs);
  tn_view views[MAX_VIEWS];
  for (uint32_t i = 0; i < args->view_count; i++) {
    views[i] = args->views[i];
    const tn_status status = widen(ctx, &views[i], i >= args->output_count);
    if (status != TN_OK) return status;
  }
  const tn_status status = run(ctx, views, args->attrs);
  for (uint32_t i = 0; i < args->output_count && status == TN_OK; i++) {
    narrow(&args->views[i], &views[i]);
  }
  return status;
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
  return run_wide(ctx, args, forward);
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
  return run_wide(ctx, args, backward);
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
