// SPDX-License-Identifier: Apache-2.0
//
// batch_norm2d: y = (x - mean) / sqrt(variance + eps) * weight + bias, one mean and variance for
// each channel. In training the batch's biased variance normalises and its unbiased one goes into
// running_var, which the operator writes in place.

#include "call.h"
#include "layer.h"

#include <tenon/nn/init.h>
#include <tenon/nn/layers.h>

typedef struct batch_norm2d {
  tn_tensor *weight, *bias, *running_mean, *running_var;
  int64_t channels;
  double eps, momentum;
} batch_norm2d;

static tn_tensor *batch_norm2d_forward(tn_module *self, tn_tensor *input) {
  const batch_norm2d *b = tn_module_state(self);
  if (tn_tensor_ndim(input) != 4 || tn_tensor_size(input, 1) != b->channels) {
    tn_error_set(TN_INVALID_ARGUMENT,
                 "batch_norm2d: the input must be [N, %lld, H, W]; it has %d dimensions, of which "
                 "the second has size %lld",
                 (long long)b->channels, (int)tn_tensor_ndim(input),
                 (long long)tn_tensor_size(input, 1));
    return NULL;
  }
  bool training = tn_module_is_training(self);
  int64_t count = tn_tensor_numel(input) / b->channels;
  if (training && count < 2) {
    tn_error_set(TN_INVALID_ARGUMENT,
                 "batch_norm2d: training needs more than one value for each channel, and the "
                 "input has %lld",
                 (long long)count);
    return NULL;
  }
  return tn_batch_norm(input, b->weight, b->bias, b->running_mean, b->running_var, training,
                       b->momentum, b->eps, true);
}

static int batch_norm2d_describe(const tn_module *self, char *text, size_t size) {
  const batch_norm2d *b = tn_module_state(self);
  return snprintf(text, size, "%lld, eps %g, momentum %g", (long long)b->channels, b->eps,
                  b->momentum);
}

static const tn_module_type batch_norm2d_type = {.name = "batch_norm2d",
                                                 .forward = batch_norm2d_forward,
                                                 .describe = batch_norm2d_describe,
                                                 .state_size = sizeof(batch_norm2d)};

static tn_status add_filled(tn_module *self, bool is_parameter, const char *name, tn_tensor **slot,
                            double value, const tn_nn_batch_norm2d_options *o) {
  const batch_norm2d *b = tn_module_state(self);
  tn_ints shape = TN_SHAPE(b->channels);
  TN_TRY(tn__add_new_tensor(self, is_parameter, name, slot, shape, o->dtype, o->device));
  return tn_init_constant_(*slot, value);
}

static tn_status batch_norm2d_build(tn_module *self, const tn_nn_batch_norm2d_options *o) {
  batch_norm2d *b = tn_module_state(self);
  TN_TRY(tn__expect_positive("tn_nn_batch_norm2d", "channels", b->channels));
  if (!(b->momentum >= 0 && b->momentum <= 1) || !(b->eps > 0)) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "tn_nn_batch_norm2d: momentum must be in [0, 1] and is %g, eps must be "
                        "positive and is %g",
                        b->momentum, b->eps);
  }
  TN_TRY(add_filled(self, true, "weight", &b->weight, 1, o));
  TN_TRY(add_filled(self, true, "bias", &b->bias, 0, o));
  TN_TRY(add_filled(self, false, "running_mean", &b->running_mean, 0, o));
  return add_filled(self, false, "running_var", &b->running_var, 1, o);
}

tn_module *tn_nn_batch_norm2d_with(int64_t channels, const tn_nn_batch_norm2d_options *options) {
  tn_nn_batch_norm2d_options o;
  tn__read_options(&o, sizeof o, options);
  tn_module *self = tn_module_create(&batch_norm2d_type);
  if (self == NULL) return NULL;
  batch_norm2d *b = tn_module_state(self);
  b->channels = channels;
  b->eps = o.eps == 0 ? 1e-5 : o.eps;
  b->momentum = o.momentum.present ? o.momentum.value : 0.1;
  return tn__layer_finish(self, batch_norm2d_build(self, &o));
}
