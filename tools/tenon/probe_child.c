// SPDX-License-Identifier: Apache-2.0
//
// probe_child: see probe.h. Messages are texts that end in NUL: a tag, then the fields of that tag.
// Each is written at once, so that what was said before a crash has arrived.

#define _GNU_SOURCE  // dl_iterate_phdr
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <tenon/tenon.h>
#include <unistd.h>

#include "probe.h"
#include "probe_message.h"

static void write_all(const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(PROBE_PIPE, bytes, size);
    if (written <= 0) _exit(3);  // nobody reads any more
    bytes += written;
    size -= (size_t)written;
  }
}

static void say(const char *const *fields, int count) {
  size_t size = 0;
  for (int i = 0; i < count; i++) size += strlen(fields[i]) + 1;
  char *message = malloc(size), *at = message;
  if (message == NULL) _exit(3);
  for (int i = 0; i < count; i++) {
    size_t length = strlen(fields[i]) + 1;
    memcpy(at, fields[i], length);
    at += length;
  }
  write_all(message, size);
  free(message);
}

#define SAY(...)                          \
  say((const char *const[]){__VA_ARGS__}, \
      (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)))

static void say_step(void *closure, const char *backend, const char *step) {
  (void)closure;
  SAY(PROBE_STEP, backend, step);
}

static const char *number(int32_t value) {
  static char text[2][16];
  static int turn;
  turn = !turn;
  snprintf(text[turn], sizeof text[turn], "%d", value);
  return text[turn];
}

static void say_backend(const tn_backend_info *info) {
  SAY(PROBE_BACKEND, info->name, info->version, info->path, info->devices, info->serves,
      info->wraps, info->threading, info->stage, info->reason, info->advice,
      number(info->kernel_count), info->remark);
}

static bool is_skipped(int argc, char **argv, const char *what) {
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], what) == 0) return true;
  }
  return false;
}

static void open_backends(int argc, char **argv) {
  int32_t count = tn_backend_candidate_count();
  tn_backend_info info;
  for (int32_t i = 0; i < count && tn_backend_at(i, &info) == TN_OK; i++) {
    SAY(PROBE_BEGIN, number(i));
    if (!is_skipped(argc, argv, number(i))) tn_backend_open(i);
    if (tn_backend_at(i, &info) == TN_OK) say_backend(&info);
  }
  SAY(PROBE_BEGIN, "");
}

// Asking for the devices of one that was left out would open it.
static void count_devices(int argc, char **argv) {
  SAY(PROBE_DEVICE, "cpu", "1");
  int32_t count = tn_backend_candidate_count();
  tn_backend_info info;
  for (int32_t i = 0; i < count && tn_backend_at(i, &info) == TN_OK; i++) {
    if (is_skipped(argc, argv, number(i)) || strcmp(info.stage, "ready") != 0) continue;
    for (const char *at = info.devices; *at != '\0';) {
      char name[64];
      size_t length = strcspn(at, ",");
      snprintf(name, sizeof name, "%.*s", (int)length, at);
      if (strcmp(name, "cpu") != 0) SAY(PROBE_DEVICE, name, number(tn_device_count(name)));
      at += length + (at[length] == ',');
    }
  }
}

static void say_error(const char *tag, const char *text) {
  const tn_error *error = tn_error_peek();
  SAY(tag, text, error == NULL ? "" : error->message, error == NULL ? "" : error->hint);
  tn_error_clear();
}

static void ask_for_default(void) {
  char name[48] = "";
  tn_device device = tn_device_default();
  if (device.type != 0) tn_device_name(device, name, sizeof name);
  say_error(PROBE_DEFAULT, name);
}

static int say_runtime(struct dl_phdr_info *info, size_t size, void *closure) {
  (void)size, (void)closure;
  static const char *const known[] = {"libgomp", "libomp", "libiomp5", "libtbb", "libnvomp"};
  const char *slash = strrchr(info->dlpi_name, '/');
  const char *base = slash == NULL ? info->dlpi_name : slash + 1;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    size_t length = strlen(known[i]);
    bool same =
        strncmp(base, known[i], length) == 0 && (base[length] == '.' || base[length] == '-');
    if (same) SAY(PROBE_RUNTIME, base);
  }
  return 0;
}

int tenon_probe_child(int argc, char **argv) {
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  tn_backend_watch(say_step, NULL);
  open_backends(argc, argv);
  count_devices(argc, argv);
  if (!is_skipped(argc, argv, PROBE_NO_DEFAULT)) ask_for_default();
  if (argc > 1 && argv[1][0] != '\0' && !is_skipped(argc, argv, PROBE_NO_DEFAULT)) {
    tn_device_parse(argv[1]);
    say_error(PROBE_ABOUT, argv[1]);
  }
  SAY(PROBE_THREADS, number(tn_thread_count()), tn_thread_runtime());
  dl_iterate_phdr(say_runtime, NULL);
  char *report = tn_load_report();
  SAY(PROBE_REPORT, report == NULL ? "" : report);
  free(report);
  SAY(PROBE_DONE);
  return 0;
}
