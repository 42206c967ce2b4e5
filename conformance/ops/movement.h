// SPDX-License-Identifier: Apache-2.0
//
// movement: specs of operators whose result's elements are elements of the first operand: views and
// rearrangements. A row says the result's shape and, for each index of it, where that comes from.

#ifndef TENON_CONFORMANCE_MOVEMENT_H_
#define TENON_CONFORMANCE_MOVEMENT_H_

#include "reference.h"

typedef struct movement {
  // Writes the result's sizes, returns its rank.
  int32_t (*shape)(const tn_sample *sample, int64_t *sizes);
  // Writes the index in the operand of the result's element at |index|; false: the element is 0.
  bool (*source)(const tn_sample *sample, const int64_t *index, int64_t *from);
} movement;

void movement_reference(const tn_sample *sample, tn_expected *expected);

// A sample whose first argument is a tensor of |shape|.
tn_sample *movement_of(tn_samples *samples, const char *name, tn_ints shape);
// The same for a call that must fail.
tn_sample *movement_failing(tn_samples *samples, const char *name, tn_status status,
                            const char *argument, tn_ints shape);

// Appends a result: the elements start, start + step, ... of |operand| along |dim|, |length| of
// them.
void movement_slice(const tn_operand *operand, int32_t dim, int64_t start, int64_t step,
                    int64_t length, bool drop, tn_expected *expected);

#endif  // TENON_CONFORMANCE_MOVEMENT_H_
