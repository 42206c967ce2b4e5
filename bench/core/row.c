// SPDX-License-Identifier: Apache-2.0
//
// row: what the functions that fill in rows share.

#include <stdarg.h>
#include <stdio.h>

#include "bench.h"

timing_plan plan_for(const bench_run *bench, double seconds, int repetitions) {
  if (bench->quick) return (timing_plan){2e5, 0.1e9, 5};
  return (timing_plan){1e6, seconds * 1e9, repetitions};
}

timing_plan plan_for_calls(const bench_run *bench) {
  return (timing_plan){1.5e5, 1e9, bench->quick ? 25 : MAX_REPETITIONS};
}

void row_from_timing(bench_row *row, bench_timing timing) {
  row->value = timing.median_ns;
  row->spread = timing.spread;
  row->samples = timing.repetitions;
}

void row_missing(bench_row *row, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(row->missing, sizeof row->missing, format, arguments);
  va_end(arguments);
}

tn_tensor *random_floats(tn_ints shape) {
  tn_manual_seed(1);
  return tn_randn(shape, .dtype = TN_F32);
}
