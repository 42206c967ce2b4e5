// SPDX-License-Identifier: Apache-2.0
//
// cast_from: the casts of one dtype to every dtype. Included with
//   S, T           its name and its type in memory
//   VALUE(t)       its real part as a number that C converts
//   IS_TRUE(t)     whether it is not zero
//   FROM_FLOATING  where that number is a float or double; FROM_NARROW where float holds it exactly
//   PARTS(type, t) for complex types: both parts as |type|, an initialiser
// Between floats casts round to nearest, once. From floats to integers they are defined for every
// value: see cpu_f64_to_i64. Between integers the low bits are kept.

#define NAME(to) CPU_PASTE3(cast, S, to)
#ifdef FROM_FLOATING
#define INTEGER(t) cpu_f64_to_i64((double)VALUE(t))
#define UNSIGNED_64(t) cpu_f64_to_u64((double)VALUE(t))
#else
#define INTEGER(t) VALUE(t)
#define UNSIGNED_64(t) ((uint64_t)VALUE(t))
#endif
#ifndef PARTS
#define PARTS(real_type, t) (real_type) VALUE(t), 0
#endif

#define TO boolean
#define TD uint8_t
#define CONVERT(t) ((uint8_t)IS_TRUE(t))
#include "cast_loop.inc.h"

#define TO u8
#define TD uint8_t
#define CONVERT(t) ((uint8_t)INTEGER(t))
#include "cast_loop.inc.h"

#define TO i8
#define TD int8_t
#define CONVERT(t) ((int8_t)INTEGER(t))
#include "cast_loop.inc.h"

#define TO u16
#define TD uint16_t
#define CONVERT(t) ((uint16_t)INTEGER(t))
#include "cast_loop.inc.h"

#define TO i16
#define TD int16_t
#define CONVERT(t) ((int16_t)INTEGER(t))
#include "cast_loop.inc.h"

#define TO u32
#define TD uint32_t
#define CONVERT(t) ((uint32_t)INTEGER(t))
#include "cast_loop.inc.h"

#define TO i32
#define TD int32_t
#define CONVERT(t) ((int32_t)INTEGER(t))
#include "cast_loop.inc.h"

#define TO u64
#define TD uint64_t
#define CONVERT(t) UNSIGNED_64(t)
#include "cast_loop.inc.h"

#define TO i64
#define TD int64_t
#define CONVERT(t) ((int64_t)INTEGER(t))
#include "cast_loop.inc.h"

#define TO f16
#define TD uint16_t
#ifdef FROM_NARROW
#define CONVERT(t) tn_f32_to_f16((float)VALUE(t))
#else
#define CONVERT(t) tn_f64_to_f16((double)VALUE(t))
#endif
#include "cast_loop.inc.h"

#define TO bf16
#define TD uint16_t
#ifdef FROM_NARROW
#define CONVERT(t) tn_f32_to_bf16((float)VALUE(t))
#else
#define CONVERT(t) tn_f64_to_bf16((double)VALUE(t))
#endif
#include "cast_loop.inc.h"

#define TO f32
#define TD float
#define CONVERT(t) ((float)VALUE(t))
#include "cast_loop.inc.h"

#define TO f64
#define TD double
#define CONVERT(t) ((double)VALUE(t))
#include "cast_loop.inc.h"

#define TO c64
#define TD tn_complex64
#define CONVERT(t) ((tn_complex64){PARTS(float, t)})
#include "cast_loop.inc.h"

#define TO c128
#define TD tn_complex128
#define CONVERT(t) ((tn_complex128){PARTS(double, t)})
#include "cast_loop.inc.h"

static const cpu_loop CPU_PASTE(casts, S)[TN_DTYPE_COUNT] = {
    NULL,      NAME(boolean), NAME(u8),  NAME(i8),   NAME(u16), NAME(i16), NAME(u32), NAME(i32),
    NAME(u64), NAME(i64),     NAME(f16), NAME(bf16), NAME(f32), NAME(f64), NAME(c64), NAME(c128)};

#undef NAME
#undef INTEGER
#undef UNSIGNED_64
#undef S
#undef T
#undef VALUE
#undef IS_TRUE
#undef FROM_FLOATING
#undef FROM_NARROW
#undef PARTS
