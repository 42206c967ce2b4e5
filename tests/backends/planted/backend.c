// SPDX-License-Identifier: Apache-2.0
//
// planted: one kernel, neg of float32 with any strides, and one mistake in it, which the variable
// TENON_PLANTED_FAULT chooses. Whoever certifies backends must find each of them, and none where
// the variable is unset.

#include <math.h>
#include <stdatomic.h>
#include <time.h>

#include "../host_device.h"

static float *at(const tn_view *view, int64_t i) {
  int64_t offset = 0;
  for (int32_t d = view->rank - 1; d >= 0; d--) {
    offset += i % view->sizes[d] * view->strides[d];
    i /= view->sizes[d];
  }
  return (float *)view->data + offset;
}

static void negate(const tn_view *result, const tn_view *self) {
  for (int64_t i = 0; i < result->numel; i++) *at(result, i) = -*at(self, i);
}

// ---- mistakes ----------------------------------------------------------------------------------

static tn_status no_mistake(const tn_view *result, const tn_view *self) {
  negate(result, self);
  return TN_OK;
}

static tn_status wrong_last(const tn_view *result, const tn_view *self) {
  negate(result, self);
  *at(result, result->numel - 1) += 1;
  return TN_OK;
}

static tn_status wrong_large(const tn_view *result, const tn_view *self) {
  negate(result, self);
  if (result->numel > 1000) *at(result, result->numel - 1) += 1;
  return TN_OK;
}

static tn_status ignores_strides(const tn_view *result, const tn_view *self) {
  float *to = result->data;
  const float *from = self->data;
  for (int64_t i = 0; i < result->numel; i++) to[i] = -from[i];
  return TN_OK;
}

static tn_status writes_past_end(const tn_view *result, const tn_view *self) {
  negate(result, self);
  if (result->flags & TN_VIEW_CONTIGUOUS) ((float *)result->data)[result->numel] = 0;
  return TN_OK;
}

static tn_status writes_operand(const tn_view *result, const tn_view *self) {
  negate(result, self);
  if (self->data != result->data) *at(self, 0) = 0;
  return TN_OK;
}

static tn_status writes_nothing(const tn_view *result, const tn_view *self) {
  (void)result, (void)self;
  return TN_OK;
}

// Every other call is off in the last bit.
static tn_status changes_its_mind(const tn_view *result, const tn_view *self) {
  static atomic_int calls;
  negate(result, self);
  if (atomic_fetch_add(&calls, 1) % 2 == 1) *at(result, 0) *= 1.0000001f;
  return TN_OK;
}

static tn_status swallows_nan(const tn_view *result, const tn_view *self) {
  for (int64_t i = 0; i < result->numel; i++) *at(result, i) = -fmaxf(*at(self, i), -3e38f);
  return TN_OK;
}

static tn_status reads_past_end(const tn_view *result, const tn_view *self) {
  negate(result, self);
  if ((self->flags & TN_VIEW_CONTIGUOUS) == 0) return TN_OK;
  *at(result, result->numel - 1) += 0 * ((const float *)self->data)[self->numel];
  return TN_OK;
}

// Keeps what it read, and takes a storage for the same whatever its version.
static tn_status keeps_stale_values(const tn_view *result, const tn_view *self) {
  enum { MOST = 64 };
  static _Thread_local float kept[MOST];
  static _Thread_local uint64_t kept_id;
  static _Thread_local int64_t kept_count;
  if (self->numel > MOST || !(self->flags & TN_VIEW_CONTIGUOUS) || self->data == result->data) {
    negate(result, self);
    return TN_OK;
  }
  if (kept_id != self->storage_id || kept_count != self->numel) {
    memcpy(kept, self->data, sizeof(float) * (size_t)self->numel);
    kept_id = self->storage_id;
    kept_count = self->numel;
  }
  for (int64_t i = 0; i < result->numel; i++) *at(result, i) = -kept[i];
  return TN_OK;
}

// Leaves its operand in a global while it does something else.
static tn_status keeps_call_in_global(const tn_view *result, const tn_view *self) {
  static _Atomic(const tn_view *) current;
  atomic_store(&current, result);
  nanosleep(&(struct timespec){0, 1000000}, NULL);
  const tn_view *mine = atomic_load(&current);
  if (mine == result) {
    negate(result, self);
  } else {
    for (int64_t i = 0; i < result->numel; i++) *at(result, i) = 0;
  }
  return TN_OK;
}

static tn_status says_unimplemented(const tn_view *result, const tn_view *self) {
  (void)result, (void)self;
  return TN_UNIMPLEMENTED;
}

typedef struct mistake {
  const char *name;
  tn_status (*run)(const tn_view *result, const tn_view *self);
} mistake;

static const mistake mistakes[] = {
    {"", no_mistake},
    {"wrong_last", wrong_last},
    {"wrong_large", wrong_large},
    {"ignores_strides", ignores_strides},
    {"writes_past_end", writes_past_end},
    {"writes_operand", writes_operand},
    {"writes_nothing", writes_nothing},
    {"changes_its_mind", changes_its_mind},
    {"swallows_nan", swallows_nan},
    {"reads_past_end", reads_past_end},
    {"keeps_stale_values", keeps_stale_values},
    {"keeps_call_in_global", keeps_call_in_global},
    {"says_unimplemented", says_unimplemented},
    {"declines_everything", no_mistake},
};
static const mistake *chosen = &mistakes[0];

// ---- the plugin --------------------------------------------------------------------------------

static tn_status run_neg(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  return chosen->run(&args->views[0], &args->views[1]);
}

static const char *supports(void *self, const tn_args *args) {
  (void)self, (void)args;
  return strcmp(chosen->name, "declines_everything") == 0 ? "not today" : NULL;
}

static const tn_kernel_row rows[] = {{.op = "neg",
                                      .dtypes = TN_DTYPE_BIT(TN_F32),
                                      .rank = TN_RANK_REFERENCE,
                                      .layout = TN_LAYOUT_STRIDED,
                                      .flags = TN_ROW_DETERMINISTIC,
                                      .supports = supports,
                                      .run = run_neg}};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  static const tn_device_table device = HOST_DEVICE("planted");
  const char *name = host->option("TENON_PLANTED_FAULT");
  for (size_t i = 0; name != NULL && i < sizeof mistakes / sizeof mistakes[0]; i++) {
    if (strcmp(mistakes[i].name, name) == 0) chosen = &mistakes[i];
  }
  if (name != NULL && strcmp(chosen->name, name) != 0) {
    return host->error(NULL, TN_INVALID_ARGUMENT, "no such mistake: '%s'", name);
  }
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status != TN_OK) return status;
  return registrar->add_kernels(registrar, "planted", rows, 1, sizeof rows[0]);
}

TN_PLUGIN(init, .name = "planted", .version = "1", .devices = "planted", .operators = "neg",
          .options = "TENON_PLANTED_FAULT=the mistake to make");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
