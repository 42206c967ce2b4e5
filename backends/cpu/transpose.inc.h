// SPDX-License-Identifier: Apache-2.0
//
// transpose: the tile for one element size. Included by transpose.c with S, the size, and T, a type
// of that size. Four columns at a time, so that stores to a row are neighbours. A column is too
// short for the processor to foresee the next ones, so these are asked for a few ahead.

static void CPU_PASTE(transpose, S)(char *to, int64_t pitch, const char *from, int64_t stride,
                                    int64_t rows, int64_t columns) {
  int64_t column = 0;
  for (; column + 4 <= columns; column += 4) {
    const char *start = from + column * stride;
    prefetch_columns((uintptr_t)start + (uintptr_t)(AHEAD * stride), stride,
                     rows * (int64_t)sizeof(T));
    const T *a = (const T *)start, *b = (const T *)(start + stride);
    const T *c = (const T *)(start + 2 * stride), *d = (const T *)(start + 3 * stride);
    T *target = (T *)to + column;
    for (int64_t row = 0; row < rows; row++) {
      target[0] = a[row];
      target[1] = b[row];
      target[2] = c[row];
      target[3] = d[row];
      target = (T *)((char *)target + pitch);
    }
  }
  for (; column < columns; column++) {
    const T *a = (const T *)(from + column * stride);
    for (int64_t row = 0; row < rows; row++) ((T *)(to + row * pitch))[column] = a[row];
  }
}

#undef S
#undef T
