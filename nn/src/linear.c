// SPDX-License-Identifier: Apache-2.0
//
// linear: y = x weight^T + bias.

#include "call.h"
#include "layer.h"

#include <tenon/nn/layers.h>

typedef struct linear {
  tn__affine affine;
  int64_t in, out;
} linear;

static tn_tensor *linear_forward(tn_module *self, tn_tensor *input) {
  const linear *l = tn_module_state(self);
  return tn_linear(input, l->affine.weight, l->affine.bias);
}

static int linear_describe(const tn_module *self, char *text, size_t size) {
  const linear *l = tn_module_state(self);
  return snprintf(text, size, "%lld, %lld%s", (long long)l->in, (long long)l->out,
                  l->affine.bias == TN_NONE ? ", no bias" : "");
}

static const tn_module_type linear_type = {.name = "linear",
                                           .forward = linear_forward,
                                           .describe = linear_describe,
                                           .state_size = sizeof(linear)};

tn_module *tn_nn_linear_with(int64_t in, int64_t out, const tn_nn_linear_options *options) {
  tn_nn_linear_options o;
  tn__read_options(&o, sizeof o, options);
  if (tn__expect_positive("tn_nn_linear", "in", in) != TN_OK) return NULL;
  if (tn__expect_positive("tn_nn_linear", "out", out) != TN_OK) return NULL;
  tn_module *self = tn_module_create(&linear_type);
  if (self == NULL) return NULL;
  linear *l = tn_module_state(self);
  l->in = in;
  l->out = out;
  tn_ints shape = TN_SHAPE(out, in);
  return tn__layer_finish(self, tn__affine_add(self, &l->affine, shape, o.bias, o.dtype, o.device));
}
