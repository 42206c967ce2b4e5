// SPDX-License-Identifier: Apache-2.0
//
// softmax.inc: the loops of softmax.h for one element type, included by softmax.simd.c with
//   REAL, EXP(x), LOG(x)   the type and its functions
//   NAME(x)                x with a suffix for type and instruction set
// Sums along a contiguous slice are kept in LANES partial sums, which a compiler turns into a
// vector; interleaved slices are done STRIP at a time, a vector across slices.

enum { NAME(LANES) = 16, NAME(STRIP) = 64 };
#define LANES NAME(LANES)
#define STRIP NAME(STRIP)

// ---- contiguous slices -------------------------------------------------------------------------

static REAL NAME(add_lanes)(const REAL *lanes) {
  REAL total = 0;
  for (int lane = 0; lane < LANES; lane++) total += lanes[lane];
  return total;
}

static REAL NAME(slice_max)(const REAL *x, int64_t n) {
  REAL lanes[LANES];
  for (int lane = 0; lane < LANES; lane++) lanes[lane] = x[0];
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    }
  }
  REAL top = lanes[0];
  for (int lane = 1; lane < LANES; lane++) top = lanes[lane] > top ? lanes[lane] : top;
  for (; i < n; i++) top = x[i] > top ? x[i] : top;
  return top;
}

// The sum of exp(x - top), whose terms also go to |y| where that is not NULL.
static REAL NAME(slice_exp)(const REAL *x, REAL *y, int64_t n, REAL top) {
  REAL lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    REAL terms[LANES];
    for (int lane = 0; lane < LANES; lane++) terms[lane] = EXP(x[i + lane] - top);
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += terms[lane];
    if (y) memcpy(y + i, terms, sizeof terms);
  }
  REAL total = NAME(add_lanes)(lanes);
  for (; i < n; i++) {
    const REAL term = EXP(x[i] - top);
    total += term;
    if (y) y[i] = term;
  }
  return total;
}

static REAL NAME(slice_dot)(const REAL *a, const REAL *b, int64_t n) {
  REAL lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += a[i + lane] * b[i + lane];
  }
  REAL total = NAME(add_lanes)(lanes);
  for (; i < n; i++) total += a[i] * b[i];
  return total;
}

static REAL NAME(slice_sum)(const REAL *a, int64_t n) {
  REAL lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += a[i + lane];
  }
  REAL total = NAME(add_lanes)(lanes);
  for (; i < n; i++) total += a[i];
  return total;
}

// ---- interleaved slices ------------------------------------------------------------------------

// Strip-wide columns of a group of interleaved slices, |inner| apart.
typedef struct NAME(strip) {
  REAL *result;
  const REAL *first, *second;
  int64_t n, inner;
  int width;
} NAME(strip);

static void NAME(strip_max)(const NAME(strip) * s, REAL *top) {
  for (int j = 0; j < s->width; j++) top[j] = s->first[j];
  for (int64_t i = 1; i < s->n; i++) {
    const REAL *x = s->first + i * s->inner;
    for (int j = 0; j < s->width; j++) top[j] = x[j] > top[j] ? x[j] : top[j];
  }
}

static void NAME(strip_softmax)(const NAME(strip) * s) {
  REAL top[STRIP], total[STRIP] = {0};
  NAME(strip_max)(s, top);
  for (int64_t i = 0; i < s->n; i++) {
    const REAL *x = s->first + i * s->inner;
    REAL *y = s->result + i * s->inner;
    for (int j = 0; j < s->width; j++) {
      const REAL term = EXP(x[j] - top[j]);
      total[j] += term;
      y[j] = term;
    }
  }
  for (int64_t i = 0; i < s->n; i++) {
    REAL *y = s->result + i * s->inner;
    for (int j = 0; j < s->width; j++) y[j] /= total[j];
  }
}

static void NAME(strip_log_softmax)(const NAME(strip) * s) {
  REAL top[STRIP], total[STRIP] = {0};
  NAME(strip_max)(s, top);
  for (int64_t i = 0; i < s->n; i++) {
    const REAL *x = s->first + i * s->inner;
    for (int j = 0; j < s->width; j++) total[j] += EXP(x[j] - top[j]);
  }
  for (int j = 0; j < s->width; j++) total[j] = LOG(total[j]);
  for (int64_t i = 0; i < s->n; i++) {
    const REAL *x = s->first + i * s->inner;
    REAL *y = s->result + i * s->inner;
    for (int j = 0; j < s->width; j++) y[j] = (x[j] - top[j]) - total[j];
  }
}

static void NAME(strip_softmax_backward)(const NAME(strip) * s) {
  REAL total[STRIP] = {0};
  for (int64_t i = 0; i < s->n; i++) {
    const REAL *grad = s->first + i * s->inner, *y = s->second + i * s->inner;
    for (int j = 0; j < s->width; j++) total[j] += grad[j] * y[j];
  }
  for (int64_t i = 0; i < s->n; i++) {
    const REAL *grad = s->first + i * s->inner, *y = s->second + i * s->inner;
    REAL *x = s->result + i * s->inner;
    for (int j = 0; j < s->width; j++) x[j] = y[j] * (grad[j] - total[j]);
  }
}

static void NAME(strip_log_softmax_backward)(const NAME(strip) * s) {
  REAL total[STRIP] = {0};
  for (int64_t i = 0; i < s->n; i++) {
    const REAL *grad = s->first + i * s->inner;
    for (int j = 0; j < s->width; j++) total[j] += grad[j];
  }
  for (int64_t i = 0; i < s->n; i++) {
    const REAL *grad = s->first + i * s->inner, *y = s->second + i * s->inner;
    REAL *x = s->result + i * s->inner;
    for (int j = 0; j < s->width; j++) x[j] = grad[j] - EXP(y[j]) * total[j];
  }
}

// Calls |loop| on strips of slices [begin, end).
static void NAME(each_strip)(const cpu_softmax_job *job, int64_t begin, int64_t end,
                             void (*loop)(const NAME(strip) *)) {
  while (begin < end) {
    const int64_t group = begin / job->inner, column = begin % job->inner;
    int64_t width = job->inner - column;
    if (width > end - begin) width = end - begin;
    if (width > STRIP) width = STRIP;
    const int64_t offset = group * job->n * job->inner + column;
    const NAME(strip) strip = {(REAL *)job->result + offset,
                               (const REAL *)job->first + offset,
                               job->second ? (const REAL *)job->second + offset : NULL,
                               job->n,
                               job->inner,
                               (int)width};
    loop(&strip);
    begin += width;
  }
}

// ---- the four loops ----------------------------------------------------------------------------

static void NAME(softmax)(void *closure, int64_t begin, int64_t end) {
  const cpu_softmax_job *job = closure;
  if (job->inner != 1) {
    NAME(each_strip)(job, begin, end, NAME(strip_softmax));
    return;
  }
  for (int64_t s = begin; s < end; s++) {
    const REAL *x = (const REAL *)job->first + s * job->n;
    REAL *y = (REAL *)job->result + s * job->n;
    const REAL total = NAME(slice_exp)(x, y, job->n, NAME(slice_max)(x, job->n));
    for (int64_t i = 0; i < job->n; i++) y[i] /= total;
  }
}

static void NAME(log_softmax)(void *closure, int64_t begin, int64_t end) {
  const cpu_softmax_job *job = closure;
  if (job->inner != 1) {
    NAME(each_strip)(job, begin, end, NAME(strip_log_softmax));
    return;
  }
  for (int64_t s = begin; s < end; s++) {
    const REAL *x = (const REAL *)job->first + s * job->n;
    REAL *y = (REAL *)job->result + s * job->n;
    const REAL top = NAME(slice_max)(x, job->n);
    const REAL log_total = LOG(NAME(slice_exp)(x, NULL, job->n, top));
    for (int64_t i = 0; i < job->n; i++) y[i] = (x[i] - top) - log_total;
  }
}

static void NAME(softmax_backward)(void *closure, int64_t begin, int64_t end) {
  const cpu_softmax_job *job = closure;
  if (job->inner != 1) {
    NAME(each_strip)(job, begin, end, NAME(strip_softmax_backward));
    return;
  }
  for (int64_t s = begin; s < end; s++) {
    const REAL *grad = (const REAL *)job->first + s * job->n;
    const REAL *y = (const REAL *)job->second + s * job->n;
    REAL *x = (REAL *)job->result + s * job->n;
    const REAL total = NAME(slice_dot)(grad, y, job->n);
    for (int64_t i = 0; i < job->n; i++) x[i] = y[i] * (grad[i] - total);
  }
}

static void NAME(log_softmax_backward)(void *closure, int64_t begin, int64_t end) {
  const cpu_softmax_job *job = closure;
  if (job->inner != 1) {
    NAME(each_strip)(job, begin, end, NAME(strip_log_softmax_backward));
    return;
  }
  for (int64_t s = begin; s < end; s++) {
    const REAL *grad = (const REAL *)job->first + s * job->n;
    const REAL *y = (const REAL *)job->second + s * job->n;
    REAL *x = (REAL *)job->result + s * job->n;
    const REAL total = NAME(slice_sum)(grad, job->n);
    for (int64_t i = 0; i < job->n; i++) x[i] = grad[i] - EXP(y[i]) * total;
  }
}

const cpu_softmax_loops NAME(cpu_softmax) = {
    .softmax = NAME(softmax),
    .log_softmax = NAME(log_softmax),
    .softmax_backward = NAME(softmax_backward),
    .log_softmax_backward = NAME(log_softmax_backward),
};

#undef LANES
#undef STRIP
