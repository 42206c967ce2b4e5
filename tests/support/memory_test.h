// SPDX-License-Identifier: Apache-2.0
//
// memory_test: what the tests of the allocator share: the device "manual" with its controls, and
// tensors of bytes on it.

#ifndef TENON_MEMORY_TEST_H_
#define TENON_MEMORY_TEST_H_

#include <dlfcn.h>
#include <stdlib.h>

#include "../backends/manual/manual.h"
#include "tensor_test.h"

typedef struct device {
  tn_device id;
  manual_controls *controls;  // NULL for the cpu
} device;

static inline device device_at(const device *first, int32_t index) {
  static manual_controls_of_fn controls_of;
  if (controls_of == NULL) {
    void *library =
        dlopen(TN_TEST_PLUGIN_DIR "/libtenon_backend_manual.so", RTLD_NOW | RTLD_NOLOAD);
    cr_assert_not_null(library, "the backend is not loaded");
    void *symbol = dlsym(library, "manual_controls_of");
    cr_assert_not_null(symbol);
    memcpy(&controls_of, &symbol, sizeof symbol);
    dlclose(library);  // Tenon keeps it
  }
  return (device){{first->id.type, index}, controls_of(index)};
}

// The first of the two devices.
static inline device open_device(void) {
  setenv("TENON_BACKEND_PATH", TN_TEST_PLUGIN_DIR "/libtenon_backend_manual.so", 1);
  device first = {.id = tn_device_parse("manual")};
  expect_ok();
  return device_at(&first, 0);
}

static inline tn_tensor *bytes_on(const device *d, int64_t size_bytes) {
  tn_tensor *tensor = tn_empty(TN_SHAPE(size_bytes), .dtype = TN_U8, .device = d->id);
  expect_ok();
  return tensor;
}

// Where |tensor| stands. Writes into it; enqueues nothing.
static inline void *address_of(const device *d, tn_tensor *tensor) {
  cr_assert_eq(tn_fill_(tensor, 0), TN_OK);
  return d->controls->last_filled();
}

static inline tn_memory_stats stats_of(const device *d) {
  tn_memory_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(tn_memory_stats_of(d->id, &stats), TN_OK);
  return stats;
}

static inline void release_all(tn_tensor *const *tensors, int count) {
  for (int i = 0; i < count; i++) tn_release(tensors[i]);
}

#endif  // TENON_MEMORY_TEST_H_
