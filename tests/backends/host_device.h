// SPDX-License-Identifier: Apache-2.0
//
// host_device: a device table over host memory, for test backends that need some device.

#ifndef TENON_TESTS_HOST_DEVICE_H_
#define TENON_TESTS_HOST_DEVICE_H_

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/plugin.h>

static inline tn_status host_device_one(void *self, int32_t *count, char *reason, uint64_t size) {
  (void)self, (void)reason, (void)size;
  *count = 1;
  return TN_OK;
}
static inline tn_status host_device_properties(void *self, int32_t index,
                                               tn_device_properties *properties) {
  (void)self, (void)index;
  snprintf(properties->name, sizeof properties->name, "host memory");
  return TN_OK;
}
static inline tn_status host_device_allocate(void *self, int32_t index, uint64_t size_bytes,
                                             void **data) {
  (void)self, (void)index;
  *data = aligned_alloc(64, (size_bytes + 63) / 64 * 64);
  return *data == NULL ? TN_OUT_OF_MEMORY : TN_OK;
}
static inline void host_device_release(void *self, int32_t index, void *data, uint64_t size) {
  (void)self, (void)index, (void)size;
  free(data);
}
static inline tn_status host_device_copy(void *self, int32_t index, void *stream, void *to,
                                         const void *from, uint64_t size_bytes) {
  (void)self, (void)index, (void)stream;
  memcpy(to, from, size_bytes);
  return TN_OK;
}

// clang-format off
#define HOST_DEVICE(device_name)                          \
  {                                                       \
    .struct_size = sizeof(tn_device_table),               \
    .name = device_name,                                  \
    .count = host_device_one,                             \
    .properties = host_device_properties,                 \
    .allocate = host_device_allocate,                     \
    .release = host_device_release,                       \
    .copy_from_host = host_device_copy,                   \
    .copy_to_host = host_device_copy,                     \
    .copy_within = host_device_copy,                      \
  }
// clang-format on

#endif  // TENON_TESTS_HOST_DEVICE_H_
