// SPDX-License-Identifier: Apache-2.0
//
// addcmul: a scaled product or quotient added to an operand, in one pass: what optimisers' updates
// are made of. Both save, for each factor's gradient, only what that gradient reads.

#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

static tn_status addcmul_check(tn__call *call, const void *attrs, tn_dtype key) {
  return tn__check_scalar(call, "value", ((const tn_addcmul_attrs *)attrs)->value, key);
}

// |grad| times the conjugate of |value|.
static tn_tensor *scaled_back(tn_tensor *grad, tn_scalar value) {
  return tn__scaled(grad, tn__conjugate(value));
}

static tn_status addcmul_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_addcmul_attrs *attrs = tn_vjp_attrs(vjp);
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = grad_out[0];
  // The gradient is what is scaled: an operand may be of small integers, where value * it wraps.
  if (tn_vjp_needs(vjp, 1)) {
    grad_in[1] = tn__times_conj(scaled_back(grad_out[0], attrs->value), tn_vjp_input(vjp, 2));
  }
  if (tn_vjp_needs(vjp, 2)) {
    grad_in[2] = tn__times_conj(scaled_back(grad_out[0], attrs->value), tn_vjp_input(vjp, 1));
  }
  return TN_OK;
}

/// self + value * tensor1 * tensor2, elementwise.
/// self, tensor1, tensor2: shapes that broadcast, any dtypes but bools only. Returns the broadcast
/// shape in the promoted dtype. gradient: 1, value * tensor2, value * tensor1.
/// errors: INVALID_ARGUMENT for shapes that do not broadcast or a fractional value beside integers;
/// INVALID_DTYPE for bools. source: ATen `addcmul`.
const tn_op_def tn_op_addcmul = {
    .schema = "addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS | TN_DTYPES_COMPLEX,
    .check = addcmul_check,
    .saves = {0, TN_SAVE_INPUT(2), TN_SAVE_INPUT(1)},
    .save_count = 3,
    .vjp = addcmul_vjp,
};

static tn_status addcdiv_check(tn__call *call, const void *attrs, tn_dtype key) {
  return tn__check_scalar(call, "value", ((const tn_addcdiv_attrs *)attrs)->value, key);
}

static tn_status addcdiv_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_addcdiv_attrs *attrs = tn_vjp_attrs(vjp);
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = grad_out[0];
  if (tn_vjp_needs(vjp, 1)) {
    grad_in[1] = tn__over_conj(scaled_back(grad_out[0], attrs->value), tn_vjp_input(vjp, 2));
  }
  if (tn_vjp_needs(vjp, 2)) {
    tn_tensor *divisor = tn_vjp_input(vjp, 2);
    tn_tensor *slope = tn_div(tn_div(tn_vjp_input(vjp, 1), divisor), divisor);
    grad_in[2] = tn_neg(tn__times_conj(scaled_back(grad_out[0], attrs->value), slope));
  }
  return TN_OK;
}

/// self + value * tensor1 / tensor2, elementwise.
/// self, tensor1, tensor2: shapes that broadcast; at least one floating or complex. Returns the
/// broadcast shape in the promoted dtype. gradient: 1, value / tensor2,
/// -value * tensor1 / tensor2^2. errors: INVALID_ARGUMENT for shapes that do not
/// broadcast; INVALID_DTYPE for integers only. source: ATen `addcdiv`.
const tn_op_def tn_op_addcdiv = {
    .schema = "addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_FIELDS,
    .check = addcdiv_check,
    .saves = {0, TN_SAVE_INPUT(2), TN_SAVE_INPUT(1) | TN_SAVE_INPUT(2)},
    .save_count = 3,
    .vjp = addcdiv_vjp,
};

static tn_status lerp_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *grad = grad_out[0];
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = tn_sub(grad, tn_mul(grad, tn_vjp_input(vjp, 2)));
  if (tn_vjp_needs(vjp, 1)) grad_in[1] = tn_mul(grad, tn_vjp_input(vjp, 2));
  if (tn_vjp_needs(vjp, 2)) {
    // In the dtype of the result: integers that are unsigned, and bools, have no such difference.
    tn_dtype dtype = tn_tensor_dtype(grad);
    tn_tensor *self = tn_to(tn_vjp_input(vjp, 0), TN_DEVICE_DEFAULT, dtype);
    tn_tensor *end = tn_to(tn_vjp_input(vjp, 1), TN_DEVICE_DEFAULT, dtype);
    grad_in[2] = tn_mul(grad, tn_sub(end, self));
  }
  return TN_OK;
}

/// self + weight * (end - self), elementwise, exact at weight 0 and 1.
/// self, end, weight: shapes that broadcast; at least one floating. Returns the broadcast shape in
/// the promoted dtype. gradient: 1 - weight, weight, end - self. errors: INVALID_ARGUMENT for
/// shapes that do not broadcast; INVALID_DTYPE for integers only and for complex. source: ATen
/// `lerp.Tensor`.
const tn_op_def tn_op_lerp_Tensor = {
    .schema = "lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_FLOATING,
    .saves = {TN_SAVE_INPUT(2), TN_SAVE_INPUT(2), TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1)},
    .save_count = 3,
    .vjp = lerp_vjp,
};

/// self + weight * (end - self) for a number weight, elementwise. As `lerp.Tensor`.
/// source: ATen `lerp.Scalar`.
const tn_op_def tn_op_lerp_Scalar = {
    .schema = "lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor",
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .base = &tn_op_lerp_Tensor,
};
