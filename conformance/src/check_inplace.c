// SPDX-License-Identifier: Apache-2.0
//
// check_inplace: name_ against the base form. The result, cast to the first operand's dtype, must
// stand where the operand stood, in each layout, and memory beside it must be left alone. Where
// the result does not fit (another shape, a dtype that may not be cast) the call must fail and
// change nothing.

#include <stdio.h>
#include <string.h>

#include "kit.h"

// "add.Tensor" -> the operator "add_.Tensor".
static const tn_op *inplace_form(const char *name) {
  char text[96];
  size_t stem = strcspn(name, ".");
  int length = snprintf(text, sizeof text, "%.*s_%s", (int)stem, name, name + stem);
  return length > 0 && (size_t)length < sizeof text ? tn_op_find(text) : NULL;
}

static bool fits(const tn_operand *self, const tn_operand *result) {
  return self->ndim == result->ndim &&
         memcmp(self->sizes, result->sizes, sizeof(int64_t) * (size_t)self->ndim) == 0 &&
         tn_can_cast(result->dtype, self->dtype);
}

static void check_written(tn__run *run, const tn_sample *sample, const char *variant,
                          const tn__prepared *prepared, const tn__outcome *outcome,
                          const tn_expected *expected) {
  char text[512];
  // Casting the result back rounds once more.
  bool casts = expected->results[0].dtype != sample->operands[0].dtype;
  tn_expected cast = *expected;
  cast.count = 1;
  cast.results[0].dtype = sample->operands[0].dtype;
  const char *difference =
      tn__compare(run->spec, outcome, &cast, casts ? 0.5 : 0, text, sizeof text);
  tn__check(run, difference == NULL, sample, variant, "%s", text);
  tn__check(run, outcome->shares[0], sample, variant, "the result is another tensor");
  tn__check(run, tn__placed_intact(&prepared->placed[0], &sample->operands[0], true), sample,
            variant, "memory beside the operand was written");
}

static void check_refused(tn__run *run, const tn_sample *sample, const char *variant,
                          const tn__prepared *prepared, const tn__outcome *outcome) {
  tn__check(run, outcome->status != TN_OK, sample, variant,
            "a result that does not fit into the first operand was accepted");
  tn__check(run, tn__placed_intact(&prepared->placed[0], &sample->operands[0], false), sample,
            variant, "a refused call changed its operand");
}

static void check_in_layout(tn__run *run, const tn_op *form, const tn_sample *sample,
                            tn__layout layout, const tn_expected *expected, tn__arena *arena) {
  char variant[64];
  tn__prepared prepared;
  tn__outcome outcome;
  snprintf(variant, sizeof variant, "in place, %s", tn__layout_name(layout));
  if (tn__prepare(sample, layout, run->device, &prepared) == TN_OK) {
    tn__call_op(form, &prepared, arena, &outcome);
    if (!fits(&sample->operands[0], &expected->results[0])) {
      check_refused(run, sample, variant, &prepared, &outcome);
    } else if (tn__check_called(run, sample, variant, &outcome)) {
      check_written(run, sample, variant, &prepared, &outcome, expected);
    }
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
}

void tn__check_inplace(tn__run *run, const tn_sample *sample, const tn_expected *expected,
                       tn__arena *arena) {
  if (!run->traits.inplace || expected->count == 0 || sample->operand_count == 0 ||
      (sample->flags & (TN_SAMPLE_LARGE | TN_SAMPLE_NO_INPLACE)) ||
      sample->args[0].value.kind != TN_VALUE_TENSOR) {
    return;
  }
  const tn_op *form = inplace_form(run->spec->op);
  if (!tn__check(run, form != NULL, sample, "in place", "there is no such form")) return;
  static const tn__layout layouts[] = {TN__LAYOUT_CONTIGUOUS, TN__LAYOUT_EMBEDDED,
                                       TN__LAYOUT_SPACED, TN__LAYOUT_TRANSPOSED,
                                       TN__LAYOUT_REVERSED};
  for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
    check_in_layout(run, form, sample, layouts[i], expected, arena);
  }
}
