// SPDX-License-Identifier: Apache-2.0
//
// linalg: see linalg.h.

#include "linalg.h"

#include <inttypes.h>
#include <tenon/ops.h>

#include "tensor_impl.h"

tn_dtype tn__real_dtype(tn_dtype dtype) {
  return dtype == TN_C64 ? TN_F32 : dtype == TN_C128 ? TN_F64 : dtype;
}

tn_dtype tn__complex_dtype(tn_dtype dtype) {
  return dtype == TN_F32 ? TN_C64 : dtype == TN_F64 ? TN_C128 : dtype;
}

tn_status tn__expect_matrix(tn__call *call, const tn_tensor *tensor, const char *argument,
                            bool square) {
  if (tensor->rank < 2) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "expected matrices, at least 2 dimensions, not %d", (int)tensor->rank);
  }
  const int64_t rows = tensor->sizes[tensor->rank - 2], cols = tensor->sizes[tensor->rank - 1];
  if (square && rows != cols) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                        "the matrices must be square, not %" PRId64 " x %" PRId64, rows, cols);
  }
  return TN_OK;
}

tn_status tn__expect_matrices(tn_infer *infer, int32_t input, const char *argument) {
  return tn__expect_matrix(infer->call, infer->inputs[input], argument, false);
}

tn_status tn__expect_square(tn_infer *infer, int32_t input, const char *argument) {
  return tn__expect_matrix(infer->call, infer->inputs[input], argument, true);
}

tn_status tn__result_batched(tn_infer *infer, int32_t index, tn_ints core) {
  const tn_tensor *first = infer->inputs[0];
  int64_t sizes[TN_MAX_DIMS];
  const int32_t batch = first->rank - 2;
  for (int32_t d = 0; d < batch; d++) sizes[d] = first->sizes[d];
  for (int64_t d = 0; d < core.count; d++) sizes[batch + d] = core.data[d];
  return tn__result_shape(infer, index, tn_ints_of(sizes, batch + core.count));
}

tn_status tn__broadcast_batches(tn__call *call, const char *argument, const tn_tensor *a,
                                int32_t core_a, const tn_tensor *b, int32_t core_b, int64_t *sizes,
                                int32_t *rank) {
  const int32_t rank_a = a->rank - core_a, rank_b = b->rank - core_b;
  *rank = rank_a > rank_b ? rank_a : rank_b;
  for (int32_t d = 0; d < *rank; d++) {
    const int64_t in_a = d < rank_a ? a->sizes[rank_a - 1 - d] : 1;
    const int64_t in_b = d < rank_b ? b->sizes[rank_b - 1 - d] : 1;
    if (in_a != in_b && in_a != 1 && in_b != 1) {
      return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                          "the batch dimensions do not broadcast: %" PRId64 " and %" PRId64, in_a,
                          in_b);
    }
    sizes[*rank - 1 - d] = in_a == 1 ? in_b : in_a;
  }
  return TN_OK;
}

// ---- for composes and vjps

tn_tensor *tn__transposed(tn_tensor *matrices) { return tn_transpose(matrices, -2, -1); }

tn_tensor *tn__conjugated(tn_tensor *tensor) {
  if (tensor == NULL || !tn_dtype_is_complex(tn_tensor_dtype(tensor))) return tensor;
  tn_error_set(TN_UNIMPLEMENTED, "gradients of complex matrices need conj");
  return NULL;
}

tn_tensor *tn__real_part(tn_tensor *tensor) {
  if (tensor == NULL || !tn_dtype_is_complex(tn_tensor_dtype(tensor))) return tensor;
  tn_error_set(TN_UNIMPLEMENTED, "gradients of complex matrices need real");
  return NULL;
}

tn_tensor *tn__imaginary_part(tn_tensor *tensor) {
  if (tensor == NULL) return NULL;
  tn_error_set(TN_UNIMPLEMENTED, "gradients of complex matrices need imag");
  return NULL;
}

tn_tensor *tn__adjoint(tn_tensor *matrices) { return tn__conjugated(tn__transposed(matrices)); }

tn_tensor *tn__hermitian_part(tn_tensor *matrices) {
  return tn_mul_scalar(tn_add(matrices, tn__adjoint(matrices)), 0.5);
}

tn_tensor *tn__diagonal_matrix(tn_tensor *vectors) {
  if (vectors == NULL) return NULL;
  int64_t sizes[TN_MAX_DIMS], rank = vectors->rank;
  for (int64_t d = 0; d < rank; d++) sizes[d] = vectors->sizes[d];
  sizes[rank] = sizes[rank - 1];
  return tn_diagonal_backward(vectors, tn_ints_of(sizes, rank + 1), 0, -2, -1);
}

tn_tensor *tn__main_diagonal(tn_tensor *matrices) {
  return tn_diagonal(matrices, .dim1 = -2, .dim2 = TN_INT(-1));
}

tn_tensor *tn__scale_columns(tn_tensor *matrices, tn_tensor *vectors) {
  return tn_mul(matrices, tn_unsqueeze(vectors, -2));
}

tn_tensor *tn__inverse_gaps(tn_tensor *gaps) {
  if (gaps == NULL) return NULL;
  tn_tensor *same = tn_eye(gaps->sizes[gaps->rank - 1], .dtype = TN_BOOL, .device = gaps->device);
  tn_tensor *safe = tn_masked_fill_scalar(gaps, same, 1);
  return tn_masked_fill_scalar(tn_reciprocal(safe), same, 0);
}

tn_tensor *tn__sum_of(tn_tensor *a, tn_tensor *b) {
  if (a == TN_NONE) return b;
  return b == TN_NONE ? a : tn_add(a, b);
}
