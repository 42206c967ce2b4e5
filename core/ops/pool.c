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
