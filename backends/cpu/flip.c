// SPDX-License-Identifier: Apache-2.0
//
// flip: reverses the order of elements along some dimensions. Behind the last of them lie whole
// blocks that are copied as they are; the blocks of one row along it are written forwards and read
// backwards, and the rows before it are found by reversing their coordinates.

#include <tenon/op_args.h>

#include "contiguous.h"

typedef struct flip_job {
  char *result;
  const char *self;
  const int64_t *sizes;
  int32_t last;      // the last dimension that is flipped
  uint32_t flipped;  // bit d: dimension d is
  int64_t length;    // of dimension |last|
  int64_t block;     // bytes
} flip_job;

// The row of self that row |row| of the result is made from.
static int64_t source_row(const flip_job *job, int64_t row) {
  int64_t source = 0, step = 1;
  for (int32_t d = job->last - 1; d >= 0; d--) {
    const int64_t size = job->sizes[d], index = row % size;
    source += (job->flipped >> d & 1 ? size - 1 - index : index) * step;
    row /= size;
    step *= size;
  }
  return source;
}

#define SIZE_BODY "flip.inc.h"
#include "every_size.inc.h"

static void flip_blocks(const flip_job *job, char *to, const char *from) {
  switch (job->block) {
    case 1:
      reverse_1(to, from, job->length);
      return;
    case 2:
      reverse_2(to, from, job->length);
      return;
    case 4:
      reverse_4(to, from, job->length);
      return;
    case 8:
      reverse_8(to, from, job->length);
      return;
    case 16:
      reverse_16(to, from, job->length);
      return;
    default:
      break;
  }
  for (int64_t i = 0; i < job->length; i++) {
    memcpy(to + i * job->block, from + (job->length - 1 - i) * job->block, (size_t)job->block);
  }
}

static void flip_rows(void *closure, int64_t begin, int64_t end) {
  const flip_job *job = closure;
  const int64_t row_bytes = job->length * job->block;
  for (int64_t row = begin; row < end; row++) {
    flip_blocks(job, job->result + row * row_bytes, job->self + source_row(job, row) * row_bytes);
  }
}

static tn_status run_flip(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_flip_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_flip_result];
  const tn_view *from = &args->views[TN_ARG_flip_self];
  if (result->numel == 0) return TN_OK;
  flip_job job = {.result = result->data, .self = from->data, .sizes = from->sizes, .last = -1};
  for (int64_t i = 0; i < attrs->dims.count; i++) {
    const int32_t d = (int32_t)attrs->dims.data[i];
    job.flipped |= 1u << d;
    if (d > job.last) job.last = d;
  }
  const int64_t size = tn_dtype_size(result->dtype);
  if (job.last < 0 || result->rank == 0) {
    cpu_copy_bytes(result->data, from->data, result->numel * size);
    return TN_OK;
  }
  const cpu_along along = cpu_view_along(from, job.last);
  job.length = along.length;
  job.block = along.inner * size;
  cpu_parallel_for(along.outer, cpu_grain(along.length * along.inner), flip_rows, &job);
  return TN_OK;
}

const tn_kernel_row cpu_flip_rows[] = {
    {.op = "flip",
     .dtypes = TN_DTYPES_ALL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_flip_attrs),
     .run = run_flip},
};
const uint64_t cpu_flip_row_count = sizeof cpu_flip_rows / sizeof cpu_flip_rows[0];
