// SPDX-License-Identifier: Apache-2.0
//
// no_symbol: a plugin with a note that does not export tn_plugin_query.

#include <tenon/plugin.h>

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host, (void)registrar;
  return TN_OK;
}

TN_PLUGIN(init, .name = "no_symbol", .version = "1");

// Keeps the descriptor in use.
TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query_misspelt(uint32_t host_abi);
const tn_plugin_desc *tn_plugin_query_misspelt(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
