// SPDX-License-Identifier: Apache-2.0
//
// ops: what a row of bench_ops is: one operator on one shape, timed in turn with the same call in
// NumPy, in PyTorch (bench/ops_peers.py has a row of the same name) and, where memory is the limit,
// with a loop written by hand. Rows of one kind stand in one file, as a table; main.c walks them.

#ifndef TENON_BENCH_OPS_H_
#define TENON_BENCH_OPS_H_

#include <stdbool.h>
#include <stdint.h>
#include <tenon/tenon.h>

#include "loops.h"

enum { OPERANDS = 4 };

typedef struct op_row {
  const char *name;    // "exp.f32"
  const char *family;  // "pointwise, dear"
  const char *what;
  void (*make)(tn_tensor **x);              // the operands; absent ones stay NULL
  tn_tensor *(*call)(tn_tensor *const *x);  // owns: the caller
  const char *loop;                         // "bench_add_loop"; NULL where compared with none
} op_row;

typedef struct op_table {
  const op_row *rows;
  int count;
} op_table;

#define OP_TABLE(rows) \
  { rows, (int)(sizeof(rows) / sizeof(rows)[0]) }

extern const op_table pointwise_table, reduction_table, movement_table, network_table, linear_table;

// Operands made of numbers that are the same in each run.
tn_tensor *normal(tn_ints shape, tn_dtype dtype);
tn_tensor *positive(tn_ints shape, tn_dtype dtype);           // in [0.5, 1.5)
tn_tensor *indices_below(tn_ints shape, int64_t size);        // int64 in [0, size)
tn_tensor *then_release(tn_tensor *view, tn_tensor *result);  // gives |result|, releases |view|

// ---- measuring ---------------------------------------------------------------------------------

// Who is timed beside Tenon.
typedef enum peer { NUMPY, PYTORCH, LOOP, PEER_COUNT } peer;

typedef struct op_timing {
  double ns[PEER_COUNT + 1];  // medians; the last is Tenon's; 0 where there is none
  double ratio[PEER_COUNT];   // Tenon's time / the peer's: the median over the rounds
  int rounds;
} op_timing;

typedef struct peers peers;

// Starts the Python that TENON_BENCH_PYTHON names with |threads| threads, and asks what it has.
// NULL where there is none. |versions| receives a line of text.
peers *peers_start(int threads, char *versions, int size);
void peers_stop(peers *p);
// Time in ns of one of |times| calls of |row|; negative where |who| has no such row.
double peers_batch(peers *p, peer who, const char *row, int64_t times);

// errors: as recorded by the calls
op_timing measure_row(const op_row *row, peers *p, int threads, bool quick);

#endif  // TENON_BENCH_OPS_H_
