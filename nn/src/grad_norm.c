// SPDX-License-Identifier: Apache-2.0
//
// grad_norm: the length of all gradients taken as one vector, and a limit on it.

#include <math.h>

#include "call.h"
#include "optim.h"

// Adds up on the device, so that there is one transfer, not one for each parameter.
static tn_status measure_norm(tn_tensors parameters, double *norm) {
  tn_tensor *total = NULL;
  *norm = 0;
  for (int64_t i = 0; i < parameters.count; i++) {
    tn_tensor *grad = tn_tensor_grad(parameters.data[i]);
    if (grad == NULL) continue;
    tn_tensor *squares = tn_sum(tn_square(grad));
    total = total == NULL ? squares : tn_add(total, squares);
    TN_TRY(tn__status_of(total));
  }
  if (total == NULL) return TN_OK;
  double square = tn_item(total);
  if (!isfinite(square)) {
    return tn_error_set(TN_WRONG_STATE, "tn_clip_grad_norm: the norm of the gradients is %g",
                        square);
  }
  *norm = sqrt(square);
  return TN_OK;
}

static tn_status scale_grads(tn_tensors parameters, double factor) {
  for (int64_t i = 0; i < parameters.count; i++) {
    tn_tensor *grad = tn_tensor_grad(parameters.data[i]);
    if (grad != NULL) TN_TRY(tn_mul_scalar_(grad, factor));
  }
  return TN_OK;
}

tn_status tn_clip_grad_norm(tn_tensors parameters, double max_norm, double *norm) {
  double measured = 0;
  if (norm != NULL) *norm = 0;
  if (!(max_norm > 0)) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "tn_clip_grad_norm: max_norm must be positive, and is %g", max_norm);
  }
  tn__unrecorded section;
  tn_status status = tn__unrecorded_open(&section);
  if (status == TN_OK) status = measure_norm(parameters, &measured);
  if (status == TN_OK && measured > max_norm) {
    status = scale_grads(parameters, max_norm / measured);
  }
  tn__unrecorded_close(&section);
  if (norm != NULL) *norm = measured;
  return status;
}
