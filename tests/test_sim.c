// SPDX-License-Identifier: Apache-2.0
//
// The simulated accelerator through the public interface: what is computed there is what the cpu
// computes, bit for bit, and what only a device with a memory and a time of its own can get wrong
// is right. Each test is a process of its own, so it sets the environment before the first call.

#include <stdlib.h>

#include "tensor_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

// The backends of a test; the first listed that owns a device is the default one.
static void use_sim(void) { setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",cpu", 1); }

// ---- kernels -----------------------------------------------------------------------------------

TN_TEST(sim, computes_what_the_cpu_computes) {
  use_sim();
  tn_scope *scope = tn_scope_open();
  tn_device device = tn_device_default();
  char name[16];
  cr_assert_str_eq(tn_device_name(device, name, sizeof name), "sim:0");
  tn_tensor *x = tn_to(doubles(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4}), device, TN_DTYPE_NONE);
  tn_tensor *y = tn_mul(tn_add(x, x), tn_transpose(x, 0, 1));
  expect_exactly(y, 2, 12, 12, 32);
  expect_exactly(tn_sum(y), 58);
  cr_assert_eq(tn_device_count("sim"), 2);
  tn_scope_close(scope);
}

// ---- the device that does nothing --------------------------------------------------------------

TN_TEST(null, copies_and_computes_nothing) {
  setenv("TENON_BACKENDS", "null=" PLUGIN("null") ",cpu", 1);
  tn_scope *scope = tn_scope_open();
  tn_device device = tn_device_parse("null");
  tn_tensor *x = tn_to(doubles(TN_SHAPE(2), (double[]){1, 2}), device, TN_DTYPE_NONE);
  expect_exactly(x, 1, 2);
  cr_assert_eq(tn_add_(x, x), TN_OK);
  expect_exactly(x, 1, 2);
  tn_tensor *image = tn_empty(TN_SHAPE(1, 1, 4, 4), .device = device);
  tn_tensor *weight = tn_empty(TN_SHAPE(1, 1, 2, 2), .device = device);
  expect_shape(tn_conv2d(image, weight, TN_NONE), TN_SHAPE(1, 1, 3, 3));
  tn_scope_close(scope);
}
