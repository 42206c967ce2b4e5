// SPDX-License-Identifier: Apache-2.0
//
// pooling.inc: means of windows, and the gradients of means and maxima, for one element type,
// included by pooling.c with
//   REAL     float or double
//   NAME(x)  x with a suffix
// Both are undefined at the end. What of a window lies inside of the plane is known beforehand for
// every column and row of results, so the loops over windows check nothing.

// ---- max ---------------------------------------------------------------------------------------

// Planes [begin, end) of the gradient of the input.
static void NAME(max_backward_planes)(void *closure, int64_t begin, int64_t end) {
  const pool *p = closure;
  const int64_t in_space = p->in[0] * p->in[1], out_space = p->out[0] * p->out[1];
  for (int64_t plane = begin; plane < end; plane++) {
    REAL *to = (REAL *)p->result + plane * in_space;
    const REAL *grad = (const REAL *)p->input + plane * out_space;
    const int64_t *indices = p->checked_indices + plane * out_space;
    memset(to, 0, (size_t)in_space * sizeof(REAL));
    for (int64_t i = 0; i < out_space; i++) to[indices[i]] += grad[i];
  }
}

// ---- average -----------------------------------------------------------------------------------

static void NAME(average_row)(const pool *p, const REAL *plane, int64_t row, REAL *result) {
  const taps down = taps_at(p, 0, row);
  for (int64_t x = 0; x < p->out[1]; x++) {
    const taps across = p->columns[x];
    const int64_t divisor = divisor_of(p, down, across);
    const REAL *from = plane + (divisor == 0 ? 0 : down.start * p->in[1] + across.start);
    REAL sum = 0;
    for (int64_t u = 0; u < down.count; u++) {
      for (int64_t v = 0; v < across.count; v++) sum += from[u * p->in[1] + v];
    }
    result[x] = divisor == 0 ? 0 : sum / (REAL)divisor;
  }
}

static void NAME(average_rows)(void *closure, int64_t begin, int64_t end) {
  const pool *p = closure;
  for (int64_t row = begin; row < end; row++) {
    const REAL *plane = (const REAL *)p->input + row / p->out[0] * p->in[0] * p->in[1];
    NAME(average_row)(p, plane, row % p->out[0], (REAL *)p->result + row * p->out[1]);
  }
}

static void NAME(average_backward_planes)(void *closure, int64_t begin, int64_t end) {
  const pool *p = closure;
  const int64_t in_space = p->in[0] * p->in[1];
  for (int64_t plane = begin; plane < end; plane++) {
    REAL *to = (REAL *)p->result + plane * in_space;
    const REAL *grad = (const REAL *)p->input + plane * p->out[0] * p->out[1];
    memset(to, 0, (size_t)in_space * sizeof(REAL));
    for (int64_t y = 0; y < p->out[0]; y++) {
      const taps down = taps_at(p, 0, y);
      for (int64_t x = 0; x < p->out[1]; x++) {
        const taps across = p->columns[x];
        const int64_t divisor = divisor_of(p, down, across);
        if (divisor == 0) continue;
        const REAL share = grad[y * p->out[1] + x] / (REAL)divisor;
        REAL *window = to + down.start * p->in[1] + across.start;
        for (int64_t u = 0; u < down.count; u++) {
          for (int64_t v = 0; v < across.count; v++) window[u * p->in[1] + v] += share;
        }
      }
    }
  }
}

#undef REAL
#undef NAME
