// SPDX-License-Identifier: Apache-2.0
//
// call_into: calls whose results go into tensors that exist: in-place and out forms, copies, casts
// and fills. The result is computed in the promoted dtype and cast back where that is allowed. An
// input that shares memory with a result, without being the very same view, is copied first, so
// that a call never reads what it has just written.

#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/ops.h>

#include "autograd.h"
#include "copy.h"
#include "op_ids.h"
#include "pinned.h"
#include "scope_impl.h"

// ---- raw helpers -------------------------------------------------------------------------------

// Runs operator |id| into |out|, unrecorded.
static tn_status run_into(int32_t id, tn_tensor *const *inputs, int32_t count, void *attrs,
                          tn_tensor *out) {
  tn__call call;
  tn__call_init(&call, &tn__op_table[id], inputs, count, attrs);
  call.given = &out;
  tn_status status = tn__call_run(&call);
  tn__call_end(&call);
  return status;
}

tn_status tn__cast_into(tn_tensor *self, tn_tensor *src) {
  if (self->numel == 0) return TN_OK;
  if (self->dtype == src->dtype && self->numel == src->numel && tn__is_contiguous(self) &&
      tn__is_contiguous(src)) {
    return tn__tensor_copy(self, src, false);
  }
  tn_tensor *spread = NULL;
  if (src->rank != self->rank ||
      memcmp(src->sizes, self->sizes, sizeof(int64_t) * self->rank) != 0) {
    int64_t strides[TN_MAX_DIMS];
    for (int32_t d = 0; d < self->rank; d++) {
      int32_t from = d - (self->rank - src->rank);
      strides[d] = from < 0 || src->sizes[from] == 1 ? 0 : src->strides[from];
    }
    spread = tn__tensor_on(src->storage, self->rank, self->sizes, strides, src->offset, src->dtype);
    if (spread == NULL) return TN_OUT_OF_MEMORY;
    src = spread;
  }
  tn__cast_attrs attrs = {.dtype = self->dtype};
  bool before = tn_grad_mode_set(false);
  tn_status status = run_into(TN__OP__cast, &src, 1, &attrs, self);
  tn_grad_mode_set(before);
  if (spread != NULL) tn__release_raw(spread);
  return status;
}

tn_tensor *tn__cast_raw(tn_tensor *self, tn_dtype dtype) {
  tn_tensor *out = tn__tensor_new(self->rank, self->sizes, dtype, self->device);
  if (out == NULL) return NULL;
  tn_status status;
  if (self->dtype == dtype && tn__is_contiguous(self)) {
    status = tn__tensor_copy(out, self, false);
  } else {
    status = tn__cast_into(out, self);
  }
  if (status == TN_OK) return out;
  tn__release_raw(out);
  return NULL;
}

tn_status tn__fill(tn_tensor *self, tn_scalar value) {
  tn_fill_Scalar_attrs attrs = {.value = value};
  bool before = tn_grad_mode_set(false);
  tn_status status = run_into(TN__OP_fill_Scalar, &self, 1, &attrs, self);
  tn_grad_mode_set(before);
  return status;
}

// ---- copies ------------------------------------------------------------------------------------

// What comes late to the host goes into pinned memory, where there is such.
static tn_tensor *moved_new(const tn_tensor *packed, tn_device device, bool non_blocking) {
  if (non_blocking && device.type == TN__DEVICE_TYPE_CPU &&
      tn__pinned_is_offered(packed->device.type)) {
    return tn__pinned_tensor(packed->rank, packed->sizes, packed->dtype, packed->device.type);
  }
  return tn__tensor_new(packed->rank, packed->sizes, packed->dtype, device);
}

// The elements of |self| on |device| as |dtype|, in new contiguous memory. Casts and compacts at
// the source; where the source has no kernel for that, at the destination.
static tn_tensor *to_copy_raw(tn_tensor *self, tn_device device, tn_dtype dtype,
                              bool non_blocking) {
  if (tn_device_equal(self->device, device)) return tn__cast_raw(self, dtype);
  bool ready = self->dtype == dtype && tn__is_contiguous(self);
  tn_tensor *packed = self;
  if (!ready && (tn_op_has_kernel("_cast", dtype, self->device) || !tn__is_contiguous(self))) {
    packed = tn__cast_raw(self, dtype);
    if (packed == NULL) return NULL;
  }
  // The host casts at once what it is to cast.
  bool late = non_blocking && (packed->dtype == dtype || device.type != TN__DEVICE_TYPE_CPU);
  tn_tensor *moved = moved_new(packed, device, late);
  if (moved != NULL && tn__tensor_copy(moved, packed, late) != TN_OK) {
    tn__release_raw(moved);
    moved = NULL;
  }
  if (packed != self) tn__release_raw(packed);
  if (moved == NULL || moved->dtype == dtype) return moved;
  tn_tensor *cast = tn__cast_raw(moved, dtype);
  tn__release_raw(moved);
  return cast;
}

tn_tensor *tn__to_copy(tn_tensor *self, tn_device device, tn_dtype dtype, bool non_blocking) {
  if (self == NULL || tn__device_resolve(&device) != TN_OK) return NULL;
  return tn__give(to_copy_raw(self, device, dtype, non_blocking));
}

static tn_tensor *check_new(tn_ints sizes, tn_dtype dtype, tn_device *device) {
  if (tn__device_resolve(device) != TN_OK) return NULL;
  if (sizes.count > TN_MAX_DIMS || sizes.count < 0) {
    tn__error(TN_INVALID_ARGUMENT, NULL, "a tensor has at most %d dimensions, not %lld",
              TN_MAX_DIMS, (long long)sizes.count);
    return NULL;
  }
  if (tn__numel((int32_t)sizes.count, sizes.data, tn_dtype_size(dtype)) < 0) {
    tn__error(TN_INVALID_ARGUMENT, NULL, "sizes are negative or their product overflows");
    return NULL;
  }
  return TN_NONE;
}

tn_tensor *tn__empty(tn_ints sizes, tn_dtype dtype, tn_device device) {
  if (check_new(sizes, dtype, &device) == NULL) return NULL;
  return tn__give(tn__tensor_new((int32_t)sizes.count, sizes.data, dtype, device));
}

tn_tensor *tn__empty_strided(tn_ints sizes, tn_ints strides, tn_dtype dtype, tn_device device) {
  if (check_new(sizes, dtype, &device) == NULL) return NULL;
  if (strides.count != sizes.count) {
    tn__error(TN_INVALID_ARGUMENT, NULL, "%lld strides for %lld sizes", (long long)strides.count,
              (long long)sizes.count);
    return NULL;
  }
  int64_t reach = 0;
  for (int64_t d = 0; d < sizes.count; d++) {
    int64_t step, stride = strides.data[d] < 0 ? -strides.data[d] : strides.data[d];
    if (stride < 0 || __builtin_mul_overflow(stride, sizes.data[d], &step) ||
        __builtin_add_overflow(reach, step, &reach) || reach > INT64_MAX / 32) {
      tn__error(TN_INVALID_ARGUMENT, NULL, "what the strides reach overflows");
      return NULL;
    }
  }
  return tn__give(
      tn__tensor_new_strided((int32_t)sizes.count, sizes.data, strides.data, dtype, device));
}

// ---- in place ----------------------------------------------------------------------------------

static bool same_view(const tn_tensor *a, const tn_tensor *b) {
  if (a == b) return true;
  return a->storage == b->storage && a->offset == b->offset && a->rank == b->rank &&
         a->dtype == b->dtype && memcmp(a->sizes, b->sizes, sizeof(int64_t) * a->rank) == 0 &&
         memcmp(a->strides, b->strides, sizeof(int64_t) * a->rank) == 0;
}

static bool overlaps(const tn_tensor *a, const tn_tensor *b) {
  if (a->storage == NULL || a->storage != b->storage) return false;
  int64_t a_low, a_high, b_low, b_high;
  tn__extent(a->rank, a->sizes, a->strides, &a_low, &a_high);
  tn__extent(b->rank, b->sizes, b->strides, &b_low, &b_high);
  if (a_high < a_low || b_high < b_low) return false;
  int64_t a_first = (a->offset + a_low) * a->item_bytes,
          b_first = (b->offset + b_low) * b->item_bytes;
  int64_t a_end = (a->offset + a_high + 1) * a->item_bytes,
          b_end = (b->offset + b_high + 1) * b->item_bytes;
  return a_first < b_end && b_first < a_end;
}

static int64_t step_of(const tn_tensor *tensor, int32_t d) {
  return tensor->strides[d] < 0 ? -tensor->strides[d] : tensor->strides[d];
}

// Whether two indices may name one element: a broadcast dimension, or windows that as_strided laid
// over each other. Taken from the smallest stride up, each must step over all that came before;
// what interleaves in a way that this does not see counts as overlapping.
static bool overlaps_itself(const tn_tensor *tensor) {
  if (tensor->numel <= 1 || tn__is_contiguous(tensor)) return false;
  int32_t order[TN_MAX_DIMS], count = 0;
  for (int32_t d = 0; d < tensor->rank; d++) {
    if (tensor->sizes[d] == 1) continue;
    int32_t at = count++;
    for (; at > 0 && step_of(tensor, order[at - 1]) > step_of(tensor, d); at--) {
      order[at] = order[at - 1];
    }
    order[at] = d;
  }
  int64_t reach = 0;
  for (int32_t i = 0; i < count; i++) {
    if (step_of(tensor, order[i]) <= reach) return true;
    reach += (tensor->sizes[order[i]] - 1) * step_of(tensor, order[i]);
  }
  return false;
}

// What an error calls the tensor to write.
static const char *written_name(const tn__call *call, const tn_tensor *out) {
  return call->input_count > 0 && call->inputs[0] == out ? "self" : "out";
}

static tn_status check_writable(tn__call *call, const tn_tensor *out) {
  if (out->storage->flags & TN__STORAGE_READ_ONLY) {
    return tn__op_error(call, TN_READ_ONLY, written_name(call, out),
                        "the memory of this tensor may not be written");
  }
  if (overlaps_itself(out)) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, written_name(call, out),
                        "several elements of the tensor to write are one, as in an expanded "
                        "tensor; clone it first");
  }
  return TN_OK;
}

static tn_status check_result(tn__call *call, const tn_tensor *out, const tn_tensor *value,
                              bool inplace) {
  if (!tn_device_equal(out->device, value->device)) {
    return tn__op_error(call, TN_DEVICE_MISMATCH, "out", "the result is on another device");
  }
  if (out->rank != value->rank ||
      memcmp(out->sizes, value->sizes, sizeof(int64_t) * out->rank) != 0) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, inplace ? "self" : "out",
                        "the result's shape is not that of the tensor to write");
  }
  if (!tn_can_cast(value->dtype, out->dtype)) {
    return tn__op_error(call, TN_INVALID_DTYPE, inplace ? "self" : "out",
                        "a result of %s cannot be written into %s", tn_dtype_name(value->dtype),
                        tn_dtype_name(out->dtype));
  }
  return TN_OK;
}

// Whether the kernel may write |outs| directly: known only after infer, so this asks what can be
// seen from outside: the same dtype and, for pointwise operators, no foreign overlap.
static bool may_write_directly(const tn__call *call, tn_tensor *const *outs, int32_t count) {
  const tn_op_def *def = call->op->def;
  bool runs = tn__runs_by_infer(def);
  if (!runs || (def->flags & (TN_OP_VIEW | TN_OP_DATA_SHAPE))) return false;
  bool aligned = (def->flags & TN_OP_POINTWISE) != 0;
  for (int32_t o = 0; o < count; o++) {
    for (int32_t i = 0; i < call->input_count; i++) {
      const tn_tensor *input = call->inputs[i];
      if (tn__is_none(input) || input->storage == NULL) continue;
      if (aligned && same_view(outs[o], input)) continue;
      if (overlaps(outs[o], input)) return false;
    }
  }
  return true;
}

// Computes results apart, then copies them in.
static tn_status run_apart(tn__call *call, tn_tensor *const *outs, int32_t count, bool inplace) {
  tn_status status = tn__call_run(call);
  if (status != TN_OK) return status;
  for (int32_t i = 0; i < count && status == TN_OK; i++) {
    status = check_result(call, outs[i], call->outs[i], inplace);
  }
  for (int32_t i = 0; i < count && status == TN_OK; i++) {
    status = tn__cast_into(outs[i], call->outs[i]);
  }
  for (int32_t i = 0; i < call->output_count; i++) {
    tn__release_raw(call->outs[i]);
    call->outs[i] = NULL;
  }
  return status;
}

// Writes the results of |call| into |outs|, unrecorded.
static tn_status run_unrecorded(tn__call *call, tn_tensor *const *outs, int32_t count,
                                bool inplace) {
  bool before = call->thread->grad_disabled;
  call->thread->grad_disabled = true;
  tn_status status;
  if (may_write_directly(call, outs, count)) {
    call->given = outs;
    status = tn__call_run(call);
    call->given = NULL;
  } else {
    status = run_apart(call, outs, count, inplace);
  }
  call->thread->grad_disabled = before;
  return status;
}

static bool wants_record(const tn__call *call) {
  if (call->thread->grad_disabled) return false;
  for (int32_t i = 0; i < call->input_count; i++) {
    if (tn__tracks(call->inputs[i])) return true;
  }
  return false;
}

// An operator without a gradient of its own, in place on what requires one: its parts are recorded,
// and their result is copied in.
static tn_status run_by_parts(tn__call *call, tn_tensor *self) {
  tn_status status = tn__call_run(call);
  if (status != TN_OK) return status;
  tn_tensor *value = call->outs[0];
  status = check_result(call, self, value, true);
  if (status == TN_OK) status = tn_copy_(self, value);
  tn__release_raw(value);
  call->outs[0] = NULL;
  return status;
}

// What |self| is before the call, for a gradient that reads it. Recorded, so that the call's node
// leads on to |self|'s history through the copy. Raw.
static tn_tensor *recorded_copy(tn_tensor *self) {
  tn_scope *scope = tn__tls.scope;
  tn_tensor *copy = tn_clone(self);
  if (copy != NULL && scope != NULL && !tn__scope_take(scope, copy)) tn__retain_raw(copy);
  return copy;
}

static tn_status run_recorded_inplace(tn__call *call, tn_tensor *self) {
  uint64_t before[TN__CALL_VIEWS];
  tn_tensor *inputs[TN__CALL_VIEWS], *old_self = NULL;
  int32_t counted = call->input_count < TN__CALL_VIEWS ? call->input_count : TN__CALL_VIEWS;
  for (int32_t i = 0; i < counted; i++) {
    const tn_tensor *input = inputs[i] = call->inputs[i];
    before[i] = tn__is_none(input) || input->storage == NULL ? 0 : tn_tensor_version(input);
  }
  uint32_t saves = counted == call->input_count ? tn__call_saves(call) : 0;
  for (int32_t i = 0; i < counted; i++) {
    if (call->inputs[i] != self || (saves & TN_SAVE_INPUT(i)) == 0) continue;
    if (old_self == NULL) old_self = recorded_copy(self);
    if (old_self == NULL) return tn_error_peek()->status;
    inputs[i] = old_self;
    before[i] = tn_tensor_version(old_self);
  }
  tn_status status = run_unrecorded(call, &self, 1, true);
  if (status == TN_OK) {
    tn__bump_version(self, call->op->name);
    call->outs[0] = self;
    call->output_count = 1;
    tn_tensor *const *given = call->inputs;
    if (old_self != NULL) call->inputs = inputs;
    status = tn__record_call(call, before);
    call->inputs = given;
  }
  if (old_self != NULL) tn__release_raw(old_self);
  return status;
}

static tn_status run_inplace(tn__call *call, tn_tensor *self) {
  const tn_op_def *def = call->op->def;
  if (call->op->run_id == TN__OP_copy && !wants_record(call)) {
    const tn_copy_attrs *attrs = call->attrs;
    return tn__copy_into(self, call->inputs[1], attrs->non_blocking);
  }
  if (!wants_record(call)) {
    tn_status status = run_unrecorded(call, &self, 1, true);
    if (status == TN_OK) tn__bump_version(self, call->op->name);
    return status;
  }
  tn_status status = tn__check_inplace(call, self);
  if (status != TN_OK) return status;
  if (def->vjp == NULL && def->compose != NULL) return run_by_parts(call, self);
  return run_recorded_inplace(call, self);
}

static tn_status check_out(tn__call *call, tn_tensor *out) {
  if (out == NULL || tn__is_none(out)) {
    if (out == NULL) tn__null_operand(call->op->name, "out");
    if (tn_ok()) tn__op_error(call, TN_INVALID_ARGUMENT, "out", "TN_NONE cannot be written");
    return tn_error_peek()->status;
  }
  return check_writable(call, out);
}

static tn_status run_out(tn__call *call, tn_tensor *const *outs, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    if (!call->thread->grad_disabled && (wants_record(call) || tn__tracks(outs[i]))) {
      return tn__op_error(call, TN_WRONG_STATE, "out",
                          "out forms record no gradient, and an operand requires one; use the form "
                          "that returns its result, or turn recording off");
    }
  }
  tn_status status = run_unrecorded(call, outs, count, false);
  for (int32_t i = 0; i < count && status == TN_OK; i++) tn__bump_version(outs[i], call->op->name);
  return status;
}

tn_status tn__call_into(int32_t id, tn_tensor *const *inputs, int32_t input_count, void *attrs,
                        tn_tensor *const *outs, int32_t out_count) {
  tn__call call;
  tn__call_init(&call, &tn__op_table[id], inputs, input_count, attrs);
  tn_status status = TN_OK;
  for (int32_t i = 0; i < input_count && status == TN_OK; i++) {
    if (inputs[i] == NULL) status = tn__absent_operand(&call, i);
  }
  for (int32_t i = 0; i < out_count && status == TN_OK; i++) status = check_out(&call, outs[i]);
  bool inplace = out_count == 1 && input_count > 0 && outs[0] == inputs[0];
  if (status == TN_OK) {
    status = inplace ? run_inplace(&call, outs[0]) : run_out(&call, outs, out_count);
  }
  tn__call_end(&call);
  return status;
}

// Writes |src| into |self| on the same device.
static tn_status copy_here(tn_tensor *self, tn_tensor *src) {
  if (!overlaps(self, src)) return tn__cast_into(self, src);
  tn_tensor *apart = tn__cast_raw(src, self->dtype);
  if (apart == NULL) return tn_error_peek()->status;
  tn_status status = tn__cast_into(self, apart);
  tn__release_raw(apart);
  return status;
}

// Writes |src| into |self| on another device: its bytes as they are where that will do, else a copy
// over there.
static tn_status copy_across(tn_tensor *self, tn_tensor *src, bool non_blocking) {
  bool same = self->dtype == src->dtype && self->numel == src->numel;
  if (same && tn__is_contiguous(self) && tn__is_contiguous(src)) {
    return tn__tensor_copy(self, src, non_blocking);
  }
  // The host reads the copy at once.
  bool late = non_blocking && self->device.type != TN__DEVICE_TYPE_CPU;
  tn_tensor *moved = to_copy_raw(src, self->device, self->dtype, late);
  if (moved == NULL) return tn_error_peek()->status;
  tn_status status = tn__cast_into(self, moved);
  tn__release_raw(moved);
  return status;
}

tn_status tn__copy_into(tn_tensor *self, tn_tensor *src, bool non_blocking) {
  if (self == NULL || src == NULL) {
    tn__null_operand("copy_", self == NULL ? "self" : "src");
    return tn_error_peek()->status;
  }
  if (tn__is_none(self) || tn__is_none(src)) {
    return tn__error(TN_INVALID_ARGUMENT,
                     &(tn__error_details){"copy_", tn__is_none(self) ? "self" : "src", NULL, NULL},
                     "copy_: argument '%s' is required, and was TN_NONE",
                     tn__is_none(self) ? "self" : "src");
  }
  int64_t shape[TN_MAX_DIMS];
  int32_t rank = tn_broadcast_shapes(tn_tensor_shape(self), tn_tensor_shape(src), shape);
  if (rank < 0) return TN_INVALID_ARGUMENT;
  if (rank != self->rank || memcmp(shape, self->sizes, sizeof(int64_t) * (uint64_t)rank) != 0) {
    return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){"copy_", "src", NULL, NULL},
                     "copy_: src does not broadcast to the shape of self");
  }
  if (self->storage->flags & TN__STORAGE_READ_ONLY) {
    return tn__error(TN_READ_ONLY, &(tn__error_details){"copy_", "self", NULL, NULL},
                     "copy_: the memory of self may not be written");
  }
  if (same_view(self, src)) return TN_OK;
  tn_status status = tn_device_equal(self->device, src->device)
                         ? copy_here(self, src)
                         : copy_across(self, src, non_blocking);
  if (status == TN_OK) tn__bump_version(self, "copy_");
  return status;
}
