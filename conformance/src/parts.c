// SPDX-License-Identifier: Apache-2.0
//
// parts: what a sample must give. An operator that acts on real and imaginary parts alike (it moves
// or adds elements) has a reference on real numbers, which is asked twice: for the values, and with
// the imaginary parts in their place.

#include <math.h>

#include "kit.h"

// Whether there is a second part to ask for.
static bool has_parts(const tn_sample *sample) {
  if ((sample->spec->flags & TN_SPEC_COMPLEX_PARTS) != TN_SPEC_COMPLEX_PARTS) return false;
  for (int32_t i = 0; i < sample->operand_count; i++) {
    if (sample->operands[i].imag != NULL) return true;
  }
  return false;
}

// Imaginary parts in place of the values: zeros for real floating numbers. Masks and indices stay.
static void show_imag(tn_operand *operand, tn__arena *arena) {
  if (operand->imag != NULL) {
    operand->values = operand->imag;
  } else if (tn_dtype_is_floating(operand->dtype)) {
    operand->values = tn__arena_take(arena, sizeof(double) * (size_t)operand->numel);
  }
}

// Errors of the two parts add up as the sides of a right angle do.
static void join_scales(double *scales, const double *more, int64_t numel) {
  for (int64_t i = 0; scales != NULL && more != NULL && i < numel; i++) {
    scales[i] = hypot(scales[i], more[i]);
  }
}

void tn__expect_of(const tn_sample *sample, tn_expected *expected) {
  sample->spec->reference(sample, expected);
  if (!has_parts(sample)) return;
  tn_sample imaginary = *sample;
  tn_expected other = {.arena = expected->arena};
  for (int32_t i = 0; i < imaginary.operand_count; i++) {
    show_imag(&imaginary.operands[i], expected->arena);
  }
  if (expected->arena->failed) return;
  sample->spec->reference(&imaginary, &other);
  for (int32_t k = 0; k < expected->count && k < other.count; k++) {
    tn_operand *result = &expected->results[k];
    if (!tn_dtype_is_complex(result->dtype)) continue;
    result->imag = other.results[k].values;
    join_scales(expected->scales[k], other.scales[k], result->numel);
  }
}
