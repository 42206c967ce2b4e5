// SPDX-License-Identifier: Apache-2.0
//
// factory: tensors made of nothing but options. The dtype under test is the dtype asked for; a
// sample without one gets the default.

#include "reference.h"

#define FACTORY .flags = TN_SPEC_TAKES_ANY_DTYPE

static const int64_t shapes[][3] = {{2, 3, 0}, {5, 1, 1}, {0, 4, 0}, {1, 37, 0}};

// ---- of one value ------------------------------------------------------------------------------

// size [, value], dtype, device
static void sized_samples(tn_samples *samples) {
  bool value = strcmp(tn_samples_spec(samples)->op, "full") == 0;
  for (int i = 0; i < 6; i++) {
    tn_sample *sample = tn_sample_add(samples, "shape", 0);
    tn_sample_ints(sample, i < 4 ? tn_ints_of(shapes[i], i == 1 ? 3 : 2) : TN_SHAPE_SCALAR);
    if (value) tn_sample_scalar(sample, tn_scalar_int(i));
    if (i < 5) tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
}
static void sized_errors(tn_samples *samples) {
  bool value = strcmp(tn_samples_spec(samples)->op, "full") == 0;
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = tn_sample_failing(samples, i == 0 ? "negative size" : "overflow",
                                          TN_INVALID_ARGUMENT, "size");
    tn_sample_ints(sample, i == 0 ? TN_SHAPE(2, -1) : TN_SHAPE(INT64_MAX / 2, 16));
    if (value) tn_sample_scalar(sample, tn_scalar_int(i));
  }
}
static double *expect_sized(const tn_sample *sample, int32_t dtype_at, tn_dtype absent,
                            tn_expected *expected) {
  tn_ints sizes = tn_sample_ints_at(sample, 0);
  return tn_expect(expected, tn_sample_dtype_at(sample, dtype_at, absent), (int32_t)sizes.count,
                   sizes.data);
}
static void fill(double *out, double value, int64_t numel) {
  for (int64_t p = 0; out != NULL && p < numel; p++) out[p] = value;
}
static int64_t numel_of(const tn_sample *sample) {
  tn_ints sizes = tn_sample_ints_at(sample, 0);
  return tn_reference_numel((int32_t)sizes.count, sizes.data);
}
static void zeros_reference(const tn_sample *sample, tn_expected *expected) {
  (void)expect_sized(sample, 1, TN_F32, expected);
}
static void ones_reference(const tn_sample *sample, tn_expected *expected) {
  double *out = expect_sized(sample, 1, TN_F32, expected);
  fill(out, 1, numel_of(sample));
}
static void full_reference(const tn_sample *sample, tn_expected *expected) {
  double *out = expect_sized(sample, 2, TN_I64, expected);
  double value = tn_sample_number_at(sample, 1, 0);
  bool truth = tn_sample_dtype_at(sample, 2, TN_I64) == TN_BOOL;
  fill(out, truth ? value != 0 : value, numel_of(sample));
}

const tn_op_spec tn_spec_zeros = {.op = "zeros",
                                  .dtypes = TN_DTYPES_ALL,
                                  FACTORY,
                                  .samples = sized_samples,
                                  .reference = zeros_reference,
                                  .errors = sized_errors};
const tn_op_spec tn_spec_ones = {.op = "ones",
                                 .dtypes = TN_DTYPES_ALL,
                                 FACTORY,
                                 .samples = sized_samples,
                                 .reference = ones_reference,
                                 .errors = sized_errors};
const tn_op_spec tn_spec_full = {.op = "full",
                                 .dtypes = TN_DTYPES_ALL,
                                 FACTORY,
                                 .samples = sized_samples,
                                 .reference = full_reference,
                                 .errors = sized_errors};
const tn_op_spec tn_spec_empty = {.op = "empty",
                                  .dtypes = TN_DTYPES_ALL,
                                  .flags = TN_SPEC_TAKES_ANY_DTYPE | TN_SPEC_UNSPECIFIED_VALUES,
                                  .samples = sized_samples,
                                  .reference = zeros_reference,
                                  .errors = sized_errors};

static void strided_samples(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_add(samples, "strides", 0);
    tn_sample_ints(sample, TN_SHAPE(3, 4));
    tn_sample_ints(sample, i == 0 ? TN_INTS(4, 1) : i == 1 ? TN_INTS(1, 3) : TN_INTS(9, 2));
    tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
}
static void strided_reference(const tn_sample *sample, tn_expected *expected) {
  (void)expect_sized(sample, 2, TN_F32, expected);
}
static void strided_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "two lengths", TN_INVALID_ARGUMENT, NULL);
  tn_sample_ints(sample, TN_SHAPE(3, 4));
  tn_sample_ints(sample, TN_INTS(1));
}

const tn_op_spec tn_spec_empty_strided = {
    .op = "empty_strided",
    .dtypes = TN_DTYPES_ALL,
    .flags = TN_SPEC_TAKES_ANY_DTYPE | TN_SPEC_UNSPECIFIED_VALUES,
    .samples = strided_samples,
    .reference = strided_reference,
    .errors = strided_errors};

// ---- like another tensor -----------------------------------------------------------------------

// self [, value], dtype
static void like_samples(tn_samples *samples) {
  bool value = strcmp(tn_samples_spec(samples)->op, "full_like") == 0;
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = tn_sample_add(samples, i == 4 ? "another dtype" : "shape", 0);
    tn_ints shape = i < 4 ? tn_ints_of(shapes[i], i == 1 ? 3 : 2) : TN_SHAPE_SCALAR;
    tn_sample_tensor(sample, shape, tn_samples_dtype(samples), 0, 3);
    if (value) tn_sample_scalar(sample, tn_scalar_int(i));
    if (i == 4) tn_sample_dtype(sample, TN_F64);
  }
}
static double *expect_like(const tn_sample *sample, int32_t dtype_at, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  return reference_like(expected, self, tn_sample_dtype_at(sample, dtype_at, self->dtype));
}
static void zeros_like_reference(const tn_sample *sample, tn_expected *expected) {
  (void)expect_like(sample, 1, expected);
}
static void ones_like_reference(const tn_sample *sample, tn_expected *expected) {
  double *out = expect_like(sample, 1, expected);
  fill(out, 1, sample->operands[0].numel);
}
static void full_like_reference(const tn_sample *sample, tn_expected *expected) {
  double *out = expect_like(sample, 2, expected);
  double value = tn_sample_number_at(sample, 1, 0);
  bool truth = tn_sample_dtype_at(sample, 2, sample->operands[0].dtype) == TN_BOOL;
  fill(out, truth ? value != 0 : value, sample->operands[0].numel);
}

const tn_op_spec tn_spec_zeros_like = {.op = "zeros_like",
                                       .dtypes = TN_DTYPES_ALL,
                                       FACTORY,
                                       .samples = like_samples,
                                       .reference = zeros_like_reference};
const tn_op_spec tn_spec_ones_like = {.op = "ones_like",
                                      .dtypes = TN_DTYPES_ALL,
                                      FACTORY,
                                      .samples = like_samples,
                                      .reference = ones_like_reference};
const tn_op_spec tn_spec_full_like = {.op = "full_like",
                                      .dtypes = TN_DTYPES_ALL,
                                      FACTORY,
                                      .samples = like_samples,
                                      .reference = full_like_reference};
const tn_op_spec tn_spec_empty_like = {
    .op = "empty_like",
    .dtypes = TN_DTYPES_ALL,
    .flags = TN_SPEC_TAKES_ANY_DTYPE | TN_SPEC_UNSPECIFIED_VALUES,
    .samples = like_samples,
    .reference = zeros_like_reference};

// ---- one number --------------------------------------------------------------------------------

static void number_samples(tn_samples *samples) {
  static const double values[] = {0, 1, 3, 0.5};
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = tn_sample_add(samples, i == 4 ? "default dtype" : "number", 0);
    bool whole = i < 3 || reference_is_whole(tn_samples_dtype(samples));
    double value = whole && i == 3 ? 2 : values[i % 4];
    tn_sample_scalar(sample, whole ? tn_scalar_int((int64_t)value) : tn_scalar_float(value));
    if (i < 4) tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
}
static void number_reference(const tn_sample *sample, tn_expected *expected) {
  tn_dtype dtype = tn_sample_dtype_at(sample, 1, TN_F32);
  double *out = tn_expect(expected, dtype, 0, NULL);
  if (out != NULL) *out = tn_reference_round(tn_sample_number_at(sample, 0, 0), dtype);
}

const tn_op_spec tn_spec_scalar_tensor = {.op = "scalar_tensor",
                                          .dtypes = TN_DTYPES_ALL,
                                          FACTORY,
                                          .samples = number_samples,
                                          .reference = number_reference};

// ---- ranges ------------------------------------------------------------------------------------

#define RANGE_DTYPES (TN_DTYPES_INTEGER | TN_DTYPES_FLOATING)

static tn_scalar scalar_of(double value) {
  return value == floor(value) ? tn_scalar_int((int64_t)value) : tn_scalar_float(value);
}
static void range_samples(tn_samples *samples) {
  static const double rows[][3] = {{0, 5, 1}, {2, 20, 3},     {10, 0, -2},
                                   {3, 3, 1}, {-1, 2.5, 0.5}, {0, 67, 1}};
  bool whole = reference_is_whole(tn_samples_dtype(samples));
  bool is_unsigned = tn_dtype_in(tn_samples_dtype(samples), TN_DTYPES_UNSIGNED);
  for (int i = 0; i < 7; i++) {
    if (i == 4 && (whole || is_unsigned)) continue;
    tn_sample *sample = tn_sample_add(samples, i == 6 ? "default dtype" : "range", 0);
    for (int k = 0; k < 3; k++) tn_sample_scalar(sample, scalar_of(rows[i % 6][k]));
    if (i < 6) tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
}
static void expect_range(double start, double end, double step, tn_dtype dtype,
                         tn_expected *expected) {
  int64_t count = (int64_t)ceil((end - start) / step);
  double *out = tn_expect(expected, dtype, 1, &count);
  for (int64_t i = 0; out != NULL && i < count; i++) out[i] = start + (double)i * step;
}
static void range_reference(const tn_sample *sample, tn_expected *expected) {
  expect_range(tn_sample_number_at(sample, 0, 0), tn_sample_number_at(sample, 1, 0),
               tn_sample_number_at(sample, 2, 1), tn_sample_dtype_at(sample, 3, TN_I64), expected);
}
static void range_errors(tn_samples *samples) {
  static const double rows[][3] = {{0, 5, 0}, {0, 5, -1}, {5, 0, 1}};
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_failing(samples, "step", TN_INVALID_ARGUMENT, "step");
    for (int k = 0; k < 3; k++) tn_sample_scalar(sample, scalar_of(rows[i][k]));
  }
  tn_sample *sample = tn_sample_failing(samples, "not finite", TN_INVALID_ARGUMENT, "end");
  tn_sample_scalar(sample, tn_scalar_int(0));
  tn_sample_scalar(sample, tn_scalar_float(INFINITY));
}

const tn_op_spec tn_spec_arange_start_step = {.op = "arange.start_step",
                                              .dtypes = RANGE_DTYPES,
                                              FACTORY,
                                              .samples = range_samples,
                                              .reference = range_reference,
                                              .errors = range_errors,
                                              .ulps = 1};

static void end_samples(tn_samples *samples) {
  for (int64_t end = 0; end < 60; end += 17) {
    tn_sample *sample = tn_sample_add(samples, "end", 0);
    tn_sample_scalar(sample, tn_scalar_int(end));
    tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
}
static void end_reference(const tn_sample *sample, tn_expected *expected) {
  expect_range(0, tn_sample_number_at(sample, 0, 0), 1, tn_sample_dtype_at(sample, 1, TN_I64),
               expected);
}

const tn_op_spec tn_spec_arange = {.op = "arange",
                                   .dtypes = RANGE_DTYPES,
                                   FACTORY,
                                   .samples = end_samples,
                                   .reference = end_reference};

static void linspace_samples(tn_samples *samples) {
  static const double rows[][3] = {{0, 10, 5}, {-3, 3, 7}, {2, 2, 3},
                                   {1, 9, 1},  {0, 1, 0},  {9, 1, 37}};
  for (int i = 0; i < 6; i++) {
    bool is_unsigned = tn_dtype_in(tn_samples_dtype(samples), TN_DTYPES_UNSIGNED);
    if (is_unsigned && rows[i][0] < 0) continue;
    // Integer results of fractional steps are not specified to the last unit.
    if (reference_is_whole(tn_samples_dtype(samples)) && (i == 0 || i == 5)) continue;
    tn_sample *sample = tn_sample_add(samples, "line", 0);
    tn_sample_scalar(sample, scalar_of(rows[i][0]));
    tn_sample_scalar(sample, scalar_of(rows[i][1]));
    tn_sample_int(sample, (int64_t)rows[i][2]);
    tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
}
static void linspace_reference(const tn_sample *sample, tn_expected *expected) {
  double start = tn_sample_number_at(sample, 0, 0), end = tn_sample_number_at(sample, 1, 0);
  int64_t steps = tn_sample_int_at(sample, 2, 0);
  double *out = tn_expect(expected, tn_sample_dtype_at(sample, 3, TN_F32), 1, &steps);
  double *scales = tn_expect_scales(expected);
  for (int64_t i = 0; out != NULL && scales != NULL && i < steps; i++) {
    double share = steps == 1 ? 0 : (double)i / (double)(steps - 1);
    out[i] = start + (end - start) * share;
    scales[i] = fmax(fabs(start), fabs(end));
  }
}
static void linspace_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "negative", TN_INVALID_ARGUMENT, "steps");
  tn_sample_scalar(sample, tn_scalar_int(0));
  tn_sample_scalar(sample, tn_scalar_int(1));
  tn_sample_int(sample, -1);
}

const tn_op_spec tn_spec_linspace = {.op = "linspace",
                                     .dtypes = RANGE_DTYPES,
                                     FACTORY,
                                     .samples = linspace_samples,
                                     .reference = linspace_reference,
                                     .errors = linspace_errors,
                                     .ulps = 2};

// ---- identity ----------------------------------------------------------------------------------

static void eye_samples(tn_samples *samples) {
  bool two = strcmp(tn_samples_spec(samples)->op, "eye.m") == 0;
  for (int64_t n = 0; n < 4; n++) {
    tn_sample *sample = tn_sample_add(samples, "size", 0);
    tn_sample_int(sample, n);
    if (two) tn_sample_int(sample, 3 - n + 2 * (n & 1));
    tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
}
static void eye_reference(const tn_sample *sample, tn_expected *expected) {
  bool two = strcmp(sample->spec->op, "eye.m") == 0;
  int64_t sizes[2] = {tn_sample_int_at(sample, 0, 0), tn_sample_int_at(sample, two ? 1 : 0, 0)};
  double *out = tn_expect(expected, tn_sample_dtype_at(sample, two ? 2 : 1, TN_F32), 2, sizes);
  for (int64_t i = 0; out != NULL && i < sizes[0] && i < sizes[1]; i++) out[i * sizes[1] + i] = 1;
}
static void eye_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "negative", TN_INVALID_ARGUMENT, "n");
  tn_sample_int(sample, -1);
  if (strcmp(tn_samples_spec(samples)->op, "eye.m") == 0) tn_sample_int(sample, 2);
}

const tn_op_spec tn_spec_eye = {.op = "eye",
                                .dtypes = TN_DTYPES_ALL,
                                FACTORY,
                                .samples = eye_samples,
                                .reference = eye_reference,
                                .errors = eye_errors};
const tn_op_spec tn_spec_eye_m = {.op = "eye.m",
                                  .dtypes = TN_DTYPES_ALL,
                                  FACTORY,
                                  .samples = eye_samples,
                                  .reference = eye_reference,
                                  .errors = eye_errors};
