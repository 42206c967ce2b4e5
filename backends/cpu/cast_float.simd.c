// SPDX-License-Identifier: Apache-2.0
//
// cast_float: the casts of the four float dtypes, compiled once for each instruction set (TN_ISA).

#include "cast.h"

#define S f16
#define T uint16_t
#define VALUE(t) tn_f16_to_f32(t)
#define IS_TRUE(t) (((t)&0x7fffu) != 0)
#define FROM_FLOATING
#define FROM_NARROW
#include "cast_from.inc.h"

#define S bf16
#define T uint16_t
#define VALUE(t) tn_bf16_to_f32(t)
#define IS_TRUE(t) (((t)&0x7fffu) != 0)
#define FROM_FLOATING
#define FROM_NARROW
#include "cast_from.inc.h"

#define S f32
#define T float
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#define FROM_FLOATING
#define FROM_NARROW
#include "cast_from.inc.h"

#define S f64
#define T double
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#define FROM_FLOATING
#include "cast_from.inc.h"

const cpu_loop *CPU_PASTE(cpu_float_casts, TN_ISA)(tn_dtype from) {
  switch (from) {
    case TN_F16:
      return casts_f16;
    case TN_BF16:
      return casts_bf16;
    case TN_F32:
      return casts_f32;
    default:
      return casts_f64;
  }
}
