// SPDX-License-Identifier: Apache-2.0
//
// group_norm: native_group_norm and its backward form over [N, group, channels of a group, space].
// Statistics are those of one contiguous stretch, weights those of a plane of |space| elements.
// Groups are spread over threads; the sums of planes are kept until every sample has given its
// share to a channel's weight and bias. f16 and bf16 compute in f32 (wide.h).

#include <math.h>
#include <tenon/op_args.h>

#include "norm.h"
#include "wide.h"
#include "workspace.h"

typedef struct job {
  const cpu_norm_loops *loops;
  int64_t samples, groups, channels, space;  // channels: of a group
  int64_t size;                              // of an element
  double eps;
  const char *grad, *input, *weight, *bias;
  char *mean, *rstd, *result;
  double *factors;  // of each plane: forward mean, scale, shift; backward sums, products, a, b, c
  char *grad_weight, *grad_bias;
  bool wants_input;
} job;

static char *data_or_null(const tn_view *view) { return cpu_view_given(view) ? view->data : NULL; }

static double weight_of(const job *work, int64_t channel) {
  return work->weight == NULL ? 1 : work->loops->load(work->weight, channel);
}

static int64_t planes_of(const job *work) { return work->samples * work->groups * work->channels; }

static void forward_groups(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const int64_t channels = work->channels, length = channels * work->space;
  for (int64_t group = begin; group < end; group++) {
    const char *x = work->input + group * length * work->size;
    double mean = 0, squares = 0;
    work->loops->plane_sums(x, 1, length, &mean);
    mean /= (double)length;
    work->loops->plane_squares(x, 1, length, &mean, &squares);
    const double rstd = 1 / sqrt(squares / (double)length + work->eps);
    work->loops->store(work->mean, group, mean);
    work->loops->store(work->rstd, group, rstd);
    double *means = work->factors + group * channels, *scales = means + planes_of(work);
    double *shifts = scales + planes_of(work);
    for (int64_t c = 0; c < channels; c++) {
      const int64_t channel = group % work->groups * channels + c;
      means[c] = mean;
      scales[c] = rstd * weight_of(work, channel);
      shifts[c] = work->bias == NULL ? 0 : work->loops->load(work->bias, channel);
    }
    work->loops->plane_affine(x, work->result + group * length * work->size, channels, work->space,
                              means, scales, shifts);
  }
}

static tn_status forward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_native_group_norm_attrs *attrs = attributes;
  const tn_view *input = &views[TN_ARG_native_group_norm_input];
  job work = {.loops = cpu_norm_loops_for(input->dtype),
              .samples = attrs->N,
              .groups = attrs->group,
              .channels = attrs->C / attrs->group,
              .space = attrs->HxW,
              .size = tn_dtype_size(input->dtype),
              .eps = attrs->eps,
              .input = input->data,
              .weight = data_or_null(&views[TN_ARG_native_group_norm_weight]),
              .bias = data_or_null(&views[TN_ARG_native_group_norm_bias]),
              .result = views[TN_ARG_native_group_norm_result].data,
              .mean = views[TN_ARG_native_group_norm_result1].data,
              .rstd = views[TN_ARG_native_group_norm_result2].data};
  work.factors = cpu_scratch(ctx, 3 * planes_of(&work), sizeof(double));
  if (work.factors == NULL) return TN_OUT_OF_MEMORY;
  cpu_parallel_for(work.samples * work.groups, cpu_grain(4 * work.channels * work.space),
                   forward_groups, &work);
  return TN_OK;
}

// dx = g w rstd - (mean(g w) + (x - mean) rstd^2 mean(g w (x - mean))) rstd
static void backward_groups(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const int64_t channels = work->channels, length = channels * work->space;
  const int64_t planes = planes_of(work);
  for (int64_t group = begin; group < end; group++) {
    const int64_t at = group * length * work->size;
    double *sums = work->factors + group * channels, *products = sums + planes;
    double *means = products + planes, *a = means + planes, *b = a + planes, *c = b + planes;
    const double rstd = work->loops->load(work->rstd, group);
    double sum = 0, product = 0;
    for (int64_t k = 0; k < channels; k++) {
      sums[k] = products[k] = 0;
      means[k] = work->loops->load(work->mean, group);
    }
    work->loops->plane_products(work->grad + at, work->input + at, channels, work->space, means,
                                sums, products);
    for (int64_t k = 0; k < channels; k++) {
      const double weight = weight_of(work, group % work->groups * channels + k);
      sum += weight * sums[k];
      product += weight * products[k];
      a[k] = weight * rstd;
      products[k] *= rstd;
    }
    if (!work->wants_input) continue;
    for (int64_t k = 0; k < channels; k++) {
      b[k] = -rstd * rstd * rstd * product / (double)length;
      c[k] = -rstd * sum / (double)length;
    }
    work->loops->plane_gradient(work->grad + at, work->input + at, work->result + at, channels,
                                work->space, means, a, b, c);
  }
}

static void gather_parameters(const job *work) {
  const int64_t channels = work->groups * work->channels, planes = planes_of(work);
  for (int64_t channel = 0; channel < channels; channel++) {
    double sum = 0, product = 0;
    for (int64_t n = 0; n < work->samples; n++) {
      sum += work->factors[n * channels + channel];
      product += work->factors[planes + n * channels + channel];
    }
    if (work->grad_weight) work->loops->store(work->grad_weight, channel, product);
    if (work->grad_bias) work->loops->store(work->grad_bias, channel, sum);
  }
}

static tn_status backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_native_group_norm_backward_attrs *attrs = attributes;
  const tn_view *input = &views[TN_ARG_native_group_norm_backward_input];
  const int64_t *mask = attrs->output_mask.data;
  job work = {.loops = cpu_norm_loops_for(input->dtype),
              .samples = attrs->N,
              .groups = attrs->group,
              .channels = attrs->C / attrs->group,
              .space = attrs->HxW,
              .size = tn_dtype_size(input->dtype),
              .grad = views[TN_ARG_native_group_norm_backward_grad_out].data,
              .input = input->data,
              .weight = data_or_null(&views[TN_ARG_native_group_norm_backward_weight]),
              .mean = views[TN_ARG_native_group_norm_backward_mean].data,
              .rstd = views[TN_ARG_native_group_norm_backward_rstd].data,
              .result = views[TN_ARG_native_group_norm_backward_result].data,
              .wants_input = mask[0] != 0};
  if (mask[1] != 0) work.grad_weight = views[TN_ARG_native_group_norm_backward_result1].data;
  if (mask[2] != 0) work.grad_bias = views[TN_ARG_native_group_norm_backward_result2].data;
  work.factors = cpu_scratch(ctx, 6 * planes_of(&work), sizeof(double));
  if (work.factors == NULL) return TN_OUT_OF_MEMORY;
  cpu_parallel_for(work.samples * work.groups, cpu_grain(4 * work.channels * work.space),
                   backward_groups, &work);
  gather_parameters(&work);
  return TN_OK;
}

// ---- rows --------------------------------------------------------------------------------------

static tn_status run_forward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, forward);
}

static tn_status run_backward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, backward);
}

const tn_kernel_row cpu_group_norm_rows[] = {
    {.op = "native_group_norm",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_native_group_norm_attrs),
     .run = run_forward},
    {.op = "native_group_norm_backward",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_native_group_norm_backward_attrs),
     .run = run_backward},
};
const uint64_t cpu_group_norm_row_count =
    sizeof cpu_group_norm_rows / sizeof cpu_group_norm_rows[0];
