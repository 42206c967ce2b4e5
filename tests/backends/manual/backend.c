// SPDX-License-Identifier: Apache-2.0
//
// manual: see manual.h. Memory is the host's. What the device has given is in a table, so that a
// release of anything else is a mistake that a test sees.

#include "manual.h"

#include <pthread.h>
#include <tenon/op_args.h>

#include "../host_device.h"

typedef struct segment {
  void *data;
  uint64_t size_bytes;
} segment;

typedef struct event {
  manual_stream *stream;
  uint64_t mark;
} event;

enum { STREAMS = 256 };

static manual_controls controls[MANUAL_DEVICES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static segment segments[MANUAL_SEGMENTS];
static manual_stream streams[STREAMS];  // of both devices

TN_PLUGIN_EXPORT manual_controls *manual_controls_of(int32_t index);
manual_controls *manual_controls_of(int32_t index) { return &controls[index]; }

static _Thread_local void *filled;
static void *last_filled(void) { return filled; }

static const tn_host_api *host_api;

// ---- memory ------------------------------------------------------------------------------------

static tn_status count(void *self, int32_t *devices, char *reason, uint64_t reason_size) {
  (void)self, (void)reason, (void)reason_size;
  *devices = MANUAL_DEVICES;
  return TN_OK;
}

static tn_status note_segment(void *data, uint64_t size_bytes) {
  for (int i = 0; i < MANUAL_SEGMENTS; i++) {
    if (segments[i].data != NULL) continue;
    segments[i] = (segment){data, size_bytes};
    return TN_OK;
  }
  return TN_OUT_OF_MEMORY;
}

static tn_status allocate(void *self, int32_t index, uint64_t size_bytes, void **data) {
  manual_controls *device = &controls[index];
  tn_status status = device->allocate_status;
  if (status != TN_OK) return host_api->error(NULL, status, "the device is on strike");
  if (device->gives_null) return TN_OK;
  pthread_mutex_lock(&mutex);
  uint64_t held = device->segment_bytes, memory = device->memory_bytes;
  bool fits = memory == 0 || (held <= memory && size_bytes <= memory - held);
  status = fits ? host_device_allocate(self, index, size_bytes, data) : TN_OUT_OF_MEMORY;
  if (status == TN_OK && (status = note_segment(*data, size_bytes)) != TN_OK) free(*data);
  if (status == TN_OK) {
    device->allocations++;
    device->segment_bytes += size_bytes;
    if (device->gives_odd) *data = (char *)*data + 8;
  }
  pthread_mutex_unlock(&mutex);
  return status;
}

static bool is_busy(const manual_stream *stream) { return stream->done < stream->enqueued; }

static void release(void *self, int32_t index, void *data, uint64_t size_bytes) {
  (void)self;
  manual_controls *device = &controls[index];
  pthread_mutex_lock(&mutex);
  if (device->gives_odd) data = (char *)data - 8;
  int at = 0;
  while (at < MANUAL_SEGMENTS && segments[at].data != data) at++;
  if (at == MANUAL_SEGMENTS || segments[at].size_bytes != size_bytes) {
    device->mistakes++;
  } else {
    segments[at].data = NULL;
    device->releases++;
    device->segment_bytes -= size_bytes;
    bool busy = is_busy(&device->stream);
    for (int i = 0; i < STREAMS; i++) busy |= is_busy(&streams[i]);
    device->busy_releases += busy;
    free(data);
  }
  pthread_mutex_unlock(&mutex);
}

// ---- streams and events ------------------------------------------------------------------------

static manual_stream *stream_of(int32_t index, void *stream) {
  return stream == NULL ? &controls[index].stream : stream;
}

static tn_status stream_create(void *self, int32_t index, int32_t priority, void **stream) {
  (void)self, (void)priority;
  tn_status status = TN_OUT_OF_MEMORY;
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < STREAMS && status != TN_OK; i++) {
    if (streams[i].lives) continue;
    streams[i].lives = true;
    *stream = &streams[i];
    controls[index].streams++;
    status = TN_OK;
  }
  pthread_mutex_unlock(&mutex);
  return status;
}

static void stream_destroy(void *self, int32_t index, void *stream) {
  (void)self;
  manual_stream *ended = stream;
  controls[index].streams--;
  ended->lives = false;
}

// What is enqueued up to |mark| is done.
static void complete(manual_stream *stream, uint64_t mark) {
  uint64_t done = stream->done;
  while (done < mark && !atomic_compare_exchange_weak(&stream->done, &done, mark)) {
  }
}

static tn_status stream_synchronize(void *self, int32_t index, void *native) {
  (void)self;
  manual_stream *stream = stream_of(index, native);
  controls[index].stream_waits++;
  complete(stream, stream->enqueued);
  return TN_OK;
}

static tn_status stream_query(void *self, int32_t index, void *native, bool *done) {
  (void)self;
  *done = !is_busy(stream_of(index, native));
  return TN_OK;
}

static void *stream_native_handle(void *self, int32_t index, void *native) {
  (void)self;
  return stream_of(index, native);
}

static tn_status event_create(void *self, int32_t index, bool timing, void **made) {
  (void)self, (void)timing;
  if (controls[index].no_events) return host_api->error(NULL, TN_INTERNAL, "no events today");
  *made = calloc(1, sizeof(event));
  if (*made == NULL) return TN_OUT_OF_MEMORY;
  controls[index].events++;
  return TN_OK;
}

static void event_destroy(void *self, int32_t index, void *native) {
  (void)self;
  controls[index].events--;
  free(native);
}

// The mark is work of its own: it passes when all before it is done, and it too.
static tn_status event_record(void *self, int32_t index, void *native, void *stream) {
  (void)self;
  event *marked = native;
  if (controls[index].no_marks) return host_api->error(NULL, TN_INTERNAL, "no marks today");
  marked->stream = stream_of(index, stream);
  marked->mark = atomic_fetch_add(&marked->stream->enqueued, 1) + 1;
  return TN_OK;
}

static bool is_done(const event *marked) {
  return marked->stream == NULL || marked->stream->done >= marked->mark;
}

static tn_status event_query(void *self, int32_t index, void *native, bool *done) {
  (void)self, (void)index;
  *done = is_done(native);
  return TN_OK;
}

static tn_status event_synchronize(void *self, int32_t index, void *native) {
  (void)self;
  event *marked = native;
  controls[index].event_waits++;
  if (!is_done(marked)) complete(marked->stream, marked->mark);
  return TN_OK;
}

static tn_status stream_wait_event(void *self, int32_t index, void *stream, void *native) {
  (void)self, (void)index, (void)stream, (void)native;
  return TN_OK;
}

static tn_status event_elapsed_ms(void *self, int32_t index, void *start, void *end, float *ms) {
  (void)self, (void)index, (void)start, (void)end;
  *ms = 0;
  return TN_OK;
}

// ---- registration ------------------------------------------------------------------------------

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)args;
  atomic_fetch_add(&stream_of(ctx->device.index, ctx->stream)->enqueued, 1);
  return TN_OK;
}

static tn_status run_fill(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  const tn_fill_Scalar_attrs *attrs = args->attrs;
  enum { EDGE = 64 };
  size_t size = (size_t)args->views[0].numel, edge = size < EDGE ? size : EDGE;
  filled = args->views[0].data;
  memset(filled, (int)attrs->value.as.i, edge);
  memset((char *)filled + size - edge, (int)attrs->value.as.i, edge);
  return TN_OK;
}

static const tn_kernel_row rows[] = {
    {.op = "add.Tensor", .dtypes = TN_DTYPES_ALL, .rank = TN_RANK_REFERENCE, .run = run},
    {.op = "neg", .dtypes = TN_DTYPES_ALL, .rank = TN_RANK_REFERENCE, .run = run},
    {.op = "fill.Scalar",
     .dtypes = TN_DTYPE_BIT(TN_U8),
     .rank = TN_RANK_REFERENCE,
     .attrs_size = sizeof(tn_fill_Scalar_attrs),
     .run = run_fill},
};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  host_api = host;
  for (int i = 0; i < MANUAL_DEVICES; i++) controls[i].last_filled = last_filled;
  tn_device_table device = HOST_DEVICE("manual");
  device.count = count;
  device.allocate = allocate;
  device.release = release;
  device.stream_create = stream_create;
  device.stream_destroy = stream_destroy;
  device.stream_synchronize = stream_synchronize;
  device.stream_query = stream_query;
  device.stream_native_handle = stream_native_handle;
  device.event_create = event_create;
  device.event_destroy = event_destroy;
  device.event_record = event_record;
  device.event_query = event_query;
  device.event_synchronize = event_synchronize;
  device.stream_wait_event = stream_wait_event;
  device.event_elapsed_ms = event_elapsed_ms;
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status != TN_OK) return status;
  return registrar->add_kernels(registrar, "manual", rows, sizeof rows / sizeof rows[0],
                                sizeof rows[0]);
}

TN_PLUGIN(init, .name = "manual", .version = "1", .devices = "manual");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
