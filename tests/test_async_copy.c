// SPDX-License-Identifier: Apache-2.0
//
// Copies that come late, pinned memory, copies between devices, and the memory that they use. Every
// job of the simulated accelerator starts late, so a copy that nobody waited for has not happened.

#include "sim_test.h"

// ---- pinned memory and late copies -------------------------------------------------------------

TN_TEST(pinned, memory_is_the_devices_and_pinned_once) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4});
  cr_assert_not(tn_is_pinned(x));
  cr_assert_not(tn_is_pinned(NULL));
  tn_tensor *pinned = tn_pin_memory(tn_t(x), device);
  expect_exactly(pinned, 1, 3, 2, 4);
  cr_assert(tn_is_pinned(pinned));
  cr_assert(tn_is_pinned(tn_select(pinned, 0, 1)), "so is a view of it");
  cr_assert_eq(tn_pin_memory(pinned, device), pinned);
  expect_exactly(tn_add(pinned, pinned), 2, 6, 4, 8);
  cr_assert_eq(tn_fill_(pinned, 7), TN_OK);
  expect_exactly(x, 1, 2, 3, 4);
  expect_exactly(
      tn_pin_memory(tn_full(TN_SHAPE_SCALAR, 3, .dtype = TN_F64, .device = TN_DEVICE_CPU), device),
      3);
  expect_shape(tn_pin_memory(tn_zeros(TN_SHAPE(0, 2), .device = TN_DEVICE_CPU), device),
               TN_SHAPE(0, 2));
  tn_scope_close(scope);
}

TN_TEST(pinned, is_an_ordinary_copy_where_the_device_has_no_such_memory) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *copy = tn_pin_memory(x, TN_DEVICE_CPU);
  cr_assert_neq(copy, x);
  cr_assert_not(tn_is_pinned(copy));
  expect_exactly(copy, 1, 2);
  tn_scope_close(scope);
}

TN_TEST(pinned, refuses_what_it_cannot_pin) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  cr_assert_null(tn_pin_memory(NULL, device));
  expect_error(TN_INVALID_ARGUMENT, "NULL");
  cr_assert_null(tn_pin_memory(TN_NONE, device));
  tn_error_clear();
  cr_assert_null(tn_pin_memory(on(device, 1), device));
  expect_error(TN_INVALID_ARGUMENT, "only memory of the cpu");
  tn_tensor *leaf = doubles(TN_SHAPE(1), (double[]){1});
  cr_assert_eq(tn_requires_grad_(leaf, true), TN_OK);
  cr_assert_null(tn_pin_memory(leaf, device));
  expect_error(TN_WRONG_STATE, "gradient");
  cr_assert_not_null(tn_pin_memory(tn_detach(leaf), device));
  tn_scope_close(scope);
}

TN_TEST(copy, from_pinned_memory_comes_late_where_that_is_asked_for) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_pin_memory(doubles(TN_SHAPE(2), (double[]){1, 2}), device);
  tn_tensor *prompt = tn_to(x, device, TN_DTYPE_NONE);
  cr_assert(is_done(device), "nobody asked");
  tn_tensor *late = tn_to_async(x, device, TN_DTYPE_NONE);
  cr_assert_not(is_done(device));
  expect_exactly(late, 1, 2);
  expect_exactly(prompt, 1, 2);
  cr_assert_eq(tn_fill_(x, 8), TN_OK);
  cr_assert_eq(tn_copy_(late, x, .non_blocking = true), TN_OK);
  cr_assert_not(is_done(device));
  expect_exactly(late, 8, 8);
  tn_scope_close(scope);
}

TN_TEST(copy, from_pinned_memory_takes_what_is_there_when_its_turn_comes) {
  race_on_purpose();
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_pin_memory(doubles(TN_SHAPE(2), (double[]){1, 2}), device);
  tn_tensor *late = tn_to_async(x, device, TN_DTYPE_NONE);
  cr_assert_eq(tn_fill_(x, 9), TN_OK);
  expect_exactly(late, 9, 9);
  tn_scope_close(scope);
}

TN_TEST(copy, from_ordinary_memory_has_read_it_when_the_call_returns) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  enum { MANY = 1 << 18 };
  tn_tensor *few = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *many = tn_full(TN_SHAPE(MANY), 5, .dtype = TN_F64, .device = TN_DEVICE_CPU);
  tn_tensor *late = tn_to_async(few, device, TN_DTYPE_NONE);
  cr_assert_not(is_done(device), "a few bytes are staged");
  tn_tensor *prompt = tn_to_async(many, device, TN_DTYPE_NONE);
  cr_assert(is_done(device));
  cr_assert_eq(tn_fill_(few, 9), TN_OK);
  cr_assert_eq(tn_fill_(many, 9), TN_OK);
  expect_exactly(late, 1, 2);
  expect_exactly(tn_select(prompt, 0, MANY - 1), 5);
  tn_scope_close(scope);
}

TN_TEST(copy, to_the_host_comes_late_where_that_is_asked_for) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = on(device, 3);
  tn_tensor *late = tn_to_async(x, TN_DEVICE_CPU, TN_DTYPE_NONE);
  cr_assert(tn_is_pinned(late));
  cr_assert_not(is_done(device));
  expect_exactly(late, 3, 3);  // reading waits
  tn_tensor *ordinary = doubles(TN_SHAPE(2), (double[]){1, 2});
  cr_assert_eq(tn_copy_(ordinary, tn_add(x, x), .non_blocking = true), TN_OK);
  cr_assert_eq(*(const double *)tn_tensor_const_data(ordinary), 6);
  tn_tensor *cast =
      tn_aten_to_copy(x, .dtype = TN_I32, .device = TN_DEVICE_CPU, .non_blocking = true);
  expect_exactly(cast, 3, 3);
  tn_scope_close(scope);
}

TN_TEST(copy, to_the_host_shows_the_past_to_who_looks_for_himself) {
  race_on_purpose();
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *place = tn_pin_memory(doubles(TN_SHAPE(2), (double[]){1, 2}), device);
  cr_assert_eq(tn_copy_(place, on(device, 3), .non_blocking = true), TN_OK);
  cr_assert_eq(*(const double *)tn_tensor_const_data(place), 1);
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
  cr_assert_eq(*(const double *)tn_tensor_const_data(place), 3);
  tn_scope_close(scope);
}

TN_TEST(pinned, memory_is_not_handed_out_while_a_stream_copies_it) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_stream *side = tn_stream_new(device, 0);
  cr_assert_eq(tn_stream_set_current(side), TN_OK);
  tn_scope *inner = tn_scope_open();
  tn_tensor *first = tn_pin_memory(x, device);
  const void *place = tn_tensor_const_data(first);
  tn_tensor *late = tn_escape(tn_to_async(first, device, TN_DTYPE_NONE));
  tn_scope_close(inner);
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  tn_tensor *second = tn_pin_memory(tn_add(x, x), device);
  cr_assert_neq(tn_tensor_const_data(second), place, "it is still being read");
  cr_assert_eq(tn_stream_synchronize(side), TN_OK);
  expect_exactly(late, 1, 2);
  cr_assert_eq(tn_tensor_const_data(tn_pin_memory(x, device)), place, "now it is kept for reuse");
  tn_stream_release(side);
  tn_scope_close(scope);
}

// ---- copies between devices --------------------------------------------------------------------

TN_TEST(copy, between_two_devices_is_ordered_with_the_streams_of_both) {
  tn_device device = use_sim(), other = tn_device_parse("sim:1");
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = on(device, 1), *y = slowly(x);
  tn_tensor *moved = tn_to(y, other, TN_DTYPE_NONE);
  cr_assert_not(is_done(other), "nobody waited");
  cr_assert_eq(tn_fill_(y, 5), TN_OK, "comes after the copy");
  tn_tensor *twice = tn_add(moved, moved);
  expect_exactly(twice, 32, 32);
  expect_exactly(y, 5, 5);
  cr_assert_eq(tn_copy_(y, slowly(twice)), TN_OK);
  expect_exactly(y, 512, 512);
  tn_scope_close(scope);
}

TN_TEST(copy, between_two_types_goes_through_the_host) {
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",faulty=" PLUGIN("faulty") ",cpu", 1);
  setenv("TENON_SIM_LAG_US", "20000/1", 1);
  tn_device device = tn_device_default(), other = tn_device_parse("faulty");
  tn_scope *scope = tn_scope_open();
  tn_tensor *moved = tn_to(slowly(on(device, 1)), other, TN_DTYPE_NONE);
  cr_assert(is_done(device));
  expect_exactly(moved, 16, 16);
  expect_exactly(tn_to(moved, device, TN_DTYPE_NONE), 16, 16);
  tn_scope_close(scope);
}

// ---- memory that another stream uses -----------------------------------------------------------

// On |side|: what takes four jobs, then |use| of a tensor of the default stream, which is given up
// and whose memory is asked for again before that. The tensor held 3; the answer is what was used.
static double used_late(tn_device device, tn_stream *side,
                        tn_tensor *(*use)(tn_tensor *late, tn_tensor *given_up)) {
  tn_tensor *x = on(device, 0);
  tn_scope *scope = tn_scope_open();
  tn_tensor *given_up = on(device, 3);
  go_to(side);
  tn_tensor *result = tn_escape(use(slowly(x), given_up));
  expect_ok();
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  tn_scope_close(scope);
  for (int i = 0; i < 4; i++) on(device, 9);  // would come into the same memory
  cr_assert_eq(tn_stream_wait_stream(tn_stream_default(device), side), TN_OK);
  return first_of(result);
}

static tn_tensor *use_in_call(tn_tensor *late, tn_tensor *given_up) {
  return tn_add(late, given_up);
}
static tn_tensor *use_in_copy(tn_tensor *late, tn_tensor *given_up) {
  cr_assert_eq(tn_copy_(late, given_up), TN_OK);
  return late;
}
static tn_tensor *use_in_move(tn_tensor *late, tn_tensor *given_up) {
  (void)late;
  return tn_to(given_up, tn_device_parse("sim:1"), TN_DTYPE_NONE);
}
static tn_tensor *use_unseen(tn_tensor *late, tn_tensor *given_up) {
  cr_assert_eq(tn_record_stream(given_up, tn_stream_current(tn_tensor_device(late))), TN_OK);
  return use_in_call(late, given_up);
}

static void expect_used_late(tn_tensor *(*use)(tn_tensor *late, tn_tensor *given_up)) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_stream *side = tn_stream_new(device, 0);
  cr_assert_eq(used_late(device, side, use), 3);
  tn_stream_release(side);
  tn_scope_close(scope);
}

TN_TEST(memory, that_a_call_uses_on_another_stream_is_not_handed_out) {
  expect_used_late(use_in_call);
}
TN_TEST(memory, that_a_copy_uses_on_another_stream_is_not_handed_out) {
  expect_used_late(use_in_copy);
}
TN_TEST(memory, that_a_copy_to_another_device_uses_is_not_handed_out) {
  expect_used_late(use_in_move);
}
TN_TEST(memory, that_is_said_to_be_used_may_be_said_so_twice) { expect_used_late(use_unseen); }

TN_TEST(memory, of_one_device_cannot_be_used_on_anothers_stream) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_stream *other = tn_stream_default(tn_device_parse("sim:1"));
  cr_assert_eq(tn_record_stream(on(device, 1), other), TN_DEVICE_MISMATCH);
  tn_error_clear();
  cr_assert_eq(tn_record_stream(doubles(TN_SHAPE(1), (double[]){1}), other), TN_DEVICE_MISMATCH);
  tn_error_clear();
  tn_tensor *pinned = tn_pin_memory(doubles(TN_SHAPE(1), (double[]){1}), device);
  cr_assert_eq(tn_record_stream(pinned, other), TN_OK);
  cr_assert_eq(tn_record_stream(NULL, other), TN_INVALID_ARGUMENT);
  tn_error_clear();
  tn_scope_close(scope);
}
