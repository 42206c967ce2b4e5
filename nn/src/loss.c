// SPDX-License-Identifier: Apache-2.0
//
// loss: what is asked of a classifier beside its loss.

#include <tenon/nn/loss.h>

#include "call.h"

tn_tensor *tn_count_correct(tn_tensor *logits, tn_tensor *target) {
  if (logits == NULL || target == NULL) {
    tn_error_set(TN_INVALID_ARGUMENT, "tn_count_correct: the %s is NULL",
                 logits == NULL ? "logits" : "target");
    return NULL;
  }
  if (tn_tensor_ndim(logits) != 2 || tn_tensor_ndim(target) != 1 ||
      tn_tensor_size(logits, 0) != tn_tensor_size(target, 0)) {
    tn_error_set(TN_INVALID_ARGUMENT,
                 "tn_count_correct: expected logits [N, C] and target [N]; got %d and %d "
                 "dimensions with first sizes %lld and %lld",
                 (int)tn_tensor_ndim(logits), (int)tn_tensor_ndim(target),
                 (long long)tn_tensor_size(logits, 0), (long long)tn_tensor_size(target, 0));
    return NULL;
  }
  tn__unrecorded section;
  tn_tensor *count = NULL;
  if (tn__unrecorded_open(&section) == TN_OK) {
    tn_tensor *answer = tn_argmax(logits, .dim = TN_INT(1));
    count = tn_escape(tn_sum(tn_eq(answer, target)));
  }
  tn__unrecorded_close(&section);
  return count;
}
