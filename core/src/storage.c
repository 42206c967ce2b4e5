// SPDX-License-Identifier: Apache-2.0
//
// storage: the bytes that a tensor and its views share. Small host storages stand in one block with
// their data, from the thread's cache; others take a block of the device's. Ids are handed to
// threads in ranges, so that numbering storages touches no shared line.

#include <stdlib.h>
#include <string.h>

#include "memory_pool.h"
#include "tensor_impl.h"
#include "trace.h"

enum { HEADER_BYTES = 128, INLINE_MAX = TN__SMALL_MAX_BYTES - HEADER_BYTES, ID_RANGE = 4096 };
_Static_assert(sizeof(tn__storage) <= HEADER_BYTES, "inline data starts behind the header");

static _Atomic uint64_t next_id_range = 1;

static uint64_t new_id(tn__thread *thread) {
  if (thread->next_id == thread->last_id) {
    thread->next_id = atomic_fetch_add_explicit(&next_id_range, ID_RANGE, memory_order_relaxed);
    thread->last_id = thread->next_id + ID_RANGE;
  }
  return thread->next_id++;
}

static inline void storage_init(tn__storage *storage, tn__thread *thread, uint64_t size_bytes,
                                tn_device device, uint32_t flags) {
  atomic_init(&storage->refs, 1);
  storage->flags = flags;
  storage->device = device;
  storage->size_bytes = size_bytes;
  atomic_init(&storage->id, new_id(thread));
  atomic_init(&storage->version, 0);
  storage->deleter = NULL;
}

static inline tn__storage *storage_new_inline(tn__thread *thread, uint64_t size_bytes) {
  uint64_t block_bytes = HEADER_BYTES + (size_bytes == 0 ? 1 : size_bytes);
  tn__storage *storage = tn__small_allocate(thread, block_bytes);
  if (__builtin_expect(storage == NULL, 0)) {
    tn__out_of_memory("a tensor", block_bytes);
    return NULL;
  }
  storage_init(storage, thread, size_bytes, TN_DEVICE_CPU, TN__STORAGE_INLINE);
  storage->block_bytes = block_bytes;
  storage->data = (char *)storage + HEADER_BYTES;
  return storage;
}

// Gives |storage| its bytes; false with the error recorded.
static bool allocate_host(tn__storage *storage) {
  uint64_t size_bytes = storage->size_bytes == 0 ? 1 : storage->size_bytes;
  storage->data = tn__host_memory_allocate(size_bytes, &storage->block_bytes);
  return storage->data != NULL;
}

static bool allocate_device(tn__storage *storage, tn__thread *thread) {
  tn_stream *stream = tn__stream_current(thread, storage->device);
  storage->block = tn__memory_allocate(storage->device, storage->size_bytes, stream);
  if (storage->block == NULL) return false;
  storage->data = tn__block_data(storage->block);
  return true;
}

static __attribute__((noinline)) tn__storage *storage_new_apart(uint64_t size_bytes,
                                                                tn_device device) {
  tn__thread *thread = &tn__tls;
  tn__storage *storage = tn__small_allocate(thread, sizeof *storage);
  if (storage == NULL) {
    tn__out_of_memory("a tensor", sizeof *storage);
    return NULL;
  }
  storage_init(storage, thread, size_bytes, device, 0);
  bool on_cpu = device.type == TN__DEVICE_TYPE_CPU;
  if (on_cpu ? allocate_host(storage) : allocate_device(storage, thread)) {
    if (tn__is_traced()) tn__trace_memory(device);
    return storage;
  }
  tn__small_free(thread, storage, sizeof *storage);
  return NULL;
}

// The small one needs no more registers than a leaf function has.
tn__storage *tn__storage_new(uint64_t size_bytes, tn_device device) {
  if (device.type == TN__DEVICE_TYPE_CPU && size_bytes <= INLINE_MAX) {
    return storage_new_inline(&tn__tls, size_bytes);
  }
  return storage_new_apart(size_bytes, device);
}

tn__storage *tn__storage_foreign(void *data, uint64_t size_bytes, tn_device device, uint32_t flags,
                                 void (*deleter)(void *context), void *context) {
  tn__thread *thread = &tn__tls;
  tn__storage *storage = tn__small_allocate(thread, sizeof *storage);
  if (storage == NULL) {
    tn__out_of_memory("a tensor", sizeof *storage);
    return NULL;
  }
  storage_init(storage, thread, size_bytes, device, flags);
  atomic_init(&storage->id, 0);
  storage->block = NULL;
  storage->data = data;
  storage->deleter = deleter;
  storage->deleter_context = context;
  return storage;
}

void tn__storage_number(tn__storage *storage) { atomic_init(&storage->id, new_id(&tn__tls)); }

static __attribute__((noinline)) void storage_free_apart(tn__storage *storage) {
  bool foreign = storage->deleter != NULL;
  if (foreign) {
    storage->deleter(storage->deleter_context);
  } else if (storage->device.type != TN__DEVICE_TYPE_CPU) {
    if (storage->block != NULL) tn__memory_release(storage->block);
  } else if (storage->block_bytes != 0) {
    tn__host_memory_release(storage->data, storage->block_bytes);
  }
  if (tn__is_traced() && !foreign) tn__trace_memory(storage->device);
  tn__small_free(&tn__tls, storage, sizeof *storage);
}

void tn__storage_free(tn__storage *storage) {
  if (storage->flags & TN__STORAGE_INLINE) {
    tn__small_free(&tn__tls, storage, storage->block_bytes);
  } else {
    storage_free_apart(storage);
  }
}
