// SPDX-License-Identifier: Apache-2.0
//
// tenon_test: the house's test macro around Criterion's.
//
//   TN_TEST(softmax, rejects_dim_out_of_range) { cr_assert_null(tn_softmax(x, 7)); }
//
// Criterion runs each test in a child process of its own and looks at how it ended. A leak does not
// change how a process ends, so in a build with AddressSanitizer TN_TEST asks for leaks when the
// body has returned, and fails the test that left any. Invariant: whatever a body allocates it has
// released when it returns; what the library keeps for later calls must be reachable from its
// globals.
//
// Criterion's options go behind the name: TN_TEST(storage, guards, .signal = SIGSEGV).

#ifndef TENON_TEST_H_
#define TENON_TEST_H_

#include <criterion/criterion.h>
#include <stdbool.h>

// Runs |body|, then fails the current test if it leaked. Only TN_TEST calls this.
void tn_test_run(void (*body)(void));

// Whether anything has leaked so far, for a process that a test has forked; false where no
// sanitizer looks.
bool tn_test_leaks(void);

// Lets |signal_number| end the process as it would without a sanitizer, for the body of a test that
// expects that signal: AddressSanitizer otherwise turns it into a report and exit code 1.
void tn_test_let_signal_through(int signal_number);

// For a test of what races on purpose, which is the very thing that the thread sanitizer reports.
static inline void race_on_purpose(void) {
#if defined(__SANITIZE_THREAD__)
  cr_skip_test("a race on purpose");
#endif
}

// C11 wants an argument for every "...", so a test without options picks a macro that has none.
#define TN_TEST(...)                                                                     \
  TN_TEST_PICK_(__VA_ARGS__, TN_TEST_WITH_, TN_TEST_WITH_, TN_TEST_WITH_, TN_TEST_WITH_, \
                TN_TEST_WITH_, TN_TEST_WITH_, TN_TEST_PLAIN_, unused)                    \
  (__VA_ARGS__)
#define TN_TEST_PICK_(a1, a2, a3, a4, a5, a6, a7, a8, picked, ...) picked
#define TN_TEST_PLAIN_(Suite, Name)                   \
  static void Suite##__##Name(void);                  \
  Test(Suite, Name) { tn_test_run(Suite##__##Name); } \
  static void Suite##__##Name(void)
#define TN_TEST_WITH_(Suite, Name, ...)                            \
  static void Suite##__##Name(void);                               \
  Test(Suite, Name, __VA_ARGS__) { tn_test_run(Suite##__##Name); } \
  static void Suite##__##Name(void)

#endif  // TENON_TEST_H_
