// SPDX-License-Identifier: Apache-2.0
//
// complex: the parts of complex numbers. A complex tensor is also a real one with a last dimension
// of 2, which view_as_real shows and view_as_complex undoes; real and imag are its halves. All
// four are views, so that writing a part writes the number. A gradient is that of the real and of
// the imaginary part, as one complex number (dL/dRe + i dL/dIm).

#include <inttypes.h>
#include <tenon/ops.h>

#include "pointwise.h"
#include "tensor_impl.h"

static tn_dtype real_dtype(tn_dtype dtype) { return dtype == TN_C64 ? TN_F32 : TN_F64; }

// ---- the two views -----------------------------------------------------------------------------

static tn_status as_real_infer(tn_infer *infer) {
  const tn_tensor *self = infer->inputs[0];
  tn__result *result = &infer->results[0];
  if (self->rank == TN_MAX_DIMS) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                        "has %d dimensions already, and one more is the most there is no room for",
                        TN_MAX_DIMS);
  }
  result->dtype = real_dtype(self->dtype);
  result->rank = self->rank + 1;
  result->offset = 2 * self->offset;
  for (int32_t d = 0; d < self->rank; d++) {
    result->sizes[d] = self->sizes[d];
    result->strides[d] = 2 * self->strides[d];
  }
  result->sizes[self->rank] = 2;
  result->strides[self->rank] = 1;
  return TN_OK;
}

static tn_status as_real_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  (void)vjp;
  grad_in[0] = tn_view_as_complex(tn_contiguous(grad_out[0]));
  return TN_OK;
}

/// The real and imaginary parts of complex numbers, side by side along a new last dimension of 2;
/// shares self's storage.
/// self: any shape, complex. Returns the parts' dtype. errors: INVALID_DTYPE unless complex.
/// source: ATen `view_as_real`.
const tn_op_def tn_op_view_as_real = {
    .schema = "view_as_real(Tensor self) -> Tensor",
    .flags = TN_OP_VIEW,
    .dtypes = TN_DTYPES_COMPLEX,
    .infer = as_real_infer,
    .vjp = as_real_vjp,
};

static tn_status as_complex_infer(tn_infer *infer) {
  const tn_tensor *self = infer->inputs[0];
  tn__result *result = &infer->results[0];
  const int32_t last = self->rank - 1;
  bool empty = false;  // then no element lies anywhere, whatever the strides say
  for (int32_t d = 0; d < last; d++) empty = empty || self->sizes[d] == 0;
  if (last < 0 || self->sizes[last] != 2 || (self->strides[last] != 1 && !empty)) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                        "the last dimension must hold two adjacent elements: a real and an "
                        "imaginary part");
  }
  bool even = self->offset % 2 == 0;
  for (int32_t d = 0; d < last && !empty; d++) {
    even = even && (self->sizes[d] <= 1 || self->strides[d] % 2 == 0);
  }
  if (!even) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                        "its offset and the strides of all but the last dimension must be even, so "
                        "that numbers do not lie across each other; use contiguous first");
  }
  result->dtype = self->dtype == TN_F32 ? TN_C64 : TN_C128;
  result->rank = last;
  result->offset = self->offset / 2;
  for (int32_t d = 0; d < last; d++) {
    result->sizes[d] = self->sizes[d];
    result->strides[d] = self->strides[d] / 2;
  }
  return TN_OK;
}

static tn_status as_complex_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  (void)vjp;
  grad_in[0] = tn_view_as_real(tn_contiguous(grad_out[0]));
  return TN_OK;
}

/// Pairs of numbers along the last dimension as complex numbers; shares self's storage.
/// self: float32 or float64, its last dimension 2 with stride 1, its other strides and its offset
/// even (an empty one's may be any). Returns one dimension less. errors: INVALID_DTYPE for other
/// dtypes, INVALID_ARGUMENT for another geometry. source: ATen `view_as_complex`.
const tn_op_def tn_op_view_as_complex = {
    .schema = "view_as_complex(Tensor self) -> Tensor",
    .flags = TN_OP_VIEW,
    .dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64),
    .infer = as_complex_infer,
    .vjp = as_complex_vjp,
};

// ---- parts -------------------------------------------------------------------------------------

static tn_status real_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  const bool is_complex = tn_dtype_is_complex(self->dtype);
  compose->results[0] = is_complex ? tn_select(tn_view_as_real(self), -1, 0) : self;
  return TN_OK;
}

/// The real part: a view of a complex tensor's, and self where it is real.
/// self: any shape and dtype. source: ATen `real`.
const tn_op_def tn_op_real = {
    .schema = "real(Tensor self) -> Tensor",
    .compose = real_compose,
};

static tn_status imag_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  if (!tn_dtype_is_complex(self->dtype)) {
    return tn__op_error(compose->call, TN_INVALID_DTYPE, "self",
                        "%s has no imaginary part to show; it would be zeros_like",
                        tn_dtype_name(self->dtype));
  }
  compose->results[0] = tn_select(tn_view_as_real(self), -1, 1);
  return TN_OK;
}

/// The imaginary part, as a view.
/// self: any shape, complex. errors: INVALID_DTYPE unless complex. source: ATen `imag`.
const tn_op_def tn_op_imag = {
    .schema = "imag(Tensor self) -> Tensor",
    .compose = imag_compose,
};

// ---- conjugates --------------------------------------------------------------------------------

static tn_status conj_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  (void)vjp;
  grad_in[0] = tn_conj(grad_out[0]);
  return TN_OK;
}

// Where a backend has no kernel: a copy whose imaginary part is turned.
static tn_status conj_physical_compose(tn_compose *compose) {
  tn_tensor *copy = tn_clone(compose->inputs[0]);
  if (copy != NULL && tn_dtype_is_complex(copy->dtype)) {
    const tn_status status = tn_neg_(tn_imag(copy));
    if (status != TN_OK) return status;
  }
  compose->results[0] = copy;
  return TN_OK;
}

/// The conjugate, elementwise, in memory of its own; real numbers are copied.
/// self: any shape and dtype. Returns self's shape and dtype. source: ATen `conj_physical`.
const tn_op_def tn_op_conj_physical = {
    .schema = "conj_physical(Tensor self) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_ALL,
    .compose = conj_physical_compose,
    .vjp = conj_vjp,
};

static tn_status conj_compose(tn_compose *compose) {
  tn_tensor *self = compose->inputs[0];
  compose->results[0] = tn_dtype_is_complex(self->dtype) ? tn_conj_physical(self) : self;
  return TN_OK;
}

/// The conjugate, elementwise: with the sign of the imaginary part turned. Real tensors are their
/// own conjugate and come back as they are.
/// self: any shape and dtype. source: ATen `conj`, whose result shares memory; this one's does not.
const tn_op_def tn_op_conj = {
    .schema = "conj(Tensor self) -> Tensor",
    .compose = conj_compose,
};
