// SPDX-License-Identifier: Apache-2.0
//
// every_word: includes the file named by SIZE_BODY once for each size of an element that a machine
// word holds, with
//   ELEMENT  an unsigned integer of that size    NAME(x)  x_<bytes>
// SIZE_BODY is left as it is.

#define ELEMENT uint8_t
#define NAME(x) x##_1
#include SIZE_BODY
#undef ELEMENT
#undef NAME

#define ELEMENT uint16_t
#define NAME(x) x##_2
#include SIZE_BODY
#undef ELEMENT
#undef NAME

#define ELEMENT uint32_t
#define NAME(x) x##_4
#include SIZE_BODY
#undef ELEMENT
#undef NAME

#define ELEMENT uint64_t
#define NAME(x) x##_8
#include SIZE_BODY
#undef ELEMENT
#undef NAME
