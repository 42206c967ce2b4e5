// SPDX-License-Identifier: Apache-2.0
//
// print_impl: what passes between print.c, which decides what is shown and reads it,
// print_format.c, which lays the numbers out, and grad_fn_name.c.

#ifndef TENON_CORE_PRINT_IMPL_H_
#define TENON_CORE_PRINT_IMPL_H_

#include <tenon/tensor.h>

#include "text.h"

// The elements that the text shows. In a dim that is longer than twice the edge, and where the
// tensor as a whole is over the threshold, only that many at both ends are here.
typedef struct tn__shown {
  tn_dtype dtype;
  int32_t rank;
  int64_t kept[TN_MAX_DIMS];  // elements here, in each dim
  bool has_gap[TN_MAX_DIMS];  // whether "..." stands in the middle of it
  int64_t count;              // the product of |kept|
  tn_scalar *elements;        // [count], row-major
  tn_print_options options;   // every field resolved
} tn__shown;

// Appends the nested brackets of |shown|, which has at least one element, beginning in column
// |indent|.
void tn__format_elements(tn__text *text, const tn__shown *shown, int64_t indent);

// Appends the name that PyTorch gives to the node of operator |op| ("add.Tensor" is
// "AddBackward0"). |rank| is that of its result.
void tn__format_grad_fn(tn__text *text, const char *op, int32_t rank);

#endif  // TENON_CORE_PRINT_IMPL_H_
