// SPDX-License-Identifier: Apache-2.0
//
// check_specials: NaN and infinities in the operands of any operator. The last element of one
// operand at a time becomes NaN or an infinity, and the reference, which computes with IEEE
// doubles, says what must come of it. A kernel that swallows NaN, or spreads it to elements that do
// not depend on it, is found here.

#include <math.h>
#include <stdio.h>

#include "kit.h"

static void check_with(tn__run *run, const tn_sample *sample, int32_t which, double value,
                       tn__arena *arena) {
  char text[512], variant[64];
  tn__prepared prepared;
  tn__outcome outcome;
  tn_sample copy = *sample;
  tn_operand *operand = &copy.operands[which];
  tn_expected expected = {.arena = arena};
  double *values = tn__arena_take(arena, sizeof(double) * (size_t)operand->numel);
  if (values == NULL) return;
  for (int64_t i = 0; i < operand->numel; i++) values[i] = operand->values[i];
  values[operand->numel - 1] = value;
  operand->values = values;
  tn__expect_of(&copy, &expected);
  if (arena->failed) return;
  snprintf(variant, sizeof variant, "%g in operand %d", value, which);
  if (tn__prepare(&copy, TN__LAYOUT_CONTIGUOUS, run->device, &prepared) == TN_OK) {
    tn__call_op(run->op, &prepared, arena, &outcome);
    if (tn__check_called(run, sample, variant, &outcome)) {
      const char *difference = tn__compare(run->spec, &outcome, &expected, 0, text, sizeof text);
      tn__check(run, difference == NULL, sample, variant, "%s", text);
    }
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
}

// Samples that bring special values of their own are left alone, and complex numbers too: the
// reference is real, and an infinity times a complex number is not.
static bool is_plain(const tn_sample *sample) {
  for (int32_t i = 0; i < sample->operand_count; i++) {
    const tn_operand *operand = &sample->operands[i];
    if (tn_dtype_is_complex(operand->dtype)) return false;
    if (!tn_dtype_is_floating(operand->dtype)) continue;
    for (int64_t j = 0; j < operand->numel; j++) {
      if (!isfinite(operand->values[j])) return false;
    }
  }
  return true;
}

void tn__check_specials(tn__run *run, const tn_sample *sample, tn__arena *arena) {
  static const double specials[] = {NAN, INFINITY, -INFINITY};
  if (run->spec->reference == NULL || (sample->flags & TN_SAMPLE_LARGE) ||
      (run->spec->flags & TN_SPEC_UNSPECIFIED_VALUES) || sample->operand_count == 0 ||
      sample->operands[0].numel < 2 || !is_plain(sample) || !tn__once(run, TN__ONCE_SPECIALS)) {
    return;
  }
  for (int32_t i = 0; i < sample->operand_count; i++) {
    const tn_operand *operand = &sample->operands[i];
    bool any = ((run->spec->finite >> i) & 1) == 0;
    if (!any || !tn_dtype_is_floating(operand->dtype) || operand->numel == 0) continue;
    for (size_t k = 0; k < sizeof specials / sizeof specials[0]; k++) {
      check_with(run, sample, i, specials[k], arena);
    }
  }
}
