// SPDX-License-Identifier: Apache-2.0
//
// indices: checks index operands. The check is one pass on all threads that remembers the first bad
// position, so that the error is the same at any thread count.

#include "indices.h"

#include <stdatomic.h>

#include "workspace.h"

typedef struct check_job {
  const void *from;
  bool narrow;    // from i32
  int64_t *wide;  // receives i64, of narrow indices
  int64_t size;
  const int64_t *exempt;  // or NULL
  _Atomic int64_t first_bad;
} check_job;

static int64_t index_at(const check_job *job, int64_t i) {
  return job->narrow ? ((const int32_t *)job->from)[i] : ((const int64_t *)job->from)[i];
}

static void note_bad(check_job *job, int64_t position) {
  int64_t known = atomic_load_explicit(&job->first_bad, memory_order_relaxed);
  while (position < known &&
         !atomic_compare_exchange_weak_explicit(&job->first_bad, &known, position,
                                                memory_order_relaxed, memory_order_relaxed)) {
  }
}

static void check_range(void *closure, int64_t begin, int64_t end) {
  check_job *job = closure;
  for (int64_t i = begin; i < end; i++) {
    const int64_t index = index_at(job, i);
    if (job->narrow) job->wide[i] = index;
    if ((uint64_t)index < (uint64_t)job->size) continue;
    if (job->exempt != NULL && index == *job->exempt) continue;
    note_bad(job, i);
    return;
  }
}

tn_status cpu_check_indices(tn_kernel_ctx *ctx, const tn_view *view, int64_t size,
                            const int64_t *exempt, const char *what, const int64_t **indices) {
  if (view->dtype != TN_I64 && view->dtype != TN_I32) {
    return ctx->host->error(ctx, TN_INVALID_DTYPE, "indices must be int64 or int32");
  }
  check_job job = {
      .from = view->data, .narrow = view->dtype == TN_I32, .size = size, .exempt = exempt};
  atomic_init(&job.first_bad, INT64_MAX);
  if (job.narrow) {
    job.wide = cpu_scratch(ctx, view->numel, sizeof(int64_t));
    if (job.wide == NULL) return TN_OUT_OF_MEMORY;
  }
  cpu_parallel_for(view->numel, CPU_GRAIN, check_range, &job);
  const int64_t bad = atomic_load(&job.first_bad);
  if (bad != INT64_MAX) {
    return ctx->host->error(ctx, TN_OUT_OF_RANGE, "index %lld is out of range for %s of size %lld",
                            (long long)index_at(&job, bad), what, (long long)size);
  }
  *indices = job.narrow ? job.wide : view->data;
  return TN_OK;
}
