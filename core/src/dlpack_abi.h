// SPDX-License-Identifier: Apache-2.0
//
// dlpack_abi: the structs that DLPack 1.x hands from one library to another, as far as Tenon needs
// them. Names, order, widths and values are DLPack's and frozen by it; the assertions below hold
// them to the layout on 64-bit machines. Before 1.0 a producer gave a DLManagedTensor, which states
// neither a version nor whether it may be written.
// source: the DLPack specification, versions 1.0 and 1.1.

#ifndef TENON_CORE_DLPACK_ABI_H_
#define TENON_CORE_DLPACK_ABI_H_

#include <stddef.h>
#include <stdint.h>

enum { DLPACK_MAJOR_VERSION = 1, DLPACK_MINOR_VERSION = 1 };

// A consumer of another major version may do nothing but call the deleter.
typedef struct DLPackVersion {
  uint32_t major, minor;
} DLPackVersion;

// DLDeviceType
enum {
  kDLCPU = 1,
  kDLCUDA = 2,
  kDLCUDAHost = 3,  // pinned memory of the host's
  kDLOpenCL = 4,
  kDLVulkan = 7,
  kDLMetal = 8,
  kDLVPI = 9,
  kDLROCM = 10,
  kDLROCMHost = 11,
  kDLExtDev = 12,
  kDLCUDAManaged = 13,  // moves between host and device by itself
  kDLOneAPI = 14,
  kDLWebGPU = 15,
  kDLHexagon = 16,
  kDLMAIA = 17
};

typedef struct DLDevice {
  int32_t device_type;
  int32_t device_id;
} DLDevice;

// DLDataTypeCode
enum { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBfloat = 4, kDLComplex = 5, kDLBool = 6 };

typedef struct DLDataType {
  uint8_t code;
  uint8_t bits;    // of one lane; both parts of a complex number
  uint16_t lanes;  // more than 1: elements are short vectors
} DLDataType;

typedef struct DLTensor {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides;  // in elements; NULL: row-major
  uint64_t byte_offset;
} DLTensor;

typedef struct DLManagedTensor {
  DLTensor dl_tensor;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensor *self);  // NULL: nothing to release
} DLManagedTensor;

#define DLPACK_FLAG_BITMASK_READ_ONLY (UINT64_C(1) << 0)
#define DLPACK_FLAG_BITMASK_IS_COPIED (UINT64_C(1) << 1)

typedef struct DLManagedTensorVersioned {
  DLPackVersion version;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensorVersioned *self);
  uint64_t flags;
  DLTensor dl_tensor;
} DLManagedTensorVersioned;

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(DLTensor) == 48, "DLPack's layout");
_Static_assert(offsetof(DLTensor, ndim) == 16, "DLPack's layout");
_Static_assert(offsetof(DLTensor, dtype) == 20, "DLPack's layout");
_Static_assert(offsetof(DLTensor, byte_offset) == 40, "DLPack's layout");
_Static_assert(sizeof(DLManagedTensor) == 64, "DLPack's layout");
_Static_assert(sizeof(DLManagedTensorVersioned) == 80, "DLPack's layout");
_Static_assert(offsetof(DLManagedTensorVersioned, flags) == 24, "DLPack's layout");
_Static_assert(offsetof(DLManagedTensorVersioned, dl_tensor) == 32, "DLPack's layout");
#endif

#endif  // TENON_CORE_DLPACK_ABI_H_
