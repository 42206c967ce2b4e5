// SPDX-License-Identifier: Apache-2.0
//
// call_uniform: the common pointwise call, and the common reduction. Where every operand is a
// contiguous tensor of one dtype, shape and device, and the first kernel of the chain takes any
// arguments, there is nothing to promote, broadcast, merge, cast or copy: the result is like the
// first operand, or is one element, and every view is one run of elements. Invariant: what this
// does is what dispatch.c would have done.

#include <string.h>
#include <tenon/error.h>

#include "dispatch.h"

static const int64_t unit_stride[1] = {1};
static const int64_t zero_stride[1] = {0};

// |first| is contiguous and of the heap. Immediates and TN_NONE are not, so flags tell them apart.
static inline bool is_like(const tn_tensor *tensor, const tn_tensor *first) {
  if (tn__kind_of(tensor) != tn__kind_of(first) ||
      !tn_device_equal(tensor->device, first->device)) {
    return false;
  }
  for (int32_t d = 0; d < first->rank; d++) {
    if (tensor->sizes[d] != first->sizes[d]) return false;
  }
  return true;
}

// Whether a gradient might have to be recorded because of |tensor|.
static inline bool may_track(const tn_tensor *tensor) {
  return tensor->requires_grad || tensor->base != NULL;
}

bool tn__call_is_uniform(tn__call *call) {
  const tn_op_def *def = call->op->def;
  const uint32_t kind = TN_OP_POINTWISE | TN_OP_RANDOM;
  if ((def->flags & kind) != TN_OP_POINTWISE || def->exempt != 0 || call->output_count != 1 ||
      (uint32_t)(call->input_count - 1) >= TN__CALL_VIEWS - 1) {
    return false;
  }
  const tn_tensor *first = call->inputs[0];
  if (first == NULL || first->numel == 0 || first->flags != TN__TENSOR_CONTIGUOUS) {
    return false;
  }
  bool tracked = may_track(first);
  for (int32_t i = 1; i < call->input_count; i++) {
    const tn_tensor *input = call->inputs[i];
    if (input == first) continue;
    if (input == NULL || !is_like(input, first)) return false;
    tracked |= may_track(input);
  }
  if (call->given != NULL && call->given[0] != first && !is_like(call->given[0], first)) {
    return false;
  }
  if (def->promote == TN_PROMOTE_INT_TO_FLOAT &&
      tn_dtype_in(first->dtype, TN_DTYPES_INTEGER | TN_DTYPE_BIT(TN_BOOL))) {
    return false;
  }
  call->key = first->dtype;
  call->device = first->device;
  call->untracked = !tracked;
  return true;
}

static inline void describe_run(tn_view *view, const tn_tensor *tensor) {
  view->data = tensor->data;
  view->sizes = &tensor->numel;
  view->strides = unit_stride;
  view->rank = 1;
  view->dtype = tensor->dtype;
  view->flags = TN_VIEW_CONTIGUOUS;
  view->reserved = 0;
  view->numel = tensor->numel;
  view->device = tensor->device;
}

// A result's content is nobody's to know yet.
static inline void describe_result(tn_view *view, const tn_tensor *tensor) {
  describe_run(view, tensor);
  view->storage_id = 0;
  view->version = 0;
}

static inline void describe_operand(tn_view *view, const tn_tensor *tensor) {
  describe_run(view, tensor);
  view->storage_id = tensor->storage->id;
  view->version = atomic_load_explicit(&tensor->storage->version, memory_order_relaxed);
}

static inline void describe_call(tn__call *call) {
  call->args.struct_size = sizeof call->args;
  call->args.view_count = (uint32_t)call->input_count + 1;
  call->args.views = call->views;
  call->args.output_count = 1;
  call->args.attrs_size = call->op->attrs_size;
  call->args.attrs = call->attrs;
}

static tn_status run(tn__call *call, const tn_tensor *first, tn_dtype dtype) {
  tn_tensor *out = call->given != NULL ? call->given[0] : tn__tensor_new_like(first, dtype);
  if (out == NULL) return tn__call_out_of_memory(call);
  call->outs[0] = out;
  tn_view *view = call->views;
  describe_result(view++, out);
  tn_tensor *const *inputs = call->inputs;  // which the views do not overlap
  for (tn_tensor *const *end = inputs + call->input_count; inputs != end; inputs++, view++) {
    describe_operand(view, *inputs);
  }
  describe_call(call);
  return tn__call_kernel(call);
}

// Infer, for those that have one: it may choose another key or result dtype (a cast does).
static tn_status infer(tn__call *call, tn_dtype *key, tn_dtype *dtype) {
  tn__result result;
  result.dtype = *dtype;
  tn_infer ask = {.call = call,
                  .inputs = call->inputs,
                  .input_count = call->input_count,
                  .result_count = 1,
                  .attrs = call->attrs,
                  .key = *key,
                  .device = call->device,
                  .results = &result};
  call->uniform = true;
  tn_status status = call->op->def->infer(&ask);
  call->uniform = false;
  *key = ask.key;
  *dtype = result.dtype;
  return status;
}

bool tn__call_uniform(tn__call *call, tn_status *status) {
  const tn_op_def *def = call->op->def;
  const tn_tensor *first = call->inputs[0];
  tn_dtype key = call->key;
  tn_dtype dtype = def->result_dtype != TN_DTYPE_NONE ? def->result_dtype : key;
  if (def->check != NULL && (*status = def->check(call, call->attrs, key)) != TN_OK) return true;
  if (def->infer != NULL && (*status = infer(call, &key, &dtype)) != TN_OK) return true;
  const tn__chain *chain = tn__chain_of(call->device.type, call->op->run_id, key);
  const tn__kernel *kernel = chain == NULL ? NULL : chain->plain;
  if (kernel == NULL || (call->given != NULL && call->given[0]->dtype != dtype)) return false;
  if (key != first->dtype && !(kernel->row.flags & TN_ROW_CASTS)) return false;
  call->kernel = kernel;
  call->key = key;
  *status = run(call, first, dtype);
  return true;
}

// Whether all of one contiguous operand goes into one element.
static bool is_whole(const tn__call *call) {
  const uint32_t kind = TN__TENSOR_CONTIGUOUS | TN__TENSOR_IMMEDIATE | TN__TENSOR_WRAPPED_NUMBER;
  const tn_tensor *self = call->inputs[0];
  uint32_t all = self->rank >= 32 ? UINT32_MAX : (UINT32_C(1) << self->rank) - 1;
  return call->input_count == 1 && call->output_count == 1 && call->given == NULL &&
         self->dtype == call->key && (self->flags & kind) == TN__TENSOR_CONTIGUOUS &&
         self->numel > 0 && (call->results[0].reduced & all) == all;
}

// The result as every kernel of a reduction sees it: in the input's shape, in one place.
static void describe_element(tn__call *call, tn_view *view) {
  const tn_tensor *self = call->inputs[0];
  view->data = NULL;
  view->sizes = &self->numel;
  view->strides = self->numel == 1 ? unit_stride : zero_stride;
  view->rank = 1;
  view->dtype = call->results[0].dtype;
  view->flags = self->numel == 1 ? TN_VIEW_CONTIGUOUS : 0;
  view->reserved = 0;
  view->numel = self->numel;
  view->device = call->device;
  view->storage_id = 0;
  view->version = 0;
}

bool tn__call_whole(tn__call *call, tn_status *status) {
  if (!is_whole(call)) return false;
  const tn__chain *chain = tn__chain_of(call->device.type, call->op->run_id, call->key);
  if (chain == NULL) return false;
  tn_view *view = call->views;
  describe_element(call, view);
  describe_operand(view + 1, call->inputs[0]);
  describe_call(call);
  call->kernel = tn__call_select(call, chain);
  if (call->kernel == NULL) return false;
  const tn__result *result = &call->results[0];
  tn_tensor *out = tn__tensor_new(result->rank, result->sizes, result->dtype, call->device);
  if (out == NULL) {
    *status = tn__call_out_of_memory(call);
    return true;
  }
  call->outs[0] = out;
  view->data = out->data;
  view->storage_id = out->storage->id;
  *status = tn__call_kernel(call);
  return true;
}
