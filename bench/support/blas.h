// SPDX-License-Identifier: Apache-2.0
//
// blas: OpenBLAS as an application would call it, opened by name, with as many threads as it does
// best with. In the process there is one OpenBLAS, which the cpu backend uses too and keeps at one
// thread: so the number of threads is set before each batch, and set back after it.

#ifndef TENON_BENCH_BLAS_H_
#define TENON_BENCH_BLAS_H_

#include <stdbool.h>
#include <stdint.h>

// Opens it once. false where there is none.
bool blas_open(void);

// What the library says of itself; "" where there is none.
const char *blas_version(void);

// Lets it use |threads|, or gives it back to the backend with |threads| = 0. What was started
// before may still spin for a while afterwards.
void blas_threads(int threads);

// c = a b, all [n, n] and row-major.
void blas_multiply(int64_t n, const float *a, const float *b, float *c);

#endif  // TENON_BENCH_BLAS_H_
