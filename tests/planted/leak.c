// SPDX-License-Identifier: Apache-2.0
//
// A planted leak: must fail in a build with AddressSanitizer.

#include <stdlib.h>

#include "tenon_test.h"

static void *volatile sink;

TN_TEST(control, releases_what_it_allocates) {
  sink = malloc(64);
  free(sink);
}

TN_TEST(planted, forgets_what_it_allocates) {
  sink = malloc(64);
  sink = NULL;
}
