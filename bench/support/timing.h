// SPDX-License-Identifier: Apache-2.0
//
// timing: how long something takes, on a machine that does other things too. A measurement is many
// short batches and their median: a batch shorter than a time slice is mostly either undisturbed or
// far off, and the median does not see the latter. Two things are compared in turn, and their ratio
// is the median over the pairs, so that what slows the machine down slows both.

#ifndef TENON_BENCH_TIMING_H_
#define TENON_BENCH_TIMING_H_

#include <stdbool.h>
#include <stdint.h>

// Does what is measured |times| times. |before|, which may be NULL, runs untimed before each batch.
typedef struct bench_work {
  void (*run)(void *state, int64_t times);
  void (*before)(void *state);
  void *state;
} bench_work;

// Batches of at least |batch_ns|: |repetitions| of them, fewer (never fewer than 5) once they have
// taken |budget_ns| together.
typedef struct timing_plan {
  double batch_ns, budget_ns;
  int repetitions;
} timing_plan;

enum { MAX_REPETITIONS = 400 };

// One time of |run|: the median, and half the distance between the quartiles as a share of it.
typedef struct bench_timing {
  double median_ns, spread;
  int repetitions;
} bench_timing;

typedef struct pair_timing {
  bench_timing first, second;
  double ratio;  // the median of second / first
} pair_timing;

int64_t now_ns(void);
void nap_ms(int64_t milliseconds);

bench_timing time_work(const bench_work *work, timing_plan plan);
pair_timing time_pair(const bench_work *first, const bench_work *second, timing_plan plan);

// The same summary of |count| samples taken elsewhere, which are sorted in place.
bench_timing summarise(double *samples, int count);

#endif  // TENON_BENCH_TIMING_H_
