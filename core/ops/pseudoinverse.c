// SPDX-License-Identifier: Apache-2.0
//
// pseudoinverse: what is made of singular values above a tolerance: the Moore-Penrose inverse and
// the rank. Hermitian matrices go through their eigenvalues, whose absolute values are the singular
// ones. The gradient of the inverse is Golub & Pereyra's (1973) for constant rank, which unlike
// that of the singular vectors exists where singular values coincide.

#include <tenon/ops.h>

#include "linalg.h"
#include "tensor_impl.h"

// The largest relative error that rounding leaves in singular values: epsilon * max(m, n).
static double default_rtol(const tn_tensor *self) {
  const int64_t m = self->sizes[self->rank - 2], n = self->sizes[self->rank - 1];
  const tn_dtype real = tn__real_dtype(tn_tensor_dtype(self));
  return (double)(m > n ? m : n) * (real == TN_F32 ? 0x1p-23 : 0x1p-52);
}

// The largest of |values| [*, k], as [*, 1]; k > 0.
static tn_tensor *largest_of(tn_tensor *values) {
  return tn_amax(values, .dim = TN_DIMS(-1), .keepdim = true);
}

// max(atol, rtol * largest), [*, 1], from numbers.
static tn_tensor *tolerance_of_numbers(const tn_tensor *self, tn_tensor *values, tn_opt_float atol,
                                       tn_opt_float rtol) {
  const double absolute = atol.present ? atol.value : 0;
  const double relative = rtol.present ? rtol.value : absolute > 0 ? 0 : default_rtol(self);
  return tn_clamp(tn_mul_scalar(largest_of(values), relative), .min = tn_scalar_float(absolute));
}

// The same from tensors that broadcast against the batch; either may be absent.
static tn_tensor *tolerance_of_tensors(const tn_tensor *self, tn_tensor *values, tn_tensor *atol,
                                       tn_tensor *rtol) {
  const tn_dtype dtype = tn_tensor_dtype(values);
  tn_tensor *largest = largest_of(values), *absolute = NULL, *relative = NULL;
  if (tn__is_given(atol)) absolute = tn_unsqueeze(tn_aten_cast(atol, dtype), -1);
  if (tn__is_given(rtol)) {
    relative = tn_mul(tn_unsqueeze(tn_aten_cast(rtol, dtype), -1), largest);
    return tn__is_given(atol) ? tn_maximum(absolute, relative) : relative;
  }
  relative = tn_mul_scalar(largest, default_rtol(self));
  if (!tn__is_given(atol)) return relative;
  return tn_where(tn_gt_scalar(absolute, 0), absolute, relative);
}

static tn_status refuse_complex_tolerances(tn__call *call, tn_tensor *atol, tn_tensor *rtol) {
  const bool a = tn__is_given(atol) && tn_dtype_is_complex(tn_tensor_dtype(atol));
  const bool r = tn__is_given(rtol) && tn_dtype_is_complex(tn_tensor_dtype(rtol));
  if (!a && !r) return TN_OK;
  return tn__op_error(call, TN_INVALID_DTYPE, a ? "atol" : "rtol", "a tolerance is not complex");
}

// ---- the pseudoinverse

// The factors of |self|: u diag(values) vh; |sizes| the absolute values.
typedef struct factors {
  tn_tensor *u, *values, *vh, *sizes;
} factors;

static factors factors_of(tn_tensor *self, bool hermitian) {
  factors f = {NULL, NULL, NULL, NULL};
  if (hermitian) {
    f.values = tn_linalg_eigh(self, &f.u);
    f.sizes = tn_abs(f.values);
    f.vh = tn__adjoint(f.u);
  } else {
    f.u = tn_aten_linalg_svd(self, &f.values, &f.vh);
    f.sizes = f.values;
  }
  return f;
}

// V diag(1 / s, or 0 where s is not above the tolerance) U^H
static tn_tensor *invert_factors(factors f, tn_tensor *tolerance) {
  tn_tensor *small = tn_le(f.sizes, tolerance);
  tn_tensor *safe = tn_masked_fill_scalar(f.values, small, 1);
  tn_tensor *inverse = tn_masked_fill_scalar(tn_reciprocal(safe), small, 0);
  return tn_matmul(tn__scale_columns(tn__adjoint(f.vh), inverse), tn__adjoint(f.u));
}

// Checks |self|; where it has no elements its pseudoinverse is given at once.
static tn_status begin_pinv(tn_compose *compose, bool hermitian, bool *done) {
  tn_tensor *self = compose->inputs[0];
  TN_TRY(tn__expect_matrix(compose->call, self, "self", hermitian));
  *done = self->numel == 0;
  if (!*done) return TN_OK;
  compose->results[0] = tn_zeros_like(tn__transposed(self));
  return tn__status_of(compose->results[0]);
}

static tn_status pinv_float_compose(tn_compose *compose) {
  const tn_linalg_pinv_atol_rtol_float_attrs *attrs = compose->attrs;
  bool done;
  TN_TRY(begin_pinv(compose, attrs->hermitian, &done));
  if (done) return TN_OK;
  const factors f = factors_of(compose->inputs[0], attrs->hermitian);
  TN_TRY(tn__status_of(f.vh));
  tn_tensor *tolerance =
      tolerance_of_numbers(compose->inputs[0], f.sizes, attrs->atol, attrs->rtol);
  compose->results[0] = invert_factors(f, tolerance);
  return tn__status_of(compose->results[0]);
}

static tn_status pinv_tensor_compose(tn_compose *compose) {
  const tn_linalg_pinv_atol_rtol_tensor_attrs *attrs = compose->attrs;
  tn_tensor *atol = compose->inputs[1], *rtol = compose->inputs[2];
  bool done;
  TN_TRY(refuse_complex_tolerances(compose->call, atol, rtol));
  TN_TRY(begin_pinv(compose, attrs->hermitian, &done));
  if (done) return TN_OK;
  const factors f = factors_of(compose->inputs[0], attrs->hermitian);
  TN_TRY(tn__status_of(f.vh));
  tn_tensor *tolerance = tolerance_of_tensors(compose->inputs[0], f.sizes, atol, rtol);
  compose->results[0] = invert_factors(f, tolerance);
  return tn__status_of(compose->results[0]);
}

// With P the pseudoinverse and G = g^H, which has A's shape:
//   -(P G P)^H + (I - A P) G P P^H + P^H P G (I - P A)
// with the products in the order that keeps them small.
static tn_status pinv_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  tn_tensor *a = tn_vjp_input(vjp, 0), *p = tn_vjp_output(vjp, 0);
  tn_tensor *p_adjoint = tn__adjoint(p), *g = tn__adjoint(grad_out[0]), *first, *second, *third;
  if (a->sizes[a->rank - 2] <= a->sizes[a->rank - 1]) {
    tn_tensor *k = tn_matmul(g, p), *wide = tn_matmul(k, p_adjoint);
    first = tn__adjoint(tn_matmul(p, k));
    second = tn_sub(wide, tn_matmul(tn_matmul(a, p), wide));
    third = tn_matmul(tn_matmul(p_adjoint, p), tn_sub(g, tn_matmul(k, a)));
  } else {
    tn_tensor *k = tn_matmul(p, g), *tall = tn_matmul(p_adjoint, k);
    first = tn__adjoint(tn_matmul(k, p));
    second = tn_matmul(tn_matmul(tn_sub(g, tn_matmul(a, k)), p), p_adjoint);
    third = tn_sub(tall, tn_matmul(tn_matmul(tall, p), a));
  }
  grad_in[0] = tn_sub(tn_add(second, third), first);
  return tn__status_of(grad_in[0]);
}

/// The Moore-Penrose inverses: of the singular values those above max(atol, rtol * the largest) are
/// inverted, the others left out. self: [*, m, n], float32, float64 or complex; under hermitian,
/// Hermitian, read from the lower triangle. atol: 0; rtol: epsilon max(m, n), or 0 beside a
/// positive atol. Returns [*, n, m]. gradient: for constant rank. errors: INVALID_ARGUMENT for
/// shapes; INVALID_DTYPE; NO_SOLUTION for a matrix with NaN or infinities. source: Penrose 1955;
/// ATen `linalg_pinv.atol_rtol_float`.
// clang-format off
const tn_op_def tn_op_linalg_pinv_atol_rtol_float = {
    .schema = "linalg_pinv.atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor",
    // clang-format on
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_LINALG,
    .compose = pinv_float_compose,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = pinv_vjp,
};

/// The Moore-Penrose inverses, with tolerances for each matrix: atol and rtol, real, broadcast
/// against self's batch. As `linalg_pinv.atol_rtol_float`. source: ATen
/// `linalg_pinv.atol_rtol_tensor`.
// clang-format off
const tn_op_def tn_op_linalg_pinv_atol_rtol_tensor = {
    .schema = "linalg_pinv.atol_rtol_tensor(Tensor self, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False) -> Tensor",
    // clang-format on
    .forms = TN_FORM_OUT,
    .exempt = 6,
    .dtypes = TN__DTYPES_LINALG,
    .compose = pinv_tensor_compose,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0), 0, 0},
    .save_count = 3,
    .vjp = pinv_vjp,
};

// ---- the rank

static tn_status begin_rank(tn_compose *compose, const char *argument, bool hermitian, bool *done) {
  tn_tensor *self = compose->inputs[0];
  TN_TRY(tn__expect_matrix(compose->call, self, argument, hermitian));
  *done = self->numel == 0;
  if (!*done) return TN_OK;
  compose->results[0] =
      tn_zeros(tn_ints_of(self->sizes, self->rank - 2), .dtype = TN_I64, .device = self->device);
  return tn__status_of(compose->results[0]);
}

static tn_tensor *sizes_of(tn_tensor *self, bool hermitian) {
  return hermitian ? tn_abs(tn_linalg_eigvalsh(self)) : tn_linalg_svdvals(self);
}

static tn_status count_above(tn_compose *compose, tn_tensor *sizes, tn_tensor *tolerance) {
  compose->results[0] = tn_sum_dim(tn_gt(sizes, tolerance), TN_DIMS(-1));
  return tn__status_of(compose->results[0]);
}

static tn_status rank_float_compose(tn_compose *compose) {
  const tn_linalg_matrix_rank_atol_rtol_float_attrs *attrs = compose->attrs;
  bool done;
  TN_TRY(begin_rank(compose, "self", attrs->hermitian, &done));
  if (done) return TN_OK;
  tn_tensor *sizes = sizes_of(compose->inputs[0], attrs->hermitian);
  TN_TRY(tn__status_of(sizes));
  return count_above(compose, sizes,
                     tolerance_of_numbers(compose->inputs[0], sizes, attrs->atol, attrs->rtol));
}

static tn_status rank_tensor_compose(tn_compose *compose) {
  const tn_linalg_matrix_rank_atol_rtol_tensor_attrs *attrs = compose->attrs;
  tn_tensor *atol = compose->inputs[1], *rtol = compose->inputs[2];
  bool done;
  TN_TRY(refuse_complex_tolerances(compose->call, atol, rtol));
  TN_TRY(begin_rank(compose, "input", attrs->hermitian, &done));
  if (done) return TN_OK;
  tn_tensor *sizes = sizes_of(compose->inputs[0], attrs->hermitian);
  TN_TRY(tn__status_of(sizes));
  return count_above(compose, sizes, tolerance_of_tensors(compose->inputs[0], sizes, atol, rtol));
}

/// How many singular values are above max(atol, rtol * the largest). Arguments and defaults as
/// `linalg_pinv.atol_rtol_float`. Returns int64 [*], without a gradient.
/// errors: as `linalg_pinv.atol_rtol_float`. source: ATen `linalg_matrix_rank.atol_rtol_float`.
// clang-format off
const tn_op_def tn_op_linalg_matrix_rank_atol_rtol_float = {
    .schema = "linalg_matrix_rank.atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .result_dtype = TN_I64,
    .dtypes = TN__DTYPES_LINALG,
    .compose = rank_float_compose,
};

/// How many singular values are above a tolerance for each matrix: atol and rtol, real, broadcast
/// against self's batch. As `linalg_matrix_rank.atol_rtol_float`. source: ATen
/// `linalg_matrix_rank.atol_rtol_tensor`.
// clang-format off
const tn_op_def tn_op_linalg_matrix_rank_atol_rtol_tensor = {
    .schema = "linalg_matrix_rank.atol_rtol_tensor(Tensor input, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .exempt = 6,
    .result_dtype = TN_I64,
    .dtypes = TN__DTYPES_LINALG,
    .compose = rank_tensor_compose,
};
