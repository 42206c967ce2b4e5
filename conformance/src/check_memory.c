// SPDX-License-Identifier: Apache-2.0
//
// check_memory: each allocation of Tenon's own that a call makes fails in turn. The call must then
// either do without or say OUT_OF_MEMORY, leave its operands alone, and leave nothing behind: the
// same call, with memory again, gives the same bits. What the backend allocates by itself is not
// reached.

#include <stdio.h>
#include <tenon/testing.h>

#include "kit.h"

enum { MOST = 2000 };  // allocations of one call

// Calls with the |nth| allocation failing. Returns whether there was such an allocation.
static bool call_without(tn__run *run, const tn__prepared *prepared, int64_t nth,
                         const tn__outcome *first, tn__arena *arena) {
  char variant[64];
  tn__outcome outcome;
  const tn_sample *sample = prepared->sample;
  snprintf(variant, sizeof variant, "without allocation %lld", (long long)nth);
  tn_testing_fail_allocation(nth);
  tn__call_op(run->op, prepared, arena, &outcome);
  bool happened = tn_testing_allocation_failed();
  tn_testing_fail_allocation(0);
  if (!happened) return false;
  if (outcome.status == TN_OK) {
    tn__check(run, tn__same_bits(first, &outcome), sample, variant, "the call gave other bits");
  } else {
    tn__check(run, outcome.status == TN_OUT_OF_MEMORY, sample, variant,
              "expected '%s', got '%s': %s", tn_status_name(TN_OUT_OF_MEMORY),
              tn_status_name(outcome.status), outcome.message);
  }
  tn__call_op(run->op, prepared, arena, &outcome);
  tn__check(run, tn__same_bits(first, &outcome), sample, variant,
            "the next call is another than before: %s", outcome.message);
  return true;
}

static void fail_each(tn__run *run, const tn__prepared *prepared, const tn__outcome *plain,
                      tn__arena *arena) {
  const tn_sample *sample = prepared->sample;
  int64_t n = 1;
  while (n <= MOST && call_without(run, prepared, n, plain, arena)) n++;
  tn__check(run, n <= MOST, sample, "without memory", "more than %d allocations", MOST);
  for (int32_t i = 0; i < sample->operand_count; i++) {
    bool written = ((run->spec->writes >> i) & 1) != 0;
    tn__check(run, tn__placed_intact(&prepared->placed[i], &sample->operands[i], written), sample,
              "without memory", "operand %d was written", i);
  }
}

// Operands with gaps first, since those are the most work; false where nobody takes them.
static bool check_in_layout(tn__run *run, const tn_sample *sample, tn__layout layout) {
  bool served = false;
  tn__arena arena = {0};
  tn__prepared prepared;
  tn__outcome plain;
  if (tn__prepare(sample, layout, run->device, &prepared) == TN_OK) {
    tn__call_op(run->op, &prepared, &arena, &plain);
    served = plain.status == TN_OK;
    if (served) fail_each(run, &prepared, &plain, &arena);
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
  tn__arena_free(&arena);
  return served;
}

void tn__check_memory(tn__run *run, const tn_sample *sample) {
  uint32_t flags = run->spec->flags;
  if ((sample->flags & TN_SAMPLE_LARGE) || (flags & TN_SPEC_UNSPECIFIED_VALUES) ||
      (!run->full && !run->first_row) || !tn__once(run, TN__ONCE_MEMORY)) {
    return;
  }
  bool gaps = !(flags & TN_SPEC_CONTIGUOUS_ONLY);
  if (gaps && check_in_layout(run, sample, TN__LAYOUT_SPACED)) return;
  check_in_layout(run, sample, TN__LAYOUT_CONTIGUOUS);
}
