// SPDX-License-Identifier: Apache-2.0
//
// fold_lanes: a fold whose accumulator is one number. Included once for each with
//   FOLD  its name      A  the accumulator     START  its first value
//   STEP(a, x)  a joined with element x        JOIN(a, b)  two accumulators joined
// Elements that lie in a row are spread over lanes, which the compiler keeps in vector registers;
// kept elements that lie in a row are folded side by side.

static A FN(FOLD, row)(const char *in, int64_t stride, int64_t n) {
  if (n < LANES) {
    A a = START;
    for (int64_t i = 0; i < n; i++) a = STEP(a, LOAD(*(const T *)(in + i * stride)));
    return a;
  }
  A lanes[LANES];
  for (int j = 0; j < LANES; j++) lanes[j] = START;
  int64_t i = 0;
  if (stride == (int64_t)sizeof(T)) {
    const T *x = (const T *)in;
    for (; i + LANES <= n; i += LANES) {
      for (int j = 0; j < LANES; j++) lanes[j] = STEP(lanes[j], LOAD(x[i + j]));
    }
  }
  for (; i < n; i++) lanes[0] = STEP(lanes[0], LOAD(*(const T *)(in + i * stride)));
  for (int width = LANES / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; j++) lanes[j] = JOIN(lanes[j], lanes[j + width]);
  }
  return lanes[0];
}

static void FN(FOLD, fold)(void *accumulators, const cpu_stretch *s) {
  A *a = accumulators;
  if (s->kept == 1 || s->kept_stride != (int64_t)sizeof(T)) {
    for (int64_t k = 0; k < s->kept; k++) {
      a[k] = FN(FOLD, row)(s->in + k * s->kept_stride, s->reduced_stride, s->reduced);
    }
    return;
  }
  for (int64_t k = 0; k < s->kept; k++) a[k] = START;
  int64_t i = 0;
  for (; i + 4 <= s->reduced; i += 4) {  // accumulators are loaded and stored for every fourth row
    const T *x0 = (const T *)(s->in + i * s->reduced_stride);
    const T *x1 = (const T *)((const char *)x0 + s->reduced_stride);
    const T *x2 = (const T *)((const char *)x1 + s->reduced_stride);
    const T *x3 = (const T *)((const char *)x2 + s->reduced_stride);
    CPU_INDEPENDENT
    for (int64_t k = 0; k < s->kept; k++) {
      const A a1 = STEP(a[k], LOAD(x0[k]));
      const A a2 = STEP(a1, LOAD(x1[k]));
      const A a3 = STEP(a2, LOAD(x2[k]));
      a[k] = STEP(a3, LOAD(x3[k]));
    }
  }
  for (; i < s->reduced; i++) {
    const T *x = (const T *)(s->in + i * s->reduced_stride);
    CPU_INDEPENDENT
    for (int64_t k = 0; k < s->kept; k++) a[k] = STEP(a[k], LOAD(x[k]));
  }
}

static void FN(FOLD, merge)(void *accumulators, const void *later, int64_t kept) {
  A *a = accumulators;
  const A *b = later;
  for (int64_t k = 0; k < kept; k++) a[k] = JOIN(a[k], b[k]);
}

#undef FOLD
#undef A
#undef START
#undef STEP
#undef JOIN
