// SPDX-License-Identifier: Apache-2.0
//
// check_out: name_out against the base form: the results of a call are written into tensors that
// are there and hold wrong values, in several layouts, in the middle of memory full of canaries
// that must survive. This is what shows a kernel that writes past its result, writes nothing, or
// takes its result to be contiguous.

#include <stdio.h>

#include "kit.h"
#include "numbers.h"

// The tensors to write, and what lies in and around them.
typedef struct targets {
  int32_t count;
  tn_operand wrong[TN_SPEC_MAX_RESULTS];
  tn__placed placed[TN_SPEC_MAX_RESULTS];
  tn_tensor *views[TN_SPEC_MAX_RESULTS];
} targets;

// Results of the shapes that are expected, with every value wrong.
static bool place_targets(const tn_expected *expected, tn__layout layout, tn_device device,
                          tn__arena *arena, targets *outs) {
  *outs = (targets){.count = expected->count};
  for (int32_t k = 0; k < outs->count; k++) {
    tn_operand *wrong = &outs->wrong[k];
    *wrong = expected->results[k];
    wrong->imag = NULL;
    wrong->values = tn__arena_take(arena, sizeof(double) * (size_t)wrong->numel);
    for (int64_t i = 0; wrong->values != NULL && i < wrong->numel; i++) {
      wrong->values[i] = tn__wrong(wrong->dtype, expected->results[k].values[i]);
    }
    if (wrong->values == NULL || tn__place(wrong, layout, device, &outs->placed[k]) != TN_OK) {
      return false;
    }
    outs->views[k] = outs->placed[k].view;
  }
  return true;
}

static void release_targets(targets *outs) {
  for (int32_t k = 0; k < outs->count; k++) tn__placed_release(&outs->placed[k]);
}

static void check_written(tn__run *run, const tn_sample *sample, const char *variant,
                          const targets *outs, const tn_expected *expected, tn__arena *arena) {
  char text[512];
  tn__outcome outcome = {0};
  for (int32_t k = 0; k < outs->count; k++) {
    tn_status status = tn__read_result(outs->views[k], arena, &outcome);
    if (!tn__check(run, status == TN_OK, sample, variant, "result %d cannot be read", k)) return;
    tn__check(run, tn__placed_intact(&outs->placed[k], &outs->wrong[k], true), sample, variant,
              "memory beside result %d was written", k);
  }
  const char *difference = tn__compare(run->spec, &outcome, expected, 0, text, sizeof text);
  tn__check(run, difference == NULL, sample, variant, "%s", text);
}

static void check_in_layout(tn__run *run, const tn_sample *sample, tn__layout layout,
                            const tn_expected *expected, tn__arena *arena) {
  char variant[64];
  tn__prepared prepared;
  tn__outcome outcome;
  targets outs = {0};
  snprintf(variant, sizeof variant, "out, %s", tn__layout_name(layout));
  tn_status status = tn__prepare(sample, TN__LAYOUT_CONTIGUOUS, run->device, &prepared);
  if (status == TN_OK && place_targets(expected, layout, run->device, arena, &outs)) {
    tn__call_out(run->op, &prepared, (tn_tensors){outs.views, outs.count}, &outcome);
    if (tn__check_called(run, sample, variant, &outcome)) {
      check_written(run, sample, variant, &outs, expected, arena);
    }
  }
  tn_error_clear();
  release_targets(&outs);
  tn__prepared_release(&prepared);
}

void tn__check_out(tn__run *run, const tn_sample *sample, const tn_expected *expected,
                   tn__arena *arena) {
  static const tn__layout layouts[] = {TN__LAYOUT_EMBEDDED, TN__LAYOUT_CONTIGUOUS,
                                       TN__LAYOUT_SPACED, TN__LAYOUT_TRANSPOSED,
                                       TN__LAYOUT_REVERSED};
  size_t count = sample->flags & TN_SAMPLE_LARGE ? 1 : sizeof layouts / sizeof layouts[0];
  if (!run->traits.out || expected->count != tn_op_result_count(run->op)) return;
  for (size_t i = 0; i < count; i++) {
    check_in_layout(run, sample, layouts[i], expected, arena);
  }
}
