// SPDX-License-Identifier: Apache-2.0
//
// triangular: matrices with one side of a diagonal set to zero. Linear, so each is its own
// gradient.

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status triangular_infer(tn_infer *infer) {
  TN_TRY(tn__expect_rank(infer, 0, "self", 2, TN_MAX_DIMS));
  tn__result_like(&infer->results[0], infer->inputs[0]);
  return TN_OK;
}

static tn_status tril_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_tril_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_tril(grad_out[0], .diagonal = attrs->diagonal);
  return tn__status_of(grad_in[0]);
}

/// The lower triangle of the matrices in the last two dimensions: element (i, j) where
/// j - i <= diagonal, else 0. self: [*, n, m], any dtype. errors: INVALID_ARGUMENT for a rank
/// below 2. source: ATen `tril`.
const tn_op_def tn_op_tril = {
    .schema = "tril(Tensor self, int diagonal=0) -> Tensor",
    .infer = triangular_infer,
    .vjp = tril_vjp,
};

static tn_status triu_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_triu_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_triu(grad_out[0], .diagonal = attrs->diagonal);
  return tn__status_of(grad_in[0]);
}

/// The upper triangle of the matrices in the last two dimensions: element (i, j) where
/// j - i >= diagonal, else 0. self: [*, n, m], any dtype. errors: INVALID_ARGUMENT for a rank
/// below 2. source: ATen `triu`.
const tn_op_def tn_op_triu = {
    .schema = "triu(Tensor self, int diagonal=0) -> Tensor",
    .infer = triangular_infer,
    .vjp = triu_vjp,
};
