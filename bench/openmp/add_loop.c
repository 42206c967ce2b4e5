// SPDX-License-Identifier: Apache-2.0
//
// add_loop: out[i] = a[i] + b[i] as one would write it by hand with OpenMP, for bench_core to
// compare with. It runs on the same thread runtime and over the same memory as the operator, so
// what is left of a difference is the operator's own.

#include <stdint.h>

__attribute__((visibility("default"))) void bench_add_loop(int threads, int64_t count,
                                                           const float *a, const float *b,
                                                           float *out) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t i = 0; i < count; i++) out[i] = a[i] + b[i];
}
