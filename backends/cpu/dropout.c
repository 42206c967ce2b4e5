// SPDX-License-Identifier: Apache-2.0
//
// dropout: native_dropout. Element i is kept where its uniform number is below 1 - p; what is kept
// is scaled by 1 / (1 - p). Not training, everything is kept as it is. f16 and bf16 compute in f32.

#include <tenon/op_args.h>

#include "contiguous.h"
#include "philox_words.h"
#include "wide.h"

enum { CHUNK = 256 };

typedef struct dropout_job {
  tn_dtype dtype;
  void *result;
  uint8_t *mask;
  const void *input;
  int64_t count;
  double kept, scale;
  tn_philox_state state;
} dropout_job;

// Elements of groups of four [begin, end).
static void drop_groups(void *closure, int64_t begin, int64_t end) {
  const dropout_job *job = closure;
  const int64_t last = 4 * end < job->count ? 4 * end : job->count;
  for (int64_t at = 4 * begin; at < last; at += CHUNK) {
    const int64_t count = last - at < CHUNK ? last - at : CHUNK;
    uint32_t words[CHUNK];
    uint8_t *mask = job->mask + at;
    cpu_philox_u32(job->state, at, count, words);
    for (int64_t i = 0; i < count; i++) mask[i] = (double)tn_uniform_f32(words[i]) < job->kept;
    if (job->dtype == TN_F64) {
      const double *x = (const double *)job->input + at;
      double *y = (double *)job->result + at;
      for (int64_t i = 0; i < count; i++) y[i] = mask[i] ? x[i] * job->scale : 0;
    } else {
      const float *x = (const float *)job->input + at, scale = (float)job->scale;
      float *y = (float *)job->result + at;
      for (int64_t i = 0; i < count; i++) y[i] = mask[i] ? x[i] * scale : 0;
    }
  }
}

static tn_status dropout(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_native_dropout_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_native_dropout_result];
  const tn_view *mask = &views[TN_ARG_native_dropout_mask];
  const tn_view *input = &views[TN_ARG_native_dropout_input];
  if (!(attrs->p >= 0 && attrs->p <= 1)) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "p is %g, not a probability", attrs->p);
  }
  if (result->numel == 0) return TN_OK;
  if (!attrs->train) {
    cpu_copy_bytes(result->data, input->data, result->numel * tn_dtype_size(result->dtype));
    memset(mask->data, 1, (size_t)mask->numel);
    return TN_OK;
  }
  const double kept = 1.0 - attrs->p;
  dropout_job job = {.dtype = result->dtype,
                     .result = result->data,
                     .mask = mask->data,
                     .input = input->data,
                     .count = result->numel,
                     .kept = kept,
                     .scale = kept > 0 ? 1.0 / kept : 0,
                     .state = attrs->generator};
  cpu_parallel_for((job.count + 3) / 4, cpu_grain(16), drop_groups, &job);
  return TN_OK;
}

static tn_status run_dropout(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, dropout);
}

const tn_kernel_row cpu_dropout_rows[] = {
    {.op = "native_dropout",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_native_dropout_attrs),
     .run = run_dropout},
};
const uint64_t cpu_dropout_row_count = sizeof cpu_dropout_rows / sizeof cpu_dropout_rows[0];
