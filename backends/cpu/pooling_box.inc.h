// SPDX-License-Identifier: Apache-2.0
//
// pooling_box.inc: means of boxes and their gradients for one element type, included by
// pooling_box.c with
//   REAL     float or double
//   NAME(x)  x with a suffix
// Both are undefined at the end. A box's rows are summed in lanes, and the rows in double.

enum { NAME(LANES) = 16 };

static double NAME(line_sum)(const REAL *x, int64_t n) {
  REAL lanes[NAME(LANES)] = {0};
  double total = 0;
  int64_t i = 0;
  for (; i + NAME(LANES) <= n; i += NAME(LANES)) {
    for (int lane = 0; lane < NAME(LANES); lane++) lanes[lane] += x[i + lane];
  }
  if (i > 0) {
    for (int lane = 0; lane < NAME(LANES); lane++) total += (double)lanes[lane];
  }
  for (; i < n; i++) total += (double)x[i];
  return total;
}

// Rows of results [begin, end): all of (plane, z, y).
static void NAME(mean_rows)(void *closure, int64_t begin, int64_t end) {
  const boxes *b = closure;
  for (int64_t row = begin; row < end; row++) {
    const int64_t y = row % b->out[1], z = row / b->out[1] % b->out[0];
    const REAL *volume = (const REAL *)b->input + row / b->out[1] / b->out[0] * b->in_space;
    const span deep = b->spans[0][z], down = b->spans[1][y];
    REAL *result = (REAL *)b->result + row * b->out[2];
    for (int64_t x = 0; x < b->out[2]; x++) {
      const span across = b->spans[2][x];
      const int64_t divisor = divisor_of(b, deep, down, across);
      double sum = 0;
      for (int64_t u = 0; divisor != 0 && u < deep.count; u++) {
        const REAL *plane = volume + (deep.start + u) * b->in[1] * b->in[2] + across.start;
        if (across.count == b->in[2]) {  // whole lines lie in one piece
          sum += NAME(line_sum)(plane + down.start * b->in[2], down.count * b->in[2]);
          continue;
        }
        for (int64_t v = 0; v < down.count; v++) {
          sum += NAME(line_sum)(plane + (down.start + v) * b->in[2], across.count);
        }
      }
      result[x] = divisor == 0 ? 0 : (REAL)(sum / (double)divisor);
    }
  }
}

static void NAME(spread)(const boxes *b, REAL *volume, span deep, span down, span across,
                         REAL share) {
  for (int64_t u = 0; u < deep.count; u++) {
    REAL *plane = volume + (deep.start + u) * b->in[1] * b->in[2] + across.start;
    for (int64_t v = 0; v < down.count; v++) {
      REAL *line = plane + (down.start + v) * b->in[2];
      for (int64_t i = 0; i < across.count; i++) line[i] += share;
    }
  }
}

// Volumes [begin, end) of the gradient of the input.
static void NAME(mean_backward)(void *closure, int64_t begin, int64_t end) {
  const boxes *b = closure;
  for (int64_t index = begin; index < end; index++) {
    REAL *volume = (REAL *)b->result + index * b->in_space;
    const REAL *grad = (const REAL *)b->input + index * b->out_space;
    memset(volume, 0, (size_t)b->in_space * sizeof(REAL));
    for (int64_t p = 0; p < b->out_space; p++) {
      const span across = b->spans[2][p % b->out[2]];
      const span down = b->spans[1][p / b->out[2] % b->out[1]];
      const span deep = b->spans[0][p / b->out[2] / b->out[1]];
      const int64_t divisor = divisor_of(b, deep, down, across);
      if (divisor == 0) continue;
      NAME(spread)(b, volume, deep, down, across, grad[p] / (REAL)divisor);
    }
  }
}

// Volumes [begin, end) of the gradient of maxima.
static void NAME(max_backward)(void *closure, int64_t begin, int64_t end) {
  const boxes *b = closure;
  for (int64_t index = begin; index < end; index++) {
    REAL *volume = (REAL *)b->result + index * b->in_space;
    const REAL *grad = (const REAL *)b->input + index * b->out_space;
    const int64_t *places = b->checked_indices + index * b->out_space;
    memset(volume, 0, (size_t)b->in_space * sizeof(REAL));
    for (int64_t p = 0; p < b->out_space; p++) volume[places[p]] += grad[p];
  }
}

#undef REAL
#undef NAME
