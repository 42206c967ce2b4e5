// SPDX-License-Identifier: Apache-2.0
//
// gemm: our own blocked matrix product, C = alpha * A * B + beta * C, for f32 and f64.
//
// A and B are cut into blocks that fit the caches and packed into panels which a register tile of
// tile_rows x tile_cols reads in order, so any strides cost the same. One call computes one
// rectangle of C on the calling thread; callers split C into rectangles and run them in parallel.
// Invariant: an element's summation order depends on k alone, never on the rectangle that it was
// computed in, so every split and every thread count gives the same bits.

#ifndef TENON_CPU_GEMM_H_
#define TENON_CPU_GEMM_H_

#include <tenon/types.h>

// Writes the packed panel of B that holds rows [row, row + rows) and columns
// [col, col + cols): to[p * width + j] = B[row + p, col + j], zero for cols <= j < width.
typedef void (*cpu_pack_b)(const void *closure, void *to, int64_t row, int64_t rows, int64_t col,
                           int64_t cols, int64_t width);

// One product. Strides are in elements and may be anything; rows of C are contiguous.
// With beta 0, C is never read.
typedef struct cpu_gemm {
  int64_t m, n, k;
  const void *a;
  int64_t a_row, a_col;
  const void *packed_a;  // instead of |a|: what pack_a wrote
  const void *b;
  int64_t b_row, b_col;
  cpu_pack_b pack_b;  // instead of |b|: makes panels on demand
  const void *pack_closure;
  void *c;
  int64_t c_row;
  double alpha, beta;
} cpu_gemm;

// A rectangle of C.
typedef struct cpu_gemm_range {
  int64_t row_begin, row_end, col_begin, col_end;
} cpu_gemm_range;

// What one instruction set offers for one dtype.
typedef struct cpu_gemm_kernels {
  int64_t tile_rows, tile_cols;
  // Bytes of 64-byte aligned memory that `multiply` works in, for products of this size.
  uint64_t (*workspace_bytes)(int64_t m, int64_t n, int64_t k);
  // Computes |range| of the product.
  void (*multiply)(const cpu_gemm *gemm, cpu_gemm_range range, void *workspace);
  // Packs all of A once, for many products with the same A.
  uint64_t (*packed_a_bytes)(int64_t m, int64_t k);
  void (*pack_a)(const cpu_gemm *gemm, void *to);
  // to[j, i] = from[i, j] for a rows x cols matrix |from|; leads are the strides of rows.
  void (*transpose)(const void *from, int64_t from_lead, void *to, int64_t to_lead, int64_t rows,
                    int64_t cols);
  // y = alpha * A * x + beta * y for rows [begin, end) of A.
  void (*multiply_vector)(const cpu_gemm *gemm, int64_t begin, int64_t end);
} cpu_gemm_kernels;

// The best kernels for this processor. |dtype| is TN_F32 or TN_F64.
const cpu_gemm_kernels *cpu_gemm_kernels_for(tn_dtype dtype);

#endif  // TENON_CPU_GEMM_H_
