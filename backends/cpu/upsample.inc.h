// SPDX-License-Identifier: Apache-2.0
//
// upsample.inc: the loops of upsample.c that compute, for one element type, included with
//   REAL     float or double
//   NAME(x)  x with a suffix
// Both are undefined at the end.

// Rows of results [begin, end).
static void NAME(bilinear_rows)(void *closure, int64_t begin, int64_t end) {
  const resize *r = closure;
  for (int64_t row = begin; row < end; row++) {
    const tap down = r->taps[0][row % r->out[0]];
    const REAL *plane = (const REAL *)r->input + row / r->out[0] * r->in[0] * r->in[1];
    const REAL *top = plane + down.first * r->in[1], *bottom = plane + down.second * r->in[1];
    const REAL v = (REAL)down.weight, u = (REAL)(1 - down.weight);
    REAL *to = (REAL *)r->result + row * r->out[1];
    for (int64_t x = 0; x < r->out[1]; x++) {
      const tap across = r->taps[1][x];
      const REAL b = (REAL)across.weight, a = (REAL)(1 - across.weight);
      to[x] = u * (a * top[across.first] + b * top[across.second]) +
              v * (a * bottom[across.first] + b * bottom[across.second]);
    }
  }
}

// Planes [begin, end) of the gradient of the input.
static void NAME(bilinear_backward)(void *closure, int64_t begin, int64_t end) {
  const resize *r = closure;
  const int64_t in_space = r->in[0] * r->in[1], out_space = r->out[0] * r->out[1];
  for (int64_t plane = begin; plane < end; plane++) {
    REAL *to = (REAL *)r->result + plane * in_space;
    memset(to, 0, (size_t)in_space * sizeof(REAL));
    for (int64_t y = 0; y < r->out[0]; y++) {
      const tap down = r->taps[0][y];
      const REAL *grad = (const REAL *)r->input + plane * out_space + y * r->out[1];
      REAL *top = to + down.first * r->in[1], *bottom = to + down.second * r->in[1];
      const REAL v = (REAL)down.weight, u = (REAL)(1 - down.weight);
      for (int64_t x = 0; x < r->out[1]; x++) {
        const tap across = r->taps[1][x];
        const REAL b = (REAL)across.weight, a = (REAL)(1 - across.weight);
        top[across.first] += u * a * grad[x];
        top[across.second] += u * b * grad[x];
        bottom[across.first] += v * a * grad[x];
        bottom[across.second] += v * b * grad[x];
      }
    }
  }
}

static void NAME(nearest_backward)(void *closure, int64_t begin, int64_t end) {
  const resize *r = closure;
  const int64_t in_space = r->in[0] * r->in[1], out_space = r->out[0] * r->out[1];
  for (int64_t plane = begin; plane < end; plane++) {
    REAL *to = (REAL *)r->result + plane * in_space;
    memset(to, 0, (size_t)in_space * sizeof(REAL));
    for (int64_t y = 0; y < r->out[0]; y++) {
      const REAL *grad = (const REAL *)r->input + plane * out_space + y * r->out[1];
      REAL *line = to + r->taps[0][y].first * r->in[1];
      for (int64_t x = 0; x < r->out[1]; x++) line[r->taps[1][x].first] += grad[x];
    }
  }
}

#undef REAL
#undef NAME
