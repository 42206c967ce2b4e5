// SPDX-License-Identifier: Apache-2.0
//
// test_dtype: names, promotion, casting rules. The oracle for promotion is a few sentences of
// arithmetic on kinds and widths, written without sight of the table that they check.

#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>

#include "tenon_test.h"

static int bits_of(tn_dtype dtype) { return 8 * tn_dtype_size(dtype); }
static bool is_signed(tn_dtype dtype) { return tn_dtype_in(dtype, TN_DTYPES_SIGNED); }

static tn_dtype signed_of(int bits) {
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    if (is_signed(dtype) && bits_of(dtype) == bits) return dtype;
  }
  return TN_DTYPE_NONE;
}

static tn_dtype wider(tn_dtype a, tn_dtype b) { return bits_of(a) >= bits_of(b) ? a : b; }

// bool < integer < floating < complex
static int category(tn_dtype dtype) {
  if (dtype == TN_BOOL) return 0;
  if (tn_dtype_is_integer(dtype)) return 1;
  return tn_dtype_is_floating(dtype) ? 2 : 3;
}

static tn_dtype promoted_integers(tn_dtype a, tn_dtype b) {
  if (is_signed(a) == is_signed(b)) return wider(a, b);
  const tn_dtype with_sign = is_signed(a) ? a : b, without = is_signed(a) ? b : a;
  // The signed type that holds both ranges; 128 bits have none.
  const int needed = 2 * bits_of(without);
  return signed_of(needed > bits_of(with_sign) ? needed : bits_of(with_sign));
}

static tn_dtype promoted(tn_dtype a, tn_dtype b) {
  if (category(a) < category(b)) return promoted(b, a);
  if (a == b || category(b) == 0) return a;
  if (category(a) == 1) return promoted_integers(a, b);
  if (category(b) == 1) return a;
  if (category(a) == 2) return bits_of(a) == bits_of(b) ? TN_F32 : wider(a, b);
  return b == TN_F64 || a == TN_C128 || b == TN_C128 ? TN_C128 : TN_C64;
}

TN_TEST(dtype, promotion_follows_the_rules_for_every_pair) {
  for (tn_dtype a = 1; a < TN_DTYPE_COUNT; a++) {
    for (tn_dtype b = 1; b < TN_DTYPE_COUNT; b++) {
      const tn_dtype expected = promoted(a, b), given = tn_promote_types(a, b);
      cr_expect_eq(given, expected, "%s with %s: %s, not %s", tn_dtype_name(a), tn_dtype_name(b),
                   tn_dtype_name(given), tn_dtype_name(expected));
      cr_expect_eq(tn_error_clear(), expected == TN_DTYPE_NONE ? TN_INVALID_DTYPE : TN_OK);
    }
  }
}

TN_TEST(dtype, promotion_joins_the_halves_in_float32) {
  cr_assert_eq(tn_promote_types(TN_F16, TN_BF16), TN_F32);
}

TN_TEST(dtype, promotion_follows_the_array_api_for_unsigned_integers) {
  cr_assert_eq(tn_promote_types(TN_U16, TN_I16), TN_I32);
  cr_assert_eq(tn_promote_types(TN_U32, TN_I32), TN_I64);
  cr_assert_eq(tn_promote_types(TN_U32, TN_I8), TN_I64);
  cr_assert_eq(tn_promote_types(TN_U8, TN_U64), TN_U64);
}

TN_TEST(dtype, promotion_refuses_u64_with_a_signed_integer) {
  cr_assert_eq(tn_promote_types(TN_U64, TN_I8), TN_DTYPE_NONE);
  const tn_error *error = tn_error_peek();
  cr_assert_eq(error->status, TN_INVALID_DTYPE);
  cr_assert_not_null(strstr(error->message, "uint64"));
  cr_assert_not_null(strstr(error->message, "int8"));
  tn_error_clear();
}

TN_TEST(dtype, promotion_refuses_what_is_no_dtype) {
  static const tn_dtype wrong[] = {TN_DTYPE_NONE, TN_DTYPE_COUNT, -1, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    cr_expect_eq(tn_promote_types(TN_F32, wrong[i]), TN_DTYPE_NONE);
    cr_expect_eq(tn_error_clear(), TN_INVALID_DTYPE);
    cr_expect_eq(tn_promote_types(wrong[i], TN_F32), TN_DTYPE_NONE);
    cr_expect_eq(tn_error_clear(), TN_INVALID_DTYPE);
  }
}

// ---- names -------------------------------------------------------------------------------------

TN_TEST(dtype, every_name_parses_to_its_dtype) {
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    cr_expect_eq(tn_dtype_parse(tn_dtype_name(dtype)), dtype, "%s", tn_dtype_name(dtype));
  }
}

TN_TEST(dtype, the_short_names_parse) {
#define X(name, id, text, size, ctype) cr_expect_eq(tn_dtype_parse(#name), TN_##name, "%s", #name);
  TN_DTYPE_TABLE(X)
#undef X
  cr_assert_eq(tn_dtype_parse("f32"), TN_F32);
  cr_assert_eq(tn_dtype_parse("bf16"), TN_BF16);
  cr_assert_eq(tn_dtype_parse("c128"), TN_C128);
}

TN_TEST(dtype, the_names_of_c_parse) {
  cr_assert_eq(tn_dtype_parse("float"), TN_F32);
  cr_assert_eq(tn_dtype_parse("double"), TN_F64);
  cr_assert_eq(tn_dtype_parse("half"), TN_F16);
  cr_assert_eq(tn_dtype_parse("long"), TN_I64);
  cr_assert_eq(tn_dtype_parse("int"), TN_I32);
}

TN_TEST(dtype, unknown_names_and_dtypes_are_questions_without_error) {
  static const char *const wrong[] = {"", "float3", "float322", "f3", "f323", "Float32 ", "none"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    cr_expect_eq(tn_dtype_parse(wrong[i]), TN_DTYPE_NONE, "'%s'", wrong[i]);
  }
  cr_assert_eq(tn_dtype_parse(NULL), TN_DTYPE_NONE);
  cr_assert_str_eq(tn_dtype_name(TN_DTYPE_NONE), "?");
  cr_assert_str_eq(tn_dtype_name(-5), "?");
  cr_assert_str_eq(tn_dtype_name(TN_DTYPE_COUNT), "?");
  cr_assert(tn_ok());
}

// ---- casting -----------------------------------------------------------------------------------

TN_TEST(dtype, casting_never_falls_to_a_lower_category) {
  for (tn_dtype from = 1; from < TN_DTYPE_COUNT; from++) {
    for (tn_dtype to = 1; to < TN_DTYPE_COUNT; to++) {
      const bool expected = category(to) >= category(from);
      cr_expect_eq(tn_can_cast(from, to), expected, "%s to %s", tn_dtype_name(from),
                   tn_dtype_name(to));
    }
  }
  cr_assert_not(tn_can_cast(TN_DTYPE_NONE, TN_F32));
  cr_assert_not(tn_can_cast(TN_F32, TN_DTYPE_NONE));
  cr_assert_not(tn_can_cast(99, -1));
  cr_assert(tn_ok());
}

TN_TEST(dtype, the_default_is_float32_and_takes_floats_only) {
  cr_assert_eq(tn_default_dtype(), TN_F32);
  cr_assert_eq(tn_set_default_dtype(TN_I64), TN_INVALID_DTYPE);
  tn_error_clear();
  cr_assert_eq(tn_set_default_dtype(TN_C64), TN_INVALID_DTYPE);
  tn_error_clear();
  cr_assert_eq(tn_set_default_dtype(1000), TN_INVALID_DTYPE);
  tn_error_clear();
  cr_assert_eq(tn_default_dtype(), TN_F32);
  cr_assert_eq(tn_set_default_dtype(TN_F64), TN_OK);
  cr_assert_eq(tn_default_dtype(), TN_F64);
}

// ---- the dtype of a call -----------------------------------------------------------------------

static const int64_t zeros[16];

static tn_tensor *vector(tn_dtype dtype) {
  return tn_from_const_blob(zeros, TN_SHAPE(2), TN_NO_DIMS, dtype, NULL, NULL);
}
static tn_tensor *zero_dim(tn_dtype dtype) {
  return tn_from_const_blob(zeros, TN_SHAPE_SCALAR, TN_NO_DIMS, dtype, NULL, NULL);
}

static void expect_result(tn_tensor *a, tn_tensor *b, tn_dtype expected) {
  const tn_dtype given = tn_result_type(TN_TENSORS(a, b));
  cr_expect_eq(given, expected, "%s[%d] with %s[%d]: %s, not %s", tn_dtype_name(tn_tensor_dtype(a)),
               tn_tensor_ndim(a), tn_dtype_name(tn_tensor_dtype(b)), tn_tensor_ndim(b),
               tn_dtype_name(given), tn_dtype_name(expected));
  cr_expect_eq(tn_result_type(TN_TENSORS(b, a)), expected, "the order matters");
  tn_release(a);
  tn_release(b);
}

TN_TEST(dtype, dimensioned_tensors_win_within_a_category) {
  expect_result(vector(TN_F32), zero_dim(TN_F64), TN_F32);
  expect_result(vector(TN_F16), zero_dim(TN_F64), TN_F16);
  expect_result(vector(TN_U8), zero_dim(TN_I64), TN_U8);
  expect_result(vector(TN_U64), zero_dim(TN_I8), TN_U64);
  expect_result(vector(TN_F32), zero_dim(TN_I64), TN_F32);
  expect_result(vector(TN_C64), zero_dim(TN_F64), TN_C64);
}

TN_TEST(dtype, zero_dim_tensors_raise_the_category) {
  expect_result(vector(TN_I64), zero_dim(TN_F64), TN_F64);
  expect_result(vector(TN_BOOL), zero_dim(TN_U8), TN_U8);
  expect_result(vector(TN_I32), zero_dim(TN_BF16), TN_BF16);
  expect_result(vector(TN_F32), zero_dim(TN_C128), TN_C64);
  expect_result(vector(TN_F64), zero_dim(TN_C64), TN_C128);
  expect_result(vector(TN_I64), zero_dim(TN_C64), TN_C64);
}

TN_TEST(dtype, equals_promote_types_for_tensors_of_a_kind) {
  for (tn_dtype a = 1; a < TN_DTYPE_COUNT; a++) {
    for (tn_dtype b = 1; b < TN_DTYPE_COUNT; b++) {
      if (promoted(a, b) == TN_DTYPE_NONE) continue;
      expect_result(vector(a), vector(b), promoted(a, b));
      expect_result(zero_dim(a), zero_dim(b), promoted(a, b));
    }
  }
}

TN_TEST(dtype, result_type_takes_absent_tensors_for_nothing) {
  tn_tensor *only = vector(TN_I16);
  cr_assert_eq(tn_result_type(TN_TENSORS(TN_NONE, only, TN_NONE)), TN_I16);
  cr_assert(tn_ok());
  tn_release(only);
}

TN_TEST(dtype, result_type_names_what_does_not_go_together) {
  tn_tensor *a = vector(TN_U64), *b = vector(TN_I64);
  cr_assert_eq(tn_result_type(TN_TENSORS(a, b)), TN_DTYPE_NONE);
  cr_assert_eq(tn_error_peek()->status, TN_INVALID_DTYPE);
  cr_assert_not_null(strstr(tn_error_peek()->message, "uint64, int64"));
  tn_error_clear();
  cr_assert_eq(tn_result_type((tn_tensors){NULL, 0}), TN_DTYPE_NONE);
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  cr_assert_eq(tn_result_type(TN_TENSORS(a, NULL)), TN_DTYPE_NONE);
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  tn_release(a);
  tn_release(b);
}
