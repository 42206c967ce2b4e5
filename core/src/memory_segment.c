// SPDX-License-Identifier: Apache-2.0
//
// memory_segment: asking the backend for segments, and giving them back. What a failing request
// tries, in this order: a segment to share, one of its own size, giving back what is kept, waiting
// for uses on other streams; then the error says who holds what. The backend is called without the
// pool's mutex: bytes on their way are counted as held before they are asked for, and until they
// are given back. Invariant: memory is given back only when its stream has passed the last work on
// it.

#include <stdlib.h>
#include <tenon/error.h>

#include "memory_pool.h"

static const uint64_t SMALL_SEGMENT = 2 << 20, LARGE_SEGMENT = 20 << 20, SEGMENT_UNIT = 2 << 20;

// ---- growing -----------------------------------------------------------------------------------

typedef enum cause {
  LIMIT,      // the user's limit
  BACKEND,    // the backend's allocate(), with |status| and |reason|
  NO_RECORD,  // the host has no memory for our own records
} cause;

// A request that the pool could not serve, and why its last attempt failed.
typedef struct growth_request {
  tn__pool *pool;
  tn__heap *heap;
  tn__kind kind;
  uint64_t block_bytes;
  cause cause;
  tn_status status;
  char reason[256];
} growth_request;

// Whether giving back what is kept may help.
static bool is_out_of_memory(const growth_request *request) {
  return request->cause == LIMIT ||
         (request->cause == BACKEND && request->status == TN_OUT_OF_MEMORY);
}

// Counts |size_bytes| as taken, unless the limit stands against it.
static bool reserve(tn__pool *pool, uint64_t size_bytes) {
  tn_memory_stats *stats = &pool->stats;
  pthread_mutex_lock(&pool->mutex);
  bool fits = stats->limit_bytes == 0 || (stats->segment_bytes <= stats->limit_bytes &&
                                          size_bytes <= stats->limit_bytes - stats->segment_bytes);
  if (fits) {
    stats->segment_bytes += size_bytes;
    stats->segment_count++;
  }
  pthread_mutex_unlock(&pool->mutex);
  return fits;
}

static void uncount(tn__pool *pool, uint64_t size_bytes) {
  pthread_mutex_lock(&pool->mutex);
  pool->stats.segment_bytes -= size_bytes;
  pool->stats.segment_count--;
  pthread_mutex_unlock(&pool->mutex);
}

// The memory of a segment, counted; NULL with the request's cause set.
static void *raw_segment(growth_request *request, uint64_t size_bytes) {
  tn__pool *pool = request->pool;
  request->cause = LIMIT;
  if (!reserve(pool, size_bytes)) return NULL;
  void *data;
  request->cause = BACKEND;
  request->status =
      tn__raw_allocate(pool, size_bytes, &data, request->reason, sizeof request->reason);
  if (data == NULL) uncount(pool, size_bytes);
  return data;
}

// A block in a new segment of |size_bytes|; NULL with the request's cause set.
static tn__block *add_segment(growth_request *request, uint64_t size_bytes) {
  tn__pool *pool = request->pool;
  tn__segment *segment = tn__calloc(1, sizeof *segment);
  pthread_mutex_lock(&pool->mutex);
  tn__block *block = segment == NULL ? NULL : tn__block_new(pool);
  pthread_mutex_unlock(&pool->mutex);
  request->cause = NO_RECORD;
  void *data = block == NULL ? NULL : raw_segment(request, size_bytes);
  if (data == NULL) {
    if (block != NULL) tn__block_free(block);
    free(segment);
    return NULL;
  }
  segment->kind = request->kind;
  segment->data = data;
  segment->size_bytes = size_bytes;
  pthread_mutex_lock(&pool->mutex);
  tn__heap_add(request->heap, segment, block, request->block_bytes);
  pthread_mutex_unlock(&pool->mutex);
  return block;
}

static uint64_t shared_bytes(const growth_request *request) {
  uint64_t bytes = request->kind == TN__SEGMENT_SMALL ? SMALL_SEGMENT : LARGE_SEGMENT;
  if (request->block_bytes <= bytes / 2) return bytes;
  return (request->block_bytes + SEGMENT_UNIT - 1) / SEGMENT_UNIT * SEGMENT_UNIT;
}

static tn__block *add_tight(growth_request *request) {
  return add_segment(request, request->block_bytes);
}

static tn__block *add_shared(growth_request *request) {
  uint64_t bytes = shared_bytes(request);
  tn__block *block = add_segment(request, bytes);
  if (block != NULL || bytes == request->block_bytes || request->cause == NO_RECORD) return block;
  return add_tight(request);
}

// ---- giving back -------------------------------------------------------------------------------

// The heap after |heap|. Heaps are added at any time, in front.
static tn__heap *heap_after(tn__pool *pool, const tn__heap *heap) {
  pthread_mutex_lock(&pool->mutex);
  tn__heap *next = heap->next;
  pthread_mutex_unlock(&pool->mutex);
  return next;
}

// Whether all that is enqueued on the heap's stream has passed. Waiting for an event leaves a fault
// on the stream, for who looks for it there; waiting for the stream is for want of one.
static bool wait_for_stream(tn__pool *pool, const tn__heap *heap) {
  void *event = pool->has_events ? tn__raw_event_create(pool) : NULL;
  pthread_mutex_lock(&pool->mutex);
  tn_stream *stream = tn__heap_stream(heap);
  bool idle = stream == &tn__ended_stream;
  bool marked = !idle && event != NULL && tn__raw_event_mark(pool, event, stream);
  if (!idle && !marked) idle = tn__raw_stream_wait(pool, stream);
  pthread_mutex_unlock(&pool->mutex);
  if (marked) idle = tn__raw_event_wait(pool, event);
  if (event != NULL) tn__raw_event_destroy(pool, event);
  return idle;
}

// Takes the heap's free segments out of the pool, so that nobody else finds them.
static tn__segment *detach_free(tn__pool *pool, const tn__heap *heap) {
  tn__segment *detached = NULL;
  pthread_mutex_lock(&pool->mutex);
  for (tn__segment *segment = pool->segments; segment != NULL;) {
    tn__segment *next = segment->next;
    if (segment->heap == heap && tn__segment_is_free(segment)) {
      tn__segment_detach(pool, segment);
      segment->next = detached;
      detached = segment;
    }
    segment = next;
  }
  pthread_mutex_unlock(&pool->mutex);
  return detached;
}

static void give_back_heap(tn__pool *pool, tn__heap *heap) {
  tn__segment *segment = detach_free(pool, heap);
  if (segment == NULL) return;
  bool idle = wait_for_stream(pool, heap);
  while (segment != NULL) {
    tn__segment *next = segment->next;
    if (idle) {
      tn__raw_release(pool, segment->data, segment->size_bytes);
      uncount(pool, segment->size_bytes);
      tn__block_free(segment->first);
      free(segment);
    } else {
      pthread_mutex_lock(&pool->mutex);
      tn__segment_attach(pool, segment);
      pthread_mutex_unlock(&pool->mutex);
    }
    segment = next;
  }
}

static void give_back_cached(tn__pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  tn__pool_poll(pool);
  pthread_mutex_unlock(&pool->mutex);
  for (tn__heap *heap = &pool->heap; heap != NULL; heap = heap_after(pool, heap)) {
    give_back_heap(pool, heap);
  }
}

// Waits for all uses that are recorded by now; false where there were none.
static bool wait_for_uses(tn__pool *pool) {
  bool waited = false;
  for (tn__heap *heap = &pool->heap; heap != NULL; heap = heap_after(pool, heap)) {
    pthread_mutex_lock(&pool->mutex);
    void *event = heap->oldest == NULL ? NULL : heap->newest->event;
    pthread_mutex_unlock(&pool->mutex);
    if (event != NULL) waited |= tn__raw_event_wait(pool, event);
  }
  return waited;
}

static void destroy_spare_uses(tn__pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  tn__use *use = pool->spare_uses;
  pool->spare_uses = NULL;
  pthread_mutex_unlock(&pool->mutex);
  while (use != NULL) {
    tn__use *next = use->next;
    tn__raw_event_destroy(pool, use->event);
    free(use);
    use = next;
  }
}

void tn__pool_give_back(tn__pool *pool, bool final) {
  pthread_mutex_lock(&pool->reclaim);
  if (final) wait_for_uses(pool);
  give_back_cached(pool);
  if (final) destroy_spare_uses(pool);
  pthread_mutex_unlock(&pool->reclaim);
}

// ---- the last attempts -------------------------------------------------------------------------

// What has become free since; a small request may also take from large segments now.
static tn__block *take_any(growth_request *request) {
  tn__pool *pool = request->pool;
  pthread_mutex_lock(&pool->mutex);
  tn__pool_poll(pool);
  tn__block *block = NULL;
  for (int kind = (int)request->kind; block == NULL && kind < TN__SEGMENT_KINDS; kind++) {
    block = tn__heap_take(request->heap, (tn__kind)kind, request->block_bytes);
  }
  pthread_mutex_unlock(&pool->mutex);
  return block;
}

static tn__block *reclaim_and_grow(growth_request *request) {
  tn__pool *pool = request->pool;
  pthread_mutex_lock(&pool->reclaim);
  tn__block *block = take_any(request);
  if (block == NULL) {
    give_back_cached(pool);
    block = add_tight(request);
  }
  if (block == NULL && wait_for_uses(pool)) block = take_any(request);
  if (block == NULL) {
    give_back_cached(pool);
    block = add_tight(request);
  }
  pthread_mutex_unlock(&pool->reclaim);
  return block;
}

static void record_failure(const growth_request *request) {
  tn__pool *pool = request->pool;
  if (request->cause == NO_RECORD) {
    tn__out_of_memory("the record of a segment", sizeof(tn__segment));
  } else if (request->cause == LIMIT || request->status == TN_OUT_OF_MEMORY) {
    tn__memory_exhausted(pool->device, pool, request->block_bytes, request->cause == LIMIT,
                         request->reason);
  } else {
    tn__error(request->status, NULL, "device '%s:%d' fails to give %llu bytes: %s",
              pool->table->name, pool->device.index, (unsigned long long)request->block_bytes,
              request->reason[0] == '\0' ? tn_status_name(request->status) : request->reason);
  }
}

tn__block *tn__pool_grow(tn__pool *pool, tn__heap *heap, tn__kind kind, uint64_t block_bytes) {
  growth_request request;
  request.pool = pool;
  request.heap = heap;
  request.kind = kind;
  request.block_bytes = block_bytes;
  request.reason[0] = '\0';
  tn__block *block = add_shared(&request);
  if (block == NULL && is_out_of_memory(&request)) block = reclaim_and_grow(&request);
  if (block == NULL) record_failure(&request);
  return block;
}
