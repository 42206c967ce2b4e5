// SPDX-License-Identifier: Apache-2.0
//
// subject: the small calls whose time and whose instructions are measured: the same loop for both.
// Operands are made once; a pass makes its results and releases them.

#ifndef TENON_BENCH_SUBJECT_H_
#define TENON_BENCH_SUBJECT_H_

#include <stdbool.h>
#include <stdint.h>
#include <tenon/tenon.h>

typedef struct bench_operands {
  tn_tensor *a, *b;
} bench_operands;

typedef struct bench_subject {
  const char *name;
  int64_t parts;  // figures are for one of so many equal parts of a pass: the nodes of a chain
  bool a_recorded, b_recorded;  // which operands require gradients
  int64_t a_shape[2], b_shape[2];
  int32_t a_rank, b_rank;
  void (*run)(void *operands, int64_t times);
} bench_subject;

// NULL where there is none of that name.
const bench_subject *subject_named(const char *name);

// Makes the operands. false when it fails, with the error recorded.
bool subject_prepare(const bench_subject *subject, bench_operands *operands);
void subject_finish(bench_operands *operands);

#endif  // TENON_BENCH_SUBJECT_H_
