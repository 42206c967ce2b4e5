// SPDX-License-Identifier: Apache-2.0
//
// device: devices by name, the default one, and which backends serve them. Backends are found as
// TENON_BACKENDS and TENON_BACKEND_PATH say, and opened when something they claim is first needed.

#ifndef TENON_DEVICE_H_
#define TENON_DEVICE_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// The device called |name|: "cpu", "cuda", "cuda:1". {0, 0} when it fails.
// errors: NOT_FOUND with the load report and near matches, UNAVAILABLE, INVALID_ARGUMENT
TN_API tn_device tn_device_parse(const char *name);

// Where factories put results when nothing else is said: TENON_DEVICE, else the first backend
// listed in TENON_BACKENDS that owns a device, else the cpu. {0, 0} when that cannot be had.
// errors: as tn_device_parse
TN_API tn_device tn_device_default(void);
TN_API tn_status tn_device_set_default(tn_device device);

// A question: whether |name| names a device that can be used now. Records nothing.
TN_API bool tn_device_is_available(const char *name);

// How many devices of type |type_name| there are; 0 when there is no such type. Records nothing.
TN_API int32_t tn_device_count(const char *type_name);

// Writes "cuda:1" ("cpu" for the cpu) into |buffer| and returns it; "?" for an unknown device.
TN_API const char *tn_device_name(tn_device device, char *buffer, size_t buffer_size);

// Waits for everything enqueued on |device|, on all of its streams; reports the first fault.
// errors: UNAVAILABLE, the fault | threads: any
TN_API tn_status tn_device_synchronize(tn_device device);

// How the search for backends went, one line for each candidate file: path, stage reached, reason.
// Opens nothing that has not been opened. The text is the caller's, released with free().
// errors: OUT_OF_MEMORY
TN_API char *tn_load_report(void);

// What is known of one backend.
typedef struct tn_backend_info {
  const char *name;
  const char *version;
  const char *path;
  const char *devices;  // comma separated
  const char *stage;    // "ready", or how far it came: "found, not opened yet", "not listed", "ABI"
  const char *reason;   // "" when ready
  int32_t kernel_count;   // rows registered
  const char *serves;     // device types that it has kernels for beside its own, comma separated
  const char *wraps;      // globs of the operators that its wrappers see
  const char *threading;  // the thread runtime that it brings
  const char *advice;     // what to do where it cannot be used; else ""
  const char *remark;     // rows and devices of it that are left out; else ""
} tn_backend_info;

// Opens every backend that the environment allows, and counts the candidates; then the i-th one.
// Borrowed until tn_shutdown. errors: as the environment's names demand
TN_API int32_t tn_backend_count(void);
TN_API tn_status tn_backend_at(int32_t index, tn_backend_info *info);

// The kernels that could serve (op, dtype, device), best first, one line each:
// "cpu  generic  deterministic  takes anything"; behind them, in parentheses, what else there is to
// say. Opens the backends that claim the operator. NULL on error.
// owns: the text, released with free() | errors: NOT_FOUND for an unknown operator or device with
// near matches, those of the search for backends, OUT_OF_MEMORY | threads: any
TN_API char *tn_op_resolve(const char *op, tn_dtype dtype, tn_device device);

// One of them.
typedef struct tn_kernel_info {
  const char *backend;
  const char *rank;    // "reference", "generic", "vendor", "tuned"
  bool deterministic;  // the same bits at any thread count, run after run
  bool capturable;     // may be captured into a graph
  bool casts;          // takes operands of other dtypes as they are
  bool asks;           // looks at the operands before it accepts; else it takes any
  char why[200];       // what puts it before the next: "rank", "order of TENON_BACKENDS", "name";
                       // "" for the last; "TENON_PROVIDER rule '...'" where one does
} tn_kernel_info;

// The same as data: fills in up to |capacity| and returns how many there are; -1 on error. Borrowed
// texts live until the process ends. errors: as tn_op_resolve | threads: any
TN_API int32_t tn_op_kernels(const char *op, tn_dtype dtype, tn_device device,
                             tn_kernel_info *kernels, int32_t capacity);

// Whether some backend offers a kernel for (op, dtype, device). Records nothing.
TN_API bool tn_op_has_kernel(const char *op, tn_dtype dtype, tn_device device);

// How many threads kernels may use on this thread's behalf, and the runtime that brings them.
TN_API int32_t tn_thread_count(void);
TN_API void tn_set_thread_count(int32_t count);
TN_API const char *tn_thread_runtime(void);

#ifdef __cplusplus
}
#endif

#endif  // TENON_DEVICE_H_
