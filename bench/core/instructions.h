// SPDX-License-Identifier: Apache-2.0
//
// instructions: how many machine instructions a subject's pass executes, by callgrind's count. The
// program runs itself under valgrind twice, with passes and with more passes: the difference is the
// passes alone, without start-up, and is the same in each run on any load.

#ifndef TENON_BENCH_INSTRUCTIONS_H_
#define TENON_BENCH_INSTRUCTIONS_H_

#include <stdbool.h>

#include "subject.h"

bool instructions_can_be_counted(void);  // whether there is a valgrind

// Instructions of one part of a pass (see subject.h), or -1 when it could not be found out.
double instructions_of(const char *program, const bench_subject *subject);

// What |program| does under valgrind: a few passes to warm up, then |passes|. An exit status.
int run_passes(const char *subject_name, const char *passes);

// Prints the count for |subject_name|, for the test. 77 where nothing can be counted.
int print_instructions(const char *program, const char *subject_name);

#endif  // TENON_BENCH_INSTRUCTIONS_H_
