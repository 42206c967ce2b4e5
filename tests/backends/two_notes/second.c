// SPDX-License-Identifier: Apache-2.0
//
// second: the note that is one too many.

#include <tenon/plugin.h>

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host, (void)registrar;
  return TN_OK;
}

TN_PLUGIN(init, .name = "two_notes", .version = "1");

const tn_plugin_desc *two_notes_second(void);
const tn_plugin_desc *two_notes_second(void) { return &tn_plugin_descriptor; }
