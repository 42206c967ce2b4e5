// SPDX-License-Identifier: Apache-2.0
//
// grid_sample.inc: sampling and its gradients for one element type, included by grid_sample.c with
//   REAL     float or double
//   NAME(x)  x with a suffix
// Both are undefined at the end. Places are computed in double.

// Rows of results [begin, end): all of (image, y). Every channel is read at the same taps.
static void NAME(sample_rows)(void *closure, int64_t begin, int64_t end) {
  const sampling *s = closure;
  const int64_t in_space = s->in[0] * s->in[1], out_space = s->out[0] * s->out[1];
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / s->out[0], y = row % s->out[0];
    const REAL *planes = (const REAL *)s->input + image * s->channels * in_space;
    REAL *to = (REAL *)s->result + image * s->channels * out_space + y * s->out[1];
    const REAL *grid = (const REAL *)s->grid + row * s->out[1] * 2;
    for (int64_t x = 0; x < s->out[1]; x++) {
      taps t;
      find_taps(s, (double)grid[2 * x], (double)grid[2 * x + 1], &t);
      for (int64_t c = 0; c < s->channels; c++) {
        double sum = 0;
        for (int i = 0; i < t.count; i++) {
          if (t.offsets[i] >= 0) sum += t.weights[i] * (double)planes[c * in_space + t.offsets[i]];
        }
        to[c * out_space + x] = (REAL)sum;
      }
    }
  }
}

// Images [begin, end): their places may overlap anywhere within one.
static void NAME(sample_backward)(void *closure, int64_t begin, int64_t end) {
  const sampling *s = closure;
  const int64_t in_space = s->in[0] * s->in[1], out_space = s->out[0] * s->out[1];
  for (int64_t image = begin; image < end; image++) {
    const int64_t first = image * s->channels * in_space;
    const REAL *planes = (const REAL *)s->input + first;
    const REAL *grad = (const REAL *)s->grad + image * s->channels * out_space;
    const REAL *grid = (const REAL *)s->grid + image * out_space * 2;
    REAL *grad_input = s->grad_input == NULL ? NULL : (REAL *)s->grad_input + first;
    REAL *grad_grid = s->grad_grid == NULL ? NULL : (REAL *)s->grad_grid + image * out_space * 2;
    if (grad_input) memset(grad_input, 0, (size_t)(s->channels * in_space) * sizeof(REAL));
    for (int64_t p = 0; p < out_space; p++) {
      taps t;
      double across = 0, down = 0;
      find_taps(s, (double)grid[2 * p], (double)grid[2 * p + 1], &t);
      for (int i = 0; i < t.count; i++) {
        if (t.offsets[i] < 0) continue;
        for (int64_t c = 0; c < s->channels; c++) {
          const REAL g = grad[c * out_space + p];
          const int64_t at = c * in_space + t.offsets[i];
          if (grad_input) grad_input[at] += (REAL)t.weights[i] * g;
          across += t.slopes_x[i] * (double)planes[at] * (double)g;
          down += t.slopes_y[i] * (double)planes[at] * (double)g;
        }
      }
      if (grad_grid) grad_grid[2 * p] = (REAL)across;
      if (grad_grid) grad_grid[2 * p + 1] = (REAL)down;
    }
  }
}

#undef REAL
#undef NAME
