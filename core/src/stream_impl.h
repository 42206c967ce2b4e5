// SPDX-License-Identifier: Apache-2.0
//
// stream_impl: what a stream is to the core. The default stream of a device needs no record: it is
// the native stream NULL, and NULL stands for it wherever the core passes streams around. A thread
// that never made another stream current carries nothing. Invariant: a stream's record outlives
// every block and event that names it.

#ifndef TENON_CORE_STREAM_IMPL_H_
#define TENON_CORE_STREAM_IMPL_H_

#include <stdatomic.h>
#include <tenon/stream.h>

#include "device_type.h"
#include "thread.h"

struct tn_stream {
  _Atomic int32_t refs;
  tn_device device;
  uint32_t id;                 // never used again; 0: the device's default stream
  void *native;                // the backend's; NULL: the default stream
  const char *_Atomic newest;  // the operator that was enqueued last, a static text
};

// A thread's current streams that are not the default, one retained entry a device.
typedef struct tn__thread_streams {
  int32_t count, capacity;
  tn_stream *streams[];
} tn__thread_streams;

// The calling thread's current stream for |device|, borrowed; NULL: the default one.
static inline tn_stream *tn__stream_current(const tn__thread *thread, tn_device device) {
  const tn__thread_streams *current = thread->streams;
  if (__builtin_expect(current == NULL, 1)) return NULL;
  for (int32_t i = 0; i < current->count; i++) {
    tn_stream *stream = current->streams[i];
    if (stream->device.type == device.type && stream->device.index == device.index) return stream;
  }
  return NULL;
}

static inline void *tn__stream_native(const tn_stream *stream) {
  return stream == NULL ? NULL : stream->native;
}

#endif  // TENON_CORE_STREAM_IMPL_H_
