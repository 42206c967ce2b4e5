// SPDX-License-Identifier: Apache-2.0
//
// kernels: the time of one call of what networks are made of, all threads, for the record.

#include <string.h>

#include "bench.h"

typedef struct kernel_case {
  const char *name;
  tn_tensor *(*call)(tn_tensor *x, tn_tensor *y);
  int64_t x_shape[4], y_shape[4];
  int32_t x_rank, y_rank;
} kernel_case;

static tn_tensor *call_exp(tn_tensor *x, tn_tensor *y) { return (void)y, tn_exp(x); }
static tn_tensor *call_tanh(tn_tensor *x, tn_tensor *y) { return (void)y, tn_tanh(x); }
static tn_tensor *call_sum(tn_tensor *x, tn_tensor *y) { return (void)y, tn_sum(x); }
static tn_tensor *call_softmax(tn_tensor *x, tn_tensor *y) { return (void)y, tn_softmax(x, -1); }
static tn_tensor *call_conv2d(tn_tensor *x, tn_tensor *y) {
  return tn_conv2d(x, y, TN_NONE, .padding = TN_INTS(1));
}
static tn_tensor *call_transpose(tn_tensor *x, tn_tensor *y) {
  (void)y;
  tn_tensor *view = tn_transpose(x, 0, 1), *copy = tn_contiguous(view);
  tn_release(view);
  return copy;
}

static const kernel_case cases[] = {
    {"exp", call_exp, {1 << 20}, {1}, 1, 1},
    {"tanh", call_tanh, {1 << 20}, {1}, 1, 1},
    {"sum", call_sum, {16 << 20}, {1}, 1, 1},
    {"softmax", call_softmax, {512, 1000}, {1}, 2, 1},
    {"conv2d", call_conv2d, {64, 16, 14, 14}, {32, 16, 3, 3}, 4, 4},
    {"transpose", call_transpose, {4096, 4096}, {1}, 2, 1},
};

typedef struct kernel_state {
  const kernel_case *chosen;
  tn_tensor *x, *y;
} kernel_state;

static void run_case(void *state, int64_t times) {
  const kernel_state *s = state;
  for (int64_t i = 0; i < times; i++) tn_release(s->chosen->call(s->x, s->y));
}

static const kernel_case *case_named(const char *name) {
  const kernel_case *c = cases;
  while (strcmp(c->name, name) != 0) c++;
  return c;
}

static void measure_kernel(const bench_run *bench, const row_spec *spec, bench_row *row) {
  const kernel_case *c = case_named(spec->subject);
  kernel_state s = {c, random_floats((tn_ints){c->x_shape, c->x_rank}),
                    random_floats((tn_ints){c->y_shape, c->y_rank})};
  if (tn_ok()) {
    row_from_timing(
        row, time_work(&(bench_work){.run = run_case, .state = &s}, plan_for(bench, 2, 101)));
  }
  tn_release(s.x);
  tn_release(s.y);
}

#define KERNEL(Name, What) \
  { .name = "kernel." Name, .what = What, .unit = "ns", .subject = Name, .measure = measure_kernel }

static const row_spec specs[] = {
    KERNEL("exp", "exp of 1M floats"),
    KERNEL("tanh", "tanh of 1M floats"),
    KERNEL("sum", "sum of 16M floats"),
    KERNEL("softmax", "softmax of [512, 1000] along the last dimension"),
    KERNEL("conv2d", "conv2d of [64, 16, 14, 14] by [32, 16, 3, 3]"),
    KERNEL("transpose", "a copy of [4096, 4096] transposed"),
};

const row_table kernel_rows = ROW_TABLE(specs);
