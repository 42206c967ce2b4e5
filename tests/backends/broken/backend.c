// SPDX-License-Identifier: Apache-2.0
//
// broken: one source, many plugins, each of which breaks one promise (BROKEN) while it is loaded,
// or speaks of its structs in another size than the host's, which is none. Each brings a device of
// its own name with a kernel for add, unless that is what is broken.

#include <signal.h>
#include <tenon/op_args.h>
#include <unistd.h>

#include "../host_device.h"

enum {
  NO_INIT = 1,
  NO_FACTS,
  EMPTY_DESC,
  HUGE_DESC,
  SHORT_DESC,
  LONG_DESC,
  SILENT_INIT,
  ODD_STATUS,
  CRASHING_LOAD,
  CRASHING_INIT,
  HANGING_INIT,
  EXITING_INIT,
  HALF_WAY,
  EMPTY_TABLE,
  HUGE_TABLE,
  SHORT_TABLE,
  LONG_TABLE,
  BAD_NAME,
  NO_NAME,
  TAKEN_NAME,
  LACKS_ENTRY,
  TWICE_DEVICE,
  COUNT_FAILS,
  COUNT_SAYS_WHY,
  COUNT_NEGATIVE,
  COUNT_CRASHES,
  COUNT_SILENT,
  FORGOTTEN_DEVICE,
  NO_RUN,
  NO_OP,
  UNKNOWN_DTYPE,
  NO_DTYPE,
  HUGE_STRIDE,
  TINY_STRIDE,
  NULL_ROWS,
  SHORT_ROWS,
  LONG_ROWS,
  SAME_ROW,
  FOREIGN_DEVICE,
  FUTURE_OP,
  TINY_WORKERS,
  IDLE_WORKERS,
  TINY_WRAPPER,
  UNANNOUNCED_WRAPPER,
  NULL_MEMORY,
  CROOKED_MEMORY,
  SILENT_MEMORY,
  COUNT_MANY,
  NEWER_ATTRS,
  HUGE_ATTRS,
  INPLACE_OP,
  ODD_TEXTS,
};

static const int broken = BROKEN;

#if BROKEN_TEXTS
#define BROKEN_VERSION "\033[1m9\n ready\xff\xc2\x9b\x7f"
#else
#define BROKEN_VERSION "1"
#endif

static const tn_host_api *host_api;

// As it would without a sanitizer, which turns the signal into a report and an exit.
static void crash(void) {
  signal(SIGSEGV, SIG_DFL);
  raise(SIGSEGV);
}

__attribute__((constructor)) static void on_load(void) {
  if (broken == CRASHING_LOAD) crash();
}

// ---- the device --------------------------------------------------------------------------------

static tn_status count(void *self, int32_t *devices, char *reason, uint64_t reason_size) {
  if (broken == COUNT_CRASHES) crash();
  host_device_one(self, devices, reason, reason_size);
  if (broken == COUNT_NEGATIVE) *devices = -3;
  if (broken == COUNT_MANY) *devices = 2000000000;
  if (broken == COUNT_SILENT) *devices = 0;
  if (broken == COUNT_SAYS_WHY)
    return host_api->error(NULL, TN_UNAVAILABLE, "the driver is asleep");
  return broken == COUNT_FAILS ? TN_UNAVAILABLE : TN_OK;
}

static char crooked[4096] __attribute__((aligned(64)));

static tn_status allocate(void *self, int32_t index, uint64_t size_bytes, void **data) {
  *data = NULL;
  if (broken == NULL_MEMORY) return TN_OK;
  if (broken == SILENT_MEMORY) return TN_OUT_OF_MEMORY;
  if (broken == CROOKED_MEMORY) {
    *data = crooked + 8;
    return TN_OK;
  }
  return host_device_allocate(self, index, size_bytes, data);
}

static void release(void *self, int32_t index, void *data, uint64_t size_bytes) {
  if (broken != CROOKED_MEMORY) host_device_release(self, index, data, size_bytes);
}

// What a struct of the future would have behind what this host knows.
typedef struct longer_table {
  tn_device_table table;
  void (*of_the_future[8])(void);
} longer_table;

static tn_status add_device(tn_registrar *registrar) {
  if (broken == FORGOTTEN_DEVICE) return TN_OK;
  longer_table longer = {.table = HOST_DEVICE(BROKEN_NAME)};
  tn_device_table *table = &longer.table;
  table->count = count;
  table->allocate = allocate;
  table->release = release;
  for (int i = 0; i < 8; i++) longer.of_the_future[i] = crash;
  if (broken == EMPTY_TABLE) table->struct_size = 0;
  if (broken == HUGE_TABLE) table->struct_size = UINT32_MAX;
  if (broken == LONG_TABLE) table->struct_size = sizeof longer;
  if (broken == SHORT_TABLE) {
    // The oldest size; what lies behind it is not there, whatever the bytes are.
    table->struct_size = offsetof(tn_device_table, copy_between);
    memset((char *)table + table->struct_size, 0x5a, sizeof *table - table->struct_size);
  }
  if (broken == BAD_NAME) table->name = "Bad Name!";
  if (broken == NO_NAME) table->name = NULL;
  if (broken == TAKEN_NAME) table->name = "cpu";
  if (broken == LACKS_ENTRY) table->release = NULL;
  tn_status status = registrar->add_device(registrar, table, NULL);
  if (broken == TWICE_DEVICE && status == TN_OK) {
    status = registrar->add_device(registrar, table, NULL);
  }
  return status;
}

// ---- kernels -----------------------------------------------------------------------------------

static float value_of(const tn_view *view, int64_t i) {
  return (view->flags & TN_VIEW_IMMEDIATE) ? view->immediate.f32 : ((const float *)view->data)[i];
}

// The row says that |self| is the plugin's name, or, where the row is too short for that, nothing.
static tn_status run_add(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  if ((self == NULL) != (broken == SHORT_ROWS)) {
    return ctx->host->error(ctx, TN_INTERNAL, "self is not what the row says");
  }
  const tn_view *result = &args->views[TN_ARG_add_Tensor_result];
  for (int64_t i = 0; i < result->numel; i++) {
    ((float *)result->data)[i] = value_of(&args->views[TN_ARG_add_Tensor_self], i) +
                                 value_of(&args->views[TN_ARG_add_Tensor_other], i);
  }
  return TN_OK;
}

static tn_kernel_row add_row(void) {
  tn_kernel_row row = {.op = "add.Tensor",
                       .dtypes = TN_DTYPE_BIT(TN_F32),
                       .rank = TN_RANK_GENERIC,
                       .layout = TN_LAYOUT_CONTIGUOUS,
                       .attrs_size = sizeof(tn_add_Tensor_attrs),
                       .run = run_add,
                       .self = (void *)BROKEN_NAME};
  if (broken == NO_RUN) row.run = NULL;
  if (broken == NO_OP) row.op = NULL;
  if (broken == UNKNOWN_DTYPE) row.dtypes |= UINT64_C(1) << 63;
  if (broken == NO_DTYPE) row.dtypes = 0;
  if (broken == FUTURE_OP) row.op = "addd.Tensor";
  if (broken == INPLACE_OP) row.op = "add_.Tensor";
  if (broken == NEWER_ATTRS) row.attrs_size = sizeof(tn_add_Tensor_attrs) + 64;
  if (broken == HUGE_ATTRS) row.attrs_size = 60000;
  return row;
}

static tn_status add_kernels(tn_registrar *registrar) {
  enum { SHORT = offsetof(tn_kernel_row, self), LONG = sizeof(tn_kernel_row) + 64 };
  // Twice the row, |stride| bytes apart: add.Tensor for f32, then for f64, which nobody calls.
  static _Alignas(tn_kernel_row) char rows[2 * LONG];
  uint64_t stride = sizeof(tn_kernel_row);
  if (broken == SHORT_ROWS) stride = SHORT;
  if (broken == LONG_ROWS) stride = LONG;
  memset(rows, 0x5a, sizeof rows);
  tn_kernel_row row = add_row();
  for (int i = 0; i < 2; i++) {
    memcpy(rows + (uint64_t)i * stride, &row, stride < sizeof row ? stride : sizeof row);
    if (broken != SAME_ROW)
      row.dtypes = row.dtypes == TN_DTYPE_BIT(TN_F32) ? TN_DTYPE_BIT(TN_F64) : 0;
    if (row.dtypes == 0) row = add_row();
  }
  if (broken == HUGE_STRIDE) stride = UINT64_C(1) << 40;
  if (broken == TINY_STRIDE) stride = 8;
  const tn_kernel_row *first = broken == NULL_ROWS ? NULL : (const tn_kernel_row *)(void *)rows;
  const char *device = broken == FOREIGN_DEVICE ? "nowhere" : BROKEN_NAME;
  return registrar->add_kernels(registrar, device, first, 2, stride);
}

// ---- workers and wrappers ----------------------------------------------------------------------

static void parallel_for(int64_t begin, int64_t end, int64_t grain, tn_range_body body,
                         void *closure) {
  (void)grain;
  body(closure, begin, end);
}
static int32_t thread_count(void) { return 99; }
static void set_thread_count(int32_t threads) { (void)threads; }

static tn_status add_workers(tn_registrar *registrar) {
  tn_workers workers = {.struct_size = sizeof workers,
                        .runtime = "broken",
                        .parallel_for = parallel_for,
                        .thread_count = thread_count,
                        .set_thread_count = set_thread_count};
  if (broken == TINY_WORKERS) workers.struct_size = 8;
  if (broken == IDLE_WORKERS) workers.parallel_for = NULL;
  return registrar->add_workers(registrar, &workers);
}

static tn_status wrap(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  return api->error(call, TN_INTERNAL, "a wrapper of a plugin that failed");
}

static tn_status add_wrapper(tn_registrar *registrar) {
  tn_wrapper wrapper = {
      .struct_size = sizeof wrapper, .name = BROKEN_NAME, .operators = "*", .call = wrap};
  if (broken == TINY_WRAPPER) wrapper.struct_size = 4;
  return registrar->add_wrapper(registrar, &wrapper);
}

// ---- the plugin --------------------------------------------------------------------------------

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  host_api = host;
  if (broken == CRASHING_INIT) crash();
  if (broken == EXITING_INIT) _exit(0);
  while (broken == HANGING_INIT) pause();
  if (broken == ODD_TEXTS) return host->error(NULL, TN_UNAVAILABLE, "\033[2Jgone\n  cpu: ready");
  if (broken == SILENT_INIT) return TN_UNAVAILABLE;
  if (broken == ODD_STATUS) return -4711;
  tn_status status = add_device(registrar);
  if (status == TN_OK && broken != FORGOTTEN_DEVICE) status = add_kernels(registrar);
  bool workers = broken == TINY_WORKERS || broken == IDLE_WORKERS || broken == HALF_WAY;
  bool wraps = broken == TINY_WRAPPER || broken == UNANNOUNCED_WRAPPER || broken == HALF_WAY;
  if (status == TN_OK && workers) status = add_workers(registrar);
  if (status == TN_OK && wraps) status = add_wrapper(registrar);
  if (status == TN_OK && broken == HALF_WAY) {
    return host->error(NULL, TN_UNAVAILABLE, "half the way is enough");
  }
  return status;
}

TN_PLUGIN(init, .name = BROKEN_NAME, .version = BROKEN_VERSION, .devices = BROKEN_NAME,
          .serves = BROKEN_NAME ",nowhere", .wraps = BROKEN_WRAPS);

// A descriptor of the future.
typedef struct longer_desc {
  tn_plugin_desc desc;
  void (*of_the_future[4])(void);
} longer_desc;

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  static longer_desc longer;
  if (host_abi != TN_ABI_VERSION) return NULL;
  longer.desc = tn_plugin_descriptor;
  longer.desc.quiesce = broken == SHORT_DESC ? crash : NULL;
  for (int i = 0; i < 4; i++) longer.of_the_future[i] = crash;
  if (broken == NO_INIT) longer.desc.init = NULL;
  if (broken == NO_FACTS) longer.desc.facts = NULL;
  if (broken == EMPTY_DESC) longer.desc.struct_size = 0;
  if (broken == HUGE_DESC) longer.desc.struct_size = UINT32_MAX;
  if (broken == SHORT_DESC) longer.desc.struct_size = offsetof(tn_plugin_desc, quiesce);
  if (broken == LONG_DESC) longer.desc.struct_size = sizeof longer;
  return &longer.desc;
}
