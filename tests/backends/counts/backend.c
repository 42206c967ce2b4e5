// SPDX-License-Identifier: Apache-2.0
//
// counts: a device over host memory whose streams do everything at once and count what the host
// asks of them. Its name is one that DLPack has a number for. A stream's native handle is its
// counters; with `fails` set, the next synchronisation fails and says nothing about it.

#include "../host_device.h"
#include "counts.h"

static counts of_default;

static counts *of(void *native) { return native == NULL ? &of_default : native; }

static tn_status stream_create(void *self, int32_t index, int32_t priority, void **native) {
  (void)self, (void)index, (void)priority;
  *native = calloc(1, sizeof(counts));
  return *native == NULL ? TN_OUT_OF_MEMORY : TN_OK;
}
static void stream_destroy(void *self, int32_t index, void *native) {
  (void)self, (void)index;
  free(native);
}
static tn_status stream_synchronize(void *self, int32_t index, void *native) {
  (void)self, (void)index;
  counts *c = of(native);
  c->synchronized++;
  if (!c->fails) return TN_OK;
  c->fails = false;
  return TN_IO_ERROR;
}
static tn_status stream_query(void *self, int32_t index, void *native, bool *done) {
  (void)self, (void)index, (void)native;
  *done = true;
  return TN_OK;
}
static void *stream_native_handle(void *self, int32_t index, void *native) {
  (void)self, (void)index;
  return of(native);
}
static tn_status event_create(void *self, int32_t index, bool timing, void **event) {
  (void)self, (void)index, (void)timing;
  *event = malloc(1);
  return *event == NULL ? TN_OUT_OF_MEMORY : TN_OK;
}
static void event_destroy(void *self, int32_t index, void *event) {
  (void)self, (void)index;
  free(event);
}
static tn_status event_record(void *self, int32_t index, void *event, void *native) {
  (void)self, (void)index, (void)event;
  of(native)->recorded++;
  return TN_OK;
}
static tn_status event_query(void *self, int32_t index, void *event, bool *done) {
  return stream_query(self, index, event, done);
}
static tn_status event_synchronize(void *self, int32_t index, void *event) {
  (void)self, (void)index, (void)event;
  return TN_OK;
}
static tn_status stream_wait_event(void *self, int32_t index, void *native, void *event) {
  (void)self, (void)index, (void)event;
  of(native)->waited++;
  return TN_OK;
}
static tn_status event_elapsed_ms(void *self, int32_t index, void *start, void *end, float *ms) {
  (void)self, (void)index, (void)start, (void)end;
  *ms = 0;
  return TN_OK;
}

static tn_status run_neg(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  const tn_view *v = args->views;
  for (int64_t i = 0; i < v->numel; i++) ((float *)v[0].data)[i] = -((const float *)v[1].data)[i];
  return TN_OK;
}

static const tn_kernel_row rows[] = {
    {.op = "neg", .dtypes = TN_DTYPE_BIT(TN_F32), .rank = TN_RANK_GENERIC, .run = run_neg}};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  tn_device_table device = HOST_DEVICE("maia");
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
  if (host->option("TENON_COUNTS_HALF") != NULL) device.event_query = NULL;
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status != TN_OK) return status;
  return registrar->add_kernels(registrar, "maia", rows, 1, sizeof rows[0]);
}

TN_PLUGIN(init, .name = "counts", .version = "1", .devices = "maia", .operators = "neg",
          .options = "TENON_COUNTS_HALF=set: offers half of what streams need");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
