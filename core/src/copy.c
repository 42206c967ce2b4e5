// SPDX-License-Identifier: Apache-2.0
//
// copy: contiguous bytes on their way between any two devices. Each copy goes through the device
// that is not the cpu; between devices of different types it goes through the host.

#include <string.h>
#include <tenon/error.h>

#include "device_type.h"
#include "thread.h"

static tn_status copy_between_types(tn_device to_device, void *to, tn_device from_device,
                                    const void *from, uint64_t size_bytes) {
  void *bounce = tn__allocate(size_bytes);
  if (bounce == NULL) return tn__out_of_memory("a copy between devices", size_bytes);
  tn_status status = tn__memory_copy(TN_DEVICE_CPU, bounce, from_device, from, size_bytes);
  if (status == TN_OK) status = tn__memory_copy(to_device, to, TN_DEVICE_CPU, bounce, size_bytes);
  tn__deallocate(bounce);
  return status;
}

static tn_status synchronize(const tn_device_table *table, int32_t index) {
  if (table->stream_synchronize == NULL) return TN_OK;
  return table->stream_synchronize(table->self, index, NULL);
}

tn_status tn__memory_copy(tn_device to_device, void *to, tn_device from_device, const void *from,
                          uint64_t size_bytes) {
  if (size_bytes == 0) return TN_OK;
  bool to_cpu = to_device.type == TN__DEVICE_TYPE_CPU;
  bool from_cpu = from_device.type == TN__DEVICE_TYPE_CPU;
  if (to_cpu && from_cpu) {
    memcpy(to, from, size_bytes);
    return TN_OK;
  }
  const tn_device_table *table =
      &tn__device_type_at(to_cpu ? from_device.type : to_device.type)->table;
  int32_t index = to_cpu ? from_device.index : to_device.index;
  tn_status status;
  if (from_cpu) {
    status = table->copy_from_host(table->self, index, NULL, to, from, size_bytes);
  } else if (to_cpu) {
    status = table->copy_to_host(table->self, index, NULL, to, from, size_bytes);
  } else if (tn_device_equal(to_device, from_device)) {
    return table->copy_within(table->self, index, NULL, to, from, size_bytes);
  } else if (to_device.type == from_device.type && table->copy_between != NULL) {
    status = table->copy_between(table->self, to_device.index, to, from_device.index, from, NULL,
                                 size_bytes);
  } else {
    return copy_between_types(to_device, to, from_device, from, size_bytes);
  }
  if (status == TN_OK) status = synchronize(table, index);
  if (status != TN_OK && tn_ok()) {
    tn__error(status, NULL, "copying %llu bytes failed on a device of type '%s'",
              (unsigned long long)size_bytes, table->name);
  }
  return status;
}
