// SPDX-License-Identifier: Apache-2.0
//
// testing: for tests of what happens when memory runs out. Not part of <tenon/tenon.h>.

#ifndef TENON_TESTING_H_
#define TENON_TESTING_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Makes the |nth| allocation of host memory that Tenon makes on this thread from now on fail, once
// (1: the next one). 0 takes that back. Blocks that come from the thread's cache are no
// allocations; builds with a sanitizer have no such cache. errors: none | threads: any, each its
// own
TN_API void tn_testing_fail_allocation(int64_t nth);

// Whether the failure that was asked for last has happened.
// errors: none | threads: any, each its own
TN_API bool tn_testing_allocation_failed(void);

#ifdef __cplusplus
}
#endif

#endif  // TENON_TESTING_H_
