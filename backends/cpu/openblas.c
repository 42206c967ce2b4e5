// SPDX-License-Identifier: Apache-2.0
//
// openblas: finds OpenBLAS by name while the program runs and calls its two matrix products.
//
// Which build it is decides how it is kept to one thread. The pthread build takes a setting, made
// once; in the OpenMP build that setting would shrink every team in the process, ours included, so
// it is left alone: inside of our parallel loop that build uses one thread by itself.

#include "openblas.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <sys/auxv.h>

#include "cpu.h"

#ifdef TN_HAVE_OPENMP
#include <omp.h>
#endif

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };  // of the C interface of BLAS
enum { BUILD_SEQUENTIAL = 0, BUILD_PTHREAD = 1, BUILD_OPENMP = 2 };

typedef void (*sgemm_fn)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                         const float *a, int lead_a, const float *b, int lead_b, float beta,
                         float *c, int lead_c);
typedef void (*dgemm_fn)(int order, int trans_a, int trans_b, int m, int n, int k, double alpha,
                         const double *a, int lead_a, const double *b, int lead_b, double beta,
                         double *c, int lead_c);

static struct {
  sgemm_fn sgemm;
  dgemm_fn dgemm;
  int build;
  void *handle;
  bool wide_integers;  // an ILP64 build: only its matrix products are called
} library;

static pthread_once_t opened = PTHREAD_ONCE_INIT;

// A function by name; ISO C has no cast from an object pointer.
static void symbol(void *handle, const char *name, void *function) {
  void *address = dlsym(handle, name);
  memcpy(function, &address, sizeof address);
}

// A path that the user set; not in a set-uid process, where the user is not to say what is loaded.
static const char *chosen_path(void) {
  return getauxval(AT_SECURE) ? NULL : cpu_host->option("TENON_OPENBLAS");
}

static void *open_library(const char **name) {
  const char *const names[] = {chosen_path(), "libopenblas.so.0", "libopenblas.so"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (names[i] == NULL || names[i][0] == '\0') continue;
    void *handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (handle != NULL) {
      *name = names[i];
      return handle;
    }
    if (i == 0) cpu_host->log(1, "cpu", "TENON_OPENBLAS: %s", dlerror());
  }
  return NULL;
}

static void open_once(void) {
  const char *name = NULL;
  void *handle = open_library(&name);
  if (handle == NULL) {
    cpu_host->log(2, "cpu", "no OpenBLAS found; matrix products are our own");
    return;
  }
  int (*parallel)(void) = NULL;
  void (*set_threads)(int) = NULL;
  sgemm_fn sgemm = NULL;
  dgemm_fn dgemm = NULL;
  symbol(handle, "openblas_get_parallel", &parallel);
  symbol(handle, "openblas_set_num_threads", &set_threads);
  symbol(handle, "cblas_sgemm", &sgemm);
  symbol(handle, "cblas_dgemm", &dgemm);
  if (parallel == NULL || set_threads == NULL || sgemm == NULL || dgemm == NULL) {
    cpu_host->log(1, "cpu", "%s is not OpenBLAS with its C interface; not used", name);
    dlclose(handle);
    return;
  }
  library.build = parallel();
  if (library.build == BUILD_PTHREAD) set_threads(1);
  char *(*config)(void) = NULL;
  symbol(handle, "openblas_get_config", &config);
  library.wide_integers = config != NULL && strstr(config(), "USE64BITINT") != NULL;
  library.handle = handle;
  library.sgemm = sgemm;
  library.dgemm = dgemm;
  static const char *const builds[] = {"sequential", "pthread", "OpenMP"};
  cpu_host->log(2, "cpu", "opened %s (%s build)", name,
                library.build >= 0 && library.build <= BUILD_OPENMP ? builds[library.build] : "?");
}

bool cpu_openblas_available(void) {
  pthread_once(&opened, open_once);
  return library.sgemm != NULL;
}

void cpu_openblas_symbol(const char *name, void *function) {
  memset(function, 0, sizeof(void *));
  if (!cpu_openblas_available() || library.wide_integers) return;
  symbol(library.handle, name, function);
}

bool cpu_openblas_stays_on_thread(void) {
  if (library.build != BUILD_OPENMP) return true;
#ifdef TN_HAVE_OPENMP
  return omp_in_parallel() != 0;
#else
  return false;
#endif
}

int cpu_openblas_one_thread_begin(void) {
#ifdef TN_HAVE_OPENMP
  if (library.build == BUILD_OPENMP) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    return before;
  }
#endif
  return 0;
}

void cpu_openblas_one_thread_end(int before) {
#ifdef TN_HAVE_OPENMP
  if (before > 0) omp_set_num_threads(before);
#else
  (void)before;
#endif
}

bool cpu_blas_takes(int64_t rows, int64_t cols, int64_t row, int64_t col) {
  if (rows > INT_MAX || cols > INT_MAX) return false;
  const bool by_rows = col == 1 && row >= cols && row <= INT_MAX;
  const bool by_cols = row == 1 && col >= rows && col <= INT_MAX;
  return by_rows || by_cols;
}

void cpu_openblas_multiply(bool f64, const cpu_blas_block *block) {
  const int m = (int)block->m, n = (int)block->n, k = (int)block->k;
  const bool a_by_rows = block->a_col == 1 && block->a_row >= block->k;
  const bool b_by_rows = block->b_col == 1 && block->b_row >= block->n;
  const int trans_a = a_by_rows ? NO_TRANSPOSE : TRANSPOSE;
  const int trans_b = b_by_rows ? NO_TRANSPOSE : TRANSPOSE;
  const int lead_a = (int)(a_by_rows ? block->a_row : block->a_col);
  const int lead_b = (int)(b_by_rows ? block->b_row : block->b_col);
  const int lead_c = (int)block->c_row;
  if (f64) {
    library.dgemm(ROW_MAJOR, trans_a, trans_b, m, n, k, block->alpha, block->a, lead_a, block->b,
                  lead_b, block->beta, block->c, lead_c);
  } else {
    library.sgemm(ROW_MAJOR, trans_a, trans_b, m, n, k, (float)block->alpha, block->a, lead_a,
                  block->b, lead_b, (float)block->beta, block->c, lead_c);
  }
}
