// SPDX-License-Identifier: Apache-2.0
//
// pointwise: the driver of all pointwise loops. Operands that are one row (at most one dimension
// after merging) are cut into pieces of that row. Others are cut into tiles of two dimensions:
// along the *inner* one the loop runs, along the *row* one the tile is stepped through, and all
// further dimensions are walked tile by tile. The inner dimension is the one in which the result
// lies closest together; where another operand lies closest along a different one (a transposed
// operand), that one becomes the row dimension and tiles are square, so that both find their cache
// lines again. Results larger than the last-level cache are streamed past it.

#include "pointwise.h"

#include "stream.h"

enum {
  TILE_ELEMENTS = 4096,
  TRANSPOSED_TILE = 64,  // 64 lines of 64 bytes an operand: half of a small first-level cache
  SHORT_ROW = 16,        // a loop over fewer elements costs more to call than to run
  STREAM_BLOCK_BYTES = 4096,
  LINE_BYTES = 64,
};

const cpu_loop *cpu_loops[TN_DTYPE_COUNT];

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
  if (CPU_CAN_STREAM) streaming_threshold = cpu_last_level_cache_bytes();
}

// ---- one row

typedef struct row {
  cpu_loop loop;
  const cpu_params *params;
  uint32_t count;
  char *data[CPU_MAX_OPERANDS];
  int64_t strides[CPU_MAX_OPERANDS];
} row;

static void run_piece(void *closure, int64_t begin, int64_t end) {
  const row *r = closure;
  char *data[CPU_MAX_OPERANDS];
  for (uint32_t k = 0; k < r->count; k++) data[k] = r->data[k] + begin * r->strides[k];
  r->loop(data, r->strides, end - begin, r->params);
}

// The same through a block on the stack that is streamed to the result.
static void stream_piece(void *closure, int64_t begin, int64_t end) {
  const row *r = closure;
  _Alignas(LINE_BYTES) char block[STREAM_BLOCK_BYTES];
  const int64_t size = r->strides[0];
  char *data[CPU_MAX_OPERANDS];
  for (int64_t i = begin; i < end;) {
    char *result = r->data[0] + i * size;
    const int64_t in_line = (int64_t)((uintptr_t)result % LINE_BYTES);
    int64_t n = (in_line == 0 ? STREAM_BLOCK_BYTES : LINE_BYTES - in_line) / size;
    if (n < 1) n = 1;
    if (n > end - i) n = end - i;
    data[0] = block;
    for (uint32_t k = 1; k < r->count; k++) data[k] = r->data[k] + i * r->strides[k];
    r->loop(data, r->strides, n, r->params);
    cpu_stream_copy(result, block, n * size);
    i += n;
  }
  cpu_stream_end();
}

// Whether the result is a row of its own (none of its operands), too large for the cache.
static bool should_stream(const row *r, int64_t n, int64_t element_size) {
  if (n <= streaming_threshold / element_size || r->strides[0] != element_size) return false;
  for (uint32_t k = 1; k < r->count; k++) {
    if (r->data[k] == r->data[0]) return false;
  }
  return true;
}

static void run_row(const row *r, int64_t n, int64_t element_size) {
  if (n <= CPU_GRAIN) {
    r->loop((char *const *)r->data, r->strides, n, r->params);
    return;
  }
  const bool stream = should_stream(r, n, element_size);
  cpu_parallel_for(n, CPU_GRAIN, stream ? stream_piece : run_piece, (void *)(uintptr_t)r);
}

// ---- tiles

typedef struct tiling {
  row base;  // strides are those of the inner dimension
  int64_t inner_size, inner_step, inner_tiles;
  int64_t row_size, row_step, row_tiles;
  int64_t row_strides[CPU_MAX_OPERANDS];
  int32_t outer_rank;
  int64_t outer_sizes[TN_MAX_RANK];
  int64_t outer_strides[TN_MAX_RANK][CPU_MAX_OPERANDS];
} tiling;

static void run_tile(const tiling *t, int64_t tile) {
  const uint32_t count = t->base.count;
  const int64_t inner = tile % t->inner_tiles * t->inner_step;
  tile /= t->inner_tiles;
  const int64_t first = tile % t->row_tiles * t->row_step;
  tile /= t->row_tiles;
  char *data[CPU_MAX_OPERANDS];
  for (uint32_t k = 0; k < count; k++) {
    data[k] = t->base.data[k] + inner * t->base.strides[k] + first * t->row_strides[k];
  }
  for (int32_t dim = t->outer_rank - 1; dim >= 0; dim--) {
    const int64_t index = tile % t->outer_sizes[dim];
    tile /= t->outer_sizes[dim];
    for (uint32_t k = 0; k < count; k++) data[k] += index * t->outer_strides[dim][k];
  }
  const int64_t n = t->inner_size - inner < t->inner_step ? t->inner_size - inner : t->inner_step;
  const int64_t last = t->row_size - first < t->row_step ? t->row_size : first + t->row_step;
  for (int64_t i = first; i < last; i++) {
    t->base.loop(data, t->base.strides, n, t->base.params);
    for (uint32_t k = 0; k < count; k++) data[k] += t->row_strides[k];
  }
}

static void run_tiles(void *closure, int64_t begin, int64_t end) {
  for (int64_t tile = begin; tile < end; tile++) run_tile(closure, tile);
}

static int64_t distance(int64_t stride) { return stride < 0 ? -stride : stride; }

// The dimension other than |excluded| along which |view| lies closest together.
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

// Chooses the inner and the row dimension; returns whether an operand is transposed.
static bool choose_dims(const tn_view *views, uint32_t count, int32_t *inner, int32_t *row_dim) {
  const int32_t last = views[0].rank - 1;
  *inner = closest_dim(&views[0], -1);
  if (*inner < 0) *inner = last;
  for (uint32_t k = 1; k < count; k++) {
    const int32_t closest = closest_dim(&views[k], -1);
    if (closest < 0 || closest == *inner || views[k].strides[*inner] == 0) continue;
    if (distance(views[k].strides[*inner]) < 4 * distance(views[k].strides[closest])) continue;
    *row_dim = closest;
    return true;
  }
  const int32_t longest = longest_dim(&views[0], *inner);
  if (views[0].sizes[*inner] < SHORT_ROW && views[0].sizes[longest] > views[0].sizes[*inner]) {
    *row_dim = *inner;
    *inner = longest;
    return false;
  }
  *row_dim = closest_dim(&views[0], *inner);
  if (*row_dim < 0) *row_dim = longest;
  return false;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void run_tiled(const tn_view *views, row *base) {
  tiling t;
  int32_t inner, row_dim;
  const bool transposed = choose_dims(views, base->count, &inner, &row_dim);
  t.base = *base;
  t.inner_size = views[0].sizes[inner];
  t.row_size = views[0].sizes[row_dim];
  if (transposed) {
    t.row_step = least(t.row_size, TRANSPOSED_TILE);
    t.inner_step = least(t.inner_size, TILE_ELEMENTS / t.row_step);
  } else {
    const int64_t rows = least(t.row_size, SHORT_ROW);
    t.inner_step = least(t.inner_size, TILE_ELEMENTS / rows);
    t.row_step = least(t.row_size, TILE_ELEMENTS / t.inner_step);
  }
  t.inner_tiles = (t.inner_size + t.inner_step - 1) / t.inner_step;
  t.row_tiles = (t.row_size + t.row_step - 1) / t.row_step;
  t.outer_rank = 0;
  int64_t tiles = t.inner_tiles * t.row_tiles;
  for (int32_t dim = 0; dim < views[0].rank; dim++) {
    if (dim == inner || dim == row_dim) continue;
    t.outer_sizes[t.outer_rank] = views[0].sizes[dim];
    tiles *= views[0].sizes[dim];
    for (uint32_t k = 0; k < base->count; k++) {
      t.outer_strides[t.outer_rank][k] = views[k].strides[dim] * tn_dtype_size(views[k].dtype);
    }
    t.outer_rank++;
  }
  for (uint32_t k = 0; k < base->count; k++) {
    const int64_t size = tn_dtype_size(views[k].dtype);
    t.base.strides[k] = views[k].strides[inner] * size;
    t.row_strides[k] = views[k].strides[row_dim] * size;
  }
  cpu_parallel_for(tiles, cpu_grain(t.inner_step * t.row_step), run_tiles, &t);
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
    base->loop((char *const *)base->data, base->strides, views[0].sizes[1], base->params);
    for (uint32_t k = 0; k < base->count; k++) base->data[k] += steps[k];
  }
}

void cpu_pointwise_run(const tn_view *views, uint32_t count, cpu_loop loop,
                       const cpu_params *params) {
  static const cpu_params no_params;
  static const int64_t no_strides[CPU_MAX_OPERANDS];
  const int64_t numel = views[0].numel;
  if (params == NULL) params = &no_params;
  if (numel <= 1) {
    char *data[CPU_MAX_OPERANDS];
    for (uint32_t k = 0; k < count; k++) data[k] = views[k].data;
    loop(data, no_strides, numel, params);
    return;
  }
  row base;
  base.loop = loop;
  base.params = params;
  base.count = count;
  for (uint32_t k = 0; k < count; k++) base.data[k] = views[k].data;
  const int64_t result_size = tn_dtype_size(views[0].dtype);
  if (all_contiguous(views, count)) {
    for (uint32_t k = 0; k < count; k++) base.strides[k] = tn_dtype_size(views[k].dtype);
    run_row(&base, numel, result_size);
  } else if (views[0].rank == 1) {
    for (uint32_t k = 0; k < count; k++) {
      base.strides[k] = views[k].strides[0] * tn_dtype_size(views[k].dtype);
    }
    run_row(&base, numel, result_size);
  } else if (views[0].rank == 2 && numel <= TILE_ELEMENTS) {
    run_small_matrix(views, &base);
  } else {
    run_tiled(views, &base);
  }
}
