// SPDX-License-Identifier: Apache-2.0
//
// stream: making, ordering and waiting for streams, and the calling thread's current ones. What a
// device without streams is asked for is done when the call returns, so that every call is legal
// on it. Faults surface here: whoever waits for a stream first gets its fault, with the operator's
// name where the backend knows it and the newest operator's where it does not.

#include "stream_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>

#include "log.h"
#include "memory.h"
#include "process.h"

static _Atomic uint32_t next_id = 1;
_Atomic bool tn__streams_made;

tn__device_streams tn__cpu_streams = {.first = {.device = {TN__DEVICE_TYPE_CPU, 0}},
                                      .event_mutex = PTHREAD_MUTEX_INITIALIZER,
                                      .mutex = PTHREAD_MUTEX_INITIALIZER};

// ---- devices -----------------------------------------------------------------------------------

tn__device_streams *tn__device_streams_new(int32_t type, int32_t count) {
  tn__device_streams *streams = tn__calloc((size_t)(count < 1 ? 1 : count), sizeof *streams);
  if (streams == NULL) return NULL;
  for (int32_t i = 0; i < count; i++) {
    streams[i].first.device = (tn_device){type, i};
    pthread_mutex_init(&streams[i].event_mutex, NULL);
    pthread_mutex_init(&streams[i].mutex, NULL);
  }
  return streams;
}

static tn__device_streams *streams_of(tn_device device) {
  return &tn__device_type_at(device.type)->streams[device.index];
}

tn_stream *tn__stream_default(tn_device device) { return &streams_of(device)->first; }

static bool is_closed(void) { return (tn__gate_load() & TN__GATE_CLOSED) != 0; }

// ---- faults ------------------------------------------------------------------------------------

static const char *stream_name(const tn_stream *stream, char *buffer, size_t size) {
  char device[48];
  tn_device_name(stream->device, device, sizeof device);
  if (stream->id == 0) {
    snprintf(buffer, size, "device '%s', the default stream", device);
  } else {
    snprintf(buffer, size, "device '%s', stream %u", device, stream->id);
  }
  return buffer;
}

tn_status tn__stream_fault(tn_stream *stream, tn_status status, bool was_ok, const char *doing) {
  char where[96];
  stream_name(stream, where, sizeof where);
  if (!tn_ok()) {
    if (was_ok) tn__error_note(" [%s]", where);
    return status;
  }
  const char *newest = atomic_load_explicit(&stream->newest, memory_order_relaxed);
  const tn__error_details details = {
      newest, NULL, NULL, "synchronise after each call to see which one it is that fails"};
  return tn__error(status, &details, "%s failed (%s) on %s%s%s", doing, tn_status_name(status),
                   where, newest == NULL ? "" : "; enqueued last: ", newest == NULL ? "" : newest);
}

// Keeps what the thread's error says for the next who waits for the device. Mutex held.
static void keep_lost_fault(tn__device_streams *streams, tn_status status) {
  const tn_error *error = tn_error_peek();
  const char *message = error == NULL ? "a stream failed" : error->message;
  tn__log(TN__LOG_ERROR, "stream", "%s", message);
  if (streams->lost_status != TN_OK) return;
  streams->lost_status = status;
  snprintf(streams->lost_fault, sizeof streams->lost_fault, "%s", message);
}

static tn_status report_lost_fault(tn__device_streams *streams) {
  tn_status status = streams->lost_status;
  if (status == TN_OK) return TN_OK;
  streams->lost_status = TN_OK;
  return tn__error(status, NULL, "%s (on a stream that was released before anybody waited for it)",
                   streams->lost_fault);
}

// ---- waiting -----------------------------------------------------------------------------------

tn_status tn__stream_wait(tn_stream *stream) {
  const tn_device_table *table = tn__stream_table(stream);
  if (!tn__has_streams(table)) return TN_OK;
  bool was_ok = tn_ok();
  tn_status status = table->stream_synchronize(table->self, stream->device.index, stream->native);
  return status == TN_OK ? TN_OK : tn__stream_fault(stream, status, was_ok, "waiting");
}

// The mutex is held throughout, so that no stream ends or appears meanwhile.
tn_status tn__streams_wait(tn_device device) {
  const tn_device_table *table = &tn__device_type_at(device.type)->table;
  if (!tn__has_streams(table)) return TN_OK;
  tn__device_streams *streams = streams_of(device);
  pthread_mutex_lock(&streams->mutex);
  tn_status first = report_lost_fault(streams);
  tn_status status = tn__stream_wait(&streams->first);
  if (first == TN_OK) first = status;
  for (tn_stream *stream = streams->others; stream != NULL; stream = stream->next) {
    status = tn__stream_wait(stream);
    if (first == TN_OK) first = status;
  }
  pthread_mutex_unlock(&streams->mutex);
  return first;
}

void tn__streams_finish(void) {
  tn__held_error held = tn__error_hold();
  for (int32_t type = 1; type <= tn__device_type_count(); type++) {
    const tn__device_type *entry = tn__device_type_at(type);
    for (int32_t i = 0; i < entry->count; i++) {
      if (tn__streams_wait((tn_device){type, i}) == TN_OK) continue;
      tn__log(TN__LOG_ERROR, "stream", "%s", tn_ok() ? "" : tn_error_peek()->message);
      tn_error_clear();
    }
  }
  tn__error_restore(held);
}

tn_status tn_stream_synchronize(tn_stream *stream) {
  if (stream == NULL) {
    tn__null_argument("tn_stream_synchronize", "stream");
    return tn__failure();
  }
  return tn__stream_wait(stream);
}

tn_status tn_stream_query(tn_stream *stream, bool *done) {
  if (stream == NULL || done == NULL) {
    tn__null_argument("tn_stream_query", stream == NULL ? "stream" : "done");
    return tn__failure();
  }
  *done = true;
  const tn_device_table *table = tn__stream_table(stream);
  if (!tn__has_streams(table)) return TN_OK;
  bool was_ok = tn_ok();
  tn_status status = table->stream_query(table->self, stream->device.index, stream->native, done);
  return status == TN_OK ? TN_OK : tn__stream_fault(stream, status, was_ok, "asking");
}

// ---- orders between streams --------------------------------------------------------------------

// A native event without timing, kept or new.
static tn_status event_take(tn_stream *stream, void **event) {
  tn__device_streams *streams = streams_of(stream->device);
  const tn_device_table *table = tn__stream_table(stream);
  *event = NULL;
  pthread_mutex_lock(&streams->event_mutex);
  if (streams->event_count > 0) *event = streams->events[--streams->event_count];
  pthread_mutex_unlock(&streams->event_mutex);
  if (*event != NULL) return TN_OK;
  return table->event_create(table->self, stream->device.index, false, event);
}

static void event_give_back(tn_stream *stream, void *event) {
  tn__device_streams *streams = streams_of(stream->device);
  pthread_mutex_lock(&streams->event_mutex);
  bool kept = streams->event_count < TN__KEPT_EVENTS;
  if (kept) streams->events[streams->event_count++] = event;
  pthread_mutex_unlock(&streams->event_mutex);
  const tn_device_table *table = tn__stream_table(stream);
  if (!kept) table->event_destroy(table->self, stream->device.index, event);
}

static tn_status order_mismatch(const tn_stream *later, const tn_stream *earlier) {
  char a[48], b[48];
  return tn__error(TN_DEVICE_MISMATCH,
                   &(tn__error_details){NULL, NULL, NULL, "synchronise the other stream instead"},
                   "a stream of device '%s' cannot wait for device '%s', which is of another type",
                   tn_device_name(later->device, a, sizeof a),
                   tn_device_name(earlier->device, b, sizeof b));
}

tn_status tn__stream_order(tn_stream *later, tn_stream *earlier) {
  const tn_device_table *table = tn__stream_table(earlier);
  if (later == earlier || !tn__has_streams(table)) return TN_OK;
  if (!tn__has_streams(tn__stream_table(later))) return tn__stream_wait(earlier);
  if (later->device.type != earlier->device.type) return order_mismatch(later, earlier);
  bool was_ok = tn_ok();
  void *event;
  tn_status status = event_take(earlier, &event);
  if (status != TN_OK) return tn__stream_fault(earlier, status, was_ok, "making an event");
  status = table->event_record(table->self, earlier->device.index, event, earlier->native);
  if (status == TN_OK) {
    status = table->stream_wait_event(table->self, later->device.index, later->native, event);
  }
  event_give_back(earlier, event);
  return status == TN_OK ? TN_OK : tn__stream_fault(later, status, was_ok, "ordering two streams");
}

tn_status tn_stream_wait_stream(tn_stream *stream, tn_stream *other) {
  if (stream == NULL || other == NULL) {
    tn__null_argument("tn_stream_wait_stream", stream == NULL ? "stream" : "other");
    return tn__failure();
  }
  return tn__stream_order(stream, other);
}

// ---- the life of a stream ----------------------------------------------------------------------

tn_stream *tn_stream_new(tn_device device, int32_t priority) {
  if (is_closed()) {
    tn__process_error();
    return NULL;
  }
  if (tn__device_resolve(&device) != TN_OK) return NULL;
  tn_stream *stream = tn__calloc(1, sizeof *stream);
  if (stream == NULL) {
    tn__out_of_memory("a stream", sizeof *stream);
    return NULL;
  }
  atomic_init(&stream->refs, 1);
  stream->device = device;
  stream->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
  const tn_device_table *table = tn__stream_table(stream);
  bool was_ok = tn_ok();
  tn_status status = TN_OK;
  if (tn__has_streams(table)) {
    status = table->stream_create(table->self, device.index, priority, &stream->native);
    if (status == TN_OK && stream->native == NULL) status = TN_INTERNAL;
  }
  if (status != TN_OK) {
    tn__stream_fault(tn__stream_default(device), status, was_ok, "making a stream");
    free(stream);
    return NULL;
  }
  if (tn__has_streams(table)) atomic_store_explicit(&tn__streams_made, true, memory_order_relaxed);
  tn__device_streams *streams = streams_of(device);
  pthread_mutex_lock(&streams->mutex);
  stream->next = streams->others;
  streams->others = stream;
  pthread_mutex_unlock(&streams->mutex);
  return stream;
}

tn_stream *tn_stream_retain(tn_stream *stream) {
  if (stream != NULL && stream->id != 0) {
    atomic_fetch_add_explicit(&stream->refs, 1, memory_order_relaxed);
  }
  return stream;
}

// Waits under the mutex, so that a synchronisation of the device waits for this stream either way.
static void stream_free(tn_stream *stream) {
  tn__device_streams *streams = streams_of(stream->device);
  tn__held_error held = tn__error_hold();
  pthread_mutex_lock(&streams->mutex);
  tn_status status = tn__stream_wait(stream);
  if (status != TN_OK) keep_lost_fault(streams, status);
  tn__memory_forget_stream(stream);
  tn_stream **at = &streams->others;
  while (*at != stream) at = &(*at)->next;
  *at = stream->next;
  pthread_mutex_unlock(&streams->mutex);
  tn_error_clear();
  tn__error_restore(held);
  const tn_device_table *table = tn__stream_table(stream);
  if (stream->native != NULL) {
    table->stream_destroy(table->self, stream->device.index, stream->native);
  }
  free(stream);
}

void tn_stream_release(tn_stream *stream) {
  if (stream == NULL || stream->id == 0) return;
  if (atomic_fetch_sub_explicit(&stream->refs, 1, memory_order_acq_rel) != 1) return;
  // Once the process is closed backends are not called any more: the record stays on its list.
  if (!is_closed()) stream_free(stream);
}

tn_device tn_stream_device(const tn_stream *stream) {
  return stream == NULL ? TN_DEVICE_DEFAULT : stream->device;
}

void *tn_stream_native_handle(tn_stream *stream) {
  if (stream == NULL) return NULL;
  const tn_device_table *table = tn__stream_table(stream);
  if (table->stream_native_handle == NULL) return NULL;
  return table->stream_native_handle(table->self, stream->device.index, stream->native);
}

// ---- current streams ---------------------------------------------------------------------------

tn_stream *tn_stream_default(tn_device device) {
  return tn__device_resolve(&device) == TN_OK ? tn__stream_default(device) : NULL;
}

tn_stream *tn_stream_current(tn_device device) {
  return tn__device_resolve(&device) == TN_OK ? tn__stream_here(device) : NULL;
}

// Room for one more entry.
static tn__thread_streams *make_room(tn__thread *thread) {
  tn__thread_streams *current = thread->streams;
  if (current != NULL && current->count < current->capacity) return current;
  int32_t count = current == NULL ? 0 : current->count;
  int32_t capacity = count == 0 ? 4 : 2 * count;
  current = tn__realloc(current, sizeof *current + sizeof(tn_stream *) * (size_t)capacity);
  if (current == NULL) {
    tn__out_of_memory("a current stream", sizeof(tn_stream *) * (uint64_t)capacity);
    return NULL;
  }
  current->count = count;
  current->capacity = capacity;
  thread->streams = current;
  tn__thread_attach(thread);
  return current;
}

tn_status tn__stream_make_current(tn__thread *thread, tn_stream *stream) {
  tn_stream *before = tn__stream_current(thread, stream->device);
  if (stream == before || (before == NULL && stream->id == 0)) return TN_OK;
  if (before == NULL) {
    tn__thread_streams *current = make_room(thread);
    if (current == NULL) return TN_OUT_OF_MEMORY;
    current->streams[current->count++] = tn_stream_retain(stream);
    return TN_OK;
  }
  tn__thread_streams *current = thread->streams;
  int32_t at = 0;
  while (current->streams[at] != before) at++;
  if (stream->id != 0) {
    current->streams[at] = tn_stream_retain(stream);
  } else {
    current->streams[at] = current->streams[--current->count];
    if (current->count == 0) {
      free(current);
      thread->streams = NULL;
    }
  }
  tn_stream_release(before);
  return TN_OK;
}

tn_status tn_stream_set_current(tn_stream *stream) {
  if (stream == NULL) {
    tn__null_argument("tn_stream_set_current", "stream");
    return tn__failure();
  }
  return tn__stream_make_current(&tn__tls, stream);
}

void tn__thread_streams_end(tn__thread *thread, bool ends) {
  tn__thread_streams *current = thread->streams;
  thread->streams = NULL;
  if (current == NULL) return;
  for (int32_t i = 0; i < current->count && !ends; i++) tn_stream_release(current->streams[i]);
  free(current);
}
