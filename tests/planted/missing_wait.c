// SPDX-License-Identifier: Apache-2.0
//
// A planted missing wait: two streams of the simulated accelerator share a tensor and nothing
// orders them. Must fail in a build with ThreadSanitizer, which sees streams as the threads they
// are.

#include <stdlib.h>
#include <tenon/tenon.h>
#include <time.h>

#include "tenon_test.h"

// Adds to a tensor on the device's default stream, and again on one of its own.
static void share_a_tensor(bool wait) {
  setenv("TENON_BACKENDS", "sim=" TN_TEST_PLUGIN_DIR "/libtenon_backend_sim.so,cpu", 1);
  setenv("TENON_SIM_LAG_US", "2000", 1);
  tn_device device = tn_device_parse("sim");
  tn_stream *before = tn_stream_retain(tn_stream_current(device)), *own = tn_stream_new(device, 0);
  tn_tensor *x = tn_zeros(TN_SHAPE(64), .device = device);
  cr_assert_eq(tn_add_scalar_(x, 1), TN_OK);
  if (wait) cr_assert_eq(tn_stream_wait_stream(own, before), TN_OK);
  cr_assert_eq(tn_stream_set_current(own), TN_OK);
  cr_assert_eq(tn_add_scalar_(x, 1), TN_OK);
  // Both start by themselves: waiting for one before the other has begun would put them in order.
  const struct timespec while_both_run = {0, 50 * 1000 * 1000};
  nanosleep(&while_both_run, NULL);
  cr_assert_eq(tn_stream_synchronize(own), TN_OK);
  cr_assert_eq(tn_stream_set_current(before), TN_OK);
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
  tn_release(x);
  tn_stream_release(own);
  tn_stream_release(before);
}

TN_TEST(control, waits_for_the_other_stream) { share_a_tensor(true); }

TN_TEST(planted, waits_for_nothing) { share_a_tensor(false); }
