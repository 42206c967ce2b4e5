// SPDX-License-Identifier: Apache-2.0
//
// cdist: distances between rows and their gradients. Always from differences, never from products,
// so that near rows keep their digits. Rows are spread over threads; a row's gradient is added up
// by one of them, in double.

#include <math.h>
#include <tenon/op_args.h>

#include "cpu.h"
#include "workspace.h"

typedef struct pairs {
  int64_t batches, rows[2], columns;
  const int64_t *offsets[2];  // [batches]: the first row of each batch
  double p;
  const void *x[2], *grad, *distance;
  void *result;
  cpu_workspaces *workspaces;
} pairs;

// Where the pairs of row |i| of |rows| with those after it begin.
static int64_t first_pair(int64_t rows, int64_t i) { return i * rows - i * (i + 1) / 2; }

#define REAL float
#define NAME(x) x##_f32
#include "cdist.inc.h"

#define REAL double
#define NAME(x) x##_f64
#include "cdist.inc.h"

// The first row of each batch of |view|, whose batch broadcasts to that of |result|.
static const int64_t *batch_offsets(tn_kernel_ctx *ctx, const tn_view *view, const tn_view *result,
                                    int64_t batches) {
  int64_t *offsets = cpu_scratch(ctx, batches, sizeof(int64_t));
  for (int64_t batch = 0; offsets != NULL && batch < batches; batch++) {
    int64_t rest = batch, step = view->sizes[view->rank - 2], offset = 0;
    for (int32_t d = result->rank - 3; d >= 0; d--) {
      const int32_t own = d - (result->rank - view->rank);
      const int64_t size = own < 0 ? 1 : view->sizes[own], index = rest % result->sizes[d];
      rest /= result->sizes[d];
      if (size > 1) offset += index * step;
      step *= size;
    }
    offsets[batch] = offset;
  }
  return offsets;
}

static tn_status describe(tn_kernel_ctx *ctx, pairs *w, const tn_view *x1, const tn_view *x2,
                          const tn_view *result, double p) {
  memset(w, 0, sizeof *w);
  w->batches = 1;
  for (int32_t d = 0; d < result->rank - 2; d++) w->batches *= result->sizes[d];
  w->columns = x1->sizes[x1->rank - 1];
  w->p = p;
  w->result = result->data;
  const tn_view *both[] = {x1, x2};
  for (int i = 0; i < 2; i++) {
    w->x[i] = both[i]->data;
    w->rows[i] = both[i]->sizes[both[i]->rank - 2];
    w->offsets[i] = batch_offsets(ctx, both[i], result, w->batches);
    if (w->offsets[i] == NULL) return TN_OUT_OF_MEMORY;
  }
  return TN_OK;
}

// What one component of a difference costs.
static int64_t cost_of(double p) { return p == 0 || p == 1 || p == 2 || isinf(p) ? 1 : 40; }

static tn_status run_slopes(tn_kernel_ctx *ctx, pairs *w, int64_t rows, int64_t others,
                            tn_range_body body) {
  cpu_workspaces workspaces;
  const tn_status status = cpu_workspaces_open(
      &workspaces, ctx, (uint64_t)w->columns * sizeof(double), rows > 0 ? rows : 1);
  if (status != TN_OK) return status;
  w->workspaces = &workspaces;
  cpu_parallel_for(rows, cpu_grain(2 * others * w->columns * cost_of(w->p)), body, w);
  return TN_OK;
}

static tn_status forward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn__cdist_forward_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG__cdist_forward_result];
  pairs w;
  if (result->numel == 0) return TN_OK;
  const tn_status status = describe(ctx, &w, &views[TN_ARG__cdist_forward_x1],
                                    &views[TN_ARG__cdist_forward_x2], result, attrs->p);
  if (status != TN_OK) return status;
  cpu_parallel_for(w.batches * w.rows[0], cpu_grain(w.rows[1] * w.columns * cost_of(w.p)),
                   result->dtype == TN_F64 ? distance_rows_f64 : distance_rows_f32, &w);
  return TN_OK;
}

static tn_status backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn__cdist_backward_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG__cdist_backward_result];
  pairs w;
  if (result->numel == 0) return TN_OK;
  const tn_status status = describe(ctx, &w, &views[TN_ARG__cdist_backward_x1],
                                    &views[TN_ARG__cdist_backward_x2], result, attrs->p);
  if (status != TN_OK) return status;
  w.grad = views[TN_ARG__cdist_backward_grad].data;
  w.distance = views[TN_ARG__cdist_backward_cdist].data;
  return run_slopes(ctx, &w, w.batches * w.rows[0], w.rows[1],
                    result->dtype == TN_F64 ? slope_rows_f64 : slope_rows_f32);
}

static tn_status condensed(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn__pdist_forward_attrs *attrs = attributes;
  const tn_view *self = &views[TN_ARG__pdist_forward_self];
  const tn_view *result = &views[TN_ARG__pdist_forward_result];
  pairs w = {.rows = {self->sizes[0], self->sizes[0]},
             .columns = self->sizes[1],
             .p = attrs->p,
             .x = {self->data, self->data},
             .result = result->data};
  cpu_parallel_for(w.rows[0], cpu_grain(w.rows[0] * w.columns * cost_of(w.p) / 2),
                   result->dtype == TN_F64 ? condensed_rows_f64 : condensed_rows_f32, &w);
  return TN_OK;
}

static tn_status condensed_backward(tn_kernel_ctx *ctx, const tn_view *views,
                                    const void *attributes) {
  const tn__pdist_backward_attrs *attrs = attributes;
  const tn_view *self = &views[TN_ARG__pdist_backward_self];
  pairs w = {.rows = {self->sizes[0], self->sizes[0]},
             .columns = self->sizes[1],
             .p = attrs->p,
             .x = {self->data, self->data},
             .grad = views[TN_ARG__pdist_backward_grad].data,
             .distance = views[TN_ARG__pdist_backward_pdist].data,
             .result = views[TN_ARG__pdist_backward_result].data};
  return run_slopes(ctx, &w, w.rows[0], w.rows[0],
                    self->dtype == TN_F64 ? condensed_slopes_f64 : condensed_slopes_f32);
}

// ---- rows --------------------------------------------------------------------------------------

typedef tn_status (*body_run)(tn_kernel_ctx *ctx, const tn_view *views, const void *attrs);

// |self| points at the body.
typedef struct body {
  body_run run;
} body;

static body forward_body = {forward}, backward_body = {backward};
static body condensed_body = {condensed}, condensed_backward_body = {condensed_backward};

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  return ((const body *)self)->run(ctx, args->views, args->attrs);
}

#define FLOATS (TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64))

#define ROW(name, attrs_type, function)                                                    \
  {                                                                                        \
    .op = name, .dtypes = FLOATS, .rank = TN_RANK_GENERIC, .layout = TN_LAYOUT_CONTIGUOUS, \
    .flags = TN_ROW_DETERMINISTIC, .attrs_size = sizeof(attrs_type), .run = run,           \
    .self = &(function)                                                                    \
  }

const tn_kernel_row cpu_cdist_rows[] = {
    ROW("_cdist_forward", tn__cdist_forward_attrs, forward_body),
    ROW("_cdist_backward", tn__cdist_backward_attrs, backward_body),
    ROW("_pdist_forward", tn__pdist_forward_attrs, condensed_body),
    ROW("_pdist_backward", tn__pdist_backward_attrs, condensed_backward_body),
};
const uint64_t cpu_cdist_row_count = sizeof cpu_cdist_rows / sizeof cpu_cdist_rows[0];
