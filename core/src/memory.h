// SPDX-License-Identifier: Apache-2.0
//
// memory: where storages get their bytes. Host memory is kept by size class (memory_host.c); each
// other device has a pool of blocks that are cut out of the backend's segments (memory_pool.h). A
// block belongs to the stream that was current when it was made and is at once free again for that
// stream's next request; who uses it on another stream says so, and then it waits for that work.

#ifndef TENON_CORE_MEMORY_H_
#define TENON_CORE_MEMORY_H_

#include <stddef.h>
#include <tenon/memory.h>
#include <tenon/stream.h>

typedef struct tn__block tn__block;
struct tn__storage;

// ---- the host. |block_bytes| is what to give back. NULL with the error recorded.
void *tn__host_memory_allocate(uint64_t size_bytes, uint64_t *block_bytes);
void tn__host_memory_release(void *data, uint64_t block_bytes);

// ---- other devices
// At least |size_bytes|, for |stream| (NULL: the default one), which lives until this returns. NULL
// with the error recorded.
tn__block *tn__memory_allocate(tn_device device, uint64_t size_bytes, tn_stream *stream);
void tn__memory_release(tn__block *block);
void *tn__block_data(const tn__block *block);

// Says that work on |stream| (NULL: the default one) uses |storage|; before it is enqueued, so that
// a failure loses nothing. On the cpu, and for memory that is not the allocator's, there is nothing
// to note. errors: OUT_OF_MEMORY, the backend's | threads: any
tn_status tn__memory_record_use(struct tn__storage *storage, tn_stream *stream);

// |stream| has no work left and is about to end: its memory goes to whichever stream comes next.
void tn__memory_forget_stream(const tn_stream *stream);

// Notes which operator made |storage|, a text that is never freed, for reports.
void tn__memory_made_by(struct tn__storage *storage, const char *maker);

// Gives back what is kept on every device, at shutdown.
void tn__memory_empty_caches(void);

// "1.50 GiB"; writes into |text| and returns it.
typedef struct tn__bytes_text {
  char text[32];
} tn__bytes_text;
const char *tn__bytes_text_of(uint64_t bytes, tn__bytes_text *text);

#endif  // TENON_CORE_MEMORY_H_
