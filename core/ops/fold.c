// SPDX-License-Identifier: Apache-2.0
//
// fold: im2col lays the windows of an image out as columns, col2im adds columns up to an image
// again. Each is the other's adjoint and hence its gradient.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

typedef struct windows {
  tn_ints kernel, dilation, padding, stride;
} windows;

// How many places the windows have on an image of |sizes|: down times across.
static tn_status count_places(tn_infer *infer, const char *argument, windows *w,
                              const int64_t *sizes, int64_t *places) {
  tn__call *call = infer->call;
  TN_TRY(tn__expand_list(call, "kernel_size", &w->kernel, 2, NULL));
  TN_TRY(tn__expand_list(call, "dilation", &w->dilation, 2, NULL));
  TN_TRY(tn__expand_list(call, "padding", &w->padding, 2, NULL));
  TN_TRY(tn__expand_list(call, "stride", &w->stride, 2, NULL));
  TN_TRY(tn__expect_at_least(call, "kernel_size", w->kernel, 1));
  TN_TRY(tn__expect_at_least(call, "dilation", w->dilation, 1));
  TN_TRY(tn__expect_at_least(call, "padding", w->padding, 0));
  TN_TRY(tn__expect_at_least(call, "stride", w->stride, 1));
  *places = 1;
  for (int32_t d = 0; d < 2; d++) {
    tn__window window = {w->kernel.data[d], w->stride.data[d], w->padding.data[d],
                         w->dilation.data[d]};
    int64_t along;
    TN_TRY(tn__window_places(call, argument, d, sizes[d], window, false, &along));
    if (__builtin_mul_overflow(*places, along, places)) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, argument, "too many windows");
    }
  }
  return TN_OK;
}

static tn_status expect_elements(tn_infer *infer) {
  const tn_tensor *self = infer->inputs[0];
  for (int32_t d = self->rank == 2 ? 0 : 1; d < self->rank; d++) {
    if (self->sizes[d] > 0) continue;
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                        "only the batch may be of no elements, not dimension %d", (int)d);
  }
  return TN_OK;
}

// ---- image to columns

static tn_status im2col_infer(tn_infer *infer) {
  tn_im2col_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  windows w = {attrs->kernel_size, attrs->dilation, attrs->padding, attrs->stride};
  int64_t places, rows;
  TN_TRY(tn__expect_rank(infer, 0, "self", 3, 4));
  TN_TRY(count_places(infer, "self", &w, self->sizes + self->rank - 2, &places));
  attrs->kernel_size = w.kernel;
  attrs->dilation = w.dilation;
  attrs->padding = w.padding;
  attrs->stride = w.stride;
  TN_TRY(tn__checked_numel(
      infer->call, "kernel_size",
      TN_SHAPE(self->sizes[self->rank - 3], w.kernel.data[0], w.kernel.data[1]), &rows));
  if (self->rank == 3) return tn__result_shape(infer, 0, TN_SHAPE(rows, places));
  return tn__result_shape(infer, 0, TN_SHAPE(self->sizes[0], rows, places));
}

static tn_status im2col_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_im2col_attrs *attrs = tn_vjp_attrs(vjp);
  tn_ints sizes = tn_vjp_input_sizes(vjp, 0);
  grad_in[0] = tn_col2im(grad_out[0], tn_ints_of(sizes.data + sizes.count - 2, 2),
                         attrs->kernel_size, attrs->dilation, attrs->padding, attrs->stride);
  return tn__status_of(grad_in[0]);
}

/// The windows of images as columns: result[n, (c, u, v), (y, x)] is the element of channel c at y
/// stride - padding + u dilation and likewise across, 0 in the padding. self: [N, C, H, W] or [C,
/// H, W], bool, floating or complex; lists: one integer for both directions or two. Returns [N, C
/// kernel, places] or without N. errors: INVALID_ARGUMENT for ranks, lists, or a kernel larger than
/// the padded image. source: ATen `im2col`.
// clang-format off
const tn_op_def tn_op_im2col = {
    .schema = "im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX | TN_DTYPE_BIT(TN_BOOL),
    .infer = im2col_infer,
    .vjp = im2col_vjp,
};

// ---- columns to image

static tn_status col2im_infer(tn_infer *infer) {
  tn_col2im_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  windows w = {attrs->kernel_size, attrs->dilation, attrs->padding, attrs->stride};
  int64_t places;
  TN_TRY(tn__expect_rank(infer, 0, "self", 2, 3));
  TN_TRY(expect_elements(infer));
  TN_TRY(tn__expand_list(infer->call, "output_size", &attrs->output_size, 2, NULL));
  TN_TRY(tn__expect_at_least(infer->call, "output_size", attrs->output_size, 1));
  TN_TRY(count_places(infer, "output_size", &w, attrs->output_size.data, &places));
  attrs->kernel_size = w.kernel;
  attrs->dilation = w.dilation;
  attrs->padding = w.padding;
  attrs->stride = w.stride;
  int64_t rows = self->sizes[self->rank - 2], taps;
  TN_TRY(tn__checked_numel(infer->call, "kernel_size", w.kernel, &taps));
  if (rows % taps != 0 || self->sizes[self->rank - 1] != places) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                        "expected a multiple of %" PRId64 " rows and %" PRId64
                        " columns, one for each window's place",
                        taps, places);
  }
  const int64_t *size = attrs->output_size.data;
  if (self->rank == 2) return tn__result_shape(infer, 0, TN_SHAPE(rows / taps, size[0], size[1]));
  return tn__result_shape(infer, 0, TN_SHAPE(self->sizes[0], rows / taps, size[0], size[1]));
}

static tn_status col2im_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_col2im_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] =
      tn_im2col(grad_out[0], attrs->kernel_size, attrs->dilation, attrs->padding, attrs->stride);
  return tn__status_of(grad_in[0]);
}

/// Columns added up to images of output_size: each element goes where im2col() would take it from,
/// or is dropped in the padding. self: [N, C kernel, places] or without N, floating or complex, of
/// which only N may be 0; lists: one integer for both directions or two. Returns [N, C,
/// *output_size] or without N. errors: INVALID_ARGUMENT for ranks, lists and sizes that do not fit
/// each other. source: ATen `col2im`.
// clang-format off
const tn_op_def tn_op_col2im = {
    .schema = "col2im(Tensor self, int[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor",
    // clang-format on
    .dtypes = TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX,
    .infer = col2im_infer,
    .vjp = col2im_vjp,
};
