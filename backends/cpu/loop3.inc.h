// SPDX-License-Identifier: Apache-2.0
//
// loop3: result[i] = OP(a[i], b[i], c[i]). Included once for each loop with LOOP its name and
// OP(a, b, c, p) its formula. The cases that vectorise: all operands in a row, the last one or the
// last two single values.

static void NAME(LOOP)(char *const *data, const int64_t *strides, int64_t n,
                       const cpu_params *params) {
  const C p = PARAMETER(params);
  (void)p;
  const int64_t size = (int64_t)sizeof(T);
  const bool in_row = strides[0] == size && strides[1] == size;
  T *r = (T *)data[0];
  const T *a = (const T *)data[1], *b = (const T *)data[2], *c = (const T *)data[3];
  if (in_row && strides[2] == size && strides[3] == size) {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) r[i] = STORE(OP(LOAD(a[i]), LOAD(b[i]), LOAD(c[i]), p));
  } else if (in_row && strides[2] == size && strides[3] == 0) {
    const C last = LOAD(*c);
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) r[i] = STORE(OP(LOAD(a[i]), LOAD(b[i]), last, p));
  } else if (in_row && strides[2] == 0 && strides[3] == 0) {
    const C first = LOAD(*b), last = LOAD(*c);
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) r[i] = STORE(OP(LOAD(a[i]), first, last, p));
  } else {
    for (int64_t i = 0; i < n; i++) {
      *r = STORE(OP(LOAD(*a), LOAD(*b), LOAD(*c), p));
      r = (T *)((char *)r + strides[0]);
      a = (const T *)((const char *)a + strides[1]);
      b = (const T *)((const char *)b + strides[2]);
      c = (const T *)((const char *)c + strides[3]);
    }
  }
}

#undef LOOP
#undef OP
