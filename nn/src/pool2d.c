// SPDX-License-Identifier: Apache-2.0
//
// pool2d: the largest or the mean value of each window of an image.

#include "call.h"
#include "layer.h"

#include <tenon/nn/layers.h>

typedef struct pool2d {
  int64_t kernel[2], stride[2], padding[2];
  bool ceil_mode;
} pool2d;

static tn_tensor *max_pool2d_forward(tn_module *self, tn_tensor *input) {
  const pool2d *p = tn_module_state(self);
  return tn_max_pool2d(input, ((tn_ints){p->kernel, 2}), .stride = {p->stride, 2},
                       .padding = {p->padding, 2}, .ceil_mode = p->ceil_mode);
}

static tn_tensor *avg_pool2d_forward(tn_module *self, tn_tensor *input) {
  const pool2d *p = tn_module_state(self);
  return tn_avg_pool2d(input, ((tn_ints){p->kernel, 2}), .stride = {p->stride, 2},
                       .padding = {p->padding, 2}, .ceil_mode = p->ceil_mode);
}

static int pool2d_describe(const tn_module *self, char *text, size_t size) {
  const pool2d *p = tn_module_state(self);
  return snprintf(text, size, "kernel %lldx%lld, stride %lldx%lld, padding %lldx%lld",
                  (long long)p->kernel[0], (long long)p->kernel[1], (long long)p->stride[0],
                  (long long)p->stride[1], (long long)p->padding[0], (long long)p->padding[1]);
}

static const tn_module_type max_pool2d_type = {.name = "max_pool2d",
                                               .forward = max_pool2d_forward,
                                               .describe = pool2d_describe,
                                               .state_size = sizeof(pool2d)};
static const tn_module_type avg_pool2d_type = {.name = "avg_pool2d",
                                               .forward = avg_pool2d_forward,
                                               .describe = pool2d_describe,
                                               .state_size = sizeof(pool2d)};

static tn_status pool2d_build(pool2d *p, const char *layer, tn_ints kernel,
                              const tn_nn_pool2d_options *o) {
  TN_TRY(tn__read_pair(layer, "kernel", kernel, 0, 1, p->kernel));
  tn_ints stride = o->stride.count == 0 ? (tn_ints){p->kernel, 2} : o->stride;
  TN_TRY(tn__read_pair(layer, "stride", stride, 0, 1, p->stride));
  p->ceil_mode = o->ceil_mode;
  return tn__read_pair(layer, "padding", o->padding, 0, 0, p->padding);
}

static tn_module *pool2d_create(const tn_module_type *type, const char *layer, tn_ints kernel,
                                const tn_nn_pool2d_options *options) {
  tn_nn_pool2d_options o;
  tn__read_options(&o, sizeof o, options);
  tn_module *self = tn_module_create(type);
  if (self == NULL) return NULL;
  return tn__layer_finish(self, pool2d_build(tn_module_state(self), layer, kernel, &o));
}

tn_module *tn_nn_max_pool2d_with(tn_ints kernel, const tn_nn_pool2d_options *options) {
  return pool2d_create(&max_pool2d_type, "tn_nn_max_pool2d", kernel, options);
}

tn_module *tn_nn_avg_pool2d_with(tn_ints kernel, const tn_nn_pool2d_options *options) {
  return pool2d_create(&avg_pool2d_type, "tn_nn_avg_pool2d", kernel, options);
}
