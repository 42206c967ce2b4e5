// SPDX-License-Identifier: Apache-2.0
//
// at_text: the grammar of tn_at: items separated by commas, as NumPy writes them between brackets.
// Parsing looks at the text alone; what fits a tensor is for at.c to say.

#ifndef TENON_CORE_AT_TEXT_H_
#define TENON_CORE_AT_TEXT_H_

#include <tenon/base.h>
#include <tenon/error.h>

enum { TN__AT_MOST_ITEMS = 2 * 32 };

typedef enum tn__at_kind {
  TN__AT_NUMBER,
  TN__AT_SLICE,
  TN__AT_NEW_DIM,
  TN__AT_REST,    // ...
  TN__AT_TENSOR,  // ?
} tn__at_kind;

typedef struct tn__at_item {
  tn__at_kind kind;
  int32_t column;          // where it stands, from 1
  int64_t number;          // NUMBER
  tn_opt_int start, stop;  // SLICE
  int64_t step;            // not 0
} tn__at_item;

// Reads |text| into |items|, which has room for TN__AT_MOST_ITEMS. |call| names the function in
// errors. errors: INVALID_ARGUMENT
tn_status tn__at_parse(const char *call, const char *text, tn__at_item *items, int32_t *count);

// Records what is wrong at |column| of |text|.
tn_status tn__at_error(const char *call, const char *text, int32_t column, tn_status status,
                       const char *what);

#endif  // TENON_CORE_AT_TEXT_H_
