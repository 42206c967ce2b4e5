// SPDX-License-Identifier: Apache-2.0
//
// nonzero: where elements are not zero, and the elements there: results whose shape depends on
// data. The kernel of nonzero counts and then creates its result; masked_select has parts, which
// give its gradient, and a kernel for masks of self's own shape.

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status nonzero_infer(tn_infer *infer) {
  const int64_t sizes[2] = {0, infer->inputs[0]->rank};
  return tn__result_shape(infer, 0, tn_ints_of(sizes, 2));
}

/// The indices of self's elements that are not zero, one row each, in row-major order; NaN is not
/// zero. self: any shape and dtype. Returns int64 [count, ndim]; of a 0-dim self [0 or 1, 0]. No
/// gradient. source: ATen `nonzero`.
const tn_op_def tn_op_nonzero = {
    .schema = "nonzero(Tensor self) -> Tensor",
    .flags = TN_OP_DATA_SHAPE | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .result_dtype = TN_I64,
    .infer = nonzero_infer,
};

static tn_status argwhere_compose(tn_compose *compose) {
  compose->results[0] = tn_nonzero(compose->inputs[0]);
  return TN_OK;
}

/// As `nonzero`. source: ATen `argwhere`.
const tn_op_def tn_op_argwhere = {
    .schema = "argwhere(Tensor self) -> Tensor",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = argwhere_compose,
};

static tn_status nonzero_numpy_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  if (tn_tensor_ndim(self) == 0) self = tn_unsqueeze(self, 0);
  compose->list = tn_unbind(tn_nonzero(self), .dim = 1);
  return TN_OK;
}

/// `nonzero` as a list of one index tensor for each dimension, as indexing takes them: int64
/// [count] each. A 0-dim self counts as one of 1 element. source: ATen `nonzero_numpy`.
const tn_op_def tn_op_nonzero_numpy = {
    .schema = "nonzero_numpy(Tensor self) -> Tensor[]",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = nonzero_numpy_compose,
};

// ---- masked_select -----------------------------------------------------------------------------

static tn_status check_mask(tn__call *call, const tn_tensor *mask) {
  if (mask->dtype == TN_BOOL) return TN_OK;
  return tn__op_error(call, TN_INVALID_DTYPE, "mask", "expected bool, not %s",
                      tn_dtype_name(mask->dtype));
}

static tn_status masked_select_infer(tn_infer *infer) {
  const int64_t size = 0;
  TN_TRY(check_mask(infer->call, infer->inputs[1]));
  TN_TRY(tn__infer_pointwise(infer));  // whether the shapes broadcast
  return tn__result_shape(infer, 0, tn_ints_of(&size, 1));
}

static tn_status masked_select_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0], *mask = compose->inputs[1];
  int64_t shape[TN_MAX_DIMS];
  TN_TRY(check_mask(compose->call, mask));
  const int32_t rank = tn_broadcast_shapes(tn_tensor_shape(self), tn_tensor_shape(mask), shape);
  if (rank < 0) {
    tn_error_clear();
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "", "the shapes do not broadcast");
  }
  const tn_ints sizes = tn_ints_of(shape, rank);
  tn_tensor *chosen = tn_nonzero(tn_reshape(tn_expand(mask, sizes), TN_SHAPE(-1)));
  compose->results[0] = tn_index_select(tn_reshape(tn_expand(self, sizes), TN_SHAPE(-1)), 0,
                                        tn_reshape(chosen, TN_SHAPE(-1)));
  return TN_OK;
}

/// The elements of self where mask is true, in row-major order. self: any shape and dtype; mask:
/// bool, a shape that broadcasts with self's. Returns self's dtype, [count]. gradient: to where the
/// elements came from. errors: INVALID_DTYPE for a mask that is not bool, INVALID_ARGUMENT for
/// shapes. source: ATen `masked_select`.
const tn_op_def tn_op_masked_select = {
    .schema = "masked_select(Tensor self, Tensor mask) -> Tensor",
    .flags = TN_OP_DATA_SHAPE,
    .forms = TN_FORM_OUT,
    .exempt = 1u << 1,
    .infer = masked_select_infer,
    .compose = masked_select_compose,
};
