// SPDX-License-Identifier: Apache-2.0
//
// backend: how the host sees sim. See sim.h.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

const tn_host_api *sim_host;
sim_options sim_settings = {.memory_bytes = UINT64_C(1) << 30, .lag_us = 50, .lag_one_in = 16};

static pid_t home;

bool sim_is_home(void) { return getpid() == home; }

// ---- options -----------------------------------------------------------------------------------

static tn_status bad_option(const char *name, const char *text, const char *wanted) {
  return sim_host->error(NULL, TN_INVALID_ARGUMENT, "%s=%s is not %s", name, text, wanted);
}

// The number at |text|, which must end at |end|.
static bool parse_number(const char *text, char end, uint64_t most, uint64_t *value,
                         const char **rest) {
  char *stop;
  if (*text < '0' || *text > '9') return false;
  *value = strtoull(text, &stop, 10);
  *rest = stop;
  return *value <= most && (*stop == end || *stop == '\0');
}

static tn_status read_number(const char *name, uint64_t most, uint64_t *value) {
  const char *text = sim_host->option(name), *rest = NULL;
  if (text == NULL) return TN_OK;
  uint64_t number;
  if (!parse_number(text, '\0', most, &number, &rest)) return bad_option(name, text, "a number");
  *value = number;
  return TN_OK;
}

static tn_status read_lag(void) {
  const char *text = sim_host->option("TENON_SIM_LAG_US"), *rest = NULL;
  if (text == NULL) return TN_OK;
  uint64_t most, one_in = 1;
  bool good = parse_number(text, '/', 60000000, &most, &rest);
  if (good && *rest == '/') good = parse_number(rest + 1, '\0', 1 << 30, &one_in, &rest);
  if (!good || one_in == 0) return bad_option("TENON_SIM_LAG_US", text, "<max> or <max>/<n>");
  sim_settings.lag_us = (uint32_t)most;
  sim_settings.lag_one_in = (uint32_t)one_in;
  return TN_OK;
}

static tn_status read_fault(void) {
  const char *text = sim_host->option("TENON_SIM_FAULT"), *rest = NULL;
  if (text == NULL) return TN_OK;
  const char *colon = strrchr(text, ':');
  uint64_t at = 0;
  const bool good = colon != NULL && (size_t)(colon - text) < sizeof sim_settings.fault_op &&
                    parse_number(colon + 1, '\0', INT64_MAX, &at, &rest) && at > 0;
  if (!good) return bad_option("TENON_SIM_FAULT", text, "<operator>:<number from 1>");
  snprintf(sim_settings.fault_op, sizeof sim_settings.fault_op, "%.*s", (int)(colon - text), text);
  sim_settings.fault_at = (int64_t)at;
  return TN_OK;
}

static tn_status read_options(void) {
  tn_status status = read_number("TENON_SIM_MEMORY", UINT64_C(1) << 40, &sim_settings.memory_bytes);
  if (status == TN_OK) status = read_number("TENON_SIM_SEED", UINT64_MAX, &sim_settings.seed);
  if (status == TN_OK) status = read_lag();
  return status == TN_OK ? read_fault() : status;
}

// ---- the device --------------------------------------------------------------------------------

static tn_status count(void *self, int32_t *count, char *reason, uint64_t reason_size) {
  (void)self, (void)reason, (void)reason_size;
  *count = SIM_DEVICES;
  return TN_OK;
}

static tn_status properties(void *self, int32_t index, tn_device_properties *properties) {
  (void)self;
  snprintf(properties->name, sizeof properties->name, "simulated accelerator %d", index);
  properties->memory_bytes = sim_settings.memory_bytes;
  properties->multiprocessors = 1;
  return TN_OK;
}

static const tn_device_table device = {
    .struct_size = sizeof(tn_device_table),
    .name = "sim",
    .count = count,
    .properties = properties,
    .allocate = sim_allocate,
    .release = sim_release,
    .copy_from_host = sim_copy_from_host,
    .copy_to_host = sim_copy_to_host,
    .copy_within = sim_copy_within,
    .copy_between = sim_copy_between,
    .stream_create = sim_stream_create,
    .stream_destroy = sim_stream_destroy,
    .stream_synchronize = sim_stream_synchronize,
    .stream_query = sim_stream_query,
    .event_create = sim_event_create,
    .event_destroy = sim_event_destroy,
    .event_record = sim_event_record,
    .event_query = sim_event_query,
    .event_synchronize = sim_event_synchronize,
    .stream_wait_event = sim_stream_wait_event,
    .event_elapsed_ms = sim_event_elapsed_ms,
    .stream_native_handle = sim_stream_native_handle,
    .memory_info = sim_memory_info,
    .host_allocate = sim_host_allocate,
    .host_release = sim_host_release,
};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  sim_host = host;
  home = getpid();
  tn_status status = read_options();
  if (status == TN_OK) status = sim_memory_open();
  if (status == TN_OK) status = registrar->add_device(registrar, &device, NULL);
  return status == TN_OK ? sim_kernels_add(registrar) : status;
}

TN_PLUGIN(init, .name = "sim", .version = "1", .devices = "sim", .threading = "pthread",
          .options =
              "TENON_SIM_MEMORY=bytes of each device;"
              "TENON_SIM_LAG_US=<max>/<n>: one job in n starts up to max us late;"
              "TENON_SIM_SEED=of which jobs are late;"
              "TENON_SIM_FAULT=<op>:<n>: the n-th run of op fails");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  static tn_plugin_desc desc;
  desc = tn_plugin_descriptor;
  desc.quiesce = sim_streams_end;
  return host_abi == TN_ABI_VERSION ? &desc : NULL;
}
