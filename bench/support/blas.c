// SPDX-License-Identifier: Apache-2.0
//
// blas: see blas.h.

#include "blas.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111 };  // of the C interface of BLAS
enum { BUILD_OPENMP = 2 };

typedef void (*sgemm_fn)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                         const float *a, int lead_a, const float *b, int lead_b, float beta,
                         float *c, int lead_c);

static struct {
  sgemm_fn sgemm;
  void (*set_threads)(int threads);
  const char *version;
  int build;
} library;

// A function by name; ISO C has no cast from an object pointer.
static bool symbol(void *handle, const char *name, void *function) {
  void *address = dlsym(handle, name);
  memcpy(function, &address, sizeof address);
  return address != NULL;
}

static void *open_library(void) {
  const char *const names[] = {getenv("TENON_OPENBLAS"), "libopenblas.so.0", "libopenblas.so"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    void *handle = names[i] == NULL ? NULL : dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (handle != NULL) return handle;
  }
  return NULL;
}

bool blas_open(void) {
  if (library.sgemm != NULL) return true;
  void *handle = open_library();
  if (handle == NULL) return false;
  int (*parallel)(void);
  char *(*config)(void);
  sgemm_fn sgemm;
  if (!symbol(handle, "openblas_get_parallel", &parallel) ||
      !symbol(handle, "openblas_get_config", &config) || !symbol(handle, "cblas_sgemm", &sgemm) ||
      !symbol(handle, "openblas_set_num_threads", &library.set_threads)) {
    return false;
  }
  library.version = config();
  library.build = parallel();
  library.sgemm = sgemm;
  return true;
}

const char *blas_version(void) { return blas_open() ? library.version : ""; }

void blas_threads(int threads) {
  // An OpenMP build shares its setting with every team in the process: there it is left alone, and
  // the library uses as many threads as OpenMP does.
  if (library.build == BUILD_OPENMP) return;
  library.set_threads(threads == 0 ? 1 : threads);
}

void blas_multiply(int64_t n, const float *a, const float *b, float *c) {
  int side = (int)n;
  library.sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, side, side, side, 1, a, side, b, side, 0, c,
                side);
}
