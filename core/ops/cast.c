// SPDX-License-Identifier: Apache-2.0
//
// cast: one dtype to another, elementwise; what tn_to, promotion and gradients of another dtype are
// made of. The kernel is chosen by the result's dtype and reads any.

#include <tenon/ops.h>

#include "op_def.h"

static tn_status cast_infer(tn_infer *infer) {
  const tn__cast_attrs *attrs = infer->attrs;
  if (attrs->dtype <= TN_DTYPE_NONE || attrs->dtype >= TN_DTYPE_COUNT) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, "dtype", "%d is no dtype",
                        (int)attrs->dtype);
  }
  infer->key = attrs->dtype;
  infer->results[0].dtype = attrs->dtype;
  return tn__infer_same(infer);
}

// The engine casts every gradient to its input's dtype, which is all there is to do.
static tn_status cast_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  (void)vjp;
  grad_in[0] = grad_out[0];
  return TN_OK;
}

/// self converted to dtype, elementwise: towards zero from floating to integer, to the nearest
/// between floating dtypes, the real part from complex to real, "is not zero" to bool.
/// self: any shape, any dtype. Returns self's shape in dtype. gradient: cast back.
/// errors: INVALID_DTYPE for no dtype. source: ATen `_to_copy`, its dtype part.
const tn_op_def tn_op__cast = {
    .schema = "_cast(Tensor self, ScalarType dtype) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .promote = TN_PROMOTE_NONE,
    .infer = cast_infer,
    .vjp = cast_vjp,
};
