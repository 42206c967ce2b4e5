// SPDX-License-Identifier: Apache-2.0
//
// nll_loss: the negative log likelihood of target classes, and its gradient. self [N, C] (or [C]),
// target [N] (or none), weight [C] or absent:
//   loss_i = -weight[t_i] * self[i, t_i]; 0 where t_i is ignore_index
//   total_weight = the sum of weight[t_i] over the rest
// Reduction 0 gives every loss_i, 1 their sum over total_weight (NaN where all are ignored), 2
// their sum. Sums are in double, in order. f16 and bf16 compute in f32.

#include <tenon/op_args.h>

#include "contiguous.h"
#include "indices.h"
#include "wide.h"

enum { REDUCE_NONE = 0, REDUCE_MEAN = 1 };

typedef struct loss {
  tn_dtype dtype;
  const void *self, *weight;  // weight may be NULL
  const int64_t *target;
  int64_t rows, classes, ignore_index;
} loss;

static double value_at(tn_dtype dtype, const void *data, int64_t i) {
  return dtype == TN_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void store_at(tn_dtype dtype, void *data, int64_t i, double value) {
  if (dtype == TN_F64) {
    ((double *)data)[i] = value;
  } else {
    ((float *)data)[i] = (float)value;
  }
}

static tn_status describe(tn_kernel_ctx *ctx, const tn_view *self, const tn_view *target,
                          const tn_view *weight, int64_t ignore_index, loss *described) {
  const bool single = self->rank < 2;
  described->dtype = self->dtype;
  described->self = self->data;
  described->weight = cpu_view_given(weight) ? weight->data : NULL;
  described->rows = single ? 1 : self->sizes[0];
  described->classes = self->rank == 0 ? 1 : self->sizes[self->rank - 1];
  described->ignore_index = ignore_index;
  return cpu_check_indices(ctx, target, described->classes, &ignore_index,
                           "the dimension of classes", &described->target);
}

static bool ignored(const loss *l, int64_t row) { return l->target[row] == l->ignore_index; }

static double weight_of(const loss *l, int64_t row) {
  return l->weight ? value_at(l->dtype, l->weight, l->target[row]) : 1.0;
}

// ---- forward -----------------------------------------------------------------------------------

static tn_status forward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_nll_loss_forward_attrs *attrs = attributes;
  const tn_view *output = &views[TN_ARG_nll_loss_forward_output];
  const tn_view *total = &views[TN_ARG_nll_loss_forward_total_weight];
  loss l;
  const tn_status status =
      describe(ctx, &views[TN_ARG_nll_loss_forward_self], &views[TN_ARG_nll_loss_forward_target],
               &views[TN_ARG_nll_loss_forward_weight], attrs->ignore_index, &l);
  if (status != TN_OK) return status;
  double sum = 0, total_weight = 0;
  for (int64_t i = 0; i < l.rows; i++) {
    double value = 0;
    if (!ignored(&l, i)) {
      const double weight = weight_of(&l, i);
      value = -weight * value_at(l.dtype, l.self, i * l.classes + l.target[i]);
      total_weight += weight;
    }
    sum += value;
    if (attrs->reduction == REDUCE_NONE) store_at(l.dtype, output->data, i, value);
  }
  if (attrs->reduction == REDUCE_NONE) {
    total_weight = 0;
  } else {
    const double reduced = attrs->reduction == REDUCE_MEAN ? sum / total_weight : sum;
    store_at(l.dtype, output->data, 0, reduced);
  }
  if (total->numel > 0) store_at(l.dtype, total->data, 0, total_weight);
  return TN_OK;
}

// ---- backward ----------------------------------------------------------------------------------

static tn_status backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  const tn_nll_loss_backward_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_nll_loss_backward_result];
  const tn_view *grad = &views[TN_ARG_nll_loss_backward_grad_output];
  const tn_view *total = &views[TN_ARG_nll_loss_backward_total_weight];
  loss l;
  const tn_status status =
      describe(ctx, &views[TN_ARG_nll_loss_backward_self], &views[TN_ARG_nll_loss_backward_target],
               &views[TN_ARG_nll_loss_backward_weight], attrs->ignore_index, &l);
  if (status != TN_OK) return status;
  if (result->numel == 0) return TN_OK;
  memset(result->data, 0, (size_t)(result->numel * tn_dtype_size(l.dtype)));
  double scale = 1;
  if (attrs->reduction == REDUCE_MEAN) scale = 1 / value_at(l.dtype, total->data, 0);
  for (int64_t i = 0; i < l.rows; i++) {
    if (ignored(&l, i)) continue;
    const int64_t from = attrs->reduction == REDUCE_NONE ? i : 0;
    const double factor = value_at(l.dtype, grad->data, from) * scale;
    store_at(l.dtype, result->data, i * l.classes + l.target[i], -weight_of(&l, i) * factor);
  }
  return TN_OK;
}

static tn_status run_forward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, forward);
}

static tn_status run_backward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, backward);
}

const tn_kernel_row cpu_nll_loss_rows[] = {
    {.op = "nll_loss_forward",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_nll_loss_forward_attrs),
     .run = run_forward},
    {.op = "nll_loss_backward",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_nll_loss_backward_attrs),
     .run = run_backward},
};
const uint64_t cpu_nll_loss_row_count = sizeof cpu_nll_loss_rows / sizeof cpu_nll_loss_rows[0];
