// SPDX-License-Identifier: Apache-2.0
//
// extrema: the largest and the smallest element, and where it stands, over some dimensions or all.
// NaN counts as the extreme. amax and amin share the gradient evenly among equal extremes; max.dim
// and min.dim give it to the one whose index they return, the first.

#include <tenon/ops.h>

#include "op_def.h"
#include "reduction.h"

// Each extreme's gradient, divided evenly among the elements that are equal to it.
static tn_tensor *even_share(tn_vjp *vjp, tn_tensor *grad, tn_ints dims, bool keepdim) {
  tn_tensor *self = tn_vjp_input(vjp, 0);
  tn_tensor *extreme = tn__with_reduced_dims(vjp, tn_vjp_output(vjp, 0), dims, keepdim);
  tn_tensor *chosen = tn_eq(self, extreme);
  tn_tensor *count = tn_sum_dim(chosen, tn__reduced_dims(dims), .keepdim = true);
  tn_tensor *share = tn_div(tn__with_reduced_dims(vjp, grad, dims, keepdim), count);
  return tn_where_scalar(chosen, share, 0);
}

static tn_status amax_infer(tn_infer *infer) {
  tn_amax_attrs *attrs = infer->attrs;
  return tn__infer_reduction(infer, &attrs->dim, attrs->keepdim);
}

static tn_status amax_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_amax_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = even_share(vjp, grad_out[0], attrs->dim, attrs->keepdim);
  return TN_OK;
}

/// The largest element over the dimensions dim (an empty list: all); NaN where there is one.
/// self: any shape, any real dtype; dim: each in [-ndim, ndim), none twice. Returns self's shape
/// without dim, or with size 1 there under keepdim, in self's dtype. gradient: shared evenly among
/// equal largest elements. errors: OUT_OF_RANGE for a dim; INVALID_ARGUMENT for a repeated dim or
/// over no elements; INVALID_DTYPE for complex. source: ATen `amax`.
const tn_op_def tn_op_amax = {
    .schema = "amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
    .flags = TN_OP_REDUCTION,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_REAL,
    .infer = amax_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = amax_vjp,
};

static tn_status amin_infer(tn_infer *infer) {
  tn_amin_attrs *attrs = infer->attrs;
  return tn__infer_reduction(infer, &attrs->dim, attrs->keepdim);
}

static tn_status amin_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_amin_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = even_share(vjp, grad_out[0], attrs->dim, attrs->keepdim);
  return TN_OK;
}

/// The smallest element over the dimensions dim (an empty list: all); NaN where there is one.
/// self: any shape, any real dtype; dim: each in [-ndim, ndim), none twice. Returns self's shape
/// without dim, or with size 1 there under keepdim, in self's dtype. gradient: shared evenly among
/// equal smallest elements. errors: OUT_OF_RANGE for a dim; INVALID_ARGUMENT for a repeated dim or
/// over no elements; INVALID_DTYPE for complex. source: ATen `amin`.
const tn_op_def tn_op_amin = {
    .schema = "amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
    .flags = TN_OP_REDUCTION,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_REAL,
    .infer = amin_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = amin_vjp,
};

static tn_status max_all_compose(tn_compose *compose) {
  compose->results[0] = tn_amax(compose->inputs[0]);
  return TN_OK;
}

/// The largest of all elements. As `amax`. source: ATen `max`.
const tn_op_def tn_op_max = {
    .schema = "max(Tensor self) -> Tensor",
    .compose = max_all_compose,
};

static tn_status min_all_compose(tn_compose *compose) {
  compose->results[0] = tn_amin(compose->inputs[0]);
  return TN_OK;
}

/// The smallest of all elements. As `amin`. source: ATen `min`.
const tn_op_def tn_op_min = {
    .schema = "min(Tensor self) -> Tensor",
    .compose = min_all_compose,
};
