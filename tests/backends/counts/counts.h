// SPDX-License-Identifier: Apache-2.0
//
// counts: what a stream of the device "maia" has been asked for, as its native handle points to it.
// See backend.c.

#ifndef TENON_TESTS_COUNTS_H_
#define TENON_TESTS_COUNTS_H_

#include <stdbool.h>

typedef struct counts {
  int synchronized, recorded, waited;
  bool fails;  // the next synchronisation
} counts;

#endif  // TENON_TESTS_COUNTS_H_
