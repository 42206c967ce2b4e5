// SPDX-License-Identifier: Apache-2.0
//
// extrema_index: where the largest and the smallest element stand: argmax and argmin, and max.dim
// and min.dim, which return both value and index. The first of equal elements is the one; NaN
// counts as the extreme. A gradient goes to the element at the index and to no other.

#include <tenon/ops.h>

#include "op_def.h"
#include "pointwise.h"
#include "reduction.h"

// |grad| at the indices that were returned, zeros elsewhere.
static tn_tensor *to_index(tn_vjp *vjp, tn_tensor *grad, int64_t dim, bool keepdim) {
  const tn_ints sizes = tn_vjp_input_sizes(vjp, 0), dims = {&dim, 1};
  if (sizes.count == 0) return grad;
  tn_tensor *index = tn__with_reduced_dims(vjp, tn_vjp_output(vjp, 1), dims, keepdim);
  tn_tensor *source = tn__with_reduced_dims(vjp, grad, dims, keepdim);
  tn_tensor *zeros =
      tn_zeros(sizes, .dtype = tn_tensor_dtype(grad), .device = tn_tensor_device(grad));
  return tn_scatter(zeros, dim, index, source);
}

static tn_status index_infer(tn_infer *infer, tn_opt_int *dim, bool keepdim) {
  if (dim->present) return tn__infer_reduction_dim(infer, &dim->value, keepdim);
  tn_ints all = TN_NO_DIMS;
  return tn__infer_reduction(infer, &all, keepdim);
}

static tn_status max_dim_infer(tn_infer *infer) {
  tn_max_dim_attrs *attrs = infer->attrs;
  infer->results[1].dtype = TN_I64;
  return tn__infer_reduction_dim(infer, &attrs->dim, attrs->keepdim);
}

static tn_status max_dim_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_max_dim_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = to_index(vjp, grad_out[0], attrs->dim, attrs->keepdim);
  return TN_OK;
}

/// The largest element along the dimension dim, and the index there of the first such element; NaN
/// counts as the largest.
/// self: any shape, integer, bool or floating; dim in [-ndim, ndim). Returns values in self's dtype
/// and indices in int64, both of self's shape without dim, or with size 1 there under keepdim.
/// gradient: to the element at the index. errors: OUT_OF_RANGE for dim, INVALID_ARGUMENT over no
/// elements, INVALID_DTYPE for complex. source: ATen `max.dim`.
const tn_op_def tn_op_max_dim = {
    .schema =
        "max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .flags = TN_OP_REDUCTION,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_REAL,
    .infer = max_dim_infer,
    .saves = {TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = max_dim_vjp,
};

static tn_status min_dim_infer(tn_infer *infer) {
  tn_min_dim_attrs *attrs = infer->attrs;
  infer->results[1].dtype = TN_I64;
  return tn__infer_reduction_dim(infer, &attrs->dim, attrs->keepdim);
}

static tn_status min_dim_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_min_dim_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = to_index(vjp, grad_out[0], attrs->dim, attrs->keepdim);
  return TN_OK;
}

/// The smallest element along the dimension dim, and the index there of the first such element; NaN
/// counts as the smallest.
/// self: any shape, integer, bool or floating; dim in [-ndim, ndim). Returns values in self's dtype
/// and indices in int64, both of self's shape without dim, or with size 1 there under keepdim.
/// gradient: to the element at the index. errors: OUT_OF_RANGE for dim, INVALID_ARGUMENT over no
/// elements, INVALID_DTYPE for complex. source: ATen `min.dim`.
const tn_op_def tn_op_min_dim = {
    .schema =
        "min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .flags = TN_OP_REDUCTION,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_REAL,
    .infer = min_dim_infer,
    .saves = {TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = min_dim_vjp,
};

static tn_status argmax_infer(tn_infer *infer) {
  tn_argmax_attrs *attrs = infer->attrs;
  return index_infer(infer, &attrs->dim, attrs->keepdim);
}

/// The index of the first largest element along dim; without dim, in the flattened self. NaN counts
/// as the largest. self: any shape, integer or floating; dim in [-ndim, ndim). Returns int64 of
/// self's shape without dim (or without any), or with size 1 there under keepdim. No gradient.
/// errors: OUT_OF_RANGE for dim, INVALID_ARGUMENT over no elements, INVALID_DTYPE for bool and
/// complex. source: ATen `argmax`.
const tn_op_def tn_op_argmax = {
    .schema = "argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .flags = TN_OP_REDUCTION | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .result_dtype = TN_I64,
    .dtypes = TN__DTYPES_NUMBERS,
    .infer = argmax_infer,
};

static tn_status argmin_infer(tn_infer *infer) {
  tn_argmin_attrs *attrs = infer->attrs;
  return index_infer(infer, &attrs->dim, attrs->keepdim);
}

/// The index of the first smallest element along dim; without dim, in the flattened self. NaN
/// counts as the smallest. self: any shape, integer or floating; dim in [-ndim, ndim). Returns
/// int64 of self's shape without dim (or without any), or with size 1 there under keepdim. No
/// gradient. errors: OUT_OF_RANGE for dim, INVALID_ARGUMENT over no elements, INVALID_DTYPE for
/// bool and complex. source: ATen `argmin`.
const tn_op_def tn_op_argmin = {
    .schema = "argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .flags = TN_OP_REDUCTION | TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .result_dtype = TN_I64,
    .dtypes = TN__DTYPES_NUMBERS,
    .infer = argmin_infer,
};
