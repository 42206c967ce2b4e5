// SPDX-License-Identifier: Apache-2.0
//
// host: the table of services that plugins are handed.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>

#include "backend.h"
#include "dispatch.h"
#include "host.h"
#include "log.h"
#include "need.h"
#include "thread.h"

#define TN__STRING(x) #x
#define TN__VERSION_TEXT(a, b, c) TN__STRING(a) "." TN__STRING(b) "." TN__STRING(c)

#define TN__EXPANDED(a, b, c) TN__VERSION_TEXT(a, b, c)
#define TN__VERSION TN__EXPANDED(TN_VERSION_MAJOR, TN_VERSION_MINOR, TN_VERSION_PATCH)

static tn_status host_error(tn_kernel_ctx *ctx, tn_status status, const char *format, ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (status == TN_OK) status = TN_INTERNAL;
  if (ctx == NULL) return tn__error(status, NULL, "%s", message);
  return tn__call_kernel_error(ctx->host_data, status, message);
}

static void host_log(int32_t level, const char *subsystem, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  tn__log_v(level, subsystem, format, arguments);
  va_end(arguments);
}

static void *host_scratch(tn_kernel_ctx *ctx, uint64_t size_bytes) {
  return tn__call_scratch(ctx->host_data, size_bytes);
}

static void host_parallel_for(int64_t begin, int64_t end, int64_t grain, tn_range_body body,
                              void *closure) {
  if (begin >= end) return;
  const tn_workers *workers = atomic_load_explicit(&tn__workers, memory_order_acquire);
  if (workers == NULL || end - begin <= grain) {
    body(closure, begin, end);
  } else {
    workers->parallel_for(begin, end, grain, body, closure);
  }
}

int32_t tn_thread_count(void) {
  const tn_workers *workers = atomic_load_explicit(&tn__workers, memory_order_acquire);
  return workers == NULL ? 1 : workers->thread_count();
}

void tn_set_thread_count(int32_t count) {
  tn__registry_ensure(TN__DEVICE_TYPE_CPU);
  const tn_workers *workers = atomic_load_explicit(&tn__workers, memory_order_acquire);
  if (workers != NULL) workers->set_thread_count(count < 1 ? 1 : count);
}

const char *tn_thread_runtime(void) {
  const tn_workers *workers = atomic_load_explicit(&tn__workers, memory_order_acquire);
  return workers == NULL || workers->runtime == NULL ? "none" : workers->runtime;
}

static tn_status host_result_create(tn_kernel_ctx *ctx, const tn_args *args, uint32_t output,
                                    int32_t rank, const int64_t *sizes) {
  return tn__call_result_create(ctx->host_data, args, output, rank, sizes);
}

static const char *host_option(const char *name) { return tn__environment_of_backend(name); }

static const void *host_extension(const char *name) {
  if (name != NULL && strcmp(name, TN_KERNELS_EXTENSION) == 0) return &tn__kernels_extension;
  return NULL;
}

static tn_args *host_args_clone(tn_kernel_ctx *ctx, const tn_args *args) {
  return tn__args_clone(ctx->op, args);
}

static void host_args_free(tn_args *args) { free(args); }

static tn_status host_fault(const char *op, tn_status status, const char *format, ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (status == TN_OK) status = TN_INTERNAL;
  const tn__error_details details = {
      op, NULL, NULL,
      "it failed after the call had returned: what came after it is not to be used"};
  return tn__error(status, &details, "%s: %s", op == NULL ? "an earlier call" : op, message);
}

const tn_host_api tn__host_api = {
    .struct_size = sizeof(tn_host_api),
    .abi_version = TN_ABI_VERSION,
    .version = TN__VERSION,
    .error = host_error,
    .log = host_log,
    .scratch = host_scratch,
    .parallel_for = host_parallel_for,
    .thread_count = tn_thread_count,
    .result_create = host_result_create,
    .option = host_option,
    .extension = host_extension,
    .args_clone = host_args_clone,
    .args_free = host_args_free,
    .fault = host_fault,
};
