// SPDX-License-Identifier: Apache-2.0
//
// pointwise_float: the loops of the four float dtypes, compiled once for each instruction set
// (TN_ISA). f16 and bf16 compute in float and round once.

#include <math.h>

#include "pointwise.h"
#include "vecmath.h"

enum { BLOCK_LENGTH = 256 };  // of a block on the stack: 1 or 2 KiB

#define VEC(name) CPU_PASTE(name, CS)

// ---- float and the types that compute in it

#define CS f32
#define C float
#define M(name) name##f
#define POW(x, y) vec_pow_f32(x, y)
#define SIN(x) vec_sin_f32(x)
#define COS(x) vec_cos_f32(x)
#define ERF(x) vec_erf_f32(x)

#define S f32
#define T float
#define LOAD(value) (value)
#define STORE(value) (value)
#define IS_COMPUTE_TYPE
#include "pointwise_float.inc.h"

#define S f16
#define T uint16_t
#define LOAD(bits) tn_f16_to_f32(bits)
#define STORE(value) tn_f32_to_f16(value)
#include "pointwise_float.inc.h"

#define S bf16
#define T uint16_t
#define LOAD(bits) tn_bf16_to_f32(bits)
#define STORE(value) tn_f32_to_bf16(value)
#include "pointwise_float.inc.h"

#undef CS
#undef C
#undef M
#undef POW
#undef SIN
#undef COS
#undef ERF

// ---- double

#define CS f64
#define C double
#define M(name) name
#define POW(x, y) pow(x, y)
#define SIN(x) sin(x)
#define COS(x) cos(x)
#define ERF(x) erf(x)

#define S f64
#define T double
#define LOAD(value) (value)
#define STORE(value) (value)
#define IS_COMPUTE_TYPE
#include "pointwise_float.inc.h"

const cpu_loop *CPU_PASTE(cpu_float_loops, TN_ISA)(tn_dtype dtype) {
  switch (dtype) {
    case TN_F16:
      return loops_f16;
    case TN_BF16:
      return loops_bf16;
    case TN_F32:
      return loops_f32;
    default:
      return loops_f64;
  }
}
