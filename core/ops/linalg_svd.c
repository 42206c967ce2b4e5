// SPDX-License-Identifier: Apache-2.0
//
// linalg_svd: QR factors and singular values. Gradients: Roberts & Roberts 2020 for QR; for
// A = U S V^H, with dL = Re tr(gU^H dU) + ... and W = 1 / (s_j^2 - s_i^2) off the diagonal,
//   gA = U ((skew(U^H gU) o W) S + S (skew(V^H gV) o W) + diag(gS)) V^H,  skew(X) = X - X^H,
// and what U and V of less than full width leave out (Townsend 2016; Seeger et al. 2017). Singular
// vectors are known up to a factor of length 1 (and where values coincide, a rotation), so a loss
// must not depend on it; that of equal values has no gradient.

#include <tenon/ops.h>

#include <string.h>

#include "linalg.h"
#include "tensor_impl.h"

// ---- QR

static tn_status qr_infer(tn_infer *infer) {
  const tn_linalg_qr_attrs *attrs = infer->attrs;
  TN_TRY(tn__expect_matrices(infer, 0, "A"));
  const bool complete = strcmp(attrs->mode, "complete") == 0, r = strcmp(attrs->mode, "r") == 0;
  if (!complete && !r && strcmp(attrs->mode, "reduced") != 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "mode",
                        "'%s' is none of reduced, complete and r", attrs->mode);
  }
  const tn_tensor *a = infer->inputs[0];
  const int64_t m = a->sizes[a->rank - 2], n = a->sizes[a->rank - 1];
  const int64_t width = complete ? m : m < n ? m : n;
  TN_TRY(tn__result_batched(infer, 1, TN_SHAPE(width, n)));
  return r ? tn__result_shape(infer, 0, TN_SHAPE(0))
           : tn__result_batched(infer, 0, TN_SHAPE(m, width));
}

// With M = R gR^H - gQ^H Q: gA = (gQ + Q copyltu(M)) R^-H, where copyltu mirrors the lower triangle
// up, conjugated, for square R; a wide A = Q [R1 R2] is reduced to its first columns.
static tn_tensor *tall_qr_gradient(tn_tensor *q, tn_tensor *r, tn_tensor *grad_q,
                                   tn_tensor *grad_r) {
  tn_tensor *inner =
      tn__sum_of(tn__is_given(grad_r) ? tn_matmul(r, tn__adjoint(grad_r)) : TN_NONE,
                 tn__is_given(grad_q) ? tn_neg(tn_matmul(tn__adjoint(grad_q), q)) : TN_NONE);
  tn_tensor *low = tn_tril(inner, .diagonal = -1), *diagonal = tn_sub(tn_tril(inner), low);
  // R's diagonal is real, so of the middle's the real part alone counts.
  tn_tensor *mirrored = tn_add(tn_add(low, tn__adjoint(low)), tn__hermitian_part(diagonal));
  tn_tensor *right = tn__sum_of(tn_matmul(q, mirrored), grad_q);
  return tn_linalg_solve_triangular(tn__adjoint(r), right, false, .left = TN_NO);
}

static tn_status qr_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_linalg_qr_attrs *attrs = tn_vjp_attrs(vjp);
  if (!tn__is_given(grad_out[0]) && !tn__is_given(grad_out[1])) return TN_OK;
  tn_tensor *q = tn_vjp_output(vjp, 0), *r = tn_vjp_output(vjp, 1);
  const tn_ints sizes = tn_vjp_input_sizes(vjp, 0);
  const int64_t m = sizes.data[sizes.count - 2], n = sizes.data[sizes.count - 1];
  if (strcmp(attrs->mode, "r") == 0 || (strcmp(attrs->mode, "complete") == 0 && m > n)) {
    return tn_error_set(TN_UNIMPLEMENTED,
                        "linalg_qr: the factors of mode '%s' do not determine a gradient here; use "
                        "mode 'reduced'",
                        attrs->mode);
  }
  if (m >= n) {
    grad_in[0] = tall_qr_gradient(q, r, grad_out[0], grad_out[1]);
    return tn__status_of(grad_in[0]);
  }
  // A = [A1 A2], R = [R1 R2]: A2 = Q R2, so R2's gradient reaches Q through A2.
  tn_tensor *a = tn_vjp_input(vjp, 0), *r1 = tn_narrow(r, -1, 0, m);
  tn_tensor *grad_q = grad_out[0], *grad_r1 = TN_NONE, *grad_a2 = TN_NONE;
  if (tn__is_given(grad_out[1])) {
    grad_r1 = tn_narrow(grad_out[1], -1, 0, m);
    tn_tensor *grad_r2 = tn_narrow(grad_out[1], -1, m, n - m);
    grad_a2 = tn_matmul(q, grad_r2);
    grad_q = tn__sum_of(grad_q, tn_matmul(tn_narrow(a, -1, m, n - m), tn__adjoint(grad_r2)));
  }
  tn_tensor *first = tall_qr_gradient(q, r1, grad_q, grad_r1);
  if (!tn__is_given(grad_a2)) grad_a2 = tn_zeros_like(tn_narrow(a, -1, m, n - m));
  TN_TRY(tn__status_of(first));
  TN_TRY(tn__status_of(grad_a2));
  grad_in[0] = tn_cat(TN_TENSORS(first, grad_a2), .dim = -1);
  return tn__status_of(grad_in[0]);
}

/// A = Q R with orthonormal columns in Q and an upper triangular R. A: [*, m, n], float32, float64
/// or complex. mode: reduced, Q [*, m, k] and R [*, k, n] with k = min(m, n); complete, Q [*, m, m]
/// and R [*, m, n]; r, R as in reduced and an empty Q. R's diagonal is real, of either sign.
/// gradient: where the first k columns of A are independent; not of mode r, nor of complete for m >
/// n. errors: INVALID_ARGUMENT for a rank below 2 or another mode; INVALID_DTYPE.
/// source: Householder 1958; LAPACK `geqrf`; ATen `linalg_qr`.
const tn_op_def tn_op_linalg_qr = {
    .schema = "linalg_qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)",
    .dtypes = TN__DTYPES_LINALG,
    .infer = qr_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0) | TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = qr_vjp,
};

// ---- singular values

static tn_status svd_shapes(tn_infer *infer, bool full, bool vectors, const char *driver) {
  TN_TRY(tn__expect_matrices(infer, 0, "A"));
  if (driver != NULL) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "driver",
                        "'%s': no algorithm can be chosen by name; leave it out", driver);
  }
  const tn_tensor *a = infer->inputs[0];
  const int64_t m = a->sizes[a->rank - 2], n = a->sizes[a->rank - 1], k = m < n ? m : n;
  const int32_t values = infer->result_count == 1 ? 0 : 1;
  infer->results[values].dtype = tn__real_dtype(infer->key);
  TN_TRY(tn__result_batched(infer, values, TN_SHAPE(k)));
  if (infer->result_count == 1) return TN_OK;
  if (!vectors) {
    TN_TRY(tn__result_shape(infer, 0, TN_SHAPE(0)));
    return tn__result_shape(infer, 2, TN_SHAPE(0));
  }
  TN_TRY(tn__result_batched(infer, 0, TN_SHAPE(m, full ? m : k)));
  return tn__result_batched(infer, 2, TN_SHAPE(full ? n : k, n));
}

static tn_status internal_svd_infer(tn_infer *infer) {
  const tn__linalg_svd_attrs *attrs = infer->attrs;
  return svd_shapes(infer, attrs->full_matrices, attrs->compute_uv, attrs->driver);
}

static tn_tensor *minus_adjoint(tn_tensor *matrices) {
  return tn_sub(matrices, tn__adjoint(matrices));
}

// 1 / (s_j^2 - s_i^2) at (i, j), 0 on the diagonal; the product of both brackets cancels less.
static tn_tensor *inverse_square_gaps(tn_tensor *s) {
  tn_tensor *row = tn_unsqueeze(s, -2), *column = tn_unsqueeze(s, -1);
  return tn__inverse_gaps(tn_mul(tn_sub(row, column), tn_add(row, column)));
}

// What of |grad| (m x k) lies outside of the span of |u|, over s: (I - U U^H) gU S^-1.
static tn_tensor *outside_of(tn_tensor *u, tn_tensor *grad, tn_tensor *s) {
  tn_tensor *inside = tn_matmul(u, tn_matmul(tn__adjoint(u), grad));
  return tn_div(tn_sub(grad, inside), tn_unsqueeze(s, -2));
}

// The gradient of A from those of U [m, k], S [k], V^H [k, n], each of which may be absent.
static tn_tensor *svd_gradient(tn_tensor *u, tn_tensor *s, tn_tensor *vh, tn_tensor *grad_u,
                               tn_tensor *grad_s, tn_tensor *grad_vh) {
  tn_tensor *middle = TN_NONE, *v = tn__adjoint(vh), *grad_v = TN_NONE;
  if (tn__is_given(grad_s)) middle = tn__diagonal_matrix(grad_s);
  if (tn__is_given(grad_u)) {
    tn_tensor *turn = minus_adjoint(tn_matmul(tn__adjoint(u), grad_u));
    tn_tensor *turned = tn_mul(turn, inverse_square_gaps(s));
    middle = tn__sum_of(middle, tn__scale_columns(turned, s));
    // A common phase of u_i and v_i leaves A alone; the difference of their phases does not. A
    // loss that is free of the gauge has opposite imaginary diagonals for U and V.
    if (tn_dtype_is_complex(tn_tensor_dtype(u))) {
      tn_tensor *phases = tn_div(tn__main_diagonal(turn), tn_mul_scalar(s, 2));
      middle = tn__sum_of(middle, tn__diagonal_matrix(phases));
    }
  }
  if (tn__is_given(grad_vh)) {
    grad_v = tn__adjoint(grad_vh);
    tn_tensor *turn = minus_adjoint(tn_matmul(vh, grad_v));
    tn_tensor *turned = tn_mul(turn, inverse_square_gaps(s));
    middle = tn__sum_of(middle, tn_mul(turned, tn_unsqueeze(s, -1)));
  }
  tn_tensor *whole = tn_matmul(tn_matmul(u, middle), vh);
  if (whole == NULL) return NULL;
  const int64_t m = u->sizes[u->rank - 2], k = s->sizes[s->rank - 1], n = vh->sizes[vh->rank - 1];
  if (m > k && tn__is_given(grad_u)) {
    whole = tn_add(whole, tn_matmul(outside_of(u, grad_u, s), vh));
  }
  if (n > k && tn__is_given(grad_v)) {
    whole = tn_add(whole, tn_matmul(u, tn__adjoint(outside_of(v, grad_v, s))));
  }
  return whole;
}

// Full matrices: the columns beyond k are any basis of what is left; only the first k count.
static tn_tensor *first_columns(tn_tensor *matrices, int64_t k) {
  return tn__is_given(matrices) ? tn_narrow(matrices, -1, 0, k) : TN_NONE;
}

static tn_status internal_svd_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__linalg_svd_attrs *attrs = tn_vjp_attrs(vjp);
  const bool given =
      tn__is_given(grad_out[0]) || tn__is_given(grad_out[1]) || tn__is_given(grad_out[2]);
  if (!given) return TN_OK;
  if (!attrs->compute_uv) {
    return tn_error_set(TN_UNIMPLEMENTED, "_linalg_svd has no gradient without compute_uv");
  }
  tn_tensor *u = tn_vjp_output(vjp, 0), *s = tn_vjp_output(vjp, 1), *vh = tn_vjp_output(vjp, 2);
  const int64_t k = s->sizes[s->rank - 1];
  tn_tensor *grad_vh = tn__is_given(grad_out[2]) ? tn_narrow(grad_out[2], -2, 0, k) : TN_NONE;
  grad_in[0] = svd_gradient(first_columns(u, k), s, tn_narrow(vh, -2, 0, k),
                            first_columns(grad_out[0], k), grad_out[1], grad_vh);
  return tn__status_of(grad_in[0]);
}

/// As linalg_svd; without compute_uv S alone, and empty U and Vh. gradient: as linalg_svd's, with
/// compute_uv. errors: as linalg_svd. source: ATen `_linalg_svd`.
// clang-format off
const tn_op_def tn_op__linalg_svd = {
    .schema = "_linalg_svd(Tensor A, bool full_matrices=False, bool compute_uv=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)",
    // clang-format on
    .dtypes = TN__DTYPES_LINALG,
    .infer = internal_svd_infer,
    .saves = {TN_SAVE_OUTPUT(0) | TN_SAVE_OUTPUT(1) | TN_SAVE_OUTPUT(2)},
    .save_count = 1,
    .vjp = internal_svd_vjp,
};

static tn_status svd_infer(tn_infer *infer) {
  const tn_linalg_svd_attrs *attrs = infer->attrs;
  return svd_shapes(infer, attrs->full_matrices, true, attrs->driver);
}

static tn_status svd_compose(tn_compose *compose) {
  const tn_linalg_svd_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_aten_linalg_svd(compose->inputs[0], &compose->results[1], &compose->results[2],
                         .full_matrices = attrs->full_matrices, .driver = attrs->driver);
  return tn__status_of(compose->results[0]);
}

/// The singular value decomposition A = U diag(S) Vh: orthonormal columns in U, orthonormal rows in
/// Vh, S real, not negative, descending. A: [*, m, n], float32, float64 or complex. Returns U [*,
/// m, m], S [*, k] with k = min(m, n), Vh [*, n, n]; without full_matrices the first k columns of
/// U and rows of Vh. driver: none yet. gradient: of losses that do not depend on
/// the vectors' phases, where the singular values differ; not through what full_matrices adds.
/// errors: INVALID_ARGUMENT for a rank below 2 or a driver; INVALID_DTYPE; NO_SOLUTION for a matrix
/// with NaN or infinities, or no convergence, naming it.
/// source: Golub & Reinsch 1970; LAPACK `gesdd`; ATen `linalg_svd`.
// clang-format off
const tn_op_def tn_op_linalg_svd = {
    .schema = "linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)",
    // clang-format on
    .dtypes = TN__DTYPES_LINALG,
    .infer = svd_infer,
    .compose = svd_compose,
};

static tn_status svdvals_infer(tn_infer *infer) {
  const tn_linalg_svdvals_attrs *attrs = infer->attrs;
  return svd_shapes(infer, false, false, attrs->driver);
}

// With vectors: whoever asks for a gradient needs them, and a kernel serves the rest.
static tn_status svdvals_compose(tn_compose *compose) {
  const tn_linalg_svdvals_attrs *attrs = compose->attrs;
  if (tn_aten_linalg_svd(compose->inputs[0], &compose->results[0], NULL, .driver = attrs->driver) ==
      NULL) {
    return tn__status_of(NULL);
  }
  return tn__status_of(compose->results[0]);
}

/// The singular values of matrices, descending. A: [*, m, n], float32, float64 or complex. Returns
/// [*, min(m, n)], real. gradient: U diag(g) Vh. errors: as linalg_svd. source: ATen
/// `linalg_svdvals`.
const tn_op_def tn_op_linalg_svdvals = {
    .schema = "linalg_svdvals(Tensor A, *, str? driver=None) -> Tensor",
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_LINALG,
    .infer = svdvals_infer,
    .compose = svdvals_compose,
};
