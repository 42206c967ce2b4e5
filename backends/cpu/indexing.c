// SPDX-License-Identifier: Apache-2.0
//
// indexing: index_select, gather, scatter.src, scatter_add, index_add, index_copy and the gradient
// of an embedding. All indices are checked before anything is written. scatter and index_add start
// from a copy of self, unless the result is self. Where elements are added up, or equal indices
// compete, pieces of work never share an element, so the result is the same at any thread count.

#include <tenon/op_args.h>

#include "indexing.h"

#include <stdio.h>

#include "indices.h"
#include "workspace.h"

#define SIZE_BODY "indexing_move.inc.h"
#include "every_size.inc.h"

#define DTYPE_BODY "indexing_add.inc.h"
#include "every_dtype.inc.h"

// Loops by element size (1, 2, 4, 8, 16) and by dtype.
#define BY_SIZE(name, size) \
  ((size) == 1   ? name##_1 \
   : (size) == 2 ? name##_2 \
   : (size) == 4 ? name##_4 \
   : (size) == 8 ? name##_8 \
                 : name##_16)

static const tn_range_body scatter_add_loops[TN_DTYPE_COUNT] = {
#define X(name, suffix) [TN_##name] = scatter_add_lines_##suffix,
    CPU_EVERY_DTYPE(X)
#undef X
};
static const tn_range_body index_add_loops[TN_DTYPE_COUNT] = {
#define X(name, suffix) [TN_##name] = index_add_columns_##suffix,
    CPU_EVERY_DTYPE(X)
#undef X
};
static const tn_range_body add_to_rows_loops[TN_DTYPE_COUNT] = {
#define X(name, suffix) [TN_##name] = add_to_rows_##suffix,
    CPU_EVERY_DTYPE(X)
#undef X
};

enum { NAME_BYTES = 32 };

static const char *dimension_name(char buffer[NAME_BYTES], int64_t dim) {
  snprintf(buffer, NAME_BYTES, "dimension %lld", (long long)dim);
  return buffer;
}

static int64_t size_along(const tn_view *view, int64_t dim) {
  return view->rank == 0 ? 1 : view->sizes[dim];
}

static void copy_self(const tn_view *result, const tn_view *self) {
  cpu_copy_bytes(result->data, self->data, self->numel * tn_dtype_size(self->dtype));
}

// ---- tables of offsets -------------------------------------------------------------------------

// The offsets in |place| of all coordinates of |index| in dimensions [first, last).
static const int64_t *offsets_of(tn_kernel_ctx *ctx, const tn_view *index, const tn_view *place,
                                 int64_t first, int64_t last, int64_t count) {
  int64_t *offsets = cpu_scratch(ctx, count, sizeof(int64_t));
  if (offsets == NULL) return NULL;
  int64_t coordinates[TN_MAX_RANK] = {0};
  int64_t offset = 0;
  for (int64_t i = 0; i < count; i++) {
    offsets[i] = offset;
    for (int64_t d = last - 1; d >= first; d--) {
      offset += place->strides[d];
      if (++coordinates[d] < index->sizes[d]) break;
      offset -= coordinates[d] * place->strides[d];
      coordinates[d] = 0;
    }
  }
  return offsets;
}

static tn_status find_places(tn_kernel_ctx *ctx, const tn_view *index, const tn_view *place,
                             int64_t dim, cpu_along along, cpu_places *places) {
  places->data = place->data;
  places->step = place->rank == 0 ? 1 : place->strides[dim];
  places->outer = offsets_of(ctx, index, place, 0, dim, along.outer);
  places->inner = offsets_of(ctx, index, place, dim + 1, index->rank, along.inner);
  return places->outer && places->inner ? TN_OK : TN_OUT_OF_MEMORY;
}

// ---- gather and scatter ------------------------------------------------------------------------

static tn_status run_gather(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const int64_t dim = ((const tn_gather_attrs *)args->attrs)->dim;
  const tn_view *result = &args->views[TN_ARG_gather_result];
  const tn_view *self = &args->views[TN_ARG_gather_self];
  const tn_view *index = &args->views[TN_ARG_gather_index];
  if (index->numel == 0) return TN_OK;
  char name[NAME_BYTES];
  cpu_indexing job = {.along = cpu_view_along(index, dim), .result = result->data};
  tn_status status = cpu_check_indices(ctx, index, size_along(self, dim), NULL,
                                       dimension_name(name, dim), &job.indices);
  if (status != TN_OK) return status;
  status = find_places(ctx, index, self, dim, job.along, &job.self);
  if (status != TN_OK) return status;
  const tn_range_body loop = BY_SIZE(gather_rows, tn_dtype_size(self->dtype));
  cpu_parallel_for(job.along.outer * job.along.length, cpu_grain(4 * job.along.inner), loop, &job);
  return TN_OK;
}

// The views of scatter.src and scatter_add lie in the same order.
static tn_status scatter(tn_kernel_ctx *ctx, const tn_args *args, int64_t dim, tn_range_body loop) {
  const tn_view *result = &args->views[TN_ARG_scatter_src_result];
  const tn_view *self = &args->views[TN_ARG_scatter_src_self];
  const tn_view *index = &args->views[TN_ARG_scatter_src_index];
  const tn_view *src = &args->views[TN_ARG_scatter_src_src];
  char name[NAME_BYTES];
  cpu_indexing job = {.along = cpu_view_along(index, dim)};
  tn_status status = cpu_check_indices(ctx, index, size_along(self, dim), NULL,
                                       dimension_name(name, dim), &job.indices);
  if (status != TN_OK) return status;
  copy_self(result, self);
  if (index->numel == 0) return TN_OK;
  status = find_places(ctx, index, result, dim, job.along, &job.self);
  if (status == TN_OK) status = find_places(ctx, index, src, dim, job.along, &job.other);
  if (status != TN_OK) return status;
  job.alpha = cpu_scalar_value(tn_scalar_int(1), self->dtype);
  cpu_parallel_for(job.along.outer * job.along.inner, cpu_grain(4 * job.along.length), loop, &job);
  return TN_OK;
}

static tn_status run_scatter(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const int64_t dim = ((const tn_scatter_src_attrs *)args->attrs)->dim;
  return scatter(ctx, args, dim, BY_SIZE(scatter_lines, tn_dtype_size(args->views[0].dtype)));
}

static tn_status run_scatter_add(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const int64_t dim = ((const tn_scatter_add_attrs *)args->attrs)->dim;
  return scatter(ctx, args, dim, scatter_add_loops[args->views[0].dtype]);
}

// ---- index_select and index_add ----------------------------------------------------------------

static void select_runs(void *closure, int64_t begin, int64_t end) {
  const cpu_run_indexing *job = closure;
  for (int64_t row = begin; row < end; row++) {
    const int64_t outer = row / job->index_count, i = row % job->index_count;
    const int64_t from = (outer * job->length + job->indices[i]) * job->run;
    memcpy(job->rows + row * job->run, job->indexed + from, (size_t)job->run);
  }
}

static tn_status run_index_select(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const int64_t dim = ((const tn_index_select_attrs *)args->attrs)->dim;
  const tn_view *result = &args->views[TN_ARG_index_select_result];
  const tn_view *self = &args->views[TN_ARG_index_select_self];
  const tn_view *index = &args->views[TN_ARG_index_select_index];
  const cpu_along along = cpu_view_along(self, dim);
  const int64_t size = tn_dtype_size(self->dtype);
  char name[NAME_BYTES];
  cpu_run_indexing job = {.index_count = index->numel,
                          .outer = along.outer,
                          .length = along.length,
                          .run = along.inner * size,  // bytes
                          .indexed = self->data,
                          .rows = result->data};
  const tn_status status =
      cpu_check_indices(ctx, index, along.length, NULL, dimension_name(name, dim), &job.indices);
  if (status != TN_OK) return status;
  if (result->numel == 0) return TN_OK;
  const tn_range_body loop = along.inner == 1 ? BY_SIZE(select_elements, size) : select_runs;
  cpu_parallel_for(along.outer * index->numel, cpu_grain(along.inner), loop, &job);
  return TN_OK;
}

// The views of index_add and index_copy lie in the same order.
static tn_status place_slices(tn_kernel_ctx *ctx, const tn_args *args, int64_t dim, tn_scalar alpha,
                              tn_range_body loop) {
  const tn_view *result = &args->views[TN_ARG_index_add_result];
  const tn_view *self = &args->views[TN_ARG_index_add_self];
  const tn_view *index = &args->views[TN_ARG_index_add_index];
  const cpu_along along = cpu_view_along(self, dim);
  char name[NAME_BYTES];
  cpu_run_indexing job = {.index_count = index->numel,
                          .outer = along.outer,
                          .length = along.length,
                          .run = along.inner,
                          .indexed = result->data,
                          .rows = args->views[TN_ARG_index_add_source].data};
  const tn_status status =
      cpu_check_indices(ctx, index, along.length, NULL, dimension_name(name, dim), &job.indices);
  if (status != TN_OK) return status;
  copy_self(result, self);
  if (result->numel == 0 || index->numel == 0) return TN_OK;
  job.alpha = cpu_scalar_value(alpha, self->dtype);
  cpu_parallel_for(along.outer * along.inner, cpu_grain(index->numel), loop, &job);
  return TN_OK;
}

static tn_status run_index_add(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const tn_index_add_attrs *attrs = args->attrs;
  return place_slices(ctx, args, attrs->dim, attrs->alpha, index_add_loops[args->views[0].dtype]);
}

static tn_status run_index_copy(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const tn_index_copy_attrs *attrs = args->attrs;
  return place_slices(ctx, args, attrs->dim, tn_scalar_int(1),
                      BY_SIZE(index_copy_columns, tn_dtype_size(args->views[0].dtype)));
}

// ---- the gradient of an embedding --------------------------------------------------------------

// Divides every row of the result by how often its index occurs, through the factor of each term.
static tn_status add_by_frequency(tn_kernel_ctx *ctx, cpu_run_indexing *job, tn_dtype dtype) {
  int64_t *counts = cpu_scratch(ctx, job->length, sizeof(int64_t));
  if (counts == NULL) return TN_OUT_OF_MEMORY;
  memset(counts, 0, (size_t)job->length * sizeof(int64_t));
  for (int64_t i = 0; i < job->index_count; i++) {
    if (job->indices[i] != job->skipped) counts[job->indices[i]]++;
  }
  cpu_run_indexing one = *job;
  one.index_count = 1;
  for (int64_t i = 0; i < job->index_count; i++) {
    const int64_t index = job->indices[i];
    if (index == job->skipped) continue;
    one.indices = job->indices + i;
    one.rows = job->rows + i * job->run * tn_dtype_size(dtype);
    one.alpha = cpu_scalar_value(tn_scalar_float(1.0 / (double)counts[index]), dtype);
    add_to_rows_loops[dtype](&one, index, index + 1);
  }
  return TN_OK;
}

static tn_status run_embedding_backward(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const tn_embedding_dense_backward_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_embedding_dense_backward_result];
  const tn_view *grad = &args->views[TN_ARG_embedding_dense_backward_grad_output];
  const tn_view *indices = &args->views[TN_ARG_embedding_dense_backward_indices];
  cpu_run_indexing job = {.index_count = indices->numel,
                          .outer = 1,
                          .length = attrs->num_weights,
                          .run = result->rank == 0 ? 1 : result->sizes[result->rank - 1],
                          .indexed = result->data,
                          .rows = grad->data,
                          .skipped = attrs->padding_idx};
  const tn_status status = cpu_check_indices(ctx, indices, attrs->num_weights, NULL,
                                             "the rows of the embedding", &job.indices);
  if (status != TN_OK) return status;
  if (result->numel == 0) return TN_OK;
  memset(result->data, 0, (size_t)(result->numel * tn_dtype_size(result->dtype)));
  if (indices->numel == 0) return TN_OK;
  if (attrs->scale_grad_by_freq) return add_by_frequency(ctx, &job, result->dtype);
  job.alpha = cpu_scalar_value(tn_scalar_int(1), result->dtype);
  const int64_t cost = indices->numel * job.run / job.length + 1;
  cpu_parallel_for(job.length, cpu_grain(cost), add_to_rows_loops[result->dtype], &job);
  return TN_OK;
}

// ---- rows --------------------------------------------------------------------------------------

#define ROW(name, set, attrs_type, function)                                            \
  {                                                                                     \
    .op = name, .dtypes = set, .rank = TN_RANK_GENERIC, .layout = TN_LAYOUT_CONTIGUOUS, \
    .flags = TN_ROW_DETERMINISTIC, .attrs_size = sizeof(attrs_type), .run = function    \
  }

const tn_kernel_row cpu_indexing_rows[] = {
    ROW("index_select", TN_DTYPES_ALL, tn_index_select_attrs, run_index_select),
    ROW("gather", TN_DTYPES_ALL, tn_gather_attrs, run_gather),
    ROW("scatter.src", TN_DTYPES_ALL, tn_scatter_src_attrs, run_scatter),
    ROW("scatter_add", TN_DTYPES_ALL, tn_scatter_add_attrs, run_scatter_add),
    ROW("index_add", TN_DTYPES_ALL, tn_index_add_attrs, run_index_add),
    ROW("index_copy", TN_DTYPES_ALL, tn_index_copy_attrs, run_index_copy),
    ROW("embedding_dense_backward", TN_DTYPES_FLOATING, tn_embedding_dense_backward_attrs,
        run_embedding_backward),
};
const uint64_t cpu_indexing_row_count = sizeof cpu_indexing_rows / sizeof cpu_indexing_rows[0];
