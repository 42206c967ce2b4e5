// SPDX-License-Identifier: Apache-2.0
//
// tensor_data: elements on their way to the host, and tensors on their way between devices and
// dtypes.

#include <math.h>
#include <string.h>
#include <tenon/autograd.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/ops.h>

#include "copy.h"
#include "dispatch.h"
#include "scalar.h"

tn_scalar tn_item_scalar(const tn_tensor *tensor) {
  tn_scalar zero = tn_scalar_int(0);
  if (tn__is_absent(tensor)) {
    if (tensor == NULL) tn__null_operand("tn_item", "tensor");
    if (tn_ok()) tn__error(TN_INVALID_ARGUMENT, NULL, "tn_item: TN_NONE has no value");
    return zero;
  }
  if (tensor->numel != 1) {
    tn__error(TN_INVALID_ARGUMENT, NULL, "tn_item: the tensor has %lld elements, not one",
              (long long)tensor->numel);
    return zero;
  }
  _Alignas(16) char element[16];
  if (tn__tensor_read(tensor, element, tensor->item_bytes) != TN_OK) return zero;
  return tn__scalar_load(element, tensor->dtype);
}

double tn_item(const tn_tensor *tensor) {
  tn_scalar value = tn_item_scalar(tensor);
  switch (value.kind) {
    case TN_SCALAR_FLOAT:
      return value.as.f;
    case TN_SCALAR_UINT:
      return (double)value.as.u;
    case TN_SCALAR_COMPLEX:
      if (value.as.c.imag == 0) return value.as.c.real;
      tn__error(TN_INVALID_ARGUMENT, NULL, "tn_item: the value is complex; use tn_item_scalar");
      return 0;
    default:
      return (double)value.as.i;
  }
}

int64_t tn_item_int(const tn_tensor *tensor) {
  tn_scalar value = tn_item_scalar(tensor);
  if (value.kind == TN_SCALAR_INT || value.kind == TN_SCALAR_BOOL) return value.as.i;
  double number = value.kind == TN_SCALAR_FLOAT  ? value.as.f
                  : value.kind == TN_SCALAR_UINT ? (double)value.as.u
                                                 : NAN;
  if (number == floor(number) && fabs(number) < 0x1p63) return (int64_t)number;
  tn__error(TN_INVALID_ARGUMENT, NULL, "tn_item_int: the value %g is not an integer that fits",
            number);
  return 0;
}

// |count| elements of |size| bytes, |step| bytes apart, one behind the other.
static void pack_row(char *out, const char *row, int64_t count, int64_t step, size_t size) {
  switch (size) {
    case 1:
      for (int64_t i = 0; i < count; i++) out[i] = row[i * step];
      break;
    case 4:
      for (int64_t i = 0; i < count; i++) memcpy(out + 4 * i, row + i * step, 4);
      break;
    case 8:
      for (int64_t i = 0; i < count; i++) memcpy(out + 8 * i, row + i * step, 8);
      break;
    default:
      for (int64_t i = 0; i < count; i++) memcpy(out + (int64_t)size * i, row + i * step, size);
  }
}

// The elements of a strided tensor of rank 1 or more in host memory, row-major. Moving them needs
// no provider.
static void pack(const tn_tensor *tensor, char *out) {
  const int32_t last = tensor->rank - 1;
  const int64_t size = tensor->item_bytes, row_bytes = tensor->sizes[last] * size;
  int64_t index[TN_MAX_DIMS] = {0};
  const char *row = tensor->data;
  for (int32_t dim = last; dim >= 0; out += row_bytes) {
    pack_row(out, row, tensor->sizes[last], tensor->strides[last] * size, tensor->item_bytes);
    for (dim = last - 1; dim >= 0; dim--) {
      row += tensor->strides[dim] * size;
      if (++index[dim] < tensor->sizes[dim]) break;
      row -= tensor->sizes[dim] * tensor->strides[dim] * size;
      index[dim] = 0;
    }
  }
}

tn_status tn_copy_to_host(const tn_tensor *tensor, void *out, size_t size_bytes, tn_dtype dtype) {
  if (tn__is_absent(tensor)) {
    if (tensor == NULL) tn__null_operand("tn_copy_to_host", "tensor");
    if (tn_ok()) tn__error(TN_INVALID_ARGUMENT, NULL, "tn_copy_to_host: no tensor");
    return tn_error_peek()->status;
  }
  uint64_t wanted = (uint64_t)tensor->numel * (uint64_t)tn_dtype_size(dtype);
  if (size_bytes != wanted || (out == NULL && wanted > 0)) {
    return tn__error(TN_INVALID_ARGUMENT, NULL,
                     "tn_copy_to_host: %zu bytes were given for %llu (%lld elements of %s)",
                     size_bytes, (unsigned long long)wanted, (long long)tensor->numel,
                     tn_dtype_name(dtype));
  }
  if (wanted == 0) return TN_OK;
  if (tensor->dtype == dtype && !tn__is_contiguous(tensor) && tn__device_is_host(tensor->device)) {
    const tn_status synchronized = tn__tensor_wait(tensor);
    if (synchronized == TN_OK) pack(tensor, out);
    return synchronized;
  }
  tn_tensor *source = tn__tensor_alias(tensor);
  if (source == NULL) return TN_OUT_OF_MEMORY;
  tn_status status = TN_OK;
  if (source->dtype == dtype && tn__is_contiguous(source)) {
    status = tn__tensor_read(source, out, wanted);
  } else {
    // A kernel of the cpu would not wait for what is on its way into pinned memory.
    if (tn__device_is_prompt(source->device)) status = tn__tensor_wait(source);
    tn_scope *scope = tn_scope_open();
    if (scope == NULL) status = TN_OUT_OF_MEMORY;
    bool before = tn_grad_mode_set(false);
    tn_tensor *copy = status != TN_OK ? NULL : tn__to_copy(source, TN_DEVICE_CPU, dtype, false);
    tn_grad_mode_set(before);
    if (status == TN_OK && copy == NULL) status = tn__failure();
    if (status == TN_OK) memcpy(out, copy->data, wanted);
    tn_scope_close(scope);
  }
  tn__release_raw(source);
  return status;
}

// |name| is the call's, for messages.
static tn_tensor *move(tn_tensor *tensor, tn_device device, tn_dtype dtype, bool non_blocking,
                       const char *name) {
  if (tn__is_absent(tensor)) {
    if (tensor == NULL) tn__null_operand(name, "tensor");
    return tensor;
  }
  if (device.type == 0) device = tensor->device;
  if (dtype == TN_DTYPE_NONE) dtype = tensor->dtype;
  if (dtype < 0 || dtype >= TN_DTYPE_COUNT) {
    tn__error(TN_INVALID_DTYPE, NULL, "%s: %d is no dtype", name, dtype);
    return NULL;
  }
  if (tn_device_equal(device, tensor->device) && dtype == tensor->dtype) {
    tn__retain_raw(tensor);
    return tn__give(tensor);
  }
  return tn_aten_to_copy(tensor, .dtype = dtype, .device = device, .non_blocking = non_blocking);
}

tn_tensor *tn_to(tn_tensor *tensor, tn_device device, tn_dtype dtype) {
  return move(tensor, device, dtype, false, "tn_to");
}

tn_tensor *tn_to_async(tn_tensor *tensor, tn_device device, tn_dtype dtype) {
  return move(tensor, device, dtype, true, "tn_to_async");
}

tn_tensor *tn_to_named(tn_tensor *tensor, const char *device, tn_dtype dtype) {
  if (tensor == NULL) return tn_to(tensor, TN_DEVICE_DEFAULT, dtype);
  tn_device found = tn_device_parse(device);
  return found.type == 0 ? NULL : tn_to(tensor, found, dtype);
}
