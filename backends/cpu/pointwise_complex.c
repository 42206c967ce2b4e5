// SPDX-License-Identifier: Apache-2.0
//
// pointwise_complex: the loops of the two complex types. Quotients of c64 are computed in double.

#include "pointwise.h"

#define S c64
#define T tn_complex64
#define REAL float
#define WIDE double
#include "pointwise_complex.inc.h"

#define S c128
#define T tn_complex128
#define REAL double
#define WIDE double
#include "pointwise_complex.inc.h"

const cpu_loop *cpu_complex_loops(tn_dtype dtype) {
  return dtype == TN_C64 ? loops_c64 : loops_c128;
}
