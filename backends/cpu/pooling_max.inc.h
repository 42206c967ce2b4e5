// SPDX-License-Identifier: Apache-2.0
//
// pooling_max.inc: the largest element of each window and where it is, for one element type,
// included by pooling.c with
//   T        the type
//   NAME(x)  x with a suffix
//   LOWEST   what a window without elements gives
//   IS_NAN   whether a value is not a number
// All are undefined at the end. What of a window lies inside of the plane is known beforehand for
// every column and row of results, so the loops over windows check nothing; the common sizes are
// unrolled, and keep their maximum by selection, as branches on data would be guessed wrong.

// The largest of |rows| x |cols| elements from |place| on and where it is: the first of equals, the
// last not-a-number. |rows| and |cols| may be constants once inlined.
static inline __attribute__((always_inline)) int64_t NAME(window_max)(
    const T *plane, int64_t place, const int64_t rows, const int64_t cols, int64_t row_step,
    int64_t col_step, T *largest) {
  T top = plane[place];
  int64_t top_place = place;
  for (int64_t u = 0; u < rows; u++) {
    for (int64_t v = 0; v < cols; v++) {
      const int64_t here = place + u * row_step + v * col_step;
      const T value = plane[here];
      const int64_t taken = -(int64_t)((value > top) | IS_NAN(value));  // all bits or none
      top_place ^= (top_place ^ here) & taken;
      top = plane[top_place];
    }
  }
  *largest = top;
  return top_place;
}

static void NAME(max_row)(const pool *p, const T *plane, int64_t row, T *result, int64_t *indices) {
  const taps down = taps_at(p, 0, row);
  const int64_t row_step = p->dilation[0] * p->in[1], col_step = p->dilation[1];
  for (int64_t x = 0; x < p->out[1]; x++) {
    const taps across = p->columns[x];
    const int64_t place = down.start * p->in[1] + across.start;
    if (down.count == 2 && across.count == 2) {
      indices[x] = NAME(window_max)(plane, place, 2, 2, row_step, col_step, &result[x]);
    } else if (down.count == 3 && across.count == 3) {
      indices[x] = NAME(window_max)(plane, place, 3, 3, row_step, col_step, &result[x]);
    } else if (down.count > 0 && across.count > 0) {
      indices[x] =
          NAME(window_max)(plane, place, down.count, across.count, row_step, col_step, &result[x]);
    } else {
      result[x] = LOWEST;
      indices[x] = 0;
    }
  }
}

// Rows [begin, end) of all planes of the result.
static void NAME(max_rows)(void *closure, int64_t begin, int64_t end) {
  const pool *p = closure;
  for (int64_t row = begin; row < end; row++) {
    const T *plane = (const T *)p->input + row / p->out[0] * p->in[0] * p->in[1];
    const int64_t at = row * p->out[1];
    NAME(max_row)(p, plane, row % p->out[0], (T *)p->result + at, p->indices + at);
  }
}

#undef T
#undef NAME
#undef LOWEST
#undef IS_NAN
