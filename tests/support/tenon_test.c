// SPDX-License-Identifier: Apache-2.0
//
// tenon_test: what stands behind TN_TEST, and what Criterion needs to run under ThreadSanitizer.

#include "tenon_test.h"

#include <signal.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TN_TEST_ADDRESS 1
#endif
#if __has_feature(thread_sanitizer)
#define TN_TEST_THREAD 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TN_TEST_ADDRESS 1
#endif
#if defined(__SANITIZE_THREAD__)
#define TN_TEST_THREAD 1
#endif

#ifdef TN_TEST_ADDRESS
#include <sanitizer/lsan_interface.h>
#endif

bool tn_test_leaks(void) {
#ifdef TN_TEST_ADDRESS
  return __lsan_do_recoverable_leak_check() != 0;
#else
  return false;
#endif
}

void tn_test_run(void (*body)(void)) {
  body();
  if (tn_test_leaks()) {
    cr_assert_fail("the test leaked memory: LeakSanitizer's report is above");
  }
}

void tn_test_let_signal_through(int signal_number) { signal(signal_number, SIG_DFL); }

#ifdef TN_TEST_THREAD
// BoxFort, which runs Criterion's tests, maps its arena at 2 MiB times rand_r() above a low base,
// and that is where ThreadSanitizer keeps its shadow (Criterion issue 274). This one gives only
// addresses in a range that the shadow leaves free. It is found before libc's because the program
// defines it.
__attribute__((visibility("default"))) int rand_r(unsigned int *seed) {
  *seed = *seed * 1103515245u + 12345u;
  return (int)(0x350000u + (*seed >> 16));
}
#endif
