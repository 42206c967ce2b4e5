// SPDX-License-Identifier: Apache-2.0
//
// block: an elementary function as a pointwise loop. Included once for each with LOOP its name and
// OP(x) its formula. For the compute type itself (IS_COMPUTE_TYPE) it defines the function on
// values in a row, BLOCK(LOOP), which the half-precision dtypes share; r may be x. Operands
// that are not such a row are brought into one on the stack, so that they get vector code too.
// With BEYOND(x), where the formula does not hold, a strip that holds such an x takes EXACT(x).

#ifdef IS_COMPUTE_TYPE
#ifdef BEYOND
static void BLOCK(LOOP)(C *r, const C *x, int64_t n) {
  for (int64_t begin = 0; begin < n; begin += BLOCK_LENGTH) {
    const int64_t end = n - begin < BLOCK_LENGTH ? n : begin + BLOCK_LENGTH;
    int beyond = 0;
    for (int64_t i = begin; i < end; i++) beyond |= BEYOND(x[i]);
    if (beyond) {
      for (int64_t i = begin; i < end; i++) r[i] = EXACT(x[i]);
      continue;
    }
    CPU_INDEPENDENT
    for (int64_t i = begin; i < end; i++) r[i] = OP(x[i]);
  }
}
#else
static void BLOCK(LOOP)(C *r, const C *x, int64_t n) {
  CPU_INDEPENDENT
  for (int64_t i = 0; i < n; i++) r[i] = OP(x[i]);
}
#endif
#endif

static void NAME(LOOP)(char *const *data, const int64_t *strides, int64_t n,
                       const cpu_params *params) {
  (void)params;
#ifdef IS_COMPUTE_TYPE
  if (strides[0] == (int64_t)sizeof(C) && strides[1] == (int64_t)sizeof(C)) {
    BLOCK(LOOP)((C *)data[0], (const C *)data[1], n);
    return;
  }
#endif
  C block[BLOCK_LENGTH];
  for (int64_t begin = 0; begin < n; begin += BLOCK_LENGTH) {
    const int64_t count = n - begin < BLOCK_LENGTH ? n - begin : BLOCK_LENGTH;
    NAME(gather)(block, data[1] + begin * strides[1], strides[1], count);
    BLOCK(LOOP)(block, block, count);
    NAME(scatter)(data[0] + begin * strides[0], strides[0], block, count);
  }
}

#undef LOOP
#undef OP
#undef BEYOND
#undef EXACT
