// SPDX-License-Identifier: Apache-2.0
//
// openblas: OpenBLAS, where the machine has it. It is opened at the first product that is large
// enough to want it, never at init, since opening it costs more than starting this backend does.
//
// Every call computes one block on one thread; the blocks are split by our own parallel loop, which
// serves both the pthread and the OpenMP build and leaves one pool of threads in the process.

#ifndef TENON_CPU_OPENBLAS_H_
#define TENON_CPU_OPENBLAS_H_

#include <stdbool.h>
#include <stdint.h>

// A block C = alpha * A * B + beta * C. A and B have one stride of 1, C has contiguous rows.
typedef struct cpu_blas_block {
  int64_t m, n, k;
  const void *a;
  int64_t a_row, a_col;
  const void *b;
  int64_t b_row, b_col;
  void *c;
  int64_t c_row;
  double alpha, beta;
} cpu_blas_block;

// Whether the library is there; opens it at the first call.
// threads: any
bool cpu_openblas_available(void);

// A function of the library by its name, such as "dgetrf_", for |function| to call; NULL where it
// has none, or where its integers are not 32 bits wide. Opens the library at the first call.
// |function| points at a function pointer. threads: any
void cpu_openblas_symbol(const char *name, void *function);

// Whether a call from this very thread would stay on it. The OpenMP build does only inside of a
// parallel region.
bool cpu_openblas_stays_on_thread(void);

// Around calls that shall stay on this thread wherever it is: the first gives what the second is to
// be given. For the OpenMP build, which otherwise takes a team outside of a parallel region; the
// setting is this thread's own.
int cpu_openblas_one_thread_begin(void);
void cpu_openblas_one_thread_end(int before);

// Computes |block| in f32 (or f64). Only after cpu_openblas_available() said yes, and for blocks
// whose sizes and strides fit an int.
void cpu_openblas_multiply(bool f64, const cpu_blas_block *block);

// Whether a matrix of rows x cols with these strides can be passed to BLAS as it is.
bool cpu_blas_takes(int64_t rows, int64_t cols, int64_t row, int64_t col);

#endif  // TENON_CPU_OPENBLAS_H_
