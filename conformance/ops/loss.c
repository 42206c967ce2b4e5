// SPDX-License-Identifier: Apache-2.0
//
// loss: negative log likelihood with its parts and gradient, cross entropy of class indices and of
// probabilities, and the squared error.

#include <stdlib.h>

#include "reference.h"

enum { REDUCE_NONE, REDUCE_MEAN, REDUCE_SUM, IGNORED = 1 };

// ---- negative log likelihood -------------------------------------------------------------------

// self [N, C, *] or [C]; |spatial| positions follow the classes.
typedef struct classes {
  int64_t batch, count, spatial;
} classes;

static classes classes_of(const tn_operand *self) {
  classes c = {1, self->sizes[0], 1};
  if (self->ndim == 1) return c;
  c.batch = self->sizes[0];
  c.count = self->sizes[1];
  c.spatial = tn_reference_numel(self->ndim - 2, self->sizes + 2);
  return c;
}
static int64_t at_class(const classes *c, int64_t p, int64_t class_index) {
  return (p / c->spatial * c->count + class_index) * c->spatial + p % c->spatial;
}

// What the arguments of this family have in common.
typedef struct likelihood {
  const tn_operand *target, *weight;
  int64_t reduction, ignored;
} likelihood;

static likelihood arguments_of(const tn_sample *sample, int32_t first) {
  return (likelihood){tn_sample_tensor_at(sample, first), tn_sample_tensor_at(sample, first + 1),
                      tn_sample_int_at(sample, first + 2, REDUCE_MEAN),
                      tn_sample_int_at(sample, first + 3, -100)};
}
static double weight_of(const likelihood *l, int64_t p) {
  int64_t target = (int64_t)l->target->values[p];
  if (target == l->ignored) return 0;
  return l->weight == NULL ? 1 : l->weight->values[target];
}
static double total_weight(const likelihood *l) {
  double total = 0;
  for (int64_t p = 0; p < l->target->numel; p++) total += weight_of(l, p);
  return total;
}

// Appends the terms, or their reduced sum over |divisor|. |floor| is what the error of each term is
// relative to where the term itself is smaller.
static void expect_terms(const tn_operand *shape, tn_dtype dtype, const double *terms, double floor,
                         int64_t reduction, double divisor, tn_expected *expected) {
  bool each = reduction == REDUCE_NONE;
  double *out = tn_expect(expected, dtype, each ? shape->ndim : 0, shape->sizes);
  double *scales = tn_expect_scales(expected);
  long double total = 0;
  if (reduction != REDUCE_MEAN) divisor = 1;
  for (int64_t p = 0; out != NULL && scales != NULL && p < shape->numel; p++) {
    total = (each ? 0 : total) + terms[p];
    out[each ? p : 0] = (double)(total / divisor);
    scales[each ? p : 0] += fmax(fabs(terms[p]), floor) / divisor;
  }
  // Roundings of n terms added one by one are like a walk of n steps: they grow with its root.
  if (!each && scales != NULL) *scales *= 1 + sqrt((double)shape->numel) / 8;
}

// The caller frees the terms; NULL when memory is out.
static double *nll_terms(const tn_operand *self, const likelihood *l) {
  classes c = classes_of(self);
  double *terms = calloc((size_t)l->target->numel + 1, sizeof *terms);
  for (int64_t p = 0; terms != NULL && p < l->target->numel; p++) {
    double weight = weight_of(l, p);
    if (weight == 0) continue;
    terms[p] = -weight * self->values[at_class(&c, p, (int64_t)l->target->values[p])];
  }
  return terms;
}

static void forward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  likelihood l = arguments_of(sample, 1);
  double *terms = nll_terms(self, &l), total = total_weight(&l);
  if (terms != NULL) {
    expect_terms(l.target, self->dtype, terms, 0, l.reduction, total, expected);
  }
  free(terms);
  double *out = tn_expect(expected, self->dtype, 0, NULL);
  if (out != NULL) *out = l.reduction == REDUCE_NONE ? 0 : total;
}
static void nll_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  likelihood l = arguments_of(sample, 1);
  double *terms = nll_terms(self, &l);
  if (terms != NULL) {
    expect_terms(l.target, self->dtype, terms, 0, l.reduction, total_weight(&l), expected);
  }
  free(terms);
}

static void add_target(tn_sample *sample, tn_ints shape, tn_ints target, int64_t count,
                       tn_dtype index) {
  tn_sample_tensor(sample, shape, sample == NULL ? TN_F32 : sample->dtype, -3, -0.1);
  tn_sample_tensor(sample, target, index, 0, (double)(count - 1));
}
static void add_rest(tn_sample *sample, bool weighted, int64_t count, int64_t reduction,
                     int64_t ignored) {
  if (weighted) {
    tn_sample_tensor(sample, TN_SHAPE(count), sample == NULL ? TN_F32 : sample->dtype, 0.5, 2);
  } else {
    tn_sample_none(sample);
  }
  tn_sample_int(sample, reduction);
  tn_sample_int(sample, ignored);
}
static void nll_samples_of(tn_samples *samples, bool spatial) {
  for (int64_t reduction = 0; reduction < 3; reduction++) {
    for (int weighted = 0; weighted < 2; weighted++) {
      tn_sample *sample = tn_sample_add(samples, "batch", 0);
      add_target(sample, TN_SHAPE(4, 3), TN_SHAPE(4), 3, TN_I64);
      add_rest(sample, weighted, 3, reduction, -100);
      sample = tn_sample_add(samples, "some ignored", 0);
      add_target(sample, TN_SHAPE(5, 3), TN_SHAPE(5), 3, TN_I64);
      add_rest(sample, weighted, 3, reduction, IGNORED);
      sample = tn_sample_add(samples, "no batch", 0);
      add_target(sample, TN_SHAPE(3), TN_SHAPE_SCALAR, 3, TN_I64);
      add_rest(sample, weighted, 3, reduction, -100);
      if (!spatial) continue;
      sample = tn_sample_add(samples, "images", 0);
      add_target(sample, TN_SHAPE(2, 3, 2, 2), TN_SHAPE(2, 2, 2), 3, TN_I64);
      add_rest(sample, weighted, 3, reduction, weighted ? IGNORED : -100);
    }
  }
}
static void forward_samples(tn_samples *samples) {
  nll_samples_of(samples, false);
  tn_sample *sample = tn_sample_add(samples, "large", TN_SAMPLE_LARGE);
  add_target(sample, TN_SHAPE(7001, 10), TN_SHAPE(7001), 10, TN_I64);
  add_rest(sample, false, 10, REDUCE_MEAN, -100);
}
static void nll_samples(tn_samples *samples) { nll_samples_of(samples, true); }

static void nll_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "class out of range", TN_OUT_OF_RANGE, NULL);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), -1, 0);
  tn_sample_values(sample, TN_SHAPE(2), TN_I64, (const double[]){0, 3});
  add_rest(sample, false, 3, REDUCE_MEAN, -100);
  sample = tn_sample_failing(samples, "negative class", TN_OUT_OF_RANGE, NULL);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), -1, 0);
  tn_sample_values(sample, TN_SHAPE(2), TN_I64, (const double[]){0, -1});
  add_rest(sample, false, 3, REDUCE_MEAN, -100);
  sample = tn_sample_failing(samples, "batch sizes", TN_INVALID_ARGUMENT, "target");
  add_target(sample, TN_SHAPE(2, 3), TN_SHAPE(3), 3, TN_I64);
  add_rest(sample, false, 3, REDUCE_MEAN, -100);
  sample = tn_sample_failing(samples, "weight's size", TN_INVALID_ARGUMENT, "weight");
  add_target(sample, TN_SHAPE(2, 3), TN_SHAPE(2), 3, TN_I64);
  add_rest(sample, true, 4, REDUCE_MEAN, -100);
  sample = tn_sample_failing(samples, "reduction", TN_INVALID_ARGUMENT, "reduction");
  add_target(sample, TN_SHAPE(2, 3), TN_SHAPE(2), 3, TN_I64);
  add_rest(sample, false, 3, 7, -100);
}

#define LOSS .dtypes = TN_DTYPES_FLOATING, .flags = TN_SPEC_TAKES_ANY_DTYPE, .ulps = 4

const tn_op_spec tn_spec_nll_loss_forward = {.op = "nll_loss_forward",
                                             LOSS,
                                             .smooth = 1,
                                             .samples = forward_samples,
                                             .reference = forward_reference,
                                             .errors = nll_errors};
const tn_op_spec tn_spec_nll_loss = {.op = "nll_loss",
                                     LOSS,
                                     .smooth = 1,
                                     .samples = nll_samples,
                                     .half_ulps = 8,
                                     .reference = nll_reference,
                                     .errors = nll_errors};

// grad_output, self, target, weight, reduction, ignore_index, total_weight
static void backward_samples(tn_samples *samples) {
  for (int64_t reduction = 0; reduction < 3; reduction++) {
    for (int weighted = 0; weighted < 2; weighted++) {
      tn_sample *sample = tn_sample_add(samples, "batch", 0);
      tn_sample_tensor(sample, reduction == REDUCE_NONE ? TN_SHAPE(4) : TN_SHAPE_SCALAR,
                       tn_samples_dtype(samples), -3, 3);
      // total_weight is what these targets weigh, 1 being ignored beside weights: the gradient of
      // the gradient relies on it.
      tn_sample_tensor(sample, TN_SHAPE(4, 3), tn_samples_dtype(samples), -3, -0.1);
      tn_sample_values(sample, TN_SHAPE(4), TN_I64, (const double[]){0, 1, 2, 0});
      if (weighted) {
        tn_sample_values(sample, TN_SHAPE(3), tn_samples_dtype(samples),
                         (const double[]){0.5, 1, 2});
      } else {
        tn_sample_none(sample);
      }
      tn_sample_int(sample, reduction);
      tn_sample_int(sample, weighted ? IGNORED : -100);
      tn_sample_values(sample, TN_SHAPE_SCALAR, tn_samples_dtype(samples),
                       (const double[]){weighted ? 3 : 4});
    }
  }
}
static void backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *grad = &sample->operands[0], *self = &sample->operands[1];
  likelihood l = arguments_of(sample, 2);
  classes c = classes_of(self);
  double total = sample->operands[sample->operand_count - 1].values[0];
  double *out = reference_like(expected, self, self->dtype);
  for (int64_t p = 0; out != NULL && p < l.target->numel; p++) {
    double weight = weight_of(&l, p);
    if (weight == 0) continue;
    double share = grad->values[l.reduction == REDUCE_NONE ? p : 0];
    if (l.reduction == REDUCE_MEAN) share /= total;
    out[at_class(&c, p, (int64_t)l.target->values[p])] = -weight * share;
  }
}

const tn_op_spec tn_spec_nll_loss_backward = {.op = "nll_loss_backward",
                                              LOSS,
                                              .smooth = 1,
                                              .samples = backward_samples,
                                              .reference = backward_reference};

// ---- cross entropy -----------------------------------------------------------------------------

static double log_softmax_at(const tn_operand *self, const classes *c, int64_t p, int64_t k) {
  double top = -INFINITY;
  long double total = 0;
  for (int64_t j = 0; j < c->count; j++) top = fmax(top, self->values[at_class(c, p, j)]);
  for (int64_t j = 0; j < c->count; j++) {
    total += expl((long double)self->values[at_class(c, p, j)] - top);
  }
  return self->values[at_class(c, p, k)] - top - (double)logl(total);
}

// One position's loss: minus the smoothed target's share of each class's log probability.
static double cross_entropy_at(const tn_operand *self, const likelihood *l, const classes *c,
                               int64_t p, double smoothing, bool indices) {
  double loss = 0;
  if (indices && (int64_t)l->target->values[p] == l->ignored) return 0;
  for (int64_t k = 0; k < c->count; k++) {
    double share = indices ? (double)((int64_t)l->target->values[p] == k)
                           : l->target->values[at_class(c, p, k)];
    share = (1 - smoothing) * share + smoothing / (double)c->count;
    if (indices && share == 0) continue;  // another class, even of probability 0, has no part
    double weight = l->weight == NULL ? 1 : l->weight->values[k];
    loss -= share * weight * log_softmax_at(self, c, p, k);
  }
  return loss;
}
static void cross_entropy_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  likelihood l = arguments_of(sample, 1);
  classes c = classes_of(self);
  bool indices = reference_is_whole(l.target->dtype);
  double smoothing = tn_sample_number_at(sample, 5, 0);
  tn_operand shape = {.ndim = self->ndim - 1, .numel = c.batch * c.spatial};
  for (int32_t d = 0; d < shape.ndim; d++) shape.sizes[d] = self->sizes[d == 0 ? 0 : d + 1];
  double *terms = calloc((size_t)shape.numel + 1, sizeof *terms);
  for (int64_t p = 0; terms != NULL && p < shape.numel; p++) {
    terms[p] = cross_entropy_at(self, &l, &c, p, smoothing, indices);
  }
  double divisor = indices ? total_weight(&l) : (double)shape.numel;
  // The logarithm of a sum near 1 is off by a rounding of 1, weighted by up to 2.
  if (terms != NULL) expect_terms(&shape, self->dtype, terms, 2, l.reduction, divisor, expected);
  free(terms);
}

static void cross_entropy_samples(tn_samples *samples) {
  nll_samples_of(samples, true);
  for (int64_t reduction = 0; reduction < 3; reduction++) {
    for (int weighted = 0; weighted < 2; weighted++) {
      tn_sample *sample = tn_sample_add(samples, "smoothed", 0);
      add_target(sample, TN_SHAPE(4, 3), TN_SHAPE(4), 3, TN_I64);
      add_rest(sample, weighted, 3, reduction, weighted ? IGNORED : -100);
      tn_sample_float(sample, 0.25);
      sample = tn_sample_add(samples, "probabilities", 0);
      tn_sample_tensor(sample, TN_SHAPE(4, 3), tn_samples_dtype(samples), -3, 3);
      tn_sample_tensor(sample, TN_SHAPE(4, 3), tn_samples_dtype(samples), 0.1, 0.5);
      add_rest(sample, weighted, 3, reduction, -100);
      tn_sample_float(sample, weighted ? 0.125 : 0);
    }
  }
}
static void cross_entropy_errors(tn_samples *samples) {
  nll_errors(samples);
  tn_sample *sample =
      tn_sample_failing(samples, "smoothing", TN_INVALID_ARGUMENT, "label_smoothing");
  add_target(sample, TN_SHAPE(2, 3), TN_SHAPE(2), 3, TN_I64);
  add_rest(sample, false, 3, REDUCE_MEAN, -100);
  tn_sample_float(sample, 1.5);
}

const tn_op_spec tn_spec_cross_entropy_loss = {
    .op = "cross_entropy_loss",
    LOSS,
    .smooth = 1,
    .samples = cross_entropy_samples,
    .reference = cross_entropy_reference,
    .errors = cross_entropy_errors,
    .half_ulps = 16,
    .why = "in half precision logarithms, products and sums each round"};

// ---- squared error -----------------------------------------------------------------------------

static void mse_samples(tn_samples *samples) {
  const tn_ints selves[] = {TN_SHAPE(3, 4), TN_SHAPE(3, 1), TN_SHAPE_SCALAR, TN_SHAPE(37)};
  const tn_ints targets[] = {TN_SHAPE(3, 4), TN_SHAPE(1, 4), TN_SHAPE_SCALAR, TN_SHAPE(37)};
  for (int i = 0; i < 12; i++) {
    tn_sample *sample = tn_sample_add(samples, "shapes", i % 4 == 3 ? TN_SAMPLE_NO_GRAD : 0);
    tn_sample_tensor(sample, selves[i % 4], tn_samples_dtype(samples), -3, 3);
    tn_sample_tensor(sample, targets[i % 4], tn_samples_dtype(samples), -3, 3);
    tn_sample_int(sample, i / 4);
  }
}
static void mse_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0], *target = &sample->operands[1];
  tn_operand shape = {.ndim = self->ndim};
  int64_t index[TN_SPEC_MAX_DIMS];
  for (int32_t d = 0; d < shape.ndim; d++) {
    shape.sizes[d] = self->sizes[d] == 1 ? target->sizes[d] : self->sizes[d];
  }
  shape.numel = tn_reference_numel(shape.ndim, shape.sizes);
  double *terms = calloc((size_t)shape.numel + 1, sizeof *terms);
  for (int64_t p = 0; terms != NULL && p < shape.numel; p++) {
    tn_reference_unravel(p, shape.ndim, shape.sizes, index);
    double difference = tn_reference_broadcast_at(self, shape.ndim, index) -
                        tn_reference_broadcast_at(target, shape.ndim, index);
    terms[p] = difference * difference;
  }
  if (terms != NULL) {
    expect_terms(&shape, self->dtype, terms, 0, tn_sample_int_at(sample, 2, REDUCE_MEAN),
                 (double)shape.numel, expected);
  }
  free(terms);
}
static void mse_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "reduction", TN_INVALID_ARGUMENT, "reduction");
  tn_sample_tensor(sample, TN_SHAPE(2), tn_samples_dtype(samples), 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(2), tn_samples_dtype(samples), 0, 1);
  tn_sample_int(sample, 3);
}

const tn_op_spec tn_spec_mse_loss = {.op = "mse_loss",
                                     LOSS,
                                     .samples = mse_samples,
                                     .reference = mse_reference,
                                     .errors = mse_errors};
