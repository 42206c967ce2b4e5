// SPDX-License-Identifier: Apache-2.0
//
// tenon.kernels/1: what a backend is shown of another's kernels while it starts, and what becomes
// of one that asks for what cannot be had. What borrowed kernels compute is in test_sim.c.

#include <stdlib.h>

#include "tensor_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

static tn_device borrow_from(const char *device, const char *more_backends) {
  char list[512];
  snprintf(list, sizeof list, "borrows=%s%s", PLUGIN("borrows"), more_backends);
  setenv("TENON_BACKENDS", list, 1);
  setenv("TEST_BORROWS_FROM", device, 1);
  return tn_device_parse("borrows");
}

TN_TEST(borrowed_kernels, come_operator_by_operator_the_best_first) {
  cr_assert_neq(borrow_from("cpu", ",cpu").type, 0, "%s", tn_ok() ? "" : tn_error_peek()->message);
}

TN_TEST(borrowed_kernels, of_nobody_are_none) {
  cr_assert_eq(borrow_from("cpu", ",^cpu").type, 0);
  expect_error(TN_UNAVAILABLE, "0 kernels");
}

TN_TEST(borrowed_kernels, of_an_unknown_device_fail_the_borrower) {
  cr_assert_eq(borrow_from("nowhere", ",cpu").type, 0);
  expect_error(TN_UNAVAILABLE, "no device type 'nowhere'");
}

TN_TEST(borrowed_kernels, of_oneself_fail_and_end) {
  cr_assert_eq(borrow_from("borrows", ",cpu").type, 0);
  expect_error(TN_UNAVAILABLE, "announces it and did not bring it");
}

TN_TEST(borrowed_kernels, of_a_borrower_come_through_it) {
  cr_assert_eq(borrow_from("sim", ",sim=" PLUGIN("sim") ",cpu").type, 0);
  expect_error(TN_UNAVAILABLE, "of whom?");  // they are sim's now
}

TN_TEST(borrowed_kernels, of_a_broken_backend_fail_with_its_reason) {
  cr_assert_eq(borrow_from("fails_in_init", ",fails_in_init=" PLUGIN("fails_in_init") ",cpu").type,
               0);
  expect_error(TN_UNAVAILABLE, "fails_in_init");
}
