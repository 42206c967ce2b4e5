// SPDX-License-Identifier: Apache-2.0
//
// fails_in_init: registers a device and a kernel, then fails. Nothing of it may stay.

#include "../host_device.h"

static const tn_device_table device = HOST_DEVICE("half_done");

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx, (void)args;
  return TN_OK;
}

static const tn_kernel_row rows[] = {
    {.op = "add.Tensor", .dtypes = TN_DTYPES_ALL, .rank = TN_RANK_TUNED, .run = run}};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status == TN_OK) status = registrar->add_kernels(registrar, "cpu", rows, 1, sizeof rows[0]);
  if (status != TN_OK) return status;
  return host->error(NULL, TN_UNAVAILABLE, "the licence server is on holiday");
}

TN_PLUGIN(init, .name = "fails_in_init", .version = "1", .devices = "half_done",
          .serves = "half_done,cpu");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
