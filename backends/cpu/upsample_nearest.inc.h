// SPDX-License-Identifier: Apache-2.0
//
// upsample_nearest.inc: the nearest elements for one size of element, included by upsample.c with
//   T        an unsigned integer of that size
//   NAME(x)  x with a suffix
// Both are undefined at the end.

// Rows of results [begin, end).
static void NAME(nearest_rows)(void *closure, int64_t begin, int64_t end) {
  const resize *r = closure;
  for (int64_t row = begin; row < end; row++) {
    const int64_t line = row / r->out[0] * r->in[0] + r->taps[0][row % r->out[0]].first;
    const T *from = (const T *)r->input + line * r->in[1];
    T *to = (T *)r->result + row * r->out[1];
    for (int64_t x = 0; x < r->out[1]; x++) to[x] = from[r->taps[1][x].first];
  }
}

#undef T
#undef NAME
