// SPDX-License-Identifier: Apache-2.0
//
// memory: blocks of device memory, kept for reuse. Sizes are rounded up to an eighth of a power of
// two, so that a freed block serves the next request of its class; what a device holds back is
// bounded, and given up before an allocation is said to fail. Host blocks of 2 MiB and more are
// aligned to huge pages: faulting in fresh pages costs several times the arithmetic on them.

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <tenon/error.h>
#include <unistd.h>

#include "device_type.h"
#include "thread.h"

enum { MIN_SHIFT = 10, STEPS = 8, CLASSES = (48 - MIN_SHIFT) * STEPS };
static const uint64_t HUGE_PAGE = UINT64_C(2) << 20;

typedef struct cached_block {
  struct cached_block *next;
  void *data;
} cached_block;

// One device's cache. Records of cached blocks stand apart from the blocks, which the host may not
// be able to touch.
typedef struct device_cache {
  pthread_mutex_t mutex;
  cached_block *lists[CLASSES];
  uint64_t cached_bytes;
} device_cache;

static _Atomic(device_cache *) caches[TN__MAX_DEVICE_TYPES][TN__MAX_DEVICES];
static pthread_mutex_t caches_mutex = PTHREAD_MUTEX_INITIALIZER;

// The class of a size, and the size that blocks of the class have; -1 for what is never cached.
static int size_class(uint64_t size, uint64_t *rounded) {
  if (size < (UINT64_C(1) << MIN_SHIFT)) size = UINT64_C(1) << MIN_SHIFT;
  int shift = 63 - __builtin_clzll(size);
  if (shift >= 47) {
    *rounded = size;
    return -1;
  }
  uint64_t step = (UINT64_C(1) << shift) / STEPS;
  uint64_t steps = (size - (UINT64_C(1) << shift) + step - 1) / step;
  *rounded = (UINT64_C(1) << shift) + steps * step;
  return (shift - MIN_SHIFT) * STEPS + (int)steps;
}

static device_cache *cache_of(tn_device device) {
  _Atomic(device_cache *) *slot = &caches[device.type][device.index];
  device_cache *cache = atomic_load_explicit(slot, memory_order_acquire);
  if (cache != NULL) return cache;
  pthread_mutex_lock(&caches_mutex);
  cache = atomic_load_explicit(slot, memory_order_acquire);
  if (cache == NULL) {
    cache = tn__calloc(1, sizeof *cache);
    if (cache != NULL) {
      pthread_mutex_init(&cache->mutex, NULL);
      atomic_store_explicit(slot, cache, memory_order_release);
    }
  }
  pthread_mutex_unlock(&caches_mutex);
  return cache;
}

static void *host_allocate(uint64_t size_bytes) {
  if (size_bytes < HUGE_PAGE) return tn__allocate(size_bytes);
  uint64_t rounded = (size_bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
  if (rounded < size_bytes || rounded > PTRDIFF_MAX) return NULL;
  void *data = tn__aligned_alloc(HUGE_PAGE, rounded);
  if (data != NULL) madvise(data, rounded, MADV_HUGEPAGE);
  return data;
}

static void *raw_allocate(tn_device device, uint64_t size_bytes) {
  if (device.type == TN__DEVICE_TYPE_CPU) return host_allocate(size_bytes);
  const tn_device_table *table = &tn__device_type_at(device.type)->table;
  void *data = NULL;
  if (table->allocate(table->self, device.index, size_bytes, &data) != TN_OK) return NULL;
  return data;
}

static void raw_release(tn_device device, void *data, uint64_t size_bytes) {
  if (device.type == TN__DEVICE_TYPE_CPU) {
    tn__deallocate(data);
    return;
  }
  const tn_device_table *table = &tn__device_type_at(device.type)->table;
  table->release(table->self, device.index, data, size_bytes);
}

// How much a device may hold back: half of its memory, where that is known.
static uint64_t cache_limit(tn_device device) {
  static _Atomic uint64_t host_limit;
  if (device.type != TN__DEVICE_TYPE_CPU) return UINT64_C(4) << 30;
  uint64_t limit = atomic_load_explicit(&host_limit, memory_order_relaxed);
  if (limit == 0) {
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    limit = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 4
                                        : UINT64_C(1) << 30;
    atomic_store_explicit(&host_limit, limit, memory_order_relaxed);
  }
  return limit;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CACHE_HOST_BLOCKS = 0 };  // let the sanitizer see each block's own life
#else
enum { CACHE_HOST_BLOCKS = 1 };
#endif

static bool is_cached(tn_device device, int class_index) {
  return class_index >= 0 && (CACHE_HOST_BLOCKS || device.type != TN__DEVICE_TYPE_CPU);
}

static void empty_cache(tn_device device, device_cache *cache) {
  pthread_mutex_lock(&cache->mutex);
  for (int i = 0; i < CLASSES; i++) {
    while (cache->lists[i] != NULL) {
      cached_block *block = cache->lists[i];
      cache->lists[i] = block->next;
      uint64_t shift = (uint64_t)(i / STEPS) + MIN_SHIFT;
      uint64_t bytes =
          (UINT64_C(1) << shift) + (uint64_t)(i % STEPS) * (UINT64_C(1) << shift) / STEPS;
      raw_release(device, block->data, bytes);
      free(block);
    }
  }
  cache->cached_bytes = 0;
  pthread_mutex_unlock(&cache->mutex);
}

void tn__memory_empty_caches(void) {
  for (int32_t type = 1; type < TN__MAX_DEVICE_TYPES; type++) {
    for (int32_t index = 0; index < TN__MAX_DEVICES; index++) {
      device_cache *cache = atomic_load_explicit(&caches[type][index], memory_order_acquire);
      if (cache != NULL) empty_cache((tn_device){type, index}, cache);
    }
  }
}

static void *cache_take(device_cache *cache, int class_index, uint64_t bytes) {
  pthread_mutex_lock(&cache->mutex);
  cached_block *block = cache->lists[class_index];
  if (block != NULL) {
    cache->lists[class_index] = block->next;
    cache->cached_bytes -= bytes;
  }
  pthread_mutex_unlock(&cache->mutex);
  if (block == NULL) return NULL;
  void *data = block->data;
  free(block);
  return data;
}

void *tn__memory_allocate(tn_device device, uint64_t size_bytes, uint64_t *block_bytes) {
  int class_index = size_class(size_bytes, block_bytes);
  device_cache *cache = is_cached(device, class_index) ? cache_of(device) : NULL;
  if (cache != NULL) {
    void *data = cache_take(cache, class_index, *block_bytes);
    if (data != NULL) return data;
  }
  void *data = raw_allocate(device, *block_bytes);
  if (data == NULL && cache != NULL) {
    tn_error_clear();
    empty_cache(device, cache);
    data = raw_allocate(device, *block_bytes);
  }
  return data;
}

void tn__memory_release(tn_device device, void *data, uint64_t block_bytes) {
  uint64_t rounded;
  int class_index = size_class(block_bytes, &rounded);
  device_cache *cache = is_cached(device, class_index) ? cache_of(device) : NULL;
  cached_block *block = NULL;
  if (cache != NULL && cache->cached_bytes + block_bytes <= cache_limit(device)) {
    block = tn__malloc(sizeof *block);
  }
  if (block == NULL) {
    raw_release(device, data, block_bytes);
    return;
  }
  block->data = data;
  pthread_mutex_lock(&cache->mutex);
  block->next = cache->lists[class_index];
  cache->lists[class_index] = block;
  cache->cached_bytes += block_bytes;
  pthread_mutex_unlock(&cache->mutex);
}

__attribute__((destructor)) static void memory_end(void) {
  device_cache *cache = atomic_load_explicit(&caches[TN__DEVICE_TYPE_CPU][0], memory_order_acquire);
  if (cache == NULL) return;
  empty_cache(TN_DEVICE_CPU, cache);
}
