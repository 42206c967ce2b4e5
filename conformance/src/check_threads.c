// SPDX-License-Identifier: Apache-2.0
//
// check_threads: two threads make the same call at once on shared operands, several times, first on
// the device's default stream and then each on a stream of its own, and each must get the bits that
// one alone gets. Finds kernels that keep what belongs to a call in globals or in their `self`, and
// those that enqueue on another stream than the one they are given.

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <tenon/stream.h>

#include "kit.h"

enum { THREADS = 2, CALLS = 4 };

typedef struct caller {
  const tn__run *run;
  const tn__prepared *prepared;
  const tn__outcome *first;
  const atomic_bool *go;  // set once all threads are there, so that they do meet
  int32_t calls, wrong;   // of |calls|
  char message[512];
} caller;

// A stream of this thread's own, which starts when what the operands came by is done.
static tn_stream *open_stream(tn_device device) {
  tn_stream *stream = tn_stream_new(device, 0);
  if (stream != NULL && tn_stream_wait_stream(stream, tn_stream_default(device)) == TN_OK &&
      tn_stream_set_current(stream) == TN_OK) {
    return stream;
  }
  tn_stream_release(stream);
  return NULL;
}

static void *call_again(void *context) {
  caller *c = context;
  tn_stream *stream = NULL;
  while (!atomic_load_explicit(c->go, memory_order_acquire)) sched_yield();
  for (int32_t i = 0; i < c->calls; i++) {
    if (i == c->calls / 2 && (stream = open_stream(c->run->device)) == NULL) {
      c->wrong = c->calls;
      snprintf(c->message, sizeof c->message, "no stream: %.400s",
               tn_ok() ? "" : tn_error_peek()->message);
      tn_error_clear();
      return NULL;
    }
    tn__arena arena = {0};
    tn__outcome outcome;
    tn__call_seeded(c->run->op, c->prepared, false, &arena, &outcome);
    if (!tn__same_bits(c->first, &outcome)) {
      c->wrong++;
      memcpy(c->message, outcome.message, sizeof c->message);
    }
    tn__arena_free(&arena);
  }
  if (stream != NULL) (void)tn_stream_set_current(tn_stream_default(c->run->device));
  tn_stream_release(stream);
  tn_error_clear();
  return NULL;
}

// Random numbers come from one generator for all threads: two calls differ however many there are.
static bool is_random(const tn__run *run, const tn__prepared *prepared, const tn__outcome *first,
                      tn__arena *arena) {
  tn__outcome again;
  if (run->traits.random) return true;
  tn__call_seeded(run->op, prepared, false, arena, &again);
  return !tn__same_bits(first, &again);
}

static void call_at_once(tn__run *run, const tn__prepared *prepared, const tn__outcome *first) {
  caller callers[THREADS];
  pthread_t threads[THREADS];
  bool started[THREADS];
  atomic_bool go = false;
  bool large = (prepared->sample->flags & TN_SAMPLE_LARGE) != 0;
  for (int i = 0; i < THREADS; i++) {
    callers[i] = (caller){
        .run = run, .prepared = prepared, .first = first, .go = &go, .calls = large ? 2 : CALLS};
    started[i] = pthread_create(&threads[i], NULL, call_again, &callers[i]) == 0;
  }
  atomic_store_explicit(&go, true, memory_order_release);
  for (int i = 0; i < THREADS; i++) {
    if (!started[i]) continue;
    pthread_join(threads[i], NULL);
    tn__check(run, callers[i].wrong == 0, prepared->sample, "two threads at once",
              "%d of %d calls gave other bits than one alone %s", callers[i].wrong,
              callers[i].calls, callers[i].message);
  }
}

void tn__check_threads(tn__run *run, const tn_sample *sample, const tn__outcome *first) {
  bool large = (sample->flags & TN_SAMPLE_LARGE) != 0;
  // Two threads that write one tensor have to take turns, which is not the operator's affair.
  if ((run->spec->flags & TN_SPEC_UNSPECIFIED_VALUES) || run->spec->writes != 0 ||
      first->count == 0 || first->results[0].numel == 0 ||
      (!large && !tn__once(run, TN__ONCE_THREADS))) {
    return;
  }
  tn__prepared prepared;
  tn__arena arena = {0};
  if (tn__prepare(sample, TN__LAYOUT_CONTIGUOUS, run->device, &prepared) == TN_OK &&
      !is_random(run, &prepared, first, &arena)) {
    call_at_once(run, &prepared, first);
  }
  tn_error_clear();
  tn__prepared_release(&prepared);
  tn__arena_free(&arena);
}
