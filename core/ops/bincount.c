// SPDX-License-Identifier: Apache-2.0
//
// bincount: how often each number occurs. As long as the greatest number asks for, so it is read
// before the counts are made.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// One more than the greatest element of |self|, which has none below 0.
static tn_status count_bins(tn_compose *compose, tn_tensor *self, int64_t *bins) {
  *bins = 0;
  if (self->numel == 0) return TN_OK;
  tn_tensor *least = tn_amin(self), *greatest = tn_amax(self);
  if (least == NULL || greatest == NULL) return tn__status_of(NULL);
  const int64_t lowest = tn_item_int(least), highest = tn_item_int(greatest);
  if (!tn_ok()) return tn__status_of(NULL);
  if (lowest < 0 || highest == INT64_MAX) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "it counts what is in [0, 2^63 - 1), not %" PRId64,
                        lowest < 0 ? lowest : highest);
  }
  *bins = highest + 1;
  return TN_OK;
}

static tn_status check_bincount(tn_compose *compose, const tn_tensor *self,
                                const tn_tensor *weights, int64_t minlength) {
  if (self->rank != 1) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self", "expected 1 dimension, not %d",
                        self->rank);
  }
  if (minlength < 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "minlength", "%" PRId64 " is negative",
                        minlength);
  }
  if (tn__is_none(weights)) return TN_OK;
  if (weights->rank != 1 || weights->numel != self->numel) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "weights", "expected self's shape");
  }
  if (!tn_dtype_is_complex(weights->dtype)) return TN_OK;
  return tn__op_error(compose->call, TN_INVALID_DTYPE, "weights", "not implemented for dtype %s",
                      tn_dtype_name(weights->dtype));
}

static tn_status bincount_compose(tn_compose *compose) {
  const tn_bincount_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *weights = compose->inputs[1];
  int64_t bins;
  TN_TRY(check_bincount(compose, self, weights, attrs->minlength));
  TN_TRY(count_bins(compose, self, &bins));
  if (bins < attrs->minlength) bins = attrs->minlength;
  const bool plain = tn__is_none(weights);
  const tn_dtype dtype = plain ? TN_I64 : weights->dtype == TN_F32 ? TN_F32 : TN_F64;
  tn_tensor *each = plain ? tn_expand(tn_ones(TN_SHAPE(1), .dtype = TN_I64, .device = self->device),
                                      tn_tensor_shape(self))
                          : tn_to(weights, weights->device, dtype);
  tn_tensor *zeros = tn_zeros(TN_SHAPE(bins), .dtype = dtype, .device = self->device);
  compose->results[0] = tn_index_add(zeros, 0, tn_to(self, self->device, TN_I64), each);
  return TN_OK;
}

/// result[i] = how often i occurs in self, or the sum of the weights where it does. self: 1-dim,
/// integer, nothing negative; weights: self's shape, any real dtype; minlength: not negative.
/// Returns [max(self's greatest + 1, minlength)] in int64, or with weights in float32 where they
/// are and float64 otherwise. No gradient. errors: INVALID_ARGUMENT for shapes, negative elements
/// and minlength; INVALID_DTYPE. source: ATen `bincount`.
const tn_op_def tn_op_bincount = {
    .schema = "bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor",
    .flags = TN_OP_NONDIFFERENTIABLE,
    .exempt = 1u << 1,
    .dtypes = TN_DTYPES_INTEGER,
    .compose = bincount_compose,
};
