// SPDX-License-Identifier: Apache-2.0
//
// transpose: the tiles of transpose.inc.h for each element size.

#include "transpose.h"

#include "pointwise.h"

enum { AHEAD = 8, LINE_BYTES = 64 };

// Asks for four columns of |bytes|, which may lie past the end of the data.
static inline void prefetch_columns(uintptr_t first, int64_t stride, int64_t bytes) {
  for (int column = 0; column < 4; column++) {
    const uintptr_t start = first + (uintptr_t)(column * stride);
    for (int64_t line = 0; line < bytes; line += LINE_BYTES) {
      __builtin_prefetch((const void *)(start + (uintptr_t)line));
    }
  }
}

#define S 1
#define T uint8_t
#include "transpose.inc.h"

#define S 2
#define T uint16_t
#include "transpose.inc.h"

#define S 4
#define T uint32_t
#include "transpose.inc.h"

#define S 8
#define T uint64_t
#include "transpose.inc.h"

#define S 16
#define T tn_complex128
#include "transpose.inc.h"

void cpu_transpose_tile(char *to, int64_t pitch, const char *from, int64_t stride, int64_t rows,
                        int64_t columns, int32_t size) {
  switch (size) {
    case 1:
      transpose_1(to, pitch, from, stride, rows, columns);
      break;
    case 2:
      transpose_2(to, pitch, from, stride, rows, columns);
      break;
    case 4:
      transpose_4(to, pitch, from, stride, rows, columns);
      break;
    case 8:
      transpose_8(to, pitch, from, stride, rows, columns);
      break;
    default:
      transpose_16(to, pitch, from, stride, rows, columns);
      break;
  }
}
