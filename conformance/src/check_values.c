// SPDX-License-Identifier: Apache-2.0
//
// check_values: one sample in every layout. The contiguous call comes first: where no kernel takes
// it nothing else is asked of the sample. Every call is compared with the reference (or judged by
// the spec's verify), must leave its operands and the memory around them alone, and the contiguous
// one must give the same bits again, on one thread and on all.

#include <stdlib.h>

#include "kit.h"
#include "numbers.h"

// A spec that takes complex numbers to be real sees NaN where there is an imaginary part.
static void forget_imag(const tn__outcome *outcome) {
  for (int32_t k = 0; k < outcome->count; k++) {
    const tn_operand *result = &outcome->results[k];
    for (int64_t i = 0; result->imag != NULL && i < result->numel; i++) {
      result->values[i] = tn__as_real(result->values[i], result->imag[i]);
    }
  }
}

static void judge(tn__run *run, const tn_sample *sample, const char *variant,
                  const tn__outcome *outcome, const tn_expected *expected) {
  char text[512];
  if (run->spec->reference != NULL) {
    const char *difference = tn__compare(run->spec, outcome, expected, 0, text, sizeof text);
    tn__check(run, difference == NULL, sample, variant, "%s", text);
  }
  if (run->spec->verify != NULL) {
    if (!(run->spec->flags & TN_SPEC_COMPLEX)) forget_imag(outcome);
    const char *wrong = run->spec->verify(sample, outcome->results, outcome->count);
    tn__check(run, wrong == NULL, sample, variant, "%s", wrong == NULL ? "" : wrong);
  }
}

static void check_operands_intact(tn__run *run, const tn__prepared *prepared, const char *variant) {
  const tn_sample *sample = prepared->sample;
  for (int32_t i = 0; i < sample->operand_count; i++) {
    bool written = ((run->spec->writes >> i) & 1) != 0;
    tn__check(run, tn__placed_intact(&prepared->placed[i], &sample->operands[i], written), sample,
              variant, "operand %d, or memory beside it, was written", i);
  }
}

// The same values again, on one thread and on as many as there are.
static void check_repeats(tn__run *run, const tn__prepared *prepared, const tn__outcome *first,
                          tn__arena *arena) {
  tn__outcome again;
  int32_t threads = tn_thread_count();
  tn__call_op(run->op, prepared, arena, &again);
  tn__check(run, tn__same_bits(first, &again), prepared->sample, "again",
            "a second call gave other bits");
  if (threads <= 1 || !(prepared->sample->flags & TN_SAMPLE_LARGE)) return;
  tn_set_thread_count(1);
  tn__call_op(run->op, prepared, arena, &again);
  tn_set_thread_count(threads);
  tn__check(run, tn__same_bits(first, &again), prepared->sample, "one thread",
            "one thread gives other bits than %d", threads);
}

// Leaves wrong values in the memory that results are likely to get, so that a kernel which writes
// nothing does not find right ones there.
static void poison(const tn__run *run, const tn_expected *expected) {
  tn__placed placed[TN_SPEC_MAX_RESULTS] = {{0}};
  for (int32_t k = 0; k < expected->count; k++) {
    tn_operand result = expected->results[k];
    double *wrong = malloc(sizeof *wrong * (size_t)result.numel + 1);
    for (int64_t i = 0; wrong != NULL && i < result.numel; i++) {
      wrong[i] = tn__wrong(result.dtype, result.values[i]);
    }
    result.values = wrong;
    result.imag = NULL;
    if (wrong != NULL) {
      (void)tn__place(&result, TN__LAYOUT_CONTIGUOUS, run->device, &placed[k]);
    }
    free(wrong);
  }
  for (int32_t k = expected->count - 1; k >= 0; k--) tn__placed_release(&placed[k]);
  tn_error_clear();
}

static bool call_contiguous(tn__run *run, const tn_sample *sample, const tn_expected *expected,
                            tn__arena *arena, tn__outcome *outcome) {
  tn__prepared prepared;
  tn_status status = tn__prepare(sample, TN__LAYOUT_CONTIGUOUS, run->device, &prepared);
  bool ready = tn__check(run, status == TN_OK, sample, "contiguous", "operands cannot be made: %s",
                         status == TN_OK ? "" : tn_error_peek()->message);
  tn_error_clear();
  if (ready) {
    poison(run, expected);
    tn__call_op(run->op, &prepared, arena, outcome);
    ready = tn__check_called(run, sample, "contiguous", outcome);
  }
  if (ready) {
    judge(run, sample, "contiguous", outcome, expected);
    check_operands_intact(run, &prepared, "contiguous");
    if (!(run->spec->flags & TN_SPEC_UNSPECIFIED_VALUES)) {
      check_repeats(run, &prepared, outcome, arena);
    }
    if (run->traits.view && outcome->count > 0 && outcome->results[0].numel > 0) {
      tn__check(run, outcome->shares[0], sample, "contiguous", "the view is a copy");
    }
  }
  tn__prepared_release(&prepared);
  return ready;
}

static void call_in_layout(tn__run *run, const tn_sample *sample, tn__layout layout,
                           const tn_expected *expected, tn__arena *arena) {
  tn__prepared prepared;
  tn__outcome outcome;
  const char *variant = tn__layout_name(layout);
  tn_status status = tn__prepare(sample, layout, run->device, &prepared);
  if (tn__check(run, status == TN_OK, sample, variant, "operands cannot be made: %s",
                status == TN_OK ? "" : tn_error_peek()->message)) {
    tn__call_op(run->op, &prepared, arena, &outcome);
    if (tn__check_called(run, sample, variant, &outcome)) {
      judge(run, sample, variant, &outcome, expected);
      check_operands_intact(run, &prepared, variant);
    }
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
}

static double *repeat_rows(const double *values, int64_t row, int64_t numel, tn__arena *arena) {
  double *repeated = tn__arena_take(arena, sizeof(double) * (size_t)numel);
  for (int64_t i = 0; repeated != NULL && i < numel; i++) repeated[i] = values[i % row];
  return repeated;
}

tn_sample *tn__repeat_values(const tn_sample *sample, tn__arena *arena) {
  tn_sample *copy = tn__arena_take(arena, sizeof *copy);
  if (copy == NULL) return NULL;
  *copy = *sample;
  for (int32_t i = 0; i < copy->operand_count; i++) {
    tn_operand *operand = &copy->operands[i];
    if (operand->ndim == 0 || operand->numel == 0) continue;
    int64_t row = operand->numel / operand->sizes[0];
    operand->values = repeat_rows(operand->values, row, operand->numel, arena);
    if (operand->values == NULL) return NULL;
    if (operand->imag == NULL) continue;
    operand->imag = repeat_rows(operand->imag, row, operand->numel, arena);
    if (operand->imag == NULL) return NULL;
  }
  return copy;
}

static void call_expanded(tn__run *run, const tn_sample *sample, tn__arena *arena) {
  tn_sample *repeated = tn__repeat_values(sample, arena);
  tn_expected expected = {.arena = arena};
  if (repeated == NULL) return;
  if (run->spec->reference != NULL) tn__expect_of(repeated, &expected);
  if (arena->failed) return;
  call_in_layout(run, repeated, TN__LAYOUT_EXPANDED, &expected, arena);
}

bool tn__may_repeat(const tn__run *run, const tn_sample *sample) {
  return sample->operand_count > 0 && !(run->spec->flags & TN_SPEC_NO_EXPAND) &&
         !(sample->flags & TN_SAMPLE_NO_EXPAND);
}

bool tn__check_values(tn__run *run, const tn_sample *sample, const tn_expected *expected,
                      tn__arena *arena, tn__outcome *first) {
  if (!call_contiguous(run, sample, expected, arena, first)) return false;
  if (sample->operand_count == 0 || (run->spec->flags & TN_SPEC_CONTIGUOUS_ONLY)) return true;
  call_in_layout(run, sample, TN__LAYOUT_EMBEDDED, expected, arena);
  if (sample->flags & TN_SAMPLE_LARGE) return true;
  for (int32_t layout = TN__LAYOUT_EMBEDDED + 1; layout < TN__LAYOUT_COUNT; layout++) {
    if (layout == TN__LAYOUT_EXPANDED) {
      if (tn__may_repeat(run, sample)) call_expanded(run, sample, arena);
    } else {
      call_in_layout(run, sample, (tn__layout)layout, expected, arena);
    }
  }
  return true;
}
