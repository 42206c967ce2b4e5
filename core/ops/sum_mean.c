// SPDX-License-Identifier: Apache-2.0
//
// sum_mean: sums and means over some dimensions or all. Their gradient is the arriving one spread
// over what was reduced, a view with strides of 0, so nothing of the input is saved.

#include <math.h>
#include <tenon/ops.h>

#include "op_def.h"
#include "reduction.h"

// The engine spreads what broadcasts; a 0-dim gradient does as it is.
static tn_tensor *spread(tn_vjp *vjp, tn_tensor *grad, tn_ints dims, bool keepdim) {
  if (tn_tensor_ndim(grad) == 0) return grad;
  return tn__with_reduced_dims(vjp, grad, dims, keepdim);
}

static tn_status sum_infer(tn_infer *infer) {
  tn_sum_dim_IntList_attrs *attrs = infer->attrs;
  const tn_status status = tn__infer_accumulation_dtype(infer, &attrs->dtype);
  if (status != TN_OK) return status;
  return tn__infer_reduction(infer, &attrs->dim, attrs->keepdim);
}

static tn_status sum_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_sum_dim_IntList_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = spread(vjp, grad_out[0], attrs->dim, attrs->keepdim);
  return TN_OK;
}

/// The sum over the dimensions dim (none or an empty list: all); 0 over no elements.
/// self: any shape, any dtype; dim: each in [-ndim, ndim), none twice. Returns self's shape
/// without dim, or with size 1 there under keepdim, in dtype; where that is not given, in self's
/// dtype, integers and bool in int64. gradient: 1.
/// errors: OUT_OF_RANGE for a dim, INVALID_ARGUMENT for a repeated dim, INVALID_DTYPE for bool
/// given. source: ATen `sum.dim_IntList`.
const tn_op_def tn_op_sum_dim_IntList = {
    // clang-format off
    .schema = "sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_REDUCTION,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .infer = sum_infer,
    .vjp = sum_vjp,
    .identity = 0,
    .has_identity = true,
};

/// The sum of all elements. As `sum.dim_IntList`. source: ATen `sum`.
const tn_op_def tn_op_sum = {
    .schema = "sum(Tensor self, *, ScalarType? dtype=None) -> Tensor",
    .base = &tn_op_sum_dim_IntList,
};

static tn_status mean_infer(tn_infer *infer) {
  tn_mean_dim_attrs *attrs = infer->attrs;
  const bool given = attrs->dtype != TN_DTYPE_NONE;
  const tn_dtype dtype = given ? attrs->dtype : tn_tensor_dtype(infer->inputs[0]);
  if (!tn_dtype_is_floating(dtype) && !tn_dtype_is_complex(dtype)) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, given ? "dtype" : "self",
                        "a mean is not computed in %s; give a floating dtype",
                        tn_dtype_name(dtype));
  }
  attrs->dtype = dtype;
  const tn_status status = tn__infer_accumulation_dtype(infer, &attrs->dtype);
  if (status != TN_OK) return status;
  return tn__infer_reduction(infer, &attrs->dim, attrs->keepdim);
}

static tn_status mean_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_mean_dim_attrs *attrs = tn_vjp_attrs(vjp);
  // Divided while it is small, then spread.
  tn_tensor *share = tn_div_scalar(grad_out[0], tn__reduced_count(vjp, attrs->dim));
  grad_in[0] = spread(vjp, share, attrs->dim, attrs->keepdim);
  return TN_OK;
}

/// The mean over the dimensions dim (none or an empty list: all); NaN over no elements.
/// self: any shape, floating or complex, or any dtype where such a one is given; dim: each in
/// [-ndim, ndim), none twice. Returns self's shape without dim, or with size 1 there under keepdim,
/// in dtype or self's. gradient: 1 / count. errors: INVALID_DTYPE for a mean in integers or bool,
/// OUT_OF_RANGE for a dim, INVALID_ARGUMENT for a repeated dim. source: ATen `mean.dim`.
const tn_op_def tn_op_mean_dim = {
    // clang-format off
    .schema = "mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_REDUCTION,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .infer = mean_infer,
    .vjp = mean_vjp,
    .identity = NAN,
    .has_identity = true,
};

/// The mean of all elements. As `mean.dim`. source: ATen `mean`.
const tn_op_def tn_op_mean = {
    .schema = "mean(Tensor self, *, ScalarType? dtype=None) -> Tensor",
    .base = &tn_op_mean_dim,
};
