// SPDX-License-Identifier: Apache-2.0
//
// json_test: whether a text is JSON, by RFC 8259 and no more lenient: one value, nothing behind it,
// no trailing commas, no raw control characters.

#ifndef TENON_JSON_TEST_H_
#define TENON_JSON_TEST_H_

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

// Each of these takes the place of a value's start and gives that of its end, NULL where there is
// no such value.
static inline const char *json_value(const char *at, int depth);

static inline const char *json_space(const char *at) {
  while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') at++;
  return at;
}

static inline const char *json_string(const char *at) {
  if (*at++ != '"') return NULL;
  while (*at != '"') {
    if ((unsigned char)*at < 0x20) return NULL;
    if (*at != '\\') {
      at++;
      continue;
    }
    if (*++at == 'u') {
      for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)*++at)) return NULL;
      }
    } else if (*at == '\0' || strchr("\"\\/bfnrt", *at) == NULL) {
      return NULL;
    }
    at++;
  }
  return at + 1;
}

static inline const char *json_digits(const char *at) {
  if (!isdigit((unsigned char)*at)) return NULL;
  while (isdigit((unsigned char)*at)) at++;
  return at;
}

static inline const char *json_number(const char *at) {
  if (*at == '-') at++;
  const char *whole = at;
  at = json_digits(at);
  if (at == NULL || (*whole == '0' && at != whole + 1)) return NULL;
  if (*at == '.' && (at = json_digits(at + 1)) == NULL) return NULL;
  if (*at != 'e' && *at != 'E') return at;
  at++;
  return json_digits(*at == '+' || *at == '-' ? at + 1 : at);
}

// Members between brackets; |named| for those of an object.
static inline const char *json_members(const char *at, char end, bool named, int depth) {
  at = json_space(at + 1);
  if (*at == end) return at + 1;
  for (;;) {
    if (named) {
      at = json_string(json_space(at));
      if (at == NULL || *(at = json_space(at)) != ':') return NULL;
      at++;
    }
    at = json_value(json_space(at), depth + 1);
    if (at == NULL) return NULL;
    at = json_space(at);
    if (*at == end) return at + 1;
    if (*at++ != ',') return NULL;
  }
}

static inline const char *json_value(const char *at, int depth) {
  if (depth > 64) return NULL;
  switch (*at) {
    case '{':
      return json_members(at, '}', true, depth);
    case '[':
      return json_members(at, ']', false, depth);
    case '"':
      return json_string(at);
    case 't':
      return strncmp(at, "true", 4) == 0 ? at + 4 : NULL;
    case 'f':
      return strncmp(at, "false", 5) == 0 ? at + 5 : NULL;
    case 'n':
      return strncmp(at, "null", 4) == 0 ? at + 4 : NULL;
    default:
      return json_number(at);
  }
}

static inline bool json_is_valid(const char *text) {
  const char *end = json_value(json_space(text), 0);
  return end != NULL && *json_space(end) == '\0';
}

#endif  // TENON_JSON_TEST_H_
