// SPDX-License-Identifier: Apache-2.0
//
// text: a growing string. Appending never fails loudly: once memory is out the text is and stays
// empty, with `data` NULL, which callers report where it matters.

#ifndef TENON_CORE_TEXT_H_
#define TENON_CORE_TEXT_H_

#include <stddef.h>
#include <tenon/base.h>

typedef struct tn__text {
  char *data;               // malloc'ed, NUL-terminated; NULL while empty
  size_t length, capacity;  // capacity SIZE_MAX: memory ran out
} tn__text;

void tn__text_append(tn__text *text, const char *format, ...) TN_PRINTF(2, 3);

// Appends |character| |count| times; nothing where |count| is not positive.
void tn__text_repeat(tn__text *text, char character, int64_t count);

// Appends "[2, 3]".
void tn__text_append_ints(tn__text *text, const int64_t *values, int64_t count);

// Replaces what a terminal would obey: line breaks and tabs by spaces, other control characters by
// '?'. For texts of plugins, in place.
void tn__text_disarm(char *text);

// How many letters to insert, delete, replace or swap to get from |a| to |b|; names up to 63.
int tn__edit_distance(const char *a, const char *b);

// The known name that |name| may be a misspelling of: offer each, then read |best|. Capitals count
// as small letters. A name of three letters may have one mistake, one of nine or more three.
typedef struct tn__nearest {
  const char *name;
  const char *best;  // "" where none is near; borrowed from who offered it
  int distance;
} tn__nearest;
tn__nearest tn__nearest_to(const char *name);
void tn__nearest_offer(tn__nearest *nearest, const char *known);

#endif  // TENON_CORE_TEXT_H_
