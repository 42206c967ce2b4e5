// SPDX-License-Identifier: Apache-2.0
//
// triangular: tril and triu. Row i of each matrix keeps columns up to i + diagonal (tril) or from
// there on (triu) and is zero elsewhere; zero is all bits zero in every dtype.

#include <tenon/op_args.h>

#include "cpu.h"

typedef struct triangle_job {
  char *result;
  const char *self;
  int64_t rows, cols, diagonal, size;
  bool upper;
} triangle_job;

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

// i + diagonal + extra, where a diagonal far outside of the matrix must not overflow.
static int64_t column_of(const triangle_job *job, int64_t i, int64_t extra) {
  const int64_t diagonal = clamp(job->diagonal, -job->rows - 1, job->cols + 1);
  return clamp(i + diagonal + extra, 0, job->cols);
}

// Rows [begin, end) of all matrices.
static void copy_triangle(void *closure, int64_t begin, int64_t end) {
  const triangle_job *job = closure;
  for (int64_t row = begin; row < end; row++) {
    const int64_t i = row % job->rows;
    const int64_t first = job->upper ? column_of(job, i, 0) : 0;
    const int64_t last = job->upper ? job->cols : column_of(job, i, 1);
    char *to = job->result + row * job->cols * job->size;
    const char *from = job->self + row * job->cols * job->size;
    if (to != from)
      memcpy(to + first * job->size, from + first * job->size,
             (size_t)((last - first) * job->size));
    memset(to, 0, (size_t)(first * job->size));
    memset(to + last * job->size, 0, (size_t)((job->cols - last) * job->size));
  }
}

static tn_status run_triangle(const tn_args *args, int64_t diagonal, bool upper) {
  const tn_view *result = &args->views[TN_ARG_tril_result];
  if (result->numel == 0) return TN_OK;
  triangle_job job = {.result = result->data,
                      .self = args->views[TN_ARG_tril_self].data,
                      .rows = result->sizes[result->rank - 2],
                      .cols = result->sizes[result->rank - 1],
                      .diagonal = diagonal,
                      .size = tn_dtype_size(result->dtype),
                      .upper = upper};
  cpu_parallel_for(result->numel / job.cols, cpu_grain(job.cols), copy_triangle, &job);
  return TN_OK;
}

static tn_status run_tril(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  return run_triangle(args, ((const tn_tril_attrs *)args->attrs)->diagonal, false);
}

static tn_status run_triu(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  return run_triangle(args, ((const tn_triu_attrs *)args->attrs)->diagonal, true);
}

const tn_kernel_row cpu_triangular_rows[] = {
    {.op = "tril",
     .dtypes = TN_DTYPES_ALL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_tril_attrs),
     .run = run_tril},
    {.op = "triu",
     .dtypes = TN_DTYPES_ALL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_triu_attrs),
     .run = run_triu},
};
const uint64_t cpu_triangular_row_count =
    sizeof cpu_triangular_rows / sizeof cpu_triangular_rows[0];
