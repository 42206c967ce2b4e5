// SPDX-License-Identifier: Apache-2.0
//
// expand: views that repeat dimensions of size 1 without copying, by a stride of 0. The gradient is
// the sum over what was repeated, which the engine takes when it fits a gradient to its input.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// One dimension of the result: |want| as asked, |self|'s dimension |from|, or -1 for a new one.
static tn_status expand_dimension(tn_infer *infer, int64_t want, int64_t from, int64_t *size,
                                  int64_t *stride) {
  const tn_tensor *self = infer->inputs[0];
  if (want < -1 || (want == -1 && from < 0)) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "size",
                        want == -1 ? "-1 keeps a size, but a new leading dimension has none"
                                   : "size %" PRId64 " is negative",
                        want);
  }
  bool keep = from >= 0 && (want == -1 || want == self->sizes[from]);
  if (!keep && from >= 0 && self->sizes[from] != 1) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "size",
                        "dimension %" PRId64 " of size %" PRId64 " cannot become %" PRId64
                        "; only size 1 can be expanded",
                        from, self->sizes[from], want);
  }
  *size = keep ? self->sizes[from] : want;
  *stride = keep ? self->strides[from] : 0;
  return TN_OK;
}

static tn_status expand_infer(tn_infer *infer) {
  const tn_expand_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  tn__result *result = &infer->results[0];
  int64_t rank = attrs->size.count, numel;
  if (rank < self->rank || rank > TN_MAX_DIMS) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "size",
                        "%" PRId64
                        " sizes for an input of %d dimensions; expected at least as "
                        "many, and at most %d",
                        rank, (int)self->rank, TN_MAX_DIMS);
  }
  for (int64_t d = 0; d < rank; d++) {
    int64_t from = d - (rank - self->rank);
    TN_TRY(expand_dimension(infer, attrs->size.data[d], from < 0 ? -1 : from, &result->sizes[d],
                            &result->strides[d]));
  }
  result->rank = (int32_t)rank;
  result->offset = self->offset;
  return tn__checked_numel(infer->call, "size", tn_ints_of(result->sizes, rank), &numel);
}

static tn_status expand_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  (void)vjp;
  grad_in[0] = grad_out[0];
  return TN_OK;
}

/// A view in which dimensions of size 1 are repeated and new leading dimensions may be added;
/// repeated elements share one place in memory. self: any shape and dtype.
/// size: at least self's rank, aligned at the end; -1 keeps a size. implicit: no meaning here.
/// errors: INVALID_ARGUMENT for a size that differs where self's is not 1, and for an overflow.
/// source: ATen `expand`.
// clang-format off
const tn_op_def tn_op_expand = {
    .schema = "expand(Tensor self, int[] size, *, bool implicit=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_VIEW,
    .infer = expand_infer,
    .vjp = expand_vjp,
};

static tn_status broadcast_to_compose(tn_compose *compose) {
  const tn_broadcast_to_attrs *attrs = compose->attrs;
  compose->results[0] = tn_expand(compose->inputs[0], attrs->size);
  return tn__status_of(compose->results[0]);
}

/// expand() under NumPy's name. errors: INVALID_ARGUMENT. source: ATen `broadcast_to`.
const tn_op_def tn_op_broadcast_to = {
    .schema = "broadcast_to(Tensor self, int[] size) -> Tensor",
    .compose = broadcast_to_compose,
};
