// SPDX-License-Identifier: Apache-2.0
//
// row_check: what the rows that one plugin adds must not do, however well formed each one is: serve
// an operator or a device type that the plugin's note does not claim, since whether such a row
// stands in a chain would hang on what else the program has needed before; or serve one (operator,
// dtype, device type) twice at one rank, since nothing says which of the two is meant.

#ifndef TENON_CORE_ROW_CHECK_H_
#define TENON_CORE_ROW_CHECK_H_

#include "backend.h"
#include "op_table.h"

typedef struct tn__seen_row tn__seen_row;

typedef struct tn__row_check {
  tn__seen_row *seen;
  int32_t count, capacity;
  int32_t *last;  // [op id]: the latest row of the operator, from 1; 0: none
} tn__row_check;

// Checks |row| of operator |op| against the note and against the rows before. |device| must live
// as long as |check|. errors: INVALID_ARGUMENT saying which rows, OUT_OF_MEMORY
tn_status tn__row_check_add(tn__row_check *check, const tn__backend *backend, const char *device,
                            const tn_op *op, const tn_kernel_row *row);
void tn__row_check_free(tn__row_check *check);

#endif  // TENON_CORE_ROW_CHECK_H_
