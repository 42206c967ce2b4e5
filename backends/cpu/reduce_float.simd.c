// SPDX-License-Identifier: Apache-2.0
//
// reduce_float: the folds of the four float dtypes, compiled once for each instruction set
// (TN_ISA).

#include <math.h>

#include "pointwise.h"
#include "reduce.h"

enum { PIECE = 1024 };  // elements that a plain sum may run over

// Adds |value|, keeping what is lost (Knuth's two-sum).
static inline void add_to(cpu_sum *total, double value, double lost) {
  const double sum = total->sum + value;
  const double back = sum - total->sum;
  total->lost += ((total->sum - (sum - back)) + (value - back)) + lost;
  total->sum = sum;
}

// What was lost from an infinite sum is not a number.
static inline double sum_value(cpu_sum total) {
  return isfinite(total.sum) ? total.sum + total.lost : total.sum;
}

static void merge_sums(void *accumulators, const void *later, int64_t kept) {
  cpu_sum *a = accumulators;
  const cpu_sum *b = later;
  for (int64_t k = 0; k < kept; k++) add_to(&a[k], b[k].sum, b[k].lost);
}

static void merge_moments(void *accumulators, const void *later, int64_t kept) {
  cpu_moments *a = accumulators;
  const cpu_moments *b = later;
  for (int64_t k = 0; k < kept; k++) {
    const double count = a[k].count + b[k].count;
    const double apart = b[k].mean - a[k].mean;
    const double share = b[k].count / count;
    a[k].mean += apart * share;
    a[k].squares += b[k].squares + apart * apart * a[k].count * share;
    a[k].count = count;
  }
}

#define CS f32
#define C float

#define S f32
#define T float
#define LOAD(value) (value)
#include "reduce_float.inc.h"

#define S f16
#define T uint16_t
#define LOAD(bits) tn_f16_to_f32(bits)
#include "reduce_float.inc.h"

#define S bf16
#define T uint16_t
#define LOAD(bits) tn_bf16_to_f32(bits)
#include "reduce_float.inc.h"

#undef CS
#undef C
#define CS f64
#define C double

#define S f64
#define T double
#define LOAD(value) (value)
#include "reduce_float.inc.h"

const cpu_fold *CPU_PASTE(cpu_float_folds, TN_ISA)(tn_dtype dtype) {
  switch (dtype) {
    case TN_F16:
      return folds_f16;
    case TN_BF16:
      return folds_bf16;
    case TN_F32:
      return folds_f32;
    default:
      return folds_f64;
  }
}
