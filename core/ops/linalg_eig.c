// SPDX-License-Identifier: Apache-2.0
//
// linalg_eig: eigenvalues and eigenvectors, of Hermitian matrices and of any. With E = 1 / (l_j -
// l_i) off the diagonal: A = V L V^H gives gA = V (diag(gL) + E o (V^H gV)) V^H, and A = V L V^-1
// gives gA = V^-H (diag(gL) + conj(E) o (V^H gV - V^H V diag(Re(V^H gV)))) V^H (Giles 2008, section
// 3.1, with the vectors' length kept at 1). Vectors are known up to a factor of length 1, so a loss
// must not depend on it; those of equal eigenvalues have no gradient.

#include <string.h>
#include <tenon/ops.h>

#include "linalg.h"
#include "tensor_impl.h"

// 1 / (l_j - l_i) at (i, j), 0 on the diagonal.
static tn_tensor *inverse_gaps(tn_tensor *values) {
  return tn__inverse_gaps(tn_sub(tn_unsqueeze(values, -2), tn_unsqueeze(values, -1)));
}

// ---- Hermitian matrices

static tn_status eigh_shapes(tn_infer *infer, const char *argument, const char *uplo,
                             bool vectors) {
  TN_TRY(tn__expect_square(infer, 0, argument));
  if (strlen(uplo) != 1 || strchr("LlUu", uplo[0]) == NULL) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "UPLO", "'%s' is neither L nor U", uplo);
  }
  const tn_tensor *self = infer->inputs[0];
  infer->results[0].dtype = tn__real_dtype(infer->key);
  TN_TRY(tn__result_batched(infer, 0, TN_SHAPE(self->sizes[self->rank - 1])));
  if (infer->result_count == 1) return TN_OK;
  if (!vectors) return tn__result_shape(infer, 1, TN_SHAPE(0));
  tn__result_like(&infer->results[1], self);
  return TN_OK;
}

static tn_status internal_eigh_infer(tn_infer *infer) {
  const tn__linalg_eigh_attrs *attrs = infer->attrs;
  return eigh_shapes(infer, "A", attrs->UPLO, attrs->compute_v);
}

static tn_status internal_eigh_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__linalg_eigh_attrs *attrs = tn_vjp_attrs(vjp);
  if (!tn__is_given(grad_out[0]) && !tn__is_given(grad_out[1])) return TN_OK;
  if (!attrs->compute_v) {
    return tn_error_set(TN_UNIMPLEMENTED, "_linalg_eigh has no gradient without compute_v");
  }
  tn_tensor *values = tn_vjp_output(vjp, 0), *vectors = tn_vjp_output(vjp, 1);
  tn_tensor *adjoint = tn__adjoint(vectors), *middle = TN_NONE;
  if (tn__is_given(grad_out[1])) {
    middle = tn_mul(tn_matmul(adjoint, grad_out[1]), inverse_gaps(values));
  }
  if (tn__is_given(grad_out[0])) middle = tn__sum_of(middle, tn__diagonal_matrix(grad_out[0]));
  grad_in[0] = tn__hermitian_part(tn_matmul(tn_matmul(vectors, middle), adjoint));
  return tn__status_of(grad_in[0]);
}

/// As linalg_eigh; without compute_v the eigenvalues alone, and empty eigenvectors.
/// gradient: as linalg_eigh's, with compute_v. errors: as linalg_eigh. source: ATen `_linalg_eigh`.
// clang-format off
const tn_op_def tn_op__linalg_eigh = {
    .schema = "_linalg_eigh(Tensor A, str UPLO='L', bool compute_v=True) -> (Tensor eigenvalues, Tensor eigenvectors)",
    // clang-format on
    .dtypes = TN__DTYPES_LINALG,
    .infer = internal_eigh_infer,
    .saves = {TN_SAVE_OUTPUT(0) | TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = internal_eigh_vjp,
};

static tn_status eigh_infer(tn_infer *infer) {
  return eigh_shapes(infer, "self", ((const tn_linalg_eigh_attrs *)infer->attrs)->UPLO, true);
}

static tn_status eigh_compose(tn_compose *compose) {
  const tn_linalg_eigh_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_aten_linalg_eigh(compose->inputs[0], &compose->results[1], .UPLO = attrs->UPLO);
  return tn__status_of(compose->results[0]);
}

/// The eigenvalues, ascending, and orthonormal eigenvectors, in columns, of Hermitian matrices:
/// self = V diag(L) V^H. Only the lower triangle of self is read, or the upper one where UPLO is U.
/// self: [*, n, n], float32, float64 or complex. Returns eigenvalues [*, n], real, and eigenvectors
/// [*, n, n]. gradient: Hermitian; of losses that do not depend on the vectors' phases, and through
/// vectors only where the eigenvalues differ. errors: INVALID_ARGUMENT unless square or for another
/// UPLO; INVALID_DTYPE; NO_SOLUTION for a matrix with NaN or infinities, or no convergence, naming
/// it. source: LAPACK `heevd`; ATen `linalg_eigh`.
// clang-format off
const tn_op_def tn_op_linalg_eigh = {
    .schema = "linalg_eigh(Tensor self, str UPLO='L') -> (Tensor eigenvalues, Tensor eigenvectors)",
    // clang-format on
    .dtypes = TN__DTYPES_LINALG,
    .infer = eigh_infer,
    .compose = eigh_compose,
};

static tn_status eigvalsh_infer(tn_infer *infer) {
  return eigh_shapes(infer, "self", ((const tn_linalg_eigvalsh_attrs *)infer->attrs)->UPLO, false);
}

static tn_status eigvalsh_compose(tn_compose *compose) {
  const tn_linalg_eigvalsh_attrs *attrs = compose->attrs;
  compose->results[0] = tn_aten_linalg_eigh(compose->inputs[0], NULL, .UPLO = attrs->UPLO);
  return tn__status_of(compose->results[0]);
}

/// The eigenvalues of Hermitian matrices, ascending; as linalg_eigh. Returns [*, n], real.
/// gradient: V diag(g) V^H. errors: as linalg_eigh. source: ATen `linalg_eigvalsh`.
const tn_op_def tn_op_linalg_eigvalsh = {
    .schema = "linalg_eigvalsh(Tensor self, str UPLO='L') -> Tensor",
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_LINALG,
    .infer = eigvalsh_infer,
    .compose = eigvalsh_compose,
};

// ---- any square matrix

static tn_status eig_infer(tn_infer *infer) {
  TN_TRY(tn__expect_square(infer, 0, "self"));
  const tn_tensor *self = infer->inputs[0];
  for (int32_t i = 0; i < infer->result_count; i++) {
    infer->results[i].dtype = tn__complex_dtype(infer->key);
  }
  TN_TRY(tn__result_batched(infer, 0, TN_SHAPE(self->sizes[self->rank - 1])));
  if (infer->result_count == 1) return TN_OK;
  tn__result_like(&infer->results[1], self);
  infer->results[1].dtype = tn__complex_dtype(infer->key);
  return TN_OK;
}

static tn_status eig_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  if (!tn__is_given(grad_out[0]) && !tn__is_given(grad_out[1])) return TN_OK;
  tn_tensor *values = tn_vjp_output(vjp, 0), *vectors = tn_vjp_output(vjp, 1);
  tn_tensor *adjoint = tn__adjoint(vectors), *middle = TN_NONE;
  if (tn__is_given(grad_out[1])) {
    tn_tensor *inner = tn_matmul(adjoint, grad_out[1]);
    tn_tensor *lengths = tn__real_part(tn__main_diagonal(inner));
    inner = tn_sub(inner, tn__scale_columns(tn_matmul(adjoint, vectors), lengths));
    middle = tn_mul(inner, tn__conjugated(inverse_gaps(values)));
  }
  if (tn__is_given(grad_out[0])) middle = tn__sum_of(middle, tn__diagonal_matrix(grad_out[0]));
  tn_tensor *whole = tn_linalg_solve(adjoint, tn_matmul(middle, adjoint));
  const bool is_real = tn_dtype_is_floating(tn_vjp_input_dtype(vjp, 0));
  grad_in[0] = is_real ? tn__real_part(whole) : whole;
  return tn__status_of(grad_in[0]);
}

/// The eigenvalues and eigenvectors of square matrices, self V = V diag(L), with columns of length
/// 1 in V; complex, in no order. self: [*, n, n], float32, float64 or complex. Returns eigenvalues
/// [*, n] and eigenvectors [*, n, n], complex64 or complex128. gradient: of losses that do not
/// depend on the vectors' phases, where the eigenvalues differ. errors: INVALID_ARGUMENT unless
/// square; INVALID_DTYPE; NO_SOLUTION for a matrix with NaN or infinities, or no convergence,
/// naming it. source: Francis 1961; LAPACK `geev`; ATen `linalg_eig`.
// clang-format off
const tn_op_def tn_op_linalg_eig = {
    .schema = "linalg_eig(Tensor self) -> (Tensor eigenvalues, Tensor eigenvectors)",
    // clang-format on
    .dtypes = TN__DTYPES_LINALG,
    .infer = eig_infer,
    .saves = {TN_SAVE_OUTPUT(0) | TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = eig_vjp,
};

static tn_status eigvals_compose(tn_compose *compose) {
  compose->results[0] = tn_linalg_eig(compose->inputs[0], NULL);
  return tn__status_of(compose->results[0]);
}

/// The eigenvalues of square matrices, complex, in no order; as linalg_eig. Returns [*, n].
/// gradient: V^-H diag(g) V^H. errors: as linalg_eig. source: ATen `linalg_eigvals`.
const tn_op_def tn_op_linalg_eigvals = {
    .schema = "linalg_eigvals(Tensor self) -> Tensor",
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_LINALG,
    .infer = eig_infer,
    .compose = eigvals_compose,
};
