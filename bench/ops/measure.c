// SPDX-License-Identifier: Apache-2.0
//
// measure: one row. Each participant runs a batch in each round, and who goes first changes from
// round to round; a ratio is the median over the rounds of the two times of one round.

#include <stdlib.h>

#include "ops.h"
#include "timing.h"

enum { TENON = PEER_COUNT, ROUNDS = 41, QUICK_ROUNDS = 2, LONGEST_BATCH = 1 << 20 };

typedef struct contest {
  const op_row *row;
  tn_tensor *x[OPERANDS];
  tn_tensor *sum;  // where the loop writes
  bench_loop loop;
  peers *peers;
  int threads;
  int64_t times[PEER_COUNT + 1];  // of a batch; 0: takes no part
} contest;

static void run_loop(const contest *c) {
  tn_tensor *out = c->x[2] != NULL ? c->x[2] : c->sum;
  const float *b = c->x[1] != NULL ? tn_tensor_const_data(c->x[1]) : NULL;
  c->loop(c->threads, tn_tensor_numel(c->x[0]), tn_tensor_const_data(c->x[0]), b,
          tn_tensor_data(out));
}

// The time in ns of one of |times| calls; negative where |who| has no such call.
static double batch(const contest *c, int who, int64_t times) {
  if (who != TENON && who != LOOP) return peers_batch(c->peers, (peer)who, c->row->name, times);
  if (who == LOOP && c->loop == NULL) return -1;
  int64_t start = now_ns();
  for (int64_t i = 0; i < times; i++) {
    if (who == LOOP) {
      run_loop(c);
    } else {
      tn_release(c->row->call(c->x));
    }
  }
  return (double)(now_ns() - start) / (double)times;
}

// How many calls make a batch of |batch_ns|; also warms up. 0 for who takes no part.
static int64_t batch_length(const contest *c, int who, double batch_ns) {
  int64_t times = 1;
  if (batch(c, who, times) < 0) return 0;
  for (;;) {
    double each = batch(c, who, times);
    if (each < 0 || !tn_ok()) return 0;
    if (each * (double)times >= batch_ns / 2 || times >= LONGEST_BATCH) {
      int64_t fitting = (int64_t)(batch_ns / each) + 1;
      return fitting > times ? fitting : times;
    }
    times *= 2;
  }
}

static void run_rounds(contest *c, bool quick, op_timing *timing) {
  static double samples[PEER_COUNT + 1][ROUNDS], ratios[ROUNDS];
  int rounds = quick ? QUICK_ROUNDS : ROUNDS;
  int64_t started = now_ns();
  for (int r = 0; r < rounds; r++) {
    for (int i = 0; i <= PEER_COUNT; i++) {
      int who = (i + r) % (PEER_COUNT + 1);
      if (c->times[who] == 0) continue;
      if (c->threads > 1 && !quick) nap_ms(3);  // the threads of whoever ran before fall asleep
      samples[who][r] = batch(c, who, c->times[who]);
    }
    timing->rounds = r + 1;
    if (r >= 6 && now_ns() - started > (int64_t)2e9) break;
  }
  for (int who = 0; who <= PEER_COUNT; who++) {
    if (c->times[who] == 0) continue;
    for (int r = 0; r < timing->rounds; r++) ratios[r] = samples[TENON][r] / samples[who][r];
    if (who != TENON) timing->ratio[who] = summarise(ratios, timing->rounds).median_ns;
  }
  for (int who = 0; who <= PEER_COUNT; who++) {
    if (c->times[who] > 0) timing->ns[who] = summarise(samples[who], timing->rounds).median_ns;
  }
}

op_timing measure_row(const op_row *row, peers *p, int threads, bool quick) {
  op_timing timing = {0};
  contest c = {.row = row, .peers = p, .threads = threads};
  row->make(c.x);
  c.sum = tn_zeros(TN_SHAPE(1), .dtype = TN_F32);
  tn_release(row->call(c.x));
  if (tn_ok()) {
    if (row->loop != NULL) c.loop = loop_named(row->loop);
    for (int who = 0; who <= PEER_COUNT; who++) {
      c.times[who] = batch_length(&c, who, quick ? 1e3 : 1e6);
    }
    if (tn_ok()) run_rounds(&c, quick, &timing);
  }
  for (int i = 0; i < OPERANDS; i++) tn_release(c.x[i]);
  tn_release(c.sum);
  return timing;
}
