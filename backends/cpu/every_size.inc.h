// SPDX-License-Identifier: Apache-2.0
//
// every_size: includes the file named by SIZE_BODY once for each size of an element, for loops that
// move elements without looking at them, with
//   ELEMENT  a type of that size    NAME(x)  x_<bytes>
// SIZE_BODY is undefined at the end.

#include "every_word.inc.h"

#define ELEMENT tn_complex128
#define NAME(x) x##_16
#include SIZE_BODY
#undef ELEMENT
#undef NAME

#undef SIZE_BODY
