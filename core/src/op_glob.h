// SPDX-License-Identifier: Apache-2.0
//
// op_glob: patterns of operators' names, as plugins claim them and users write them. A pattern
// without a dot is about the operator and means all of its overloads ("add" and "a*" both match
// "add.Tensor"); one with a dot is about the whole name ("add.Tensor", "*.Scalar"). `*` is any
// text, `?` one character.

#ifndef TENON_CORE_OP_GLOB_H_
#define TENON_CORE_OP_GLOB_H_

#include <stdbool.h>
#include <stddef.h>

bool tn__op_glob_matches(const char *glob, size_t glob_length, const char *op);

// Whether one of the comma-separated |globs| matches; "" matches nothing.
bool tn__op_globs_match(const char *globs, const char *op);

// The operator's name that is nearest to |name|, with its overload only where |name| has one; ""
// where none is near. Written into |buffer|, which it returns.
const char *tn__op_near_match(const char *name, char *buffer, size_t buffer_size);

#endif  // TENON_CORE_OP_GLOB_H_
