// SPDX-License-Identifier: Apache-2.0
//
// machine: what figures depend on, for whoever reads them later: the processor, the compiler, the
// libraries, the load. Nothing that names a host or a user.

#ifndef TENON_BENCH_MACHINE_H_
#define TENON_BENCH_MACHINE_H_

typedef struct machine {
  char processor[80];
  int cores, threads;  // threads: what the backend uses
  double load;         // of the last minute, when the run began
  char date[16];       // 2026-01-31
  char compiler[64], build_type[32], revision[24], c_library[32], blas[128], runtime[32];
} machine;

machine machine_here(void);

// "2026-01-31-amd-epyc-2-cores": a name for what was measured on |m| on that day.
void machine_slug(const machine *m, char *text, int size);

#endif  // TENON_BENCH_MACHINE_H_
