// SPDX-License-Identifier: Apache-2.0
//
// reduction: the shapes and dtypes of reductions, and the shapes of their gradients; see
// reduction.h.

#include "reduction.h"

#include <tenon/ops.h>

static void reduce_results(tn_infer *infer, uint32_t mask, bool keepdim) {
  for (int32_t i = 0; i < infer->result_count; i++) {
    tn__result_reduced(&infer->results[i], infer->inputs[0], mask, keepdim);
  }
}

tn_status tn__infer_reduction(tn_infer *infer, tn_ints *dims, bool keepdim) {
  const int32_t rank = tn_tensor_ndim(infer->inputs[0]);
  uint32_t mask = 0;
  const tn_status status = tn__canonical_dims(infer->call, "dim", dims, rank, true, &mask);
  if (status == TN_OK) reduce_results(infer, mask, keepdim);
  return status;
}

tn_status tn__infer_reduction_dim(tn_infer *infer, int64_t *dim, bool keepdim) {
  const int32_t rank = tn_tensor_ndim(infer->inputs[0]);
  const tn_status status = tn__canonical_dim(infer->call, "dim", dim, rank);
  if (status == TN_OK) reduce_results(infer, UINT32_C(1) << *dim, keepdim);
  return status;
}

tn_status tn__infer_accumulation_dtype(tn_infer *infer, tn_dtype *dtype) {
  if (*dtype == TN_BOOL) {
    return tn__op_error(infer->call, TN_INVALID_DTYPE, "dtype", "cannot accumulate in bool");
  }
  if (*dtype == TN_DTYPE_NONE) {
    const tn_dtype self = tn_tensor_dtype(infer->inputs[0]);
    *dtype = tn_dtype_is_integer(self) || self == TN_BOOL ? TN_I64 : self;
  }
  infer->key = *dtype;
  infer->results[0].dtype = *dtype;
  return TN_OK;
}

tn_ints tn__reduced_dims(tn_ints dims) { return dims.count > 0 ? dims : TN_NO_DIMS; }

static bool is_reduced(tn_ints dims, int64_t dim) {
  if (dims.count <= 0) return true;
  for (int64_t i = 0; i < dims.count; i++) {
    if (dims.data[i] == dim) return true;
  }
  return false;
}

tn_tensor *tn__with_reduced_dims(tn_vjp *vjp, tn_tensor *tensor, tn_ints dims, bool keepdim) {
  const tn_ints input = tn_vjp_input_sizes(vjp, 0);
  if (keepdim || input.count == 0) return tensor;
  int64_t sizes[TN_MAX_DIMS];
  for (int64_t i = 0; i < input.count; i++) sizes[i] = is_reduced(dims, i) ? 1 : input.data[i];
  return tn_reshape(tensor, (tn_ints){sizes, input.count});
}

double tn__reduced_count(tn_vjp *vjp, tn_ints dims) {
  const tn_ints input = tn_vjp_input_sizes(vjp, 0);
  double count = 1;
  for (int64_t i = 0; i < input.count; i++) {
    if (is_reduced(dims, i)) count *= (double)input.data[i];
  }
  return count;
}
