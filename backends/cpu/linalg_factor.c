// SPDX-License-Identifier: Apache-2.0
//
// linalg_factor: Cholesky and LU factors, and what is solved with them. Nothing is transposed that
// need not be: potrf makes of A^T's other triangle the one we want; A X = B is X^T A^T = B^T,
// which BLAS solves from the right on rows as they lie; and the inverse of A^T is that of A,
// transposed. Only lu_factor, whose factors are results, turns the matrix and its factors around.

#include <tenon/op_args.h>

#include "cpu.h"
#include "lapack.h"
#include "workspace.h"

// What the bodies share. Not every kernel uses every member.
typedef struct job {
  const cpu_lapack *lapack;
  tn_dtype dtype;
  int64_t size;  // of an element
  const tn_view *a, *b, *result;
  cpu_matrices a_matrices, result_matrices;
  int32_t *pivots;  // results: [count, k]
  const int32_t *given_pivots;
  const tn_view *pivots_view;
  int32_t batch_rank;
  int64_t n, k;  // A is n x n; B has k columns (left) or rows
  int work_size;
  bool upper, left, adjoint, unit;
} job;

// Room for infos that are no result.
static int32_t *scratch_info(tn_kernel_ctx *ctx, int64_t count) {
  return cpu_scratch(ctx, count, sizeof(int32_t));
}

static job job_of(const tn_args *args, int32_t a) {
  const tn_view *view = &args->views[a];
  const job j = {.lapack = cpu_lapack_for(view->dtype),
                 .dtype = view->dtype,
                 .size = tn_dtype_size(view->dtype),
                 .a = view,
                 .result = &args->views[0],
                 .a_matrices = cpu_matrices_of(view),
                 .n = view->sizes[view->rank - 1],
                 .left = true};
  return j;
}

static bool is_small(const job *j) { return j->n < CPU_LAPACK_THREADED_ORDER; }

// ---- Cholesky

static const cpu_linalg_failure not_positive = {"the leading minor of order ",
                                                " is not positive definite"};

// The first diagonal element that is NaN, counted from 1; 0 where none is. OpenBLAS looks only for
// elements that are not above 0.
static int nan_on_diagonal(const char *matrix, int64_t n, tn_dtype dtype) {
  const int64_t step = (n + 1) * (tn_dtype_is_complex(dtype) ? 2 : 1);
  for (int64_t i = 0; i < n; i++) {
    const double value = dtype == TN_F32 || dtype == TN_C64
                             ? (double)((const float *)(const void *)matrix)[i * step]
                             : ((const double *)(const void *)matrix)[i * step];
    if (value != value) return (int)(i + 1);
  }
  return 0;
}

static int cholesky_one(const void *closure, int64_t index, char *work) {
  (void)work;
  const job *j = closure;
  const int n = (int)j->n;
  char *to = cpu_matrix_at(j->result_matrices, index);
  const char *from = cpu_matrix_at(j->a_matrices, index);
  for (int64_t i = 0; i < j->n; i++) {
    const int64_t first = j->upper ? i : 0, last = j->upper ? j->n : i + 1;
    char *row = to + i * j->n * j->size;
    memmove(row + first * j->size, from + (i * j->n + first) * j->size,
            (size_t)((last - first) * j->size));
    memset(row, 0, (size_t)(first * j->size));
    memset(row + last * j->size, 0, (size_t)((j->n - last) * j->size));
  }
  int info = 0;
  j->lapack->potrf(j->upper ? "L" : "U", &n, to, &n, &info, 1);
  return info != 0 ? info : nan_on_diagonal(to, j->n, j->dtype);
}

static tn_status cholesky(tn_kernel_ctx *ctx, const tn_args *args, int32_t self, bool upper,
                          int32_t *info, bool check) {
  job j = job_of(args, self);
  j.result_matrices = cpu_matrices_of(j.result);
  j.upper = upper;
  const int64_t count = j.a_matrices.count;
  if (info == NULL) info = scratch_info(ctx, count);
  if (info == NULL) return TN_OUT_OF_MEMORY;
  if (j.n == 0) {
    memset(info, 0, (size_t)count * sizeof *info);
    return TN_OK;
  }
  const cpu_matrix_batch batch = {count,       j.n * j.n * (j.n + 8) / 3, 0, cholesky_one, &j, info,
                                  is_small(&j)};
  const tn_status status = cpu_matrix_batch_run(ctx, &batch);
  if (status != TN_OK || !check) return status;
  return cpu_linalg_report(ctx, info, count, j.a->rank > 2, not_positive);
}

static tn_status run_cholesky_ex(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_cholesky_ex_attrs *attrs = args->attrs;
  return cholesky(ctx, args, TN_ARG_linalg_cholesky_ex_self, attrs->upper,
                  args->views[TN_ARG_linalg_cholesky_ex_info].data, attrs->check_errors);
}

static tn_status run_cholesky(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_cholesky_attrs *attrs = args->attrs;
  return cholesky(ctx, args, TN_ARG_linalg_cholesky_self, attrs->upper, NULL, true);
}

// ---- LU

static const cpu_linalg_failure singular = {"the matrix is singular: pivot ",
                                            " of its LU factors is zero"};

static int lu_factor_one(const void *closure, int64_t index, char *work) {
  const job *j = closure;
  const int64_t rows = j->a_matrices.rows, cols = j->a_matrices.cols;
  const int m = (int)rows, n = (int)cols;
  cpu_transpose_matrix(work, cpu_matrix_at(j->a_matrices, index), rows, cols, j->size);
  int info = 0;
  j->lapack->getrf(&m, &n, work, &m, j->pivots + index * j->k, &info);
  cpu_transpose_matrix(cpu_matrix_at(j->result_matrices, index), work, cols, rows, j->size);
  return info;
}

static tn_status run_lu_factor_ex(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_lu_factor_ex_attrs *attrs = args->attrs;
  job j = job_of(args, TN_ARG_linalg_lu_factor_ex_A);
  const int64_t count = j.a_matrices.count, rows = j.a_matrices.rows, cols = j.a_matrices.cols;
  int32_t *info = args->views[TN_ARG_linalg_lu_factor_ex_info].data;
  j.k = rows < cols ? rows : cols;
  if (j.k == 0) {
    memset(info, 0, (size_t)count * sizeof *info);
    return TN_OK;
  }
  j.result_matrices = cpu_matrices_of(j.result);
  j.pivots = args->views[TN_ARG_linalg_lu_factor_ex_pivots].data;
  const cpu_matrix_batch batch = {
      count, rows * cols * (j.k + 8), j.a_matrices.bytes, lu_factor_one, &j, info, is_small(&j)};
  const tn_status status = cpu_matrix_batch_run(ctx, &batch);
  if (status != TN_OK || !attrs->check_errors) return status;
  return cpu_linalg_report(ctx, info, count, j.a->rank > 2, singular);
}

static const char *lu_factor_declines(void *self, const tn_args *args) {
  const tn_linalg_lu_factor_ex_attrs *attrs = args->attrs;
  return attrs->pivot ? cpu_lapack_declines(self, args) : "LAPACK has no LU without pivoting";
}

// ---- triangles

// X <- op(T)^-1 X (left) or X op(T)^-1, all in our order, where T is the triangle |upper| of |a|.
// To BLAS everything is transposed: the side and the triangle are the other ones.
static void solve_triangle(const job *j, const void *a, void *x, int64_t rows, int64_t cols,
                           bool left, bool upper, bool adjoint, bool unit) {
  const int m = (int)cols, n = (int)rows, order = (int)j->n;
  const char *trans = !adjoint ? "N" : tn_dtype_is_complex(j->dtype) ? "C" : "T";
  j->lapack->trsm(left ? "R" : "L", upper ? "L" : "U", trans, unit ? "U" : "N", &m, &n,
                  cpu_lapack_one(j->dtype), a, &order, x, &m, 1, 1, 1, 1);
}

// The matrix of |view| at |index| of the result's batch.
static const char *matrix_at(const job *j, const tn_view *view, int32_t core_dims, int64_t index) {
  int64_t elements = 1;
  for (int32_t d = view->rank - core_dims; d < view->rank; d++) elements *= view->sizes[d];
  return (const char *)view->data +
         cpu_batch_place(view, core_dims, j->result->sizes, j->batch_rank, index) * elements *
             j->size;
}

static char *copy_right_side(const job *j, int32_t core_dims, int64_t index) {
  char *x = (char *)j->result->data + index * j->n * j->k * j->size;
  memmove(x, matrix_at(j, j->b, core_dims, index), (size_t)(j->n * j->k * j->size));
  return x;
}

static int solve_triangular_one(const void *closure, int64_t index, char *work) {
  (void)work;
  const job *j = closure;
  char *x = copy_right_side(j, 2, index);
  solve_triangle(j, matrix_at(j, j->a, 2, index), x, j->left ? j->n : j->k, j->left ? j->k : j->n,
                 j->left, j->upper, false, j->unit);
  return 0;
}

// Sets b, k and the batch of a job that solves for |b| of |core_dims| dimensions; gives its count.
static int64_t add_right_side(job *j, const tn_view *b, int32_t core_dims) {
  j->b = b;
  j->batch_rank = j->result->rank - core_dims;
  int64_t elements = 1, count = 1;
  for (int32_t d = j->batch_rank; d < j->result->rank; d++) elements *= j->result->sizes[d];
  for (int32_t d = 0; d < j->batch_rank; d++) count *= j->result->sizes[d];
  j->k = j->n > 0 ? elements / j->n : 0;
  return count;
}

static tn_status run_solve_triangular(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_solve_triangular_attrs *attrs = args->attrs;
  job j = job_of(args, TN_ARG_linalg_solve_triangular_self);
  j.left = attrs->left;
  j.upper = attrs->upper;
  j.unit = attrs->unitriangular;
  const int64_t count = add_right_side(&j, &args->views[TN_ARG_linalg_solve_triangular_B], 2);
  if (j.result->numel == 0) return TN_OK;
  int32_t *info = scratch_info(ctx, count);
  if (info == NULL) return TN_OUT_OF_MEMORY;
  const cpu_matrix_batch batch = {count, j.n * j.n * j.k, 0, solve_triangular_one, &j,
                                  info,  is_small(&j)};
  return cpu_matrix_batch_run(ctx, &batch);
}

// ---- solutions from LU factors

static void swap_bytes(char *a, char *b, int64_t bytes) {
  char part[256];
  for (int64_t done = 0; done < bytes;) {
    const int64_t length =
        bytes - done < (int64_t)sizeof part ? bytes - done : (int64_t)sizeof part;
    memcpy(part, a + done, (size_t)length);
    memcpy(a + done, b + done, (size_t)length);
    memcpy(b + done, part, (size_t)length);
    done += length;
  }
}

// Applies the exchanges of |pivots| to the rows of x (or, |by_column|, to its columns), first to
// last or, |backwards|, last to first. A pivot outside of the matrix is left out: what is given to
// lu_solve need not come from lu_factor.
static void exchange(const job *j, char *x, const int32_t *pivots, bool by_column, bool backwards) {
  for (int64_t step = 0; step < j->n; step++) {
    const int64_t i = backwards ? j->n - 1 - step : step, other = (int64_t)pivots[i] - 1;
    if (other == i || other < 0 || other >= j->n) continue;
    if (!by_column) {
      swap_bytes(x + i * j->k * j->size, x + other * j->k * j->size, j->k * j->size);
      continue;
    }
    for (int64_t row = 0; row < j->k; row++) {
      char *start = x + row * j->n * j->size;
      swap_bytes(start + i * j->size, start + other * j->size, j->size);
    }
  }
}

// A = P L U. Left: X = U^-1 L^-1 P^T B, or with the adjoint P L^-H U^-H B. Right: X = B U^-1 L^-1
// P^T, or B P L^-H U^-H. P^T B exchanges rows first to last; P B last to first.
static int lu_solve_one(const void *closure, int64_t index, char *work) {
  (void)work;
  const job *j = closure;
  const char *lu = matrix_at(j, j->a, 2, index);
  const int32_t *pivots =
      j->given_pivots +
      cpu_batch_place(j->pivots_view, 1, j->result->sizes, j->batch_rank, index) * j->n;
  char *x = copy_right_side(j, 2, index);
  const int64_t rows = j->left ? j->n : j->k, cols = j->left ? j->k : j->n;
  const bool permute_first = j->left != j->adjoint;
  // Column exchanges from the right: X P applies them first to last, X P^T last to first.
  const bool backwards = j->left ? j->adjoint : !j->adjoint;
  const bool lower_first = permute_first;
  if (permute_first) exchange(j, x, pivots, !j->left, backwards);
  for (int pass = 0; pass < 2; pass++) {
    const bool upper = (pass == 0) != lower_first;
    solve_triangle(j, lu, x, rows, cols, j->left, upper, j->adjoint, !upper);
  }
  if (!permute_first) exchange(j, x, pivots, !j->left, backwards);
  return 0;
}

static tn_status run_lu_solve(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_lu_solve_attrs *attrs = args->attrs;
  job j = job_of(args, TN_ARG_linalg_lu_solve_LU);
  j.left = attrs->left;
  j.adjoint = attrs->adjoint;
  j.pivots_view = &args->views[TN_ARG_linalg_lu_solve_pivots];
  j.given_pivots = j.pivots_view->data;
  const int64_t count = add_right_side(&j, &args->views[TN_ARG_linalg_lu_solve_B], 2);
  if (j.result->numel == 0) return TN_OK;
  int32_t *info = scratch_info(ctx, count);
  if (info == NULL) return TN_OUT_OF_MEMORY;
  const cpu_matrix_batch batch = {count, 2 * j.n * j.n * j.k, 0, lu_solve_one, &j,
                                  info,  is_small(&j)};
  return cpu_matrix_batch_run(ctx, &batch);
}

// ---- solve: with the LU factors of A^T = P L U, as it lies

// Left: X^T P L U = B^T. Right: A^T X^T = B^T, so P L U X^T = B^T; what BLAS calls columns are our
// rows in both.
static int solve_one(const void *closure, int64_t index, char *work) {
  const job *j = closure;
  const int n = (int)j->n, m = (int)j->k;
  int *pivots = (int *)(void *)(work + cpu_lapack_align(j->n * j->n * j->size));
  const int32_t core_dims = j->result->rank - j->batch_rank;
  memcpy(work, matrix_at(j, j->a, 2, index), (size_t)(j->n * j->n * j->size));
  int info = 0;
  j->lapack->getrf(&n, &n, work, &n, pivots, &info);
  char *x = copy_right_side(j, core_dims, index);
  if (info != 0 || j->k == 0) return info;
  const void *one = cpu_lapack_one(j->dtype);
  if (j->left) {
    j->lapack->trsm("R", "U", "N", "N", &m, &n, one, work, &n, x, &m, 1, 1, 1, 1);
    j->lapack->trsm("R", "L", "N", "U", &m, &n, one, work, &n, x, &m, 1, 1, 1, 1);
    exchange(j, x, pivots, false, true);
  } else {
    exchange(j, x, pivots, true, false);
    j->lapack->trsm("L", "L", "N", "U", &n, &m, one, work, &n, x, &n, 1, 1, 1, 1);
    j->lapack->trsm("L", "U", "N", "N", &n, &m, one, work, &n, x, &n, 1, 1, 1, 1);
  }
  return 0;
}

// Whether |b| is a stack of vectors beside |a|, as infer decided.
static bool is_vectors(const tn_view *a, const tn_view *b) {
  if (b->rank == 1) return true;
  if (b->rank != a->rank - 1) return false;
  return memcmp(a->sizes, b->sizes, (size_t)b->rank * sizeof *b->sizes) == 0;
}

static tn_status solve(tn_kernel_ctx *ctx, const tn_args *args, int32_t a, bool left, int32_t *info,
                       bool check) {
  job j = job_of(args, a);
  const tn_view *b = &args->views[a + 1];
  j.left = left;
  // A right side of vectors has a result whose last size is n and whose batch is one longer.
  const bool vectors = is_vectors(j.a, b);
  const int64_t count = add_right_side(&j, b, vectors ? 1 : 2);
  if (info == NULL) info = scratch_info(ctx, count);
  if (info == NULL) return TN_OUT_OF_MEMORY;
  memset(info, 0, (size_t)count * sizeof *info);
  if (j.n == 0) return TN_OK;
  const int64_t work_bytes = cpu_lapack_align(j.n * j.n * j.size) + j.n * (int64_t)sizeof(int32_t);
  const cpu_matrix_batch batch = {
      count, j.n * j.n * (j.n + 2 * j.k + 8), work_bytes, solve_one, &j, info, is_small(&j)};
  const tn_status status = cpu_matrix_batch_run(ctx, &batch);
  if (status != TN_OK || !check) return status;
  return cpu_linalg_report(ctx, info, count, j.batch_rank > 0, singular);
}

static tn_status run_solve_ex(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_solve_ex_attrs *attrs = args->attrs;
  return solve(ctx, args, TN_ARG_linalg_solve_ex_A, attrs->left,
               args->views[TN_ARG_linalg_solve_ex_info].data, attrs->check_errors);
}

static tn_status run_solve(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_solve_attrs *attrs = args->attrs;
  return solve(ctx, args, TN_ARG_linalg_solve_A, attrs->left, NULL, true);
}

// ---- the inverse

static int invert_one(const void *closure, int64_t index, char *work) {
  const job *j = closure;
  const int n = (int)j->n;
  char *to = cpu_matrix_at(j->result_matrices, index);
  int *pivots = (int *)(void *)work;
  void *rest = work + cpu_lapack_align(j->n * (int64_t)sizeof(int));
  memmove(to, cpu_matrix_at(j->a_matrices, index), (size_t)j->a_matrices.bytes);
  int info = 0;
  j->lapack->getrf(&n, &n, to, &n, pivots, &info);
  if (info == 0) j->lapack->getri(&n, to, &n, pivots, rest, &j->work_size, &info);
  return info;
}

static tn_status invert(tn_kernel_ctx *ctx, const tn_args *args, int32_t a, int32_t *info,
                        bool check) {
  job j = job_of(args, a);
  j.result_matrices = cpu_matrices_of(j.result);
  const int64_t count = j.a_matrices.count;
  if (info == NULL) info = scratch_info(ctx, count);
  if (info == NULL) return TN_OUT_OF_MEMORY;
  memset(info, 0, (size_t)count * sizeof *info);
  if (j.n == 0) return TN_OK;
  tn_complex128 answer = {0, 0};
  const int n = (int)j.n, query = -1;
  int status_of_query = 0;
  j.lapack->getri(&n, &answer, &n, &query, &answer, &query, &status_of_query);
  const int64_t work_size = cpu_lapack_work_size(j.dtype, &answer);
  if (work_size < 0) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "matrices too large for LAPACK");
  }
  j.work_size = (int)work_size;
  const int64_t work_bytes = cpu_lapack_align(j.n * (int64_t)sizeof(int)) + work_size * j.size;
  const cpu_matrix_batch batch = {
      count, 2 * j.n * j.n * (j.n + 8), work_bytes, invert_one, &j, info, is_small(&j)};
  const tn_status status = cpu_matrix_batch_run(ctx, &batch);
  if (status != TN_OK || !check) return status;
  return cpu_linalg_report(ctx, info, count, j.a->rank > 2, singular);
}

static tn_status run_inv_ex(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_linalg_inv_ex_attrs *attrs = args->attrs;
  return invert(ctx, args, TN_ARG_linalg_inv_ex_A, args->views[TN_ARG_linalg_inv_ex_info].data,
                attrs->check_errors);
}

static tn_status run_inv(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return invert(ctx, args, TN_ARG_linalg_inv_A, NULL, true);
}

// ---- rows

// Every matrix is computed on one thread, so the bits do not depend on how many there are.
#define ROW(name, declines, function, size)                                            \
  {                                                                                    \
    .op = name, .dtypes = CPU_LAPACK_DTYPES, .rank = TN_RANK_VENDOR,                   \
    .layout = TN_LAYOUT_CONTIGUOUS, .flags = TN_ROW_DETERMINISTIC, .attrs_size = size, \
    .supports = declines, .run = function                                              \
  }

const tn_kernel_row cpu_linalg_factor_rows[] = {
    ROW("linalg_cholesky_ex", cpu_lapack_declines, run_cholesky_ex,
        sizeof(tn_linalg_cholesky_ex_attrs)),
    ROW("linalg_cholesky", cpu_lapack_declines, run_cholesky, sizeof(tn_linalg_cholesky_attrs)),
    ROW("linalg_lu_factor_ex", lu_factor_declines, run_lu_factor_ex,
        sizeof(tn_linalg_lu_factor_ex_attrs)),
    ROW("linalg_lu_solve", cpu_lapack_declines, run_lu_solve, sizeof(tn_linalg_lu_solve_attrs)),
    ROW("linalg_solve_triangular", cpu_lapack_declines, run_solve_triangular,
        sizeof(tn_linalg_solve_triangular_attrs)),
    ROW("linalg_solve_ex", cpu_lapack_declines, run_solve_ex, sizeof(tn_linalg_solve_ex_attrs)),
    ROW("linalg_solve", cpu_lapack_declines, run_solve, sizeof(tn_linalg_solve_attrs)),
    ROW("linalg_inv_ex", cpu_lapack_declines, run_inv_ex, sizeof(tn_linalg_inv_ex_attrs)),
    ROW("linalg_inv", cpu_lapack_declines, run_inv, 0),
};
const uint64_t cpu_linalg_factor_row_count =
    sizeof cpu_linalg_factor_rows / sizeof cpu_linalg_factor_rows[0];
