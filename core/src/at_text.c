// SPDX-License-Identifier: Apache-2.0
//
// at_text: reads the text of tn_at, one item after the other, from left to right; nothing is ever
// read twice. Every error names the column where reading stopped.

#include "at_text.h"

#include <string.h>

#include "thread.h"

typedef struct reader {
  const char *call, *text;
  const char *at;  // what is read next
} reader;

tn_status tn__at_error(const char *call, const char *text, int32_t column, tn_status status,
                       const char *what) {
  return tn__error(status,
                   &(tn__error_details){call, "text", NULL,
                                        "items are numbers, a:b:step, None, ... and ?, with commas "
                                        "between them"},
                   "%s: column %d of \"%s\": %s", call, (int)column, text, what);
}

static int32_t column_of(const reader *r) { return (int32_t)(r->at - r->text) + 1; }

static tn_status refuse(const reader *r, const char *what) {
  return tn__at_error(r->call, r->text, column_of(r), TN_INVALID_ARGUMENT, what);
}

static char next_char(reader *r) {
  while (*r->at == ' ' || *r->at == '\t') r->at++;
  return *r->at;
}

static bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool take_text(reader *r, const char *word) {
  next_char(r);
  const size_t length = strlen(word);
  if (strncmp(r->at, word, length) != 0) return false;
  if (is_word_char(word[0]) && is_word_char(r->at[length])) return false;
  r->at += length;
  return true;
}

static bool at_number(reader *r) {
  const char c = next_char(r);
  return c == '-' || c == '+' || (c >= '0' && c <= '9');
}

static tn_status take_number(reader *r, int64_t *number) {
  const reader start = *r;
  const bool negative = *r->at == '-';
  if (*r->at == '-' || *r->at == '+') r->at++;
  if (next_char(r) < '0' || *r->at > '9') return refuse(r, "expected a digit");
  *number = 0;
  for (; *r->at >= '0' && *r->at <= '9'; r->at++) {
    const int64_t digit = *r->at - '0';
    if (__builtin_mul_overflow(*number, 10, number) ||
        __builtin_sub_overflow(*number, digit, number)) {
      return refuse(&start, "the number is too large");
    }
  }
  if (is_word_char(*r->at) || *r->at == '.') return refuse(r, "expected an integer");
  if (negative) return TN_OK;  // collected as its negative, which reaches further
  if (*number == INT64_MIN) return refuse(&start, "the number is too large");
  *number = -*number;
  return TN_OK;
}

static tn_status take_bound(reader *r, tn_opt_int *bound) {
  *bound = (tn_opt_int){0, 0};
  if (!at_number(r)) return TN_OK;
  bound->present = 1;
  return take_number(r, &bound->value);
}

// What stands behind the first colon.
static tn_status take_slice(reader *r, tn__at_item *item) {
  tn_status status = take_bound(r, &item->stop);
  item->step = 1;
  if (status != TN_OK || !take_text(r, ":")) return status;
  if (!at_number(r)) return TN_OK;
  const reader start = *r;
  status = take_number(r, &item->step);
  if (status == TN_OK && item->step == 0) return refuse(&start, "a step of 0 goes nowhere");
  return status;
}

static tn_status take_item(reader *r, tn__at_item *item) {
  next_char(r);
  *item = (tn__at_item){.column = column_of(r)};
  if (take_text(r, "...")) {
    item->kind = TN__AT_REST;
    return TN_OK;
  }
  if (take_text(r, "?")) {
    item->kind = TN__AT_TENSOR;
    return TN_OK;
  }
  if (take_text(r, "None") || take_text(r, "newaxis")) {
    item->kind = TN__AT_NEW_DIM;
    return TN_OK;
  }
  const bool number = at_number(r);
  if (!number && *r->at != ':') {
    return refuse(r, "expected a number, a slice, None, ... or ?");
  }
  tn_status status = take_bound(r, &item->start);
  if (status != TN_OK) return status;
  if (take_text(r, ":")) {
    item->kind = TN__AT_SLICE;
    return take_slice(r, item);
  }
  item->kind = TN__AT_NUMBER;
  item->number = item->start.value;
  return TN_OK;
}

tn_status tn__at_parse(const char *call, const char *text, tn__at_item *items, int32_t *count) {
  reader r = {call, text, text};
  bool rest = false;
  for (*count = 0; next_char(&r) != '\0';) {
    if (*count == TN__AT_MOST_ITEMS) return refuse(&r, "there are too many items");
    tn__at_item *item = &items[*count];
    tn_status status = take_item(&r, item);
    if (status != TN_OK) return status;
    if (item->kind == TN__AT_REST && rest) {
      return tn__at_error(call, text, item->column, TN_INVALID_ARGUMENT,
                          "`...` may stand once only");
    }
    rest |= item->kind == TN__AT_REST;
    ++*count;
    if (next_char(&r) == '\0') break;
    if (!take_text(&r, ",")) return refuse(&r, "expected a comma");
  }
  return TN_OK;
}
