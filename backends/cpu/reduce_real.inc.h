// SPDX-License-Identifier: Apache-2.0
//
// reduce_real: the folds that bool, integers and floats share. Included once for each dtype with
//   S, T, C    its name, its type in memory, the type of computation     LOAD(t)   a T as a C
//   LOWEST, HIGHEST   where extrema start         IS_NAN(c)
//   VALUE_OF(e)       the value in a cpu_extremum
//   PRODUCT           the type of products
// A NaN beats everything but an earlier NaN.

#define FN(fold, part) CPU_PASTE3(fold, part, S)
#define SAME(x, value) ((int)((x) == (value)) | ((int)IS_NAN(x) & (int)IS_NAN(value)))
#define LARGER(x, best) ((int)((x) > (best)) | ((int)IS_NAN(x) & (int)!IS_NAN(best)))
#define SMALLER(x, best) ((int)((x) < (best)) | ((int)IS_NAN(x) & (int)!IS_NAN(best)))

#define FOLD prod
#define A PRODUCT
#define START ((PRODUCT)1)
#define STEP(a, x) ((a) * (PRODUCT)(x))
#define JOIN(a, b) ((a) * (b))
#include "fold_lanes.inc.h"

#define FOLD amax
#define A C
#define START LOWEST
#define STEP(a, x) (LARGER(x, a) ? (x) : (a))
#define JOIN(a, b) (LARGER(b, a) ? (b) : (a))
#include "fold_lanes.inc.h"

#define FOLD amin
#define A C
#define START HIGHEST
#define STEP(a, x) (SMALLER(x, a) ? (x) : (a))
#define JOIN(a, b) (SMALLER(b, a) ? (b) : (a))
#include "fold_lanes.inc.h"

#define FOLD argmax
#define EXTREMUM amax
#define BEATS(x, best) LARGER(x, best)
#include "fold_extremum.inc.h"

#define FOLD argmin
#define EXTREMUM amin
#define BEATS(x, best) SMALLER(x, best)
#include "fold_extremum.inc.h"

#define FOLD any
#define A uint8_t
#define START 0
#define STEP(a, x) ((uint8_t)((a) | ((x) != 0)))
#define JOIN(a, b) ((uint8_t)((a) | (b)))
#include "fold_lanes.inc.h"

#define FOLD all
#define A uint8_t
#define START 1
#define STEP(a, x) ((uint8_t)((a) & ((x) != 0)))
#define JOIN(a, b) ((uint8_t)((a) & (b)))
#include "fold_lanes.inc.h"
