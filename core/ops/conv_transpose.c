// SPDX-License-Identifier: Apache-2.0
//
// conv_transpose: the transposed convolutions under their usual names: convolution() with its
// transposed flag, of a batch or of one sample.

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

typedef struct transposed_attrs {
  tn_ints stride, padding, output_padding, dilation;
  int64_t groups;
} transposed_attrs;

static tn_status compose_transposed(tn_compose *compose, int32_t spatial,
                                    const transposed_attrs *attrs) {
  tn_tensor *input = compose->inputs[0];
  if (input->rank != spatial + 1 && input->rank != spatial + 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "input",
                        "expected %d dimensions, or %d for one sample, not %d", (int)spatial + 2,
                        (int)spatial + 1, (int)input->rank);
  }
  bool single = input->rank == spatial + 1;
  if (single) input = tn_unsqueeze(input, 0);
  tn_tensor *result =
      tn_convolution(input, compose->inputs[1], compose->inputs[2], attrs->stride, attrs->padding,
                     attrs->dilation, true, attrs->output_padding, attrs->groups);
  compose->results[0] = single ? tn_squeeze_dim(result, 0) : result;
  return tn__status_of(compose->results[0]);
}

static tn_status conv_transpose1d_compose(tn_compose *compose) {
  const tn_conv_transpose1d_attrs *attrs = compose->attrs;
  transposed_attrs t = {attrs->stride, attrs->padding, attrs->output_padding, attrs->dilation,
                        attrs->groups};
  return compose_transposed(compose, 1, &t);
}

/// The transpose of conv1d(), which spreads each input element over the output. input: [N, C, L] or
/// [C, L]; weight: [C, O / groups, K]; bias: [O]. errors: as convolution. source: ATen
/// `conv_transpose1d`.
// clang-format off
const tn_op_def tn_op_conv_transpose1d = {
    .schema = "conv_transpose1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1] padding=0, int[1] output_padding=0, int groups=1, int[1] dilation=1) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .compose = conv_transpose1d_compose,
};

static tn_status conv_transpose2d_compose(tn_compose *compose) {
  const tn_conv_transpose2d_input_attrs *attrs = compose->attrs;
  transposed_attrs t = {attrs->stride, attrs->padding, attrs->output_padding, attrs->dilation,
                        attrs->groups};
  return compose_transposed(compose, 2, &t);
}

/// The transpose of conv2d(). input: [N, C, H, W] or [C, H, W]; weight: [C, O / groups, KH, KW];
/// bias: [O]; lists: one integer for both directions or two. errors: as convolution.
/// source: ATen `conv_transpose2d.input`.
// clang-format off
const tn_op_def tn_op_conv_transpose2d_input = {
    .schema = "conv_transpose2d.input(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0, int[2] output_padding=0, int groups=1, int[2] dilation=1) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .compose = conv_transpose2d_compose,
};

static tn_status conv_transpose3d_compose(tn_compose *compose) {
  const tn_conv_transpose3d_input_attrs *attrs = compose->attrs;
  transposed_attrs t = {attrs->stride, attrs->padding, attrs->output_padding, attrs->dilation,
                        attrs->groups};
  return compose_transposed(compose, 3, &t);
}

/// The transpose of conv3d(). input: [N, C, D, H, W] or [C, D, H, W]; weight: [C, O / groups, KD,
/// KH, KW]; bias: [O]; lists: one integer for all directions or three. errors: as convolution.
/// source: ATen `conv_transpose3d.input`.
// clang-format off
const tn_op_def tn_op_conv_transpose3d_input = {
    .schema = "conv_transpose3d.input(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=1, int[3] padding=0, int[3] output_padding=0, int groups=1, int[3] dilation=1) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .compose = conv_transpose3d_compose,
};
