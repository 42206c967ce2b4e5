// SPDX-License-Identifier: Apache-2.0
//
// bench: what a row of the benchmark is. A row_spec says what is measured, in which unit, compared
// with what and what is aimed at; its function fills in a row. The specs of one kind of thing stand
// in one file, as a table; main.c walks the tables. A target never fails the program: figures in
// time depend on the machine, and only instruction counts are held fast, by a test.

#ifndef TENON_BENCH_BENCH_H_
#define TENON_BENCH_BENCH_H_

#include <stdbool.h>
#include <stdint.h>
#include <tenon/tenon.h>

#include "timing.h"

typedef enum target_kind {
  NO_TARGET,
  VALUE_AT_MOST,
  RATIO_AT_LEAST,  // of speeds: the reference's time / ours
  RATIO_AT_MOST,   // of times: ours / the reference's
} target_kind;

typedef struct bench_run {
  bool quick;
  const char *program;  // this program's own file
} bench_run;

typedef struct bench_row {
  double value;             // in the spec's unit, as the median
  double spread;            // as a share of the value
  int samples;              // how many the median is of
  double reference, ratio;  // what it is compared with, in the same unit; 0 where with nothing
  char missing[96];         // why there is no value; "" where there is one
} bench_row;

typedef struct row_spec {
  const char *name;  // "matmul.512", the same in PyTorch's rows
  const char *what;
  const char *unit;     // "ns", "instructions", "GFLOP/s", "images/s", "bytes"
  const char *against;  // NULL where compared with nothing
  target_kind target;
  double limit, next_limit;  // next_limit: what to aim at afterwards, 0 for none
  const char *subject;       // for the function: whose row it is
  int64_t number;
  void (*measure)(const bench_run *bench, const struct row_spec *spec, bench_row *row);
} row_spec;

typedef struct row_table {
  const row_spec *specs;
  int count;
} row_table;

#define ROW_TABLE(specs) \
  { specs, (int)(sizeof(specs) / sizeof(specs)[0]) }

extern const row_table call_rows, watched_rows, instruction_rows, start_rows, matmul_rows, add_rows,
    kernel_rows, training_rows;

// The usual plan for things that take |batch_ns| or more, and for calls of well under a
// microsecond.
timing_plan plan_for(const bench_run *bench, double seconds, int repetitions);
timing_plan plan_for_calls(const bench_run *bench);

// Fill in a row of times in ns.
void row_from_timing(bench_row *row, bench_timing timing);

// Says why there is no value (printf format).
void row_missing(bench_row *row, const char *format, ...) TN_PRINTF(2, 3);

// A float32 tensor of numbers around 0, the same in each run.
tn_tensor *random_floats(tn_ints shape);

#endif  // TENON_BENCH_BENCH_H_
