// SPDX-License-Identifier: Apache-2.0
//
// index_positions: indices of any integer dtype as positions: negative ones count from the end,
// each is checked, and what is left is multiplied by a step. One pass on all threads, which
// remembers the first bad place, so that the error is the same at any thread count.

#include <tenon/op_args.h>

#include "cpu.h"

#include <stdatomic.h>

typedef struct positions_job {
  const void *from;
  int64_t *to;
  int64_t size, step;
  _Atomic int64_t first_bad;
} positions_job;

static void note_bad(positions_job *job, int64_t place) {
  int64_t known = atomic_load_explicit(&job->first_bad, memory_order_relaxed);
  while (place < known &&
         !atomic_compare_exchange_weak_explicit(&job->first_bad, &known, place,
                                                memory_order_relaxed, memory_order_relaxed)) {
  }
}

// An index beyond int64 is as much out of range as the largest int64, and -1 is not far from it.
#define POSITIONS(name, type, is_large)                                          \
  static void find_##name(void *closure, int64_t begin, int64_t end) {           \
    positions_job *job = closure;                                                \
    const type *from = job->from;                                                \
    const int64_t size = job->size, step = job->step;                            \
    bool bad = false;                                                            \
    for (int64_t i = begin; i < end; i++) {                                      \
      const int64_t index = (is_large) ? INT64_MAX : (int64_t)from[i];           \
      const int64_t place = index + (index < 0 ? size : 0);                      \
      bad |= (uint64_t)place >= (uint64_t)size;                                  \
      job->to[i] = (int64_t)((uint64_t)place * (uint64_t)step);                  \
    }                                                                            \
    for (int64_t i = begin; bad && i < end; i++) {                               \
      const int64_t index = (is_large) ? INT64_MAX : (int64_t)from[i];           \
      if ((uint64_t)(index + (index < 0 ? size : 0)) < (uint64_t)size) continue; \
      note_bad(job, i);                                                          \
      return;                                                                    \
    }                                                                            \
  }

POSITIONS(i8, int8_t, false)
POSITIONS(i16, int16_t, false)
POSITIONS(i32, int32_t, false)
POSITIONS(i64, int64_t, false)
POSITIONS(u8, uint8_t, false)
POSITIONS(u16, uint16_t, false)
POSITIONS(u32, uint32_t, false)
POSITIONS(u64, uint64_t, from[i] > INT64_MAX)

static const tn_range_body loops[TN_DTYPE_COUNT] = {
    [TN_I8] = find_i8, [TN_I16] = find_i16, [TN_I32] = find_i32, [TN_I64] = find_i64,
    [TN_U8] = find_u8, [TN_U16] = find_u16, [TN_U32] = find_u32, [TN_U64] = find_u64,
};

static long long index_at(const tn_view *index, int64_t place) {
  switch (index->dtype) {
    case TN_I8:
      return ((const int8_t *)index->data)[place];
    case TN_I16:
      return ((const int16_t *)index->data)[place];
    case TN_I32:
      return ((const int32_t *)index->data)[place];
    case TN_I64:
      return ((const int64_t *)index->data)[place];
    case TN_U8:
      return ((const uint8_t *)index->data)[place];
    case TN_U16:
      return ((const uint16_t *)index->data)[place];
    case TN_U32:
      return ((const uint32_t *)index->data)[place];
    default:
      break;
  }
  const uint64_t large = ((const uint64_t *)index->data)[place];
  return large > INT64_MAX ? INT64_MAX : (long long)large;
}

static tn_status run_positions(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const tn__index_positions_attrs *attrs = args->attrs;
  const tn_view *index = &args->views[TN_ARG__index_positions_index];
  positions_job job = {.from = index->data,
                       .to = args->views[TN_ARG__index_positions_result].data,
                       .size = attrs->size,
                       .step = attrs->step};
  atomic_init(&job.first_bad, INT64_MAX);
  cpu_parallel_for(index->numel, CPU_GRAIN, loops[index->dtype], &job);
  const int64_t bad = atomic_load(&job.first_bad);
  if (bad == INT64_MAX) return TN_OK;
  return ctx->host->error(ctx, TN_OUT_OF_RANGE,
                          "index %lld is out of range for dimension %lld of size %lld",
                          index_at(index, bad), (long long)attrs->dim, (long long)attrs->size);
}

const tn_kernel_row cpu_index_positions_rows[] = {
    {.op = "_index_positions",
     .dtypes = TN_DTYPES_INTEGER,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn__index_positions_attrs),
     .run = run_positions},
};
const uint64_t cpu_index_positions_row_count =
    sizeof cpu_index_positions_rows / sizeof cpu_index_positions_rows[0];
