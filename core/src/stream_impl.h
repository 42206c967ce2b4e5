// SPDX-License-Identifier: Apache-2.0
//
// stream_impl: what a stream is to the core. Every device has a record of its default stream, whose
// native stream is NULL, and a list of the others that live. A thread that never made another
// stream current carries nothing: NULL stands for the default stream where the core passes current
// streams around. Invariant: a stream's record outlives every block and event that names it, and a
// default stream's record never goes.

#ifndef TENON_CORE_STREAM_IMPL_H_
#define TENON_CORE_STREAM_IMPL_H_

#include <pthread.h>
#include <stdatomic.h>
#include <tenon/stream.h>

#include "device_type.h"
#include "thread.h"

struct tn_stream {
  _Atomic int32_t refs;  // of a default stream: not counted
  tn_device device;
  uint32_t id;   // never used again; 0: the device's default stream
  void *native;  // the backend's; NULL: the default stream, or a device without streams
  const char *_Atomic newest;  // the operator that was enqueued last, a static text; NULL: none yet
  tn_stream *next;             // the device's list
};

// What the core keeps for one device.
enum { TN__KEPT_EVENTS = 16, TN__LOST_FAULT_BYTES = 512 };
struct tn__device_streams {
  tn_stream first;                // the default one
  pthread_mutex_t event_mutex;    // guards the events
  void *events[TN__KEPT_EVENTS];  // native ones without timing, for orders between streams
  int32_t event_count;
  pthread_mutex_t mutex;  // guards what follows; held while all streams are waited for
  tn_stream *others;
  // The first fault of a stream that was given up before anybody waited for it, for the next
  // synchronisation of the device; TN_OK: none.
  tn_status lost_status;
  char lost_fault[TN__LOST_FAULT_BYTES];
};

extern tn__device_streams tn__cpu_streams;

// A thread's current streams that are not the default, one retained entry a device.
typedef struct tn__thread_streams {
  int32_t count, capacity;
  tn_stream *streams[];
} tn__thread_streams;

// The entry of |current| for |device|, borrowed; NULL: the default stream.
static inline tn_stream *tn__stream_in(const tn__thread_streams *current, tn_device device) {
  if (__builtin_expect(current == NULL, 1)) return NULL;
  for (int32_t i = 0; i < current->count; i++) {
    tn_stream *stream = current->streams[i];
    if (stream->device.type == device.type && stream->device.index == device.index) return stream;
  }
  return NULL;
}

// The calling thread's current stream for |device|, borrowed; NULL: the default one.
static inline tn_stream *tn__stream_current(const tn__thread *thread, tn_device device) {
  return tn__stream_in(thread->streams, device);
}

// Whether anybody ever made a stream on a device that has streams. Until then all work is in order.
extern _Atomic bool tn__streams_made;
static inline bool tn__streams_exist(void) {
  return atomic_load_explicit(&tn__streams_made, memory_order_relaxed);
}

static inline void *tn__stream_native(const tn_stream *stream) {
  return stream == NULL ? NULL : stream->native;
}

// The record of |device|'s default stream, and of the calling thread's current one. |device|
// exists.
tn_stream *tn__stream_default(tn_device device);
static inline tn_stream *tn__stream_here(tn_device device) {
  tn_stream *stream = tn__stream_current(&tn__tls, device);
  return stream == NULL ? tn__stream_default(device) : stream;
}

// |stream| as threads and the allocator name it: NULL for a default one.
static inline tn_stream *tn__stream_or_null(tn_stream *stream) {
  return stream->id == 0 ? NULL : stream;
}

// The table of |stream|'s device; whether the device has streams at all.
static inline const tn_device_table *tn__stream_table(const tn_stream *stream) {
  return &tn__device_type_at(stream->device.type)->table;
}
static inline bool tn__has_streams(const tn_device_table *table) {
  return table->stream_create != NULL;
}

static inline void tn__stream_note(tn_stream *stream, const char *op) {
  atomic_store_explicit(&stream->newest, op, memory_order_relaxed);
}

// Makes |stream| the thread's current one for its device. errors: OUT_OF_MEMORY
tn_status tn__stream_make_current(tn__thread *thread, tn_stream *stream);
// Gives up a thread's current streams. |ends|: the process is ending, when backends are not called.
void tn__thread_streams_end(tn__thread *thread, bool ends);

// Waits for |stream|. errors: the fault that sticks to it
tn_status tn__stream_wait(tn_stream *stream);

// Makes what is enqueued on |later| from now on wait for all that |earlier| holds. On a device
// without streams the wait is over when this returns.
// errors: DEVICE_MISMATCH for two types that both have streams, OUT_OF_MEMORY, the backend's
tn_status tn__stream_order(tn_stream *later, tn_stream *earlier);

// Says what failed on |stream|, |doing| something, and returns |status|. A backend that has
// recorded its own story (|was_ok|: nothing was recorded before it was called) gets device and
// stream added to it; else the operator that was enqueued last is named.
tn_status tn__stream_fault(tn_stream *stream, tn_status status, bool was_ok, const char *doing);

// Waits for all streams of |device|, also after a fault; the first fault is reported.
tn_status tn__streams_wait(tn_device device);
// The same for every device there is, recording nothing: the end of the process's work.
void tn__streams_finish(void);

#endif  // TENON_CORE_STREAM_IMPL_H_
