// SPDX-License-Identifier: Apache-2.0
//
// event: marks in streams. A device without streams has done everything that was asked of it, so
// there an event is done as soon as it is recorded, and what it keeps is the host's time.
// Invariant: an event that was never recorded is done, and waiting for it waits for nothing.

#include <stdlib.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <time.h>

#include "process.h"
#include "stream_impl.h"

struct tn_event {
  tn_device device;
  void *native;  // NULL: the device has no streams
  bool timing;
  _Atomic bool recorded;
  _Atomic int64_t host_time_ns;  // of the last record, where there is no native event
};

static const tn_device_table *table_of(const tn_event *event) {
  return &tn__device_type_at(event->device.type)->table;
}

static bool is_recorded(const tn_event *event) {
  return atomic_load_explicit(&event->recorded, memory_order_acquire);
}

static int64_t host_time_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static tn_status absent(const char *call, const char *argument) {
  tn__null_argument(call, argument);
  return tn__failure();
}

static tn_status failed(const tn_event *event, tn_status status, bool was_ok, const char *doing) {
  return tn__stream_fault(tn__stream_here(event->device), status, was_ok, doing);
}

tn_event *tn_event_new(tn_device device, bool timing) {
  if (tn__gate_load() & TN__GATE_CLOSED) {
    tn__process_error();
    return NULL;
  }
  if (tn__device_resolve(&device) != TN_OK) return NULL;
  tn_event *event = tn__calloc(1, sizeof *event);
  if (event == NULL) {
    tn__out_of_memory("an event", sizeof *event);
    return NULL;
  }
  event->device = device;
  event->timing = timing;
  const tn_device_table *table = table_of(event);
  if (!tn__has_streams(table)) return event;
  bool was_ok = tn_ok();
  tn_status status = table->event_create(table->self, device.index, timing, &event->native);
  if (status == TN_OK && event->native == NULL) status = TN_INTERNAL;
  if (status == TN_OK) return event;
  failed(event, status, was_ok, "making an event");
  free(event);
  return NULL;
}

void tn_event_release(tn_event *event) {
  if (event == NULL) return;
  // In the child of a fork there is no backend to call.
  bool forked = (tn__gate_load() & TN__GATE_FORKED) != 0;
  const tn_device_table *table = table_of(event);
  if (event->native != NULL && !forked) {
    table->event_destroy(table->self, event->device.index, event->native);
  }
  free(event);
}

tn_status tn_event_record(tn_event *event, tn_stream *stream) {
  if (event == NULL) return absent("tn_event_record", "event");
  if (stream == NULL) stream = tn__stream_here(event->device);
  if (!tn_device_equal(event->device, stream->device)) {
    char a[48], b[48];
    return tn__error(TN_DEVICE_MISMATCH, NULL,
                     "tn_event_record: the event is of device '%s', the stream of '%s'",
                     tn_device_name(event->device, a, sizeof a),
                     tn_device_name(stream->device, b, sizeof b));
  }
  if (event->native != NULL) {
    const tn_device_table *table = table_of(event);
    bool was_ok = tn_ok();
    tn_status status =
        table->event_record(table->self, event->device.index, event->native, stream->native);
    if (status != TN_OK) return tn__stream_fault(stream, status, was_ok, "recording an event");
  } else {
    atomic_store_explicit(&event->host_time_ns, host_time_ns(), memory_order_relaxed);
  }
  atomic_store_explicit(&event->recorded, true, memory_order_release);
  return TN_OK;
}

tn_status tn_event_query(tn_event *event, bool *done) {
  if (event == NULL || done == NULL) {
    return absent("tn_event_query", event == NULL ? "event" : "done");
  }
  *done = true;
  if (event->native == NULL || !is_recorded(event)) return TN_OK;
  const tn_device_table *table = table_of(event);
  bool was_ok = tn_ok();
  tn_status status = table->event_query(table->self, event->device.index, event->native, done);
  return status == TN_OK ? TN_OK : failed(event, status, was_ok, "asking an event");
}

tn_status tn_event_synchronize(tn_event *event) {
  if (event == NULL) return absent("tn_event_synchronize", "event");
  if (event->native == NULL || !is_recorded(event)) return TN_OK;
  const tn_device_table *table = table_of(event);
  bool was_ok = tn_ok();
  tn_status status = table->event_synchronize(table->self, event->device.index, event->native);
  return status == TN_OK ? TN_OK : failed(event, status, was_ok, "waiting for an event");
}

tn_status tn_stream_wait_event(tn_stream *stream, tn_event *event) {
  if (stream == NULL || event == NULL) {
    return absent("tn_stream_wait_event", stream == NULL ? "stream" : "event");
  }
  if (event->native == NULL || !is_recorded(event)) return TN_OK;
  const tn_device_table *table = tn__stream_table(stream);
  if (!tn__has_streams(table)) return tn_event_synchronize(event);
  if (stream->device.type != event->device.type) {
    char a[48], b[48];
    return tn__error(TN_DEVICE_MISMATCH,
                     &(tn__error_details){NULL, NULL, NULL, "wait with tn_event_synchronize"},
                     "tn_stream_wait_event: the stream is of device '%s', the event of '%s', which "
                     "is of another type",
                     tn_device_name(stream->device, a, sizeof a),
                     tn_device_name(event->device, b, sizeof b));
  }
  bool was_ok = tn_ok();
  tn_status status =
      table->stream_wait_event(table->self, stream->device.index, stream->native, event->native);
  return status == TN_OK ? TN_OK : tn__stream_fault(stream, status, was_ok, "waiting for an event");
}

// ---- time --------------------------------------------------------------------------------------

// Whether |event| can be asked for its time.
static tn_status check_timed(tn_event *event, const char *which) {
  if (!event->timing) {
    return tn__error(TN_WRONG_STATE,
                     &(tn__error_details){NULL, which, NULL, "make it with tn_event_new(.., true)"},
                     "tn_event_elapsed_ms: '%s' was made without timing", which);
  }
  if (!is_recorded(event)) {
    return tn__error(TN_WRONG_STATE, &(tn__error_details){NULL, which, NULL, NULL},
                     "tn_event_elapsed_ms: '%s' was never recorded", which);
  }
  bool done;
  tn_status status = tn_event_query(event, &done);
  if (status != TN_OK || done) return status;
  return tn__error(TN_WRONG_STATE,
                   &(tn__error_details){NULL, which, NULL, "call tn_event_synchronize first"},
                   "tn_event_elapsed_ms: '%s' has not been reached yet", which);
}

tn_status tn_event_elapsed_ms(tn_event *start, tn_event *end, double *elapsed_ms) {
  if (start == NULL || end == NULL || elapsed_ms == NULL) {
    return absent("tn_event_elapsed_ms", start == NULL ? "start"
                                         : end == NULL ? "end"
                                                       : "elapsed_ms");
  }
  *elapsed_ms = 0;
  if (!tn_device_equal(start->device, end->device)) {
    return tn__error(TN_DEVICE_MISMATCH, NULL,
                     "tn_event_elapsed_ms: the two events are of different devices");
  }
  tn_status status = check_timed(start, "start");
  if (status == TN_OK) status = check_timed(end, "end");
  if (status != TN_OK) return status;
  if (end->native == NULL) {
    int64_t from = atomic_load_explicit(&start->host_time_ns, memory_order_relaxed);
    int64_t to = atomic_load_explicit(&end->host_time_ns, memory_order_relaxed);
    *elapsed_ms = (double)(to - from) * 1e-6;
    return TN_OK;
  }
  const tn_device_table *table = table_of(end);
  float elapsed = 0;
  bool was_ok = tn_ok();
  status =
      table->event_elapsed_ms(table->self, end->device.index, start->native, end->native, &elapsed);
  if (status != TN_OK) return failed(end, status, was_ok, "measuring time");
  *elapsed_ms = elapsed;
  return TN_OK;
}
