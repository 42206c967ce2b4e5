// SPDX-License-Identifier: Apache-2.0
//
// determinant: det and slogdet, from the diagonal of U and the parity of the exchanges in A = P L
// U.
//
// The gradient of det is the matrix of cofactors, which exists for singular matrices too:
// conj(det) A^-H where A can be inverted; else from A = U S V^H, where the cofactors of S are
// products of all but one of the singular values.

#include <tenon/ops.h>

#include "linalg.h"
#include "tensor_impl.h"

// -1 for each exchange among |pivots| and 1 else, in |dtype|: [*, n].
static tn_tensor *exchange_signs(tn_tensor *pivots, tn_dtype dtype) {
  if (pivots == NULL) return NULL;
  const int64_t n = pivots->sizes[pivots->rank - 1];
  tn_tensor *places = tn_arange_step(tn_scalar_int(1), tn_scalar_int(n + 1), .dtype = TN_I32,
                                     .device = tn_tensor_device(pivots));
  tn_tensor *exchanged = tn_aten_cast(tn_ne(pivots, places), dtype);
  return tn_add_scalar(tn_mul_scalar(exchanged, -2), 1);
}

// U's diagonal and, through |signs|, the exchanges', of |matrices| that are square.
static tn_tensor *factored_diagonal(tn_tensor *matrices, tn_tensor **signs) {
  tn_tensor *pivots = NULL, *lu = tn_linalg_lu_factor_ex(matrices, &pivots, NULL);
  tn_tensor *diagonal = tn__main_diagonal(lu);
  *signs = exchange_signs(pivots, tn__real_dtype(tn_tensor_dtype(matrices)));
  return diagonal;
}

// The product along the last dimension. Complex numbers are multiplied half by half, since no
// reduction takes them.
static tn_tensor *product_of(tn_tensor *vectors) {
  if (vectors == NULL || !tn_dtype_is_complex(tn_tensor_dtype(vectors))) {
    return tn_prod_dim(vectors, -1);
  }
  int64_t n = vectors->sizes[vectors->rank - 1];
  if (n == 0) return tn_add_scalar(tn_sum_dim(vectors, TN_DIMS(-1)), 1);
  for (; n > 1 && vectors != NULL; n -= n / 2) {
    tn_tensor *both =
        tn_mul(tn_narrow(vectors, -1, 0, n / 2), tn_narrow(vectors, -1, n / 2, n / 2));
    if (n % 2 == 1 && both != NULL) {
      tn_tensor *last = tn_narrow(vectors, -1, n - 1, 1);
      vectors = last == NULL ? NULL : tn_cat(TN_TENSORS(both, last), .dim = -1);
    } else {
      vectors = both;
    }
  }
  return tn_squeeze_dim(vectors, -1);
}

// ---- det

static tn_status det_compose(tn_compose *compose) {
  TN_TRY(tn__expect_matrix(compose->call, compose->inputs[0], "A", true));
  tn_tensor *signs, *diagonal = factored_diagonal(compose->inputs[0], &signs);
  compose->results[0] = tn_mul(product_of(diagonal), tn_prod_dim(signs, -1));
  return tn__status_of(compose->results[0]);
}

// For [*, n]: the products of all elements but each one, again [*, n].
static tn_tensor *products_of_others(tn_tensor *vectors) {
  if (vectors == NULL) return NULL;
  const int64_t n = vectors->sizes[vectors->rank - 1];
  tn_tensor *own = tn_eye(n, .dtype = TN_BOOL, .device = tn_tensor_device(vectors));
  return tn_prod_dim(tn_masked_fill_scalar(tn_unsqueeze(vectors, -2), own, 1), -1);
}

static tn_tensor *cofactors(tn_tensor *a) {
  tn_tensor *s = NULL, *vh = NULL, *u = tn_linalg_svd(a, &s, &vh, .full_matrices = TN_NO);
  tn_tensor *turn = tn__conjugated(tn_mul(tn_linalg_det(u), tn_linalg_det(vh)));
  tn_tensor *inner = tn_matmul(tn__scale_columns(u, products_of_others(s)), vh);
  return tn_mul(inner, tn_unsqueeze(tn_unsqueeze(turn, -1), -1));
}

static tn_status det_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *a = tn_vjp_input(vjp, 0), *det = tn_vjp_output(vjp, 0), *whole;
  tn_tensor *zero = tn_any(tn_eq_scalar(det, 0));
  TN_TRY(tn__status_of(zero));
  if (tn_item(zero) != 0) {
    whole = cofactors(a);
  } else {
    tn_tensor *factor = tn_unsqueeze(tn_unsqueeze(tn__conjugated(det), -1), -1);
    whole = tn_mul(tn__adjoint(tn_linalg_inv(a)), factor);
  }
  grad_in[0] = tn_mul(whole, tn_unsqueeze(tn_unsqueeze(grad_out[0], -1), -1));
  return tn__status_of(grad_in[0]);
}

/// The determinants of square matrices; 1 for one without elements. A: [*, n, n], float32, float64
/// or complex. Returns [*]. gradient: the conjugated cofactors, of singular matrices too.
/// errors: INVALID_ARGUMENT unless square; INVALID_DTYPE. source: ATen `linalg_det`.
const tn_op_def tn_op_linalg_det = {
    .schema = "linalg_det(Tensor A) -> Tensor",
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_LINALG,
    .compose = det_compose,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = det_vjp,
};

// ---- slogdet

// x / |x|, and 0 for 0.
static tn_tensor *directions(tn_tensor *x) {
  if (x == NULL) return NULL;
  if (!tn_dtype_is_complex(tn_tensor_dtype(x))) return tn_sign(x);
  tn_tensor *length = tn_abs(x);
  return tn_div(x, tn_masked_fill_scalar(length, tn_eq_scalar(length, 0), 1));
}

static tn_status slogdet_compose(tn_compose *compose) {
  TN_TRY(tn__expect_matrix(compose->call, compose->inputs[0], "A", true));
  tn_tensor *signs, *diagonal = factored_diagonal(compose->inputs[0], &signs);
  compose->results[0] = tn_mul(product_of(directions(diagonal)), tn_prod_dim(signs, -1));
  compose->results[1] = tn_sum_dim(tn_log(tn_abs(diagonal)), TN_DIMS(-1));
  TN_TRY(tn__status_of(compose->results[0]));
  return tn__status_of(compose->results[1]);
}

// With z = tr(A^-1 dA): dlogabsdet = Re z and dsign = i sign Im z, so A^-H takes the factor
// glogabsdet - i Im(conj(gsign) sign). The sign of a real matrix does not move.
static tn_status slogdet_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *a = tn_vjp_input(vjp, 0), *sign = tn_vjp_output(vjp, 0), *factor = grad_out[1];
  if (!tn__is_given(factor)) factor = tn_zeros_like(tn_vjp_output(vjp, 1));
  if (tn_dtype_is_complex(tn_tensor_dtype(a)) && tn__is_given(grad_out[0])) {
    tn_tensor *turn = tn__imaginary_part(tn_mul(tn__conjugated(grad_out[0]), sign));
    factor = tn_add(factor, tn_mul_scalar(turn, tn_scalar_complex(0, -1)));
  }
  tn_tensor *inverse = tn__adjoint(tn_linalg_inv(a));
  grad_in[0] = tn_mul(inverse, tn_unsqueeze(tn_unsqueeze(factor, -1), -1));
  return tn__status_of(grad_in[0]);
}

/// The sign (for complex matrices the direction, of length 1) of the determinants and the logarithm
/// of their absolute values: det = sign exp(logabsdet), without overflow; 0 and -inf for a singular
/// matrix. A: [*, n, n], float32, float64 or complex. Returns sign, [*] in A's dtype, and
/// logabsdet, [*], real. gradient: A^-H for logabsdet;
/// that of a real sign is 0.
/// errors: INVALID_ARGUMENT unless square; INVALID_DTYPE; the gradient of a singular matrix is
/// NO_SOLUTION. source: ATen `linalg_slogdet`.
const tn_op_def tn_op_linalg_slogdet = {
    .schema = "linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)",
    .dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64),
    .compose = slogdet_compose,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0) | TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = slogdet_vjp,
};
