// SPDX-License-Identifier: Apache-2.0
//
// grad: the public face of autograd: asking for gradients, modes, hooks, backward and grad.

#include <stdlib.h>
#include <string.h>
#include <tenon/error.h>
#include <tenon/ops.h>

#include "engine.h"
#include "scalar.h"

static tn_status absent(const tn_tensor *tensor, const char *call) {
  if (tensor == NULL) {
    tn__null_operand(call, "tensor");
    return tn__failure();
  }
  return tn__error(TN_INVALID_ARGUMENT, NULL, "%s: TN_NONE is no tensor", call);
}

// ---- questions and switches --------------------------------------------------------------------

bool tn_requires_grad(const tn_tensor *tensor) { return tensor != NULL && tn__tracks(tensor); }

tn_status tn_requires_grad_(tn_tensor *tensor, bool requires_grad) {
  if (tn__is_absent(tensor)) return absent(tensor, "tn_requires_grad_");
  if (requires_grad && !tn_dtype_in(tensor->dtype, TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX)) {
    return tn__error(TN_INVALID_DTYPE, NULL,
                     "tn_requires_grad_: only floating and complex tensors have gradients, not %s",
                     tn_dtype_name(tensor->dtype));
  }
  if (!tn_is_leaf(tensor)) {
    if (requires_grad) return TN_OK;
    return tn__error(TN_WRONG_STATE,
                     &(tn__error_details){NULL, NULL, NULL, "detach it instead: tn_detach(x)"},
                     "tn_requires_grad_: only a leaf can stop requiring a gradient; this is the "
                     "result of '%s'",
                     tn_grad_fn(tensor));
  }
  tensor->requires_grad = requires_grad;
  return TN_OK;
}

// The node that made |tensor|. A view whose base was written in place gets its new history first.
static const tn__node *maker_of(const tn_tensor *tensor) {
  if (tn__is_absent(tensor)) return NULL;
  if (tn__is_stale(tensor)) tn__view_refresh((tn_tensor *)(uintptr_t)tensor);
  return tensor->node;
}

bool tn_is_leaf(const tn_tensor *tensor) { return maker_of(tensor) == NULL; }

const char *tn_grad_fn(const tn_tensor *tensor) {
  const tn__node *maker = maker_of(tensor);
  return maker == NULL ? "" : maker->name;
}

tn_tensor *tn_tensor_grad(const tn_tensor *tensor) {
  return tensor == NULL || tensor->grad == NULL ? NULL : tensor->grad->grad;
}

tn_status tn_set_grad(tn_tensor *tensor, tn_tensor *grad) {
  if (tn__is_absent(tensor)) return absent(tensor, "tn_set_grad");
  if (tn__is_absent(grad)) {
    if (tensor->grad != NULL && tensor->grad->grad != NULL) {
      tn_tensor *old = tensor->grad->grad;
      tensor->grad->grad = NULL;
      tn__release_raw(old);
    }
    return TN_OK;
  }
  if (grad->dtype != tensor->dtype) {
    return tn__error(TN_INVALID_DTYPE, NULL, "tn_set_grad: the gradient is %s, the tensor %s",
                     tn_dtype_name(grad->dtype), tn_dtype_name(tensor->dtype));
  }
  if (grad->rank != tensor->rank ||
      memcmp(grad->sizes, tensor->sizes, sizeof(int64_t) * grad->rank) != 0 ||
      !tn_device_equal(grad->device, tensor->device)) {
    return tn__error(TN_INVALID_ARGUMENT, NULL,
                     "tn_set_grad: the gradient's shape or device is not the tensor's");
  }
  tn__grad_record *record = tn__grad_record_of(tensor);
  if (record == NULL) return TN_OUT_OF_MEMORY;
  tn__retain_raw(grad);
  if (record->grad != NULL) tn__release_raw(record->grad);
  record->grad = grad;
  return TN_OK;
}

tn_status tn_retain_grad(tn_tensor *tensor) {
  if (tn__is_absent(tensor)) return absent(tensor, "tn_retain_grad");
  if (!tn__tracks(tensor) || tn__view_refresh(tensor) != TN_OK) {
    return tn__error(TN_WRONG_STATE, NULL, "tn_retain_grad: the tensor requires no gradient");
  }
  if (tensor->node == NULL || tensor->retains_grad) return TN_OK;
  tn__retained *kept = tn__allocate(sizeof *kept);
  if (kept == NULL) return tn__out_of_memory("tn_retain_grad", sizeof *kept);
  *kept = (tn__retained){tensor->node->retained, tensor, tensor->output};
  tensor->node->retained = kept;
  tensor->retains_grad = true;
  return TN_OK;
}

bool tn_grad_mode_set(bool enabled) {
  bool before = !tn__tls.grad_disabled;
  tn__tls.grad_disabled = !enabled;
  return before;
}

bool tn_grad_mode(void) { return !tn__tls.grad_disabled; }

bool tn_anomaly_mode_set(bool enabled) {
  bool before = tn__tls.anomaly;
  tn__tls.anomaly = enabled;
  return before;
}

// ---- hooks -------------------------------------------------------------------------------------

// The list that |tensor|'s hooks stand on: its node's, or a leaf's own.
static tn__hook **hooks_of(tn_tensor *tensor) {
  if (tensor->node != NULL) return &tensor->node->hooks;
  tn__grad_record *record = tn__grad_record_of(tensor);
  return record == NULL ? NULL : &record->hooks;
}

uint64_t tn_register_hook(tn_tensor *tensor, tn_hook_fn hook, void *context,
                          void (*deleter)(void *context)) {
  static _Atomic uint64_t next_id = 1;
  if (tn__is_absent(tensor)) {
    absent(tensor, "tn_register_hook");
    return 0;
  }
  if (hook == NULL || !tn__tracks(tensor) || tn__view_refresh(tensor) != TN_OK) {
    tn__error(TN_WRONG_STATE, NULL,
              "tn_register_hook: the tensor requires no gradient, or the "
              "hook is NULL");
    return 0;
  }
  tn__hook *added = tn__allocate(sizeof *added);
  tn__hook **at = added == NULL ? NULL : hooks_of(tensor);
  if (at == NULL) {
    tn__deallocate(added);
    tn__out_of_memory("a hook", sizeof *added);
    return 0;
  }
  uint64_t id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
  *added = (tn__hook){NULL, id, tensor->node == NULL ? 0 : tensor->output, hook, context, deleter};
  while (*at != NULL) at = &(*at)->next;
  *at = added;
  return id;
}

void tn_remove_hook(tn_tensor *tensor, uint64_t id) {
  if (tn__is_absent(tensor) || (tensor->node == NULL && tensor->grad == NULL)) return;
  for (tn__hook **at = hooks_of(tensor); at != NULL && *at != NULL; at = &(*at)->next) {
    tn__hook *hook = *at;
    if (hook->id != id) continue;
    *at = hook->next;
    if (hook->deleter != NULL) hook->deleter(hook->context);
    tn__deallocate(hook);
    return;
  }
}

// ---- walks -------------------------------------------------------------------------------------

// The gradient that a root starts with: the caller's, fitted, or ones.
static tn_tensor *start_of(tn_tensor *root, tn_tensor *given, const char *call) {
  if (!tn__is_absent(given)) {
    if (given->rank != root->rank ||
        memcmp(given->sizes, root->sizes, sizeof(int64_t) * root->rank) != 0) {
      tn__error(TN_INVALID_ARGUMENT, NULL, "%s: the given gradient's shape is not the root's",
                call);
      return NULL;
    }
    return given;
  }
  if (root->numel != 1) {
    tn__error(TN_INVALID_ARGUMENT,
              &(tn__error_details){call, "gradient", NULL, "sum the root, or pass .gradient"},
              "%s: the root has %lld elements; without a gradient it must have one", call,
              (long long)root->numel);
    return NULL;
  }
  if (!tn__device_is_prompt(root->device)) return tn_ones_like(root);
  tn_tensor *one = tn__tensor_new(root->rank, root->sizes, root->dtype, root->device);
  if (one == NULL) return NULL;
  if (root->dtype == TN_F32) {
    *(float *)one->data = 1.0f;  // nearly always
  } else {
    tn__scalar_store(tn_scalar_int(1), root->dtype, one->data);
  }
  return tn__give(one);
}

static tn_status check_root(tn_tensor *root, const char *call) {
  if (tn__is_absent(root)) return absent(root, call);
  if (tn__tracks(root)) return TN_OK;
  return tn__error(TN_WRONG_STATE,
                   &(tn__error_details){call, "root", NULL,
                                        "call tn_requires_grad_ on a leaf, with recording on"},
                   "%s: the root requires no gradient: it depends on no tensor that does", call);
}

static void release_edge(tn__edge *edge) {
  if (edge->node != NULL) tn__node_release(edge->node);
  if (edge->leaf != NULL) tn__release_raw(edge->leaf);
}

tn_status tn_backward_with(tn_tensor *root, const tn_backward_options *options) {
  static const tn_backward_options none = {.struct_size = sizeof none};
  if (options == NULL) options = &none;
  tn_status status = check_root(root, "tn_backward");
  if (status != TN_OK) return status;
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return TN_OUT_OF_MEMORY;
  bool before = tn_grad_mode_set(false);
  tn_tensor *start = start_of(root, options->gradient, "tn_backward");
  tn_grad_mode_set(before);
  tn__edge edge = {NULL, NULL, 0};
  status = start == NULL ? tn__failure() : tn__edge_of(root, &edge);
  if (status == TN_OK) {
    tn__walk walk = {.retain_graph = options->retain_graph || options->create_graph,
                     .create_graph = options->create_graph,
                     .scope = scope};
    status = tn__engine_run(&walk, &edge, &start, 1);
  }
  release_edge(&edge);
  tn_scope_close(scope);
  return status;
}

typedef struct grad_request {
  tn__edge *roots, *targets;
  tn_tensor **starts, **captured;
} grad_request;

static tn_status prepare_request(grad_request *r, tn_tensors outputs, tn_tensors inputs,
                                 const tn_grad_options *options) {
  for (int64_t i = 0; i < outputs.count; i++) {
    tn_tensor *root = outputs.data[i];
    tn_status status = check_root(root, "tn_grad");
    if (status != TN_OK) return status;
    bool before = tn_grad_mode_set(options->create_graph && options->grad_outputs.count > 0);
    r->starts[i] = start_of(
        root, i < options->grad_outputs.count ? options->grad_outputs.data[i] : NULL, "tn_grad");
    tn_grad_mode_set(before);
    if (r->starts[i] == NULL) return tn__failure();
    status = tn__edge_of(root, &r->roots[i]);
    if (status != TN_OK) return status;
  }
  for (int64_t i = 0; i < inputs.count; i++) {
    if (tn__is_absent(inputs.data[i])) return absent(inputs.data[i], "tn_grad");
    if (!tn__tracks(inputs.data[i])) {
      return tn__error(TN_WRONG_STATE, NULL, "tn_grad: input %lld requires no gradient",
                       (long long)i);
    }
    tn_status status = tn__edge_of(inputs.data[i], &r->targets[i]);
    if (status != TN_OK) return status;
  }
  return TN_OK;
}

static tn_list *collect(const grad_request *r, tn_tensors inputs, bool allow_unused) {
  tn_tensor *grads[64];
  tn_tensor **all = inputs.count <= 64 ? grads : tn__malloc(sizeof *all * (size_t)inputs.count);
  if (all == NULL) {
    tn__out_of_memory("tn_grad", sizeof *all * (uint64_t)inputs.count);
    return NULL;
  }
  bool complete = true;
  for (int64_t i = 0; i < inputs.count && complete; i++) {
    all[i] = r->captured[i] == NULL ? TN_NONE : r->captured[i];
    complete = r->captured[i] != NULL || allow_unused;
    if (!complete) {
      tn__error(TN_INVALID_ARGUMENT,
                &(tn__error_details){"tn_grad", "inputs", NULL, "pass .allow_unused = true"},
                "tn_grad: the outputs do not depend on input %lld", (long long)i);
    }
  }
  tn_list *list = complete ? tn__list_new(all, inputs.count) : NULL;
  if (all != grads) free(all);
  return list;
}

static void request_end(grad_request *r, tn_tensors outputs, tn_tensors inputs) {
  for (int64_t i = 0; i < outputs.count; i++) release_edge(&r->roots[i]);
  for (int64_t i = 0; i < inputs.count; i++) {
    release_edge(&r->targets[i]);
    if (r->captured[i] != NULL) tn__release_raw(r->captured[i]);
  }
  free(r->roots);
}

tn_list *tn_grad_with(tn_tensors outputs, tn_tensors inputs, const tn_grad_options *options) {
  static const tn_grad_options none = {.struct_size = sizeof none};
  if (options == NULL) options = &none;
  if (outputs.count <= 0 || inputs.count <= 0 || outputs.count > INT16_MAX ||
      inputs.count > INT16_MAX) {
    tn__error(TN_INVALID_ARGUMENT, NULL, "tn_grad: no outputs, no inputs, or too many");
    return NULL;
  }
  size_t edges = (size_t)(outputs.count + inputs.count);
  char *block = tn__calloc(edges, sizeof(tn__edge) + sizeof(tn_tensor *));
  if (block == NULL) {
    tn__out_of_memory("tn_grad", edges * sizeof(tn__edge));
    return NULL;
  }
  grad_request r;
  r.roots = (tn__edge *)(void *)block;
  r.targets = r.roots + outputs.count;
  r.starts = (tn_tensor **)(void *)(r.roots + edges);
  r.captured = r.starts + outputs.count;
  tn_scope *scope = tn_scope_open();
  tn_status status =
      scope == NULL ? TN_OUT_OF_MEMORY : prepare_request(&r, outputs, inputs, options);
  if (status == TN_OK) {
    tn__walk walk = {.retain_graph = options->retain_graph || options->create_graph,
                     .create_graph = options->create_graph,
                     .scope = scope,
                     .targets = r.targets,
                     .target_count = (int32_t)inputs.count,
                     .captured = r.captured};
    status = tn__engine_run(&walk, r.roots, r.starts, (int32_t)outputs.count);
  }
  tn_list *list = NULL;
  if (scope != NULL) tn_scope_close(scope);
  if (status == TN_OK) list = collect(&r, inputs, options->allow_unused);
  request_end(&r, outputs, inputs);
  return list;
}
