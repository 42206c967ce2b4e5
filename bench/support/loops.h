// SPDX-License-Identifier: Apache-2.0
//
// loops: the hand-written OpenMP loops of bench/openmp, opened while the program runs.

#ifndef TENON_BENCH_LOOPS_H_
#define TENON_BENCH_LOOPS_H_

#include <stdint.h>

typedef void (*bench_loop)(int threads, int64_t count, const float *a, const float *b, float *out);

// "bench_add_loop"; NULL where there is none of that name, or where the build has no OpenMP. The
// library stays open.
bench_loop loop_named(const char *name);

#endif  // TENON_BENCH_LOOPS_H_
