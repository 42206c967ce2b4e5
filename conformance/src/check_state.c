// SPDX-License-Identifier: Apache-2.0
//
// check_state: nothing of one call may show in the next. The operands of a call are overwritten in
// place with other values, so that they keep their addresses and their storage's id and change
// only its version, and the call is made again: a kernel that keeps what it derived from the old
// values is found here.

#include "kit.h"

// Whether another call with |to| in place of |from| can tell the two apart.
static bool differ(const tn_sample *from, const tn_sample *to) {
  for (int32_t i = 0; i < from->operand_count; i++) {
    for (int64_t j = 0; j < from->operands[i].numel; j++) {
      if (from->operands[i].values[j] != to->operands[i].values[j]) return true;
      const double *imag = from->operands[i].imag;
      if (imag != NULL && imag[j] != to->operands[i].imag[j]) return true;
    }
  }
  return false;
}

static tn_status overwrite(const tn__run *run, tn__prepared *prepared, const tn_sample *sample) {
  for (int32_t i = 0; i < sample->operand_count; i++) {
    tn__placed fresh;
    tn_status status = tn__place(&sample->operands[i], TN__LAYOUT_CONTIGUOUS, run->device, &fresh);
    if (status == TN_OK) status = tn_copy_(prepared->lists[i], fresh.view);
    tn__placed_release(&fresh);
    if (status != TN_OK) return status;
  }
  return TN_OK;
}

void tn__check_state(tn__run *run, const tn_sample *sample, tn__arena *arena) {
  static const char variant[] = "operands changed in place";
  char text[512];
  if (run->spec->reference == NULL || (sample->flags & TN_SAMPLE_LARGE) ||
      !tn__may_repeat(run, sample)) {
    return;
  }
  tn_sample *changed = tn__repeat_values(sample, arena);
  if (changed == NULL || !differ(sample, changed) || !tn__once(run, TN__ONCE_STATE)) return;
  tn_expected expected = {.arena = arena};
  tn__expect_of(changed, &expected);
  tn__prepared prepared;
  tn__outcome outcome;
  tn_status status = tn__prepare(sample, TN__LAYOUT_CONTIGUOUS, run->device, &prepared);
  if (!arena->failed && status == TN_OK) {
    tn__call_op(run->op, &prepared, arena, &outcome);
    if (tn__check_called(run, sample, variant, &outcome) &&
        tn__check_status(run, sample, variant, overwrite(run, &prepared, changed))) {
      tn__call_op(run->op, &prepared, arena, &outcome);
      if (tn__check_called(run, sample, variant, &outcome)) {
        const char *difference = tn__compare(run->spec, &outcome, &expected, 0, text, sizeof text);
        tn__check(run, difference == NULL, sample, variant, "%s", text);
      }
    }
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
}
