// SPDX-License-Identifier: Apache-2.0
//
// lapack: the routines of LAPACK that OpenBLAS brings along, and the loop that spreads a batch of
// matrices over the process's threads. Every routine works on one matrix, on one thread.
//
// LAPACK's matrices go down their columns and ours along their rows, so a contiguous matrix A of
// ours is A^T to LAPACK. Kernels use that instead of copying: a lower triangle is an upper one, the
// QR factors of A are the LQ factors of A^T, and its singular vectors change places. All four
// dtypes of a routine have one signature here: sizes and matrices are passed by address anyway.

#ifndef TENON_CPU_LAPACK_H_
#define TENON_CPU_LAPACK_H_

#include "cpu.h"

// X(field, name for real dtypes, name for complex ones, parameters). The size_t at the end are the
// lengths of the texts, which Fortran passes out of sight.
#define CPU_LAPACK_TABLE(X)                                                                        \
  X(potrf, "potrf", "potrf",                                                                       \
    (const char *uplo, const int *n, void *a, const int *lead, int *info, size_t))                 \
  X(getrf, "getrf", "getrf",                                                                       \
    (const int *m, const int *n, void *a, const int *lead, int *pivots, int *info))                \
  X(getri, "getri", "getri",                                                                       \
    (const int *n, void *a, const int *lead, const int *pivots, void *work, const int *work_size,  \
     int *info))                                                                                   \
  X(trsm, "trsm", "trsm",                                                                          \
    (const char *side, const char *uplo, const char *trans, const char *diag, const int *m,        \
     const int *n, const void *alpha, const void *a, const int *lead_a, void *b,                   \
     const int *lead_b, size_t, size_t, size_t, size_t))                                           \
  X(gelqf, "gelqf", "gelqf",                                                                       \
    (const int *m, const int *n, void *a, const int *lead, void *tau, void *work,                  \
     const int *work_size, int *info))                                                             \
  X(orglq, "orglq", "unglq",                                                                       \
    (const int *m, const int *n, const int *k, void *a, const int *lead, const void *tau,          \
     void *work, const int *work_size, int *info))                                                 \
  X(gesdd_real, "gesdd", NULL,                                                                     \
    (const char *job, const int *m, const int *n, void *a, const int *lead, void *s, void *u,      \
     const int *lead_u, void *vt, const int *lead_vt, void *work, const int *work_size,            \
     int *integers, int *info, size_t))                                                            \
  X(gesdd_complex, NULL, "gesdd",                                                                  \
    (const char *job, const int *m, const int *n, void *a, const int *lead, void *s, void *u,      \
     const int *lead_u, void *vt, const int *lead_vt, void *work, const int *work_size,            \
     void *reals, int *integers, int *info, size_t))                                               \
  X(syevd, "syevd", NULL,                                                                          \
    (const char *job, const char *uplo, const int *n, void *a, const int *lead, void *values,      \
     void *work, const int *work_size, int *integers, const int *integers_size, int *info, size_t, \
     size_t))                                                                                      \
  X(heevd, NULL, "heevd",                                                                          \
    (const char *job, const char *uplo, const int *n, void *a, const int *lead, void *values,      \
     void *work, const int *work_size, void *reals, const int *reals_size, int *integers,          \
     const int *integers_size, int *info, size_t, size_t))                                         \
  X(geev_real, "geev", NULL,                                                                       \
    (const char *left, const char *right, const int *n, void *a, const int *lead, void *real,      \
     void *imag, void *vl, const int *lead_vl, void *vr, const int *lead_vr, void *work,           \
     const int *work_size, int *info, size_t, size_t))                                             \
  X(geev_complex, NULL, "geev",                                                                    \
    (const char *left, const char *right, const int *n, void *a, const int *lead, void *values,    \
     void *vl, const int *lead_vl, void *vr, const int *lead_vr, void *work, const int *work_size, \
     void *reals, int *info, size_t, size_t))

// The routines for one dtype; NULL where the signature is of the other kind of dtype.
typedef struct cpu_lapack {
#define X(field, real_name, complex_name, parameters) void(*field) parameters;
  CPU_LAPACK_TABLE(X)
#undef X
} cpu_lapack;

#define CPU_LAPACK_DTYPES \
  (TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64) | TN_DTYPE_BIT(TN_C64) | TN_DTYPE_BIT(TN_C128))

// The routines for |dtype|, of CPU_LAPACK_DTYPES, or NULL where OpenBLAS or its LAPACK is missing.
// threads: any
const cpu_lapack *cpu_lapack_for(tn_dtype dtype);

// For `supports`: why matrices like those of |args|' operands cannot go to LAPACK; NULL where they
// can.
const char *cpu_lapack_declines(void *self, const tn_args *args);

// 1 in |dtype|, for the factors that BLAS takes by address.
const void *cpu_lapack_one(tn_dtype dtype);

// The workspace that a query answered with: the first element of |answer|, in |dtype|. -1 where it
// is more than LAPACK's integers hold.
int64_t cpu_lapack_work_size(tn_dtype dtype, const void *answer);

// ---- matrices and batches

// The last two dimensions of a contiguous view, and what is before them.
typedef struct cpu_matrices {
  char *data;
  int64_t count, rows, cols;
  int64_t bytes;  // of one matrix
} cpu_matrices;

cpu_matrices cpu_matrices_of(const tn_view *view);
static inline char *cpu_matrix_at(cpu_matrices matrices, int64_t index) {
  return matrices.data + index * matrices.bytes;
}

// Where the matrix (or, for |core_dims| of 1, vector) that stands at |index| of the batch lies in
// |view|, whose dimensions before the last |core_dims| broadcast to the batch: its place in memory
// order.
int64_t cpu_batch_place(const tn_view *view, int32_t core_dims, const int64_t *batch_sizes,
                        int32_t batch_rank, int64_t index);

// Computes matrix |index| with |work_bytes| of memory of its own. Gives LAPACK's info: 0 where it
// went well.
typedef int (*cpu_matrix_body)(const void *job, int64_t index, char *work);

typedef struct cpu_matrix_batch {
  int64_t count;
  int64_t operations;  // element operations for one matrix
  int64_t work_bytes;
  cpu_matrix_body body;
  const void *job;
  int32_t *info;  // [count]
  bool one_thread;
} cpu_matrix_batch;

// Below this order the routines that are OpenBLAS's own, in C (getrf, potrf, trsm), are called from
// one thread: each call takes a lock, for which two threads then mostly wait (at 4 x 4 they take
// three times as long as one; at 8 x 8 as long; at 16 x 16 half as long).
enum { CPU_LAPACK_THREADED_ORDER = 12 };

// Runs the body for each matrix. errors: OUT_OF_MEMORY
tn_status cpu_matrix_batch_run(tn_kernel_ctx *ctx, const cpu_matrix_batch *batch);

// What a positive info says: |before|, the number, |after|.
typedef struct cpu_linalg_failure {
  const char *before, *after;
} cpu_linalg_failure;

enum { CPU_LINALG_NOT_FINITE = -1000 };  // an info of our own: a matrix with NaN or an infinity

// The error that |info| [count] calls for, if any, naming the first such matrix where the operands
// are |batched|. errors: NO_SOLUTION
tn_status cpu_linalg_report(tn_kernel_ctx *ctx, const int32_t *info, int64_t count, bool batched,
                            cpu_linalg_failure failure);

// Whether none of |count| elements is NaN or infinite.
bool cpu_all_finite(const void *data, int64_t count, tn_dtype dtype);

// to (columns x rows) = the transpose of from (rows x columns), both contiguous, apart.
void cpu_transpose_matrix(char *to, const char *from, int64_t rows, int64_t cols, int64_t size);

// |count| complex numbers, conjugated in place; nothing for a real |dtype|.
void cpu_conjugate(void *data, int64_t count, tn_dtype dtype);

// |bytes| up to a multiple of 64, for parts of one workspace.
static inline int64_t cpu_lapack_align(int64_t bytes) { return (bytes + 63) / 64 * 64; }

#endif  // TENON_CPU_LAPACK_H_
