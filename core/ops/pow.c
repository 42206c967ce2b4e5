// SPDX-License-Identifier: Apache-2.0
//
// pow: powers. Both partial derivatives contain a factor that is infinite at points where the
// derivative itself is 0 (0 * 0^-1, 0^p * log 0). Such factors are computed from a harmless operand
// there, rather than masked afterwards, so that no infinity meets a zero in the second gradient.

#include <tenon/autograd.h>
#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

// An exponent that is one number on the host and needs no gradient of its own: the usual case, in
// which the formula's branch is chosen once instead of elementwise.
static bool is_number(const tn_tensor *exponent) {
  return exponent != NULL && tn_tensor_ndim(exponent) == 0 && !tn_requires_grad(exponent) &&
         tn_device_equal(tn_tensor_device(exponent), TN_DEVICE_CPU);
}

// grad * p * self^(p - 1) for a number p; zeros for p = 0, also where self is 0.
static tn_tensor *base_gradient_number(tn_tensor *grad, tn_tensor *self, double exponent) {
  if (exponent == 0.0) return tn_zeros_like(grad);
  if (exponent == 1.0) return grad;
  tn_tensor *power = exponent == 2.0 ? self : tn_pow_scalar(self, exponent - 1.0);
  return tn__times_conj(grad, tn_mul_scalar(power, exponent));
}

// The same elementwise. Where exponent and self are both 0 the power is 0^0 = 1 instead of 0^-1,
// and the factor p makes the gradient 0; so it does for NaN, as NaN^0 is 1.
static tn_tensor *base_gradient(tn_tensor *grad, tn_tensor *self, tn_tensor *exponent) {
  tn_tensor *zero_or_nan = tn_logical_not(tn_gt_scalar(tn_abs(self), 0));
  tn_tensor *constant = tn_logical_and(tn_eq_scalar(exponent, 0), zero_or_nan);
  tn_tensor *one_less = tn_sub_scalar(tn_where_scalar_self(constant, 1, exponent), 1);
  return tn_mul(grad, tn_mul(exponent, tn_pow(self, one_less)));
}

// grad * self^p * log(self). Where self is 0 and p is not negative the power is flat in p, and
// log 1 = 0 stands for log 0.
static tn_tensor *exponent_gradient(tn_tensor *grad, tn_tensor *self, tn_tensor *exponent,
                                    tn_tensor *result) {
  tn_tensor *flat = tn_logical_and(tn_eq_scalar(self, 0), tn_ge_scalar(exponent, 0));
  tn_tensor *logarithm = tn_log(tn_where_scalar_self(flat, 1, self));
  return tn_mul(grad, tn_mul(result, logarithm));
}

static tn_status pow_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *self = tn_vjp_input(vjp, 0), *exponent = tn_vjp_input(vjp, 1);
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = is_number(exponent) ? base_gradient_number(grad_out[0], self, tn_item(exponent))
                                     : base_gradient(grad_out[0], self, exponent);
  }
  if (tn_vjp_needs(vjp, 1)) {
    grad_in[1] = exponent_gradient(grad_out[0], self, exponent, tn_vjp_output(vjp, 0));
  }
  return TN_OK;
}

/// self to the power exponent, elementwise; 0^0 is 1, NaN^0 is 1.
/// self, exponent: shapes that broadcast, integer or floating (one may be bool). Returns the
/// broadcast shape in the promoted dtype. An integer to a negative power is 0, but for 1 and -1.
/// gradient: p self^(p-1), 0 for p = 0; self^p log(self), 0 where self is 0 and p >= 0.
/// errors: INVALID_ARGUMENT for shapes that do not broadcast; INVALID_DTYPE for two bools and
/// complex. source: ATen `pow.Tensor_Tensor`.
const tn_op_def tn_op_pow_Tensor_Tensor = {
    .schema = "pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1),
              TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_OUTPUT(0)},
    .save_count = 2,
    .vjp = pow_vjp,
};

/// self to the power of a number, elementwise. As `pow.Tensor_Tensor`.
/// source: ATen `pow.Tensor_Scalar`.
const tn_op_def tn_op_pow_Tensor_Scalar = {
    .schema = "pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_pow_Tensor_Tensor,
};

/// A number to the powers in exponent, elementwise. As `pow.Tensor_Tensor`.
/// source: ATen `pow.Scalar`.
const tn_op_def tn_op_pow_Scalar = {
    .schema = "pow.Scalar(Scalar self, Tensor exponent) -> Tensor",
    .forms = TN_FORM_OUT,
    .base = &tn_op_pow_Tensor_Tensor,
};
