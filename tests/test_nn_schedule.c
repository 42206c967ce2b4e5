// SPDX-License-Identifier: Apache-2.0
//
// Learning rates at steps where the formula gives a number that can be said by heart.

#include "nn_test.h"

static void expect_near(double value, double expected) {
  cr_assert(fabs(value - expected) <= 1e-12 * fabs(expected) + 1e-15, "%.17g, expected %.17g",
            value, expected);
}

TN_TEST(nn_schedule, one_cycle_rises_and_falls_along_half_cosines) {
  // 10 steps: the peak is step 0.3 * 10 - 1 = 2, the end step 9.
  expect_near(tn_lr_one_cycle(0, 10, 1.0), 1.0 / 25);
  expect_near(tn_lr_one_cycle(1, 10, 1.0), (1.0 / 25 + 1.0) / 2);
  expect_near(tn_lr_one_cycle(2, 10, 1.0), 1.0);
  expect_near(tn_lr_one_cycle(9, 10, 1.0), 1.0 / 25 / 1e4);
  expect_near(tn_lr_one_cycle(100, 10, 1.0), 1.0 / 25 / 1e4);
}

TN_TEST(nn_schedule, one_cycle_takes_its_options) {
  expect_near(tn_lr_one_cycle(0, 20, 2.0, .div_factor = 10), 0.2);
  expect_near(tn_lr_one_cycle(9, 20, 2.0, .warmup_fraction = 0.5), 2.0);
  expect_near(tn_lr_one_cycle(19, 20, 2.0, .div_factor = 10, .final_div_factor = 2), 0.1);
}

TN_TEST(nn_schedule, one_cycle_of_a_single_step_is_a_number) {
  cr_assert(isfinite(tn_lr_one_cycle(0, 1, 1.0)));
  cr_assert(isfinite(tn_lr_one_cycle(0, 1, 1.0, .warmup_fraction = 1.0)));
}

TN_TEST(nn_schedule, cosine_goes_from_the_rate_to_its_minimum) {
  expect_near(tn_lr_cosine(0, 10, 1.0), 1.0);
  expect_near(tn_lr_cosine(5, 10, 1.0), 0.5);
  expect_near(tn_lr_cosine(10, 10, 1.0, .min_lr = 0.1), 0.1);
  expect_near(tn_lr_cosine(20, 10, 1.0, .min_lr = 0.1), 0.1);
}

TN_TEST(nn_schedule, cosine_warms_up_in_a_straight_line) {
  expect_near(tn_lr_cosine(0, 14, 1.0, .warmup_steps = 4), 0.25);
  expect_near(tn_lr_cosine(3, 14, 1.0, .warmup_steps = 4), 1.0);
  expect_near(tn_lr_cosine(4, 14, 1.0, .warmup_steps = 4), 1.0);
  expect_near(tn_lr_cosine(9, 14, 1.0, .warmup_steps = 4), 0.5);
}

TN_TEST(nn_schedule, step_multiplies_after_each_period) {
  expect_near(tn_lr_step(0, 3, 1.0, 0.1), 1.0);
  expect_near(tn_lr_step(2, 3, 1.0, 0.1), 1.0);
  expect_near(tn_lr_step(3, 3, 1.0, 0.1), 0.1);
  expect_near(tn_lr_step(8, 3, 1.0, 0.1), 0.01);
}

TN_TEST(nn_schedule, nonsense_gives_nan) {
  cr_assert(isnan(tn_lr_one_cycle(0, 0, 1.0)));
  cr_assert(isnan(tn_lr_one_cycle(-1, 10, 1.0)));
  cr_assert(isnan(tn_lr_one_cycle(0, 10, 1.0, .warmup_fraction = 2)));
  cr_assert(isnan(tn_lr_cosine(0, 0, 1.0)));
  cr_assert(isnan(tn_lr_step(0, 0, 1.0, 0.1)));
}
