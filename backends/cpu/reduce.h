// SPDX-License-Identifier: Apache-2.0
//
// reduce: how a reduction becomes a kernel. A *fold* turns a stretch of elements, some kept by some
// reduced, into one accumulator for each that is kept; *merge* joins the accumulators of two
// stretches. The driver, cpu_reduce, cuts the input into stretches, spreads them over threads,
// merges and lets the operator store its result. Where the cuts are depends on shapes alone and
// merging goes in order, so results have the same bits at any thread count.

#ifndef TENON_CPU_REDUCE_H_
#define TENON_CPU_REDUCE_H_

#include "cpu.h"
#include "folds.def"

// The most accumulators that one call of a fold fills.
enum { CPU_FOLD_BLOCK = 1024, CPU_FOLD_MAX_BYTES = 24 };

enum {
#define X(name) CPU_FOLD_##name,
  CPU_FOLDS(X)
#undef X
      CPU_FOLD_COUNT
};

// A stretch: strides are in bytes. `first` is the position of its first element among the reduced
// ones in row-major order.
typedef struct cpu_stretch {
  const char *in;
  int64_t kept, kept_stride;
  int64_t reduced, reduced_stride;
  int64_t first;
} cpu_stretch;

typedef struct cpu_fold {
  int64_t size;  // of one accumulator, in bytes
  // Sets accumulators[0 .. kept). There is at least one reduced element.
  void (*fold)(void *accumulators, const cpu_stretch *stretch);
  // accumulators[k] becomes what one fold over both stretches would give; |later| follows it.
  void (*merge)(void *accumulators, const void *later, int64_t kept);
} cpu_fold;

// Accumulators. Sums of floats: |lost| is what adding to |sum| rounded away. Products of floats are
// doubles, sums and products of integers uint64_t that wrap, truths uint8_t, extrema what the
// dtype computes in (float for the halves).
typedef struct cpu_sum {
  double sum, lost;
} cpu_sum;

typedef struct cpu_moments {
  double mean, squares;  // squares: the sum of (x - mean)^2
  double count;
} cpu_moments;

// An extremum and the position where it stands first. The value comes first in its own type.
typedef struct cpu_extremum {
  cpu_value value;
  int64_t index;
} cpu_extremum;

// [CPU_FOLD_*] for each real dtype. Filled by cpu_reduce_start.
extern const cpu_fold *cpu_folds[TN_DTYPE_COUNT];

const cpu_fold *cpu_int_folds(tn_dtype dtype);
#define X(isa) const cpu_fold *cpu_float_folds_##isa(tn_dtype dtype);
CPU_ISA_TABLE(X)
#undef X

typedef struct cpu_reduction cpu_reduction;
struct cpu_reduction {
  const cpu_fold *fold;
  bool ordered;       // stretches must be folded in row-major order (positions matter)
  bool mean;          // sums: divide by count
  double correction;  // variances: the divisor is count minus this
  int64_t count;      // of elements reduced to one; set by the driver
  // Writes |kept| results; out[k] and strides (in bytes) for each output.
  void (*store)(const cpu_reduction *reduction, char *const *out, const int64_t *strides,
                const void *accumulators, int64_t kept);
  tn_dtype result;  // of output 0
};

enum { CPU_REDUCE_MAX_OUTPUTS = 2 };

// Reduces views[out_count] to views[0 .. out_count), which have its rank and stride 0 along reduced
// dimensions. errors: INVALID_ARGUMENT for no elements, OUT_OF_MEMORY
tn_status cpu_reduce(tn_kernel_ctx *ctx, const tn_view *views, uint32_t out_count,
                     cpu_reduction *reduction);

#endif  // TENON_CPU_REDUCE_H_
