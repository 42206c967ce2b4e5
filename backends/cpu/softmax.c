// SPDX-License-Identifier: Apache-2.0
//
// softmax: _softmax, _log_softmax and their backward forms along one dimension of a contiguous
// tensor [outer, n, inner]: outer * inner slices of n elements, spread over threads. The loops are
// in softmax.simd.c; f16 and bf16 compute in f32 (wide.h).

#include <tenon/op_args.h>

#include "softmax.h"

#include "wide.h"

static const cpu_softmax_loops *loops[2];  // f32, f64

void cpu_softmax_start(cpu_isa isa) {
  static const cpu_softmax_loops *const variants[CPU_ISA_COUNT][2] = {
#define X(name) [CPU_ISA_##name] = {&cpu_softmax_f32_##name, &cpu_softmax_f64_##name},
      CPU_ISA_TABLE(X)
#undef X
  };
  loops[0] = variants[isa][0];
  loops[1] = variants[isa][1];
}

static const cpu_softmax_loops *loops_for(tn_dtype dtype) { return loops[dtype == TN_F64]; }

// Runs |body| over all slices of |shape| along |dim|.
static tn_status run_slices(cpu_softmax_job *job, const tn_view *shape, int64_t dim,
                            tn_range_body body) {
  if (shape->numel == 0) return TN_OK;
  job->n = shape->rank == 0 ? 1 : shape->sizes[dim];
  job->inner = 1;
  for (int64_t d = dim + 1; d < shape->rank; d++) job->inner *= shape->sizes[d];
  const int64_t slices = shape->numel / job->n;
  cpu_parallel_for(slices, cpu_grain(8 * job->n), body, job);
  return TN_OK;
}

static tn_status softmax(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn__softmax_attrs *attrs = attributes;
  const tn_view *self = &views[TN_ARG__softmax_self];
  cpu_softmax_job job = {views[TN_ARG__softmax_result].data, self->data, NULL, 0, 0};
  return run_slices(&job, self, attrs->dim, loops_for(self->dtype)->softmax);
}

static tn_status log_softmax(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn__log_softmax_attrs *attrs = attributes;
  const tn_view *self = &views[TN_ARG__log_softmax_self];
  cpu_softmax_job job = {views[TN_ARG__log_softmax_result].data, self->data, NULL, 0, 0};
  return run_slices(&job, self, attrs->dim, loops_for(self->dtype)->log_softmax);
}

static tn_status softmax_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                  const void *attributes) {
  (void)ctx;
  const tn__softmax_backward_data_attrs *attrs = attributes;
  const tn_view *grad = &views[TN_ARG__softmax_backward_data_grad_output];
  cpu_softmax_job job = {views[TN_ARG__softmax_backward_data_result].data, grad->data,
                         views[TN_ARG__softmax_backward_data_output].data, 0, 0};
  return run_slices(&job, grad, attrs->dim, loops_for(grad->dtype)->softmax_backward);
}

static tn_status log_softmax_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                      const void *attributes) {
  (void)ctx;
  const tn__log_softmax_backward_data_attrs *attrs = attributes;
  const tn_view *grad = &views[TN_ARG__log_softmax_backward_data_grad_output];
  cpu_softmax_job job = {views[TN_ARG__log_softmax_backward_data_result].data, grad->data,
                         views[TN_ARG__log_softmax_backward_data_output].data, 0, 0};
  return run_slices(&job, grad, attrs->dim, loops_for(grad->dtype)->log_softmax_backward);
}

// ---- rows --------------------------------------------------------------------------------------

// |self| points at the body.
typedef struct bodies {
  cpu_wide_run run;
} bodies;

static bodies softmax_body = {softmax}, log_softmax_body = {log_softmax};
static bodies softmax_backward_body = {softmax_backward};
static bodies log_softmax_backward_body = {log_softmax_backward};

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  return cpu_run_wide(ctx, args, ((const bodies *)self)->run);
}

// The result's dtype is the operands' everywhere.
static const char *supports(void *self, const tn_args *args) {
  (void)self;
  const bool same = args->views[0].dtype == args->views[1].dtype;
  return same ? NULL : "the result has another dtype than the input";
}

#define ROW(name, body, size)                                                                  \
  {                                                                                            \
    .op = name, .dtypes = TN_DTYPES_FLOATING, .rank = TN_RANK_GENERIC,                         \
    .layout = TN_LAYOUT_CONTIGUOUS, .flags = TN_ROW_DETERMINISTIC, .attrs_size = sizeof(size), \
    .supports = supports, .run = run, .self = &(body)                                          \
  }

const tn_kernel_row cpu_softmax_rows[] = {
    ROW("_softmax", softmax_body, tn__softmax_attrs),
    ROW("_log_softmax", log_softmax_body, tn__log_softmax_attrs),
    ROW("_softmax_backward_data", softmax_backward_body, tn__softmax_backward_data_attrs),
    ROW("_log_softmax_backward_data", log_softmax_backward_body,
        tn__log_softmax_backward_data_attrs),
};
const uint64_t cpu_softmax_row_count = sizeof cpu_softmax_rows / sizeof cpu_softmax_rows[0];
