// SPDX-License-Identifier: Apache-2.0
//
// check_failing: calls that must fail, with the right status and the right names in the error, and
// leave their operands alone. Besides a spec's own, every operator is called with a NULL operand
// and with dtypes that it does not admit.

#include <string.h>

#include "kit.h"

// The in-place or Scalar form of an operator may report the operator that it runs as.
static bool names_op(const char *reported, const char *op) {
  size_t stem = strcspn(op, ".");
  return strncmp(reported, op, stem) == 0 || (op[0] == '_' && strstr(reported, op + 1) != NULL);
}

static void judge_error(tn__run *run, const tn_sample *sample, const tn__outcome *outcome,
                        tn_status status, const char *argument) {
  if (status != TN_UNIMPLEMENTED && tn__is_unserved(outcome->status, outcome->backend)) {
    tn__skip(run, sample, NULL, outcome->message);
    return;
  }
  if (!tn__check(run, outcome->status != TN_OK, sample, NULL, "the call succeeded; expected '%s'",
                 tn_status_name(status))) {
    return;
  }
  tn__check(run, outcome->status == status, sample, NULL, "expected '%s', got '%s': %s",
            tn_status_name(status), tn_status_name(outcome->status), outcome->message);
  bool named = argument == NULL || strcmp(outcome->argument, argument) == 0;
  tn__check(run, named, sample, NULL, "the error is about argument '%s', expected '%s': %s",
            outcome->argument, argument == NULL ? "" : argument, outcome->message);
  tn__check(run, run->traits.composite || names_op(outcome->op, run->spec->op), sample, NULL,
            "the error names operator '%s': %s", outcome->op, outcome->message);
}

void tn__check_failing(tn__run *run, const tn_sample *sample, tn__arena *arena) {
  tn__prepared prepared;
  tn__outcome outcome;
  tn_status status = tn__prepare(sample, TN__LAYOUT_SPACED, run->device, &prepared);
  if (tn__check(run, status == TN_OK, sample, NULL, "operands cannot be made")) {
    tn__call_op(run->op, &prepared, arena, &outcome);
    judge_error(run, sample, &outcome, sample->fails_with, sample->fails_at);
    for (int32_t i = 0; i < sample->operand_count; i++) {
      tn__check(run, tn__placed_intact(&prepared.placed[i], &sample->operands[i], false), sample,
                NULL, "a failed call changed operand %d", i);
    }
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
}

void tn__check_null_operands(tn__run *run, const tn_sample *sample, tn__arena *arena) {
  for (int32_t i = 0; i < sample->arg_count; i++) {
    if (sample->args[i].value.kind != TN_VALUE_TENSOR) continue;
    tn__prepared prepared;
    tn__outcome outcome;
    if (tn__prepare(sample, TN__LAYOUT_CONTIGUOUS, run->device, &prepared) == TN_OK) {
      prepared.args[i] = tn_value_tensor(NULL);
      tn__call_op(run->op, &prepared, arena, &outcome);
      tn__check(run, outcome.status != TN_OK, sample, "NULL operand",
                "argument %d was NULL and the call succeeded", i);
    }
    tn_error_clear();
    tn__prepared_release(&prepared);
  }
}

void tn__check_refusal(tn__run *run, tn_samples *samples) {
  tn__prepared prepared;
  tn__outcome outcome;
  if (samples->count == 0) return;
  const tn_sample *sample = samples->list[0];
  if (tn__prepare(sample, TN__LAYOUT_CONTIGUOUS, run->device, &prepared) == TN_OK) {
    tn__call_op(run->op, &prepared, &samples->arena, &outcome);
    tn__check(run, outcome.status == TN_INVALID_DTYPE, sample, NULL,
              "expected '%s' for a dtype that is not admitted, got '%s' %s",
              tn_status_name(TN_INVALID_DTYPE), tn_status_name(outcome.status), outcome.message);
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
}
