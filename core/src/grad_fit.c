// SPDX-License-Identifier: Apache-2.0
//
// grad_fit: gradients in the shape of what they belong to. A vjp may leave its gradient as wide as
// the result, or narrower than the operand, and of another dtype: what was broadcast is summed,
// what was reduced is spread. A real operand takes the real part of a complex gradient: it has no
// imaginary direction to move in. Spreading makes no elements, only strides of 0; with recording on
// it goes through the operators, so that it has a gradient of its own.

#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/ops.h>

#include "autograd.h"

// Sums |grad| over what |target| was broadcast along. Dimensions of |grad| that are 1 stay 1.
static tn_tensor *sum_to(tn_tensor *grad, const tn__shape_record *target) {
  int64_t dims[TN_MAX_DIMS];
  int64_t count = 0;
  int32_t lead = grad->rank - target->rank;
  for (int32_t d = 0; d < grad->rank; d++) {
    bool extra = d < lead;
    bool was_one = !extra && d - lead >= 0 && target->sizes[d - lead] == 1 && grad->sizes[d] != 1;
    if (extra || was_one) dims[count++] = d;
  }
  if (count == 0) return grad;
  tn_tensor *sum = tn_sum_dim(grad, tn_ints_of(dims, count), .keepdim = true);
  if (sum == NULL || lead <= 0) return sum;
  return tn_view_shape(sum, tn_ints_of(sum->sizes + lead, target->rank));
}

// Whether |grad| broadcasts to |target|; then |strides| has 0 along what |target| has more of.
static bool spreads(const tn_tensor *grad, const tn__shape_record *target, int64_t *strides) {
  int32_t lead = target->rank - grad->rank;
  if (lead < 0 || grad->storage == NULL) return false;
  for (int32_t d = 0; d < target->rank; d++) {
    bool has = d >= lead;
    int64_t size = has ? grad->sizes[d - lead] : 1;
    if (size != 1 && size != target->sizes[d]) return false;
    strides[d] = size == 1 ? 0 : grad->strides[d - lead];
  }
  return true;
}

tn_tensor *tn__grad_fit(tn_tensor *grad, const tn__shape_record *target, const char *name) {
  bool same = grad->rank == target->rank &&
              memcmp(grad->sizes, target->sizes, sizeof(int64_t) * grad->rank) == 0;
  int64_t strides[TN_MAX_DIMS];
  if (!same && !tn_grad_mode() &&
      spreads(grad, target, strides)) {  // unrecorded, so without a call
    grad = tn__give(tn__tensor_on(grad->storage, target->rank, target->sizes, strides, grad->offset,
                                  grad->dtype));
    if (grad == NULL) return NULL;
  } else if (!same) {
    grad = sum_to(grad, target);
    if (grad != NULL) grad = tn_expand(grad, tn_ints_of(target->sizes, target->rank));
    if (grad == NULL) {
      tn__error_note(" [while fitting the gradient of '%s' to its operand]", name);
      return NULL;
    }
  }
  if (tn_dtype_is_complex(grad->dtype) && !tn_dtype_is_complex(target->dtype)) {
    grad = tn_real(grad);
    if (grad == NULL) return NULL;
  }
  bool numbers = grad->dtype == target->dtype;
  bool placed = tn_device_equal(grad->device, target->device);
  return numbers && placed ? grad : tn_to(grad, target->device, target->dtype);
}
