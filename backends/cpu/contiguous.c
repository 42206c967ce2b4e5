// SPDX-License-Identifier: Apache-2.0
//
// contiguous: copies on all threads, and stores of computed numbers in any dtype.

#include "contiguous.h"

typedef struct copy_job {
  char *to;
  const char *from;
} copy_job;

static void copy_range(void *closure, int64_t begin, int64_t end) {
  const copy_job *job = closure;
  memcpy(job->to + begin, job->from + begin, (size_t)(end - begin));
}

void cpu_copy_bytes(void *to, const void *from, int64_t bytes) {
  if (to == from || bytes == 0) return;
  copy_job job = {to, from};
  cpu_parallel_for(bytes, 8 * CPU_GRAIN, copy_range, &job);
}

// ---- stores ------------------------------------------------------------------------------------

#define DTYPE_BODY "contiguous.inc.h"
#include "every_dtype.inc.h"

void cpu_store_f64(tn_dtype dtype, void *to, int64_t at, const double *values, int64_t count) {
  switch (dtype) {
#define X(name, suffix)                        \
  case TN_##name:                              \
    store_f64_##suffix(to, at, values, count); \
    return;
    CPU_EVERY_DTYPE(X)
#undef X
    default:
      return;
  }
}

void cpu_store_i64(tn_dtype dtype, void *to, int64_t at, const int64_t *values, int64_t count) {
  switch (dtype) {
#define X(name, suffix)                        \
  case TN_##name:                              \
    store_i64_##suffix(to, at, values, count); \
    return;
    CPU_EVERY_DTYPE(X)
#undef X
    default:
      return;
  }
}
