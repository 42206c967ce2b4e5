// SPDX-License-Identifier: Apache-2.0
//
// thread: per-thread state and small blocks.
//
// Small blocks come in 64-byte classes up to 1 KiB. A freed block goes onto the freeing thread's
// list for its class; a list that grows past its cap gives blocks back. Invariant: a block on a
// list is owned by nobody else, and its first word links to the next.

#include "thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/error.h>

#include "scope_impl.h"
#include "stream_impl.h"
#include "trace.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TN__PLAIN_BLOCKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TN__PLAIN_BLOCKS 1
#endif
#endif

_Thread_local tn__thread tn__tls;

static pthread_key_t exit_key;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool exit_key_made;

static void blocks_free(tn__block_cache *cache) {
  if (cache == NULL) return;
  for (int i = 0; i < TN__CLASS_COUNT; i++) {
    for (tn__free_block *block = cache->lists[i]; block != NULL;) {
      tn__free_block *next = block->next;
      free(block);
      block = next;
    }
  }
  free(cache);
}

// |last|: the process ends, when backends are not called any more.
static void thread_clear(tn__thread *thread, bool last) {
  tn__scopes_abandon(thread);
  tn__thread_streams_end(thread, last);
  tn__trace_thread_end(thread);
  tn_error_clear();
  free(thread->error);
  thread->error = NULL;
  tn__block_cache *blocks = thread->blocks;
  thread->blocks = NULL;
  blocks_free(blocks);
  thread->attached = false;
}

static void thread_end(void *thread) { thread_clear(thread, false); }

static void make_exit_key(void) { exit_key_made = pthread_key_create(&exit_key, thread_end) == 0; }

void tn__thread_attach(tn__thread *thread) {
  if (thread->attached) return;
  thread->attached = true;
  pthread_once(&exit_key_once, make_exit_key);
  if (exit_key_made) pthread_setspecific(exit_key, thread);
}

// The main thread's keys are not destroyed at exit: leave nothing for leak checkers.
__attribute__((destructor)) static void library_end(void) { thread_clear(&tn__tls, true); }

void *tn__small_refill(tn__thread *thread, uint64_t size_bytes) {
#if !defined(TN__PLAIN_BLOCKS)
  if (thread->blocks == NULL) {
    tn__thread_attach(thread);
    thread->blocks = tn__calloc(1, sizeof(tn__block_cache));
  }
#else
  (void)thread;
#endif
  return tn__allocate(size_bytes);
}

void tn__small_give_back(void *block) { tn__deallocate(block); }
