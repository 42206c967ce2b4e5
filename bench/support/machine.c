// SPDX-License-Identifier: Apache-2.0
//
// machine: see machine.h.

#include "machine.h"

#include <ctype.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <tenon/tenon.h>
#include <time.h>
#include <unistd.h>

#include "blas.h"
#include "capture.h"

// The first "model name" of the kernel's list, else the architecture.
static void write_processor(char *text, size_t size) {
  char line[256];
  struct utsname name;
  FILE *file = fopen("/proc/cpuinfo", "r");
  snprintf(text, size, "%s", uname(&name) == 0 ? name.machine : "unknown");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    const char *value = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || value == NULL) continue;
    value += strspn(value, ": \t");
    snprintf(text, size, "%.*s", (int)strcspn(value, "\n"), value);
    break;
  }
  if (file != NULL) fclose(file);
}

// "0.03 0.10 0.08 ..."
static double load_now(void) {
  char line[64] = "";
  FILE *file = fopen("/proc/loadavg", "r");
  if (file == NULL) return 0;
  char *text = fgets(line, sizeof line, file);
  fclose(file);
  return text == NULL ? 0 : strtod(text, NULL);
}

static void write_revision(char *text, size_t size) {
  char *argv[] = {"git", "-C", TN_SOURCE_DIR, "rev-parse", "--short", "HEAD", NULL};
  if (capture(argv, text, size, false) != 0) text[0] = '\0';
  text[strcspn(text, "\n")] = '\0';
}

machine machine_here(void) {
  machine m = {.cores = (int)sysconf(_SC_NPROCESSORS_ONLN), .load = load_now()};
  time_t now = time(NULL);
  struct tm day;
  write_processor(m.processor, sizeof m.processor);
  if (gmtime_r(&now, &day) != NULL) strftime(m.date, sizeof m.date, "%Y-%m-%d", &day);
  snprintf(m.compiler, sizeof m.compiler, "%s", TN_COMPILER);
  snprintf(m.build_type, sizeof m.build_type, "%s", TN_BUILD_TYPE);
  snprintf(m.c_library, sizeof m.c_library, "glibc %s", gnu_get_libc_version());
  snprintf(m.blas, sizeof m.blas, "%s", blas_version());
  write_revision(m.revision, sizeof m.revision);
  tn_release(tn_ones(TN_SHAPE(1)));  // the backend is opened, and with it its threads
  m.threads = tn_thread_count();
  snprintf(m.runtime, sizeof m.runtime, "%s", tn_thread_runtime());
  return m;
}

void machine_slug(const machine *m, char *text, int size) {
  int length = snprintf(text, (size_t)size, "%s-%s-%d-cores", m->date, m->processor, m->cores);
  if (length >= size) length = size - 1;
  int kept = 0;
  for (int i = 0; i < length; i++) {
    char c = (char)tolower((unsigned char)text[i]);
    bool plain = isalnum((unsigned char)c) != 0;
    if (plain) text[kept++] = c;
    if (!plain && kept > 0 && text[kept - 1] != '-') text[kept++] = '-';
  }
  text[kept] = '\0';
}
