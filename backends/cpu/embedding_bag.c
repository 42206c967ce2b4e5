// SPDX-License-Identifier: Apache-2.0
//
// embedding_bag: rows of a table joined bag by bag. Tables may be large, so f16 and bf16 are
// widened an element at a time. Bags are spread over threads. Every index and offset is checked
// first.

#include <tenon/op_args.h>

#include "contiguous.h"
#include "indices.h"
#include "workspace.h"

enum { MODE_SUM = 0, MODE_MEAN = 1, MODE_MAX = 2 };

typedef struct bags {
  int64_t count, columns, index_count, mode, padding_idx;
  const int64_t *indices, *offsets;  // checked
  int64_t *sizes;                    // [count]
  int64_t *places;                   // [count, columns], of a maximum
  const void *table, *sample_weights;
  void *result;
  bool has_last;  // the last bag's end stands in offsets too
} bags;

static int64_t end_of(const bags *b, int64_t bag) {
  return bag + 1 < b->count || b->has_last ? b->offsets[bag + 1] : b->index_count;
}

#define T float
#define REAL float
#define LOAD(x) (x)
#define ROUND(x) (x)
#define NAME(x) x##_f32
#include "embedding_bag.inc.h"

#define T double
#define REAL double
#define LOAD(x) (x)
#define ROUND(x) (x)
#define NAME(x) x##_f64
#include "embedding_bag.inc.h"

#define T uint16_t
#define REAL float
#define LOAD(x) tn_f16_to_f32(x)
#define ROUND(x) tn_f32_to_f16(x)
#define NAME(x) x##_f16
#include "embedding_bag.inc.h"

#define T uint16_t
#define REAL float
#define LOAD(x) tn_bf16_to_f32(x)
#define ROUND(x) tn_f32_to_bf16(x)
#define NAME(x) x##_bf16
#include "embedding_bag.inc.h"

// Offsets must start with 0 and not fall; a last one that ends the last bag must end the indices.
static tn_status check_offsets(tn_kernel_ctx *ctx, const bags *b, int64_t count) {
  if (count > 0 && b->offsets[0] != 0) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "the first offset is %lld, not 0",
                            (long long)b->offsets[0]);
  }
  if (b->has_last && b->offsets[count - 1] != b->index_count) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT,
                            "the last offset is %lld, and there are %lld indices",
                            (long long)b->offsets[count - 1], (long long)b->index_count);
  }
  for (int64_t i = 1; i < count; i++) {
    if (b->offsets[i] >= b->offsets[i - 1]) continue;
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT,
                            "offset %lld is %lld, less than the one before", (long long)i,
                            (long long)b->offsets[i]);
  }
  return TN_OK;
}

// The bag of each index, and how many count in each bag.
static void count_members(const bags *b, const tn_view *offset2bag) {
  for (int64_t bag = 0; bag < b->count; bag++) {
    b->sizes[bag] = 0;
    for (int64_t i = b->offsets[bag]; i < end_of(b, bag); i++) {
      cpu_store_i64(offset2bag->dtype, offset2bag->data, i, &bag, 1);
      b->sizes[bag] += b->indices[i] != b->padding_idx;
    }
  }
}

static tn_status run_embedding_bag(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  static const tn_range_body bodies[TN_DTYPE_COUNT] = {[TN_F16] = join_bags_f16,
                                                       [TN_BF16] = join_bags_bf16,
                                                       [TN_F32] = join_bags_f32,
                                                       [TN_F64] = join_bags_f64};
  const tn__embedding_bag_attrs *attrs = args->attrs;
  const tn_view *views = args->views, *weight = &views[TN_ARG__embedding_bag_weight];
  const tn_view *indices = &views[TN_ARG__embedding_bag_indices];
  const tn_view *offsets = &views[TN_ARG__embedding_bag_offsets];
  const tn_view *samples = &views[TN_ARG__embedding_bag_per_sample_weights];
  const tn_view *result = &views[TN_ARG__embedding_bag_result];
  const tn_view *sizes = &views[TN_ARG__embedding_bag_result2];
  const tn_view *places = &views[TN_ARG__embedding_bag_result3];
  bags b = {.count = result->sizes[0],
            .columns = result->sizes[1],
            .index_count = indices->numel,
            .mode = attrs->mode,
            .padding_idx = attrs->padding_idx,
            .table = weight->data,
            .sample_weights = cpu_view_given(samples) ? samples->data : NULL,
            .result = result->data,
            .has_last = attrs->include_last_offset};
  tn_status status =
      cpu_check_indices(ctx, indices, weight->sizes[0], NULL, "the table", &b.indices);
  if (status == TN_OK) {
    status = cpu_check_indices(ctx, offsets, b.index_count + 1, NULL, "the indices", &b.offsets);
  }
  if (status == TN_OK) status = check_offsets(ctx, &b, offsets->numel);
  if (status != TN_OK) return status;
  b.sizes = cpu_scratch(ctx, b.count, sizeof(int64_t));
  if (attrs->mode == MODE_MAX) b.places = cpu_scratch(ctx, places->numel, sizeof(int64_t));
  if (b.sizes == NULL || (attrs->mode == MODE_MAX && b.places == NULL)) return TN_OUT_OF_MEMORY;
  count_members(&b, &views[TN_ARG__embedding_bag_result1]);
  const int64_t each = b.count > 0 ? b.index_count / b.count + 1 : 1;
  cpu_parallel_for(b.count, cpu_grain(each * b.columns), bodies[result->dtype], &b);
  cpu_store_i64(sizes->dtype, sizes->data, 0, b.sizes, b.count);
  cpu_store_i64(places->dtype, places->data, 0, attrs->mode == MODE_MAX ? b.places : b.sizes,
                places->numel);
  return TN_OK;
}

const tn_kernel_row cpu_embedding_bag_rows[] = {
    {.op = "_embedding_bag",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn__embedding_bag_attrs),
     .run = run_embedding_bag},
};
const uint64_t cpu_embedding_bag_row_count =
    sizeof cpu_embedding_bag_rows / sizeof cpu_embedding_bag_rows[0];
