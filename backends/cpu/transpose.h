// SPDX-License-Identifier: Apache-2.0
//
// transpose: a tile of a transposed operand, brought into rows. Read along its own rows every cache
// line is used once and whole, whatever the strides; read across them, lines would be fetched again
// for each element and, at strides that are powers of two, evict each other.

#ifndef TENON_CPU_TRANSPOSE_H_
#define TENON_CPU_TRANSPOSE_H_

#include <stdint.h>

// to[row * pitch + column * size] = from[row * size + column * stride], elements of |size| bytes;
// |pitch| and |stride| in bytes.
void cpu_transpose_tile(char *to, int64_t pitch, const char *from, int64_t stride, int64_t rows,
                        int64_t columns, int32_t size);

#endif  // TENON_CPU_TRANSPOSE_H_
