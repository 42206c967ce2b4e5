// SPDX-License-Identifier: Apache-2.0
//
// probe_message: the tags that a probing child writes, and how many texts follow each.

#ifndef TENON_TOOLS_PROBE_MESSAGE_H_
#define TENON_TOOLS_PROBE_MESSAGE_H_

enum { PROBE_PIPE = 3 };  // the child's end

#define PROBE_BEGIN "begin"      // 1: the candidate that is opened next, "" none
#define PROBE_STEP "step"        // 2: backend, step
#define PROBE_BACKEND "backend"  // 12: see probed_backend
#define PROBE_DEVICE "device"    // 2: name, count
#define PROBE_DEFAULT "default"  // 3: name, error, hint
#define PROBE_ABOUT "about"      // 3: name, error, hint
#define PROBE_THREADS "threads"  // 2: count, runtime
#define PROBE_RUNTIME "runtime"  // 1: name
#define PROBE_REPORT "report"    // 1: text
#define PROBE_DONE "done"        // 0

// Among the candidates to leave out: the default device, which would open one of them.
#define PROBE_NO_DEFAULT "default"

#endif  // TENON_TOOLS_PROBE_MESSAGE_H_
