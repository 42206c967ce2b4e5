// SPDX-License-Identifier: Apache-2.0
//
// Memory that runs out between streams. Each case is run again and again with its first, second,
// third ... allocation failing, until none is left to fail: every run must end in success or in
// OUT_OF_MEMORY with the caller's stream current, and the same must work right afterwards.

#include <tenon/testing.h>

#include "sim_test.h"

enum { MOST_ALLOCATIONS = 2000 };

static tn_device device;
static tn_tensor *host, *leaf;

static bool is_home(void) { return tn_stream_current(device) == tn_stream_default(device); }

// Whether all went well; nothing that it makes outlives it.
typedef bool (*failing_case)(void);

static bool run_failing(failing_case run, int64_t nth) {
  tn_scope *scope = tn_scope_open();
  tn_testing_fail_allocation(nth);
  const bool well = run();
  const bool failed = tn_testing_allocation_failed();
  tn_testing_fail_allocation(0);
  cr_assert(well == tn_ok(), "allocation %d: %s", (int)nth,
            tn_ok() ? "it failed without an error" : tn_error_peek()->message);
  cr_assert(well || tn_error_peek()->status == TN_OUT_OF_MEMORY, "allocation %d: %s", (int)nth,
            well ? "" : tn_error_peek()->message);
  cr_assert(failed || well, "allocation %d: it failed without a failure of memory", (int)nth);
  cr_assert(is_home(), "allocation %d left another stream current", (int)nth);
  tn_error_clear();
  tn_scope_close(scope);
  return failed;
}

static void survive(failing_case run) {
  setenv("TENON_SIM_LAG_US", "0", 1);
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",cpu", 1);
  device = tn_device_default();
  tn_scope *scope = tn_scope_open();
  host = doubles(TN_SHAPE(2), (double[]){2, 3});
  leaf = tn_to(host, device, TN_DTYPE_NONE);
  cr_assert_eq(tn_requires_grad_(leaf, true), TN_OK);
  int64_t nth = 0;
  do {
    run_failing(run, 0);  // the same without a failure
    cr_assert(++nth < MOST_ALLOCATIONS, "it allocates without end");
  } while (run_failing(run, nth));
  cr_assert(nth > 1, "nothing was allocated");
  tn_scope_close(scope);
}

static bool goes_to(tn_stream *stream) {
  return stream != NULL && tn_stream_wait_stream(stream, tn_stream_current(device)) == TN_OK &&
         tn_stream_set_current(stream) == TN_OK;
}

static bool backward_across(void) {
  tn_stream *home = tn_stream_current(device), *side = tn_stream_new(device, 0);
  tn_tensor *inner = goes_to(side) ? tn_mul(leaf, leaf) : NULL;
  cr_assert_eq(tn_stream_set_current(home), TN_OK, "going home needs no memory");
  bool well = inner != NULL && tn_stream_wait_stream(home, side) == TN_OK;
  tn_tensor *y = well ? tn_mul(inner, leaf) : NULL;
  well = y != NULL && tn_backward(y, .gradient = tn_detach(leaf)) == TN_OK;
  double grad[2];
  well = well && tn_copy_to_host(tn_tensor_grad(leaf), grad, sizeof grad, TN_F64) == TN_OK;
  cr_assert(!well || (grad[0] == 24 && grad[1] == 81));
  tn_set_grad(leaf, NULL);
  tn_stream_release(side);
  return well;
}

static bool late_copies(void) {
  tn_tensor *pinned = tn_pin_memory(host, device);
  if (pinned == NULL) return false;
  tn_tensor *there = tn_aten_to_copy(pinned, .device = device, .non_blocking = true);
  if (there == NULL || tn_copy_(there, host, .non_blocking = true) != TN_OK) return false;
  tn_tensor *back = tn_aten_to_copy(there, .device = TN_DEVICE_CPU, .non_blocking = true);
  double values[2];
  if (back == NULL || tn_copy_to_host(back, values, sizeof values, TN_F64) != TN_OK) return false;
  cr_assert(values[0] == 2 && values[1] == 3);
  return true;
}

static bool events(void) {
  tn_event *start = tn_event_new(device, true), *end = tn_event_new(device, true);
  double elapsed_ms;
  bool well = start != NULL && end != NULL && tn_event_record(start, NULL) == TN_OK &&
              tn_event_record(end, NULL) == TN_OK && tn_event_synchronize(end) == TN_OK &&
              tn_event_elapsed_ms(start, end, &elapsed_ms) == TN_OK;
  tn_event_release(start);
  tn_event_release(end);
  return well;
}

TN_TEST(allocation_failure, in_a_backward_pass_across_streams_is_out_of_memory) {
  survive(backward_across);
}
TN_TEST(allocation_failure, in_late_copies_is_out_of_memory) { survive(late_copies); }
TN_TEST(allocation_failure, in_events_is_out_of_memory) { survive(events); }
