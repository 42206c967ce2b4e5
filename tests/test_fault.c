// SPDX-License-Identifier: Apache-2.0
//
// Faults: what fails after the call that enqueued it has returned is reported by whoever waits for
// its stream first, whichever way, with the operator's name, the device and the stream.

#include <unistd.h>

#include "backends/counts/counts.h"
#include "sim_test.h"

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

TN_TEST(fault, without_a_name_tells_what_was_enqueued_last) {
  setenv("TENON_BACKENDS", "counts=" PLUGIN("counts") ",cpu", 1);
  tn_device device = tn_device_parse("maia");
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_empty(TN_SHAPE(2), .device = device);
  counts *stream = tn_stream_native_handle(tn_stream_current(device));
  stream->fails = true;
  cr_assert_not_null(tn_neg(x), "it was enqueued");
  cr_assert_eq(tn_device_synchronize(device), TN_IO_ERROR);
  cr_assert_str_eq(tn_error_peek()->op, "neg");
  expect_error(TN_IO_ERROR,
               "waiting failed (input/output error) on device 'maia:0', the default stream; "
               "enqueued last: neg");
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
  tn_scope_close(scope);
}

TN_TEST(fault, does_not_replace_an_earlier_error) {
  setenv("TENON_BACKENDS", "counts=" PLUGIN("counts") ",cpu", 1);
  tn_device device = tn_device_parse("maia");
  counts *stream = tn_stream_native_handle(tn_stream_current(device));
  stream->fails = true;
  tn_error_set(TN_INVALID_ARGUMENT, "the first");
  cr_assert_eq(tn_device_synchronize(device), TN_IO_ERROR);
  cr_assert_str_eq(tn_error_peek()->message, "the first");
  tn_error_clear();
}

TN_TEST(device, that_offers_half_of_what_streams_need_is_refused) {
  setenv("TENON_BACKENDS", "counts=" PLUGIN("counts") ",cpu", 1);
  setenv("TENON_COUNTS_HALF", "1", 1);
  cr_assert_eq(tn_device_parse("maia").type, 0);
  cr_assert_not_null(strstr(tn_error_peek()->message, "all together or not at all"), "%s",
                     tn_error_peek()->message);
  tn_error_clear();
}
