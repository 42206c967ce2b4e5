// SPDX-License-Identifier: Apache-2.0
//
// as_strided: a view of any geometry that stays inside the storage. Its gradient works on the
// storage: every element of the result adds to the place it was read from, in a flat buffer over
// what input and result touch, and the input's own geometry then reads that buffer. Elements of
// the result may share a place; elements of the input may not, because nothing says how they
// would share a gradient.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// Both ends of a geometry as offsets in the storage. false on overflow.
static bool checked_ends(tn_ints sizes, tn_ints strides, int64_t offset, int64_t *low,
                         int64_t *high) {
  *low = *high = offset;
  for (int64_t d = 0; d < sizes.count; d++) {
    int64_t reach, *end = strides.data[d] < 0 ? low : high;
    if (sizes.data[d] == 0) return true;
    if (__builtin_mul_overflow(sizes.data[d] - 1, strides.data[d], &reach) ||
        __builtin_add_overflow(*end, reach, end)) {
      return false;
    }
  }
  return true;
}

static tn_status as_strided_infer(tn_infer *infer) {
  tn_as_strided_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[0];
  tn__result *result = &infer->results[0];
  int64_t numel, low, high;
  if (!attrs->storage_offset.present) attrs->storage_offset = TN_INT(self->offset);
  int64_t offset = attrs->storage_offset.value, count = attrs->size.count;
  if (count != attrs->stride.count || count > TN_MAX_DIMS) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "stride",
                        "%" PRId64 " sizes and %" PRId64
                        " strides; expected as many of one as of the other, at most %d",
                        count, attrs->stride.count, TN_MAX_DIMS);
  }
  TN_TRY(tn__checked_numel(infer->call, "size", attrs->size, &numel));
  bool inside = checked_ends(attrs->size, attrs->stride, offset, &low, &high);
  int64_t held =
      self->storage == NULL ? 0 : (int64_t)(self->storage->size_bytes / self->item_bytes);
  if (!inside || offset < 0 || offset > held || (numel > 0 && (low < 0 || high >= held))) {
    return tn__op_error(infer->call, TN_OUT_OF_RANGE, "size",
                        "the view from offset %" PRId64
                        " on leaves the storage, which holds %" PRId64 " elements",
                        offset, held);
  }
  result->rank = (int32_t)count;
  result->offset = offset;
  for (int64_t d = 0; d < count; d++) {
    result->sizes[d] = attrs->size.data[d];
    result->strides[d] = attrs->stride.data[d];
  }
  return TN_OK;
}

// Whether no two indices of a geometry name one place: each stride, from the smallest on, steps
// over all that the ones before it reach. Stricter than needed for a few exotic geometries.
static bool has_distinct_places(tn_ints sizes, tn_ints strides) {
  uint64_t reach = 0;
  uint32_t done = 0;
  for (int64_t round = 0; round < sizes.count; round++) {
    int64_t next = -1;
    uint64_t smallest = UINT64_MAX;
    for (int64_t d = 0; d < sizes.count; d++) {
      int64_t stride = strides.data[d];
      uint64_t step = stride < 0 ? -(uint64_t)stride : (uint64_t)stride;
      if (((done >> d) & 1u) != 0 || (next >= 0 && step >= smallest)) continue;
      next = d;
      smallest = step;
    }
    done |= 1u << next;
    if (sizes.data[next] == 0) return true;
    if (sizes.data[next] == 1) continue;
    if (smallest <= reach) return false;
    reach += smallest * (uint64_t)(sizes.data[next] - 1);
  }
  return true;
}

// The places of a geometry, less |low|, in row-major order.
static tn_tensor *places_of(tn_ints sizes, tn_ints strides, int64_t first, tn_device device) {
  tn_tensor *places = tn_full(TN_SHAPE_SCALAR, first, .dtype = TN_I64, .device = device);
  for (int64_t d = 0; d < sizes.count; d++) {
    tn_tensor *steps = tn_arange(sizes.data[d], .dtype = TN_I64, .device = device);
    places = tn_add(tn_unsqueeze(places, -1), tn_mul_scalar(steps, strides.data[d]));
  }
  return tn_reshape(places, TN_SHAPE(-1));
}

static tn_status as_strided_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_as_strided_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *grad = grad_out[0];
  tn_ints sizes = tn_vjp_input_sizes(vjp, 0), strides = tn_vjp_input_strides(vjp, 0);
  int64_t start = tn_vjp_input_offset(vjp, 0), numel = 1;
  for (int64_t d = 0; d < sizes.count; d++) numel *= sizes.data[d];
  if (!has_distinct_places(sizes, strides)) {
    return tn_error_set(TN_UNIMPLEMENTED,
                        "as_strided: no gradient for an input whose own elements share memory "
                        "(an expanded tensor); clone the input first");
  }
  if (tn_tensor_numel(grad) == 0 || numel == 0) {
    grad_in[0] = tn__zeros_beside(grad, sizes);
    return tn__status_of(grad_in[0]);
  }
  int64_t low, high, self_low, self_high, first = attrs->storage_offset.value;
  checked_ends(attrs->size, attrs->stride, first, &low, &high);
  checked_ends(sizes, strides, start, &self_low, &self_high);
  if (self_low < low) low = self_low;
  if (self_high > high) high = self_high;
  tn_tensor *places = places_of(attrs->size, attrs->stride, first - low, tn_tensor_device(grad));
  tn_tensor *buffer = tn__zeros_beside(grad, TN_SHAPE(high - low + 1));
  tn_tensor *flat = tn_reshape(grad, TN_SHAPE(-1));
  grad_in[0] = tn_as_strided(tn_index_add(buffer, 0, places, flat), sizes, strides,
                             .storage_offset = TN_INT(start - low));
  return tn__status_of(grad_in[0]);
}

/// A view of self's storage with the given sizes and strides (in elements, any sign), starting
/// storage_offset elements into the storage (absent: where self starts). Elements may overlap.
/// self: any dtype. errors: OUT_OF_RANGE where an element would lie outside of the storage;
/// INVALID_ARGUMENT for negative sizes or lists of two lengths. The gradient of an input whose own
/// elements share memory is UNIMPLEMENTED. source: ATen `as_strided`.
// clang-format off
const tn_op_def tn_op_as_strided = {
    .schema = "as_strided(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_VIEW | TN_OP_VJP_GEOMETRY,
    .infer = as_strided_infer,
    .vjp = as_strided_vjp,
};
