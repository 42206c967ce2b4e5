// SPDX-License-Identifier: Apache-2.0
//
// sort: sort.stable and topk along one dimension of a contiguous tensor [outer, length, inner]:
// outer * inner lines of |length| elements, |inner| apart. Lines that lie side by side are taken a
// block at a time, so that memory is read by the cache line; few long lines are each sorted on all
// threads. topk sorts only what is below the best k so far.

#include <tenon/op_args.h>

#include "contiguous.h"
#include "sort_order.h"
#include "workspace.h"

enum {
  MOST_LINES = 16,        // of a block: a cache line of 4-byte elements
  BLOCK_BYTES = 1 << 18,  // of the words of a block, where it has more than one line
  LONG_LINE = 1 << 16,    // worth more than one thread
  TILE = 64,              // words that topk looks at at a time
};

typedef struct sort_job {
  cpu_key_map map;
  tn_kernel_ctx *ctx;
  const tn_view *self, *values, *indices;
  cpu_along along;   // of self
  int64_t kept;      // elements of a line of the results
  int64_t block;     // lines of a block
  int64_t blocks;    // of one outer coordinate
  int64_t capacity;  // topk: words that are kept of a line until they are sorted
  cpu_workspaces spaces;
} sort_job;

// The lines that one task is about.
typedef struct sort_block {
  cpu_lines self, values, indices;
  int64_t lines;
} sort_block;

static sort_block block_at(const sort_job *job, int64_t task) {
  const bool whole = job->blocks == 1;
  const int64_t outer = whole ? task : task / job->blocks;
  const int64_t first = whole ? 0 : task % job->blocks * job->block;
  const int64_t inner = job->along.inner, left = inner - first, bytes = job->map.bytes;
  const int64_t from = outer * job->along.length * inner + first;
  const int64_t to = outer * job->kept * inner + first;
  return (sort_block){.self = {(char *)job->self->data + from * bytes, inner},
                      .values = {(char *)job->values->data + to * bytes, inner},
                      .indices = {(int64_t *)job->indices->data + to, inner},
                      .lines = left < job->block ? left : job->block};
}

static void *words_at(const sort_job *job, void *words, int64_t count) {
  return (char *)words + (uint64_t)count * cpu_word_bytes(&job->map);
}

// ---- whole lines -------------------------------------------------------------------------------

// Sorts the lines of a block and stores the first |kept| of each.
static void sort_lines(const sort_job *job, const sort_block *at, void *words, void *spare) {
  const int64_t length = job->along.length;
  const uint64_t bytes = (uint64_t)length * cpu_word_bytes(&job->map);
  cpu_words_load(&job->map, at->self, 0, length, at->lines, words, length);
  const void *sorted = words;
  for (int64_t b = 0; b < at->lines; b++) {
    void *line = words_at(job, words, b * length);
    sorted = cpu_words_sort(&job->map, line, spare, length);
    if (at->lines > 1 && sorted != line) memcpy(line, sorted, bytes);
  }
  cpu_words_store(&job->map, at->lines == 1 ? sorted : words, length, 0, job->kept, at->lines,
                  at->self, at->values, at->indices);
}

// A line of narrow words that is whole in the results is sorted where its indices will be.
static bool fits_indices(const sort_job *job) {
  return !job->map.wide && job->along.inner == 1 && job->kept == job->along.length;
}

static void sort_blocks(void *closure, int64_t begin, int64_t end) {
  sort_job *job = closure;
  void *slot = cpu_workspace_claim(&job->spaces);
  const bool fits = fits_indices(job);
  for (int64_t task = begin; task < end; task++) {
    const sort_block at = block_at(job, task);
    void *rest = fits ? slot : words_at(job, slot, job->block * job->along.length);
    sort_lines(job, &at, fits ? at.indices.data : slot, rest);
  }
  cpu_workspace_release(&job->spaces, slot);
}

static tn_status sort_by_blocks(sort_job *job) {
  const int64_t tasks = job->along.outer * job->blocks;
  const int64_t lines = job->block + (fits_indices(job) ? 0 : 1);
  const uint64_t bytes = (uint64_t)(lines * job->along.length) * cpu_word_bytes(&job->map);
  const tn_status status = cpu_workspaces_open(&job->spaces, job->ctx, bytes, tasks);
  if (status != TN_OK) return status;
  cpu_parallel_for(tasks, cpu_grain(16 * job->block * job->along.length), sort_blocks, job);
  return TN_OK;
}

// ---- one line on all threads -------------------------------------------------------------------

typedef struct line_job {
  const sort_job *job;
  const sort_block *at;
  void *words;
} line_job;

static void load_part(void *closure, int64_t begin, int64_t end) {
  const line_job *line = closure;
  cpu_words_load(&line->job->map, line->at->self, begin, end - begin, 1,
                 words_at(line->job, line->words, begin), 0);
}

static void store_part(void *closure, int64_t begin, int64_t end) {
  const line_job *line = closure;
  const sort_block *at = line->at;
  cpu_words_store(&line->job->map, words_at(line->job, line->words, begin), 0, begin, end - begin,
                  1, at->self, at->values, at->indices);
}

static tn_status sort_by_pieces(sort_job *job) {
  const bool fits = fits_indices(job);
  const int64_t length = job->along.length;
  char *room = cpu_scratch(job->ctx, fits ? length : 2 * length, cpu_word_bytes(&job->map));
  if (room == NULL) return TN_OUT_OF_MEMORY;
  for (int64_t task = 0; task < job->along.outer * job->blocks; task++) {
    const sort_block at = block_at(job, task);
    line_job line = {job, &at, fits ? at.indices.data : words_at(job, room, length)};
    cpu_parallel_for(length, CPU_GRAIN, load_part, &line);
    line.words = cpu_words_sort_shared(&job->map, job->ctx, line.words, room, length);
    if (line.words == NULL) return TN_OUT_OF_MEMORY;
    cpu_parallel_for(job->kept, CPU_GRAIN, store_part, &line);
  }
  return TN_OK;
}

// ---- the best k --------------------------------------------------------------------------------

// What has been kept of one line: |count| words, of which those before |sorted| are the best k of
// what they were chosen from.
typedef struct kept_words {
  void *words;
  int64_t count;
  bool limited;  // word k - 1 is the greatest that may still come in
} kept_words;

static void cut(const sort_job *job, kept_words *kept, void *spare) {
  const int64_t count = kept->count < job->kept ? kept->count : job->kept;
  const void *sorted = cpu_words_sort(&job->map, kept->words, spare, kept->count);
  const uint64_t bytes = (uint64_t)count * cpu_word_bytes(&job->map);
  if (sorted != kept->words) memcpy(kept->words, sorted, bytes);
  kept->count = count;
  kept->limited = count == job->kept;
}

// Keeps the best k of elements [begin, end) of each line of a block, in order. |slot| holds a tile
// for each line and spare words.
static void choose(const sort_job *job, const sort_block *at, int64_t begin, int64_t end,
                   kept_words *kept, void *slot) {
  void *spare = words_at(job, slot, at->lines * TILE);
  for (int64_t first = begin; first < end; first += TILE) {
    const int64_t count = end - first < TILE ? end - first : TILE;
    cpu_words_load(&job->map, at->self, first, count, at->lines, slot, TILE);
    for (int64_t b = 0; b < at->lines; b++) {
      kept_words *line = &kept[b];
      const void *limit = line->limited ? words_at(job, line->words, job->kept - 1) : NULL;
      cpu_words_keep_below(&job->map, words_at(job, slot, b * TILE), count, limit, line->words,
                           &line->count);
      const bool full = line->count + TILE > job->capacity;
      if (full || (!line->limited && line->count >= job->kept)) cut(job, line, spare);
    }
  }
  for (int64_t b = 0; b < at->lines; b++) cut(job, &kept[b], spare);
}

static void choose_blocks(void *closure, int64_t begin, int64_t end) {
  sort_job *job = closure;
  void *slot = cpu_workspace_claim(&job->spaces);
  for (int64_t task = begin; task < end; task++) {
    const sort_block at = block_at(job, task);
    kept_words kept[MOST_LINES];
    for (int64_t b = 0; b < at.lines; b++) {
      kept[b] = (kept_words){words_at(job, slot, b * job->capacity), 0, false};
    }
    choose(job, &at, 0, job->along.length, kept, words_at(job, slot, at.lines * job->capacity));
    cpu_words_store(&job->map, slot, job->capacity, 0, job->kept, at.lines, at.self, at.values,
                    at.indices);
  }
  cpu_workspace_release(&job->spaces, slot);
}

static tn_status choose_by_blocks(sort_job *job) {
  const int64_t tasks = job->along.outer * job->blocks;
  const int64_t words = job->block * (job->capacity + TILE) + job->capacity;
  const uint64_t bytes = (uint64_t)words * cpu_word_bytes(&job->map);
  const tn_status status = cpu_workspaces_open(&job->spaces, job->ctx, bytes, tasks);
  if (status != TN_OK) return status;
  cpu_parallel_for(tasks, cpu_grain(4 * job->block * job->along.length), choose_blocks, job);
  return TN_OK;
}

typedef struct choice_job {
  const sort_job *job;
  const sort_block *at;
  int64_t chunk;
  char *room;  // [pieces][2 capacity + TILE] words
  int64_t *counts;
} choice_job;

static void choose_pieces(void *closure, int64_t begin, int64_t end) {
  const choice_job *choice = closure;
  const sort_job *job = choice->job;
  for (int64_t piece = begin; piece < end; piece++) {
    char *slot = words_at(job, choice->room, piece * (2 * job->capacity + TILE));
    const int64_t first = piece * choice->chunk, last = first + choice->chunk;
    kept_words kept = {slot, 0, false};
    choose(job, choice->at, first, last < job->along.length ? last : job->along.length, &kept,
           words_at(job, slot, job->capacity));
    choice->counts[piece] = kept.count;
  }
}

// Each piece of a line chooses its best, and the best of those are the line's.
static tn_status choose_by_pieces(sort_job *job, int64_t pieces) {
  const int64_t size = 2 * job->capacity + TILE, length = job->along.length;
  const uint64_t bytes = cpu_word_bytes(&job->map);
  char *room = cpu_scratch(job->ctx, pieces * (size + 2 * job->kept), bytes);
  int64_t *counts = cpu_scratch(job->ctx, pieces, sizeof *counts);
  if (room == NULL || counts == NULL) return TN_OUT_OF_MEMORY;
  char *words = words_at(job, room, pieces * size);
  for (int64_t task = 0; task < job->along.outer * job->blocks; task++) {
    const sort_block at = block_at(job, task);
    choice_job choice = {job, &at, (length + pieces - 1) / pieces, room, counts};
    cpu_parallel_for(pieces, 1, choose_pieces, &choice);
    int64_t total = 0;
    for (int64_t piece = 0; piece < pieces; piece++) {
      memcpy(words_at(job, words, total), words_at(job, room, piece * size),
             (uint64_t)counts[piece] * bytes);
      total += counts[piece];
    }
    const void *sorted =
        cpu_words_sort(&job->map, words, words_at(job, words, pieces * job->kept), total);
    cpu_words_store(&job->map, sorted, 0, 0, job->kept, 1, at.self, at.values, at.indices);
  }
  return TN_OK;
}

// ---- kernels -----------------------------------------------------------------------------------

// How many neighbouring lines a block has, |words| of each of which are in memory at a time.
static int64_t lines_of_block(const sort_job *job, int64_t words) {
  int64_t lines = BLOCK_BYTES / (int64_t)cpu_word_bytes(&job->map) / words;
  if (lines > MOST_LINES) lines = MOST_LINES;
  if (lines > job->along.inner) lines = job->along.inner;
  return lines > 1 ? lines : 1;
}

static void plan_blocks(sort_job *job, int64_t words) {
  job->block = lines_of_block(job, words);
  job->blocks = (job->along.inner + job->block - 1) / job->block;
}

// Whether lines are too few to occupy |threads|, and long enough to be shared by them.
static bool is_for_pieces(const sort_job *job, int64_t threads) {
  return job->along.outer * job->blocks < threads && job->along.length >= LONG_LINE &&
         job->block == 1;
}

static tn_status sort_all(sort_job *job) {
  plan_blocks(job, job->along.length);
  if (is_for_pieces(job, job->ctx->host->thread_count())) return sort_by_pieces(job);
  return sort_by_blocks(job);
}

static tn_status run_sort(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const tn_sort_stable_attrs *attrs = args->attrs;
  const tn_view *self = &args->views[TN_ARG_sort_stable_self];
  sort_job job = {.map = cpu_key_map_of(self->dtype, attrs->descending),
                  .ctx = ctx,
                  .self = self,
                  .values = &args->views[TN_ARG_sort_stable_values],
                  .indices = &args->views[TN_ARG_sort_stable_indices],
                  .along = cpu_view_along(self, attrs->dim)};
  if (self->numel == 0) return TN_OK;
  job.kept = job.along.length;
  return sort_all(&job);
}

static tn_status run_topk(void *unused, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)unused;
  const tn_topk_attrs *attrs = args->attrs;
  const tn_view *self = &args->views[TN_ARG_topk_self];
  sort_job job = {.map = cpu_key_map_of(self->dtype, attrs->largest),
                  .ctx = ctx,
                  .self = self,
                  .values = &args->views[TN_ARG_topk_values],
                  .indices = &args->views[TN_ARG_topk_indices],
                  .along = cpu_view_along(self, attrs->dim),
                  .kept = attrs->k};
  const int64_t threads = ctx->host->thread_count(), length = job.along.length;
  if (job.values->numel == 0) return TN_OK;
  job.capacity = 2 * job.kept + 2 * TILE;
  if (job.capacity >= length) return sort_all(&job);
  plan_blocks(&job, job.capacity);
  const bool shared = is_for_pieces(&job, threads) && length / threads >= 2 * job.capacity;
  return shared ? choose_by_pieces(&job, threads) : choose_by_blocks(&job);
}

// The longest line that there can be, whatever dim is; attributes are not looked at.
static const char *supports(void *unused, const tn_args *args) {
  (void)unused;
  const tn_view *self = &args->views[args->output_count];
  for (int32_t d = 0; d < self->rank; d++) {
    if (self->sizes[d] > CPU_SORT_LONGEST) return "a dimension has more than 2^32 - 1 elements";
  }
  return NULL;
}

#define ROW(name, runs, size)                                                                      \
  {                                                                                                \
    .op = name, .dtypes = TN_DTYPES_REAL, .rank = TN_RANK_GENERIC, .layout = TN_LAYOUT_CONTIGUOUS, \
    .flags = TN_ROW_DETERMINISTIC, .attrs_size = sizeof(size), .supports = supports, .run = runs   \
  }

const tn_kernel_row cpu_sort_rows[] = {
    ROW("sort.stable", run_sort, tn_sort_stable_attrs),
    ROW("topk", run_topk, tn_topk_attrs),
};
const uint64_t cpu_sort_row_count = sizeof cpu_sort_rows / sizeof cpu_sort_rows[0];
