// SPDX-License-Identifier: Apache-2.0
//
// probe: what the backends of this machine do when they are opened, found out in a child process,
// so that one that crashes, hangs or ends the process is reported as such and the others all the
// same. The child is this program again with a hidden command; it opens one candidate after the
// other and says so through a pipe before each step. When it dies, the last step tells where, and
// another child leaves that candidate out.

#ifndef TENON_TOOLS_PROBE_H_
#define TENON_TOOLS_PROBE_H_

#include <stdbool.h>
#include <stdint.h>

enum { PROBE_BACKENDS = 128, PROBE_DEVICES = 64, PROBE_RUNTIMES = 16 };

typedef struct probed_backend {
  const char *name, *version, *path, *devices, *serves, *wraps, *threading;
  const char *stage, *reason, *advice, *remark;
  int32_t kernel_count;
  char crash[160];  // what it did to the child; "" nothing: |stage| and |reason| then say so too
  char crash_stage[32];
} probed_backend;

typedef struct probed_device {
  const char *name;
  int32_t count;
} probed_device;

// What was found out. Texts are never NULL and live as long as the probe.
typedef struct probe {
  int32_t backend_count, device_count, runtime_count;
  probed_backend backends[PROBE_BACKENDS];
  probed_device devices[PROBE_DEVICES];  // types of which there are any, the cpu's first
  const char *runtimes[PROBE_RUNTIMES];  // thread runtimes that were loaded
  const char *default_device;            // "" where there is none
  const char *error, *hint;              // why there is none
  const char *about_error, *about_hint;  // why the name that was asked about is no device
  const char *report;                    // the load report
  const char *thread_runtime;
  int32_t thread_count;
  char *bytes;  // what the child wrote
} probe;

// Probes; |about| is a name to ask about, or NULL. A child has |timeout_ms|. false, with a message
// on standard error, where no child can be started or none comes to an end.
bool tenon_probe(probe *found, const char *about, int32_t timeout_ms);
void tenon_probe_free(probe *found);

// The hidden command: what the child does.
int tenon_probe_child(int argc, char **argv);
#define TENON_PROBE_COMMAND "__probe"

#endif  // TENON_TOOLS_PROBE_H_
