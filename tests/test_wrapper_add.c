// SPDX-License-Identifier: Apache-2.0
//
// test_wrapper_add: wrappers that a program brings itself.

#include <tenon/wrapper.h>

#include "tensor_test.h"

typedef struct watcher {
  int32_t calls;
  char provider[32];
} watcher;

static tn_status watch(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  watcher *w = self;
  tn_status status = api->next(call);
  const char *provider = api->provider(call);
  w->calls++;
  snprintf(w->provider, sizeof w->provider, "%s", provider == NULL ? "" : provider);
  return status;
}

TN_TEST(wrapper_add, sees_the_calls_that_its_globs_name_and_who_served_them) {
  static watcher seen;
  const tn_wrapper wrapper = {.struct_size = sizeof wrapper,
                              .name = "watcher",
                              .operators = "neg,ab*",
                              .self = &seen,
                              .call = watch};
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){1, -2}), *before = tn_neg(x);
  cr_assert_eq(tn_wrapper_add(&wrapper), TN_OK);
  tn_tensor *negative = tn_neg(x), *absolute = tn_abs(x), *other = tn_exp(x);
  expect_exactly(negative, -1, 2);
  expect_exactly(absolute, 1, 2);
  cr_expect_eq(seen.calls, 2);
  cr_expect_str_eq(seen.provider, "cpu");
  tn_release(before);
  tn_release(negative);
  tn_release(absolute);
  tn_release(other);
  tn_release(x);
}

TN_TEST(wrapper_add, refuses_what_is_no_wrapper) {
  const tn_wrapper whole = {
      .struct_size = sizeof whole, .name = "w", .operators = "*", .call = watch};
  tn_wrapper part = whole;
  part.struct_size = 8;
  cr_expect_eq(tn_wrapper_add(NULL), TN_ABI_MISMATCH);
  tn_error_clear();
  cr_expect_eq(tn_wrapper_add(&part), TN_ABI_MISMATCH);
  tn_error_clear();
  for (int i = 0; i < 3; i++) {
    part = whole;
    if (i == 0) part.name = NULL;
    if (i == 1) part.operators = NULL;
    if (i == 2) part.call = NULL;
    cr_expect_eq(tn_wrapper_add(&part), TN_INVALID_ARGUMENT, "%d", i);
    tn_error_clear();
  }
}
