// SPDX-License-Identifier: Apache-2.0
//
// backend_list: see backend_list.h.

#include "backend_list.h"

#include <stdlib.h>
#include <string.h>

#include "thread.h"

// Where the next unescaped comma stands, or the end.
static const char *entry_end(const char *text) {
  while (*text != '\0' && *text != ',') {
    if (text[0] == '\\' && text[1] == ',') text++;
    text++;
  }
  return text;
}

// A copy of [from, to) without the backslashes before commas.
static char *unescape(const char *from, const char *to) {
  char *copy = tn__malloc((size_t)(to - from) + 1);
  if (copy == NULL) return NULL;
  char *out = copy;
  for (; from < to; from++) {
    if (from[0] == '\\' && from + 1 < to && from[1] == ',') from++;
    *out++ = *from;
  }
  *out = '\0';
  return copy;
}

static tn_status bad_entry(const char *from, const char *to, const char *why) {
  int length = to - from > 200 ? 200 : (int)(to - from);
  return tn__error(TN_INVALID_ARGUMENT,
                   &(tn__error_details){NULL, "TENON_BACKENDS", NULL,
                                        "write TENON_BACKENDS=name,cpu or name=/path/to/lib.so"},
                   "TENON_BACKENDS: entry '%.*s' %s", length, from, why);
}

static bool is_name(const char *name, size_t length) {
  if (length == 0 || length >= 32) return false;
  for (size_t i = 0; i < length; i++) {
    char c = name[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && c != '-' && c != '.') return false;
  }
  return true;
}

static tn_status parse_entry(const char *from, const char *to, tn__entry *entry) {
  memset(entry, 0, sizeof *entry);
  if (to - from == 1 && *from == '*') {
    entry->kind = TN__ENTRY_STAR;
    return TN_OK;
  }
  const char *name = from, *name_end = to;
  if (*name == '^') {
    entry->kind = TN__ENTRY_NOT;
    name++;
  }
  const char *equals = memchr(name, '=', (size_t)(to - name));
  if (equals != NULL) {
    if (entry->kind == TN__ENTRY_NOT) return bad_entry(from, to, "excludes a path; exclude a name");
    if (equals + 1 == to || equals[1] != '/') {
      return bad_entry(from, to, "must give an absolute path after '='");
    }
    name_end = equals;
    entry->path = unescape(equals + 1, to);
    if (entry->path == NULL) return tn__out_of_memory("TENON_BACKENDS", (uint64_t)(to - equals));
  }
  if (name_end > name && name_end[-1] == '?') {
    entry->optional = true;
    name_end--;
  }
  if (!is_name(name, (size_t)(name_end - name))) {
    return bad_entry(from, to,
                     "is not a backend's name (letters, digits, '_', '-', '.'; at most 31)");
  }
  memcpy(entry->name, name, (size_t)(name_end - name));
  return TN_OK;
}

static int32_t count_commas(const char *text) {
  int32_t count = 1;
  for (; *text != '\0'; text++) count += *text == ',';
  return count;
}

tn_status tn__backend_list_parse(const char *text, tn__backend_list *list) {
  memset(list, 0, sizeof *list);
  if (text == NULL) return TN_OK;
  list->entries = tn__calloc((size_t)count_commas(text), sizeof *list->entries);
  if (list->entries == NULL) return tn__out_of_memory("TENON_BACKENDS", strlen(text));
  bool star = false, positive = false;
  for (const char *at = text;;) {
    const char *end = entry_end(at), *from = at, *to = end;
    while (from < to && (*from == ' ' || *from == '\t')) from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
    if (from < to) {
      tn__entry *entry = &list->entries[list->count++];
      tn_status status = parse_entry(from, to, entry);
      if (status != TN_OK) {
        tn__backend_list_free(list);
        return status;
      }
      star = star || entry->kind == TN__ENTRY_STAR;
      positive = positive || entry->kind == TN__ENTRY_NAME;
    }
    if (*end == '\0') break;
    at = end + 1;
  }
  list->exclusive = positive && !star;
  return TN_OK;
}

void tn__backend_list_free(tn__backend_list *list) {
  for (int32_t i = 0; i < list->count; i++) free(list->entries[i].path);
  free(list->entries);
  memset(list, 0, sizeof *list);
}

// The provider of last resort, which a list need not name.
static const char *const last_resort = "cpu";

int32_t tn__backend_list_order(const tn__backend_list *list, const char *name, bool *named) {
  int32_t order = -1;
  *named = false;
  for (int32_t i = 0; i < list->count; i++) {
    const tn__entry *entry = &list->entries[i];
    bool same = strcmp(entry->name, name) == 0;
    if (entry->kind == TN__ENTRY_NOT && same) return -1;
    if (entry->kind == TN__ENTRY_NAME && same) {
      order = i;
      *named = !entry->optional;
    } else if (entry->kind == TN__ENTRY_STAR && order < 0) {
      order = i;
    }
  }
  if (order >= 0) return order;
  if (!list->exclusive) return list->count;
  return strcmp(name, last_resort) == 0 ? list->count : -1;
}
