// SPDX-License-Identifier: Apache-2.0
//
// two_notes: TN_PLUGIN stands in two files of one plugin.

#include <tenon/plugin.h>

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host, (void)registrar;
  return TN_OK;
}

TN_PLUGIN(init, .name = "two_notes", .version = "1");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
