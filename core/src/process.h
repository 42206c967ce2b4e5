// SPDX-License-Identifier: Apache-2.0
//
// process: the gate that every call passes. It is one word, 0 while calls may simply run, so that a
// call pays one load for all of these: calls no longer run after tn_shutdown, nor in the child of a
// fork, where the pool's threads and the locks they held are gone (releasing stays legal in both);
// what stands around calls has not been looked for yet; something stands around them (wrap.h).

#ifndef TENON_CORE_PROCESS_H_
#define TENON_CORE_PROCESS_H_

#include <stdatomic.h>
#include <tenon/base.h>

enum {
  TN__GATE_SHUT_DOWN = 1u << 0,
  TN__GATE_FORKED = 1u << 1,
  TN__GATE_CLOSED = TN__GATE_SHUT_DOWN | TN__GATE_FORKED,
  TN__GATE_UNSETTLED = 1u << 2,
  TN__GATE_WRAPPED = 1u << 3,
  TN__GATE_TRACED = 1u << 4,
};

extern _Atomic uint32_t tn__gate;

static inline uint32_t tn__gate_load(void) {
  return atomic_load_explicit(&tn__gate, memory_order_relaxed);
}

// Records why calls no longer run; WRONG_STATE.
tn_status tn__process_error(void);

// Puts the fork handler in place, once.
void tn__process_watch_forks(void);

#endif  // TENON_CORE_PROCESS_H_
