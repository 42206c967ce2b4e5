// SPDX-License-Identifier: Apache-2.0
//
// engine: the backward walk. A heap holds the nodes that have a gradient waiting, deepest first;
// since a node is deeper than everything it points to, all of its gradient has arrived when it
// comes off. Leaves come last, in the order in which they were reached. The state of a walk stands
// beside the graph, in slots found by node, so that walks over one graph do not disturb each other;
// a few slots are found by looking at each, more by a table.

#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/error.h>
#include <tenon/ops.h>

#include "autograd.h"
#include "engine_streams.h"
#include "trace.h"

// Gradients that wait for one node or leaf.
typedef struct slot {
  const void *key;  // the node or leaf
  tn__node *node;   // or
  tn_tensor *leaf;
  uint64_t depth;
  int32_t count;     // results of the node, 1 for a leaf
  bool owned_sum;    // grads[0] was summed here and is nobody else's
  bool useful;       // tn_grad: leads to an input
  tn_tensor *first;  // the one gradient of most nodes, raw
  tn_tensor **more;  // [count] where count > 1
} slot;

// Small walks need no memory but the stack's, and the smallest no table.
enum { FIRST_SLOTS = 16, SCANNED_SLOTS = 8 };

typedef struct engine {
  slot *slots;
  int32_t slot_count, slot_capacity;
  int32_t *table;  // slot index + 1 by hash, 0 is empty; unset up to SCANNED_SLOTS
  int32_t table_size;
  int32_t *heap;  // slot indices of nodes
  int32_t heap_count;
  bool has_more;  // some slot has an array
  bool watched;   // somebody wants more of each node than that its gradient be sent on
  const tn__walk *walk;
  tn_scope *scope;  // owns what the nodes' gradients make; emptied after each node
  tn__pass pass;
  tn__walk_streams streams;
  slot first_slots[FIRST_SLOTS];
  int32_t first_table[FIRST_SLOTS * 2];
  int32_t first_heap[FIRST_SLOTS];
} engine;

static tn_status engine_begin(engine *e, const tn__walk *walk) {
  e->slots = e->first_slots;
  e->slot_count = 0;
  e->slot_capacity = FIRST_SLOTS;
  e->table = e->first_table;
  e->table_size = FIRST_SLOTS * 2;
  e->heap = e->first_heap;
  e->heap_count = 0;
  e->has_more = false;
  e->walk = walk;
  e->scope = walk->scope;
  e->pass = (tn__pass){tn__tls.pass, NULL};
  tn__tls.pass = &e->pass;
  tn_status status = tn__walk_streams_begin(&e->streams);
  e->watched = walk->target_count > 0 || e->streams.active;
  return status;
}

// ---- the table ---------------------------------------------------------------------------------

static uint32_t hash_of(const void *key, int32_t size) {
  uint64_t bits = (uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);
  return (uint32_t)(bits >> 32) & (uint32_t)(size - 1);
}

static inline const void *key_of(const tn__edge *edge) {
  return edge->node != NULL ? (void *)edge->node : (void *)edge->leaf;
}

static void table_insert(engine *e, int32_t index) {
  uint32_t at = hash_of(e->slots[index].key, e->table_size);
  while (e->table[at] != 0) at = (at + 1) & (uint32_t)(e->table_size - 1);
  e->table[at] = index + 1;
}

static void table_fill(engine *e) {
  memset(e->table, 0, sizeof *e->table * (size_t)e->table_size);
  for (int32_t i = 0; i < e->slot_count; i++) table_insert(e, i);
}

static int32_t table_find(const engine *e, const void *key) {
  uint32_t at = hash_of(key, e->table_size);
  while (e->table[at] != 0) {
    if (e->slots[e->table[at] - 1].key == key) return e->table[at] - 1;
    at = (at + 1) & (uint32_t)(e->table_size - 1);
  }
  return -1;
}

// Twice the room for everything.
static tn_status grow(engine *e) {
  int32_t capacity = e->slot_capacity * 2;
  slot *slots = tn__malloc(sizeof *slots * (size_t)capacity);
  int32_t *heap = tn__malloc(sizeof *heap * (size_t)capacity);
  int32_t *table = tn__malloc(sizeof *table * (size_t)capacity * 2);
  if (slots == NULL || heap == NULL || table == NULL) {
    free(slots);
    free(heap);
    free(table);
    return tn__out_of_memory("the backward walk", sizeof *slots * (uint64_t)capacity);
  }
  memcpy(slots, e->slots, sizeof *slots * (size_t)e->slot_count);
  memcpy(heap, e->heap, sizeof *heap * (size_t)e->heap_count);
  if (e->slots != e->first_slots) {
    free(e->slots);
    free(e->heap);
    free(e->table);
  }
  e->slots = slots;
  e->heap = heap;
  e->table = table;
  e->table_size = capacity * 2;
  e->slot_capacity = capacity;
  table_fill(e);
  return TN_OK;
}

// Room for the gradients of a node with several results.
static tn_status make_more(engine *e, slot *s) {
  s->more = tn__calloc((size_t)s->count, sizeof *s->more);
  if (s->more == NULL) {
    return tn__out_of_memory("the backward walk", sizeof *s->more * (uint64_t)s->count);
  }
  e->has_more = true;
  return TN_OK;
}

static inline int32_t slot_find(const engine *e, const void *key) {
  int32_t count = e->slot_count;
  if (count > SCANNED_SLOTS) return table_find(e, key);
  for (const slot *s = e->slots + count; s-- != e->slots;) {
    if (s->key == key) return (int32_t)(s - e->slots);
  }
  return -1;
}

// A slot for what has none. -1 when memory is out.
static int32_t slot_make(engine *e, const tn__edge *edge) {
  tn__node *node = edge->node;
  if (__builtin_expect(e->slot_count == e->slot_capacity, 0) && grow(e) != TN_OK) return -1;
  slot *s = &e->slots[e->slot_count];
  s->key = key_of(edge);
  s->node = node;
  s->leaf = edge->leaf;
  s->depth = node != NULL ? node->depth : 0;
  s->count = node != NULL ? node->output_count : 1;
  s->owned_sum = false;
  s->useful = false;
  s->first = NULL;
  s->more = NULL;
  if (s->count > 1 && make_more(e, s) != TN_OK) return -1;
  int32_t index = e->slot_count++;
  if (index == SCANNED_SLOTS) table_fill(e);
  if (index > SCANNED_SLOTS) table_insert(e, index);
  return index;
}

// The slot of an edge's target, made where there is none. -1 when memory is out.
static inline int32_t slot_of(engine *e, const tn__edge *edge) {
  int32_t index = slot_find(e, key_of(edge));
  return index >= 0 ? index : slot_make(e, edge);
}

static tn_tensor **grads_of(slot *s) { return s->more != NULL ? s->more : &s->first; }

// ---- the heap ----------------------------------------------------------------------------------

static bool deeper(const engine *e, int32_t a, int32_t b) {
  return e->slots[a].depth > e->slots[b].depth;
}

static inline void heap_push(engine *e, int32_t index) {
  int32_t at = e->heap_count++;
  while (at > 0 && deeper(e, index, e->heap[(at - 1) / 2])) {
    e->heap[at] = e->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  e->heap[at] = index;
}

static int32_t heap_pop(engine *e) {
  int32_t top = e->heap[0], last = e->heap[--e->heap_count], at = 0;
  for (;;) {
    int32_t child = 2 * at + 1;
    if (child >= e->heap_count) break;
    if (child + 1 < e->heap_count && deeper(e, e->heap[child + 1], e->heap[child])) child++;
    if (!deeper(e, e->heap[child], last)) break;
    e->heap[at] = e->heap[child];
    at = child;
  }
  e->heap[at] = last;
  return top;
}

// ---- sending -----------------------------------------------------------------------------------

// Adds |grad| to the gradient that waits in |place|.
static tn_status add_grad(slot *s, tn_tensor **place, tn_tensor *grad) {
  bool reuse = s->owned_sum && s->count == 1 && !tn_grad_mode() &&
               atomic_load_explicit(&(*place)->refs, memory_order_relaxed) == 1;
  if (reuse) return tn_add_out(*place, *place, grad);
  tn_tensor *sum = tn_add(*place, grad);
  if (sum == NULL) return tn__failure();
  tn_scope *scope = tn__tls.scope;
  if (scope == NULL || !tn__scope_take(scope, sum)) tn__retain_raw(sum);
  tn__release_raw(*place);
  *place = sum;
  s->owned_sum = true;
  return TN_OK;
}

static inline bool is_like(const tn_tensor *grad, tn_dtype dtype, tn_device device, int32_t rank,
                           const int64_t *sizes) {
  if (grad->rank != rank || grad->dtype != dtype || !tn_device_equal(grad->device, device)) {
    return false;
  }
  for (int32_t d = 0; d < rank; d++) {
    if (grad->sizes[d] != sizes[d]) return false;
  }
  return true;
}

// Whether |grad| is what |edge|'s target wants, as it is.
static inline bool fits(const tn__edge *edge, const tn_tensor *grad) {
  const tn_tensor *leaf = edge->leaf;
  if (edge->node == NULL) {
    return is_like(grad, leaf->dtype, leaf->device, leaf->rank, leaf->sizes);
  }
  const tn__shape_record *record = &edge->node->outputs[edge->output];
  return is_like(grad, record->dtype, record->device, record->rank, record->sizes);
}

static tn_tensor *fitted(const tn__edge *edge, tn_tensor *grad, const char *name) {
  tn__shape_record target = tn__edge_target(edge);
  return tn__grad_fit(grad, &target, name);
}

// Sends |grad| along |edge|.
static inline __attribute__((always_inline)) tn_status send(engine *e, const tn__edge *edge,
                                                            tn_tensor *grad, const char *name) {
  if (!fits(edge, grad) && (grad = fitted(edge, grad, name)) == NULL) return tn__failure();
  int32_t known = e->slot_count, index = slot_of(e, edge);
  if (index < 0) return TN_OUT_OF_MEMORY;
  slot *s = &e->slots[index];
  tn_tensor **place = grads_of(s) + edge->output;
  if (*place != NULL) return add_grad(s, place, grad);
  tn__retain_raw(grad);
  *place = grad;
  s->owned_sum = false;
  if (index == known && edge->node != NULL) heap_push(e, index);
  return TN_OK;
}

// The same in a walk of several streams.
static tn_status send_across(engine *e, const tn__edge *edge, tn_tensor *grad, const char *name) {
  if (!fits(edge, grad) && (grad = fitted(edge, grad, name)) == NULL) return tn__failure();
  tn_stream *giver;
  tn_status status = tn__walk_hand_over(&e->streams, edge, grad, &giver);
  if (status == TN_OK) status = send(e, edge, grad, name);
  if (giver != NULL) {
    tn_status back = tn__stream_make_current(&tn__tls, giver);
    if (status == TN_OK) status = back;
  }
  return status;
}

static tn_status send_any(engine *e, const tn__edge *edge, tn_tensor *grad, const char *name) {
  return e->streams.active ? send_across(e, edge, grad, name) : send(e, edge, grad, name);
}

// ---- hooks and captures ------------------------------------------------------------------------

// Whether |replaced| may take the place of |grad|; the error where not.
static tn_status check_replacement(const tn_tensor *replaced, const tn_tensor *grad) {
  if (replaced == NULL) {
    if (!tn_ok()) return tn__failure();
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "tn_backward: a hook returned NULL and recorded no error; to leave the "
                        "gradient as it is, return TN_NONE");
  }
  if (tn__is_none(replaced) ||
      is_like(replaced, grad->dtype, grad->device, grad->rank, grad->sizes)) {
    return TN_OK;
  }
  return tn_error_set(TN_INVALID_ARGUMENT,
                      "tn_backward: a hook returned a gradient of another shape, dtype or device "
                      "than the one it was given");
}

// Lets the hooks of result |output| see and replace its gradient.
static tn_status run_hooks(const tn__hook *hooks, int32_t output, tn_tensor **place) {
  for (const tn__hook *hook = hooks; hook != NULL; hook = hook->next) {
    if (hook->output != output || *place == NULL) continue;
    tn_tensor *replaced = hook->function(hook->context, *place);
    tn_status status = check_replacement(replaced, *place);
    if (status != TN_OK) return status;
    if (tn__is_none(replaced) || replaced == *place) continue;
    tn__retain_raw(replaced);
    tn__release_raw(*place);
    *place = replaced;
  }
  return TN_OK;
}

// Keeps the gradient of results that asked for it.
static tn_status keep_retained(const tn__node *node, tn_tensor *const *grads) {
  for (const tn__retained *kept = node->retained; kept != NULL; kept = kept->next) {
    tn_tensor *grad = grads[kept->output];
    if (grad == NULL) continue;
    tn_status status = tn_set_grad(kept->tensor, grad);
    if (status != TN_OK) return status;
  }
  return TN_OK;
}

// Hands what arrived at an input of tn_grad to the caller.
static void capture(const engine *e, const slot *s, tn_tensor *const *grads) {
  const tn__walk *walk = e->walk;
  for (int32_t i = 0; i < walk->target_count; i++) {
    const tn__edge *target = &walk->targets[i];
    bool hit =
        s->node != NULL ? target->node == s->node : target->leaf == s->leaf && target->node == NULL;
    if (!hit || grads[target->output] == NULL) continue;
    tn__retain_raw(grads[target->output]);
    if (walk->captured[i] != NULL) tn__release_raw(walk->captured[i]);
    walk->captured[i] = grads[target->output];
  }
}

static bool is_target(const tn__walk *walk, const tn__edge *edge) {
  for (int32_t i = 0; i < walk->target_count; i++) {
    const tn__edge *target = &walk->targets[i];
    if (target->node == edge->node &&
        (edge->node != NULL ? target->output == edge->output : target->leaf == edge->leaf)) {
      return true;
    }
  }
  return false;
}

// ---- leaves ------------------------------------------------------------------------------------

static tn_status accumulate(tn_tensor *leaf, tn_tensor **place) {
  tn__grad_record *record = tn__grad_record_of(leaf);
  if (record == NULL) return TN_OUT_OF_MEMORY;
  tn_tensor *grad = *place;
  if (record->grad != NULL && !tn_grad_mode() && !tn__tracks(record->grad)) {
    return tn_add_(record->grad, grad);
  }
  tn_tensor *kept;
  if (record->grad != NULL) {
    kept = tn_add(record->grad, grad);
  } else {
    bool sole = atomic_load_explicit(&grad->refs, memory_order_relaxed) == 1;
    bool whole = tn__is_contiguous(grad) && grad->base == NULL &&
                 grad->storage->size_bytes == (uint64_t)grad->numel * grad->item_bytes;
    if (tn_grad_mode() || (sole && whole)) {
      record->grad = grad;  // with the reference
      *place = NULL;
      return TN_OK;
    }
    kept = tn_clone(grad);
  }
  if (kept == NULL) return tn__failure();
  tn__retain_raw(kept);
  if (record->grad != NULL) tn__release_raw(record->grad);
  record->grad = kept;
  return TN_OK;
}

// No slot is made meanwhile, so |s| stays where it is.
static tn_status visit_leaf(engine *e, slot *s) {
  if (s->first == NULL) return TN_OK;
  tn_status status = TN_OK;
  if (s->leaf->grad != NULL && s->leaf->grad->hooks != NULL) {
    status = run_hooks(s->leaf->grad->hooks, 0, &s->first);
  }
  if (status == TN_OK && e->walk->target_count > 0) {
    capture(e, s, &s->first);
  } else if (status == TN_OK) {
    status = accumulate(s->leaf, &s->first);
  }
  if (s->first != NULL) tn__release_raw(s->first);
  s->first = NULL;
  return status;
}

// ---- nodes -------------------------------------------------------------------------------------

// Whether |edge| leads to an input of tn_grad.
static bool edge_leads(const engine *e, const tn__edge *edge) {
  if (is_target(e->walk, edge)) return true;
  if (edge->node == NULL) return false;
  int32_t index = slot_find(e, edge->node);
  return index >= 0 && e->slots[index].useful;
}

static inline bool edge_wanted(const engine *e, const tn__edge *edge) {
  if (edge->node == NULL && edge->leaf == NULL) return false;
  return e->walk->target_count == 0 || edge_leads(e, edge);
}

static tn_status check_nan(const tn__node *node, int32_t input, tn_tensor *grad) {
  if (!tn_dtype_in(grad->dtype, TN_DTYPES_FLOATING)) return TN_OK;
  bool before = tn_grad_mode_set(false);
  tn_tensor *any = tn_any(tn_isnan(grad));
  double found = any == NULL ? 0 : tn_item(any);
  tn_grad_mode_set(before);
  if (any == NULL) return tn__failure();
  if (found == 0) return TN_OK;
  return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){node->name, NULL, NULL, NULL},
                   "anomaly: the gradient of '%s' for operand %d has a NaN", node->name, input);
}

static tn_status send_all(engine *e, tn__node *node, const tn_vjp *vjp, tn_tensor *const *grad_in) {
  for (int32_t i = 0; i < node->input_count; i++) {
    if (grad_in[i] == NULL) return tn__failure();
    if (tn__is_none(grad_in[i])) continue;
    const tn__edge *edge = &node->edges[i];
    // From 63 on inputs share a bit.
    bool wanted = i < 63 ? ((vjp->needed >> i) & 1) != 0 : edge_wanted(e, edge);
    if (!wanted) continue;
    tn_status status = tn__tls.anomaly ? check_nan(node, i, grad_in[i]) : TN_OK;
    if (status == TN_OK) status = send_any(e, edge, grad_in[i], node->name);
    if (status != TN_OK) return status;
  }
  return TN_OK;
}

enum { STACK_INPUTS = 16 };

static tn_status run_vjp(engine *e, tn__node *node, tn_tensor *const *grads) {
  tn_tensor *stack_in[STACK_INPUTS], *stack_out[TN__MAX_RESULTS];
  tn_tensor **grad_in = stack_in, **grad_out = stack_out;
  tn_tensor **heap_in = NULL, **heap_out = NULL;
  if (node->input_count > STACK_INPUTS) {
    grad_in = heap_in = tn__malloc(sizeof *grad_in * (size_t)node->input_count);
  }
  if (node->output_count > TN__MAX_RESULTS) {
    grad_out = heap_out = tn__malloc(sizeof *grad_out * node->output_count);
  }
  tn_status status = TN_OK;
  if (grad_in == NULL || grad_out == NULL) {
    status = tn__out_of_memory("a gradient", sizeof *grad_in * (uint64_t)node->input_count);
  }
  if (status == TN_OK) {
    tn_vjp vjp = {.node = node};
    for (int32_t i = 0; i < node->input_count; i++) {
      grad_in[i] = TN_NONE;
      if (edge_wanted(e, &node->edges[i])) vjp.needed |= UINT64_C(1) << (i < 63 ? i : 63);
    }
    for (int32_t k = 0; k < node->output_count; k++) {
      grad_out[k] = grads[k] == NULL ? TN_NONE : grads[k];
    }
    if (vjp.needed != 0) status = node->kind->backward(node, &vjp, grad_out, grad_in);
    if (status == TN_OK && vjp.needed != 0) status = send_all(e, node, &vjp, grad_in);
  }
  free(heap_in);
  free(heap_out);
  return status;
}

// Whether a node is one of the many: one result, few inputs, nobody who looks on.
static inline bool is_plain(const engine *e, const tn__node *node) {
  return node->output_count == 1 && node->input_count <= STACK_INPUTS && node->hooks == NULL &&
         node->retained == NULL && !e->watched;
}

// Sends on what the vjp of a plain node makes of |grad|.
static tn_status run_plain(engine *e, tn__node *node, tn_tensor *grad) {
  tn_tensor *grad_in[STACK_INPUTS];
  tn_vjp vjp = {.node = node};
  int32_t count = node->input_count;
  const tn__edge *edges = node->edges;
  uint64_t needed = 0;
  for (int32_t i = 0; i < count; i++) {
    grad_in[i] = TN_NONE;
    uintptr_t target = (uintptr_t)edges[i].node | (uintptr_t)edges[i].leaf;
    needed |= (uint64_t)(target != 0) << i;
  }
  if (needed == 0) return TN_OK;
  vjp.needed = needed;
  tn_status status = node->kind->backward(node, &vjp, &grad, grad_in);
  if (status != TN_OK) return status;
  for (int32_t i = 0; i < count; i++) {
    if (grad_in[i] == NULL) return tn__failure();
    if (tn__is_none(grad_in[i]) || ((needed >> i) & 1) == 0) continue;
    if (__builtin_expect(tn__tls.anomaly, 0)) status = check_nan(node, i, grad_in[i]);
    if (status == TN_OK) status = send(e, &edges[i], grad_in[i], node->name);
    if (status != TN_OK) return status;
  }
  return TN_OK;
}

// What a node saved goes with its gradient, unless the graph is retained.
static inline void give_up(const engine *e, tn__node *node) {
  if (e->walk->retain_graph || (node->saved_count == 0 && node->kind->release == NULL)) return;
  tn__node_drop_saved(node);
}

static tn_status visit_plain(engine *e, slot *s) {
  tn__node *node = s->node;
  tn_tensor *grad = s->first;
  e->pass.node = node;
  s->first = NULL;  // the slot may move from here on
  tn_status status = run_plain(e, node, grad);
  if (e->scope->count > 0) tn__scope_empty(e->scope);
  tn__release_raw(grad);
  if (status == TN_OK) give_up(e, node);
  return status;
}

static tn_status visit_node(engine *e, int32_t index) {
  // Slots may move while gradients are sent: take what is needed out first.
  slot *s = &e->slots[index];
  tn__node *node = s->node;
  tn_tensor *single = s->first;
  tn_tensor **grads = s->more != NULL ? s->more : &single;
  tn_status status = e->streams.active ? tn__walk_enter(&e->streams, node) : TN_OK;
  e->pass.node = node;
  for (int32_t k = 0; node->hooks != NULL && status == TN_OK && k < node->output_count; k++) {
    status = run_hooks(node->hooks, k, &grads[k]);
  }
  e->slots[index].first = NULL;
  if (status == TN_OK && node->retained != NULL) status = keep_retained(node, grads);
  if (status == TN_OK && e->walk->target_count > 0) capture(e, &e->slots[index], grads);
  if (status == TN_OK) {
    status = run_vjp(e, node, grads);
    if (e->scope->count > 0) tn__scope_empty(e->scope);
  }
  for (int32_t k = 0; k < node->output_count; k++) {
    if (grads[k] != NULL) tn__release_raw(grads[k]);
    grads[k] = NULL;
  }
  if (status == TN_OK) give_up(e, node);
  return status;
}

// ---- which nodes lead to the inputs of tn_grad -------------------------------------------------

static int compare_depth(const void *a, const void *b) {
  const slot *x = a, *y = b;
  return x->depth < y->depth ? -1 : x->depth > y->depth;
}

// Visits everything reachable, then marks from the shallow end.
static tn_status find_useful(engine *e, const tn__edge *roots, int32_t root_count) {
  for (int32_t i = 0; i < root_count; i++) {
    if (roots[i].node != NULL && slot_of(e, &roots[i]) < 0) return TN_OUT_OF_MEMORY;
  }
  for (int32_t at = 0; at < e->slot_count; at++) {
    tn__node *node = e->slots[at].node;
    for (int32_t i = 0; i < node->input_count; i++) {
      if (node->edges[i].node == NULL) continue;
      if (slot_of(e, &node->edges[i]) < 0) return TN_OUT_OF_MEMORY;
    }
  }
  if (e->slot_count == 0) return TN_OK;  // every root is a leaf
  qsort(e->slots, (size_t)e->slot_count, sizeof *e->slots, compare_depth);
  if (e->slot_count > SCANNED_SLOTS) table_fill(e);
  for (int32_t at = 0; at < e->slot_count; at++) {
    tn__node *node = e->slots[at].node;
    for (int32_t i = 0; i < node->input_count && !e->slots[at].useful; i++) {
      e->slots[at].useful = edge_wanted(e, &node->edges[i]);
    }
  }
  return TN_OK;
}

static bool has_gradient(slot *s) {
  tn_tensor **grads = grads_of(s);
  for (int32_t k = 0; k < s->count; k++) {
    if (grads[k] != NULL) return true;
  }
  return false;
}

// ---- the walk ----------------------------------------------------------------------------------

// Gives up what a walk that failed left waiting.
static void drop_slots(engine *e) {
  for (int32_t i = 0; i < e->slot_count; i++) {
    slot *s = &e->slots[i];
    tn_tensor **grads = grads_of(s);
    for (int32_t k = 0; k < s->count; k++) {
      if (grads[k] != NULL) tn__release_raw(grads[k]);
    }
    free(s->more);
  }
}

static void engine_end(engine *e, bool complete) {
  tn__tls.pass = e->pass.outer;
  if (!complete || e->has_more) drop_slots(e);
  if (e->slots == e->first_slots) return;
  free(e->slots);
  free(e->table);
  free(e->heap);
}

// Leaves come last, when all of their gradient has arrived.
static tn_status visit_leaves(engine *e) {
  tn_status status = e->streams.active ? tn__walk_enter(&e->streams, NULL) : TN_OK;
  e->pass.node = NULL;
  for (int32_t i = 0; status == TN_OK && i < e->slot_count; i++) {
    if (e->slots[i].node == NULL) status = visit_leaf(e, &e->slots[i]);
  }
  return status;
}

static tn_status visit_nodes(engine *e) {
  tn_status status = TN_OK;
  while (status == TN_OK && e->heap_count > 0) {
    int32_t index = heap_pop(e);
    slot *s = &e->slots[index];
    if (s->first != NULL && is_plain(e, s->node)) {
      status = visit_plain(e, s);
    } else if (has_gradient(s)) {
      status = visit_node(e, index);
    }
  }
  return status;
}

tn_status tn__engine_run(const tn__walk *walk, const tn__edge *roots, tn_tensor *const *grads,
                         int32_t root_count) {
  engine e;
  const uint64_t start = tn__trace_begin();
  tn_status status = engine_begin(&e, walk);
  if (status == TN_OK && walk->target_count > 0) status = find_useful(&e, roots, root_count);
  bool before = tn_grad_mode_set(walk->create_graph);
  for (int32_t i = 0; status == TN_OK && i < root_count; i++) {
    if (roots[i].node == NULL && roots[i].leaf == NULL) continue;
    status = send_any(&e, &roots[i], grads[i], "the root");
  }
  if (status == TN_OK && walk->target_count > 0) {
    // Every node of a restricted walk has its slot already, and so is never pushed by a gradient.
    e.heap_count = 0;
    for (int32_t i = 0; i < e.slot_count; i++) {
      if (e.slots[i].node != NULL) heap_push(&e, i);
    }
  }
  if (status == TN_OK) status = visit_nodes(&e);
  if (status == TN_OK) status = visit_leaves(&e);
  if (e.streams.active) {
    tn_status ordered = tn__walk_streams_end(&e.streams);
    if (status == TN_OK) status = ordered;
  }
  tn_grad_mode_set(before);
  engine_end(&e, status == TN_OK);
  if (start != 0) tn__trace_pass(start);
  return status;
}
