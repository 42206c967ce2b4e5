// SPDX-License-Identifier: Apache-2.0
//
// json: writing JSON to a stream. Commas and escapes are taken care of; nesting is the caller's.

#ifndef TENON_TOOLS_JSON_H_
#define TENON_TOOLS_JSON_H_

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct json {
  FILE *file;
  bool separate;  // the next value follows another
} json;

// |key| NULL: an element of a list, or the whole.
void json_open(json *out, const char *key, char bracket);  // '{' or '['
void json_close(json *out, char bracket);                  // '}' or ']'
void json_text(json *out, const char *key, const char *value);
void json_int(json *out, const char *key, int64_t value);
void json_null(json *out, const char *key);
void json_bool(json *out, const char *key, bool value);

#endif  // TENON_TOOLS_JSON_H_
