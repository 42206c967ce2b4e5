// SPDX-License-Identifier: Apache-2.0
//
// backend_list: see backend_list.h.

#include "backend_list.h"

#include <stdlib.h>
#include <string.h>

#include "settings.h"
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
                   "%s: entry '%.*s' %s", tn__setting_label("TENON_BACKENDS"), length, from, why);
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

// The kind of thing that |entry| is about: two entries of one kind and name are one.
static bool same_subject(const tn__entry *a, const tn__entry *b) {
  bool star = a->kind == TN__ENTRY_STAR;
  return star == (b->kind == TN__ENTRY_STAR) && strcmp(a->name, b->name) == 0;
}

// Folds |again| into the entry that says the same already.
static tn_status merge(tn__entry *entry, tn__entry *again, const char *from, const char *to) {
  if (entry->kind != again->kind) {
    return bad_entry(from, to,
                     "says the opposite of an earlier one: a name is listed and excluded");
  }
  if (entry->path != NULL && again->path != NULL && strcmp(entry->path, again->path) != 0) {
    return bad_entry(from, to, "gives a second file for a name");
  }
  if (entry->path == NULL) {
    entry->path = again->path;
    again->path = NULL;
  }
  entry->optional = entry->optional && again->optional;
  return TN_OK;
}

// No list of backends is longer: what is, is a mistake that should not take a second to look at.
enum { MOST_ENTRIES = 256 };

static tn_status add_entry(tn__backend_list *list, const char *from, const char *to) {
  tn__entry entry;
  tn_status status = parse_entry(from, to, &entry);
  if (status != TN_OK) {
    free(entry.path);
    return status;
  }
  for (int32_t i = 0; i < list->count; i++) {
    if (!same_subject(&list->entries[i], &entry)) continue;
    status = merge(&list->entries[i], &entry, from, to);
    free(entry.path);
    return status;
  }
  if (list->count == MOST_ENTRIES) {
    free(entry.path);
    return bad_entry(from, to, "is one too many: a list has at most 256 names");
  }
  if (list->count % 16 == 0) {
    size_t bytes = ((size_t)list->count + 16) * sizeof entry;
    tn__entry *grown = tn__realloc(list->entries, bytes);
    if (grown == NULL) {
      free(entry.path);
      return tn__out_of_memory("TENON_BACKENDS", bytes);
    }
    list->entries = grown;
  }
  list->entries[list->count++] = entry;
  return TN_OK;
}

tn_status tn__backend_list_parse(const char *text, tn__backend_list *list) {
  memset(list, 0, sizeof *list);
  if (text == NULL) return TN_OK;
  for (const char *at = text;;) {
    const char *end = entry_end(at), *from = at, *to = end;
    while (from < to && (*from == ' ' || *from == '\t')) from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
    tn_status status = from < to ? add_entry(list, from, to) : TN_OK;
    if (status != TN_OK) {
      tn__backend_list_free(list);
      return status;
    }
    if (*end == '\0') break;
    at = end + 1;
  }
  bool star = false;
  for (int32_t i = 0; i < list->count; i++) {
    star = star || list->entries[i].kind == TN__ENTRY_STAR;
    list->named = list->named || list->entries[i].kind == TN__ENTRY_NAME;
  }
  list->exclusive = list->named && !star;
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
  int32_t star = -1;
  *named = false;
  for (int32_t i = 0; i < list->count; i++) {
    const tn__entry *entry = &list->entries[i];
    if (entry->kind == TN__ENTRY_STAR) star = i;
    if (entry->kind == TN__ENTRY_STAR || strcmp(entry->name, name) != 0) continue;
    if (entry->kind == TN__ENTRY_NOT) return -1;
    *named = !entry->optional;
    return i;
  }
  if (list->named && strcmp(name, last_resort) == 0) return list->count;
  if (star >= 0) return star;
  return list->exclusive ? -1 : list->count;
}
