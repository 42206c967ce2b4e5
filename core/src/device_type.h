// SPDX-License-Identifier: Apache-2.0
//
// device_type: the device types of this process. Type 1 is the cpu, which the core owns; others are
// added by backends and never go away. Readers take no lock: an entry is complete before the count
// that makes it visible grows.

#ifndef TENON_CORE_DEVICE_TYPE_H_
#define TENON_CORE_DEVICE_TYPE_H_

#include <stdatomic.h>
#include <tenon/device.h>
#include <tenon/plugin.h>

enum { TN__MAX_DEVICE_TYPES = 64, TN__MAX_DEVICES = 64, TN__DEVICE_TYPE_CPU = 1 };

typedef struct tn__device_streams tn__device_streams;  // stream_impl.h

typedef struct tn__device_type {
  tn_device_table table;  // the backend's, zero where it was shorter
  char name[32];
  int32_t id;
  int32_t count;                // devices of this type
  char reason[256];             // why there are none
  const char *backend;          // the name of who brought it
  tn__device_streams *streams;  // [count]
  struct {
    _Atomic uint64_t seed, offset;
  } generators[TN__MAX_DEVICES];
} tn__device_type;

// The type with this id; NULL for 0 and for ids not given out.
const tn__device_type *tn__device_type_at(int32_t type);
int32_t tn__device_type_count(void);  // ids 1 .. count

// The id of |name| among the types that exist now, 0 when there is none. Opens nothing.
int32_t tn__device_type_find(const char *name, size_t length);

// A type that is to have |id|, the next free one: published, or freed. NULL when there are too many
// or memory is out (recorded). Registry locked.
tn__device_type *tn__device_type_new(int32_t id, const tn_device_table *table, int32_t count,
                                     const char *reason, const char *backend);
void tn__device_type_publish(tn__device_type *type);
void tn__device_type_free(tn__device_type *type);

// What the core keeps for the streams of |count| devices of type |type|. NULL when memory is out.
tn__device_streams *tn__device_streams_new(int32_t type, int32_t count);

// {0, 0} becomes the default device. errors: as tn_device_default
tn_status tn__device_resolve(tn_device *device);

// Takes |draws| of a generator's offsets; {seed, first offset}.
tn_philox_state tn__generator_reserve(tn_device device, uint64_t draws);

#endif  // TENON_CORE_DEVICE_TYPE_H_
