// SPDX-License-Identifier: Apache-2.0
//
// Results whose shape depends on data, which a kernel creates while it runs: on every way through
// the library, and by kernels that do it wrong. The plugin is tests/backends/forgetful. Each test
// is a process of its own, so it sets the environment before the first call.

#include <stdlib.h>
#include <string.h>
#include <tenon/testing.h>

#include "nn_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

static tn_tensor *numbers(void) { return doubles(TN_SHAPE(2, 3), (double[]){0, 3, 0, -1, 2, 0}); }

static tn_tensor *here(tn_tensor *x) { return tn_to(x, TN_DEVICE_CPU, TN_DTYPE_NONE); }

// nonzero, masked_select with its gradient, and what is unique, on |device|.
static void expect_results_on(tn_device device) {
  tn_tensor *x = tn_to(numbers(), device, TN_DTYPE_NONE);
  tn_tensor *places = tn_nonzero(x);
  expect_ok();
  expect_shape(places, TN_SHAPE(3, 2));
  cr_assert(tn_device_equal(tn_tensor_device(places), tn_tensor_device(x)));
  expect_exactly(here(places), 0, 1, 1, 0, 1, 1);
  tn_requires_grad_(x, true);
  tn_tensor *chosen = tn_masked_select(x, tn_gt_scalar(x, 0.0));
  expect_ok();
  expect_exactly(here(chosen), 3, 2);
  cr_assert_eq(tn_backward(tn_sum(tn_mul(chosen, chosen))), TN_OK);
  expect_exactly(here(tn_tensor_grad(x)), 0, 6, 0, 0, 4, 0);
  tn_tensor *inverse, *counts;
  tn_tensor *values = tn_aten_unique2(tn_detach(x), &inverse, &counts, .return_inverse = true,
                                      .return_counts = true);
  expect_ok();
  expect_exactly(here(values), -1, 0, 2, 3);
  expect_exactly(here(inverse), 1, 3, 1, 0, 2, 1);
  expect_exactly(here(counts), 1, 3, 1, 1);
}

// ---- ways through the library ------------------------------------------------------------------

TN_TEST(data_shape, is_what_the_data_says) {
  tn_scope *scope = tn_scope_open();
  expect_results_on(TN_DEVICE_CPU);
  tn_scope_close(scope);
}

TN_TEST(data_shape, comes_back_from_a_call_by_name) {
  tn_scope *scope = tn_scope_open();
  tn_value x = tn_value_tensor(numbers()), result;
  cr_assert_eq(tn_op_call(tn_op_find("nonzero"), &x, 1, &result), TN_OK);
  expect_shape(result.as.tensor, TN_SHAPE(3, 2));
  cr_assert_eq(tn_op_call(tn_op_find("nonzero_numpy"), &x, 1, &result), TN_OK);
  cr_assert_eq(tn_list_count(result.as.list), 2);
  expect_exactly(tn_list_at(result.as.list, 0), 0, 1, 1);
  expect_exactly(tn_list_at(result.as.list, 1), 1, 0, 1);
  tn_scope_close(scope);
}

TN_TEST(data_shape, goes_into_a_tensor_of_that_shape_and_no_other) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = numbers(), *out = tn_zeros(TN_SHAPE(3, 2), .dtype = TN_I64);
  cr_assert_eq(tn_nonzero_out(out, x), TN_OK);
  expect_exactly(out, 0, 1, 1, 0, 1, 1);
  tn_tensor *wide = tn_zeros(TN_SHAPE(2, 3), .dtype = TN_I64);
  cr_assert_eq(tn_nonzero_out(wide, x), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "shape");
  expect_exactly(wide, 0, 0, 0, 0, 0, 0);
  tn_tensor *turned = tn_transpose(tn_zeros(TN_SHAPE(2, 3), .dtype = TN_I32), 0, 1);
  cr_assert_eq(tn_nonzero_out(turned, x), TN_OK);
  expect_exactly(tn_contiguous(turned), 0, 1, 1, 0, 1, 1);
  tn_scope_close(scope);
}

TN_TEST(data_shape, is_no_matter_to_wrappers) {
  setenv("TENON_WRAPPING", "pass@*;twice@nonzero;twice@masked_select", 1);
  setenv("TENON_BACKENDS", "wrapping=" PLUGIN("wrapping") ",*", 1);
  tn_scope *scope = tn_scope_open();
  expect_results_on(TN_DEVICE_CPU);
  tn_scope_close(scope);
}

TN_TEST(data_shape, is_made_on_a_device_that_lags) {
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",*", 1);
  setenv("TENON_SIM_LAG_US", "2000", 1);
  tn_scope *scope = tn_scope_open();
  expect_results_on(tn_device_parse("sim:1"));
  tn_scope_close(scope);
}

TN_TEST(data_shape, comes_over_from_the_cpu_where_the_device_cannot_make_it) {
  setenv("TENON_BACKENDS", "few=" PLUGIN("few") ",cpu", 1);
  setenv("TENON_FALLBACK", "cpu", 1);
  tn_scope *scope = tn_scope_open();
  expect_results_on(tn_device_parse("few"));
  cr_assert_gt(tn_fallback_count(), 0);
  tn_scope_close(scope);
}

TN_TEST(data_shape, can_be_verified_on_another_backend) {
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",*", 1);
  setenv("TENON_VERIFY", "cpu", 1);
  tn_scope *scope = tn_scope_open();
  expect_results_on(tn_device_parse("sim:0"));
  tn_verify_counts counts = {.struct_size = sizeof counts};
  cr_assert_eq(tn_verify_count(&counts), TN_OK);
  cr_assert_gt(counts.checked, 3);
  cr_assert_eq(counts.differing, 0);
  tn_scope_close(scope);
}

// ---- kernels that do it wrong ------------------------------------------------------------------

static void expect_refused(tn_dtype dtype, tn_status status, const char *words) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_zeros(TN_SHAPE(4), .dtype = dtype);
  expect_ok();
  cr_assert_null(tn_nonzero(x));
  cr_assert_str_eq(tn_error_peek()->op, "nonzero");
  expect_error(status, words);
  tn_scope_close(scope);
}

TN_TEST(created_result, that_is_none_is_an_error_of_the_backend) {
  setenv("TENON_BACKENDS", "forgetful=" PLUGIN("forgetful") ",*", 1);
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_zeros(TN_SHAPE(4));
  cr_assert_null(tn_nonzero(x));
  cr_assert_str_eq(tn_error_peek()->backend, "forgetful");
  expect_error(TN_INTERNAL, "the kernel created no result");
  tn_tensor *out = tn_zeros(TN_SHAPE(0, 1), .dtype = TN_I64);
  cr_assert_eq(tn_nonzero_out(out, x), TN_INTERNAL);
  expect_error(TN_INTERNAL, "the kernel created no result");
  expect_shape(tn_nonzero(tn_to(x, TN_DEVICE_CPU, TN_BOOL)), TN_SHAPE(0, 1));
  tn_scope_close(scope);
}

TN_TEST(created_result, cannot_be_another_than_there_is) {
  setenv("TENON_BACKENDS", "forgetful=" PLUGIN("forgetful") ",*", 1);
  expect_refused(TN_F64, TN_INTERNAL, "twice");
  expect_refused(TN_I64, TN_INTERNAL, "a result that is none");
  expect_refused(TN_I16, TN_INTERNAL, "a result that is none");
  expect_refused(TN_U16, TN_INTERNAL, "a result that is none");
  expect_refused(TN_I32, TN_INVALID_ARGUMENT, "size");
  expect_refused(TN_I8, TN_INVALID_ARGUMENT, "overflows");
}

TN_TEST(created_result, is_given_up_where_the_kernel_fails) {
  setenv("TENON_BACKENDS", "forgetful=" PLUGIN("forgetful") ",*", 1);
  expect_refused(TN_U8, TN_INVALID_ARGUMENT, "created in vain");
}
