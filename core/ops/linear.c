// SPDX-License-Identifier: Apache-2.0
//
// linear: input weight^T + bias. Leading dimensions of the input are folded into rows, so that any
// rank takes one product.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status check_linear(tn_compose *compose) {
  const tn_tensor *input = compose->inputs[0], *weight = compose->inputs[1];
  const tn_tensor *bias = compose->inputs[2];
  if (input->rank == 0 || weight->rank < 1 || weight->rank > 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, input->rank == 0 ? "input" : "weight",
                        "expected an input of at least 1 dimension and a weight of 2 (or 1)");
  }
  int64_t features = input->sizes[input->rank - 1], columns = weight->sizes[weight->rank - 1];
  if (features != columns) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "weight",
                        "the input has %" PRId64 " features and the weight takes %" PRId64,
                        features, columns);
  }
  int64_t rows = weight->rank == 2 ? weight->sizes[0] : 1;
  bool fits = tn__is_none(bias) || bias->rank == 0 ||
              (bias->rank == 1 && (bias->sizes[0] == rows || bias->sizes[0] == 1));
  if (fits) return TN_OK;
  return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "bias",
                      "expected [%" PRId64 "], one for each of the weight's rows", rows);
}

static tn_status linear_compose(tn_compose *compose) {
  TN_TRY(check_linear(compose));
  tn_tensor *input = compose->inputs[0], *weight = compose->inputs[1], *bias = compose->inputs[2];
  if (weight->rank == 1) {
    tn_tensor *product = tn_matmul(input, weight);
    compose->results[0] = tn__is_none(bias) ? product : tn_add(product, bias);
    return tn__status_of(compose->results[0]);
  }
  int64_t sizes[TN_MAX_DIMS], rank = input->rank, rows = 1;
  for (int64_t d = 0; d < rank - 1; d++) rows *= sizes[d] = input->sizes[d];
  sizes[rank - 1] = weight->sizes[0];
  bool flat = rank == 2;
  tn_tensor *left = flat ? input : tn_reshape(input, TN_SHAPE(rows, input->sizes[rank - 1]));
  tn_tensor *right = tn_transpose(weight, 0, 1);
  tn_tensor *product = tn__is_none(bias) ? tn_mm(left, right) : tn_addmm(bias, left, right);
  compose->results[0] = flat ? product : tn_view_shape(product, tn_ints_of(sizes, rank));
  return tn__status_of(compose->results[0]);
}

/// input weight^T + bias. input: [*, in]; weight: [out, in], or [in] for a single output without a
/// dimension of its own; bias: [out]; dtypes promote. Returns [*, out].
/// errors: INVALID_ARGUMENT for sizes that do not fit. source: ATen `linear`.
// clang-format off
const tn_op_def tn_op_linear = {
    .schema = "linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .compose = linear_compose,
};
