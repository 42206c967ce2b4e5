// SPDX-License-Identifier: Apache-2.0
//
// rows_linear: linear algebra and transforms, where a library does the work on each side.

#include "ops.h"

static void make_square(tn_tensor **x) {
  x[0] = normal(TN_SHAPE(512, 512), TN_F32);
  x[1] = normal(TN_SHAPE(512, 512), TN_F32);
}

static tn_tensor *call_matmul(tn_tensor *const *x) { return tn_matmul(x[0], x[1]); }

#define LINEAR "linear algebra"

static const op_row rows[] = {
    {"matmul.512", LINEAR, "float32 [512, 512] by [512, 512]", make_square, call_matmul, NULL},
};

const op_table linear_table = OP_TABLE(rows);
