// SPDX-License-Identifier: Apache-2.0
//
// scope_impl: a scope is a growing array of what it owns. The first slots stand inside the struct,
// so that a scope around a few operators allocates once.

#ifndef TENON_CORE_SCOPE_IMPL_H_
#define TENON_CORE_SCOPE_IMPL_H_

#include <tenon/scope.h>

#include "thread.h"

enum { TN__SCOPE_INLINE = 32 };

// One owned thing: a tensor, or a list with the low bit set.
typedef uintptr_t tn__owned;

struct tn_scope {
  tn_scope *outer;
  tn__thread *thread;
  tn__owned *owned;
  int64_t count, capacity;
  tn__owned inline_owned[TN__SCOPE_INLINE];
};

// Adds to the innermost scope, which must exist. false when it cannot grow.
bool tn__scope_push_slow(tn_scope *scope, tn__owned owned);
static inline bool tn__scope_push(tn_scope *scope, tn__owned owned) {
  if (scope->count == scope->capacity) return tn__scope_push_slow(scope, owned);
  scope->owned[scope->count++] = owned;
  return true;
}

// Hands a raw list to the open scope or the caller, as tn__give does.
tn_list *tn__give_list(tn_list *list);

// Removes |tensor| from the innermost scope if it owns it (a latest match); the reference is the
// caller's then.
bool tn__scope_take(tn_scope *scope, tn_tensor *tensor);
bool tn__scope_take_list(tn_scope *scope, tn_list *list);

// Releases what |scope| owns and leaves it open.
void tn__scope_empty(tn_scope *scope);

// Closes everything that a thread left open.
void tn__scopes_abandon(tn__thread *thread);

struct tn_list {
  int64_t count;
  tn_tensor *tensors[];
};

#endif  // TENON_CORE_SCOPE_IMPL_H_
