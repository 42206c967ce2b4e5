// SPDX-License-Identifier: Apache-2.0
//
// pooling_box_max.inc: the largest element of each box and where it is, for one element type,
// included by pooling_box.c with
//   T        the type
//   NAME(x)  x with a suffix
// which are undefined at the end, and with IS_NAN(x), which is for the includer to change. The
// first of equals is taken, and the last not-a-number.

static int64_t NAME(box_max)(const boxes *b, const T *volume, span deep, span down, span across) {
  const int64_t line = b->in[2], plane = b->in[1] * line;
  int64_t best = deep.start * plane + down.start * line + across.start;
  T top = volume[best];
  for (int64_t u = 0; u < deep.count; u++) {
    for (int64_t v = 0; v < down.count; v++) {
      const int64_t first = (deep.start + u * b->dilation[0]) * plane +
                            (down.start + v * b->dilation[1]) * line + across.start;
      for (int64_t w = 0; w < across.count; w++) {
        const int64_t here = first + w * b->dilation[2];
        const T value = volume[here];
        if (value > top || IS_NAN(value)) {
          top = value;
          best = here;
        }
      }
    }
  }
  return best;
}

// Rows of results [begin, end): all of (volume, z, y).
static void NAME(max_rows)(void *closure, int64_t begin, int64_t end) {
  const boxes *b = closure;
  for (int64_t row = begin; row < end; row++) {
    const int64_t y = row % b->out[1], z = row / b->out[1] % b->out[0];
    const T *volume = (const T *)b->input + row / b->out[1] / b->out[0] * b->in_space;
    T *result = (T *)b->result + row * b->out[2];
    int64_t *indices = b->indices + row * b->out[2];
    for (int64_t x = 0; x < b->out[2]; x++) {
      indices[x] = NAME(box_max)(b, volume, b->spans[0][z], b->spans[1][y], b->spans[2][x]);
      result[x] = volume[indices[x]];
    }
  }
}

#undef T
#undef NAME
