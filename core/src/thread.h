// SPDX-License-Identifier: Apache-2.0
//
// thread: what the core keeps for each thread: the innermost scope, the recorded error, modes and
// the cache of small blocks. One struct in initial-exec TLS, fetched once at the entry of a call.
// It stays small: a library opened late may use only some 512 bytes of such TLS.

#ifndef TENON_CORE_THREAD_H_
#define TENON_CORE_THREAD_H_

#include <stdbool.h>
#include <stdint.h>
#include <tenon/base.h>

#include "allocate.h"

typedef struct tn__error_record tn__error_record;
typedef struct tn__block_cache tn__block_cache;
typedef struct tn__trace_buffer tn__trace_buffer;
struct tn_scope;

typedef struct tn__thread {
  struct tn_scope *scope;
  tn__error_record *error;
  tn__block_cache *blocks;
  uint64_t next_id, last_id;           // storage ids handed to this thread
  struct tn__node *free_nodes;         // of a graph that is being freed, see node.c
  struct tn__thread_streams *streams;  // current ones that are not the default, see stream_impl.h
  struct tn_wrapped_call *wrapped;     // the innermost call in progress, where calls are wrapped
  struct tn__call *passing;            // which the gate lets through, see wrap.h
  const struct tn__pass *pass;         // the backward pass in progress, see engine.h
  tn__trace_buffer *trace;             // see trace.h
  int64_t allocation_fails_in;         // tests: which allocation from now fails; 0: none
  int32_t provider_rule;               // of the composed operator whose part is running; 0: none
  bool freeing_nodes;
  bool grad_disabled;
  bool anomaly;
  bool has_error;
  bool newest_is_kept;  // the error that was reported last is the recorded one
  bool allocation_failed;
  bool attached;  // the thread-exit hook is in place
} tn__thread;

extern _Thread_local tn__thread tn__tls __attribute__((tls_model("initial-exec")));

// Puts the thread-exit hook in place: it closes what the thread left open and frees its caches.
void tn__thread_attach(tn__thread *thread);

// ---- small blocks: per-thread free lists by size class, 64-byte aligned, at most 1 KiB. Under a
// sanitizer no cache is made, so they are plain allocations. A block may be freed on any thread.
enum {
  TN__SMALL_MAX_BYTES = 1024,
  TN__CLASS_BYTES = 64,
  TN__CLASS_COUNT = TN__SMALL_MAX_BYTES / TN__CLASS_BYTES,
  TN__CLASS_CAP = 512,
};

typedef struct tn__free_block {
  struct tn__free_block *next;
} tn__free_block;

struct tn__block_cache {
  tn__free_block *lists[TN__CLASS_COUNT];
  uint32_t counts[TN__CLASS_COUNT];
};

// The rare ways out: an empty list, a full one, no cache yet, a sanitizer.
void *tn__small_refill(tn__thread *thread, uint64_t size_bytes);
void tn__small_give_back(void *block);

static inline void *tn__small_allocate(tn__thread *thread, uint64_t size_bytes) {
  tn__block_cache *cache = thread->blocks;
  uint64_t size_class = (size_bytes - 1) / TN__CLASS_BYTES;
  if (cache == NULL || cache->lists[size_class] == NULL) {
    return tn__small_refill(thread, size_bytes);
  }
  tn__free_block *block = cache->lists[size_class];
  cache->lists[size_class] = block->next;
  cache->counts[size_class]--;
  return block;
}

static inline void tn__small_free(tn__thread *thread, void *block, uint64_t size_bytes) {
  tn__block_cache *cache = thread->blocks;
  uint64_t size_class = (size_bytes - 1) / TN__CLASS_BYTES;
  if (cache == NULL || cache->counts[size_class] >= TN__CLASS_CAP) {
    tn__small_give_back(block);
    return;
  }
  tn__free_block *freed = block;
  freed->next = cache->lists[size_class];
  cache->lists[size_class] = freed;
  cache->counts[size_class]++;
}

// ---- errors (error.c)
typedef struct tn__error_details {
  const char *op, *argument, *backend, *hint;  // NULL where unknown
} tn__error_details;

// Records an error unless one is recorded; returns |status|.
tn_status tn__error(tn_status status, const tn__error_details *details, const char *format, ...)
    TN_PRINTF(3, 4);
tn_status tn__out_of_memory(const char *what, uint64_t size_bytes);
// Records that a NULL operand was given where nothing says why it is NULL.
void tn__null_operand(const char *op, const char *argument);
// The same of what is no tensor: a stream, an event, a place for an answer.
void tn__null_argument(const char *call, const char *argument);
// The recorded error's status: what a function returns whose callee gave NULL.
tn_status tn__failure(void);
// Names the operator in the error that was reported last, where that is kept and names none.
void tn__error_name_op(const char *op);
// Sets the thread's error aside, for work whose failures are its own, and puts it back (dropping
// what was recorded in between).
typedef struct tn__held_error {
  tn__error_record *record;
  bool has_error;
} tn__held_error;
tn__held_error tn__error_hold(void);
void tn__error_restore(tn__held_error held);
// The same, but what was recorded in between stays where nothing had been before.
void tn__error_merge(tn__held_error held);
// Appends " [during <what>]" or a hint to the recorded error.
void tn__error_note(const char *format, ...) TN_PRINTF(1, 2);

#endif  // TENON_CORE_THREAD_H_
