// SPDX-License-Identifier: Apache-2.0
//
// verify: the shadow checker (TENON_VERIFY), see <tenon/verify.h>. It is a wrapper that stands
// innermost: it sees calls as they reach their kernel, casts of other wrappers included. A call is
// checked after it has run; operands that it writes over are copied before. Invariant: the checked
// call is not touched, and what fails while checking is no error of the program's.

#ifndef TENON_CORE_VERIFY_H_
#define TENON_CORE_VERIFY_H_

#include "wrap.h"

// Starts checking where the settings want it; adds a wrapper. Registry locked, backends found.
// errors: INVALID_ARGUMENT for a setting that cannot be understood, NOT_FOUND for a backend
tn_status tn__verify_open(void);

// Prints the report, once, where something was to be verified.
void tn__verify_finish(void);

// ---- comparing (verify_compare.c)

// Where two results differ most, in units of what is allowed.
typedef struct tn__difference {
  bool found;
  const char *form;  // what is wrong with shapes or dtypes; NULL: values differ
  int32_t result;
  int64_t element;  // in row-major order
  tn_scalar ours, theirs;
  double allowed;  // the largest difference that is
  int64_t count;   // elements that differ by more
} tn__difference;

// What rounding errors are relative to in a call whose operands are |operands| (cpu, contiguous).
typedef struct tn__tolerance {
  double rtol;   // relative to |scale| and the element; 0: by dtype
  double scale;  // the largest magnitude of an operand; 0: elements alone count
  double terms;  // what sums of many terms multiply it by, at least 1
} tn__tolerance;
tn__tolerance tn__tolerance_of(const tn__call *call, tn_tensor *const *operands, double rtol);

// Compares result |result|, |ours| against |theirs|, both on the cpu and contiguous; keeps the
// larger difference in |*difference|.
void tn__compare(const tn_tensor *ours, const tn_tensor *theirs, int32_t result,
                 tn__tolerance tolerance, tn__difference *difference);

// ---- saving (verify_save.c)

typedef struct tn__divergence {
  const tn__call *call;  // the one that was checked
  const void *attrs;
  const char *other;           // the backend that ran it again
  tn_tensor *const *operands;  // as they were before, on the cpu; TN_NONE for absent
  tn_tensor *const *ours;      // results, on the cpu
  tn_tensor *const *theirs;
  int32_t result_count;
  tn__difference difference;
} tn__divergence;

// "result 0 at [1, 2]: 3.5, and 3 with cpu (a difference of 0.5, allowed 1e-06); 2 of 6 elements"
void tn__divergence_story(const tn__divergence *divergence, char *text, size_t size);

// Writes a text and the tensors into |folder| (made where it is not there), under a name that
// starts with |number|. Nothing is recorded where it fails; false then.
bool tn__divergence_save(const tn__divergence *divergence, const char *folder, int number,
                         const char *story);

#endif  // TENON_CORE_VERIFY_H_
