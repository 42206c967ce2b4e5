// SPDX-License-Identifier: Apache-2.0
//
// loop2: result[i] = OP(a[i], b[i]). Included once for each loop with LOOP its name and OP(a, b, p)
// its formula; PREDICATE where the result is a truth value; MAY_FAULT where the formula sets the
// local `fault` for operands that have no result. The cases that vectorise: both operands in a
// row, or one of them a single value.

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
  const int64_t size = (int64_t)sizeof(T);
  const bool in_row = strides[0] == (int64_t)sizeof(R);
  R *r = (R *)data[0];
  const T *a = (const T *)data[1], *b = (const T *)data[2];
#ifdef MAY_FAULT
  int32_t fault = 0;
#endif
  if (in_row && strides[1] == size && strides[2] == size) {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) r[i] = STORE_R(OP(LOAD(a[i]), LOAD(b[i]), p));
  } else if (in_row && strides[1] == size && strides[2] == 0) {
    const C one = LOAD(*b);
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) r[i] = STORE_R(OP(LOAD(a[i]), one, p));
  } else if (in_row && strides[1] == 0 && strides[2] == size) {
    const C one = LOAD(*a);
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) r[i] = STORE_R(OP(one, LOAD(b[i]), p));
  } else {
    for (int64_t i = 0; i < n; i++) {
      *r = STORE_R(OP(LOAD(*a), LOAD(*b), p));
      r = (R *)((char *)r + strides[0]);
      a = (const T *)((const char *)a + strides[1]);
      b = (const T *)((const char *)b + strides[2]);
    }
  }
#ifdef MAY_FAULT
  if (fault) __atomic_store_n(params->fault, 1, __ATOMIC_RELAXED);
#endif
}

#undef LOOP
#undef OP
#undef PREDICATE
#undef MAY_FAULT
#undef R
#undef STORE_R
