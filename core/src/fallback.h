// SPDX-License-Identifier: Apache-2.0
//
// fallback: what happens to a call on a device that has no kernel for it. With TENON_FALLBACK=cpu,
// and never without, operands are copied to the cpu, the operator runs there, and its results are
// copied back. It happens in place of the kernel, so recording for autograd, results that are given
// and reserved random numbers are what they would have been. Every time is counted.

#ifndef TENON_CORE_FALLBACK_H_
#define TENON_CORE_FALLBACK_H_

#include "dispatch.h"

// Whether TENON_FALLBACK allows it.
bool tn__fallback_is_allowed(void);

// Whether |call|, which no kernel accepts, may run on the cpu instead.
bool tn__fallback_applies(const tn__call *call);

// Runs it there. Sets call->outs, or writes what is given.
tn_status tn__fallback_run(tn__call *call);

// Prints the report to standard error, where there is something to say.
void tn__fallback_print(void);

#endif  // TENON_CORE_FALLBACK_H_
