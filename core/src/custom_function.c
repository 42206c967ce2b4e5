// SPDX-License-Identifier: Apache-2.0
//
// custom_function: operators of the application's own. The forward runs unrecorded in a scope; one
// node stands for it, and keeps what it saved until the graph goes.

#include <stdlib.h>
#include <string.h>
#include <tenon/error.h>

#include "autograd.h"
#include "scope_impl.h"

struct tn_custom_call {
  tn_custom_function function;
  void *context;
  tn_tensor **saved;  // raw
  uint64_t *versions;
  int64_t count, capacity;
};

static void drop_saved(tn_custom_call *call) {
  for (int64_t i = 0; i < call->count; i++) tn__release_raw(call->saved[i]);
  free(call->saved);
  free(call->versions);
  call->saved = NULL;
  call->versions = NULL;
  call->count = call->capacity = 0;
}

static void call_free(tn_custom_call *call) {
  drop_saved(call);
  if (call->function.deleter != NULL) call->function.deleter(call->context);
  free(call);
}

tn_status tn_custom_save(tn_custom_call *call, tn_tensor *tensor) {
  if (tensor == NULL || tn__is_none(tensor)) {
    tn__null_operand("tn_custom_save", "tensor");
    return tn_ok() ? TN_INVALID_ARGUMENT : tn_error_peek()->status;
  }
  if (call->count == call->capacity) {
    int64_t capacity = call->capacity == 0 ? 4 : call->capacity * 2;
    tn_tensor **saved = tn__realloc(call->saved, sizeof *saved * (size_t)capacity);
    if (saved != NULL) call->saved = saved;
    uint64_t *versions = tn__realloc(call->versions, sizeof *versions * (size_t)capacity);
    if (versions != NULL) call->versions = versions;
    if (saved == NULL || versions == NULL) {
      return tn__out_of_memory("tn_custom_save", sizeof *saved * (uint64_t)capacity);
    }
    call->capacity = capacity;
  }
  tn__retain_raw(tensor);
  call->saved[call->count] = tensor;
  call->versions[call->count++] = tn_tensor_version(tensor);
  return TN_OK;
}

tn_tensor *tn_custom_saved(tn_custom_call *call, int64_t index) {
  if (index < 0 || index >= call->count) {
    tn__error(TN_OUT_OF_RANGE, NULL,
              "%s: tensor %lld was not saved, or was freed by an earlier "
              "backward pass",
              call->function.name, (long long)index);
    return NULL;
  }
  if (tn_tensor_version(call->saved[index]) != call->versions[index]) {
    tn__storage *storage = call->saved[index]->storage;
    tn__error(TN_WRONG_STATE, NULL, "%s: saved tensor %lld was changed in place, last by '%s'",
              call->function.name, (long long)index,
              atomic_load_explicit(&storage->writer, memory_order_relaxed));
    return NULL;
  }
  return call->saved[index];
}

static tn_status custom_backward(tn__node *node, tn_vjp *vjp, tn_tensor *const *grad_out,
                                 tn_tensor **grad_in) {
  (void)vjp;
  tn_custom_call *call = node->state;
  return call->function.backward(call->context, call, grad_out, grad_in);
}

// The call itself outlives a backward pass, since another may follow; what it saved is kept too,
// because only the function knows what it needs.
static void custom_release(tn__node *node) {
  if (atomic_load_explicit(&node->refs, memory_order_relaxed) > 0) return;
  if (node->state != NULL) call_free(node->state);
  node->state = NULL;
}

static const tn__node_kind custom_kind = {custom_backward, custom_release};

static bool must_record(tn_tensors inputs) {
  if (tn__tls.grad_disabled) return false;
  for (int64_t i = 0; i < inputs.count; i++) {
    if (tn__tracks(inputs.data[i])) return true;
  }
  return false;
}

// Runs the forward; results come back raw.
static tn_status run_forward(tn_custom_call *call, tn_tensors inputs, tn_tensor **outputs,
                             int32_t count) {
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return TN_OUT_OF_MEMORY;
  bool before = tn_grad_mode_set(false);
  tn_status status = call->function.forward(call->context, call, inputs.data, outputs);
  tn_grad_mode_set(before);
  for (int32_t i = 0; i < count; i++) {
    if (status == TN_OK && outputs[i] == NULL)
      status = tn_ok() ? TN_INTERNAL : tn_error_peek()->status;
    if (status != TN_OK) {
      outputs[i] = NULL;
      continue;
    }
    // An operand handed back as it is would carry its own history: alias it.
    bool operand = false;
    for (int64_t k = 0; k < inputs.count; k++) operand = operand || inputs.data[k] == outputs[i];
    if (operand) {
      outputs[i] = tn__tensor_alias(outputs[i]);
      if (outputs[i] == NULL) status = TN_OUT_OF_MEMORY;
    } else if (!tn__scope_take(scope, outputs[i])) {
      tn__retain_raw(outputs[i]);
    }
  }
  tn_scope_close(scope);
  return status;
}

static tn_status record(tn_custom_call **call, tn_tensors inputs, tn_tensor **outputs,
                        int32_t count) {
  tn__node *node = tn__node_new(&custom_kind, (*call)->function.name, inputs.data,
                                (int32_t)inputs.count, outputs, count, 0, 0);
  if (node == NULL) return TN_OUT_OF_MEMORY;
  node->state = *call;
  *call = NULL;  // the node's from here on
  for (int32_t i = 0; i < count; i++) {
    if (tn_dtype_in(outputs[i]->dtype, TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX)) {
      tn__node_adopt(node, outputs[i], i);
    }
  }
  tn__node_release(node);
  return TN_OK;
}

tn_list *tn_custom_apply(const tn_custom_function *function, void *context, tn_tensors inputs,
                         int32_t output_count) {
  enum { MOST_RESULTS = 64 };
  tn_tensor *outputs[MOST_RESULTS] = {NULL};
  if (function == NULL || function->forward == NULL || function->backward == NULL ||
      function->name == NULL || output_count < 1 || output_count > MOST_RESULTS ||
      inputs.count < 1 || inputs.count > INT16_MAX) {
    tn__error(TN_INVALID_ARGUMENT, NULL,
              "tn_custom_apply: a function needs a name, a forward, a "
              "backward, an input and 1 to %d results",
              MOST_RESULTS);
    return NULL;
  }
  for (int64_t i = 0; i < inputs.count; i++) {
    if (inputs.data[i] != NULL) continue;
    tn__null_operand(function->name, "inputs");
    return NULL;
  }
  tn_custom_call *call = tn__calloc(1, sizeof *call);
  if (call == NULL) {
    tn__out_of_memory(function->name, sizeof *call);
    return NULL;
  }
  call->function = *function;
  call->context = context;
  tn_status status = run_forward(call, inputs, outputs, output_count);
  if (status == TN_OK && must_record(inputs)) status = record(&call, inputs, outputs, output_count);
  tn_list *list = status == TN_OK ? tn__list_new(outputs, output_count) : NULL;
  for (int32_t i = 0; i < output_count; i++) {
    if (outputs[i] != NULL) tn__release_raw(outputs[i]);
  }
  if (call != NULL) call_free(call);
  return list;
}
