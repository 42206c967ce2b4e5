// SPDX-License-Identifier: Apache-2.0
//
// node: making, linking and freeing the nodes of the recorded graph. A node is one block: the
// struct, its edges, saved tensors, shapes of its results, and a copy of the call's attributes.
// Freeing is iterative: a node that dies while another is being freed waits on the thread's list,
// so that a graph of a million nodes in a row needs no stack.

#include <pthread.h>
#include <string.h>
#include <tenon/error.h>
#include <tenon/ops.h>

#include "autograd.h"
#include "stream_impl.h"

// ---- records of tensors ------------------------------------------------------------------------

tn__grad_record *tn__grad_record_of(tn_tensor *tensor) {
  if (tensor->grad != NULL) return tensor->grad;
  tn__grad_record *record = tn__small_allocate(&tn__tls, sizeof *record);
  if (record == NULL) {
    tn__out_of_memory("a gradient record", sizeof *record);
    return NULL;
  }
  *record = (tn__grad_record){NULL, NULL};
  tensor->grad = record;
  return record;
}

static void hooks_free(tn__hook *hook) {
  while (hook != NULL) {
    tn__hook *next = hook->next;
    if (hook->deleter != NULL) hook->deleter(hook->context);
    tn__deallocate(hook);
    hook = next;
  }
}

void tn__forget_retained(tn_tensor *tensor) {
  tensor->retains_grad = false;
  for (tn__retained **at = &tensor->node->retained; *at != NULL; at = &(*at)->next) {
    tn__retained *found = *at;
    if (found->tensor != tensor) continue;
    *at = found->next;
    tn__deallocate(found);
    return;
  }
}

void tn__grad_record_free(tn_tensor *tensor) {
  tn__grad_record *record = tensor->grad;
  tensor->grad = NULL;
  if (record->grad != NULL) tn__release_raw(record->grad);
  hooks_free(record->hooks);
  tn__small_free(&tn__tls, record, sizeof *record);
}

void tn__node_adopt(tn__node *node, tn_tensor *tensor, int32_t output) {
  atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
  if (tensor->node != NULL) {
    if (tensor->retains_grad) tn__forget_retained(tensor);
    tn__node_release(tensor->node);
  }
  tensor->node = node;
  tensor->output = (int16_t)output;
  tensor->requires_grad = true;
}

tn_tensor *tn__attached_alias(tn_tensor *tensor, tn__node *node, int32_t output) {
  tn_tensor *alias = tn__tensor_alias(tensor);
  if (alias != NULL) tn__node_adopt(node, alias, output);
  return alias;
}

// ---- edges -------------------------------------------------------------------------------------

tn_status tn__edge_of(tn_tensor *tensor, tn__edge *edge) {
  *edge = (tn__edge){NULL, NULL, 0};
  if (!tn__tracks(tensor)) return TN_OK;
  if (tensor->base != NULL) {
    tn_status status = tn__view_refresh(tensor);
    if (status != TN_OK) return status;
  }
  if (!tensor->requires_grad) return TN_OK;
  if (tensor->node != NULL) {
    atomic_fetch_add_explicit(&tensor->node->refs, 1, memory_order_relaxed);
    edge->node = tensor->node;
    edge->output = tensor->output;
  } else {
    tn__retain_raw(tensor);
    edge->leaf = tensor;
  }
  return TN_OK;
}

// Looks at |view|'s base through |view|'s own window, recorded, and takes over that history.
static tn_status take_history(tn_tensor *view) {
  tn_tensor *base = view->base;
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return TN_OUT_OF_MEMORY;
  bool before = tn_grad_mode_set(true);
  // Parts of complex numbers are a window on the base shown as real.
  const bool as_real = tn_dtype_is_complex(base->dtype) && !tn_dtype_is_complex(view->dtype);
  if (as_real) base = tn_view_as_real(base);
  tn_tensor *window =
      tn_as_strided(base, tn_ints_of(view->sizes, view->rank),
                    tn_ints_of(view->strides, view->rank), .storage_offset = TN_INT(view->offset));
  tn_grad_mode_set(before);
  tn_status status = TN_OK;
  if (window == NULL) {
    status = tn__failure();
  } else if (window->node != NULL) {
    tn__node_adopt(window->node, view, window->output);
  }
  tn_scope_close(scope);
  if (status == TN_OK) {
    atomic_store_explicit(&view->base_epoch, view->base->epoch, memory_order_release);
  }
  return status;
}

tn__shape_record tn__edge_target(const tn__edge *edge) {
  if (edge->node != NULL) return edge->node->outputs[edge->output];
  if (edge->leaf == NULL) return (tn__shape_record){TN_DTYPE_NONE, {0, 0}, 0, NULL};
  return (tn__shape_record){edge->leaf->dtype, edge->leaf->device, edge->leaf->rank,
                            edge->leaf->sizes};
}

tn_status tn__view_refresh(tn_tensor *tensor) {
  static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
  if (!tn__is_stale(tensor)) return TN_OK;
  pthread_mutex_lock(&one_at_a_time);
  // What the old history holds may have deleters that call back: it goes outside of the lock.
  tn__node *old = tensor->node;
  if (old != NULL) atomic_fetch_add_explicit(&old->refs, 1, memory_order_relaxed);
  tn_status status = tn__is_stale(tensor) ? take_history(tensor) : TN_OK;
  pthread_mutex_unlock(&one_at_a_time);
  if (old != NULL) tn__node_release(old);
  return status;
}

// ---- nodes -------------------------------------------------------------------------------------

static void record_shapes(tn__node *node, tn_tensor *const *outputs, int64_t *room) {
  for (int32_t i = 0; i < node->output_count; i++) {
    const tn_tensor *tensor = outputs[i];
    tn__shape_record *shape = &node->outputs[i];
    shape->dtype = tensor->dtype;
    shape->device = tensor->device;
    shape->rank = tensor->rank;
    shape->sizes = room;
    for (int32_t d = 0; d < tensor->rank; d++) *room++ = tensor->sizes[d];
  }
}

// The block's parts in order; every one a multiple of 8 bytes.
static inline __attribute__((always_inline)) tn__node *lay_out(char *block, int32_t input_count,
                                                               int32_t output_count,
                                                               int32_t saved_count) {
  tn__node *node = (tn__node *)(void *)block;
  atomic_init(&node->refs, 1);
  node->output_count = (uint8_t)output_count;
  node->marks = 0;
  node->input_count = input_count;
  node->saved_count = saved_count;
  node->state = NULL;
  node->hooks = NULL;
  node->retained = NULL;
  node->edges = (tn__edge *)(void *)(node + 1);
  node->saved = (tn__saved *)(void *)(node->edges + input_count);
  node->outputs = (tn__shape_record *)(void *)(node->saved + saved_count);
  for (int32_t i = 0; i < saved_count; i++) node->saved[i] = (tn__saved){NULL, 0};
  return node;
}

_Static_assert(sizeof(tn__node) % 8 == 0 && sizeof(tn__edge) % 8 == 0 &&
                   sizeof(tn__saved) % 8 == 0 && sizeof(tn__shape_record) % 8 == 0,
               "the parts of a node's block follow each other without padding");

// Sets the edges; those that could not be are nowhere.
static tn_status link_inputs(tn__node *node, tn_tensor *const *inputs) {
  tn_status status = TN_OK;
  uint64_t depth = 0;
  for (int32_t i = 0; i < node->input_count; i++) {
    tn__edge *edge = &node->edges[i];
    if (status != TN_OK || !tn__tracks(inputs[i])) {
      *edge = (tn__edge){NULL, NULL, 0};
      continue;
    }
    status = tn__edge_of(inputs[i], edge);
    if (edge->node != NULL && edge->node->depth > depth) depth = edge->node->depth;
  }
  node->depth = depth + 1;
  return status;
}

tn__node *tn__node_new(const tn__node_kind *kind, const char *name, tn_tensor *const *inputs,
                       int32_t input_count, tn_tensor *const *outputs, int32_t output_count,
                       int32_t saved_count, uint64_t attrs_bytes) {
  uint64_t ranks = 0;
  for (int32_t i = 0; i < output_count; i++) ranks += outputs[i]->rank;
  uint64_t sizes_at = sizeof(tn__node) + sizeof(tn__edge) * (uint64_t)input_count +
                      sizeof(tn__saved) * (uint64_t)saved_count +
                      sizeof(tn__shape_record) * (uint64_t)output_count;
  uint64_t attrs_at = sizes_at + sizeof(int64_t) * ranks;
  tn_stream *stream = tn__stream_current(&tn__tls, outputs[0]->device);
  uint64_t bytes = attrs_at + attrs_bytes + (stream == NULL ? 0 : sizeof stream);
  char *block =
      bytes <= TN__SMALL_MAX_BYTES ? tn__small_allocate(&tn__tls, bytes) : tn__allocate(bytes);
  if (block == NULL) {
    tn__out_of_memory("a node of the graph", bytes);
    return NULL;
  }
  tn__node *node = lay_out(block, input_count, output_count, saved_count);
  node->op_id = 0;
  node->block_bytes = bytes;
  node->kind = kind;
  node->name = name;
  node->attrs = attrs_bytes > 0 ? block + attrs_at : NULL;
  if (stream != NULL) {
    node->marks = TN__NODE_STREAM;
    tn_stream_retain(stream);
    memcpy(block + bytes - sizeof stream, &stream, sizeof stream);
  }
  record_shapes(node, outputs, (int64_t *)(void *)(block + sizes_at));
  if (__builtin_expect(link_inputs(node, inputs) != TN_OK, 0)) {
    tn__node_release(node);
    return NULL;
  }
  return node;
}

// An edge without the detours of tn__edge_of: no view whose base was rewritten.
static inline bool link_plain(tn__edge *edge, tn_tensor *input, uint64_t *depth) {
  edge->node = NULL;
  edge->leaf = NULL;
  edge->output = 0;
  if (input->base != NULL) return !tn__is_stale(input) && !input->requires_grad;
  if (!input->requires_grad) return true;
  tn__node *maker = input->node;
  if (maker == NULL) {
    tn__retain_raw(input);
    edge->leaf = input;
    return true;
  }
  atomic_fetch_add_explicit(&maker->refs, 1, memory_order_relaxed);
  edge->node = maker;
  edge->output = input->output;
  if (maker->depth > *depth) *depth = maker->depth;
  return true;
}

tn__node *tn__node_plain(const tn__node_kind *kind, const tn_op *op, tn_tensor *const *inputs,
                         int32_t input_count, const tn_tensor *out, int32_t saved_count,
                         uint64_t attrs_bytes) {
  int32_t rank = out->rank;
  uint64_t sizes_at = sizeof(tn__node) + sizeof(tn__edge) * (uint64_t)input_count +
                      sizeof(tn__saved) * (uint64_t)saved_count + sizeof(tn__shape_record);
  uint64_t attrs_at = sizes_at + sizeof(int64_t) * (uint64_t)rank;
  uint64_t bytes = attrs_at + attrs_bytes;
  if (bytes > TN__SMALL_MAX_BYTES || tn__tls.streams != NULL) return NULL;
  char *block = tn__small_allocate(&tn__tls, bytes);
  if (block == NULL) return NULL;
  tn__node *node = lay_out(block, input_count, 1, saved_count);
  node->op_id = op->id;
  node->block_bytes = bytes;
  node->kind = kind;
  node->name = op->name;
  uint64_t depth = 0;
  bool plain = true;
  for (int32_t i = 0; i < input_count; i++) {
    plain = link_plain(&node->edges[i], inputs[i], &depth) && plain;
  }
  node->depth = depth + 1;
  int64_t *sizes = (int64_t *)(void *)(block + sizes_at);
  *node->outputs = (tn__shape_record){out->dtype, out->device, rank, sizes};
  for (int32_t d = 0; d < rank; d++) sizes[d] = out->sizes[d];
  node->attrs = block + attrs_at;
  if (plain) return node;
  tn__node_release(node);
  return NULL;
}

void tn__node_drop_saved(tn__node *node) {
  if (node->saved_count > 0 || node->kind->release != NULL) node->marks |= TN__NODE_FREED;
  for (int32_t i = 0; i < node->saved_count; i++) {
    tn_tensor *tensor = node->saved[i].tensor;
    node->saved[i].tensor = NULL;
    if (tensor != NULL) tn__release_raw(tensor);
  }
  if (node->kind->release != NULL) node->kind->release(node);
}

// What few nodes have.
static __attribute__((noinline)) void free_rare(tn__node *node) {
  if (node->hooks != NULL) hooks_free(node->hooks);
  tn_stream_release(tn__node_stream(node));
  while (node->retained != NULL) {
    tn__retained *next = node->retained->next;
    tn__deallocate(node->retained);
    node->retained = next;
  }
}

static void node_free_one(tn__node *node) {
  if (node->saved_count > 0 || node->kind->release != NULL) tn__node_drop_saved(node);
  for (int32_t i = 0; i < node->input_count; i++) {
    if (node->edges[i].node != NULL) tn__node_release(node->edges[i].node);
    if (node->edges[i].leaf != NULL) tn__release_raw(node->edges[i].leaf);
  }
  uintptr_t rare = (uintptr_t)node->hooks | (uintptr_t)node->retained;
  if (__builtin_expect((rare | (node->marks & TN__NODE_STREAM)) != 0, 0)) free_rare(node);
  if (node->block_bytes <= TN__SMALL_MAX_BYTES) {
    tn__small_free(&tn__tls, node, node->block_bytes);
  } else {
    tn__deallocate(node);
  }
}

void tn__node_free(tn__node *node) {
  tn__thread *thread = &tn__tls;
  node->next_free = thread->free_nodes;
  thread->free_nodes = node;
  if (thread->freeing_nodes) return;
  thread->freeing_nodes = true;
  while (thread->free_nodes != NULL) {
    tn__node *next = thread->free_nodes;
    thread->free_nodes = next->next_free;
    node_free_one(next);
  }
  thread->freeing_nodes = false;
}
