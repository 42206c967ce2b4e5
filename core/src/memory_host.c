// SPDX-License-Identifier: Apache-2.0
//
// memory_host: blocks of host memory, kept for reuse. Sizes are rounded up to an eighth of a power
// of two, so that a freed block serves the next request of its class; what is kept back is bounded,
// and given up before an allocation is said to fail. Blocks of 2 MiB and more are aligned to huge
// pages: faulting in fresh pages costs several times the arithmetic on them. The host is one
// synchronous stream, so a freed block is free. Small storages never come here (storage.c).

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory_pool.h"
#include "process.h"

enum { MIN_SHIFT = 10, STEPS = 8, CLASSES = (48 - MIN_SHIFT) * STEPS };
static const uint64_t HUGE_PAGE = UINT64_C(2) << 20;

// Records stand apart from the blocks, whose pages may never have been touched.
typedef struct cached_block {
  struct cached_block *next;
  void *data;
} cached_block;

// Each block counts as a segment of its own.
static struct {
  pthread_mutex_t mutex;
  cached_block *lists[CLASSES];
  uint64_t cached_bytes;
  tn_memory_stats stats;
} host = {.mutex = PTHREAD_MUTEX_INITIALIZER};

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

static void *raw_allocate(uint64_t size_bytes) {
  if (size_bytes < HUGE_PAGE) return tn__allocate(size_bytes);
  uint64_t rounded = (size_bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
  if (rounded < size_bytes || rounded > PTRDIFF_MAX) return NULL;
  void *data = tn__aligned_alloc(HUGE_PAGE, rounded);
  if (data != NULL) madvise(data, rounded, MADV_HUGEPAGE);
  return data;
}

// How much may be kept back: a quarter of the machine's memory, where that is known.
static uint64_t cache_limit(void) {
  static _Atomic uint64_t known;
  uint64_t limit = atomic_load_explicit(&known, memory_order_relaxed);
  if (limit == 0) {
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    limit = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 4
                                        : UINT64_C(1) << 30;
    atomic_store_explicit(&known, limit, memory_order_relaxed);
  }
  return limit;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CACHE_BLOCKS = 0 };  // let the sanitizer see each block's own life
#else
enum { CACHE_BLOCKS = 1 };
#endif

// ---- counting, with the mutex held -------------------------------------------------------------

static void raise_peak(uint64_t bytes, uint64_t *peak) {
  if (bytes > *peak) *peak = bytes;
}

static void count_taken(uint64_t bytes) {
  host.stats.allocation_count++;
  host.stats.block_count++;
  host.stats.allocated_bytes += bytes;
  raise_peak(host.stats.allocated_bytes, &host.stats.allocated_peak_bytes);
}

static void count_released(uint64_t bytes) {
  host.stats.block_count--;
  host.stats.allocated_bytes -= bytes;
}

static bool is_allowed(uint64_t bytes) {
  uint64_t limit = host.stats.limit_bytes, held = host.stats.segment_bytes;
  return limit == 0 || (held <= limit && bytes <= limit - held);
}

static void uncount_segment(uint64_t bytes) {
  host.stats.segment_count--;
  host.stats.segment_bytes -= bytes;
}

// ---- taking ------------------------------------------------------------------------------------

// A kept block of the class, counted as taken; else counts a segment to come. |allowed|: false
// where the limit stands against that.
static cached_block *take_or_reserve(int class_index, uint64_t bytes, bool *allowed) {
  pthread_mutex_lock(&host.mutex);
  cached_block *kept = class_index >= 0 ? host.lists[class_index] : NULL;
  *allowed = kept != NULL || is_allowed(bytes);
  if (kept != NULL) {
    host.lists[class_index] = kept->next;
    host.cached_bytes -= bytes;
    host.stats.reuse_count++;
    count_taken(bytes);
  } else if (*allowed) {
    host.stats.segment_count++;
    host.stats.segment_bytes += bytes;
  }
  pthread_mutex_unlock(&host.mutex);
  return kept;
}

// Asks the system for what is reserved.
static void *fill_reserved(uint64_t bytes) {
  void *data = raw_allocate(bytes);
  pthread_mutex_lock(&host.mutex);
  if (data != NULL) {
    raise_peak(host.stats.segment_bytes, &host.stats.segment_peak_bytes);
    count_taken(bytes);
  } else {
    uncount_segment(bytes);
  }
  pthread_mutex_unlock(&host.mutex);
  return data;
}

static void *take(int class_index, uint64_t bytes, bool *allowed) {
  cached_block *kept = take_or_reserve(class_index, bytes, allowed);
  if (kept == NULL) return *allowed ? fill_reserved(bytes) : NULL;
  void *data = kept->data;
  tn__small_free(&tn__tls, kept, sizeof *kept);
  return data;
}

static void record_failure(uint64_t bytes, bool allowed) {
  pthread_mutex_lock(&host.mutex);
  host.stats.allocation_count++;
  host.stats.out_of_memory_count++;
  pthread_mutex_unlock(&host.mutex);
  tn__memory_exhausted(TN_DEVICE_CPU, NULL, bytes, !allowed, "");
}

void *tn__host_memory_allocate(uint64_t size_bytes, uint64_t *block_bytes) {
  int class_index = size_class(size_bytes, block_bytes);
  bool allowed;
  void *data = take(class_index, *block_bytes, &allowed);
  if (data != NULL) return data;
  tn__host_memory_empty_cache();
  data = take(class_index, *block_bytes, &allowed);
  if (data == NULL) record_failure(*block_bytes, allowed);
  return data;
}

// ---- giving up ---------------------------------------------------------------------------------

void tn__host_memory_release(void *data, uint64_t block_bytes) {
  if (__builtin_expect((tn__gate_load() & TN__GATE_FORKED) != 0, 0)) {
    tn__deallocate(data);  // the lock may be held for good
    return;
  }
  uint64_t rounded;
  int class_index = size_class(block_bytes, &rounded);
  tn__thread *thread = &tn__tls;
  cached_block *record = NULL;
  if (CACHE_BLOCKS && class_index >= 0) record = tn__small_allocate(thread, sizeof *record);
  pthread_mutex_lock(&host.mutex);
  count_released(block_bytes);
  bool keep = record != NULL && host.cached_bytes + block_bytes <= cache_limit();
  if (keep) {
    *record = (cached_block){host.lists[class_index], data};
    host.lists[class_index] = record;
    host.cached_bytes += block_bytes;
  } else {
    uncount_segment(block_bytes);
  }
  pthread_mutex_unlock(&host.mutex);
  if (keep) return;
  if (record != NULL) tn__small_free(thread, record, sizeof *record);
  tn__deallocate(data);
}

// The size that blocks of a class have.
static uint64_t class_bytes(int class_index) {
  uint64_t power = UINT64_C(1) << (class_index / STEPS + MIN_SHIFT);
  return power + (uint64_t)(class_index % STEPS) * power / STEPS;
}

void tn__host_memory_empty_cache(void) {
  cached_block *lists[CLASSES];
  pthread_mutex_lock(&host.mutex);
  memcpy(lists, host.lists, sizeof lists);
  memset(host.lists, 0, sizeof host.lists);
  host.cached_bytes = 0;
  for (int i = 0; i < CLASSES; i++) {
    for (const cached_block *block = lists[i]; block != NULL; block = block->next) {
      uncount_segment(class_bytes(i));
    }
  }
  pthread_mutex_unlock(&host.mutex);
  for (int i = 0; i < CLASSES; i++) {
    while (lists[i] != NULL) {
      cached_block *block = lists[i];
      lists[i] = block->next;
      tn__deallocate(block->data);
      tn__small_free(&tn__tls, block, sizeof *block);
    }
  }
}

__attribute__((destructor)) static void memory_end(void) { tn__host_memory_empty_cache(); }

// ---- what the public header asks ---------------------------------------------------------------

void tn__host_memory_stats(tn_memory_stats *stats) {
  pthread_mutex_lock(&host.mutex);
  *stats = host.stats;
  pthread_mutex_unlock(&host.mutex);
}

void tn__host_memory_reset_peaks(void) {
  pthread_mutex_lock(&host.mutex);
  host.stats.allocated_peak_bytes = host.stats.allocated_bytes;
  host.stats.segment_peak_bytes = host.stats.segment_bytes;
  pthread_mutex_unlock(&host.mutex);
}

void tn__host_memory_limit(uint64_t limit_bytes) {
  pthread_mutex_lock(&host.mutex);
  host.stats.limit_bytes = limit_bytes;
  pthread_mutex_unlock(&host.mutex);
}
