// SPDX-License-Identifier: Apache-2.0
//
// watched: see watched.c.

#ifndef TENON_BENCH_WATCHED_H_
#define TENON_BENCH_WATCHED_H_

// What the program runs itself with: prints the mean cpu time of |passes| of a subject in ns, up to
// and with tn_shutdown. An exit status.
int time_passes(const char *subject_name, const char *passes);

#endif  // TENON_BENCH_WATCHED_H_
