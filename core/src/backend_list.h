// SPDX-License-Identifier: Apache-2.0
//
// backend_list: the grammar of TENON_BACKENDS. Entries are separated by commas (`\,` is a comma in
// a path); spaces around them do not count:
//
//   name         that backend, an error when it cannot be had
//   name?        that backend where it can be had
//   name=/path   that file, under that name
//   *            every other backend that is found, by name
//   ^name        not that backend
//
// The first entry for a name gives its place; saying it again changes nothing, but one that may not
// be missing wins over `name?`. Two files for one name, and a name that is both listed and
// excluded, are errors. The provider of last resort (cpu) goes behind all others, `*` included,
// unless it is named or nothing is.

#ifndef TENON_CORE_BACKEND_LIST_H_
#define TENON_CORE_BACKEND_LIST_H_

#include <tenon/base.h>

typedef enum tn__entry_kind { TN__ENTRY_NAME, TN__ENTRY_STAR, TN__ENTRY_NOT } tn__entry_kind;

typedef struct tn__entry {
  tn__entry_kind kind;
  bool optional;
  char name[32];
  char *path;  // NULL unless name=/path
} tn__entry;

typedef struct tn__backend_list {
  int32_t count;
  bool named;      // something is named that may be used
  bool exclusive;  // only what is named may be used: there is no `*`
  tn__entry *entries;
} tn__backend_list;

// Parses |text| (NULL: unset, everything allowed). errors: INVALID_ARGUMENT naming the entry,
// OUT_OF_MEMORY; the list is then empty.
tn_status tn__backend_list_parse(const char *text, tn__backend_list *list);
void tn__backend_list_free(tn__backend_list *list);

// The place of |name| in the order of preference; -1 where it is not allowed. |named|: whether an
// entry names it and is not optional.
int32_t tn__backend_list_order(const tn__backend_list *list, const char *name, bool *named);

#endif  // TENON_CORE_BACKEND_LIST_H_
