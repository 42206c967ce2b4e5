// SPDX-License-Identifier: Apache-2.0
//
// pinned: see pinned.h. One list holds the free blocks of all device types, newest first, under one
// lock: pinning is dear and rare, so the list stays short. A block goes onto the list as soon as
// its storage does, used or not, and is taken when the last event in it has passed. Invariant: the
// uses of a block that is not on the list only grow.

#include "pinned.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/autograd.h>
#include <tenon/device.h>
#include <tenon/error.h>

#include "copy.h"
#include "process.h"
#include "stream_impl.h"

enum { MOST_USES = 4, PAGE_BYTES = 4096 };
static const uint64_t KEPT_BYTES = UINT64_C(256) << 20;

typedef struct use {
  tn_stream *stream;  // retained
  tn_event *event;    // behind the last copy on it
} use;

typedef struct pinned_block {
  struct pinned_block *next;
  void *data;
  uint64_t size_bytes;
  int32_t type;
  int32_t use_count;
  use uses[MOST_USES];
} pinned_block;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pinned_block *free_blocks;
static uint64_t kept_bytes;

bool tn__pinned_is_offered(int32_t type) {
  return tn__device_type_at(type)->table.host_allocate != NULL;
}

// ---- blocks ------------------------------------------------------------------------------------

// Whether every use of |block| is over; they are given up then. A question that the backend fails
// to answer counts as no.
static bool is_idle(pinned_block *block) {
  tn__held_error held = tn__error_hold();
  bool idle = true;
  for (int32_t i = 0; i < block->use_count && idle; i++) {
    bool done;
    idle = tn_event_query(block->uses[i].event, &done) == TN_OK && done;
  }
  tn_error_clear();
  tn__error_restore(held);
  for (int32_t i = 0; i < block->use_count && idle; i++) {
    tn_event_release(block->uses[i].event);
    tn_stream_release(block->uses[i].stream);
  }
  if (idle) block->use_count = 0;
  return idle;
}

static void block_free(pinned_block *block) {
  const tn_device_table *table = &tn__device_type_at(block->type)->table;
  table->host_release(table->self, block->data);
  free(block);
}

// Takes the smallest idle block for |size_bytes| that wastes less than half of itself.
static pinned_block *take_free(int32_t type, uint64_t size_bytes) {
  pinned_block **best = NULL;
  pthread_mutex_lock(&mutex);
  for (pinned_block **at = &free_blocks; *at != NULL; at = &(*at)->next) {
    pinned_block *block = *at;
    bool fits = block->type == type && block->size_bytes >= size_bytes &&
                block->size_bytes / 2 <= size_bytes;
    bool better = fits && (best == NULL || block->size_bytes < (*best)->size_bytes);
    if (better && is_idle(block)) best = at;
  }
  pinned_block *taken = best == NULL ? NULL : *best;
  if (taken != NULL) {
    *best = taken->next;
    kept_bytes -= taken->size_bytes;
  }
  pthread_mutex_unlock(&mutex);
  return taken;
}

// Gives idle blocks back to their backends until at most |most| bytes are kept.
static void trim(uint64_t most) {
  pinned_block *given_up = NULL;
  pthread_mutex_lock(&mutex);
  for (pinned_block **at = &free_blocks; *at != NULL && kept_bytes > most;) {
    pinned_block *block = *at;
    if (!is_idle(block)) {
      at = &block->next;
      continue;
    }
    *at = block->next;
    kept_bytes -= block->size_bytes;
    block->next = given_up;
    given_up = block;
  }
  pthread_mutex_unlock(&mutex);
  while (given_up != NULL) {
    pinned_block *next = given_up->next;
    block_free(given_up);
    given_up = next;
  }
}

void tn__pinned_empty_caches(void) { trim(0); }

// A storage's deleter: may be called on any thread. In the child of a fork the lock may be held by
// a thread that is not there.
static void give_back(void *context) {
  pinned_block *block = context;
  if (tn__gate_load() & TN__GATE_FORKED) return;
  pthread_mutex_lock(&mutex);
  block->next = free_blocks;
  free_blocks = block;
  kept_bytes += block->size_bytes;
  bool much = kept_bytes > KEPT_BYTES;
  pthread_mutex_unlock(&mutex);
  if (much && !(tn__gate_load() & TN__GATE_CLOSED)) trim(KEPT_BYTES);
}

static pinned_block *block_new(int32_t type, uint64_t size_bytes) {
  pinned_block *block = tn__calloc(1, sizeof *block);
  if (block == NULL) {
    tn__out_of_memory("a pinned block", sizeof *block);
    return NULL;
  }
  const tn_device_table *table = &tn__device_type_at(type)->table;
  tn__held_error held = tn__error_hold();
  tn_status status = table->host_allocate(table->self, size_bytes, &block->data);
  if (status != TN_OK || block->data == NULL) {
    trim(0);
    status = table->host_allocate(table->self, size_bytes, &block->data);
  }
  tn_error_clear();
  tn__error_restore(held);
  if (status != TN_OK || block->data == NULL) {
    free(block);
    tn__error(TN_OUT_OF_MEMORY, NULL, "out of pinned memory: %llu bytes for devices of type '%s'",
              (unsigned long long)size_bytes, table->name);
    return NULL;
  }
  block->size_bytes = size_bytes;
  block->type = type;
  return block;
}

// ---- storages ----------------------------------------------------------------------------------

tn__storage *tn__pinned_storage(int32_t type, uint64_t size_bytes) {
  uint64_t rounded = (size_bytes + PAGE_BYTES) / PAGE_BYTES * PAGE_BYTES;
  pinned_block *block = take_free(type, rounded);
  if (block == NULL) block = block_new(type, rounded);
  if (block == NULL) return NULL;
  tn__storage *storage = tn__storage_foreign(block->data, size_bytes, TN_DEVICE_CPU,
                                             TN__STORAGE_PINNED, give_back, block);
  if (storage == NULL) {
    give_back(block);
  } else {
    tn__storage_number(storage);
  }
  return storage;
}

tn_tensor *tn__pinned_tensor(int32_t rank, const int64_t *sizes, tn_dtype dtype, int32_t type) {
  int64_t strides[TN_MAX_DIMS];
  tn__contiguous_strides(rank, sizes, strides);
  uint64_t bytes = (uint64_t)tn__numel(rank, sizes, 1) * (uint64_t)tn_dtype_size(dtype);
  tn__storage *storage = tn__pinned_storage(type, bytes);
  if (storage == NULL) return NULL;
  tn_tensor *tensor = tn__tensor_on(storage, rank, sizes, strides, 0, dtype);
  tn__storage_release(storage);
  return tensor;
}

bool tn__pinned_for(const tn__storage *storage, int32_t type) {
  if (storage == NULL || !(storage->flags & TN__STORAGE_PINNED)) return false;
  const pinned_block *block = storage->deleter_context;
  return block->type == type;
}

// ---- uses --------------------------------------------------------------------------------------

// The place for |stream| in |block|, with an event; NULL where there is none. Locked.
static use *use_of(pinned_block *block, tn_stream *stream) {
  for (int32_t i = 0; i < block->use_count; i++) {
    if (block->uses[i].stream == stream) return &block->uses[i];
  }
  if (block->use_count == MOST_USES) return NULL;
  use *added = &block->uses[block->use_count];
  added->event = tn_event_new(stream->device, false);
  if (added->event == NULL) return NULL;
  added->stream = tn_stream_retain(stream);
  block->use_count++;
  return added;
}

tn_status tn__pinned_record_use(tn__storage *storage, tn_stream *stream) {
  tn__held_error held = tn__error_hold();
  pthread_mutex_lock(&mutex);
  use *noted = use_of(storage->deleter_context, stream);
  bool done = noted != NULL && tn_event_record(noted->event, stream) == TN_OK;
  pthread_mutex_unlock(&mutex);
  tn_error_clear();
  tn__error_restore(held);
  return done ? TN_OK : tn__stream_wait(stream);
}

tn_status tn__pinned_wait(const tn__storage *storage) {
  pinned_block *block = storage->deleter_context;
  tn_status first = TN_OK;
  pthread_mutex_lock(&mutex);
  int32_t count = block->use_count;
  pthread_mutex_unlock(&mutex);
  for (int32_t i = 0; i < count; i++) {
    tn_status status = tn_event_synchronize(block->uses[i].event);
    bool done;
    if (status == TN_OK) status = tn_stream_query(block->uses[i].stream, &done);
    if (first == TN_OK) first = status;
  }
  return first;
}

// ---- the public calls --------------------------------------------------------------------------

bool tn_is_pinned(const tn_tensor *self) {
  return !tn__is_absent(self) && self->storage != NULL &&
         (self->storage->flags & TN__STORAGE_PINNED) != 0;
}

static tn_status check_pin(const tn_tensor *self, tn_device *device) {
  if (self == NULL) {
    tn__null_operand("tn_pin_memory", "self");
    return tn__failure();
  }
  if (tn__is_none(self)) return tn__error(TN_INVALID_ARGUMENT, NULL, "tn_pin_memory: no tensor");
  tn_status status = tn__device_resolve(device);
  if (status != TN_OK) return status;
  if (self->device.type != TN__DEVICE_TYPE_CPU) {
    char name[48];
    return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){NULL, "self", NULL, NULL},
                     "tn_pin_memory: only memory of the cpu can be pinned; this is on '%s'",
                     tn_device_name(self->device, name, sizeof name));
  }
  if (tn_grad_mode() && tn_requires_grad(self)) {
    return tn__error(TN_WRONG_STATE,
                     &(tn__error_details){NULL, "self", NULL, "pin tn_detach of it"},
                     "tn_pin_memory: the tensor requires a gradient, which its copy would not");
  }
  return TN_OK;
}

tn_tensor *tn_pin_memory(tn_tensor *self, tn_device device) {
  if (check_pin(self, &device) != TN_OK) return NULL;
  if (tn__pinned_for(self->storage, device.type)) {
    tn__retain_raw(self);
    return tn__give(self);
  }
  bool offered = tn__pinned_is_offered(device.type);
  tn_tensor *copy = offered ? tn__pinned_tensor(self->rank, self->sizes, self->dtype, device.type)
                            : tn__tensor_new(self->rank, self->sizes, self->dtype, TN_DEVICE_CPU);
  if (copy == NULL) return NULL;
  if (tn_copy_to_host(self, copy->data, (size_t)copy->numel * copy->item_bytes, copy->dtype) !=
      TN_OK) {
    tn__release_raw(copy);
    return NULL;
  }
  return tn__give(copy);
}
