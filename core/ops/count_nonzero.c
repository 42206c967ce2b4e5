// SPDX-License-Identifier: Apache-2.0
//
// count_nonzero: how many elements are not zero (NaN is not): a sum of comparisons.

#include <tenon/ops.h>

#include "shapes.h"

static tn_status count_nonzero_dims_compose(tn_compose *compose) {
  const tn_count_nonzero_dim_IntList_attrs *attrs = compose->attrs;
  tn_tensor *differs = tn_ne_scalar(compose->inputs[0], 0);
  compose->results[0] = tn_sum_dim(differs, attrs->dim);
  return tn__status_of(compose->results[0]);
}

/// How many elements over the dimensions dim (an empty list: all) are not zero.
/// self: any shape and dtype; dim: each in [-ndim, ndim), none twice. Returns int64 of self's shape
/// without dim, without a gradient. errors: OUT_OF_RANGE for a dim, INVALID_ARGUMENT for a repeated
/// one. source: ATen `count_nonzero.dim_IntList`.
const tn_op_def tn_op_count_nonzero_dim_IntList = {
    .schema = "count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = count_nonzero_dims_compose,
};

static tn_status count_nonzero_compose(tn_compose *compose) {
  const tn_count_nonzero_attrs *attrs = compose->attrs;
  tn_tensor *differs = tn_ne_scalar(compose->inputs[0], 0);
  compose->results[0] =
      attrs->dim.present ? tn_sum_dim(differs, TN_INTS(attrs->dim.value)) : tn_sum(differs);
  return tn__status_of(compose->results[0]);
}

/// How many elements along dim (left out: of all) are not zero. As `count_nonzero.dim_IntList`.
/// source: ATen `count_nonzero`.
const tn_op_def tn_op_count_nonzero = {
    .schema = "count_nonzero(Tensor self, int? dim=None) -> Tensor",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = count_nonzero_compose,
};
