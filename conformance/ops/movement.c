// SPDX-License-Identifier: Apache-2.0
//
// movement: reference and samples of operators that move elements; see movement.h.

#include "movement.h"

void movement_reference(const tn_sample *sample, tn_expected *expected) {
  const movement *row = sample->spec->data;
  const tn_operand *self = &sample->operands[0];
  int64_t sizes[TN_SPEC_MAX_DIMS] = {0}, index[TN_SPEC_MAX_DIMS], from[TN_SPEC_MAX_DIMS] = {0};
  int32_t ndim = row->shape(sample, sizes);
  double *out = tn_expect(expected, self->dtype, ndim, sizes);
  for (int64_t p = 0; out != NULL && p < tn_reference_numel(ndim, sizes); p++) {
    tn_reference_unravel(p, ndim, sizes, index);
    bool taken = row->source(sample, index, from);
    out[p] = taken ? self->values[tn_reference_ravel(self->ndim, self->sizes, from)] : 0;
  }
}

tn_sample *movement_of(tn_samples *samples, const char *name, tn_ints shape) {
  tn_sample *sample = tn_sample_add(samples, name, 0);
  tn_sample_tensor(sample, shape, tn_samples_dtype(samples), -8, 8);
  return sample;
}

tn_sample *movement_failing(tn_samples *samples, const char *name, tn_status status,
                            const char *argument, tn_ints shape) {
  tn_sample *sample = tn_sample_failing(samples, name, status, argument);
  tn_sample_tensor(sample, shape, tn_samples_dtype(samples), 0, 1);
  return sample;
}

void movement_slice(const tn_operand *operand, int32_t dim, int64_t start, int64_t step,
                    int64_t length, bool drop, tn_expected *expected) {
  int64_t sizes[TN_SPEC_MAX_DIMS], whole[TN_SPEC_MAX_DIMS], index[TN_SPEC_MAX_DIMS];
  int32_t ndim = 0;
  for (int32_t d = 0; d < operand->ndim; d++) {
    whole[d] = d == dim ? length : operand->sizes[d];
    if (d != dim || !drop) sizes[ndim++] = whole[d];
  }
  double *out = tn_expect(expected, operand->dtype, ndim, sizes);
  for (int64_t p = 0; out != NULL && p < tn_reference_numel(ndim, sizes); p++) {
    tn_reference_unravel(p, operand->ndim, whole, index);
    index[dim] = start + step * index[dim];
    out[p] = operand->values[tn_reference_ravel(operand->ndim, operand->sizes, index)];
  }
}
