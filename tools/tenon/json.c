// SPDX-License-Identifier: Apache-2.0
//
// json: see json.h.

#include "json.h"

// The bytes of the UTF-8 character at |at|; 0 where there is none: neither cut short, longer than
// need be, a surrogate nor past the last code point.
static int character_length(const unsigned char *at) {
  if (at[0] < 0x80) return 1;
  int length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
  if (at[0] < 0xc2 || at[0] > 0xf4) return 0;
  for (int i = 1; i < length; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  bool longer = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
  bool surrogate = at[0] == 0xed && at[1] >= 0xa0;
  bool past = at[0] == 0xf4 && at[1] >= 0x90;
  return longer || surrogate || past ? 0 : length;
}

// Whatever the bytes are, what is written is JSON: a byte that is no UTF-8 becomes U+FFFD.
static void quoted(FILE *file, const char *text) {
  fputc('"', file);
  for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
    int length = character_length(at);
    if (*at == '"' || *at == '\\') {
      fprintf(file, "\\%c", *at);
    } else if (*at < 0x20 || *at == 0x7f) {
      fprintf(file, "\\u%04x", *at);
    } else if (length == 0) {
      fputs("\\ufffd", file);
    } else {
      fwrite(at, 1, (size_t)length, file);
    }
    at += length > 0 ? length : 1;
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
