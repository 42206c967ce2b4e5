// SPDX-License-Identifier: Apache-2.0
//
// Layers: shapes, values that can be worked out, gradients against finite differences, first values
// of parameters, and arguments that make no sense.

#include "nn_test.h"

// ---- shapes ------------------------------------------------------------------------------------

// The shape of |layer|'s result for zeros of |input|. Releases |layer|.
static void check_shape(tn_module *layer, tn_ints input, tn_ints expected) {
  tn_scope *scope = tn_scope_open();
  expect_shape(tn_module_forward(layer, tn_zeros(input)), expected);
  tn_scope_close(scope);
  tn_module_release(layer);
  expect_ok();
}

TN_TEST(nn_layers, linear_maps_the_last_dimension) {
  check_shape(tn_nn_linear(5, 3), TN_SHAPE(5), TN_SHAPE(3));
  check_shape(tn_nn_linear(5, 3), TN_SHAPE(2, 5), TN_SHAPE(2, 3));
  check_shape(tn_nn_linear(5, 3, .bias = TN_NO), TN_SHAPE(2, 7, 5), TN_SHAPE(2, 7, 3));
}

TN_TEST(nn_layers, conv2d_takes_stride_padding_dilation_and_groups) {
  check_shape(tn_nn_conv2d(2, 4, TN_INTS(3)), TN_SHAPE(1, 2, 8, 9), TN_SHAPE(1, 4, 6, 7));
  check_shape(tn_nn_conv2d(2, 4, TN_INTS(3), .padding = TN_INTS(1)), TN_SHAPE(2, 8, 8),
              TN_SHAPE(4, 8, 8));
  check_shape(tn_nn_conv2d(2, 4, TN_INTS(3, 1), .stride = TN_INTS(2, 1), .dilation = TN_INTS(2)),
              TN_SHAPE(1, 2, 9, 9), TN_SHAPE(1, 4, 3, 9));
  check_shape(tn_nn_conv2d(4, 6, TN_INTS(1), .groups = 2, .bias = TN_NO), TN_SHAPE(1, 4, 3, 3),
              TN_SHAPE(1, 6, 3, 3));
}

TN_TEST(nn_layers, pooling_takes_its_stride_from_the_kernel) {
  check_shape(tn_nn_max_pool2d(TN_INTS(2)), TN_SHAPE(1, 3, 8, 6), TN_SHAPE(1, 3, 4, 3));
  check_shape(tn_nn_avg_pool2d(TN_INTS(2, 3)), TN_SHAPE(1, 3, 8, 6), TN_SHAPE(1, 3, 4, 2));
  check_shape(tn_nn_max_pool2d(TN_INTS(3), .stride = TN_INTS(2), .padding = TN_INTS(1)),
              TN_SHAPE(1, 1, 7, 7), TN_SHAPE(1, 1, 4, 4));
  check_shape(tn_nn_max_pool2d(TN_INTS(2), .ceil_mode = true), TN_SHAPE(1, 1, 5, 5),
              TN_SHAPE(1, 1, 3, 3));
}

TN_TEST(nn_layers, the_rest_keep_or_flatten_shapes) {
  check_shape(tn_nn_flatten(), TN_SHAPE(2, 3, 4, 5), TN_SHAPE(2, 60));
  check_shape(tn_nn_relu(), TN_SHAPE(2, 3), TN_SHAPE(2, 3));
  check_shape(tn_nn_dropout(0.5), TN_SHAPE(2, 3), TN_SHAPE(2, 3));
  check_shape(tn_nn_batch_norm2d(3), TN_SHAPE(2, 3, 4, 4), TN_SHAPE(2, 3, 4, 4));
}

// ---- values ------------------------------------------------------------------------------------

TN_TEST(nn_layers, activations_are_the_functions_they_are_called) {
  typedef struct row {
    tn_module *(*create)(void);
    double at_minus_one, at_two;
  } row;
  const row rows[] = {
      {tn_nn_relu, 0, 2},
      {tn_nn_tanh, tanh(-1.0), tanh(2.0)},
      {tn_nn_sigmoid, 1 / (1 + exp(1.0)), 1 / (1 + exp(-2.0))},
      {tn_nn_silu, -1 / (1 + exp(1.0)), 2 / (1 + exp(-2.0))},
      {tn_nn_gelu, -0.5 * erfc(1 / sqrt(2.0)), 1 + erf(2 / sqrt(2.0))},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tn_scope *scope = tn_scope_open();
    tn_module *layer = rows[i].create();
    tn_tensor *x = doubles(TN_SHAPE(2), (double[]){-1, 2});
    double expected[] = {rows[i].at_minus_one, rows[i].at_two};
    expect_values(tn_module_forward(layer, x), expected, 2, 1e-12);
    tn_module_release(layer);
    tn_scope_close(scope);
  }
}

TN_TEST(nn_layers, function_makes_a_layer_of_any_function) {
  tn_scope *scope = tn_scope_open();
  tn_module *layer = tn_nn_function("square", tn_square);
  expect_values(tn_module_forward(layer, doubles(TN_SHAPE(2), (double[]){-3, 2})), (double[]){9, 4},
                2, 0);
  tn_module_release(layer);
  cr_assert_null(tn_nn_function("nothing", NULL));
  expect_error(TN_INVALID_ARGUMENT, "function is NULL");
  tn_scope_close(scope);
}

TN_TEST(nn_layers, linear_adds_its_bias) {
  tn_scope *scope = tn_scope_open();
  tn_module *layer = tn_nn_linear(2, 2, .dtype = TN_F64);
  bool before = tn_grad_mode_set(false);
  tn_copy_(tn_module_tensor_at(layer, "weight"), doubles(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4}));
  tn_copy_(tn_module_tensor_at(layer, "bias"), doubles(TN_SHAPE(2), (double[]){10, 20}));
  tn_grad_mode_set(before);
  expect_values(tn_module_forward(layer, doubles(TN_SHAPE(1, 2), (double[]){5, 6})),
                (double[]){5 + 12 + 10, 15 + 24 + 20}, 2, 1e-12);
  tn_module_release(layer);
  tn_scope_close(scope);
}

TN_TEST(nn_layers, dropout_acts_in_training_only) {
  tn_scope *scope = tn_scope_open();
  tn_module *layer = tn_nn_dropout(0.25);
  tn_tensor *x = tn_ones(TN_SHAPE(10000));
  tn_manual_seed(1);
  tn_tensor *y = tn_module_forward(layer, x);
  double mean = tn_item(tn_mean(y));
  cr_assert(fabs(mean - 1) < 0.03, "the mean is %g", mean);
  double largest = tn_item(tn_amax(y));
  cr_assert(fabs(largest - 1 / 0.75) < 1e-6, "the largest is %g", largest);
  tn_module_eval(layer);
  cr_assert_eq(tn_item_int(tn_sum(tn_ne(tn_module_forward(layer, x), x))), 0);
  tn_module_release(layer);
  tn_scope_close(scope);
}

TN_TEST(nn_layers, embedding_picks_rows) {
  tn_scope *scope = tn_scope_open();
  tn_module *layer = tn_nn_embedding(4, 3, .padding_index = TN_INT(-1));
  const int64_t indices[] = {3, 0};
  tn_tensor *y = tn_module_forward(layer, tn_from_data(indices, TN_SHAPE(1, 2), TN_I64));
  expect_shape(y, TN_SHAPE(1, 2, 3));
  expect_values(tn_select(tn_select(y, 0, 0), 0, 0), (double[]){0, 0, 0}, 3, 0);
  cr_assert_eq(tn_backward(tn_sum(y)), TN_OK);
  tn_tensor *grad = tn_tensor_grad(tn_module_tensor_at(layer, "weight"));
  expect_values(grad, (double[]){1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12, 0);
  tn_module_release(layer);
  tn_scope_close(scope);
}

// ---- batch_norm2d ------------------------------------------------------------------------------

// Two channels over two images of 1x2.
static const double batch[8] = {1, 3, 10, 10, 5, 7, 20, 40};

TN_TEST(nn_layers, batch_norm2d_normalises_by_the_batch_in_training) {
  tn_scope *scope = tn_scope_open();
  tn_module *layer = tn_nn_batch_norm2d(2, .eps = 1e-12, .dtype = TN_F64);
  tn_tensor *y = tn_module_forward(layer, doubles(TN_SHAPE(2, 2, 1, 2), batch));
  // Channel 0: 1 3 5 7, mean 4, variance 5; channel 1: 10 10 20 40, mean 20, variance 150.
  double s0 = sqrt(5.0), s1 = sqrt(150.0);
  double expected[8] = {-3 / s0, -1 / s0, -10 / s1, -10 / s1, 1 / s0, 3 / s0, 0, 20 / s1};
  expect_values(y, expected, 8, 1e-9);
  // Running values start at 0 and 1, and take a tenth of the batch's; variances unbiased: 4/3.
  expect_values(tn_module_tensor_at(layer, "running_mean"), (double[]){0.4, 2.0}, 2, 1e-12);
  double variances[] = {0.9 + 0.1 * 5 * 4 / 3, 0.9 + 0.1 * 150 * 4 / 3};
  expect_values(tn_module_tensor_at(layer, "running_var"), variances, 2, 1e-12);
  tn_module_release(layer);
  tn_scope_close(scope);
}

TN_TEST(nn_layers, batch_norm2d_uses_running_values_in_evaluation) {
  tn_scope *scope = tn_scope_open();
  tn_module *layer = tn_nn_batch_norm2d(2, .eps = 1e-12, .dtype = TN_F64);
  tn_init_constant_(tn_module_tensor_at(layer, "running_mean"), 2);
  tn_init_constant_(tn_module_tensor_at(layer, "running_var"), 4);
  tn_init_constant_(tn_module_tensor_at(layer, "weight"), 3);
  tn_init_constant_(tn_module_tensor_at(layer, "bias"), 1);
  tn_module_eval(layer);
  double expected[8];
  for (int i = 0; i < 8; i++) expected[i] = (batch[i] - 2) / 2 * 3 + 1;
  expect_values(tn_module_forward(layer, doubles(TN_SHAPE(2, 2, 1, 2), batch)), expected, 8, 1e-9);
  expect_values(tn_module_tensor_at(layer, "running_mean"), (double[]){2, 2}, 2, 0);
  tn_module_release(layer);
  tn_scope_close(scope);
}

TN_TEST(nn_layers, batch_norm2d_refuses_what_it_cannot_normalise) {
  tn_scope *scope = tn_scope_open();
  tn_module *layer = tn_nn_batch_norm2d(2);
  cr_assert_null(tn_module_forward(layer, tn_zeros(TN_SHAPE(1, 2, 1, 1))));
  expect_error(TN_INVALID_ARGUMENT, "more than one value");
  cr_assert_null(tn_module_forward(layer, tn_zeros(TN_SHAPE(1, 3, 2, 2))));
  expect_error(TN_INVALID_ARGUMENT, "[N, 2, H, W]");
  tn_module_release(layer);
  tn_scope_close(scope);
}

// ---- gradients ---------------------------------------------------------------------------------

typedef struct checked {
  tn_module *layer;
} checked;

static tn_tensor *run_layer(void *context, tn_tensors inputs) {
  return tn_module_forward(((checked *)context)->layer, inputs.data[0]);
}

// Of the input and of every parameter. Releases |layer|.
static void check_gradients(tn_module *layer, tn_ints shape) {
  tn_scope *scope = tn_scope_open();
  tn_manual_seed(7);
  tn_tensor *input = tn_randn(shape, .dtype = TN_F64);
  tn_requires_grad_(input, true);
  tn_tensor *inputs[8] = {input};
  tn_tensors parameters = tn_module_parameters(layer);
  int64_t count = 1;
  for (int64_t i = 0; i < parameters.count; i++) inputs[count++] = parameters.data[i];
  checked c = {layer};
  cr_assert_eq(tn_gradcheck(run_layer, &c, (tn_tensors){inputs, count}, NULL), TN_OK, "%s",
               tn_error_peek() != NULL ? tn_error_peek()->message : "");
  tn_scope_close(scope);
  tn_module_release(layer);
}

TN_TEST(nn_layers, linear_has_right_gradients) {
  check_gradients(tn_nn_linear(3, 2, .dtype = TN_F64), TN_SHAPE(4, 3));
}
TN_TEST(nn_layers, conv2d_has_right_gradients) {
  check_gradients(tn_nn_conv2d(2, 4, TN_INTS(3), .padding = TN_INTS(1), .stride = TN_INTS(2),
                               .groups = 2, .dtype = TN_F64),
                  TN_SHAPE(2, 2, 5, 4));
}
TN_TEST(nn_layers, max_pool2d_has_right_gradients) {
  check_gradients(tn_nn_max_pool2d(TN_INTS(2)), TN_SHAPE(1, 2, 4, 4));
}
TN_TEST(nn_layers, avg_pool2d_has_right_gradients) {
  check_gradients(tn_nn_avg_pool2d(TN_INTS(3), .stride = TN_INTS(2), .padding = TN_INTS(1)),
                  TN_SHAPE(1, 2, 5, 5));
}
TN_TEST(nn_layers, batch_norm2d_has_right_gradients_in_training) {
  check_gradients(tn_nn_batch_norm2d(2, .dtype = TN_F64), TN_SHAPE(3, 2, 2, 2));
}
TN_TEST(nn_layers, batch_norm2d_has_right_gradients_in_evaluation) {
  tn_module *layer = tn_nn_batch_norm2d(2, .dtype = TN_F64);
  tn_module_eval(layer);
  check_gradients(layer, TN_SHAPE(3, 2, 2, 2));
}
TN_TEST(nn_layers, sequential_has_right_gradients) {
  tn_module *layers = tn_nn_sequential(TN_MODULES(
      tn_nn_conv2d(1, 2, TN_INTS(3), .dtype = TN_F64), tn_nn_tanh(), tn_nn_avg_pool2d(TN_INTS(2)),
      tn_nn_flatten(), tn_nn_linear(8, 3, .dtype = TN_F64), tn_nn_gelu()));
  check_gradients(layers, TN_SHAPE(2, 1, 6, 6));
}

// ---- first values ------------------------------------------------------------------------------

static void expect_range(const tn_tensor *tensor, double bound) {
  tn_scope *scope = tn_scope_open();
  double low = tn_item(tn_amin((tn_tensor *)tensor));
  double high = tn_item(tn_amax((tn_tensor *)tensor));
  cr_assert(low >= -bound && high <= bound, "[%g, %g] is not within %g", low, high, bound);
  cr_assert(low < -0.8 * bound && high > 0.8 * bound, "[%g, %g] does not reach %g", low, high,
            bound);
  tn_scope_close(scope);
}

TN_TEST(nn_layers, parameters_start_uniform_within_the_root_of_fan_in) {
  tn_manual_seed(3);
  tn_module *linear = tn_nn_linear(100, 50);
  expect_range(tn_module_tensor_at(linear, "weight"), 0.1);
  expect_range(tn_module_tensor_at(linear, "bias"), 0.1);
  tn_module_release(linear);
  tn_module *conv = tn_nn_conv2d(4, 64, TN_INTS(5));
  expect_range(tn_module_tensor_at(conv, "weight"), 0.1);
  expect_range(tn_module_tensor_at(conv, "bias"), 0.1);
  tn_module_release(conv);
}

static double deviation_of(tn_tensor *tensor) {
  tn_scope *scope = tn_scope_open();
  double deviation = tn_item(tn_std(tensor));
  tn_scope_close(scope);
  return deviation;
}

TN_TEST(nn_layers, init_gives_the_deviations_of_the_papers) {
  tn_scope *scope = tn_scope_open();
  tn_manual_seed(3);
  tn_tensor *w = tn_empty(TN_SHAPE(64, 32, 3, 3));
  double fan_in = 32 * 9, fan_out = 64 * 9;
  cr_assert_eq(tn_init_kaiming_uniform_(w, 0), TN_OK);
  cr_assert_float_eq(deviation_of(w), sqrt(2 / fan_in), 0.02 * sqrt(2 / fan_in));
  cr_assert_eq(tn_init_kaiming_normal_(w, 1), TN_OK);
  cr_assert_float_eq(deviation_of(w), sqrt(1 / fan_in), 0.02 * sqrt(1 / fan_in));
  double xavier = sqrt(2 / (fan_in + fan_out));
  cr_assert_eq(tn_init_xavier_uniform_(w), TN_OK);
  cr_assert_float_eq(deviation_of(w), xavier, 0.02 * xavier);
  cr_assert_eq(tn_init_xavier_normal_(w), TN_OK);
  cr_assert_float_eq(deviation_of(w), xavier, 0.02 * xavier);
  cr_assert_eq(tn_init_normal_(w, 5, 2), TN_OK);
  cr_assert_float_eq(deviation_of(w), 2, 0.04);
  cr_assert_float_eq(tn_item(tn_mean(w)), 5, 0.05);
  tn_scope_close(scope);
  expect_ok();
}

TN_TEST(nn_layers, init_refuses_what_it_cannot_fill) {
  tn_scope *scope = tn_scope_open();
  cr_assert_eq(tn_init_uniform_(NULL, 0, 1), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "NULL");
  cr_assert_eq(tn_init_uniform_(tn_zeros(TN_SHAPE(2), .dtype = TN_I64), 0, 1), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "int64");
  cr_assert_eq(tn_init_kaiming_uniform_(tn_zeros(TN_SHAPE(2)), 0), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "at least 2 dimensions");
  cr_assert_eq(tn_init_normal_(tn_zeros(TN_SHAPE(2)), 0, INFINITY), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "not finite");
  tn_scope_close(scope);
}

TN_TEST(nn_layers, the_same_seed_gives_the_same_parameters) {
  tn_scope *scope = tn_scope_open();
  tn_manual_seed(11);
  tn_module *a = tn_nn_linear(5, 4);
  tn_manual_seed(11);
  tn_module *b = tn_nn_linear(5, 4);
  tn_tensor *differ = tn_ne(tn_module_tensor_at(a, "weight"), tn_module_tensor_at(b, "weight"));
  cr_assert_eq(tn_item_int(tn_sum(differ)), 0);
  tn_module_release(a);
  tn_module_release(b);
  tn_scope_close(scope);
}

// ---- nonsense ----------------------------------------------------------------------------------

TN_TEST(nn_layers, constructors_refuse_sizes_that_make_no_sense) {
  cr_assert_null(tn_nn_linear(0, 3));
  expect_error(TN_INVALID_ARGUMENT, "in must be at least 1");
  cr_assert_null(tn_nn_conv2d(3, 4, TN_INTS(3), .groups = 2));
  expect_error(TN_INVALID_ARGUMENT, "multiples of groups");
  cr_assert_null(tn_nn_conv2d(3, 4, TN_INTS(3, 3, 3)));
  expect_error(TN_INVALID_ARGUMENT, "kernel is one number or two, not 3");
  cr_assert_null(tn_nn_conv2d(3, 4, TN_INTS(3), .padding = TN_INTS(-1)));
  expect_error(TN_INVALID_ARGUMENT, "padding must be at least 0");
  cr_assert_null(tn_nn_max_pool2d(TN_INTS(0)));
  expect_error(TN_INVALID_ARGUMENT, "tn_nn_max_pool2d: kernel");
  cr_assert_null(tn_nn_dropout(1.5));
  expect_error(TN_INVALID_ARGUMENT, "p must be in [0, 1]");
  cr_assert_null(tn_nn_embedding(4, 2, .padding_index = TN_INT(4)));
  expect_error(TN_INVALID_ARGUMENT, "padding_index 4");
  cr_assert_null(tn_nn_batch_norm2d(4, .momentum = TN_FLOAT(2)));
  expect_error(TN_INVALID_ARGUMENT, "momentum");
  cr_assert_null(tn_nn_linear(INT64_MAX, INT64_MAX));
  cr_assert(!tn_ok());
  tn_error_clear();
}

TN_TEST(nn_layers, a_wrong_input_is_the_operators_error) {
  tn_scope *scope = tn_scope_open();
  tn_module *layer = tn_nn_sequential(TN_MODULES(tn_nn_linear(3, 4), tn_nn_linear(5, 2)));
  cr_assert_null(tn_module_forward(layer, tn_zeros(TN_SHAPE(1, 3))));
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_module_release(layer);
  tn_scope_close(scope);
}
