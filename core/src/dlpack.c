// SPDX-License-Identifier: Apache-2.0
//
// dlpack: tensors to and from other libraries without a copy.
//
// What is handed out keeps its tensor alive; what is taken in becomes a foreign storage, whose
// deleter gives the producer's struct back. Everything a producer says is checked before anything
// is taken. Invariant: a failed import has called no deleter and kept no pointer, and a failed
// export has retained nothing.

#include <stdlib.h>
#include <string.h>
#include <tenon/autograd.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/io.h>

#include "copy.h"
#include "dlpack_abi.h"
#include "memory.h"
#include "stream_impl.h"
#include "tensor_impl.h"

// X(dtype, DLPack's code)
#define TN__DLPACK_DTYPE_TABLE(X) \
  X(BOOL, kDLBool)                \
  X(U8, kDLUInt)                  \
  X(I8, kDLInt)                   \
  X(U16, kDLUInt)                 \
  X(I16, kDLInt)                  \
  X(U32, kDLUInt)                 \
  X(I32, kDLInt)                  \
  X(U64, kDLUInt)                 \
  X(I64, kDLInt)                  \
  X(F16, kDLFloat)                \
  X(BF16, kDLBfloat)              \
  X(F32, kDLFloat)                \
  X(F64, kDLFloat)                \
  X(C64, kDLComplex)              \
  X(C128, kDLComplex)

static const uint8_t dtype_codes[TN_DTYPE_COUNT] = {
#define X(dtype, code) [TN_##dtype] = code,
    TN__DLPACK_DTYPE_TABLE(X)
#undef X
};

// X(device type's name, DLPack's number): under which names devices of DLPack's kinds are looked
// for. Memory that the host may touch is the cpu's, whoever pinned it.
#define TN__DLPACK_DEVICE_TABLE(X) \
  X("cpu", kDLCPU)                 \
  X("cpu", kDLCUDAHost)            \
  X("cpu", kDLROCMHost)            \
  X("cuda", kDLCUDA)               \
  X("cuda", kDLCUDAManaged)        \
  X("opencl", kDLOpenCL)           \
  X("vulkan", kDLVulkan)           \
  X("metal", kDLMetal)             \
  X("vpi", kDLVPI)                 \
  X("rocm", kDLROCM)               \
  X("oneapi", kDLOneAPI)           \
  X("webgpu", kDLWebGPU)           \
  X("hexagon", kDLHexagon)         \
  X("maia", kDLMAIA)

typedef struct device_kind {
  const char *name;
  int32_t number;
} device_kind;

static const device_kind device_kinds[] = {
#define X(name, number) {name, number},
    TN__DLPACK_DEVICE_TABLE(X)
#undef X
};
enum { DEVICE_KINDS = sizeof device_kinds / sizeof device_kinds[0] };

// ---- export ------------------------------------------------------------------------------------

static tn_status export_device(tn_device device, DLDevice *out) {
  if (tn__device_is_host(device)) {
    *out = (DLDevice){kDLCPU, 0};
    return TN_OK;
  }
  char name[64];
  tn_device_name(device, name, sizeof name);
  const size_t length = strcspn(name, ":");
  for (int i = 0; i < DEVICE_KINDS; i++) {
    if (strlen(device_kinds[i].name) != length) continue;
    if (strncmp(device_kinds[i].name, name, length) != 0) continue;
    *out = (DLDevice){device_kinds[i].number, device.index};
    return TN_OK;
  }
  return tn_error_set(TN_INVALID_ARGUMENT, "to_dlpack: DLPack has no number for device '%s'", name);
}

static tn_status check_export(const tn_tensor *tensor) {
  if (tensor == NULL) {
    tn__null_operand("to_dlpack", "tensor");
    return TN_INVALID_ARGUMENT;
  }
  if (tn__is_none(tensor)) {
    return tn_error_set(TN_INVALID_ARGUMENT, "to_dlpack: there is no tensor");
  }
  if (tn_requires_grad(tensor)) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "to_dlpack: a tensor that requires a gradient cannot be shared, because "
                        "what others write into it is not recorded; share tn_detach of it");
  }
  return TN_OK;
}

static bool is_read_only(const tn_tensor *tensor) {
  return tensor->storage != NULL && (tensor->storage->flags & TN__STORAGE_READ_ONLY) != 0;
}

// What is handed out: one of DLPack's structs, its tensor, and sizes and strides of its own.
typedef struct exported {
  union {
    DLManagedTensorVersioned versioned;
    DLManagedTensor unversioned;
  } managed;
  tn_tensor *tensor;
  int64_t dims[];  // sizes, then strides
} exported;

static void release_exported(exported *shared) {
  tn_release(shared->tensor);
  free(shared);
}

static void delete_versioned(DLManagedTensorVersioned *self) {
  if (self != NULL) release_exported(self->manager_ctx);
}

static void delete_unversioned(DLManagedTensor *self) {
  if (self != NULL) release_exported(self->manager_ctx);
}

// Makes the data ready for the consumer: now, or on its stream.
static tn_status make_ready(const tn_tensor *tensor, tn_stream *consumer) {
  if (consumer == NULL) return tn__tensor_wait(tensor);
  if (!tn_device_equal(tensor->device, consumer->device)) {
    char a[48], b[48];
    return tn_error_set(TN_DEVICE_MISMATCH,
                        "to_dlpack_on: the tensor is on device '%s', the consumer's stream on '%s'",
                        tn_device_name(tensor->device, a, sizeof a),
                        tn_device_name(consumer->device, b, sizeof b));
  }
  tn_status status = tn__stream_order(consumer, tn__stream_here(tensor->device));
  if (status != TN_OK || tensor->storage == NULL) return status;
  return tn__memory_record_use(tensor->storage, tn__stream_or_null(consumer));
}

// Fills |out| with everything but who releases it. NULL when it fails.
static exported *export_tensor(tn_tensor *tensor, tn_stream *consumer, DLTensor *out) {
  if (check_export(tensor) != TN_OK) return NULL;
  if (export_device(tensor->device, &out->device) != TN_OK) return NULL;
  if (make_ready(tensor, consumer) != TN_OK) return NULL;
  const size_t rank = tensor->rank;
  exported *shared = tn__malloc(sizeof *shared + 2 * rank * sizeof(int64_t));
  if (shared == NULL) {
    tn__out_of_memory("a shared tensor", sizeof *shared);
    return NULL;
  }
  shared->tensor = tn_retain(tensor);
  // From here on others write without the version counter's knowing.
  if (!is_read_only(tensor)) atomic_store_explicit(&tensor->storage->id, 0, memory_order_relaxed);
  if (rank > 0) {
    memcpy(shared->dims, tensor->sizes, rank * sizeof(int64_t));
    memcpy(shared->dims + rank, tensor->strides, rank * sizeof(int64_t));
  }
  out->data = tensor->numel == 0 ? NULL : tensor->data;
  out->ndim = tensor->rank;
  out->dtype.code = dtype_codes[tensor->dtype];
  out->dtype.bits = (uint8_t)(8 * tensor->item_bytes);
  out->dtype.lanes = 1;
  out->shape = shared->dims;
  out->strides = shared->dims + rank;
  out->byte_offset = 0;
  return shared;
}

static DLManagedTensorVersioned *export_versioned(tn_tensor *tensor, tn_stream *consumer) {
  DLTensor described = {0};
  exported *shared = export_tensor(tensor, consumer, &described);
  if (shared == NULL) return NULL;
  DLManagedTensorVersioned *managed = &shared->managed.versioned;
  managed->version = (DLPackVersion){DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  managed->manager_ctx = shared;
  managed->deleter = delete_versioned;
  managed->flags = is_read_only(tensor) ? DLPACK_FLAG_BITMASK_READ_ONLY : 0;
  managed->dl_tensor = described;
  return managed;
}

struct DLManagedTensorVersioned *tn_to_dlpack(tn_tensor *tensor) {
  return export_versioned(tensor, NULL);
}

struct DLManagedTensorVersioned *tn_to_dlpack_on(tn_tensor *tensor, tn_stream *consumer) {
  if (consumer == NULL) {
    tn__null_operand("to_dlpack_on", "consumer");
    return NULL;
  }
  return export_versioned(tensor, consumer);
}

struct DLManagedTensor *tn_to_dlpack_unversioned(tn_tensor *tensor) {
  if (tensor != NULL && is_read_only(tensor)) {
    tn_error_set(TN_READ_ONLY,
                 "to_dlpack_unversioned: the tensor may not be written, which DLPack before 1.0 "
                 "cannot say; use tn_to_dlpack, or a clone");
    return NULL;
  }
  DLTensor described = {0};
  exported *shared = export_tensor(tensor, NULL, &described);
  if (shared == NULL) return NULL;
  DLManagedTensor *managed = &shared->managed.unversioned;
  managed->dl_tensor = described;
  managed->manager_ctx = shared;
  managed->deleter = delete_unversioned;
  return managed;
}

// ---- import: checks ----------------------------------------------------------------------------

// What a producer's description comes to.
typedef struct imported {
  tn_dtype dtype;
  tn_device device;
  int32_t rank;
  int64_t strides[TN_MAX_DIMS];
  int64_t low, high;  // elements reached, from [0, ..., 0]
  char *origin;       // element [0, ..., 0]
} imported;

static tn_status import_dtype(DLDataType given, tn_dtype *dtype) {
  for (*dtype = 1; *dtype < TN_DTYPE_COUNT; (*dtype)++) {
    if (given.lanes == 1 && given.code == dtype_codes[*dtype] &&
        given.bits == 8 * tn_dtype_size(*dtype)) {
      return TN_OK;
    }
  }
  return tn_error_set(TN_INVALID_DTYPE,
                      "from_dlpack: there is no dtype for type code %d with %d bits and %d lanes",
                      given.code, given.bits, given.lanes);
}

static tn_status import_device(DLDevice given, tn_device *device) {
  const char *kind = NULL;
  for (int i = 0; i < DEVICE_KINDS && kind == NULL; i++) {
    if (device_kinds[i].number == given.device_type) kind = device_kinds[i].name;
  }
  if (kind == NULL) {
    return tn_error_set(TN_UNAVAILABLE, "from_dlpack: Tenon knows no device for DLPack's number %d",
                        (int)given.device_type);
  }
  *device = TN_DEVICE_CPU;
  if (strcmp(kind, "cpu") == 0) return TN_OK;
  char name[64];
  snprintf(name, sizeof name, "%s:%d", kind, (int)given.device_id);
  if (given.device_id < 0 || !tn_device_is_available(name)) {
    return tn_error_set(TN_UNAVAILABLE, "from_dlpack: the data are on '%s', which is not available",
                        name);
  }
  *device = tn_device_parse(name);
  return device->type != 0 ? TN_OK : TN_UNAVAILABLE;
}

static tn_status import_shape(const DLTensor *given, imported *out) {
  if (given->ndim < 0 || given->ndim > TN_MAX_DIMS) {
    return tn_error_set(TN_INVALID_ARGUMENT, "from_dlpack: %d dims; 0 to %d are possible",
                        (int)given->ndim, TN_MAX_DIMS);
  }
  if (given->ndim > 0 && given->shape == NULL) {
    return tn_error_set(TN_INVALID_ARGUMENT, "from_dlpack: the shape of %d dims is NULL",
                        (int)given->ndim);
  }
  out->rank = given->ndim;
  if (tn__numel(out->rank, given->shape, tn_dtype_size(out->dtype)) < 0) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "from_dlpack: the sizes are negative or their product overflows");
  }
  if (given->strides == NULL) {
    tn__contiguous_strides(out->rank, given->shape, out->strides);
  } else if (out->rank > 0) {
    memcpy(out->strides, given->strides, (size_t)out->rank * sizeof(int64_t));
  }
  return TN_OK;
}

// How far the elements reach below and above the first one; false where the bytes between them
// overflow. An empty tensor reaches nothing: low 0, high -1.
static bool reach(const DLTensor *given, imported *out) {
  const int64_t item_bytes = tn_dtype_size(out->dtype);
  int64_t span, bytes;
  out->low = out->high = 0;
  for (int32_t dim = 0; dim < out->rank; dim++) {
    if (given->shape[dim] == 0) {
      out->low = 0;
      out->high = -1;
      return true;
    }
  }
  for (int32_t dim = 0; dim < out->rank; dim++) {
    int64_t step;
    if (__builtin_mul_overflow(given->shape[dim] - 1, out->strides[dim], &step)) return false;
    int64_t *end = step < 0 ? &out->low : &out->high;
    if (__builtin_add_overflow(*end, step, end)) return false;
  }
  return !__builtin_sub_overflow(out->high, out->low, &span) &&
         !__builtin_add_overflow(span, 1, &span) &&
         !__builtin_mul_overflow(span, item_bytes, &bytes) &&
         !__builtin_mul_overflow(out->low, item_bytes, &bytes);
}

static tn_status import_data(const DLTensor *given, imported *out) {
  if (!reach(given, out)) {
    return tn_error_set(TN_INVALID_ARGUMENT, "from_dlpack: what the strides reach overflows");
  }
  uintptr_t address;
  if (__builtin_add_overflow((uintptr_t)given->data, given->byte_offset, &address)) {
    return tn_error_set(TN_INVALID_ARGUMENT, "from_dlpack: byte offset %llu leads out of memory",
                        (unsigned long long)given->byte_offset);
  }
  out->origin = (char *)address;
  if (out->high < 0) return TN_OK;
  if (given->data == NULL) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "from_dlpack: the data of a tensor with elements are "
                        "NULL");
  }
  uintptr_t alignment = (uintptr_t)tn_dtype_size(out->dtype);
  if (tn_dtype_is_complex(out->dtype)) alignment /= 2;
  if (address % alignment != 0) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "from_dlpack: the data are not aligned to the %d bytes that %s needs",
                        (int)alignment, tn_dtype_name(out->dtype));
  }
  return TN_OK;
}

// ---- import ------------------------------------------------------------------------------------

static tn_tensor *import_tensor(const DLTensor *given, uint32_t flags,
                                void (*deleter)(void *context), void *managed) {
  imported checked;
  if (import_dtype(given->dtype, &checked.dtype) != TN_OK) return NULL;
  if (import_shape(given, &checked) != TN_OK) return NULL;
  if (import_data(given, &checked) != TN_OK) return NULL;
  if (import_device(given->device, &checked.device) != TN_OK) return NULL;
  const int64_t item_bytes = tn_dtype_size(checked.dtype);
  const int64_t size_bytes = (checked.high - checked.low + 1) * item_bytes;
  tn__storage *storage =
      tn__storage_foreign(checked.origin + checked.low * item_bytes, (uint64_t)size_bytes,
                          checked.device, flags, NULL, NULL);
  if (storage == NULL) return NULL;
  tn_tensor *tensor = tn__give(tn__tensor_on(storage, checked.rank, given->shape, checked.strides,
                                             -checked.low, checked.dtype));
  // The producer's struct is taken only now that nothing can fail any more.
  if (tensor != NULL) {
    storage->deleter = deleter;
    storage->deleter_context = managed;
  }
  tn__storage_release(storage);
  return tensor;
}

static void give_back_versioned(void *context) {
  DLManagedTensorVersioned *managed = context;
  if (managed->deleter != NULL) managed->deleter(managed);
}

static void give_back_unversioned(void *context) {
  DLManagedTensor *managed = context;
  if (managed->deleter != NULL) managed->deleter(managed);
}

tn_tensor *tn_from_dlpack(struct DLManagedTensorVersioned *managed) {
  if (managed == NULL) {
    tn__null_operand("from_dlpack", "managed");
    return NULL;
  }
  if (managed->version.major != DLPACK_MAJOR_VERSION) {
    tn_error_set(TN_INVALID_ARGUMENT, "from_dlpack: DLPack %u.%u; only versions 1.x are understood",
                 (unsigned)managed->version.major, (unsigned)managed->version.minor);
    return NULL;
  }
  const bool read_only = (managed->flags & DLPACK_FLAG_BITMASK_READ_ONLY) != 0;
  return import_tensor(&managed->dl_tensor, read_only ? TN__STORAGE_READ_ONLY : 0,
                       give_back_versioned, managed);
}

tn_tensor *tn_from_dlpack_unversioned(struct DLManagedTensor *managed) {
  if (managed == NULL) {
    tn__null_operand("from_dlpack_unversioned", "managed");
    return NULL;
  }
  return import_tensor(&managed->dl_tensor, 0, give_back_unversioned, managed);
}
