// SPDX-License-Identifier: Apache-2.0
//
// globs: which operators a run is of. A list of globs of which one has no operator is a mistake of
// whoever wrote it, and is answered with the nearest name.

#include <stdio.h>
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
  return globs == NULL || *globs == '\0' || tn_op_matches(globs, name);
}

static tn_status no_such(const char *glob) {
  char nearest[LONGEST];
  tn_op_nearest(glob, nearest, sizeof nearest);
  if (nearest[0] == '\0') return tn_error_set(TN_NOT_FOUND, "no operator matches '%s'", glob);
  return tn_error_set(TN_NOT_FOUND, "no operator matches '%s'; the nearest is '%s'", glob, nearest);
}

tn_status tn__check_globs(const char *globs, const tn_op_spec *const *specs, int32_t count) {
  while (globs != NULL && *globs != '\0') {
    char glob[LONGEST];
    bool found = false;
    globs = next_glob(globs, glob);
    for (int32_t i = 0; i < count && !found; i++) found = tn_op_matches(glob, specs[i]->op);
    if (!found) return no_such(glob);
  }
  return TN_OK;
}
