// SPDX-License-Identifier: Apache-2.0
//
// Backward passes over graphs whose forwards ran on several streams. Every job of the simulated
// accelerator starts late, so a gradient that was not waited for is not there yet.

#include "sim_test.h"

// ---- gradients ---------------------------------------------------------------------------------

static tn_tensor *leaf_on(tn_device device, double value) {
  tn_tensor *leaf = on(device, value);
  cr_assert_eq(tn_requires_grad_(leaf, true), TN_OK);
  return leaf;
}

// 16 x^2 on |side|, times x on the stream that was current.
static tn_tensor *cube_across(tn_tensor *x, tn_stream *side) {
  tn_stream *home = tn_stream_current(tn_tensor_device(x));
  go_to(side);
  tn_tensor *square = slowly(tn_mul(x, x));
  go_to(home);
  tn_tensor *cube = tn_mul(square, x);
  expect_ok();
  return cube;
}

TN_TEST(backward, orders_gradients_that_cross_streams) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_on(device, 2);
  tn_stream *side = tn_stream_new(device, 0);
  tn_tensor *y = cube_across(x, side);
  cr_assert_eq(tn_backward(y, .gradient = tn_ones_like(y)), TN_OK);
  cr_assert_eq(tn_stream_current(device), tn_stream_default(device));
  expect_exactly(tn_tensor_grad(x), 192, 192);
  tn_tensor *z = cube_across(x, side);
  tn_stream_release(side);
  cr_assert_eq(tn_backward(z, .gradient = tn_ones_like(z)), TN_OK, "nodes keep their stream");
  expect_exactly(tn_tensor_grad(x), 384, 384);
  tn_scope_close(scope);
}

TN_TEST(backward, leaves_gradients_ready_on_the_callers_stream) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_on(device, 2);
  tn_stream *side = tn_stream_new(device, 0), *callers = tn_stream_new(device, 0);
  tn_tensor *y = cube_across(x, side), *one = tn_ones_like(y);
  tn_tensor *w = tn_mul(x, x);  // all on the default stream
  go_to(callers);
  cr_assert_eq(tn_backward(y, .gradient = one), TN_OK);
  cr_assert_eq(tn_stream_current(device), callers);
  expect_exactly(tn_add(tn_tensor_grad(x), x), 194, 194);
  cr_assert_eq(tn_backward(w, .gradient = one), TN_OK);
  expect_exactly(tn_tensor_grad(x), 196, 196);
  go_to(tn_stream_default(device));
  tn_stream_release(side);
  tn_stream_release(callers);
  tn_scope_close(scope);
}

TN_TEST(backward, gives_captured_gradients_across_streams) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_on(device, 2);
  tn_stream *side = tn_stream_new(device, 0);
  go_to(side);
  tn_tensor *inner = tn_mul(x, x), *y = slowly(inner);
  go_to(tn_stream_default(device));
  cr_assert_eq(tn_retain_grad(inner), TN_OK);
  tn_tensors one = TN_TENSORS(tn_ones_like(y));
  // Made on the side stream, where nothing but the end of the walk waits for it.
  tn_list *first =
      tn_grad(TN_TENSORS(y), TN_TENSORS(inner), .grad_outputs = one, .retain_graph = true);
  expect_ok();
  expect_exactly(tn_list_at(first, 0), 16, 16);
  tn_list *second =
      tn_grad(TN_TENSORS(y), TN_TENSORS(x), .grad_outputs = one, .retain_graph = true);
  expect_exactly(tn_list_at(second, 0), 64, 64);
  cr_assert_eq(tn_backward(y, .gradient = one.data[0]), TN_OK);
  expect_exactly(tn_tensor_grad(inner), 16, 16);
  tn_stream_release(side);
  tn_scope_close(scope);
}

TN_TEST(backward, crosses_devices_whose_forwards_had_streams_of_their_own) {
  tn_device device = use_sim(), other = tn_device_parse("sim:1");
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_on(device, 2);
  tn_stream *side = tn_stream_new(device, 0), *others = tn_stream_new(other, 0);
  go_to(side);
  cr_assert_eq(tn_stream_set_current(others), TN_OK);
  tn_tensor *there = slowly(tn_to(tn_mul(x, x), other, TN_DTYPE_NONE));
  tn_tensor *y = tn_mul(tn_to(there, device, TN_DTYPE_NONE), x);
  go_to(tn_stream_default(device));
  cr_assert_eq(tn_stream_set_current(tn_stream_default(other)), TN_OK);
  cr_assert_eq(tn_backward(y, .gradient = tn_ones_like(y)), TN_OK);
  expect_exactly(tn_tensor_grad(x), 192, 192);
  cr_assert_eq(tn_stream_current(device), tn_stream_default(device));
  cr_assert_eq(tn_stream_current(other), tn_stream_default(other));
  tn_stream_release(side);
  tn_stream_release(others);
  tn_scope_close(scope);
}

typedef struct seen {
  tn_stream *stream;
  bool fails;
} seen;

static tn_tensor *look(void *context, tn_tensor *grad) {
  seen *s = context;
  s->stream = tn_stream_current(tn_tensor_device(grad));
  return s->fails ? NULL : TN_NONE;
}

TN_TEST(backward, runs_hooks_on_the_stream_of_their_forward_and_puts_streams_back) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_on(device, 2);
  tn_stream *side = tn_stream_new(device, 0);
  go_to(side);
  tn_tensor *inner = tn_mul(x, x);
  go_to(tn_stream_default(device));
  tn_tensor *y = tn_mul(inner, x);
  seen inside = {NULL, false}, at_leaf = {NULL, false};
  cr_assert_neq(tn_register_hook(inner, look, &inside, NULL), 0);
  cr_assert_neq(tn_register_hook(x, look, &at_leaf, NULL), 0);
  cr_assert_eq(tn_backward(y, .gradient = tn_ones_like(y), .retain_graph = true), TN_OK);
  cr_assert_eq(inside.stream, side);
  cr_assert_eq(at_leaf.stream, tn_stream_default(device));
  inside.fails = true;
  cr_assert_neq(tn_backward(y, .gradient = tn_ones_like(y)), TN_OK);
  tn_error_clear();
  cr_assert_eq(tn_stream_current(device), tn_stream_default(device));
  tn_stream_release(side);
  tn_scope_close(scope);
}
