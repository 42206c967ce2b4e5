// SPDX-License-Identifier: Apache-2.0
//
// backend: opening a plugin. Registration is staged: what init adds is collected first and becomes
// visible only when init succeeded as a whole, so a plugin that fails half-way leaves nothing.

#include "backend.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/error.h>
#include <tenon/inspect.h>

#include "log.h"
#include "op_glob.h"
#include "registry.h"
#include "row_check.h"
#include "text.h"
#include "thread.h"
#include "wrap.h"

_Atomic(const tn_workers *) tn__workers;

const char *tn__stage_name(tn__stage stage) {
  static const char *const names[] = {
#define X(name, text, advice) text,
      TN__STAGE_TABLE(X)
#undef X
  };
  return names[stage];
}

const char *tn__backend_state(const tn__backend *backend) {
  if (backend->failed) return tn__stage_name(backend->stage);
  if (backend->order < 0) return "not listed";
  return backend->stage == TN__STAGE_CPU ? "found, not opened yet" : tn__stage_name(backend->stage);
}

const char *tn__backend_advice(const tn__backend *backend) {
  static const char *const advice[] = {
#define X(name, text, advice) advice,
      TN__STAGE_TABLE(X)
#undef X
  };
  if (backend->failed || backend->stage == TN__STAGE_NO_DEVICE) return advice[backend->stage];
  return backend->order < 0 ? "name it in TENON_BACKENDS" : "";
}

tn_status tn__backend_fail(tn__backend *backend, tn__stage stage, const char *format, ...) {
  backend->stage = stage;
  backend->failed = true;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(backend->reason, sizeof backend->reason, format, arguments);
  va_end(arguments);
  tn__text_disarm(backend->reason);
  tn__log(TN__LOG_INFO, "loader", "%s: %s: %s", backend->path, tn__stage_name(stage),
          backend->reason);
  return TN_UNAVAILABLE;
}

void tn__backend_remark(tn__backend *backend, const char *format, ...) {
  size_t at = strlen(backend->remark);
  if (at > 0 && at + 3 < sizeof backend->remark) {
    at += (size_t)snprintf(backend->remark + at, sizeof backend->remark - at, "; ");
  }
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(backend->remark + at, sizeof backend->remark - at, format, arguments);
  va_end(arguments);
  tn__log(TN__LOG_WARNING, "loader", "%s: %s", backend->path, backend->remark + at);
}

// ---- watching ----------------------------------------------------------------------------------

static void (*watcher)(void *closure, const char *backend, const char *step);
static void *watcher_closure;

void tn_backend_watch(void (*visit)(void *closure, const char *backend, const char *step),
                      void *closure) {
  watcher = visit;
  watcher_closure = closure;
}

void tn__backend_step(const tn__backend *backend, const char *step) {
  if (watcher != NULL) watcher(watcher_closure, backend->facts.name, step);
}

// ---- staging -----------------------------------------------------------------------------------

typedef struct staged_rows {
  struct staged_rows *next;
  char device[32];
  uint64_t count;
  tn_kernel_row *rows;
  uint16_t *op_ids;
} staged_rows;

typedef struct staged_device {
  struct staged_device *next;
  tn_device_table table;
  tn__device_type *type;  // made for it, not yet published
} staged_device;

typedef struct staging {
  tn__backend *backend;
  staged_rows *rows;
  staged_device *devices;
  int32_t device_count;
  tn_workers *workers;
  tn_wrapper *wrappers;
  int32_t wrapper_count;
  tn__row_check check;
} staging;

// How often the host itself ran out of memory while it loaded; the plugin is not to blame then.
// Registry locked.
static uint32_t shortages;

tn_status tn__backend_shortage(tn_status status) {
  if (status == TN_OUT_OF_MEMORY) shortages++;
  return status;
}

static tn_status no_room(const char *what, uint64_t size_bytes) {
  return tn__backend_shortage(tn__out_of_memory(what, size_bytes));
}

static void staging_free(staging *stage) {
  while (stage->rows != NULL) {
    staged_rows *next = stage->rows->next;
    free(stage->rows->rows);
    free(stage->rows->op_ids);
    free(stage->rows);
    stage->rows = next;
  }
  while (stage->devices != NULL) {
    staged_device *next = stage->devices->next;
    tn__device_type_free(stage->devices->type);
    free(stage->devices);
    stage->devices = next;
  }
  free(stage->workers);
  free(stage->wrappers);
  tn__row_check_free(&stage->check);
}

// No struct of the contract will ever be longer: what says so is no struct_size, and no stride.
enum { LONGEST_STRUCT = 4096 };

// Copies a struct of another size into a zero-filled one of ours; false where it cannot be one.
static bool copy_sized(void *to, uint64_t to_size, const void *from, uint64_t smallest) {
  uint32_t size;
  memcpy(&size, from, sizeof size);
  memset(to, 0, to_size);
  if (size < smallest || size > LONGEST_STRUCT) return false;
  memcpy(to, from, size < to_size ? size : to_size);
  return true;
}

static bool is_device_name(const char *name) {
  if (name == NULL || name[0] < 'a' || name[0] > 'z' || strlen(name) >= 32) return false;
  return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static bool is_staged(const staging *stage, const char *name) {
  for (const staged_device *device = stage->devices; device != NULL; device = device->next) {
    if (strcmp(device->table.name, name) == 0) return true;
  }
  return false;
}

// Streams and events come all together or not at all.
static bool has_half_of_streams(const tn_device_table *table) {
  int count = (table->stream_create != NULL) + (table->stream_destroy != NULL) +
              (table->stream_synchronize != NULL) + (table->stream_query != NULL) +
              (table->event_create != NULL) + (table->event_destroy != NULL) +
              (table->event_record != NULL) + (table->event_query != NULL) +
              (table->event_synchronize != NULL) + (table->stream_wait_event != NULL) +
              (table->event_elapsed_ms != NULL);
  return count != 0 && count != 11;
}

static tn_status add_device(tn_registrar *registrar, const tn_device_table *table, int32_t *type) {
  staging *stage = registrar->host_data;
  if (type != NULL) *type = 0;
  tn_device_table copy;
  if (table == NULL ||
      !copy_sized(&copy, sizeof copy, table, offsetof(tn_device_table, copy_between))) {
    return tn__error(TN_ABI_MISMATCH, NULL,
                     "a device table is missing, or its struct_size is too small or too large");
  }
  if (!is_device_name(copy.name)) {
    return tn__error(TN_INVALID_ARGUMENT, NULL,
                     "a device type's name must match [a-z][a-z0-9_]*, at most 31 characters");
  }
  if (copy.count == NULL || copy.properties == NULL || copy.allocate == NULL ||
      copy.release == NULL || copy.copy_from_host == NULL || copy.copy_to_host == NULL ||
      copy.copy_within == NULL) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, "the device table of '%s' lacks a required entry",
                     copy.name);
  }
  if (has_half_of_streams(&copy) || (copy.host_allocate == NULL) != (copy.host_release == NULL)) {
    return tn__error(TN_INVALID_ARGUMENT, NULL,
                     "the device table of '%s' has some of the entries for streams and events, or "
                     "for pinned memory; they come all together or not at all",
                     copy.name);
  }
  if (tn__device_type_find(copy.name, strlen(copy.name)) != 0 || is_staged(stage, copy.name)) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, "a device type '%s' exists already", copy.name);
  }
  staged_device *staged = tn__calloc(1, sizeof *staged);
  if (staged == NULL) return no_room("a device type", sizeof *staged);
  staged->table = copy;
  staged->next = stage->devices;
  stage->devices = staged;
  // Ids are given out in order while the registry is locked, so the id is known before commit.
  if (type != NULL) *type = tn__device_type_count() + ++stage->device_count;
  return TN_OK;
}

static tn_status check_row(const tn_kernel_row *row) {
  if (row->op == NULL) return tn__error(TN_INVALID_ARGUMENT, NULL, "a kernel names no operator");
  if (row->run == NULL) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, "the kernel for '%s' has no run function", row->op);
  }
  if (row->attrs_size > LONGEST_STRUCT) {
    return tn__error(TN_ABI_MISMATCH, NULL,
                     "the kernel for '%s' says that its attributes have %u bytes, which cannot be",
                     row->op, row->attrs_size);
  }
  if (row->dtypes == 0 || (row->dtypes & ~TN_DTYPES_ALL) != 0) {
    return tn__error(TN_INVALID_DTYPE, NULL, "the kernel for '%s' serves no or unknown dtypes",
                     row->op);
  }
  return TN_OK;
}

static void note_row(tn__backend *backend, tn__row_kind kind, const char *op) {
  backend->odd_rows[kind].count++;
  if (backend->odd_rows[kind].count > 1) return;
  snprintf(backend->odd_rows[kind].first, sizeof backend->odd_rows[kind].first, "%s", op);
  tn__text_disarm(backend->odd_rows[kind].first);
}

// NULL where the row is legal and there is no operator for it here. A kernel of newer attributes is
// taken: it asks args->attrs_size what this host has of them.
static const tn_op *operator_of(tn__backend *backend, const tn_kernel_row *row) {
  const tn_op *op = tn_op_find(row->op);
  if (op == NULL || op->form != TN__FORM_BASE) {
    note_row(backend, op == NULL ? TN__ROW_UNKNOWN : TN__ROW_FORM, row->op);
    return NULL;
  }
  if (row->attrs_size > op->attrs_size) note_row(backend, TN__ROW_NEWER, row->op);
  return op;
}

static void remark_on_row(tn__backend *backend, tn__row_kind why) {
  static const char *const story[TN__ROW_COUNT][2] = {
#define X(name, one, several) {one, several},
      TN__ROW_TABLE(X)
#undef X
  };
  int32_t count = backend->odd_rows[why].count;
  const char *first = backend->odd_rows[why].first;
  if (count == 0) return;
  char near[64] = "";
  if (why == TN__ROW_UNKNOWN) tn__op_near_match(first, near, sizeof near);
  tn__backend_remark(backend, "%d row%s %s: %s%s%s%s%s", count, count == 1 ? "" : "s",
                     story[why][count > 1], first, count > 1 ? " first" : "",
                     near[0] ? " (did you mean " : "", near, near[0] ? "?)" : "");
}

static tn_status stage_rows(staging *stage, staged_rows *staged, const char *rows, uint64_t count,
                            uint64_t stride) {
  uint64_t size = stride < sizeof(tn_kernel_row) ? stride : sizeof(tn_kernel_row);
  for (uint64_t i = 0; i < count; i++) {
    tn_kernel_row row;
    memset(&row, 0, sizeof row);
    memcpy(&row, rows + i * stride, size);
    tn_status status = check_row(&row);
    if (status != TN_OK) return status;
    const tn_op *op = operator_of(stage->backend, &row);
    if (op == NULL) continue;
    status = tn__row_check_add(&stage->check, stage->backend, staged->device, op, &row);
    if (status != TN_OK) return status;
    staged->rows[staged->count] = row;
    staged->op_ids[staged->count++] = op->id;
  }
  return TN_OK;
}

static tn_status add_kernels(tn_registrar *registrar, const char *device, const tn_kernel_row *rows,
                             uint64_t count, uint64_t stride) {
  staging *stage = registrar->host_data;
  if (count == 0) return TN_OK;
  if (rows == NULL || stride < offsetof(tn_kernel_row, self) || stride > LONGEST_STRUCT ||
      count > 1000000) {
    return tn__error(TN_INVALID_ARGUMENT, NULL,
                     "a table of kernels is NULL or too long, or its stride is too small or too "
                     "large");
  }
  if (!is_device_name(device))
    return tn__error(TN_INVALID_ARGUMENT, NULL, "kernels were added for no device");
  staged_rows *staged = tn__calloc(1, sizeof *staged);
  if (staged == NULL) return no_room("a table of kernels", sizeof *staged);
  staged->next = stage->rows;
  stage->rows = staged;
  snprintf(staged->device, sizeof staged->device, "%s", device);
  staged->rows = tn__calloc(count, sizeof *staged->rows);
  staged->op_ids = tn__calloc(count, sizeof *staged->op_ids);
  if (staged->rows == NULL || staged->op_ids == NULL) {
    return no_room("a table of kernels", count * sizeof *staged->rows);
  }
  return tn__backend_shortage(stage_rows(stage, staged, (const char *)rows, count, stride));
}

static tn_status add_workers(tn_registrar *registrar, const tn_workers *workers) {
  staging *stage = registrar->host_data;
  tn_workers copy;
  // The size at 1.0, whatever has been added to the struct since.
  const uint64_t smallest = offsetof(tn_workers, set_thread_count) + sizeof copy.set_thread_count;
  if (workers == NULL || !copy_sized(&copy, sizeof copy, workers, smallest) ||
      copy.parallel_for == NULL || copy.thread_count == NULL || copy.set_thread_count == NULL) {
    return tn__error(
        TN_INVALID_ARGUMENT, NULL,
        "a pool of workers lacks an entry, or its struct_size is too small or too large");
  }
  free(stage->workers);
  stage->workers = tn__malloc(sizeof copy);
  if (stage->workers == NULL) return no_room("a pool of workers", sizeof copy);
  *stage->workers = copy;
  return TN_OK;
}

static tn_status add_wrapper(tn_registrar *registrar, const tn_wrapper *wrapper) {
  staging *stage = registrar->host_data;
  tn_wrapper copy;
  const uint64_t smallest = offsetof(tn_wrapper, call) + sizeof copy.call;  // at 1.0
  if (wrapper == NULL || !copy_sized(&copy, sizeof copy, wrapper, smallest)) {
    return tn__error(TN_ABI_MISMATCH, NULL,
                     "a wrapper is missing, or its struct_size is too small or too large");
  }
  if (copy.name == NULL || copy.operators == NULL || copy.call == NULL) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, "the wrapper '%s' lacks a name, globs or a call",
                     copy.name == NULL ? "(NULL)" : copy.name);
  }
  if (stage->backend->facts.wraps[0] == '\0') {
    return tn__error(
        TN_INVALID_ARGUMENT, NULL,
        "the wrapper '%s' was added, but the plugin's facts say that it wraps nothing: "
        "give TN_PLUGIN .wraps = \"*\" or narrower globs",
        copy.name);
  }
  size_t count = (size_t)stage->wrapper_count + 1;
  tn_wrapper *grown = tn__realloc(stage->wrappers, count * sizeof copy);
  if (grown == NULL) return no_room("a wrapper", count * sizeof copy);
  grown[stage->wrapper_count++] = copy;
  stage->wrappers = grown;
  return TN_OK;
}

// ---- commit ------------------------------------------------------------------------------------

// Everything that can fail is done before anything can be seen: types, kernels and tables are made,
// then published together or given up together.

// Staged newest first: put into the order in which ids were promised.
static void order_devices(staging *stage) {
  staged_device *ordered = NULL;
  while (stage->devices != NULL) {
    staged_device *device = stage->devices;
    stage->devices = device->next;
    device->next = ordered;
    ordered = device;
  }
  stage->devices = ordered;
}

// The id that |name| has or will have; 0 where nobody brings it.
static int32_t type_of(const staging *stage, const char *name) {
  int32_t id = tn__device_type_count();
  for (const staged_device *device = stage->devices; device != NULL; device = device->next) {
    id++;
    if (strcmp(device->table.name, name) == 0) return id;
  }
  return tn__device_type_find(name, strlen(name));
}

// Asks how many devices there are. That there are none is no failure, whatever the reason.
static int32_t count_devices(tn__backend *backend, const tn_device_table *table, char *reason,
                             size_t size) {
  int32_t count = 0;
  tn__backend_step(backend, "device count");
  tn_status status = table->count(table->self, &count, reason, size);
  reason[size - 1] = '\0';
  const tn_error *error = tn_error_peek();
  if (status != TN_OK && reason[0] == '\0') {
    snprintf(reason, size, "its count failed: %.200s",
             error == NULL ? tn_status_name(status) : error->message);
  } else if (count < 0) {
    snprintf(reason, size, "it counts %d devices", count);
  } else if (count == 0 && reason[0] == '\0') {
    snprintf(reason, size, "the backend gave no reason");
  }
  tn_error_clear();
  tn__text_disarm(reason);
  if (status == TN_OK && count > TN__MAX_DEVICES) {
    tn__backend_remark(backend, "it counts %d devices of type '%s', of which %d are used", count,
                       table->name, TN__MAX_DEVICES);
  }
  return status != TN_OK || count < 0 ? 0 : count;
}

static tn_status make_devices(staging *stage) {
  bool any = false;
  char none[512] = "";  // why there is none of the first empty type
  int32_t id = tn__device_type_count();
  for (staged_device *device = stage->devices; device != NULL; device = device->next) {
    char reason[256] = "";
    int32_t count = count_devices(stage->backend, &device->table, reason, sizeof reason);
    any = any || count > 0;
    if (count == 0 && none[0] == '\0') {
      snprintf(none, sizeof none, "no device of type '%s': %s", device->table.name, reason);
    }
    device->type =
        tn__device_type_new(++id, &device->table, count, reason, stage->backend->facts.name);
    if (device->type == NULL) return tn__failure();
  }
  if (any || none[0] == '\0') return TN_OK;
  stage->backend->stage = TN__STAGE_NO_DEVICE;
  memcpy(stage->backend->reason, none, sizeof none);
  return TN_OK;
}

// Adds the kernels and makes a table for each device type that has some: |tables| by type id.
static tn_status make_tables(staging *stage, tn__chain_table **tables) {
  for (staged_rows *rows = stage->rows; rows != NULL; rows = rows->next) {
    int32_t id = type_of(stage, rows->device);
    if (id == 0) {
      return tn__error(TN_NOT_FOUND, NULL,
                       "kernels were added for device '%s', which nobody brings", rows->device);
    }
    tn_status status = tn__registry_add(stage->backend, stage->backend->order, id, rows->rows,
                                        rows->op_ids, rows->count);
    if (status != TN_OK) return status;
  }
  for (staged_rows *rows = stage->rows; rows != NULL; rows = rows->next) {
    int32_t id = type_of(stage, rows->device);
    if (tables[id] == NULL) tables[id] = tn__registry_table(id, rows->device);
    if (tables[id] == NULL) return TN_OUT_OF_MEMORY;
  }
  return TN_OK;
}

static void publish(staging *stage, tn__chain_table **tables, tn__wrap_table *wrapped) {
  for (staged_device *device = stage->devices; device != NULL; device = device->next) {
    tn__device_type_publish(device->type);
    device->type = NULL;
  }
  for (int32_t id = 0; id < TN__MAX_DEVICE_TYPES; id++) {
    if (tables[id] != NULL) tn__registry_swap(tables[id]);
  }
  for (staged_rows *rows = stage->rows; rows != NULL; rows = rows->next) {
    stage->backend->kernel_count += (int32_t)rows->count;
  }
  const tn_workers *none = NULL;
  if (stage->workers != NULL &&
      atomic_compare_exchange_strong(&tn__workers, &none, stage->workers)) {
    stage->workers = NULL;
  }
  tn__wrap_publish(wrapped);
}

static tn_status commit(staging *stage) {
  tn__chain_table *tables[TN__MAX_DEVICE_TYPES] = {NULL};
  tn__wrap_table *wrapped = NULL;
  order_devices(stage);
  tn_status status = make_devices(stage);
  if (status == TN_OK) status = make_tables(stage, tables);
  if (status == TN_OK && stage->wrapper_count > 0) {
    wrapped =
        tn__wrap_table_with(stage->wrappers, stage->wrapper_count, stage->backend->facts.name);
    if (wrapped == NULL) status = TN_OUT_OF_MEMORY;
  }
  if (status == TN_OK) {
    publish(stage, tables, wrapped);
    return TN_OK;
  }
  for (int32_t id = 0; id < TN__MAX_DEVICE_TYPES; id++) tn__registry_drop(tables[id]);
  tn__registry_take_back(stage->backend);
  return tn__backend_shortage(status);
}

// ---- opening -----------------------------------------------------------------------------------

// The reason of a failure inside the plugin, moved from the thread's error to the record.
static tn_status fail_with_error(tn__backend *backend, tn__stage stage, tn_status status) {
  const tn_error *error = tn_error_peek();
  if (error != NULL) {
    tn__backend_fail(backend, stage, "%s", error->message);
  } else {
    tn__backend_fail(backend, stage, "its init gave no reason: it returned %d (%s)", status,
                     tn_status_name(status));
  }
  tn_error_clear();
  return TN_UNAVAILABLE;
}

static tn_status take_desc(tn__backend *backend, const tn_plugin_desc *desc) {
  if (desc == NULL) {
    return tn__backend_fail(backend, TN__STAGE_ABI, "tn_plugin_query(%d) declined", TN_ABI_VERSION);
  }
  tn_plugin_desc *copy = &backend->desc;
  if (!copy_sized(copy, sizeof *copy, desc, offsetof(tn_plugin_desc, quiesce))) {
    return tn__backend_fail(backend, TN__STAGE_ABI,
                            "its descriptor says that it has %u bytes, which cannot be",
                            desc->struct_size);
  }
  if (copy->init == NULL || copy->facts == NULL) {
    return tn__backend_fail(backend, TN__STAGE_ABI, "its descriptor lacks init or its facts");
  }
  if (!TN_HAS(copy->facts, name) || copy->facts->abi_version != backend->facts.abi_version ||
      strncmp(copy->facts->name, backend->facts.name, sizeof copy->facts->name) != 0) {
    return tn__backend_fail(backend, TN__STAGE_ABI, "its descriptor and its ELF note disagree");
  }
  return TN_OK;
}

static tn_status initialize(tn__backend *backend) {
  staging stage = {.backend = backend};
  tn_registrar registrar = {.struct_size = sizeof registrar,
                            .host_data = &stage,
                            .add_device = add_device,
                            .add_kernels = add_kernels,
                            .add_workers = add_workers,
                            .add_wrapper = add_wrapper};
  tn__backend_step(backend, "init");
  const uint32_t before = shortages;
  tn_status status = backend->desc.init(&tn__host_api, &registrar);
  if (status == TN_OK) status = commit(&stage);
  staging_free(&stage);
  if (status != TN_OK && shortages != before) return TN_OUT_OF_MEMORY;
  if (status != TN_OK) return fail_with_error(backend, TN__STAGE_INIT, status);
  if (backend->stage != TN__STAGE_NO_DEVICE) backend->stage = TN__STAGE_READY;
  for (int why = 0; why < TN__ROW_COUNT; why++) remark_on_row(backend, (tn__row_kind)why);
  return TN_OK;
}

// How a thread runtime is told, before it is loaded, not to burn a core while it waits. By default
// libgomp's threads spin for milliseconds: with other work on the machine each small loop then
// waits for threads that are not running. See docs/adr/0009.
typedef struct wait_setting {
  const char *threading;  // as the plugin's facts name the runtime
  const char *variable, *value;
  const char *unless;  // the user has decided
} wait_setting;

static const wait_setting wait_settings[] = {
    {"openmp", "GOMP_SPINCOUNT", "1000", "OMP_WAIT_POLICY"},
};

static const wait_setting *wait_setting_of(const tn__backend *backend) {
  for (size_t i = 0; i < sizeof wait_settings / sizeof wait_settings[0]; i++) {
    const wait_setting *setting = &wait_settings[i];
    if (strcmp(setting->threading, backend->facts.threading) != 0) continue;
    return getenv(setting->variable) || getenv(setting->unless) ? NULL : setting;
  }
  return NULL;
}

// The setting is in the environment only while the library is loaded.
static void *load(const tn__backend *backend) {
  const wait_setting *setting = wait_setting_of(backend);
  if (setting != NULL) setenv(setting->variable, setting->value, 0);
  void *library = dlopen(backend->path, RTLD_NOW | RTLD_LOCAL);
  if (setting != NULL) unsetenv(setting->variable);
  return library;
}

static tn_status open_library(tn__backend *backend) {
  backend->stage = TN__STAGE_DLOPEN;
  tn__backend_step(backend, "dlopen");
  if (backend->library == NULL) backend->library = load(backend);
  if (backend->library == NULL) {
    const char *why = dlerror();
    return tn__backend_fail(backend, TN__STAGE_DLOPEN, "%s", why ? why : "dlopen failed");
  }
  tn_plugin_query_fn query;
  void *symbol = dlsym(backend->library, "tn_plugin_query");
  if (symbol == NULL) {
    return tn__backend_fail(backend, TN__STAGE_DLOPEN, "it does not export tn_plugin_query");
  }
  memcpy(&query, &symbol, sizeof query);
  tn__backend_step(backend, "query");
  return take_desc(backend, query(TN_ABI_VERSION));
}

tn_status tn__backend_open(tn__backend *backend) {
  if (backend->opened) return backend->failed ? TN_UNAVAILABLE : TN_OK;
  backend->opened = true;
  if (backend->failed) return TN_UNAVAILABLE;
  // Loading is a call of its own: an error that the thread already holds is not the plugin's.
  tn__held_error held = tn__error_hold();
  tn_status status = open_library(backend);
  if (status == TN_OK) status = initialize(backend);
  tn__error_restore(held);
  if (status == TN_OUT_OF_MEMORY) {
    // Not the plugin's fault, and nothing of it is left: the next need calls its init again.
    backend->opened = false;
    backend->stage = TN__STAGE_CPU;
    backend->reason[0] = backend->remark[0] = '\0';
    memset(backend->odd_rows, 0, sizeof backend->odd_rows);
    return tn__error(TN_OUT_OF_MEMORY, NULL,
                     "out of memory while the backend '%s' was loaded; the next call tries again",
                     backend->facts.name);
  }
  tn__log(TN__LOG_DEBUG, "loader", "%s: %s", backend->path, tn__stage_name(backend->stage));
  return status;
}
