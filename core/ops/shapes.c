// SPDX-License-Identifier: Apache-2.0
//
// shapes: see shapes.h. A view is found by joining the old dimensions into runs that lie evenly
// spaced in memory, and cutting each run into the new dimensions; it exists where no new dimension
// crosses from one run into the next.

#include "shapes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <tenon/device.h>
#include <tenon/ops.h>

#include "tensor_impl.h"
#include "text.h"

// ---- views

static tn_status wrong_count(tn__call *call, const char *argument, tn_ints sizes, int64_t numel) {
  tn__text wanted = {NULL, 0, 0};
  tn__text_append_ints(&wanted, sizes.data, sizes.count);
  tn_status status = tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                                  "the sizes %s must multiply to the input's %" PRId64 " elements",
                                  wanted.data == NULL ? "" : wanted.data, numel);
  free(wanted.data);
  return status;
}

tn_status tn__resolve_sizes(tn__call *call, const char *argument, tn_ints sizes, int64_t numel,
                            int64_t *resolved) {
  if (sizes.count > TN_MAX_DIMS) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument, "at most %d dimensions, not %" PRId64,
                        TN_MAX_DIMS, sizes.count);
  }
  int64_t known = 1, unknown = -1;
  for (int64_t d = 0; d < sizes.count; d++) {
    int64_t size = sizes.data[d];
    resolved[d] = size;
    if (size == -1 && unknown < 0) {
      unknown = d;
    } else if (size < 0) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                          size == -1 ? "only one size may be -1" : "size %" PRId64 " is negative",
                          size);
    } else if (__builtin_mul_overflow(known, size, &known)) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, argument, "the number of elements overflows");
    }
  }
  if (unknown < 0) return known == numel ? TN_OK : wrong_count(call, argument, sizes, numel);
  if (known == 0) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "-1 could be any size beside a size of 0");
  }
  if (numel % known != 0) return wrong_count(call, argument, sizes, numel);
  resolved[unknown] = numel / known;
  return TN_OK;
}

// Strides of a row-major tensor; sizes of 0 count as 1, so that no stride is 0.
static void row_major(tn_ints sizes, int64_t *strides) {
  int64_t stride = 1;
  for (int64_t d = sizes.count - 1; d >= 0; d--) {
    strides[d] = stride;
    if (sizes.data[d] > 1 && __builtin_mul_overflow(stride, sizes.data[d], &stride)) stride = 1;
  }
}

typedef struct run {
  int64_t size, stride;
} run;

// The evenly spaced runs of a tensor, last one first; their number.
static int32_t join_runs(tn_ints sizes, const int64_t *strides, run *runs) {
  int32_t count = 0;
  for (int64_t d = sizes.count - 1; d >= 0; d--) {
    if (sizes.data[d] == 1) continue;
    run *last = count > 0 ? &runs[count - 1] : NULL;
    if (last != NULL && strides[d] == last->size * last->stride) {
      last->size *= sizes.data[d];
    } else {
      runs[count++] = (run){sizes.data[d], strides[d]};
    }
  }
  return count;
}

bool tn__view_strides(tn_ints sizes, const int64_t *strides, tn_ints view_sizes,
                      int64_t *view_strides) {
  for (int64_t d = 0; d < view_sizes.count; d++) {
    if (view_sizes.data[d] != 0) continue;
    row_major(view_sizes, view_strides);
    return true;
  }
  run runs[TN_MAX_DIMS];
  int32_t count = join_runs(sizes, strides, runs), next = 0;
  run rest = {1, 1};  // what is left of the run that is being cut
  for (int64_t d = view_sizes.count - 1; d >= 0; d--) {
    int64_t size = view_sizes.data[d];
    if (size != 1 && rest.size == 1 && next < count) rest = runs[next++];
    if (rest.size % size != 0) return false;
    view_strides[d] = rest.stride;
    rest.size /= size;
    rest.stride *= size;
  }
  return true;
}

// ---- windows

tn_status tn__expand_list(tn__call *call, const char *argument, tn_ints *list, int64_t count,
                          const int64_t *fallback) {
  if (list->count <= 0 && fallback == NULL) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument, "expected 1 or %" PRId64 " integers",
                        count);
  }
  if (list->count > 1 && list->count != count) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "expected 1 or %" PRId64 " integers, not %" PRId64, count, list->count);
  }
  int64_t expanded[TN_MAX_DIMS];
  for (int64_t d = 0; d < count; d++) {
    expanded[d] = list->count <= 0 ? fallback[d] : list->data[list->count == 1 ? 0 : d];
  }
  int64_t *kept = tn__call_ints(call, expanded, count);
  if (kept == NULL) return TN_OUT_OF_MEMORY;
  *list = tn_ints_of(kept, count);
  return TN_OK;
}

tn_status tn__expect_at_least(tn__call *call, const char *argument, tn_ints list, int64_t low) {
  for (int64_t d = 0; d < list.count; d++) {
    if (list.data[d] >= low) continue;
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "entry %" PRId64 " is %" PRId64 ", but must be at least %" PRId64, d,
                        list.data[d], low);
  }
  return TN_OK;
}

tn_status tn__window_places(tn__call *call, const char *argument, int64_t dimension, int64_t size,
                            tn__window window, bool ceil_mode, int64_t *places) {
  int64_t padding, padded, reach;
  if (__builtin_mul_overflow(window.padding, 2, &padding) ||
      __builtin_add_overflow(size, padding, &padded) ||
      __builtin_mul_overflow(window.dilation, window.kernel - 1, &reach) ||
      __builtin_add_overflow(reach, 1, &reach)) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "the window over spatial dimension %" PRId64 " overflows", dimension);
  }
  if (reach > padded) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "the kernel reaches over %" PRId64 " elements of spatial dimension %" PRId64
                        ", which has %" PRId64 " with its padding",
                        reach, dimension, padded);
  }
  int64_t room = padded - reach, count = room / window.stride;
  if (ceil_mode && room % window.stride != 0) {
    // One more place, unless it would start in the right padding.
    int64_t start;
    bool far = __builtin_mul_overflow(count + 1, window.stride, &start);
    if (!far && start < padded - window.padding) count++;
  }
  *places = count + 1;
  return TN_OK;
}

// ---- factories

tn_status tn__resolve_device(tn_device *device) {
  if (device->type == 0) *device = tn_device_default();
  return device->type == 0 ? tn_error_peek()->status : TN_OK;
}

tn_status tn__infer_factory(tn_infer *infer, tn_dtype dtype, tn_device device) {
  TN_TRY(tn__resolve_device(&device));
  infer->device = device;
  infer->key = dtype;
  infer->results[0].dtype = dtype;
  return TN_OK;
}

// ---- vjps and composes

tn_status tn__status_of(const tn_tensor *tensor) {
  if (tensor != NULL) return TN_OK;
  const tn_error *error = tn_error_peek();
  return error != NULL ? error->status : TN_INTERNAL;
}

tn_tensor *tn__zeros_beside(const tn_tensor *like, tn_ints sizes) {
  return tn_zeros(sizes, .dtype = tn_tensor_dtype(like), .device = tn_tensor_device(like));
}

tn_status tn__put_grad(tn__call *call, tn_tensor *part, tn_tensor *grad_output) {
  const int32_t more = tn_tensor_ndim(part) - tn_tensor_ndim(grad_output);
  bool fits = more >= 0;
  for (int32_t d = 0; fits && d < tn_tensor_ndim(grad_output); d++) {
    const int64_t size = tn_tensor_size(grad_output, d);
    fits = size == 1 || size == tn_tensor_size(part, more + d);
  }
  if (!fits) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "grad_output",
                        "the shape is not that of the part it is the gradient of");
  }
  return tn__copy_into(part, grad_output, false);
}
