// SPDX-License-Identifier: Apache-2.0
//
// cast_loop: result[i] = CONVERT(a[i]) for one pair of dtypes. Included by cast_from.inc.h with TO
// the result's name and TD its type.

static void NAME(TO)(char *const *data, const int64_t *strides, int64_t n,
                     const cpu_params *params) {
  (void)params;
  TD *r = (TD *)data[0];
  const T *a = (const T *)data[1];
  if (strides[0] == (int64_t)sizeof(TD) && strides[1] == (int64_t)sizeof(T)) {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < n; i++) r[i] = CONVERT(a[i]);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    *r = CONVERT(*a);
    r = (TD *)((char *)r + strides[0]);
    a = (const T *)((const char *)a + strides[1]);
  }
}

#undef TO
#undef TD
#undef CONVERT
