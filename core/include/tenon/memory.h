// SPDX-License-Identifier: Apache-2.0
//
// memory: what the caching allocator holds on each device. Blocks are cut out of larger segments
// that the backend gives; a freed block is kept for the next request on the same stream, and where
// other streams used it (tn_record_stream) it first waits for them. Before a request fails, what is
// kept on its device is given back. The cpu's blocks are whole segments; small tensors there, up to
// 896 bytes, live in caches of the threads and are counted nowhere.

#ifndef TENON_MEMORY_H_
#define TENON_MEMORY_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Of one device since the process began, in bytes unless they say otherwise. Grows only at its end;
// set struct_size, and no more than that is written.
typedef struct tn_memory_stats {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t allocated_bytes;  // in blocks that tensors hold, which are a little larger than those
  uint64_t allocated_peak_bytes;
  uint64_t segment_bytes;  // that the backend has given: held by tensors, or kept for reuse
  uint64_t segment_peak_bytes;
  uint64_t waiting_bytes;  // freed, but still used on another stream
  uint64_t limit_bytes;    // tn_memory_limit; 0: none
  uint64_t block_count;    // blocks that tensors hold
  uint64_t segment_count;
  uint64_t allocation_count;  // requests ever made
  uint64_t reuse_count;       // of them, served without asking the backend
  uint64_t out_of_memory_count;
} tn_memory_stats;

// errors: UNAVAILABLE, INVALID_ARGUMENT (struct_size 0) | threads: any
TN_API tn_status tn_memory_stats_of(tn_device device, tn_memory_stats *stats);

// Makes the peaks what is held now.
// errors: UNAVAILABLE | threads: any
TN_API tn_status tn_memory_reset_peaks(tn_device device);

// Limits what Tenon takes of |device|'s memory to |limit_bytes|; 0 takes the limit back. Below what
// is held now, only new segments are refused.
// errors: UNAVAILABLE, OUT_OF_MEMORY | threads: any
TN_API tn_status tn_memory_limit(tn_device device, uint64_t limit_bytes);

// Gives the segments of which no block is in use back to the backend, having waited for the work
// that was enqueued on them.
// errors: UNAVAILABLE | threads: any
TN_API tn_status tn_memory_empty_cache(tn_device device);

// Who holds what, as a text for people: totals, and the largest blocks with the operator that made
// each. It is also part of every OUT_OF_MEMORY error of a device.
// owns: the text, released with free() | errors: UNAVAILABLE, OUT_OF_MEMORY | threads: any
TN_API char *tn_memory_report(tn_device device);

#ifdef __cplusplus
}
#endif

#endif  // TENON_MEMORY_H_
