// SPDX-License-Identifier: Apache-2.0
//
// reference: see reference.h. Plain loops over whole operands: right before fast.

#include "reference.h"

#include <stdlib.h>

int32_t reference_dim(int64_t dim, int32_t ndim) {
  if (ndim == 0) return 0;
  return (int32_t)(dim < 0 ? dim + ndim : dim);
}

uint32_t reference_dims(tn_ints dims, int32_t ndim) {
  uint32_t mask = 0;
  if (dims.count <= 0) return (1u << ndim) - 1;
  for (int64_t i = 0; i < dims.count; i++) mask |= 1u << reference_dim(dims.data[i], ndim);
  return ndim == 0 ? 0 : mask;
}

int32_t reference_reduced(const tn_operand *operand, uint32_t mask, bool keepdim, int64_t *sizes) {
  int32_t ndim = 0;
  for (int32_t d = 0; d < operand->ndim; d++) {
    bool reduced = ((mask >> d) & 1) != 0;
    if (reduced && !keepdim) continue;
    sizes[ndim++] = reduced ? 1 : operand->sizes[d];
  }
  return ndim;
}

double *reference_groups(const tn_operand *operand, uint32_t mask, int64_t *count) {
  int64_t index[TN_SPEC_MAX_DIMS];
  *count = 1;
  for (int32_t d = 0; d < operand->ndim; d++) {
    if ((mask >> d) & 1) *count *= operand->sizes[d];
  }
  double *groups = malloc(sizeof *groups * (size_t)(operand->numel + 1));
  for (int64_t p = 0; groups != NULL && p < operand->numel; p++) {
    int64_t group = 0, within = 0;
    tn_reference_unravel(p, operand->ndim, operand->sizes, index);
    for (int32_t d = 0; d < operand->ndim; d++) {
      int64_t *place = (mask >> d) & 1 ? &within : &group;
      *place = *place * operand->sizes[d] + index[d];
    }
    groups[group * *count + within] = operand->values[p];
  }
  return groups;
}

double *reference_like(tn_expected *expected, const tn_operand *operand, tn_dtype dtype) {
  return tn_expect(expected, dtype, operand->ndim, operand->sizes);
}

bool reference_is_whole(tn_dtype dtype) { return dtype == TN_BOOL || tn_dtype_is_integer(dtype); }

double reference_epsilon(tn_dtype dtype) {
  if (dtype == TN_F64 || dtype == TN_C128) return 0x1p-52;
  if (dtype == TN_F16) return 0x1p-10;
  return dtype == TN_BF16 ? 0x1p-7 : 0x1p-23;
}
