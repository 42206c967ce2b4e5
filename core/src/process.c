// SPDX-License-Identifier: Apache-2.0
//
// process: see process.h; and tn_shutdown.

#include "process.h"

#include <pthread.h>
#include <tenon/device.h>
#include <tenon/init.h>

#include "backend.h"
#include "fallback.h"
#include "memory.h"
#include "pinned.h"
#include "registry.h"
#include "stream_impl.h"
#include "thread.h"
#include "trace.h"
#include "verify.h"

_Atomic uint32_t tn__gate = TN__GATE_UNSETTLED;

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void close_child(void) {
  atomic_fetch_or_explicit(&tn__gate, TN__GATE_FORKED, memory_order_relaxed);
}

static void watch(void) { pthread_atfork(NULL, NULL, close_child); }

void tn__process_watch_forks(void) { pthread_once(&fork_once, watch); }

tn_status tn__process_error(void) {
  if (tn__gate_load() & TN__GATE_SHUT_DOWN) {
    return tn__error(TN_WRONG_STATE, NULL,
                     "tn_shutdown was called; nothing can be computed after it");
  }
  return tn__error(
      TN_WRONG_STATE,
      &(tn__error_details){NULL, NULL, NULL, "exec a program, or start threads instead"},
      "this process is the child of a fork, in which the threads of the pool do not "
      "exist; tensors can be released here, and nothing else");
}

void tn_shutdown(void) {
  if (tn__gate_load() & TN__GATE_CLOSED) return;
  tn__streams_finish();
  tn__fallback_print();
  tn__registry_lock();
  for (tn__backend *backend = tn__loader_first(); backend != NULL; backend = backend->next) {
    if (backend->stage == TN__STAGE_READY && backend->desc.quiesce != NULL) backend->desc.quiesce();
  }
  atomic_fetch_or_explicit(&tn__gate, TN__GATE_SHUT_DOWN, memory_order_relaxed);
  tn__registry_unlock();
  tn__memory_empty_caches();
  tn__pinned_empty_caches();
  tn__trace_finish();
  tn__verify_finish();
}
