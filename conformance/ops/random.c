// SPDX-License-Identifier: Apache-2.0
//
// random: draws cannot be predicted, but their distribution can. A sample of N numbers must lie in
// its range, and its mean and variance within 6 standard errors of what they should be: with a
// fixed seed the answer never changes, and a right generator fails one seed in 500 million. The kit
// seeds before each call, so that the same bits are asked for again, in every layout, on any number
// of threads.

#include <stdio.h>
#include <stdlib.h>

#include "reference.h"

enum { MANY = 60000 };

// ---- moments -----------------------------------------------------------------------------------

// Whether values of known mean, variance and fourth central moment are plausible.
static const char *check_moments(const tn_operand *x, double mean, double variance, double fourth) {
  double n = (double)x->numel, sum = 0, squares = 0;
  if (x->numel < 1000) return NULL;
  for (int64_t i = 0; i < x->numel; i++) sum += x->values[i];
  for (int64_t i = 0; i < x->numel; i++) {
    squares += (x->values[i] - mean) * (x->values[i] - mean);
  }
  // Half precision shifts the mean by up to half a unit in the last place of the largest values.
  double rounding = 0.5 * reference_epsilon(x->dtype);
  if (!tn_dtype_is_floating(x->dtype)) rounding = 0;
  if (fabs(sum / n - mean) > 6 * sqrt(variance / n) + rounding) return "the mean is off";
  double spread = sqrt((fourth - variance * variance) / n);
  if (fabs(squares / n - variance) > 6 * spread + 2 * rounding) return "the variance is off";
  return NULL;
}

// Neighbours are not alike: their correlation is within 6 standard errors of 0.
static const char *check_neighbours(const tn_operand *x, double mean, double variance) {
  double sum = 0;
  if (x->numel < 1000) return NULL;
  for (int64_t i = 1; i < x->numel; i++) {
    sum += (x->values[i] - mean) * (x->values[i - 1] - mean);
  }
  double n = (double)(x->numel - 1);
  return fabs(sum / n) > 6 * variance / sqrt(n) ? "neighbours are correlated" : NULL;
}

static const char *check_form(const tn_operand *x, tn_dtype dtype, int32_t ndim,
                              const int64_t *sizes) {
  if (x->dtype != dtype) return "the dtype is not the one asked for";
  if (x->ndim != ndim || memcmp(x->sizes, sizes, sizeof(int64_t) * (size_t)ndim) != 0) {
    return "the shape is not the one asked for";
  }
  return NULL;
}

static const char *check_uniform(const tn_operand *x) {
  for (int64_t i = 0; i < x->numel; i++) {
    if (!(x->values[i] >= 0 && x->values[i] < 1)) return "a value is outside of [0, 1)";
  }
  const char *wrong = check_moments(x, 0.5, 1.0 / 12, 1.0 / 80);
  return wrong != NULL ? wrong : check_neighbours(x, 0.5, 1.0 / 12);
}
static const char *check_normal(const tn_operand *x) {
  for (int64_t i = 0; i < x->numel; i++) {
    if (!(fabs(x->values[i]) < 8)) return "a value is not of a normal distribution";
  }
  const char *wrong = check_moments(x, 0, 1, 3);
  return wrong != NULL ? wrong : check_neighbours(x, 0, 1);
}

// ---- uniform and normal ------------------------------------------------------------------------

static void sized_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(MANY), TN_SHAPE(3, 5), TN_SHAPE(0, 2), TN_SHAPE_SCALAR};
  for (int i = 0; i < 4; i++) {
    // Long enough for several threads, but asked of every dtype.
    tn_sample *sample = tn_sample_add(samples, "shape", 0);
    tn_sample_ints(sample, shapes[i]);
    tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
  tn_sample *sample = tn_sample_add(samples, "threads", TN_SAMPLE_LARGE);
  tn_sample_ints(sample, TN_SHAPE(3, MANY));
  tn_sample_dtype(sample, tn_samples_dtype(samples));
}
static void sized_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "negative size", TN_INVALID_ARGUMENT, "size");
  tn_sample_ints(sample, TN_SHAPE(2, -1));
  sample = tn_sample_failing(samples, "integer dtype", TN_INVALID_DTYPE, "dtype");
  tn_sample_ints(sample, TN_SHAPE(2));
  tn_sample_dtype(sample, TN_I32);
}
static const char *sized_form(const tn_sample *sample, const tn_operand *x) {
  tn_ints sizes = tn_sample_ints_at(sample, 0);
  return check_form(x, tn_sample_dtype_at(sample, 1, TN_F32), (int32_t)sizes.count, sizes.data);
}
static const char *verify_rand(const tn_sample *sample, const tn_operand *x, int32_t count) {
  (void)count;
  const char *wrong = sized_form(sample, x);
  return wrong != NULL ? wrong : check_uniform(x);
}
static const char *verify_randn(const tn_sample *sample, const tn_operand *x, int32_t count) {
  (void)count;
  const char *wrong = sized_form(sample, x);
  return wrong != NULL ? wrong : check_normal(x);
}

#define RANDOM .dtypes = TN_DTYPES_FLOATING, .flags = TN_SPEC_TAKES_ANY_DTYPE

const tn_op_spec tn_spec_rand = {
    .op = "rand", RANDOM, .samples = sized_samples, .verify = verify_rand, .errors = sized_errors};
const tn_op_spec tn_spec_randn = {.op = "randn",
                                  RANDOM,
                                  .samples = sized_samples,
                                  .verify = verify_randn,
                                  .errors = sized_errors};

static void like_samples(tn_samples *samples) {
  const tn_ints shapes[] = {TN_SHAPE(30, 2000), TN_SHAPE(3, 5), TN_SHAPE(0, 2), TN_SHAPE_SCALAR};
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = tn_sample_add(samples, "shape", 0);
    tn_sample_tensor(sample, shapes[i % 4], tn_samples_dtype(samples), 0, 1);
    if (i == 4) tn_sample_dtype(sample, TN_F64);
  }
}
static const char *like_form(const tn_sample *sample, const tn_operand *x) {
  const tn_operand *self = &sample->operands[0];
  return check_form(x, tn_sample_dtype_at(sample, 1, self->dtype), self->ndim, self->sizes);
}
static const char *verify_rand_like(const tn_sample *sample, const tn_operand *x, int32_t count) {
  (void)count;
  const char *wrong = like_form(sample, x);
  return wrong != NULL ? wrong : check_uniform(x);
}
static const char *verify_randn_like(const tn_sample *sample, const tn_operand *x, int32_t count) {
  (void)count;
  const char *wrong = like_form(sample, x);
  return wrong != NULL ? wrong : check_normal(x);
}

const tn_op_spec tn_spec_rand_like = {
    .op = "rand_like", RANDOM, .samples = like_samples, .verify = verify_rand_like};
const tn_op_spec tn_spec_randn_like = {
    .op = "randn_like", RANDOM, .samples = like_samples, .verify = verify_randn_like};

// ---- integers ----------------------------------------------------------------------------------

static void randint_samples(tn_samples *samples) {
  static const int64_t ranges[][2] = {{0, 10}, {3, 100}, {5, 6}, {0, 2}};
  for (int i = 0; i < 5; i++) {
    bool truth = tn_samples_dtype(samples) == TN_BOOL;
    tn_sample *sample = tn_sample_add(samples, "range", 0);
    tn_sample_int(sample, truth ? 0 : ranges[i % 4][0]);
    tn_sample_int(sample, truth ? 2 : ranges[i % 4][1]);
    tn_sample_ints(sample, i == 4 ? TN_SHAPE(2, 3) : TN_SHAPE(MANY));
    if (i < 4) tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
}
static const char *verify_randint(const tn_sample *sample, const tn_operand *x, int32_t count) {
  (void)count;
  double low = (double)tn_sample_int_at(sample, 0, 0),
         high = (double)tn_sample_int_at(sample, 1, 0);
  tn_ints sizes = tn_sample_ints_at(sample, 2);
  const char *wrong =
      check_form(x, tn_sample_dtype_at(sample, 3, TN_I64), (int32_t)sizes.count, sizes.data);
  if (wrong != NULL) return wrong;
  for (int64_t i = 0; i < x->numel; i++) {
    double value = x->values[i];
    if (value < low || value >= high || value != floor(value)) return "a value is out of range";
  }
  double n = high - low, variance = (n * n - 1) / 12;
  return check_moments(x, low + (n - 1) / 2, variance, (3 * n * n - 7) * (n * n - 1) / 240);
}
static void randint_errors(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "empty range", TN_INVALID_ARGUMENT, "high");
  tn_sample_int(sample, 3);
  tn_sample_int(sample, 3);
  tn_sample_ints(sample, TN_SHAPE(2));
}

const tn_op_spec tn_spec_randint_low = {.op = "randint.low",
                                        .dtypes = TN_DTYPES_REAL & ~TN_DTYPES_HALF,
                                        .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                        .samples = randint_samples,
                                        .verify = verify_randint,
                                        .errors = randint_errors};

static void randperm_samples(tn_samples *samples) {
  static const int64_t counts[] = {100, 1, 0, 37};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "count", 0);
    tn_sample_int(sample, counts[i]);
    tn_sample_dtype(sample, tn_samples_dtype(samples));
  }
  if (tn_samples_dtype(samples) != TN_I64) return;
  tn_sample *sample = tn_sample_add(samples, "many, default dtype", 0);
  tn_sample_int(sample, MANY);
}
static const char *verify_randperm(const tn_sample *sample, const tn_operand *x, int32_t count) {
  int64_t n = tn_sample_int_at(sample, 0, 0);
  const char *wrong = check_form(x, tn_sample_dtype_at(sample, 1, TN_I64), 1, &n);
  if (wrong != NULL) return wrong;
  bool *seen = calloc((size_t)n + 1, sizeof *seen);
  int64_t fixed = 0;
  (void)count;
  for (int64_t i = 0; seen != NULL && i < n && wrong == NULL; i++) {
    double value = x->values[i];
    bool valid = value >= 0 && value < (double)n && value == floor(value);
    if (!valid || seen[(int64_t)value]) wrong = "not each number once";
    if (valid) seen[(int64_t)value] = true;
    fixed += value == (double)i;
  }
  free(seen);
  // On average one number stays in its place.
  return wrong == NULL && n > 30 && fixed > 12 ? "hardly shuffled" : wrong;
}
static void randperm_errors(tn_samples *samples) {
  tn_sample_int(tn_sample_failing(samples, "negative", TN_INVALID_ARGUMENT, "n"), -1);
}

const tn_op_spec tn_spec_randperm = {.op = "randperm",
                                     .dtypes = TN_DTYPES_INTEGER | TN_DTYPES_FLOATING,
                                     .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                     .samples = randperm_samples,
                                     .verify = verify_randperm,
                                     .errors = randperm_errors};

// ---- coins -------------------------------------------------------------------------------------

static const char *check_coins(const tn_operand *x, double p) {
  for (int64_t i = 0; i < x->numel; i++) {
    if (x->values[i] != 0 && x->values[i] != 1) return "a value is neither 0 nor 1";
    if ((p == 0 && x->values[i] != 0) || (p == 1 && x->values[i] != 1)) return "not certain";
  }
  double q = 1 - p, variance = p * q;
  const char *wrong = check_moments(x, p, variance, variance * (1 - 3 * variance));
  return wrong != NULL ? wrong : check_neighbours(x, p, variance);
}

static void coins_samples(tn_samples *samples) {
  static const double probabilities[] = {0.5, 0.25, 0, 1};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "probability", TN_SAMPLE_NO_GRAD);
    tn_sample_tensor(sample, TN_SHAPE(30, 2000), tn_samples_dtype(samples), probabilities[i],
                     probabilities[i]);
  }
}
static const char *verify_coins(const tn_sample *sample, const tn_operand *x, int32_t count) {
  const tn_operand *self = &sample->operands[0];
  (void)count;
  const char *wrong = check_form(x, self->dtype, self->ndim, self->sizes);
  return wrong != NULL ? wrong : check_coins(x, self->values[0]);
}
static void coins_errors(tn_samples *samples) {
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = tn_sample_failing(samples, "no probability", TN_INVALID_ARGUMENT, NULL);
    tn_sample_values(sample, TN_SHAPE(2), tn_samples_dtype(samples),
                     (const double[]){0.5, i == 0 ? 1.5 : -0.5});
  }
}

const tn_op_spec tn_spec_bernoulli = {.op = "bernoulli",
                                      RANDOM | TN_SPEC_NO_GRAD,
                                      .samples = coins_samples,
                                      .verify = verify_coins,
                                      .errors = coins_errors,
                                      .why = "a step has no gradient"};

static void coins_p_samples(tn_samples *samples) {
  static const double probabilities[] = {0.5, 0.125, 0, 1};
  for (int i = 0; i < 4; i++) {
    tn_sample *sample = tn_sample_add(samples, "probability", TN_SAMPLE_NO_GRAD);
    tn_sample_tensor(sample, TN_SHAPE(30, 2000), tn_samples_dtype(samples), 0, 1);
    tn_sample_float(sample, probabilities[i]);
  }
}
static const char *verify_coins_p(const tn_sample *sample, const tn_operand *x, int32_t count) {
  const tn_operand *self = &sample->operands[0];
  (void)count;
  const char *wrong = check_form(x, self->dtype, self->ndim, self->sizes);
  return wrong != NULL ? wrong : check_coins(x, tn_sample_number_at(sample, 1, 0));
}
static void probability_errors(tn_samples *samples) {
  for (int i = 0; i < 3; i++) {
    tn_sample *sample = tn_sample_failing(samples, "no probability", TN_INVALID_ARGUMENT, "p");
    tn_sample_tensor(sample, TN_SHAPE(2), tn_samples_dtype(samples), 0, 1);
    tn_sample_float(sample, i == 0 ? 1.5 : i == 1 ? -0.5 : (double)NAN);
    if (strstr(tn_samples_spec(samples)->op, "dropout") != NULL) tn_sample_bool(sample, true);
  }
}

const tn_op_spec tn_spec_bernoulli_p = {.op = "bernoulli.p",
                                        .dtypes = TN_DTYPES_REAL,
                                        .flags = TN_SPEC_NO_GRAD | TN_SPEC_TAKES_ANY_DTYPE,
                                        .samples = coins_p_samples,
                                        .verify = verify_coins_p,
                                        .errors = probability_errors,
                                        .why = "a step has no gradient"};

// ---- dropout -----------------------------------------------------------------------------------

static void dropout_samples(tn_samples *samples) {
  static const double probabilities[] = {0.5, 0.25, 0, 1, 0.5, 0.5};
  for (int i = 0; i < 6; i++) {
    tn_sample *sample = tn_sample_add(samples, i == 4 ? "not training" : "probability", 0);
    tn_sample_tensor(sample, i == 5 ? TN_SHAPE(4, 5) : TN_SHAPE(30, 2000),
                     tn_samples_dtype(samples), 1, 2);
    tn_sample_float(sample, probabilities[i]);
    tn_sample_bool(sample, i != 4);
  }
}
// Each result is the operand scaled by 1 / (1 - p), or 0; as many as p says are 0.
static const char *verify_dropout(const tn_sample *sample, const tn_operand *results,
                                  int32_t count) {
  const tn_operand *self = &sample->operands[0], *mask = count > 1 ? &results[1] : NULL;
  bool train = tn_sample_bool_at(sample, 2, true);
  double p = train ? tn_sample_number_at(sample, 1, 0) : 0, kept = 0;
  const char *wrong = check_form(results, self->dtype, self->ndim, self->sizes);
  if (wrong == NULL && mask != NULL) wrong = check_form(mask, TN_BOOL, self->ndim, self->sizes);
  for (int64_t i = 0; i < self->numel && wrong == NULL; i++) {
    double value = results->values[i], scaled = p == 1 ? 0 : self->values[i] / (1 - p);
    bool keeps = value != 0;
    double allowed = 2 * reference_epsilon(self->dtype) * fabs(scaled);
    if (keeps && fabs(value - scaled) > allowed) wrong = "a kept element is scaled wrongly";
    if (mask != NULL && (mask->values[i] != 0) != keeps) wrong = "the mask is not what was kept";
    kept += keeps;
  }
  if (wrong != NULL || self->numel < 1000) return wrong;
  double share = kept / (double)self->numel, error = sqrt(p * (1 - p) / (double)self->numel);
  return fabs(share - (1 - p)) > 6 * error ? "the share of kept elements is off" : NULL;
}

const tn_op_spec tn_spec_native_dropout = {.op = "native_dropout",
                                           RANDOM,
                                           .samples = dropout_samples,
                                           .verify = verify_dropout,
                                           .errors = probability_errors};
const tn_op_spec tn_spec_dropout = {.op = "dropout",
                                    RANDOM,
                                    .samples = dropout_samples,
                                    .verify = verify_dropout,
                                    .errors = probability_errors};
