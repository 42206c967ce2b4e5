// SPDX-License-Identifier: Apache-2.0
//
// flip: a copy with dimensions reversed. It is its own inverse and its own gradient. (A view that
// walks backwards is slice() with a negative step.)

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status flip_infer(tn_infer *infer) {
  tn_flip_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  uint32_t mask;
  TN_TRY(tn__canonical_dims(infer->call, "dims", &attrs->dims, self->rank, false, &mask));
  tn__result_like(&infer->results[0], self);
  return TN_OK;
}

static tn_status flip_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_flip_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_flip(grad_out[0], attrs->dims);
  return tn__status_of(grad_in[0]);
}

/// A copy with the order of indices reversed along each of dims. self: any shape and dtype.
/// errors: OUT_OF_RANGE for a dim; INVALID_ARGUMENT for a repeated one. source: ATen `flip`.
const tn_op_def tn_op_flip = {
    .schema = "flip(Tensor self, int[] dims) -> Tensor",
    .infer = flip_infer,
    .vjp = flip_vjp,
};
