// SPDX-License-Identifier: Apache-2.0
//
// batch_norm: every form of batch normalisation. All take input, weight, bias; then, but for
// no_stats, running_mean and running_var; then, but for no_training, training; momentum; eps. What
// the forms that write running statistics leave there is told by tests/test_norm.c.

#include <stdlib.h>

#include "norm.h"

typedef struct batch_row {
  const char *name;
  int32_t ndim;
  int64_t sizes[4];
  bool weight, bias, wide;  // wide: parameters of the statistics' dtype
  uint32_t flags;
} batch_row;

static const batch_row batch_rows[] = {
    {"features", 2, {4, 3}, true, true, false, 0},
    {"sequences", 3, {2, 2, 4}, true, true, false, 0},
    {"images", 4, {2, 2, 2, 2}, true, true, false, 0},
    {"no weight", 3, {1, 2, 4}, false, true, false, 0},
    {"no bias", 2, {4, 2}, true, false, false, 0},
    {"neither", 2, {5, 2}, false, false, false, 0},
    {"parameters as statistics", 3, {2, 2, 3}, true, true, true, 0},
    {"odd size", 3, {3, 5, 37}, true, true, false, TN_SAMPLE_NO_GRAD},
    {"many features", 2, {6, 133}, true, true, false, TN_SAMPLE_NO_GRAD},
    {"large", 3, {8, 70, 130}, true, true, false, TN_SAMPLE_LARGE},
};
enum { BATCH_ROW_COUNT = sizeof batch_rows / sizeof batch_rows[0] };

// Where the arguments of a form stand; -1: it has none.
typedef struct form {
  int32_t running, training, momentum, eps;
  bool statistics, renewed;  // results: the batch's statistics; the new running ones
} form;

static form form_of(const tn_op_spec *spec) {
  if (strstr(spec->op, "no_stats")) return (form){-1, 3, 4, 5, true, false};
  if (strstr(spec->op, "no_training")) return (form){3, -1, 5, 6, true, false};
  return (form){
      3, 5, 6, 7, strcmp(spec->op, "batch_norm") != 0, strstr(spec->op, "functional") != NULL};
}

static void add_optional(tn_sample *sample, bool given, int64_t count, tn_dtype dtype, double low,
                         double high) {
  if (given) {
    tn_sample_tensor(sample, TN_SHAPE(count), dtype, low, high);
  } else {
    tn_sample_none(sample);
  }
}

static void add_batch(tn_samples *samples, const batch_row *r, bool running, bool training,
                      double eps) {
  form f = form_of(tn_samples_spec(samples));
  tn_dtype dtype = tn_samples_dtype(samples);
  tn_dtype own = r->wide ? norm_statistics_dtype(dtype) : dtype;
  tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
  tn_sample_tensor(sample, tn_ints_of(r->sizes, r->ndim), dtype, -3, 5);
  add_optional(sample, r->weight, r->sizes[1], own, -2, 2);
  add_optional(sample, r->bias, r->sizes[1], own, -2, 2);
  if (f.running >= 0) {
    add_optional(sample, running, r->sizes[1], own, -1, 1);
    add_optional(sample, running, r->sizes[1], own, 0.5, 4);
  }
  if (f.training >= 0) tn_sample_bool(sample, training);
  tn_sample_float(sample, 0.1);
  tn_sample_float(sample, eps);
  if (!f.statistics) tn_sample_bool(sample, true);
}

static void batch_samples(tn_samples *samples) {
  form f = form_of(tn_samples_spec(samples));
  const char *op = tn_samples_spec(samples)->op;
  for (int i = 0; i < BATCH_ROW_COUNT; i++) {
    double eps = i % 2 == 0 ? 1e-5 : 0.1;
    add_batch(samples, &batch_rows[i], true, true, eps);
    if (f.running >= 0 && f.training >= 0) add_batch(samples, &batch_rows[i], true, false, eps);
  }
  bool optional = strcmp(op, "native_batch_norm") == 0 || strcmp(op, "batch_norm") == 0;
  if (optional) add_batch(samples, &batch_rows[1], false, true, 1e-5);
  static const batch_row one = {"one value", 2, {1, 3}, true, true, false, TN_SAMPLE_NO_GRAD};
  add_batch(samples, &one, true, true, 0.1);
}

static void expect_renewed(const norm_shape *shape, const tn_operand *running, norm_moments moments,
                           double momentum, bool of_mean, bool training, tn_expected *expected) {
  double *out = reference_like(expected, running, running->dtype);
  double *scales = tn_expect_scales(expected);
  double count = (double)shape->count;
  for (int64_t c = 0; out != NULL && scales != NULL && c < running->numel; c++) {
    double batch = of_mean ? moments.mean[c] : moments.variance[c] * count / (count - 1);
    out[c] = training ? (1 - momentum) * running->values[c] + momentum * batch : running->values[c];
    scales[c] = fabs(running->values[c]) + (of_mean ? 5 : fabs(batch));
    if (!isfinite(scales[c])) scales[c] = 0;
  }
}

static void batch_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *input = &sample->operands[0];
  form f = form_of(sample->spec);
  bool training = f.training >= 0 && tn_sample_bool_at(sample, f.training, false);
  if (f.running < 0) training = true;
  norm_shape shape = norm_shape_of_batch(input);
  norm_moments measured = norm_measure(&shape, input), used = measured;
  double eps = tn_sample_number_at(sample, f.eps, 0);
  if (measured.mean == NULL) return;
  const tn_operand *means = f.running < 0 ? NULL : tn_sample_tensor_at(sample, f.running);
  const tn_operand *vars = f.running < 0 ? NULL : tn_sample_tensor_at(sample, f.running + 1);
  if (!training) used = (norm_moments){means->values, vars->values};
  norm_expect_result(&shape, input, used, tn_sample_tensor_at(sample, 1),
                     tn_sample_tensor_at(sample, 2), eps, expected);
  int64_t count = training ? shape.statistics : 0;
  if (f.statistics && training) {
    norm_expect_statistics(&shape, input, measured, eps, 1, &count, expected);
  }
  for (int k = 0; f.statistics && !training && k < 2; k++) {
    (void)tn_expect(expected, norm_statistics_dtype(input->dtype), 1, &count);
  }
  double momentum = tn_sample_number_at(sample, f.momentum, 0);
  for (int k = 0; f.renewed && k < 2; k++) {
    expect_renewed(&shape, k == 0 ? means : vars, measured, momentum, k == 0, training, expected);
  }
  free(measured.mean);
}

// ---- errors ------------------------------------------------------------------------------------

enum { WRONG_RANK, WRONG_WEIGHT, WRONG_DTYPE, WRONG_RUNNING, ONE_RUNNING, NO_RUNNING };

static void add_failing(tn_samples *samples, int wrong, const char *argument) {
  static const char *const names[] = {"rank",    "weight",        "weight's dtype",
                                      "running", "one of a pair", "nothing to normalise by"};
  form f = form_of(tn_samples_spec(samples));
  tn_dtype dtype = tn_samples_dtype(samples);
  tn_status status = wrong == WRONG_DTYPE ? TN_INVALID_DTYPE : TN_INVALID_ARGUMENT;
  tn_sample *sample = tn_sample_failing(samples, names[wrong], status, argument);
  tn_sample_tensor(sample, wrong == WRONG_RANK ? TN_SHAPE(3) : TN_SHAPE(2, 3), dtype, 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(wrong == WRONG_WEIGHT ? 2 : 3),
                   wrong == WRONG_DTYPE ? TN_I64 : dtype, 0, 1);
  tn_sample_none(sample);
  if (f.running >= 0) {
    add_optional(sample, wrong != NO_RUNNING, wrong == WRONG_RUNNING ? 2 : 3, dtype, 0, 1);
    add_optional(sample, wrong != NO_RUNNING && wrong != ONE_RUNNING, 3, dtype, 0, 1);
  }
  if (f.training >= 0) tn_sample_bool(sample, wrong != NO_RUNNING);
  tn_sample_float(sample, 0.1);
  tn_sample_float(sample, 1e-5);
  if (!f.statistics) tn_sample_bool(sample, true);
}

static void batch_errors(tn_samples *samples) {
  form f = form_of(tn_samples_spec(samples));
  add_failing(samples, WRONG_RANK, "input");
  add_failing(samples, WRONG_WEIGHT, "weight");
  add_failing(samples, WRONG_DTYPE, "weight");
  if (f.running >= 0) add_failing(samples, WRONG_RUNNING, "running_mean");
  const char *op = tn_samples_spec(samples)->op;
  if (strcmp(op, "native_batch_norm") != 0 && strcmp(op, "batch_norm") != 0) return;
  add_failing(samples, ONE_RUNNING, "running_var");
  add_failing(samples, NO_RUNNING, "running_mean");
}

#define BATCH_NORM                                                                      \
  .dtypes = TN_DTYPES_FLOATING, .samples = batch_samples, .reference = batch_reference, \
  .errors = batch_errors, .ulps = 4

// Operands are counted without those that are absent, so a form that writes running statistics says
// of every operand but the input that it may be written; which ones are, tests/test_norm.c tells.
#define WRITES .writes = 0x1e, .smooth = 1, .flags = TN_SPEC_NO_EXPAND

const tn_op_spec tn_spec__native_batch_norm_legit_no_stats = {
    .op = "_native_batch_norm_legit.no_stats", BATCH_NORM};
const tn_op_spec tn_spec__native_batch_norm_legit_functional = {
    .op = "_native_batch_norm_legit_functional", BATCH_NORM};
const tn_op_spec tn_spec__native_batch_norm_legit_no_training = {
    .op = "_native_batch_norm_legit_no_training", BATCH_NORM};
const tn_op_spec tn_spec__native_batch_norm_legit = {
    .op = "_native_batch_norm_legit", BATCH_NORM, WRITES};
const tn_op_spec tn_spec_native_batch_norm = {.op = "native_batch_norm", BATCH_NORM, WRITES};
const tn_op_spec tn_spec_batch_norm = {.op = "batch_norm", BATCH_NORM, WRITES};

// ---- backward: grad_out, input, weight, running_mean, running_var, save_mean, save_invstd, train,
// eps, output_mask

static void add_backward(tn_samples *samples, const batch_row *r, bool train, int left_out) {
  tn_dtype dtype = tn_samples_dtype(samples), statistics = norm_statistics_dtype(dtype);
  tn_dtype own = r->wide ? statistics : dtype;
  tn_ints whole = tn_ints_of(r->sizes, r->ndim);
  tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
  tn_sample_tensor(sample, whole, dtype, -2, 2);
  tn_sample_tensor(sample, whole, dtype, -3, 5);
  add_optional(sample, r->weight, r->sizes[1], own, -2, 2);
  add_optional(sample, !train, r->sizes[1], own, -1, 1);
  add_optional(sample, !train, r->sizes[1], own, 0.5, 4);
  add_optional(sample, train, r->sizes[1], statistics, -1, 1);
  add_optional(sample, train, r->sizes[1], statistics, 0.5, 2);
  tn_sample_bool(sample, train);
  tn_sample_float(sample, 0.1);
  tn_value mask = tn_value_ints(TN_INTS(left_out != 1, left_out != 2, left_out != 3));
  mask.kind = TN_VALUE_BOOLS;
  tn_sample_value(sample, mask);
}
static void backward_samples(tn_samples *samples) {
  for (int i = 0; i < BATCH_ROW_COUNT; i++) {
    add_backward(samples, &batch_rows[i], true, i % 4);
    add_backward(samples, &batch_rows[i], false, i % 4);
  }
}

static void backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *input = &sample->operands[1];
  bool train = tn_sample_bool_at(sample, 7, false);
  norm_shape shape = norm_shape_of_batch(input);
  const tn_operand *mean = tn_sample_tensor_at(sample, train ? 5 : 3);
  const tn_operand *spread = tn_sample_tensor_at(sample, train ? 6 : 4);
  double *rstd = malloc(sizeof *rstd * (size_t)(shape.statistics + 1));
  for (int64_t c = 0; rstd != NULL && c < shape.statistics; c++) {
    double eps = tn_sample_number_at(sample, 8, 0);
    rstd[c] = train ? spread->values[c] : 1 / sqrt(spread->values[c] + eps);
  }
  norm_backward b = {.grad = &sample->operands[0],
                     .input = input,
                     .weight = tn_sample_tensor_at(sample, 2),
                     .mean = mean->values,
                     .rstd = rstd,
                     .mask = tn_sample_ints_at(sample, 9),
                     .parameter_ndim = 1,
                     .parameter_sizes = &shape.parameters,
                     .moving = train};
  if (rstd != NULL) norm_expect_gradients(&shape, &b, expected);
  free(rstd);
}

static void backward_errors(tn_samples *samples) {
  static const char *const arguments[] = {"grad_out", "weight", "save_mean", "save_invstd"};
  tn_dtype dtype = tn_samples_dtype(samples), statistics = norm_statistics_dtype(dtype);
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_failing(samples, arguments[i], TN_INVALID_ARGUMENT, arguments[i]);
    tn_sample_tensor(sample, i == 0 ? TN_SHAPE(3, 3) : TN_SHAPE(2, 3), dtype, 0, 1);
    tn_sample_tensor(sample, TN_SHAPE(2, 3), dtype, 0, 1);
    tn_sample_tensor(sample, TN_SHAPE(i == 1 ? 2 : 3), dtype, 0, 1);
    tn_sample_none(sample);
    tn_sample_none(sample);
    tn_sample_tensor(sample, TN_SHAPE(i == 2 ? 2 : 3), statistics, 0, 1);
    add_optional(sample, i != 3, 3, statistics, 0, 1);
    tn_sample_bool(sample, true);
    tn_sample_float(sample, 1e-5);
    tn_value mask = tn_value_ints(TN_INTS(1, 1, 1));
    mask.kind = TN_VALUE_BOOLS;
    tn_sample_value(sample, mask);
  }
}

const tn_op_spec tn_spec_native_batch_norm_backward = {
    .op = "native_batch_norm_backward",
    .dtypes = TN_DTYPES_FLOATING,
    .samples = backward_samples,
    .reference = backward_reference,
    .errors = backward_errors,
    .ulps = 4,
    .finite = 7u << 2,
    .why = "products of 0 and an infinite statistic or weight depend on how a kernel groups them"};
