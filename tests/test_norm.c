// SPDX-License-Identifier: Apache-2.0
//
// norm: what the specs of normalisation cannot say: that running statistics are written in place
// and how, that a gradient survives that, and that large means do not cancel.

#include <tenon/tenon.h>

#include "support/tenon_test.h"

static tn_tensor *of(const float *values, tn_ints shape) {
  return tn_from_data(values, shape, TN_F32);
}

static float at(tn_tensor *tensor, int64_t i) { return ((const float *)tn_tensor_data(tensor))[i]; }

TN_TEST(norm, training_writes_running_statistics_in_place) {
  tn_scope *scope = tn_scope_open();
  static const float x[] = {1, 2, 3, 6}, means[] = {0.5f, 1}, vars[] = {2, 4};
  tn_tensor *mean = of(means, TN_SHAPE(2)), *var = of(vars, TN_SHAPE(2));
  const void *place = tn_tensor_data(mean);
  tn_tensor *y = tn_aten_native_batch_norm_legit(of(x, TN_SHAPE(2, 2)), TN_NONE, TN_NONE, mean, var,
                                                 true, 0.25, 0, NULL, NULL);
  cr_assert_not_null(y);
  cr_expect_eq(tn_tensor_data(mean), place);
  cr_expect_float_eq(at(mean, 0), 0.75 * 0.5 + 0.25 * 2, 1e-6);
  cr_expect_float_eq(at(mean, 1), 0.75 * 1 + 0.25 * 4, 1e-6);
  cr_expect_float_eq(at(var, 0), 0.75 * 2 + 0.25 * 2,
                     1e-6);  // without bias: ((1-2)^2 + (3-2)^2) / 1
  cr_expect_float_eq(at(var, 1), 0.75 * 4 + 0.25 * 8, 1e-6);
  tn_scope_close(scope);
}

TN_TEST(norm, evaluation_leaves_running_statistics_alone) {
  tn_scope *scope = tn_scope_open();
  static const float x[] = {1, 2, 3, 6}, means[] = {0.5f, 1}, vars[] = {2, 4};
  tn_tensor *mean = of(means, TN_SHAPE(2)), *var = of(vars, TN_SHAPE(2));
  cr_assert_not_null(
      tn_batch_norm(of(x, TN_SHAPE(2, 2)), TN_NONE, TN_NONE, mean, var, false, 0.25, 0, true));
  for (int i = 0; i < 2; i++) {
    cr_expect_eq(at(mean, i), means[i]);
    cr_expect_eq(at(var, i), vars[i]);
  }
  tn_scope_close(scope);
}

TN_TEST(norm, a_batch_of_nothing_leaves_running_statistics_alone) {
  tn_scope *scope = tn_scope_open();
  static const float means[] = {0.5f, 1}, vars[] = {2, 4};
  tn_tensor *mean = of(means, TN_SHAPE(2)), *var = of(vars, TN_SHAPE(2));
  tn_tensor *y =
      tn_batch_norm(tn_zeros(TN_SHAPE(0, 2)), TN_NONE, TN_NONE, mean, var, true, 0.25, 0, true);
  cr_assert_not_null(y);
  cr_expect_eq(at(mean, 0), means[0]);
  cr_expect_eq(at(var, 1), vars[1]);
  tn_scope_close(scope);
}

TN_TEST(norm, backward_may_come_after_another_step_of_training) {
  tn_scope *scope = tn_scope_open();
  static const float x[] = {1, 2, 3, 6, 0, 1};
  tn_tensor *mean = tn_zeros(TN_SHAPE(2)), *var = tn_ones(TN_SHAPE(2));
  tn_tensor *input = of(x, TN_SHAPE(3, 2));
  cr_assert_eq(tn_requires_grad_(input, true), TN_OK);
  tn_tensor *first = tn_batch_norm(input, TN_NONE, TN_NONE, mean, var, true, 0.1, 1e-5, true);
  cr_assert_not_null(tn_batch_norm(input, TN_NONE, TN_NONE, mean, var, true, 0.1, 1e-5, true));
  cr_expect_eq(tn_backward(tn_sum(tn_square(first))), TN_OK);
  cr_expect_not_null(tn_tensor_grad(input));
  tn_scope_close(scope);
}

TN_TEST(norm, large_means_do_not_cancel) {
  tn_scope *scope = tn_scope_open();
  enum { COUNT = 4096 };
  static float x[COUNT];
  for (int i = 0; i < COUNT; i++) x[i] = 10000 + (float)(i % 2);  // variance 1/4
  tn_tensor *rstd;
  cr_assert_not_null(tn_native_layer_norm(of(x, TN_SHAPE(1, COUNT)), TN_INTS(COUNT), TN_NONE,
                                          TN_NONE, 0, NULL, &rstd));
  cr_expect_float_eq(at(rstd, 0), 2, 1e-6);
  tn_tensor *invstd;
  cr_assert_not_null(tn_aten_native_batch_norm_legit_no_stats(of(x, TN_SHAPE(COUNT, 1)), TN_NONE,
                                                              TN_NONE, true, 0, 0, NULL, &invstd));
  cr_expect_float_eq(at(invstd, 0), 2, 1e-6);
  tn_scope_close(scope);
}

TN_TEST(norm, running_statistics_that_cannot_be_written_are_an_error) {
  tn_scope *scope = tn_scope_open();
  static const float x[] = {1, 2, 3, 6};
  tn_tensor *mean = tn_expand(tn_zeros(TN_SHAPE(1)), TN_SHAPE(2)), *var = tn_ones(TN_SHAPE(2));
  cr_expect_null(
      tn_batch_norm(of(x, TN_SHAPE(2, 2)), TN_NONE, TN_NONE, mean, var, true, 0.1, 1e-5, true));
  cr_expect_not(tn_ok());
  tn_error_clear();
  tn_scope_close(scope);
}
