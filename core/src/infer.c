// SPDX-License-Identifier: Apache-2.0
//
// infer: what the operators' infer functions are written with: errors that carry the whole call,
// canonical dims, checked shapes.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>

#include "backend.h"
#include "dispatch.h"
#include "memory.h"
#include "text.h"

// ---- errors ------------------------------------------------------------------------------------

// " [self: float32[2, 3] on cpu, other: ...]"
static void append_operands(tn__text *text, const tn__call *call) {
  enum { SHOWN = 6 };
  int32_t input = 0;
  for (int32_t i = 0; i < call->op->arg_count && input < call->input_count; i++) {
    const tn__arg *arg = &call->op->args[i];
    if (arg->kind > TN__ARG_OPTIONAL_IMMEDIATE) continue;
    bool list = arg->kind == TN__ARG_TENSORS;
    int32_t end = list ? call->input_count : input + 1;
    for (int32_t first = input; input < end; input++) {
      const tn_tensor *tensor = call->inputs[input];
      if (input - first >= SHOWN) continue;
      if (tensor == NULL || tn__is_none(tensor)) continue;
      char device[48];
      tn__text_append(text, "%s%s", text->length == 0 ? "" : ", ", arg->name);
      if (list) tn__text_append(text, "[%d]", input - first);
      tn__text_append(text, ": %s", tn_dtype_name(tensor->dtype));
      tn__text_append_ints(text, tensor->sizes, tensor->rank);
      tn__text_append(text, " on %s", tn_device_name(tensor->device, device, sizeof device));
    }
  }
}

tn_status tn__call_error(tn__call *call, tn_status status, const tn__error_details *details,
                         const char *story) {
  if (!tn_ok()) return status;
  tn__text operands = {NULL, 0, 0};
  append_operands(&operands, call);
  bool named = details->argument != NULL && details->argument[0] != '\0';
  tn__error(status, details, "%s: %s%s%s%s%s%s", call->op->name, named ? "argument '" : "",
            named ? details->argument : "", named ? "': " : "", story,
            operands.length > 0 ? " [" : "", operands.length > 0 ? operands.data : "");
  if (operands.length > 0) tn__error_note("]");
  free(operands.data);
  return status;
}

tn_status tn__op_error(tn__call *call, tn_status status, const char *argument, const char *format,
                       ...) {
  char story[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(story, sizeof story, format, arguments);
  va_end(arguments);
  tn__error_details details = {call->op->name, argument, NULL, NULL};
  return tn__call_error(call, status, &details, story);
}

tn_status tn__call_error_of(tn__call *call, tn_status status, const char *backend,
                            const char *message) {
  tn__error_details details = {call->op->name, NULL, backend, NULL};
  return tn__call_error(call, status, &details, message);
}

tn_status tn__call_kernel_error(tn__call *call, tn_status status, const char *message) {
  const char *backend = call->kernel == NULL ? NULL : call->kernel->backend->facts.name;
  return tn__call_error_of(call, status, backend, message);
}

// ---- dims and sizes ----------------------------------------------------------------------------

tn_status tn__canonical_dim(tn__call *call, const char *argument, int64_t *dim, int32_t rank) {
  int64_t span = rank == 0 ? 1 : rank;
  if (*dim < -span || *dim >= span) {
    return tn__op_error(call, TN_OUT_OF_RANGE, argument,
                        "dim %lld is out of range for %d dimensions (expected %lld to %lld)",
                        (long long)*dim, rank, (long long)-span, (long long)(span - 1));
  }
  if (*dim < 0) *dim += span;
  return TN_OK;
}

tn_status tn__canonical_dims(tn__call *call, const char *argument, tn_ints *dims, int32_t rank,
                             bool empty_is_all, uint32_t *mask) {
  *mask = 0;
  if (dims->count <= 0 && empty_is_all) {
    *mask = rank >= 32 ? UINT32_MAX : (1u << rank) - 1;
  }
  for (int64_t i = 0; i < dims->count; i++) {
    int64_t dim = dims->data[i];
    tn_status status = tn__canonical_dim(call, argument, &dim, rank);
    if (status != TN_OK) return status;
    if ((*mask >> dim) & 1) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, argument, "dim %lld stands twice in the list",
                          (long long)dim);
    }
    *mask |= 1u << dim;
  }
  if (rank == 0) *mask = 0;
  int64_t *sorted = tn__call_int_room(call, 32);
  if (sorted == NULL) return TN_OUT_OF_MEMORY;
  dims->data = sorted;
  dims->count = 0;
  for (int32_t d = 0; d < rank; d++) {
    if ((*mask >> d) & 1) sorted[dims->count++] = d;
  }
  return TN_OK;
}

int64_t *tn__call_ints(tn__call *call, const int64_t *data, int64_t count) {
  int64_t *room = tn__call_int_room(call, count > 0 ? count : 1);
  if (room != NULL && count > 0) memcpy(room, data, sizeof(int64_t) * (uint64_t)count);
  return room;
}

tn_status tn__checked_numel(tn__call *call, const char *argument, tn_ints sizes, int64_t *numel) {
  if (sizes.count < 0 || sizes.count > TN_MAX_DIMS) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "%lld dimensions; at most %d are possible", (long long)sizes.count,
                        TN_MAX_DIMS);
  }
  for (int64_t i = 0; i < sizes.count; i++) {
    if (sizes.data[i] < 0) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, argument, "size %lld is negative",
                          (long long)sizes.data[i]);
    }
  }
  *numel = tn__numel((int32_t)sizes.count, sizes.data, 16);
  if (*numel < 0) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument, "the product of the sizes overflows");
  }
  return TN_OK;
}

void tn__result_like(tn__result *result, const tn_tensor *tensor) {
  result->rank = tensor->rank;
  for (int32_t d = 0; d < tensor->rank; d++) result->sizes[d] = tensor->sizes[d];
}

tn_status tn__result_shape(tn_infer *infer, int32_t index, tn_ints sizes) {
  int64_t numel;
  tn_status status = tn__checked_numel(infer->call, "size", sizes, &numel);
  if (status != TN_OK) return status;
  tn__result *result = &infer->results[index];
  result->rank = (int32_t)sizes.count;
  for (int64_t d = 0; d < sizes.count; d++) result->sizes[d] = sizes.data[d];
  return TN_OK;
}

void tn__result_reduced(tn__result *result, const tn_tensor *self, uint32_t mask, bool keepdim) {
  int32_t rank = 0;
  for (int32_t d = 0; d < self->rank; d++) {
    bool reduced = ((mask >> d) & 1) != 0;
    if (!reduced) {
      result->sizes[rank++] = self->sizes[d];
    } else if (keepdim) {
      result->sizes[rank++] = 1;
    }
  }
  result->rank = rank;
  result->reduced = mask;
}

// ---- ready-made infers -------------------------------------------------------------------------

tn_status tn__infer_same(tn_infer *infer) {
  for (int32_t i = 0; i < infer->result_count; i++) {
    tn__result_like(&infer->results[i], infer->inputs[0]);
  }
  return TN_OK;
}

// Widens |result| by |tensor|'s shape; false where they do not broadcast.
static bool widen(tn__result *result, const tn_tensor *tensor) {
  int32_t rank = result->rank;
  if (tensor->rank > rank) {
    int32_t more = tensor->rank - rank;
    memmove(result->sizes + more, result->sizes, sizeof(int64_t) * (uint64_t)rank);
    for (int32_t d = 0; d < more; d++) result->sizes[d] = tensor->sizes[d];
    result->rank = tensor->rank;
  }
  for (int32_t i = 1; i <= rank && i <= tensor->rank; i++) {
    int64_t *size = &result->sizes[result->rank - i];
    int64_t other = tensor->sizes[tensor->rank - i];
    if (*size == other || other == 1) continue;
    if (*size != 1) return false;
    *size = other;
  }
  return true;
}

tn_status tn__infer_pointwise(tn_infer *infer) {
  if (infer->call->uniform) return TN_OK;  // the shape of input 0, which nobody has to copy
  tn__result *result = &infer->results[0];
  result->rank = 0;
  for (int32_t i = 0; i < infer->input_count; i++) {
    const tn_tensor *tensor = infer->inputs[i];
    if (tensor->rank == 0) continue;  // TN_NONE too
    if (!widen(result, tensor)) {
      return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "", "the shapes do not broadcast");
    }
  }
  for (int32_t i = 1; i < infer->result_count; i++) {
    infer->results[i].rank = result->rank;
    memcpy(infer->results[i].sizes, result->sizes, sizeof(int64_t) * (uint64_t)result->rank);
  }
  // Each operand fits into memory, but what they broadcast to may not.
  if (tn__numel(result->rank, result->sizes, 16) < 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "", "the broadcast shape is too large");
  }
  return TN_OK;
}

tn_status tn__expect_index(tn_infer *infer, int32_t input, const char *argument) {
  tn_dtype dtype = infer->inputs[input]->dtype;
  if (dtype == TN_I64 || dtype == TN_I32) return TN_OK;
  return tn__op_error(infer->call, TN_INVALID_DTYPE, argument, "indices are int64 or int32, not %s",
                      tn_dtype_name(dtype));
}

tn_status tn__expect_rank(tn_infer *infer, int32_t input, const char *argument, int32_t low,
                          int32_t high) {
  int32_t rank = infer->inputs[input]->rank;
  if (rank >= low && rank <= high) return TN_OK;
  if (low == high) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, argument,
                        "expected %d dimensions, not %d", low, rank);
  }
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, argument,
                      "expected %d to %d dimensions, not %d", low, high, rank);
}

// ---- services of the host table ----------------------------------------------------------------

void *tn__call_scratch(tn__call *call, uint64_t size_bytes) {
  return tn__call_block(call, size_bytes);
}

tn_status tn__call_result_create(tn__call *call, const tn_args *args, uint32_t output, int32_t rank,
                                 const int64_t *sizes) {
  if (output >= (uint32_t)call->output_count || rank < 0 || rank > TN_MAX_DIMS ||
      (rank > 0 && sizes == NULL) || call->outs[output] != NULL) {
    return tn__op_error(call, TN_INTERNAL, "",
                        "the kernel created a result that is none, or twice");
  }
  const tn__result *result = &call->results[output];
  if (tn__numel(rank, sizes, tn_dtype_size(result->dtype)) < 0) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "", "the size of the result overflows");
  }
  tn_tensor *tensor = tn__tensor_new(rank, sizes, result->dtype, call->device);
  if (tensor == NULL) return tn__call_out_of_memory(call);
  tn__memory_made_by(tensor->storage, call->op->name);
  call->outs[output] = tensor;
  tn_view *view = &args->views[output];
  view->data = tensor->data;
  view->sizes = tensor->sizes;
  view->strides = tensor->strides;
  view->rank = rank;
  view->numel = tensor->numel;
  view->flags = TN_VIEW_CONTIGUOUS;
  view->storage_id = tensor->storage->id;
  return TN_OK;
}
