// SPDX-License-Identifier: Apache-2.0
//
// reduce_float: the folds of one float dtype. Included by reduce_float.simd.c with S, T, C, CS and
// LOAD. Sums run in double over short pieces, in lanes, and the pieces are added with what the
// addition loses kept beside them, so that a sum is as good as rounding its true value, or nearly.
// Variances: the mean of a stretch first, then squares around it; stretches are joined as in
// Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm", 1979.

#define IS_NAN(a) ((a) != (a))
#define LOWEST (-(C)INFINITY)
#define HIGHEST ((C)INFINITY)
#define VALUE_OF(e) ((e).value.CS)
#define PRODUCT double
#define LANES 32

#include "reduce_real.inc.h"

// ---- sums

static double FN(sum, piece)(const char *in, int64_t stride, int64_t n) {
  if (n < LANES) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)LOAD(*(const T *)(in + i * stride));
    return sum;
  }
  double lanes[LANES] = {0};
  int64_t i = 0;
  if (stride == (int64_t)sizeof(T)) {
    const T *x = (const T *)in;
    for (; i + LANES <= n; i += LANES) {
      for (int j = 0; j < LANES; j++) lanes[j] += (double)LOAD(x[i + j]);
    }
  }
  for (int j = 0; i < n; i++, j = (j + 1) % LANES) {
    lanes[j] += (double)LOAD(*(const T *)(in + i * stride));
  }
  for (int width = LANES / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; j++) lanes[j] += lanes[j + width];
  }
  return lanes[0];
}

static cpu_sum FN(sum, row)(const char *in, int64_t stride, int64_t n) {
  cpu_sum total = {0.0, 0.0};
  for (int64_t i = 0; i < n; i += PIECE) {
    const int64_t rest = n - i;
    const int64_t count = rest < PIECE ? rest : PIECE;
    add_to(&total, FN(sum, piece)(in + i * stride, stride, count), 0.0);
  }
  return total;
}

// Kept elements side by side: sums[k] over all reduced elements, at most a few hundred. Sums are
// loaded and stored for every fourth row only.
static void FN(sum, columns)(double *sums, const cpu_stretch *s) {
  for (int64_t k = 0; k < s->kept; k++) sums[k] = 0.0;
  int64_t i = 0;
  for (; i + 4 <= s->reduced; i += 4) {
    const T *x0 = (const T *)(s->in + i * s->reduced_stride);
    const T *x1 = (const T *)((const char *)x0 + s->reduced_stride);
    const T *x2 = (const T *)((const char *)x1 + s->reduced_stride);
    const T *x3 = (const T *)((const char *)x2 + s->reduced_stride);
    CPU_INDEPENDENT
    for (int64_t k = 0; k < s->kept; k++) {
      sums[k] +=
          ((double)LOAD(x0[k]) + (double)LOAD(x1[k])) + ((double)LOAD(x2[k]) + (double)LOAD(x3[k]));
    }
  }
  for (; i < s->reduced; i++) {
    const T *x = (const T *)(s->in + i * s->reduced_stride);
    CPU_INDEPENDENT
    for (int64_t k = 0; k < s->kept; k++) sums[k] += (double)LOAD(x[k]);
  }
}

// Rows too short for lanes.
static void FN(sum, short_rows)(cpu_sum *a, const cpu_stretch *s) {
  for (int64_t k = 0; k < s->kept; k++) {
    const char *in = s->in + k * s->kept_stride;
    double sum = 0.0;
    for (int64_t i = 0; i < s->reduced; i++, in += s->reduced_stride) {
      sum += (double)LOAD(*(const T *)in);
    }
    a[k] = (cpu_sum){sum, 0.0};
  }
}

static void FN(sum, fold)(void *accumulators, const cpu_stretch *s) {
  cpu_sum *a = accumulators;
  if (s->reduced < LANES && s->kept_stride != (int64_t)sizeof(T)) {
    FN(sum, short_rows)(a, s);
    return;
  }
  if (s->kept == 1 || s->kept_stride != (int64_t)sizeof(T)) {
    for (int64_t k = 0; k < s->kept; k++) {
      a[k] = FN(sum, row)(s->in + k * s->kept_stride, s->reduced_stride, s->reduced);
    }
    return;
  }
  double sums[CPU_FOLD_BLOCK];
  FN(sum, columns)(sums, s);
  for (int64_t k = 0; k < s->kept; k++) a[k] = (cpu_sum){sums[k], 0.0};
}

// ---- variances

static cpu_moments FN(var, row)(const char *in, int64_t stride, int64_t n) {
  const cpu_sum total = FN(sum, row)(in, stride, n);
  const double count = (double)n;
  const double mean = sum_value(total) / count;
  double squares[LANES] = {0};
  int64_t i = 0;
  if (stride == (int64_t)sizeof(T)) {
    const T *x = (const T *)in;
    for (; i + LANES <= n; i += LANES) {
      for (int j = 0; j < LANES; j++) {
        const double d = (double)LOAD(x[i + j]) - mean;
        squares[j] += d * d;
      }
    }
  }
  for (; i < n; i++) {
    const double d = (double)LOAD(*(const T *)(in + i * stride)) - mean;
    squares[i % LANES] += d * d;
  }
  for (int width = LANES / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; j++) squares[j] += squares[j + width];
  }
  return (cpu_moments){mean, squares[0], count};
}

static void FN(var, fold)(void *accumulators, const cpu_stretch *s) {
  cpu_moments *a = accumulators;
  if (s->kept == 1 || s->kept_stride != (int64_t)sizeof(T)) {
    for (int64_t k = 0; k < s->kept; k++) {
      a[k] = FN(var, row)(s->in + k * s->kept_stride, s->reduced_stride, s->reduced);
    }
    return;
  }
  double means[CPU_FOLD_BLOCK], squares[CPU_FOLD_BLOCK];
  const double count = (double)s->reduced;
  FN(sum, columns)(means, s);
  for (int64_t k = 0; k < s->kept; k++) {
    means[k] /= count;
    squares[k] = 0.0;
  }
  for (int64_t i = 0; i < s->reduced; i++) {
    const T *x = (const T *)(s->in + i * s->reduced_stride);
    CPU_INDEPENDENT
    for (int64_t k = 0; k < s->kept; k++) {
      const double d = (double)LOAD(x[k]) - means[k];
      squares[k] += d * d;
    }
  }
  for (int64_t k = 0; k < s->kept; k++) a[k] = (cpu_moments){means[k], squares[k], count};
}

static const cpu_fold CPU_PASTE(folds, S)[CPU_FOLD_COUNT] = {
    CPU_FOLD_ENTRY_MERGED_BY(sum, cpu_sum, merge_sums)
        CPU_FOLD_ENTRY_MERGED_BY(var, cpu_moments, merge_moments) CPU_FOLD_ENTRY(prod, double)
            CPU_FOLD_ENTRY(amax, C) CPU_FOLD_ENTRY(amin, C) CPU_FOLD_ENTRY(argmax, cpu_extremum)
                CPU_FOLD_ENTRY(argmin, cpu_extremum) CPU_FOLD_ENTRY(any, uint8_t)
                    CPU_FOLD_ENTRY(all, uint8_t)};

#undef FN
#undef SAME
#undef LARGER
#undef SMALLER
#undef S
#undef T
#undef LOAD
#undef IS_NAN
#undef LOWEST
#undef HIGHEST
#undef VALUE_OF
#undef PRODUCT
#undef LANES
