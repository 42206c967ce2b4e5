// SPDX-License-Identifier: Apache-2.0
//
// Streams and events: each order is tested together with what its absence shows, on the simulated
// accelerator, which starts every job late. Each test is a process of its own, so it sets the
// environment before the first call.

#include <pthread.h>

#include "sim_test.h"

// ---- devices without streams -------------------------------------------------------------------

static void expect_synchronous(tn_device device) {
  tn_stream *a = tn_stream_new(device, 0), *b = tn_stream_new(device, -1);
  expect_ok();
  bool done = false;
  cr_assert(a != NULL && b != NULL && a != b);
  cr_assert(tn_device_equal(tn_stream_device(a), device));
  cr_assert_null(tn_stream_native_handle(a));
  cr_assert_eq(tn_stream_current(device), tn_stream_default(device));
  cr_assert_eq(tn_stream_set_current(a), TN_OK);
  cr_assert_eq(tn_stream_current(device), a);
  cr_assert_eq(tn_stream_wait_stream(a, b), TN_OK);
  cr_assert_eq(tn_stream_query(a, &done), TN_OK);
  cr_assert(done);
  cr_assert_eq(tn_stream_synchronize(a), TN_OK);
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
  tn_event *start = tn_event_new(device, true), *end = tn_event_new(device, true);
  double elapsed_ms = -1;
  cr_assert_eq(tn_event_record(start, NULL), TN_OK);
  cr_assert_eq(tn_event_record(end, a), TN_OK);
  cr_assert_eq(tn_stream_wait_event(b, end), TN_OK);
  cr_assert_eq(tn_event_elapsed_ms(start, end, &elapsed_ms), TN_OK);
  cr_assert(elapsed_ms >= 0 && elapsed_ms < 1000, "%g ms", elapsed_ms);
  tn_event_release(start);
  tn_event_release(end);
  tn_stream_release(a);
  tn_stream_release(b);
  expect_ok();
}

TN_TEST(stream, of_the_cpu_is_legal_and_synchronous) { expect_synchronous(TN_DEVICE_CPU); }

TN_TEST(stream, of_a_device_without_streams_is_legal_and_synchronous) {
  setenv("TENON_BACKENDS", "faulty=" PLUGIN("faulty") ",cpu", 1);
  expect_synchronous(tn_device_parse("faulty"));
}

TN_TEST(stream, that_is_null_is_an_error_and_releasing_it_is_not) {
  bool done;
  double elapsed_ms;
  tn_stream_release(NULL);
  tn_event_release(NULL);
  cr_assert_null(tn_stream_retain(NULL));
  cr_assert_null(tn_stream_native_handle(NULL));
  cr_assert_eq(tn_stream_device(NULL).type, 0);
  cr_assert_eq(tn_stream_synchronize(NULL), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "tn_stream_synchronize: argument 'stream' is NULL");
  cr_assert_eq(tn_stream_set_current(NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_stream_query(tn_stream_default(TN_DEVICE_CPU), NULL), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "'done'");
  cr_assert_eq(tn_stream_wait_event(tn_stream_default(TN_DEVICE_CPU), NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_stream_wait_stream(NULL, NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_event_record(NULL, NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_event_query(NULL, &done), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_event_elapsed_ms(NULL, NULL, &elapsed_ms), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_null(tn_stream_new((tn_device){9, 0}, 0));
  cr_assert_eq(tn_error_clear(), TN_UNAVAILABLE);
  cr_assert_null(tn_stream_current((tn_device){1, 7}));
  cr_assert_eq(tn_error_clear(), TN_UNAVAILABLE);
}

// ---- orders ------------------------------------------------------------------------------------

TN_TEST(stream, that_is_not_waited_for_shows_old_data) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = on(device, 1);
  cr_assert_eq(first_of(x), 1);
  tn_stream *side = tn_stream_new(device, 0);
  cr_assert_eq(tn_stream_set_current(side), TN_OK);
  tn_tensor *y = slowly(x);
  cr_assert_eq(tn_copy_(x, y), TN_OK);
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  cr_assert_eq(first_of(x), 1, "the side stream cannot be done yet");
  cr_assert_eq(tn_stream_wait_stream(tn_stream_current(device), side), TN_OK);
  cr_assert_eq(first_of(x), 16);
  tn_stream_release(side);
  tn_scope_close(scope);
}

TN_TEST(event, orders_two_streams) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = on(device, 1);
  tn_stream *side = tn_stream_new(device, 0);
  tn_event *ready = tn_event_new(device, false), *unused = tn_event_new(device, false);
  cr_assert_eq(tn_stream_wait_event(side, unused), TN_OK, "never recorded: waits for nothing");
  tn_tensor *y = slowly(x);
  cr_assert_eq(tn_event_record(ready, NULL), TN_OK);
  bool done = true;
  cr_assert_eq(tn_event_query(ready, &done), TN_OK);
  cr_assert_not(done, "the device is late");
  cr_assert_eq(tn_stream_set_current(side), TN_OK);
  cr_assert_eq(tn_stream_wait_event(side, ready), TN_OK);
  expect_exactly(tn_add(y, y), 32, 32);
  cr_assert_eq(tn_event_query(ready, &done), TN_OK);
  cr_assert(done);
  cr_assert_eq(tn_event_synchronize(unused), TN_OK);
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  tn_event_release(ready);
  tn_event_release(unused);
  tn_stream_release(side);
  tn_scope_close(scope);
}

TN_TEST(event, is_waited_for_by_the_cpu_in_the_call) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  slowly(on(device, 1));
  tn_event *ready = tn_event_new(device, false);
  bool done = false;
  cr_assert_eq(tn_event_record(ready, NULL), TN_OK);
  cr_assert_eq(tn_stream_wait_event(tn_stream_default(TN_DEVICE_CPU), ready), TN_OK);
  cr_assert_eq(tn_event_query(ready, &done), TN_OK);
  cr_assert(done);
  tn_event_release(ready);
  tn_scope_close(scope);
}

TN_TEST(event, measures_time_that_only_grows) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = on(device, 1);
  tn_event *events[3];
  for (int i = 0; i < 3; i++) events[i] = tn_event_new(device, true);
  double one = -1, two = -1;
  cr_assert_eq(tn_event_record(events[0], NULL), TN_OK);
  slowly(x);
  cr_assert_eq(tn_event_record(events[1], NULL), TN_OK);
  cr_assert_eq(tn_event_elapsed_ms(events[0], events[1], &one), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "not been reached");
  slowly(x);
  cr_assert_eq(tn_event_elapsed_ms(events[0], events[2], &two), TN_WRONG_STATE);
  tn_error_clear();
  cr_assert_eq(tn_event_record(events[2], NULL), TN_OK);
  cr_assert_eq(tn_event_synchronize(events[2]), TN_OK);
  cr_assert_eq(tn_event_elapsed_ms(events[0], events[1], &one), TN_OK);
  cr_assert_eq(tn_event_elapsed_ms(events[0], events[2], &two), TN_OK);
  cr_assert(one >= 40 && two >= one + 40, "%g and %g ms for four and eight jobs", one, two);
  tn_event *untimed = tn_event_new(device, false);
  cr_assert_eq(tn_event_elapsed_ms(events[0], untimed, &two), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "without timing");
  for (int i = 0; i < 3; i++) tn_event_release(events[i]);
  tn_event_release(untimed);
  tn_scope_close(scope);
}

TN_TEST(stream, of_another_device_is_refused) {
  tn_device device = use_sim(), other = tn_device_parse("sim:1");
  tn_event *event = tn_event_new(device, true), *others = tn_event_new(other, true);
  double elapsed_ms;
  cr_assert_eq(tn_event_record(event, tn_stream_default(other)), TN_DEVICE_MISMATCH);
  expect_error(TN_DEVICE_MISMATCH, "the event is of device 'sim:0', the stream of 'sim:1'");
  cr_assert_eq(tn_event_record(event, tn_stream_default(TN_DEVICE_CPU)), TN_DEVICE_MISMATCH);
  tn_error_clear();
  cr_assert_eq(tn_event_elapsed_ms(event, others, &elapsed_ms), TN_DEVICE_MISMATCH);
  tn_error_clear();
  tn_event_release(event);
  tn_event_release(others);
}

TN_TEST(stream, of_one_device_waits_for_another_of_its_type) {
  tn_device device = use_sim(), other = tn_device_parse("sim:1");
  tn_scope *scope = tn_scope_open();
  slowly(on(other, 1));
  tn_event *slow = tn_event_new(other, false);
  cr_assert_eq(tn_event_record(slow, NULL), TN_OK);
  cr_assert_eq(tn_stream_wait_stream(tn_stream_default(device), tn_stream_default(other)), TN_OK);
  cr_assert_eq(tn_stream_synchronize(tn_stream_default(device)), TN_OK);
  bool done = false;
  cr_assert_eq(tn_event_query(slow, &done), TN_OK);
  cr_assert(done);
  tn_event_release(slow);
  tn_scope_close(scope);
}

// ---- current streams ---------------------------------------------------------------------------

static void *ask_current(void *device) { return tn_stream_current(*(tn_device *)device); }

static void *leave_current(void *device) {
  tn_stream *stream = tn_stream_new(*(tn_device *)device, 0);
  tn_status status = tn_stream_set_current(stream);
  tn_stream_release(stream);
  return status == TN_OK ? tn_stream_current(*(tn_device *)device) : NULL;
}

static void *on_thread(void *(*body)(void *), void *argument) {
  pthread_t thread;
  void *result;
  cr_assert_eq(pthread_create(&thread, NULL, body, argument), 0);
  pthread_join(thread, &result);
  return result;
}

TN_TEST(stream, is_current_for_its_thread_and_device_alone) {
  tn_device device = use_sim(), other = tn_device_parse("sim:1");
  tn_stream *stream = tn_stream_new(device, 0), *second = tn_stream_new(other, 0);
  cr_assert_eq(tn_stream_set_current(stream), TN_OK);
  cr_assert_eq(tn_stream_current(other), tn_stream_default(other));
  cr_assert_eq(tn_stream_set_current(second), TN_OK);
  cr_assert_eq(tn_stream_current(device), stream);
  cr_assert_eq(tn_stream_current(other), second);
  cr_assert_eq(on_thread(ask_current, &device), tn_stream_default(device));
  tn_stream_release(stream);  // still current, and alive because of it
  cr_assert_eq(tn_stream_synchronize(tn_stream_current(device)), TN_OK);
  cr_assert_neq(tn_stream_native_handle(stream),
                tn_stream_native_handle(tn_stream_default(device)));
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  cr_assert_eq(tn_stream_current(other), second);
  cr_assert_eq(tn_stream_set_current(tn_stream_default(other)), TN_OK);
  tn_stream_release(second);
}

TN_TEST(stream, goes_with_the_thread_it_was_current_on) {
  tn_device device = use_sim();
  cr_assert_not_null(on_thread(leave_current, &device));
  expect_ok();
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
}

TN_TEST(device, synchronises_all_of_its_streams) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_stream *streams[3];
  tn_tensor *x = on(device, 1);
  for (int i = 0; i < 3; i++) {
    streams[i] = tn_stream_new(device, 0);
    cr_assert_eq(tn_stream_set_current(streams[i]), TN_OK);
    slowly(x);
  }
  bool done = true;
  cr_assert_eq(tn_stream_query(streams[1], &done), TN_OK);
  cr_assert_not(done);
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(tn_stream_query(streams[i], &done), TN_OK);
    cr_assert(done);
  }
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  for (int i = 0; i < 3; i++) tn_stream_release(streams[i]);
  tn_scope_close(scope);
}

TN_TEST(stream, is_done_at_shutdown_and_may_be_released_after_it) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_stream *side = tn_stream_new(device, 0);
  tn_event *event = tn_event_new(device, false);
  tn_tensor *pinned = tn_pin_memory(doubles(TN_SHAPE(2), (double[]){1, 2}), device);
  go_to(side);
  slowly(tn_aten_to_copy(pinned, .device = device, .non_blocking = true));
  cr_assert_eq(tn_event_record(event, NULL), TN_OK);
  tn_shutdown();
  expect_ok();
  cr_assert_null(tn_stream_new(device, 0));
  cr_assert_eq(tn_error_clear(), TN_WRONG_STATE);
  cr_assert_null(tn_event_new(device, false));
  cr_assert_eq(tn_error_clear(), TN_WRONG_STATE);
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  tn_event_release(event);
  tn_stream_release(side);
  tn_scope_close(scope);
}

TN_TEST(stream, that_is_released_finishes_its_work) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = on(device, 1);
  tn_stream *side = tn_stream_new(device, 0);
  cr_assert_eq(tn_stream_set_current(side), TN_OK);
  tn_tensor *y = slowly(x);
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  tn_stream_release(side);
  expect_exactly(y, 16, 16);
  tn_scope_close(scope);
}
