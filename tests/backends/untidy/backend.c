// SPDX-License-Identifier: Apache-2.0
//
// untidy: a plugin that loads, and with which much is not as it should be: it exports more than it
// must, looks for libraries in a relative folder and wants an executable stack. Its constructor
// leaves a file where the test asks for one.

#include <fcntl.h>
#include <stdlib.h>
#include <tenon/plugin.h>
#include <unistd.h>

__attribute__((constructor)) static void on_load(void) {
  const char *path = getenv("TENON_TEST_MARKER");
  if (path != NULL) close(open(path, O_CREAT | O_WRONLY, 0600));
}

TN_PLUGIN_EXPORT int untidy_answer(void);
int untidy_answer(void) { return 42; }

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host, (void)registrar;
  return TN_OK;
}

TN_PLUGIN(init, .name = "untidy", .version = "1");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
