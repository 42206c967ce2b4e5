// SPDX-License-Identifier: Apache-2.0
//
// The simulated accelerator by itself, under a host of the tests' own: its memory is out of the
// host's reach, its streams are late on purpose, and its events order what nothing else does. What
// the core is tested with must itself show the mistakes that it is there to show.

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_host.h"
#include "tenon_test.h"

#define SIM TN_TEST_PLUGIN_DIR "/libtenon_backend_sim.so"

static tn_device_table *const device = &plugin_host_device;

// Every job starts 20 to 40 ms late.
static void open_late(void) {
  setenv("TENON_SIM_LAG_US", "40000", 1);
  cr_assert_eq(plugin_host_open(SIM), TN_OK, "%s", plugin_host_error.message);
}

static void open_prompt(void) {
  setenv("TENON_SIM_LAG_US", "0", 1);
  cr_assert_eq(plugin_host_open(SIM), TN_OK, "%s", plugin_host_error.message);
}

static int *allocate(int32_t index, uint64_t size_bytes) {
  void *data = NULL;
  cr_assert_eq(device->allocate(NULL, index, size_bytes, &data), TN_OK);
  return data;
}

static void expect_synchronized(void *stream) {
  cr_assert_eq(device->stream_synchronize(NULL, 0, stream), TN_OK, "%s", plugin_host_fault.message);
}

static void write_int(void *stream, int *to, const int *from) {
  cr_assert_eq(device->copy_from_host(NULL, 0, stream, to, from, sizeof *from), TN_OK);
}

static void read_int(void *stream, int *to, const int *from) {
  cr_assert_eq(device->copy_to_host(NULL, 0, stream, to, from, sizeof *to), TN_OK);
}

static void *make_stream(void) {
  void *stream = NULL;
  cr_assert_eq(device->stream_create(NULL, 0, 0, &stream), TN_OK);
  return stream;
}

static void *make_event(bool timing) {
  void *event = NULL;
  cr_assert_eq(device->event_create(NULL, 0, timing, &event), TN_OK);
  return event;
}

// Ends threads and gives up streams, so that nothing leaks.
static void close_streams(void *a, void *b) {
  device->stream_destroy(NULL, 0, a);
  device->stream_destroy(NULL, 0, b);
  plugin_host_desc->quiesce();
}

// ---- memory ------------------------------------------------------------------------------------

TN_TEST(sim_memory, faults_when_the_host_reads_it, .signal = SIGSEGV) {
  tn_test_let_signal_through(SIGSEGV);
  open_prompt();
  volatile int *data = allocate(0, 4096);
  cr_assert_neq(*data, *data, "a host read device memory");
}

TN_TEST(sim_memory, faults_when_the_host_writes_it, .signal = SIGSEGV) {
  tn_test_let_signal_through(SIGSEGV);
  open_prompt();
  volatile int *data = allocate(1, 4096);
  *data = 1;
}

TN_TEST(sim_memory, has_a_limit_and_says_what_is_held) {
  setenv("TENON_SIM_MEMORY", "1048576", 1);
  open_prompt();
  uint64_t free_bytes, total_bytes;
  void *first = allocate(0, 700000), *second;
  cr_assert_eq(device->allocate(NULL, 0, 400000, &second), TN_OUT_OF_MEMORY);
  cr_assert_not_null(strstr(plugin_host_error.message, "of 1048576 bytes"), "%s",
                     plugin_host_error.message);
  cr_assert_null(second);
  cr_assert_eq(device->allocate(NULL, 0, UINT64_MAX, &second), TN_OUT_OF_MEMORY);
  cr_assert_not_null(allocate(1, 1000000), "the other device has memory of its own");
  device->memory_info(NULL, 0, &free_bytes, &total_bytes);
  cr_assert_eq(total_bytes, 1048576);
  cr_assert_eq(free_bytes, 1048576 - 700416);
  device->release(NULL, 0, first, 700000);
  cr_assert_not_null(allocate(0, 1048576));
}

TN_TEST(sim_memory, is_not_a_number_at_first_and_again_after_a_release) {
  open_prompt();
  const int value = 7;
  int found = 0;
  int *data = allocate(0, sizeof value);
  read_int(NULL, &found, data);
  expect_synchronized(NULL);
  cr_assert_eq(found, -1, "fresh memory holds %d", found);
  write_int(NULL, data, &value);
  expect_synchronized(NULL);
  device->release(NULL, 0, data, sizeof value);
  cr_assert_eq(allocate(0, sizeof value), data);
  read_int(NULL, &found, data);
  expect_synchronized(NULL);
  cr_assert_eq(found, -1);
  plugin_host_desc->quiesce();
}

TN_TEST(sim_memory, given_back_while_in_use_is_a_fault) {
  open_late();
  const int value = 7;
  int *data = allocate(0, sizeof value);
  write_int(NULL, data, &value);
  device->release(NULL, 0, data, sizeof value);
  cr_assert_neq(device->stream_synchronize(NULL, 0, NULL), TN_OK);
  cr_assert_str_eq(plugin_host_fault.op, "release");
  cr_assert_not_null(strstr(plugin_host_fault.message, "still use"));
  device->release(NULL, 0, data, sizeof value);
  expect_synchronized(NULL);
  device->release(NULL, 0, data, sizeof value);
  cr_assert_neq(device->stream_synchronize(NULL, 0, NULL), TN_OK, "given back twice");
  plugin_host_desc->quiesce();
}

TN_TEST(sim_memory, past_a_segment_cannot_be_copied) {
  open_prompt();
  char bytes[8192] = {0};
  int *data = allocate(0, 4096);
  allocate(0, 4096);
  cr_assert_eq(device->copy_from_host(NULL, 0, NULL, data, bytes, 4097), TN_INTERNAL);
  cr_assert_eq(device->copy_to_host(NULL, 0, NULL, bytes, data + 1, 4096), TN_INTERNAL);
  cr_assert_eq(device->copy_within(NULL, 0, NULL, data, bytes, 1), TN_INTERNAL);
  cr_assert_not_null(strstr(plugin_host_error.message, "not in one segment"));
  plugin_host_desc->quiesce();
}

// ---- streams -----------------------------------------------------------------------------------

TN_TEST(sim_stream, shows_stale_data_to_who_does_not_wait) {
  race_on_purpose();
  open_late();
  const int value = 7;
  int found = 0;
  int *data = allocate(0, sizeof value);
  write_int(NULL, data, &value);
  read_int(NULL, &found, data);
  cr_assert_eq(*(volatile int *)&found, 0);
  expect_synchronized(NULL);
  cr_assert_eq(found, 7);
  plugin_host_desc->quiesce();
}

TN_TEST(sim_stream, reads_the_hosts_bytes_when_their_turn_comes) {
  race_on_purpose();
  open_late();
  int value = 7, found = 0;
  int *data = allocate(0, sizeof value);
  write_int(NULL, data, &value);
  *(volatile int *)&value = 8;
  read_int(NULL, &found, data);
  expect_synchronized(NULL);
  cr_assert_eq(found, 8);
  plugin_host_desc->quiesce();
}

TN_TEST(sim_stream, answers_whether_it_is_done) {
  open_late();
  const int value = 7;
  bool done = true;
  write_int(NULL, allocate(0, sizeof value), &value);
  cr_assert_eq(device->stream_query(NULL, 0, NULL, &done), TN_OK);
  cr_assert_not(done);
  expect_synchronized(NULL);
  cr_assert_eq(device->stream_query(NULL, 0, NULL, &done), TN_OK);
  cr_assert(done);
  void *native = device->stream_native_handle(NULL, 0, NULL);
  cr_assert_not_null(native);
  cr_assert_neq(native, device->stream_native_handle(NULL, 1, NULL));
  plugin_host_desc->quiesce();
}

// What stream |b| finds of what |a| writes behind three other copies.
static int found_across(void *a, void *b, void *event) {
  static const int values[4] = {1, 2, 3, 4};
  static int found;
  int *data = allocate(0, sizeof values[0]);
  for (int i = 0; i < 4; i++) write_int(a, data, &values[i]);
  if (event != NULL) {
    cr_assert_eq(device->event_record(NULL, 0, event, a), TN_OK);
    cr_assert_eq(device->stream_wait_event(NULL, 0, b, event), TN_OK);
  }
  read_int(b, &found, data);
  expect_synchronized(b);
  const int seen = found;
  expect_synchronized(a);
  return seen;
}

TN_TEST(sim_stream, does_not_wait_for_another) {
  race_on_purpose();
  open_late();
  void *a = make_stream(), *b = make_stream();
  cr_assert_neq(found_across(a, b, NULL), 4);
  close_streams(a, b);
}

TN_TEST(sim_stream, that_is_closed_takes_nothing_more) {
  open_prompt();
  const int value = 7;
  int *data = allocate(0, sizeof value);
  write_int(NULL, data, &value);
  plugin_host_desc->quiesce();
  expect_synchronized(NULL);
  cr_assert_eq(device->copy_from_host(NULL, 0, NULL, data, &value, sizeof value), TN_WRONG_STATE);
  plugin_host_desc->quiesce();
}

// ---- events ------------------------------------------------------------------------------------

TN_TEST(sim_event, makes_one_stream_wait_for_another) {
  open_late();
  void *a = make_stream(), *b = make_stream(), *event = make_event(false);
  cr_assert_eq(found_across(a, b, event), 4);
  device->event_destroy(NULL, 0, event);
  close_streams(a, b);
}

TN_TEST(sim_event, is_done_when_what_came_before_is) {
  open_late();
  const int value = 7;
  bool done = false;
  void *event = make_event(false);
  cr_assert_eq(device->event_query(NULL, 0, event, &done), TN_OK);
  cr_assert(done, "an event that was never recorded is done");
  cr_assert_eq(device->event_synchronize(NULL, 0, event), TN_OK);
  write_int(NULL, allocate(0, sizeof value), &value);
  cr_assert_eq(device->event_record(NULL, 0, event, NULL), TN_OK);
  device->event_query(NULL, 0, event, &done);
  cr_assert_not(done);
  cr_assert_eq(device->event_synchronize(NULL, 0, event), TN_OK);
  device->event_query(NULL, 0, event, &done);
  cr_assert(done);
  device->event_destroy(NULL, 0, event);
  plugin_host_desc->quiesce();
}

TN_TEST(sim_event, recorded_again_leaves_those_that_wait_alone) {
  open_late();
  static int found;
  const int values[2] = {1, 2};
  void *a = make_stream(), *b = make_stream(), *event = make_event(false);
  int *data = allocate(0, sizeof values[0]);
  write_int(a, data, &values[0]);
  write_int(a, data, &values[1]);
  device->event_record(NULL, 0, event, a);
  device->stream_wait_event(NULL, 0, b, event);
  device->event_record(NULL, 0, event, NULL);  // an empty stream: passed long before
  read_int(b, &found, data);
  expect_synchronized(b);
  cr_assert_eq(found, 2);
  device->event_destroy(NULL, 0, event);
  close_streams(a, b);
}

TN_TEST(sim_event, tells_the_time_between_two) {
  open_late();
  const int value = 7;
  float ms = 0;
  void *start = make_event(true), *end = make_event(true), *plain = make_event(false);
  int *data = allocate(0, sizeof value);
  device->event_record(NULL, 0, start, NULL);
  write_int(NULL, data, &value);
  device->event_record(NULL, 0, end, NULL);
  cr_assert_eq(device->event_elapsed_ms(NULL, 0, start, end, &ms), TN_WRONG_STATE);
  expect_synchronized(NULL);
  cr_assert_eq(device->event_elapsed_ms(NULL, 0, start, end, &ms), TN_OK);
  cr_assert_geq(ms, 40.0F, "two jobs, each 20 ms late or more, took %g ms", (double)ms);
  cr_assert_eq(device->event_elapsed_ms(NULL, 0, start, plain, &ms), TN_INVALID_ARGUMENT);
  device->event_destroy(NULL, 0, start);
  device->event_destroy(NULL, 0, end);
  device->event_destroy(NULL, 0, plain);
  plugin_host_desc->quiesce();
}

// ---- kernels -----------------------------------------------------------------------------------

// result[0] = self[0] + 1
static tn_status run_increment(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  int *scratch = ctx->host->scratch(ctx, sizeof *scratch);
  if (scratch == NULL) return TN_OUT_OF_MEMORY;
  *scratch = *(const int *)args->views[1].data + 1;
  *(int *)args->views[0].data = *scratch;
  return TN_OK;
}

static tn_status run_failing(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return ctx->host->error(ctx, TN_OUT_OF_RANGE, "element %d is odd",
                          *(const int *)args->views[1].data);
}

static tn_status run_silent(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx, (void)args;
  return TN_IO_ERROR;
}

static const tn_kernel_row test_rows[] = {
    {.op = "increment", .dtypes = TN_DTYPE_BIT(TN_I32), .rank = 1, .run = run_increment},
    {.op = "failing", .dtypes = TN_DTYPE_BIT(TN_I32), .rank = 1, .run = run_failing},
    {.op = "silent", .dtypes = TN_DTYPE_BIT(TN_I32), .rank = 1, .run = run_silent},
};
enum { INCREMENT, FAILING, SILENT };

static void use_test_rows(void) {
  plugin_host_rows = test_rows;
  plugin_host_row_count = sizeof test_rows / sizeof test_rows[0];
}

static tn_status call(uint64_t kernel, int *result, int *self) {
  static const int64_t one = 1;
  tn_view views[2];
  for (int i = 0; i < 2; i++) {
    views[i] = (tn_view){.data = i == 0 ? result : self,
                         .sizes = &one,
                         .strides = &one,
                         .rank = 1,
                         .dtype = TN_I32,
                         .flags = TN_VIEW_CONTIGUOUS,
                         .numel = 1};
  }
  return plugin_host_call(kernel, NULL, views, 2, 1);
}

TN_TEST(sim_kernel, runs_later_in_the_order_of_its_stream) {
  race_on_purpose();
  use_test_rows();
  open_late();
  int value = 7, found = 0;
  int *data = allocate(0, sizeof value);
  write_int(NULL, data, &value);
  cr_assert_eq(call(INCREMENT, data, data), TN_OK);
  read_int(NULL, &found, data);
  cr_assert_eq(*(volatile int *)&found, 0);
  expect_synchronized(NULL);
  cr_assert_eq(found, 8);
  plugin_host_desc->quiesce();
}

TN_TEST(sim_kernel, fails_after_its_call_and_only_once) {
  use_test_rows();
  open_prompt();
  int value = 7, found = 0;
  int *data = allocate(0, sizeof value);
  write_int(NULL, data, &value);
  cr_assert_eq(call(FAILING, data, data), TN_OK);
  cr_assert_eq(call(SILENT, data, data), TN_OK);
  cr_assert_eq(device->stream_synchronize(NULL, 0, NULL), TN_OUT_OF_RANGE);
  cr_assert_str_eq(plugin_host_fault.op, "failing");
  cr_assert_str_eq(plugin_host_fault.message, "element 7 is odd");
  expect_synchronized(NULL);
  cr_assert_eq(call(SILENT, data, data), TN_OK);
  tn_status status = TN_OK;
  while (status == TN_OK) status = device->copy_to_host(NULL, 0, NULL, &found, data, sizeof found);
  cr_assert_eq(status, TN_IO_ERROR);
  cr_assert_str_eq(plugin_host_fault.op, "silent");
  plugin_host_desc->quiesce();
}

TN_TEST(sim_kernel, fails_where_it_is_told_to) {
  setenv("TENON_SIM_FAULT", "increment:2", 1);
  use_test_rows();
  open_prompt();
  int value = 7;
  int *data = allocate(0, sizeof value);
  write_int(NULL, data, &value);
  cr_assert_eq(call(INCREMENT, data, data), TN_OK);
  expect_synchronized(NULL);
  cr_assert_eq(call(INCREMENT, data, data), TN_OK);
  cr_assert_eq(device->stream_synchronize(NULL, 0, NULL), TN_INTERNAL);
  cr_assert_str_eq(plugin_host_fault.op, "increment");
  cr_assert_eq(call(INCREMENT, data, data), TN_OK);
  expect_synchronized(NULL);
  plugin_host_desc->quiesce();
}

TN_TEST(sim_kernel, is_refused_what_lies_outside_of_memory) {
  use_test_rows();
  open_prompt();
  int value = 7;
  int *data = allocate(0, sizeof value);
  cr_assert_eq(call(INCREMENT, data, &value), TN_INTERNAL);
  cr_assert_not_null(strstr(plugin_host_error.message, "view 1"), "%s", plugin_host_error.message);
  device->release(NULL, 0, data, sizeof value);
  cr_assert_eq(call(INCREMENT, data, data), TN_INTERNAL);
}

// ---- options -----------------------------------------------------------------------------------

TN_TEST(sim_options, that_mean_nothing_are_refused) {
  static const char *const bad[][2] = {
      {"TENON_SIM_MEMORY", "much"}, {"TENON_SIM_MEMORY", "100"},   {"TENON_SIM_LAG_US", "-1"},
      {"TENON_SIM_LAG_US", "10/0"}, {"TENON_SIM_LAG_US", "10 us"}, {"TENON_SIM_SEED", ""},
      {"TENON_SIM_FAULT", "add"},   {"TENON_SIM_FAULT", "add:0"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    setenv(bad[i][0], bad[i][1], 1);
    cr_expect_eq(plugin_host_open(SIM), TN_INVALID_ARGUMENT, "%s=%s", bad[i][0], bad[i][1]);
    cr_expect_not_null(strstr(plugin_host_error.message, bad[i][0]), "%s",
                       plugin_host_error.message);
    unsetenv(bad[i][0]);
  }
}
