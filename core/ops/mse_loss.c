// SPDX-License-Identifier: Apache-2.0
//
// mse_loss: the squared difference, averaged, summed or as it is.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status mse_loss_compose(tn_compose *compose) {
  const tn_mse_loss_attrs *attrs = compose->attrs;
  if (attrs->reduction < 0 || attrs->reduction > 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "reduction",
                        "expected 0 (none), 1 (mean) or 2 (sum), not %" PRId64, attrs->reduction);
  }
  tn_tensor *square = tn_square(tn_sub(compose->inputs[0], compose->inputs[1]));
  if (attrs->reduction == 0) compose->results[0] = square;
  if (attrs->reduction == 1) compose->results[0] = tn_mean(square);
  if (attrs->reduction == 2) compose->results[0] = tn_sum(square);
  return tn__status_of(compose->results[0]);
}

/// (self - target)^2: its mean (reduction 1), its sum (2), or each (0). self, target: shapes that
/// broadcast; floating for the mean. errors: INVALID_ARGUMENT for shapes or reduction.
/// source: ATen `mse_loss`.
// clang-format off
const tn_op_def tn_op_mse_loss = {
    .schema = "mse_loss(Tensor self, Tensor target, int reduction=1) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .compose = mse_loss_compose,
};
