// SPDX-License-Identifier: Apache-2.0
//
// shapes: the arithmetic on sizes and strides that more than one family of operators needs: how a
// view regroups dimensions, how many places a window has, where a factory puts its result.
// Everything here checks for overflow and records errors through the call that asks.

#ifndef TENON_CORE_OPS_SHAPES_H_
#define TENON_CORE_OPS_SHAPES_H_

#include "op_def.h"

// Passes a failed status on.
#ifndef TN_TRY
#define TN_TRY(expression)                      \
  do {                                          \
    tn_status tn__status = (expression);        \
    if (tn__status != TN_OK) return tn__status; \
  } while (0)
#endif

// ---- views

// Writes |sizes| into |resolved| with a -1 replaced by what |numel| elements leave for it.
// errors: INVALID_ARGUMENT for a wrong number of elements, two -1, another negative size, an
// ambiguous -1 or a rank above TN_MAX_DIMS
tn_status tn__resolve_sizes(tn__call *call, const char *argument, tn_ints sizes, int64_t numel,
                            int64_t *resolved);

// The strides with which |view_sizes| (as many elements as |sizes|) names the same elements in the
// same order, or false where no strides can.
bool tn__view_strides(tn_ints sizes, const int64_t *strides, tn_ints view_sizes,
                      int64_t *view_strides);

// ---- windows that slide over a padded dimension (convolution, pooling)

// Gives |list| one entry for each of |count| dimensions, in memory of the call: one entry serves
// all, and none becomes |fallback| (NULL: an error). errors: INVALID_ARGUMENT, OUT_OF_MEMORY
tn_status tn__expand_list(tn__call *call, const char *argument, tn_ints *list, int64_t count,
                          const int64_t *fallback);

// Every entry of |list| must be at least |low|. errors: INVALID_ARGUMENT
tn_status tn__expect_at_least(tn__call *call, const char *argument, tn_ints list, int64_t low);

typedef struct tn__window {
  int64_t kernel, stride, padding, dilation;
} tn__window;

// How many places |window| has on |size| elements padded on both sides:
//   floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1
// With |ceil_mode| rounded up, but the last place starts inside the input or its left padding.
// errors: INVALID_ARGUMENT where the kernel is larger than the padded input, or on overflow
tn_status tn__window_places(tn__call *call, const char *argument, int64_t dimension, int64_t size,
                            tn__window window, bool ceil_mode, int64_t *places);

// ---- factories

// |dtype|, or |fallback| where that is unspecified.
static inline tn_dtype tn__dtype_or(tn_dtype dtype, tn_dtype fallback) {
  return dtype == TN_DTYPE_NONE ? fallback : dtype;
}

// Replaces an unspecified device by the default one. errors: what the environment's names give
tn_status tn__resolve_device(tn_device *device);

// Where a factory's infer puts its results: fills infer->device, infer->key and result 0's dtype.
tn_status tn__infer_factory(tn_infer *infer, tn_dtype dtype, tn_device device);

// ---- vjps and composes

// TN_OK for a tensor, the recorded error's status for NULL.
tn_status tn__status_of(const tn_tensor *tensor);

// Zeros of |sizes| with |like|'s dtype and device.
tn_tensor *tn__zeros_beside(const tn_tensor *like, tn_ints sizes);

// Copies a gradient into |part|, to which it must broadcast. errors: INVALID_ARGUMENT naming
// grad_output
tn_status tn__put_grad(tn__call *call, tn_tensor *part, tn_tensor *grad_output);

#endif  // TENON_CORE_OPS_SHAPES_H_
