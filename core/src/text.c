// SPDX-License-Identifier: Apache-2.0
//
// text: see text.h.

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocate.h"

// Makes room for |more| characters and the terminator.
static bool reserve(tn__text *text, size_t more) {
  if (text->capacity == SIZE_MAX) return false;
  size_t needed = text->length + more + 1;
  if (needed <= text->capacity) return true;
  size_t capacity = needed * 2 < 256 ? 256 : needed * 2;
  char *grown = tn__realloc(text->data, capacity);
  if (grown == NULL) {
    free(text->data);
    *text = (tn__text){NULL, 0, SIZE_MAX};
    return false;
  }
  text->data = grown;
  text->capacity = capacity;
  return true;
}

void tn__text_append(tn__text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int more = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (more < 0 || !reserve(text, (size_t)more)) return;
  va_start(arguments, format);
  vsnprintf(text->data + text->length, text->capacity - text->length, format, arguments);
  va_end(arguments);
  text->length += (size_t)more;
}

void tn__text_repeat(tn__text *text, char character, int64_t count) {
  if (count <= 0 || !reserve(text, (size_t)count)) return;
  memset(text->data + text->length, character, (size_t)count);
  text->length += (size_t)count;
  text->data[text->length] = '\0';
}

void tn__text_append_ints(tn__text *text, const int64_t *values, int64_t count) {
  tn__text_append(text, "[");
  for (int64_t i = 0; i < count; i++) {
    tn__text_append(text, "%s%lld", i == 0 ? "" : ", ", (long long)values[i]);
  }
  tn__text_append(text, "]");
}

static int least(int a, int b, int c) {
  int ab = a < b ? a : b;
  return ab < c ? ab : c;
}

// The control characters above ASCII are C2 80 to C2 9F in UTF-8.
void tn__text_disarm(char *text) {
  for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
    if (*at == '\n' || *at == '\t' || *at == '\r') *at = ' ';
    if (*at < 0x20 || *at == 0x7f) *at = '?';
    if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) at[0] = at[1] = '?';
  }
}

int tn__edit_distance(const char *a, const char *b) {
  enum { LONGEST = 63 };
  size_t m = strlen(a), n = strlen(b);
  if (m > LONGEST || n > LONGEST) return LONGEST;
  int rows[3][LONGEST + 1];
  for (size_t j = 0; j <= n; j++) rows[0][j] = (int)j;
  for (size_t i = 1; i <= m; i++) {
    int *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
    row[0] = (int)i;
    for (size_t j = 1; j <= n; j++) {
      row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped && two_above[j - 2] + 1 < row[j]) row[j] = two_above[j - 2] + 1;
    }
  }
  return rows[m % 3][n];
}

tn__nearest tn__nearest_to(const char *name) {
  size_t length = strlen(name);
  int mistakes = length <= 3 ? 1 : length < 9 ? 2 : 3;
  return (tn__nearest){name, "", mistakes + 1};
}

static void lower(char *to, size_t size, const char *from) {
  size_t i = 0;
  for (; i + 1 < size && from[i] != '\0'; i++) {
    to[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] - 'A' + 'a' : from[i]);
  }
  to[i] = '\0';
}

void tn__nearest_offer(tn__nearest *nearest, const char *known) {
  char a[80], b[80];
  lower(a, sizeof a, nearest->name);
  lower(b, sizeof b, known);
  int distance = tn__edit_distance(a, b);
  if (distance >= nearest->distance) return;
  nearest->distance = distance;
  nearest->best = known;
}
