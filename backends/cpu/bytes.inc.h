// SPDX-License-Identifier: Apache-2.0
//
// bytes: the loops of one element size. Included by bytes.c with S, the size, and T, a type of
// that size that is copied as it is.

#define NAME(name) CPU_PASTE(name, S)

static void NAME(copy)(char *const *data, const int64_t *strides, int64_t n,
                       const cpu_params *params) {
  (void)params;
  const int64_t size = (int64_t)sizeof(T);
  char *r = data[0];
  const char *a = data[1];
  if (strides[0] == size && strides[1] == size) {
    memcpy(r, a, (size_t)(n * size));
  } else if (strides[0] == size) {
    for (int64_t i = 0; i < n; i++) ((T *)r)[i] = *(const T *)(a + i * strides[1]);
  } else {
    for (int64_t i = 0; i < n; i++) *(T *)(r + i * strides[0]) = *(const T *)(a + i * strides[1]);
  }
}

static void NAME(fill)(char *const *data, const int64_t *strides, int64_t n,
                       const cpu_params *params) {
  T value;
  memcpy(&value, &params->value, sizeof value);
  char *r = data[0];
  if (strides[0] == (int64_t)sizeof(T)) {
    for (int64_t i = 0; i < n; i++) ((T *)r)[i] = value;
  } else {
    for (int64_t i = 0; i < n; i++) *(T *)(r + i * strides[0]) = value;
  }
}

static void NAME(where)(char *const *data, const int64_t *strides, int64_t n,
                        const cpu_params *params) {
  (void)params;
  const int64_t size = (int64_t)sizeof(T);
  T *r = (T *)data[0];
  const uint8_t *c = (const uint8_t *)data[1];
  const T *a = (const T *)data[2], *b = (const T *)data[3];
  const bool in_row = strides[0] == size && strides[1] == 1;
  if (in_row && strides[2] == size && strides[3] == size) {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
      const T yes = a[i], no = b[i];
      r[i] = c[i] ? yes : no;
    }
  } else if (in_row && strides[2] == size && strides[3] == 0) {
    const T no = *b;
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
      const T yes = a[i];
      r[i] = c[i] ? yes : no;
    }
  } else if (in_row && strides[2] == 0 && strides[3] == size) {
    const T yes = *a;
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
      const T no = b[i];
      r[i] = c[i] ? yes : no;
    }
  } else {
    for (int64_t i = 0; i < n; i++) {
      const char *from =
          c[i * strides[1]] ? (const char *)a + i * strides[2] : (const char *)b + i * strides[3];
      *(T *)((char *)r + i * strides[0]) = *(const T *)from;
    }
  }
}

#undef NAME
#undef S
#undef T
