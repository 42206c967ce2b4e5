// SPDX-License-Identifier: Apache-2.0
//
// record: from a finished call to a node of the graph, and what an operator's vjp sees of it later.
// A node keeps only what the gradients of those inputs that require one will need. Attributes are
// copied with the lists and texts they point to, since the caller's may be gone by then.

#include <string.h>
#include <tenon/error.h>
#include <tenon/ops.h>

#include "autograd.h"

// ---- attributes --------------------------------------------------------------------------------

static uint64_t text_bytes(const char *text) {
  return text == NULL ? 0 : (strlen(text) + 8) & ~UINT64_C(7);
}

// What the attributes and the lists and texts they point to take.
static uint64_t pointing_attrs_bytes(const tn_op *op, const void *attrs) {
  uint64_t bytes = (op->attrs_size + UINT64_C(7)) & ~UINT64_C(7);
  op = &tn__op_table[op->run_id];  // an overload may name fewer attributes than there are
  for (int32_t i = 0; i < op->arg_count; i++) {
    const char *field = (const char *)attrs + op->args[i].attr_offset;
    if (TN__IS_LIST(op->args[i].kind)) {
      int64_t count = tn__list_at(field).count;
      bytes += sizeof(int64_t) * (uint64_t)(count > 0 ? count : 0);
    } else if (op->args[i].kind == TN__ARG_STRING) {
      bytes += text_bytes(*(const char *const *)(const void *)field);
    }
  }
  return bytes;
}

static inline uint64_t attrs_bytes(const tn_op *op, const void *attrs) {
  if (op->attrs_point) return pointing_attrs_bytes(op, attrs);
  return (op->attrs_size + UINT64_C(7)) & ~UINT64_C(7);
}

static void copy_attrs(const tn_op *op, const void *attrs, char *to) {
  memcpy(to, attrs, op->attrs_size);
  if (!op->attrs_point) return;
  op = &tn__op_table[op->run_id];
  char *room = to + ((op->attrs_size + UINT64_C(7)) & ~UINT64_C(7));
  for (int32_t i = 0; i < op->arg_count; i++) {
    void *field = to + op->args[i].attr_offset;
    if (TN__IS_LIST(op->args[i].kind)) {
      tn_ints list = tn__list_at(field);
      if (list.count <= 0) continue;
      uint64_t bytes = sizeof(int64_t) * (uint64_t)list.count;
      memcpy(room, list.data, bytes);
      list.data = (const int64_t *)(void *)room;
      memcpy(field, &list, sizeof list);
      room += bytes;
    } else if (op->args[i].kind == TN__ARG_STRING) {
      const char **text = field;
      uint64_t bytes = text_bytes(*text);
      if (bytes == 0) continue;
      memcpy(room, *text, strlen(*text) + 1);
      *text = room;
      room += bytes;
    }
  }
}

// ---- what is saved -----------------------------------------------------------------------------

// The version of a saved operand that was TN_NONE.
#define SAVED_ABSENT UINT64_MAX

// The union of what the gradients of tracked inputs need.
uint32_t tn__call_saves(const tn__call *call) {
  const tn_op_def *def = call->op->def;
  if ((def->saves[0] | def->saves[1] | def->saves[2] | def->saves[3]) == 0) return 0;
  uint32_t saves = 0;
  for (int32_t i = 0; i < call->input_count; i++) {
    if (!tn__tracks(call->inputs[i])) continue;
    uint32_t last = def->save_count == 0 ? 3 : def->save_count - 1;
    saves |= def->saves[(uint32_t)i < last ? (uint32_t)i : last];
  }
  return saves;
}

static tn_status save_input(tn__node *node, const tn__call *call, int32_t i,
                            const uint64_t *before) {
  tn_tensor *input = call->inputs[i];
  if (tn__is_none(input)) {
    node->saved[i].version = SAVED_ABSENT;
    return TN_OK;
  }
  // What the call has written over is kept without its record, which now leads to this very node.
  bool overwritten = before != NULL && input == call->outs[0];
  tn_tensor *kept = overwritten ? tn__tensor_alias(input) : tn__materialize_immediate(input);
  if (kept == NULL) return TN_OUT_OF_MEMORY;
  bool counted = before != NULL && (overwritten || kept == input) && i < TN__CALL_VIEWS;
  node->saved[i].tensor = kept;
  node->saved[i].version = counted ? before[i] : tn_tensor_version(kept);
  return TN_OK;
}

static tn_status save_output(tn__node *node, const tn__call *call, int32_t k) {
  tn_tensor *alias = tn__tensor_alias(call->outs[k]);
  if (alias == NULL) return TN_OUT_OF_MEMORY;
  node->saved[call->input_count + k] = (tn__saved){alias, tn_tensor_version(alias)};
  return TN_OK;
}

static tn_status save_all(tn__node *node, const tn__call *call, uint32_t saves,
                          const uint64_t *before) {
  tn_status status = TN_OK;
  for (int32_t i = 0; status == TN_OK && i < call->input_count && i < 16; i++) {
    if ((saves >> i) & 1) status = save_input(node, call, i, before);
  }
  for (int32_t k = 0; status == TN_OK && k < call->output_count; k++) {
    if ((saves >> (16 + k)) & 1) status = save_output(node, call, k);
  }
  return status;
}

// The common case: inputs that are as they are. false, with nothing saved, where one is not.
static bool save_plain(tn__node *node, const tn__call *call, uint32_t saves) {
  if (saves >> 2 != 0 || call->input_count > 2) return false;
  for (int32_t i = 0; i < call->input_count; i++) {
    if (call->inputs[i]->storage == NULL) return false;  // a number, or none
  }
  for (int32_t i = 0; i < call->input_count; i++) {
    if (((saves >> i) & 1) == 0) continue;
    tn_tensor *input = call->inputs[i];
    tn__retain_raw(input);
    node->saved[i].tensor = input;
    node->saved[i].version = atomic_load_explicit(&input->storage->version, memory_order_relaxed);
  }
  return true;
}

// ---- the operators' kind of node ---------------------------------------------------------------

static tn_status op_backward(tn__node *node, tn_vjp *vjp, tn_tensor *const *grad_out,
                             tn_tensor **grad_in) {
  const tn_op *op = &tn__op_table[node->op_id];
  if (op->def->vjp == NULL) {
    return tn__error(TN_UNIMPLEMENTED, &(tn__error_details){op->name, NULL, NULL, NULL},
                     "%s has no gradient: neither its own nor that of its parts", op->name);
  }
  return op->def->vjp(vjp, grad_out, grad_in);
}

static const tn__node_kind op_kind = {op_backward, NULL};

// ---- nodes under a rule of TENON_PROVIDER, which was about an operator that these are parts of.
// `state` is the rule.

static tn_status ruled_backward(tn__node *node, tn_vjp *vjp, tn_tensor *const *grad_out,
                                tn_tensor **grad_in) {
  const int32_t outer = tn__tls.provider_rule, rule = (int32_t)(intptr_t)node->state;
  tn__tls.provider_rule = outer != 0 && outer < rule ? outer : rule;
  tn_status status = op_backward(node, vjp, grad_out, grad_in);
  tn__tls.provider_rule = outer;
  return status;
}

static const tn__node_kind ruled_kind = {ruled_backward, NULL};

static bool is_op_node(const tn__node *node) {
  return node->kind == &op_kind || node->kind == &ruled_kind;
}

enum { MOST_PARTS = 256 };

typedef struct node_set {
  int32_t count;
  tn__node *nodes[MOST_PARTS];
} node_set;

static void node_set_add(node_set *set, tn__node *node) {
  if (node == NULL || !is_op_node(node) || set->count == MOST_PARTS) return;
  for (int32_t i = 0; i < set->count; i++) {
    if (set->nodes[i] == node) return;
  }
  set->nodes[set->count++] = node;
}

void tn__record_rule(tn_tensor *const *results, int32_t result_count, tn_tensor *const *inputs,
                     int32_t input_count, int32_t rule) {
  node_set set = {.count = 0};
  for (int32_t i = 0; i < input_count; i++) {
    if (!tn__is_absent(inputs[i])) node_set_add(&set, inputs[i]->node);
  }
  int32_t first = set.count;  // the operands' own history ends the walk
  for (int32_t i = 0; i < result_count; i++) {
    if (!tn__is_absent(results[i])) node_set_add(&set, results[i]->node);
  }
  for (int32_t at = first; at < set.count; at++) {
    tn__node *node = set.nodes[at];
    for (int32_t i = 0; i < node->input_count; i++) node_set_add(&set, node->edges[i].node);
    if (node->kind == &ruled_kind) continue;  // a part's own rule, which came before this one
    node->kind = &ruled_kind;
    node->state = (void *)(intptr_t)rule;
  }
}

// ---- the geometry of every input, for vjps that ask for it (VJP_GEOMETRY). It stands behind the
// attributes: where each input's starts and the last one's ends, then each one's storage offset,
// sizes and strides.

static uint64_t geometry_bytes(const tn__call *call) {
  if ((call->op->def->flags & TN_OP_VJP_GEOMETRY) == 0) return 0;
  uint64_t count = 2 * (uint64_t)call->input_count + 1;
  for (int32_t i = 0; i < call->input_count; i++) count += 2 * (uint64_t)call->inputs[i]->rank;
  return count * sizeof(int64_t);
}

static void copy_geometry(const tn__call *call, int64_t *room) {
  int64_t at = call->input_count + 1;
  for (int32_t i = 0; i < call->input_count; i++) {
    const tn_tensor *input = call->inputs[i];
    room[i] = at;
    room[at++] = input->offset;
    for (int32_t d = 0; d < input->rank; d++) room[at++] = input->sizes[d];
    for (int32_t d = 0; d < input->rank; d++) room[at++] = input->strides[d];
  }
  room[call->input_count] = at;
}

// An input's offset, sizes and strides, and its rank; NULL where they were not kept.
static const int64_t *geometry_of(const tn_vjp *vjp, int32_t input, int64_t *rank) {
  const tn__node *node = vjp->node;
  const tn_op *op = &tn__op_table[node->op_id];
  if (!is_op_node(node) || (op->def->flags & TN_OP_VJP_GEOMETRY) == 0) return NULL;
  const char *behind = (const char *)node->attrs + attrs_bytes(op, node->attrs);
  const int64_t *room = (const int64_t *)(const void *)behind;
  *rank = (room[input + 1] - room[input] - 1) / 2;
  return room + room[input];
}

static bool has_gradient(const tn_tensor *tensor) {
  return tn_dtype_in(tensor->dtype, TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX);
}

// The common record: one result, nothing changed in place. false where the call is of another kind.
static bool record_plain(tn__call *call, tn_status *status) {
  const tn_op *op = call->op;
  tn_tensor *out = call->outs[0];
  if (call->output_count != 1 || out->node != NULL || !has_gradient(out) ||
      (op->def->flags & TN_OP_VJP_GEOMETRY)) {
    return false;
  }
  const uint32_t *needs = op->def->saves;
  bool saves_nothing = (needs[0] | needs[1] | needs[2] | needs[3]) == 0;
  uint32_t saves = saves_nothing ? 0 : tn__call_saves(call);
  tn__node *node =
      tn__node_plain(&op_kind, op, call->inputs, call->input_count, out,
                     saves == 0 ? 0 : call->input_count + 1, attrs_bytes(op, call->attrs));
  if (node == NULL) return false;
  if (op->attrs_point) {
    copy_attrs(op, call->attrs, node->attrs);
  } else if (op->attrs_size > 0) {
    memcpy(node->attrs, call->attrs, op->attrs_size);
  }
  *status = saves == 0 || save_plain(node, call, saves) ? TN_OK : save_all(node, call, saves, NULL);
  if (*status != TN_OK) {
    tn__node_release(node);
    return true;
  }
  out->node = node;  // the reference of birth
  out->output = 0;
  out->requires_grad = true;
  return true;
}

tn_status tn__record_call(tn__call *call, const uint64_t *before) {
  tn_status status;
  if (before == NULL && record_plain(call, &status)) return status;
  bool any = false;
  for (int32_t i = 0; i < call->output_count; i++) any = any || has_gradient(call->outs[i]);
  if (!any) return TN_OK;
  const tn_op *op = call->op;
  uint32_t saves = tn__call_saves(call);
  int32_t saved_count = saves == 0 ? 0 : call->input_count + call->output_count;
  tn__node *node = tn__node_new(&op_kind, op->name, call->inputs, call->input_count, call->outs,
                                call->output_count, saved_count,
                                attrs_bytes(op, call->attrs) + geometry_bytes(call));
  if (node == NULL) return tn_error_peek()->status;
  node->op_id = op->id;
  if (op->attrs_size > 0) copy_attrs(op, call->attrs, node->attrs);
  if (op->def->flags & TN_OP_VJP_GEOMETRY) {
    char *behind = (char *)node->attrs + attrs_bytes(op, call->attrs);
    copy_geometry(call, (int64_t *)(void *)behind);
  }
  status = saves == 0 ? TN_OK : save_all(node, call, saves, before);
  if (status == TN_OK && before != NULL) {
    status = tn__rebase(call->outs[0], node);
  } else {
    for (int32_t k = 0; status == TN_OK && k < call->output_count; k++) {
      if (has_gradient(call->outs[k])) tn__node_adopt(node, call->outs[k], k);
    }
  }
  tn__node_release(node);
  return status;
}

// ---- what a vjp sees ---------------------------------------------------------------------------

bool tn_vjp_needs(const tn_vjp *vjp, int32_t input) {
  return ((vjp->needed >> (input < 63 ? input : 63)) & 1) != 0;
}

int32_t tn_vjp_input_count(const tn_vjp *vjp) { return vjp->node->input_count; }
const void *tn_vjp_attrs(const tn_vjp *vjp) { return vjp->node->attrs; }

// A saved tensor, unless something has been written over it since.
static tn_tensor *checked(tn__node *node, int32_t slot, const char *what, int32_t index) {
  if (node->marks & TN__NODE_FREED) {
    tn__error(
        TN_WRONG_STATE,
        &(tn__error_details){node->name, NULL, NULL, "pass .retain_graph = true to the first"},
        "%s: what it saved was freed by an earlier backward pass", node->name);
    return NULL;
  }
  bool known = slot < node->saved_count;
  if (known && node->saved[slot].version == SAVED_ABSENT) return TN_NONE;
  if (!known || node->saved[slot].tensor == NULL) {
    tn__error(TN_INTERNAL, NULL, "%s: its gradient asks for %s %d, which was not saved", node->name,
              what, index);
    return NULL;
  }
  const tn__saved *saved = &node->saved[slot];
  uint64_t version = tn_tensor_version(saved->tensor);
  if (version == saved->version) return saved->tensor;
  const char *writer = atomic_load_explicit(&saved->tensor->storage->writer, memory_order_relaxed);
  tn__error(TN_WRONG_STATE,
            &(tn__error_details){node->name, NULL, NULL, "clone it before changing it in place"},
            "%s: %s %d, which its gradient needs, was changed in place, last by '%s' (it was at "
            "version %llu and is at %llu)",
            node->name, what, index, writer, (unsigned long long)saved->version,
            (unsigned long long)version);
  return NULL;
}

tn_tensor *tn_vjp_input(tn_vjp *vjp, int32_t input) {
  return checked(vjp->node, input, "operand", input);
}

tn_tensor *tn_vjp_output(tn_vjp *vjp, int32_t output) {
  tn_tensor *saved = checked(vjp->node, vjp->node->input_count + output, "result", output);
  if (saved == NULL || !tn_grad_mode() || !has_gradient(saved)) return saved;
  return tn__give(tn__attached_alias(saved, vjp->node, output));
}

tn_ints tn_vjp_input_sizes(const tn_vjp *vjp, int32_t input) {
  int64_t rank;
  const int64_t *kept = geometry_of(vjp, input, &rank);
  if (kept != NULL) return tn_ints_of(kept + 1, rank);
  tn__shape_record target = tn__edge_target(&vjp->node->edges[input]);
  return tn_ints_of(target.sizes, target.rank);
}
tn_ints tn_vjp_input_strides(const tn_vjp *vjp, int32_t input) {
  int64_t rank;
  const int64_t *kept = geometry_of(vjp, input, &rank);
  return kept == NULL ? TN_NO_DIMS : tn_ints_of(kept + 1 + rank, rank);
}
int64_t tn_vjp_input_offset(const tn_vjp *vjp, int32_t input) {
  int64_t rank;
  const int64_t *kept = geometry_of(vjp, input, &rank);
  return kept == NULL ? 0 : kept[0];
}
tn_dtype tn_vjp_input_dtype(const tn_vjp *vjp, int32_t input) {
  return tn__edge_target(&vjp->node->edges[input]).dtype;
}
tn_device tn_vjp_input_device(const tn_vjp *vjp, int32_t input) {
  return tn__edge_target(&vjp->node->edges[input]).device;
}
tn_ints tn_vjp_output_sizes(const tn_vjp *vjp, int32_t output) {
  const tn__shape_record *record = &vjp->node->outputs[output];
  return tn_ints_of(record->sizes, record->rank);
}

// ---- in place ----------------------------------------------------------------------------------

tn_status tn__check_inplace(tn__call *call, tn_tensor *self) {
  const tn_tensor *owner = self->base == NULL ? self : self->base;
  if (owner->requires_grad && owner->node == NULL) {
    return tn__op_error(call, TN_WRONG_STATE, "self",
                        "%sa leaf that requires a gradient is changed in place; turn recording "
                        "off (tn_grad_mode_set(false)) or clone it",
                        owner == self ? "" : "a view of ");
  }
  if (tn_dtype_is_complex(self->dtype) && !tn_dtype_is_complex(owner->dtype)) {
    return tn__op_error(call, TN_UNIMPLEMENTED, "self",
                        "a complex view of a real tensor is changed in place, and a gradient is "
                        "required; change the real tensor, or clone it first");
  }
  if (owner == self || tn__is_contiguous(owner)) return TN_OK;
  return tn__op_error(call, TN_UNIMPLEMENTED, "self",
                      "a view of a base that is not contiguous is changed in place, and a gradient "
                      "is required; clone the base first");
}

// The base of a view after the view was written: the old base outside of the window, the window's
// new value inside. Input 0 is the old base, input 1 the new value.
typedef struct window {
  int32_t rank;
  bool as_real;    // the base is complex and the window shows parts of its numbers
  int64_t offset;  // in the base's own elements, or in parts of them
  int64_t sizes[TN_MAX_DIMS], strides[TN_MAX_DIMS];
} window;

static tn_tensor *window_on(tn_tensor *grad, const window *w) {
  if (w->as_real) grad = tn_view_as_real(grad);
  if (grad == NULL) return NULL;
  return tn_as_strided(grad, tn_ints_of(w->sizes, w->rank), tn_ints_of(w->strides, w->rank),
                       .storage_offset = TN_INT(tn_tensor_storage_offset(grad) + w->offset));
}

static tn_status window_backward(tn__node *node, tn_vjp *vjp, tn_tensor *const *grad_out,
                                 tn_tensor **grad_in) {
  const window *w = node->attrs;
  tn_tensor *grad = tn_contiguous(grad_out[0]);
  if (grad == NULL) return tn_error_peek()->status;
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = tn_clone(window_on(grad, w));
  if (tn_vjp_needs(vjp, 0)) {
    tn_tensor *outside = tn_clone(grad);
    tn_status status = tn_fill_(window_on(outside, w), 0);
    if (status != TN_OK) return status;
    grad_in[0] = outside;
  }
  return TN_OK;
}

static const tn__node_kind window_kind = {window_backward, NULL};

// Rewrites the history of |self|'s base, whose window |self| now is result 0 of |node|.
static tn_status rebase_view(tn_tensor *self, tn__node *node) {
  tn_tensor *base = self->base;
  tn_tensor *inputs[2] = {base, self};
  tn__node *whole = tn__node_new(&window_kind, "as_strided_scatter", inputs, 1, &base, 1, 0,
                                 sizeof(window) + 2 * sizeof(tn__edge));
  if (whole == NULL) return tn_error_peek()->status;
  window *w = whole->attrs;
  w->rank = self->rank;
  w->as_real = self->dtype != base->dtype;
  w->offset = self->offset - (w->as_real ? 2 : 1) * base->offset;
  memcpy(w->sizes, self->sizes, sizeof(int64_t) * self->rank);
  memcpy(w->strides, self->strides, sizeof(int64_t) * self->rank);
  // The second edge leads to the new value, which |self| does not point to yet.
  tn__edge *edges = (tn__edge *)(void *)(w + 1);
  edges[0] = whole->edges[0];
  atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
  edges[1] = (tn__edge){node, NULL, 0};
  whole->edges = edges;
  whole->input_count = 2;
  if (node->depth + 1 > whole->depth) whole->depth = node->depth + 1;
  tn__node_adopt(whole, base, 0);
  tn__node_release(whole);
  base->epoch++;
  return tn__view_refresh(self);
}

tn_status tn__rebase(tn_tensor *self, tn__node *node) {
  if (self->base != NULL) return rebase_view(self, node);
  tn__node_adopt(node, self, 0);
  self->epoch++;
  return TN_OK;
}
