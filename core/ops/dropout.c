// SPDX-License-Identifier: Apache-2.0
//
// dropout: sets elements to zero at random while training and scales the rest, so that the mean
// stays. The mask is a result, which makes the gradient the same product.

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status expect_probability(tn__call *call, double p) {
  if (p >= 0 && p <= 1) return TN_OK;
  return tn__op_error(call, TN_INVALID_ARGUMENT, "p",
                      "%g is no probability; expected one in [0, 1]", p);
}

static tn_status native_dropout_infer(tn_infer *infer) {
  const tn_native_dropout_attrs *attrs = infer->attrs;
  TN_TRY(expect_probability(infer->call, attrs->p));
  TN_TRY(tn__infer_same(infer));
  infer->results[1].dtype = TN_BOOL;
  return TN_OK;
}

static tn_status native_dropout_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_native_dropout_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *kept = tn_mul(grad_out[0], tn_vjp_output(vjp, 1));
  bool scaled = attrs->train && attrs->p < 1;
  grad_in[0] = scaled ? tn_mul_scalar(kept, 1.0 / (1.0 - attrs->p)) : kept;
  return tn__status_of(grad_in[0]);
}

/// result = input * mask / (1 - p), where each element of mask is true with probability 1 - p;
/// zeros where p is 1. Without train: a copy, and a mask of true. input: any shape, floating. mask:
/// bool, of the same shape. errors: INVALID_ARGUMENT unless p is in [0, 1]; INVALID_DTYPE. source:
/// Srivastava et al. 2014; ATen `native_dropout`.
// clang-format off
const tn_op_def tn_op_native_dropout = {
    .schema = "native_dropout(Tensor input, float p, bool? train, *, Generator? generator=None) -> (Tensor result, Tensor mask)",
    // clang-format on
    .flags = TN_OP_RANDOM,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = native_dropout_infer,
    .saves = {TN_SAVE_OUTPUT(1)},
    .save_count = 1,
    .vjp = native_dropout_vjp,
};

static tn_status dropout_compose(tn_compose *compose) {
  const tn_dropout_attrs *attrs = compose->attrs;
  TN_TRY(expect_probability(compose->call, attrs->p));
  tn_tensor *input = compose->inputs[0];
  compose->results[0] =
      attrs->train && attrs->p > 0 ? tn_native_dropout(input, attrs->p, true, NULL) : input;
  return tn__status_of(compose->results[0]);
}

/// While training, sets each element to zero with probability p and divides the others by 1 - p;
/// otherwise input itself. input: any shape, floating.
/// errors: INVALID_ARGUMENT unless p is in [0, 1]; INVALID_DTYPE. source: ATen `dropout`.
const tn_op_def tn_op_dropout = {
    .schema = "dropout(Tensor input, float p, bool train) -> Tensor",
    .compose = dropout_compose,
};
