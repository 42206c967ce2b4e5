// SPDX-License-Identifier: Apache-2.0
//
// Streams, events and faults. The simulated accelerator is told to start every job late, so what
// was not waited for has not happened: each order is tested together with what its absence shows.
// Each test is a process of its own, so it sets the environment before the first call.

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "tensor_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

// Every job of the device starts 10 to 20 ms late.
static tn_device use_sim(void) {
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",cpu", 1);
  setenv("TENON_SIM_LAG_US", "20000/1", 1);
  return tn_device_default();
}

static tn_tensor *on(tn_device device, double value) {
  tn_tensor *there = tn_to(tn_full(TN_SHAPE(2), value, .dtype = TN_F64, .device = TN_DEVICE_CPU),
                           device, TN_DTYPE_NONE);
  expect_ok();
  return there;
}

// 16 |x|, which takes four jobs: longer than one read elsewhere.
static tn_tensor *slowly(tn_tensor *x) {
  for (int i = 0; i < 4; i++) x = tn_add(x, x);
  expect_ok();
  return x;
}

static double first_of(const tn_tensor *tensor) {
  double values[2] = {-1, -1};
  cr_assert_eq(tn_copy_to_host(tensor, values, sizeof values, TN_F64), TN_OK);
  return values[0];
}

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
  cr_assert_eq(tn_stream_wait_stream(tn_stream_default(device), tn_stream_default(other)), TN_OK);
  cr_assert_eq(tn_stream_synchronize(tn_stream_default(device)), TN_OK);
  bool done = false;
  cr_assert_eq(tn_stream_query(tn_stream_default(other), &done), TN_OK);
  cr_assert(done);
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

// ---- faults ------------------------------------------------------------------------------------

// The first tensor whose operator faults, on a stream of its own.
static tn_tensor *faulting(tn_device device, tn_stream **stream) {
  tn_tensor *x = on(device, 1);
  *stream = tn_stream_new(device, 0);
  cr_assert_eq(tn_stream_set_current(*stream), TN_OK);
  tn_tensor *y = tn_add(x, tn_exp(x));
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  expect_ok();
  return y;
}

static void expect_fault(tn_status status) {
  cr_assert_neq(status, TN_OK);
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(error);
  cr_assert_str_eq(error->op, "exp");
  cr_assert_not_null(strstr(error->message, "exp: "), "%s", error->message);
  cr_assert_not_null(strstr(error->message, "device 'sim:0', stream 1"), "%s", error->message);
  tn_error_clear();
}

TN_TEST(fault, surfaces_where_its_stream_is_synchronised) {
  setenv("TENON_SIM_FAULT", "exp:1", 1);
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_stream *stream;
  faulting(device, &stream);
  cr_assert_eq(tn_stream_synchronize(tn_stream_default(device)), TN_OK);
  expect_fault(tn_stream_synchronize(stream));
  cr_assert_eq(tn_stream_synchronize(stream), TN_OK, "it was taken off");
  tn_stream_release(stream);
  tn_scope_close(scope);
}

TN_TEST(fault, surfaces_where_its_device_is_synchronised) {
  setenv("TENON_SIM_FAULT", "exp:1", 1);
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_stream *stream;
  faulting(device, &stream);
  expect_fault(tn_device_synchronize(device));
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
  tn_stream_release(stream);
  tn_scope_close(scope);
}

TN_TEST(fault, of_a_stream_that_nobody_waited_for_is_told_by_its_device) {
  setenv("TENON_SIM_FAULT", "exp:1", 1);
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_stream *stream;
  faulting(device, &stream);
  tn_stream_release(stream);
  expect_ok();
  cr_assert_neq(tn_device_synchronize(device), TN_OK);
  cr_assert_not_null(strstr(tn_error_peek()->message, "exp: "));
  expect_error(TN_INTERNAL, "released before");
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
  tn_scope_close(scope);
}

// One way of reading |tensor|; TN_OK where it went well.
typedef tn_status (*reading)(tn_tensor *tensor);

static void expect_fault_in(reading read) {
  setenv("TENON_SIM_FAULT", "exp:1", 1);
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  tn_stream *stream;
  tn_tensor *y = faulting(device, &stream);
  cr_assert_eq(tn_stream_set_current(stream), TN_OK);
  expect_fault(read(y));
  cr_assert_eq(read(y), TN_OK, "it was taken off");
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  tn_stream_release(stream);
  tn_scope_close(scope);
}

static tn_status recorded(void) { return tn_ok() ? TN_OK : tn_error_peek()->status; }

static tn_status read_item(tn_tensor *tensor) {
  tn_item(tn_select(tensor, 0, 0));
  return recorded();
}
static tn_status read_elements(tn_tensor *tensor) {
  double values[2];
  return tn_copy_to_host(tensor, values, sizeof values, TN_F64);
}
static tn_status read_to_cpu(tn_tensor *tensor) {
  tn_to(tensor, TN_DEVICE_CPU, TN_DTYPE_NONE);
  return recorded();
}
static tn_status read_late(tn_tensor *tensor) {
  return read_elements(tn_aten_to_copy(tensor, .device = TN_DEVICE_CPU, .non_blocking = true));
}
static tn_status read_text(tn_tensor *tensor) {
  char *text = tn_to_string(tensor, NULL);
  free(text);
  return recorded();
}
static tn_status read_file(tn_tensor *tensor) {
  char path[] = "/tmp/tenon_stream_XXXXXX";
  close(mkstemp(path));
  tn_status status = tn_npy_save(tensor, path);
  unlink(path);
  return status;
}

TN_TEST(fault, surfaces_in_item) { expect_fault_in(read_item); }
TN_TEST(fault, surfaces_in_copy_to_host) { expect_fault_in(read_elements); }
TN_TEST(fault, surfaces_in_to) { expect_fault_in(read_to_cpu); }
TN_TEST(fault, surfaces_where_what_came_late_is_read) { expect_fault_in(read_late); }
TN_TEST(fault, surfaces_in_printing) { expect_fault_in(read_text); }
TN_TEST(fault, surfaces_in_saving) { expect_fault_in(read_file); }

// ---- pinned memory and late copies -------------------------------------------------------------

static bool is_done(tn_device device) {
  bool done;
  cr_assert_eq(tn_stream_query(tn_stream_current(device), &done), TN_OK);
  return done;
}

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
      tn_pin_memory(tn_full(TN_SHAPE(), 3, .dtype = TN_F64, .device = TN_DEVICE_CPU), device), 3);
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
  tn_tensor *late = tn_aten_to_copy(x, .device = device, .non_blocking = true);
  cr_assert_not(is_done(device));
  cr_assert_eq(tn_fill_(x, 9), TN_OK);
  expect_exactly(late, 9, 9);
  expect_exactly(prompt, 1, 2);
  cr_assert_eq(tn_fill_(x, 8), TN_OK);
  cr_assert_eq(tn_copy_(late, x, .non_blocking = true), TN_OK);
  cr_assert_not(is_done(device));
  expect_exactly(late, 8, 8);
  tn_scope_close(scope);
}

TN_TEST(copy, from_ordinary_memory_has_read_it_when_the_call_returns) {
  tn_device device = use_sim();
  tn_scope *scope = tn_scope_open();
  enum { MANY = 1 << 18 };
  tn_tensor *few = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *many = tn_full(TN_SHAPE(MANY), 5, .dtype = TN_F64, .device = TN_DEVICE_CPU);
  tn_tensor *late = tn_aten_to_copy(few, .device = device, .non_blocking = true);
  cr_assert_not(is_done(device), "a few bytes are staged");
  tn_tensor *prompt = tn_aten_to_copy(many, .device = device, .non_blocking = true);
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
  tn_tensor *late = tn_aten_to_copy(x, .device = TN_DEVICE_CPU, .non_blocking = true);
  cr_assert(tn_is_pinned(late));
  cr_assert_not(is_done(device));
  expect_exactly(late, 3, 3);  // reading waits
  cr_assert(is_done(device));
  tn_tensor *place = tn_pin_memory(doubles(TN_SHAPE(2), (double[]){1, 2}), device);
  cr_assert_eq(tn_copy_(place, x, .non_blocking = true), TN_OK);
  cr_assert_eq(*(const double *)tn_tensor_const_data(place), 1, "who looks himself sees the past");
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
  cr_assert_eq(*(const double *)tn_tensor_const_data(place), 3);
  tn_tensor *ordinary = doubles(TN_SHAPE(2), (double[]){1, 2});
  cr_assert_eq(tn_copy_(ordinary, tn_add(x, x), .non_blocking = true), TN_OK);
  cr_assert_eq(*(const double *)tn_tensor_const_data(ordinary), 6);
  tn_tensor *cast =
      tn_aten_to_copy(x, .dtype = TN_I32, .device = TN_DEVICE_CPU, .non_blocking = true);
  expect_exactly(cast, 3, 3);
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
  tn_tensor *late = tn_escape(tn_aten_to_copy(first, .device = device, .non_blocking = true));
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

// ---- gradients ---------------------------------------------------------------------------------

static tn_tensor *leaf_on(tn_device device, double value) {
  tn_tensor *leaf = on(device, value);
  cr_assert_eq(tn_requires_grad_(leaf, true), TN_OK);
  return leaf;
}

static void go_to(tn_stream *stream) {
  tn_stream *from = tn_stream_current(tn_stream_device(stream));
  cr_assert_eq(tn_stream_wait_stream(stream, from), TN_OK);
  cr_assert_eq(tn_stream_set_current(stream), TN_OK);
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
