// SPDX-License-Identifier: Apache-2.0
//
// pooling.inc: windows over planes for one element type, included by pooling.c with
//   REAL     float or double
//   NAME(x)  x with a suffix
// Both are undefined at the end. A row of results is made a strip at a time, tap by tap: within a
// tap the loop over the strip has no branches, so it becomes vector code. Taps outside of the plane
// are cut off by the range of results that they reach.

// Results [*begin, *end) of a strip that starts at |first|, whose tap at |offset| lies inside.
static void NAME(reach)(const pool *p, int64_t offset, int64_t first, int64_t count, int64_t *begin,
                        int64_t *end) {
  const int64_t stride = p->stride[1], width = p->in[1];
  const int64_t start = first * stride + offset;  // the column that the strip's first result reads
  const int64_t before = start < 0 ? (-start + stride - 1) / stride : 0;
  const int64_t inside = start >= width ? 0 : (width - 1 - start) / stride + 1;
  *begin = before < count ? before : count;
  *end = inside < count ? inside : count;
  if (*end < *begin) *end = *begin;
}

// ---- max ---------------------------------------------------------------------------------------

// The largest of each window and where it is: the first of equals, the last not-a-number.
static void NAME(max_strip)(const pool *p, const REAL *plane, int64_t row, int64_t first,
                            int64_t count, REAL *result, int64_t *indices) {
  REAL top[STRIP];
  int32_t place[STRIP];
  const int64_t y0 = row * p->stride[0] - p->padding[0];
  for (int64_t j = 0; j < count; j++) {
    top[j] = -(REAL)INFINITY;
    place[j] = -1;
  }
  for (int64_t u = 0; u < p->kernel[0]; u++) {
    const int64_t y = y0 + u * p->dilation[0];
    if (y < 0 || y >= p->in[0]) continue;
    for (int64_t v = 0; v < p->kernel[1]; v++) {
      const int64_t offset = v * p->dilation[1] - p->padding[1];
      int64_t begin, end;
      NAME(reach)(p, offset, first, count, &begin, &end);
      const int64_t stride = p->stride[1], start = first * stride + offset;
      const REAL *from = plane + y * p->in[1];
      const int32_t row_place = (int32_t)(y * p->in[1]);
      for (int64_t j = begin; j < end; j++) {
        const int32_t column = (int32_t)(start + j * stride);
        const REAL value = from[column];
        const bool taken = (value > top[j]) | (value != value) | (place[j] < 0);
        top[j] = taken ? value : top[j];
        place[j] = taken ? row_place + column : place[j];
      }
    }
  }
  for (int64_t j = 0; j < count; j++) {
    result[j] = top[j];
    indices[j] = place[j];
  }
}

// Rows [begin, end) of all planes of the result.
static void NAME(max_rows)(void *closure, int64_t begin, int64_t end) {
  const pool *p = closure;
  for (int64_t row = begin; row < end; row++) {
    const REAL *plane = (const REAL *)p->input + row / p->out[0] * p->in[0] * p->in[1];
    for (int64_t first = 0; first < p->out[1]; first += STRIP) {
      const int64_t count = p->out[1] - first < STRIP ? p->out[1] - first : STRIP;
      const int64_t at = row * p->out[1] + first;
      NAME(max_strip)
      (p, plane, row % p->out[0], first, count, (REAL *)p->result + at, p->indices + at);
    }
  }
}

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

static void NAME(average_strip)(const pool *p, const REAL *plane, int64_t row, int64_t first,
                                int64_t count, REAL *result) {
  REAL sum[STRIP];
  const int64_t y0 = row * p->stride[0] - p->padding[0];
  for (int64_t j = 0; j < count; j++) sum[j] = 0;
  for (int64_t u = 0; u < p->kernel[0]; u++) {
    const int64_t y = y0 + u;
    if (y < 0 || y >= p->in[0]) continue;
    for (int64_t v = 0; v < p->kernel[1]; v++) {
      const int64_t offset = v - p->padding[1];
      int64_t begin, end;
      NAME(reach)(p, offset, first, count, &begin, &end);
      const int64_t stride = p->stride[1];
      const REAL *from = plane + y * p->in[1];
      for (int64_t j = begin; j < end; j++) sum[j] += from[(first + j) * stride + offset];
    }
  }
  for (int64_t j = 0; j < count; j++) {
    const int64_t divisor = divisor_at(p, row, first + j);
    result[j] = divisor == 0 ? 0 : sum[j] / (REAL)divisor;
  }
}

static void NAME(average_rows)(void *closure, int64_t begin, int64_t end) {
  const pool *p = closure;
  for (int64_t row = begin; row < end; row++) {
    const REAL *plane = (const REAL *)p->input + row / p->out[0] * p->in[0] * p->in[1];
    for (int64_t first = 0; first < p->out[1]; first += STRIP) {
      const int64_t count = p->out[1] - first < STRIP ? p->out[1] - first : STRIP;
      NAME(average_strip)
      (p, plane, row % p->out[0], first, count, (REAL *)p->result + row * p->out[1] + first);
    }
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
      for (int64_t x = 0; x < p->out[1]; x++) {
        const int64_t divisor = divisor_at(p, y, x);
        if (divisor == 0) continue;
        const REAL share = grad[y * p->out[1] + x] / (REAL)divisor;
        const extent rows = extent_at(p, 0, y), cols = extent_at(p, 1, x);
        for (int64_t i = rows.begin; i < rows.end; i++) {
          for (int64_t j = cols.begin; j < cols.end; j++) to[i * p->in[1] + j] += share;
        }
      }
    }
  }
}

#undef REAL
#undef NAME
