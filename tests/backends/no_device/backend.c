// SPDX-License-Identifier: Apache-2.0
//
// no_device: a backend whose device exists on other machines.

#include "../host_device.h"

static tn_status none(void *self, int32_t *count, char *reason, uint64_t reason_size) {
  (void)self;
  *count = 0;
  snprintf(reason, reason_size, "driver not found: libunicorn.so.1");
  return TN_OK;
}

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  tn_device_table device = HOST_DEVICE("unicorn");
  device.count = none;
  return registrar->add_device(registrar, &device, NULL);
}

TN_PLUGIN(init, .name = "no_device", .version = "1", .devices = "unicorn");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
