// SPDX-License-Identifier: Apache-2.0
//
// null: the thinnest device there can be. It has memory, whose copies work, and a kernel for every
// operator and dtype that the cpu device has one for, each of which does nothing. What it claims is
// wrong wherever a value matters, so whoever certifies backends must say so.

#include <stdlib.h>
#include <string.h>

#include "../host_device.h"

typedef struct null_rows {
  tn_kernel_row *rows;
  uint64_t count, capacity;
  bool failed;
} null_rows;

static tn_status run_nothing(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx, (void)args;
  return TN_OK;
}

// Rows come operator by operator: one of ours for all of an operator's.
static void add_row(void *closure, const char *provider, const tn_kernel_row *row) {
  (void)provider;
  null_rows *list = closure;
  tn_kernel_row *last = list->count == 0 ? NULL : &list->rows[list->count - 1];
  if (last != NULL && strcmp(last->op, row->op) == 0) {
    last->dtypes |= row->dtypes;
    return;
  }
  if (list->count == list->capacity) {
    const uint64_t capacity = list->capacity == 0 ? 128 : 2 * list->capacity;
    tn_kernel_row *grown = realloc(list->rows, capacity * sizeof *grown);
    if (grown == NULL) {
      list->failed = true;
      return;
    }
    list->rows = grown;
    list->capacity = capacity;
  }
  list->rows[list->count++] = (tn_kernel_row){.op = row->op,
                                              .dtypes = row->dtypes,
                                              .rank = TN_RANK_REFERENCE,
                                              .layout = TN_LAYOUT_STRIDED,
                                              .flags = TN_ROW_DETERMINISTIC | TN_ROW_CASTS,
                                              .run = run_nothing};
}

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  static const tn_device_table device = HOST_DEVICE("null");
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status != TN_OK) return status;
  const tn_kernels_extension *kernels = host->extension(TN_KERNELS_EXTENSION);
  if (kernels == NULL) {
    return host->error(NULL, TN_UNAVAILABLE, "this host has no " TN_KERNELS_EXTENSION);
  }
  null_rows list = {0};
  status = kernels->each("cpu", add_row, &list);
  if (status == TN_OK && list.failed) {
    status = host->error(NULL, TN_OUT_OF_MEMORY, "no memory for a table of kernels");
  }
  if (status == TN_OK && list.count > 0) {
    status = registrar->add_kernels(registrar, "null", list.rows, list.count, sizeof *list.rows);
  }
  free(list.rows);
  return status;
}

TN_PLUGIN(init, .name = "null", .version = "1", .devices = "null");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
