// SPDX-License-Identifier: Apache-2.0
//
// loops: see loops.h.

#include "loops.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

bench_loop loop_named(const char *name) {
  bench_loop loop = NULL;
#ifdef TN_BENCH_OPENMP
  void *library = dlopen(TN_BENCH_OPENMP, RTLD_NOW | RTLD_LOCAL);
  void *address = library == NULL ? NULL : dlsym(library, name);
  memcpy(&loop, &address, sizeof address);
#else
  (void)name;
#endif
  return loop;
}
