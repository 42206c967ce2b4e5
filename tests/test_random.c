// SPDX-License-Identifier: Apache-2.0
//
// Random numbers: the generator against its published vectors, draws against the generator, the
// same numbers at any thread count, and what each distribution promises. The reference here is
// written from the paper, with the whole 128-bit counter, and is itself checked first.

#include <stdlib.h>
#include <tenon/philox.h>

#include "tensor_test.h"

// ---- Philox 4x32-10 (Salmon et al., 2011, section 3.3) -----------------------------------------

static void reference_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t x[4], k0 = key[0], k1 = key[1];
  memcpy(x, counter, sizeof x);
  for (int round = 0; round < 10; round++) {
    if (round > 0) {
      k0 += 0x9E3779B9u;  // the golden ratio
      k1 += 0xBB67AE85u;  // sqrt(3) - 1
    }
    uint64_t left = (uint64_t)0xD2511F53u * x[0], right = (uint64_t)0xCD9E8D57u * x[2];
    uint32_t next[4] = {(uint32_t)(right >> 32) ^ x[1] ^ k0, (uint32_t)right,
                        (uint32_t)(left >> 32) ^ x[3] ^ k1, (uint32_t)left};
    memcpy(x, next, sizeof x);
  }
  memcpy(out, x, sizeof x);
}

static void expect_words(const uint32_t *words, const uint32_t *expected) {
  for (int i = 0; i < 4; i++) {
    cr_assert_eq(words[i], expected[i], "word %d is %08x, expected %08x", i, words[i], expected[i]);
  }
}

TN_TEST(philox, reference_gives_the_published_vectors) {
  static const struct {
    uint32_t counter[4], key[2], expected[4];
  } known[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint32_t words[4];
    reference_philox(known[i].counter, known[i].key, words);
    expect_words(words, known[i].expected);
  }
}

TN_TEST(philox, of_the_header_is_the_reference) {
  const uint64_t seeds[] = {0, 1, 42, UINT64_MAX, 0x299f31d0a4093822u, 1ull << 32};
  const uint64_t counters[] = {0, 1, 7, UINT32_MAX, 1ull << 32, UINT64_MAX, 0x85a308d3243f6a88u};
  for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
    for (size_t c = 0; c < sizeof counters / sizeof *counters; c++) {
      uint32_t counter[4] = {(uint32_t)counters[c], (uint32_t)(counters[c] >> 32), 0, 0};
      uint32_t key[2] = {(uint32_t)seeds[s], (uint32_t)(seeds[s] >> 32)}, expected[4];
      reference_philox(counter, key, expected);
      expect_words(tn_philox(seeds[s], counters[c]).word, expected);
    }
  }
}

// ---- draws -------------------------------------------------------------------------------------

// 32 random bits of element |i| of a draw.
static uint32_t bits_of(uint64_t seed, uint64_t offset, uint64_t i) {
  uint64_t block = offset + i / 4;
  uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
  uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, words[4];
  reference_philox(counter, key, words);
  return words[i % 4];
}

TN_TEST(rand, is_24_bits_of_the_generator) {
  enum { COUNT = 1003 };
  const uint64_t seed = 0x123456789abcdefu;
  tn_manual_seed(seed);
  tn_philox_state state;
  cr_assert_eq(tn_random_state(TN_DEVICE_CPU, &state), TN_OK);
  cr_assert(state.seed == seed && state.offset == 0);
  for (int draw = 0; draw < 3; draw++) {
    cr_assert_eq(tn_random_state(TN_DEVICE_CPU, &state), TN_OK);
    tn_tensor *x = tn_rand(TN_SHAPE(COUNT));
    const float *cells = tn_tensor_const_data(x);
    for (uint64_t i = 0; i < COUNT; i++) {
      float expected = (float)(bits_of(seed, state.offset, i) >> 8) * 0x1p-24f;
      cr_assert_eq(cells[i], expected, "draw %d, element %d", draw, (int)i);
    }
    tn_release(x);
  }
}

static bool same_bits(const tn_tensor *a, const tn_tensor *b) {
  size_t bytes = (size_t)tn_tensor_numel(a) * (size_t)tn_dtype_size(tn_tensor_dtype(a));
  return tn_tensor_numel(a) == tn_tensor_numel(b) && tn_tensor_dtype(a) == tn_tensor_dtype(b) &&
         memcmp(tn_tensor_const_data(a), tn_tensor_const_data(b), bytes) == 0;
}

enum { DRAWS = 10 };

// One draw of every random operator, large enough for several threads.
static void draw_all(tn_tensor **out) {
  tn_tensor *half = tn_full(TN_SHAPE(50000), 0.5);
  tn_manual_seed(99);
  out[0] = tn_rand(TN_SHAPE(250, 201));
  out[1] = tn_rand(TN_SHAPE(50001), .dtype = TN_F64);
  out[2] = tn_randn(TN_SHAPE(50001));
  out[3] = tn_randn(TN_SHAPE(50001), .dtype = TN_F64);
  out[4] = tn_randint(-5, 1000, TN_SHAPE(50001));
  out[5] = tn_randperm(50001);
  out[6] = tn_bernoulli(half);
  out[7] = tn_dropout(half, 0.3, true);
  out[8] = tn_rand(TN_SHAPE(50001), .dtype = TN_BF16);
  out[9] = tn_bernoulli_p(half, 0.25);
  tn_release(half);
}

TN_TEST(random, gives_the_same_bits_at_any_thread_count) {
  const int32_t counts[] = {1, 2, 3, 8};
  tn_tensor *first[DRAWS], *again[DRAWS];
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    tn_set_thread_count(counts[c]);
    cr_assert_eq(tn_thread_count(), counts[c]);
    draw_all(c == 0 ? first : again);
    for (int i = 0; c > 0 && i < DRAWS; i++) {
      cr_assert(same_bits(first[i], again[i]), "draw %d at %d threads", i, counts[c]);
      tn_release(again[i]);
    }
  }
  for (int i = 0; i < DRAWS; i++) tn_release(first[i]);
}

TN_TEST(random, follows_the_seed_and_nothing_else) {
  tn_scope *scope = tn_scope_open();
  tn_manual_seed(1);
  tn_tensor *a = tn_rand(TN_SHAPE(100)), *b = tn_rand(TN_SHAPE(100));
  cr_assert_not(same_bits(a, b), "a second draw goes on");
  tn_manual_seed(2);
  cr_assert_not(same_bits(a, tn_rand(TN_SHAPE(100))));
  tn_manual_seed(1);
  cr_assert(same_bits(a, tn_rand(TN_SHAPE(100))));
  cr_assert(same_bits(b, tn_rand(TN_SHAPE(10, 10))));
  tn_scope_close(scope);
}

TN_TEST(random, state_can_be_kept_and_put_back) {
  tn_scope *scope = tn_scope_open();
  tn_philox_state state;
  tn_randn(TN_SHAPE(17));
  cr_assert_eq(tn_random_state(TN_DEVICE_CPU, &state), TN_OK);
  tn_tensor *a = tn_randn(TN_SHAPE(50));
  cr_assert_eq(tn_set_random_state(TN_DEVICE_CPU, state), TN_OK);
  cr_assert(same_bits(a, tn_randn(TN_SHAPE(50))));
  cr_assert_neq(tn_random_state((tn_device){99, 0}, &state), TN_OK);
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_neq(tn_set_random_state((tn_device){99, 0}, state), TN_OK);
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_scope_close(scope);
}

TN_TEST(random, draws_do_not_overlap) {
  enum { SMALL = 64 };
  tn_manual_seed(3);
  float drawn[SMALL * 7];
  for (int i = 0; i < SMALL; i++) {
    tn_tensor *x = tn_rand(TN_SHAPE(7));
    memcpy(drawn + 7 * i, tn_tensor_const_data(x), 7 * sizeof(float));
    tn_release(x);
  }
  for (int i = 0; i < SMALL * 7; i++) {
    int equal = 0;
    for (int k = 0; k < SMALL * 7; k++) equal += drawn[k] == drawn[i];
    cr_assert_eq(equal, 1, "number %d was drawn %d times", i, equal);
  }
}

// What is no seed is not taken for one: nothing is drawn with another than the user meant.
TN_TEST(random, nonsense_in_TENON_SEED_is_an_error) {
  setenv("TENON_SEED", "12x", 1);
  cr_assert_null(tn_rand(TN_SHAPE(10)));
  cr_assert_not_null(strstr(tn_error_peek()->message, "TENON_SEED=12x"));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
}

TN_TEST(random, reads_TENON_SEED_at_the_start) {
  setenv("TENON_SEED", "1234", 1);
  tn_scope *scope = tn_scope_open();
  tn_tensor *first = tn_rand(TN_SHAPE(10));
  tn_manual_seed(1234);
  cr_assert(same_bits(first, tn_rand(TN_SHAPE(10))));
  tn_scope_close(scope);
}

// ---- distributions -----------------------------------------------------------------------------

enum { MANY = 200000 };

TN_TEST(rand, is_uniform_on_zero_to_one) {
  const tn_dtype dtypes[] = {TN_F16, TN_BF16, TN_F32, TN_F64};
  for (size_t i = 0; i < 4; i++) {
    tn_scope *scope = tn_scope_open();
    tn_tensor *x = tn_to(tn_rand(TN_SHAPE(MANY), .dtype = dtypes[i]), TN_DEVICE_CPU, TN_F64);
    cr_assert(tn_item(tn_min(x)) >= 0);
    cr_assert(tn_item(tn_max(x)) < 1, "%s reaches %.9g", tn_dtype_name(dtypes[i]),
              tn_item(tn_max(x)));
    cr_assert(fabs(tn_item(tn_mean(x)) - 0.5) < 5e-3);
    cr_assert(fabs(tn_item(tn_var(x)) - 1.0 / 12) < 2e-3);
    tn_scope_close(scope);
  }
}

TN_TEST(randn, has_the_moments_of_a_normal) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_randn(TN_SHAPE(MANY), .dtype = TN_F64);
  cr_assert(tn_item(tn_all(tn_isfinite(x))) == 1);
  cr_assert(fabs(tn_item(tn_mean(x))) < 1e-2);
  cr_assert(fabs(tn_item(tn_var(x)) - 1) < 2e-2);
  cr_assert(fabs(tn_item(tn_mean(tn_pow_scalar(x, 3)))) < 5e-2);
  cr_assert(fabs(tn_item(tn_mean(tn_pow_scalar(x, 4))) - 3) < 1e-1);
  tn_tensor *far = tn_gt_scalar(tn_abs(x), 1.959964);
  cr_assert(fabs(tn_item(tn_sum(far)) / MANY - 0.05) < 3e-3);
  tn_scope_close(scope);
}

TN_TEST(randint, stays_in_range_and_reaches_both_ends) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_randint(-3, 4, TN_SHAPE(MANY));
  cr_assert_eq(tn_tensor_dtype(x), TN_I64);
  cr_assert_eq(tn_item_int(tn_min(x)), -3);
  cr_assert_eq(tn_item_int(tn_max(x)), 3);
  for (int value = -3; value < 4; value++) {
    double share = tn_item(tn_sum(tn_eq_scalar(x, value))) / MANY;
    cr_assert(fabs(share - 1.0 / 7) < 5e-3, "%d: %g", value, share);
  }
  tn_tensor *one = tn_randint(5, 6, TN_SHAPE(10), .dtype = TN_I8);
  cr_assert_eq(tn_item(tn_sum(one)), 50.0);
  tn_tensor *widest = tn_randint(INT64_MIN, INT64_MAX, TN_SHAPE(1000));
  cr_assert(tn_item(tn_min(widest)) < -1e18 && tn_item(tn_max(widest)) > 1e18);
  tn_scope_close(scope);
}

TN_TEST(randperm, is_a_permutation) {
  const int64_t counts[] = {0, 1, 2, 3, 100, 70001};
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    tn_tensor *x = tn_randperm(counts[c]);
    cr_assert_eq(tn_tensor_numel(x), counts[c]);
    cr_assert_eq(tn_tensor_dtype(x), TN_I64);
    char *seen = calloc((size_t)counts[c] + 1, 1);
    const int64_t *cells = tn_tensor_const_data(x);
    int64_t moved = 0;
    for (int64_t i = 0; i < counts[c]; i++) {
      cr_assert(cells[i] >= 0 && cells[i] < counts[c]);
      cr_assert_eq(seen[cells[i]]++, 0);
      moved += cells[i] != i;
    }
    if (counts[c] > 50) cr_assert(moved > counts[c] * 9 / 10);
    free(seen);
    tn_release(x);
  }
}

TN_TEST(randperm, reaches_every_order_of_three) {
  int seen[27] = {0};
  for (int i = 0; i < 600; i++) {
    tn_tensor *x = tn_randperm(3);
    const int64_t *cells = tn_tensor_const_data(x);
    seen[cells[0] * 9 + cells[1] * 3 + cells[2]]++;
    tn_release(x);
  }
  int orders = 0;
  for (int i = 0; i < 27; i++) {
    orders += seen[i] > 0;
    cr_assert(seen[i] == 0 || (seen[i] > 50 && seen[i] < 160), "an order came %d times", seen[i]);
  }
  cr_assert_eq(orders, 6);
}

TN_TEST(bernoulli, follows_its_probabilities) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *p =
      tn_expand(doubles(TN_SHAPE(4, 1), (double[]){0, 0.25, 0.75, 1}), TN_SHAPE(4, MANY / 4));
  double share[4];
  tn_tensor *x = tn_bernoulli(p);
  tn_copy_to_host(tn_mean_dim(x, TN_DIMS(1)), share, sizeof share, TN_F64);
  cr_assert(share[0] == 0 && share[3] == 1);
  cr_assert(fabs(share[1] - 0.25) < 1e-2 && fabs(share[2] - 0.75) < 1e-2);
  tn_tensor *whole = tn_bernoulli_p(tn_zeros(TN_SHAPE(MANY)), 0.1);
  cr_assert(fabs(tn_item(tn_mean(whole)) - 0.1) < 5e-3);
  tn_scope_close(scope);
}

TN_TEST(dropout, zeroes_a_share_and_scales_the_rest) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(MANY), .dtype = TN_F64);
  tn_requires_grad_(x, true);
  tn_tensor *y = tn_dropout(x, 0.2, true);
  double zeros = tn_item(tn_sum(tn_eq_scalar(y, 0))) / MANY;
  cr_assert(fabs(zeros - 0.2) < 5e-3, "%g", zeros);
  cr_assert_eq(tn_item(tn_max(tn_detach(y))), 1 / 0.8);
  cr_assert(fabs(tn_item(tn_mean(tn_detach(y))) - 1) < 1e-2);
  cr_assert_eq(tn_backward(tn_sum(y)), TN_OK);
  cr_assert_eq(tn_item(tn_sum(tn_ne(tn_tensor_grad(x), tn_detach(y)))), 0.0,
               "the gradient passes where the value did");
  tn_scope_close(scope);
}

TN_TEST(dropout, at_its_limits_and_outside_of_training) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(3), (double[]){1, -2, 3});
  expect_exactly(tn_dropout(x, 0, true), 1, -2, 3);
  expect_exactly(tn_dropout(x, 1, true), 0, 0, 0);
  expect_exactly(tn_dropout(x, 0.9, false), 1, -2, 3);
  tn_tensor *mask = NULL;
  tn_tensor *y = tn_native_dropout(x, 0.5, true, &mask);
  cr_assert_eq(tn_tensor_dtype(mask), TN_BOOL);
  tn_tensor *expected = tn_mul_scalar(tn_mul(x, mask), 2);
  cr_assert_eq(tn_item(tn_sum(tn_ne(y, expected))), 0.0);
  expect_shape(tn_dropout(tn_ones(TN_SHAPE(0)), 0.5, true), TN_SHAPE(0));
  tn_scope_close(scope);
}
