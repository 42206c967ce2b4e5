// SPDX-License-Identifier: Apache-2.0
//
// complex: parts of complex numbers, conjugates, and views between pairs of real numbers and
// complex ones. Real numbers are complex ones without imaginary parts.

#include "pointwise.h"

static double itself(double x) { return x; }
static double _Complex complex_itself(double _Complex z) { return z; }
static double _Complex conjugate(double _Complex z) { return conj(z); }
static double _Complex real_part(double _Complex z) { return creal(z); }
static double _Complex imag_part(double _Complex z) { return cimag(z); }

#define FORMULA(formula) .f = itself, .fc = formula, .arg_count = 1, POINTWISE_RANGE(-8, 8)
#define GIVES(...) \
  .flags = TN_SPEC_COMPLEX, .data = &(const pointwise) { __VA_ARGS__ }

const tn_op_spec tn_spec_positive = {.op = "positive",
                                     .dtypes = POINTWISE_NUMBERS | TN_DTYPES_COMPLEX,
                                     POINTWISE,
                                     GIVES(FORMULA(complex_itself))};

const tn_op_spec tn_spec_conj = {
    .op = "conj", .dtypes = TN_DTYPES_ALL, POINTWISE, GIVES(FORMULA(conjugate))};

const tn_op_spec tn_spec_conj_physical = {
    .op = "conj_physical", .dtypes = TN_DTYPES_ALL, POINTWISE, GIVES(FORMULA(conjugate))};

// ---- views -------------------------------------------------------------------------------------

const tn_op_spec tn_spec_real = {.op = "real",
                                 .dtypes = TN_DTYPES_ALL,
                                 POINTWISE,
                                 GIVES(FORMULA(real_part), .real_result = true)};

const tn_op_spec tn_spec_imag = {.op = "imag",
                                 .dtypes = TN_DTYPES_COMPLEX,
                                 POINTWISE,
                                 GIVES(FORMULA(imag_part), .real_result = true)};

static void as_real_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  const tn_dtype dtype = self->dtype == TN_C64 ? TN_F32 : TN_F64;
  int64_t sizes[TN_SPEC_MAX_DIMS];
  for (int32_t d = 0; d < self->ndim; d++) sizes[d] = self->sizes[d];
  sizes[self->ndim] = 2;
  double *out = tn_expect(expected, dtype, self->ndim + 1, sizes);
  for (int64_t i = 0; out != NULL && i < self->numel; i++) {
    out[2 * i] = self->values[i];
    out[2 * i + 1] = self->imag[i];
  }
}

const tn_op_spec tn_spec_view_as_real = {.op = "view_as_real",
                                         .dtypes = TN_DTYPES_COMPLEX,
                                         .samples = pointwise_samples,
                                         .reference = as_real_reference,
                                         GIVES(FORMULA(complex_itself))};

static void as_complex_samples(tn_samples *samples) {
  static const double pairs[] = {1, 0.75, -2.5, 0, 3, -1, 0.5, 8};
  const tn_ints shapes[] = {TN_SHAPE(4, 2), TN_SHAPE(2), TN_SHAPE(0, 2), TN_SHAPE(2, 1, 2)};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "pairs", 0);
    tn_sample_values(sample, shapes[i], tn_samples_dtype(samples), pairs);
  }
}

static void as_complex_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  const tn_dtype dtype = self->dtype == TN_F32 ? TN_C64 : TN_C128;
  double *out = tn_expect(expected, dtype, self->ndim - 1, self->sizes);
  double *imag = tn_expect_imag(expected);
  for (int64_t i = 0; out != NULL && imag != NULL && i < self->numel / 2; i++) {
    out[i] = self->values[2 * i];
    imag[i] = self->values[2 * i + 1];
  }
}

static void as_complex_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "three parts", TN_INVALID_ARGUMENT, "self");
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), -1, 1);
  sample = tn_sample_failing(samples, "0-dim", TN_INVALID_ARGUMENT, "self");
  tn_sample_tensor(sample, TN_SHAPE_SCALAR, tn_samples_dtype(samples), -1, 1);
}

const tn_op_spec tn_spec_view_as_complex = {.op = "view_as_complex",
                                            .dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64),
                                            .flags = TN_SPEC_CONTIGUOUS_ONLY | TN_SPEC_COMPLEX,
                                            .samples = as_complex_samples,
                                            .reference = as_complex_reference,
                                            .errors = as_complex_errors,
                                            .why = "adjacent pairs are what it takes"};
