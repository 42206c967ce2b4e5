// SPDX-License-Identifier: Apache-2.0
//
// json: see json.h.

#include "json.h"

static void quoted(FILE *file, const char *text) {
  fputc('"', file);
  for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
    if (*at == '"' || *at == '\\') {
      fprintf(file, "\\%c", *at);
    } else if (*at < 0x20) {
      fprintf(file, "\\u%04x", *at);
    } else {
      fputc(*at, file);
    }
  }
  fputc('"', file);
}

static void start(json *out, const char *key) {
  if (out->separate) fputc(',', out->file);
  out->separate = true;
  if (key == NULL) return;
  quoted(out->file, key);
  fputc(':', out->file);
}

void json_open(json *out, const char *key, char bracket) {
  start(out, key);
  fputc(bracket, out->file);
  out->separate = false;
}

void json_close(json *out, char bracket) {
  fputc(bracket, out->file);
  out->separate = true;
}

void json_text(json *out, const char *key, const char *value) {
  start(out, key);
  quoted(out->file, value);
}

void json_int(json *out, const char *key, int64_t value) {
  start(out, key);
  fprintf(out->file, "%lld", (long long)value);
}

void json_bool(json *out, const char *key, bool value) {
  start(out, key);
  fputs(value ? "true" : "false", out->file);
}

void json_null(json *out, const char *key) {
  start(out, key);
  fputs("null", out->file);
}
