// SPDX-License-Identifier: Apache-2.0
//
// expectations: failures that are known. Each line names operators, a dtype and a reason. A listed
// row that fails is no failure of the run; one that passes is, so that the list never says more
// than is true. A row that nobody claims stays unsupported.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

static const char *skip_blanks(const char *at) { return at + strspn(at, " \t\r"); }

// Copies the next word of a line to |word|; where the rest begins.
static const char *next_word(const char *at, char *word, size_t size) {
  size_t length = strcspn(at, " \t\r\n");
  snprintf(word, size, "%.*s", (int)length, at);
  return skip_blanks(at + length);
}

// A line that says something: "softmax bfloat16 rounds twice".
static tn_status read_line(tn__expectation *entry, const char *line, int32_t number) {
  char dtype[24];
  const char *rest = next_word(line, entry->glob, sizeof entry->glob);
  rest = next_word(rest, dtype, sizeof dtype);
  size_t length = strcspn(rest, "\r\n");
  if (dtype[0] == '\0' || length == 0) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "expected failures, line %d: an operator, a dtype (or '*') and the reason "
                        "are wanted",
                        number);
  }
  tn_dtype one = strcmp(dtype, "*") == 0 ? TN_DTYPE_NONE : tn_dtype_parse(dtype);
  if (one == TN_DTYPE_NONE && strcmp(dtype, "*") != 0) {
    tn_error_clear();
    return tn_error_set(TN_INVALID_ARGUMENT, "expected failures, line %d: '%s' is no dtype", number,
                        dtype);
  }
  entry->dtypes = one == TN_DTYPE_NONE ? ~UINT64_C(0) : TN_DTYPE_BIT(one);
  snprintf(entry->reason, sizeof entry->reason, "%.*s", (int)length, rest);
  int32_t count;
  const tn_op_spec *const *specs = tn_conformance_specs(&count);
  for (int32_t i = 0; i < count; i++) {
    if (tn_op_matches(entry->glob, specs[i]->op)) return TN_OK;
  }
  return tn_error_set(TN_INVALID_ARGUMENT, "expected failures, line %d: no operator matches '%s'",
                      number, entry->glob);
}

tn_status tn__expectations_read(tn__expectations *list, const char *text) {
  int32_t number = 0;
  while (text != NULL && *text != '\0') {
    const char *line = skip_blanks(text);
    size_t length = strcspn(text, "\n");
    text += length + (text[length] == '\n');
    number++;
    if (*line == '#' || *line == '\n' || *line == '\0') continue;
    size_t size_bytes = sizeof *list->entries * ((size_t)list->count + 1);
    tn__expectation *entries = realloc(list->entries, size_bytes);
    if (entries == NULL) return tn_error_set(TN_OUT_OF_MEMORY, "the expected failures");
    list->entries = entries;
    tn_status status = read_line(&entries[list->count], line, number);
    if (status != TN_OK) return status;
    list->count++;
  }
  return TN_OK;
}

void tn__expectations_apply(const tn__expectations *list, tn__run *run) {
  tn_conformance_row *row = run->row;
  for (int32_t i = 0; i < list->count; i++) {
    const tn__expectation *entry = &list->entries[i];
    if (!tn_dtype_in(row->dtype, entry->dtypes) || !tn_op_matches(entry->glob, row->op)) continue;
    if (row->verdict == TN_VERDICT_FAILED) {
      row->verdict = TN_VERDICT_EXPECTED;
      free(row->note);
      row->note = strdup(entry->reason);
    } else if (row->verdict == TN_VERDICT_PASSED || row->verdict == TN_VERDICT_REFUSED) {
      tn__check(run, false, NULL, NULL, "expected to fail (%s), and passes: take it off the list",
                entry->reason);
    }
    return;
  }
}

void tn__expectations_free(tn__expectations *list) { free(list->entries); }
