// SPDX-License-Identifier: Apache-2.0
//
// Wrappers: what may stand around calls of operators, and what becomes of those that do it wrong.
// The plugins are tests/backends/wrapping, whose wrappers a test picks by name, and injector. Each
// test is a process of its own, so it sets the environment before the first call.

#include <pthread.h>
#include <stdlib.h>
#include <tenon/philox.h>
#include <tenon/testing.h>

#include "tensor_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

static void wrap(const char *wrappers) {
  setenv("TENON_WRAPPING", wrappers, 1);
  setenv("TENON_BACKENDS", "wrapping=" PLUGIN("wrapping") ",*", 1);
}

static void inject(const char *rules) {
  setenv("TENON_INJECT", rules, 1);
  setenv("TENON_BACKENDS", "injector=" PLUGIN("injector") ",*", 1);
}

static tn_tensor *floats(const float *values, int64_t count) {
  return tn_from_data(values, TN_SHAPE(count), TN_F32);
}

static tn_tensor *pair(void) { return floats((const float[]){1.5f, -2}, 2); }

// ---- passing on --------------------------------------------------------------------------------

TN_TEST(wrapper, that_passes_on_changes_nothing) {
  wrap("pass@*;pass@*;pass@mul*");
  tn_tensor *x = pair();
  tn_requires_grad_(x, true);
  tn_tensor *y = tn_mul(x, x), *loss = tn_sum(y);
  cr_assert_eq(tn_backward(loss), TN_OK);
  expect_exactly(y, 2.25, 4);
  expect_exactly(tn_tensor_grad(x), 3, -4);
  tn_release(loss);
  tn_release(y);
  tn_release(x);
  expect_ok();
}

TN_TEST(wrapper, sees_the_very_first_call) {
  wrap("tell@*");
  cr_assert_null(tn_zeros(TN_SHAPE(2)));
  expect_error(TN_UNAVAILABLE, "depth");
}

TN_TEST(wrapper, of_the_higher_rank_is_further_out) {
  wrap("inner@add*;outer@add*");
  tn_tensor *x = pair();
  cr_assert_null(tn_add(x, x));
  expect_error(TN_UNAVAILABLE, "the outer one was first");
  tn_release(x);
}

TN_TEST(wrapper, sees_only_the_operators_of_its_globs) {
  wrap("outer@mul*,sub.Tensor");
  tn_tensor *x = pair(), *sum = tn_add(x, x);
  expect_exactly(sum, 3, -4);
  cr_assert_null(tn_mul_scalar(x, 2));
  expect_error(TN_UNAVAILABLE, "outer");
  cr_assert_null(tn_sub(x, x));
  expect_error(TN_UNAVAILABLE, "outer");
  tn_release(sum);
  tn_release(x);
}

TN_TEST(wrapper, sees_an_in_place_form_by_both_of_its_names) {
  wrap("outer@mul_.Tensor;inner@add.Tensor");
  tn_tensor *x = pair();
  cr_assert_neq(tn_mul_(x, x), TN_OK);
  expect_error(TN_UNAVAILABLE, "mul_.Tensor: the outer one");
  cr_assert_neq(tn_add_(x, x), TN_OK);
  expect_error(TN_UNAVAILABLE, "add_.Tensor: the inner one");
  expect_exactly(x, 1.5, -2);
  tn_release(x);
}

// ---- what it is told ---------------------------------------------------------------------------

TN_TEST(wrapper, is_told_operands_results_and_provider) {
  wrap("tell@add.Tensor,mul.Scalar,unsqueeze,sub_.Tensor");
  tn_tensor *x = pair();
  cr_assert_null(tn_add(x, x));
  expect_error(TN_UNAVAILABLE,
               "op add.Tensor depth 0 before - <- 12[2] 12[2] after 12[2] <- 12[2] 12[2] provider "
               "cpu: ");
  cr_assert_null(tn_mul_scalar(x, 2));
  expect_error(TN_UNAVAILABLE, "op mul.Scalar depth 0 before - <- 12[2] 9[]! after 12[2] <-");
  cr_assert_null(tn_unsqueeze(x, 0));
  expect_error(TN_UNAVAILABLE,
               "op unsqueeze depth 0 before - <- 12[2] after 12[1,2] <- 12[2] provider nobody: ");
  cr_assert_neq(tn_sub_(x, x), TN_OK);
  expect_error(TN_UNAVAILABLE, "before 12[2] <- 12[2] 12[2] after 12[2] <-");
  tn_release(x);
}

TN_TEST(wrapper, sees_the_parts_of_a_composite_one_deeper) {
  wrap("tell@mm,bmm,addmm");
  tn_tensor *x = tn_ones(TN_SHAPE(2, 2)), *product = tn_matmul(x, x);
  cr_assert_null(product);
  expect_error(TN_UNAVAILABLE, "op mm depth 1 ");
  tn_release(x);
}

TN_TEST(wrapper, sees_the_calls_of_a_backward_pass) {
  wrap("tell@neg");
  tn_tensor *x = pair();
  tn_requires_grad_(x, true);
  tn_tensor *y = tn_sub(x, x), *loss = tn_sum(y);
  cr_assert_neq(tn_backward(loss), TN_OK);
  expect_error(TN_UNAVAILABLE, "op neg depth 0 ");
  tn_release(loss);
  tn_release(y);
  tn_release(x);
}

// ---- changing calls ----------------------------------------------------------------------------

TN_TEST(autocast, computes_in_the_narrow_dtype_and_keeps_gradients_wide) {
  wrap("half@mm");
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3)), *b = tn_full(TN_SHAPE(3, 2), tn_scalar_float(2));
  tn_requires_grad_(a, true);
  tn_tensor *product = tn_mm(a, b);
  cr_assert_not_null(product);
  cr_assert_eq(tn_tensor_dtype(product), TN_BF16);
  expect_exactly(product, 6, 6, 6, 6);
  tn_tensor *loss = tn_sum(product);
  cr_assert_eq(tn_backward(loss), TN_OK);
  cr_assert_eq(tn_tensor_dtype(tn_tensor_grad(a)), TN_F32);
  expect_exactly(tn_tensor_grad(a), 4, 4, 4, 4, 4, 4);
  tn_release(loss);
  tn_release(product);
  tn_release(b);
  tn_release(a);
  expect_ok();
}

TN_TEST(autocast, of_every_operator_does_not_cast_its_own_casts) {
  wrap("half@*");
  tn_tensor *x = pair(), *sum = tn_add(x, x);
  cr_assert_not_null(sum);
  cr_assert_eq(tn_tensor_dtype(sum), TN_BF16);
  expect_exactly(sum, 3, -4);
  tn_release(sum);
  tn_release(x);
  expect_ok();
}

TN_TEST(autocast, of_an_in_place_call_keeps_the_dtype_that_is_written) {
  wrap("half@mul*");
  tn_tensor *x = floats((const float[]){1, 1}, 2), *y = floats((const float[]){1.00390625f, 3}, 2);
  cr_assert_eq(tn_mul_(x, y), TN_OK);
  cr_assert_eq(tn_tensor_dtype(x), TN_F32);
  expect_exactly(x, 1, 3);  // 1 + 2^-8 rounds to 1 in bfloat16
  tn_release(y);
  tn_release(x);
}

TN_TEST(wrapper, that_casts_what_is_not_there_is_told) {
  wrap("no_operand@add*;no_dtype@mul*");
  tn_tensor *x = pair();
  cr_assert_null(tn_add(x, x));
  expect_error(TN_OUT_OF_RANGE, "no operand 99");
  cr_assert_null(tn_mul(x, x));
  expect_error(TN_INVALID_DTYPE, "99 is no dtype");
  tn_release(x);
}

// ---- repeating calls ---------------------------------------------------------------------------

TN_TEST(repeated_call, gives_the_results_of_one) {
  wrap("twice@*");
  tn_tensor *x = floats((const float[]){1, 2, 3, 4}, 4), *indices = NULL;
  tn_tensor *largest = tn_max_dim(x, 0, &indices);
  expect_exactly(largest, 4);
  expect_exactly(indices, 3);
  tn_list *parts = tn_split(x, 2, 0);
  cr_assert_eq(tn_list_count(parts), 2);
  expect_exactly(tn_list_at(parts, 1), 3, 4);
  tn_tensor *wide = tn_ones(TN_SHAPE(3, 4)), *view = tn_t(wide), *sum = tn_add(view, view);
  expect_shape(sum, TN_SHAPE(4, 3));
  tn_tensor *product = tn_matmul(wide, view);  // operands are packed on the way
  expect_exactly(product, 4, 4, 4, 4, 4, 4, 4, 4, 4);
  tn_release(product);
  tn_release(sum);
  tn_release(view);
  tn_release(wide);
  tn_list_release(parts);
  tn_release(largest);
  tn_release(indices);
  tn_release(x);
  expect_ok();
}

TN_TEST(repeated_call, records_once) {
  wrap("twice@*");
  tn_tensor *x = pair();
  tn_requires_grad_(x, true);
  tn_tensor *y = tn_exp(x), *z = tn_mul(y, x), *loss = tn_sum(z);
  cr_assert_eq(tn_backward(loss), TN_OK);
  const double expected[] = {exp(1.5) * 2.5, -exp(-2)};
  expect_values(tn_tensor_grad(x), expected, 2, 1e-5);
  tn_release(loss);
  tn_release(z);
  tn_release(y);
  tn_release(x);
}

TN_TEST(repeated_call, draws_the_same_random_numbers) {
  wrap("twice@*");
  tn_manual_seed(7);
  tn_tensor *drawn = tn_rand(TN_SHAPE(4), .dtype = TN_F32);
  tn_philox_block words = tn_philox(7, 0);
  double expected[4];
  for (int i = 0; i < 4; i++) expected[i] = (words.word[i] >> 8) * 0x1p-24;
  expect_values(drawn, expected, 4, 0);
  tn_release(drawn);
}

TN_TEST(repeated_call, draws_the_same_random_numbers_from_the_very_first) {
  wrap("twice@*");
  tn_manual_seed(0);  // seed 0 at offset 0 looks like a state that nobody has set
  tn_tensor *drawn = tn_rand(TN_SHAPE(1), .dtype = TN_F32);
  expect_values(drawn, (double[]){(tn_philox(0, 0).word[0] >> 8) * 0x1p-24}, 1, 0);
  tn_release(drawn);
}

TN_TEST(repeated_call, in_place_sees_what_it_has_written) {
  wrap("twice@mul*");
  tn_tensor *x = pair();
  cr_assert_eq(tn_mul_scalar_(x, 3), TN_OK);
  expect_exactly(x, 13.5, -18);
  tn_release(x);
}

TN_TEST(repeated_call, after_a_failure_leaves_no_error) {
  setenv("TENON_WRAPPING", "retry@mul*", 1);
  setenv("TENON_INJECT", "mul*:1", 1);
  setenv("TENON_BACKENDS", "wrapping=" PLUGIN("wrapping") ",injector=" PLUGIN("injector") ",*", 1);
  tn_tensor *x = pair(), *y = tn_mul(x, x);
  expect_exactly(y, 2.25, 4);
  expect_ok();
  tn_release(y);
  tn_release(x);
}

TN_TEST(repeated_call, keeps_an_error_that_was_there_before) {
  wrap("retry@mul*");
  tn_tensor *x = pair();
  cr_assert_null(tn_reshape(x, TN_SHAPE(7)));
  tn_tensor *y = tn_mul(x, x);
  expect_exactly(y, 2.25, 4);
  expect_error(TN_INVALID_ARGUMENT, "reshape");
  tn_release(y);
  tn_release(x);
}

// ---- doing it wrong ----------------------------------------------------------------------------

TN_TEST(bad_wrapper, that_never_runs_the_call_is_an_internal_error) {
  wrap("skip@add*");
  tn_tensor *x = pair();
  cr_assert_null(tn_add(x, x));
  expect_error(TN_INTERNAL, "'skip' said ok without having run the call");
  tn_release(x);
}

TN_TEST(bad_wrapper, that_answers_garbage_is_an_internal_error) {
  wrap("garbage@add*,split*");
  tn_tensor *x = pair();
  cr_assert_null(tn_add(x, x));
  cr_assert_eq(strcmp(tn_error_peek()->backend, "wrapping"), 0);
  expect_error(TN_INTERNAL, "'garbage' answered 12345");
  cr_assert_null(tn_split(x, 1, 0));
  expect_error(TN_INTERNAL, "'garbage' answered 12345");
  tn_release(x);
}

TN_TEST(bad_wrapper, that_fails_without_a_reason_is_named) {
  wrap("silent@add*");
  tn_tensor *x = pair();
  cr_assert_null(tn_add(x, x));
  expect_error(TN_INTERNAL, "'silent' failed and gave no reason");
  tn_release(x);
}

TN_TEST(bad_wrapper, cannot_swallow_a_failure) {
  wrap("swallow@add*");
  tn_tensor *x = pair(), *y = tn_ones(TN_SHAPE(3));
  cr_assert_null(tn_add(x, y));
  expect_error(TN_INVALID_ARGUMENT, "broadcast");
  tn_release(y);
  tn_release(x);
}

// ---- registration ------------------------------------------------------------------------------

TN_TEST(registration, that_fails_half_way_leaves_no_wrapper) {
  setenv("TENON_WRAPPING", "outer@*;broken@*", 1);
  setenv("TENON_BACKENDS", "wrapping?=" PLUGIN("wrapping") ",*", 1);
  tn_tensor *x = pair(), *sum = tn_add(x, x);
  expect_exactly(sum, 3, -4);
  char *report = tn_load_report();
  cr_assert_not_null(strstr(report, "half-way, it broke"), "%s", report);
  free(report);
  tn_release(sum);
  tn_release(x);
}

static void expect_refused(const char *wrappers, const char *words) {
  wrap(wrappers);
  tn_tensor *x = pair();
  cr_assert_null(tn_add(x, x));
  expect_error(TN_UNAVAILABLE, words);
  cr_assert_null(tn_unsqueeze(x, 0), "a named backend that wraps is missed by every call");
  expect_error(TN_UNAVAILABLE, words);
  tn_release(x);
}

TN_TEST(registration, refuses_a_wrapper_without_a_call) {
  expect_refused("empty@*", "lacks a name, globs or a call");
}

TN_TEST(registration, refuses_a_struct_that_is_too_small) {
  expect_refused("short@*", "struct_size is too small");
}

TN_TEST(registration, of_nothing_wraps_nothing) {
  wrap("");
  tn_tensor *x = pair(), *sum = tn_add(x, x);
  expect_exactly(sum, 3, -4);
  tn_release(sum);
  tn_release(x);
}

TN_TEST(unlisted_backend, wraps_nothing) {
  setenv("TENON_WRAPPING", "outer@*", 1);
  setenv("TENON_BACKEND_PATH", PLUGIN("wrapping"), 1);
  setenv("TENON_BACKENDS", "cpu", 1);
  tn_tensor *x = pair(), *sum = tn_add(x, x);
  expect_exactly(sum, 3, -4);
  tn_release(sum);
  tn_release(x);
}

// ---- the fault injector ------------------------------------------------------------------------

TN_TEST(injector, fails_the_call_that_was_asked_for) {
  inject("add.Tensor:2=IO_ERROR;mul*:every=2");
  tn_tensor *x = pair(), *first = tn_add(x, x);
  expect_exactly(first, 3, -4);
  cr_assert_null(tn_add(x, x));
  expect_error(TN_IO_ERROR, "a fault injected by 'add.Tensor', call 2");
  tn_tensor *third = tn_add(x, x), *product = tn_mul(x, x);
  expect_exactly(third, 3, -4);
  cr_assert_null(tn_mul_scalar(x, 2));
  expect_error(TN_INTERNAL, "a fault injected by 'mul*', call 2");
  tn_release(product);
  tn_release(third);
  tn_release(first);
  tn_release(x);
}

TN_TEST(injector, refuses_what_is_no_rule) {
  inject("mul.Tensor");
  tn_tensor *x = pair();
  cr_assert_null(tn_add(x, x));
  expect_error(TN_UNAVAILABLE, "'mul.Tensor' is no rule");
  tn_release(x);
}

// One step of fitting w * x to y by gradient descent.
static tn_status step(tn_tensor *w, tn_tensor *x, tn_tensor *y) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *error = tn_sub(tn_mm(x, w), y), *loss = tn_mean(tn_mul(error, error));
  tn_status status = loss == NULL ? tn_error_peek()->status : tn_backward(loss);
  if (status == TN_OK) {
    bool before = tn_grad_mode_set(false);
    tn_tensor *change = tn_mul_scalar(tn_tensor_grad(w), 0.1);
    status = change == NULL ? tn_error_peek()->status : tn_sub_(w, change);
    tn_grad_mode_set(before);
  }
  tn_set_grad(w, NULL);
  tn_scope_close(scope);
  return status;
}

enum { STEPS = 300 };

static double train(const char *rules, int *faults) {
  inject(rules);
  tn_tensor *x = tn_from_data((const float[]){1, 0, 0, 1, 1, 1}, TN_SHAPE(3, 2), TN_F32);
  tn_tensor *y = tn_from_data((const float[]){2, -1, 1}, TN_SHAPE(3, 1), TN_F32);
  tn_tensor *w = tn_from_data((const float[]){0, 0}, TN_SHAPE(2, 1), TN_F32);
  tn_requires_grad_(w, true);
  *faults = 0;
  int done = 0;
  for (int tries = 0; done < STEPS && tries < 10 * STEPS; tries++) {
    tn_status status = step(w, x, y);
    if (status == TN_OK) {
      done++;
      expect_ok();
      continue;
    }
    cr_assert_eq(status, TN_INTERNAL);
    expect_error(TN_INTERNAL, "injected");
    ++*faults;
  }
  cr_assert_eq(done, STEPS);
  double value[2];
  cr_assert_eq(tn_copy_to_host(w, value, sizeof value, TN_F64), TN_OK);
  tn_release(w);
  tn_release(y);
  tn_release(x);
  return value[0];
}

TN_TEST(injector, training_survives_faults_of_every_operator) {
  int faults;
  double with = train("*:every=17", &faults);
  cr_assert(faults > 20, "%d faults", faults);
  cr_assert_float_eq(with, 2, 1e-4, "%g", with);
}

TN_TEST(injector, training_survives_faults_after_the_kernel_has_run) {
  int faults;
  double with = train("mm:after=5;mul.Tensor:after=8;sub.Tensor:after=20", &faults);
  cr_assert_eq(faults, 3);
  cr_assert_float_eq(with, 2, 1e-4, "%g", with);
}

// ---- memory that is out, and threads -----------------------------------------------------------

TN_TEST(wrapped_call, fails_clearly_at_each_allocation_in_turn) {
  wrap("pass@*;half@add*;twice@mul*");
  tn_tensor *x = pair(), *warm = tn_add(x, x), *also = tn_mul(x, x);
  tn_release(warm);
  tn_release(also);
  bool failed = true;
  for (int64_t nth = 1; failed && nth < 200; nth++) {
    tn_testing_fail_allocation(nth);
    tn_tensor *sum = tn_add(x, x), *product = tn_mul(x, x);
    failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    bool complete = sum != NULL && product != NULL;
    cr_assert_eq(complete, tn_ok(), "allocation %d", (int)nth);
    if (!complete) cr_assert_eq(tn_error_peek()->status, TN_OUT_OF_MEMORY);
    tn_error_clear();
    tn_release(product);
    tn_release(sum);
  }
  cr_assert(!failed);
  tn_release(x);
}

static void *compute(void *context) {
  (void)context;
  for (int i = 0; i < 200; i++) {
    tn_tensor *x = pair(), *y = tn_mul(x, x), *z = tn_add_scalar(y, 1);
    bool right = z != NULL && tn_tensor_numel(z) == 2;
    tn_release(z);
    tn_release(y);
    tn_release(x);
    if (!right) return NULL;
  }
  return (void *)1;
}

TN_TEST(wrapped_call, may_come_from_many_threads_at_once) {
  wrap("pass@*;twice@mul*");
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, compute, NULL);
  for (int i = 0; i < 4; i++) {
    void *answer = NULL;
    pthread_join(threads[i], &answer);
    cr_assert_not_null(answer);
  }
}
