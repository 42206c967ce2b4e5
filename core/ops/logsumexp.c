// SPDX-License-Identifier: Apache-2.0
//
// logsumexp: log(sum(exp(x))) over some dimensions. The largest element is taken out of the sum
// first, so that no exponential overflows and at least one is 1.

#include <tenon/ops.h>

#include "op_def.h"
#include "reduction.h"

static tn_status logsumexp_infer(tn_infer *infer) {
  tn_logsumexp_attrs *attrs = infer->attrs;
  return tn__infer_reduction(infer, &attrs->dim, attrs->keepdim);
}

static tn_status logsumexp_compose(tn_compose *compose) {
  const tn_logsumexp_attrs *attrs = compose->attrs;
  const tn_ints dims = tn__reduced_dims(attrs->dim);
  tn_tensor *self = compose->inputs[0];
  if (!tn_dtype_is_floating(tn_tensor_dtype(self))) {  // a difference of integers may wrap around
    self = tn_to(self, TN_DEVICE_DEFAULT, tn_default_dtype());
  }
  if (tn_tensor_numel(self) == 0) {  // there is no largest element
    compose->results[0] = tn_log(tn_sum_dim(tn_exp(self), dims, .keepdim = attrs->keepdim));
    return TN_OK;
  }
  tn_tensor *largest = tn_amax(self, .dim = dims, .keepdim = true);
  // An infinite one is left where it is: taken out, it would make inf - inf.
  tn_tensor *shift = tn_where_scalar(tn_isfinite(largest), largest, 0);
  tn_tensor *total = tn_sum_dim(tn_exp(tn_sub(self, shift)), dims, .keepdim = attrs->keepdim);
  compose->results[0] = tn_add(tn_log(total), tn_reshape(shift, tn_tensor_shape(total)));
  return TN_OK;
}

static tn_status logsumexp_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_logsumexp_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *self = tn_vjp_input(vjp, 0);
  tn_tensor *result = tn__with_reduced_dims(vjp, tn_vjp_output(vjp, 0), attrs->dim, attrs->keepdim);
  tn_tensor *grad = tn__with_reduced_dims(vjp, grad_out[0], attrs->dim, attrs->keepdim);
  grad_in[0] = tn_mul(grad, tn_exp(tn_sub(self, result)));
  return TN_OK;
}

/// log(sum(exp(x))) over the dimensions dim (an empty list: all), without overflow; -inf over no
/// elements.
/// self: any shape, any real dtype; dim: each in [-ndim, ndim), none twice. Returns self's shape
/// without dim, or with size 1 there under keepdim; integers and bool become the default float
/// dtype. gradient: softmax. errors: OUT_OF_RANGE for a dim, INVALID_ARGUMENT for a repeated dim,
/// INVALID_DTYPE for complex. source: ATen `logsumexp`.
const tn_op_def tn_op_logsumexp = {
    .schema = "logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
    .promote = TN_PROMOTE_INT_TO_FLOAT,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = logsumexp_infer,
    .compose = logsumexp_compose,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = logsumexp_vjp,
};
