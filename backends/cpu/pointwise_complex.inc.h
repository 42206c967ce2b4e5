// SPDX-License-Identifier: Apache-2.0
//
// pointwise_complex: the loops of one complex type. Included by pointwise_complex.c with S, T and
// REAL, its component; WIDE is what quotients are computed in. The operators that have
// complex kernels: sums, products, quotients, equality and truth.

#define NAME(name) CPU_PASTE(name, S)
#define C T
#define LOAD(value) (value)
#define STORE(value) (value)
#define PARAMETER(params) ((params)->value.S)
#define IS_TRUE(a) ((a).real != 0 || (a).imag != 0)

static inline T NAME(sum_of)(T a, T b) { return (T){a.real + b.real, a.imag + b.imag}; }
static inline T NAME(difference_of)(T a, T b) { return (T){a.real - b.real, a.imag - b.imag}; }

static inline T NAME(product_of)(T a, T b) {
  return (T){a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real};
}

// Smith's division (1962): dividing by the larger component keeps squares out of reach of overflow.
static inline T NAME(quotient_of)(T a, T b) {
  const WIDE ar = a.real, ai = a.imag, br = b.real, bi = b.imag;
  if ((br < 0 ? -br : br) >= (bi < 0 ? -bi : bi)) {
    const WIDE ratio = bi == 0 ? bi : bi / br, scale = br + bi * ratio;
    return (T){(REAL)((ar + ai * ratio) / scale), (REAL)((ai - ar * ratio) / scale)};
  }
  const WIDE ratio = br / bi, scale = br * ratio + bi;
  return (T){(REAL)((ar * ratio + ai) / scale), (REAL)((ai * ratio - ar) / scale)};
}

#define LOOP add
#define OP(a, b, p) NAME(sum_of)(a, b)
#include "loop2.inc.h"

#define LOOP add_scaled
#define OP(a, b, p) NAME(sum_of)(a, NAME(product_of)(b, p))
#include "loop2.inc.h"

#define LOOP sub
#define OP(a, b, p) NAME(difference_of)(a, b)
#include "loop2.inc.h"

#define LOOP mul
#define OP(a, b, p) NAME(product_of)(a, b)
#include "loop2.inc.h"

#define LOOP div
#define OP(a, b, p) NAME(quotient_of)(a, b)
#include "loop2.inc.h"

#define LOOP neg
#define OP(a, p) ((T){-(a).real, -(a).imag})
#include "loop1.inc.h"

#define LOOP square
#define OP(a, p) NAME(product_of)(a, a)
#include "loop1.inc.h"

#define LOOP reciprocal
#define OP(a, p) NAME(quotient_of)((T){1, 0}, a)
#include "loop1.inc.h"

#define LOOP addcmul
#define OP(a, b, c, p) NAME(sum_of)(a, NAME(product_of)(p, NAME(product_of)(b, c)))
#include "loop3.inc.h"

#define LOOP addcdiv
#define OP(a, b, c, p) NAME(sum_of)(a, NAME(product_of)(p, NAME(quotient_of)(b, c)))
#include "loop3.inc.h"

#define PREDICATE
#define LOOP eq
#define OP(a, b, p) ((a).real == (b).real && (a).imag == (b).imag)
#include "loop2.inc.h"

#define PREDICATE
#define LOOP ne
#define OP(a, b, p) ((a).real != (b).real || (a).imag != (b).imag)
#include "loop2.inc.h"

#define PREDICATE
#define LOOP logical_and
#define OP(a, b, p) (IS_TRUE(a) && IS_TRUE(b))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP logical_or
#define OP(a, b, p) (IS_TRUE(a) || IS_TRUE(b))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP logical_xor
#define OP(a, b, p) (IS_TRUE(a) != IS_TRUE(b))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP logical_not
#define OP(a, p) (!IS_TRUE(a))
#include "loop1.inc.h"

static const cpu_loop NAME(loops)[CPU_LOOP_COUNT] = {CPU_LOOPS_COMMON(CPU_LOOP_ENTRY)
                                                         CPU_LOOPS_FIELD(CPU_LOOP_ENTRY)};

#undef NAME
#undef C
#undef LOAD
#undef STORE
#undef PARAMETER
#undef IS_TRUE
#undef S
#undef T
#undef REAL
#undef WIDE
