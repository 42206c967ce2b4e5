// SPDX-License-Identifier: Apache-2.0
//
// timing: see timing.h.

#include "timing.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { LEAST_REPETITIONS = 5 };

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void nap_ms(int64_t milliseconds) {
  struct timespec left = {.tv_sec = milliseconds / 1000,
                          .tv_nsec = (milliseconds % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Between the two samples around it where |part| falls between.
static double quantile(const double *sorted, int count, double part) {
  double place = part * (count - 1);
  int below = (int)place;
  if (below >= count - 1) return sorted[count - 1];
  return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

bench_timing summarise(double *samples, int count) {
  qsort(samples, (size_t)count, sizeof *samples, ascending);
  double median = quantile(samples, count, 0.5);
  double between = quantile(samples, count, 0.75) - quantile(samples, count, 0.25);
  return (bench_timing){median, median > 0 ? between / 2 / median : 0, count};
}

// The time of one of |times|.
static double batch(const bench_work *work, int64_t times) {
  if (work->before != NULL) work->before(work->state);
  int64_t start = now_ns();
  work->run(work->state, times);
  return (double)(now_ns() - start) / (double)times;
}

// How many times make a batch of |batch_ns|; also warms up.
static int64_t batch_length(const bench_work *work, double batch_ns) {
  int64_t times = 1;
  batch(work, times);
  for (;;) {
    double each = batch(work, times);
    if (each * (double)times >= batch_ns / 2) {
      int64_t fitting = (int64_t)(batch_ns / each) + 1;
      return fitting > times ? fitting : times;
    }
    times *= 2;
  }
}

static bool is_enough(int done, int64_t started, timing_plan plan) {
  if (done >= MAX_REPETITIONS || done >= plan.repetitions) return true;
  return done >= LEAST_REPETITIONS && (double)(now_ns() - started) >= plan.budget_ns;
}

bench_timing time_work(const bench_work *work, timing_plan plan) {
  double samples[MAX_REPETITIONS];
  int64_t times = batch_length(work, plan.batch_ns), started = now_ns();
  int count = 0;
  while (!is_enough(count, started, plan)) samples[count++] = batch(work, times);
  return summarise(samples, count);
}

pair_timing time_pair(const bench_work *first, const bench_work *second, timing_plan plan) {
  double firsts[MAX_REPETITIONS], seconds[MAX_REPETITIONS], ratios[MAX_REPETITIONS];
  int64_t first_times = batch_length(first, plan.batch_ns);
  int64_t second_times = batch_length(second, plan.batch_ns);
  int64_t started = now_ns();
  int count = 0;
  for (; !is_enough(count, started, plan); count++) {
    // Whoever goes second finds the machine as the other left it: they take turns.
    if (count % 2 == 0) {
      firsts[count] = batch(first, first_times);
      seconds[count] = batch(second, second_times);
    } else {
      seconds[count] = batch(second, second_times);
      firsts[count] = batch(first, first_times);
    }
    ratios[count] = seconds[count] / firsts[count];
  }
  return (pair_timing){summarise(firsts, count), summarise(seconds, count),
                       summarise(ratios, count).median_ns};
}
