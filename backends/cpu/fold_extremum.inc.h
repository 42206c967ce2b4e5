// SPDX-License-Identifier: Apache-2.0
//
// fold_extremum: where the extremum stands first. Included once for each with FOLD its name,
// EXTREMUM the fold that finds its value, and BEATS(x, best) whether x takes the place of an
// earlier best. In a row the value is found first, with vector code, and then looked for; a row
// that is too short for lanes is walked once.

static int64_t FN(FOLD, short_row)(const char *in, int64_t stride, int64_t n, C *value) {
  C best = LOAD(*(const T *)in);
  int64_t at = 0;
  for (int64_t i = 1; i < n; i++) {
    const C x = LOAD(*(const T *)(in + i * stride));
    if (BEATS(x, best)) {
      best = x;
      at = i;
    }
  }
  *value = best;
  return at;
}

static int64_t FN(FOLD, find)(const char *in, int64_t stride, int64_t n, C value) {
  int64_t i = 0;
  if (stride == (int64_t)sizeof(T)) {
    const T *x = (const T *)in;
    for (; i + LANES <= n; i += LANES) {
      int found = 0;
      for (int j = 0; j < LANES; j++) found |= SAME(LOAD(x[i + j]), value);
      if (found) break;
    }
  }
  for (; i < n - 1; i++) {
    if (SAME(LOAD(*(const T *)(in + i * stride)), value)) break;
  }
  return i;
}

static void FN(FOLD, fold)(void *accumulators, const cpu_stretch *s) {
  cpu_extremum *a = accumulators;
  if (s->kept == 1 || s->kept_stride != (int64_t)sizeof(T)) {
    for (int64_t k = 0; k < s->kept; k++) {
      const char *in = s->in + k * s->kept_stride;
      C value;
      if (s->reduced < LANES) {
        a[k].index = s->first + FN(FOLD, short_row)(in, s->reduced_stride, s->reduced, &value);
      } else {
        value = FN(EXTREMUM, row)(in, s->reduced_stride, s->reduced);
        a[k].index = s->first + FN(FOLD, find)(in, s->reduced_stride, s->reduced, value);
      }
      VALUE_OF(a[k]) = value;
    }
    return;
  }
  C best[CPU_FOLD_BLOCK];
  int32_t at[CPU_FOLD_BLOCK];
  for (int64_t k = 0; k < s->kept; k++) {
    best[k] = LOAD(((const T *)s->in)[k]);
    at[k] = 0;
  }
  for (int64_t i = 1; i < s->reduced; i++) {
    const T *x = (const T *)(s->in + i * s->reduced_stride);
    CPU_INDEPENDENT
    for (int64_t k = 0; k < s->kept; k++) {
      const C candidate = LOAD(x[k]);
      const int beats = BEATS(candidate, best[k]);
      best[k] = beats ? candidate : best[k];
      at[k] = beats ? (int32_t)i : at[k];
    }
  }
  for (int64_t k = 0; k < s->kept; k++) {
    VALUE_OF(a[k]) = best[k];
    a[k].index = s->first + at[k];
  }
}

static void FN(FOLD, merge)(void *accumulators, const void *later, int64_t kept) {
  cpu_extremum *a = accumulators;
  const cpu_extremum *b = later;
  for (int64_t k = 0; k < kept; k++) {
    if (BEATS(VALUE_OF(b[k]), VALUE_OF(a[k]))) a[k] = b[k];
  }
}

#undef FOLD
#undef EXTREMUM
#undef BEATS
