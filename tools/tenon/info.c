// SPDX-License-Identifier: Apache-2.0
//
// info: what there is: devices, backends with the stage each reached, threads.

#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>

#include "commands.h"
#include "json.h"

#define TEXT(x) #x
#define VERSION_TEXT(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

static const char version[] = VERSION_TEXT(TN_VERSION_MAJOR, TN_VERSION_MINOR, TN_VERSION_PATCH);

// Calls |each| for every device type that some backend claims, the cpu's first.
static void walk_device_types(void (*each)(const char *name, void *context), void *context) {
  each("cpu", context);
  tn_backend_info info;
  int32_t count = tn_backend_count();
  for (int32_t i = 0; i < count && tn_backend_at(i, &info) == TN_OK; i++) {
    for (const char *at = info.devices; *at != '\0';) {
      char name[64];
      size_t length = strcspn(at, ",");
      snprintf(name, sizeof name, "%.*s", (int)length, at);
      if (strcmp(name, "cpu") != 0 && tn_device_count(name) > 0) each(name, context);
      at += length;
      if (*at == ',') at++;
    }
  }
}

static void print_device(const char *name, void *context) {
  (void)context;
  printf("  %s  %d\n", name, tn_device_count(name));
}

static void json_device(const char *name, void *context) {
  json *out = context;
  json_open(out, NULL, '{');
  json_text(out, "type", name);
  json_int(out, "count", tn_device_count(name));
  json_close(out, '}');
}

static void print_backends(int32_t count) {
  tn_backend_info info;
  for (int32_t i = 0; i < count && tn_backend_at(i, &info) == TN_OK; i++) {
    printf("  %s %s  %s", info.name, info.version, info.stage);
    if (info.kernel_count > 0) printf("  %d kernels", info.kernel_count);
    printf("%s%s\n    %s\n", info.reason[0] ? ": " : "", info.reason, info.path);
  }
  if (count == 0) printf("  none was found\n");
}

static void print_json(const char *device, int32_t count) {
  json out = {stdout, false};
  json_open(&out, NULL, '{');
  json_text(&out, "version", version);
  json_text(&out, "default_device", device);
  json_open(&out, "devices", '[');
  walk_device_types(json_device, &out);
  json_close(&out, ']');
  json_open(&out, "backends", '[');
  tn_backend_info info;
  for (int32_t i = 0; i < count && tn_backend_at(i, &info) == TN_OK; i++) {
    json_open(&out, NULL, '{');
    json_text(&out, "name", info.name);
    json_text(&out, "version", info.version);
    json_text(&out, "stage", info.stage);
    json_text(&out, "reason", info.reason);
    json_text(&out, "devices", info.devices);
    json_text(&out, "path", info.path);
    json_int(&out, "kernels", info.kernel_count);
    json_close(&out, '}');
  }
  json_close(&out, ']');
  json_int(&out, "threads", tn_thread_count());
  json_text(&out, "thread_runtime", tn_thread_runtime());
  json_close(&out, '}');
  printf("\n");
}

int tenon_info(int argc, char **argv) {
  bool as_json = tenon_take_flag(&argc, argv, "--json");
  if (argc > 1) return tenon_usage("info");
  int32_t count = tn_backend_count();
  char device[48] = "none";
  tn_device found = tn_device_default();
  if (found.type != 0) tn_device_name(found, device, sizeof device);
  if (as_json) {
    print_json(device, count);
  } else {
    printf("tenon %s\n\ndefault device: %s\ndevices:\n", version, device);
    walk_device_types(print_device, NULL);
    printf("backends:\n");
    print_backends(count);
    printf("threads: %d (%s)\n", tn_thread_count(), tn_thread_runtime());
    char *report = tn_load_report();
    if (report != NULL) printf("\n%s", report);
    free(report);
  }
  if (tn_ok()) return 0;
  tn_error_print(stderr);
  return 1;
}
