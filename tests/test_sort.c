// SPDX-License-Identifier: Apache-2.0
//
// Sorting by properties, where the kit's references cannot look: numbers that no double holds, the
// bits of zeros and NaNs, lines of every length at which another method takes over, and data that
// is nearly in order or mostly equal.

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/half.h>

#include "nn_test.h"

// ---- exactness ---------------------------------------------------------------------------------

TN_TEST(sort, tells_integers_apart_that_no_double_does) {
  tn_scope *scope = tn_scope_open();
  const uint64_t u[] = {UINT64_MAX, UINT64_MAX - 1,   1ull << 63, (1ull << 63) + 1,
                        0,          (1ull << 53) + 1, 1ull << 53, (1ull << 63) - 1};
  const uint64_t u_sorted[] = {0,          1ull << 53,       (1ull << 53) + 1, (1ull << 63) - 1,
                               1ull << 63, (1ull << 63) + 1, UINT64_MAX - 1,   UINT64_MAX};
  tn_tensor *sorted = tn_sort(tn_from_data(u, TN_SHAPE(8), TN_U64), NULL);
  expect_ok();
  cr_assert_eq(memcmp(tn_tensor_data(sorted), u_sorted, sizeof u_sorted), 0);
  const int64_t i[] = {INT64_MAX, INT64_MIN, -1, 0, INT64_MAX - 1, INT64_MIN + 1};
  const int64_t i_sorted[] = {INT64_MAX, INT64_MAX - 1, 0, -1, INT64_MIN + 1, INT64_MIN};
  tn_tensor *self = tn_from_data(i, TN_SHAPE(6), TN_I64), *places;
  sorted = tn_sort(self, &places, .descending = true);
  cr_assert_eq(memcmp(tn_tensor_data(sorted), i_sorted, sizeof i_sorted), 0);
  expect_exactly(places, 0, 4, 3, 2, 5, 1);
  tn_tensor *least = tn_topk(self, 2, NULL, .largest = TN_NO);
  expect_ok();
  cr_assert_eq(memcmp(tn_tensor_data(least), (int64_t[]){INT64_MIN, INT64_MIN + 1}, 16), 0);
  tn_scope_close(scope);
}

TN_TEST(sort, keeps_the_bits_of_zeros_and_nans) {
  tn_scope *scope = tn_scope_open();
  const uint32_t bits[] = {0x7fc00123, 0x80000000, 0xff800000, 0x00000000, 0xffc00001,
                           0x80000000, 0x7f800000, 0x00000001, 0x80000001, 0x7f800001};
  const uint32_t in_order[] = {0xff800000, 0x80000001, 0x80000000, 0x00000000, 0x80000000,
                               0x00000001, 0x7f800000, 0x7fc00123, 0xffc00001, 0x7f800001};
  const uint32_t reversed[] = {0x7fc00123, 0xffc00001, 0x7f800001, 0x7f800000, 0x00000001,
                               0x80000000, 0x00000000, 0x80000000, 0x80000001, 0xff800000};
  tn_tensor *self = tn_from_data(bits, TN_SHAPE(10), TN_F32);
  tn_tensor *up = tn_sort(self, NULL), *down = tn_sort(self, NULL, .descending = true);
  expect_ok();
  cr_assert_eq(memcmp(tn_tensor_data(up), in_order, sizeof in_order), 0);
  cr_assert_eq(memcmp(tn_tensor_data(down), reversed, sizeof reversed), 0);
  tn_tensor *greatest = tn_topk(self, 7, NULL);
  cr_assert_eq(memcmp(tn_tensor_data(greatest), reversed, 7 * sizeof(uint32_t)), 0);
  tn_scope_close(scope);
}

TN_TEST(sort, orders_every_bfloat16_and_float16) {
  tn_scope *scope = tn_scope_open();
  uint16_t *bits = malloc(65536 * sizeof *bits);
  for (int32_t i = 0; i < 65536; i++) bits[i] = (uint16_t)(i * 40503);
  for (int32_t half = 0; half < 2; half++) {
    tn_tensor *self = tn_from_data(bits, TN_SHAPE(65536), half ? TN_F16 : TN_BF16);
    const uint16_t *sorted = tn_tensor_const_data(tn_sort(self, NULL));
    expect_ok();
    for (int32_t i = 1; i < 65536; i++) {
      float a = half ? tn_f16_to_f32(sorted[i - 1]) : tn_bf16_to_f32(sorted[i - 1]);
      float b = half ? tn_f16_to_f32(sorted[i]) : tn_bf16_to_f32(sorted[i]);
      cr_assert(isnan(b) || a <= b, "%d: %g before %g", i, (double)a, (double)b);
    }
  }
  free(bits);
  tn_scope_close(scope);
}

// ---- every method ------------------------------------------------------------------------------

static const int64_t lengths[] = {1,    2,    3,    15,   16,    17,    39,    40,    41,    63,
                                  64,   65,   127,  129,  511,   512,   513,   1000,  2047,  2048,
                                  4097, 8191, 8192, 8193, 20000, 65535, 65536, 70001, 140000};

enum { PATTERNS = 7 };

// Numbers of one pattern: random, ascending, descending, equal, few different, nearly in order,
// alike in all but the lowest bits.
static int64_t number_at(int32_t pattern, int64_t i, int64_t length, uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  const int64_t drawn = (int64_t)(*state >> 12);
  switch (pattern) {
    case 0:
      return drawn;
    case 1:
      return i;
    case 2:
      return length - i;
    case 3:
      return 7;
    case 4:
      return drawn % 3 - 1;
    case 5:
      return i % 50 == 49 ? drawn % length : i;
    default:
      return (INT64_C(1) << 50) + drawn % 1000;
  }
}

static tn_tensor *pattern_of(int32_t pattern, int64_t length, tn_dtype dtype) {
  int64_t *values = malloc((size_t)length * sizeof *values);
  uint64_t state = (uint64_t)(length * 31 + pattern);
  for (int64_t i = 0; i < length; i++) values[i] = number_at(pattern, i, length, &state);
  tn_tensor *tensor = tn_from_data(values, TN_SHAPE(length), TN_I64);
  free(values);
  return tn_to(tensor, TN_DEVICE_CPU, dtype);
}

static bool all_true(tn_tensor *condition) { return tn_item(tn_all(condition)) == 1; }

// In order, of equal ones the earlier first, and each from where its index says.
static void expect_in_order(tn_tensor *self, tn_tensor *values, tn_tensor *places, bool down) {
  const int64_t length = tn_tensor_numel(values);
  cr_assert(all_true(tn_eq(values, tn_index_select(self, 0, places))));
  tn_tensor *before = tn_slice(values, .end = TN_INT(length - 1));
  tn_tensor *after = tn_slice(values, .start = TN_INT(1));
  tn_tensor *stands_before = tn_slice(places, .end = TN_INT(length - 1));
  tn_tensor *stands_after = tn_slice(places, .start = TN_INT(1));
  tn_tensor *strictly = down ? tn_gt(before, after) : tn_lt(before, after);
  tn_tensor *equal = tn_logical_and(tn_eq(before, after), tn_lt(stands_before, stands_after));
  cr_assert(all_true(tn_logical_or(strictly, equal)));
  expect_ok();
}

static void check_lines(tn_dtype dtype) {
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    for (int32_t pattern = 0; pattern < PATTERNS; pattern++) {
      const bool down = (i + (size_t)pattern) % 2 == 0;
      tn_scope *scope = tn_scope_open();
      tn_tensor *self = pattern_of(pattern, lengths[i], dtype), *places;
      tn_tensor *values = tn_sort(self, &places, .descending = down);
      expect_ok();
      expect_in_order(self, values, places, down);
      tn_scope_close(scope);
    }
  }
}

TN_TEST(sort, puts_wide_words_in_order_at_every_length) { check_lines(TN_I64); }
TN_TEST(sort, puts_floats_of_64_bits_in_order_at_every_length) { check_lines(TN_F64); }
TN_TEST(sort, puts_narrow_words_in_order_at_every_length) { check_lines(TN_F32); }
TN_TEST(sort, puts_integers_of_32_bits_in_order_at_every_length) { check_lines(TN_U32); }
TN_TEST(sort, puts_bytes_in_order_at_every_length) { check_lines(TN_I8); }

// topk is the beginning of what sort gives, places included.
TN_TEST(topk, is_the_beginning_of_sort) {
  static const tn_dtype dtypes[] = {TN_F32, TN_I64, TN_U8};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    for (int32_t pattern = 0; pattern < PATTERNS; pattern++) {
      const int64_t length = lengths[i];
      const int64_t ks[] = {1, 2, length / 100, length / 3, length - 1, length};
      tn_scope *scope = tn_scope_open();
      tn_tensor *self = pattern_of(pattern, length, dtypes[(i + (size_t)pattern) % 3]), *places;
      tn_tensor *sorted = tn_sort(self, &places, .descending = true), *top_places;
      for (size_t k = 0; k < 6; k++) {
        if (ks[k] < 1 || ks[k] > length) continue;
        tn_tensor *top = tn_topk(self, ks[k], &top_places);
        expect_ok();
        cr_assert(all_true(tn_eq(top, tn_slice(sorted, .end = TN_INT(ks[k])))));
        cr_assert(all_true(tn_eq(top_places, tn_slice(places, .end = TN_INT(ks[k])))),
                  "length %d, pattern %d, k %d", (int)length, (int)pattern, (int)ks[k]);
      }
      tn_scope_close(scope);
    }
  }
}

TN_TEST(sort, of_columns_is_that_of_rows) {
  static const int64_t heights[] = {2, 17, 300, 1024, 9000}, widths[] = {1, 3, 16, 37};
  for (size_t i = 0; i < sizeof heights / sizeof heights[0]; i++) {
    for (size_t j = 0; j < sizeof widths / sizeof widths[0]; j++) {
      tn_scope *scope = tn_scope_open();
      const int64_t height = heights[i], width = widths[j];
      tn_tensor *self = tn_reshape(
          pattern_of((int32_t)(i + j) % PATTERNS, height * width, j % 2 == 0 ? TN_F32 : TN_I64),
          TN_SHAPE(height, width));
      tn_tensor *places, *turned_places;
      tn_tensor *values = tn_sort(self, &places, .dim = TN_INT(0));
      tn_tensor *turned = tn_sort(tn_transpose(self, 0, 1), &turned_places);
      cr_assert(all_true(tn_eq(values, tn_transpose(turned, 0, 1))));
      cr_assert(all_true(tn_eq(places, tn_transpose(turned_places, 0, 1))));
      values = tn_topk(self, (height + 2) / 3, &places, .dim = TN_INT(0));
      turned = tn_topk(tn_transpose(self, 0, 1), (height + 2) / 3, &turned_places);
      cr_assert(all_true(tn_eq(values, tn_transpose(turned, 0, 1))));
      cr_assert(all_true(tn_eq(places, tn_transpose(turned_places, 0, 1))));
      expect_ok();
      tn_scope_close(scope);
    }
  }
}

// ---- sizes -------------------------------------------------------------------------------------

TN_TEST(sort, of_more_elements_than_positions_hold_is_refused) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *one = tn_zeros(TN_SHAPE(1));
  tn_tensor *huge = tn_expand(one, TN_SHAPE(INT64_C(1) << 50));
  expect_ok();
  cr_assert_null(tn_sort(huge, NULL));
  expect_error(TN_UNIMPLEMENTED, "more than 2^32 - 1 elements");
  cr_assert_null(tn_topk(huge, 3, NULL));
  expect_error(TN_UNIMPLEMENTED, "more than 2^32 - 1 elements");
  tn_scope_close(scope);
}
