// SPDX-License-Identifier: Apache-2.0
//
// memory_device: what the allocator asks of a backend. None of these calls is what the program
// asked for, so an error that the backend records on the way is taken off again, and one that the
// thread already had stays.

#include <stdio.h>
#include <tenon/error.h>

#include "log.h"
#include "memory_pool.h"

enum { ALIGNMENT = 64 };

// What the backend recorded, as text.
static void copy_reason(char *reason, size_t reason_size) {
  const tn_error *error = tn_error_peek();
  snprintf(reason, reason_size, "%s", error == NULL ? "" : error->message);
}

static void drop_error(tn__held_error held) {
  tn_error_clear();
  tn__error_restore(held);
}

tn_status tn__raw_allocate(const tn__pool *pool, uint64_t size_bytes, void **data, char *reason,
                           size_t reason_size) {
  const tn_device_table *table = pool->table;
  int32_t index = pool->device.index;
  *data = NULL;
  tn__held_error held = tn__error_hold();
  tn_status status = table->allocate(table->self, index, size_bytes, data);
  copy_reason(reason, reason_size);
  if (status == TN_OK && *data == NULL) {
    status = TN_INTERNAL;
    snprintf(reason, reason_size, "its allocate() succeeded and gave no memory");
  } else if (status == TN_OK && (uintptr_t)*data % ALIGNMENT != 0) {
    status = TN_INTERNAL;
    snprintf(reason, reason_size, "its allocate() gave %p, which is not aligned to %d bytes", *data,
             ALIGNMENT);
    table->release(table->self, index, *data, size_bytes);
  }
  if (status != TN_OK) *data = NULL;
  drop_error(held);
  return status;
}

void tn__raw_release(const tn__pool *pool, void *data, uint64_t size_bytes) {
  tn__held_error held = tn__error_hold();
  pool->table->release(pool->table->self, pool->device.index, data, size_bytes);
  drop_error(held);
}

void *tn__raw_event_create(const tn__pool *pool) {
  void *event = NULL;
  tn__held_error held = tn__error_hold();
  const tn_device_table *table = pool->table;
  if (table->event_create(table->self, pool->device.index, false, &event) != TN_OK) event = NULL;
  drop_error(held);
  return event;
}

void tn__raw_event_destroy(const tn__pool *pool, void *event) {
  pool->table->event_destroy(pool->table->self, pool->device.index, event);
}

bool tn__raw_event_mark(const tn__pool *pool, void *event, const tn_stream *stream) {
  tn__held_error held = tn__error_hold();
  const tn_device_table *table = pool->table;
  tn_status status =
      table->event_record(table->self, pool->device.index, event, tn__stream_native(stream));
  drop_error(held);
  return status == TN_OK;
}

bool tn__raw_event_passed(const tn__pool *pool, void *event) {
  bool passed = false;
  tn__held_error held = tn__error_hold();
  const tn_device_table *table = pool->table;
  tn_status status = table->event_query(table->self, pool->device.index, event, &passed);
  drop_error(held);
  return status == TN_OK && passed;
}

bool tn__raw_event_wait(const tn__pool *pool, void *event) {
  tn__held_error held = tn__error_hold();
  const tn_device_table *table = pool->table;
  tn_status status = table->event_synchronize(table->self, pool->device.index, event);
  drop_error(held);
  return status == TN_OK;
}

bool tn__raw_stream_wait(const tn__pool *pool, const tn_stream *stream) {
  const tn_device_table *table = pool->table;
  if (table->stream_synchronize == NULL) return true;
  tn__held_error held = tn__error_hold();
  tn_status status =
      table->stream_synchronize(table->self, pool->device.index, tn__stream_native(stream));
  if (status != TN_OK) {
    const tn_error *error = tn_error_peek();
    tn__log(TN__LOG_WARNING, "memory", "waiting for a stream of '%s:%d' failed: %s", table->name,
            pool->device.index, error == NULL ? tn_status_name(status) : error->message);
  }
  drop_error(held);
  return status == TN_OK;
}
