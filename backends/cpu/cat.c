// SPDX-License-Identifier: Apache-2.0
//
// cat: joins tensors along one dimension. Seen along it each tensor is [outer, length, inner], of
// which every outer index is one run of bytes; the result is the runs in turn. Runs of all tensors
// are spread over threads. Empty tensors of any shape take no part.

#include <tenon/op_args.h>

#include "contiguous.h"

typedef struct cat_job {
  char *result;
  int64_t result_run;  // bytes of one outer index
  const char *from;
  int64_t run, place;  // bytes of one outer index of this tensor, and where they go in the result's
} cat_job;

// Bytes [begin, end) of one tensor.
static void copy_runs(void *closure, int64_t begin, int64_t end) {
  const cat_job *job = closure;
  while (begin < end) {
    const int64_t outer = begin / job->run, within = begin % job->run;
    const int64_t bytes = job->run - within < end - begin ? job->run - within : end - begin;
    memcpy(job->result + outer * job->result_run + job->place + within, job->from + begin,
           (size_t)bytes);
    begin += bytes;
  }
}

static tn_status run_cat(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_cat_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_cat_result];
  if (result->numel == 0) return TN_OK;
  const int64_t size = tn_dtype_size(result->dtype);
  const cpu_along whole = cpu_view_along(result, attrs->dim);
  cat_job job = {.result = result->data, .result_run = whole.length * whole.inner * size};
  for (uint32_t i = TN_ARG_cat_tensors; i < args->view_count; i++) {
    const tn_view *tensor = &args->views[i];
    if (tensor->numel == 0) continue;
    job.from = tensor->data;
    job.run = tensor->numel / whole.outer * size;
    cpu_parallel_for(tensor->numel * size, 8 * CPU_GRAIN, copy_runs, &job);
    job.place += job.run;
  }
  return TN_OK;
}

const tn_kernel_row cpu_cat_rows[] = {
    {.op = "cat",
     .dtypes = TN_DTYPES_ALL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_cat_attrs),
     .run = run_cat},
};
const uint64_t cpu_cat_row_count = sizeof cpu_cat_rows / sizeof cpu_cat_rows[0];
