// SPDX-License-Identifier: Apache-2.0
//
// globs: which operators a run is of. A list of globs of which one has no operator is a mistake of
// whoever wrote it, and is answered with the nearest name.

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

enum { LONGEST = 96 };

// The next of |globs| into |glob|; where the one after it starts.
static const char *next_glob(const char *globs, char *glob) {
  size_t length = strcspn(globs, ",");
  snprintf(glob, LONGEST, "%.*s", (int)length, globs);
  return globs + length + (globs[length] == ',');
}

bool tn__matches(const char *globs, const char *name) {
  if (globs == NULL || *globs == '\0') return true;
  while (*globs != '\0') {
    char glob[LONGEST];
    globs = next_glob(globs, glob);
    if (fnmatch(glob, name, 0) == 0) return true;
  }
  return false;
}

// How many letters must change to make |a| of |b|.
static int32_t distance(const char *a, const char *b) {
  int32_t row[LONGEST + 1];
  int32_t length = (int32_t)strnlen(b, LONGEST);
  for (int32_t j = 0; j <= length; j++) row[j] = j;
  for (int32_t i = 0; a[i] != '\0'; i++) {
    int32_t diagonal = row[0]++;
    for (int32_t j = 1; j <= length; j++) {
      int32_t change = diagonal + (a[i] != b[j - 1]);
      int32_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
      diagonal = row[j];
      row[j] = change < least ? change : least;
    }
  }
  return row[length];
}

static tn_status no_such(const char *glob, const tn_op_spec *const *specs, int32_t count) {
  const char *nearest = NULL;
  int32_t least = (int32_t)strlen(glob) / 2 + 1;
  for (int32_t i = 0; i < count; i++) {
    int32_t far = distance(glob, specs[i]->op);
    bool begins = strncmp(glob, specs[i]->op, strlen(glob)) == 0;
    if (begins) far = 0;
    if (far >= least) continue;
    least = far;
    nearest = specs[i]->op;
  }
  if (nearest == NULL) return tn_error_set(TN_NOT_FOUND, "no operator matches '%s'", glob);
  return tn_error_set(TN_NOT_FOUND, "no operator matches '%s'; the nearest is '%s'", glob, nearest);
}

tn_status tn__check_globs(const char *globs, const tn_op_spec *const *specs, int32_t count) {
  while (globs != NULL && *globs != '\0') {
    char glob[LONGEST];
    bool found = false;
    globs = next_glob(globs, glob);
    for (int32_t i = 0; i < count && !found; i++) found = fnmatch(glob, specs[i]->op, 0) == 0;
    if (!found) return no_such(glob, specs, count);
  }
  return TN_OK;
}
