// SPDX-License-Identifier: Apache-2.0
//
// any_all: whether any or every element is true (not zero; NaN is true) over some dimensions or
// all. Answers are bool and carry no gradient.

#include <tenon/ops.h>

#include "op_def.h"
#include "reduction.h"

static tn_status any_dims_infer(tn_infer *infer) {
  tn_any_dims_attrs *attrs = infer->attrs;
  return tn__infer_reduction(infer, &attrs->dim, attrs->keepdim);
}

/// Whether any element over the dimensions dim (none or an empty list: all) is true; false over no
/// elements.
/// self: any shape, any real dtype; dim: each in [-ndim, ndim), none twice. Returns bool of self's
/// shape without dim, or with size 1 there under keepdim, without a gradient. errors: OUT_OF_RANGE
/// for a dim, INVALID_ARGUMENT for a repeated dim, INVALID_DTYPE for complex.
/// source: ATen `any.dims`.
const tn_op_def tn_op_any_dims = {
    .schema = "any.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor",
    .flags = TN_OP_REDUCTION | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_REAL,
    .infer = any_dims_infer,
    .identity = 0,
    .has_identity = true,
};

static tn_status any_compose(tn_compose *compose) {
  compose->results[0] = tn_any_dims(compose->inputs[0]);
  return TN_OK;
}

/// Whether any element at all is true. As `any.dims`. source: ATen `any`.
const tn_op_def tn_op_any = {
    .schema = "any(Tensor self) -> Tensor",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = any_compose,
};

static tn_status all_dims_infer(tn_infer *infer) {
  tn_all_dims_attrs *attrs = infer->attrs;
  return tn__infer_reduction(infer, &attrs->dim, attrs->keepdim);
}

/// Whether every element over the dimensions dim (none or an empty list: all) is true; true over no
/// elements.
/// self: any shape, any real dtype; dim: each in [-ndim, ndim), none twice. Returns bool of self's
/// shape without dim, or with size 1 there under keepdim, without a gradient. errors: OUT_OF_RANGE
/// for a dim, INVALID_ARGUMENT for a repeated dim, INVALID_DTYPE for complex.
/// source: ATen `all.dims`.
const tn_op_def tn_op_all_dims = {
    .schema = "all.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor",
    .flags = TN_OP_REDUCTION | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .result_dtype = TN_BOOL,
    .dtypes = TN_DTYPES_REAL,
    .infer = all_dims_infer,
    .identity = 1,
    .has_identity = true,
};

static tn_status all_compose(tn_compose *compose) {
  compose->results[0] = tn_all_dims(compose->inputs[0]);
  return TN_OK;
}

/// Whether every element at all is true. As `all.dims`. source: ATen `all`.
const tn_op_def tn_op_all = {
    .schema = "all(Tensor self) -> Tensor",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = all_compose,
};

static tn_status any_dim_compose(tn_compose *compose) {
  const tn_any_dim_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_any_dims(compose->inputs[0], .dim = TN_INTS(attrs->dim), .keepdim = attrs->keepdim);
  return TN_OK;
}

/// Whether any element along dim is true. As `any.dims`. source: ATen `any.dim`.
const tn_op_def tn_op_any_dim = {
    .schema = "any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = any_dim_compose,
};

static tn_status all_dim_compose(tn_compose *compose) {
  const tn_all_dim_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_all_dims(compose->inputs[0], .dim = TN_INTS(attrs->dim), .keepdim = attrs->keepdim);
  return TN_OK;
}

/// Whether every element along dim is true. As `all.dims`. source: ATen `all.dim`.
const tn_op_def tn_op_all_dim = {
    .schema = "all.dim(Tensor self, int dim, bool keepdim=False) -> Tensor",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = all_dim_compose,
};
