// SPDX-License-Identifier: Apache-2.0
//
// binary: operators of two operands, elementwise, and their overloads with a number. Ranges keep
// integers inside what doubles hold exactly and away from division by zero.

#include "pointwise.h"

static const double alphas[] = {1, 2, 3};

#define TENSOR_TENSOR .args = {POINTWISE_TENSOR, POINTWISE_TENSOR}, .arg_count = 2
#define TENSOR_NUMBER .args = {POINTWISE_TENSOR, POINTWISE_SCALAR}, .arg_count = 2
#define WITH_ALPHA(second)                                                                 \
  .args = {POINTWISE_TENSOR, second, POINTWISE_OPTION}, .arg_count = 3, .options = alphas, \
  .option_count = 3, .absent = {0, 0, 1}

// Arithmetic on bool is logic: a result is true or false.
#define REAL_OR_COMPLEX (POINTWISE_NUMBERS | TN_DTYPES_COMPLEX)

// ---- arithmetic --------------------------------------------------------------------------------

static double sum(const double *x, const tn_sample *sample) {
  (void)sample;
  return x[0] + x[2] * x[1];
}
static double difference(const double *x, const tn_sample *sample) {
  (void)sample;
  return x[0] - x[2] * x[1];
}
static double _Complex complex_sum(const double _Complex *z, const tn_sample *sample) {
  (void)sample;
  return z[0] + z[2] * z[1];
}
static double _Complex complex_difference(const double _Complex *z, const tn_sample *sample) {
  (void)sample;
  return z[0] - z[2] * z[1];
}
// alpha * other is rounded before it is added, unless it is other itself.
static double terms(const double *x) {
  return x[2] == 1 ? 0 : 2 * (fabs(x[0]) + fabs(x[1] * x[2]));
}
static double product(double x, double y) { return x * y; }
static double _Complex complex_product(double _Complex x, double _Complex y) { return x * y; }
static double quotient(double x, double y) { return x / y; }

const tn_op_spec tn_spec_add_Tensor = {.op = "add.Tensor",
                                       .dtypes = TN_DTYPES_ALL,
                                       .flags = TN_SPEC_COMPLEX,
                                       POINTWISE,
                                       .ulps = 0.51,
                                       .half_ulps = 1,
                                       .complex_ulps = 1,
                                       .data = &(const pointwise){.h = sum,
                                                                  .hc = complex_sum,
                                                                  .scale = terms,
                                                                  WITH_ALPHA(POINTWISE_TENSOR),
                                                                  POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_add_Scalar = {.op = "add.Scalar",
                                       .dtypes = REAL_OR_COMPLEX,
                                       .flags = TN_SPEC_COMPLEX | TN_SPEC_TAKES_ANY_DTYPE,
                                       POINTWISE,
                                       .ulps = 0.51,
                                       .half_ulps = 1,
                                       .complex_ulps = 1,
                                       .data = &(const pointwise){.h = sum,
                                                                  .hc = complex_sum,
                                                                  .scale = terms,
                                                                  WITH_ALPHA(POINTWISE_SCALAR),
                                                                  POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_sub_Tensor = {.op = "sub.Tensor",
                                       .dtypes = REAL_OR_COMPLEX,
                                       .flags = TN_SPEC_COMPLEX,
                                       POINTWISE,
                                       .ulps = 0.51,
                                       .half_ulps = 1,
                                       .complex_ulps = 1,
                                       .data = &(const pointwise){.h = difference,
                                                                  .hc = complex_difference,
                                                                  .scale = terms,
                                                                  WITH_ALPHA(POINTWISE_TENSOR),
                                                                  POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_sub_Scalar = {.op = "sub.Scalar",
                                       .dtypes = REAL_OR_COMPLEX,
                                       .flags = TN_SPEC_COMPLEX | TN_SPEC_TAKES_ANY_DTYPE,
                                       POINTWISE,
                                       .ulps = 0.51,
                                       .half_ulps = 1,
                                       .complex_ulps = 1,
                                       .data = &(const pointwise){.h = difference,
                                                                  .hc = complex_difference,
                                                                  .scale = terms,
                                                                  WITH_ALPHA(POINTWISE_SCALAR),
                                                                  POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_mul_Tensor = {
    .op = "mul.Tensor",
    .dtypes = TN_DTYPES_ALL,
    .flags = TN_SPEC_COMPLEX,
    POINTWISE,
    .complex_ulps = 3,
    .data = &(const pointwise){
        .g = product, .gc = complex_product, TENSOR_TENSOR, POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_mul_Scalar = {
    .op = "mul.Scalar",
    .dtypes = REAL_OR_COMPLEX,
    .flags = TN_SPEC_COMPLEX | TN_SPEC_TAKES_ANY_DTYPE,
    POINTWISE,
    .complex_ulps = 3,
    .data = &(const pointwise){
        .g = product, .gc = complex_product, TENSOR_NUMBER, POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_div_Tensor = {
    .op = "div.Tensor",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 1,
    .data = &(const pointwise){.g = quotient, TENSOR_TENSOR, .low = {-8, 0.5}, .high = {8, 4}}};

const tn_op_spec tn_spec_div_Scalar = {
    .op = "div.Scalar",
    .dtypes = TN_DTYPES_REAL,
    .flags = TN_SPEC_INT_TO_FLOAT,
    POINTWISE,
    .ulps = 1,
    .data = &(const pointwise){.g = quotient, TENSOR_NUMBER, .low = {-8, 0.5}, .high = {8, 4}}};

// ---- division with a rounding mode -------------------------------------------------------------

static const char *const rounding_modes[] = {"floor", "trunc"};

#define WITH_MODE(second)                                                                      \
  .args = {POINTWISE_TENSOR, second, POINTWISE_TEXT}, .arg_count = 3, .texts = rounding_modes, \
  .text_count = 1

// As Python divides: the remainder has the divisor's sign, and the floor is what is left exactly.
static double floored(double x, double y) {
  if (y == 0) return x / y;
  double remainder = fmod(x, y);
  double quotient_exact = (x - remainder) / y;
  if (remainder != 0 && (y < 0) != (remainder < 0)) quotient_exact -= 1;
  double rounded = floor(quotient_exact);
  return quotient_exact - rounded > 0.5 ? rounded + 1 : rounded;
}
static double rounded_quotient(const double *x, const tn_sample *sample) {
  const char *mode = tn_sample_string_at(sample, 2, "floor");
  return mode[0] == 'f' ? floored(x[0], x[1]) : trunc(x[0] / x[1]);
}

static void mode_samples(tn_samples *samples) {
  tn_dtype dtype = tn_samples_dtype(samples);
  bool number = tn_samples_spec(samples)->data != NULL;
  for (int mode = 0; mode < 2; mode++) {
    for (int shape = 0; shape < 4; shape++) {
      const tn_ints left[] = {TN_SHAPE(3, 4), TN_SHAPE(2, 1, 3), TN_SHAPE_SCALAR, TN_SHAPE(37)};
      const tn_ints right[] = {TN_SHAPE(3, 4), TN_SHAPE(5, 1), TN_SHAPE_SCALAR, TN_SHAPE(37)};
      // Integers are flat; a gradient is asked for floats, between the steps.
      tn_sample *sample = tn_sample_add(samples, rounding_modes[mode], 0);
      tn_sample_tensor(sample, left[shape], dtype, -20, 20);
      if (number) {
        tn_sample_scalar(sample, tn_scalar_int(shape + 2));
      } else {
        tn_sample_tensor(sample, right[shape], dtype, 1, 5);
      }
      tn_sample_string(sample, rounding_modes[mode]);
    }
  }
}

static void mode_reference(const tn_sample *sample, tn_expected *expected) {
  static const pointwise tensors = {.h = rounded_quotient, WITH_MODE(POINTWISE_TENSOR)};
  static const pointwise number = {.h = rounded_quotient, WITH_MODE(POINTWISE_SCALAR)};
  bool scalar = sample->spec->data != NULL;
  pointwise_reference_of(sample, scalar ? &number : &tensors, expected);
}

static void mode_errors(tn_samples *samples) {
  tn_sample *sample =
      tn_sample_failing(samples, "unknown mode", TN_INVALID_ARGUMENT, "rounding_mode");
  tn_sample_tensor(sample, TN_SHAPE(2), tn_samples_dtype(samples), 1, 5);
  if (tn_samples_spec(samples)->data != NULL) {
    tn_sample_scalar(sample, tn_scalar_int(2));
  } else {
    tn_sample_tensor(sample, TN_SHAPE(2), tn_samples_dtype(samples), 1, 5);
  }
  tn_sample_string(sample, "up");
}

const tn_op_spec tn_spec_div_Tensor_mode = {.op = "div.Tensor_mode",
                                            .dtypes = POINTWISE_NUMBERS,
                                            .samples = mode_samples,
                                            .reference = mode_reference,
                                            .errors = mode_errors,
                                            .flags = TN_SPEC_TAKES_ANY_DTYPE};

const tn_op_spec tn_spec_div_Scalar_mode = {.op = "div.Scalar_mode",
                                            .dtypes = POINTWISE_NUMBERS,
                                            .samples = mode_samples,
                                            .reference = mode_reference,
                                            .errors = mode_errors,
                                            .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                            .data = "number"};

const tn_op_spec tn_spec_floor_divide = {
    .op = "floor_divide",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){
        .g = floored, TENSOR_TENSOR, .low = {-20, 1}, .high = {20, 5}, .no_specials = true}};

const tn_op_spec tn_spec_floor_divide_Scalar = {
    .op = "floor_divide.Scalar",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){
        .g = floored, TENSOR_NUMBER, .low = {-20, 1}, .high = {20, 5}, .no_specials = true}};

// The remainder with the divisor's sign.
static double modulo(double x, double y) {
  double remainder = fmod(x, y);
  if (remainder != 0 && (y < 0) != (remainder < 0)) remainder += y;
  return remainder;
}

const tn_op_spec tn_spec_remainder_Tensor = {
    .op = "remainder.Tensor",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .ulps = 1,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){
        .g = modulo, TENSOR_TENSOR, .low = {-20, 1}, .high = {20, 5}, .no_specials = true}};

const tn_op_spec tn_spec_remainder_Scalar = {
    .op = "remainder.Scalar",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .ulps = 1,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){
        .g = modulo, TENSOR_NUMBER, .low = {-20, 1}, .high = {20, 5}, .no_specials = true}};

// ---- powers ------------------------------------------------------------------------------------

#define POW_TOLERANCE .ulps = 4

const tn_op_spec tn_spec_pow_Tensor_Tensor = {
    .op = "pow.Tensor_Tensor",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    POW_TOLERANCE,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.g = pow, TENSOR_TENSOR, .low = {0.5, 0}, .high = {4, 3}}};

const tn_op_spec tn_spec_pow_Tensor_Scalar = {
    .op = "pow.Tensor_Scalar",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    POW_TOLERANCE,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.g = pow, TENSOR_NUMBER, .low = {0.5, 0}, .high = {4, 3}}};

const tn_op_spec tn_spec_pow_Scalar = {
    .op = "pow.Scalar",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    POW_TOLERANCE,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.g = pow,
                               .args = {POINTWISE_SCALAR, POINTWISE_TENSOR},
                               .arg_count = 2,
                               .low = {1, 0},
                               .high = {3, 3}}};

// ---- extremes ----------------------------------------------------------------------------------

static double larger(double x, double y) { return isnan(x) || isnan(y) ? NAN : x > y ? x : y; }
static double smaller(double x, double y) { return isnan(x) || isnan(y) ? NAN : x < y ? x : y; }

const tn_op_spec tn_spec_maximum = {
    .op = "maximum",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data = &(const pointwise){.g = larger, TENSOR_TENSOR, POINTWISE_RANGE(-8, 8)}};

const tn_op_spec tn_spec_minimum = {
    .op = "minimum",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data = &(const pointwise){.g = smaller, TENSOR_TENSOR, POINTWISE_RANGE(-8, 8)}};
