// SPDX-License-Identifier: Apache-2.0
//
// create: tensors of one value or of none yet. All of them allocate through the core and let fill_
// write; an absent dtype is the default one, or the input's for the _like forms, and an absent
// device likewise.

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// An uninitialised tensor for |compose|; NULL with an error recorded when it fails.
static tn_tensor *new_tensor(tn_compose *compose, tn_ints sizes, tn_dtype dtype, tn_device device) {
  int64_t numel;
  if (tn__checked_numel(compose->call, "size", sizes, &numel) != TN_OK) return NULL;
  if (tn__resolve_device(&device) != TN_OK) return NULL;
  return tn__empty(sizes, tn__dtype_or(dtype, tn_default_dtype()), device);
}

// Sets |compose|'s result to |result|, all of it |value|; a |value| of kind NONE writes nothing.
static tn_status finish(tn_compose *compose, tn_tensor *result, tn_scalar value) {
  TN_TRY(tn__status_of(result));
  if (value.kind != TN_SCALAR_NONE) TN_TRY(tn_fill_(result, value));
  compose->results[0] = result;
  return TN_OK;
}

static const tn_scalar no_value = {TN_SCALAR_NONE, 0, {0}};

static tn_status empty_compose(tn_compose *compose) {
  const tn_empty_attrs *attrs = compose->attrs;
  tn_tensor *result = new_tensor(compose, attrs->size, attrs->dtype, attrs->device);
  return finish(compose, result, no_value);
}

/// An uninitialised row-major tensor. size: each at least 0. dtype: the default one where absent.
/// errors: INVALID_ARGUMENT for a negative or overflowing size; OUT_OF_MEMORY; UNAVAILABLE.
/// source: ATen `empty.memory_format`.
// clang-format off
const tn_op_def tn_op_empty = {
    .schema = "empty(int[] size, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = empty_compose,
};

static tn_status empty_strided_compose(tn_compose *compose) {
  const tn_empty_strided_attrs *attrs = compose->attrs;
  tn_device device = attrs->device;
  int64_t numel;
  TN_TRY(tn__checked_numel(compose->call, "size", attrs->size, &numel));
  if (attrs->stride.count != attrs->size.count) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "stride",
                        "expected one stride for each size");
  }
  TN_TRY(tn__expect_at_least(compose->call, "stride", attrs->stride, 0));
  TN_TRY(tn__resolve_device(&device));
  tn_dtype dtype = tn__dtype_or(attrs->dtype, tn_default_dtype());
  return finish(compose, tn__empty_strided(attrs->size, attrs->stride, dtype, device), no_value);
}

/// An uninitialised tensor with the given strides (in elements), over a storage that is just large
/// enough. stride: as many as sizes, each at least 0.
/// errors: as empty; INVALID_ARGUMENT for strides. source: ATen `empty_strided`.
// clang-format off
const tn_op_def tn_op_empty_strided = {
    .schema = "empty_strided(int[] size, int[] stride, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = empty_strided_compose,
};

static tn_status zeros_compose(tn_compose *compose) {
  const tn_zeros_attrs *attrs = compose->attrs;
  tn_tensor *result = new_tensor(compose, attrs->size, attrs->dtype, attrs->device);
  return finish(compose, result, tn_scalar_int(0));
}

/// A tensor of zeros. errors: as empty. source: ATen `zeros`.
// clang-format off
const tn_op_def tn_op_zeros = {
    .schema = "zeros(int[] size, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = zeros_compose,
};

static tn_status ones_compose(tn_compose *compose) {
  const tn_ones_attrs *attrs = compose->attrs;
  tn_tensor *result = new_tensor(compose, attrs->size, attrs->dtype, attrs->device);
  return finish(compose, result, tn_scalar_int(1));
}

/// A tensor of ones. errors: as empty. source: ATen `ones`.
// clang-format off
const tn_op_def tn_op_ones = {
    .schema = "ones(int[] size, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = ones_compose,
};

// The dtype that holds a number as it was written.
static tn_dtype dtype_of_scalar(tn_scalar value) {
  switch (value.kind) {
    case TN_SCALAR_BOOL:
      return TN_BOOL;
    case TN_SCALAR_INT:
      return TN_I64;
    case TN_SCALAR_UINT:
      return TN_U64;
    case TN_SCALAR_COMPLEX:
      return tn_default_dtype() == TN_F64 ? TN_C128 : TN_C64;
    default:
      return tn_default_dtype();
  }
}

static tn_status full_compose(tn_compose *compose) {
  const tn_full_attrs *attrs = compose->attrs;
  tn_dtype dtype = tn__dtype_or(attrs->dtype, dtype_of_scalar(attrs->fill_value));
  tn_tensor *result = new_tensor(compose, attrs->size, dtype, attrs->device);
  return finish(compose, result, attrs->fill_value);
}

/// A tensor of one value. dtype: where absent, bool, int64, the default or its complex dtype, as
/// fill_value is a truth value, an integer, a real or a complex number.
/// errors: as empty. source: ATen `full`.
// clang-format off
const tn_op_def tn_op_full = {
    .schema = "full(int[] size, Scalar fill_value, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = full_compose,
};

static tn_status scalar_tensor_compose(tn_compose *compose) {
  const tn_scalar_tensor_attrs *attrs = compose->attrs;
  tn_tensor *result = new_tensor(compose, TN_SHAPE_SCALAR, attrs->dtype, attrs->device);
  return finish(compose, result, attrs->s);
}

/// A 0-dim tensor of one value. dtype: the default one where absent, whatever s is.
/// errors: OUT_OF_MEMORY; UNAVAILABLE. source: ATen `scalar_tensor`.
// clang-format off
const tn_op_def tn_op_scalar_tensor = {
    .schema = "scalar_tensor(Scalar s, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = scalar_tensor_compose,
};

// ---- like another tensor

static tn_tensor *new_like(tn_compose *compose, tn_dtype dtype, tn_device device) {
  const tn_tensor *self = compose->inputs[0];
  if (device.type == 0) device = tn_tensor_device(self);
  return new_tensor(compose, tn_tensor_shape(self), tn__dtype_or(dtype, tn_tensor_dtype(self)),
                    device);
}

static tn_status empty_like_compose(tn_compose *compose) {
  const tn_empty_like_attrs *attrs = compose->attrs;
  return finish(compose, new_like(compose, attrs->dtype, attrs->device), no_value);
}

/// An uninitialised row-major tensor of self's shape, and of its dtype and device where those are
/// absent. errors: as empty. source: ATen `empty_like`.
// clang-format off
const tn_op_def tn_op_empty_like = {
    .schema = "empty_like(Tensor self, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE | TN_OP_RAW_INPUTS,
    .compose = empty_like_compose,
};

static tn_status zeros_like_compose(tn_compose *compose) {
  const tn_zeros_like_attrs *attrs = compose->attrs;
  return finish(compose, new_like(compose, attrs->dtype, attrs->device), tn_scalar_int(0));
}

/// Zeros of self's shape, and of its dtype and device where those are absent.
/// errors: as empty. source: ATen `zeros_like`.
// clang-format off
const tn_op_def tn_op_zeros_like = {
    .schema = "zeros_like(Tensor self, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE | TN_OP_RAW_INPUTS,
    .compose = zeros_like_compose,
};

static tn_status ones_like_compose(tn_compose *compose) {
  const tn_ones_like_attrs *attrs = compose->attrs;
  return finish(compose, new_like(compose, attrs->dtype, attrs->device), tn_scalar_int(1));
}

/// Ones of self's shape, and of its dtype and device where those are absent.
/// errors: as empty. source: ATen `ones_like`.
// clang-format off
const tn_op_def tn_op_ones_like = {
    .schema = "ones_like(Tensor self, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE | TN_OP_RAW_INPUTS,
    .compose = ones_like_compose,
};

static tn_status full_like_compose(tn_compose *compose) {
  const tn_full_like_attrs *attrs = compose->attrs;
  return finish(compose, new_like(compose, attrs->dtype, attrs->device), attrs->fill_value);
}

/// One value in self's shape, and in its dtype and on its device where those are absent.
/// errors: as empty. source: ATen `full_like`.
// clang-format off
const tn_op_def tn_op_full_like = {
    .schema = "full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE | TN_OP_RAW_INPUTS,
    .compose = full_like_compose,
};
