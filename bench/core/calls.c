// SPDX-License-Identifier: Apache-2.0
//
// calls: the time of small calls, where nearly all of it is the way to the kernel and back.

#include "bench.h"
#include "subject.h"

static void measure_call(const bench_run *bench, const row_spec *spec, bench_row *row) {
  const bench_subject *s = subject_named(spec->subject);
  bench_operands o;
  if (!subject_prepare(s, &o)) return;
  bench_timing each = time_work(&(bench_work){.run = s->run, .state = &o}, plan_for_calls(bench));
  each.median_ns /= (double)s->parts;
  row_from_timing(row, each);
  subject_finish(&o);
}

#define CALL(Subject, What)                                                  \
  {                                                                          \
    .name = "call." Subject, .what = What, .unit = "ns", .subject = Subject, \
    .measure = measure_call                                                  \
  }

static const row_spec specs[] = {
    CALL("add", "add of one float, made and released"),
    CALL("add_recorded", "the same, recording a gradient"),
    CALL("add_in_scope", "the same inside a scope, which is closed"),
    CALL("add_broadcast", "add of [4, 4] and [4]"),
    CALL("expression", "(a * b + b).sum() of one float, recorded"),
    CALL("expression_backward", "(a * b + b).sum() forward and backward"),
    CALL("expression_accumulated", "the same, adding to gradients that are there"),
    CALL("chain", "a chain of 1,000 mul, each forward and backward"),
};

const row_table call_rows = ROW_TABLE(specs);
