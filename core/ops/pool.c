// SPDX-License-Identifier: Apache-2.0
//
// pool: see pool.h.

#include "pool.h"

#include <inttypes.h>

#include "shapes.h"
#include "tensor_impl.h"

tn_status tn__pool_pairs(tn_compose *compose, const tn_ints lists[3], int64_t pairs[][2]) {
  static const char *const names[] = {"kernel_size", "stride", "padding"};
  const tn_tensor *self = compose->inputs[0];
  if (self->rank != 2 && self->rank != 3) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "expected 3 dimensions, or 2 for one sample, not %d", (int)self->rank);
  }
  for (int i = 0; i < 3; i++) {
    bool defaults = i > 0 && lists[i].count <= 0;
    if (!defaults && lists[i].count != 1) {
      return tn__op_error(compose->call, TN_INVALID_ARGUMENT, names[i],
                          "expected 1 integer, not %" PRId64, lists[i].count);
    }
    pairs[i][0] = i == 2 ? 0 : 1;
    pairs[i][1] = !defaults ? lists[i].data[0] : i == 1 ? pairs[0][1] : 0;
  }
  return TN_OK;
}

tn_status tn__pool_sizes(tn_infer *infer, int32_t input, int32_t spatial, const tn__pool *pool,
                         int64_t *sizes) {
  tn__call *call = infer->call;
  const tn_tensor *self = infer->inputs[input];
  TN_TRY(tn__expect_rank(infer, input, "self", spatial + 1, spatial + 2));
  TN_TRY(tn__expand_list(call, "kernel_size", pool->kernel, spatial, NULL));
  TN_TRY(tn__expand_list(call, "stride", pool->stride, spatial, pool->kernel->data));
  TN_TRY(tn__expand_list(call, "padding", pool->padding, spatial, NULL));
  TN_TRY(tn__expect_at_least(call, "kernel_size", *pool->kernel, 1));
  TN_TRY(tn__expect_at_least(call, "stride", *pool->stride, 1));
  TN_TRY(tn__expect_at_least(call, "padding", *pool->padding, 0));
  if (pool->dilation != NULL) {
    TN_TRY(tn__expand_list(call, "dilation", pool->dilation, spatial, NULL));
    TN_TRY(tn__expect_at_least(call, "dilation", *pool->dilation, 1));
  }
  int32_t first = self->rank - spatial;
  for (int32_t d = 0; d < first; d++) sizes[d] = self->sizes[d];
  for (int32_t d = 0; d < spatial; d++) {
    tn__window window = {pool->kernel->data[d], pool->stride->data[d], pool->padding->data[d],
                         pool->dilation == NULL ? 1 : pool->dilation->data[d]};
    if (window.padding > window.kernel / 2) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, "padding",
                          "%" PRId64 " is more than half of the kernel's %" PRId64, window.padding,
                          window.kernel);
    }
    TN_TRY(tn__window_places(call, "self", d, self->sizes[first + d], window, pool->ceil_mode,
                             &sizes[first + d]));
  }
  return TN_OK;
}
