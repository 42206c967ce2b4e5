// SPDX-License-Identifier: Apache-2.0
//
// conform: certifies a backend with the conformance kit. The argument is a device, a backend's
// name, or a backend's file; what it names comes before all other backends. Exit status 0 says that
// something ran, that nothing which is claimed fails, and that every operator has a spec; 1 that
// something failed; 2 that what was asked for makes no sense, and nothing ran.

#define _XOPEN_SOURCE 700  // realpath

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/conformance.h>
#include <unistd.h>

#include "commands.h"

enum { LIST_SIZE = 65536 };

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

// ---- files -------------------------------------------------------------------------------------

// The whole of a small text file, NULL with a message.
static char *read_text(const char *path) {
  enum { MOST = 1 << 20 };
  FILE *file = fopen(path, "r");
  char *text = file == NULL ? NULL : calloc(1, MOST + 1);
  size_t length = text == NULL ? 0 : fread(text, 1, MOST, file);
  bool bad = text == NULL || ferror(file) != 0 || strlen(text) != length || length == MOST;
  if (bad) {
    fprintf(stderr, "tenon conform: '%s' cannot be read: %s\n", path,
            text == NULL ? strerror(errno) : "it is no text, or longer than a megabyte");
    free(text);
    text = NULL;
  }
  if (file != NULL) fclose(file);
  return text;
}

static bool is_file(const char *argument) {
  size_t length = strlen(argument);
  bool shared = length > 3 && strcmp(argument + length - 3, ".so") == 0;
  return strchr(argument, '/') != NULL || (shared && access(argument, F_OK) == 0);
}

// ---- who comes first ---------------------------------------------------------------------------

// Appends |path| with its commas escaped, as TENON_BACKENDS wants it.
static void append_path(char *list, size_t size, const char *path) {
  size_t used = strlen(list);
  for (; *path != '\0' && used + 3 < size; path++) {
    if (*path == ',' || *path == '\\') list[used++] = '\\';
    list[used++] = *path;
  }
  list[used] = '\0';
}

// What of a backend is certified: its first device or, where it owns none, its kernels for the
// device that it serves. |facts| live as long as |options|.
static void choose_subject(const tn_plugin_report *facts, tn_conformance_options *options) {
  static char device[64];
  const char *names = facts->devices[0] != '\0' ? facts->devices : facts->serves;
  snprintf(device, sizeof device, "%.*s", (int)strcspn(names, ","), names);
  if (facts->devices[0] == '\0') options->provider = facts->name;
  if (options->device == NULL) options->device = device[0] == '\0' ? "cpu" : device;
}

// A backend given by its file is listed first, under the name in its note. 0, or an exit status.
static int prefer_file(const char *path, tn_conformance_options *options,
                       tn_plugin_report **facts) {
  char whole[PATH_MAX], list[2 * PATH_MAX + 300];
  if (realpath(path, whole) == NULL) {
    fprintf(stderr, "tenon conform: there is no file '%s'\n", path);
    return 2;
  }
  const tn_plugin_report *report = *facts = tn_plugin_inspect(whole);
  if (report == NULL || !report->loads) {
    fprintf(stderr, "tenon conform: '%s' cannot be loaded\n", path);
    for (int32_t i = 0; report != NULL && i < report->finding_count; i++) {
      if (report->findings[i].fatal) fprintf(stderr, "  %s\n", report->findings[i].text);
    }
    tn_error_print(stderr);
    return 1;
  }
  snprintf(list, sizeof list, "%s=", report->name);
  append_path(list, sizeof list - sizeof ",cpu", whole);
  if (strcmp(report->name, "cpu") != 0) strcat(list, ",cpu");
  choose_subject(report, options);
  return setenv("TENON_BACKENDS", list, 1) == 0 ? 0 : 1;
}

// How long the first entry of |list| is; a comma in a path has a backslash before it.
static size_t entry_length(const char *list) {
  size_t length = 0;
  while (list[length] != '\0' && list[length] != ',') {
    length += list[length] == '\\' && list[length + 1] != '\0' ? 2 : 1;
  }
  return length;
}

static bool is_entry_of(const char *entry, const char *name, size_t length) {
  entry += strspn(entry, " ");
  return strncmp(entry, name, length) == 0 && strchr("=?, ", entry[length]) != NULL;
}

// Puts what is called |name| before all others that the user lists; where it is not listed, it may
// be a backend that is found, or a device of another name.
static bool prefer_name(const char *name) {
  static char list[LIST_SIZE];
  const char *listed = getenv("TENON_BACKENDS"), *own = NULL;
  size_t length = strcspn(name, ":"), own_length = 0;
  if (listed == NULL || *listed == '\0') listed = "*";
  if (strlen(listed) + length + 8 > sizeof list) return true;
  for (const char *at = listed; *at != '\0';) {
    size_t one = entry_length(at);
    if (own == NULL && is_entry_of(at, name, length)) {
      own = at;
      own_length = one;
    }
    at += one + (at[one] == ',');
  }
  if (own == NULL) {
    snprintf(list, sizeof list, "%.*s?,%s", (int)length, name, listed);
  } else {
    const char *rest = own + own_length + (own[own_length] == ',');
    snprintf(list, sizeof list, "%.*s,%.*s%s", (int)own_length, own, (int)(own - listed), listed,
             rest);
  }
  return setenv("TENON_BACKENDS", list, 1) == 0;
}

// A device of that name, else a backend; of another name the run itself says what is near.
static void choose_name(const char *name, tn_conformance_options *options,
                        tn_plugin_report **facts) {
  tn_backend_info info;
  int32_t count = tn_device_is_available(name) ? 0 : tn_backend_candidate_count();
  for (int32_t i = 0; i < count && tn_backend_at(i, &info) == TN_OK; i++) {
    if (strcmp(info.name, name) != 0) continue;
    *facts = tn_plugin_inspect(info.path);
    if (*facts != NULL && (*facts)->loads) choose_subject(*facts, options);
    break;
  }
  if (options->device == NULL) options->device = name;
}

// ---- a backend that ends the process -----------------------------------------------------------

// What a run that does not come back has to say: the row that was finished last. Written before the
// next begins, read where nothing but write() may be called.
static char last_row[128] = "loading it";
static volatile sig_atomic_t running;

static void tell_end(const char *what) {
  const char *parts[] = {"tenon conform: the backend ", what, ", after ", last_row, "\n"};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0) return;
  }
}

// A kernel that calls exit must not leave the status of a certificate behind.
static void refuse_exit(void) {
  if (!running) return;
  tell_end("called exit");
  _exit(1);
}

static void tell_signal(int number) {
  tell_end(number == SIGSEGV   ? "crashed (SIGSEGV)"
           : number == SIGBUS  ? "crashed (SIGBUS)"
           : number == SIGFPE  ? "crashed (SIGFPE)"
           : number == SIGILL  ? "crashed (SIGILL)"
           : number == SIGABRT ? "aborted"
                               : "was stopped");
  raise(number);  // as it would have ended without this
}

static void watch_the_end(void) {
  static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
    struct sigaction action = {.sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    action.sa_handler = tell_signal;
    sigaction(deadly[i], &action, NULL);
  }
  atexit(refuse_exit);
  running = 1;
}

// ---- the run -----------------------------------------------------------------------------------

static void show_progress(void *context, const tn_conformance_row *row) {
  const bool *quiet = context;
  snprintf(last_row, sizeof last_row, "%s %s", row->op, tn_dtype_name(row->dtype));
  if (!*quiet && row->verdict == TN_VERDICT_FAILED) {
    fprintf(stderr, "%s %s: %s\n", row->op, tn_dtype_name(row->dtype),
            row->reason_count > 0 ? row->reasons[0] : "failed");
  }
}

// Whether a run that could not be made is the caller's mistake rather than the backend's.
static bool is_usage(tn_status status) {
  return status == TN_INVALID_ARGUMENT || status == TN_NOT_FOUND || status == TN_IO_ERROR;
}

static int run(const tn_conformance_options *options, bool as_json, bool verbose) {
  tn_conformance_report *report;
  tn_status status = tn_conformance_run(options, &report);
  running = 0;
  if (status != TN_OK) {
    tn_error_print(stderr);
    return is_usage(status) ? 2 : 1;
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

// The command as it was typed, for the report; what a shell would take apart stands in quotes.
static void write_command(char *text, size_t size, int argc, char **argv) {
  size_t used = (size_t)snprintf(text, size, "tenon");
  for (int i = 0; i < argc && used < size; i++) {
    bool plain = argv[i][0] != '\0' && strpbrk(argv[i], " \t\n*?[]'\"\\$&;|<>(){}#~`!") == NULL;
    int more = snprintf(text + used, size - used, plain ? " %s" : " '%s'", argv[i]);
    used += more > 0 ? (size_t)more : 0;
  }
}

int tenon_conform(int argc, char **argv) {
  char command[2048];
  write_command(command, sizeof command, argc, argv);
  bool as_json = tenon_take_flag(&argc, argv, "--json");
  bool verbose = tenon_take_flag(&argc, argv, "--verbose");
  bool full = tenon_take_flag(&argc, argv, "--full");
  bool quick = tenon_take_flag(&argc, argv, "--quick");
  const char *dtypes = tenon_take_option(&argc, argv, "--dtype");
  const char *expected = tenon_take_option(&argc, argv, "--expect");
  tn_conformance_options options = {
      .struct_size = sizeof options, .full = full, .command = command};
  options.ops = tenon_take_option(&argc, argv, "--ops");
  options.html = tenon_take_option(&argc, argv, "--report");
  options.device = tenon_take_option(&argc, argv, "--device");
  if (argc > 2 || (full && quick) || (argc == 2 && argv[1][0] == '-')) {
    return tenon_usage("conform");
  }
  if (!parse_dtypes(dtypes, &options.dtypes)) return 2;
  char *list = expected == NULL ? NULL : read_text(expected);
  if (expected != NULL && list == NULL) return 2;
  options.expected = list;
  options.progress = show_progress;
  options.context = &as_json;
  watch_the_end();
  tn_plugin_report *facts = NULL;
  int result = 0;
  if (argc == 2 && is_file(argv[1])) {
    result = prefer_file(argv[1], &options, &facts);
  } else if (argc == 2) {
    result = prefer_name(argv[1]) ? 0 : 1;
    choose_name(argv[1], &options, &facts);
  }
  // Settings that make no sense are not the backend's fault.
  if (result == 0 && tn_init(NULL) != TN_OK && tn_error_peek()->status == TN_INVALID_ARGUMENT) {
    running = 0;
    tn_error_print(stderr);
    result = 2;
  }
  tn_error_clear();
  if (result == 0) result = run(&options, as_json, verbose);
  running = 0;
  tn_plugin_report_free(facts);
  free(list);
  return result;
}
