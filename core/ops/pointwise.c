// SPDX-License-Identifier: Apache-2.0
//
// pointwise: the pieces that families of pointwise operators share; see pointwise.h.

#include "pointwise.h"

#include <tenon/ops.h>

tn_status tn__check_scalar(tn__call *call, const char *argument, tn_scalar scalar, tn_dtype key) {
  if (scalar.kind < TN_SCALAR_FLOAT) return TN_OK;
  if (scalar.kind == TN_SCALAR_COMPLEX && !tn_dtype_is_complex(key)) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "a complex number does not go with operands of %s", tn_dtype_name(key));
  }
  if (!tn_dtype_is_floating(key) && !tn_dtype_is_complex(key)) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "must be an integer beside operands of %s", tn_dtype_name(key));
  }
  return TN_OK;
}

bool tn__scalar_is_one(tn_scalar scalar) {
  switch (scalar.kind) {
    case TN_SCALAR_BOOL:
    case TN_SCALAR_INT:
      return scalar.as.i == 1;
    case TN_SCALAR_FLOAT:
      return scalar.as.f == 1.0;
    default:
      return false;
  }
}

tn_tensor *tn__scaled(tn_tensor *tensor, tn_scalar scalar) {
  return tn__scalar_is_one(scalar) ? tensor : tn_mul_scalar(tensor, scalar);
}

tn_scalar tn__conjugate(tn_scalar scalar) {
  if (scalar.kind != TN_SCALAR_COMPLEX) return scalar;
  return tn_scalar_complex(scalar.as.c.real, -scalar.as.c.imag);
}

tn_tensor *tn__conj(tn_tensor *tensor) {
  const bool turns = tensor != NULL && tn_dtype_is_complex(tn_tensor_dtype(tensor));
  return turns ? tn_conj_physical(tensor) : tensor;
}

tn_tensor *tn__times_conj(tn_tensor *grad, tn_tensor *slope) {
  return tn_mul(grad, tn__conj(slope));
}

tn_tensor *tn__over_conj(tn_tensor *grad, tn_tensor *slope) {
  return tn_div(grad, tn__conj(slope));
}

tn_status tn__zero_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  if (tn_vjp_needs(vjp, 0)) grad_in[0] = tn_zeros_like(grad_out[0]);
  return TN_OK;
}
