// SPDX-License-Identifier: Apache-2.0
//
// op_alias: from another name to the operator's own. An alias stands for the name in front of the
// overload, so the in-place underscore and the overload are carried over as they are.

#include "op_alias.h"

#include <stdio.h>
#include <string.h>

static const char *name_of_alias(const char *alias, size_t length) {
  int32_t low = 0, high = tn__op_alias_count - 1;
  while (low <= high) {
    const int32_t middle = low + (high - low) / 2;
    const tn__op_alias *entry = &tn__op_aliases[middle];
    int order = strncmp(alias, entry->alias, length);
    if (order == 0 && entry->alias[length] != '\0') order = -1;
    if (order == 0) return entry->name;
    if (order < 0) {
      high = middle - 1;
    } else {
      low = middle + 1;
    }
  }
  return NULL;
}

bool tn__op_alias_resolve(const char *name, char *buffer, size_t size) {
  int written;
  if (strncmp(name, "linalg.", 7) == 0) {
    written = snprintf(buffer, size, "linalg_%s", name + 7);
  } else if (strncmp(name, "fft.", 4) == 0) {
    written = snprintf(buffer, size, "fft_%s", name + 4);
  } else {
    const size_t whole = strcspn(name, ".");
    const size_t length = whole > 0 && name[whole - 1] == '_' ? whole - 1 : whole;
    const char *found = name_of_alias(name, length);
    if (found == NULL) return false;
    written = snprintf(buffer, size, "%s%s", found, name + length);
  }
  return written > 0 && (size_t)written < size;
}
