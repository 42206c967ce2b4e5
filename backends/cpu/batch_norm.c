// SPDX-License-Identifier: Apache-2.0
//
// batch_norm: the forms of _native_batch_norm_legit that write no operand, and
// native_batch_norm_backward, over [N, C, space]. A strip of neighbouring channels is one task,
// wide enough that what is read of each sample fills cache lines; one task adds up all samples of
// its channels, so the number of threads changes nothing. f16 and bf16 compute in f32 (wide.h).

#include <math.h>
#include <tenon/op_args.h>

#include "norm.h"
#include "wide.h"

enum { STRIP = 64 };  // channels at most, and elements of a sample at least where there are

typedef struct job {
  const cpu_norm_loops *loops;
  int64_t samples, channels, space, strip;
  int64_t size;  // of an element
  bool training;
  double momentum, eps;
  const char *grad, *input, *weight, *bias, *running_mean, *running_var;
  char *result, *mean, *invstd;  // mean, invstd: NULL unless training
  char *mean_out, *var_out;      // NULL without running statistics to renew
  char *grad_input, *grad_weight, *grad_bias;
} job;

// Everything a strip is normalised by.
typedef struct strip {
  int64_t first, count;
  double mean[STRIP], invstd[STRIP];
} strip;

static char *data_or_null(const tn_view *view) { return cpu_view_given(view) ? view->data : NULL; }

static job job_for(const tn_view *input) {
  job work = {.loops = cpu_norm_loops_for(input->dtype),
              .samples = input->sizes[0],
              .channels = input->sizes[1],
              .space = 1,
              .size = tn_dtype_size(input->dtype),
              .input = input->data};
  for (int64_t d = 2; d < input->rank; d++) work.space *= input->sizes[d];
  work.strip = work.space >= STRIP ? 1 : work.space <= 1 ? STRIP : STRIP / work.space;
  return work;
}

static int64_t strips_of(const job *work) {
  return (work->channels + work->strip - 1) / work->strip;
}

static int64_t cost_of(const job *work) { return 4 * work->samples * work->space * work->strip; }

static strip strip_at(const job *work, int64_t index) {
  strip s = {.first = index * work->strip};
  const int64_t left = work->channels - s.first;
  s.count = left < work->strip ? left : work->strip;
  return s;
}

// Where sample |n| of a strip begins, in bytes.
static int64_t offset_of(const job *work, const strip *s, int64_t n) {
  return (n * work->channels + s->first) * work->space * work->size;
}

static double weight_of(const job *work, int64_t channel) {
  return work->weight == NULL ? 1 : work->loops->load(work->weight, channel);
}

// ---- forward -----------------------------------------------------------------------------------

static void renew_running(const job *work, int64_t channel, double mean, double var) {
  if (work->mean_out == NULL) return;
  const double kept = 1 - work->momentum;
  work->loops->store(work->mean_out, channel,
                     kept * work->loops->load(work->running_mean, channel) + work->momentum * mean);
  work->loops->store(work->var_out, channel,
                     kept * work->loops->load(work->running_var, channel) + work->momentum * var);
}

static void measure_batch(const job *work, strip *s) {
  const double count = (double)work->samples * (double)work->space;
  double squares[STRIP] = {0};
  for (int64_t n = 0; n < work->samples; n++) {
    work->loops->plane_sums(work->input + offset_of(work, s, n), s->count, work->space, s->mean);
  }
  for (int64_t c = 0; c < s->count; c++) s->mean[c] /= count;
  for (int64_t n = 0; n < work->samples; n++) {
    work->loops->plane_squares(work->input + offset_of(work, s, n), s->count, work->space, s->mean,
                               squares);
  }
  for (int64_t c = 0; c < s->count; c++) {
    s->invstd[c] = 1 / sqrt(squares[c] / count + work->eps);
    work->loops->store(work->mean, s->first + c, s->mean[c]);
    work->loops->store(work->invstd, s->first + c, s->invstd[c]);
    renew_running(work, s->first + c, s->mean[c], squares[c] / (count - 1));
  }
}

static void read_running(const job *work, strip *s) {
  for (int64_t c = 0; c < s->count; c++) {
    const double var = work->loops->load(work->running_var, s->first + c);
    s->mean[c] = work->loops->load(work->running_mean, s->first + c);
    s->invstd[c] = 1 / sqrt(var + work->eps);
    if (work->mean_out == NULL) continue;
    work->loops->store(work->mean_out, s->first + c, s->mean[c]);
    work->loops->store(work->var_out, s->first + c, var);
  }
}

static void forward_strips(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  for (int64_t index = begin; index < end; index++) {
    strip s = strip_at(work, index);
    double scale[STRIP], shift[STRIP];
    if (work->training) {
      measure_batch(work, &s);
    } else {
      read_running(work, &s);
    }
    for (int64_t c = 0; c < s.count; c++) {
      scale[c] = s.invstd[c] * weight_of(work, s.first + c);
      shift[c] = work->bias == NULL ? 0 : work->loops->load(work->bias, s.first + c);
    }
    for (int64_t n = 0; n < work->samples; n++) {
      const int64_t at = offset_of(work, &s, n);
      work->loops->plane_affine(work->input + at, work->result + at, s.count, work->space, s.mean,
                                scale, shift);
    }
  }
}

static tn_status normalise(job *work) {
  cpu_parallel_for(strips_of(work), cpu_grain(cost_of(work)), forward_strips, work);
  return TN_OK;
}

static tn_status no_stats(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn__native_batch_norm_legit_no_stats_attrs *attrs = attributes;
  job work = job_for(&views[TN_ARG__native_batch_norm_legit_no_stats_input]);
  work.training = true;
  work.eps = attrs->eps;
  work.weight = data_or_null(&views[TN_ARG__native_batch_norm_legit_no_stats_weight]);
  work.bias = data_or_null(&views[TN_ARG__native_batch_norm_legit_no_stats_bias]);
  work.result = views[TN_ARG__native_batch_norm_legit_no_stats_result].data;
  work.mean = views[TN_ARG__native_batch_norm_legit_no_stats_result1].data;
  work.invstd = views[TN_ARG__native_batch_norm_legit_no_stats_result2].data;
  return normalise(&work);
}

static tn_status functional(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn__native_batch_norm_legit_functional_attrs *attrs = attributes;
  job work = job_for(&views[TN_ARG__native_batch_norm_legit_functional_input]);
  work.training = attrs->training;
  work.momentum = attrs->momentum;
  work.eps = attrs->eps;
  work.weight = data_or_null(&views[TN_ARG__native_batch_norm_legit_functional_weight]);
  work.bias = data_or_null(&views[TN_ARG__native_batch_norm_legit_functional_bias]);
  work.running_mean = views[TN_ARG__native_batch_norm_legit_functional_running_mean].data;
  work.running_var = views[TN_ARG__native_batch_norm_legit_functional_running_var].data;
  work.result = views[TN_ARG__native_batch_norm_legit_functional_result].data;
  work.mean = views[TN_ARG__native_batch_norm_legit_functional_result1].data;
  work.invstd = views[TN_ARG__native_batch_norm_legit_functional_result2].data;
  work.mean_out = views[TN_ARG__native_batch_norm_legit_functional_running_mean_out].data;
  work.var_out = views[TN_ARG__native_batch_norm_legit_functional_running_var_out].data;
  return normalise(&work);
}

static tn_status no_training(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn__native_batch_norm_legit_no_training_attrs *attrs = attributes;
  job work = job_for(&views[TN_ARG__native_batch_norm_legit_no_training_input]);
  work.eps = attrs->eps;
  work.weight = data_or_null(&views[TN_ARG__native_batch_norm_legit_no_training_weight]);
  work.bias = data_or_null(&views[TN_ARG__native_batch_norm_legit_no_training_bias]);
  work.running_mean = views[TN_ARG__native_batch_norm_legit_no_training_running_mean].data;
  work.running_var = views[TN_ARG__native_batch_norm_legit_no_training_running_var].data;
  work.result = views[TN_ARG__native_batch_norm_legit_no_training_result].data;
  return normalise(&work);
}

// ---- backward ----------------------------------------------------------------------------------

// dx = g w invstd - (mean(g) + (x - mean) invstd^2 mean(g (x - mean))) w invstd when the batch
// normalised, else the first term alone.
static void backward_strips(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const double count = (double)work->samples * (double)work->space;
  for (int64_t index = begin; index < end; index++) {
    strip s = strip_at(work, index);
    double sums[STRIP] = {0}, products[STRIP] = {0}, a[STRIP], b[STRIP], c[STRIP];
    for (int64_t k = 0; k < s.count; k++) {
      const int64_t channel = s.first + k;
      s.mean[k] = work->loops->load(work->training ? work->mean : work->running_mean, channel);
      s.invstd[k] = work->training
                        ? work->loops->load(work->invstd, channel)
                        : 1 / sqrt(work->loops->load(work->running_var, channel) + work->eps);
    }
    for (int64_t n = 0; n < work->samples; n++) {
      const int64_t at = offset_of(work, &s, n);
      work->loops->plane_products(work->grad + at, work->input + at, s.count, work->space, s.mean,
                                  sums, products);
    }
    for (int64_t k = 0; k < s.count; k++) {
      const double invstd = s.invstd[k];
      a[k] = weight_of(work, s.first + k) * invstd;
      b[k] = work->training ? -a[k] * invstd * invstd * products[k] / count : 0;
      c[k] = work->training ? -a[k] * sums[k] / count : 0;
      if (work->grad_bias) work->loops->store(work->grad_bias, s.first + k, sums[k]);
      if (work->grad_weight) {
        work->loops->store(work->grad_weight, s.first + k, products[k] * invstd);
      }
    }
    if (work->grad_input == NULL) continue;
    for (int64_t n = 0; n < work->samples; n++) {
      const int64_t at = offset_of(work, &s, n);
      work->loops->plane_gradient(work->grad + at, work->input + at, work->grad_input + at, s.count,
                                  work->space, s.mean, a, b, c);
    }
  }
}

static tn_status backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn_native_batch_norm_backward_attrs *attrs = attributes;
  const int64_t *mask = attrs->output_mask.data;
  job work = job_for(&views[TN_ARG_native_batch_norm_backward_input]);
  work.training = attrs->train;
  work.eps = attrs->eps;
  work.grad = views[TN_ARG_native_batch_norm_backward_grad_out].data;
  work.weight = data_or_null(&views[TN_ARG_native_batch_norm_backward_weight]);
  work.running_mean = data_or_null(&views[TN_ARG_native_batch_norm_backward_running_mean]);
  work.running_var = data_or_null(&views[TN_ARG_native_batch_norm_backward_running_var]);
  work.mean = data_or_null(&views[TN_ARG_native_batch_norm_backward_save_mean]);
  work.invstd = data_or_null(&views[TN_ARG_native_batch_norm_backward_save_invstd]);
  if (mask[0] != 0) work.grad_input = views[TN_ARG_native_batch_norm_backward_result].data;
  if (mask[1] != 0) work.grad_weight = views[TN_ARG_native_batch_norm_backward_result1].data;
  if (mask[2] != 0) work.grad_bias = views[TN_ARG_native_batch_norm_backward_result2].data;
  cpu_parallel_for(strips_of(&work), cpu_grain(cost_of(&work)), backward_strips, &work);
  return TN_OK;
}

// ---- rows --------------------------------------------------------------------------------------

// |self| points at the body.
typedef struct body {
  cpu_wide_run run;
} body;

static body no_stats_body = {no_stats}, functional_body = {functional};
static body no_training_body = {no_training}, backward_body = {backward};

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  return cpu_run_wide(ctx, args, ((const body *)self)->run);
}

#define ROW(name, attrs_type, function)                                \
  {                                                                    \
    .op = name, .dtypes = TN_DTYPES_FLOATING, .rank = TN_RANK_GENERIC, \
    .layout = TN_LAYOUT_CONTIGUOUS, .flags = TN_ROW_DETERMINISTIC,     \
    .attrs_size = sizeof(attrs_type), .run = run, .self = &(function)  \
  }

const tn_kernel_row cpu_batch_norm_rows[] = {
    ROW("_native_batch_norm_legit.no_stats", tn__native_batch_norm_legit_no_stats_attrs,
        no_stats_body),
    ROW("_native_batch_norm_legit_functional", tn__native_batch_norm_legit_functional_attrs,
        functional_body),
    ROW("_native_batch_norm_legit_no_training", tn__native_batch_norm_legit_no_training_attrs,
        no_training_body),
    ROW("native_batch_norm_backward", tn_native_batch_norm_backward_attrs, backward_body),
};
const uint64_t cpu_batch_norm_row_count =
    sizeof cpu_batch_norm_rows / sizeof cpu_batch_norm_rows[0];
