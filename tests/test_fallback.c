// SPDX-License-Identifier: Apache-2.0
//
// What runs on the cpu because its device has no kernel for it, by TENON_FALLBACK=cpu: the results
// are the cpu's, bit for bit, gradients included, and every time is counted. The plugin `few` is a
// device with two kernels, whose memory the host cannot touch. Each test is a process of its own.

#include <fcntl.h>
#include <stdlib.h>
#include <tenon/testing.h>
#include <unistd.h>

#include "nn_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

static tn_device few(const char *fallback) {
  setenv("TENON_BACKENDS", "few=" PLUGIN("few") ",cpu", 1);
  if (fallback != NULL) setenv("TENON_FALLBACK", fallback, 1);
  tn_device device = tn_device_parse("few");
  expect_ok();
  return device;
}

static tn_tensor *there(tn_tensor *x) { return tn_to(x, tn_device_parse("few"), TN_DTYPE_NONE); }

// Whether |a|, wherever it is, has the very bytes of |b|, which is on the cpu.
static void expect_same_bytes(tn_tensor *a, tn_tensor *b, const char *what) {
  expect_ok();
  tn_tensor *here = tn_contiguous(tn_to(a, TN_DEVICE_CPU, TN_DTYPE_NONE));
  b = tn_contiguous(b);
  expect_shape(here, tn_tensor_shape(b));
  cr_assert_eq(tn_tensor_dtype(here), tn_tensor_dtype(b));
  size_t size = (size_t)(tn_tensor_numel(b) * (int64_t)tn_dtype_size(tn_tensor_dtype(b)));
  cr_assert_eq(memcmp(tn_tensor_data(here), tn_tensor_data(b), size), 0, "%s", what);
}
#define expect_same(a, b) expect_same_bytes(a, b, #a)

static void expect_on_few(tn_tensor *x) {
  expect_ok();
  char name[16];
  cr_assert_str_eq(tn_device_name(tn_tensor_device(x), name, sizeof name), "few:0");
}

static tn_tensor *numbers(tn_ints shape) { return tn_randn(shape, .device = TN_DEVICE_CPU); }

// ---- permission --------------------------------------------------------------------------------

TN_TEST(fallback, is_not_done_without_permission) {
  tn_scope *scope = tn_scope_open();
  few(NULL);
  tn_tensor *x = there(numbers(TN_SHAPE(3)));
  cr_assert_null(tn_exp(x));
  cr_assert_not_null(strstr(tn_error_peek()->hint, "TENON_FALLBACK=cpu"));
  expect_error(TN_UNIMPLEMENTED,
               "exp: no backend has a kernel for dtype float32 on device 'few:0'");
  cr_assert_eq(tn_fallback_count(), 0);
  char *report = tn_fallback_report();
  cr_assert_str_eq(report, "");
  free(report);
  tn_scope_close(scope);
}

TN_TEST(fallback, error_says_the_same_as_nothing) {
  tn_scope *scope = tn_scope_open();
  few("error");
  tn_tensor *x = there(numbers(TN_SHAPE(5)));
  cr_assert_null(tn_mul(x, x));
  expect_error(TN_UNIMPLEMENTED, "on device 'few:0' accepts: few: more than four elements");
  cr_assert_null(tn_add(x, x, .alpha = tn_scalar_float(2.0)));
  expect_error(TN_UNIMPLEMENTED, "an alpha that is not 1");
  tn_scope_close(scope);
}

TN_TEST(fallback, nonsense_is_an_error_that_names_the_value) {
  setenv("TENON_FALLBACK", "gpu", 1);
  cr_assert_null(tn_zeros(TN_SHAPE(1)));
  expect_error(TN_INVALID_ARGUMENT, "TENON_FALLBACK=gpu");
}

TN_TEST(fallback, may_be_allowed_by_the_program) {
  tn_scope *scope = tn_scope_open();
  tn_init_options options = {
      .struct_size = sizeof options, .backends = "few=" PLUGIN("few") ",cpu", .fallback = "cpu"};
  cr_assert_eq(tn_init(&options), TN_OK);
  tn_tensor *x = numbers(TN_SHAPE(3));
  expect_same(tn_exp(there(x)), tn_exp(x));
  cr_assert_eq(tn_fallback_count(), 1);
  tn_scope_close(scope);
}

TN_TEST(fallback, that_the_cpu_cannot_serve_either_says_where_it_was_tried) {
  tn_scope *scope = tn_scope_open();
  setenv("TENON_BACKENDS", "few=" PLUGIN("few") ",^cpu", 1);
  setenv("TENON_FALLBACK", "cpu", 1);
  tn_tensor *x = tn_empty(TN_SHAPE(3), .device = tn_device_parse("few"));
  cr_assert_null(tn_exp(x));
  expect_error(TN_UNIMPLEMENTED, "on the cpu in place of 'few:0'");
  tn_scope_close(scope);
}

// ---- results -----------------------------------------------------------------------------------

TN_TEST(fallback, leaves_what_the_device_can_do_to_the_device) {
  tn_scope *scope = tn_scope_open();
  few("cpu");
  tn_tensor *x = numbers(TN_SHAPE(4)), *y = there(x);
  expect_same(tn_mul(tn_add(y, y), y), tn_mul(tn_add(x, x), x));
  cr_assert_eq(tn_fallback_count(), 0);
  x = numbers(TN_SHAPE(5)), y = there(x);
  expect_same(tn_mul(y, y), tn_mul(x, x));
  cr_assert_eq(tn_fallback_count(), 1);
  tn_scope_close(scope);
}

TN_TEST(fallback, gives_the_cpus_results_on_the_device) {
  tn_scope *scope = tn_scope_open();
  few("cpu");
  tn_tensor *x = numbers(TN_SHAPE(4, 6)), *y = there(x);
  expect_on_few(tn_exp(y));
  expect_same(tn_exp(y), tn_exp(x));
  expect_same(tn_sum(y), tn_sum(x));
  expect_same(tn_sum_dim(y, TN_DIMS(-1), .keepdim = true),
              tn_sum_dim(x, TN_DIMS(1), .keepdim = true));
  expect_same(tn_matmul(y, tn_transpose(y, 0, 1)), tn_matmul(x, tn_transpose(x, 0, 1)));
  expect_same(tn_add_scalar(y, 2.5), tn_add_scalar(x, 2.5));
  expect_same(tn_mul(tn_from_data((float[]){3}, TN_SHAPE_SCALAR, TN_F32), y), tn_mul_scalar(x, 3));
  expect_same(tn_gt_scalar(y, 0.0), tn_gt_scalar(x, 0.0));
  expect_same(tn_cat(TN_TENSORS(y, y, tn_neg(y))), tn_cat(TN_TENSORS(x, x, tn_neg(x))));
  tn_scope_close(scope);
}

// The device's parts come before the cpu's whole.
TN_TEST(fallback, comes_behind_decomposition) {
  tn_scope *scope = tn_scope_open();
  few("cpu");
  tn_tensor *x = numbers(TN_SHAPE(4, 6)), *y = there(x);
  double whole[24];
  cr_assert_eq(tn_copy_to_host(tn_softmax(x, 1), whole, sizeof whole, TN_F64), TN_OK);
  expect_values(tn_softmax(y, 1), whole, 24, 1e-6);
  char *report = tn_fallback_report();
  cr_assert_null(strstr(report, "softmax"), "%s", report);
  cr_assert_not_null(strstr(report, "exp float32"), "%s", report);
  free(report);
  tn_scope_close(scope);
}

TN_TEST(fallback, sees_views_as_they_are) {
  tn_scope *scope = tn_scope_open();
  few("cpu");
  tn_tensor *x = numbers(TN_SHAPE(4, 6)), *y = there(x);
  expect_same(tn_exp(tn_transpose(y, 0, 1)), tn_exp(tn_transpose(x, 0, 1)));
  expect_same(tn_exp(tn_slice(y, 1, .start = TN_INT(1), .end = TN_INT(6), .step = TN_INT(2))),
              tn_exp(tn_slice(x, 1, .start = TN_INT(1), .end = TN_INT(6), .step = TN_INT(2))));
  expect_same(tn_exp(tn_expand(tn_select(y, 0, 2), TN_SHAPE(3, 6))),
              tn_exp(tn_expand(tn_select(x, 0, 2), TN_SHAPE(3, 6))));
  tn_tensor *none = tn_slice(y, 0, .start = TN_INT(4));
  expect_same(tn_exp(none), tn_exp(tn_slice(x, 0, .start = TN_INT(4))));
  expect_same(tn_sum(none), tn_sum(tn_slice(x, 0, .start = TN_INT(4))));
  tn_scope_close(scope);
}

TN_TEST(fallback, gives_every_result_of_several) {
  tn_scope *scope = tn_scope_open();
  few("cpu");
  tn_tensor *x = numbers(TN_SHAPE(4, 6)), *y = there(x), *at_x, *at_y;
  tn_tensor *max_x = tn_max_dim(x, 1, &at_x), *max_y = tn_max_dim(y, 1, &at_y);
  expect_same(max_y, max_x);
  expect_same(at_y, at_x);
  expect_on_few(at_y);
  tn_tensor *rows =
      tn_index_select(y, 0, there(tn_from_data((int64_t[]){2, 0}, TN_SHAPE(2), TN_I64)));
  expect_same(rows, tn_index_select(x, 0, tn_from_data((int64_t[]){2, 0}, TN_SHAPE(2), TN_I64)));
  tn_scope_close(scope);
}

TN_TEST(fallback, makes_what_a_factory_is_asked_for) {
  tn_scope *scope = tn_scope_open();
  tn_device device = few("cpu");
  tn_tensor *x = tn_linspace(0, 1, 5, .dtype = TN_F32, .device = device);
  expect_on_few(x);
  expect_same(x, tn_linspace(0, 1, 5, .dtype = TN_F32, .device = TN_DEVICE_CPU));
  expect_same(tn_full(TN_SHAPE(2, 2), 7.0, .device = device),
              tn_full(TN_SHAPE(2, 2), 7.0, .device = TN_DEVICE_CPU));
  tn_scope_close(scope);
}

// The same seed gives the same numbers on every device; one of 0, whose state looks like none, too.
static void expect_same_numbers(uint64_t seed) {
  tn_scope *scope = tn_scope_open();
  tn_device device = few("cpu");
  tn_manual_seed(seed);
  tn_tensor *a = tn_rand(TN_SHAPE(7), .device = device);
  tn_tensor *b = tn_dropout(tn_ones(TN_SHAPE(9), .device = device), 0.5, true);
  expect_on_few(a);
  tn_philox_state after;
  cr_assert_eq(tn_random_state(TN_DEVICE_CPU, &after), TN_OK);
  cr_assert_eq(after.offset, 0, "the cpu's own numbers must not be used up");
  cr_assert_eq(tn_random_state(device, &after), TN_OK);
  cr_assert_eq(after.offset, 16);
  tn_manual_seed(seed);
  expect_same(a, tn_rand(TN_SHAPE(7), .device = TN_DEVICE_CPU));
  expect_same(b, tn_dropout(tn_ones(TN_SHAPE(9), .device = TN_DEVICE_CPU), 0.5, true));
  tn_scope_close(scope);
}
TN_TEST(fallback, draws_the_random_numbers_of_the_device) { expect_same_numbers(42); }
TN_TEST(fallback, draws_them_from_a_seed_of_zero) { expect_same_numbers(0); }

// ---- into what exists --------------------------------------------------------------------------

TN_TEST(fallback, writes_in_place_and_into_what_is_given) {
  tn_scope *scope = tn_scope_open();
  tn_device device = few("cpu");
  tn_tensor *x = numbers(TN_SHAPE(4, 6)), *y = there(x);
  cr_assert_eq(tn_exp_(y), TN_OK);
  expect_same(y, tn_exp(x));
  tn_tensor *out = tn_empty(TN_SHAPE(4, 6), .device = device);
  cr_assert_eq(tn_exp_out(out, y), TN_OK);
  expect_same(out, tn_exp(tn_exp(x)));
  tn_tensor *wide = tn_empty(TN_SHAPE(4, 6), .dtype = TN_F64, .device = device);
  cr_assert_eq(tn_exp_out(wide, y), TN_OK);
  expect_same(wide, tn_to(tn_exp(tn_exp(x)), TN_DEVICE_CPU, TN_F64));
  tn_scope_close(scope);
}

TN_TEST(fallback, writes_views_and_nothing_beside_them) {
  tn_scope *scope = tn_scope_open();
  few("cpu");
  tn_tensor *x = numbers(TN_SHAPE(4, 6)), *y = there(x);
  cr_assert_eq(tn_exp_(tn_transpose(y, 0, 1)), TN_OK);
  cr_assert_eq(tn_exp_(tn_transpose(x, 0, 1)), TN_OK);
  expect_same(y, x);
  cr_assert_eq(tn_neg_(tn_slice(y, 1, .start = TN_INT(1), .end = TN_INT(6), .step = TN_INT(2))),
               TN_OK);
  cr_assert_eq(tn_neg_(tn_slice(x, 1, .start = TN_INT(1), .end = TN_INT(6), .step = TN_INT(2))),
               TN_OK);
  expect_same(y, x);
  cr_assert_eq(tn_neg_(tn_slice(y, 1, .start = TN_INT(2), .end = TN_INT(5))), TN_OK);
  cr_assert_eq(tn_neg_(tn_slice(x, 1, .start = TN_INT(2), .end = TN_INT(5))), TN_OK);
  expect_same(y, x);
  tn_scope_close(scope);
}

// ---- memory that is out ------------------------------------------------------------------------

// Every allocation of a call that falls back, in place and with a view, fails in turn.
TN_TEST(fallback, fails_clearly_at_each_allocation_in_turn) {
  few("cpu");
  tn_tensor *host = numbers(TN_SHAPE(4, 6)), *x = there(host);
  tn_tensor *view = tn_transpose(x, 0, 1), *warm = tn_exp(view);
  cr_assert_eq(tn_neg_(view), TN_OK);
  tn_release(warm);
  bool failed = true;
  int64_t nth = 1;
  for (; failed && nth < 500; nth++) {
    tn_testing_fail_allocation(nth);
    tn_tensor *y = tn_exp(view);
    tn_status status = tn_neg_(view);
    failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    cr_assert_eq(y != NULL && status == TN_OK, tn_ok(), "allocation %d", (int)nth);
    if (!tn_ok())
      cr_assert_eq(tn_error_peek()->status, TN_OUT_OF_MEMORY, "%s", tn_error_peek()->message);
    tn_error_clear();
    tn_release(y);
  }
  cr_assert_gt(nth, 2, "no allocation was made to fail");
  cr_assert_not(failed);
  tn_release(view);
  tn_release(x);
  tn_release(host);
}

// ---- gradients ---------------------------------------------------------------------------------

// The loss of two layers on the device of |x|, backward.
static tn_tensor *learn(tn_tensor *x, tn_tensor *w, tn_tensor *v, tn_tensor *classes) {
  tn_requires_grad_(w, true);
  tn_requires_grad_(v, true);
  tn_tensor *hidden = tn_relu(tn_matmul(x, w));
  tn_tensor *loss = tn_cross_entropy_loss(tn_matmul(hidden, v), classes, TN_NONE);
  cr_assert_not_null(loss, "%s", tn_ok() ? "" : tn_error_peek()->message);
  cr_assert_eq(tn_backward(loss), TN_OK);
  return loss;
}

TN_TEST(fallback, keeps_gradients) {
  tn_scope *scope = tn_scope_open();
  few("cpu");
  tn_tensor *x = numbers(TN_SHAPE(8, 5)), *w = numbers(TN_SHAPE(5, 7)),
            *v = numbers(TN_SHAPE(7, 3));
  tn_tensor *classes = tn_from_data((int64_t[]){0, 1, 2, 0, 1, 2, 0, 1}, TN_SHAPE(8), TN_I64);
  tn_tensor *w_there = there(w), *v_there = there(v);
  tn_tensor *a = learn(x, w, v, classes), *b = learn(there(x), w_there, v_there, there(classes));
  expect_same(b, a);
  expect_on_few(tn_tensor_grad(w_there));
  expect_same(tn_tensor_grad(w_there), tn_tensor_grad(w));
  expect_same(tn_tensor_grad(v_there), tn_tensor_grad(v));
  tn_scope_close(scope);
}

TN_TEST(fallback, keeps_the_gradient_of_an_in_place_call) {
  tn_scope *scope = tn_scope_open();
  few("cpu");
  tn_tensor *x = numbers(TN_SHAPE(6)), *y = there(x);
  tn_requires_grad_(x, true);
  tn_requires_grad_(y, true);
  tn_tensor *a = tn_mul(x, x), *b = tn_mul(y, y);
  cr_assert_eq(tn_exp_(a), TN_OK);
  cr_assert_eq(tn_exp_(b), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(a)), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(b)), TN_OK);
  expect_same(tn_tensor_grad(y), tn_tensor_grad(x));
  tn_scope_close(scope);
}

// ---- counting ----------------------------------------------------------------------------------

TN_TEST(fallback, is_counted_by_operator_dtype_and_device) {
  tn_scope *scope = tn_scope_open();
  few("cpu");
  tn_tensor *x = there(numbers(TN_SHAPE(8)));
  for (int i = 0; i < 3; i++) tn_exp(x);
  tn_exp(there(tn_ones(TN_SHAPE(2), .dtype = TN_F64, .device = TN_DEVICE_CPU)));
  tn_mul(x, x);
  expect_ok();
  cr_assert_eq(tn_fallback_count(), 5);
  char *report = tn_fallback_report();
  cr_assert_str_eq(report,
                   "exp float32 on few:0: 3 calls, 192 bytes copied\n"
                   "exp float64 on few:0: 1 call, 32 bytes copied\n"
                   "mul.Tensor float32 on few:0: 1 call, 64 bytes copied\n");
  free(report);
  tn_scope_close(scope);
}

// Standard error, from here on, goes to a file; its name is static.
static const char *redirect_errors(void) {
  static char path[] = "/tmp/tenon_errors_XXXXXX";
  int file = mkstemp(path);
  cr_assert(file >= 0 && dup2(file, STDERR_FILENO) >= 0);
  close(file);
  return path;
}

static void expect_file(const char *path, const char *words, bool there) {
  char text[4096] = "";
  FILE *file = fopen(path, "r");
  size_t length = fread(text, 1, sizeof text - 1, file);
  text[length] = '\0';
  fclose(file);
  cr_assert_eq(strstr(text, words) != NULL, there, "'%s' in: %s", words, text);
}

TN_TEST(fallback, is_summed_up_at_shutdown_and_logged_at_first_sight) {
  const char *path = redirect_errors();
  setenv("TENON_LOG", "dispatch:info", 1);
  few("cpu");
  tn_tensor *host = numbers(TN_SHAPE(3)), *x = there(host), *y = tn_exp(x);
  expect_file(path, "exp of float32 has no kernel on 'few:0' and runs on the cpu", true);
  expect_file(path, "ran on the cpu, as", false);
  tn_release(y);
  tn_release(x);
  tn_release(host);
  tn_shutdown();
  expect_file(path, "1 call ran on the cpu, as TENON_FALLBACK=cpu allows:\nexp float32", true);
  unlink(path);
}

TN_TEST(fallback, that_never_happened_is_not_spoken_of) {
  const char *path = redirect_errors();
  few("cpu");
  tn_release(tn_empty(TN_SHAPE(3)));
  tn_shutdown();
  expect_file(path, "tenon", false);
  unlink(path);
}
