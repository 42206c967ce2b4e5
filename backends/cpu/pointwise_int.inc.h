// SPDX-License-Identifier: Apache-2.0
//
// pointwise_int: the loops of one integer type or of bool. Included by pointwise_int.c with S, T,
// C, W, STORE and BITWISE_NOT (see pointwise_real.inc.h), SIGNED where it is. Sums, products and
// powers wrap around. Dividing by zero has no result and is reported; the least number divided by
// -1 wraps. A negative power of anything but 1 and -1 is 0.

#define NAME(name) CPU_PASTE(name, S)
#define LOAD(value) ((C)(value))
#define PARAMETER(params) ((C)(params)->value.S)
#define IS_NAN(a) 0
#define IS_INF(a) 0
#define FLOOR(a) (a)
#define CEIL(a) (a)
#define ROUND(a) (a)
#define TRUNC(a) (a)
#ifdef SIGNED
#define IS_NEGATIVE(a) ((a) < 0)
#define ABS(a) ((C)((a) < 0 ? -(W)(a) : (W)(a)))
#else
#define IS_NEGATIVE(a) 0
#define ABS(a) (a)
#endif

#include "pointwise_real.inc.h"

// ---- division

static inline C NAME(quotient_trunc)(C a, C b, int32_t *fault) {
  if (b == 0) {
    *fault = 1;
    return 0;
  }
#ifdef SIGNED
  if (b == -1) return (C)(-(W)a);
#endif
  return a / b;
}

// The remainder of the division that rounds down: it has b's sign.
static inline C NAME(remainder_floor)(C a, C b, int32_t *fault) {
  if (b == 0) {
    *fault = 1;
    return 0;
  }
#ifdef SIGNED
  if (b == -1) return 0;
  const C rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
#else
  return a % b;
#endif
}

static inline C NAME(quotient_floor)(C a, C b, int32_t *fault) {
  const C q = NAME(quotient_trunc)(a, b, fault);
#ifdef SIGNED
  if (b == 0 || b == -1) return q;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
#else
  return q;
#endif
}

#define MAY_FAULT
#define LOOP div_trunc
#define OP(a, b, p) NAME(quotient_trunc)(a, b, &fault)
#include "loop2.inc.h"

#define MAY_FAULT
#define LOOP div_floor
#define OP(a, b, p) NAME(quotient_floor)(a, b, &fault)
#include "loop2.inc.h"

#define MAY_FAULT
#define LOOP remainder
#define OP(a, b, p) NAME(remainder_floor)(a, b, &fault)
#include "loop2.inc.h"

// ---- powers

static inline C NAME(power)(C base, C exponent) {
#ifdef SIGNED
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
    return 0;
  }
#endif
  W result = 1, square = (W)base;
  for (W rest = (W)exponent; rest != 0; rest >>= 1) {
    if (rest & 1) result *= square;
    square *= square;
  }
  return (C)result;
}

#define LOOP pow
#define OP(a, b, p) NAME(power)(a, b)
#include "loop2.inc.h"

// ---- bits

#define LOOP bitwise_not
#define OP(a, p) BITWISE_NOT(a)
#include "loop1.inc.h"

#define LOOP bitwise_and
#define OP(a, b, p) ((C)((W)(a) & (W)(b)))
#include "loop2.inc.h"

#define LOOP bitwise_or
#define OP(a, b, p) ((C)((W)(a) | (W)(b)))
#include "loop2.inc.h"

#define LOOP bitwise_xor
#define OP(a, b, p) ((C)((W)(a) ^ (W)(b)))
#include "loop2.inc.h"

static const cpu_loop NAME(loops)[CPU_LOOP_COUNT] = {
    CPU_LOOPS_COMMON(CPU_LOOP_ENTRY) CPU_LOOPS_REAL(CPU_LOOP_ENTRY) CPU_LOOPS_INT(CPU_LOOP_ENTRY)};

#undef NAME
#undef LOAD
#undef PARAMETER
#undef IS_NAN
#undef IS_INF
#undef IS_NEGATIVE
#undef ABS
#undef FLOOR
#undef CEIL
#undef ROUND
#undef TRUNC
#undef S
#undef T
#undef C
#undef W
#undef SIGNED
#undef STORE
#undef BITWISE_NOT
