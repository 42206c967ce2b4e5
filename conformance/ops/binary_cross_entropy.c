// SPDX-License-Identifier: Apache-2.0
//
// binary_cross_entropy: from logits, and the logarithm of the sigmoid that it is made of.

#include <stdlib.h>

#include "pointwise.h"
#include "reference.h"

static double log_sigmoid(double x) { return fmin(x, 0) - log1p(exp(-fabs(x))); }

const tn_op_spec tn_spec_log_sigmoid = {
    .op = "log_sigmoid",
    .dtypes = TN_DTYPES_FLOATING,
    POINTWISE,
    .ulps = 4,
    .half_ulps = 4,
    .data = &(const pointwise){
        .f = log_sigmoid, .args = {POINTWISE_TENSOR}, .arg_count = 1, POINTWISE_RANGE(-8, 8)}};

// self, target, weight, pos_weight, reduction
enum { REDUCE_NONE, REDUCE_MEAN, REDUCE_SUM };

static void logits_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(3, 4), TN_SHAPE_SCALAR, TN_SHAPE(2, 2, 3), TN_SHAPE(37),
                            TN_SHAPE(0, 2)};
  for (int i = 0; i < 30; i++) {
    tn_ints shape = shapes[i % 5];
    tn_dtype dtype = tn_samples_dtype(samples);
    tn_sample *sample = tn_sample_add(samples, "shapes", i % 5 > 2 ? TN_SAMPLE_NO_GRAD : 0);
    int64_t columns = shape.count == 0 ? 1 : shape.data[shape.count - 1];
    tn_ints last = shape.count == 0 ? TN_SHAPE_SCALAR : TN_SHAPE(columns);
    tn_sample_tensor(sample, shape, dtype, -6, 6);
    tn_sample_tensor(sample, shape, dtype, 0, 1);
    if (i / 15 == 1) {
      tn_sample_tensor(sample, i % 2 == 0 ? shape : last, dtype, 0.5, 2);
      tn_sample_tensor(sample, last, dtype, 0.5, 3);
    } else {
      tn_sample_none(sample);
      tn_sample_none(sample);
    }
    tn_sample_int(sample, i / 5 % 3);
  }
}

static void logits_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0], *target = &sample->operands[1];
  const tn_operand *weight = tn_sample_tensor_at(sample, 2);
  const tn_operand *positive = tn_sample_tensor_at(sample, 3);
  int64_t reduction = tn_sample_int_at(sample, 4, REDUCE_MEAN), index[TN_SPEC_MAX_DIMS];
  bool each = reduction == REDUCE_NONE;
  double *out = tn_expect(expected, self->dtype, each ? self->ndim : 0, self->sizes);
  double *scales = tn_expect_scales(expected);
  if (out == NULL || scales == NULL) return;
  double divisor = reduction == REDUCE_MEAN ? (double)self->numel : 1;
  long double total = 0;
  for (int64_t p = 0; p < self->numel; p++) {
    tn_reference_unravel(p, self->ndim, self->sizes, index);
    double x = self->values[p], t = target->values[p];
    double w = weight == NULL ? 1 : tn_reference_broadcast_at(weight, self->ndim, index);
    double pw = positive == NULL ? 1 : tn_reference_broadcast_at(positive, self->ndim, index);
    double loss = w * ((1 - t) * x - (1 + (pw - 1) * t) * log_sigmoid(x));
    double size = fabs(w) * (fabs(x) + (1 + pw) * fabs(log_sigmoid(x))) / divisor;
    total = (each ? 0 : total) + loss;
    out[each ? p : 0] = (double)(total / divisor);
    if (isfinite(size)) scales[each ? p : 0] += size;
  }
  if (!each && self->numel == 0) *out = reduction == REDUCE_MEAN ? NAN : 0;
}

static void logits_errors(tn_samples *samples) {
  for (int i = 0; i < 2; i++) {
    const char *argument = i == 0 ? "target" : "reduction";
    tn_sample *sample = tn_sample_failing(samples, argument, TN_INVALID_ARGUMENT, argument);
    tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(3) : TN_SHAPE(2, 3), tn_samples_dtype(samples), 0,
                     1);
    tn_sample_none(sample);
    tn_sample_none(sample);
    tn_sample_int(sample, i == 1 ? 3 : 1);
  }
}

const tn_op_spec tn_spec_binary_cross_entropy_with_logits = {
    .op = "binary_cross_entropy_with_logits",
    .dtypes = TN_DTYPES_FLOATING,
    .samples = logits_samples,
    .reference = logits_reference,
    .errors = logits_errors,
    .ulps = 4,
    .half_ulps = 16,
    .finite = 1u << 1,
    .why =
        "in half precision logarithms, products and sums each round; no probability is infinite"};
