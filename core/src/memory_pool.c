// SPDX-License-Identifier: Apache-2.0
//
// memory_pool: see memory_pool.h. Here are blocks: taking the best fit and cutting it, giving a
// block up, waiting for its uses, and joining it with its free neighbours. What this file needs of
// the host's memory it asks for before it changes anything; where a record cannot be had, a block
// stays whole, so that none is ever lost.

#include "memory_pool.h"

#include <stdlib.h>
#include <tenon/error.h>

#include "block_tree.h"
#include "process.h"
#include "tensor_impl.h"

// Blocks are cut at multiples of these, which is also the least that is cut off.
static const uint64_t UNITS[TN__SEGMENT_KINDS] = {512, 64 << 10};
static const uint64_t SMALL_MAX = 1 << 20;

// ---- pools -------------------------------------------------------------------------------------

static _Atomic(tn__pool *) pools[TN__MAX_DEVICE_TYPES][TN__MAX_DEVICES];
static pthread_mutex_t pools_mutex = PTHREAD_MUTEX_INITIALIZER;

static tn__pool *pool_new(tn_device device) {
  tn__pool *pool = tn__calloc(1, sizeof *pool);
  if (pool == NULL) return NULL;
  const tn_device_table *table = &tn__device_type_at(device.type)->table;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_mutex_init(&pool->reclaim, NULL);
  pool->device = device;
  pool->table = table;
  pool->has_events = table->event_create != NULL && table->event_destroy != NULL &&
                     table->event_record != NULL && table->event_query != NULL &&
                     table->event_synchronize != NULL;
  pool->random = 0x9e3779b9;
  pool->heap.pool = pool;
  return pool;
}

static __attribute__((noinline)) tn__pool *first_pool_of(tn_device device) {
  _Atomic(tn__pool *) *slot = &pools[device.type][device.index];
  pthread_mutex_lock(&pools_mutex);
  tn__pool *pool = atomic_load_explicit(slot, memory_order_acquire);
  if (pool == NULL) {
    pool = pool_new(device);
    atomic_store_explicit(slot, pool, memory_order_release);
  }
  pthread_mutex_unlock(&pools_mutex);
  if (pool == NULL) tn__out_of_memory("a device's memory pool", sizeof *pool);
  return pool;
}

tn__pool *tn__pool_of(tn_device device, bool create) {
  tn__pool *pool = atomic_load_explicit(&pools[device.type][device.index], memory_order_acquire);
  return pool != NULL || !create ? pool : first_pool_of(device);
}

void tn__memory_empty_caches(void) {
  tn__host_memory_empty_cache();
  for (int32_t type = TN__DEVICE_TYPE_CPU + 1; type <= tn__device_type_count(); type++) {
    for (int32_t index = 0; index < TN__MAX_DEVICES; index++) {
      tn__pool *pool = tn__pool_of((tn_device){type, index}, false);
      if (pool != NULL) tn__pool_give_back(pool, true);
    }
  }
}

// ---- heaps -------------------------------------------------------------------------------------

tn_stream tn__ended_stream;

tn__heap *tn__pool_heap(tn__pool *pool, tn_stream *stream) {
  tn__heap *ended = NULL;
  for (tn__heap *heap = &pool->heap; heap != NULL; heap = heap->next) {
    tn_stream *owner = tn__heap_stream(heap);
    if (owner == stream) return heap;
    if (owner == &tn__ended_stream) ended = heap;
  }
  if (ended != NULL) {
    atomic_store_explicit(&ended->stream, stream, memory_order_relaxed);
    return ended;
  }
  tn__heap *heap = tn__calloc(1, sizeof *heap);
  if (heap == NULL) return NULL;
  heap->pool = pool;
  atomic_init(&heap->stream, stream);
  heap->next = pool->heap.next;
  pool->heap.next = heap;
  return heap;
}

// ---- blocks ------------------------------------------------------------------------------------

tn__block *tn__block_new(tn__pool *pool) {
  tn__block *block = tn__small_allocate(&tn__tls, sizeof *block);
  if (block == NULL) return NULL;
  uint32_t random = pool->random;  // xorshift32
  random ^= random << 13;
  random ^= random >> 17;
  random ^= random << 5;
  *block = (tn__block){.priority = random, .state = TN__BLOCK_FREE};
  pool->random = random;
  return block;
}

void tn__block_free(tn__block *block) { tn__small_free(&tn__tls, block, sizeof *block); }

static tn__block **tree_of(const tn__block *block) {
  return &block->segment->heap->free[block->segment->kind];
}

// Leaves |size_bytes| in |block| and frees the rest, where that is worth a block.
static void cut(tn__pool *pool, tn__block *block, uint64_t size_bytes) {
  if (block->size_bytes - size_bytes < UNITS[block->segment->kind]) return;
  tn__block *rest = tn__block_new(pool);
  if (rest == NULL) return;
  rest->segment = block->segment;
  rest->data = block->data + size_bytes;
  rest->size_bytes = block->size_bytes - size_bytes;
  rest->before = block;
  rest->after = block->after;
  if (rest->after != NULL) rest->after->before = rest;
  block->after = rest;
  block->size_bytes = size_bytes;
  tn__block_tree_add(tree_of(rest), rest);
}

// Appends |block|'s neighbour to it; neither stands in a tree.
static void join(tn__block *block, tn__block *after) {
  block->size_bytes += after->size_bytes;
  block->after = after->after;
  if (block->after != NULL) block->after->before = block;
  tn__block_free(after);
}

static bool is_free(const tn__block *block) {
  return block != NULL && block->state == TN__BLOCK_FREE;
}

static void hold(tn__pool *pool, tn__block *block) {
  tn_memory_stats *stats = &pool->stats;
  block->state = TN__BLOCK_HELD;
  block->uses = NULL;
  block->pending = 0;
  atomic_store_explicit(&block->maker, NULL, memory_order_relaxed);
  stats->block_count++;
  stats->allocated_bytes += block->size_bytes;
  if (stats->allocated_bytes > stats->allocated_peak_bytes) {
    stats->allocated_peak_bytes = stats->allocated_bytes;
  }
}

static void make_free(tn__block *block) {
  block->state = TN__BLOCK_FREE;
  if (is_free(block->after)) {
    tn__block_tree_remove(block->after);
    join(block, block->after);
  }
  if (is_free(block->before)) {
    tn__block *before = block->before;
    tn__block_tree_remove(before);
    join(before, block);
    block = before;
  }
  tn__block_tree_add(tree_of(block), block);
}

tn__block *tn__heap_take(tn__heap *heap, tn__kind kind, uint64_t size_bytes) {
  tn__block *block = tn__block_tree_best_fit(heap->free[kind], size_bytes);
  if (block == NULL) return NULL;
  tn__block_tree_remove(block);
  cut(heap->pool, block, size_bytes);
  hold(heap->pool, block);
  return block;
}

// ---- segments ----------------------------------------------------------------------------------

static void link_segment(tn__pool *pool, tn__segment *segment) {
  segment->previous = NULL;
  segment->next = pool->segments;
  if (segment->next != NULL) segment->next->previous = segment;
  pool->segments = segment;
}

void tn__heap_add(tn__heap *heap, tn__segment *segment, tn__block *block, uint64_t size_bytes) {
  tn_memory_stats *stats = &heap->pool->stats;
  if (stats->segment_bytes > stats->segment_peak_bytes) {
    stats->segment_peak_bytes = stats->segment_bytes;
  }
  segment->heap = heap;
  segment->first = block;
  block->segment = segment;
  block->data = segment->data;
  block->size_bytes = segment->size_bytes;
  link_segment(heap->pool, segment);
  cut(heap->pool, block, size_bytes);
  hold(heap->pool, block);
}

bool tn__segment_is_free(const tn__segment *segment) {
  return is_free(segment->first) && segment->first->after == NULL;
}

void tn__segment_detach(tn__pool *pool, tn__segment *segment) {
  tn__block_tree_remove(segment->first);
  if (segment->previous == NULL) {
    pool->segments = segment->next;
  } else {
    segment->previous->next = segment->next;
  }
  if (segment->next != NULL) segment->next->previous = segment->previous;
}

void tn__segment_attach(tn__pool *pool, tn__segment *segment) {
  link_segment(pool, segment);
  tn__block_tree_add(tree_of(segment->first), segment->first);
}

// ---- uses --------------------------------------------------------------------------------------

static void spare_use(tn__pool *pool, tn__use *use) {
  use->next = pool->spare_uses;
  pool->spare_uses = use;
}

// A record with an event; NULL with the error recorded.
static tn__use *use_new(tn__pool *pool) {
  tn__use *use = pool->spare_uses;
  if (use != NULL) {
    pool->spare_uses = use->next;
    return use;
  }
  use = tn__calloc(1, sizeof *use);
  if (use != NULL) use->event = tn__raw_event_create(pool);
  if (use != NULL && use->event != NULL) return use;
  if (use == NULL) {
    tn__out_of_memory("the record of a use on another stream", sizeof *use);
  } else {
    tn__error(TN_OUT_OF_MEMORY, NULL, "device '%s:%d' has no event left to wait for a stream with",
              pool->table->name, pool->device.index);
  }
  free(use);
  return NULL;
}

static bool is_noted(const tn__block *block, const tn__heap *heap) {
  if (block->segment->heap == heap) return true;
  const tn__use *use = block->uses;
  while (use != NULL && use->heap != heap) use = use->next;
  return use != NULL;
}

static tn_status note_use(tn__pool *pool, tn__block *block, tn_stream *stream) {
  tn__heap *heap = tn__pool_heap(pool, stream);
  if (heap == NULL) return tn__out_of_memory("the record of a stream", sizeof *heap);
  if (is_noted(block, heap)) return TN_OK;
  tn__use *use = use_new(pool);
  if (use == NULL) return TN_OUT_OF_MEMORY;
  use->block = block;
  use->heap = heap;
  use->next = block->uses;
  block->uses = use;
  return TN_OK;
}

tn_status tn__memory_record_use(tn__storage *storage, tn_stream *stream) {
  if (storage->device.type == TN__DEVICE_TYPE_CPU || storage->block == NULL) return TN_OK;
  const tn__heap *own = storage->block->segment->heap;
  tn__pool *pool = own->pool;
  if (tn__heap_stream(own) == stream || !pool->has_events) return TN_OK;
  pthread_mutex_lock(&pool->mutex);
  tn_status status = note_use(pool, storage->block, stream);
  pthread_mutex_unlock(&pool->mutex);
  return status;
}

// Marks the end of a use on its stream; false where that is over. Where a stream takes no mark it
// is waited for, and where even that fails nothing runs on it.
static bool mark_use(tn__pool *pool, const tn__use *use) {
  tn_stream *stream = tn__heap_stream(use->heap);
  if (stream == &tn__ended_stream || tn__gate_load() & TN__GATE_CLOSED) return false;
  if (tn__raw_event_mark(pool, use->event, stream)) return true;
  tn__raw_stream_wait(pool, stream);
  return false;
}

// Puts each of the block's uses that is not over into its stream's queue.
static void queue_uses(tn__pool *pool, tn__block *block) {
  for (tn__use *use = block->uses; use != NULL;) {
    tn__use *next = use->next;
    if (mark_use(pool, use)) {
      tn__heap *heap = use->heap;
      use->next = NULL;
      *(heap->oldest == NULL ? &heap->oldest : &heap->newest->next) = use;
      heap->newest = use;
      block->pending++;
    } else {
      spare_use(pool, use);
    }
    use = next;
  }
  block->uses = NULL;
}

// The oldest use of the heap's stream is over.
static void end_oldest_use(tn__pool *pool, tn__heap *heap) {
  tn__use *use = heap->oldest;
  tn__block *block = use->block;
  heap->oldest = use->next;
  spare_use(pool, use);
  if (--block->pending != 0) return;
  pool->stats.waiting_bytes -= block->size_bytes;
  make_free(block);
}

void tn__pool_poll(tn__pool *pool) {
  if (pool->stats.waiting_bytes == 0) return;
  for (tn__heap *heap = &pool->heap; heap != NULL; heap = heap->next) {
    while (heap->oldest != NULL && tn__raw_event_passed(pool, heap->oldest->event)) {
      end_oldest_use(pool, heap);
    }
  }
}

void tn__memory_forget_stream(const tn_stream *stream) {
  if (stream->device.type == TN__DEVICE_TYPE_CPU) return;
  tn__pool *pool = tn__pool_of(stream->device, false);
  if (pool == NULL) return;
  pthread_mutex_lock(&pool->mutex);
  tn__heap *heap = &pool->heap;
  while (heap != NULL && tn__heap_stream(heap) != stream) heap = heap->next;
  if (heap != NULL) {
    while (heap->oldest != NULL) end_oldest_use(pool, heap);
    atomic_store_explicit(&heap->stream, &tn__ended_stream, memory_order_relaxed);
  }
  pthread_mutex_unlock(&pool->mutex);
}

// ---- the doors ---------------------------------------------------------------------------------

// The kind and the size of the block that serves |size_bytes|; 0 where none can.
static tn__kind kind_of(uint64_t size_bytes, uint64_t *block_bytes) {
  tn__kind kind = size_bytes <= SMALL_MAX ? TN__SEGMENT_SMALL : TN__SEGMENT_LARGE;
  uint64_t unit = UNITS[kind];
  *block_bytes =
      size_bytes > INT64_MAX ? 0 : (size_bytes + (size_bytes == 0) + unit - 1) / unit * unit;
  return kind;
}

tn__block *tn__memory_allocate(tn_device device, uint64_t size_bytes, tn_stream *stream) {
  tn__pool *pool = tn__pool_of(device, true);
  if (pool == NULL) return NULL;
  uint64_t block_bytes;
  tn__kind kind = kind_of(size_bytes, &block_bytes);
  tn__block *block = NULL;
  pthread_mutex_lock(&pool->mutex);
  pool->stats.allocation_count++;
  tn__heap *heap = tn__pool_heap(pool, stream);
  if (heap != NULL && block_bytes != 0) {
    tn__pool_poll(pool);
    block = tn__heap_take(heap, kind, block_bytes);
    if (block != NULL) pool->stats.reuse_count++;
  }
  pthread_mutex_unlock(&pool->mutex);
  if (block != NULL) return block;
  if (heap == NULL) {
    tn__out_of_memory("the record of a stream", sizeof *heap);
    return NULL;
  }
  if (block_bytes != 0) return tn__pool_grow(pool, heap, kind, block_bytes);
  tn__memory_exhausted(device, pool, size_bytes, false, "");
  return NULL;
}

void tn__memory_release(tn__block *block) {
  // In the child of a fork a lock may be held for good, and the memory is its parent's.
  if (tn__gate_load() & TN__GATE_FORKED) return;
  tn__pool *pool = block->segment->heap->pool;
  pthread_mutex_lock(&pool->mutex);
  pool->stats.allocated_bytes -= block->size_bytes;
  pool->stats.block_count--;
  if (block->uses != NULL) queue_uses(pool, block);
  if (block->pending != 0) {
    block->state = TN__BLOCK_WAITING;
    pool->stats.waiting_bytes += block->size_bytes;
  } else {
    make_free(block);
  }
  pthread_mutex_unlock(&pool->mutex);
}

void *tn__block_data(const tn__block *block) { return block->data; }

void tn__memory_made_by(tn__storage *storage, const char *maker) {
  if (storage->device.type == TN__DEVICE_TYPE_CPU || storage->block == NULL) return;
  atomic_store_explicit(&storage->block->maker, maker, memory_order_relaxed);
}
