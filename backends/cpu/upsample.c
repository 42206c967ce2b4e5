// SPDX-License-Identifier: Apache-2.0
//
// upsample: nearest and bilinear resizing of images and their gradients. Which elements a row or a
// column of results is made of, and in what shares, is computed once a call. Taking the nearest
// moves elements by size alone; what computes does so in f32 for f16 and bf16 (wide.h).

#include <math.h>
#include <tenon/op_args.h>

#include "cpu.h"
#include "wide.h"
#include "workspace.h"

// A result along one dimension: (1 - weight) of the first element and weight of the second.
typedef struct tap {
  int64_t first, second;
  double weight;
} tap;

typedef struct resize {
  int64_t planes, in[2], out[2];
  tap *taps[2];  // [out[d]]
  const void *input;
  void *result;
} resize;

#define REAL float
#define NAME(x) x##_f32
#include "upsample.inc.h"

#define REAL double
#define NAME(x) x##_f64
#include "upsample.inc.h"

#define T uint8_t
#define NAME(x) x##_1
#include "upsample_nearest.inc.h"

#define T uint16_t
#define NAME(x) x##_2
#include "upsample_nearest.inc.h"

#define T uint32_t
#define NAME(x) x##_4
#include "upsample_nearest.inc.h"

#define T uint64_t
#define NAME(x) x##_8
#include "upsample_nearest.inc.h"

// ---- geometry ----------------------------------------------------------------------------------

// The step in the input from one result to the next, where corners are not aligned.
static double step_of(tn_opt_float scale, int64_t in, int64_t out) {
  return scale.present && scale.value > 0 ? 1 / scale.value : (double)in / (double)out;
}

// In float32, as everybody does: which element is nearest may depend on it.
static tap nearest_tap(tn_opt_float scale, int64_t in, int64_t out, int64_t i) {
  tap t = {i, i, 0};
  if (out == in) return t;
  if (out == 2 * in) {
    t.first = i / 2;
  } else {
    const float step =
        scale.present && scale.value > 0 ? (float)(1 / scale.value) : (float)in / (float)out;
    const int64_t place = cpu_f64_to_i64((double)floorf((float)i * step));
    t.first = place < in - 1 ? place : in - 1;
  }
  t.second = t.first;
  return t;
}

static tap linear_tap(tn_opt_float scale, bool align_corners, int64_t in, int64_t out, int64_t i) {
  tap t = {i, i, 0};
  if (out == in) return t;
  double place;
  if (align_corners) {
    place = out > 1 ? (double)i * ((double)(in - 1) / (double)(out - 1)) : 0;
  } else {
    place = ((double)i + 0.5) * step_of(scale, in, out) - 0.5;
    if (!(place > 0)) place = 0;
  }
  const int64_t whole = cpu_f64_to_i64(place);
  t.first = whole < in - 1 ? whole : in - 1;
  t.second = t.first < in - 1 ? t.first + 1 : t.first;
  t.weight = place - (double)t.first;
  t.weight = t.weight < 0 ? 0 : t.weight > 1 ? 1 : t.weight;
  return t;
}

typedef struct options {
  bool linear, align_corners;
  tn_opt_float scales[2];
} options;

static tn_status describe(tn_kernel_ctx *ctx, resize *r, const tn_view *image,
                          const tn_view *resized, options o) {
  r->planes = image->sizes[0] * image->sizes[1];
  for (int d = 0; d < 2; d++) {
    r->in[d] = image->sizes[2 + d];
    r->out[d] = resized->sizes[2 + d];
    r->taps[d] = cpu_scratch(ctx, r->out[d], sizeof(tap));
    if (r->taps[d] == NULL) return TN_OUT_OF_MEMORY;
    for (int64_t i = 0; i < r->out[d]; i++) {
      r->taps[d][i] = o.linear ? linear_tap(o.scales[d], o.align_corners, r->in[d], r->out[d], i)
                               : nearest_tap(o.scales[d], r->in[d], r->out[d], i);
    }
  }
  return TN_OK;
}

static tn_status run_forward(tn_kernel_ctx *ctx, const tn_view *self, const tn_view *result,
                             options o, tn_range_body body) {
  resize r;
  if (result->numel == 0) return TN_OK;
  const tn_status status = describe(ctx, &r, self, result, o);
  if (status != TN_OK) return status;
  r.input = self->data;
  r.result = result->data;
  cpu_parallel_for(r.planes * r.out[0], cpu_grain((o.linear ? 4 : 1) * r.out[1]), body, &r);
  return TN_OK;
}

static tn_status run_backward(tn_kernel_ctx *ctx, const tn_view *grad, const tn_view *result,
                              options o, tn_range_body body) {
  resize r;
  if (result->numel == 0) return TN_OK;
  const tn_status status = describe(ctx, &r, result, grad, o);
  if (status != TN_OK) return status;
  r.input = grad->data;
  r.result = result->data;
  const int64_t cost = r.in[0] * r.in[1] + (o.linear ? 8 : 2) * r.out[0] * r.out[1];
  cpu_parallel_for(r.planes, cpu_grain(cost), body, &r);
  return TN_OK;
}

// ---- operators ---------------------------------------------------------------------------------

static tn_status run_nearest(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_upsample_nearest2d_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_upsample_nearest2d_result];
  const options o = {false, false, {attrs->scales_h, attrs->scales_w}};
  const int64_t size = tn_dtype_size(result->dtype);
  return run_forward(ctx, &args->views[TN_ARG_upsample_nearest2d_self], result, o,
                     size == 1   ? nearest_rows_1
                     : size == 2 ? nearest_rows_2
                     : size == 4 ? nearest_rows_4
                                 : nearest_rows_8);
}

static tn_status nearest_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                  const void *attributes) {
  const tn_upsample_nearest2d_backward_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_upsample_nearest2d_backward_result];
  const options o = {false, false, {attrs->scales_h, attrs->scales_w}};
  return run_backward(ctx, &views[TN_ARG_upsample_nearest2d_backward_grad_output], result, o,
                      result->dtype == TN_F64 ? nearest_backward_f64 : nearest_backward_f32);
}

static tn_status bilinear(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_upsample_bilinear2d_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_upsample_bilinear2d_result];
  const options o = {true, attrs->align_corners, {attrs->scales_h, attrs->scales_w}};
  return run_forward(ctx, &views[TN_ARG_upsample_bilinear2d_self], result, o,
                     result->dtype == TN_F64 ? bilinear_rows_f64 : bilinear_rows_f32);
}

static tn_status bilinear_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                   const void *attributes) {
  const tn_upsample_bilinear2d_backward_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_upsample_bilinear2d_backward_result];
  const options o = {true, attrs->align_corners, {attrs->scales_h, attrs->scales_w}};
  return run_backward(ctx, &views[TN_ARG_upsample_bilinear2d_backward_grad_output], result, o,
                      result->dtype == TN_F64 ? bilinear_backward_f64 : bilinear_backward_f32);
}

// ---- rows --------------------------------------------------------------------------------------

// |self| points at the body.
typedef struct body {
  cpu_wide_run run;
} body;

static body nearest_backward_body = {nearest_backward}, bilinear_body = {bilinear};
static body bilinear_backward_body = {bilinear_backward};

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  return cpu_run_wide(ctx, args, ((const body *)self)->run);
}

#define ROW(name, types, attrs_type, function, data)                                               \
  {                                                                                                \
    .op = name, .dtypes = types, .rank = TN_RANK_GENERIC, .layout = TN_LAYOUT_CONTIGUOUS,          \
    .flags = TN_ROW_DETERMINISTIC, .attrs_size = sizeof(attrs_type), .run = function, .self = data \
  }

const tn_kernel_row cpu_upsample_rows[] = {
    ROW("upsample_nearest2d", TN_DTYPES_FLOATING | TN_DTYPE_BIT(TN_U8), tn_upsample_nearest2d_attrs,
        run_nearest, NULL),
    ROW("upsample_nearest2d_backward", TN_DTYPES_FLOATING, tn_upsample_nearest2d_backward_attrs,
        run, &nearest_backward_body),
    ROW("upsample_bilinear2d", TN_DTYPES_FLOATING, tn_upsample_bilinear2d_attrs, run,
        &bilinear_body),
    ROW("upsample_bilinear2d_backward", TN_DTYPES_FLOATING, tn_upsample_bilinear2d_backward_attrs,
        run, &bilinear_backward_body),
};
const uint64_t cpu_upsample_row_count = sizeof cpu_upsample_rows / sizeof cpu_upsample_rows[0];
