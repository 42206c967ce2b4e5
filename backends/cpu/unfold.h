// SPDX-License-Identifier: Apache-2.0
//
// unfold: the inner loops of convolution, for each instruction set: panels of the unfolded image
// (a matrix of taps x positions that is never stored whole), its adjoint, and the products that
// give the gradient of the weight.

#ifndef TENON_CPU_UNFOLD_H_
#define TENON_CPU_UNFOLD_H_

#include <stdint.h>
#include <tenon/types.h>

// A bordered image (see window.h) as the matrix U[tap, position]: what cpu_gemm's pack_b reads.
// Reads run up to two vectors past the last element: |image| has that much memory behind it.
typedef struct cpu_unfolded {
  const void *image;
  const int64_t *tap_offsets;  // [depth]
  const int64_t *run_offsets;  // [runs]
  int64_t depth, runs, run_length, step;
} cpu_unfolded;

// Elements of memory that must follow a bordered image.
enum { CPU_UNFOLD_SLACK = 64 };

typedef struct cpu_unfold_kernels {
  // A panel of U, as cpu_pack_b has it; |closure| is a cpu_unfolded. Writes up to |width| elements
  // past the panel, which whoever packs panels in order overwrites.
  void (*pack)(const void *closure, void *to, int64_t row, int64_t rows, int64_t col, int64_t cols,
               int64_t width);
  // image[tap, position] += columns[tap, position] for taps [first, first + taps) of |unfolded|,
  // whose image is written here.
  void (*fold)(const cpu_unfolded *unfolded, void *image, const void *columns, int64_t first,
               int64_t taps);
  // sums[tap, j] += sum over positions p of U[tap, p] * right[p, j], for j < cols <= tile_cols;
  // rows of |right| and |sums| are tile_cols apart and zero-padded.
  void (*accumulate)(const cpu_unfolded *unfolded, const void *right, int64_t cols, void *sums);
  // y[j] = value, y[j] += value for j < count.
  void (*fill)(void *y, int64_t count, const void *value);
  void (*shift)(void *y, int64_t count, const void *value);
  // y[0] = sum of x over |rows| pieces of |count| elements, |step| apart.
  void (*sum)(void *y, const void *x, int64_t rows, int64_t count, int64_t step);
  // y[j] += x[j]
  void (*add)(void *y, const void *x, int64_t count);
} cpu_unfold_kernels;

// The best kernels for this processor. |dtype| is TN_F32 or TN_F64.
const cpu_unfold_kernels *cpu_unfold_kernels_for(tn_dtype dtype);

#endif  // TENON_CPU_UNFOLD_H_
