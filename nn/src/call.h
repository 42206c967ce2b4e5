// SPDX-License-Identifier: Apache-2.0
//
// call: what calls into the core look like from here: a result becomes a status, options of any age
// are read safely, and arithmetic on parameters runs unrecorded in a scope of its own.

#ifndef TENON_NN_SRC_CALL_H_
#define TENON_NN_SRC_CALL_H_

#include <string.h>
#include <tenon/tenon.h>

#define TN_TRY(expression)                      \
  do {                                          \
    tn_status try_status = (expression);        \
    if (try_status != TN_OK) return try_status; \
  } while (0)

// TN_OK for a result, and for NULL the status that its call recorded.
static inline tn_status tn__status_of(const void *result) {
  if (result != NULL) return TN_OK;
  const tn_error *error = tn_error_peek();
  return error != NULL ? error->status : TN_INTERNAL;
}

// Copies an options struct, which starts with its uint32_t struct_size, into |out| of |size| bytes.
// Members that the caller's version does not have, or all for NULL, become zero: the default.
static inline void tn__read_options(void *out, size_t size, const void *options) {
  uint32_t given = 0;
  memset(out, 0, size);
  if (options == NULL) return;
  memcpy(&given, options, sizeof given);
  memcpy(out, options, given < size ? given : size);
}

// A stretch of calls that no gradient is recorded for and whose results are released at its end.
typedef struct tn__unrecorded {
  tn_scope *scope;
  bool recorded_before;
} tn__unrecorded;

// Close it whatever this returns. errors: OUT_OF_MEMORY
static inline tn_status tn__unrecorded_open(tn__unrecorded *section) {
  section->recorded_before = tn_grad_mode_set(false);
  section->scope = tn_scope_open();
  return tn__status_of(section->scope);
}

static inline void tn__unrecorded_close(tn__unrecorded *section) {
  if (section->scope != NULL) (void)tn_scope_close(section->scope);
  (void)tn_grad_mode_set(section->recorded_before);
}

#endif  // TENON_NN_SRC_CALL_H_
