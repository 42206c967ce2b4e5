// SPDX-License-Identifier: Apache-2.0
//
// wide: f16 and bf16 operands as f32, there and back. The f32 copies are scratch memory; the
// caller's views are never changed.

#include "wide.h"

#include "workspace.h"

enum { MAX_VIEWS = 12 };

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

static bool is_half(const tn_view *view) {
  return cpu_view_given(view) && tn_dtype_in(view->dtype, TN_DTYPES_HALF);
}

// Gives |view| memory for its elements as f32, holding them where |filled|.
static tn_status widen(tn_kernel_ctx *ctx, tn_view *view, bool filled) {
  convert_job job = {view->data, cpu_scratch(ctx, view->numel, sizeof(float)),
                     view->dtype == TN_BF16, false};
  if (job.wide == NULL) return TN_OUT_OF_MEMORY;
  if (filled) cpu_parallel_for(view->numel, CPU_GRAIN, convert_range, &job);
  view->data = job.wide;
  view->dtype = TN_F32;
  return TN_OK;
}

static void narrow(const tn_view *to, const tn_view *wide) {
  convert_job job = {to->data, wide->data, to->dtype == TN_BF16, true};
  cpu_parallel_for(to->numel, CPU_GRAIN, convert_range, &job);
}

tn_status cpu_run_wide(tn_kernel_ctx *ctx, const tn_args *args, cpu_wide_run run) {
  bool any_half = false;
  for (uint32_t i = 0; i < args->view_count; i++) any_half |= is_half(&args->views[i]);
  if (!any_half) return run(ctx, args->views, args->attrs);
  if (args->view_count > MAX_VIEWS) {
    return ctx->host->error(ctx, TN_INTERNAL, "%u operands", args->view_count);
  }
  tn_view views[MAX_VIEWS];
  for (uint32_t i = 0; i < args->view_count; i++) {
    views[i] = args->views[i];
    if (!is_half(&views[i])) continue;
    const tn_status status = widen(ctx, &views[i], i >= args->output_count);
    if (status != TN_OK) return status;
  }
  const tn_status status = run(ctx, views, args->attrs);
  for (uint32_t i = 0; i < args->output_count && status == TN_OK; i++) {
    if (is_half(&args->views[i])) narrow(&args->views[i], &views[i]);
  }
  return status;
}
