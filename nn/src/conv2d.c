// SPDX-License-Identifier: Apache-2.0
//
// conv2d: cross-correlation of images with a bank of kernels.

#include "call.h"
#include "layer.h"

#include <tenon/nn/layers.h>

typedef struct conv2d {
  tn__affine affine;
  int64_t in, out, groups;
  int64_t kernel[2], stride[2], padding[2], dilation[2];
} conv2d;

static tn_tensor *conv2d_forward(tn_module *self, tn_tensor *input) {
  const conv2d *c = tn_module_state(self);
  return tn_conv2d(input, c->affine.weight, c->affine.bias, .stride = {c->stride, 2},
                   .padding = {c->padding, 2}, .dilation = {c->dilation, 2}, .groups = c->groups);
}

static int conv2d_describe(const tn_module *self, char *text, size_t size) {
  const conv2d *c = tn_module_state(self);
  return snprintf(text, size, "%lld, %lld, kernel %lldx%lld, stride %lldx%lld, padding %lldx%lld%s",
                  (long long)c->in, (long long)c->out, (long long)c->kernel[0],
                  (long long)c->kernel[1], (long long)c->stride[0], (long long)c->stride[1],
                  (long long)c->padding[0], (long long)c->padding[1],
                  c->affine.bias == TN_NONE ? ", no bias" : "");
}

static const tn_module_type conv2d_type = {.name = "conv2d",
                                           .forward = conv2d_forward,
                                           .describe = conv2d_describe,
                                           .state_size = sizeof(conv2d)};

static tn_status check_channels(const conv2d *c) {
  TN_TRY(tn__expect_positive("tn_nn_conv2d", "in", c->in));
  TN_TRY(tn__expect_positive("tn_nn_conv2d", "out", c->out));
  TN_TRY(tn__expect_positive("tn_nn_conv2d", "groups", c->groups));
  if (c->in % c->groups == 0 && c->out % c->groups == 0) return TN_OK;
  return tn_error_set(TN_INVALID_ARGUMENT,
                      "tn_nn_conv2d: in (%lld) and out (%lld) must be multiples of groups (%lld)",
                      (long long)c->in, (long long)c->out, (long long)c->groups);
}

static tn_status conv2d_build(tn_module *self, tn_ints kernel, const tn_nn_conv2d_options *o) {
  conv2d *c = tn_module_state(self);
  TN_TRY(check_channels(c));
  TN_TRY(tn__read_pair("tn_nn_conv2d", "kernel", kernel, 0, 1, c->kernel));
  TN_TRY(tn__read_pair("tn_nn_conv2d", "stride", o->stride, 1, 1, c->stride));
  TN_TRY(tn__read_pair("tn_nn_conv2d", "padding", o->padding, 0, 0, c->padding));
  TN_TRY(tn__read_pair("tn_nn_conv2d", "dilation", o->dilation, 1, 1, c->dilation));
  tn_ints shape = TN_SHAPE(c->out, c->in / c->groups, c->kernel[0], c->kernel[1]);
  return tn__affine_add(self, &c->affine, shape, o->bias, o->dtype, o->device);
}

tn_module *tn_nn_conv2d_with(int64_t in, int64_t out, tn_ints kernel,
                             const tn_nn_conv2d_options *options) {
  tn_nn_conv2d_options o;
  tn__read_options(&o, sizeof o, options);
  tn_module *self = tn_module_create(&conv2d_type);
  if (self == NULL) return NULL;
  conv2d *c = tn_module_state(self);
  c->in = in;
  c->out = out;
  c->groups = o.groups == 0 ? 1 : o.groups;
  return tn__layer_finish(self, conv2d_build(self, kernel, &o));
}
