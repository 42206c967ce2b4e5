// SPDX-License-Identifier: Apache-2.0
//
// operands: what the rows are fed with.

#include "ops.h"

tn_tensor *normal(tn_ints shape, tn_dtype dtype) {
  tn_manual_seed(1);
  return tn_randn(shape, .dtype = dtype);
}

tn_tensor *positive(tn_ints shape, tn_dtype dtype) {
  tn_manual_seed(1);
  tn_tensor *x = tn_rand(shape, .dtype = dtype);
  return then_release(x, tn_add_scalar(x, 0.5));
}

tn_tensor *indices_below(tn_ints shape, int64_t size) {
  tn_manual_seed(1);
  return tn_randint(0, size, shape);
}

tn_tensor *then_release(tn_tensor *view, tn_tensor *result) {
  tn_release(view);
  return result;
}
