// SPDX-License-Identifier: Apache-2.0
//
// needs_newer: speaks this ABI, but cannot live with a host as old as this one.

#define TN_MIN_HOST_ABI 4711

#include <fcntl.h>
#include <stdlib.h>
#include <tenon/plugin.h>
#include <unistd.h>

// Leaves a file where the test asks for one: no code of a refused plugin may run, this least of
// all.
__attribute__((constructor)) static void on_load(void) {
  const char *path = getenv("TENON_TEST_MARKER");
  if (path != NULL) close(open(path, O_CREAT | O_WRONLY, 0600));
}

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host, (void)registrar;
  return TN_OK;
}

TN_PLUGIN(init, .name = "needs_newer", .version = "1");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  (void)host_abi;
  return &tn_plugin_descriptor;
}
