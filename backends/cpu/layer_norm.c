// SPDX-License-Identifier: Apache-2.0
//
// layer_norm: native_layer_norm and its backward form over rows of |count| elements. Rows are
// spread over threads. Sums over rows (the gradients of weight and bias) are made for PART_ROWS
// rows at a time, while those are in the cache, then added up in double, so the number of threads
// changes nothing. f16 and bf16 compute in f32 (wide.h).

#include <math.h>
#include <tenon/op_args.h>

#include "norm.h"
#include "wide.h"
#include "workspace.h"

enum { PART_ROWS = 32 };

typedef struct job {
  const cpu_norm_loops *loops;
  int64_t rows, count, size;  // size: of an element
  double eps;
  const char *grad, *input, *weight, *bias;
  char *mean, *rstd, *result;
  char *grad_weight, *grad_bias;
  char *partials;  // of each part: count sums of g, count of g (x - mean) rstd; NULL: not asked for
  int64_t parts;
} job;

static char *data_or_null(const tn_view *view) { return cpu_view_given(view) ? view->data : NULL; }

static job job_for(const tn_view *input, tn_ints normalized) {
  job work = {.loops = cpu_norm_loops_for(input->dtype),
              .count = 1,
              .rows = 1,
              .size = tn_dtype_size(input->dtype),
              .input = input->data};
  for (int64_t d = 0; d < input->rank; d++) {
    int64_t *part = d < input->rank - normalized.count ? &work.rows : &work.count;
    *part *= input->sizes[d];
  }
  return work;
}

static void forward_rows(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const double count = (double)work->count;
  for (int64_t row = begin; row < end; row++) {
    const int64_t at = row * work->count * work->size;
    const char *x = work->input + at;
    double mean = 0, squares = 0;
    work->loops->plane_sums(x, 1, work->count, &mean);
    mean /= count;
    work->loops->plane_squares(x, 1, work->count, &mean, &squares);
    const double rstd = 1 / sqrt(squares / count + work->eps);
    work->loops->store(work->mean, row, mean);
    work->loops->store(work->rstd, row, rstd);
    work->loops->row_affine(x, work->result + at, work->count, mean, rstd, work->weight,
                            work->bias);
  }
}

static tn_status forward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn_native_layer_norm_attrs *attrs = attributes;
  job work = job_for(&views[TN_ARG_native_layer_norm_input], attrs->normalized_shape);
  work.eps = attrs->eps;
  work.weight = data_or_null(&views[TN_ARG_native_layer_norm_weight]);
  work.bias = data_or_null(&views[TN_ARG_native_layer_norm_bias]);
  work.result = views[TN_ARG_native_layer_norm_result].data;
  work.mean = views[TN_ARG_native_layer_norm_result1].data;
  work.rstd = views[TN_ARG_native_layer_norm_result2].data;
  cpu_parallel_for(work.rows, cpu_grain(4 * work.count), forward_rows, &work);
  return TN_OK;
}

// Parts of rows [begin, end).
static void backward_parts(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const int64_t bytes = work->count * work->size;
  for (int64_t part = begin; part < end; part++) {
    char *sums = work->partials + 2 * part * bytes;
    const int64_t first = part * PART_ROWS, left = work->rows - first;
    const int64_t last = first + (left < PART_ROWS ? left : PART_ROWS);
    if (work->partials) memset(sums, 0, (size_t)(2 * bytes));
    for (int64_t row = first; row < last; row++) {
      const char *g = work->grad + row * bytes, *x = work->input + row * bytes;
      const double mean = work->loops->load(work->mean, row);
      const double rstd = work->loops->load(work->rstd, row);
      if (work->result) {
        work->loops->row_gradient(g, x, work->result + row * bytes, work->count, mean, rstd,
                                  work->weight);
      }
      if (work->partials) {
        work->loops->row_products(g, x, work->count, mean, rstd, sums, sums + bytes);
      }
    }
  }
}

// Strips of columns [begin, end).
static void add_strips(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  char *const results[] = {work->grad_bias, work->grad_weight};
  for (int64_t strip = begin; strip < end; strip++) {
    double totals[CPU_NORM_COLUMNS];
    const int64_t first = strip * CPU_NORM_COLUMNS, left = work->count - first;
    const int64_t columns = left < CPU_NORM_COLUMNS ? left : CPU_NORM_COLUMNS;
    for (int i = 0; i < 2; i++) {
      if (results[i] == NULL) continue;
      work->loops->column_totals(work->partials + (first + i * work->count) * work->size,
                                 work->parts, 2 * work->count, columns, totals);
      for (int64_t k = 0; k < columns; k++) {
        work->loops->store(results[i], first + k, totals[k]);
      }
    }
  }
}

static tn_status backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_native_layer_norm_backward_attrs *attrs = attributes;
  const tn_view *input = &views[TN_ARG_native_layer_norm_backward_input];
  const int64_t *mask = attrs->output_mask.data;
  job work = job_for(input, attrs->normalized_shape);
  work.grad = views[TN_ARG_native_layer_norm_backward_grad_out].data;
  work.weight = data_or_null(&views[TN_ARG_native_layer_norm_backward_weight]);
  work.mean = views[TN_ARG_native_layer_norm_backward_mean].data;
  work.rstd = views[TN_ARG_native_layer_norm_backward_rstd].data;
  work.parts = (work.rows + PART_ROWS - 1) / PART_ROWS;
  if (mask[0] != 0) work.result = views[TN_ARG_native_layer_norm_backward_result].data;
  if (mask[1] != 0) work.grad_weight = views[TN_ARG_native_layer_norm_backward_result1].data;
  if (mask[2] != 0) work.grad_bias = views[TN_ARG_native_layer_norm_backward_result2].data;
  const bool parameters = mask[1] != 0 || mask[2] != 0;
  if (parameters) {
    work.partials = cpu_scratch(ctx, 2 * work.parts * work.count, (uint64_t)work.size);
    if (work.partials == NULL) return TN_OUT_OF_MEMORY;
  }
  cpu_parallel_for(work.parts, cpu_grain(8 * PART_ROWS * work.count), backward_parts, &work);
  if (!parameters) return TN_OK;
  const int64_t strips = (work.count + CPU_NORM_COLUMNS - 1) / CPU_NORM_COLUMNS;
  cpu_parallel_for(strips, cpu_grain(4 * CPU_NORM_COLUMNS * work.parts), add_strips, &work);
  return TN_OK;
}

// ---- rows --------------------------------------------------------------------------------------

static tn_status run_forward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, forward);
}

static tn_status run_backward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, backward);
}

const tn_kernel_row cpu_layer_norm_rows[] = {
    {.op = "native_layer_norm",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_native_layer_norm_attrs),
     .run = run_forward},
    {.op = "native_layer_norm_backward",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_native_layer_norm_backward_attrs),
     .run = run_backward},
};
const uint64_t cpu_layer_norm_row_count =
    sizeof cpu_layer_norm_rows / sizeof cpu_layer_norm_rows[0];
