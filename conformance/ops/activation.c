// SPDX-License-Identifier: Apache-2.0
//
// activation: activations of networks and the operators that serve their gradients. References are
// the defining formulas; a backward reference is the derivative times the incoming gradient.

#include "pointwise.h"

static const double slopes[] = {0.01, 0.25, 2};
static const char *const approximations[] = {"none", "tanh"};
static const double root_half = 0.70710678118654752440, two_over_root_pi = 1.12837916709551257390;

#define PAIR .args = {POINTWISE_TENSOR, POINTWISE_TENSOR}, .arg_count = 2

// ---- silu --------------------------------------------------------------------------------------

static double logistic(double x) { return 1 / (1 + exp(-x)); }
static double silu(double x) { return x * logistic(x); }
static double silu_gradient(double g, double x) {
  double s = logistic(x);
  return g * s * (1 + x * (1 - s));
}

const tn_op_spec tn_spec_silu = {
    .op = "silu",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 4,
    .half_ulps = 4,
    .data =
        &(const pointwise){.f = silu, .arg_count = 1, POINTWISE_RANGE(-4, 4), .no_specials = true}};

const tn_op_spec tn_spec_silu_backward = {
    .op = "silu_backward",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 8,
    .why = "1 + x (1 - s) cancels near its zero at x = -1.278",
    .data = &(const pointwise){
        .g = silu_gradient, PAIR, .low = {-3, -1}, .high = {3, 4}, .no_specials = true}};

// ---- gelu --------------------------------------------------------------------------------------

static bool is_exact(const tn_sample *sample, int32_t index) {
  return tn_sample_string_at(sample, index, "none")[0] == 'n';
}
static double inner(double x) { return two_over_root_pi * root_half * (x + 0.044715 * x * x * x); }
static double gelu(const double *x, const tn_sample *sample) {
  if (is_exact(sample, 1)) return 0.5 * x[0] * erfc(-x[0] * root_half);
  return 0.5 * x[0] * (1 + tanh(inner(x[0])));
}
static double gelu_gradient(const double *x, const tn_sample *sample) {
  double g = x[0], v = x[1];
  if (is_exact(sample, 2)) {
    double density = exp(-0.5 * v * v) * two_over_root_pi * 0.5 * root_half;
    return g * (0.5 * erfc(-v * root_half) + v * density);
  }
  double t = tanh(inner(v));
  double slope = two_over_root_pi * root_half * (1 + 3 * 0.044715 * v * v);
  return g * (0.5 * (1 + t) + 0.5 * v * (1 - t * t) * slope);
}

const tn_op_spec tn_spec_gelu = {
    .op = "gelu",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 16,
    .why = "1 + erf(x / sqrt 2) cancels for negative x; at -2 that costs 4 bits",
    .data = &(const pointwise){.h = gelu,
                               .args = {POINTWISE_TENSOR, POINTWISE_TEXT},
                               .arg_count = 2,
                               POINTWISE_RANGE(-1.5, 3),
                               .texts = approximations,
                               .text_count = 2,
                               .no_specials = true}};

const tn_op_spec tn_spec_gelu_backward = {
    .op = "gelu_backward",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 16,
    .why = "cdf and x times density cancel near x = -0.75",
    .data = &(const pointwise){.h = gelu_gradient,
                               .args = {POINTWISE_TENSOR, POINTWISE_TENSOR, POINTWISE_TEXT},
                               .arg_count = 3,
                               .low = {-3, -0.5},
                               .high = {3, 3},
                               .texts = approximations,
                               .text_count = 2,
                               .no_specials = true}};

// ---- leaky relu --------------------------------------------------------------------------------

static double leaky(const double *x, const tn_sample *sample) {
  (void)sample;
  return isnan(x[0]) || x[0] > 0 ? x[0] : x[0] * x[1];
}

const tn_op_spec tn_spec_leaky_relu = {
    .op = "leaky_relu",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 1,
    .data = &(const pointwise){.h = leaky,
                               .args = {POINTWISE_TENSOR, POINTWISE_OPTION},
                               .arg_count = 2,
                               POINTWISE_RANGE(-3, 3),
                               .options = slopes,
                               .option_count = 3,
                               .absent = {0, 0.01}}};

// |last|: whether a trailing bool says that self is the result.
static void gradient_samples(tn_samples *samples, double number, bool last) {
  tn_dtype dtype = tn_samples_dtype(samples);
  const tn_ints shapes[] = {TN_SHAPE(3, 4), TN_SHAPE(37), TN_SHAPE_SCALAR, TN_SHAPE(0, 2)};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "shapes", 0);
    tn_sample_tensor(sample, shapes[i], dtype, -3, 3);
    tn_sample_tensor(sample, shapes[i], dtype, -3, 3);
    tn_sample_scalar(sample, tn_scalar_float(number));
    if (last) tn_sample_bool(sample, i % 2 == 1);
  }
}

static void leaky_gradient_samples(tn_samples *samples) { gradient_samples(samples, 0.25, true); }
static void threshold_samples(tn_samples *samples) { gradient_samples(samples, 0.0, false); }

static void leaky_gradient(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *g = &sample->operands[0], *x = &sample->operands[1];
  double slope = tn_sample_number_at(sample, 2, 0);
  double *out = tn_expect(expected, g->dtype, g->ndim, g->sizes);
  for (int64_t i = 0; out != NULL && i < g->numel; i++) {
    out[i] = x->values[i] > 0 ? g->values[i] : g->values[i] * slope;
  }
}

// Below the threshold there is nothing, whatever the gradient; a NaN is not below it.
static void threshold_gradient(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *g = &sample->operands[0], *x = &sample->operands[1];
  double threshold = tn_sample_number_at(sample, 2, 0);
  double *out = tn_expect(expected, g->dtype, g->ndim, g->sizes);
  for (int64_t i = 0; out != NULL && i < g->numel; i++) {
    out[i] = x->values[i] <= threshold ? 0 : g->values[i];
  }
}

const tn_op_spec tn_spec_leaky_relu_backward = {.op = "leaky_relu_backward",
                                                .dtypes = TN_DTYPES_FLOATING,
                                                .samples = leaky_gradient_samples,
                                                .reference = leaky_gradient,
                                                .ulps = 1};

const tn_op_spec tn_spec_threshold_backward = {.op = "threshold_backward",
                                               .dtypes = TN_DTYPES_FLOATING,
                                               .samples = threshold_samples,
                                               .reference = threshold_gradient,
                                               .flags = TN_SPEC_TAKES_ANY_DTYPE};

// ---- from the result ---------------------------------------------------------------------------

static double sigmoid_gradient(double g, double y) { return g * y * (1 - y); }
static double tanh_gradient(double g, double y) { return g * (1 - y * y); }

const tn_op_spec tn_spec_sigmoid_backward = {
    .op = "sigmoid_backward",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 4,
    .data = &(const pointwise){
        .g = sigmoid_gradient, PAIR, .low = {-3, 0.1}, .high = {3, 0.9}, .no_specials = true}};

const tn_op_spec tn_spec_tanh_backward = {
    .op = "tanh_backward",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 8,
    .why = "1 - y^2 cancels as y nears 1: at 0.9 two bits and a half",
    .data = &(const pointwise){
        .g = tanh_gradient, PAIR, .low = {-3, -0.9}, .high = {3, 0.9}, .no_specials = true}};
