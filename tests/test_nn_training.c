// SPDX-License-Identifier: Apache-2.0
//
// The parts together: small networks that learn what they are shown, to a loss that cannot be
// reached by chance.

#include "nn_test.h"

// ---- a function --------------------------------------------------------------------------------

// The mean squared error of |model| after |steps| steps towards sin(x) on [-3, 3].
static double fit_sine(tn_module *model, tn_optim *optim, int steps) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_unsqueeze(tn_linspace(-3, 3, 64), 1);
  tn_tensor *y = tn_sin(x);
  double loss = INFINITY;
  for (int i = 0; i < steps; i++) {
    tn_scope *step = tn_scope_open();
    tn_tensor *error = tn_mse(tn_module_forward(model, x), y);
    tn_optim_zero_grad(optim);
    cr_assert_eq(tn_backward(error), TN_OK);
    cr_assert_eq(tn_optim_step(optim), TN_OK);
    loss = tn_item(error);
    tn_scope_close(step);
  }
  tn_scope_close(scope);
  expect_ok();
  return loss;
}

static tn_module *two_layers(void) {
  tn_manual_seed(1);
  return tn_nn_sequential(TN_MODULES(tn_nn_linear(1, 32), tn_nn_tanh(), tn_nn_linear(32, 1)));
}

TN_TEST(nn_training, adam_fits_a_sine) {
  tn_module *model = two_layers();
  tn_optim *optim = tn_optim_adam(tn_module_parameters(model), .lr = 0.02);
  double loss = fit_sine(model, optim, 400);
  cr_assert(loss < 1e-3, "the loss is %g", loss);
  tn_optim_release(optim);
  tn_module_release(model);
}

TN_TEST(nn_training, sgd_with_momentum_fits_a_sine) {
  tn_module *model = two_layers();
  tn_optim *optim =
      tn_optim_sgd(tn_module_parameters(model), .lr = 0.05, .momentum = 0.9, .nesterov = true);
  double loss = fit_sine(model, optim, 600);
  cr_assert(loss < 1e-2, "the loss is %g", loss);
  tn_optim_release(optim);
  tn_module_release(model);
}

TN_TEST(nn_training, a_seed_decides_every_bit_of_a_run) {
  double losses[2];
  for (int i = 0; i < 2; i++) {
    tn_module *model = two_layers();
    tn_optim *optim = tn_optim_adamw(tn_module_parameters(model), .lr = 0.02);
    losses[i] = fit_sine(model, optim, 50);
    tn_optim_release(optim);
    tn_module_release(model);
  }
  cr_assert(losses[0] == losses[1], "%.17g and %.17g", losses[0], losses[1]);
}

// ---- images ------------------------------------------------------------------------------------

enum { IMAGES = 256, SIDE = 8 };

// Images with one bright row (class 0) or column (class 1) in noise.
static void draw_bars(tn_tensor **images, tn_tensor **labels) {
  static float pixels[IMAGES][SIDE][SIDE];
  static int64_t classes[IMAGES];
  for (int i = 0; i < IMAGES; i++) {
    int where = i * 5 / 2 % SIDE;
    classes[i] = i & 1;
    for (int k = 0; k < SIDE * SIDE; k++) {
      int on_bar = (classes[i] == 0 ? k / SIDE : k % SIDE) == where;
      pixels[i][k / SIDE][k % SIDE] = (float)on_bar + 0.3f * sinf((float)(i * 37 + k * 101));
    }
  }
  *images = tn_from_data(pixels, TN_SHAPE(IMAGES, 1, SIDE, SIDE), TN_F32);
  *labels = tn_from_data(classes, TN_SHAPE(IMAGES), TN_I64);
}

static void train_epoch(tn_module *model, tn_optim *optim, tn_loader *loader) {
  cr_assert_eq(tn_loader_shuffle(loader), TN_OK);
  for (int64_t i = 0; i < tn_loader_batch_count(loader); i++) {
    tn_scope *step = tn_scope_open();
    tn_tensor *batch[2];
    cr_assert_eq(tn_loader_batch(loader, i, batch), TN_OK);
    tn_tensor *loss = tn_cross_entropy(tn_module_forward(model, batch[0]), batch[1]);
    tn_optim_zero_grad(optim);
    cr_assert_eq(tn_backward(loss), TN_OK);
    cr_assert_eq(tn_clip_grad_norm(tn_module_parameters(model), 5, NULL), TN_OK);
    cr_assert_eq(tn_optim_step(optim), TN_OK);
    tn_scope_close(step);
  }
}

TN_TEST(nn_training, a_convolution_learns_rows_from_columns) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *images, *labels;
  draw_bars(&images, &labels);
  tn_manual_seed(1);
  tn_module *model = tn_nn_sequential(TN_MODULES(
      tn_nn_conv2d(1, 8, TN_INTS(3), .padding = TN_INTS(1)), tn_nn_batch_norm2d(8), tn_nn_relu(),
      tn_nn_max_pool2d(TN_INTS(2)), tn_nn_flatten(), tn_nn_linear(8 * 16, 2)));
  tn_optim *optim = tn_optim_adamw(tn_module_parameters(model), .lr = 0.01);
  tn_loader *loader = tn_loader_create(TN_TENSORS(images, labels), 32);
  for (int epoch = 0; epoch < 8; epoch++) train_epoch(model, optim, loader);
  tn_module_eval(model);
  int64_t correct = tn_item_int(tn_count_correct(tn_module_forward(model, images), labels));
  cr_assert(correct >= IMAGES * 98 / 100, "%d of %d", (int)correct, IMAGES);
  tn_loader_release(loader);
  tn_optim_release(optim);
  tn_module_release(model);
  tn_scope_close(scope);
  expect_ok();
}

TN_TEST(nn_training, count_correct_counts_and_refuses_other_shapes) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *logits = doubles(TN_SHAPE(3, 2), (double[]){1, 0, 0, 1, 5, 4});
  const int64_t classes[] = {0, 0, 0};
  tn_tensor *target = tn_from_data(classes, TN_SHAPE(3), TN_I64);
  cr_assert_eq(tn_item_int(tn_count_correct(logits, target)), 2);
  cr_assert_null(tn_count_correct(target, target));
  expect_error(TN_INVALID_ARGUMENT, "logits [N, C]");
  cr_assert_null(tn_count_correct(NULL, target));
  expect_error(TN_INVALID_ARGUMENT, "NULL");
  tn_scope_close(scope);
}
