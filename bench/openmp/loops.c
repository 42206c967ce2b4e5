// SPDX-License-Identifier: Apache-2.0
//
// loops: what one would write by hand with OpenMP, for the benchmarks to compare with. They run on
// the same thread runtime and over the same memory as the operators, so what is left of a
// difference is the operator's own.

#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

// out[i] = a[i] + b[i]
EXPORT void bench_add_loop(int threads, int64_t count, const float *a, const float *b, float *out);
// out[0] = the sum of a[i], in 32 running sums, so that reading is all it waits for
EXPORT void bench_sum_loop(int threads, int64_t count, const float *a, const float *b, float *out);

void bench_add_loop(int threads, int64_t count, const float *a, const float *b, float *out) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t i = 0; i < count; i++) out[i] = a[i] + b[i];
}

enum { LANES = 32, BLOCK = 16384 };

void bench_sum_loop(int threads, int64_t count, const float *a, const float *b, float *out) {
  (void)b;
  float total = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : total)
  for (int64_t block = 0; block < count / BLOCK; block++) {
    float sums[LANES] = {0};
    const float *from = a + block * BLOCK;
    for (int64_t i = 0; i < BLOCK; i += LANES) {
      for (int64_t lane = 0; lane < LANES; lane++) sums[lane] += from[i + lane];
    }
    for (int64_t lane = 0; lane < LANES; lane++) total += sums[lane];
  }
  out[0] = total;
}
