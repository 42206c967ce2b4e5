// SPDX-License-Identifier: Apache-2.0
//
// need: see need.h.

#include "need.h"

#include <string.h>
#include <tenon/error.h>

#include "op_glob.h"
#include "thread.h"

// ---- what the note says ------------------------------------------------------------------------

static bool owns(const tn__backend *backend, const char *device) {
  return tn__list_has(backend->facts.devices, device, strlen(device));
}

bool tn__backend_serves(const tn__backend *backend, const char *device) {
  const tn_plugin_facts *facts = &backend->facts;
  if (owns(backend, device)) return true;
  if (facts->serves[0] != '\0') return tn__list_has(facts->serves, device, strlen(device));
  return facts->devices[0] == '\0' && strcmp(device, "cpu") == 0;
}

bool tn__backend_claims(const tn__backend *backend, const char *op) {
  const char *globs = backend->facts.operators;
  if (globs[0] == '\0' || strcmp(globs, "*") == 0) return true;
  return tn__op_globs_match(globs, op);
}

static bool must_work(const tn__backend *backend) { return backend->named || backend->ruled; }

// Files that were refused before they ran are dealt with by the search.
bool tn__backend_pends(const tn__backend *backend) {
  if (backend->order < 0) return false;
  if (backend->failed) return backend->opened && must_work(backend);
  return backend->stage != TN__STAGE_READY && backend->stage != TN__STAGE_NO_DEVICE;
}

// ---- opening -----------------------------------------------------------------------------------

static tn_status open_needed(tn__backend *backend) {
  if (backend->order < 0 || (backend->failed && !backend->opened)) return TN_OK;
  tn_status status = tn__backend_open(backend);
  if (status == TN_OUT_OF_MEMORY) return status;
  return status == TN_OK || !must_work(backend) ? TN_OK : tn__loader_unusable(backend);
}

tn_status tn__loader_open_named(void) {
  tn_status status = TN_OK;
  for (tn__backend *at = tn__loader_first(); at != NULL && status == TN_OK; at = at->next) {
    if (must_work(at)) status = open_needed(at);
  }
  return status;
}

tn_status tn__loader_open_wrappers(void) {
  // What is wrong with the list itself is said by every call that needs a backend.
  tn__held_error held = tn__error_hold();
  tn_status status = tn__loader_scan();
  tn__error_restore(held);
  if (status != TN_OK) return TN_OK;
  for (tn__backend *backend = tn__loader_first(); backend != NULL && status == TN_OK;
       backend = backend->next) {
    if (backend->facts.wraps[0] != '\0') status = open_needed(backend);
  }
  return status;
}

tn_status tn__registry_ensure(int32_t device_type) {
  static bool ensured[TN__MAX_DEVICE_TYPES];
  tn__registry_lock();
  tn_status status = tn__loader_scan();
  if (status == TN_OK && !ensured[device_type]) {
    const char *device = tn__device_type_at(device_type)->name;
    for (tn__backend *backend = tn__loader_first(); backend != NULL && status == TN_OK;
         backend = backend->next) {
      if (owns(backend, device)) status = open_needed(backend);
    }
    if (status == TN_OK) status = tn__registry_publish(device_type);
    ensured[device_type] = status == TN_OK;
  }
  tn__registry_unlock();
  return status;
}

// |op| NULL: every operator.
static tn_status open_claims(int32_t device_type, const char *op, bool stale) {
  const char *device = tn__device_type_at(device_type)->name;
  tn_status status = TN_OK;
  for (tn__backend *backend = tn__loader_first(); backend != NULL && status == TN_OK;
       backend = backend->next) {
    bool pends = tn__backend_pends(backend) && tn__backend_serves(backend, device);
    if (!pends || (op != NULL && !tn__backend_claims(backend, op))) continue;
    stale = true;
    status = open_needed(backend);
  }
  return status == TN_OK && stale ? tn__registry_publish(device_type) : status;
}

tn_status tn__registry_need(int32_t device_type, int32_t op_id) {
  tn__registry_lock();
  tn_status status = tn__registry_ensure(device_type);
  // All may be open and the table be older: made while the last was being opened, or memory for a
  // new one ran out.
  bool stale = status == TN_OK && tn__registry_is_pending(device_type, op_id);
  if (status == TN_OK) status = open_claims(device_type, tn__op_table[op_id].name, stale);
  tn__registry_unlock();
  return status;
}

tn_status tn__registry_need_all(int32_t device_type) {
  tn__registry_lock();
  tn_status status = tn__registry_ensure(device_type);
  if (status == TN_OK) status = open_claims(device_type, NULL, false);
  tn__registry_unlock();
  return status;
}

tn_status tn__registry_chain(int32_t device_type, int32_t op_id, tn_dtype dtype,
                             const tn__chain **chain) {
  tn_status status = tn__registry_ensure(device_type);
  *chain = tn__chain_of(device_type, op_id, dtype);
  if (status == TN_OK && *chain != NULL && (*chain)->count == 0 && (*chain)->behind == NULL) {
    status = tn__registry_need(device_type, op_id);
    *chain = tn__chain_of(device_type, op_id, dtype);
  }
  if (*chain != NULL && (*chain)->count == 0) *chain = (*chain)->behind;
  return status;
}
