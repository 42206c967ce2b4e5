// SPDX-License-Identifier: Apache-2.0
//
// promotion: what two dtypes become, pair by pair, as data. Read along a row: the row's dtype with
// each dtype in the order of tn_dtype. Pairs that PyTorch has are as there, those of u16, u32 and
// u64 as the Array API standard has them; "----" are pairs that neither joins. No rule computes the
// table, so a change of the rules cannot change it along.

#include <stdio.h>
#include <string.h>

#include "tensor_test.h"

// clang-format off
static const char *const short_names[] = {"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "BF16",
                                          "F32", "F64", "C64", "C128"};
static const tn_dtype dtypes[] = {TN_BOOL, TN_U8, TN_I8, TN_U16, TN_I16, TN_U32, TN_I32, TN_U64, TN_I64, TN_F16, TN_BF16,
                                  TN_F32, TN_F64, TN_C64, TN_C128};
static const char *const table[] = {
    "BOOL U8   I8   U16  I16  U32  I32  U64  I64  F16  BF16 F32  F64  C64  C128",
    "U8   U8   I16  U16  I16  U32  I32  U64  I64  F16  BF16 F32  F64  C64  C128",
    "I8   I16  I8   I32  I16  I64  I32  ---- I64  F16  BF16 F32  F64  C64  C128",
    "U16  U16  I32  U16  I32  U32  I32  U64  I64  F16  BF16 F32  F64  C64  C128",
    "I16  I16  I16  I32  I16  I64  I32  ---- I64  F16  BF16 F32  F64  C64  C128",
    "U32  U32  I64  U32  I64  U32  I64  U64  I64  F16  BF16 F32  F64  C64  C128",
    "I32  I32  I32  I32  I32  I64  I32  ---- I64  F16  BF16 F32  F64  C64  C128",
    "U64  U64  ---- U64  ---- U64  ---- U64  ---- F16  BF16 F32  F64  C64  C128",
    "I64  I64  I64  I64  I64  I64  I64  ---- I64  F16  BF16 F32  F64  C64  C128",
    "F16  F16  F16  F16  F16  F16  F16  F16  F16  F16  F32  F32  F64  C64  C128",
    "BF16 BF16 BF16 BF16 BF16 BF16 BF16 BF16 BF16 F32  BF16 F32  F64  C64  C128",
    "F32  F32  F32  F32  F32  F32  F32  F32  F32  F32  F32  F32  F64  C64  C128",
    "F64  F64  F64  F64  F64  F64  F64  F64  F64  F64  F64  F64  F64  C128 C128",
    "C64  C64  C64  C64  C64  C64  C64  C64  C64  C64  C64  C64  C128 C64  C128",
    "C128 C128 C128 C128 C128 C128 C128 C128 C128 C128 C128 C128 C128 C128 C128",
};
// clang-format on

enum { COUNT = sizeof dtypes / sizeof dtypes[0] };

static tn_dtype named(const char *name) {
  for (int i = 0; i < COUNT; i++) {
    if (strcmp(short_names[i], name) == 0) return dtypes[i];
  }
  return TN_DTYPE_NONE;
}

TN_TEST(promotion, of_every_pair_is_as_the_table_says) {
  for (int row = 0; row < COUNT; row++) {
    const char *at = table[row];
    for (int column = 0; column < COUNT; column++) {
      char cell[8];
      int read = 0;
      cr_assert_eq(sscanf(at, "%7s%n", cell, &read), 1);
      at += read;
      cr_expect_eq(tn_promote_types(dtypes[row], dtypes[column]), named(cell), "%s with %s: %s",
                   short_names[row], short_names[column], cell);
      tn_error_clear();
    }
  }
}
