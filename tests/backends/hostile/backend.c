// SPDX-License-Identifier: Apache-2.0
//
// hostile: a device whose one kernel ends the process, as TENON_HOSTILE says: "exit" or "crash".

#include <signal.h>

#include "../host_device.h"

static const tn_device_table device = HOST_DEVICE("hostile");

static tn_status run_add(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)args;
  const char *how = ctx->host->option("TENON_HOSTILE");
  if (how != NULL && strcmp(how, "exit") == 0) exit(0);
  raise(SIGSEGV);
  return TN_OK;
}

static const tn_kernel_row row = {.op = "add.Tensor",
                                  .dtypes = TN_DTYPE_BIT(TN_F32),
                                  .rank = TN_RANK_GENERIC,
                                  .layout = TN_LAYOUT_STRIDED,
                                  .run = run_add};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  tn_status status = registrar->add_device(registrar, &device, NULL);
  return status == TN_OK ? registrar->add_kernels(registrar, "hostile", &row, 1, sizeof row)
                         : status;
}

TN_PLUGIN(init, .name = "hostile", .version = "1", .devices = "hostile");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
