// SPDX-License-Identifier: Apache-2.0
//
// pointwise_int: the loops of the eight integer types and bool, each compiled from
// pointwise_int.inc.h. Arithmetic is done in 32 or 64 bits and wraps; a bool is a number that is
// stored as "not zero", so its sum is `or` and its product `and`.

#include "pointwise.h"

#define S boolean
#define T uint8_t
#define C uint32_t
#define W uint32_t
#define STORE(value) ((T)((value) != 0))
#define BITWISE_NOT(a) ((a) ^ 1u)
#include "pointwise_int.inc.h"

#define S u8
#define T uint8_t
#define C uint32_t
#define W uint32_t
#define STORE(value) ((T)(value))
#define BITWISE_NOT(a) (~(a))
#include "pointwise_int.inc.h"

#define S i8
#define T int8_t
#define C int32_t
#define W uint32_t
#define SIGNED
#define STORE(value) ((T)(value))
#define BITWISE_NOT(a) (~(a))
#include "pointwise_int.inc.h"

#define S u16
#define T uint16_t
#define C uint32_t
#define W uint32_t
#define STORE(value) ((T)(value))
#define BITWISE_NOT(a) (~(a))
#include "pointwise_int.inc.h"

#define S i16
#define T int16_t
#define C int32_t
#define W uint32_t
#define SIGNED
#define STORE(value) ((T)(value))
#define BITWISE_NOT(a) (~(a))
#include "pointwise_int.inc.h"

#define S u32
#define T uint32_t
#define C uint32_t
#define W uint32_t
#define STORE(value) ((T)(value))
#define BITWISE_NOT(a) (~(a))
#include "pointwise_int.inc.h"

#define S i32
#define T int32_t
#define C int32_t
#define W uint32_t
#define SIGNED
#define STORE(value) ((T)(value))
#define BITWISE_NOT(a) (~(a))
#include "pointwise_int.inc.h"

#define S u64
#define T uint64_t
#define C uint64_t
#define W uint64_t
#define STORE(value) ((T)(value))
#define BITWISE_NOT(a) (~(a))
#include "pointwise_int.inc.h"

#define S i64
#define T int64_t
#define C int64_t
#define W uint64_t
#define SIGNED
#define STORE(value) ((T)(value))
#define BITWISE_NOT(a) (~(a))
#include "pointwise_int.inc.h"

const cpu_loop *cpu_int_loops(tn_dtype dtype) {
  static const cpu_loop *const tables[TN_DTYPE_COUNT] = {
      [TN_BOOL] = loops_boolean, [TN_U8] = loops_u8,   [TN_I8] = loops_i8,
      [TN_U16] = loops_u16,      [TN_I16] = loops_i16, [TN_U32] = loops_u32,
      [TN_I32] = loops_i32,      [TN_U64] = loops_u64, [TN_I64] = loops_i64,
  };
  return tables[dtype];
}
