// SPDX-License-Identifier: Apache-2.0
//
// pooling: max_pool2d_with_indices, avg_pool2d and their gradients over [..., H, W], for f32 and
// f64; f16 and bf16 compute in f32. Integers have a maximum alone. An index is h * W + w in its
// input plane. Rows of results are spread over threads going forward, whole planes going back,
// where windows overlap.

#include <math.h>
#include <tenon/op_args.h>

#include "cpu.h"
#include "indices.h"
#include "pooling_pairs.h"
#include "wide.h"
#include "workspace.h"

// Rows or columns of the input that one result's window takes in.
typedef struct taps {
  int64_t start;   // the first inside of the plane
  int64_t count;   // how many are, |dilation| apart; 0 and less: none
  int64_t padded;  // how many there are with those in the border
} taps;

typedef struct pool {
  int64_t planes;
  int64_t in[2], out[2];
  int64_t kernel[2], stride[2], padding[2], dilation[2];
  bool count_include_pad;
  int64_t divisor_override;  // 0: none
  taps *columns;             // [out[1]]
  const void *input;         // or the gradient, going back
  void *result;
  int64_t *indices;
  const int64_t *checked_indices;
} pool;

static taps taps_at(const pool *p, int d, int64_t place) {
  const int64_t start = place * p->stride[d] - p->padding[d], dilation = p->dilation[d];
  const int64_t skipped = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const int64_t inside = start < p->in[d] ? (p->in[d] - 1 - start) / dilation + 1 : 0;
  const int64_t border = p->in[d] + p->padding[d] - start;
  const taps t = {start + skipped * dilation,
                  (inside < p->kernel[d] ? inside : p->kernel[d]) - skipped,
                  p->kernel[d] < border ? p->kernel[d] : border};
  return t;
}

// What a window's sum is divided by; 0 for a window without elements.
static int64_t divisor_of(const pool *p, taps down, taps across) {
  if (down.count <= 0 || across.count <= 0) return 0;
  if (p->divisor_override != 0) return p->divisor_override;
  return p->count_include_pad ? down.padded * across.padded : down.count * across.count;
}

#define T float
#define NAME(x) x##_f32
#define LOWEST -INFINITY
#define IS_NAN(value) ((value) != (value))
#include "pooling_max.inc.h"

#define T double
#define NAME(x) x##_f64
#define LOWEST -INFINITY
#define IS_NAN(value) ((value) != (value))
#include "pooling_max.inc.h"

#define T uint8_t
#define NAME(x) x##_u8
#define LOWEST 0
#define IS_NAN(value) 0
#include "pooling_max.inc.h"

#define T int8_t
#define NAME(x) x##_i8
#define LOWEST INT8_MIN
#define IS_NAN(value) 0
#include "pooling_max.inc.h"

#define T uint16_t
#define NAME(x) x##_u16
#define LOWEST 0
#define IS_NAN(value) 0
#include "pooling_max.inc.h"

#define T int16_t
#define NAME(x) x##_i16
#define LOWEST INT16_MIN
#define IS_NAN(value) 0
#include "pooling_max.inc.h"

#define T uint32_t
#define NAME(x) x##_u32
#define LOWEST 0
#define IS_NAN(value) 0
#include "pooling_max.inc.h"

#define T int32_t
#define NAME(x) x##_i32
#define LOWEST INT32_MIN
#define IS_NAN(value) 0
#include "pooling_max.inc.h"

#define T uint64_t
#define NAME(x) x##_u64
#define LOWEST 0
#define IS_NAN(value) 0
#include "pooling_max.inc.h"

#define T int64_t
#define NAME(x) x##_i64
#define LOWEST INT64_MIN
#define IS_NAN(value) 0
#include "pooling_max.inc.h"

#define REAL float
#define NAME(x) x##_f32
#include "pooling.inc.h"

#define REAL double
#define NAME(x) x##_f64
#include "pooling.inc.h"

// ---- pairs -------------------------------------------------------------------------------------

// Whether windows are 2 x 2, side by side, and rows long enough for pair_max_row.
static bool is_pairs(const pool *p, tn_dtype dtype) {
  for (int d = 0; d < 2; d++) {
    const bool pairs = p->kernel[d] == 2 && p->stride[d] == 2 && p->dilation[d] == 1;
    if (!pairs || p->padding[d] != 0 || 2 * p->out[d] > p->in[d]) return false;
  }
  return dtype == TN_F32 && p->out[1] >= PAIR_RESULTS && p->in[0] <= INT32_MAX / p->in[1];
}

static void max_pair_rows(void *closure, int64_t begin, int64_t end) {
  const pool *p = closure;
  for (int64_t row = begin; row < end; row++) {
    const float *plane = (const float *)p->input + row / p->out[0] * p->in[0] * p->in[1];
    const int64_t at = row * p->out[1], place = 2 * (row % p->out[0]) * p->in[1];
    pair_max_row(plane, (int32_t)place, (int32_t)p->in[1], p->out[1], (float *)p->result + at,
                 p->indices + at);
  }
}

// ---- geometry ----------------------------------------------------------------------------------

// One value means both dimensions; none means |missing|.
static void spread(int64_t to[2], tn_ints from, const int64_t missing[2]) {
  for (int d = 0; d < 2; d++) {
    to[d] = from.count <= 0 ? missing[d] : from.data[from.count == 1 ? 0 : d];
  }
}

static tn_status describe(tn_kernel_ctx *ctx, pool *p, const tn_view *image, const tn_view *pooled,
                          tn_ints kernel, tn_ints stride, tn_ints padding, tn_ints dilation) {
  static const int64_t zeros[2] = {0, 0}, ones[2] = {1, 1};
  memset(p, 0, sizeof *p);
  p->planes = 1;
  for (int32_t d = 0; d < image->rank - 2; d++) p->planes *= image->sizes[d];
  for (int d = 0; d < 2; d++) {
    p->in[d] = image->sizes[image->rank - 2 + d];
    p->out[d] = pooled->sizes[pooled->rank - 2 + d];
  }
  spread(p->kernel, kernel, ones);
  spread(p->stride, stride, p->kernel);
  spread(p->padding, padding, zeros);
  spread(p->dilation, dilation, ones);
  p->columns = cpu_scratch(ctx, p->out[1], sizeof(taps));
  if (p->columns == NULL) return TN_OUT_OF_MEMORY;
  for (int64_t x = 0; x < p->out[1]; x++) p->columns[x] = taps_at(p, 1, x);
  return TN_OK;
}

static void run_rows(pool *p, tn_range_body body) {
  const int64_t cost = 2 * p->out[1] * p->kernel[0] * p->kernel[1];
  cpu_parallel_for(p->planes * p->out[0], cpu_grain(cost), body, p);
}

static void run_planes(pool *p, int64_t cost, tn_range_body f32, tn_range_body f64,
                       tn_dtype dtype) {
  cpu_parallel_for(p->planes, cpu_grain(cost), dtype == TN_F64 ? f64 : f32, p);
}

// ---- max ---------------------------------------------------------------------------------------

static tn_range_body max_rows_of(tn_dtype dtype) {
  static const tn_range_body bodies[TN_DTYPE_COUNT] = {
      [TN_U8] = max_rows_u8,   [TN_I8] = max_rows_i8,   [TN_U16] = max_rows_u16,
      [TN_I16] = max_rows_i16, [TN_U32] = max_rows_u32, [TN_I32] = max_rows_i32,
      [TN_U64] = max_rows_u64, [TN_I64] = max_rows_i64, [TN_F32] = max_rows_f32,
      [TN_F64] = max_rows_f64};
  return bodies[dtype];
}

static tn_status max_pool(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_max_pool2d_with_indices_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_max_pool2d_with_indices_result];
  const tn_view *self = &views[TN_ARG_max_pool2d_with_indices_self];
  if (result->numel == 0) return TN_OK;
  pool p;
  const tn_status status = describe(ctx, &p, self, result, attrs->kernel_size, attrs->stride,
                                    attrs->padding, attrs->dilation);
  if (status != TN_OK) return status;
  p.input = self->data;
  p.result = result->data;
  p.indices = views[TN_ARG_max_pool2d_with_indices_indices].data;
  run_rows(&p, is_pairs(&p, result->dtype) ? max_pair_rows : max_rows_of(result->dtype));
  return TN_OK;
}

static tn_status max_pool_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                   const void *attributes) {
  const tn_max_pool2d_with_indices_backward_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_max_pool2d_with_indices_backward_result];
  const tn_view *grad = &views[TN_ARG_max_pool2d_with_indices_backward_grad_output];
  const tn_view *indices = &views[TN_ARG_max_pool2d_with_indices_backward_indices];
  if (result->numel == 0) return TN_OK;
  pool p;
  tn_status status = describe(ctx, &p, result, grad, attrs->kernel_size, attrs->stride,
                              attrs->padding, attrs->dilation);
  if (status != TN_OK) return status;
  const int64_t in_space = p.in[0] * p.in[1];
  status = cpu_check_indices(ctx, indices, in_space, NULL, "an input plane", &p.checked_indices);
  if (status != TN_OK) return status;
  p.input = grad->data;
  p.result = result->data;
  run_planes(&p, in_space + 2 * p.out[0] * p.out[1], max_backward_planes_f32,
             max_backward_planes_f64, result->dtype);
  return TN_OK;
}

// ---- average -----------------------------------------------------------------------------------

static tn_status average_pool(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_avg_pool2d_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_avg_pool2d_result];
  const tn_view *self = &views[TN_ARG_avg_pool2d_self];
  if (result->numel == 0) return TN_OK;
  const tn_ints no_dilation = {NULL, 0};
  pool p;
  const tn_status status = describe(ctx, &p, self, result, attrs->kernel_size, attrs->stride,
                                    attrs->padding, no_dilation);
  if (status != TN_OK) return status;
  p.count_include_pad = attrs->count_include_pad;
  p.divisor_override = attrs->divisor_override.present ? attrs->divisor_override.value : 0;
  p.input = self->data;
  p.result = result->data;
  run_rows(&p, result->dtype == TN_F64 ? average_rows_f64 : average_rows_f32);
  return TN_OK;
}

static tn_status average_pool_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                       const void *attributes) {
  const tn_avg_pool2d_backward_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_avg_pool2d_backward_result];
  const tn_view *grad = &views[TN_ARG_avg_pool2d_backward_grad_output];
  if (result->numel == 0) return TN_OK;
  const tn_ints no_dilation = {NULL, 0};
  pool p;
  const tn_status status = describe(ctx, &p, result, grad, attrs->kernel_size, attrs->stride,
                                    attrs->padding, no_dilation);
  if (status != TN_OK) return status;
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

#define ROW(name, types, attrs_type, function)                                            \
  {                                                                                       \
    .op = name, .dtypes = types, .rank = TN_RANK_GENERIC, .layout = TN_LAYOUT_CONTIGUOUS, \
    .flags = TN_ROW_DETERMINISTIC, .attrs_size = sizeof(attrs_type), .run = run,          \
    .self = &(function)                                                                   \
  }

const tn_kernel_row cpu_pooling_rows[] = {
    ROW("max_pool2d_with_indices", TN_DTYPES_INTEGER | TN_DTYPES_FLOATING,
        tn_max_pool2d_with_indices_attrs, max_body),
    ROW("max_pool2d_with_indices_backward", TN_DTYPES_FLOATING,
        tn_max_pool2d_with_indices_backward_attrs, max_backward_body),
    ROW("avg_pool2d", TN_DTYPES_FLOATING, tn_avg_pool2d_attrs, average_body),
    ROW("avg_pool2d_backward", TN_DTYPES_FLOATING, tn_avg_pool2d_backward_attrs,
        average_backward_body),
};
const uint64_t cpu_pooling_row_count = sizeof cpu_pooling_rows / sizeof cpu_pooling_rows[0];
