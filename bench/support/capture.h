// SPDX-License-Identifier: Apache-2.0
//
// capture: runs another program and reads what it prints.

#ifndef TENON_BENCH_CAPTURE_H_
#define TENON_BENCH_CAPTURE_H_

#include <stdbool.h>
#include <stddef.h>

// Runs |argv| (found as the shell finds it) to its end and keeps what it prints in |text|, ended
// with a 0 and cut off at |size|: standard output and, |with_errors|, standard error, which is
// dropped otherwise. Its exit status; -1 when it could not be run or did not exit.
int capture(char *const *argv, char *text, size_t size, bool with_errors);

#endif  // TENON_BENCH_CAPTURE_H_
