// SPDX-License-Identifier: Apache-2.0
//
// scope: who releases intermediates; lists of tensors, which are owned the same way.

#include "scope_impl.h"

#include <string.h>

#include "tensor_impl.h"

static const tn__owned LIST_TAG = 1;

static void release_owned(tn__owned owned) {
  if (owned & LIST_TAG) {
    tn_list_release((tn_list *)(owned & ~LIST_TAG));
  } else {
    tn__release_raw((tn_tensor *)owned);
  }
}

tn_scope *tn_scope_open(void) {
  tn__thread *thread = &tn__tls;
  if (!thread->attached) tn__thread_attach(thread);
  tn_scope *scope = tn__small_allocate(thread, sizeof *scope);
  if (scope == NULL) {
    tn__out_of_memory("a scope", sizeof *scope);
    return NULL;
  }
  scope->outer = thread->scope;
  scope->thread = thread;
  scope->owned = scope->inline_owned;
  scope->count = 0;
  scope->capacity = TN__SCOPE_INLINE;
  thread->scope = scope;
  return scope;
}

void tn__scope_empty(tn_scope *scope) {
  // Deleters of foreign memory may call back: take each item off before it is released.
  while (scope->count > 0) release_owned(scope->owned[--scope->count]);
}

static void close_innermost(tn__thread *thread) {
  tn_scope *scope = thread->scope;
  tn__scope_empty(scope);
  thread->scope = scope->outer;
  if (scope->owned != scope->inline_owned) tn__deallocate(scope->owned);
  tn__small_free(thread, scope, sizeof *scope);
}

tn_status tn_scope_close(tn_scope *scope) {
  if (scope == NULL) return TN_OK;
  tn__thread *thread = &tn__tls;
  tn_scope *open = thread->scope;
  while (open != NULL && open != scope) open = open->outer;
  if (open == NULL) {
    return tn__error(TN_WRONG_STATE, NULL,
                     "tn_scope_close: the scope is not open on this thread; close a scope once, on "
                     "the thread that opened it");
  }
  while (thread->scope != scope) close_innermost(thread);
  close_innermost(thread);
  return TN_OK;
}

void tn__scopes_abandon(tn__thread *thread) {
  while (thread->scope != NULL) close_innermost(thread);
}

bool tn__scope_push_slow(tn_scope *scope, tn__owned owned) {
  int64_t capacity = scope->capacity * 2;
  uint64_t bytes = sizeof(tn__owned) * (uint64_t)capacity;
  tn__owned *grown = tn__allocate(bytes);
  if (grown == NULL) {
    tn__out_of_memory("a scope", bytes);
    return false;
  }
  memcpy(grown, scope->owned, sizeof(tn__owned) * (uint64_t)scope->count);
  if (scope->owned != scope->inline_owned) tn__deallocate(scope->owned);
  scope->owned = grown;
  scope->capacity = capacity;
  scope->owned[scope->count++] = owned;
  return true;
}

static bool take(tn_scope *scope, tn__owned owned) {
  for (int64_t i = scope->count - 1; i >= 0; i--) {
    if (scope->owned[i] != owned) continue;
    scope->count--;
    if (i != scope->count) {
      memmove(scope->owned + i, scope->owned + i + 1,
              sizeof(tn__owned) * (uint64_t)(scope->count - i));
    }
    return true;
  }
  return false;
}

bool tn__scope_take(tn_scope *scope, tn_tensor *tensor) { return take(scope, (tn__owned)tensor); }

bool tn__scope_take_list(tn_scope *scope, tn_list *list) {
  return take(scope, (tn__owned)list | LIST_TAG);
}

tn_tensor *tn__give(tn_tensor *tensor) {
  tn_scope *scope = tn__tls.scope;
  if (scope == NULL || tensor == NULL) return tensor;
  if (tn__scope_push(scope, (tn__owned)tensor)) return tensor;
  tn__release_raw(tensor);
  return NULL;
}

tn_list *tn__give_list(tn_list *list) {
  tn_scope *scope = tn__tls.scope;
  if (scope == NULL || list == NULL) return list;
  if (tn__scope_push(scope, (tn__owned)list | LIST_TAG)) return list;
  tn_list_release(list);
  return NULL;
}

tn_tensor *tn_escape(tn_tensor *tensor) {
  if (tensor == NULL || tn__is_none(tensor)) return tensor;
  tn_scope *scope = tn__tls.scope;
  if (scope == NULL) return tensor;
  if (!tn__scope_take(scope, tensor)) tn__retain_raw(tensor);
  if (scope->outer == NULL) return tensor;
  if (tn__scope_push(scope->outer, (tn__owned)tensor)) return tensor;
  tn__release_raw(tensor);
  return NULL;
}

tn_tensor *tn_retain(tn_tensor *tensor) {
  if (tensor != NULL && !tn__is_none(tensor)) tn__retain_raw(tensor);
  return tensor;
}

void tn_release(tn_tensor *tensor) {
  if (tensor == NULL || tn__is_none(tensor)) return;
  tn__release_raw(tensor);
}

static uint64_t list_bytes(int64_t count) {
  return sizeof(tn_list) + sizeof(tn_tensor *) * (uint64_t)count;
}

static tn_list *list_new_raw(tn_tensor *const *tensors, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (tensors[i] == NULL) return NULL;
  }
  tn_list *list = tn__allocate(list_bytes(count));
  if (list == NULL) {
    tn__out_of_memory("a list of tensors", list_bytes(count));
    return NULL;
  }
  list->count = count;
  for (int64_t i = 0; i < count; i++) list->tensors[i] = tn_retain(tensors[i]);
  return list;
}

tn_list *tn__list_new(tn_tensor *const *tensors, int64_t count) {
  return tn__give_list(list_new_raw(tensors, count));
}

int64_t tn_list_count(const tn_list *list) { return list == NULL ? 0 : list->count; }

tn_tensor *tn_list_at(const tn_list *list, int64_t index) {
  if (list == NULL || index < 0 || index >= list->count) return NULL;
  return list->tensors[index];
}

void tn_list_release(tn_list *list) {
  if (list == NULL) return;
  for (int64_t i = 0; i < list->count; i++) tn_release(list->tensors[i]);
  tn__deallocate(list);
}
