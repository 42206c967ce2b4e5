// SPDX-License-Identifier: Apache-2.0
//
// info: what there is: devices, backends with the stage that each reached, threads, and how the
// search went; and why one of them can or cannot be used. Backends are opened in a child process.

#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>

#include "commands.h"
#include "json.h"
#include "probe.h"

#define TEXT(x) #x
#define VERSION_TEXT(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

static const char version[] = VERSION_TEXT(TN_VERSION_MAJOR, TN_VERSION_MINOR, TN_VERSION_PATCH);

// ---- everything --------------------------------------------------------------------------------

static void print_backend(const probed_backend *backend) {
  printf("  %s%s%s  %s", backend->name, backend->version[0] ? " " : "", backend->version,
         backend->stage);
  if (backend->kernel_count > 0) printf("  %d kernels", backend->kernel_count);
  printf("%s%s\n    %s\n", backend->reason[0] ? ": " : "", backend->reason, backend->path);
  if (backend->remark[0] != '\0') printf("    %s\n", backend->remark);
  if (backend->advice[0] != '\0') printf("    %s\n", backend->advice);
}

// The report's own lines: the settings in force and where the search looked. Its lines about
// candidates start with spaces.
static void print_search(const char *report) {
  for (const char *line = report; *line != '\0';) {
    size_t length = strcspn(line, "\n");
    if (line[0] != ' ') printf("%.*s\n", (int)length, line);
    line += length + (line[length] == '\n');
  }
}

static void print_all(const probe *found) {
  printf("tenon %s\n\ndefault device: %s\ndevices:\n", version,
         found->default_device[0] ? found->default_device : "none");
  for (int32_t i = 0; i < found->device_count; i++) {
    printf("  %s  %d\n", found->devices[i].name, found->devices[i].count);
  }
  printf("backends:\n");
  for (int32_t i = 0; i < found->backend_count; i++) print_backend(&found->backends[i]);
  if (found->backend_count == 0) printf("  none was found\n");
  printf("threads: %d (%s", found->thread_count, found->thread_runtime);
  for (int32_t i = 0; i < found->runtime_count; i++) printf(", %s", found->runtimes[i]);
  printf(")\n\n");
  print_search(found->report);
}

static void json_backend(json *out, const probed_backend *backend) {
  json_open(out, NULL, '{');
  json_text(out, "name", backend->name);
  json_text(out, "version", backend->version);
  json_text(out, "stage", backend->stage);
  json_text(out, "reason", backend->reason);
  json_text(out, "advice", backend->advice);
  json_text(out, "remark", backend->remark);
  json_bool(out, "crashed", backend->crash[0] != '\0');
  json_text(out, "devices", backend->devices);
  json_text(out, "serves", backend->serves);
  json_text(out, "wraps", backend->wraps);
  json_text(out, "threading", backend->threading);
  json_text(out, "path", backend->path);
  json_int(out, "kernels", backend->kernel_count);
  json_close(out, '}');
}

static void json_all(json *out, const probe *found) {
  json_open(out, NULL, '{');
  json_text(out, "version", version);
  json_text(out, "default_device", found->default_device);
  json_text(out, "error", found->error);
  json_text(out, "hint", found->hint);
  json_open(out, "devices", '[');
  for (int32_t i = 0; i < found->device_count; i++) {
    json_open(out, NULL, '{');
    json_text(out, "type", found->devices[i].name);
    json_int(out, "count", found->devices[i].count);
    json_close(out, '}');
  }
  json_close(out, ']');
  json_open(out, "backends", '[');
  for (int32_t i = 0; i < found->backend_count; i++) json_backend(out, &found->backends[i]);
  json_close(out, ']');
  json_int(out, "threads", found->thread_count);
  json_text(out, "thread_runtime", found->thread_runtime);
  json_open(out, "thread_libraries", '[');
  for (int32_t i = 0; i < found->runtime_count; i++) json_text(out, NULL, found->runtimes[i]);
  json_close(out, ']');
  json_text(out, "report", found->report);
  json_close(out, '}');
}

static int info_all(const probe *found, bool as_json) {
  if (as_json) {
    json out = {stdout, false};
    json_all(&out, found);
    printf("\n");
  } else {
    print_all(found);
  }
  if (found->error[0] == '\0') return 0;
  fprintf(stderr, "error: %s\n", found->error);
  if (found->hint[0] != '\0') fprintf(stderr, "  hint: %s\n", found->hint);
  return 1;
}

// ---- one name ----------------------------------------------------------------------------------

static bool list_has(const char *list, const char *item, size_t length) {
  for (const char *at = list; *at != '\0';) {
    size_t entry = strcspn(at, ",");
    if (entry == length && memcmp(at, item, length) == 0) return true;
    at += entry + (at[entry] == ',');
  }
  return false;
}

// Whether the backend is what |name| speaks of: it is called so, or owns the device.
static bool is_meant(const probed_backend *backend, const char *name) {
  return strcmp(backend->name, name) == 0 || list_has(backend->devices, name, strcspn(name, ":"));
}

static void print_why(const probe *found, const char *name, int32_t candidates, bool usable) {
  if (candidates == 0) {
    printf("nothing called '%s' was found\n", name);
    if (found->about_hint[0] != '\0') printf("  %s\n", found->about_hint);
    printf(
        "  a backend is a file libtenon_backend_%s.so in one of the folders that were searched,\n"
        "  in one that TENON_BACKEND_PATH names, or given as TENON_BACKENDS=%s=/path/to/lib.so\n",
        name, name);
  } else {
    printf("'%s' %s\n", name, usable ? "can be used" : "cannot be used");
  }
  for (int32_t i = 0; i < found->backend_count; i++) {
    const probed_backend *backend = &found->backends[i];
    if (!is_meant(backend, name)) continue;
    printf("  %s\n    backend: %s %s\n    stage: %s\n", backend->path, backend->name,
           backend->version, backend->stage);
    if (backend->devices[0] != '\0') printf("    devices: %s\n", backend->devices);
    if (backend->reason[0] != '\0') printf("    reason: %s\n", backend->reason);
    if (backend->remark[0] != '\0') printf("    remark: %s\n", backend->remark);
    if (backend->advice[0] != '\0') printf("    what to do: %s\n", backend->advice);
  }
  print_search(found->report);
}

static void json_why(const probe *found, const char *name, bool usable) {
  json out = {stdout, false};
  json_open(&out, NULL, '{');
  json_text(&out, "name", name);
  json_bool(&out, "usable", usable);
  json_text(&out, "error", usable ? "" : found->about_error);
  json_text(&out, "hint", usable ? "" : found->about_hint);
  json_open(&out, "candidates", '[');
  for (int32_t i = 0; i < found->backend_count; i++) {
    if (is_meant(&found->backends[i], name)) json_backend(&out, &found->backends[i]);
  }
  json_close(&out, ']');
  json_text(&out, "report", found->report);
  json_close(&out, '}');
  printf("\n");
}

static int info_why(const probe *found, const char *name, bool as_json) {
  int32_t candidates = 0;
  bool usable = strcmp(name, "cpu") == 0;
  for (int32_t i = 0; i < found->backend_count; i++) {
    const probed_backend *backend = &found->backends[i];
    if (!is_meant(backend, name)) continue;
    candidates++;
    usable = usable || strcmp(backend->stage, "ready") == 0;
  }
  // An index too high, say: the backend is there, the device is not.
  if (strchr(name, ':') != NULL && found->about_error[0] != '\0') usable = false;
  if (as_json) {
    json_why(found, name, usable);
  } else {
    print_why(found, name, candidates, usable);
  }
  return usable ? 0 : 1;
}

int tenon_info(int argc, char **argv) {
  bool as_json = tenon_take_flag(&argc, argv, "--json");
  const char *why = tenon_take_option(&argc, argv, "--why");
  const char *seconds = tenon_take_option(&argc, argv, "--timeout");
  double timeout = seconds == NULL ? 20 : atof(seconds);
  if (argc > 1 || timeout <= 0 || timeout > 86400) return tenon_usage("info");
  probe *found = malloc(sizeof *found);
  if (found == NULL || !tenon_probe(found, why, (int32_t)(timeout * 1000))) {
    free(found);
    return 1;
  }
  int result = why == NULL ? info_all(found, as_json) : info_why(found, why, as_json);
  tenon_probe_free(found);
  free(found);
  return result;
}
