// SPDX-License-Identifier: Apache-2.0
//
// linalg_eig: eigenvalues and eigenvectors of square matrices that need not be Hermitian. LAPACK
// gives those of a real matrix as real and imaginary parts, a conjugated pair sharing two columns;
// they become complex numbers here. Matrix and vectors are turned around on the way.

#include <tenon/op_args.h>

#include "cpu.h"
#include "lapack.h"
#include "workspace.h"

typedef struct job {
  const cpu_lapack *lapack;
  tn_dtype dtype;
  bool is_complex, wants_vectors;
  int64_t size, real_size;  // of an element, of a real number
  cpu_matrices a;
  int64_t n;
  char *values, *vectors;  // results
  // Parts of a body's workspace, in bytes from its start.
  int64_t at_copy, at_columns, at_real, at_imag, at_work;
  int work_size;
} job;

// Real number |index| of |data|, float or double by |size|.
static double real_at(const char *data, int64_t index, int64_t size) {
  return size == 4 ? (double)((const float *)(const void *)data)[index]
                   : ((const double *)(const void *)data)[index];
}

static void put_complex(char *data, int64_t index, int64_t real_size, double real, double imag) {
  if (real_size == 4) {
    ((tn_complex64 *)(void *)data)[index] = (tn_complex64){(float)real, (float)imag};
  } else {
    ((tn_complex128 *)(void *)data)[index] = (tn_complex128){real, imag};
  }
}

// The eigenvectors of a real matrix as LAPACK leaves them, in columns: of a conjugated pair the
// first column holds the real parts and the second the imaginary ones of the first eigenvector.
static void write_real_vectors(const job *j, char *to, const char *columns, const char *imag) {
  const int64_t n = j->n;
  for (int64_t c = 0; c < n; c++) {
    const bool pair = real_at(imag, c, j->real_size) != 0 && c + 1 < n;
    for (int64_t r = 0; r < n; r++) {
      const double first = real_at(columns, c * n + r, j->real_size);
      const double second = pair ? real_at(columns, (c + 1) * n + r, j->real_size) : 0;
      put_complex(to, r * n + c, j->real_size, first, second);
      if (pair) put_complex(to, r * n + c + 1, j->real_size, first, -second);
    }
    if (pair) c++;
  }
}

static int call_eig(const job *j, char *matrix, char *values, char *imag, char *vectors, char *work,
                    const int *work_size, char *reals) {
  const int n = (int)j->n;
  const char *which = j->wants_vectors ? "V" : "N";
  int info = 0;
  if (j->is_complex) {
    j->lapack->geev_complex("N", which, &n, matrix, &n, values, vectors, &n, vectors, &n, work,
                            work_size, reals, &info, 1, 1);
  } else {
    j->lapack->geev_real("N", which, &n, matrix, &n, values, imag, vectors, &n, vectors, &n, work,
                         work_size, &info, 1, 1);
  }
  return info;
}

static int eig_one(const void *closure, int64_t index, char *work) {
  const job *j = closure;
  const int64_t n = j->n;
  const char *from = cpu_matrix_at(j->a, index);
  if (!cpu_all_finite(from, n * n, j->dtype)) return CPU_LINALG_NOT_FINITE;
  char *copy = work + j->at_copy, *columns = work + j->at_columns;
  char *real = work + j->at_real, *imag = work + j->at_imag;
  char *values = j->values + index * n * 2 * j->real_size;
  cpu_transpose_matrix(copy, from, n, n, j->size);
  // What complex matrices need real numbers for has the size of both parts.
  const int info = call_eig(j, copy, j->is_complex ? values : real, imag, columns,
                            work + j->at_work, &j->work_size, real);
  if (info != 0) return info;
  for (int64_t i = 0; !j->is_complex && i < n; i++) {
    put_complex(values, i, j->real_size, real_at(real, i, j->real_size),
                real_at(imag, i, j->real_size));
  }
  if (!j->wants_vectors) return 0;
  char *vectors = j->vectors + index * n * n * 2 * j->real_size;
  if (j->is_complex) {
    cpu_transpose_matrix(vectors, columns, n, n, j->size);
  } else {
    write_real_vectors(j, vectors, columns, imag);
  }
  return 0;
}

static int64_t part(int64_t *total, int64_t bytes) {
  const int64_t at = *total;
  *total += cpu_lapack_align(bytes > 0 ? bytes : 1);
  return at;
}

static tn_status eig(tn_kernel_ctx *ctx, const tn_view *self, void *values, void *vectors) {
  const bool is_complex = tn_dtype_is_complex(self->dtype);
  const int64_t size = tn_dtype_size(self->dtype), n = self->sizes[self->rank - 1];
  job j = {.lapack = cpu_lapack_for(self->dtype),
           .dtype = self->dtype,
           .is_complex = is_complex,
           .wants_vectors = vectors != NULL,
           .size = size,
           .real_size = is_complex ? size / 2 : size,
           .a = cpu_matrices_of(self),
           .n = n,
           .values = values,
           .vectors = vectors};
  if (n == 0 || j.a.count == 0) return TN_OK;
  tn_complex128 answer = {0, 0}, none = {0, 0};
  const int query = -1;
  char *unused = (char *)&none;
  call_eig(&j, unused, unused, unused, unused, (char *)&answer, &query, unused);
  const int64_t work_size = cpu_lapack_work_size(j.dtype, &answer);
  if (work_size < 0) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "matrices too large for LAPACK");
  }
  j.work_size = (int)work_size;
  int64_t total = 0;
  j.at_copy = part(&total, j.a.bytes);
  j.at_columns = part(&total, j.wants_vectors ? j.a.bytes : 0);
  j.at_real = part(&total, 2 * n * j.real_size);
  j.at_imag = part(&total, n * j.real_size);
  j.at_work = part(&total, work_size * size);
  int32_t *info = cpu_scratch(ctx, j.a.count, sizeof *info);
  if (info == NULL) return TN_OUT_OF_MEMORY;
  const cpu_matrix_batch batch = {j.a.count, 25 * n * n * (n + 8), total, eig_one, &j, info, false};
  const tn_status status = cpu_matrix_batch_run(ctx, &batch);
  if (status != TN_OK) return status;
  const cpu_linalg_failure failure = {"the eigenvalues did not converge (LAPACK's geev: ", ")"};
  return cpu_linalg_report(ctx, info, j.a.count, self->rank > 2, failure);
}

static tn_status run_eig(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return eig(ctx, &args->views[TN_ARG_linalg_eig_self],
             args->views[TN_ARG_linalg_eig_eigenvalues].data,
             args->views[TN_ARG_linalg_eig_eigenvectors].data);
}

static tn_status run_eigvals(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return eig(ctx, &args->views[TN_ARG_linalg_eigvals_self],
             args->views[TN_ARG_linalg_eigvals_result].data, NULL);
}

#define ROW(name, function)                                          \
  {                                                                  \
    .op = name, .dtypes = CPU_LAPACK_DTYPES, .rank = TN_RANK_VENDOR, \
    .layout = TN_LAYOUT_CONTIGUOUS, .flags = TN_ROW_DETERMINISTIC,   \
    .supports = cpu_lapack_declines, .run = function                 \
  }

const tn_kernel_row cpu_linalg_eig_rows[] = {
    ROW("linalg_eig", run_eig),
    ROW("linalg_eigvals", run_eigvals),
};
const uint64_t cpu_linalg_eig_row_count =
    sizeof cpu_linalg_eig_rows / sizeof cpu_linalg_eig_rows[0];
