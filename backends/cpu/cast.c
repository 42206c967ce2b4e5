// SPDX-License-Identifier: Apache-2.0
//
// cast: one dtype to another, or to itself (a copy). The kernel is chosen by the result's dtype and
// reads any. Casts of floats are compiled for each instruction set (cast_float.simd.c), the others
// here. Copies of transposed matrices go through a tile of their own, see transpose.h.

#include "cast.h"
#include "bytes.h"

#define S boolean
#define T uint8_t
#define VALUE(t) ((t) != 0)
#define IS_TRUE(t) ((t) != 0)
#define FROM_NARROW
#include "cast_from.inc.h"

#define S u8
#define T uint8_t
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#define FROM_NARROW
#include "cast_from.inc.h"

#define S i8
#define T int8_t
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#define FROM_NARROW
#include "cast_from.inc.h"

#define S u16
#define T uint16_t
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#define FROM_NARROW
#include "cast_from.inc.h"

#define S i16
#define T int16_t
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#define FROM_NARROW
#include "cast_from.inc.h"

#define S u32
#define T uint32_t
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#include "cast_from.inc.h"

#define S i32
#define T int32_t
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#include "cast_from.inc.h"

#define S u64
#define T uint64_t
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#include "cast_from.inc.h"

#define S i64
#define T int64_t
#define VALUE(t) (t)
#define IS_TRUE(t) ((t) != 0)
#include "cast_from.inc.h"

#define S c64
#define T tn_complex64
#define VALUE(t) ((t).real)
#define IS_TRUE(t) ((t).real != 0 || (t).imag != 0)
#define FROM_FLOATING
#define FROM_NARROW
#define PARTS(real_type, t) (real_type)(t).real, (real_type)(t).imag
#include "cast_from.inc.h"

#define S c128
#define T tn_complex128
#define VALUE(t) ((t).real)
#define IS_TRUE(t) ((t).real != 0 || (t).imag != 0)
#define FROM_FLOATING
#define PARTS(real_type, t) (real_type)(t).real, (real_type)(t).imag
#include "cast_from.inc.h"

static const cpu_loop *casts_from[TN_DTYPE_COUNT] = {
    [TN_BOOL] = casts_boolean, [TN_U8] = casts_u8,   [TN_I8] = casts_i8,     [TN_U16] = casts_u16,
    [TN_I16] = casts_i16,      [TN_U32] = casts_u32, [TN_I32] = casts_i32,   [TN_U64] = casts_u64,
    [TN_I64] = casts_i64,      [TN_C64] = casts_c64, [TN_C128] = casts_c128,
};

void cpu_cast_start(cpu_isa isa) {
  static const cpu_loop *(*const from_float[CPU_ISA_COUNT])(tn_dtype) = {
#define X(isa) [CPU_ISA_##isa] = cpu_float_casts_##isa,
      CPU_ISA_TABLE(X)
#undef X
  };
  for (tn_dtype dtype = TN_F16; dtype <= TN_F64; dtype++)
    casts_from[dtype] = from_float[isa](dtype);
}

static tn_status run_cast(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_dtype to = args->views[0].dtype, from = args->views[1].dtype;
  const cpu_loop loop = from == to ? cpu_copy_loop(tn_dtype_size(to)) : casts_from[from][to];
  cpu_pointwise_run(args->views, 2, loop, NULL);
  return TN_OK;
}

const tn_kernel_row cpu_cast_rows[] = {
    {.op = "_cast",
     .dtypes = TN_DTYPES_ALL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_STRIDED,
     .flags = TN_ROW_DETERMINISTIC | TN_ROW_CASTS,
     .run = run_cast},
};

const uint64_t cpu_cast_row_count = sizeof cpu_cast_rows / sizeof cpu_cast_rows[0];
