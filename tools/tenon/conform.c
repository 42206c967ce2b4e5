// SPDX-License-Identifier: Apache-2.0
//
// conform: certifies a backend with the conformance kit. The argument is a device that the
// environment's backends own, or a backend's file, which then comes before all others. Exit status
// 0 says that something ran, that nothing which is claimed fails, and that every operator has a
// spec.

#define _XOPEN_SOURCE 700  // realpath

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/conformance.h>

#include "commands.h"

// Takes "--flag value" out of the arguments; NULL where it is not there.
static const char *take_option(int *argc, char **argv, const char *flag) {
  for (int i = 1; i + 1 < *argc; i++) {
    if (strcmp(argv[i], flag) != 0) continue;
    const char *value = argv[i + 1];
    memmove(argv + i, argv + i + 2, sizeof *argv * (size_t)(*argc - i - 1));
    *argc -= 2;
    return value;
  }
  return NULL;
}

// "f32,int64" as a set; false with a message for a name that is no dtype.
static bool parse_dtypes(const char *list, uint64_t *dtypes) {
  *dtypes = 0;
  while (list != NULL && *list != '\0') {
    char name[32];
    size_t length = strcspn(list, ",");
    snprintf(name, sizeof name, "%.*s", (int)length, list);
    tn_dtype dtype = tn_dtype_parse(name);
    if (dtype == TN_DTYPE_NONE) {
      fprintf(stderr, "tenon conform: '%s' is no dtype\n", name);
      return false;
    }
    *dtypes |= TN_DTYPE_BIT(dtype);
    list += length + (list[length] == ',');
  }
  return true;
}

// A backend given by its file is listed first, under its own name, so that the default device is
// its own.
static bool prefer_backend(const char *path) {
  static const char prefix[] = "libtenon_backend_";
  char whole[PATH_MAX], name[256], list[PATH_MAX + 300];
  if (realpath(path, whole) == NULL) {
    fprintf(stderr, "tenon conform: there is no file '%s'\n", path);
    return false;
  }
  const char *file = strrchr(whole, '/') + 1;
  if (strncmp(file, prefix, sizeof prefix - 1) == 0) file += sizeof prefix - 1;
  snprintf(name, sizeof name, "%.*s", (int)strcspn(file, "."), file);
  snprintf(list, sizeof list, "%s=%s,cpu", name, whole);
  if (strcmp(name, "cpu") == 0) snprintf(list, sizeof list, "cpu=%s", whole);
  return setenv("TENON_BACKENDS", list, 1) == 0;
}

static void show_progress(void *context, const tn_conformance_row *row) {
  (void)context;
  if (row->verdict == TN_VERDICT_FAILED) {
    fprintf(stderr, "%s %s: %s\n", row->op, tn_dtype_name(row->dtype),
            row->reason_count > 0 ? row->reasons[0] : "failed");
  }
}

static int run(const tn_conformance_options *options, bool as_json, bool verbose) {
  tn_conformance_report *report;
  if (tn_conformance_run(options, &report) != TN_OK) {
    tn_error_print(stderr);
    return 1;
  }
  if (as_json) {
    tn_conformance_print_json(report, stdout);
  } else {
    tn_conformance_print(report, stdout, verbose);
  }
  bool passed = tn_conformance_passed(report);
  tn_conformance_report_free(report);
  return passed ? 0 : 1;
}

int tenon_conform(int argc, char **argv) {
  bool as_json = tenon_take_flag(&argc, argv, "--json");
  bool verbose = tenon_take_flag(&argc, argv, "--verbose");
  bool full = tenon_take_flag(&argc, argv, "--full");
  bool quick = tenon_take_flag(&argc, argv, "--quick");
  const char *dtypes = take_option(&argc, argv, "--dtype");
  tn_conformance_options options = {.struct_size = sizeof options, .full = full};
  options.ops = take_option(&argc, argv, "--ops");
  options.device = take_option(&argc, argv, "--device");
  if (argc > 2 || (full && quick) || (argc == 2 && argv[1][0] == '-')) {
    return tenon_usage("conform");
  }
  if (!parse_dtypes(dtypes, &options.dtypes)) return 2;
  if (argc == 2 && strchr(argv[1], '/') != NULL) {
    if (!prefer_backend(argv[1])) return 1;
  } else if (argc == 2) {
    options.device = argv[1];
  }
  if (!as_json) options.progress = show_progress;
  return run(&options, as_json, verbose);
}
