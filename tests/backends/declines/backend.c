// SPDX-License-Identifier: Apache-2.0
//
// declines: tn_plugin_query returns NULL.

#include <tenon/plugin.h>

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host, (void)registrar;
  return TN_OK;
}

TN_PLUGIN(init, .name = "declines", .version = "1");

const tn_plugin_desc *declines_descriptor(void);
const tn_plugin_desc *declines_descriptor(void) { return &tn_plugin_descriptor; }

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  (void)host_abi;
  return NULL;
}
