// SPDX-License-Identifier: Apache-2.0
//
// log: see log.h. The rules are read once; a process that sets none pays one load a call.

#include "log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

const char *tn__environment(const char *name, bool path_like) {
  if (path_like && getauxval(AT_SECURE) != 0) return NULL;
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *rules;

static void read_rules(void) { rules = tn__environment("TENON_LOG", false); }

static int32_t level_of(const char *text, size_t length) {
  for (int32_t level = 0; level < 4; level++) {
    if (strlen(level_names[level]) == length && memcmp(level_names[level], text, length) == 0) {
      return level;
    }
  }
  return TN__LOG_INFO;
}

// The level up to which |subsystem| is logged, -1 for not at all. "info" alone means everything.
static int32_t wanted(const char *subsystem) {
  int32_t level = -1;
  size_t name_length = strlen(subsystem);
  for (const char *rule = rules; rule != NULL && *rule != '\0';) {
    size_t length = strcspn(rule, ",");
    const char *colon = memchr(rule, ':', length);
    if (colon == NULL) {
      level = level_of(rule, length);
    } else if (((size_t)(colon - rule) == name_length &&
                memcmp(rule, subsystem, name_length) == 0) ||
               (colon - rule == 1 && rule[0] == '*')) {
      return level_of(colon + 1, length - (size_t)(colon + 1 - rule));
    }
    rule += length;
    if (*rule == ',') rule++;
  }
  return level;
}

void tn__log_v(int32_t level, const char *subsystem, const char *format, va_list arguments) {
  pthread_once(&once, read_rules);
  if (rules == NULL || level < 0 || level > TN__LOG_DEBUG || level > wanted(subsystem)) return;
  char line[1024];
  int at = snprintf(line, sizeof line, "tenon %s %s: ", subsystem, level_names[level]);
  if (at < 0 || (size_t)at >= sizeof line) return;
  vsnprintf(line + at, sizeof line - (size_t)at, format, arguments);
  fprintf(stderr, "%s\n", line);
}

void tn__log(int32_t level, const char *subsystem, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  tn__log_v(level, subsystem, format, arguments);
  va_end(arguments);
}
