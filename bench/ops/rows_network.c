// SPDX-License-Identifier: Apache-2.0
//
// rows_network: what networks are made of.

#include "ops.h"

static void make_logits(tn_tensor **x) { x[0] = normal(TN_SHAPE(512, 1000), TN_F32); }

static void make_images(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(16, 32, 28, 28), TN_F32);
  x[1] = normal(TN_SHAPE(64, 32, 3, 3), TN_F32);
}

static void make_normalised(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(512, 1024), TN_F32);
  x[1] = normal(TN_SHAPE(1024), TN_F32);
  x[2] = normal(TN_SHAPE(1024), TN_F32);
}

static void make_channels(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(16, 32, 28, 28), TN_F32);
  x[1] = normal(TN_SHAPE(32), TN_F32);
  x[2] = normal(TN_SHAPE(32), TN_F32);
}

static void make_heads(tn_tensor **x) {
  for (int i = 0; i < 3; i++) x[i] = normal(TN_SHAPE(8, 8, 128, 64), TN_F32);
}

static tn_tensor *call_softmax(tn_tensor *const *x) { return tn_softmax(x[0], -1); }
static tn_tensor *call_softmax_0(tn_tensor *const *x) { return tn_softmax(x[0], 0); }
static tn_tensor *call_conv2d(tn_tensor *const *x) {
  return tn_conv2d(x[0], x[1], TN_NONE, .padding = TN_INTS(1));
}
static tn_tensor *call_max_pool2d(tn_tensor *const *x) { return tn_max_pool2d(x[0], TN_INTS(2)); }

static tn_tensor *call_layer_norm(tn_tensor *const *x) {
  return tn_layer_norm(x[0], TN_INTS(1024), x[1], x[2]);
}
static tn_tensor *call_batch_norm(tn_tensor *const *x) {
  return tn_batch_norm(x[0], x[1], x[2], TN_NONE, TN_NONE, true, 0.1, 1e-5, false);
}
static tn_tensor *call_upsample(tn_tensor *const *x) {
  return tn_upsample_bilinear2d(x[0], TN_INTS(56, 56), false);
}
static tn_tensor *call_attention(tn_tensor *const *x) {
  return tn_scaled_dot_product_attention(x[0], x[1], x[2], TN_NONE);
}

#define NETWORK "network"

static const op_row rows[] = {
    {"softmax.1", NETWORK, "softmax of [512, 1000] along dim 1", make_logits, call_softmax, NULL},
    {"softmax.0", NETWORK, "softmax of [512, 1000] along dim 0", make_logits, call_softmax_0, NULL},
    {"conv2d", NETWORK, "conv2d of [16, 32, 28, 28] by [64, 32, 3, 3]", make_images, call_conv2d,
     NULL},
    {"max_pool2d", NETWORK, "max_pool2d of [16, 32, 28, 28] by 2", make_images, call_max_pool2d,
     NULL},
    {"layer_norm", NETWORK, "layer_norm of [512, 1024]", make_normalised, call_layer_norm, NULL},
    {"batch_norm", NETWORK, "batch_norm of [16, 32, 28, 28], training", make_channels,
     call_batch_norm, NULL},
    {"upsample", NETWORK, "bilinear upsampling of [16, 32, 28, 28] by 2", make_channels,
     call_upsample, NULL},
    {"attention", NETWORK, "attention of 8 x 8 heads of [128, 64]", make_heads, call_attention,
     NULL},
};

const op_table network_table = OP_TABLE(rows);
