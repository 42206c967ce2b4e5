// SPDX-License-Identifier: Apache-2.0
//
// autograd: the recorded graph. A node stands for one recorded call: what it saved, and for each
// input an edge to the node (or leaf) that made it. Tensors point to the node that made them, nodes
// to those of their inputs, never back, so no cycle forms; a saved result is kept as an alias
// without a record. A node's depth exceeds that of every node it points to, which is the order of
// the backward walk.

#ifndef TENON_CORE_AUTOGRAD_H_
#define TENON_CORE_AUTOGRAD_H_

#include <tenon/autograd.h>

#include "dispatch.h"
#include "tensor_impl.h"

typedef struct tn__node tn__node;

// Where a gradient goes: result |output| of |node|, or the leaf |leaf|; both NULL: nowhere.
typedef struct tn__edge {
  tn__node *node;   // retained
  tn_tensor *leaf;  // retained
  int32_t output;
} tn__edge;

typedef struct tn__saved {
  tn_tensor *tensor;  // an input, or an alias of a result; NULL: not saved
  uint64_t version;   // of its storage when it was saved
} tn__saved;

// What a gradient of one result must look like.
typedef struct tn__shape_record {
  tn_dtype dtype;
  tn_device device;
  int32_t rank;
  const int64_t *sizes;  // in the node's block
} tn__shape_record;

typedef struct tn__hook {
  struct tn__hook *next;
  uint64_t id;
  int32_t output;
  tn_hook_fn function;
  void *context;
  void (*deleter)(void *context);
} tn__hook;

// A result that asked to keep its gradient. Not retained: the tensor removes itself when it goes.
typedef struct tn__retained {
  struct tn__retained *next;
  tn_tensor *tensor;
  int32_t output;
} tn__retained;

// What the gradient that goes along |edge| must look like; dtype NONE where it goes nowhere.
tn__shape_record tn__edge_target(const tn__edge *edge);

// What a node's gradient is computed by. |name| is for messages: the operator's.
typedef struct tn__node_kind {
  tn_status (*backward)(tn__node *node, tn_vjp *vjp, tn_tensor *const *grad_out,
                        tn_tensor **grad_in);
  void (*release)(tn__node *node);  // what `state` holds; NULL
} tn__node_kind;

enum {
  TN__NODE_FREED = 1u << 0,  // what it saved was given up after a backward pass
  TN__NODE_STREAM =
      1u << 1,  // its block ends in the stream it ran on, which is not the default one
};

struct tn__node {
  _Atomic int32_t refs;
  uint8_t output_count;
  uint8_t marks;  // TN__NODE_*
  uint16_t op_id;
  int32_t input_count;
  int32_t saved_count;
  uint64_t depth;
  uint64_t block_bytes;
  const tn__node_kind *kind;
  const char *name;
  void *state;                // the kind's
  tn__edge *edges;            // [input_count]
  tn__saved *saved;           // [saved_count]: inputs, then outputs
  tn__shape_record *outputs;  // [output_count]
  void *attrs;
  tn__hook *hooks;
  tn__retained *retained;
  tn__node *next_free;  // while a graph is being freed
};

struct tn__grad_record {
  tn_tensor *grad;  // accumulated, retained
  tn__hook *hooks;  // of a leaf
};

// The stream, of the device of result 0, that the forward ran on; NULL: the default one.
static inline struct tn_stream *tn__node_stream(const tn__node *node) {
  if (__builtin_expect((node->marks & TN__NODE_STREAM) == 0, 1)) return NULL;
  struct tn_stream *stream;
  memcpy(&stream, (const char *)node + node->block_bytes - sizeof stream, sizeof stream);
  return stream;
}

void tn__node_free(tn__node *node);
static inline void tn__node_release(tn__node *node) {
  if (atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) == 1) tn__node_free(node);
}

// The record of |tensor|, made where there is none. NULL when memory is out.
tn__grad_record *tn__grad_record_of(tn_tensor *tensor);
void tn__grad_record_free(tn_tensor *tensor);

// Takes |tensor| off its node's list of results that keep their gradient.
void tn__forget_retained(tn_tensor *tensor);

// Whether |tensor| is a view whose base got a new history since it got its own.
static inline bool tn__is_stale(const tn_tensor *tensor) {
  return tensor->base != NULL &&
         tensor->base->epoch != atomic_load_explicit(&tensor->base_epoch, memory_order_acquire);
}

// Whether |tensor| takes part in a graph. The record of a stale view may be being replaced by
// another thread, so staleness is asked first.
static inline bool tn__tracks(const tn_tensor *tensor) {
  return tn__is_stale(tensor) || tensor->requires_grad;
}

// Brings the history of a view up to date with its base's. errors: OUT_OF_MEMORY | threads: any,
// since a view that is only read may be brought up to date by several at once
tn_status tn__view_refresh(tn_tensor *tensor);

// Where |tensor|'s gradient goes, retained. Nowhere where none is required.
tn_status tn__edge_of(tn_tensor *tensor, tn__edge *edge);

// A copy of |tensor|'s record in which it is result |output| of |node|, for re-attached results.
// Raw.
tn_tensor *tn__attached_alias(tn_tensor *tensor, tn__node *node, int32_t output);

// A node with room for everything, edges set from |inputs|. NULL when memory is out.
tn__node *tn__node_new(const tn__node_kind *kind, const char *name, tn_tensor *const *inputs,
                       int32_t input_count, tn_tensor *const *outputs, int32_t output_count,
                       int32_t saved_count, uint64_t attrs_bytes);
// The common node, in one go: one result, room for attributes and saved tensors, which the caller
// fills in. NULL, with nothing recorded, where it does not fit into a small block or an input
// needs a closer look.
tn__node *tn__node_plain(const tn__node_kind *kind, const tn_op *op, tn_tensor *const *inputs,
                         int32_t input_count, const tn_tensor *out, int32_t saved_count,
                         uint64_t attrs_bytes);

// Makes |tensor| result |output| of |node| (retained).
void tn__node_adopt(tn__node *node, tn_tensor *tensor, int32_t output);

// TN_SAVE_* of all that the gradients of |call|'s tracked inputs read.
uint32_t tn__call_saves(const tn__call *call);

// Records a call whose results are |call->outs|. |before| holds the versions of the inputs before
// the call, or NULL where nothing was changed in place.
tn_status tn__record_call(tn__call *call, const uint64_t *before);

// Puts under TENON_PROVIDER's |rule| what lies between a composed operator's results (some may be
// NULL) and its operands: their gradients are then computed under it, too. Up to 256 calls deep.
void tn__record_rule(tn_tensor *const *results, int32_t result_count, tn_tensor *const *inputs,
                     int32_t input_count, int32_t rule);

// After an in-place call on |self|, whose new value was recorded as result 0 of |node|: makes that
// its history and, for a view, rewrites the base's.
tn_status tn__rebase(tn_tensor *self, tn__node *node);

// Refuses in-place calls that no gradient could describe: a leaf that requires one, a view of such.
tn_status tn__check_inplace(tn__call *call, tn_tensor *self);

// Gives up what a node saved.
void tn__node_drop_saved(tn__node *node);

// |grad| with the shape, dtype and device of |target|: summed where |target| was broadcast,
// expanded where |grad| is. NULL when that cannot be. Given as any call's result, or |grad| itself.
tn_tensor *tn__grad_fit(tn_tensor *grad, const tn__shape_record *target, const char *name);

// What a vjp sees.
struct tn_vjp {
  tn__node *node;
  uint64_t needed;  // bit i: input i; inputs from 63 on share the last bit
};

#endif  // TENON_CORE_AUTOGRAD_H_
