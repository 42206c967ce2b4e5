// SPDX-License-Identifier: Apache-2.0
//
// cholesky: Cholesky factors, and solutions with triangular matrices. The gradient of A = L L^H:
// dL = L phi(L^-1 dA L^-H), where phi takes the lower triangle with half of the diagonal; its
// adjoint, made Hermitian as A is, gives A's (Giles 2008, section 2.3; Murray 2016).

#include <inttypes.h>
#include <tenon/ops.h>

#include "linalg.h"
#include "tensor_impl.h"

static tn_status cholesky_infer(tn_infer *infer) {
  TN_TRY(tn__expect_square(infer, 0, "self"));
  tn__result_like(&infer->results[0], infer->inputs[0]);
  return TN_OK;
}

static tn_status cholesky_ex_infer(tn_infer *infer) {
  TN_TRY(cholesky_infer(infer));
  infer->results[1].dtype = TN_I32;
  return tn__result_batched(infer, 1, TN_SHAPE_SCALAR);
}

// With H the Hermitian part of phi(L^H gL): L^-H H L^-1.
static tn_tensor *cholesky_gradient(tn_tensor *lower, tn_tensor *grad) {
  tn_tensor *adjoint = tn__adjoint(lower), *inner = tn_matmul(adjoint, grad);
  tn_tensor *halved = tn_add(tn_tril(inner), tn_tril(inner, .diagonal = -1));
  tn_tensor *middle = tn__hermitian_part(tn_mul_scalar(halved, 0.5));
  tn_tensor *left = tn_linalg_solve_triangular(adjoint, middle, true);
  return tn_linalg_solve_triangular(lower, left, false, .left = TN_NO);
}

static tn_status cholesky_backward(tn_vjp *vjp, tn_tensor *grad, bool upper, tn_tensor **grad_in) {
  if (!tn__is_given(grad)) return TN_OK;
  tn_tensor *factor = tn_vjp_output(vjp, 0);
  grad_in[0] = upper ? cholesky_gradient(tn__adjoint(factor), tn__adjoint(grad))
                     : cholesky_gradient(factor, grad);
  return tn__status_of(grad_in[0]);
}

static tn_status cholesky_ex_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_linalg_cholesky_ex_attrs *attrs = tn_vjp_attrs(vjp);
  return cholesky_backward(vjp, grad_out[0], attrs->upper, grad_in);
}

/// The Cholesky factor of Hermitian positive definite matrices, self = L L^H with L lower
/// triangular, or, under upper, self = U^H U; only that triangle of self is read. self: [*, n, n],
/// float32, float64 or complex. Returns L, of self's shape, and info, int32 [*]: 0, or the order of
/// the first leading minor that is not positive definite, where L has no meaning.
/// gradient: that of L, Hermitian. errors: INVALID_ARGUMENT unless square; INVALID_DTYPE;
/// NO_SOLUTION under check_errors where an info is not 0. source: Cholesky 1910; LAPACK `potrf`;
/// ATen `linalg_cholesky_ex`.
// clang-format off
const tn_op_def tn_op_linalg_cholesky_ex = {
    .schema = "linalg_cholesky_ex(Tensor self, *, bool upper=False, bool check_errors=False) -> (Tensor L, Tensor info)",
    // clang-format on
    .dtypes = TN__DTYPES_LINALG,
    .infer = cholesky_ex_infer,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = cholesky_ex_vjp,
};

static tn_status cholesky_compose(tn_compose *compose) {
  const tn_linalg_cholesky_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_linalg_cholesky_ex(compose->inputs[0], NULL, .upper = attrs->upper, .check_errors = true);
  return tn__status_of(compose->results[0]);
}

static tn_status cholesky_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_linalg_cholesky_attrs *attrs = tn_vjp_attrs(vjp);
  return cholesky_backward(vjp, grad_out[0], attrs->upper, grad_in);
}

/// The Cholesky factor of Hermitian positive definite matrices: self = L L^H with L lower
/// triangular, or, under upper, self = U^H U; only that triangle of self is read. self: [*, n, n],
/// float32, float64 or complex. Returns L (or U), of self's shape. gradient: Hermitian.
/// errors: INVALID_ARGUMENT unless square; INVALID_DTYPE; NO_SOLUTION for a matrix that is not
/// positive definite, naming it and its first such minor. source: Cholesky 1910; LAPACK `potrf`;
/// ATen `linalg_cholesky`.
const tn_op_def tn_op_linalg_cholesky = {
    .schema = "linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor",
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_LINALG,
    .infer = cholesky_infer,
    .compose = cholesky_compose,
    .saves = {TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = cholesky_vjp,
};

// ---- triangular systems

static tn_status solve_triangular_infer(tn_infer *infer) {
  const tn_linalg_solve_triangular_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0], *b = infer->inputs[1];
  TN_TRY(tn__expect_square(infer, 0, "self"));
  TN_TRY(tn__expect_matrices(infer, 1, "B"));
  const int64_t n = self->sizes[self->rank - 1], met = b->sizes[b->rank - (attrs->left ? 2 : 1)];
  if (n != met) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "B",
                        "expected %" PRId64 " %s, as self has, not %" PRId64, n,
                        attrs->left ? "rows" : "columns", met);
  }
  int64_t sizes[TN_MAX_DIMS];
  int32_t rank;
  TN_TRY(tn__broadcast_batches(infer->call, "B", self, 2, b, 2, sizes, &rank));
  sizes[rank] = b->sizes[b->rank - 2];
  sizes[rank + 1] = b->sizes[b->rank - 1];
  return tn__result_shape(infer, 0, tn_ints_of(sizes, rank + 2));
}

static tn_status solve_triangular_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                      tn_tensor **grad_in) {
  const tn_linalg_solve_triangular_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *self = tn_vjp_input(vjp, 0), *x = tn_vjp_output(vjp, 0);
  tn_tensor *to_b = tn_linalg_solve_triangular(tn__adjoint(self), grad_out[0], !attrs->upper,
                                               .left = tn__choice(attrs->left),
                                               .unitriangular = attrs->unitriangular);
  grad_in[1] = to_b;
  TN_TRY(tn__status_of(to_b));
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  tn_tensor *whole =
      attrs->left ? tn_matmul(to_b, tn__adjoint(x)) : tn_matmul(tn__adjoint(x), to_b);
  const int64_t off = attrs->unitriangular ? 1 : 0;
  tn_tensor *triangle =
      attrs->upper ? tn_triu(whole, .diagonal = off) : tn_tril(whole, .diagonal = -off);
  grad_in[0] = tn_neg(triangle);
  return tn__status_of(grad_in[0]);
}

/// X with self X = B (X self = B unless left), where self is upper or lower triangular; its other
/// triangle is not read, nor its diagonal, taken as ones, under unitriangular. self: [*, n, n]; B:
/// [*, n, k], or [*, k, n] unless left; batches broadcast; one dtype of float32, float64, complex.
/// Returns B's shape with the broadcast batch; infinities and NaN where self's diagonal has a 0.
/// gradient: that of self in its triangle. errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE.
/// source: BLAS `trsm`; ATen `linalg_solve_triangular`.
// clang-format off
const tn_op_def tn_op_linalg_solve_triangular = {
    .schema = "linalg_solve_triangular(Tensor self, Tensor B, *, bool upper, bool left=True, bool unitriangular=False) -> Tensor",
    // clang-format on
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_LINALG,
    .infer = solve_triangular_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0), TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 2,
    .vjp = solve_triangular_vjp,
};

static tn_status cholesky_solve_compose(tn_compose *compose) {
  const tn_cholesky_solve_attrs *attrs = compose->attrs;
  tn_tensor *b = compose->inputs[0], *factor = compose->inputs[1];
  TN_TRY(tn__expect_matrix(compose->call, b, "self", false));
  TN_TRY(tn__expect_matrix(compose->call, factor, "input2", true));
  if (b->sizes[b->rank - 2] != factor->sizes[factor->rank - 1]) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "expected %" PRId64 " rows, as input2 has, not %" PRId64,
                        factor->sizes[factor->rank - 1], b->sizes[b->rank - 2]);
  }
  tn_tensor *lower = attrs->upper ? tn__adjoint(factor) : factor;
  tn_tensor *upper = attrs->upper ? factor : tn__adjoint(factor);
  tn_tensor *half = tn_linalg_solve_triangular(lower, b, false);
  compose->results[0] = tn_linalg_solve_triangular(upper, half, true);
  return tn__status_of(compose->results[0]);
}

/// X with (L L^H) X = self, where L = input2 is a Cholesky factor (under upper U^H U with U =
/// input2). self: [*, n, k]; input2: [*, n, n]; batches broadcast; one dtype of float32, float64,
/// complex. errors: INVALID_ARGUMENT for shapes; INVALID_DTYPE. source: LAPACK `potrs`; ATen
/// `cholesky_solve`.
const tn_op_def tn_op_cholesky_solve = {
    .schema = "cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor",
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_LINALG,
    .compose = cholesky_solve_compose,
};
