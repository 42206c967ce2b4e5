// SPDX-License-Identifier: Apache-2.0
//
// random: tensors drawn from the device's generator. Element i depends only on the generator's seed
// and offset, which the core reserves before a kernel is chosen, and on i; so a seed gives the same
// numbers on every device and at any number of threads.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status infer_draw(tn_infer *infer, tn_ints size, tn_dtype dtype, tn_device device) {
  int64_t numel;
  TN_TRY(tn__checked_numel(infer->call, "size", size, &numel));
  TN_TRY(tn__infer_factory(infer, dtype, device));
  return tn__result_shape(infer, 0, size);
}

static tn_status infer_floating_draw(tn_infer *infer, tn_ints size, tn_dtype dtype,
                                     tn_device device) {
  dtype = tn__dtype_or(dtype, tn_default_dtype());
  if (!tn_dtype_is_floating(dtype)) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, "dtype", "expected a floating dtype, not %s",
                        tn_dtype_name(dtype));
  }
  return infer_draw(infer, size, dtype, device);
}

static tn_status rand_infer(tn_infer *infer) {
  const tn_rand_attrs *attrs = infer->attrs;
  return infer_floating_draw(infer, attrs->size, attrs->dtype, attrs->device);
}

/// Numbers drawn uniformly from [0, 1). dtype: floating, the default one where absent.
/// errors: INVALID_ARGUMENT for a size; INVALID_DTYPE. source: ATen `rand`.
// clang-format off
const tn_op_def tn_op_rand = {
    .schema = "rand(int[] size, *, ScalarType? dtype=None, Device? device=None, Generator? generator=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_RANDOM | TN_OP_NONDIFFERENTIABLE,
    .infer = rand_infer,
};

static tn_status randn_infer(tn_infer *infer) {
  const tn_randn_attrs *attrs = infer->attrs;
  return infer_floating_draw(infer, attrs->size, attrs->dtype, attrs->device);
}

/// Numbers drawn from the normal distribution of mean 0 and variance 1. dtype: floating, the
/// default one where absent. errors: INVALID_ARGUMENT for a size; INVALID_DTYPE.
/// source: ATen `randn`; Box and Muller 1958.
// clang-format off
const tn_op_def tn_op_randn = {
    .schema = "randn(int[] size, *, ScalarType? dtype=None, Device? device=None, Generator? generator=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_RANDOM | TN_OP_NONDIFFERENTIABLE,
    .infer = randn_infer,
};

static tn_status randint_infer(tn_infer *infer) {
  const tn_randint_low_attrs *attrs = infer->attrs;
  if (attrs->low >= attrs->high) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "high",
                        "there is no integer in [%" PRId64 ", %" PRId64 ")", attrs->low,
                        attrs->high);
  }
  tn_dtype dtype = tn__dtype_or(attrs->dtype, TN_I64);
  if (tn_dtype_is_complex(dtype)) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, "dtype", "expected a real dtype, not %s",
                        tn_dtype_name(dtype));
  }
  return infer_draw(infer, attrs->size, dtype, attrs->device);
}

/// Integers drawn uniformly from [low, high). dtype: real, int64 where absent.
/// errors: INVALID_ARGUMENT for a size or an empty range; INVALID_DTYPE. source: ATen
/// `randint.low`.
// clang-format off
const tn_op_def tn_op_randint_low = {
    .schema = "randint.low(int low, int high, int[] size, *, ScalarType? dtype=None, Device? device=None, Generator? generator=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_RANDOM | TN_OP_NONDIFFERENTIABLE,
    .infer = randint_infer,
};

static tn_status randperm_infer(tn_infer *infer) {
  const tn_randperm_attrs *attrs = infer->attrs;
  if (attrs->n < 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "n", "expected at least 0, not %" PRId64,
                        attrs->n);
  }
  tn_dtype dtype = tn__dtype_or(attrs->dtype, TN_I64);
  if (!tn_dtype_is_integer(dtype) && !tn_dtype_is_floating(dtype)) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, "dtype",
                        "expected an integer or floating dtype, not %s", tn_dtype_name(dtype));
  }
  return infer_draw(infer, TN_SHAPE(attrs->n), dtype, attrs->device);
}

/// The integers 0 to n - 1 in a random order. Returns [n]. dtype: int64 where absent.
/// errors: INVALID_ARGUMENT for a negative n; INVALID_DTYPE. source: ATen `randperm`.
// clang-format off
const tn_op_def tn_op_randperm = {
    .schema = "randperm(int n, *, ScalarType? dtype=None, Device? device=None, Generator? generator=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_RANDOM | TN_OP_NONDIFFERENTIABLE,
    .infer = randperm_infer,
};

/// 1 with the probability that stands in self, else 0. self: any shape, floating, each in [0, 1].
/// Returns self's shape and dtype. errors: INVALID_DTYPE; INVALID_ARGUMENT for a probability
/// outside of [0, 1], where the kernel sees it. source: ATen `bernoulli`.
// clang-format off
const tn_op_def tn_op_bernoulli = {
    .schema = "bernoulli(Tensor self, *, Generator? generator=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_RANDOM | TN_OP_NONDIFFERENTIABLE,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = tn__infer_same,
};

static tn_status bernoulli_p_infer(tn_infer *infer) {
  const tn_bernoulli_p_attrs *attrs = infer->attrs;
  if (!(attrs->p >= 0 && attrs->p <= 1)) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "p",
                        "%g is no probability; expected one in [0, 1]", attrs->p);
  }
  return tn__infer_same(infer);
}

/// 1 with probability p, else 0, in self's shape and dtype; self's values are not read.
/// self: any shape, real. errors: INVALID_ARGUMENT unless p is in [0, 1]. source: ATen
/// `bernoulli.p`.
// clang-format off
const tn_op_def tn_op_bernoulli_p = {
    .schema = "bernoulli.p(Tensor self, float p, *, Generator? generator=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_RANDOM | TN_OP_NONDIFFERENTIABLE,
    .dtypes = TN_DTYPES_REAL,
    .infer = bernoulli_p_infer,
};

// ---- like another tensor

static tn_device device_beside(const tn_tensor *self, tn_device device) {
  return device.type == 0 ? tn_tensor_device(self) : device;
}

static tn_status rand_like_compose(tn_compose *compose) {
  const tn_rand_like_attrs *attrs = compose->attrs;
  const tn_tensor *self = compose->inputs[0];
  compose->results[0] =
      tn_rand(tn_tensor_shape(self), .dtype = tn__dtype_or(attrs->dtype, tn_tensor_dtype(self)),
              .device = device_beside(self, attrs->device));
  return tn__status_of(compose->results[0]);
}

/// rand() of self's shape, and of its dtype and device where those are absent.
/// errors: INVALID_DTYPE. source: ATen `rand_like`.
// clang-format off
const tn_op_def tn_op_rand_like = {
    .schema = "rand_like(Tensor self, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE | TN_OP_RAW_INPUTS,
    .compose = rand_like_compose,
};

static tn_status randn_like_compose(tn_compose *compose) {
  const tn_randn_like_attrs *attrs = compose->attrs;
  const tn_tensor *self = compose->inputs[0];
  compose->results[0] =
      tn_randn(tn_tensor_shape(self), .dtype = tn__dtype_or(attrs->dtype, tn_tensor_dtype(self)),
               .device = device_beside(self, attrs->device));
  return tn__status_of(compose->results[0]);
}

/// randn() of self's shape, and of its dtype and device where those are absent.
/// errors: INVALID_DTYPE. source: ATen `randn_like`.
// clang-format off
const tn_op_def tn_op_randn_like = {
    .schema = "randn_like(Tensor self, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE | TN_OP_RAW_INPUTS,
    .compose = randn_like_compose,
};
