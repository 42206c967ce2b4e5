// SPDX-License-Identifier: Apache-2.0
//
// norm: see norm.h. Everything that computes here is written with public operators, so that
// gradients have gradients.

#include "norm.h"

#include <inttypes.h>
#include <string.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static bool has_shape(const tn_tensor *tensor, tn_ints shape) {
  return tensor->rank == shape.count &&
         memcmp(tensor->sizes, shape.data, sizeof(int64_t) * (size_t)shape.count) == 0;
}

tn_status tn__expect_norm_operand(tn_infer *infer, int32_t input, const char *argument,
                                  tn_ints shape) {
  const tn_tensor *tensor = infer->inputs[input];
  if (tn__is_none(tensor)) return TN_OK;
  if (tensor->dtype != infer->key && tensor->dtype != tn__statistics_dtype(infer->key)) {
    return tn__op_error(
        infer->call, TN_INVALID_DTYPE, argument, "expected %s%s%s, not %s",
        tn_dtype_name(infer->key), tn_dtype_in(infer->key, TN_DTYPES_HALF) ? " or " : "",
        tn_dtype_in(infer->key, TN_DTYPES_HALF) ? "float32" : "", tn_dtype_name(tensor->dtype));
  }
  if (has_shape(tensor, shape)) return TN_OK;
  if (shape.count == 1) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, argument, "expected [%" PRId64 "]",
                        shape.data[0]);
  }
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, argument,
                      "its shape does not fit the input and what is normalised");
}

tn_status tn__expect_norm_mask(tn__call *call, tn_ints mask) {
  if (mask.count == 3) return TN_OK;
  return tn__op_error(call, TN_INVALID_ARGUMENT, "output_mask",
                      "expected 3 truth values, not %" PRId64, mask.count);
}

tn_tensor *tn__in_dtype(tn_tensor *tensor, tn_dtype dtype) {
  if (tensor == NULL || tn__is_none(tensor) || tensor->dtype == dtype) return tensor;
  return tn_to(tensor, tn_tensor_device(tensor), dtype);
}

tn__normal tn__normalise(tn_tensor *input, tn_ints dims, double eps) {
  tn__normal n;
  n.mean = tn_mean_dim(input, dims, .keepdim = true);
  tn_tensor *centred = tn_sub(input, n.mean);
  n.variance = tn_mean_dim(tn_square(centred), dims, .keepdim = true);
  n.rstd = tn_rsqrt(tn_add_scalar(n.variance, eps));
  n.normal = tn_mul(centred, n.rstd);
  return n;
}

tn_tensor *tn__norm_affine(tn_tensor *normal, tn_tensor *weight, tn_tensor *bias, tn_dtype dtype) {
  if (weight != TN_NONE) normal = tn_mul(normal, weight);
  if (bias != TN_NONE) normal = tn_add(normal, bias);
  return tn__in_dtype(normal, dtype);
}

tn_tensor *tn__norm_input_gradient(tn_tensor *grad, tn_tensor *normal, tn_tensor *rstd,
                                   tn_ints dims) {
  tn_tensor *mean = tn_mean_dim(grad, dims, .keepdim = true);
  tn_tensor *slope = tn_mean_dim(tn_mul(grad, normal), dims, .keepdim = true);
  return tn_mul(tn_sub(tn_sub(grad, mean), tn_mul(normal, slope)), rstd);
}

tn_tensor *tn__norm_statistics_gradient(tn_tensor *input, tn_tensor *mean, tn_tensor *rstd,
                                        tn_tensor *grad_mean, tn_tensor *grad_rstd, double count) {
  tn_tensor *sum = TN_NONE;
  if (grad_mean != TN_NONE) {
    tn_tensor *share = tn_mul_scalar(grad_mean, 1 / count);
    sum = tn_expand(share, tn_tensor_shape(input));
  }
  if (grad_rstd == TN_NONE) return sum;
  tn_tensor *slope = tn_mul(grad_rstd, tn_pow_scalar(rstd, 3));
  tn_tensor *through = tn_mul(tn_mul_scalar(slope, -1 / count), tn_sub(input, mean));
  return tn__sum_of_gradients(sum, through);
}

tn_tensor *tn__sum_of_gradients(tn_tensor *a, tn_tensor *b) {
  if (a == TN_NONE) return b;
  return b == TN_NONE ? a : tn_add(a, b);
}

tn_status tn__put_norm_gradient(tn_compose *compose, int32_t k, tn_ints mask, tn_tensor *gradient,
                                tn_dtype dtype) {
  const tn_tensor *like = compose->inputs[0];
  compose->results[k] =
      mask.data[k] != 0 ? tn__in_dtype(gradient, dtype)
                        : tn_empty(TN_SHAPE(0), .dtype = dtype, .device = tn_tensor_device(like));
  return tn__status_of(compose->results[k]);
}
