// SPDX-License-Identifier: Apache-2.0
//
// scope: who releases intermediates. Where a scope is open on the thread, it owns every tensor and
// list that a call returns and releases them when it closes. Scopes nest. Without one, the caller
// owns each result. Whatever must outlive the scope is escaped (moved out) or retained.

#ifndef TENON_SCOPE_H_
#define TENON_SCOPE_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tn_scope tn_scope;

// Opens a scope on this thread. NULL when memory is out; closing NULL is legal.
// owns: closed by tn_scope_close | errors: OUT_OF_MEMORY | threads: any
TN_API tn_scope *tn_scope_open(void);

// Releases what the scope owns, and closes scopes that were opened inside it and left open.
// errors: WRONG_STATE when called on another thread than opened it | threads: the opener's
TN_API tn_status tn_scope_close(tn_scope *scope);

// Moves |tensor| from the innermost scope to the one around it or, where there is none, to the
// caller. A tensor that the innermost scope does not own is returned retained to that owner.
// NULL gives NULL. owns: enclosing scope, or +1 to the caller | errors: OUT_OF_MEMORY
TN_API tn_tensor *tn_escape(tn_tensor *tensor);

// Adds a reference of the caller's own, which no scope will release. NULL gives NULL.
// owns: +1 result | errors: none | threads: any
TN_API tn_tensor *tn_retain(tn_tensor *tensor);

// Gives up one reference; NULL and TN_NONE are legal.
// errors: none | threads: any
TN_API void tn_release(tn_tensor *tensor);

// A list's length (0 for NULL), its tensors (borrowed; NULL out of range), and its release.
// errors: none | threads: any
TN_API int64_t tn_list_count(const tn_list *list);
TN_API tn_tensor *tn_list_at(const tn_list *list, int64_t index);
TN_API void tn_list_release(tn_list *list);

#ifdef __cplusplus
}
#endif

#endif  // TENON_SCOPE_H_
