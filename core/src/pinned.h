// SPDX-License-Identifier: Apache-2.0
//
// pinned: host memory that the devices of one type copy to and from without staging. It comes from
// the backend and is kept for reuse. A stream that still copies to or from a block is noted in it,
// with an event behind the copy: the block is not handed out again before, and whoever reads it
// through Tenon waits.

#ifndef TENON_CORE_PINNED_H_
#define TENON_CORE_PINNED_H_

#include <tenon/stream.h>

#include "tensor_impl.h"

// Whether devices of |type| have such memory.
bool tn__pinned_is_offered(int32_t type);

// A cpu storage, or a contiguous cpu tensor, pinned for the devices of |type|, which offers it.
// Raw. NULL with an error recorded.
tn__storage *tn__pinned_storage(int32_t type, uint64_t size_bytes);
tn_tensor *tn__pinned_tensor(int32_t rank, const int64_t *sizes, tn_dtype dtype, int32_t type);

// Whether |storage| is pinned for devices of |type|.
bool tn__pinned_for(const tn__storage *storage, int32_t type);

// Notes that what |stream| holds now uses |storage|, which is pinned. Where that cannot be noted
// the stream is waited for. errors: a fault, in the latter case
tn_status tn__pinned_record_use(tn__storage *storage, tn_stream *stream);

// Waits for the copies that are noted. errors: the fault of a stream that made one
tn_status tn__pinned_wait(const tn__storage *storage);

// Gives back what no stream uses, at shutdown.
void tn__pinned_empty_caches(void);

#endif  // TENON_CORE_PINNED_H_
