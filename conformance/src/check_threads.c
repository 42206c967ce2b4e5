// SPDX-License-Identifier: Apache-2.0
//
// check_threads: two threads make the same call at once on shared operands, several times, and each
// must get the bits that one alone gets. Finds kernels that keep what belongs to a call in globals
// or in their `self`.

#include <pthread.h>
#include <string.h>

#include "kit.h"

enum { THREADS = 2, CALLS = 4 };

typedef struct caller {
  const tn__run *run;
  const tn__prepared *prepared;
  const tn__outcome *first;
  int32_t calls, wrong;  // of |calls|
  char message[512];
} caller;

static void *call_again(void *context) {
  caller *c = context;
  for (int32_t i = 0; i < c->calls; i++) {
    tn__arena arena = {0};
    tn__outcome outcome;
    tn__call_seeded(c->run->op, c->prepared, false, &arena, &outcome);
    if (!tn__same_bits(c->first, &outcome)) {
      c->wrong++;
      memcpy(c->message, outcome.message, sizeof c->message);
    }
    tn__arena_free(&arena);
  }
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
  bool large = (prepared->sample->flags & TN_SAMPLE_LARGE) != 0;
  for (int i = 0; i < THREADS; i++) {
    callers[i] =
        (caller){.run = run, .prepared = prepared, .first = first, .calls = large ? 1 : CALLS};
    started[i] = pthread_create(&threads[i], NULL, call_again, &callers[i]) == 0;
  }
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
  if ((run->spec->flags & TN_SPEC_UNSPECIFIED_VALUES) || first->count == 0 ||
      first->results[0].numel == 0 || (!large && !tn__once(run, TN__ONCE_THREADS))) {
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
