// SPDX-License-Identifier: Apache-2.0
//
// convolution: cross-correlation of [N, C, *spatial] with 1 to 3 spatial dimensions, and its
// transpose. It is bilinear in input and weight, so every gradient of any order is again a
// convolution or one of the two products in convolution_backward: where gI, gW are those products
// and u, v directions in which input and weight move,
//   <u, gI(g, w)> = <g, conv(u, w)>  and  <v, gW(g, x)> = <g, conv(x, v)>.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// The attributes that forward and backward have in common, checked and with full lists.
typedef struct geometry {
  tn_ints stride, padding, dilation, output_padding;
  bool transposed;
  int64_t groups;
  int64_t channels;            // of the output
  int64_t sizes[TN_MAX_DIMS];  // of the output: [N, channels, *spatial]
} geometry;

static tn_status check_lists(tn__call *call, geometry *shape, int64_t spatial) {
  TN_TRY(tn__expand_list(call, "stride", &shape->stride, spatial, NULL));
  TN_TRY(tn__expand_list(call, "padding", &shape->padding, spatial, NULL));
  TN_TRY(tn__expand_list(call, "dilation", &shape->dilation, spatial, NULL));
  const int64_t zeros[3] = {0, 0, 0};
  TN_TRY(tn__expand_list(call, "output_padding", &shape->output_padding, spatial, zeros));
  TN_TRY(tn__expect_at_least(call, "stride", shape->stride, 1));
  TN_TRY(tn__expect_at_least(call, "padding", shape->padding, 0));
  TN_TRY(tn__expect_at_least(call, "dilation", shape->dilation, 1));
  return tn__expect_at_least(call, "output_padding", shape->output_padding, 0);
}

// weight is [out, in / groups, *kernel]; transposed: [in, out / groups, *kernel].
static tn_status check_channels(tn__call *call, geometry *shape, const tn_tensor *input,
                                const tn_tensor *weight) {
  int64_t groups = shape->groups, channels = input->sizes[1];
  if (groups < 1) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "groups", "expected at least 1, not %" PRId64,
                        groups);
  }
  int64_t first = weight->sizes[0], second = weight->sizes[1], expected;
  if (first % groups != 0) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "weight",
                        "its first size, %" PRId64 ", is not a multiple of groups, %" PRId64, first,
                        groups);
  }
  bool overflow = __builtin_mul_overflow(second, groups, &expected);
  shape->channels = shape->transposed ? expected : first;
  if (shape->transposed) expected = first;
  if (overflow || channels != expected) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "input",
                        "it has %" PRId64 " channels, but the weight with %" PRId64
                        " groups takes %" PRId64,
                        channels, groups, expected);
  }
  return TN_OK;
}

// (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1
static tn_status transposed_size(tn__call *call, int64_t dimension, int64_t size, tn__window window,
                                 int64_t output_padding, int64_t *places) {
  int64_t steps, trim, reach;
  bool overflow = __builtin_mul_overflow(size - 1, window.stride, &steps) ||
                  __builtin_mul_overflow(window.padding, 2, &trim) ||
                  __builtin_mul_overflow(window.kernel - 1, window.dilation, &reach) ||
                  __builtin_add_overflow(steps, reach, places) ||
                  __builtin_sub_overflow(*places, trim, places) ||
                  __builtin_add_overflow(*places, output_padding, places) ||
                  __builtin_add_overflow(*places, 1, places);
  if (output_padding >= window.stride && output_padding >= window.dilation) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "output_padding",
                        "%" PRId64 " along spatial dimension %" PRId64
                        " must be smaller than stride or dilation",
                        output_padding, dimension);
  }
  if (!overflow && size > 0 && *places > 0) return TN_OK;
  return tn__op_error(call, TN_INVALID_ARGUMENT, "input",
                      "the output has no size along spatial dimension %" PRId64
                      " for an input of %" PRId64,
                      dimension, size);
}

static tn_status check_convolution(tn_infer *infer, const tn_tensor *input, const tn_tensor *weight,
                                   geometry *shape) {
  tn__call *call = infer->call;
  int32_t rank = input->rank;
  if (rank < 3 || rank > 5 || weight->rank != rank) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, rank < 3 || rank > 5 ? "input" : "weight",
                        "expected [N, C, *spatial] with 1 to 3 spatial dimensions, and a weight of "
                        "the same rank");
  }
  TN_TRY(check_lists(call, shape, rank - 2));
  TN_TRY(check_channels(call, shape, input, weight));
  shape->sizes[0] = input->sizes[0];
  shape->sizes[1] = shape->channels;
  for (int32_t d = 2; d < rank; d++) {
    tn__window window = {weight->sizes[d], shape->stride.data[d - 2], shape->padding.data[d - 2],
                         shape->dilation.data[d - 2]};
    if (window.kernel < 1) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, "weight", "the kernel has no elements");
    }
    if (shape->transposed) {
      TN_TRY(transposed_size(call, d - 2, input->sizes[d], window,
                             shape->output_padding.data[d - 2], &shape->sizes[d]));
    } else {
      TN_TRY(tn__window_places(call, "input", d - 2, input->sizes[d], window, false,
                               &shape->sizes[d]));
    }
  }
  return TN_OK;
}

static tn_status convolution_infer(tn_infer *infer) {
  tn_convolution_attrs *attrs = infer->attrs;
  const tn_tensor *input = infer->inputs[0], *bias = infer->inputs[2];
  geometry shape = {.stride = attrs->stride,
                    .padding = attrs->padding,
                    .dilation = attrs->dilation,
                    .output_padding = attrs->output_padding,
                    .transposed = attrs->transposed,
                    .groups = attrs->groups};
  TN_TRY(check_convolution(infer, input, infer->inputs[1], &shape));
  attrs->stride = shape.stride;
  attrs->padding = shape.padding;
  attrs->dilation = shape.dilation;
  attrs->output_padding = shape.output_padding;
  if (!tn__is_none(bias) && (bias->rank != 1 || bias->sizes[0] != shape.channels)) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "bias",
                        "expected [%" PRId64 "], one for each output channel", shape.channels);
  }
  return tn__result_shape(infer, 0, tn_ints_of(shape.sizes, input->rank));
}

// The sum of a gradient [N, C, *spatial] over all but its channels.
static tn_tensor *sum_to_channels(tn_tensor *grad) {
  const int64_t dims[4] = {0, 2, 3, 4};
  return tn_sum_dim(grad, tn_ints_of(dims, tn_tensor_ndim(grad) - 1));
}

static tn_status convolution_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_convolution_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *grad = grad_out[0];
  bool input = tn_vjp_needs(vjp, 0), weight = tn_vjp_needs(vjp, 1), bias = tn_vjp_needs(vjp, 2);
  if (!input && !weight) {
    if (bias) grad_in[2] = sum_to_channels(grad);
    return bias ? tn__status_of(grad_in[2]) : TN_OK;
  }
  tn_tensor *grad_weight, *grad_bias;
  tn_ints bias_sizes = {NULL, -1};
  if (bias) bias_sizes = tn_vjp_input_sizes(vjp, 2);
  tn_tensor *grad_input = tn_convolution_backward(
      grad, tn_vjp_input(vjp, 0), tn_vjp_input(vjp, 1), bias_sizes, attrs->stride, attrs->padding,
      attrs->dilation, attrs->transposed, attrs->output_padding, attrs->groups,
      TN_INTS(input, weight, bias), &grad_weight, &grad_bias);
  TN_TRY(tn__status_of(grad_input));
  if (input) grad_in[0] = grad_input;
  if (weight) grad_in[1] = grad_weight;
  if (bias) grad_in[2] = grad_bias;
  return TN_OK;
}

/// Cross-correlation, per group of channels: result[n, o, y] = bias[o] +
/// sum over c, k of weight[o, c, k] input[n, c, y stride - padding + k dilation], over 1 to 3
/// spatial dimensions; transposed: its adjoint, which spreads each input element over the output.
/// input: [N, C, *spatial], floating; weight: [O, C / groups, *kernel], transposed
/// [C, O / groups, *kernel]; bias: [O]; dtypes promote. Lists: one entry for all spatial dimensions
/// or one for each. Returns [N, O, *spatial'] with floor((size + 2 padding - dilation (kernel - 1)
/// - 1) / stride) + 1, or transposed (size - 1) stride - 2 padding + dilation (kernel - 1) +
/// output_padding + 1. errors: INVALID_ARGUMENT for ranks, channels, groups, a kernel larger than
/// the padded input, or lists. source: Dumoulin and Visin 2016; ATen `convolution`.
// clang-format off
const tn_op_def tn_op_convolution = {
    .schema = "convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = convolution_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1), TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1), 0},
    .save_count = 3,
    .vjp = convolution_vjp,
};

// ---- its gradients

static tn_status check_grad_output(tn_infer *infer, const geometry *shape) {
  const tn_tensor *grad = infer->inputs[0], *input = infer->inputs[1];
  bool same = grad->rank == input->rank;
  for (int32_t d = 0; same && d < grad->rank; d++) same = grad->sizes[d] == shape->sizes[d];
  if (same) return TN_OK;
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad_output",
                      "expected the shape of the convolution's result");
}

static tn_status convolution_backward_infer(tn_infer *infer) {
  tn_convolution_backward_attrs *attrs = infer->attrs;
  geometry shape = {.stride = attrs->stride,
                    .padding = attrs->padding,
                    .dilation = attrs->dilation,
                    .output_padding = attrs->output_padding,
                    .transposed = attrs->transposed,
                    .groups = attrs->groups};
  TN_TRY(check_convolution(infer, infer->inputs[1], infer->inputs[2], &shape));
  attrs->stride = shape.stride;
  attrs->padding = shape.padding;
  attrs->dilation = shape.dilation;
  attrs->output_padding = shape.output_padding;
  TN_TRY(check_grad_output(infer, &shape));
  if (attrs->output_mask.count != 3) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "output_mask",
                        "expected 3 truth values, not %" PRId64, attrs->output_mask.count);
  }
  const int64_t *mask = attrs->output_mask.data;
  for (int32_t i = 0; i < 2; i++) {
    tn_ints sizes = mask[i] != 0 ? tn_tensor_shape(infer->inputs[1 + i]) : TN_SHAPE(0);
    TN_TRY(tn__result_shape(infer, i, sizes));
  }
  return tn__result_shape(infer, 2, TN_SHAPE(mask[2] != 0 ? shape.channels : 0));
}

// A convolution with the attributes of a backward call.
static tn_tensor *repeat_forward(const tn_convolution_backward_attrs *attrs, tn_tensor *input,
                                 tn_tensor *weight, tn_tensor *bias) {
  return tn_convolution(input, weight, bias, attrs->stride, attrs->padding, attrs->dilation,
                        attrs->transposed, attrs->output_padding, attrs->groups);
}

// Gradient of what arrived for grad_output: conv(u, weight) + conv(input, v) + bias direction.
static tn_tensor *grad_of_grad_output(tn_vjp *vjp, tn_tensor *const *grad_out) {
  const tn_convolution_backward_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *u = grad_out[0], *v = grad_out[1], *bias = grad_out[2], *sum = TN_NONE;
  if (u != TN_NONE) {
    sum = repeat_forward(attrs, u, tn_vjp_input(vjp, 2), bias);
    bias = TN_NONE;
  }
  if (v != TN_NONE) {
    tn_tensor *term = repeat_forward(attrs, tn_vjp_input(vjp, 1), v, bias);
    sum = sum == TN_NONE ? term : tn_add(sum, term);
    bias = TN_NONE;
  }
  if (bias == TN_NONE) return sum;
  int64_t sizes[TN_MAX_DIMS] = {1, tn_tensor_numel(bias), 1, 1, 1};
  tn_ints whole = tn_vjp_input_sizes(vjp, 0);
  return tn_expand(tn_reshape(bias, tn_ints_of(sizes, whole.count)), whole);
}

// One of the two products alone, of an input and a weight of which one is a direction.
static tn_tensor *one_product(const tn_convolution_backward_attrs *attrs, tn_tensor *grad,
                              tn_tensor *input, tn_tensor *weight, bool of_input) {
  tn_tensor *grad_weight;
  tn_tensor *grad_input = tn_convolution_backward(
      grad, input, weight, tn_ints_of(NULL, -1), attrs->stride, attrs->padding, attrs->dilation,
      attrs->transposed, attrs->output_padding, attrs->groups, TN_INTS(of_input, !of_input, 0),
      &grad_weight, NULL);
  return of_input ? grad_input : grad_weight;
}

static tn_status convolution_backward_vjp(tn_vjp *vjp, tn_tensor *const *grad_out,
                                          tn_tensor **grad_in) {
  const tn_convolution_backward_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *u = grad_out[0], *v = grad_out[1];
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = grad_of_grad_output(vjp, grad_out);
    TN_TRY(tn__status_of(grad_in[0]));
  }
  if (tn_vjp_needs(vjp, 1) && v != TN_NONE) {
    tn_tensor *input = tn_vjp_input(vjp, 1);
    grad_in[1] = one_product(attrs, tn_vjp_input(vjp, 0), input, v, true);
    TN_TRY(tn__status_of(grad_in[1]));
  }
  if (tn_vjp_needs(vjp, 2) && u != TN_NONE) {
    tn_tensor *weight = tn_vjp_input(vjp, 2);
    grad_in[2] = one_product(attrs, tn_vjp_input(vjp, 0), u, weight, false);
    TN_TRY(tn__status_of(grad_in[2]));
  }
  return TN_OK;
}

/// The gradients of convolution() for its input, weight and bias, as far as output_mask asks for
/// them; what it does not ask for is a tensor of shape [0], which kernels skip.
/// grad_output: the shape of the result; input, weight, lists and groups as in the forward call;
/// bias_sizes: absent where there was no bias; output_mask: three truth values.
/// errors: as convolution; INVALID_ARGUMENT for grad_output's shape or the mask.
/// source: ATen `convolution_backward`.
// clang-format off
const tn_op_def tn_op_convolution_backward = {
    .schema = "convolution_backward(Tensor grad_output, Tensor input, Tensor weight, int[]? bias_sizes, int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups, bool[3] output_mask) -> (Tensor grad_input, Tensor grad_weight, Tensor grad_bias)",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = convolution_backward_infer,
    .saves = {TN_SAVE_INPUT(1) | TN_SAVE_INPUT(2), TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1),
              TN_SAVE_INPUT(0) | TN_SAVE_INPUT(2)},
    .save_count = 3,
    .vjp = convolution_backward_vjp,
};

// ---- the usual faces

typedef struct plain_attrs {
  tn_ints stride, padding, dilation;
  int64_t groups;
} plain_attrs;

// A convolution over |spatial| dimensions of a batch, or of one sample [C, *spatial].
static tn_status compose_plain(tn_compose *compose, int32_t spatial, const plain_attrs *attrs) {
  tn_tensor *input = compose->inputs[0], *weight = compose->inputs[1];
  if (input->rank != spatial + 1 && input->rank != spatial + 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "input",
                        "expected %d dimensions, or %d for one sample, not %d", (int)spatial + 2,
                        (int)spatial + 1, (int)input->rank);
  }
  bool single = input->rank == spatial + 1;
  if (single) input = tn_unsqueeze(input, 0);
  tn_tensor *result =
      tn_convolution(input, weight, compose->inputs[2], attrs->stride, attrs->padding,
                     attrs->dilation, false, TN_INTS(0), attrs->groups);
  compose->results[0] = single ? tn_squeeze_dim(result, 0) : result;
  return tn__status_of(compose->results[0]);
}

static tn_status conv1d_compose(tn_compose *compose) {
  const tn_conv1d_attrs *attrs = compose->attrs;
  plain_attrs plain = {attrs->stride, attrs->padding, attrs->dilation, attrs->groups};
  return compose_plain(compose, 1, &plain);
}

/// Cross-correlation along one dimension. input: [N, C, L] or [C, L]; weight: [O, C / groups, K];
/// bias: [O]. errors: as convolution. source: ATen `conv1d`.
// clang-format off
const tn_op_def tn_op_conv1d = {
    .schema = "conv1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1] padding=0, int[1] dilation=1, int groups=1) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .compose = conv1d_compose,
};

static tn_status conv2d_compose(tn_compose *compose) {
  const tn_conv2d_attrs *attrs = compose->attrs;
  plain_attrs plain = {attrs->stride, attrs->padding, attrs->dilation, attrs->groups};
  return compose_plain(compose, 2, &plain);
}

/// Cross-correlation of images. input: [N, C, H, W] or [C, H, W]; weight: [O, C / groups, KH, KW];
/// bias: [O]; stride, padding, dilation: one integer for both directions or two.
/// errors: as convolution. source: ATen `conv2d`.
// clang-format off
const tn_op_def tn_op_conv2d = {
    .schema = "conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0, int[2] dilation=1, int groups=1) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .compose = conv2d_compose,
};

static tn_status conv3d_compose(tn_compose *compose) {
  const tn_conv3d_attrs *attrs = compose->attrs;
  plain_attrs plain = {attrs->stride, attrs->padding, attrs->dilation, attrs->groups};
  return compose_plain(compose, 3, &plain);
}

/// Cross-correlation of volumes. input: [N, C, D, H, W] or [C, D, H, W]; weight: [O, C / groups,
/// KD, KH, KW]; bias: [O]; stride, padding, dilation: one integer for all directions or three.
/// errors: as convolution. source: ATen `conv3d`.
// clang-format off
const tn_op_def tn_op_conv3d = {
    .schema = "conv3d(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=1, int[3] padding=0, int[3] dilation=1, int groups=1) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .compose = conv3d_compose,
};
