// SPDX-License-Identifier: Apache-2.0
//
// diagonal: the view along which two dimensions' indices grow together, so that its stride is the
// sum of theirs; and the trace, its sum.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status diagonal_infer(tn_infer *infer) {
  tn_diagonal_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  tn__result *result = &infer->results[0];
  TN_TRY(tn__expect_rank(infer, 0, "self", 2, TN_MAX_DIMS));
  TN_TRY(tn__canonical_dim(infer->call, "dim1", &attrs->dim1, self->rank));
  TN_TRY(tn__canonical_dim(infer->call, "dim2", &attrs->dim2, self->rank));
  int64_t dim1 = attrs->dim1, dim2 = attrs->dim2, offset = attrs->offset;
  if (dim1 == dim2) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "dim2",
                        "dim1 and dim2 are the same dimension, %" PRId64, dim1);
  }
  // A diagonal above the main one starts at column offset, one below it at row -offset.
  int64_t rows = self->sizes[dim1], columns = self->sizes[dim2];
  if (offset > columns) offset = columns;
  if (offset < -rows) offset = -rows;
  if (offset >= 0) columns -= offset;
  if (offset < 0) rows += offset;
  result->rank = 0;
  for (int32_t d = 0; d < self->rank; d++) {
    if (d == dim1 || d == dim2) continue;
    result->sizes[result->rank] = self->sizes[d];
    result->strides[result->rank++] = self->strides[d];
  }
  int64_t length = rows < columns ? rows : columns;
  result->sizes[result->rank] = length;
  result->strides[result->rank++] = self->strides[dim1] + self->strides[dim2];
  result->offset = self->offset;
  if (length > 0) {
    result->offset += offset >= 0 ? offset * self->strides[dim2] : -offset * self->strides[dim1];
  }
  return TN_OK;
}

static tn_status diagonal_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_diagonal_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_diagonal_backward(grad_out[0], tn_vjp_input_sizes(vjp, 0), attrs->offset,
                                    attrs->dim1, attrs->dim2);
  return tn__status_of(grad_in[0]);
}

/// A view of a diagonal of the matrices in dim1 (rows) and dim2 (columns); it becomes the last
/// dimension. self: at least 2 dimensions, any dtype. offset: above the main diagonal where
/// positive, below it where negative; one outside of the matrix gives no elements.
/// errors: OUT_OF_RANGE for a dim; INVALID_ARGUMENT for equal dims or a rank below 2.
/// source: ATen `diagonal`.
// clang-format off
const tn_op_def tn_op_diagonal = {
    .schema = "diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor",
    // clang-format on
    .flags = TN_OP_VIEW,
    .infer = diagonal_infer,
    .vjp = diagonal_vjp,
};

static tn_status diagonal_backward_compose(tn_compose *compose) {
  const tn_diagonal_backward_attrs *attrs = compose->attrs;
  tn_tensor *whole = tn__zeros_beside(compose->inputs[0], attrs->input_sizes);
  tn_tensor *part =
      tn_diagonal(whole, .offset = attrs->offset, .dim1 = attrs->dim1, .dim2 = TN_INT(attrs->dim2));
  TN_TRY(tn__status_of(part));
  TN_TRY(tn__put_grad(compose->call, part, compose->inputs[0]));
  compose->results[0] = whole;
  return TN_OK;
}

static tn_status diagonal_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                       tn_tensor **grad_in) {
  const tn_diagonal_backward_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = tn_diagonal(grad_out[0], .offset = attrs->offset, .dim1 = attrs->dim1,
                           .dim2 = TN_INT(attrs->dim2));
  return tn__status_of(grad_in[0]);
}

/// The gradient of diagonal(): zeros of input_sizes with grad_output along the diagonal.
/// errors: as diagonal; INVALID_ARGUMENT for grad_output's shape. source: ATen `diagonal_backward`.
// clang-format off
const tn_op_def tn_op_diagonal_backward = {
    .schema = "diagonal_backward(Tensor grad_output, int[] input_sizes, int offset, int dim1, int dim2) -> Tensor",
    // clang-format on
    .compose = diagonal_backward_compose,
    .vjp = diagonal_backward_vjp,
};

static tn_status trace_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  if (self->rank != 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "expected a matrix, not %d dimensions; of stacks, sum the diagonal",
                        (int)self->rank);
  }
  compose->results[0] = tn_sum(tn_diagonal(self));
  return tn__status_of(compose->results[0]);
}

/// The sum of a matrix's main diagonal. self: 2 dimensions, any dtype. Returns a 0-dim tensor,
/// int64 for integers and bool. gradient: on the diagonal. errors: INVALID_ARGUMENT. source: ATen
/// `trace`.
const tn_op_def tn_op_trace = {
    .schema = "trace(Tensor self) -> Tensor",
    .compose = trace_compose,
};
