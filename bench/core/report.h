// SPDX-License-Identifier: Apache-2.0
//
// report: rows as a table for people and as JSON for programs. A row is printed when it has been
// measured; the JSON is written once, at the end.

#ifndef TENON_BENCH_REPORT_H_
#define TENON_BENCH_REPORT_H_

#include "bench.h"
#include "machine.h"

typedef struct result {
  const row_spec *spec;
  bench_row row;
  bench_row peer;  // the same row of PyTorch; samples is 0 where there is none
} result;

enum { MAX_RESULTS = 64 };

typedef struct bench_report {
  machine machine;
  bool quick;
  char peer[64];  // "PyTorch 2.1.0, 2 threads"; "" where there was none
  result results[MAX_RESULTS];
  int count;
} bench_report;

void report_print_head(const bench_report *report);
void report_print_row(const result *result);
void report_print_peer(const bench_report *report);
void report_print_summary(const bench_report *report);

// false, having said why on standard error, when |path| cannot be written.
bool report_write_json(const bench_report *report, const char *path);

#endif  // TENON_BENCH_REPORT_H_
