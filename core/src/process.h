// SPDX-License-Identifier: Apache-2.0
//
// process: whether calls may still run: not after tn_shutdown, and not in the child of a fork,
// where the pool's threads and the locks they held are gone. Releasing stays legal in both.

#ifndef TENON_CORE_PROCESS_H_
#define TENON_CORE_PROCESS_H_

#include <stdatomic.h>
#include <tenon/base.h>

extern _Atomic int32_t tn__process_closed;

// Records why calls no longer run; WRONG_STATE.
tn_status tn__process_error(void);

// Puts the fork handler in place, once.
void tn__process_watch_forks(void);

#endif  // TENON_CORE_PROCESS_H_
