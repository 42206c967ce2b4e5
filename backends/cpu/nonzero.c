// SPDX-License-Identifier: Apache-2.0
//
// nonzero: nonzero and masked_select, whose results are as long as there are elements that count.
// Pieces of a fixed size are counted first, on all threads; then the result is created, and each
// piece writes from where the pieces before it end.
//
// Invariant: a piece writes exactly as many elements as it has counted, never one beyond.

#include <tenon/op_args.h>

#include "contiguous.h"
#include "workspace.h"

enum {
  PIECE = CPU_GRAIN / 2,  // elements
  BUFFER = 512,           // positions that are turned into coordinates at a time
};

typedef struct nonzero_job {
  const void *from;  // elements, or the flags of masked_select
  uint64_t mask;     // the bits that make an element count
  int32_t bytes;     // of an element
  int64_t numel;
  int64_t *starts;  // [pieces + 1]: results before each piece
  // nonzero
  const int64_t *sizes;
  int32_t rank;
  int64_t *places;
  // masked_select
  const void *self;
  char *result;
  int32_t self_bytes;
} nonzero_job;

typedef struct pair {
  uint64_t real, imag;
} pair;

#define HOLDS(element) (((element) & (ELEMENT)job->mask) != 0)
#define SIZE_BODY "nonzero.inc.h"
#include "every_word.inc.h"
#undef SIZE_BODY
#undef HOLDS
#define HOLDS(element) ((((element).real | (element).imag) & job->mask) != 0)
#define ELEMENT pair
#define NAME(x) x##_16
#include "nonzero.inc.h"
#undef ELEMENT
#undef NAME
#undef HOLDS

#define BY_SIZE(name, size) \
  ((size) == 1   ? name##_1 \
   : (size) == 2 ? name##_2 \
   : (size) == 4 ? name##_4 \
   : (size) == 8 ? name##_8 \
                 : name##_16)

// Every bit of an element but the signs of floats: -0 is zero.
static uint64_t counting_bits(tn_dtype dtype) {
  switch (dtype) {
    case TN_F16:
    case TN_BF16:
      return UINT64_C(0x7fff);
    case TN_F32:
      return UINT64_C(0x7fffffff);
    case TN_C64:
      return UINT64_C(0x7fffffff7fffffff);
    case TN_F64:
    case TN_C128:
      return UINT64_C(0x7fffffffffffffff);
    default:
      return ~UINT64_C(0);
  }
}

// ---- counting ----------------------------------------------------------------------------------

static void count_pieces(void *closure, int64_t begin, int64_t end) {
  const nonzero_job *job = closure;
  for (int64_t piece = begin; piece < end; piece++) {
    const int64_t first = piece * PIECE;
    const int64_t last = first + PIECE < job->numel ? first + PIECE : job->numel;
    job->starts[piece + 1] = BY_SIZE(count, job->bytes)(job, first, last);
  }
}

static int64_t piece_count(const nonzero_job *job) { return (job->numel + PIECE - 1) / PIECE; }

// Fills job->starts. errors: OUT_OF_MEMORY
static tn_status count_all(nonzero_job *job, tn_kernel_ctx *ctx) {
  const int64_t pieces = piece_count(job);
  job->starts = cpu_scratch(ctx, pieces + 1, sizeof *job->starts);
  if (job->starts == NULL) return TN_OUT_OF_MEMORY;
  job->starts[0] = 0;
  cpu_parallel_for(pieces, 2, count_pieces, job);
  for (int64_t i = 0; i < pieces; i++) job->starts[i + 1] += job->starts[i];
  return TN_OK;
}

// ---- nonzero -----------------------------------------------------------------------------------

// The row that contains an element: the coordinates of all dimensions but the last, and where the
// row begins.
typedef struct row_cursor {
  int64_t coordinates[TN_MAX_RANK];
  int64_t begin;
} row_cursor;

static row_cursor row_of(const nonzero_job *job, int64_t position) {
  row_cursor row;
  const int64_t width = job->sizes[job->rank - 1];
  int64_t index = position / width;
  row.begin = index * width;
  for (int32_t d = job->rank - 2; d >= 0; d--) {
    row.coordinates[d] = index % job->sizes[d];
    index /= job->sizes[d];
  }
  return row;
}

static void step_row(const nonzero_job *job, row_cursor *row) {
  row->begin += job->sizes[job->rank - 1];
  for (int32_t d = job->rank - 2; d >= 0; d--) {
    if (++row->coordinates[d] < job->sizes[d]) return;
    row->coordinates[d] = 0;
  }
}

static void write_places(const nonzero_job *job, row_cursor *row, const int64_t *positions,
                         int64_t count, int64_t *to) {
  const int64_t width = job->sizes[job->rank - 1];
  for (int64_t i = 0; i < count; i++) {
    if (positions[i] - row->begin >= 8 * width) *row = row_of(job, positions[i]);
    while (positions[i] - row->begin >= width) step_row(job, row);
    for (int32_t d = 0; d < job->rank - 1; d++) *to++ = row->coordinates[d];
    *to++ = positions[i] - row->begin;
  }
}

static void find_pieces(void *closure, int64_t begin, int64_t end) {
  const nonzero_job *job = closure;
  int64_t positions[BUFFER];
  for (int64_t piece = begin; piece < end; piece++) {
    int64_t *to = job->places + job->starts[piece] * job->rank, at = piece * PIECE;
    int64_t left = job->starts[piece + 1] - job->starts[piece];
    if (job->rank == 1) {
      BY_SIZE(find, job->bytes)(job, at, left, to);
      continue;
    }
    row_cursor row = row_of(job, at);
    while (left > 0) {
      const int64_t count = left < BUFFER ? left : BUFFER;
      BY_SIZE(find, job->bytes)(job, at, count, positions);
      write_places(job, &row, positions, count, to);
      at = positions[count - 1] + 1;
      to += count * job->rank;
      left -= count;
    }
  }
}

static tn_status run_nonzero(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const tn_view *self = &args->views[TN_ARG_nonzero_self];
  nonzero_job job = {.from = self->data,
                     .mask = counting_bits(self->dtype),
                     .bytes = tn_dtype_size(self->dtype),
                     .numel = self->numel,
                     .sizes = self->sizes,
                     .rank = self->rank};
  tn_status status = count_all(&job, ctx);
  if (status != TN_OK) return status;
  const int64_t sizes[2] = {job.starts[piece_count(&job)], self->rank};
  status = ctx->host->result_create(ctx, args, TN_ARG_nonzero_result, 2, sizes);
  if (status != TN_OK || self->rank == 0 || sizes[0] == 0) return status;
  job.places = args->views[TN_ARG_nonzero_result].data;
  cpu_parallel_for(piece_count(&job), 2, find_pieces, &job);
  return TN_OK;
}

// ---- masked_select -----------------------------------------------------------------------------

static void pick_pieces(void *closure, int64_t begin, int64_t end) {
  const nonzero_job *job = closure;
  for (int64_t piece = begin; piece < end; piece++) {
    const int64_t start = job->starts[piece];
    BY_SIZE(pick, job->self_bytes)
    (job->from, job->self, piece * PIECE, job->starts[piece + 1] - start,
     job->result + start * job->self_bytes);
  }
}

static tn_status run_masked_select(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const tn_view *self = &args->views[TN_ARG_masked_select_self];
  const tn_view *mask = &args->views[TN_ARG_masked_select_mask];
  nonzero_job job = {.from = mask->data,
                     .mask = ~UINT64_C(0),
                     .bytes = 1,
                     .numel = self->numel,
                     .self = self->data,
                     .self_bytes = tn_dtype_size(self->dtype)};
  tn_status status = count_all(&job, ctx);
  if (status != TN_OK) return status;
  const int64_t *count = &job.starts[piece_count(&job)];
  status = ctx->host->result_create(ctx, args, TN_ARG_masked_select_result, 1, count);
  if (status != TN_OK) return status;
  job.result = args->views[TN_ARG_masked_select_result].data;
  cpu_parallel_for(piece_count(&job), 2, pick_pieces, &job);
  return TN_OK;
}

static const char *supports_masked_select(void *unused, const tn_args *args) {
  (void)unused;
  const tn_view *self = &args->views[TN_ARG_masked_select_self];
  const tn_view *mask = &args->views[TN_ARG_masked_select_mask];
  const bool same = self->rank == mask->rank &&
                    memcmp(self->sizes, mask->sizes, sizeof(int64_t) * (size_t)self->rank) == 0;
  return same ? NULL : "the mask has another shape than self";
}

const tn_kernel_row cpu_nonzero_rows[] = {
    {.op = "nonzero",
     .dtypes = TN_DTYPES_ALL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .run = run_nonzero},
    {.op = "masked_select",
     .dtypes = TN_DTYPES_ALL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .supports = supports_masked_select,
     .run = run_masked_select},
};
const uint64_t cpu_nonzero_row_count = sizeof cpu_nonzero_rows / sizeof cpu_nonzero_rows[0];
