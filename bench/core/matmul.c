// SPDX-License-Identifier: Apache-2.0
//
// matmul: products of square matrices beside the same product asked of OpenBLAS directly, over the
// same operands. The two keep threads that wait by spinning, so each batch is preceded by a pause
// in which the other's fall asleep.

#include "bench.h"
#include "blas.h"

enum { PAUSE_MS = 60 };  // OpenBLAS spins for 2^26 ticks

typedef struct product {
  tn_tensor *a, *b;
  float *out;
  int64_t n;
  int threads;
} product;

static void before_ours(void *state) {
  (void)state;
  blas_threads(0);
  nap_ms(PAUSE_MS);
}

static void run_ours(void *state, int64_t times) {
  const product *p = state;
  for (int64_t i = 0; i < times; i++) tn_release(tn_matmul(p->a, p->b));
}

static void before_direct(void *state) {
  const product *p = state;
  blas_threads(p->threads);
  nap_ms(PAUSE_MS);
}

static void run_direct(void *state, int64_t times) {
  const product *p = state;
  const float *a = tn_tensor_const_data(p->a), *b = tn_tensor_const_data(p->b);
  for (int64_t i = 0; i < times; i++) blas_multiply(p->n, a, b, p->out);
}

// The number of threads with which the direct product is quickest: one or all.
static int best_threads(const bench_run *bench, product *p) {
  int all = tn_thread_count();
  if (all == 1) return 1;
  product single = *p, team = *p;
  single.threads = 1;
  team.threads = all;
  pair_timing pair =
      time_pair(&(bench_work){run_direct, before_direct, &single},
                &(bench_work){run_direct, before_direct, &team}, plan_for(bench, 1, 7));
  return pair.ratio > 1 ? 1 : all;
}

static void compare(const bench_run *bench, product *p, bench_row *row) {
  bench_work ours = {run_ours, before_ours, p}, direct = {run_direct, before_direct, p};
  double operations = 2.0 * (double)p->n * (double)p->n * (double)p->n;
  timing_plan plan = plan_for(bench, 8, 31);
  if (!blas_open()) {
    row_from_timing(row, time_work(&(bench_work){run_ours, NULL, p}, plan));
    row->value = operations / row->value;
    return;
  }
  p->threads = p->threads == 1 ? 1 : best_threads(bench, p);
  pair_timing pair = time_pair(&ours, &direct, plan);
  blas_threads(0);
  row_from_timing(row, pair.first);
  row->value = operations / pair.first.median_ns;
  row->reference = operations / pair.second.median_ns;
  row->ratio = pair.ratio;
}

static void measure_matmul(const bench_run *bench, const row_spec *spec, bench_row *row) {
  int64_t n = spec->number;
  int32_t all = tn_thread_count();
  if (bench->quick && n > 1024) {
    row_missing(row, "left out by --quick");
    return;
  }
  tn_tensor *out = tn_zeros(TN_SHAPE(n, n), .dtype = TN_F32);
  product p = {.a = random_floats(TN_SHAPE(n, n)), .b = random_floats(TN_SHAPE(n, n)), .n = n};
  p.out = tn_tensor_data(out);
  p.threads = spec->subject == NULL ? all : 1;
  tn_set_thread_count(p.threads);
  // The backend opens its OpenBLAS at the first product, and keeps it at one thread from then on.
  run_ours(&p, 1);
  if (tn_ok()) compare(bench, &p, row);
  tn_set_thread_count(all);
  tn_release(p.a);
  tn_release(p.b);
  tn_release(out);
}

#define MATMUL(Name, N, Subject, What)                                                 \
  {                                                                                    \
    .name = "matmul." Name, .what = What, .unit = "GFLOP/s", .against = "cblas_sgemm", \
    .target = RATIO_AT_LEAST, .limit = 0.95, .number = N, .subject = Subject,          \
    .measure = measure_matmul                                                          \
  }

static const row_spec specs[] = {
    MATMUL("512", 512, NULL, "float32 [512, 512] by [512, 512]"),
    MATMUL("1024", 1024, NULL, "float32 [1024, 1024] by [1024, 1024]"),
    MATMUL("2048", 2048, NULL, "float32 [2048, 2048] by [2048, 2048]"),
    MATMUL("512_1", 512, "one", "float32 [512, 512] by [512, 512], one thread"),
    MATMUL("1024_1", 1024, "one", "float32 [1024, 1024] by [1024, 1024], one thread"),
};

const row_table matmul_rows = ROW_TABLE(specs);
