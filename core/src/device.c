// SPDX-License-Identifier: Apache-2.0
//
// device: see device_type.h for the table of types. Here are names, the default device, generators
// and what the public header asks.

#include <tenon/error.h>
#include <tenon/random.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "device_type.h"
#include "registry.h"
#include "settings.h"
#include "stream_impl.h"
#include "tensor_impl.h"
#include "thread.h"

static tn__device_type cpu_type = {.table = {.name = "cpu", .flags = TN_DEVICE_HOST_MEMORY},
                                   .name = "cpu",
                                   .count = 1,
                                   .backend = "core",
                                   .streams = &tn__cpu_streams};
static tn__device_type *types[TN__MAX_DEVICE_TYPES] = {NULL, &cpu_type};
static _Atomic int32_t type_count = 1;

// ---- types -------------------------------------------------------------------------------------

int32_t tn__device_type_count(void) {
  return atomic_load_explicit(&type_count, memory_order_acquire);
}

static tn__device_type *type_at(int32_t type) {
  return type >= 1 && type <= tn__device_type_count() ? types[type] : NULL;
}

const tn__device_type *tn__device_type_at(int32_t type) { return type_at(type); }

int32_t tn__device_type_find(const char *name, size_t length) {
  int32_t count = tn__device_type_count();
  for (int32_t type = 1; type <= count; type++) {
    if (strlen(types[type]->name) == length && memcmp(types[type]->name, name, length) == 0) {
      return type;
    }
  }
  return 0;
}

static uint64_t default_seed(void);

tn__device_type *tn__device_type_new(int32_t id, const tn_device_table *table, int32_t count,
                                     const char *reason, const char *backend) {
  if (id >= TN__MAX_DEVICE_TYPES) {
    tn__error(TN_UNAVAILABLE, NULL, "more than %d device types", TN__MAX_DEVICE_TYPES - 1);
    return NULL;
  }
  tn__device_type *type = tn__calloc(1, sizeof *type);
  if (type == NULL) {
    tn__out_of_memory("a device type", sizeof *type);
    return NULL;
  }
  type->id = id;
  type->count = count > TN__MAX_DEVICES ? TN__MAX_DEVICES : count;
  type->streams = tn__device_streams_new(id, type->count);
  if (type->streams == NULL) {
    tn__out_of_memory("a device type", sizeof *type);
    free(type);
    return NULL;
  }
  snprintf(type->name, sizeof type->name, "%s", table->name);
  type->table = *table;
  type->table.name = type->name;
  snprintf(type->reason, sizeof type->reason, "%s", reason);
  type->backend = backend;
  for (int32_t i = 0; i < TN__MAX_DEVICES; i++)
    atomic_init(&type->generators[i].seed, default_seed());
  return type;
}

void tn__device_type_free(tn__device_type *type) {
  if (type == NULL) return;
  free(type->streams);
  free(type);
}

void tn__device_type_publish(tn__device_type *type) {
  types[type->id] = type;
  atomic_store_explicit(&type_count, type->id, memory_order_release);
}

bool tn__device_is_prompt(tn_device device) {
  if (device.type == TN__DEVICE_TYPE_CPU) return true;
  return tn__device_is_host(device) && tn__device_type_at(device.type)->table.stream_create == NULL;
}

bool tn__device_is_host(tn_device device) {
  if (device.type == TN__DEVICE_TYPE_CPU) return true;
  const tn__device_type *type = tn__device_type_at(device.type);
  return type != NULL && (type->table.flags & TN_DEVICE_HOST_MEMORY) != 0;
}

// ---- names -------------------------------------------------------------------------------------

const char *tn_device_name(tn_device device, char *buffer, size_t buffer_size) {
  const tn__device_type *type = tn__device_type_at(device.type);
  if (type == NULL) {
    snprintf(buffer, buffer_size, "?");
  } else if (device.type == TN__DEVICE_TYPE_CPU) {
    snprintf(buffer, buffer_size, "cpu");
  } else {
    snprintf(buffer, buffer_size, "%s:%d", type->name, device.index);
  }
  return buffer;
}

// Splits "cuda:1"; false when it is malformed.
static bool split_name(const char *name, size_t *length, int32_t *index) {
  *index = 0;
  *length = strcspn(name, ":");
  if (*length == 0 || *length > 31) return false;
  if (name[*length] == '\0') return true;
  char *end;
  const char *digits = name + *length + 1;
  if (*digits < '0' || *digits > '9') return false;
  long value = strtol(digits, &end, 10);
  if (*end != '\0' || value < 0 || value > INT16_MAX) return false;
  *index = (int32_t)value;
  return true;
}

static tn_status no_such_device(const char *name, size_t length) {
  char text[32];
  snprintf(text, sizeof text, "%.*s", (int)length, name);
  const char *near = tn__loader_near_match(text);
  char hint[128];
  snprintf(hint, sizeof hint, near[0] ? "did you mean '%s'?" : "`tenon info` lists the devices%s",
           near);
  return tn__loader_error(TN_NOT_FOUND, hint, "there is no device type '%s'", text);
}

// Finds the type, opening the backend that claims it. Registry locked.
static tn_status find_type(const char *name, size_t length, int32_t *type) {
  *type = tn__device_type_find(name, length);
  if (*type != 0) return TN_OK;
  tn_status status = tn__loader_scan();
  if (status != TN_OK) return status;
  tn__backend *owner = tn__loader_device_owner(name, length);
  if (owner == NULL) return no_such_device(name, length);
  status = tn__backend_open(owner);
  if (status == TN_OUT_OF_MEMORY) return status;
  if (status != TN_OK) {
    return tn__loader_error(TN_UNAVAILABLE, tn__backend_advice(owner),
                            "device '%.*s' cannot be had: backend '%s': %s", (int)length, name,
                            owner->facts.name, owner->reason);
  }
  *type = tn__device_type_find(name, length);
  if (*type != 0) return TN_OK;
  return tn__loader_error(TN_UNAVAILABLE, "its author is to add the device in init",
                          "device '%.*s' cannot be had: backend '%s' announces it and did not "
                          "bring it",
                          (int)length, name, owner->facts.name);
}

tn_device tn_device_parse(const char *name) {
  size_t length;
  int32_t index, type = 0;
  if (name == NULL || !split_name(name, &length, &index)) {
    tn__error(TN_INVALID_ARGUMENT,
              &(tn__error_details){NULL, "name", NULL,
                                   "write \"cpu\", or the type and an index, as in \"cpu:0\""},
              "'%.64s' is not the name of a device", name == NULL ? "(NULL)" : name);
    return TN_DEVICE_DEFAULT;
  }
  tn__registry_lock();
  tn_status status = find_type(name, length, &type);
  bool missing = status == TN_OK && index >= types[type]->count;
  if (missing) status = tn__loader_scan();  // for the report: the cpu's type needs no search
  if (missing && status == TN_OK) {
    const tn__device_type *found = types[type];
    status = tn__loader_error(TN_UNAVAILABLE, "",
                              "device '%s' cannot be had: there are %d of type "
                              "'%s'%s%s",
                              name, found->count, found->name, found->reason[0] ? ": " : "",
                              found->reason);
  }
  tn__registry_unlock();
  return status == TN_OK ? (tn_device){type, index} : TN_DEVICE_DEFAULT;
}

bool tn_device_is_available(const char *name) {
  tn__held_error held = tn__error_hold();
  bool available = tn_device_parse(name).type != 0;
  tn_error_clear();
  tn__error_restore(held);
  return available;
}

int32_t tn_device_count(const char *type_name) {
  size_t length;
  int32_t index, type = 0;
  if (type_name == NULL || !split_name(type_name, &length, &index)) return 0;
  tn__held_error held = tn__error_hold();
  tn__registry_lock();
  tn_status status = find_type(type_name, length, &type);
  tn__registry_unlock();
  tn_error_clear();
  tn__error_restore(held);
  return status == TN_OK ? types[type]->count : 0;
}

// ---- the default device ------------------------------------------------------------------------

static _Atomic uint64_t default_device;  // type << 32 | index; 0 while nobody asked

static uint64_t pack(tn_device device) {
  return (uint64_t)(uint32_t)device.type << 32 | (uint32_t)device.index;
}

// The device that the settings give.
static tn_device default_of_settings(void) {
  const char *named = tn__environment("TENON_DEVICE", false);
  if (named != NULL) return tn_device_parse(named);
  tn__registry_lock();
  tn_device device = TN_DEVICE_DEFAULT;
  if (tn__loader_scan() == TN_OK) {
    char name[64];
    device = tn__loader_default_device(name, sizeof name) ? tn_device_parse(name) : TN_DEVICE_CPU;
  }
  tn__registry_unlock();
  return device;
}

tn_device tn_device_default(void) {
  uint64_t packed = atomic_load_explicit(&default_device, memory_order_relaxed);
  if (packed == 0) {
    tn_device device = default_of_settings();
    if (device.type == 0) return device;
    packed = pack(device);
    atomic_store_explicit(&default_device, packed, memory_order_relaxed);
  }
  return (tn_device){(int32_t)(packed >> 32), (int32_t)(packed & 0xffffffff)};
}

static tn_status check_device(tn_device device) {
  const tn__device_type *type = tn__device_type_at(device.type);
  if (type != NULL && device.index >= 0 && device.index < type->count) return TN_OK;
  return tn__error(TN_UNAVAILABLE, NULL, "there is no device with type id %d and index %d",
                   device.type, device.index);
}

tn_status tn_device_set_default(tn_device device) {
  tn_status status = check_device(device);
  if (status == TN_OK) atomic_store_explicit(&default_device, pack(device), memory_order_relaxed);
  return status;
}

tn_status tn__device_resolve(tn_device *device) {
  if (device->type == 0) *device = tn_device_default();
  if (device->type == 0) return tn_ok() ? TN_UNAVAILABLE : tn_error_peek()->status;
  return check_device(*device);
}

tn_status tn_device_synchronize(tn_device device) {
  tn_status status = tn__device_resolve(&device);
  return status == TN_OK ? tn__streams_wait(device) : status;
}

// ---- generators --------------------------------------------------------------------------------

// The seed of generators that nobody has seeded: TENON_SEED, else a fixed one, so that programs
// are repeatable unless they ask otherwise.
static uint64_t manual_seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void read_seed(void) {
  const char *text = tn__environment("TENON_SEED", false);
  const uint64_t fixed_seed = UINT64_C(67280421310721);
  manual_seed = fixed_seed;
  if (text != NULL) {
    // What is no number is an error at the search for backends, before anything is drawn.
    if (!tn__parse_number(text, &manual_seed)) manual_seed = fixed_seed;
  }
  for (int32_t i = 0; i < TN__MAX_DEVICES; i++) {
    atomic_store_explicit(&cpu_type.generators[i].seed, manual_seed, memory_order_relaxed);
  }
}

static uint64_t default_seed(void) {
  pthread_once(&seed_once, read_seed);
  return manual_seed;
}

void tn_manual_seed(uint64_t seed) {
  default_seed();
  tn__registry_lock();
  manual_seed = seed;
  for (int32_t type = 1; type <= tn__device_type_count(); type++) {
    for (int32_t i = 0; i < TN__MAX_DEVICES; i++) {
      atomic_store_explicit(&types[type]->generators[i].seed, seed, memory_order_relaxed);
      atomic_store_explicit(&types[type]->generators[i].offset, 0, memory_order_relaxed);
    }
  }
  tn__registry_unlock();
}

tn_status tn_random_state(tn_device device, tn_philox_state *state) {
  tn_status status = tn__device_resolve(&device);
  if (status != TN_OK) return status;
  default_seed();
  tn__device_type *type = type_at(device.type);
  state->seed = atomic_load_explicit(&type->generators[device.index].seed, memory_order_relaxed);
  state->offset =
      atomic_load_explicit(&type->generators[device.index].offset, memory_order_relaxed);
  return TN_OK;
}

tn_status tn_set_random_state(tn_device device, tn_philox_state state) {
  tn_status status = tn__device_resolve(&device);
  if (status != TN_OK) return status;
  default_seed();
  tn__device_type *type = type_at(device.type);
  atomic_store_explicit(&type->generators[device.index].seed, state.seed, memory_order_relaxed);
  atomic_store_explicit(&type->generators[device.index].offset, state.offset, memory_order_relaxed);
  return TN_OK;
}

tn_philox_state tn__generator_reserve(tn_device device, uint64_t draws) {
  default_seed();
  tn__device_type *type = type_at(device.type);
  tn_philox_state state;
  state.seed = atomic_load_explicit(&type->generators[device.index].seed, memory_order_relaxed);
  state.offset = atomic_fetch_add_explicit(&type->generators[device.index].offset, draws,
                                           memory_order_relaxed);
  return state;
}
