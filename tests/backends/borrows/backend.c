// SPDX-License-Identifier: Apache-2.0
//
// borrows: a device that asks, while it starts, for the kernels of the device that
// TEST_BORROWS_FROM names, and will not start where they do not come as they should: operator by
// operator, each operator's best first.

#include <string.h>

#include "../host_device.h"

typedef struct borrowed {
  int64_t count;
  const tn_kernel_row *last;
  bool mixed, disordered, unnamed;
} borrowed;

static void look(void *closure, const char *provider, const tn_kernel_row *row) {
  borrowed *seen = closure;
  const bool follows = seen->last != NULL && strcmp(seen->last->op, row->op) == 0;
  seen->disordered |= follows && seen->last->rank < row->rank;
  seen->mixed |= seen->last != NULL && !follows && strcmp(seen->last->op, row->op) > 0;
  seen->unnamed |= strcmp(provider, "cpu") != 0;
  seen->count++;
  seen->last = row;
}

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  tn_device_table device = HOST_DEVICE("borrows");
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status != TN_OK) return status;
  const tn_kernels_extension *kernels = host->extension(TN_KERNELS_EXTENSION);
  if (kernels == NULL || host->extension("tenon.kernels/0") != NULL) {
    return host->error(NULL, TN_UNAVAILABLE, "extensions are not found by their names");
  }
  borrowed seen = {0};
  status = kernels->each(host->option("TEST_BORROWS_FROM"), look, &seen);
  if (status != TN_OK) return status;
  if (seen.count == 0 || seen.mixed || seen.disordered || seen.unnamed) {
    return host->error(NULL, TN_INTERNAL, "%lld kernels, %s %s %s", (long long)seen.count,
                       seen.mixed ? "mixed" : "", seen.disordered ? "not best first" : "",
                       seen.unnamed ? "of whom?" : "");
  }
  return TN_OK;
}

TN_PLUGIN(init, .name = "borrows", .version = "1", .devices = "borrows");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
