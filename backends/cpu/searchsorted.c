// SPDX-License-Identifier: Apache-2.0
//
// searchsorted: where values belong in sorted sequences, each found by bisection on the keys that
// sort orders by. Values are spread over threads.

#include <tenon/op_args.h>

#include "indices.h"
#include "sort_order.h"

typedef struct search_job {
  cpu_key_map map;
  const void *sequence, *values;
  const int64_t *sorter;  // or NULL
  void *places;
  int64_t length;  // of a sequence
  int64_t row;     // values that share a sequence; 0: all
  bool right, narrow;
} search_job;

#define SIZE_BODY "searchsorted.inc.h"
#include "every_word.inc.h"
#undef SIZE_BODY

static tn_range_body search_of(int32_t bytes) {
  return bytes == 1 ? search_1 : bytes == 2 ? search_2 : bytes == 4 ? search_4 : search_8;
}

static tn_status run_searchsorted(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const tn_searchsorted_Tensor_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_searchsorted_Tensor_result];
  const tn_view *sequence = &args->views[TN_ARG_searchsorted_Tensor_sorted_sequence];
  const tn_view *self = &args->views[TN_ARG_searchsorted_Tensor_self];
  const tn_view *sorter = &args->views[TN_ARG_searchsorted_Tensor_sorter];
  search_job job = {.map = cpu_key_map_of(sequence->dtype, false),
                    .sequence = sequence->data,
                    .values = self->data,
                    .places = result->data,
                    .length = sequence->sizes[sequence->rank - 1],
                    .row = sequence->rank > 1 ? self->sizes[self->rank - 1] : 0,
                    .right = attrs->right,
                    .narrow = result->dtype == TN_I32};
  if (cpu_view_given(sorter)) {
    const tn_status status =
        cpu_check_indices(ctx, sorter, job.length, NULL, "sorted_sequence", &job.sorter);
    if (status != TN_OK) return status;
  }
  cpu_parallel_for(self->numel, cpu_grain(64), search_of(job.map.bytes), &job);
  return TN_OK;
}

const tn_kernel_row cpu_searchsorted_rows[] = {
    {.op = "searchsorted.Tensor",
     .dtypes = TN_DTYPES_REAL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_searchsorted_Tensor_attrs),
     .run = run_searchsorted},
};
const uint64_t cpu_searchsorted_row_count =
    sizeof cpu_searchsorted_rows / sizeof cpu_searchsorted_rows[0];
