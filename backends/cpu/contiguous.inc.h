// SPDX-License-Identifier: Apache-2.0
//
// contiguous.inc: computed numbers stored as elements, included by contiguous.c for each dtype
// (every_dtype).

static void NAME(store_f64)(void *to, int64_t at, const double *values, int64_t count) {
  ELEMENT *out = (ELEMENT *)to + at;
  for (int64_t i = 0; i < count; i++) out[i] = FROM_F64(values[i]);
}

static void NAME(store_i64)(void *to, int64_t at, const int64_t *values, int64_t count) {
  ELEMENT *out = (ELEMENT *)to + at;
  for (int64_t i = 0; i < count; i++) out[i] = FROM_I64(values[i]);
}
