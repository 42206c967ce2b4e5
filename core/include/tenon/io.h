// SPDX-License-Identifier: Apache-2.0
//
// io: tensors in NumPy's .npy files and over DLPack. Readers of foreign bytes check everything
// they are told; what a file or a producer claims is never trusted with a size.

#ifndef TENON_IO_H_
#define TENON_IO_H_

#include <tenon/base.h>
#include <tenon/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

// Reads |path|, which must be a regular file of one array, into a new cpu tensor. Fortran order
// becomes strides; big-endian data is swapped.
// owns: +1 | errors: NOT_FOUND, IO_ERROR, DATA_ERROR (truncated, wrong sizes), INVALID_DTYPE
// (object arrays and what Tenon has no dtype for), OUT_OF_MEMORY
TN_API tn_tensor *tn_npy_load(const char *path);

// Maps |path| into memory. |writable|: changes reach the file; otherwise in-place calls fail with
// READ_ONLY. Big-endian files cannot be mapped. owns: +1 | errors: as tn_npy_load
TN_API tn_tensor *tn_npy_map(const char *path, bool writable);

// Writes |tensor| (any device and strides) as version 1.0, row-major, little-endian; bf16 is
// refused. The file is complete or untouched. errors: IO_ERROR, INVALID_DTYPE, OUT_OF_MEMORY
TN_API tn_status tn_npy_save(const tn_tensor *tensor, const char *path);

// DLPack 1.x. The structs are DLPack's own; include <dlpack/dlpack.h> for their definitions.
struct DLManagedTensor;
struct DLManagedTensorVersioned;

// A managed tensor that shares |tensor|'s data and keeps it alive until its deleter is called. The
// current stream of the tensor's device is waited for first. A tensor that requires a gradient is
// refused; one that may not be written is marked so, which the unversioned struct cannot
// (READ_ONLY). errors: INVALID_ARGUMENT, READ_ONLY, OUT_OF_MEMORY, a fault
TN_API struct DLManagedTensorVersioned *tn_to_dlpack(tn_tensor *tensor);
TN_API struct DLManagedTensor *tn_to_dlpack_unversioned(tn_tensor *tensor);

// tn_to_dlpack for a consumer that works on |consumer|, a stream of the tensor's device: nobody
// waits, but what |consumer| is given from now on comes after all that the current stream holds,
// and the memory is not handed out again before |consumer| has done what it holds when the deleter
// is called. errors: as tn_to_dlpack, DEVICE_MISMATCH | threads: any
TN_API struct DLManagedTensorVersioned *tn_to_dlpack_on(tn_tensor *tensor, tn_stream *consumer);

// A tensor that shares the managed tensor's data and calls its deleter when the last view is gone,
// on any thread. A failed import leaves ownership with the caller.
// owns: +1, takes |managed| on success | errors: INVALID_ARGUMENT, INVALID_DTYPE, UNAVAILABLE
TN_API tn_tensor *tn_from_dlpack(struct DLManagedTensorVersioned *managed);
TN_API tn_tensor *tn_from_dlpack_unversioned(struct DLManagedTensor *managed);

#ifdef __cplusplus
}
#endif

#endif  // TENON_IO_H_
