// SPDX-License-Identifier: Apache-2.0
//
// wrapper: what a program puts around calls of operators itself, without a backend of its own: to
// watch them, to check them, to make them fail. <tenon/plugin.h> says what a wrapper may do.

#ifndef TENON_WRAPPER_H_
#define TENON_WRAPPER_H_

#include <tenon/base.h>
#include <tenon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

// Puts |wrapper| around the calls of the operators that its globs name, from now on until the
// process ends: there is no taking it back, so one that is not wanted all the time passes on at
// once (`return api->next(call)`). The struct is copied, not what it points to.
// errors: ABI_MISMATCH where struct_size is too small, INVALID_ARGUMENT for a missing name, globs
// or call, OUT_OF_MEMORY | threads: any
TN_API tn_status tn_wrapper_add(const tn_wrapper *wrapper);

#ifdef __cplusplus
}
#endif

#endif  // TENON_WRAPPER_H_
