// SPDX-License-Identifier: Apache-2.0
//
// Optimisers against the papers' formulas, worked out here one number at a time in plain C.

#include "nn_test.h"

enum { SIZE = 3, STEPS = 5 };
static const double start[SIZE] = {1.0, -2.0, 0.5};

// The gradient at step |t|, which no rule can know beforehand.
static double grad_at(int t, int i) { return sin(1.7 * t + i) + 0.1 * i; }

static tn_tensor *start_parameter(void) {
  tn_tensor *parameter = doubles(TN_SHAPE(SIZE), start);
  tn_requires_grad_(parameter, true);
  return parameter;
}

// Runs STEPS steps of |optim| and compares the parameter with |expected|.
static void run_and_compare(tn_optim *optim, tn_tensor *parameter, const double *expected) {
  cr_assert_not_null(optim);
  for (int t = 1; t <= STEPS; t++) {
    tn_scope *scope = tn_scope_open();
    double values[SIZE];
    for (int i = 0; i < SIZE; i++) values[i] = grad_at(t, i);
    cr_assert_eq(tn_set_grad(parameter, doubles(TN_SHAPE(SIZE), values)), TN_OK);
    cr_assert_eq(tn_optim_step(optim), TN_OK);
    tn_scope_close(scope);
  }
  cr_assert_eq(tn_optim_step_count(optim), STEPS);
  expect_values(parameter, expected, SIZE, 1e-12);
  cr_assert(tn_is_leaf(parameter) && tn_requires_grad(parameter));
  expect_ok();
}

typedef struct sgd {
  double lr, momentum, dampening, decay;
  bool nesterov;
} sgd;

static void sgd_reference(sgd s, double *p) {
  double v[SIZE];
  for (int t = 1; t <= STEPS; t++) {
    for (int i = 0; i < SIZE; i++) {
      if (t == 1) p[i] = start[i];
      double g = grad_at(t, i) + s.decay * p[i];
      v[i] = t == 1 ? g : s.momentum * v[i] + (1 - s.dampening) * g;
      double direction = s.momentum == 0 ? g : s.nesterov ? g + s.momentum * v[i] : v[i];
      p[i] -= s.lr * direction;
    }
  }
}

static void check_sgd(sgd s) {
  tn_scope *scope = tn_scope_open();
  double expected[SIZE];
  sgd_reference(s, expected);
  tn_tensor *parameter = start_parameter();
  tn_optim *optim =
      tn_optim_sgd(TN_TENSORS(parameter), .lr = s.lr, .momentum = s.momentum,
                   .dampening = s.dampening, .weight_decay = s.decay, .nesterov = s.nesterov);
  run_and_compare(optim, parameter, expected);
  tn_optim_release(optim);
  tn_scope_close(scope);
}

TN_TEST(nn_optim, sgd_follows_its_formula) { check_sgd((sgd){.lr = 0.1}); }
TN_TEST(nn_optim, sgd_with_momentum_follows_its_formula) {
  check_sgd((sgd){.lr = 0.1, .momentum = 0.9, .dampening = 0.2});
}
TN_TEST(nn_optim, sgd_with_nesterov_and_decay_follows_its_formula) {
  check_sgd((sgd){.lr = 0.1, .momentum = 0.9, .decay = 0.05, .nesterov = true});
}

static void adam_reference(double lr, double decay, bool apart, double *p) {
  const double beta1 = 0.8, beta2 = 0.95, eps = 1e-3;
  double m[SIZE] = {0}, v[SIZE] = {0};
  for (int i = 0; i < SIZE; i++) p[i] = start[i];
  for (int t = 1; t <= STEPS; t++) {
    for (int i = 0; i < SIZE; i++) {
      double g = grad_at(t, i);
      if (apart) {
        p[i] *= 1 - lr * decay;
      } else {
        g += decay * p[i];
      }
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      double mean = m[i] / (1 - pow(beta1, t));
      double mean_square = v[i] / (1 - pow(beta2, t));
      p[i] -= lr * mean / (sqrt(mean_square) + eps);
    }
  }
}

TN_TEST(nn_optim, adam_follows_its_formula) {
  tn_scope *scope = tn_scope_open();
  double expected[SIZE];
  adam_reference(0.1, 0.3, false, expected);
  tn_tensor *parameter = start_parameter();
  tn_optim *optim =
      tn_optim_adam(TN_TENSORS(parameter), .lr = 0.1, .eps = 1e-3, .beta1 = TN_FLOAT(0.8),
                    .beta2 = TN_FLOAT(0.95), .weight_decay = TN_FLOAT(0.3));
  run_and_compare(optim, parameter, expected);
  tn_optim_release(optim);
  tn_scope_close(scope);
}

TN_TEST(nn_optim, adamw_decays_apart_from_the_gradient) {
  tn_scope *scope = tn_scope_open();
  double expected[SIZE];
  adam_reference(0.1, 0.01, true, expected);  // 0.01 is the default
  tn_tensor *parameter = start_parameter();
  tn_optim *optim = tn_optim_adamw(TN_TENSORS(parameter), .lr = 0.1, .eps = 1e-3,
                                   .beta1 = TN_FLOAT(0.8), .beta2 = TN_FLOAT(0.95));
  run_and_compare(optim, parameter, expected);
  tn_optim_release(optim);
  tn_scope_close(scope);
}

TN_TEST(nn_optim, the_first_step_of_adam_is_as_long_as_lr) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *parameter = start_parameter();
  tn_optim *optim = tn_optim_adam(TN_TENSORS(parameter), .lr = 0.01);
  tn_set_grad(parameter, doubles(TN_SHAPE(SIZE), (double[]){1e-3, -5, 1000}));
  cr_assert_eq(tn_optim_step(optim), TN_OK);
  expect_values(parameter, (double[]){0.99, -1.99, 0.49}, SIZE, 1e-6);
  tn_optim_release(optim);
  tn_scope_close(scope);
}

TN_TEST(nn_optim, a_parameter_without_a_gradient_is_left_alone) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *parameter = start_parameter();
  tn_optim *optim = tn_optim_adamw(TN_TENSORS(parameter), .lr = 0.1);
  cr_assert_eq(tn_optim_step(optim), TN_OK);
  expect_values(parameter, start, SIZE, 0);
  tn_optim_release(optim);
  tn_scope_close(scope);
}

TN_TEST(nn_optim, state_outlives_the_scope_it_was_made_in) {
  tn_tensor *parameter = start_parameter();
  tn_optim *optim = tn_optim_sgd(TN_TENSORS(parameter), .lr = 0.1, .momentum = 0.5);
  double expected[SIZE];
  sgd_reference((sgd){.lr = 0.1, .momentum = 0.5}, expected);
  run_and_compare(optim, parameter, expected);
  tn_release(parameter);  // the optimiser has its own reference
  tn_optim_zero_grad(optim);
  cr_assert_eq(tn_optim_step(optim), TN_OK);
  tn_optim_release(optim);
}

TN_TEST(nn_optim, the_rate_can_be_changed_and_nonsense_is_refused) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *parameter = start_parameter();
  tn_optim *optim = tn_optim_sgd(TN_TENSORS(parameter));
  cr_assert_float_eq(tn_optim_lr(optim), 1e-3, 0);
  cr_assert_eq(tn_optim_set_lr(optim, 0), TN_OK);
  cr_assert_float_eq(tn_optim_lr(optim), 0, 0);
  cr_assert_eq(tn_optim_set_lr(optim, NAN), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "lr must be");
  cr_assert_eq(tn_optim_set_lr(optim, -1), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "-1");
  tn_optim_release(optim);
  tn_scope_close(scope);
}

TN_TEST(nn_optim, bad_parameters_are_named) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *good = start_parameter();
  tn_tensor *plain = tn_zeros(TN_SHAPE(2));
  tn_tensor *result = tn_neg(good);
  cr_assert_null(tn_optim_sgd(((tn_tensors){NULL, 0})));
  expect_error(TN_INVALID_ARGUMENT, "no parameters");
  cr_assert_null(tn_optim_sgd(TN_TENSORS(good, NULL)));
  expect_error(TN_INVALID_ARGUMENT, "parameter 1 of 2 is NULL");
  cr_assert_null(tn_optim_sgd(TN_TENSORS(good, good)));
  expect_error(TN_INVALID_ARGUMENT, "twice");
  cr_assert_null(tn_optim_adam(TN_TENSORS(plain)));
  expect_error(TN_INVALID_ARGUMENT, "does not require a gradient");
  cr_assert_null(tn_optim_adamw(TN_TENSORS(result)));
  expect_error(TN_INVALID_ARGUMENT, "leaves");
  cr_assert_eq(tn_optim_step(NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  tn_scope_close(scope);
}

TN_TEST(nn_optim, bad_options_are_named) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *p = start_parameter();
  cr_assert_null(tn_optim_sgd(TN_TENSORS(p), .lr = -1));
  expect_error(TN_INVALID_ARGUMENT, "lr");
  cr_assert_null(tn_optim_sgd(TN_TENSORS(p), .momentum = NAN));
  expect_error(TN_INVALID_ARGUMENT, "momentum");
  cr_assert_null(tn_optim_sgd(TN_TENSORS(p), .nesterov = true));
  expect_error(TN_INVALID_ARGUMENT, "nesterov");
  cr_assert_null(tn_optim_adam(TN_TENSORS(p), .beta1 = TN_FLOAT(1)));
  expect_error(TN_INVALID_ARGUMENT, "beta1");
  cr_assert_null(tn_optim_adam(TN_TENSORS(p), .weight_decay = TN_FLOAT(-0.1)));
  expect_error(TN_INVALID_ARGUMENT, "weight_decay");
  tn_scope_close(scope);
}

TN_TEST(nn_optim, clip_grad_norm_scales_all_gradients_as_one_vector) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = start_parameter();
  tn_tensor *b = start_parameter();
  tn_tensor *without = start_parameter();
  tn_set_grad(a, doubles(TN_SHAPE(SIZE), (double[]){3, 0, 0}));
  tn_set_grad(b, doubles(TN_SHAPE(SIZE), (double[]){0, -4, 0}));
  double norm = 0;
  cr_assert_eq(tn_clip_grad_norm(TN_TENSORS(a, without, b), 2.5, &norm), TN_OK);
  cr_assert_float_eq(norm, 5, 1e-12);
  expect_values(tn_tensor_grad(a), (double[]){1.5, 0, 0}, SIZE, 1e-12);
  expect_values(tn_tensor_grad(b), (double[]){0, -2, 0}, SIZE, 1e-12);
  cr_assert_eq(tn_clip_grad_norm(TN_TENSORS(a, b), 100, &norm), TN_OK);
  cr_assert_float_eq(norm, 2.5, 1e-12);
  expect_values(tn_tensor_grad(a), (double[]){1.5, 0, 0}, SIZE, 1e-12);
  tn_scope_close(scope);
  expect_ok();
}

TN_TEST(nn_optim, clip_grad_norm_refuses_a_norm_that_is_no_number) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = start_parameter();
  tn_set_grad(a, doubles(TN_SHAPE(SIZE), (double[]){1, NAN, 0}));
  cr_assert_eq(tn_clip_grad_norm(TN_TENSORS(a), 1, NULL), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "nan");
  cr_assert_eq(tn_clip_grad_norm(TN_TENSORS(a), 0, NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  tn_scope_close(scope);
}
