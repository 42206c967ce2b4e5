// SPDX-License-Identifier: Apache-2.0
//
// layer_norm: native_layer_norm and its backward form over rows of |count| elements. Rows are
// spread over threads; sums over rows (the gradients of weight and bias) are made a strip of
// columns at a time, each by one thread, so the number of threads changes nothing. f16 and bf16
// compute in f32 (wide.h).

#include <math.h>
#include <tenon/op_args.h>

#include "norm.h"
#include "wide.h"

typedef struct job {
  const cpu_norm_loops *loops;
  int64_t rows, count, size;  // size: of an element
  double eps;
  const char *grad, *input, *weight, *bias;
  char *mean, *rstd, *result;
  char *grad_weight, *grad_bias;
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

static void backward_rows(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  for (int64_t row = begin; row < end; row++) {
    const int64_t at = row * work->count * work->size;
    work->loops->row_gradient(work->grad + at, work->input + at, work->result + at, work->count,
                              work->loops->load(work->mean, row),
                              work->loops->load(work->rstd, row), work->weight);
  }
}

// Strips of columns [begin, end).
static void backward_strips(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  for (int64_t strip = begin; strip < end; strip++) {
    double sums[CPU_NORM_COLUMNS], products[CPU_NORM_COLUMNS];
    const int64_t first = strip * CPU_NORM_COLUMNS, left = work->count - first;
    const int64_t columns = left < CPU_NORM_COLUMNS ? left : CPU_NORM_COLUMNS;
    work->loops->column_products(work->grad + first * work->size, work->input + first * work->size,
                                 work->rows, work->count, columns, work->mean, work->rstd, sums,
                                 products);
    for (int64_t k = 0; k < columns; k++) {
      if (work->grad_weight) work->loops->store(work->grad_weight, first + k, products[k]);
      if (work->grad_bias) work->loops->store(work->grad_bias, first + k, sums[k]);
    }
  }
}

static tn_status backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn_native_layer_norm_backward_attrs *attrs = attributes;
  const tn_view *input = &views[TN_ARG_native_layer_norm_backward_input];
  const int64_t *mask = attrs->output_mask.data;
  job work = job_for(input, attrs->normalized_shape);
  work.grad = views[TN_ARG_native_layer_norm_backward_grad_out].data;
  work.weight = data_or_null(&views[TN_ARG_native_layer_norm_backward_weight]);
  work.mean = views[TN_ARG_native_layer_norm_backward_mean].data;
  work.rstd = views[TN_ARG_native_layer_norm_backward_rstd].data;
  work.result = views[TN_ARG_native_layer_norm_backward_result].data;
  if (mask[0] != 0) {
    cpu_parallel_for(work.rows, cpu_grain(4 * work.count), backward_rows, &work);
  }
  if (mask[1] != 0) work.grad_weight = views[TN_ARG_native_layer_norm_backward_result1].data;
  if (mask[2] != 0) work.grad_bias = views[TN_ARG_native_layer_norm_backward_result2].data;
  if (mask[1] == 0 && mask[2] == 0) return TN_OK;
  const int64_t strips = (work.count + CPU_NORM_COLUMNS - 1) / CPU_NORM_COLUMNS;
  cpu_parallel_for(strips, cpu_grain(4 * CPU_NORM_COLUMNS * work.rows), backward_strips, &work);
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
