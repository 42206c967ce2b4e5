// SPDX-License-Identifier: Apache-2.0
//
// watched: what a call costs while something watches it (TENON_TRACE, TENON_VERIFY). What watches
// is settled at a process's first call, so the program runs itself with the setting; the figure is
// the mean over all calls, the writing of the trace included, which a median would leave out; in
// time of the processor rather than of the clock, since a file's way to the disk is others' work.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "capture.h"
#include "subject.h"
#include "watched.h"

enum { CALLS = 200000, QUICK_CALLS = 20000, RUNS = 15, QUICK_RUNS = 3, WARM_UP = 100 };

static double cpu_ns(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

int time_passes(const char *subject_name, const char *passes) {
  const bench_subject *s = subject_named(subject_name);
  bench_operands o;
  if (s == NULL) return 2;
  int64_t count = strtoll(passes, NULL, 10);
  if (subject_prepare(s, &o)) {
    s->run(&o, WARM_UP);
    double started = cpu_ns();
    s->run(&o, count);
    subject_finish(&o);
    tn_shutdown();
    printf("%.1f\n", (cpu_ns() - started) / (double)(count * s->parts));
  }
  if (tn_ok()) return 0;
  tn_error_print(stderr);
  return 1;
}

// ns of one call in a process of its own, or -1.
static double time_once(const char *program, const char *setting, const char *subject,
                        int64_t count) {
  char text[64], number[32];
  snprintf(number, sizeof number, "%lld", (long long)count);
  char *argv[] = {"env",
                  (char *)(size_t)setting,
                  (char *)(size_t)program,
                  "--time-passes",
                  (char *)(size_t)subject,
                  number,
                  NULL};
  return capture(argv, text, sizeof text, false) == 0 ? strtod(text, NULL) : -1;
}

static void measure_with(const bench_run *bench, const char *setting, const row_spec *spec,
                         bench_row *row) {
  double samples[RUNS];
  int runs = bench->quick ? QUICK_RUNS : RUNS;
  for (int i = 0; i < runs; i++) {
    samples[i] =
        time_once(bench->program, setting, spec->subject, bench->quick ? QUICK_CALLS : CALLS);
    if (samples[i] < 0) {
      row_missing(row, "the run with %s failed", setting);
      return;
    }
  }
  row_from_timing(row, summarise(samples, runs));
}

static void measure_traced(const bench_run *bench, const row_spec *spec, bench_row *row) {
  char path[] = "/tmp/tenon_bench_trace_XXXXXX", setting[64];
  int file = mkstemp(path);
  if (file < 0) {
    row_missing(row, "no file can be made in /tmp");
    return;
  }
  close(file);
  snprintf(setting, sizeof setting, "TENON_TRACE=%s", path);
  measure_with(bench, setting, spec, row);
  unlink(path);
}

static void measure_sampled(const bench_run *bench, const row_spec *spec, bench_row *row) {
  measure_with(bench, "TENON_VERIFY=cpu,sample=0.001", spec, row);
}

static const row_spec specs[] = {
    {.name = "watched.add_traced",
     .what = "add of one float with TENON_TRACE, in cpu time",
     .unit = "ns",
     .target = VALUE_AT_MOST,
     .limit = 1000,
     .subject = "add",
     .measure = measure_traced},
    {.name = "watched.expression_traced",
     .what = "(a * b + b).sum() of one float, recorded, likewise",
     .unit = "ns",
     .subject = "expression",
     .measure = measure_traced},
    {.name = "watched.add_sampled",
     .what = "add of one float with TENON_VERIFY, hardly ever checked, likewise",
     .unit = "ns",
     .subject = "add",
     .measure = measure_sampled},
};

const row_table watched_rows = ROW_TABLE(specs);
