// SPDX-License-Identifier: Apache-2.0
//
// variance: the variance and its square root over some dimensions or all, with the number of
// elements less a correction as the divisor (1, the default, makes the variance unbiased). The root
// has infinite slope at 0; there its gradient is taken as 0.

#include <math.h>
#include <tenon/ops.h>

#include "op_def.h"
#include "reduction.h"

static tn_status infer_variance(tn_infer *infer, tn_ints *dims, tn_scalar *correction,
                                bool keepdim) {
  if (correction->kind == TN_SCALAR_NONE) *correction = tn_scalar_int(1);
  if (correction->kind == TN_SCALAR_COMPLEX) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "correction", "must be a real number");
  }
  return tn__infer_reduction(infer, dims, keepdim);
}

static double real_value(tn_scalar scalar) {
  return scalar.kind == TN_SCALAR_FLOAT ? scalar.as.f : (double)scalar.as.i;
}

// |grad| of the variance, spread over self: grad * 2 / (count - correction) * (self - mean).
static tn_tensor *variance_gradient(tn_vjp *vjp, tn_tensor *grad, tn_ints dims, double correction,
                                    bool keepdim) {
  tn_tensor *self = tn_vjp_input(vjp, 0);
  const double scale = 2.0 / (tn__reduced_count(vjp, dims) - correction);
  tn_tensor *slope = tn_mul_scalar(tn__with_reduced_dims(vjp, grad, dims, keepdim), scale);
  tn_tensor *mean = tn_mean_dim(self, tn__reduced_dims(dims), .keepdim = true);
  return tn_mul(slope, tn_sub(self, mean));
}

static tn_status var_infer(tn_infer *infer) {
  tn_var_correction_attrs *attrs = infer->attrs;
  return infer_variance(infer, &attrs->dim, &attrs->correction, attrs->keepdim);
}

static tn_status var_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_var_correction_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] = variance_gradient(vjp, grad_out[0], attrs->dim, real_value(attrs->correction),
                                 attrs->keepdim);
  return TN_OK;
}

/// The variance sum((x - mean)^2) / max(0, count - correction) over the dimensions dim (none or an
/// empty list: all); NaN over no elements, infinite or NaN where the divisor is 0.
/// self: any shape, floating; dim: each in [-ndim, ndim), none twice; correction: a real number, 1
/// where not given. Returns self's shape without dim, or with size 1 there under keepdim, in self's
/// dtype. gradient: 2 (x - mean) / (count - correction). errors: INVALID_DTYPE unless floating,
/// OUT_OF_RANGE for a dim, INVALID_ARGUMENT for a repeated dim or a complex correction.
/// source: Welford 1962; ATen `var.correction`.
const tn_op_def tn_op_var_correction = {
    // clang-format off
    .schema = "var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_REDUCTION,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = var_infer,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = var_vjp,
    .identity = NAN,
    .has_identity = true,
};

static tn_status std_infer(tn_infer *infer) {
  tn_std_correction_attrs *attrs = infer->attrs;
  return infer_variance(infer, &attrs->dim, &attrs->correction, attrs->keepdim);
}

static tn_status std_compose(tn_compose *compose) {
  const tn_std_correction_attrs *attrs = compose->attrs;
  compose->results[0] = tn_sqrt(tn_var(compose->inputs[0], .dim = tn__reduced_dims(attrs->dim),
                                       .correction = attrs->correction, .keepdim = attrs->keepdim));
  return TN_OK;
}

static tn_status std_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_std_correction_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *result = tn_vjp_output(vjp, 0);
  // A divisor of infinity where the deviation is 0 gives a gradient of 0 without a 0 / 0 later on.
  tn_tensor *divisor = tn_where_scalar(tn_ne_scalar(result, 0), tn_mul_scalar(result, 2), INFINITY);
  grad_in[0] = variance_gradient(vjp, tn_div(grad_out[0], divisor), attrs->dim,
                                 real_value(attrs->correction), attrs->keepdim);
  return TN_OK;
}

/// The standard deviation, the square root of `var.correction` and like it in everything else.
/// gradient: that of the variance over 2 std; 0 where std is 0. source: ATen `std.correction`.
const tn_op_def tn_op_std_correction = {
    // clang-format off
    .schema = "std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = std_infer,
    .compose = std_compose,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = std_vjp,
};

static tn_status var_dim_compose(tn_compose *compose) {
  const tn_var_dim_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_var(compose->inputs[0], .dim = tn__reduced_dims(attrs->dim),
             .correction = tn_scalar_int(attrs->unbiased ? 1 : 0), .keepdim = attrs->keepdim);
  return TN_OK;
}

/// As `var.correction`, with a correction of 1 where unbiased and else of 0.
/// source: ATen `var.dim`.
const tn_op_def tn_op_var_dim = {
    // clang-format off
    .schema = "var.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor",
    // clang-format on
    .compose = var_dim_compose,
};

static tn_status std_dim_compose(tn_compose *compose) {
  const tn_std_dim_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_std(compose->inputs[0], .dim = tn__reduced_dims(attrs->dim),
             .correction = tn_scalar_int(attrs->unbiased ? 1 : 0), .keepdim = attrs->keepdim);
  return TN_OK;
}

/// As `std.correction`, with a correction of 1 where unbiased and else of 0.
/// source: ATen `std.dim`.
const tn_op_def tn_op_std_dim = {
    // clang-format off
    .schema = "std.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor",
    // clang-format on
    .compose = std_dim_compose,
};
