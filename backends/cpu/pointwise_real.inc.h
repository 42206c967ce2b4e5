// SPDX-License-Identifier: Apache-2.0
//
// pointwise_real: the loops that bool, integers and floats share. Included once for each dtype with
//   T         the type in memory          C        the type of computation
//   LOAD(t)   a T as a C                  STORE(c) a C rounded to a T
//   W         the type in which sums and products wrap around; C for floats
//   NAME(x)   the loop's symbol           PARAMETER(params) the parameter as a C
//   IS_NAN(c), IS_INF(c), IS_NEGATIVE(c), ABS(c), FLOOR(c), CEIL(c), ROUND(c), TRUNC(c)
// Comparisons with NaN are false, but `ne`; maximum, minimum and clamp pass NaN on. sign(NaN) is 0
// and relu(NaN) is NaN, as in PyTorch.

#define LOOP add
#define OP(a, b, p) ((C)((W)(a) + (W)(b)))
#include "loop2.inc.h"

#define LOOP add_scaled
#define OP(a, b, p) ((C)((W)(a) + (W)(b) * (W)(p)))
#include "loop2.inc.h"

#define LOOP sub
#define OP(a, b, p) ((C)((W)(a) - (W)(b)))
#include "loop2.inc.h"

#define LOOP mul
#define OP(a, b, p) ((C)((W)(a) * (W)(b)))
#include "loop2.inc.h"

#define LOOP addcmul
#define OP(a, b, c, p) ((C)((W)(a) + (W)(p) * (W)(b) * (W)(c)))
#include "loop3.inc.h"

#define LOOP neg
#define OP(a, p) ((C)(-(W)(a)))
#include "loop1.inc.h"

#define LOOP square
#define OP(a, p) ((C)((W)(a) * (W)(a)))
#include "loop1.inc.h"

#define LOOP abs
#define OP(a, p) ABS(a)
#include "loop1.inc.h"

#define LOOP sign
#define OP(a, p) ((C)(((a) > 0) - IS_NEGATIVE(a)))
#include "loop1.inc.h"

#define LOOP relu
#define OP(a, p) (IS_NEGATIVE(a) ? (C)0 : (a))
#include "loop1.inc.h"

#define LOOP floor
#define OP(a, p) FLOOR(a)
#include "loop1.inc.h"

#define LOOP ceil
#define OP(a, p) CEIL(a)
#include "loop1.inc.h"

#define LOOP round
#define OP(a, p) ROUND(a)
#include "loop1.inc.h"

#define LOOP trunc
#define OP(a, p) TRUNC(a)
#include "loop1.inc.h"

#define LOOP maximum
#define OP(a, b, p) ((a) > (b) || IS_NAN(a) ? (a) : (b))
#include "loop2.inc.h"

#define LOOP minimum
#define OP(a, b, p) ((a) < (b) || IS_NAN(a) ? (a) : (b))
#include "loop2.inc.h"

static inline C NAME(clamp_value)(C a, C low, C high) {
  const C raised = a > low || IS_NAN(a) ? a : low;
  return raised < high || IS_NAN(raised) ? raised : high;
}

#define LOOP clamp
#define OP(a, b, c, p) NAME(clamp_value)(a, b, c)
#include "loop3.inc.h"

#define LOOP threshold_backward
#define OP(a, b, p) ((b) <= (p) ? (C)0 : (a))
#include "loop2.inc.h"

// ---- truth values

#define PREDICATE
#define LOOP eq
#define OP(a, b, p) ((a) == (b))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP ne
#define OP(a, b, p) ((a) != (b))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP lt
#define OP(a, b, p) ((a) < (b))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP le
#define OP(a, b, p) ((a) <= (b))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP gt
#define OP(a, b, p) ((a) > (b))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP ge
#define OP(a, b, p) ((a) >= (b))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP logical_and
#define OP(a, b, p) ((int)((a) != 0) & (int)((b) != 0))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP logical_or
#define OP(a, b, p) ((int)((a) != 0) | (int)((b) != 0))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP logical_xor
#define OP(a, b, p) ((int)((a) != 0) ^ (int)((b) != 0))
#include "loop2.inc.h"

#define PREDICATE
#define LOOP logical_not
#define OP(a, p) ((a) == 0)
#include "loop1.inc.h"

#define PREDICATE
#define LOOP isnan
#define OP(a, p) IS_NAN(a)
#include "loop1.inc.h"

#define PREDICATE
#define LOOP isinf
#define OP(a, p) IS_INF(a)
#include "loop1.inc.h"

#define PREDICATE
#define LOOP isfinite
#define OP(a, p) (!IS_NAN(a) && !IS_INF(a))
#include "loop1.inc.h"
