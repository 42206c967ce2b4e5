// SPDX-License-Identifier: Apache-2.0
//
// error: what went wrong on this thread. A failed call records one error and returns NULL or a
// status other than TN_OK; later failures keep the first, so one check at the end of an expression
// finds the first cause. The error stays until it is taken, cleared or printed.

#ifndef TENON_ERROR_H_
#define TENON_ERROR_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// One recorded error. Strings are never NULL ("" where unknown) and live until the thread's error
// is cleared.
typedef struct tn_error {
  tn_status status;
  const char *message;   // the whole story, one paragraph: op, argument, shapes, dtypes, devices
  const char *op;        // schema name of the operator
  const char *argument;  // the argument that is wrong
  const char *backend;   // the backend that failed
  const char *hint;      // what to do about it
} tn_error;

// Whether no error is recorded on this thread.
// errors: none | threads: any
TN_API bool tn_ok(void);

// The recorded error, or NULL. Stays recorded; valid until it is cleared.
// owns: borrowed | errors: none | threads: own thread's error
TN_API const tn_error *tn_error_peek(void);

// The recorded error's status (TN_OK where none), and clears it.
// errors: none | threads: own thread's error
TN_API tn_status tn_error_clear(void);

// Prints "error (status): message" and the hint to |file|, then clears. Prints nothing where none.
// errors: none | threads: own thread's error
TN_API void tn_error_print(FILE *file);

// Records an error of the application's or an extension's own (printf format); returns |status|.
// errors: none | threads: any
TN_API tn_status tn_error_set(tn_status status, const char *format, ...) TN_PRINTF(2, 3);

// "invalid argument" for TN_INVALID_ARGUMENT; "unknown status" for no status.
// errors: none | threads: any
TN_API const char *tn_status_name(tn_status status);

#ifdef __cplusplus
}
#endif

#endif  // TENON_ERROR_H_
