// SPDX-License-Identifier: Apache-2.0
//
// gemm.inc: the matrix product of gemm.h for one element type, included by gemm.simd.c with
//   REAL         float or double
//   LANES        elements in a vector register
//   TILE_ROWS    rows of the register tile
//   NAME(x)      x with a suffix for type and instruction set
// The register tile is TILE_ROWS x 2 vectors; GCC's vector extension keeps it in registers once the
// loops over it are unrolled. A is packed in panels of TILE_ROWS rows, B in panels of two vectors.

typedef REAL NAME(vec) __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL))));
#define VEC NAME(vec)
#define TILE_COLS (2 * LANES)
// Depth, rows and columns of the packed blocks: a panel of B stays in the first cache, a block of A
// in the second.
#define BLOCK_K 256
#define BLOCK_M (TILE_ROWS * 6)
#define BLOCK_N 512

// Where a tile's sums go: c[i, j] = alpha * sum + beta * c[i, j].
typedef struct NAME(target) {
  REAL *c;
  int64_t row;
  REAL alpha, beta;
} NAME(target);

static inline int64_t NAME(smaller)(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t NAME(round_up)(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

// ---- the register tile -------------------------------------------------------------------------

// a: [depth][TILE_ROWS], b: [depth] rows b_step apart; |rows| and |vectors| are constants once
// inlined.
// The target is read from memory after the loop, which has no register to spare for its factors.
static inline __attribute__((always_inline)) void NAME(tile)(const int rows, const int vectors,
                                                             int64_t depth, const REAL *a,
                                                             const REAL *b, int64_t b_step,
                                                             const NAME(target) * to) {
  VEC sum[TILE_ROWS][2];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (VEC){0};
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    __builtin_prefetch(to->c + i * to->row, 1);
    __builtin_prefetch(to->c + i * to->row + vectors * LANES - 1, 1);
  }
  for (int64_t p = 0; p < depth; p++) {
    const VEC b0 = *(const VEC *)b, b1 = *(const VEC *)(b + (vectors - 1) * LANES);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      sum[i][0] += a[i] * b0;
      if (vectors == 2) sum[i][1] += a[i] * b1;
    }
    a += TILE_ROWS;
    b += b_step;
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) {
      VEC *c = (VEC *)(to->c + i * to->row + j * LANES);
      const VEC value = to->alpha * sum[i][j];
      *c = to->beta == 0 ? value : value + to->beta * *c;
    }
  }
}

// Every tile height is a case of its own, so that each has its own registers.
static void NAME(tile_of)(int64_t rows, bool two_vectors, int64_t depth, const REAL *a,
                          const REAL *b, int64_t b_step, const NAME(target) * to) {
  switch (rows * 2 + two_vectors) {
#define TILE_HEIGHT(height)                         \
  case height * 2:                                  \
    NAME(tile)(height, 1, depth, a, b, b_step, to); \
    break;                                          \
  case height * 2 + 1:                              \
    NAME(tile)(height, 2, depth, a, b, b_step, to); \
    break;
    TILE_HEIGHTS(TILE_HEIGHT)
#undef TILE_HEIGHT
  }
}

// A tile whose columns do not fill its vectors goes through |edge|, a full tile beside C.
static void NAME(tile_edge)(int64_t rows, int64_t cols, int64_t depth, const REAL *a, const REAL *b,
                            NAME(target) to, REAL *edge) {
  const NAME(target) beside = {edge, TILE_COLS, to.alpha, 0};
  NAME(tile_of)(rows, cols > LANES, depth, a, b, TILE_COLS, &beside);
  for (int64_t i = 0; i < rows; i++) {
    REAL *c = to.c + i * to.row;
    const REAL *from = edge + i * TILE_COLS;
    if (to.beta == 0) {
      for (int64_t j = 0; j < cols; j++) c[j] = from[j];
    } else {
      for (int64_t j = 0; j < cols; j++) c[j] = from[j] + to.beta * c[j];
    }
  }
}

// ---- packing -----------------------------------------------------------------------------------

// to[j * to_lead + i] = from[i * from_lead + j]; four columns at a time, so that a row's cache line
// is used up before the next row's evicts it.
static void NAME(transpose)(const REAL *restrict from, int64_t from_lead, REAL *restrict to,
                            int64_t to_lead, int64_t rows, int64_t cols) {
  typedef REAL four __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL))));
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const REAL *row = from + i * from_lead;
    int64_t j = 0;
    for (; j + 4 <= cols; j += 4) {
      const four r0 = *(const four *)(row + j);
      const four r1 = *(const four *)(row + from_lead + j);
      const four r2 = *(const four *)(row + 2 * from_lead + j);
      const four r3 = *(const four *)(row + 3 * from_lead + j);
      const four low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
      const four low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
      const four high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
      const four high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
      REAL *out = to + j * to_lead + i;
      *(four *)out = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
      *(four *)(out + to_lead) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
      *(four *)(out + 2 * to_lead) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
      *(four *)(out + 3 * to_lead) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    }
    for (; j < cols; j++) {
      for (int64_t r = 0; r < 4; r++) to[j * to_lead + i + r] = row[r * from_lead + j];
    }
  }
  for (; i < rows; i++) {
    for (int64_t j = 0; j < cols; j++) to[j * to_lead + i] = from[i * from_lead + j];
  }
}

static void NAME(transpose_any)(const void *from, int64_t from_lead, void *to, int64_t to_lead,
                                int64_t rows, int64_t cols) {
  NAME(transpose)(from, from_lead, to, to_lead, rows, cols);
}

// A panel: to[p * width + i] = from[i * major + p * minor] for i < count and p < depth. What lies
// between |count| and |width| is zero, so that whole vectors may read it.
static void NAME(pack_panel)(const REAL *restrict from, int64_t major, int64_t minor,
                             REAL *restrict to, int64_t width, int64_t count, int64_t depth) {
  if (minor == 1) {
    NAME(transpose)(from, major, to, width, count, depth);
  } else if (major == 1 && count == TILE_COLS && width == TILE_COLS) {
    for (int64_t p = 0; p < depth; p++) {
      *(VEC *)(to + p * TILE_COLS) = *(const VEC *)(from + p * minor);
      *(VEC *)(to + p * TILE_COLS + LANES) = *(const VEC *)(from + p * minor + LANES);
    }
  } else if (major == 1 && count == TILE_ROWS && width == TILE_ROWS) {
    for (int64_t p = 0; p < depth; p++) {
      for (int64_t i = 0; i < TILE_ROWS; i++) to[p * TILE_ROWS + i] = from[p * minor + i];
    }
  } else {
    for (int64_t p = 0; p < depth; p++) {
      for (int64_t i = 0; i < count; i++) to[p * width + i] = from[i * major + p * minor];
    }
  }
  if (count == width) return;
  for (int64_t p = 0; p < depth; p++) {
    for (int64_t i = count; i < width; i++) to[p * width + i] = 0;
  }
}

// Rows [begin, begin + rows) and columns [first, first + depth) of A in panels of TILE_ROWS.
static void NAME(pack_rows)(const cpu_gemm *gemm, int64_t begin, int64_t rows, int64_t first,
                            int64_t depth, REAL *to) {
  const REAL *a = (const REAL *)gemm->a + begin * gemm->a_row + first * gemm->a_col;
  for (int64_t i = 0; i < rows; i += TILE_ROWS) {
    NAME(pack_panel)
    (a + i * gemm->a_row, gemm->a_row, gemm->a_col, to + i * depth, TILE_ROWS,
     NAME(smaller)(TILE_ROWS, rows - i), depth);
  }
}

// A panel of B: packed, or where its columns fill vectors in memory already, B itself.
typedef struct NAME(panel) {
  const REAL *data;
  int64_t step;
} NAME(panel);

static NAME(panel) NAME(panel_of_b)(const cpu_gemm *gemm, bool in_place, int64_t first,
                                    int64_t depth, int64_t col, int64_t cols, REAL *to) {
  const NAME(panel) packed = {to, TILE_COLS};
  if (gemm->pack_b) {
    gemm->pack_b(gemm->pack_closure, to, first, depth, col, cols, TILE_COLS);
    return packed;
  }
  const REAL *b = (const REAL *)gemm->b + first * gemm->b_row + col * gemm->b_col;
  if (in_place && cols % LANES == 0) return (NAME(panel)){b, gemm->b_row};
  NAME(pack_panel)(b, gemm->b_col, gemm->b_row, to, TILE_COLS, cols, depth);
  return packed;
}

// Packing B pays where its panels are read often, or lie in memory with large strides.
static bool NAME(b_in_place)(const cpu_gemm *gemm, int64_t rows) {
  const int64_t first_cache = 24576 / (int64_t)sizeof(REAL);
  return !gemm->pack_b && gemm->b_col == 1 &&
         (rows <= 2 * TILE_ROWS || (gemm->b_row < 128 && gemm->k * gemm->n <= first_cache));
}

// All of A: for each depth block, the panels of every row.
static uint64_t NAME(packed_a_bytes)(int64_t m, int64_t k) {
  return (uint64_t)(NAME(round_up)(m, TILE_ROWS) * k) * sizeof(REAL);
}

static void NAME(pack_a)(const cpu_gemm *gemm, void *to) {
  const int64_t padded_rows = NAME(round_up)(gemm->m, TILE_ROWS);
  for (int64_t p = 0; p < gemm->k; p += BLOCK_K) {
    const int64_t depth = NAME(smaller)(BLOCK_K, gemm->k - p);
    NAME(pack_rows)(gemm, 0, gemm->m, p, depth, (REAL *)to + padded_rows * p);
  }
}

// ---- blocks ------------------------------------------------------------------------------------

// A packed block of A (|rows|) times one panel of B (|cols|).
static void NAME(multiply_panel)(const REAL *a, int64_t rows, NAME(panel) b, int64_t cols,
                                 int64_t depth, NAME(target) to, REAL *edge) {
  for (int64_t i = 0; i < rows; i += TILE_ROWS) {
    const int64_t height = NAME(smaller)(TILE_ROWS, rows - i);
    const NAME(target) here = {to.c + i * to.row, to.row, to.alpha, to.beta};
    if (cols % LANES == 0) {
      NAME(tile_of)(height, cols > LANES, depth, a + i * depth, b.data, b.step, &here);
    } else {
      NAME(tile_edge)(height, cols, depth, a + i * depth, b.data, here, edge);
    }
  }
}

// The workspace: a tile for edges, then the packed block of A, then that of B.
static uint64_t NAME(workspace_bytes)(int64_t m, int64_t n, int64_t k) {
  const int64_t depth = NAME(smaller)(k, BLOCK_K);
  const int64_t rows = NAME(smaller)(NAME(round_up)(m, TILE_ROWS), BLOCK_M);
  const int64_t cols = NAME(smaller)(NAME(round_up)(n, TILE_COLS), BLOCK_N);
  const int64_t block_a = NAME(round_up)(rows * depth, 64 / (int64_t)sizeof(REAL));
  return (uint64_t)(TILE_ROWS * TILE_COLS + block_a + cols * depth + TILE_COLS) * sizeof(REAL);
}

static void NAME(scale_range)(const cpu_gemm *gemm, cpu_gemm_range range) {
  for (int64_t i = range.row_begin; i < range.row_end; i++) {
    REAL *c = (REAL *)gemm->c + i * gemm->c_row;
    for (int64_t j = range.col_begin; j < range.col_end; j++) {
      c[j] = gemm->beta == 0 ? 0 : (REAL)gemm->beta * c[j];
    }
  }
}

// Columns [j, j + cols) and depth [p, p + depth) of the product, for all rows of |range|. The
// panels of B are made during the first block of rows.
static void NAME(multiply_slab)(const cpu_gemm *gemm, cpu_gemm_range range, int64_t j, int64_t cols,
                                int64_t p, int64_t depth, REAL *workspace) {
  const int64_t padded_rows = NAME(round_up)(gemm->m, TILE_ROWS);
  const int64_t height = range.row_end - range.row_begin;
  const int64_t block_rows = NAME(smaller)(NAME(round_up)(height, TILE_ROWS), BLOCK_M);
  const bool in_place = NAME(b_in_place)(gemm, height);
  REAL *edge = workspace, *block_a = edge + TILE_ROWS * TILE_COLS;
  REAL *block_b = block_a + NAME(round_up)(block_rows * depth, 64 / (int64_t)sizeof(REAL));
  NAME(panel) panels[BLOCK_N / TILE_COLS];
  NAME(target) to = {NULL, gemm->c_row, (REAL)gemm->alpha, p == 0 ? (REAL)gemm->beta : 1};
  for (int64_t i = range.row_begin; i < range.row_end; i += BLOCK_M) {
    const int64_t rows = NAME(smaller)(BLOCK_M, range.row_end - i);
    const REAL *a = block_a;
    if (gemm->packed_a) {
      a = (const REAL *)gemm->packed_a + padded_rows * p + i * depth;
    } else {
      NAME(pack_rows)(gemm, i, rows, p, depth, block_a);
    }
    for (int64_t q = 0; q < cols; q += TILE_COLS) {
      const int64_t width = NAME(smaller)(TILE_COLS, cols - q);
      NAME(panel) *panel = &panels[q / TILE_COLS];
      if (i == range.row_begin) {
        *panel = NAME(panel_of_b)(gemm, in_place, p, depth, j + q, width, block_b + q * depth);
      }
      to.c = (REAL *)gemm->c + i * gemm->c_row + j + q;
      NAME(multiply_panel)(a, rows, *panel, width, depth, to, edge);
    }
  }
}

// With packed_a, range.row_begin must be a multiple of TILE_ROWS.
static void NAME(multiply)(const cpu_gemm *gemm, cpu_gemm_range range, void *workspace) {
  if (gemm->k == 0 || gemm->alpha == 0) NAME(scale_range)(gemm, range);
  if (gemm->alpha == 0) return;
  for (int64_t j = range.col_begin; j < range.col_end; j += BLOCK_N) {
    const int64_t cols = NAME(smaller)(BLOCK_N, range.col_end - j);
    for (int64_t p = 0; p < gemm->k; p += BLOCK_K) {
      const int64_t depth = NAME(smaller)(BLOCK_K, gemm->k - p);
      NAME(multiply_slab)(gemm, range, j, cols, p, depth, workspace);
    }
  }
}

// ---- matrix times vector -----------------------------------------------------------------------

static REAL NAME(dot)(const REAL *a, const REAL *x, int64_t count) {
  VEC sum[4] = {{0}, {0}, {0}, {0}};
  int64_t p = 0;
  for (; p + 4 * LANES <= count; p += 4 * LANES) {
    for (int v = 0; v < 4; v++) {
      sum[v] += *(const VEC *)(a + p + v * LANES) * *(const VEC *)(x + p + v * LANES);
    }
  }
  for (; p + LANES <= count; p += LANES) sum[0] += *(const VEC *)(a + p) * *(const VEC *)(x + p);
  const VEC all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  REAL total = 0;
  for (int lane = 0; lane < LANES; lane++) total += all[lane];
  for (; p < count; p++) total += a[p] * x[p];
  return total;
}

// A's columns are contiguous: y[i] += A[i, p] * x[p], a strip of rows at a time.
static void NAME(multiply_vector_columns)(const cpu_gemm *gemm, int64_t begin, int64_t end) {
  enum { STRIP = 256 };
  REAL sums[STRIP];
  const REAL *x = gemm->b;
  REAL *y = gemm->c;
  for (int64_t i = begin; i < end; i += STRIP) {
    const int64_t rows = NAME(smaller)(STRIP, end - i);
    for (int64_t r = 0; r < rows; r++) sums[r] = 0;
    for (int64_t p = 0; p < gemm->k; p++) {
      const REAL *a = (const REAL *)gemm->a + i + p * gemm->a_col, factor = x[p * gemm->b_row];
      for (int64_t r = 0; r < rows; r++) sums[r] += a[r] * factor;
    }
    for (int64_t r = 0; r < rows; r++) {
      REAL *to = y + (i + r) * gemm->c_row;
      const REAL value = (REAL)gemm->alpha * sums[r];
      *to = gemm->beta == 0 ? value : value + (REAL)gemm->beta * *to;
    }
  }
}

static void NAME(multiply_vector)(const cpu_gemm *gemm, int64_t begin, int64_t end) {
  if (gemm->a_col != 1 || gemm->b_row != 1) {
    NAME(multiply_vector_columns)(gemm, begin, end);
    return;
  }
  for (int64_t i = begin; i < end; i++) {
    const REAL *a = (const REAL *)gemm->a + i * gemm->a_row;
    REAL *to = (REAL *)gemm->c + i * gemm->c_row;
    const REAL value = (REAL)gemm->alpha * NAME(dot)(a, gemm->b, gemm->k);
    *to = gemm->beta == 0 ? value : value + (REAL)gemm->beta * *to;
  }
}

const cpu_gemm_kernels NAME(cpu_gemm) = {
    .tile_rows = TILE_ROWS,
    .tile_cols = TILE_COLS,
    .workspace_bytes = NAME(workspace_bytes),
    .multiply = NAME(multiply),
    .packed_a_bytes = NAME(packed_a_bytes),
    .pack_a = NAME(pack_a),
    .transpose = NAME(transpose_any),
    .multiply_vector = NAME(multiply_vector),
};

#undef VEC
#undef TILE_COLS
#undef BLOCK_K
#undef BLOCK_M
#undef BLOCK_N
