// SPDX-License-Identifier: Apache-2.0
//
// linalg_spectral: QR, singular values, eigenvalues. LAPACK is given A^T, which is A as it lies:
// the LQ factors of A^T are A's QR factors, transposed; of A^T = V* S U^T the left vectors are V^H
// in our order, and U comes out right too. Eigenvectors alone are columns for us and rows in
// LAPACK's memory, so they are turned around.

#include <tenon/op_args.h>

#include "cpu.h"
#include "lapack.h"
#include "workspace.h"

// ---- what the kernels share

typedef struct job {
  const cpu_lapack *lapack;
  tn_dtype dtype;
  bool is_complex;
  int64_t size, real_size;  // of an element, of a real number
  cpu_matrices a;           // m x n, k = min(m, n)
  int64_t m, n, k;
  char *first, *second, *third;  // results
  int64_t columns;               // of the first
  bool vectors, full, upper, batched;
  // Parts of a body's workspace, in bytes from its start.
  int64_t at_copy, at_small, at_q, at_reals, at_integers, at_work;
  int work_size, reals_size, integers_size;
} job;

static job job_of(const tn_args *args, int32_t a) {
  const tn_view *view = &args->views[a];
  const int64_t size = tn_dtype_size(view->dtype);
  const bool is_complex = tn_dtype_is_complex(view->dtype);
  job j = {.lapack = cpu_lapack_for(view->dtype),
           .dtype = view->dtype,
           .is_complex = is_complex,
           .size = size,
           .real_size = is_complex ? size / 2 : size,
           .a = cpu_matrices_of(view),
           .batched = view->rank > 2};
  j.m = j.a.rows;
  j.n = j.a.cols;
  j.k = j.m < j.n ? j.m : j.n;
  return j;
}

// Places |bytes| more at the end of a workspace of *|total|.
static int64_t part(int64_t *total, int64_t bytes) {
  const int64_t at = *total;
  *total += cpu_lapack_align(bytes > 0 ? bytes : 1);
  return at;
}

// Takes over what a query of the workspace's size answered. errors: INVALID_ARGUMENT
static tn_status set_work_size(tn_kernel_ctx *ctx, job *j, const void *answer) {
  const int64_t size = cpu_lapack_work_size(j->dtype, answer);
  if (size < 0) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT,
                            "%lld x %lld matrices need a larger workspace than LAPACK's 32-bit "
                            "integers hold",
                            (long long)j->m, (long long)j->n);
  }
  j->work_size = (int)size;
  return TN_OK;
}

// Runs |body| for each matrix and reports the first that failed. errors: OUT_OF_MEMORY,
// NO_SOLUTION
static tn_status run_reported(tn_kernel_ctx *ctx, const job *j, int64_t work_bytes, int64_t passes,
                              cpu_matrix_body body, cpu_linalg_failure failure) {
  int32_t *info = cpu_scratch(ctx, j->a.count, sizeof *info);
  if (info == NULL) return TN_OUT_OF_MEMORY;
  const cpu_matrix_batch batch = {.count = j->a.count,
                                  .operations = passes * j->m * j->n * (j->k + 8),
                                  .work_bytes = work_bytes,
                                  .body = body,
                                  .job = j,
                                  .info = info};
  const tn_status status = cpu_matrix_batch_run(ctx, &batch);
  if (status != TN_OK) return status;
  return cpu_linalg_report(ctx, info, j->a.count, j->batched, failure);
}

// The identity in each of |count| matrices of order |n|.
static void write_identities(char *to, int64_t count, int64_t n, tn_dtype dtype) {
  const int64_t size = tn_dtype_size(dtype);
  memset(to, 0, (size_t)(count * n * n * size));
  for (int64_t i = 0; i < count * n; i++) {
    memcpy(to + (i / n * n * n + i % n * (n + 1)) * size, cpu_lapack_one(dtype), (size_t)size);
  }
}

// ---- QR: A^T = L Q', so A = Q R with Q = Q'^T and R = L^T

static int qr_one(const void *closure, int64_t index, char *work) {
  const job *j = closure;
  const int rows = (int)j->n, cols = (int)j->m, k = (int)j->k, wide = (int)j->columns;
  char *copy = work + j->at_copy, *tau = work + j->at_small, *rest = work + j->at_work;
  int info = 0;
  memcpy(copy, cpu_matrix_at(j->a, index), (size_t)j->a.bytes);
  j->lapack->gelqf(&rows, &cols, copy, &rows, tau, rest, &j->work_size, &info);
  const int64_t heights = j->full ? j->m : j->k;
  char *r = j->second + index * heights * j->n * j->size;
  for (int64_t i = 0; i < heights; i++) {
    char *row = r + i * j->n * j->size;
    const int64_t zeros = i < j->n ? i : j->n;
    memset(row, 0, (size_t)(zeros * j->size));
    memcpy(row + zeros * j->size, copy + (i * j->n + zeros) * j->size,
           (size_t)((j->n - zeros) * j->size));
  }
  if (!j->vectors || info != 0) return info;
  // OpenBLAS's complex matrix-vector product (0.3.21) reads a little past the end of its matrix, so
  // complex Q are made where there is room behind them.
  const int64_t q_bytes = j->m * j->columns * j->size;
  char *result = j->first + index * q_bytes, *q = j->is_complex ? work + j->at_q : result;
  for (int64_t i = 0; i < j->m; i++) {
    memcpy(q + i * j->columns * j->size, copy + i * j->n * j->size, (size_t)(j->k * j->size));
  }
  j->lapack->orglq(&wide, &cols, &k, q, &wide, tau, rest, &j->work_size, &info);
  if (q != result) memcpy(result, q, (size_t)q_bytes);
  return info;
}

static tn_status run_qr(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_qr_attrs *attrs = args->attrs;
  job j = job_of(args, TN_ARG_linalg_qr_A);
  j.vectors = strcmp(attrs->mode, "r") != 0;
  j.full = strcmp(attrs->mode, "complete") == 0;
  j.columns = j.full ? j.m : j.k;
  j.first = args->views[TN_ARG_linalg_qr_Q].data;
  j.second = args->views[TN_ARG_linalg_qr_R].data;
  if (j.k == 0) {
    if (j.vectors && j.full) write_identities(j.first, j.a.count, j.m, j.dtype);
    return TN_OK;
  }
  const int rows = (int)j.n, cols = (int)j.m, k = (int)j.k, wide = (int)j.columns, query = -1;
  tn_complex128 answer = {0, 0}, second = {0, 0};
  int info = 0;
  j.lapack->gelqf(&rows, &cols, &answer, &rows, &answer, &answer, &query, &info);
  tn_status status = set_work_size(ctx, &j, &answer);
  if (status != TN_OK) return status;
  const int first_size = j.work_size;
  j.lapack->orglq(&wide, &cols, &k, &second, &wide, &second, &second, &query, &info);
  status = set_work_size(ctx, &j, &second);
  if (status != TN_OK) return status;
  if (j.work_size < first_size) j.work_size = first_size;
  int64_t total = 0;
  j.at_copy = part(&total, j.a.bytes);
  j.at_small = part(&total, j.k * j.size);
  j.at_q = part(&total, j.is_complex && j.vectors ? j.m * j.columns * j.size + 64 : 0);
  j.at_work = part(&total, j.work_size * j.size);
  const cpu_linalg_failure failure = {"LAPACK's gelqf: ", ""};
  return run_reported(ctx, &j, total, 4, qr_one, failure);
}

// ---- singular values

static int svd_one(const void *closure, int64_t index, char *work) {
  const job *j = closure;
  const int rows = (int)j->n, cols = (int)j->m;
  const int64_t u_cols = j->full ? j->m : j->k, vh_rows = j->full ? j->n : j->k;
  const int lead_u = (int)u_cols;
  char *copy = work + j->at_copy, *rest = work + j->at_work;
  int *integers = (int *)(void *)(work + j->at_integers);
  const char *from = cpu_matrix_at(j->a, index);
  if (!cpu_all_finite(from, j->m * j->n, j->dtype)) return CPU_LINALG_NOT_FINITE;
  memcpy(copy, from, (size_t)j->a.bytes);
  char *s = j->second + index * j->k * j->real_size;
  char *u = NULL, *vh = NULL;
  if (j->vectors) {
    u = j->first + index * j->m * u_cols * j->size;
    vh = j->third + index * vh_rows * j->n * j->size;
  }
  const char *which = !j->vectors ? "N" : j->full ? "A" : "S";
  int info = 0;
  if (j->is_complex) {
    j->lapack->gesdd_complex(which, &rows, &cols, copy, &rows, s, vh, &rows, u, &lead_u, rest,
                             &j->work_size, work + j->at_reals, integers, &info, 1);
  } else {
    j->lapack->gesdd_real(which, &rows, &cols, copy, &rows, s, vh, &rows, u, &lead_u, rest,
                          &j->work_size, integers, &info, 1);
  }
  return info;
}

static tn_status query_svd(tn_kernel_ctx *ctx, job *j) {
  const int rows = (int)j->n, cols = (int)j->m, query = -1;
  const int lead_u = (int)(j->full ? j->m : j->k);
  const char *which = !j->vectors ? "N" : j->full ? "A" : "S";
  tn_complex128 answer = {0, 0}, none = {0, 0};
  int info = 0, integers = 0;
  if (j->is_complex) {
    j->lapack->gesdd_complex(which, &rows, &cols, &none, &rows, &none, &none, &rows, &none, &lead_u,
                             &answer, &query, &none, &integers, &info, 1);
  } else {
    j->lapack->gesdd_real(which, &rows, &cols, &none, &rows, &none, &none, &rows, &none, &lead_u,
                          &answer, &query, &integers, &info, 1);
  }
  return set_work_size(ctx, j, &answer);
}

static tn_status svd(tn_kernel_ctx *ctx, job *j) {
  if (j->k == 0) {
    if (j->vectors && j->full) {
      write_identities(j->first, j->a.count, j->m, j->dtype);
      write_identities(j->third, j->a.count, j->n, j->dtype);
    }
    return TN_OK;
  }
  tn_status status = query_svd(ctx, j);
  if (status != TN_OK) return status;
  const int64_t large = j->m > j->n ? j->m : j->n;
  // What LAPACK's manual asks for, for vectors and without.
  const int64_t reals =
      j->vectors ? j->k * (5 * j->k + 7 > 2 * large + 2 * j->k + 1 ? 5 * j->k + 7
                                                                   : 2 * large + 2 * j->k + 1)
                 : 7 * j->k;
  int64_t total = 0;
  j->at_copy = part(&total, j->a.bytes);
  j->at_reals = part(&total, j->is_complex ? reals * j->real_size : 0);
  j->at_integers = part(&total, 8 * j->k * (int64_t)sizeof(int));
  j->at_work = part(&total, j->work_size * j->size);
  const cpu_linalg_failure failure = {"the singular values did not converge (LAPACK's gesdd: ",
                                      ")"};
  return run_reported(ctx, j, total, 20, svd_one, failure);
}

static tn_status run_svd(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn__linalg_svd_attrs *attrs = args->attrs;
  job j = job_of(args, TN_ARG__linalg_svd_A);
  j.vectors = attrs->compute_uv;
  j.full = attrs->full_matrices;
  j.first = args->views[TN_ARG__linalg_svd_U].data;
  j.second = args->views[TN_ARG__linalg_svd_S].data;
  j.third = args->views[TN_ARG__linalg_svd_Vh].data;
  return svd(ctx, &j);
}

static tn_status run_linalg_svd(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_svd_attrs *attrs = args->attrs;
  job j = job_of(args, TN_ARG_linalg_svd_A);
  j.vectors = true;
  j.full = attrs->full_matrices;
  j.first = args->views[TN_ARG_linalg_svd_U].data;
  j.second = args->views[TN_ARG_linalg_svd_S].data;
  j.third = args->views[TN_ARG_linalg_svd_Vh].data;
  return svd(ctx, &j);
}

static tn_status run_svdvals(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  job j = job_of(args, TN_ARG_linalg_svdvals_A);
  j.second = args->views[TN_ARG_linalg_svdvals_result].data;
  return svd(ctx, &j);
}

// ---- eigenvalues of Hermitian matrices

// LAPACK sees A^T = conj(A): the same eigenvalues, the conjugated eigenvectors, in rows for us.
static void turn_vectors(char *vectors, int64_t n, tn_dtype dtype, int64_t size) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < i; j++) {
      char kept[16], *a = vectors + (i * n + j) * size, *b = vectors + (j * n + i) * size;
      memcpy(kept, a, (size_t)size);
      memcpy(a, b, (size_t)size);
      memcpy(b, kept, (size_t)size);
    }
  }
  cpu_conjugate(vectors, n * n, dtype);
}

static int call_eigh(const job *j, char *matrix, char *values, char *work, const int *work_size,
                     const int *reals_size, const int *integers_size, char *reals, int *integers) {
  const int n = (int)j->n;
  const char *which = j->vectors ? "V" : "N", *triangle = j->upper ? "L" : "U";
  int info = 0;
  if (j->is_complex) {
    j->lapack->heevd(which, triangle, &n, matrix, &n, values, work, work_size, reals, reals_size,
                     integers, integers_size, &info, 1, 1);
  } else {
    j->lapack->syevd(which, triangle, &n, matrix, &n, values, work, work_size, integers,
                     integers_size, &info, 1, 1);
  }
  return info;
}

// Whether the triangle that is read has finite elements only.
static bool triangle_finite(const job *j, const char *matrix) {
  for (int64_t i = 0; i < j->n; i++) {
    const int64_t first = j->upper ? i : 0, last = j->upper ? j->n : i + 1;
    if (!cpu_all_finite(matrix + (i * j->n + first) * j->size, last - first, j->dtype)) {
      return false;
    }
  }
  return true;
}

static int eigh_one(const void *closure, int64_t index, char *work) {
  const job *j = closure;
  const char *from = cpu_matrix_at(j->a, index);
  if (!triangle_finite(j, from)) return CPU_LINALG_NOT_FINITE;
  char *matrix = j->vectors ? j->second + index * j->a.bytes : work + j->at_copy;
  memmove(matrix, from, (size_t)j->a.bytes);
  const int info = call_eigh(j, matrix, j->first + index * j->n * j->real_size, work + j->at_work,
                             &j->work_size, &j->reals_size, &j->integers_size, work + j->at_reals,
                             (int *)(void *)(work + j->at_integers));
  if (j->vectors && info == 0) turn_vectors(matrix, j->n, j->dtype, j->size);
  return info;
}

static tn_status eigh(tn_kernel_ctx *ctx, job *j, const char *uplo) {
  j->upper = uplo[0] == 'U' || uplo[0] == 'u';
  if (j->n == 0) return TN_OK;
  tn_complex128 answer = {0, 0}, reals = {0, 0}, none = {0, 0};
  const int query = -1;
  int integers = 0;
  call_eigh(j, (char *)&none, (char *)&none, (char *)&answer, &query, &query, &query,
            (char *)&reals, &integers);
  const tn_status status = set_work_size(ctx, j, &answer);
  if (status != TN_OK) return status;
  const int64_t reals_size =
      j->is_complex ? cpu_lapack_work_size(j->real_size == 4 ? TN_F32 : TN_F64, &reals) : 0;
  if (reals_size < 0) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "matrices too large for LAPACK");
  }
  j->reals_size = (int)reals_size;
  j->integers_size = integers;
  int64_t total = 0;
  j->at_copy = part(&total, j->vectors ? 0 : j->a.bytes);
  j->at_reals = part(&total, reals_size * j->real_size);
  j->at_integers = part(&total, integers * (int64_t)sizeof(int));
  j->at_work = part(&total, j->work_size * j->size);
  const cpu_linalg_failure failure = {"the eigenvalues did not converge (LAPACK's heevd: ", ")"};
  return run_reported(ctx, j, total, 9, eigh_one, failure);
}

static tn_status run_internal_eigh(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn__linalg_eigh_attrs *attrs = args->attrs;
  job j = job_of(args, TN_ARG__linalg_eigh_A);
  j.vectors = attrs->compute_v;
  j.first = args->views[TN_ARG__linalg_eigh_eigenvalues].data;
  j.second = args->views[TN_ARG__linalg_eigh_eigenvectors].data;
  return eigh(ctx, &j, attrs->UPLO);
}

static tn_status run_eigh(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_eigh_attrs *attrs = args->attrs;
  job j = job_of(args, TN_ARG_linalg_eigh_self);
  j.vectors = true;
  j.first = args->views[TN_ARG_linalg_eigh_eigenvalues].data;
  j.second = args->views[TN_ARG_linalg_eigh_eigenvectors].data;
  return eigh(ctx, &j, attrs->UPLO);
}

static tn_status run_eigvalsh(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_eigvalsh_attrs *attrs = args->attrs;
  job j = job_of(args, TN_ARG_linalg_eigvalsh_self);
  j.first = args->views[TN_ARG_linalg_eigvalsh_result].data;
  return eigh(ctx, &j, attrs->UPLO);
}

// ---- rows

#define ROW(name, function, size)                                                      \
  {                                                                                    \
    .op = name, .dtypes = CPU_LAPACK_DTYPES, .rank = TN_RANK_VENDOR,                   \
    .layout = TN_LAYOUT_CONTIGUOUS, .flags = TN_ROW_DETERMINISTIC, .attrs_size = size, \
    .supports = cpu_lapack_declines, .run = function                                   \
  }

const tn_kernel_row cpu_linalg_spectral_rows[] = {
    ROW("linalg_qr", run_qr, sizeof(tn_linalg_qr_attrs)),
    ROW("_linalg_svd", run_svd, sizeof(tn__linalg_svd_attrs)),
    ROW("linalg_svd", run_linalg_svd, sizeof(tn_linalg_svd_attrs)),
    ROW("linalg_svdvals", run_svdvals, 0),
    ROW("_linalg_eigh", run_internal_eigh, sizeof(tn__linalg_eigh_attrs)),
    ROW("linalg_eigh", run_eigh, sizeof(tn_linalg_eigh_attrs)),
    ROW("linalg_eigvalsh", run_eigvalsh, sizeof(tn_linalg_eigvalsh_attrs)),
};
const uint64_t cpu_linalg_spectral_row_count =
    sizeof cpu_linalg_spectral_rows / sizeof cpu_linalg_spectral_rows[0];
