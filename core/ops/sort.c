// SPDX-License-Identifier: Apache-2.0
//
// sort: elements in order along one dimension, and where each came from: sort, argsort, msort, and
// topk, which is the first k of them. The order is total: -0 equals 0, and NaN is greater than
// everything. Equal elements keep their order, so that a result is one and the same on every
// backend. A gradient goes back to where the element came from.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// |grad| at the indices that were returned, zeros elsewhere.
static tn_status to_places(tn_vjp *vjp, tn_tensor *grad, int64_t dim, tn_tensor **grad_in) {
  const tn_ints sizes = tn_vjp_input_sizes(vjp, 0);
  grad_in[0] = grad;
  if (sizes.count == 0) return TN_OK;
  grad_in[0] = tn_scatter(tn__zeros_beside(grad, sizes), dim, tn_vjp_output(vjp, 1), grad);
  return tn__status_of(grad_in[0]);
}

static tn_status sort_infer(tn_infer *infer) {
  tn_sort_stable_attrs *attrs = infer->attrs;
  TN_TRY(tn__canonical_dim(infer->call, "dim", &attrs->dim, infer->inputs[0]->rank));
  infer->results[1].dtype = TN_I64;
  return tn__infer_same(infer);
}

static tn_status sort_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_sort_stable_attrs *attrs = tn_vjp_attrs(vjp);
  return to_places(vjp, grad_out[0], attrs->dim, grad_in);
}

/// self's elements in ascending order along dim, or descending, and the index along dim that each
/// came from. Equal elements keep their order, whatever stable says; -0 equals 0, NaN is greater
/// than everything. self: any shape, any real dtype; dim in [-ndim, ndim). Returns values in self's
/// dtype and indices in int64, both of self's shape.
/// gradient: values' goes to where they came from. errors: OUT_OF_RANGE for dim, INVALID_DTYPE for
/// complex. source: ATen `sort.stable`.
// clang-format off
const tn_op_def tn_op_sort_stable = {
    .schema = "sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
    // clang-format on
    .forms = TN_FORM_OUT,
    .dtypes = TN_DTYPES_REAL,
    .infer = sort_infer,
    .saves = {TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = sort_vjp,
};

static tn_status sort_compose(tn_compose *compose) {
  const tn_sort_attrs *attrs = compose->attrs;
  compose->results[0] = tn_sort_stable(compose->inputs[0], true, &compose->results[1],
                                       .dim = TN_INT(attrs->dim), .descending = attrs->descending);
  return TN_OK;
}

/// As `sort.stable`, with equal elements in their order too. source: ATen `sort`.
// clang-format off
const tn_op_def tn_op_sort = {
    .schema = "sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
    // clang-format on
    .forms = TN_FORM_OUT,
    .dtypes = TN_DTYPES_REAL,
    .compose = sort_compose,
};

static tn_status argsort_compose(tn_compose *compose) {
  const tn_argsort_attrs *attrs = compose->attrs;
  if (tn_sort_stable(compose->inputs[0], true, &compose->results[0], .dim = TN_INT(attrs->dim),
                     .descending = attrs->descending) == NULL) {
    return tn__status_of(NULL);
  }
  return TN_OK;
}

/// The indices along dim that would put self in order, as `sort` returns them: int64, self's shape.
/// No gradient. errors: OUT_OF_RANGE for dim, INVALID_DTYPE for complex. source: ATen `argsort`.
const tn_op_def tn_op_argsort = {
    .schema = "argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .dtypes = TN_DTYPES_REAL,
    .compose = argsort_compose,
};

static tn_status argsort_stable_compose(tn_compose *compose) {
  const tn_argsort_stable_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_argsort(compose->inputs[0], .dim = TN_INT(attrs->dim), .descending = attrs->descending);
  return TN_OK;
}

/// As `argsort`, which is stable whatever stable says. source: ATen `argsort.stable`.
// clang-format off
const tn_op_def tn_op_argsort_stable = {
    .schema = "argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .dtypes = TN_DTYPES_REAL,
    .compose = argsort_stable_compose,
};

static tn_status msort_compose(tn_compose *compose) {
  compose->results[0] = tn_sort(compose->inputs[0], NULL, .dim = TN_INT(0));
  return TN_OK;
}

/// self's elements in ascending order along dimension 0: `sort`'s values. source: ATen `msort`.
const tn_op_def tn_op_msort = {
    .schema = "msort(Tensor self) -> Tensor",
    .forms = TN_FORM_OUT,
    .dtypes = TN_DTYPES_REAL,
    .compose = msort_compose,
};

static tn_status topk_infer(tn_infer *infer) {
  tn_topk_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  TN_TRY(tn__canonical_dim(infer->call, "dim", &attrs->dim, self->rank));
  const int64_t size = self->rank == 0 ? 1 : self->sizes[attrs->dim];
  const int64_t least = self->rank == 0 ? 1 : 0;
  if (attrs->k < least || attrs->k > size) {
    return tn__op_error(infer->call, TN_OUT_OF_RANGE, "k",
                        "%" PRId64 " of %" PRId64 " elements along dimension %" PRId64
                        " (expected %" PRId64 " to %" PRId64 ")",
                        attrs->k, size, attrs->dim, least, size);
  }
  infer->results[1].dtype = TN_I64;
  TN_TRY(tn__infer_same(infer));
  for (int32_t i = 0; i < 2 && self->rank > 0; i++) {
    infer->results[i].sizes[attrs->dim] = attrs->k;
  }
  return TN_OK;
}

static tn_status topk_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_topk_attrs *attrs = tn_vjp_attrs(vjp);
  return to_places(vjp, grad_out[0], attrs->dim, grad_in);
}

/// The k largest elements along dim, or the k smallest, and the index along dim of each; they come
/// in order, whatever sorted says, and of equal elements those that stand first. NaN is greater
/// than everything. self: any shape, any real dtype; dim in [-ndim, ndim); k in [0, size of dim].
/// Returns values in self's dtype and indices in int64, both of self's shape with k along dim.
/// gradient: values' goes to where they came from. errors: OUT_OF_RANGE for dim and k,
/// INVALID_DTYPE for complex. source: ATen `topk`.
// clang-format off
const tn_op_def tn_op_topk = {
    .schema = "topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)",
    // clang-format on
    .forms = TN_FORM_OUT,
    .dtypes = TN_DTYPES_REAL,
    .infer = topk_infer,
    .saves = {TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = topk_vjp,
};
