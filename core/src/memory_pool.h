// SPDX-License-Identifier: Apache-2.0
//
// memory_pool: what the allocator knows of one device. The backend gives segments; a segment is cut
// into blocks that fill it without gaps, linked in order of address; its free blocks stand in a
// tree of the stream that the segment belongs to. No two neighbours are free. All records stand on
// the host, apart from the memory itself, which the host may not be able to touch.
//
//   pool -> heaps (one a stream): free trees, the queue of recorded uses
//        -> segments -> blocks
//
// A freed block that was used on other streams waits: on each of those an event marks the end of
// that use, and the block is free when all have been passed. Events of one stream pass in order, so
// only the first of each queue is asked.
//
// The heap of a stream that has ended is idle: nothing runs on its memory any more, and the next
// stream that needs a heap takes it over with all that it keeps. Heaps are never freed.

#ifndef TENON_CORE_MEMORY_POOL_H_
#define TENON_CORE_MEMORY_POOL_H_

#include <pthread.h>
#include <stdatomic.h>

#include "memory.h"
#include "stream_impl.h"

typedef struct tn__pool tn__pool;
typedef struct tn__heap tn__heap;
typedef struct tn__segment tn__segment;
typedef struct tn__use tn__use;

// Small requests share segments among themselves, so that they do not pin large ones.
typedef enum tn__segment_kind { TN__SEGMENT_SMALL, TN__SEGMENT_LARGE, TN__SEGMENT_KINDS } tn__kind;

typedef enum tn__block_state {
  TN__BLOCK_FREE,     // stands in its heap's tree
  TN__BLOCK_HELD,     // a storage has it
  TN__BLOCK_WAITING,  // given up, but used on another stream still
} tn__block_state;

struct tn__block {
  // What a search reads, in one line of the processor's cache.
  uint64_t size_bytes;
  char *data;
  tn__block *left, *right;  // FREE: in the tree
  tn__block **place;        // FREE: what points to it there
  uint32_t priority;
  tn__block_state state;
  tn__segment *segment;
  tn__block *before, *after;  // neighbours in the segment; NULL at its ends
  tn__use *uses;              // HELD: on other streams, one a stream
  const char *_Atomic maker;  // HELD: the operator whose result it holds; NULL where unknown
  uint32_t pending;           // WAITING: uses that have not passed
};

struct tn__segment {
  tn__heap *heap;
  tn__kind kind;
  void *data;
  uint64_t size_bytes;
  tn__block *first;
  tn__segment *previous, *next;  // in the pool's list
};

// That a block is used on a stream other than its own.
struct tn__use {
  tn__use *next;  // of the same block; once that is given up, in the heap's queue; spare ones
  tn__block *block;
  tn__heap *heap;  // of the stream that uses it
  void *event;     // the backend's; stays with the record
};

struct tn__heap {
  tn__pool *pool;
  tn_stream *_Atomic stream;  // borrowed until it ends; NULL: the device's default one
  tn__heap *next;
  tn__block *free[TN__SEGMENT_KINDS];
  tn__use *oldest, *newest;  // the queue of recorded uses
};

// Stands for a stream that has ended.
extern tn_stream tn__ended_stream;

static inline tn_stream *tn__heap_stream(const tn__heap *heap) {
  return atomic_load_explicit(&heap->stream, memory_order_relaxed);
}

struct tn__pool {
  // |reclaim| is taken first, by who gives segments back or destroys events: these stay what they
  // are while it is held, also where |mutex| is not. No raw allocation happens under |mutex|, and
  // no wait unless the backend fails to make an event. A stream that a heap names does not end
  // while |mutex| is held.
  pthread_mutex_t mutex, reclaim;
  tn_device device;
  const tn_device_table *table;
  bool has_events;
  uint32_t random;  // the last priority
  tn__heap heap;    // of the default stream, and the first of the list
  tn__segment *segments;
  tn__use *spare_uses;
  tn_memory_stats stats;
};

// The pool of |device|, which exists and is not the cpu; NULL where it has none yet, and with
// |create| where memory is out (recorded).
tn__pool *tn__pool_of(tn_device device, bool create);

// ---- memory_pool.c: blocks. With the mutex held.
// The heap of |stream|, made at the first call. NULL when memory is out, not recorded.
tn__heap *tn__pool_heap(tn__pool *pool, tn_stream *stream);
// A free block of at least |size_bytes|, cut to it, as HELD and counted. NULL where none fits.
tn__block *tn__heap_take(tn__heap *heap, tn__kind kind, uint64_t size_bytes);
// Adds |segment|, whose bytes are counted already, and its one block, cut to |size_bytes| and HELD.
void tn__heap_add(tn__heap *heap, tn__segment *segment, tn__block *block, uint64_t size_bytes);
// A record without memory; NULL when the host's is out.
tn__block *tn__block_new(tn__pool *pool);
void tn__block_free(tn__block *block);
// Frees the waiting blocks whose uses have passed.
void tn__pool_poll(tn__pool *pool);
// Whether nothing is held of a segment; and taking such a one out of the pool.
bool tn__segment_is_free(const tn__segment *segment);
void tn__segment_detach(tn__pool *pool, tn__segment *segment);
void tn__segment_attach(tn__pool *pool, tn__segment *segment);

// ---- memory_segment.c: what asks the backend for memory and gives it back. Without the mutex.
// A block of at least |size_bytes| where the pool has none: a new segment's, if need be after
// giving back what is kept. NULL with the error recorded.
tn__block *tn__pool_grow(tn__pool *pool, tn__heap *heap, tn__kind kind, uint64_t size_bytes);
// Gives back the segments of which nothing is held. |final|: waits for uses, and destroys events.
void tn__pool_give_back(tn__pool *pool, bool final);

// ---- memory_device.c: the backend's calls. What they record on the thread stays theirs: the
// thread's own error is kept.
// |reason| gets what the backend says of a failure, "" where it says nothing.
tn_status tn__raw_allocate(const tn__pool *pool, uint64_t size_bytes, void **data, char *reason,
                           size_t reason_size);
void tn__raw_release(const tn__pool *pool, void *data, uint64_t size_bytes);
void *tn__raw_event_create(const tn__pool *pool);  // NULL where the backend fails
void tn__raw_event_destroy(const tn__pool *pool, void *event);
bool tn__raw_event_mark(const tn__pool *pool, void *event, const tn_stream *stream);
bool tn__raw_event_passed(const tn__pool *pool, void *event);
bool tn__raw_event_wait(const tn__pool *pool, void *event);
// Waits for all of |stream|; a fault that is found there is logged.
bool tn__raw_stream_wait(const tn__pool *pool, const tn_stream *stream);

// ---- memory_host.c
void tn__host_memory_stats(tn_memory_stats *stats);
void tn__host_memory_reset_peaks(void);
void tn__host_memory_limit(uint64_t limit_bytes);
void tn__host_memory_empty_cache(void);

// ---- memory_report.c
// Appends who holds what of |device|; at most |groups| lines of blocks. |pool|: NULL for the cpu.
struct tn__text;
void tn__memory_report_append(struct tn__text *text, tn_device device, tn__pool *pool,
                              int32_t groups);
// Records OUT_OF_MEMORY for |size_bytes| with the report. |limited|: by tn_memory_limit.
tn_status tn__memory_exhausted(tn_device device, tn__pool *pool, uint64_t size_bytes, bool limited,
                               const char *reason);

#endif  // TENON_CORE_MEMORY_POOL_H_
