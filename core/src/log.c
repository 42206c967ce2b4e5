// SPDX-License-Identifier: Apache-2.0
//
// log: see log.h. The rules are read once; a process that sets none pays one load a call. Rules
// that cannot be understood are said so in one line, to those who asked for lines.

#include "log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "text.h"
#include "thread.h"

static const char *const level_names[] = {"error", "warning", "info", "debug"};
enum { LEVELS = 4 };

// One rule of the list: "level" or "subsystem:level". Spaces around it do not count.
typedef struct rule {
  const char *text, *subsystem, *level;
  size_t length, subsystem_length, level_length;
} rule;

// Takes the next rule off |*rules|; false at the end.
static bool next_rule(const char **rules, rule *next) {
  const char *at = *rules + strspn(*rules, ", \t");
  if (*at == '\0') return false;
  size_t length = strcspn(at, ",");
  *rules = at + length;
  while (at[length - 1] == ' ' || at[length - 1] == '\t') length--;
  const char *colon = memchr(at, ':', length);
  size_t level_at = colon == NULL ? 0 : (size_t)(colon - at) + 1;
  *next = (rule){at,     colon == NULL ? NULL : at, at + level_at,
                 length, level_at - (level_at > 0), length - level_at};
  return true;
}

// -1 for what is no level.
static int32_t level_of(const rule *of) {
  for (int32_t level = 0; level < LEVELS; level++) {
    if (strlen(level_names[level]) == of->level_length &&
        memcmp(level_names[level], of->level, of->level_length) == 0) {
      return level;
    }
  }
  return -1;
}

// Describes the first rule that makes no sense; false where all do.
static bool describe_bad_rule(const char *rules, char *story, size_t size) {
  for (rule bad; next_rule(&rules, &bad);) {
    if (level_of(&bad) >= 0 && (bad.subsystem == NULL || bad.subsystem_length > 0)) continue;
    char level[32];
    snprintf(level, sizeof level, "%.*s", (int)bad.level_length, bad.level);
    tn__nearest nearest = tn__nearest_to(level);
    for (int i = 0; i < LEVELS; i++) tn__nearest_offer(&nearest, level_names[i]);
    snprintf(story, size, "'%.*s' is neither LEVEL nor SUBSYSTEM:LEVEL, of %s%s%s%s",
             (int)(bad.length > 100 ? 100 : bad.length), bad.text, "error, warning, info and debug",
             nearest.best[0] ? "; did you mean '" : "", nearest.best, nearest.best[0] ? "'?" : "");
    return true;
  }
  return false;
}

tn_status tn__log_check(const char *rules) {
  char story[256];
  if (!describe_bad_rule(rules, story, sizeof story)) return TN_OK;
  return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){NULL, "TENON_LOG", NULL, NULL},
                   "%s: %s", tn__setting_label("TENON_LOG"), story);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *rules;

static void read_rules(void) {
  rules = tn__environment("TENON_LOG", false);
  char story[256];
  if (rules == NULL || !describe_bad_rule(rules, story, sizeof story)) return;
  fprintf(stderr, "tenon log warning: TENON_LOG: %s\n", story);
}

// The level up to which |subsystem| is logged, -1 for not at all. A level alone is for all that no
// other rule names.
static int32_t wanted(const char *subsystem) {
  int32_t level = -1;
  size_t length = strlen(subsystem);
  const char *at = rules;
  for (rule next; at != NULL && next_rule(&at, &next);) {
    bool all = next.subsystem_length == 1 && next.subsystem[0] == '*';
    if (next.subsystem == NULL || all) {
      level = level_of(&next);
    } else if (next.subsystem_length == length && memcmp(next.subsystem, subsystem, length) == 0) {
      return level_of(&next);
    }
  }
  return level;
}

void tn__log_v(int32_t level, const char *subsystem, const char *format, va_list arguments) {
  pthread_once(&once, read_rules);
  if (rules == NULL || level < 0 || level >= LEVELS || level > wanted(subsystem)) return;
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
