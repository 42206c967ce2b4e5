// SPDX-License-Identifier: Apache-2.0
//
// pointwise_float: the loops of one float dtype. Included by pointwise_float.simd.c with S, T, C,
// CS (S of the compute type), LOAD and STORE, see pointwise_real.inc.h; IS_COMPUTE_TYPE where T is
// C. VEC(name) is the elementary function without branches, M(name) that of the C library.

#define NAME(name) CPU_PASTE(name, S)
#define BLOCK(name) CPU_PASTE3(block, name, CS)
#define PARAMETER(params) ((params)->value.CS)
#define W C
#define IS_NAN(a) ((a) != (a))
#define IS_NEGATIVE(a) ((a) < 0)
#define IS_INF(a) (VEC(magnitude)(a) == (C)INFINITY)
#define ABS(a) VEC(magnitude)(a)
#define FLOOR(a) M(floor)(a)
#define CEIL(a) M(ceil)(a)
#define ROUND(a) M(rint)(a)
#define TRUNC(a) M(trunc)(a)

#include "pointwise_real.inc.h"

// ---- division

#define LOOP div
#define OP(a, b, p) ((a) / (b))
#include "loop2.inc.h"

#define LOOP reciprocal
#define OP(a, p) (1 / (a))
#include "loop1.inc.h"

#define LOOP div_trunc
#define OP(a, b, p) M(trunc)((a) / (b))
#include "loop2.inc.h"

// As Python divides: floor of the exact quotient, found from the exact remainder.
static inline C NAME(quotient_floor)(C a, C b) {
  if (b == 0) return a / b;
  const C rest = M(fmod)(a, b);
  C q = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) q -= 1;
  if (q == 0) return M(copysign)((C)0, a / b);
  const C whole = M(floor)(q);
  return q - whole > (C)0.5 ? whole + 1 : whole;
}

#define LOOP div_floor
#define OP(a, b, p) NAME(quotient_floor)(a, b)
#include "loop2.inc.h"

// The remainder has b's sign.
static inline C NAME(remainder_floor)(C a, C b) {
  const C rest = M(fmod)(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

#define LOOP remainder
#define OP(a, b, p) NAME(remainder_floor)(a, b)
#include "loop2.inc.h"

#define LOOP addcdiv
#define OP(a, b, c, p) ((a) + (p) * (b) / (c))
#include "loop3.inc.h"

// ---- powers and roots

#define LOOP pow
#define OP(a, b, p) POW(a, b)
#include "loop2.inc.h"

#define LOOP cube
#define OP(a, p) ((a) * (a) * (a))
#include "loop1.inc.h"

#define LOOP sqrt
#define OP(a, p) M(sqrt)(a)
#include "loop1.inc.h"

#define LOOP rsqrt
#define OP(a, p) (1 / M(sqrt)(a))
#include "loop1.inc.h"

// ---- elementary functions

static void NAME(gather)(C *to, const char *from, int64_t stride, int64_t n) {
  if (stride == (int64_t)sizeof(T)) {
    for (int64_t i = 0; i < n; i++) to[i] = LOAD(((const T *)from)[i]);
    return;
  }
  for (int64_t i = 0; i < n; i++) to[i] = LOAD(*(const T *)(from + i * stride));
}

static void NAME(scatter)(char *to, int64_t stride, const C *from, int64_t n) {
  if (stride == (int64_t)sizeof(T)) {
    for (int64_t i = 0; i < n; i++) ((T *)to)[i] = STORE(from[i]);
    return;
  }
  for (int64_t i = 0; i < n; i++) *(T *)(to + i * stride) = STORE(from[i]);
}

#define LOOP exp
#define OP(x) VEC(vec_exp)(x)
#include "block.inc.h"

#define LOOP expm1
#define OP(x) VEC(vec_expm1)(x)
#include "block.inc.h"

#define LOOP log
#define OP(x) VEC(vec_log)(x)
#include "block.inc.h"

#define LOOP log1p
#define OP(x) VEC(vec_log1p)(x)
#include "block.inc.h"

#define LOOP tanh
#define OP(x) VEC(vec_tanh)(x)
#include "block.inc.h"

#define LOOP sigmoid
#define OP(x) VEC(vec_sigmoid)(x)
#include "block.inc.h"

#define LOOP sin
#define OP(x) SIN(x)
#define BEYOND(x) (VEC(magnitude)(x) > (C)VEC_SIN_LIMIT)
#define EXACT(x) M(sin)(x)
#include "block.inc.h"

#define LOOP cos
#define OP(x) COS(x)
#define BEYOND(x) (VEC(magnitude)(x) > (C)VEC_SIN_LIMIT)
#define EXACT(x) M(cos)(x)
#include "block.inc.h"

#define LOOP erf
#define OP(x) ERF(x)
#include "block.inc.h"

#define LOOP silu
#define OP(x) ((x)*VEC(vec_sigmoid)(x))
#include "block.inc.h"

// x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2
#define LOOP gelu
#define OP(x) ((C)0.5 * (x) * (1 + ERF((x) * (C)M_SQRT1_2)))
#include "block.inc.h"

// The same with Phi(x) approximated by (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
#define GELU_INNER(x) ((C)0.7978845608028654 * ((x) + (C)0.044715 * (x) * (x) * (x)))
#define LOOP gelu_tanh
#define OP(x) ((C)0.5 * (x) * (1 + VEC(vec_tanh)(GELU_INNER(x))))
#include "block.inc.h"

// ---- activations

#define LOOP leaky_relu
#define OP(a, p) ((a) > 0 ? (a) : (a) * (p))
#include "loop1.inc.h"

// From the nearer end, so that weights 0 and 1 give the ends exactly.
#define LOOP lerp
#define OP(a, b, c, p) \
  (VEC(magnitude)(c) < (C)0.5 ? (a) + (c) * ((b) - (a)) : (b) - ((b) - (a)) * (1 - (c)))
#include "loop3.inc.h"

// ---- gradients: the first operand is the gradient of the result

// y = sigmoid(x) is the second operand
#define LOOP sigmoid_backward
#define OP(g, y, p) ((g) * (1 - (y)) * (y))
#include "loop2.inc.h"

// y = tanh(x) is the second operand
#define LOOP tanh_backward
#define OP(g, y, p) ((g) * (1 - (y) * (y)))
#include "loop2.inc.h"

#define LOOP leaky_relu_backward
#define OP(g, x, p) ((x) > 0 ? (g) : (g) * (p))
#include "loop2.inc.h"

// s (1 + x (1 - s)), s = sigmoid(x)
CPU_INLINE C NAME(silu_slope)(C x) {
  const C s = VEC(vec_sigmoid)(x);
  return s * (1 + x * (1 - s));
}

#define LOOP silu_backward
#define OP(g, x, p) ((g)*NAME(silu_slope)(x))
#include "loop2.inc.h"

// Phi(x) + x phi(x), phi(x) = exp(-x^2 / 2) / sqrt(2 pi)
CPU_INLINE C NAME(gelu_slope)(C x) {
  const C normal = (C)0.3989422804014327 * VEC(vec_exp)((C)-0.5 * x * x);
  return (C)0.5 * (1 + ERF(x * (C)M_SQRT1_2)) + x * normal;
}

#define LOOP gelu_backward
#define OP(g, x, p) ((g)*NAME(gelu_slope)(x))
#include "loop2.inc.h"

// d/dx of x (1 + tanh u) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3)
CPU_INLINE C NAME(gelu_tanh_slope)(C x) {
  const C t = VEC(vec_tanh)(GELU_INNER(x));
  const C slope = (C)0.7978845608028654 * (1 + (C)(3 * 0.044715) * x * x);
  return (C)0.5 * (1 + t) + (C)0.5 * x * (1 - t * t) * slope;
}

#define LOOP gelu_tanh_backward
#define OP(g, x, p) ((g)*NAME(gelu_tanh_slope)(x))
#include "loop2.inc.h"

static const cpu_loop NAME(loops)[CPU_LOOP_COUNT] = {
    CPU_LOOPS_COMMON(CPU_LOOP_ENTRY) CPU_LOOPS_REAL(CPU_LOOP_ENTRY) CPU_LOOPS_FIELD(CPU_LOOP_ENTRY)
        CPU_LOOPS_FLOAT(CPU_LOOP_ENTRY)};

#undef NAME
#undef BLOCK
#undef PARAMETER
#undef W
#undef IS_NAN
#undef IS_NEGATIVE
#undef IS_INF
#undef ABS
#undef FLOOR
#undef CEIL
#undef ROUND
#undef TRUNC
#undef GELU_INNER
#undef S
#undef T
#undef LOAD
#undef STORE
#undef IS_COMPUTE_TYPE
