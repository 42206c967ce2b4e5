// SPDX-License-Identifier: Apache-2.0
//
// bytes: the loops of bytes.inc.h for each element size.

#include "bytes.h"

#define S 1
#define T uint8_t
#include "bytes.inc.h"

#define S 2
#define T uint16_t
#include "bytes.inc.h"

#define S 4
#define T uint32_t
#include "bytes.inc.h"

#define S 8
#define T uint64_t
#include "bytes.inc.h"

#define S 16
#define T tn_complex128
#include "bytes.inc.h"

static cpu_loop loop_of_size(const cpu_loop loops[5], int32_t element_size) {
  switch (element_size) {
    case 1:
      return loops[0];
    case 2:
      return loops[1];
    case 4:
      return loops[2];
    case 8:
      return loops[3];
    default:
      return loops[4];
  }
}

cpu_loop cpu_copy_loop(int32_t element_size) {
  static const cpu_loop loops[] = {copy_1, copy_2, copy_4, copy_8, copy_16};
  return loop_of_size(loops, element_size);
}

cpu_loop cpu_where_loop(int32_t element_size) {
  static const cpu_loop loops[] = {where_1, where_2, where_4, where_8, where_16};
  return loop_of_size(loops, element_size);
}

cpu_loop cpu_fill_loop(int32_t element_size) {
  static const cpu_loop loops[] = {fill_1, fill_2, fill_4, fill_8, fill_16};
  return loop_of_size(loops, element_size);
}
