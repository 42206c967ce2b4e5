// SPDX-License-Identifier: Apache-2.0
//
// test_limits: finfo, iinfo and isdtype, against the C library's own limits and arithmetic.

#include <float.h>
#include <limits.h>
#include <tenon/tenon.h>

#include "tenon_test.h"

TN_TEST(limits, floats_are_those_of_the_c_library) {
  tn_float_limits f32, f64, c128;
  cr_assert_eq(tn_finfo(TN_F32, &f32), TN_OK);
  cr_assert_eq(tn_finfo(TN_F64, &f64), TN_OK);
  cr_assert_eq(tn_finfo(TN_C128, &c128), TN_OK);
  cr_expect_eq(f32.eps, (double)FLT_EPSILON);
  cr_expect_eq(f32.max, (double)FLT_MAX);
  cr_expect_eq(f32.smallest_normal, (double)FLT_MIN);
  cr_expect_eq(f64.eps, DBL_EPSILON);
  cr_expect_eq(f64.max, DBL_MAX);
  cr_expect_eq(f64.min, -DBL_MAX);
  cr_expect_eq(f64.smallest_normal, DBL_MIN);
  cr_expect_eq(f64.bits, 64);
  cr_expect_eq(c128.dtype, TN_F64);
  cr_expect_eq(c128.eps, DBL_EPSILON);
}

TN_TEST(limits, halves_hold_their_limits_exactly) {
  tn_float_limits f16, bf16;
  cr_assert_eq(tn_finfo(TN_F16, &f16), TN_OK);
  cr_assert_eq(tn_finfo(TN_BF16, &bf16), TN_OK);
  cr_expect_eq(f16.max, 65504.0);
  cr_expect_eq(f16.eps, 0x1p-10);
  cr_expect_eq(f16.smallest_normal, 0x1p-14);
  cr_expect_eq(bf16.max, 0x1.fep127);
  cr_expect_eq(bf16.eps, 0x1p-7);
  cr_expect_eq(f16.bits, 16);
}

TN_TEST(limits, integers_are_those_of_the_c_library) {
  const struct {
    tn_dtype dtype;
    int32_t bits;
    int64_t min;
    uint64_t max;
  } cases[] = {{TN_U8, 8, 0, UINT8_MAX},    {TN_I8, 8, INT8_MIN, INT8_MAX},
               {TN_U16, 16, 0, UINT16_MAX}, {TN_I16, 16, INT16_MIN, INT16_MAX},
               {TN_U32, 32, 0, UINT32_MAX}, {TN_I32, 32, INT32_MIN, INT32_MAX},
               {TN_U64, 64, 0, UINT64_MAX}, {TN_I64, 64, INT64_MIN, INT64_MAX}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    tn_integer_limits limits;
    cr_assert_eq(tn_iinfo(cases[i].dtype, &limits), TN_OK);
    cr_expect_eq(limits.bits, cases[i].bits);
    cr_expect_eq(limits.min, cases[i].min);
    cr_expect_eq(limits.max, cases[i].max);
  }
}

TN_TEST(limits, dtypes_of_another_kind_are_refused) {
  tn_float_limits floats;
  tn_integer_limits integers;
  cr_expect_eq(tn_finfo(TN_I32, &floats), TN_INVALID_DTYPE);
  tn_error_clear();
  cr_expect_eq(tn_iinfo(TN_BOOL, &integers), TN_INVALID_DTYPE);
  tn_error_clear();
  cr_expect_eq(tn_iinfo(TN_I32, NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
}

TN_TEST(limits, isdtype_knows_kinds_and_names) {
  cr_expect(tn_isdtype(TN_BOOL, "bool"));
  cr_expect(tn_isdtype(TN_U16, "unsigned integer"));
  cr_expect_not(tn_isdtype(TN_U16, "signed integer"));
  cr_expect(tn_isdtype(TN_BF16, "real floating"));
  cr_expect(tn_isdtype(TN_C64, "numeric"));
  cr_expect_not(tn_isdtype(TN_BOOL, "numeric"));
  cr_expect(tn_isdtype(TN_F32, "float32"));
  cr_expect_not(tn_isdtype(TN_F32, "float64"));
  cr_expect(tn_ok());
  cr_expect_not(tn_isdtype(TN_F32, "quaternion"));
  cr_assert_not(tn_ok());
  cr_expect_eq(tn_error_peek()->status, TN_INVALID_ARGUMENT);
  tn_error_clear();
}
