// SPDX-License-Identifier: Apache-2.0
//
// subject: see subject.h.

#include "subject.h"

#include <string.h>

enum { SCOPE_CALLS = 64, CHAIN_NODES = 1000 };

static void run_add(void *state, int64_t times) {
  const bench_operands *o = state;
  for (int64_t i = 0; i < times; i++) tn_release(tn_add(o->a, o->b));
}

static void run_add_in_scope(void *state, int64_t times) {
  const bench_operands *o = state;
  for (int64_t i = 0; i < times; i++) {
    tn_scope *scope = tn_scope_open();
    for (int k = 0; k < SCOPE_CALLS; k++) (void)tn_add(o->a, o->b);
    tn_scope_close(scope);
  }
}

// (a * b + b).sum()
static tn_tensor *expression(const bench_operands *o) {
  tn_tensor *product = tn_mul(o->a, o->b);
  tn_tensor *shifted = tn_add(product, o->b);
  tn_tensor *sum = tn_sum(shifted);
  tn_release(shifted);
  tn_release(product);
  return sum;
}

static void run_expression(void *state, int64_t times) {
  for (int64_t i = 0; i < times; i++) tn_release(expression(state));
}

static void run_expression_accumulated(void *state, int64_t times) {
  for (int64_t i = 0; i < times; i++) {
    tn_tensor *sum = expression(state);
    (void)tn_backward(sum);
    tn_release(sum);
  }
}

// Gradients are dropped before each pass, as a training step does.
static void run_expression_backward(void *state, int64_t times) {
  const bench_operands *o = state;
  for (int64_t i = 0; i < times; i++) {
    (void)tn_set_grad(o->a, NULL);
    (void)tn_set_grad(o->b, NULL);
    run_expression_accumulated(state, 1);
  }
}

static void run_chain(void *state, int64_t times) {
  const bench_operands *o = state;
  for (int64_t i = 0; i < times; i++) {
    tn_tensor *x = tn_retain(o->a);
    for (int k = 0; k < CHAIN_NODES; k++) {
      tn_tensor *next = tn_mul(x, o->b);
      tn_release(x);
      x = next;
    }
    (void)tn_backward(x);
    tn_release(x);
  }
}

static const bench_subject subjects[] = {
    {"add", 1, false, false, {1}, {1}, 1, 1, run_add},
    {"add_recorded", 1, true, true, {1}, {1}, 1, 1, run_add},
    {"add_in_scope", SCOPE_CALLS, false, false, {1}, {1}, 1, 1, run_add_in_scope},
    {"add_broadcast", 1, false, false, {4, 4}, {4}, 2, 1, run_add},
    {"expression", 1, true, true, {1}, {1}, 1, 1, run_expression},
    {"expression_backward", 1, true, true, {1}, {1}, 1, 1, run_expression_backward},
    {"expression_accumulated", 1, true, true, {1}, {1}, 1, 1, run_expression_accumulated},
    {"chain", CHAIN_NODES, true, false, {1}, {1}, 1, 1, run_chain},
};

const bench_subject *subject_named(const char *name) {
  for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
    if (strcmp(subjects[i].name, name) == 0) return &subjects[i];
  }
  return NULL;
}

static tn_tensor *operand(const int64_t *sizes, int32_t rank, bool recorded) {
  tn_tensor *ones = tn_ones(((tn_ints){sizes, rank}), .dtype = TN_F32);
  if (recorded && ones != NULL && tn_requires_grad_(ones, true) != TN_OK) {
    tn_release(ones);
    return NULL;
  }
  return ones;
}

bool subject_prepare(const bench_subject *subject, bench_operands *operands) {
  operands->a = operand(subject->a_shape, subject->a_rank, subject->a_recorded);
  operands->b = operand(subject->b_shape, subject->b_rank, subject->b_recorded);
  if (operands->a != NULL && operands->b != NULL) return true;
  subject_finish(operands);
  return false;
}

void subject_finish(bench_operands *operands) {
  tn_release(operands->a);
  tn_release(operands->b);
}
