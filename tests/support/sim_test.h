// SPDX-License-Identifier: Apache-2.0
//
// sim_test: what the tests of streams share: the simulated accelerator, told to start every job
// late, so that what was not waited for has not happened, and work on it that takes its time.

#ifndef TENON_SIM_TEST_H_
#define TENON_SIM_TEST_H_

#include <stdlib.h>

#include "tensor_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

// Every job of the device starts 10 to 20 ms late.
static inline tn_device use_sim(void) {
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",cpu", 1);
  setenv("TENON_SIM_LAG_US", "20000/1", 1);
  return tn_device_default();
}

static inline tn_tensor *on(tn_device device, double value) {
  tn_tensor *there = tn_to(tn_full(TN_SHAPE(2), value, .dtype = TN_F64, .device = TN_DEVICE_CPU),
                           device, TN_DTYPE_NONE);
  expect_ok();
  return there;
}

// 16 |x|, which takes four jobs: longer than one read elsewhere.
static inline tn_tensor *slowly(tn_tensor *x) {
  for (int i = 0; i < 4; i++) x = tn_add(x, x);
  expect_ok();
  return x;
}

static inline double first_of(const tn_tensor *tensor) {
  double values[2] = {-1, -1};
  cr_assert_eq(tn_copy_to_host(tensor, values, sizeof values, TN_F64), TN_OK);
  return values[0];
}

// Whether all is done on the current stream of |device|.
static inline bool is_done(tn_device device) {
  bool done;
  cr_assert_eq(tn_stream_query(tn_stream_current(device), &done), TN_OK);
  return done;
}

// Makes |stream| current, after what the one that was holds.
static inline void go_to(tn_stream *stream) {
  tn_stream *from = tn_stream_current(tn_stream_device(stream));
  cr_assert_eq(tn_stream_wait_stream(stream, from), TN_OK);
  cr_assert_eq(tn_stream_set_current(stream), TN_OK);
}

#endif  // TENON_SIM_TEST_H_
