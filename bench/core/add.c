// SPDX-License-Identifier: Apache-2.0
//
// add: 16M floats, where all that counts is memory: into a tensor that is there, beside a plain
// OpenMP loop over the same three blocks with as many threads, and into a fresh result, beside the
// former.

#include "bench.h"
#include "loops.h"

enum { COUNT = 16 << 20, QUICK_COUNT = 4 << 20 };

typedef struct addition {
  tn_tensor *a, *b, *out;
  const float *a_data, *b_data;
  float *out_data;
  int64_t count;
  int threads;
  bench_loop loop;
} addition;

static void run_existing(void *state, int64_t times) {
  const addition *s = state;
  for (int64_t i = 0; i < times; i++) (void)tn_add_out(s->out, s->a, s->b);
}

static void run_fresh(void *state, int64_t times) {
  const addition *s = state;
  for (int64_t i = 0; i < times; i++) tn_release(tn_add(s->a, s->b));
}

static void run_loop(void *state, int64_t times) {
  const addition *s = state;
  for (int64_t i = 0; i < times; i++) {
    s->loop(s->threads, s->count, s->a_data, s->b_data, s->out_data);
  }
}

static bool prepare(const bench_run *bench, addition *s) {
  int64_t count = bench->quick ? QUICK_COUNT : COUNT;
  *s = (addition){.a = random_floats(TN_SHAPE(count)),
                  .b = random_floats(TN_SHAPE(count)),
                  .out = tn_zeros(TN_SHAPE(count), .dtype = TN_F32),
                  .count = count};
  run_existing(s, 1);  // the backend brings its thread runtime, which the loop then shares
  s->a_data = tn_tensor_const_data(s->a);
  s->b_data = tn_tensor_const_data(s->b);
  s->out_data = tn_tensor_data(s->out);
  s->threads = tn_thread_count();
  s->loop = loop_named("bench_add_loop");
  return tn_ok();
}

static void finish(addition *s) {
  tn_release(s->a);
  tn_release(s->b);
  tn_release(s->out);
}

static void row_from_pair(bench_row *row, pair_timing pair) {
  row_from_timing(row, pair.first);
  row->reference = pair.second.median_ns;
}

static void measure_existing(const bench_run *bench, const row_spec *spec, bench_row *row) {
  (void)spec;
  addition s;
  bench_work ours = {.run = run_existing, .state = &s}, loop = {.run = run_loop, .state = &s};
  timing_plan plan = plan_for(bench, 4, 41);
  if (prepare(bench, &s)) {
    if (s.loop == NULL) {
      row_from_timing(row, time_work(&ours, plan));
    } else {
      pair_timing pair = time_pair(&ours, &loop, plan);
      row_from_pair(row, pair);
      row->ratio = pair.ratio;
    }
  }
  finish(&s);
}

static void measure_fresh(const bench_run *bench, const row_spec *spec, bench_row *row) {
  (void)spec;
  addition s;
  bench_work fresh = {.run = run_fresh, .state = &s}, existing = {.run = run_existing, .state = &s};
  if (prepare(bench, &s)) {
    pair_timing pair = time_pair(&fresh, &existing, plan_for(bench, 4, 41));
    row_from_pair(row, pair);
    row->ratio = 1 / pair.ratio;
  }
  finish(&s);
}

static const row_spec specs[] = {
    {.name = "add.16m",
     .what = "add of 16M floats into an existing tensor",
     .unit = "ns",
     .against = "OpenMP loop",
     .target = RATIO_AT_LEAST,
     .limit = 0.9,
     .measure = measure_existing},
    {.name = "add.16m_fresh",
     .what = "add of 16M floats into a fresh result",
     .unit = "ns",
     .against = "existing tensor",
     .target = RATIO_AT_MOST,
     .limit = 1.15,
     .measure = measure_fresh},
};

const row_table add_rows = ROW_TABLE(specs);
