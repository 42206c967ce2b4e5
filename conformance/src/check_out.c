// SPDX-License-Identifier: Apache-2.0
//
// check_out: name_out against the base form: the results of a call are written into a tensor that
// is there, in several layouts, in the middle of memory full of canaries that must survive.

#include <stdio.h>
#include <string.h>

#include "kit.h"
#include "numbers.h"

// The tensor to write: what is expected, with every value wrong.
static tn_operand wrong_values(const tn_operand *want, tn__arena *arena) {
  tn_operand out = *want;
  out.values = tn__arena_take(arena, sizeof(double) * (size_t)want->numel);
  for (int64_t i = 0; out.values != NULL && i < out.numel; i++) {
    out.values[i] = tn__canary(want->dtype);
  }
  return out;
}

static void check_written(tn__run *run, const tn_sample *sample, const char *variant,
                          const tn__placed *placed, const tn_operand *out,
                          const tn_expected *expected, tn__arena *arena) {
  char text[512];
  tn__outcome outcome = {0};
  tn_status status = tn__read_result(placed->view, arena, &outcome);
  if (!tn__check(run, status == TN_OK, sample, variant, "the result cannot be read")) return;
  const char *difference = tn__compare(run->spec, &outcome, expected, 0, text, sizeof text);
  tn__check(run, difference == NULL, sample, variant, "%s", text);
  tn__check(run, tn__placed_intact(placed, out, true), sample, variant,
            "memory beside the result was written");
}

static void check_in_layout(tn__run *run, const tn_sample *sample, tn__layout layout,
                            const tn_expected *expected, tn__arena *arena) {
  char variant[64];
  tn__prepared prepared;
  tn__placed placed = {0};
  tn_operand out = wrong_values(&expected->results[0], arena);
  snprintf(variant, sizeof variant, "out, %s", tn__layout_name(layout));
  bool ready = out.values != NULL &&
               tn__prepare(sample, TN__LAYOUT_CONTIGUOUS, run->device, &prepared) == TN_OK;
  if (ready && tn__place(&out, layout, run->device, &placed) == TN_OK) {
    tn_manual_seed(TN__SEED);
    tn_status status =
        tn_op_call_out(run->op, TN_TENSORS(placed.view), prepared.args, sample->arg_count);
    if (tn__check(run, status == TN_OK, sample, variant, "%s",
                  status == TN_OK ? "" : tn_error_peek()->message)) {
      check_written(run, sample, variant, &placed, &out, expected, arena);
    }
  }
  tn_error_clear();
  tn__placed_release(&placed);
  if (ready) tn__prepared_release(&prepared);
}

void tn__check_out(tn__run *run, const tn_sample *sample, tn__arena *arena) {
  static const tn__layout layouts[] = {TN__LAYOUT_CONTIGUOUS, TN__LAYOUT_SPACED,
                                       TN__LAYOUT_TRANSPOSED, TN__LAYOUT_REVERSED};
  if (!run->traits.out || run->spec->reference == NULL || (sample->flags & TN_SAMPLE_LARGE)) {
    return;
  }
  tn_expected expected = {.arena = arena};
  run->spec->reference(sample, &expected);
  if (arena->failed || expected.count != 1) return;
  for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
    check_in_layout(run, sample, layouts[i], &expected, arena);
  }
}
