// SPDX-License-Identifier: Apache-2.0
//
// clone: copies of whole tensors, between dtypes and devices too. The core moves the bytes; what
// is declared here is the shape of the calls and that a gradient travels back the way the data
// came.

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// The engine casts a gradient to its input's dtype; the device is ours to restore.
static tn_status move_back(tn_vjp *vjp, int32_t input, tn_tensor *grad, tn_tensor **grad_in) {
  grad_in[input] = tn_to(grad, tn_vjp_input_device(vjp, input), TN_DTYPE_NONE);
  return tn__status_of(grad_in[input]);
}

static tn_status clone_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  compose->results[0] = tn__to_copy(self, tn_tensor_device(self), tn_tensor_dtype(self), false);
  return tn__status_of(compose->results[0]);
}

static tn_status clone_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  (void)vjp;
  grad_in[0] = grad_out[0];
  return TN_OK;
}

/// A contiguous copy. self: any shape and dtype. errors: OUT_OF_MEMORY. source: ATen `clone`.
const tn_op_def tn_op_clone = {
    .schema = "clone(Tensor self) -> Tensor",
    .compose = clone_compose,
    .vjp = clone_vjp,
};

// Without a vjp of its own: where there is nothing to do the result is self, which must not get a
// second history.
static tn_status contiguous_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  compose->results[0] = tn__is_contiguous(self) ? self : tn_clone(self);
  return tn__status_of(compose->results[0]);
}

/// self where it is row-major without gaps, else a copy that is. self: any shape and dtype.
/// errors: OUT_OF_MEMORY. source: ATen `contiguous`.
const tn_op_def tn_op_contiguous = {
    .schema = "contiguous(Tensor self) -> Tensor",
    .compose = contiguous_compose,
};

static tn_status to_copy_compose(tn_compose *compose) {
  const tn__to_copy_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  tn_device device = attrs->device.type == 0 ? tn_tensor_device(self) : attrs->device;
  compose->results[0] = tn__to_copy(self, device, tn__dtype_or(attrs->dtype, tn_tensor_dtype(self)),
                                    attrs->non_blocking);
  return tn__status_of(compose->results[0]);
}

static tn_status to_copy_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  return move_back(vjp, 0, grad_out[0], grad_in);
}

/// A contiguous copy as dtype on device; what is not given stays as it is. self: any shape and
/// dtype. non_blocking: from pinned host memory, or to the host, the copy may come later on the
/// device's current stream; memory that is not pinned may be changed when the call returns.
/// errors: UNAVAILABLE for a device that is not there, OUT_OF_MEMORY. source: ATen `_to_copy`.
// clang-format off
const tn_op_def tn_op__to_copy = {
    .schema = "_to_copy(Tensor self, *, ScalarType? dtype=None, Device? device=None, bool non_blocking=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_RAW_INPUTS,
    .compose = to_copy_compose,
    .vjp = to_copy_vjp,
};

static tn_status copy_compose(tn_compose *compose) {
  const tn_copy_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  tn_tensor *src = tn_expand(compose->inputs[1], tn_tensor_shape(self));
  TN_TRY(tn__status_of(src));
  compose->results[0] =
      tn__to_copy(src, tn_tensor_device(self), tn_tensor_dtype(self), attrs->non_blocking);
  return tn__status_of(compose->results[0]);
}

// self's old value is gone from the result, so it gets no gradient.
static tn_status copy_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  return tn_vjp_needs(vjp, 1) ? move_back(vjp, 1, grad_out[0], grad_in) : TN_OK;
}

/// src with self's shape, dtype and device; copy_ writes it into self. src: broadcasts to self's
/// shape, any dtype and device. non_blocking: as of `_to_copy`.
/// errors: INVALID_ARGUMENT where src does not broadcast; READ_ONLY for copy_. source: ATen `copy`.
// clang-format off
const tn_op_def tn_op_copy = {
    .schema = "copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_RAW_INPUTS,
    .forms = TN_FORM_INPLACE,
    .compose = copy_compose,
    .vjp = copy_vjp,
};
