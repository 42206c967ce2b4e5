// SPDX-License-Identifier: Apache-2.0
//
// linalg_solve: LU factors, solutions, inverses and determinants. Two operators need kernels,
// lu_factor_ex and lu_solve; the others are written with them, and a backend may bring its own.

#include <inttypes.h>
#include <tenon/ops.h>

#include "linalg.h"
#include "tensor_impl.h"

// ---- LU factors

static tn_status lu_factor_infer(tn_infer *infer) {
  TN_TRY(tn__expect_matrices(infer, 0, "A"));
  const tn_tensor *a = infer->inputs[0];
  const int64_t rows = a->sizes[a->rank - 2], cols = a->sizes[a->rank - 1];
  tn__result_like(&infer->results[0], a);
  infer->results[1].dtype = TN_I32;
  infer->results[2].dtype = TN_I32;
  TN_TRY(tn__result_batched(infer, 1, TN_SHAPE(rows < cols ? rows : cols)));
  return tn__result_batched(infer, 2, TN_SHAPE_SCALAR);
}

/// The LU factors of matrices by partial pivoting, A = P L U. A: [*, m, n], float32, float64 or
/// complex. Returns LU, of A's shape: U in the upper triangle, L below it, its diagonal of ones not
/// stored; pivots, int32 [*, min(m, n)]: row i was exchanged with row pivots[i] (counted from 1);
/// info, int32 [*]: 0, or the first i (from 1) for which U[i, i] is 0. gradient: none.
/// errors: INVALID_ARGUMENT for a rank below 2; INVALID_DTYPE; UNIMPLEMENTED without pivot;
/// NO_SOLUTION under check_errors where an info is not 0. source: LAPACK `getrf`; ATen
/// `linalg_lu_factor_ex`.
// clang-format off
const tn_op_def tn_op_linalg_lu_factor_ex = {
    .schema = "linalg_lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False) -> (Tensor LU, Tensor pivots, Tensor info)",
    // clang-format on
    .dtypes = TN__DTYPES_LINALG,
    .infer = lu_factor_infer,
};

static tn_status lu_solve_infer(tn_infer *infer) {
  const tn_linalg_lu_solve_attrs *attrs = infer->attrs;
  const tn_tensor *lu = infer->inputs[0], *pivots = infer->inputs[1], *b = infer->inputs[2];
  TN_TRY(tn__expect_square(infer, 0, "LU"));
  TN_TRY(tn__expect_matrices(infer, 2, "B"));
  if (tn_tensor_dtype(pivots) != TN_I32) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, "pivots", "expected int32, not %s",
                        tn_dtype_name(tn_tensor_dtype(pivots)));
  }
  const int64_t n = lu->sizes[lu->rank - 1], met = b->sizes[b->rank - (attrs->left ? 2 : 1)];
  bool same = pivots->rank == lu->rank - 1;
  for (int32_t d = 0; same && d < pivots->rank; d++) same = pivots->sizes[d] == lu->sizes[d];
  if (!same) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "pivots",
                        "expected LU's shape without the last dimension");
  }
  if (n != met) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "B",
                        "expected %" PRId64 " %s, as LU has, not %" PRId64, n,
                        attrs->left ? "rows" : "columns", met);
  }
  int64_t sizes[TN_MAX_DIMS];
  int32_t rank;
  TN_TRY(tn__broadcast_batches(infer->call, "B", lu, 2, b, 2, sizes, &rank));
  sizes[rank] = b->sizes[b->rank - 2];
  sizes[rank + 1] = b->sizes[b->rank - 1];
  return tn__result_shape(infer, 0, tn_ints_of(sizes, rank + 2));
}

static tn_status lu_solve_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_linalg_lu_solve_attrs *attrs = tn_vjp_attrs(vjp);
  if (tn_vjp_needs(vjp, 0)) {
    return tn_error_set(TN_UNIMPLEMENTED,
                        "linalg_lu_solve has no gradient for LU; use linalg_solve");
  }
  grad_in[2] = tn_linalg_lu_solve(tn_vjp_input(vjp, 0), tn_vjp_input(vjp, 1), grad_out[0],
                                  .left = tn__choice(attrs->left), .adjoint = !attrs->adjoint);
  return tn__status_of(grad_in[2]);
}

/// X with A X = B (X A = B unless left), or with A^H for A under adjoint, where A = P L U as
/// linalg_lu_factor_ex gives it. LU: [*, n, n]; pivots: int32 [*, n]; B: [*, n, k], or [*, k, n]
/// unless left; batches broadcast. Returns B's shape with the broadcast batch. gradient: for B.
/// errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE. source: LAPACK `getrs`; ATen
/// `linalg_lu_solve`.
// clang-format off
const tn_op_def tn_op_linalg_lu_solve = {
    .schema = "linalg_lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, bool adjoint=False) -> Tensor",
    // clang-format on
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .exempt = 1u << 1,
    .dtypes = TN__DTYPES_LINALG,
    .infer = lu_solve_infer,
    .saves = {0, 0, TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 3,
    .vjp = lu_solve_vjp,
};

// ---- solve

// Whether |b| is a stack of vectors: one, or shaped like |a| without the last dimension.
static bool is_vectors(const tn_tensor *a, const tn_tensor *b) {
  if (b->rank == 1) return true;
  if (b->rank != a->rank - 1) return false;
  for (int32_t d = 0; d < b->rank; d++) {
    if (a->sizes[d] != b->sizes[d]) return false;
  }
  return true;
}

static tn_status solve_shape(tn_infer *infer, bool left) {
  const tn_tensor *a = infer->inputs[0], *b = infer->inputs[1];
  TN_TRY(tn__expect_square(infer, 0, "A"));
  TN_TRY(tn__expect_rank(infer, 1, "B", 1, TN_MAX_DIMS));
  const bool vectors = is_vectors(a, b);
  if (vectors && !left) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "B",
                        "a vector stands on the right of A X = B alone; unsqueeze it");
  }
  const int32_t core = vectors ? 1 : 2;
  const int64_t n = a->sizes[a->rank - 1], met = b->sizes[b->rank - (left ? core : 1)];
  if (n != met) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "B",
                        "expected %" PRId64 " %s, as A has, not %" PRId64, n,
                        vectors ? "elements"
                        : left  ? "rows"
                                : "columns",
                        met);
  }
  int64_t sizes[TN_MAX_DIMS];
  int32_t rank;
  TN_TRY(tn__broadcast_batches(infer->call, "B", a, 2, b, core, sizes, &rank));
  if (rank + core > TN_MAX_DIMS) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "B", "too many dimensions");
  }
  const int32_t batch = rank;
  for (int32_t d = b->rank - core; d < b->rank; d++) sizes[rank++] = b->sizes[d];
  TN_TRY(tn__result_shape(infer, 0, tn_ints_of(sizes, rank)));
  if (infer->result_count == 1) return TN_OK;
  infer->results[1].dtype = TN_I32;
  return tn__result_shape(infer, 1, tn_ints_of(sizes, batch));
}

static tn_status solve_ex_infer(tn_infer *infer) {
  return solve_shape(infer, ((const tn_linalg_solve_ex_attrs *)infer->attrs)->left);
}

static tn_status solve_infer(tn_infer *infer) {
  return solve_shape(infer, ((const tn_linalg_solve_attrs *)infer->attrs)->left);
}

// gB = A^-H gX, gA = -gB X^H; from the right gB = gX A^-H, gA = -X^H gB.
static tn_status solve_backward(tn_vjp *vjp, tn_tensor *grad, bool left, tn_tensor **grad_in) {
  if (!tn__is_given(grad)) return TN_OK;
  tn_tensor *a = tn_vjp_input(vjp, 0), *x = tn_vjp_output(vjp, 0);
  const bool vectors = grad->rank < a->rank;  // never so for matrices
  if (vectors) {
    grad = tn_unsqueeze(grad, -1);
    x = tn_unsqueeze(x, -1);
  }
  tn_tensor *solved = tn_linalg_solve(tn__adjoint(a), grad, .left = tn__choice(left));
  TN_TRY(tn__status_of(solved));
  if (tn_vjp_needs(vjp, 0)) {
    tn_tensor *adjoint = tn__adjoint(x);
    grad_in[0] = tn_neg(left ? tn_matmul(solved, adjoint) : tn_matmul(adjoint, solved));
    TN_TRY(tn__status_of(grad_in[0]));
  }
  grad_in[1] = vectors ? tn_squeeze_dim(solved, -1) : solved;
  return tn__status_of(grad_in[1]);
}

static tn_status solve_ex_compose(tn_compose *compose) {
  const tn_linalg_solve_ex_attrs *attrs = compose->attrs;
  tn_tensor *a = compose->inputs[0], *b = compose->inputs[1], *pivots, *info;
  TN_TRY(tn__expect_matrix(compose->call, a, "A", true));
  const bool vectors = is_vectors(a, b);
  tn_tensor *lu = tn_linalg_lu_factor_ex(a, &pivots, &info, .check_errors = attrs->check_errors);
  TN_TRY(tn__status_of(lu));
  tn_tensor *x = tn_linalg_lu_solve(lu, pivots, vectors ? tn_unsqueeze(b, -1) : b,
                                    .left = tn__choice(attrs->left));
  compose->results[0] = vectors ? tn_squeeze_dim(x, -1) : x;
  compose->results[1] = info;
  return tn__status_of(compose->results[0]);
}

static tn_status solve_ex_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_linalg_solve_ex_attrs *attrs = tn_vjp_attrs(vjp);
  return solve_backward(vjp, grad_out[0], attrs->left, grad_in);
}

/// As linalg_solve, and info, int32 [*]: 0 where there is a solution, else the first pivot (from 1)
/// that is zero; the result there has no meaning.
/// errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE; NO_SOLUTION under check_errors where an info
/// is not 0. source: ATen `linalg_solve_ex`.
// clang-format off
const tn_op_def tn_op_linalg_solve_ex = {
    .schema = "linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor info)",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_LINALG,
    .infer = solve_ex_infer,
    .compose = solve_ex_compose,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0), TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 2,
    .vjp = solve_ex_vjp,
};

static tn_status solve_compose(tn_compose *compose) {
  const tn_linalg_solve_attrs *attrs = compose->attrs;
  compose->results[0] = tn_linalg_solve_ex(compose->inputs[0], compose->inputs[1], NULL,
                                           .left = tn__choice(attrs->left), .check_errors = true);
  return tn__status_of(compose->results[0]);
}

static tn_status solve_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_linalg_solve_attrs *attrs = tn_vjp_attrs(vjp);
  return solve_backward(vjp, grad_out[0], attrs->left, grad_in);
}

/// X with A X = B, or X A = B unless left. A: [*, n, n]; B: [*, n, k] ([*, k, n] unless left) with
/// batches that broadcast, or vectors: [n], or A's shape without the last dimension. One dtype of
/// float32, float64, complex. Returns B's shape with the broadcast batch. gradient: A^-H g for B,
/// -(A^-H g) X^H for A. errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE; NO_SOLUTION for a
/// singular A, naming it. source: LAPACK `gesv`; ATen `linalg_solve`.
const tn_op_def tn_op_linalg_solve = {
    .schema = "linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor",
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_LINALG,
    .infer = solve_infer,
    .compose = solve_compose,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0), TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 2,
    .vjp = solve_vjp,
};

// ---- the inverse

static tn_status inv_infer(tn_infer *infer) {
  TN_TRY(tn__expect_square(infer, 0, "A"));
  tn__result_like(&infer->results[0], infer->inputs[0]);
  if (infer->result_count == 1) return TN_OK;
  infer->results[1].dtype = TN_I32;
  return tn__result_batched(infer, 1, TN_SHAPE_SCALAR);
}

static tn_tensor *identity_beside(const tn_tensor *matrices) {
  return tn_eye(matrices->sizes[matrices->rank - 1], .dtype = tn_tensor_dtype(matrices),
                .device = tn_tensor_device(matrices));
}

static tn_status inv_ex_compose(tn_compose *compose) {
  const tn_linalg_inv_ex_attrs *attrs = compose->attrs;
  tn_tensor *a = compose->inputs[0], *pivots, *info;
  TN_TRY(tn__expect_matrix(compose->call, a, "A", true));
  tn_tensor *lu = tn_linalg_lu_factor_ex(a, &pivots, &info, .check_errors = attrs->check_errors);
  TN_TRY(tn__status_of(lu));
  compose->results[0] = tn_linalg_lu_solve(lu, pivots, identity_beside(a));
  compose->results[1] = info;
  return tn__status_of(compose->results[0]);
}

static tn_status inv_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  if (!tn__is_given(grad_out[0])) return TN_OK;
  tn_tensor *adjoint = tn__adjoint(tn_vjp_output(vjp, 0));
  grad_in[0] = tn_neg(tn_matmul(adjoint, tn_matmul(grad_out[0], adjoint)));
  return tn__status_of(grad_in[0]);
}

/// As linalg_inv, and info, int32 [*]: 0 where there is an inverse, else the first pivot (from 1)
/// that is zero; the inverse there has no meaning. errors: INVALID_ARGUMENT unless square;
/// INVALID_DTYPE; NO_SOLUTION under check_errors where an info is not 0.
/// source: ATen `linalg_inv_ex`.
// clang-format off
const tn_op_def tn_op_linalg_inv_ex = {
    .schema = "linalg_inv_ex(Tensor A, *, bool check_errors=False) -> (Tensor inverse, Tensor info)",
    // clang-format on
    .dtypes = TN__DTYPES_LINALG,
    .infer = inv_infer,
    .compose = inv_ex_compose,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = inv_vjp,
};

static tn_status inv_compose(tn_compose *compose) {
  compose->results[0] = tn_linalg_inv_ex(compose->inputs[0], NULL, .check_errors = true);
  return tn__status_of(compose->results[0]);
}

/// The inverses of square matrices. A: [*, n, n], float32, float64 or complex. gradient: -X^H g X^H
/// for the inverse X. errors: INVALID_ARGUMENT unless square; INVALID_DTYPE; NO_SOLUTION for a
/// singular matrix, naming it. source: LAPACK `getri`; ATen `linalg_inv`.
const tn_op_def tn_op_linalg_inv = {
    .schema = "linalg_inv(Tensor A) -> Tensor",
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_LINALG,
    .infer = inv_infer,
    .compose = inv_compose,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = inv_vjp,
};
