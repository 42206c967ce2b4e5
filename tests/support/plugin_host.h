// SPDX-License-Identifier: Apache-2.0
//
// plugin_host: a host of the tests' own, for what the core never does to a plugin: it opens one,
// runs its init and keeps what it registers, so that a test can call the device's entries itself.
// One plugin a process. What a kernel needs of a host while it runs, it does not get here, but for
// errors and cloned arguments.

#ifndef TENON_PLUGIN_HOST_H_
#define TENON_PLUGIN_HOST_H_

#include <tenon/plugin.h>

// What a host heard last.
typedef struct plugin_host_report {
  tn_status status;
  char op[64];  // of a fault
  char message[512];
} plugin_host_report;
extern _Thread_local plugin_host_report plugin_host_error, plugin_host_fault;

// Kernels that tenon.kernels/1 shows to the plugin.
extern const tn_kernel_row *plugin_host_rows;
extern uint64_t plugin_host_row_count;

// What the plugin registered.
extern tn_device_table plugin_host_device;
extern tn_kernel_row plugin_host_kernels[64];
extern uint64_t plugin_host_kernel_count;
extern const tn_plugin_desc *plugin_host_desc;

// The table that the plugin was handed.
extern const tn_host_api plugin_host_api;

// Opens the library at |path| and runs its init. Returns what init returned; ABI_MISMATCH where it
// did not come so far.
tn_status plugin_host_open(const char *path);

// Calls registered kernel |index| on |views| (results first) with no attributes.
tn_status plugin_host_call(uint64_t index, void *stream, tn_view *views, uint32_t view_count,
                           uint32_t output_count);

#endif  // TENON_PLUGIN_HOST_H_
