// SPDX-License-Identifier: Apache-2.0
//
// plugin_host: see plugin_host.h.

#include "plugin_host.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local plugin_host_report plugin_host_error, plugin_host_fault;
const tn_kernel_row *plugin_host_rows;
uint64_t plugin_host_row_count;
tn_device_table plugin_host_device;
tn_kernel_row plugin_host_kernels[64];
uint64_t plugin_host_kernel_count;
const tn_plugin_desc *plugin_host_desc;

// ---- services ----------------------------------------------------------------------------------

static tn_status note_error(tn_kernel_ctx *ctx, tn_status status, const char *format, ...) {
  (void)ctx;
  va_list arguments;
  va_start(arguments, format);
  plugin_host_error.status = status;
  vsnprintf(plugin_host_error.message, sizeof plugin_host_error.message, format, arguments);
  va_end(arguments);
  return status;
}

static tn_status note_fault(const char *op, tn_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  plugin_host_fault.status = status;
  snprintf(plugin_host_fault.op, sizeof plugin_host_fault.op, "%s", op);
  vsnprintf(plugin_host_fault.message, sizeof plugin_host_fault.message, format, arguments);
  va_end(arguments);
  return status;
}

static void log_nothing(int32_t level, const char *subsystem, const char *format, ...) {
  (void)level, (void)subsystem, (void)format;
}

static const char *read_option(const char *name) { return getenv(name); }

static tn_status each_row(const char *device,
                          void (*visit)(void *closure, const char *provider,
                                        const tn_kernel_row *row),
                          void *closure) {
  (void)device;
  for (uint64_t i = 0; i < plugin_host_row_count; i++) visit(closure, "test", &plugin_host_rows[i]);
  return TN_OK;
}

static const void *find_extension(const char *name) {
  static const tn_kernels_extension kernels = {.struct_size = sizeof kernels, .each = each_row};
  return strcmp(name, TN_KERNELS_EXTENSION) == 0 ? &kernels : NULL;
}

// The views alone: their sizes and strides are the test's, and live as long.
static tn_args *clone_args(tn_kernel_ctx *ctx, const tn_args *args) {
  (void)ctx;
  tn_args *copy = malloc(sizeof *copy + args->view_count * sizeof(tn_view));
  if (copy == NULL) return NULL;
  *copy = *args;
  copy->views = memcpy(copy + 1, args->views, args->view_count * sizeof(tn_view));
  return copy;
}

static void free_args(tn_args *args) { free(args); }

const tn_host_api plugin_host_api = {.struct_size = sizeof(tn_host_api),
                                     .abi_version = TN_ABI_VERSION,
                                     .version = "test",
                                     .error = note_error,
                                     .log = log_nothing,
                                     .option = read_option,
                                     .extension = find_extension,
                                     .args_clone = clone_args,
                                     .args_free = free_args,
                                     .fault = note_fault};

// ---- registration ------------------------------------------------------------------------------

static tn_status keep_device(tn_registrar *registrar, const tn_device_table *table, int32_t *type) {
  (void)registrar;
  plugin_host_device = *table;
  if (type != NULL) *type = 2;
  return TN_OK;
}

static tn_status keep_kernels(tn_registrar *registrar, const char *device,
                              const tn_kernel_row *rows, uint64_t count, uint64_t stride) {
  (void)registrar, (void)device;
  const uint64_t room = sizeof plugin_host_kernels / sizeof plugin_host_kernels[0];
  for (uint64_t i = 0; i < count && plugin_host_kernel_count < room; i++) {
    memcpy(&plugin_host_kernels[plugin_host_kernel_count++], (const char *)rows + i * stride,
           sizeof(tn_kernel_row));
  }
  return TN_OK;
}

tn_status plugin_host_open(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library == NULL ? NULL : dlsym(library, "tn_plugin_query");
  if (symbol == NULL) return TN_ABI_MISMATCH;
  tn_plugin_query_fn query;
  memcpy(&query, &symbol, sizeof query);
  plugin_host_desc = query(TN_ABI_VERSION);
  if (plugin_host_desc == NULL) return TN_ABI_MISMATCH;
  tn_registrar registrar = {
      .struct_size = sizeof registrar, .add_device = keep_device, .add_kernels = keep_kernels};
  return plugin_host_desc->init(&plugin_host_api, &registrar);
}

tn_status plugin_host_call(uint64_t index, void *stream, tn_view *views, uint32_t view_count,
                           uint32_t output_count) {
  const tn_kernel_row *row = &plugin_host_kernels[index];
  const tn_args args = {.struct_size = sizeof args,
                        .view_count = view_count,
                        .views = views,
                        .output_count = output_count};
  tn_kernel_ctx ctx = {.struct_size = sizeof ctx,
                       .host = &plugin_host_api,
                       .op = row->op,
                       .stream = stream,
                       .device = {2, 0}};
  return row->run(row->self, &ctx, &args);
}
