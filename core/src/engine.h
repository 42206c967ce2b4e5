// SPDX-License-Identifier: Apache-2.0
//
// engine: one backward walk, from roots with their gradients to leaves (accumulated) or to chosen
// targets (captured).

#ifndef TENON_CORE_ENGINE_H_
#define TENON_CORE_ENGINE_H_

#include "autograd.h"
#include "scope_impl.h"

typedef struct tn__walk {
  bool retain_graph, create_graph;
  tn_scope *scope;  // the innermost: emptied after each node, so that temporaries die early
  // Where tn_grad wants gradients; none: accumulate into leaves.
  const tn__edge *targets;
  int32_t target_count;
  tn_tensor **captured;  // [target_count], raw, NULL where nothing arrived
} tn__walk;

// errors: WRONG_STATE, and what the gradients' operators give
tn_status tn__engine_run(const tn__walk *walk, const tn__edge *roots, tn_tensor *const *grads,
                         int32_t root_count);

// A backward pass in progress on a thread, for those who want to know what a call is made for.
typedef struct tn__pass {
  const struct tn__pass *outer;
  const tn__node *node;  // whose gradient is being computed; NULL between nodes
} tn__pass;

#endif  // TENON_CORE_ENGINE_H_
