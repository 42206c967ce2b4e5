// SPDX-License-Identifier: Apache-2.0
//
// reduce_int: the folds of the eight integer types and bool, each compiled from reduce_int.inc.h.

#include "pointwise.h"
#include "reduce.h"

#define S boolean
#define T uint8_t
#define LOWEST 0
#define HIGHEST 1
#include "reduce_int.inc.h"

#define S u8
#define T uint8_t
#define LOWEST 0
#define HIGHEST UINT8_MAX
#include "reduce_int.inc.h"

#define S i8
#define T int8_t
#define LOWEST INT8_MIN
#define HIGHEST INT8_MAX
#include "reduce_int.inc.h"

#define S u16
#define T uint16_t
#define LOWEST 0
#define HIGHEST UINT16_MAX
#include "reduce_int.inc.h"

#define S i16
#define T int16_t
#define LOWEST INT16_MIN
#define HIGHEST INT16_MAX
#include "reduce_int.inc.h"

#define S u32
#define T uint32_t
#define LOWEST 0
#define HIGHEST UINT32_MAX
#include "reduce_int.inc.h"

#define S i32
#define T int32_t
#define LOWEST INT32_MIN
#define HIGHEST INT32_MAX
#include "reduce_int.inc.h"

#define S u64
#define T uint64_t
#define LOWEST 0
#define HIGHEST UINT64_MAX
#include "reduce_int.inc.h"

#define S i64
#define T int64_t
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#include "reduce_int.inc.h"

const cpu_fold *cpu_int_folds(tn_dtype dtype) {
  static const cpu_fold *const tables[TN_DTYPE_COUNT] = {
      [TN_BOOL] = folds_boolean, [TN_U8] = folds_u8,   [TN_I8] = folds_i8,
      [TN_U16] = folds_u16,      [TN_I16] = folds_i16, [TN_U32] = folds_u32,
      [TN_I32] = folds_i32,      [TN_U64] = folds_u64, [TN_I64] = folds_i64,
  };
  return tables[dtype];
}
