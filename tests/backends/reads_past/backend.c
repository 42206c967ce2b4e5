// SPDX-License-Identifier: Apache-2.0
//
// reads_past: uses an entry of the host's table without asking whether this host has it. Today's
// host serves it; on one whose table is shorter it reads what is not there.

#include <tenon/plugin.h>

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)registrar;
  return host->fault == NULL ? TN_UNIMPLEMENTED : TN_OK;
}

TN_PLUGIN(init, .name = "reads_past", .version = "1");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
