// SPDX-License-Identifier: Apache-2.0
//
// instructions: see instructions.h.

#include "instructions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "capture.h"

enum { WARM_UP_PARTS = 2000, COUNTED_PARTS = 4000, NOT_COUNTED = 77 };

bool instructions_can_be_counted(void) {
  char text[64];
  return capture((char *[]){"valgrind", "--version", NULL}, text, sizeof text, false) == 0;
}

int run_passes(const char *subject_name, const char *passes) {
  const bench_subject *s = subject_named(subject_name);
  bench_operands o;
  if (s == NULL) return 2;
  if (subject_prepare(s, &o)) {
    s->run(&o, WARM_UP_PARTS / s->parts);
    s->run(&o, strtoll(passes, NULL, 10));
    subject_finish(&o);
  }
  if (tn_ok()) return 0;
  tn_error_print(stderr);
  return 1;
}

// All instructions of a run with |passes|, or -1.
static double count_run(const char *program, const bench_subject *s, int64_t passes) {
  char text[4096], number[32];
  snprintf(number, sizeof number, "%lld", (long long)passes);
  char *argv[] = {"valgrind",
                  "--tool=callgrind",
                  "--callgrind-out-file=/dev/null",
                  (char *)(size_t)program,
                  "--run-passes",
                  (char *)(size_t)s->name,
                  number,
                  NULL};
  if (capture(argv, text, sizeof text, true) != 0) return -1;
  const char *collected = strstr(text, "Collected : ");
  return collected == NULL ? -1 : strtod(collected + strlen("Collected : "), NULL);
}

double instructions_of(const char *program, const bench_subject *s) {
  int64_t passes = COUNTED_PARTS / s->parts;
  double fewer = count_run(program, s, passes), more = count_run(program, s, 2 * passes);
  if (fewer < 0 || more < fewer) return -1;
  return (more - fewer) / (double)(passes * s->parts);
}

int print_instructions(const char *program, const char *subject_name) {
  const bench_subject *s = subject_named(subject_name);
  if (s == NULL) return 2;
  if (!instructions_can_be_counted()) return NOT_COUNTED;
  double count = instructions_of(program, s);
  if (count < 0) return 1;
  printf("%.1f\n", count);
  return 0;
}

// ---- rows --------------------------------------------------------------------------------------

static void measure_instructions(const bench_run *bench, const row_spec *spec, bench_row *row) {
  if (!instructions_can_be_counted()) {
    row_missing(row, "needs valgrind");
    return;
  }
  double count = instructions_of(bench->program, subject_named(spec->subject));
  if (count < 0) {
    row_missing(row, "the run under valgrind failed");
    return;
  }
  row->value = count;
  row->samples = 2;
}

#define INSTRUCTIONS(Subject, What, ...)                                                       \
  {                                                                                            \
    .name = "instructions." Subject, .what = What, .unit = "instructions", .subject = Subject, \
    .measure = measure_instructions, __VA_ARGS__                                               \
  }

static const row_spec specs[] = {
    INSTRUCTIONS("add", "add of one float, made and released", .target = VALUE_AT_MOST,
                 .limit = 700, .next_limit = 500),
    INSTRUCTIONS("add_recorded", "the same, recording a gradient", .target = VALUE_AT_MOST,
                 .limit = 1000, .next_limit = 750),
    INSTRUCTIONS("add_in_scope", "the same inside a scope, which is closed", .target = NO_TARGET),
    INSTRUCTIONS("add_broadcast", "add of [4, 4] and [4]", .target = NO_TARGET),
    INSTRUCTIONS("expression", "(a * b + b).sum() of one float, recorded", .target = NO_TARGET),
    INSTRUCTIONS("expression_backward", "(a * b + b).sum() forward and backward",
                 .target = VALUE_AT_MOST, .limit = 6000),
    INSTRUCTIONS("expression_accumulated", "the same, adding to gradients that are there",
                 .target = NO_TARGET),
    INSTRUCTIONS("chain", "a chain of 1,000 mul, each forward and backward", .target = NO_TARGET),
};

const row_table instruction_rows = ROW_TABLE(specs);
