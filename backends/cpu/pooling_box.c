// SPDX-License-Identifier: Apache-2.0
//
// pooling_box: poolings over volumes, and adaptive means over images and volumes: [volumes, D, H,
// W], where an image is a volume of depth 1. What of the input one result takes in is a box, given
// by a span in each dimension, and the spans are made once a call; so one set of loops serves all.
// f16 and bf16 compute in f32 (wide.h). Rows of results are spread over threads going forward,
// whole volumes going back, where boxes overlap.

#include <tenon/op_args.h>

#include "cpu.h"
#include "indices.h"
#include "wide.h"
#include "workspace.h"

// Elements of one dimension that a box takes in.
typedef struct span {
  int64_t start;   // the first inside of the input
  int64_t count;   // how many are inside, |dilation| apart
  int64_t padded;  // how many there are with those in the border
} span;

typedef struct boxes {
  int64_t volumes, in_space, out_space;
  int64_t in[3], out[3], dilation[3];
  span *spans[3];
  bool count_include_pad;
  int64_t divisor_override;  // 0: none
  const void *input;         // or the gradient, going back
  void *result;
  int64_t *indices;
  const int64_t *checked_indices;
} boxes;

static int64_t divisor_of(const boxes *b, span deep, span down, span across) {
  if (deep.count <= 0 || down.count <= 0 || across.count <= 0) return 0;
  if (b->divisor_override != 0) return b->divisor_override;
  return b->count_include_pad ? deep.padded * down.padded * across.padded
                              : deep.count * down.count * across.count;
}

#define REAL float
#define NAME(x) x##_f32
#include "pooling_box.inc.h"

#define REAL double
#define NAME(x) x##_f64
#include "pooling_box.inc.h"

#define IS_NAN(x) ((x) != (x))

#define T float
#define NAME(x) x##_f32
#include "pooling_box_max.inc.h"

#define T double
#define NAME(x) x##_f64
#include "pooling_box_max.inc.h"

#undef IS_NAN
#define IS_NAN(x) false

#define T uint8_t
#define NAME(x) x##_u8
#include "pooling_box_max.inc.h"

#define T int8_t
#define NAME(x) x##_i8
#include "pooling_box_max.inc.h"

#define T uint16_t
#define NAME(x) x##_u16
#include "pooling_box_max.inc.h"

#define T int16_t
#define NAME(x) x##_i16
#include "pooling_box_max.inc.h"

#define T uint32_t
#define NAME(x) x##_u32
#include "pooling_box_max.inc.h"

#define T int32_t
#define NAME(x) x##_i32
#include "pooling_box_max.inc.h"

#define T uint64_t
#define NAME(x) x##_u64
#include "pooling_box_max.inc.h"

#define T int64_t
#define NAME(x) x##_i64
#include "pooling_box_max.inc.h"

// ---- geometry ----------------------------------------------------------------------------------

// The last |spatial| dimensions of both; what is missing of three has size 1.
static tn_status describe(tn_kernel_ctx *ctx, boxes *b, int32_t spatial, const tn_view *image,
                          const tn_view *pooled) {
  memset(b, 0, sizeof *b);
  b->volumes = b->in_space = b->out_space = 1;
  for (int32_t d = 0; d < image->rank - spatial; d++) b->volumes *= image->sizes[d];
  for (int32_t d = 0; d < 3; d++) {
    const int32_t own = d - (3 - spatial);
    b->in[d] = own < 0 ? 1 : image->sizes[image->rank - spatial + own];
    b->out[d] = own < 0 ? 1 : pooled->sizes[pooled->rank - spatial + own];
    b->in_space *= b->in[d];
    b->out_space *= b->out[d];
    b->dilation[d] = 1;
    b->spans[d] = cpu_scratch(ctx, b->out[d], sizeof(span));
    if (b->spans[d] == NULL) return TN_OUT_OF_MEMORY;
  }
  return TN_OK;
}

// Result i takes in floor(i in / out) up to ceil((i + 1) in / out).
static void span_evenly(boxes *b) {
  for (int d = 0; d < 3; d++) {
    for (int64_t i = 0; i < b->out[d]; i++) {
      const int64_t whole = b->in[d] / b->out[d], rest = b->in[d] % b->out[d];
      const int64_t start = i * whole + i * rest / b->out[d];
      const int64_t end = (i + 1) * whole + ((i + 1) * rest + b->out[d] - 1) / b->out[d];
      b->spans[d][i] = (span){start, end - start, end - start};
    }
  }
}

// Windows of |kernel|, |stride| apart, over a border of |padding|; all lists are complete.
static void span_windows(boxes *b, tn_ints kernel, tn_ints stride, tn_ints padding) {
  for (int d = 0; d < 3; d++) {
    const int64_t step = b->dilation[d], size = b->in[d], reach = kernel.data[d];
    for (int64_t i = 0; i < b->out[d]; i++) {
      const int64_t start = i * stride.data[d] - padding.data[d];
      const int64_t skipped = start < 0 ? (-start + step - 1) / step : 0;
      const int64_t inside = start < size ? (size - 1 - start) / step + 1 : 0;
      const int64_t border = size + padding.data[d] - start;
      b->spans[d][i] = (span){start + skipped * step, (inside < reach ? inside : reach) - skipped,
                              reach < border ? reach : border};
    }
  }
}

static int64_t mean_cost(const boxes *b) {
  const int64_t places = b->out_space > 0 ? b->out_space : 1;
  return 2 * (b->in_space / places + 4);
}

static tn_status run_mean(boxes *b, tn_dtype dtype) {
  cpu_parallel_for(b->volumes * b->out[0] * b->out[1], cpu_grain(mean_cost(b) * b->out[2]),
                   dtype == TN_F64 ? mean_rows_f64 : mean_rows_f32, b);
  return TN_OK;
}

static tn_status run_mean_backward(boxes *b, tn_dtype dtype) {
  cpu_parallel_for(b->volumes, cpu_grain(b->in_space + mean_cost(b) * b->out_space),
                   dtype == TN_F64 ? mean_backward_f64 : mean_backward_f32, b);
  return TN_OK;
}

// ---- adaptive means ----------------------------------------------------------------------------

static tn_status adaptive(tn_kernel_ctx *ctx, int32_t spatial, const tn_view *self,
                          const tn_view *result) {
  boxes b;
  if (result->numel == 0) return TN_OK;
  const tn_status status = describe(ctx, &b, spatial, self, result);
  if (status != TN_OK) return status;
  span_evenly(&b);
  b.input = self->data;
  b.result = result->data;
  return run_mean(&b, result->dtype);
}

static tn_status adaptive_backward(tn_kernel_ctx *ctx, int32_t spatial, const tn_view *grad,
                                   const tn_view *result) {
  boxes b;
  if (result->numel == 0) return TN_OK;
  const tn_status status = describe(ctx, &b, spatial, result, grad);
  if (status != TN_OK) return status;
  span_evenly(&b);
  b.input = grad->data;
  b.result = result->data;
  return run_mean_backward(&b, result->dtype);
}

static tn_status adaptive2d(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)attributes;
  return adaptive(ctx, 2, &views[TN_ARG__adaptive_avg_pool2d_self],
                  &views[TN_ARG__adaptive_avg_pool2d_result]);
}

static tn_status adaptive3d(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)attributes;
  return adaptive(ctx, 3, &views[TN_ARG__adaptive_avg_pool3d_self],
                  &views[TN_ARG__adaptive_avg_pool3d_result]);
}

static tn_status adaptive2d_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                     const void *attributes) {
  (void)attributes;
  return adaptive_backward(ctx, 2, &views[TN_ARG__adaptive_avg_pool2d_backward_grad_output],
                           &views[TN_ARG__adaptive_avg_pool2d_backward_result]);
}

static tn_status adaptive3d_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                     const void *attributes) {
  (void)attributes;
  return adaptive_backward(ctx, 3, &views[TN_ARG__adaptive_avg_pool3d_backward_grad_output],
                           &views[TN_ARG__adaptive_avg_pool3d_backward_result]);
}

// ---- means of windows --------------------------------------------------------------------------

static tn_status mean3d(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_avg_pool3d_attrs *attrs = attributes;
  const tn_view *self = &views[TN_ARG_avg_pool3d_self];
  const tn_view *result = &views[TN_ARG_avg_pool3d_result];
  boxes b;
  if (result->numel == 0) return TN_OK;
  const tn_status status = describe(ctx, &b, 3, self, result);
  if (status != TN_OK) return status;
  span_windows(&b, attrs->kernel_size, attrs->stride, attrs->padding);
  b.count_include_pad = attrs->count_include_pad;
  b.divisor_override = attrs->divisor_override.present ? attrs->divisor_override.value : 0;
  b.input = self->data;
  b.result = result->data;
  return run_mean(&b, result->dtype);
}

static tn_status mean3d_backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_avg_pool3d_backward_attrs *attrs = attributes;
  const tn_view *grad = &views[TN_ARG_avg_pool3d_backward_grad_output];
  const tn_view *result = &views[TN_ARG_avg_pool3d_backward_result];
  boxes b;
  if (result->numel == 0) return TN_OK;
  const tn_status status = describe(ctx, &b, 3, result, grad);
  if (status != TN_OK) return status;
  span_windows(&b, attrs->kernel_size, attrs->stride, attrs->padding);
  b.count_include_pad = attrs->count_include_pad;
  b.divisor_override = attrs->divisor_override.present ? attrs->divisor_override.value : 0;
  b.input = grad->data;
  b.result = result->data;
  return run_mean_backward(&b, result->dtype);
}

// ---- maxima of windows -------------------------------------------------------------------------

static tn_status max3d(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  static const tn_range_body bodies[TN_DTYPE_COUNT] = {
      [TN_U8] = max_rows_u8,   [TN_I8] = max_rows_i8,   [TN_U16] = max_rows_u16,
      [TN_I16] = max_rows_i16, [TN_U32] = max_rows_u32, [TN_I32] = max_rows_i32,
      [TN_U64] = max_rows_u64, [TN_I64] = max_rows_i64, [TN_F32] = max_rows_f32,
      [TN_F64] = max_rows_f64};
  const tn_max_pool3d_with_indices_attrs *attrs = attributes;
  const tn_view *self = &views[TN_ARG_max_pool3d_with_indices_self];
  const tn_view *result = &views[TN_ARG_max_pool3d_with_indices_result];
  boxes b;
  if (result->numel == 0) return TN_OK;
  const tn_status status = describe(ctx, &b, 3, self, result);
  if (status != TN_OK) return status;
  for (int d = 0; d < 3; d++) b.dilation[d] = attrs->dilation.data[d];
  span_windows(&b, attrs->kernel_size, attrs->stride, attrs->padding);
  const tn_ints kernel = attrs->kernel_size;
  b.input = self->data;
  b.result = result->data;
  b.indices = views[TN_ARG_max_pool3d_with_indices_indices].data;
  cpu_parallel_for(b.volumes * b.out[0] * b.out[1],
                   cpu_grain(2 * b.out[2] * kernel.data[0] * kernel.data[1] * kernel.data[2]),
                   bodies[result->dtype], &b);
  return TN_OK;
}

static tn_status max3d_backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)attributes;
  const tn_view *grad = &views[TN_ARG_max_pool3d_with_indices_backward_grad_output];
  const tn_view *result = &views[TN_ARG_max_pool3d_with_indices_backward_result];
  const tn_view *indices = &views[TN_ARG_max_pool3d_with_indices_backward_indices];
  boxes b;
  if (result->numel == 0) return TN_OK;
  tn_status status = describe(ctx, &b, 3, result, grad);
  if (status != TN_OK) return status;
  status = cpu_check_indices(ctx, indices, b.in_space, NULL, "an input volume", &b.checked_indices);
  if (status != TN_OK) return status;
  b.input = grad->data;
  b.result = result->data;
  cpu_parallel_for(b.volumes, cpu_grain(b.in_space + 2 * b.out_space),
                   result->dtype == TN_F64 ? max_backward_f64 : max_backward_f32, &b);
  return TN_OK;
}

// ---- rows --------------------------------------------------------------------------------------

// |self| points at the body.
typedef struct body {
  cpu_wide_run run;
} body;

static body adaptive2d_body = {adaptive2d}, adaptive2d_backward_body = {adaptive2d_backward};
static body adaptive3d_body = {adaptive3d}, adaptive3d_backward_body = {adaptive3d_backward};
static body mean3d_body = {mean3d}, mean3d_backward_body = {mean3d_backward};
static body max3d_body = {max3d}, max3d_backward_body = {max3d_backward};

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  return cpu_run_wide(ctx, args, ((const body *)self)->run);
}

#define ROW(name, types, size, function)                                                  \
  {                                                                                       \
    .op = name, .dtypes = types, .rank = TN_RANK_GENERIC, .layout = TN_LAYOUT_CONTIGUOUS, \
    .flags = TN_ROW_DETERMINISTIC, .attrs_size = size, .run = run, .self = &(function)    \
  }

const tn_kernel_row cpu_pooling_box_rows[] = {
    ROW("_adaptive_avg_pool2d", TN_DTYPES_FLOATING, sizeof(tn__adaptive_avg_pool2d_attrs),
        adaptive2d_body),
    ROW("_adaptive_avg_pool2d_backward", TN_DTYPES_FLOATING, 0, adaptive2d_backward_body),
    ROW("_adaptive_avg_pool3d", TN_DTYPES_FLOATING, sizeof(tn__adaptive_avg_pool3d_attrs),
        adaptive3d_body),
    ROW("_adaptive_avg_pool3d_backward", TN_DTYPES_FLOATING, 0, adaptive3d_backward_body),
    ROW("avg_pool3d", TN_DTYPES_FLOATING, sizeof(tn_avg_pool3d_attrs), mean3d_body),
    ROW("avg_pool3d_backward", TN_DTYPES_FLOATING, sizeof(tn_avg_pool3d_backward_attrs),
        mean3d_backward_body),
    ROW("max_pool3d_with_indices", TN_DTYPES_INTEGER | TN_DTYPES_FLOATING,
        sizeof(tn_max_pool3d_with_indices_attrs), max3d_body),
    ROW("max_pool3d_with_indices_backward", TN_DTYPES_FLOATING,
        sizeof(tn_max_pool3d_with_indices_backward_attrs), max3d_backward_body),
};
const uint64_t cpu_pooling_box_row_count =
    sizeof cpu_pooling_box_rows / sizeof cpu_pooling_box_rows[0];
