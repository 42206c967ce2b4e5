// SPDX-License-Identifier: Apache-2.0
//
// diff: differences of neighbours along a dimension, repeated: each is one view less another. Of
// bool, whether neighbours differ.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// |self| with the operands that are given before and behind it.
static tn_tensor *joined(tn_tensor *self, tn_tensor *before, tn_tensor *behind, int64_t dim) {
  if (before != TN_NONE && behind != TN_NONE) {
    return tn_cat(TN_TENSORS(before, self, behind), .dim = dim);
  }
  if (before != TN_NONE) return tn_cat(TN_TENSORS(before, self), .dim = dim);
  if (behind != TN_NONE) return tn_cat(TN_TENSORS(self, behind), .dim = dim);
  return self;
}

static tn_status diff_compose(tn_compose *compose) {
  const tn_diff_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  int64_t dim = attrs->dim;
  if (self->rank == 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "a number has no neighbours; expected at least one dimension");
  }
  TN_TRY(tn__canonical_dim(compose->call, "dim", &dim, self->rank));
  if (attrs->n < 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "n",
                        "expected at least 0, not %" PRId64, attrs->n);
  }
  tn_tensor *result = joined(self, compose->inputs[1], compose->inputs[2], dim);
  for (int64_t i = 0; i < attrs->n && result != NULL; i++) {
    const int64_t left = result->sizes[dim] > 0 ? result->sizes[dim] - 1 : 0;
    const int64_t first = result->sizes[dim] > 0 ? 1 : 0;
    tn_tensor *next = tn_narrow(result, dim, first, left), *own = tn_narrow(result, dim, 0, left);
    const bool is_bool = next != NULL && next->dtype == TN_BOOL;
    result = is_bool ? tn_logical_xor(next, own) : tn_sub(next, own);
    if (left == 0) break;
  }
  compose->results[0] = result == self ? tn_clone(self) : result;
  return tn__status_of(compose->results[0]);
}

/// The n-th differences self[i + 1] - self[i] along dim, with prepend and append laid beside self
/// first; of bool, whether the two differ.
/// self: at least one dimension, any dtype; prepend, append: self's shape but along dim; n: at
/// least 0, where self is copied. Returns n elements fewer along dim, at least 0. errors:
/// INVALID_ARGUMENT for a 0-dim self, a negative n or shapes that do not fit, OUT_OF_RANGE for dim.
/// source: ATen `diff`.
const tn_op_def tn_op_diff = {
    // clang-format off
    .schema = "diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor",
    // clang-format on
    .compose = diff_compose,
};
