// SPDX-License-Identifier: Apache-2.0
//
// pooling: max_pool2d_with_indices, avg_pool2d and their gradients over [..., H, W], for f32 and
// f64 (pooling.inc.h); f16 and bf16 compute in f32. An index is h * W + w in its input plane. Rows
// of results are spread over threads going forward, whole planes going back, where windows overlap.

#include <math.h>

#include "cpu.h"
#include "indices.h"
#include "wide.h"

enum { STRIP = 128 };  // results of a row made at a time

typedef struct pool {
  int64_t planes;
  int64_t in[2], out[2];
  int64_t kernel[2], stride[2], padding[2], dilation[2];
  bool count_include_pad;
  int64_t divisor_override;  // 0: none
  const void *input;         // or the gradient, going back
  void *result;
  int64_t *indices;
  const int64_t *checked_indices;
} pool;

// Rows (0) or columns (1) of the input in the window of an average.
typedef struct extent {
  int64_t begin, end;  // inside of the plane
  int64_t padded;      // with what lies in the border
} extent;

static extent extent_at(const pool *p, int d, int64_t place) {
  const int64_t start = place * p->stride[d] - p->padding[d];
  const int64_t border = p->in[d] + p->padding[d];
  const int64_t stop = start + p->kernel[d] < border ? start + p->kernel[d] : border;
  const extent e = {start > 0 ? start : 0, stop < p->in[d] ? stop : p->in[d], stop - start};
  return e;
}

// What a window's sum is divided by; 0 for a window without elements.
static int64_t divisor_at(const pool *p, int64_t y, int64_t x) {
  const extent rows = extent_at(p, 0, y), cols = extent_at(p, 1, x);
  if (rows.begin >= rows.end || cols.begin >= cols.end) return 0;
  if (p->divisor_override != 0) return p->divisor_override;
  if (p->count_include_pad) return rows.padded * cols.padded;
  return (rows.end - rows.begin) * (cols.end - cols.begin);
}

#define REAL float
#define NAME(x) x##_f32
#include "pooling.inc.h"

#define REAL double
#define NAME(x) x##_f64
#include "pooling.inc.h"

// ---- geometry ----------------------------------------------------------------------------------

// One value means both dimensions; none means |missing|.
static void spread(int64_t to[2], tn_ints from, const int64_t missing[2]) {
  for (int d = 0; d < 2; d++) {
    to[d] = from.count <= 0 ? missing[d] : from.data[from.count == 1 ? 0 : d];
  }
}

static pool pool_of(const tn_view *image, const tn_view *pooled, tn_ints kernel, tn_ints stride,
                    tn_ints padding, tn_ints dilation) {
  static const int64_t zeros[2] = {0, 0}, ones[2] = {1, 1};
  pool p = {.planes = 1};
  for (int32_t d = 0; d < image->rank - 2; d++) p.planes *= image->sizes[d];
  for (int d = 0; d < 2; d++) {
    p.in[d] = image->sizes[image->rank - 2 + d];
    p.out[d] = pooled->sizes[pooled->rank - 2 + d];
  }
  spread(p.kernel, kernel, ones);
  spread(p.stride, stride, p.kernel);
  spread(p.padding, padding, zeros);
  spread(p.dilation, dilation, ones);
  return p;
}

static void run_rows(pool *p, tn_range_body f32, tn_range_body f64, tn_dtype dtype) {
  const int64_t cost = 2 * p->out[1] * p->kernel[0] * p->kernel[1];
  cpu_parallel_for(p->planes * p->out[0], cpu_grain(cost), dtype == TN_F64 ? f64 : f32, p);
}

static void run_planes(pool *p, int64_t cost, tn_range_body f32, tn_range_body f64,
                       tn_dtype dtype) {
  cpu_parallel_for(p->planes, cpu_grain(cost), dtype == TN_F64 ? f64 : f32, p);
}

// ---- max ---------------------------------------------------------------------------------------

static tn_status max_pool(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn_max_pool2d_with_indices_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_max_pool2d_with_indices_result];
  const tn_view *self = &views[TN_ARG_max_pool2d_with_indices_self];
  if (result->numel == 0) return TN_OK;
  pool p =
      pool_of(self, result, attrs->kernel_size, attrs->stride, attrs->padding, attrs->dilation);
  p.input = self->data;
  p.result = result->data;
  p.indices = views[TN_ARG_max_pool2d_with_indices_indices].data;
  run_rows(&p, max_rows_f32, max_rows_f64, result->dtype);
  return TN_OK;
}

static tn_status max_pool_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                   const void *attributes) {
  const tn_max_pool2d_with_indices_backward_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_max_pool2d_with_indices_backward_result];
  const tn_view *grad = &views[TN_ARG_max_pool2d_with_indices_backward_grad_output];
  const tn_view *indices = &views[TN_ARG_max_pool2d_with_indices_backward_indices];
  if (result->numel == 0) return TN_OK;
  pool p =
      pool_of(result, grad, attrs->kernel_size, attrs->stride, attrs->padding, attrs->dilation);
  const int64_t in_space = p.in[0] * p.in[1];
  const tn_status status = cpu_check_indices(ctx, indices, in_space, CPU_NO_EXEMPT_INDEX,
                                             "an input plane", &p.checked_indices);
  if (status != TN_OK) return status;
  p.input = grad->data;
  p.result = result->data;
  run_planes(&p, in_space + 2 * p.out[0] * p.out[1], max_backward_planes_f32,
             max_backward_planes_f64, result->dtype);
  return TN_OK;
}

// Indices inside of a plane are 32 bits wide while they are found.
static const char *supports_max(void *self, const tn_args *args) {
  (void)self;
  const tn_view *image = &args->views[TN_ARG_max_pool2d_with_indices_self];
  const int64_t height = image->sizes[image->rank - 2], width = image->sizes[image->rank - 1];
  const bool small = width == 0 || height <= INT32_MAX / width;
  return small ? NULL : "planes of 2^31 elements and more";
}

// ---- average -----------------------------------------------------------------------------------

static tn_status average_pool(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn_avg_pool2d_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_avg_pool2d_result];
  const tn_view *self = &views[TN_ARG_avg_pool2d_self];
  if (result->numel == 0) return TN_OK;
  const tn_ints no_dilation = {NULL, 0};
  pool p = pool_of(self, result, attrs->kernel_size, attrs->stride, attrs->padding, no_dilation);
  p.count_include_pad = attrs->count_include_pad;
  p.divisor_override = attrs->divisor_override.present ? attrs->divisor_override.value : 0;
  p.input = self->data;
  p.result = result->data;
  run_rows(&p, average_rows_f32, average_rows_f64, result->dtype);
  return TN_OK;
}

static tn_status average_pool_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                       const void *attributes) {
  (void)ctx;
  const tn_avg_pool2d_backward_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_avg_pool2d_backward_result];
  const tn_view *grad = &views[TN_ARG_avg_pool2d_backward_grad_output];
  if (result->numel == 0) return TN_OK;
  const tn_ints no_dilation = {NULL, 0};
  pool p = pool_of(result, grad, attrs->kernel_size, attrs->stride, attrs->padding, no_dilation);
  p.count_include_pad = attrs->count_include_pad;
  p.divisor_override = attrs->divisor_override.present ? attrs->divisor_override.value : 0;
  p.input = grad->data;
  p.result = result->data;
  run_planes(&p, p.in[0] * p.in[1] + p.out[0] * p.out[1] * p.kernel[0] * p.kernel[1],
             average_backward_planes_f32, average_backward_planes_f64, result->dtype);
  return TN_OK;
}

// ---- rows --------------------------------------------------------------------------------------

// |self| points at the body.
typedef struct body {
  cpu_wide_run run;
} body;

static body max_body = {max_pool}, max_backward_body = {max_pool_backward};
static body average_body = {average_pool}, average_backward_body = {average_pool_backward};

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  return cpu_run_wide(ctx, args, ((const body *)self)->run);
}

#define ROW(name, attrs_type, function, check)                                           \
  {                                                                                      \
    .op = name, .dtypes = TN_DTYPES_FLOATING, .rank = TN_RANK_GENERIC,                   \
    .layout = TN_LAYOUT_CONTIGUOUS, .flags = TN_ROW_DETERMINISTIC,                       \
    .attrs_size = sizeof(attrs_type), .supports = check, .run = run, .self = &(function) \
  }

const tn_kernel_row cpu_pooling_rows[] = {
    ROW("max_pool2d_with_indices", tn_max_pool2d_with_indices_attrs, max_body, supports_max),
    ROW("max_pool2d_with_indices_backward", tn_max_pool2d_with_indices_backward_attrs,
        max_backward_body, NULL),
    ROW("avg_pool2d", tn_avg_pool2d_attrs, average_body, NULL),
    ROW("avg_pool2d_backward", tn_avg_pool2d_backward_attrs, average_backward_body, NULL),
};
const uint64_t cpu_pooling_row_count = sizeof cpu_pooling_rows / sizeof cpu_pooling_rows[0];
