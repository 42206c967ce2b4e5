// SPDX-License-Identifier: Apache-2.0
//
// copy: bytes between devices, and what the host reads of them. Tensors are contiguous and of one
// size; casting and compacting is done before (call_into.c).

#ifndef TENON_CORE_COPY_H_
#define TENON_CORE_COPY_H_

#include "tensor_impl.h"

// Copies all of |from| into |to|, on whatever devices. non_blocking: where host memory takes part
// and is pinned for the device, it need not have happened when this returns.
// errors: OUT_OF_MEMORY, the backend's, and a fault of the streams that are waited for
tn_status tn__tensor_copy(tn_tensor *to, const tn_tensor *from, bool non_blocking);

// Copies the first |bytes| of |from|, which is contiguous, to the host's |to|, after all that is
// enqueued on the current stream of its device.
tn_status tn__tensor_read(const tn_tensor *from, void *to, uint64_t bytes);

// Waits until the host may read |tensor|'s memory, which is host memory.
tn_status tn__tensor_wait(const tn_tensor *tensor);

#endif  // TENON_CORE_COPY_H_
