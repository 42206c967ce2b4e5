// SPDX-License-Identifier: Apache-2.0
//
// loop1: result[i] = OP(a[i]). Included once for each loop with LOOP its name and OP(a, p) its
// formula, p being the parameter; PREDICATE where the result is a truth value. What T, C, LOAD,
// STORE and NAME stand for: see pointwise_real.inc.h.

#ifdef PREDICATE
#define R uint8_t
#define STORE_R(value) ((uint8_t)(value))
#else
#define R T
#define STORE_R(value) STORE(value)
#endif

static void NAME(LOOP)(char *const *data, const int64_t *strides, int64_t n,
                       const cpu_params *params) {
  const C p = PARAMETER(params);
  (void)p;
  R *r = (R *)data[0];
  const T *a = (const T *)data[1];
  if (strides[0] == (int64_t)sizeof(R) && strides[1] == (int64_t)sizeof(T)) {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) r[i] = STORE_R(OP(LOAD(a[i]), p));
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    *r = STORE_R(OP(LOAD(*a), p));
    r = (R *)((char *)r + strides[0]);
    a = (const T *)((const char *)a + strides[1]);
  }
}

#undef LOOP
#undef OP
#undef PREDICATE
#undef R
#undef STORE_R
