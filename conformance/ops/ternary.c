// SPDX-License-Identifier: Apache-2.0
//
// ternary: elementwise operators of three operands: selection, clamping, fused products, blending.

#include "pointwise.h"

static const double factors[] = {1, 2, -3};

// ---- selection ---------------------------------------------------------------------------------

static double select(const double *x, const tn_sample *sample) {
  (void)sample;
  return x[0] != 0 ? x[1] : x[2];
}
static double fill(const double *x, const tn_sample *sample) {
  (void)sample;
  return x[1] != 0 ? x[2] : x[0];
}

static void where_errors(tn_samples *samples) {
  pointwise_errors(samples);
  tn_sample *sample =
      tn_sample_failing(samples, "condition is not bool", TN_INVALID_DTYPE, "condition");
  tn_sample_tensor(sample, TN_SHAPE(2), TN_F32, 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_F32, 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_F32, 0, 1);
}

const tn_op_spec tn_spec_where_self = {
    .op = "where.self",
    .dtypes = TN_DTYPES_ALL,
    .flags = TN_SPEC_COMPLEX_PARTS,
    .samples = pointwise_samples,
    .reference = pointwise_reference,
    .errors = where_errors,
    .data = &(const pointwise){.h = select,
                               .arg_count = 3,
                               POINTWISE_RANGE(-8, 8),
                               .args = {POINTWISE_MASK, POINTWISE_TENSOR, POINTWISE_TENSOR}}};

const tn_op_spec tn_spec_where_ScalarOther = {
    .op = "where.ScalarOther",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data = &(const pointwise){.h = select,
                               .arg_count = 3,
                               POINTWISE_RANGE(-8, 8),
                               .args = {POINTWISE_MASK, POINTWISE_TENSOR, POINTWISE_SCALAR}}};

const tn_op_spec tn_spec_where_ScalarSelf = {
    .op = "where.ScalarSelf",
    .dtypes = TN_DTYPES_REAL,
    POINTWISE,
    .data = &(const pointwise){.h = select,
                               .arg_count = 3,
                               POINTWISE_RANGE(-8, 8),
                               .args = {POINTWISE_MASK, POINTWISE_SCALAR, POINTWISE_TENSOR}}};

// The value's dtype has no say: the result is self's.
static void fill_samples(tn_samples *samples) {
  tn_dtype dtype = tn_samples_dtype(samples);
  const tn_ints selves[] = {TN_SHAPE(3, 4), TN_SHAPE(2, 3, 4), TN_SHAPE_SCALAR, TN_SHAPE(0, 3)};
  const tn_ints masks[] = {TN_SHAPE(3, 4), TN_SHAPE(3, 1), TN_SHAPE_SCALAR, TN_SHAPE(3)};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "masked", 0);
    tn_sample_tensor(sample, selves[i], dtype, -8, 8);
    tn_sample_tensor(sample, masks[i], TN_BOOL, 0, 1);
    if (tn_samples_spec(samples)->data != NULL) {
      tn_sample_scalar(sample, tn_scalar_int(1));
    } else {
      tn_sample_tensor(sample, TN_SHAPE_SCALAR, dtype, 1, 1);
    }
  }
}

static void fill_reference(const tn_sample *sample, tn_expected *expected) {
  static const pointwise tensor = {
      .h = fill, .arg_count = 3, .args = {POINTWISE_TENSOR, POINTWISE_MASK, POINTWISE_TENSOR}};
  static const pointwise number = {
      .h = fill, .arg_count = 3, .args = {POINTWISE_TENSOR, POINTWISE_MASK, POINTWISE_OPTION}};
  pointwise_reference_of(sample, sample->spec->data != NULL ? &number : &tensor, expected);
}

const tn_op_spec tn_spec_masked_fill_Tensor = {.op = "masked_fill.Tensor",
                                               .dtypes = TN_DTYPES_REAL,
                                               .samples = fill_samples,
                                               .reference = fill_reference,
                                               .smooth = 5};

const tn_op_spec tn_spec_masked_fill_Scalar = {.op = "masked_fill.Scalar",
                                               .dtypes = TN_DTYPES_REAL,
                                               .samples = fill_samples,
                                               .reference = fill_reference,
                                               .data = "number"};

// ---- clamping ----------------------------------------------------------------------------------

// NaN in self or in a bound wins; a lower bound above the upper one gives the upper one.
static double clamped(const double *x, const tn_sample *sample) {
  bool low = tn_sample_is_given(sample, 1), high = tn_sample_is_given(sample, 2);
  if (isnan(x[0]) || (low && isnan(x[1])) || (high && isnan(x[2]))) return NAN;
  double y = x[0];
  if (low && y < x[1]) y = x[1];
  if (high && y > x[2]) y = x[2];
  return y;
}

static void clamp_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "neither bound", TN_INVALID_ARGUMENT, NULL);
  tn_sample_tensor(sample, TN_SHAPE(2), TN_F32, 0, 1);
}

static void clamp_samples(tn_samples *samples) {
  tn_dtype dtype = tn_samples_dtype(samples);
  static const double tricky[] = {NAN, INFINITY, -INFINITY, 0, -5, 5};
  for (int bounds = 1; bounds < 4; bounds++) {
    const tn_ints shapes[] = {TN_SHAPE(3, 4), TN_SHAPE_SCALAR, TN_SHAPE(2, 0), TN_SHAPE(37)};
    for (int shape = 0; shape < 5; shape++) {
      if (shape == 4 && !tn_dtype_is_floating(dtype)) continue;
      tn_sample *sample = tn_sample_add(samples, "bounds", shape > 2 ? TN_SAMPLE_NO_GRAD : 0);
      if (shape < 4) {
        tn_sample_tensor(sample, shapes[shape], dtype, -8, 8);
      } else {
        tn_sample_values(sample, TN_SHAPE(6), dtype, tricky);
      }
      tn_sample_value(sample, bounds & 1 ? tn_value_scalar(tn_scalar_int(2)) : tn_value_none());
      tn_sample_value(sample, bounds & 2 ? tn_value_scalar(tn_scalar_int(5)) : tn_value_none());
    }
  }
}

const tn_op_spec tn_spec_clamp = {
    .op = "clamp",
    .dtypes = POINTWISE_NUMBERS,
    .samples = clamp_samples,
    .reference = pointwise_reference,
    .errors = clamp_errors,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.h = clamped,
                               .arg_count = 3,
                               .args = {POINTWISE_TENSOR, POINTWISE_SCALAR, POINTWISE_SCALAR}}};

const tn_op_spec tn_spec_clamp_Tensor = {
    .op = "clamp.Tensor",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.h = clamped,
                               .arg_count = 3,
                               .low = {-8, -4, 1},
                               .high = {8, 0, 4},
                               .args = {POINTWISE_TENSOR, POINTWISE_OPTIONAL, POINTWISE_OPTIONAL}}};

// ---- fused products, blending ------------------------------------------------------------------

static double plus_product(const double *x, const tn_sample *sample) {
  (void)sample;
  return x[0] + x[3] * x[1] * x[2];
}
static double plus_quotient(const double *x, const tn_sample *sample) {
  (void)sample;
  return x[0] + x[3] * x[1] / x[2];
}
static double blend(const double *x, const tn_sample *sample) {
  (void)sample;
  double span = x[1] - x[0];
  return x[2] < 0.5 ? x[0] + x[2] * span : x[1] - span * (1 - x[2]);  // exact at both ends
}

#define THREE_AND_FACTOR                                                            \
  .args = {POINTWISE_TENSOR, POINTWISE_TENSOR, POINTWISE_TENSOR, POINTWISE_OPTION}, \
  .arg_count = 4, .options = factors, .option_count = 3, .absent = {0, 0, 0, 1}

const tn_op_spec tn_spec_addcmul = {
    .op = "addcmul",
    .dtypes = POINTWISE_NUMBERS,
    POINTWISE,
    .ulps = 4,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.h = plus_product, THREE_AND_FACTOR, POINTWISE_RANGE(0.5, 3)}};

const tn_op_spec tn_spec_addcdiv = {
    .op = "addcdiv",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 4,
    .flags = TN_SPEC_TAKES_ANY_DTYPE,
    .data = &(const pointwise){.h = plus_quotient, THREE_AND_FACTOR, POINTWISE_RANGE(0.5, 3)}};

const tn_op_spec tn_spec_lerp_Tensor = {
    .op = "lerp.Tensor",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 4,
    .data = &(const pointwise){.h = blend,
                               .arg_count = 3,
                               .low = {1, 5, 0},
                               .high = {3, 9, 1},
                               .args = {POINTWISE_TENSOR, POINTWISE_TENSOR, POINTWISE_TENSOR}}};

const tn_op_spec tn_spec_lerp_Scalar = {
    .op = "lerp.Scalar",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 4,
    .data = &(const pointwise){.h = blend,
                               .arg_count = 3,
                               .low = {1, 5, 0},
                               .high = {3, 9, 1},
                               .args = {POINTWISE_TENSOR, POINTWISE_TENSOR, POINTWISE_SCALAR}}};
