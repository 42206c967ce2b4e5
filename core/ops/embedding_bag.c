// SPDX-License-Identifier: Apache-2.0
//
// embedding_bag: rows of a table looked up by index and joined into one row a bag, without the rows
// in between. offset2bag, bag_size and max_indices are results, from which the gradient is made
// with the operators of plain embeddings, so it has gradients of its own.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

enum { MODE_SUM = 0, MODE_MEAN = 1, MODE_MAX = 2 };

static tn_status check_bags(tn_infer *infer, int64_t mode, bool include_last_offset) {
  tn__call *call = infer->call;
  const tn_tensor *indices = infer->inputs[1], *offsets = infer->inputs[2];
  const tn_tensor *weights = infer->inputs[3];
  TN_TRY(tn__expect_rank(infer, 0, "weight", 2, 2));
  TN_TRY(tn__expect_index(infer, 1, "indices"));
  TN_TRY(tn__expect_rank(infer, 1, "indices", 1, 1));
  TN_TRY(tn__expect_index(infer, 2, "offsets"));
  TN_TRY(tn__expect_rank(infer, 2, "offsets", 1, 1));
  if (mode < MODE_SUM || mode > MODE_MAX) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "mode",
                        "expected 0 (sum), 1 (mean) or 2 (max), not %" PRId64, mode);
  }
  if (include_last_offset && offsets->numel == 0) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "offsets",
                        "with include_last_offset there must be at least 1");
  }
  if (tn__is_none(weights)) return TN_OK;
  if (mode != MODE_SUM) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "per_sample_weights",
                        "only sums can be weighted, mode 0");
  }
  if (weights->rank == 1 && weights->sizes[0] == indices->sizes[0]) return TN_OK;
  return tn__op_error(call, TN_INVALID_ARGUMENT, "per_sample_weights",
                      "expected [%" PRId64 "], one for each index", indices->sizes[0]);
}

static tn_status embedding_bag_infer(tn_infer *infer) {
  tn__embedding_bag_attrs *attrs = infer->attrs;
  const tn_tensor *weight = infer->inputs[0], *indices = infer->inputs[1];
  TN_TRY(check_bags(infer, attrs->mode, attrs->include_last_offset));
  if (attrs->padding_idx < -1 || attrs->padding_idx >= weight->sizes[0]) {
    return tn__op_error(infer->call, TN_OUT_OF_RANGE, "padding_idx",
                        "%" PRId64 " is no row of %" PRId64, attrs->padding_idx, weight->sizes[0]);
  }
  int64_t bags = infer->inputs[2]->sizes[0] - (attrs->include_last_offset ? 1 : 0);
  TN_TRY(tn__result_shape(infer, 0, TN_SHAPE(bags, weight->sizes[1])));
  for (int32_t k = 1; k < 4; k++) infer->results[k].dtype = indices->dtype;
  TN_TRY(tn__result_shape(infer, 1, TN_SHAPE(indices->sizes[0])));
  TN_TRY(tn__result_shape(infer, 2, TN_SHAPE(bags)));
  bool max = attrs->mode == MODE_MAX;
  return tn__result_shape(infer, 3, max ? TN_SHAPE(bags, weight->sizes[1]) : TN_SHAPE(bags));
}

// 1 for every index that counts, 0 for those of the padding, shaped [n, 1].
static tn_tensor *counts_at_all(tn_tensor *indices, int64_t padding_idx, const tn_tensor *like) {
  tn_tensor *counts = tn_ne_scalar(indices, padding_idx);
  return tn_unsqueeze(tn_to(counts, tn_tensor_device(like), tn_tensor_dtype(like)), 1);
}

// grad_out's row for each index: of a sum weighted, of a mean divided by the bag's size.
static tn_tensor *rows_of_gradient(tn_vjp *vjp, tn_tensor *grad) {
  const tn__embedding_bag_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *bags = tn_vjp_output(vjp, 1), *weights = tn_vjp_input(vjp, 3);
  if (attrs->mode == MODE_MEAN) {
    tn_tensor *sizes = tn_to(tn_vjp_output(vjp, 2), tn_tensor_device(grad), tn_tensor_dtype(grad));
    grad = tn_div(grad, tn_unsqueeze(tn_clamp(sizes, .min = TN_SCALAR(1)), 1));
  }
  tn_tensor *rows = tn_index_select(grad, 0, bags);
  return weights == TN_NONE ? rows : tn_mul(rows, tn_unsqueeze(weights, 1));
}

// Of a maximum: each element goes to the row that it came from, but none of an empty bag's.
static tn_tensor *gradient_of_max(tn_vjp *vjp, tn_tensor *grad) {
  tn_tensor *sizes = tn_vjp_output(vjp, 2), *places = tn_vjp_output(vjp, 3);
  tn_tensor *empty = tn_unsqueeze(tn_eq_scalar(sizes, 0), 1);
  tn_tensor *whole = tn__zeros_beside(grad, tn_vjp_input_sizes(vjp, 0));
  return tn_scatter_add(whole, 0, places, tn_masked_fill_scalar(grad, empty, 0));
}

static tn_status embedding_bag_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__embedding_bag_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *grad = grad_out[0], *indices = tn_vjp_input(vjp, 1);
  if (grad == TN_NONE) return TN_OK;
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = attrs->mode == MODE_MAX
                     ? gradient_of_max(vjp, grad)
                     : tn_embedding_dense_backward(rows_of_gradient(vjp, grad), indices,
                                                   tn_vjp_input_sizes(vjp, 0).data[0],
                                                   attrs->padding_idx, attrs->scale_grad_by_freq);
    TN_TRY(tn__status_of(grad_in[0]));
  }
  if (!tn_vjp_needs(vjp, 3)) return TN_OK;
  tn_tensor *rows = tn_index_select(tn_vjp_input(vjp, 0), 0, indices);
  tn_tensor *products = tn_mul(tn_index_select(grad, 0, tn_vjp_output(vjp, 1)), rows);
  if (attrs->padding_idx >= 0) {
    products = tn_mul(products, counts_at_all(indices, attrs->padding_idx, products));
  }
  grad_in[3] = tn_sum_dim(products, TN_DIMS(1));
  return tn__status_of(grad_in[3]);
}

/// For each bag the sum (mode 0), the mean (1) or the maximum (2) of weight[indices[i]], i from the
/// bag's offset up to the next one's; zeros for a bag of nothing. weight: [n, d], floating;
/// indices: [m], int64 or int32, each in [0, n); offsets: [bags], rising from 0 to at most m, or
/// with include_last_offset [bags + 1], of which the last is m; per_sample_weights: [m], multiplied
/// with the rows of a sum, or absent; padding_idx: a row that counts for nothing, -1 for none;
/// scale_grad_by_freq: a row's gradient is divided by how often it is looked up; sparse: no meaning
/// here. Returns [bags, d]; offset2bag, the bag of each index; bag_size, how many counted in each;
/// max_indices, for a maximum the row that each element came from, else a copy of bag_size. errors:
/// OUT_OF_RANGE for an index; INVALID_ARGUMENT for shapes, offsets, the mode or weights with
/// another mode than 0; INVALID_DTYPE. source: ATen `_embedding_bag`.
// clang-format off
const tn_op_def tn_op__embedding_bag = {
    .schema = "_embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False, int padding_idx=-1) -> (Tensor, Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = embedding_bag_infer,
    .saves = {TN_SAVE_INPUT(1) | TN_SAVE_INPUT(3) | TN_SAVE_OUTPUT(1) | TN_SAVE_OUTPUT(2) |
                  TN_SAVE_OUTPUT(3),
              0, 0, TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_OUTPUT(1)},
    .save_count = 4,
    .vjp = embedding_bag_vjp,
};

static tn_status usual_compose(tn_compose *compose) {
  const tn_embedding_bag_attrs *attrs = compose->attrs;
  tn_tensor *const *in = compose->inputs;
  compose->results[0] = tn_aten_embedding_bag(
      in[0], in[1], in[2], in[3], &compose->results[1], &compose->results[2], &compose->results[3],
      .scale_grad_by_freq = attrs->scale_grad_by_freq, .mode = attrs->mode, .sparse = attrs->sparse,
      .include_last_offset = attrs->include_last_offset);
  return tn__status_of(compose->results[0]);
}

/// `_embedding_bag` under its usual name, without a padding row. errors: as there.
/// source: ATen `embedding_bag`.
// clang-format off
const tn_op_def tn_op_embedding_bag = {
    .schema = "embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False) -> (Tensor, Tensor, Tensor, Tensor)",
    // clang-format on
    .exempt = 1u << 1 | 1u << 2,
    .compose = usual_compose,
};
