// SPDX-License-Identifier: Apache-2.0
//
// lapack: looks LAPACK's routines up in OpenBLAS, once, and runs batches of matrices. A routine
// that is missing makes the dtype's whole set unavailable: kernels then decline with a reason.

#include "lapack.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>

#include "openblas.h"
#include "transpose.h"
#include "workspace.h"

static struct {
  cpu_lapack routines[4];
  bool complete[4];
} lapack;

static pthread_once_t resolved = PTHREAD_ONCE_INIT;

static int slot_of(tn_dtype dtype) {
  return dtype == TN_F32 ? 0 : dtype == TN_F64 ? 1 : dtype == TN_C64 ? 2 : 3;
}

// "dgetrf_" from "getrf"; true where it is there or not wanted.
static bool resolve(int slot, const char *name, void *function) {
  char symbol[16];
  if (name == NULL) return true;
  snprintf(symbol, sizeof symbol, "%c%s_", "sdcz"[slot], name);
  cpu_openblas_symbol(symbol, function);
  void *address;
  memcpy(&address, function, sizeof address);
  return address != NULL;
}

static void resolve_once(void) {
  memset(&lapack, 0, sizeof lapack);
  for (int slot = 0; slot < 4; slot++) {
    cpu_lapack *set = &lapack.routines[slot];
    bool complete = true;
#define X(field, real_name, complex_name, parameters) \
  complete = resolve(slot, slot < 2 ? real_name : complex_name, &set->field) && complete;
    CPU_LAPACK_TABLE(X)
#undef X
    lapack.complete[slot] = complete;
  }
}

const cpu_lapack *cpu_lapack_for(tn_dtype dtype) {
  pthread_once(&resolved, resolve_once);
  const int slot = slot_of(dtype);
  return lapack.complete[slot] ? &lapack.routines[slot] : NULL;
}

const char *cpu_lapack_declines(void *self, const tn_args *args) {
  (void)self;
  for (uint32_t i = 0; i < args->view_count; i++) {
    const tn_view *view = &args->views[i];
    if (!cpu_view_given(view)) continue;
    for (int32_t d = view->rank - 1; d >= 0 && d >= view->rank - 2; d--) {
      if (view->sizes[d] > INT_MAX) return "a size that LAPACK's 32-bit integers do not hold";
    }
  }
  if (cpu_lapack_for(args->views[args->output_count].dtype) != NULL) return NULL;
  return cpu_openblas_available()
             ? "this OpenBLAS has no LAPACK (with 32-bit integers); install one that has, such as "
               "Debian's libopenblas0, or name it in TENON_OPENBLAS"
             : "no LAPACK found; install OpenBLAS (Debian: libopenblas0), or name it in "
               "TENON_OPENBLAS";
}

const void *cpu_lapack_one(tn_dtype dtype) {
  static const tn_complex64 narrow = {1, 0};
  static const tn_complex128 wide = {1, 0};
  return dtype == TN_F32 || dtype == TN_C64 ? (const void *)&narrow : (const void *)&wide;
}

int64_t cpu_lapack_work_size(tn_dtype dtype, const void *answer) {
  double size;
  if (dtype == TN_F32 || dtype == TN_C64) {
    float narrow;
    memcpy(&narrow, answer, sizeof narrow);
    size = (double)narrow * (1 + 0x1p-22);  // a float may have rounded it down
  } else {
    memcpy(&size, answer, sizeof size);
  }
  if (!(size <= INT_MAX - 1)) return -1;
  return size < 1 ? 1 : (int64_t)size + 1;
}

// ---- matrices and batches

cpu_matrices cpu_matrices_of(const tn_view *view) {
  const int32_t first = view->rank - 2;
  const cpu_matrices m = {
      .data = view->data,
      .rows = view->sizes[first],
      .cols = view->sizes[first + 1],
      .bytes = view->sizes[first] * view->sizes[first + 1] * tn_dtype_size(view->dtype),
  };
  cpu_matrices counted = m;
  counted.count = 1;
  for (int32_t d = 0; d < first; d++) counted.count *= view->sizes[d];
  return counted;
}

int64_t cpu_batch_place(const tn_view *view, int32_t core_dims, const int64_t *batch_sizes,
                        int32_t batch_rank, int64_t index) {
  const int32_t rank = view->rank - core_dims;
  int64_t place = 0, step = 1;
  for (int32_t d = 0; d < batch_rank && d < rank; d++) {
    const int64_t whole = batch_sizes[batch_rank - 1 - d], size = view->sizes[rank - 1 - d];
    place += size == 1 ? 0 : index % whole * step;
    index /= whole;
    step *= size;
  }
  return place;
}

typedef struct batch_job {
  const cpu_matrix_batch *batch;
  cpu_workspaces *workspaces;
} batch_job;

static void run_range(void *closure, int64_t begin, int64_t end) {
  const batch_job *job = closure;
  const cpu_matrix_batch *batch = job->batch;
  char *work = cpu_workspace_claim(job->workspaces);
  const int before = cpu_openblas_one_thread_begin();
  for (int64_t i = begin; i < end; i++) batch->info[i] = batch->body(batch->job, i, work);
  cpu_openblas_one_thread_end(before);
  cpu_workspace_release(job->workspaces, work);
}

tn_status cpu_matrix_batch_run(tn_kernel_ctx *ctx, const cpu_matrix_batch *batch) {
  cpu_workspaces workspaces;
  if (batch->count == 0) return TN_OK;
  const tn_status status =
      cpu_workspaces_open(&workspaces, ctx, (uint64_t)batch->work_bytes, batch->count);
  if (status != TN_OK) return status;
  batch_job job = {batch, &workspaces};
  const int64_t grain = batch->one_thread ? batch->count : cpu_grain(batch->operations);
  cpu_parallel_for(batch->count, grain, run_range, &job);
  return TN_OK;
}

tn_status cpu_linalg_report(tn_kernel_ctx *ctx, const int32_t *info, int64_t count, bool batched,
                            cpu_linalg_failure failure) {
  int64_t first = 0;
  while (first < count && info[first] == 0) first++;
  if (first == count) return TN_OK;
  char where[48] = "", what[32];
  if (batched) snprintf(where, sizeof where, "batch element %lld: ", (long long)first);
  if (info[first] == CPU_LINALG_NOT_FINITE) {
    return ctx->host->error(ctx, TN_NO_SOLUTION, "%sthe matrix has NaN or infinite elements",
                            where);
  }
  if (info[first] < 0) {
    return ctx->host->error(ctx, TN_INTERNAL, "%sLAPACK refused argument %d", where, -info[first]);
  }
  snprintf(what, sizeof what, "%d", info[first]);
  return ctx->host->error(ctx, TN_NO_SOLUTION, "%s%s%s%s", where, failure.before, what,
                          failure.after);
}

bool cpu_all_finite(const void *data, int64_t count, tn_dtype dtype) {
  if (tn_dtype_is_complex(dtype)) count *= 2;
  // x * 0 is 0 for finite x and NaN for the rest.
  if (dtype == TN_F32 || dtype == TN_C64) {
    const float *x = data;
    float sum = 0;
    for (int64_t i = 0; i < count; i++) sum += x[i] * 0.0F;
    return sum == 0;
  }
  const double *x = data;
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += x[i] * 0.0;
  return sum == 0;
}

void cpu_transpose_matrix(char *to, const char *from, int64_t rows, int64_t cols, int64_t size) {
  enum { TILE = 64 };
  for (int64_t j = 0; j < cols; j += TILE) {
    for (int64_t i = 0; i < rows; i += TILE) {
      const int64_t height = cols - j < TILE ? cols - j : TILE;
      const int64_t width = rows - i < TILE ? rows - i : TILE;
      cpu_transpose_tile(to + (j * rows + i) * size, rows * size, from + (i * cols + j) * size,
                         cols * size, height, width, (int32_t)size);
    }
  }
}

void cpu_conjugate(void *data, int64_t count, tn_dtype dtype) {
  if (dtype == TN_C64) {
    tn_complex64 *x = data;
    for (int64_t i = 0; i < count; i++) x[i].imag = -x[i].imag;
  } else if (dtype == TN_C128) {
    tn_complex128 *x = data;
    for (int64_t i = 0; i < count; i++) x[i].imag = -x[i].imag;
  }
}
