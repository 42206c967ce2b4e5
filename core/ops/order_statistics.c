// SPDX-License-Identifier: Apache-2.0
//
// order_statistics: single elements of the sorted order, written with topk: kthvalue and median. A
// median is the lower of two middle elements, and NaN where there is any.

#include <inttypes.h>
#include <math.h>
#include <tenon/ops.h>

#include "pointwise.h"
#include "shapes.h"
#include "tensor_impl.h"

// Without the dimension |dim|, of size 1, unless it is to be kept.
static tn_tensor *settle_dim(tn_tensor *tensor, int64_t dim, bool keepdim) {
  if (tensor == NULL || keepdim || tn_tensor_ndim(tensor) == 0) return tensor;
  return tn_squeeze_dim(tensor, dim);
}

static tn_status kthvalue_compose(tn_compose *compose) {
  const tn_kthvalue_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *places = NULL;
  int64_t dim = attrs->dim;
  TN_TRY(tn__canonical_dim(compose->call, "dim", &dim, self->rank));
  const int64_t size = self->rank == 0 ? 1 : self->sizes[dim];
  if (attrs->k < 1 || attrs->k > size) {
    return tn__op_error(compose->call, TN_OUT_OF_RANGE, "k",
                        "%" PRId64 " of %" PRId64 " elements along dimension %" PRId64
                        " (they count from 1)",
                        attrs->k, size, dim);
  }
  tn_tensor *least = tn_topk(self, attrs->k, &places, .dim = TN_INT(dim), .largest = TN_NO);
  if (self->rank > 0) {
    least = tn_slice(least, .dim = dim, .start = TN_INT(attrs->k - 1));
    places = tn_slice(places, .dim = dim, .start = TN_INT(attrs->k - 1));
  }
  compose->results[0] = settle_dim(least, dim, attrs->keepdim);
  compose->results[1] = settle_dim(places, dim, attrs->keepdim);
  return TN_OK;
}

/// The k-th smallest element along dim, counted from 1, and its index there; of equal elements
/// those that stand first are smaller, and NaN is greater than everything. self: any shape, integer
/// or floating; dim in [-ndim, ndim); k in [1, size of dim]. Returns values in self's dtype and
/// indices in int64, of self's shape without dim, or with size 1 there under keepdim.
/// gradient: to the element at the index. errors: OUT_OF_RANGE for dim and k; INVALID_DTYPE.
/// source: ATen `kthvalue`.
// clang-format off
const tn_op_def tn_op_kthvalue = {
    .schema = "kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
    // clang-format on
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_NUMBERS,
    .compose = kthvalue_compose,
};

static tn_status median_dim_compose(tn_compose *compose) {
  const tn_median_dim_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *places = NULL, *greatest_at = NULL;
  int64_t dim = attrs->dim;
  TN_TRY(tn__canonical_dim(compose->call, "dim", &dim, self->rank));
  const int64_t size = self->rank == 0 ? 1 : self->sizes[dim];
  if (size == 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "there is no median of no elements along dimension %" PRId64, dim);
  }
  tn_tensor *middle =
      tn_kthvalue(self, (size + 1) / 2, &places, .dim = TN_INT(dim), .keepdim = attrs->keepdim);
  compose->results[0] = middle;
  compose->results[1] = places;
  if (!tn_dtype_is_floating(self->dtype)) return TN_OK;
  tn_tensor *greatest = tn_max_dim(self, dim, &greatest_at, .keepdim = attrs->keepdim);
  tn_tensor *is_nan = tn_isnan(greatest);
  compose->results[0] = tn_where(is_nan, greatest, middle);
  compose->results[1] = tn_where(is_nan, greatest_at, places);
  return TN_OK;
}

/// The median along dim, the lower of two middle elements, and its index there; NaN and the index
/// of the first where there is one. self: any shape, integer or floating; dim in [-ndim, ndim).
/// Returns values in self's dtype and indices in int64, of self's shape without dim, or with size 1
/// there under keepdim. gradient: to the element at the index. errors: OUT_OF_RANGE for dim,
/// INVALID_ARGUMENT over no elements, INVALID_DTYPE. source: ATen `median.dim`.
// clang-format off
const tn_op_def tn_op_median_dim = {
    .schema = "median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    // clang-format on
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_NUMBERS,
    .compose = median_dim_compose,
};

static tn_status median_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  if (self->numel > 0) {
    compose->results[0] = tn_median_dim(tn_reshape(self, TN_SHAPE(-1)), 0, NULL);
    return TN_OK;
  }
  if (!tn_dtype_is_floating(self->dtype)) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "there is no median of no integers");
  }
  compose->results[0] =
      tn_full(TN_SHAPE_SCALAR, (double)NAN, .dtype = self->dtype, .device = self->device);
  return TN_OK;
}

// Shared evenly among the elements that are equal to the median.
static tn_status median_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  tn_tensor *self = tn_vjp_input(vjp, 0), *median = tn_vjp_output(vjp, 0);
  tn_tensor *both_nan = tn_logical_and(tn_isnan(self), tn_isnan(median));
  tn_tensor *chosen = tn_logical_or(tn_eq(self, median), both_nan);
  tn_tensor *share = tn_div(grad_out[0], tn_sum(chosen));
  grad_in[0] = tn_where_scalar(chosen, share, 0);
  return TN_OK;
}

/// The median of all elements, the lower of two middle ones; NaN where there is one, and of no
/// elements. self: any shape, integer or floating. Returns a 0-dim tensor in self's dtype.
/// gradient: shared evenly among the elements that are equal to it. errors: INVALID_ARGUMENT for no
/// integers, INVALID_DTYPE. source: ATen `median`.
const tn_op_def tn_op_median = {
    .schema = "median(Tensor self) -> Tensor",
    .dtypes = TN__DTYPES_NUMBERS,
    .compose = median_compose,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = median_vjp,
};
