// SPDX-License-Identifier: Apache-2.0
//
// A planted undefined behaviour: must fail in a build with UndefinedBehaviorSanitizer.

#include <limits.h>

#include "tenon_test.h"

static volatile int number;

TN_TEST(control, adds_within_the_range) {
  number = INT_MAX - 1;
  number = number + 1;
}

TN_TEST(planted, overflows_a_signed_integer) {
  number = INT_MAX;
  number = number + 1;
}
