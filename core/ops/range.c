// SPDX-License-Identifier: Apache-2.0
//
// range: tensors that are a function of the index: evenly spaced numbers and the identity matrix.
// Kernels find start, step and end as integers where the result is an integer, and as reals where
// it is floating, so that element i is start + i * step with no more questions.

#include <inttypes.h>
#include <math.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static bool is_integral(tn_scalar value) {
  return value.kind == TN_SCALAR_BOOL || value.kind == TN_SCALAR_INT;
}

static double as_real(tn_scalar value) {
  if (value.kind == TN_SCALAR_FLOAT) return value.as.f;
  return value.kind == TN_SCALAR_UINT ? (double)value.as.u : (double)value.as.i;
}

// A bound must be a real, finite number.
static tn_status expect_real(tn_infer *infer, const char *argument, tn_scalar value) {
  if (value.kind == TN_SCALAR_COMPLEX || value.kind == TN_SCALAR_NONE ||
      !isfinite(as_real(value))) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, argument,
                        "expected a real and finite number");
  }
  return TN_OK;
}

// |value| in the kind that the kernel of |dtype| reads.
static tn_status settle(tn_infer *infer, const char *argument, tn_dtype dtype, tn_scalar *value) {
  if (tn_dtype_is_floating(dtype)) {
    *value = tn_scalar_float(as_real(*value));
    return TN_OK;
  }
  double real = as_real(*value);
  if (is_integral(*value)) {
    *value = tn_scalar_int(value->as.i);
  } else if (value->kind == TN_SCALAR_FLOAT && real >= -0x1p63 && real < 0x1p63) {
    *value = tn_scalar_int((int64_t)real);
  } else {
    return tn__op_error(infer->call, TN_OUT_OF_RANGE, argument, "%g does not fit an int64", real);
  }
  return TN_OK;
}

static tn_status expect_real_dtype(tn_infer *infer, tn_dtype dtype) {
  if (tn_dtype_is_floating(dtype) || tn_dtype_is_integer(dtype)) return TN_OK;
  return tn__op_error(infer->call, TN_INVALID_DTYPE, "dtype",
                      "expected an integer or floating dtype, not %s", tn_dtype_name(dtype));
}

// ceil((end - start) / step), in integers: exact, or false on overflow or a wrong direction.
static bool integer_count(int64_t start, int64_t end, int64_t step, int64_t *count) {
  uint64_t distance = step > 0 ? (uint64_t)end - (uint64_t)start : (uint64_t)start - (uint64_t)end;
  uint64_t stride = step > 0 ? (uint64_t)step : -(uint64_t)step;
  uint64_t whole = distance / stride + (distance % stride != 0);
  *count = (int64_t)whole;
  return whole <= INT64_MAX;
}

static tn_status count_steps(tn_infer *infer, const tn_arange_start_step_attrs *attrs,
                             int64_t *count) {
  double start = as_real(attrs->start), end = as_real(attrs->end), step = as_real(attrs->step);
  bool integral = is_integral(attrs->start) && is_integral(attrs->end) && is_integral(attrs->step);
  if (step == 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "step", "a step of 0 goes nowhere");
  }
  int64_t first = attrs->start.as.i, stop = attrs->end.as.i;
  bool away =
      step > 0 ? (integral ? first > stop : start > end) : (integral ? first < stop : start < end);
  if (away) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "step",
                        "a step of %g leads from %g away from %g", step, start, end);
  }
  double real = ceil((end - start) / step);
  bool fits = integral ? integer_count(first, stop, attrs->step.as.i, count) : real < 0x1p63;
  if (!fits) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "end",
                        "%g elements are more than a tensor can have", real);
  }
  if (!integral) *count = (int64_t)real;
  return TN_OK;
}

static tn_status arange_infer(tn_infer *infer) {
  tn_arange_start_step_attrs *attrs = infer->attrs;
  TN_TRY(expect_real(infer, "start", attrs->start));
  TN_TRY(expect_real(infer, "end", attrs->end));
  TN_TRY(expect_real(infer, "step", attrs->step));
  bool integral = is_integral(attrs->start) && is_integral(attrs->end) && is_integral(attrs->step);
  tn_dtype dtype = tn__dtype_or(attrs->dtype, integral ? TN_I64 : tn_default_dtype());
  TN_TRY(expect_real_dtype(infer, dtype));
  int64_t count;
  TN_TRY(count_steps(infer, attrs, &count));
  TN_TRY(settle(infer, "start", dtype, &attrs->start));
  TN_TRY(settle(infer, "end", dtype, &attrs->end));
  TN_TRY(settle(infer, "step", dtype, &attrs->step));
  TN_TRY(tn__infer_factory(infer, dtype, attrs->device));
  return tn__result_shape(infer, 0, TN_SHAPE(count));
}

/// start, start + step, ... before end: element i is start + i * step. Returns
/// [ceil((end - start) / step)]. dtype: where absent, int64 if all three are integers, else the
/// default one; integer dtypes take the bounds' integer parts after the elements were counted.
/// errors: INVALID_ARGUMENT for a step of 0, one that leads away from end, bounds that are not
/// finite; INVALID_DTYPE for bool and complex. source: ATen `arange.start_step`.
// clang-format off
const tn_op_def tn_op_arange_start_step = {
    .schema = "arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .infer = arange_infer,
};

static tn_status arange_compose(tn_compose *compose) {
  const tn_arange_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_arange_step(0, attrs->end, .dtype = attrs->dtype, .device = attrs->device);
  return tn__status_of(compose->results[0]);
}

/// 0, 1, ... before end. As arange.start_step from 0 in steps of 1.
/// errors: as arange.start_step. source: ATen `arange`.
// clang-format off
const tn_op_def tn_op_arange = {
    .schema = "arange(Scalar end, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = arange_compose,
};

static tn_status linspace_infer(tn_infer *infer) {
  tn_linspace_attrs *attrs = infer->attrs;
  TN_TRY(expect_real(infer, "start", attrs->start));
  TN_TRY(expect_real(infer, "end", attrs->end));
  tn_dtype dtype = tn__dtype_or(attrs->dtype, tn_default_dtype());
  TN_TRY(expect_real_dtype(infer, dtype));
  if (attrs->steps < 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "steps",
                        "expected at least 0, not %" PRId64, attrs->steps);
  }
  TN_TRY(settle(infer, "start", dtype, &attrs->start));
  TN_TRY(settle(infer, "end", dtype, &attrs->end));
  TN_TRY(tn__infer_factory(infer, dtype, attrs->device));
  return tn__result_shape(infer, 0, TN_SHAPE(attrs->steps));
}

/// steps numbers, evenly spaced, start and end included: element i is
/// start + i (end - start) / (steps - 1), counted from end in the second half, so that both ends
/// are exact. Returns [steps]; one step gives start. dtype: the default one where absent.
/// errors: INVALID_ARGUMENT for negative steps or bounds that are not finite; INVALID_DTYPE for
/// bool and complex. source: ATen `linspace`.
// clang-format off
const tn_op_def tn_op_linspace = {
    .schema = "linspace(Scalar start, Scalar end, int steps, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .infer = linspace_infer,
};

static tn_status eye_infer(tn_infer *infer) {
  const tn_eye_m_attrs *attrs = infer->attrs;
  if (attrs->n < 0 || attrs->m < 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, attrs->n < 0 ? "n" : "m",
                        "size %" PRId64 " is negative", attrs->n < 0 ? attrs->n : attrs->m);
  }
  TN_TRY(tn__infer_factory(infer, tn__dtype_or(attrs->dtype, tn_default_dtype()), attrs->device));
  return tn__result_shape(infer, 0, TN_SHAPE(attrs->n, attrs->m));
}

/// An [n, m] matrix with ones on the main diagonal and zeros elsewhere. dtype: the default one
/// where absent. errors: INVALID_ARGUMENT for a negative size. source: ATen `eye.m`.
// clang-format off
const tn_op_def tn_op_eye_m = {
    .schema = "eye.m(int n, int m, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .infer = eye_infer,
};

static tn_status eye_compose(tn_compose *compose) {
  const tn_eye_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_eye_m(attrs->n, attrs->n, .dtype = attrs->dtype, .device = attrs->device);
  return tn__status_of(compose->results[0]);
}

/// The [n, n] identity matrix. errors: as eye.m. source: ATen `eye`.
// clang-format off
const tn_op_def tn_op_eye = {
    .schema = "eye(int n, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .compose = eye_compose,
};
