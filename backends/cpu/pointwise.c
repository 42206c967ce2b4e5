// SPDX-License-Identifier: Apache-2.0
//
// pointwise: the driver of all pointwise loops. Operands that are one row (at most one dimension
// after merging) are cut into pieces of that row. Others are cut into tiles of two dimensions:
// along the *inner* one the loop runs, along the *row* one the tile is stepped through, and all
// further dimensions are walked tile by tile. The inner dimension is the one in which the result
// lies closest together. Where another operand lies closest along a different one (it is
// transposed), that one becomes the row dimension, and the operand's tile is brought into rows
// first. Results larger than the last-level cache are streamed past it.

#include "pointwise.h"

#include "stream.h"
#include "transpose.h"

enum {
  TILE_ELEMENTS = 4096,
  SHORT_ROW = 16,          // a loop over fewer elements costs more to call than to run
  TRANSPOSED_ROWS = 64,    // of a tile
  TRANSPOSED_BYTES = 256,  // of a row of such a tile
  MAX_TRANSPOSED = 2,      // operands that are brought into rows
  PITCH = TRANSPOSED_BYTES + CPU_LINE_BYTES,  // rows a power of two apart would share cache sets
};

const cpu_loop *cpu_loops[TN_DTYPE_COUNT];

static cpu_stream_copy stream_copy;              // NULL: this processor cannot
static int64_t streaming_threshold = INT64_MAX;  // bytes of a result

void cpu_pointwise_start(cpu_isa isa) {
  static const cpu_loop *(*const float_loops[CPU_ISA_COUNT])(tn_dtype) = {
#define X(name) [CPU_ISA_##name] = cpu_float_loops_##name,
      CPU_ISA_TABLE(X)
#undef X
  };
  for (tn_dtype dtype = TN_BOOL; dtype < TN_DTYPE_COUNT; dtype++) {
    cpu_loops[dtype] = tn_dtype_is_floating(dtype)  ? float_loops[isa](dtype)
                       : tn_dtype_is_complex(dtype) ? cpu_complex_loops(dtype)
                                                    : cpu_int_loops(dtype);
  }
  const cpu_stream_copy copies[CPU_ISA_COUNT] = {
#define X(name) [CPU_ISA_##name] = cpu_stream_copy_##name,
      CPU_ISA_TABLE(X)
#undef X
  };
  stream_copy = copies[isa];
  if (stream_copy != NULL) streaming_threshold = cpu_last_level_cache_bytes();
}

// ---- one row

typedef struct row {
  cpu_loop loop;
  const cpu_params *params;
  uint32_t count;
  bool stream;
  int64_t element_size;  // of the result
  char *data[CPU_MAX_OPERANDS];
  int64_t strides[CPU_MAX_OPERANDS];
} row;

// Whether the result may be streamed: it is too large for the cache and none of its operands.
static bool may_stream(const row *r, int64_t numel) {
  if (numel <= streaming_threshold / r->element_size) return false;
  for (uint32_t k = 1; k < r->count; k++) {
    if (r->data[k] == r->data[0]) return false;
  }
  return true;
}

// The loop over |n| elements through a block on the stack that is streamed to the result.
static void stream_elements(const row *r, char *const *start, const int64_t *strides, int64_t n) {
  _Alignas(CPU_LINE_BYTES) char block[CPU_STREAM_BLOCK_BYTES];
  char *data[CPU_MAX_OPERANDS];
  for (int64_t i = 0; i < n;) {
    char *result = start[0] + i * r->element_size;
    const int64_t in_line = (int64_t)((uintptr_t)result % CPU_LINE_BYTES);
    const int64_t bytes = in_line == 0 ? CPU_STREAM_BLOCK_BYTES : CPU_LINE_BYTES - in_line;
    int64_t count = bytes / r->element_size;
    if (count < 1) count = 1;
    if (count > n - i) count = n - i;
    data[0] = block;
    for (uint32_t k = 1; k < r->count; k++) data[k] = start[k] + i * strides[k];
    r->loop(data, strides, count, r->params);
    stream_copy(result, block, count * r->element_size);
    i += count;
  }
}

static void run_piece(void *closure, int64_t begin, int64_t end) {
  const row *r = closure;
  char *data[CPU_MAX_OPERANDS];
  for (uint32_t k = 0; k < r->count; k++) data[k] = r->data[k] + begin * r->strides[k];
  if (r->stream) {
    stream_elements(r, data, r->strides, end - begin);
    cpu_stream_end();
  } else {
    r->loop(data, r->strides, end - begin, r->params);
  }
}

static void run_row(row *r, int64_t n) {
  if (n <= CPU_GRAIN) {
    r->loop(r->data, r->strides, n, r->params);
    return;
  }
  // With one operand or none the way through a block costs more than it saves.
  r->stream = r->count > 2 && r->strides[0] == r->element_size && may_stream(r, n);
  cpu_parallel_for(n, CPU_GRAIN, run_piece, r);
}

// ---- tiles

typedef struct tiling {
  row base;  // strides are those of the inner dimension
  int64_t inner_size, inner_step, inner_tiles;
  int64_t row_size, row_step, row_tiles;
  int64_t row_strides[CPU_MAX_OPERANDS];
  int32_t transposed[MAX_TRANSPOSED];  // operands to be brought into rows
  int32_t transposed_count;
  int32_t sizes[CPU_MAX_OPERANDS];  // of elements, in bytes
  int32_t outer_rank;
  int64_t outer_sizes[TN_MAX_RANK];
  int64_t outer_strides[TN_MAX_RANK][CPU_MAX_OPERANDS];
} tiling;

// A tile's place: where each operand starts, and how it goes on.
typedef struct tile {
  char *data[CPU_MAX_OPERANDS];
  int64_t strides[CPU_MAX_OPERANDS], row_strides[CPU_MAX_OPERANDS];
  int64_t n, rows;
} tile;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void place_tile(const tiling *t, int64_t index, tile *at) {
  const uint32_t count = t->base.count;
  const int64_t inner = index % t->inner_tiles * t->inner_step;
  index /= t->inner_tiles;
  const int64_t first = index % t->row_tiles * t->row_step;
  index /= t->row_tiles;
  at->n = least(t->inner_size - inner, t->inner_step);
  at->rows = least(t->row_size - first, t->row_step);
  for (uint32_t k = 0; k < count; k++) {
    at->data[k] = t->base.data[k] + inner * t->base.strides[k] + first * t->row_strides[k];
    at->strides[k] = t->base.strides[k];
    at->row_strides[k] = t->row_strides[k];
  }
  for (int32_t dim = t->outer_rank - 1; dim >= 0; dim--) {
    const int64_t step = index % t->outer_sizes[dim];
    index /= t->outer_sizes[dim];
    for (uint32_t k = 0; k < count; k++) at->data[k] += step * t->outer_strides[dim][k];
  }
}

static void run_rows(const tiling *t, tile *at) {
  const row *base = &t->base;
  for (int64_t i = 0; i < at->rows; i++) {
    if (base->stream) {
      stream_elements(base, at->data, at->strides, at->n);
    } else {
      base->loop(at->data, at->strides, at->n, base->params);
    }
    for (uint32_t k = 0; k < base->count; k++) at->data[k] += at->row_strides[k];
  }
}

static void run_tiles(void *closure, int64_t begin, int64_t end) {
  const tiling *t = closure;
  tile at;
  for (int64_t index = begin; index < end; index++) {
    place_tile(t, index, &at);
    run_rows(t, &at);
  }
  if (t->base.stream) cpu_stream_end();
}

static void run_transposed_tiles(void *closure, int64_t begin, int64_t end) {
  const tiling *t = closure;
  _Alignas(CPU_LINE_BYTES) char rows[MAX_TRANSPOSED][TRANSPOSED_ROWS * PITCH];
  tile at;
  for (int64_t index = begin; index < end; index++) {
    place_tile(t, index, &at);
    for (int32_t i = 0; i < t->transposed_count; i++) {
      const int32_t k = t->transposed[i];
      cpu_transpose_tile(rows[i], PITCH, at.data[k], at.strides[k], at.rows, at.n, t->sizes[k]);
      at.data[k] = rows[i];
      at.strides[k] = t->sizes[k];
      at.row_strides[k] = PITCH;
    }
    run_rows(t, &at);
  }
  if (t->base.stream) cpu_stream_end();
}

// ---- the choice of tiles

static int64_t distance(int64_t stride) { return stride < 0 ? -stride : stride; }

// The dimension other than |excluded| along which |view| lies closest together, -1 for none.
static int32_t closest_dim(const tn_view *view, int32_t excluded) {
  int32_t best = -1;
  for (int32_t dim = view->rank - 1; dim >= 0; dim--) {
    if (dim == excluded || view->strides[dim] == 0) continue;
    if (best < 0 || distance(view->strides[dim]) < distance(view->strides[best])) best = dim;
  }
  return best;
}

static int32_t longest_dim(const tn_view *view, int32_t excluded) {
  int32_t best = -1;
  for (int32_t dim = view->rank - 1; dim >= 0; dim--) {
    if (dim != excluded && (best < 0 || view->sizes[dim] > view->sizes[best])) best = dim;
  }
  return best;
}

// The dimension, other than |inner|, along which an operand is a row of neighbours; -1 for none.
static int32_t transposed_dim(const tn_view *views, uint32_t count, int32_t inner) {
  for (uint32_t k = 1; k < count; k++) {
    if (distance(views[k].strides[inner]) < SHORT_ROW) continue;
    const int32_t closest = closest_dim(&views[k], inner);
    if (closest >= 0 && views[k].strides[closest] == 1) return closest;
  }
  return -1;
}

static void choose_plain_tile(tiling *t, const tn_view *views, int32_t *inner, int32_t *row_dim) {
  const int32_t longest = longest_dim(&views[0], *inner);
  if (views[0].sizes[*inner] < SHORT_ROW && views[0].sizes[longest] > views[0].sizes[*inner]) {
    *row_dim = *inner;
    *inner = longest;
  } else {
    *row_dim = closest_dim(&views[0], *inner);
    if (*row_dim < 0) *row_dim = longest;
  }
  t->inner_size = views[0].sizes[*inner];
  t->row_size = views[0].sizes[*row_dim];
  t->inner_step = least(t->inner_size, TILE_ELEMENTS / least(t->row_size, SHORT_ROW));
  t->row_step = least(t->row_size, TILE_ELEMENTS / t->inner_step);
}

static void choose_transposed_tile(tiling *t, const tn_view *views, int32_t inner,
                                   int32_t row_dim) {
  int32_t widest = 1;
  for (uint32_t k = 1; k < t->base.count; k++) {
    if (views[k].strides[row_dim] != 1 || distance(views[k].strides[inner]) < SHORT_ROW) continue;
    if (t->transposed_count == MAX_TRANSPOSED) break;
    t->transposed[t->transposed_count++] = (int32_t)k;
    if (t->sizes[k] > widest) widest = t->sizes[k];
  }
  t->inner_size = views[0].sizes[inner];
  t->row_size = views[0].sizes[row_dim];
  t->inner_step = least(t->inner_size, TRANSPOSED_BYTES / widest);
  t->row_step = least(t->row_size, TRANSPOSED_ROWS);
}

// A row of a tile is streamed where it is long, or where it is made of whole lines.
static bool tiles_stream(const tiling *t, int64_t numel) {
  if (t->base.strides[0] != t->base.element_size || !may_stream(&t->base, numel)) return false;
  const int64_t row_bytes = t->inner_step * t->base.element_size;
  if (t->transposed_count == 0) {
    return t->base.count > 2 && row_bytes >= CPU_STREAM_BLOCK_BYTES;
  }
  int64_t offsets = (int64_t)((uintptr_t)t->base.data[0] % CPU_LINE_BYTES) | row_bytes;
  offsets |= t->row_strides[0];
  for (int32_t dim = 0; dim < t->outer_rank; dim++) offsets |= t->outer_strides[dim][0];
  return offsets % CPU_LINE_BYTES == 0;
}

static void run_tiled(const tn_view *views, const row *base) {
  tiling t;
  t.base = *base;
  t.transposed_count = 0;
  for (uint32_t k = 0; k < base->count; k++) t.sizes[k] = tn_dtype_size(views[k].dtype);
  int32_t inner = closest_dim(&views[0], -1);
  if (inner < 0) inner = views[0].rank - 1;
  int32_t row_dim = transposed_dim(views, base->count, inner);
  if (row_dim >= 0) {
    choose_transposed_tile(&t, views, inner, row_dim);
  } else {
    choose_plain_tile(&t, views, &inner, &row_dim);
  }
  t.inner_tiles = (t.inner_size - 1) / t.inner_step + 1;
  t.row_tiles = (t.row_size - 1) / t.row_step + 1;
  t.outer_rank = 0;
  int64_t tiles = t.inner_tiles * t.row_tiles;
  for (int32_t dim = 0; dim < views[0].rank; dim++) {
    if (dim == inner || dim == row_dim) continue;
    t.outer_sizes[t.outer_rank] = views[0].sizes[dim];
    tiles *= views[0].sizes[dim];
    for (uint32_t k = 0; k < base->count; k++) {
      t.outer_strides[t.outer_rank][k] = views[k].strides[dim] * t.sizes[k];
    }
    t.outer_rank++;
  }
  for (uint32_t k = 0; k < base->count; k++) {
    t.base.strides[k] = views[k].strides[inner] * t.sizes[k];
    t.row_strides[k] = views[k].strides[row_dim] * t.sizes[k];
  }
  t.base.stream = tiles_stream(&t, views[0].numel);
  cpu_parallel_for(tiles, cpu_grain(t.inner_step * t.row_step),
                   t.transposed_count > 0 ? run_transposed_tiles : run_tiles, &t);
}

// ---- the way in

static bool all_contiguous(const tn_view *views, uint32_t count) {
  uint32_t flags = TN_VIEW_CONTIGUOUS;
  for (uint32_t k = 0; k < count; k++) flags &= views[k].flags;
  return flags != 0;
}

// A small matrix, row by row, on this thread.
static void run_small_matrix(const tn_view *views, row *base) {
  int64_t steps[CPU_MAX_OPERANDS];
  for (uint32_t k = 0; k < base->count; k++) {
    const int64_t size = tn_dtype_size(views[k].dtype);
    steps[k] = views[k].strides[0] * size;
    base->strides[k] = views[k].strides[1] * size;
  }
  for (int64_t i = 0; i < views[0].sizes[0]; i++) {
    base->loop(base->data, base->strides, views[0].sizes[1], base->params);
    for (uint32_t k = 0; k < base->count; k++) base->data[k] += steps[k];
  }
}

void cpu_pointwise_run(const tn_view *views, uint32_t count, cpu_loop loop,
                       const cpu_params *params) {
  static const cpu_params no_params;
  static const int64_t no_strides[CPU_MAX_OPERANDS];
  const int64_t numel = views[0].numel;
  if (params == NULL) params = &no_params;
  row base;
  for (uint32_t k = 0; k < count; k++) base.data[k] = views[k].data;
  if (numel <= 1) {
    loop(base.data, no_strides, numel, params);
    return;
  }
  base.loop = loop;
  base.params = params;
  base.count = count;
  base.stream = false;
  base.element_size = tn_dtype_size(views[0].dtype);
  if (all_contiguous(views, count)) {
    for (uint32_t k = 0; k < count; k++) base.strides[k] = tn_dtype_size(views[k].dtype);
    run_row(&base, numel);
  } else if (views[0].rank == 1) {
    for (uint32_t k = 0; k < count; k++) {
      base.strides[k] = views[k].strides[0] * tn_dtype_size(views[k].dtype);
    }
    run_row(&base, numel);
  } else if (views[0].rank == 2 && numel <= TILE_ELEMENTS) {
    run_small_matrix(views, &base);
  } else {
    run_tiled(views, &base);
  }
}
