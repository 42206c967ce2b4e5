// SPDX-License-Identifier: Apache-2.0
//
// fill: one number everywhere, in the shape and dtype of an operand whose values are never read.

#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"

static tn_status fill_infer(tn_infer *infer) {
  const tn_fill_Scalar_attrs *attrs = infer->attrs;
  if (attrs->value.kind == TN_SCALAR_COMPLEX && !tn_dtype_is_complex(infer->key)) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "value",
                        "a complex number does not fit into %s", tn_dtype_name(infer->key));
  }
  return tn__infer_same(infer);
}

/// value, cast to self's dtype, everywhere.
/// self: any shape, any dtype; only its shape and dtype count. Returns self's shape and dtype.
/// gradient: 0. errors: INVALID_ARGUMENT for a complex value beside a real self.
/// source: ATen `fill.Scalar`.
const tn_op_def tn_op_fill_Scalar = {
    .schema = "fill.Scalar(Tensor self, Scalar value) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE,
    .promote = TN_PROMOTE_NONE,
    .infer = fill_infer,
    .vjp = tn__zero_vjp,
};
