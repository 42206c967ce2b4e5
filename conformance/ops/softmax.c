// SPDX-License-Identifier: Apache-2.0
//
// softmax: softmax and its logarithm along one dimension, under both of their names, and the
// gradients that are computed from the result.

#include "reference.h"

static void shapes_and_dims(tn_samples *samples, int count, double low, double high) {
  const char *op = tn_samples_spec(samples)->op;
  bool raw = op[0] == '_', backward = strstr(op, "backward") != NULL;
  bool logarithm = strstr(op, "log") != NULL;
  const tn_ints shapes[] = {TN_SHAPE(3, 4),     TN_SHAPE(3, 4),     TN_SHAPE(2, 3, 2),
                            TN_SHAPE_SCALAR,    TN_SHAPE(2, 67),    TN_SHAPE(67, 2),
                            TN_SHAPE(0, 3),     TN_SHAPE(3, 0),     TN_SHAPE(1, 5),
                            TN_SHAPE(70, 1031), TN_SHAPE(2, 64, 31)};
  static const int64_t dims[] = {1, 0, -2, 0, -1, 0, 1, 1, 0, 1, 1};
  for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
    uint32_t flags = i == 4 || i == 5 || i == 10 ? TN_SAMPLE_NO_GRAD : i == 9 ? TN_SAMPLE_LARGE : 0;
    tn_sample *sample = tn_sample_add(samples, "shapes", flags);
    for (int k = 0; k < count; k++) {
      bool output = backward && k == 1;
      tn_sample_tensor(sample, shapes[i], tn_samples_dtype(samples),
                       output ? (logarithm ? -3 : 0.1) : low,
                       output ? (logarithm ? -1 : 0.4) : high);
    }
    tn_sample_int(sample, dims[i]);
    if (backward) {
      tn_sample_dtype(sample, tn_samples_dtype(samples));
    } else if (raw) {
      tn_sample_bool(sample, false);
    }
  }
}

static int32_t dim_of(const tn_sample *sample, int32_t at) {
  return reference_dim(tn_sample_int_at(sample, at, 0), sample->operands[0].ndim);
}

// Lines of |self| along |dim|: element k of the line that |p| lies on.
static int64_t along(const tn_operand *self, int32_t dim, int64_t p, int64_t k) {
  int64_t index[TN_SPEC_MAX_DIMS];
  if (self->ndim == 0) return 0;
  tn_reference_unravel(p, self->ndim, self->sizes, index);
  index[dim] = k;
  return tn_reference_ravel(self->ndim, self->sizes, index);
}
static int64_t length(const tn_operand *self, int32_t dim) {
  return self->ndim == 0 ? 1 : self->sizes[dim];
}
static bool starts_line(const tn_operand *self, int32_t dim, int64_t p) {
  return along(self, dim, p, 0) == p;
}

// ---- forward -----------------------------------------------------------------------------------

static void fill_line(const tn_operand *self, int32_t dim, int64_t start, bool logarithm,
                      double *out, double *scales) {
  int64_t count = length(self, dim);
  double top = -INFINITY;
  long double total = 0;
  for (int64_t k = 0; k < count; k++) top = fmax(top, self->values[along(self, dim, start, k)]);
  for (int64_t k = 0; k < count; k++) {
    total += expl((long double)self->values[along(self, dim, start, k)] - top);
  }
  for (int64_t k = 0; k < count; k++) {
    int64_t at = along(self, dim, start, k);
    double below = self->values[at] - top;
    out[at] = logarithm ? below - (double)logl(total) : (double)(expl(below) / total);
    // A sum of n terms loses n/2 units at most; a quarter of that is allowed. The logarithm turns
    // the sum's relative error into an absolute one; exp(below) inherits the rounding of below.
    double lost = 1 + (double)count / 32;
    scales[at] =
        logarithm ? fabs(below) + fabs((double)logl(total)) + lost : out[at] * (lost + fabs(below));
    if (!isfinite(scales[at])) scales[at] = 0;
  }
}
static void expect_softmax(const tn_sample *sample, tn_dtype dtype, bool logarithm,
                           tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  int32_t dim = dim_of(sample, 1);
  double *out = reference_like(expected, self, dtype), *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < self->numel; p++) {
    if (starts_line(self, dim, p)) fill_line(self, dim, p, logarithm, out, scales);
  }
}

static bool is_logarithm(const tn_sample *sample) {
  return strstr(sample->spec->op, "log") != NULL;
}

static void raw_reference(const tn_sample *sample, tn_expected *expected) {
  tn_dtype dtype = sample->operands[0].dtype;
  if (tn_sample_bool_at(sample, 2, false)) dtype = TN_F32;
  expect_softmax(sample, dtype, is_logarithm(sample), expected);
}
static void named_reference(const tn_sample *sample, tn_expected *expected) {
  expect_softmax(sample, tn_sample_dtype_at(sample, 2, sample->operands[0].dtype),
                 is_logarithm(sample), expected);
}

static void add_specials(tn_samples *samples, bool raw) {
  static const double values[] = {1, -INFINITY, 2, 700, -700, 0, NAN, 1, 2, INFINITY, 0, 0};
  tn_sample *sample = tn_sample_add(samples, "special values", TN_SAMPLE_NO_GRAD);
  tn_sample_values(sample, TN_SHAPE(4, 3), tn_samples_dtype(samples), values);
  tn_sample_int(sample, 1);
  if (raw) tn_sample_bool(sample, false);
}
static void raw_samples(tn_samples *samples) {
  shapes_and_dims(samples, 1, -3, 3);
  add_specials(samples, true);
  if (!tn_dtype_in(tn_samples_dtype(samples), TN_DTYPES_HALF)) return;
  tn_sample *sample = tn_sample_add(samples, "half to float", 0);
  tn_sample_tensor(sample, TN_SHAPE(3, 5), tn_samples_dtype(samples), -3, 3);
  tn_sample_int(sample, 1);
  tn_sample_bool(sample, true);
}
static void named_samples(tn_samples *samples) {
  shapes_and_dims(samples, 1, -3, 3);
  add_specials(samples, false);
  tn_sample *sample = tn_sample_add(samples, "in float64", 0);
  tn_sample_tensor(sample, TN_SHAPE(3, 5), tn_samples_dtype(samples), -3, 3);
  tn_sample_int(sample, 1);
  tn_sample_dtype(sample, TN_F64);
}
static void softmax_errors(tn_samples *samples) {
  bool raw = tn_samples_spec(samples)->op[0] == '_';
  for (int64_t dim = -3; dim < 3; dim += 5) {
    tn_sample *sample = tn_sample_failing(samples, "dim", TN_OUT_OF_RANGE, "dim");
    tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
    tn_sample_int(sample, dim);
    if (raw) tn_sample_bool(sample, false);
  }
}

#define SOFTMAX_FAMILY .dtypes = TN_DTYPES_FLOATING, .errors = softmax_errors, .ulps = 4

const tn_op_spec tn_spec__softmax = {
    .op = "_softmax", SOFTMAX_FAMILY, .samples = raw_samples, .reference = raw_reference};
const tn_op_spec tn_spec__log_softmax = {
    .op = "_log_softmax", SOFTMAX_FAMILY, .samples = raw_samples, .reference = raw_reference};
const tn_op_spec tn_spec_softmax_int = {
    .op = "softmax.int", SOFTMAX_FAMILY, .samples = named_samples, .reference = named_reference};
const tn_op_spec tn_spec_log_softmax_int = {.op = "log_softmax.int",
                                            SOFTMAX_FAMILY,
                                            .samples = named_samples,
                                            .reference = named_reference};

// ---- backward ----------------------------------------------------------------------------------

static void backward_samples(tn_samples *samples) { shapes_and_dims(samples, 2, -3, 3); }

static void backward_line(const tn_sample *sample, int32_t dim, int64_t start, double *out,
                          double *scales) {
  const tn_operand *grad = &sample->operands[0], *output = &sample->operands[1];
  bool logarithm = is_logarithm(sample);
  int64_t count = length(grad, dim);
  double total = 0, size = 0;
  for (int64_t k = 0; k < count; k++) {
    int64_t at = along(grad, dim, start, k);
    double term = grad->values[at] * (logarithm ? 1 : output->values[at]);
    total += term;
    size += fabs(term);
  }
  for (int64_t k = 0; k < count; k++) {
    int64_t at = along(grad, dim, start, k);
    double g = grad->values[at], y = output->values[at];
    out[at] = logarithm ? g - exp(y) * total : y * (g - total);
    double lost = size * (1 + (double)count / 32);
    scales[at] = logarithm ? fabs(g) + exp(y) * lost * (1 + fabs(y)) : y * (fabs(g) + lost);
  }
}
static void backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *grad = &sample->operands[0];
  int32_t dim = dim_of(sample, 2);
  double *out = reference_like(expected, grad, tn_sample_dtype_at(sample, 3, grad->dtype));
  double *scales = tn_expect_scales(expected);
  for (int64_t p = 0; out != NULL && scales != NULL && p < grad->numel; p++) {
    if (starts_line(grad, dim, p)) backward_line(sample, dim, p, out, scales);
  }
}
static void backward_errors(tn_samples *samples) {
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = tn_sample_failing(samples, i == 0 ? "shapes" : "dim",
                                          i == 0 ? TN_INVALID_ARGUMENT : TN_OUT_OF_RANGE,
                                          i == 0 ? "grad_output" : "dim");
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(2, 4) : TN_SHAPE(2, 3), tn_samples_dtype(samples), 0,
                     1);
    tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
    tn_sample_int(sample, i == 0 ? 1 : 2);
    tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
}

#define BACKWARD_FAMILY                                                                       \
  .dtypes = TN_DTYPES_FLOATING, .samples = backward_samples, .reference = backward_reference, \
  .errors = backward_errors, .ulps = 4

const tn_op_spec tn_spec__softmax_backward_data = {.op = "_softmax_backward_data", BACKWARD_FAMILY};
const tn_op_spec tn_spec__log_softmax_backward_data = {.op = "_log_softmax_backward_data",
                                                       BACKWARD_FAMILY};
