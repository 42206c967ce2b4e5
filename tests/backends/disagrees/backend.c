// SPDX-License-Identifier: Apache-2.0
//
// disagrees: the descriptor names another plugin than the note.

#include <tenon/plugin.h>

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host, (void)registrar;
  return TN_OK;
}

TN_PLUGIN(init, .name = "disagrees", .version = "1");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  static tn_plugin_facts facts;
  static tn_plugin_desc changed;
  (void)host_abi;
  facts = *tn_plugin_descriptor.facts;
  facts.name[0] = 'D';
  changed = tn_plugin_descriptor;
  changed.facts = &facts;
  return &changed;
}
