// SPDX-License-Identifier: Apache-2.0
//
// rows_linear: linear algebra and transforms, where a library does the work on each side.

#include "ops.h"

static void make_square(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(512, 512), TN_F32);
  x[1] = normal(TN_SHAPE(512, 512), TN_F32);
}

static void make_system(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(256, 256), TN_F32);
  x[1] = normal(TN_SHAPE(256, 16), TN_F32);
}

static void make_systems(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(512, 8, 8), TN_F32);
  x[1] = normal(TN_SHAPE(512, 8, 4), TN_F32);
}

// a a^T + n I
static tn_tensor *definite(int64_t n) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = normal(TN_SHAPE(n, n), TN_F32);
  tn_tensor *square = tn_matmul(a, tn_transpose(a, 0, 1));
  tn_tensor *sum = tn_add(square, tn_mul_scalar(tn_eye(n, .dtype = TN_F32), n));
  sum = tn_escape(sum);
  tn_scope_close(scope);
  return sum;
}

static void make_definite(tn_tensor **x) { x[0] = definite(256); }
static void make_small_definite(tn_tensor **x) { x[0] = definite(128); }
static void make_small(tn_tensor **x) { x[0] = normal(TN_SHAPE(128, 128), TN_F32); }

static tn_tensor *call_cholesky(tn_tensor *const *x) { return tn_linalg_cholesky(x[0]); }
static tn_tensor *call_solve(tn_tensor *const *x) { return tn_linalg_solve(x[0], x[1]); }
static tn_tensor *call_inv(tn_tensor *const *x) { return tn_linalg_inv(x[0]); }
static tn_tensor *call_qr(tn_tensor *const *x) { return tn_linalg_qr(x[0], NULL); }
static tn_tensor *call_svd(tn_tensor *const *x) { return tn_linalg_svd(x[0], NULL, NULL); }
static tn_tensor *call_eigh(tn_tensor *const *x) { return tn_linalg_eigh(x[0], NULL); }

static tn_tensor *call_matmul(tn_tensor *const *x) { return tn_matmul(x[0], x[1]); }

#define LINEAR "linear algebra"

static const op_row rows[] = {
    {"matmul.512", LINEAR, "float32 [512, 512] by [512, 512]", make_square, call_matmul, NULL},
    {"cholesky", LINEAR, "linalg_cholesky of [256, 256]", make_definite, call_cholesky, NULL},
    {"solve", LINEAR, "linalg_solve of [256, 256] and [256, 16]", make_system, call_solve, NULL},
    {"solve.batch", LINEAR, "linalg_solve of 512 times [8, 8] and [8, 4]", make_systems, call_solve,
     NULL},
    {"inv", LINEAR, "linalg_inv of [256, 256]", make_system, call_inv, NULL},
    {"qr", LINEAR, "linalg_qr of [256, 256]", make_system, call_qr, NULL},
    {"svd", LINEAR, "linalg_svd of [128, 128]", make_small, call_svd, NULL},
    {"eigh", LINEAR, "linalg_eigh of [128, 128]", make_small_definite, call_eigh, NULL},
};

const op_table linear_table = OP_TABLE(rows);
