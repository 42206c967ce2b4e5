// SPDX-License-Identifier: Apache-2.0
//
// check_aliases: operands and results that are the same memory: one tensor given for two operands,
// and an operand given as the tensor to write. Both are legal and must give the right result; no
// other operand may change.

#include <stdio.h>
#include <string.h>

#include "kit.h"

static bool same_form(const tn_operand *a, const tn_operand *b) {
  return a->dtype == b->dtype && a->ndim == b->ndim &&
         memcmp(a->sizes, b->sizes, sizeof(int64_t) * (size_t)a->ndim) == 0;
}

// Operand 0 is the tensor of operand |twin|, whose values (a divisor, say) may be the choicer ones.
static void check_one_for_two(tn__run *run, const tn_sample *sample, int32_t twin,
                              tn__arena *arena) {
  char text[512];
  tn__prepared prepared;
  tn__outcome outcome;
  tn_expected expected = {.arena = arena};
  tn_sample copy = *sample;
  copy.operands[0] = copy.operands[twin];
  tn__expect_of(&copy, &expected);
  if (arena->failed) return;
  if (tn__prepare(&copy, TN__LAYOUT_CONTIGUOUS, run->device, &prepared) == TN_OK) {
    for (int32_t i = 0; i < copy.arg_count; i++) {
      if (copy.args[i].value.kind == TN_VALUE_TENSOR && copy.args[i].first == twin) {
        prepared.args[i] = tn_value_tensor(prepared.lists[0]);
      }
    }
    prepared.lists[twin] = prepared.lists[0];
    tn__call_op(run->op, &prepared, arena, &outcome);
    if (tn__check_called(run, sample, "one tensor for two operands", &outcome)) {
      const char *difference = tn__compare(run->spec, &outcome, &expected, 0, text, sizeof text);
      tn__check(run, difference == NULL, sample, "one tensor for two operands", "%s", text);
    }
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
}

static void check_written(tn__run *run, const tn_sample *sample, const tn__prepared *prepared,
                          int32_t target, const tn_expected *expected, tn__arena *arena) {
  char text[512], variant[48];
  tn__outcome outcome = {0};
  snprintf(variant, sizeof variant, "out is operand %d", target);
  tn_status status = tn__read_result(prepared->lists[target], arena, &outcome);
  if (!tn__check(run, status == TN_OK, sample, variant, "the result cannot be read")) return;
  const char *difference = tn__compare(run->spec, &outcome, expected, 0, text, sizeof text);
  tn__check(run, difference == NULL, sample, variant, "%s", text);
  for (int32_t i = 0; i < sample->operand_count; i++) {
    bool intact = tn__placed_intact(&prepared->placed[i], &sample->operands[i], i == target);
    tn__check(run, intact, sample, variant, "operand %d, or memory beside it, was written", i);
  }
}

// The result goes where operand |target| stands.
static void check_out_is_operand(tn__run *run, const tn_sample *sample, int32_t target,
                                 const tn_expected *expected, tn__arena *arena) {
  tn__prepared prepared;
  tn__outcome outcome;
  if (tn__prepare(sample, TN__LAYOUT_EMBEDDED, run->device, &prepared) == TN_OK) {
    tn__call_out(run->op, &prepared, TN_TENSORS(prepared.lists[target]), &outcome);
    if (tn__check_called(run, sample, "out is an operand", &outcome)) {
      check_written(run, sample, &prepared, target, expected, arena);
    }
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
}

void tn__check_aliases(tn__run *run, const tn_sample *sample, const tn_expected *expected,
                       tn__arena *arena) {
  if (expected->count != 1 || sample->operand_count == 0 || (sample->flags & TN_SAMPLE_LARGE) ||
      sample->operands[0].numel == 0 || (run->spec->flags & TN_SPEC_CONTIGUOUS_ONLY) ||
      !tn__once(run, TN__ONCE_ALIASES)) {
    return;
  }
  for (int32_t i = 1; i < sample->operand_count; i++) {
    if (same_form(&sample->operands[0], &sample->operands[i])) {
      check_one_for_two(run, sample, i, arena);
    }
  }
  for (int32_t i = 0; i < sample->operand_count && run->traits.out; i++) {
    if (same_form(&sample->operands[i], &expected->results[0])) {
      check_out_is_operand(run, sample, i, expected, arena);
    }
  }
}
