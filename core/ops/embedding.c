// SPDX-License-Identifier: Apache-2.0
//
// embedding: rows of a table looked up by index. The forward is index_select in another shape; the
// gradient is an operator of its own, because it leaves out the padding row and may divide each
// row by how often it was used.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status embedding_compose(tn_compose *compose) {
  tn_tensor *weight = compose->inputs[0], *indices = compose->inputs[1];
  if (weight->rank != 2 || indices->rank == TN_MAX_DIMS) {
    return tn__op_error(
        compose->call, TN_INVALID_ARGUMENT, weight->rank != 2 ? "weight" : "indices",
        "expected a weight of 2 dimensions and indices of at most %d", TN_MAX_DIMS - 1);
  }
  int64_t sizes[TN_MAX_DIMS];
  for (int32_t d = 0; d < indices->rank; d++) sizes[d] = indices->sizes[d];
  sizes[indices->rank] = weight->sizes[1];
  bool flat = indices->rank == 1;
  tn_tensor *list = flat ? indices : tn_reshape(indices, TN_SHAPE(indices->numel));
  tn_tensor *rows = tn_index_select(weight, 0, list);
  compose->results[0] = flat ? rows : tn_view_shape(rows, tn_ints_of(sizes, indices->rank + 1));
  return tn__status_of(compose->results[0]);
}

static tn_status embedding_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_embedding_attrs *attrs = tn_vjp_attrs(vjp);
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  grad_in[0] = tn_embedding_dense_backward(grad_out[0], tn_vjp_input(vjp, 1),
                                           tn_vjp_input_sizes(vjp, 0).data[0], attrs->padding_idx,
                                           attrs->scale_grad_by_freq);
  return tn__status_of(grad_in[0]);
}

/// Rows of a table: result[*, :] = weight[indices[*], :]. weight: [n, d], any dtype; indices: any
/// shape, int64 or int32, each in [0, n). Returns indices' shape with d at the end. padding_idx: a
/// row that gets no gradient, -1 for none. scale_grad_by_freq: each row's gradient is divided by
/// how often it is looked up. sparse: no meaning here, the gradient is dense. errors: OUT_OF_RANGE
/// for an index; INVALID_ARGUMENT for ranks; INVALID_DTYPE. source: ATen `embedding`.
// clang-format off
const tn_op_def tn_op_embedding = {
    .schema = "embedding(Tensor weight, Tensor indices, int padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
    // clang-format on
    .exempt = 1u << 1,
    .compose = embedding_compose,
    .saves = {TN_SAVE_INPUT(1)},
    .save_count = 1,
    .vjp = embedding_vjp,
};

static tn_status embedding_backward_infer(tn_infer *infer) {
  const tn_embedding_dense_backward_attrs *attrs = infer->attrs;
  const tn_tensor *grad = infer->inputs[0], *indices = infer->inputs[1];
  TN_TRY(tn__expect_index(infer, 1, "indices"));
  bool fits = grad->rank == indices->rank + 1;
  for (int32_t d = 0; fits && d < indices->rank; d++) fits = grad->sizes[d] == indices->sizes[d];
  if (!fits) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad_output",
                        "expected indices' shape and one more dimension at the end");
  }
  if (attrs->num_weights < 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "num_weights",
                        "expected at least 0, not %" PRId64, attrs->num_weights);
  }
  return tn__result_shape(infer, 0, TN_SHAPE(attrs->num_weights, grad->sizes[grad->rank - 1]));
}

// How often each of |flat|'s indices occurs, beside each of them: [count, 1].
static tn_tensor *frequencies(tn_tensor *flat, int64_t rows, const tn_tensor *like) {
  tn_tensor *ones = tn_ones(tn_tensor_shape(flat), .dtype = tn_tensor_dtype(like),
                            .device = tn_tensor_device(like));
  tn_tensor *counts = tn_index_add(tn__zeros_beside(like, TN_SHAPE(rows)), 0, flat, ones);
  return tn_unsqueeze(tn_index_select(counts, 0, flat), 1);
}

// Linear in grad_output: the same rows are looked up in the direction, without the padding row.
static tn_status embedding_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                        tn_tensor **grad_in) {
  const tn_embedding_dense_backward_attrs *attrs = tn_vjp_attrs(vjp);
  if (!tn_vjp_needs(vjp, 0)) return TN_OK;
  tn_tensor *indices = tn_vjp_input(vjp, 1);
  tn_tensor *flat = tn_reshape(indices, TN_SHAPE(tn_tensor_numel(indices)));
  tn_tensor *rows = tn_index_select(grad_out[0], 0, flat);
  if (attrs->padding_idx >= 0) {
    tn_tensor *padded = tn_unsqueeze(tn_eq_scalar(flat, attrs->padding_idx), 1);
    rows = tn_masked_fill_scalar(rows, padded, 0);
  }
  if (attrs->scale_grad_by_freq && rows != NULL) {
    rows = tn_div(rows, frequencies(flat, attrs->num_weights, rows));
  }
  grad_in[0] = tn_reshape(rows, tn_vjp_input_sizes(vjp, 0));
  return tn__status_of(grad_in[0]);
}

/// The gradient of embedding(): row i is the sum of grad_output's rows whose index is i, divided by
/// their number under scale_grad_by_freq; zeros for padding_idx (none where negative).
/// grad_output: [*, d]; indices: [*], int64 or int32, each in [0, num_weights). Returns
/// [num_weights, d]. errors: OUT_OF_RANGE for an index, from the kernel; INVALID_ARGUMENT for
/// shapes; INVALID_DTYPE. source: ATen `embedding_dense_backward`.
// clang-format off
const tn_op_def tn_op_embedding_dense_backward = {
    .schema = "embedding_dense_backward(Tensor grad_output, Tensor indices, int num_weights, int padding_idx, bool scale_grad_by_freq) -> Tensor",
    // clang-format on
    .exempt = 1u << 1,
    .infer = embedding_backward_infer,
    .saves = {TN_SAVE_INPUT(1)},
    .save_count = 1,
    .vjp = embedding_backward_vjp,
};
