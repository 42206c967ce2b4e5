// SPDX-License-Identifier: Apache-2.0
//
// rows_network: what networks are made of.

#include "ops.h"

static void make_logits(tn_tensor **x) { x[0] = normal(TN_SHAPE(512, 1000), TN_F32); }

static void make_images(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(16, 32, 28, 28), TN_F32);
  x[1] = normal(TN_SHAPE(64, 32, 3, 3), TN_F32);
}

static tn_tensor *call_softmax(tn_tensor *const *x) { return tn_softmax(x[0], -1); }
static tn_tensor *call_softmax_0(tn_tensor *const *x) { return tn_softmax(x[0], 0); }
static tn_tensor *call_conv2d(tn_tensor *const *x) {
  return tn_conv2d(x[0], x[1], TN_NONE, .padding = TN_INTS(1));
}
static tn_tensor *call_max_pool2d(tn_tensor *const *x) { return tn_max_pool2d(x[0], TN_INTS(2)); }

#define NETWORK "network"

static const op_row rows[] = {
    {"softmax.1", NETWORK, "softmax of [512, 1000] along dim 1", make_logits, call_softmax, NULL},
    {"softmax.0", NETWORK, "softmax of [512, 1000] along dim 0", make_logits, call_softmax_0, NULL},
    {"conv2d", NETWORK, "conv2d of [16, 32, 28, 28] by [64, 32, 3, 3]", make_images, call_conv2d,
     NULL},
    {"max_pool2d", NETWORK, "max_pool2d of [16, 32, 28, 28] by 2", make_images, call_max_pool2d,
     NULL},
};

const op_table network_table = OP_TABLE(rows);
