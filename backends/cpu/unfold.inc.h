// SPDX-License-Identifier: Apache-2.0
//
// unfold.inc: the loops of unfold.h for one element type, included by
// unfold.simd.c with REAL, LANES and NAME(x) as in gemm.inc.h.

typedef REAL NAME(vec) __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL))));
#define VEC NAME(vec)
#define TILE_COLS (2 * LANES)

// ---- panels of the unfolded image --------------------------------------------------------------

// A part of a run: positions [place, place + length) of the panel, read from |offset| on.
typedef struct NAME(segment) {
  int64_t place, length, offset;
} NAME(segment);

static int NAME(cut_segments)(const cpu_unfolded *unfolded, int64_t col, int64_t cols,
                              NAME(segment) segments[TILE_COLS]) {
  int count = 0;
  int64_t run = col / unfolded->run_length, index = col % unfolded->run_length;
  for (int64_t place = 0; place < cols; run++, index = 0) {
    int64_t length = unfolded->run_length - index;
    if (length > cols - place) length = cols - place;
    const int64_t offset = unfolded->run_offsets[run] + index * unfolded->step;
    segments[count++] = (NAME(segment)){place, length, offset};
    place += length;
  }
  return count;
}

// Whole vectors are copied; what they write behind a segment, the next segment or row overwrites.
static void NAME(pack_dense)(const cpu_unfolded *unfolded, REAL *to, int64_t row, int64_t rows,
                             const NAME(segment) * segments, int count) {
  for (int64_t p = row; p < row + rows; p++, to += TILE_COLS) {
    const REAL *image = (const REAL *)unfolded->image + unfolded->tap_offsets[p];
    for (int s = 0; s < count; s++) {
      const REAL *from = image + segments[s].offset;
      VEC *out = (VEC *)(to + segments[s].place);
      const VEC low = *(const VEC *)from;
      if (segments[s].length > LANES) out[1] = *(const VEC *)(from + LANES);
      out[0] = low;
    }
  }
}

static void NAME(pack_strided)(const cpu_unfolded *unfolded, REAL *to, int64_t row, int64_t rows,
                               const NAME(segment) * segments, int count) {
  const int64_t step = unfolded->step;
  for (int64_t p = row; p < row + rows; p++, to += TILE_COLS) {
    const REAL *image = (const REAL *)unfolded->image + unfolded->tap_offsets[p];
    for (int s = 0; s < count; s++) {
      const REAL *from = image + segments[s].offset;
      for (int64_t j = 0; j < segments[s].length; j++) to[segments[s].place + j] = from[j * step];
    }
  }
}

static void NAME(pack)(const void *closure, void *to, int64_t row, int64_t rows, int64_t col,
                       int64_t cols, int64_t width) {
  const cpu_unfolded *unfolded = closure;
  NAME(segment) segments[TILE_COLS];
  const int count = NAME(cut_segments)(unfolded, col, cols, segments);
  if (unfolded->step == 1) {
    NAME(pack_dense)(unfolded, to, row, rows, segments, count);
  } else {
    NAME(pack_strided)(unfolded, to, row, rows, segments, count);
  }
  if (cols == width) return;
  for (int64_t p = 0; p < rows; p++) {
    for (int64_t j = cols; j < width; j++) ((REAL *)to)[p * width + j] = 0;
  }
}

// ---- the adjoint: columns back into the image --------------------------------------------------

static void NAME(fold)(const cpu_unfolded *unfolded, void *image, const void *columns,
                       int64_t first, int64_t taps) {
  const REAL *from = columns;
  const int64_t length = unfolded->run_length, step = unfolded->step;
  for (int64_t p = first; p < first + taps; p++) {
    REAL *to = (REAL *)image + unfolded->tap_offsets[p];
    for (int64_t r = 0; r < unfolded->runs; r++, from += length) {
      REAL *run = to + unfolded->run_offsets[r];
      if (step == 1) {
        for (int64_t j = 0; j < length; j++) run[j] += from[j];
      } else {
        for (int64_t j = 0; j < length; j++) run[j * step] += from[j];
      }
    }
  }
}

// ---- the gradient of the weight ----------------------------------------------------------------

// |rows| taps by |vectors| vectors of columns; both are constants once inlined.
static inline __attribute__((always_inline)) void NAME(accumulate_tile)(
    const int rows, const int vectors, const cpu_unfolded *unfolded, const int64_t *taps,
    const REAL *right, REAL *sums) {
  VEC sum[TILE_ROWS][2];
  const REAL *tap[TILE_ROWS];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    sum[i][0] = *(const VEC *)(sums + i * TILE_COLS);
    if (vectors == 2) sum[i][1] = *(const VEC *)(sums + i * TILE_COLS + LANES);
    tap[i] = (const REAL *)unfolded->image + taps[i];
  }
  const int64_t step = unfolded->step;
  for (int64_t r = 0; r < unfolded->runs; r++) {
    int64_t place = unfolded->run_offsets[r];
    const int64_t end = place + unfolded->run_length * step;
    for (; place < end; place += step, right += TILE_COLS) {
      const VEC r0 = *(const VEC *)right, r1 = *(const VEC *)(right + (vectors - 1) * LANES);
#pragma GCC unroll 16
      for (int i = 0; i < rows; i++) {
        sum[i][0] += tap[i][place] * r0;
        if (vectors == 2) sum[i][1] += tap[i][place] * r1;
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    *(VEC *)(sums + i * TILE_COLS) = sum[i][0];
    if (vectors == 2) *(VEC *)(sums + i * TILE_COLS + LANES) = sum[i][1];
  }
}

static void NAME(accumulate)(const cpu_unfolded *unfolded, const void *right, int64_t cols,
                             void *sums) {
  for (int64_t p = 0; p < unfolded->depth; p += TILE_ROWS) {
    const int64_t rows = unfolded->depth - p < TILE_ROWS ? unfolded->depth - p : TILE_ROWS;
    const int64_t *taps = unfolded->tap_offsets + p;
    REAL *to = (REAL *)sums + p * TILE_COLS;
    switch (rows * 2 + (cols > LANES)) {
#define TILE_HEIGHT(height)                                      \
  case height * 2:                                               \
    NAME(accumulate_tile)(height, 1, unfolded, taps, right, to); \
    break;                                                       \
  case height * 2 + 1:                                           \
    NAME(accumulate_tile)(height, 2, unfolded, taps, right, to); \
    break;
      TILE_HEIGHTS(TILE_HEIGHT)
#undef TILE_HEIGHT
    }
  }
}

// ---- bias --------------------------------------------------------------------------------------

static void NAME(fill)(void *y, int64_t count, const void *value) {
  const REAL filling = *(const REAL *)value;
  for (int64_t j = 0; j < count; j++) ((REAL *)y)[j] = filling;
}

static void NAME(shift)(void *y, int64_t count, const void *value) {
  const REAL added = *(const REAL *)value;
  for (int64_t j = 0; j < count; j++) ((REAL *)y)[j] += added;
}

static void NAME(sum)(void *y, const void *x, int64_t rows, int64_t count, int64_t step) {
  VEC sum[4] = {{0}, {0}, {0}, {0}};
  REAL rest = 0;
  for (int64_t r = 0; r < rows; r++) {
    const REAL *from = (const REAL *)x + r * step;
    int64_t j = 0;
    for (; j + 4 * LANES <= count; j += 4 * LANES) {
      for (int v = 0; v < 4; v++) sum[v] += *(const VEC *)(from + j + v * LANES);
    }
    for (; j + LANES <= count; j += LANES) sum[0] += *(const VEC *)(from + j);
    for (; j < count; j++) rest += from[j];
  }
  const VEC all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (int lane = 0; lane < LANES; lane++) rest += all[lane];
  *(REAL *)y = rest;
}

static void NAME(add)(void *y, const void *x, int64_t count) {
  for (int64_t j = 0; j < count; j++) ((REAL *)y)[j] += ((const REAL *)x)[j];
}

const cpu_unfold_kernels NAME(cpu_unfold) = {
    .pack = NAME(pack),
    .fold = NAME(fold),
    .accumulate = NAME(accumulate),
    .fill = NAME(fill),
    .shift = NAME(shift),
    .sum = NAME(sum),
    .add = NAME(add),
};

#undef VEC
#undef TILE_COLS
