// SPDX-License-Identifier: Apache-2.0
//
// pointwise_rows: the kernels of pointwise operators. Most are a loop and nothing else: their row's
// `self` points at the loop's number. The others look at attributes first. The key dtype is that
// of the first operand, and of the last one in `where`.

#include <tenon/op_args.h>

#include "bytes.h"
#include "pointwise.h"

static const uint16_t loop_numbers[CPU_LOOP_COUNT] = {
#define X(name) [CPU_LOOP_##name] = CPU_LOOP_##name,
    CPU_LOOPS(X)
#undef X
};

static cpu_loop loop_for(const tn_args *args, uint32_t number) {
  return cpu_loops[args->views[1].dtype][number];
}

static tn_status run_loop(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)ctx;
  const cpu_loop loop = loop_for(args, *(const uint16_t *)self);
  cpu_pointwise_run(args->views, args->view_count, loop, NULL);
  return TN_OK;
}

static void run_with(const tn_args *args, uint32_t number, tn_scalar value) {
  const cpu_params params = {.value = cpu_scalar_value(value, args->views[1].dtype)};
  cpu_pointwise_run(args->views, args->view_count, loop_for(args, number), &params);
}

// ---- sums

// A fractional factor beside integers would be cut off silently.
static tn_status check_factor(tn_kernel_ctx *ctx, const tn_args *args, tn_scalar factor,
                              const char *name) {
  const tn_dtype dtype = args->views[1].dtype;
  if (tn_dtype_in(dtype, TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX)) return TN_OK;
  if (factor.kind != TN_SCALAR_FLOAT && factor.kind != TN_SCALAR_COMPLEX) return TN_OK;
  return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "%s must be an integer beside integers", name);
}

static tn_scalar negated(tn_scalar scalar) {
  switch (scalar.kind) {
    case TN_SCALAR_FLOAT:
      return tn_scalar_float(-scalar.as.f);
    case TN_SCALAR_COMPLEX:
      return tn_scalar_complex(-scalar.as.c.real, -scalar.as.c.imag);
    default:
      return tn_scalar_int((int64_t)(0 - scalar.as.u));
  }
}

// self + alpha * other. One float is done at once: the call should cost no more than its dispatch.
static tn_status run_add(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_view *views = args->views;
  const tn_scalar alpha = ((const tn_add_Tensor_attrs *)args->attrs)->alpha;
  if (cpu_scalar_is_one(alpha)) {
    if (views[0].numel == 1 && views[0].dtype == TN_F32) {
      *(float *)views[0].data = *(const float *)views[1].data + *(const float *)views[2].data;
    } else {
      cpu_pointwise_run(views, 3, loop_for(args, CPU_LOOP_add), NULL);
    }
    return TN_OK;
  }
  const tn_status status = check_factor(ctx, args, alpha, "alpha");
  if (status == TN_OK) run_with(args, CPU_LOOP_add_scaled, alpha);
  return status;
}

static tn_status run_sub(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_scalar alpha = ((const tn_sub_Tensor_attrs *)args->attrs)->alpha;
  if (cpu_scalar_is_one(alpha)) {
    cpu_pointwise_run(args->views, 3, loop_for(args, CPU_LOOP_sub), NULL);
    return TN_OK;
  }
  const tn_status status = check_factor(ctx, args, alpha, "alpha");
  if (status == TN_OK) run_with(args, CPU_LOOP_add_scaled, negated(alpha));
  return status;
}

static tn_status run_addcmul(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  const tn_scalar value = ((const tn_addcmul_attrs *)args->attrs)->value;
  const tn_status status = check_factor(ctx, args, value, "value");
  if (status == TN_OK) run_with(args, *(const uint16_t *)self, value);
  return status;
}

static tn_status run_addcdiv(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)ctx;
  run_with(args, *(const uint16_t *)self, ((const tn_addcdiv_attrs *)args->attrs)->value);
  return TN_OK;
}

// ---- division of integers, which may have no result

static tn_status run_division(tn_kernel_ctx *ctx, const tn_args *args, uint32_t number) {
  int32_t fault = 0;
  const cpu_params params = {.fault = &fault};
  cpu_pointwise_run(args->views, 3, loop_for(args, number), &params);
  if (!fault) return TN_OK;
  return ctx->host->error(ctx, TN_INVALID_ARGUMENT,
                          "ZeroDivisionError: an integer is divided by zero");
}

static const char *rounds(void *self, const tn_args *args) {
  (void)self;
  const tn_div_Tensor_mode_attrs *attrs = args->attrs;
  return attrs->rounding_mode == NULL ? "division without rounding is div.Tensor" : NULL;
}

static tn_status run_div_mode(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const char *mode = ((const tn_div_Tensor_mode_attrs *)args->attrs)->rounding_mode;
  if (mode != NULL && strcmp(mode, "floor") == 0)
    return run_division(ctx, args, CPU_LOOP_div_floor);
  if (mode != NULL && strcmp(mode, "trunc") == 0)
    return run_division(ctx, args, CPU_LOOP_div_trunc);
  return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "rounding_mode is neither floor nor trunc");
}

static tn_status run_remainder(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return run_division(ctx, args, CPU_LOOP_remainder);
}

// ---- powers

// The value of a one-element operand of a floating dtype.
static double value_of(const tn_view *view) {
  switch (view->dtype) {
    case TN_F16:
      return (double)tn_f16_to_f32(*(const uint16_t *)view->data);
    case TN_BF16:
      return (double)tn_bf16_to_f32(*(const uint16_t *)view->data);
    case TN_F32:
      return (double)*(const float *)view->data;
    default:
      return *(const double *)view->data;
  }
}

// The usual exponents have loops of their own.
static tn_status run_pow(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_view *views = args->views;
  if ((views[2].flags & TN_VIEW_IMMEDIATE) && tn_dtype_is_floating(views[1].dtype)) {
    const double exponent = value_of(&views[2]);
    const int number = exponent == 2.0    ? CPU_LOOP_square
                       : exponent == 3.0  ? CPU_LOOP_cube
                       : exponent == -1.0 ? CPU_LOOP_reciprocal
                                          : -1;
    if (number >= 0) {
      cpu_pointwise_run(views, 2, loop_for(args, (uint32_t)number), NULL);
      return TN_OK;
    }
  }
  cpu_pointwise_run(views, 3, loop_for(args, CPU_LOOP_pow), NULL);
  return TN_OK;
}

// ---- choices

static tn_status run_where(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  cpu_pointwise_run(args->views, 4, cpu_where_loop(tn_dtype_size(args->views[0].dtype)), NULL);
  return TN_OK;
}

// With one bound clamp is maximum or minimum.
static tn_status run_clamp(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_view *views = args->views;
  const bool has_min = cpu_view_given(&views[2]), has_max = cpu_view_given(&views[3]);
  if (has_min && has_max) {
    cpu_pointwise_run(views, 4, loop_for(args, CPU_LOOP_clamp), NULL);
  } else if (has_min) {
    cpu_pointwise_run(views, 3, loop_for(args, CPU_LOOP_maximum), NULL);
  } else if (has_max) {
    const tn_view bounded[] = {views[0], views[1], views[3]};
    cpu_pointwise_run(bounded, 3, loop_for(args, CPU_LOOP_minimum), NULL);
  } else {
    cpu_pointwise_run(views, 2, cpu_copy_loop(tn_dtype_size(views[0].dtype)), NULL);
  }
  return TN_OK;
}

static tn_status run_fill(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_view *result = &args->views[0];
  const tn_scalar scalar = ((const tn_fill_Scalar_attrs *)args->attrs)->value;
  cpu_params params = {.value = cpu_scalar_value(scalar, result->dtype)};
  if (result->dtype == TN_F16) params.value.u16 = tn_f64_to_f16(cpu_scalar_f64(scalar));
  if (result->dtype == TN_BF16) params.value.u16 = tn_f64_to_bf16(cpu_scalar_f64(scalar));
  cpu_pointwise_run(result, 1, cpu_fill_loop(tn_dtype_size(result->dtype)), &params);
  return TN_OK;
}

// ---- activations

static bool is_tanh(const char *approximate) {
  return approximate != NULL && strcmp(approximate, "tanh") == 0;
}

static tn_status run_gelu(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const bool by_tanh = is_tanh(((const tn_gelu_attrs *)args->attrs)->approximate);
  const uint32_t number = by_tanh ? CPU_LOOP_gelu_tanh : CPU_LOOP_gelu;
  cpu_pointwise_run(args->views, 2, loop_for(args, number), NULL);
  return TN_OK;
}

static tn_status run_gelu_backward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const bool by_tanh = is_tanh(((const tn_gelu_backward_attrs *)args->attrs)->approximate);
  const uint32_t number = by_tanh ? CPU_LOOP_gelu_tanh_backward : CPU_LOOP_gelu_backward;
  cpu_pointwise_run(args->views, 3, loop_for(args, number), NULL);
  return TN_OK;
}

static tn_status run_leaky_relu(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  run_with(args, CPU_LOOP_leaky_relu, ((const tn_leaky_relu_attrs *)args->attrs)->negative_slope);
  return TN_OK;
}

// The sign of the result is that of the operand, so either may be given.
static tn_status run_leaky_relu_backward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_leaky_relu_backward_attrs *attrs = args->attrs;
  run_with(args, CPU_LOOP_leaky_relu_backward, attrs->negative_slope);
  return TN_OK;
}

static tn_status run_threshold_backward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_threshold_backward_attrs *attrs = args->attrs;
  run_with(args, CPU_LOOP_threshold_backward, attrs->threshold);
  return TN_OK;
}

// ---- the table

#define BOOL_ TN_DTYPE_BIT(TN_BOOL)
#define NUMBERS (TN_DTYPES_INTEGER | TN_DTYPES_FLOATING)
#define FIELDS (TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX)

// X(operator, loop, dtypes)
#define PLAIN_TABLE(X)                                            \
  X("abs", abs, TN_DTYPES_REAL)                                   \
  X("neg", neg, NUMBERS | TN_DTYPES_COMPLEX)                      \
  X("sign", sign, TN_DTYPES_REAL)                                 \
  X("square", square, TN_DTYPES_ALL)                              \
  X("floor", floor, NUMBERS)                                      \
  X("ceil", ceil, NUMBERS)                                        \
  X("round", round, NUMBERS)                                      \
  X("trunc", trunc, NUMBERS)                                      \
  X("relu", relu, NUMBERS)                                        \
  X("sqrt", sqrt, TN_DTYPES_FLOATING)                             \
  X("rsqrt", rsqrt, TN_DTYPES_FLOATING)                           \
  X("reciprocal", reciprocal, FIELDS)                             \
  X("exp", exp, TN_DTYPES_FLOATING)                               \
  X("expm1", expm1, TN_DTYPES_FLOATING)                           \
  X("log", log, TN_DTYPES_FLOATING)                               \
  X("log1p", log1p, TN_DTYPES_FLOATING)                           \
  X("sin", sin, TN_DTYPES_FLOATING)                               \
  X("cos", cos, TN_DTYPES_FLOATING)                               \
  X("tanh", tanh, TN_DTYPES_FLOATING)                             \
  X("sigmoid", sigmoid, TN_DTYPES_FLOATING)                       \
  X("erf", erf, TN_DTYPES_FLOATING)                               \
  X("silu", silu, TN_DTYPES_FLOATING)                             \
  X("isnan", isnan, TN_DTYPES_REAL)                               \
  X("isinf", isinf, TN_DTYPES_REAL)                               \
  X("isfinite", isfinite, TN_DTYPES_REAL)                         \
  X("logical_not", logical_not, TN_DTYPES_ALL)                    \
  X("bitwise_not", bitwise_not, BOOL_ | TN_DTYPES_INTEGER)        \
  X("mul.Tensor", mul, TN_DTYPES_ALL)                             \
  X("div.Tensor", div, FIELDS)                                    \
  X("maximum", maximum, TN_DTYPES_REAL)                           \
  X("minimum", minimum, TN_DTYPES_REAL)                           \
  X("eq.Tensor", eq, TN_DTYPES_ALL)                               \
  X("ne.Tensor", ne, TN_DTYPES_ALL)                               \
  X("lt.Tensor", lt, TN_DTYPES_REAL)                              \
  X("le.Tensor", le, TN_DTYPES_REAL)                              \
  X("gt.Tensor", gt, TN_DTYPES_REAL)                              \
  X("ge.Tensor", ge, TN_DTYPES_REAL)                              \
  X("logical_and", logical_and, TN_DTYPES_ALL)                    \
  X("logical_or", logical_or, TN_DTYPES_ALL)                      \
  X("logical_xor", logical_xor, TN_DTYPES_ALL)                    \
  X("bitwise_and.Tensor", bitwise_and, BOOL_ | TN_DTYPES_INTEGER) \
  X("bitwise_or.Tensor", bitwise_or, BOOL_ | TN_DTYPES_INTEGER)   \
  X("bitwise_xor.Tensor", bitwise_xor, BOOL_ | TN_DTYPES_INTEGER) \
  X("lerp.Tensor", lerp, TN_DTYPES_FLOATING)                      \
  X("sigmoid_backward", sigmoid_backward, TN_DTYPES_FLOATING)     \
  X("tanh_backward", tanh_backward, TN_DTYPES_FLOATING)           \
  X("silu_backward", silu_backward, TN_DTYPES_FLOATING)

#define LOOP_NUMBER(loop) ((void *)&loop_numbers[CPU_LOOP_##loop])

#define ROW(name, dtypes_, attrs_size_, run_, self_)                                     \
  {                                                                                      \
    .op = name, .dtypes = dtypes_, .rank = TN_RANK_GENERIC, .layout = TN_LAYOUT_STRIDED, \
    .flags = TN_ROW_DETERMINISTIC, .attrs_size = attrs_size_, .run = run_, .self = self_ \
  }

// clang-format off
const tn_kernel_row cpu_pointwise_rows[] = {
#define X(name, loop, dtypes) ROW(name, dtypes, 0, run_loop, LOOP_NUMBER(loop)),
    PLAIN_TABLE(X)
#undef X
    ROW("add.Tensor", TN_DTYPES_ALL, sizeof(tn_add_Tensor_attrs), run_add, NULL),
    ROW("sub.Tensor", NUMBERS | TN_DTYPES_COMPLEX, sizeof(tn_sub_Tensor_attrs), run_sub, NULL),
    {.op = "div.Tensor_mode", .dtypes = NUMBERS, .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_STRIDED, .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_div_Tensor_mode_attrs), .supports = rounds, .run = run_div_mode},
    ROW("remainder.Tensor", NUMBERS, 0, run_remainder, NULL),
    ROW("pow.Tensor_Tensor", NUMBERS, 0, run_pow, NULL),
    ROW("where.self", TN_DTYPES_ALL, 0, run_where, NULL),
    ROW("clamp.Tensor", NUMBERS, 0, run_clamp, NULL),
    ROW("addcmul", NUMBERS | TN_DTYPES_COMPLEX, sizeof(tn_addcmul_attrs), run_addcmul,
        LOOP_NUMBER(addcmul)),
    ROW("addcdiv", FIELDS, sizeof(tn_addcdiv_attrs), run_addcdiv, LOOP_NUMBER(addcdiv)),
    ROW("fill.Scalar", TN_DTYPES_ALL, sizeof(tn_fill_Scalar_attrs), run_fill, NULL),
    ROW("gelu", TN_DTYPES_FLOATING, sizeof(tn_gelu_attrs), run_gelu, NULL),
    ROW("gelu_backward", TN_DTYPES_FLOATING, sizeof(tn_gelu_backward_attrs), run_gelu_backward,
        NULL),
    ROW("leaky_relu", TN_DTYPES_FLOATING, sizeof(tn_leaky_relu_attrs), run_leaky_relu, NULL),
    ROW("leaky_relu_backward", TN_DTYPES_FLOATING, sizeof(tn_leaky_relu_backward_attrs),
        run_leaky_relu_backward, NULL),
    ROW("threshold_backward", NUMBERS, sizeof(tn_threshold_backward_attrs),
        run_threshold_backward, NULL),
};
// clang-format on

const uint64_t cpu_pointwise_row_count = sizeof cpu_pointwise_rows / sizeof cpu_pointwise_rows[0];
