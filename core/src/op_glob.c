// SPDX-License-Identifier: Apache-2.0
//
// op_glob: see op_glob.h. Claims are matched against every operator whenever a table of chains is
// built, so this is a loop over bytes rather than fnmatch, which asks the locale about each.

#include "op_glob.h"

#include <stdio.h>
#include <string.h>

#include "op_table.h"
#include "text.h"

typedef struct span {
  const char *at, *end;
} span;

// On a mismatch behind a star, the star takes one character more.
static bool matches(span glob, span name) {
  span star = {NULL, NULL};
  while (name.at < name.end) {
    if (glob.at < glob.end && *glob.at == '*') {
      star = (span){++glob.at, name.at};
    } else if (glob.at < glob.end && (*glob.at == '?' || *glob.at == *name.at)) {
      glob.at++;
      name.at++;
    } else if (star.at != NULL) {
      glob.at = star.at;
      name.at = ++star.end;
    } else {
      return false;
    }
  }
  while (glob.at < glob.end && *glob.at == '*') glob.at++;
  return glob.at == glob.end;
}

bool tn__op_glob_matches(const char *glob, size_t glob_length, const char *op) {
  bool whole = memchr(glob, '.', glob_length) != NULL;
  size_t op_length = whole ? strlen(op) : strcspn(op, ".");
  return matches((span){glob, glob + glob_length}, (span){op, op + op_length});
}

bool tn__op_globs_match(const char *globs, const char *op) {
  while (*globs != '\0') {
    size_t length = strcspn(globs, ",");
    const char *from = globs, *to = globs + length;
    while (from < to && *from == ' ') from++;
    while (to > from && to[-1] == ' ') to--;
    if (from < to && tn__op_glob_matches(from, (size_t)(to - from), op)) return true;
    globs += length + (globs[length] == ',');
  }
  return false;
}

const char *tn__op_near_match(const char *name, char *buffer, size_t buffer_size) {
  bool whole = strchr(name, '.') != NULL;
  tn__nearest nearest = tn__nearest_to(name);
  buffer[0] = '\0';
  for (int32_t i = 0; i < tn__op_table_count; i++) {
    char known[64];
    const char *op = tn__op_table[i].name;
    size_t length = whole ? strlen(op) : strcspn(op, ".");
    if (length >= sizeof known) continue;
    snprintf(known, sizeof known, "%.*s", (int)length, op);
    int before = nearest.distance;
    tn__nearest_offer(&nearest, known);
    if (nearest.distance < before) snprintf(buffer, buffer_size, "%s", known);
  }
  return buffer;
}

bool tn_op_matches(const char *globs, const char *name) {
  return globs != NULL && name != NULL && tn__op_globs_match(globs, name);
}

const char *tn_op_nearest(const char *name, char *buffer, size_t buffer_size) {
  if (name == NULL) name = "";
  return tn__op_near_match(name, buffer, buffer_size);
}
