// SPDX-License-Identifier: Apache-2.0
//
// load_report: answers about the search for backends: the report that every error of it ends in,
// near matches for names that were not found, and what the public header asks.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/inspect.h>

#include "backend.h"
#include "provider_rules.h"
#include "registry.h"
#include "settings.h"
#include "text.h"
#include "thread.h"

// A variable that nobody reads stands in the report only where it looks like a misspelt one: others
// may be the program's own.
static void append_unknown(void *closure, const char *name) {
  const char *near = tn__setting_near_match(name);
  if (near[0] == '\0') return;
  tn__text_append(closure, "%s is set and nobody reads it; did you mean %s?\n", name, near);
}

static void append_backend(tn__text *text, const tn__backend *backend) {
  tn__text_append(text, "  %s: %s%s%s (%s)\n", backend->facts.name, tn__backend_state(backend),
                  backend->reason[0] ? ": " : "", backend->reason, backend->path);
  if (backend->remark[0] != '\0') tn__text_append(text, "    %s\n", backend->remark);
}

char *tn__loader_report(void) {
  tn__text text = {NULL, 0, 0};
  const char *listed = tn__environment("TENON_BACKENDS", false);
  tn__text_append(&text, "%s: %.400s\n", tn__setting_label("TENON_BACKENDS"),
                  listed == NULL ? "(unset)" : listed);
  tn__provider_rules_report(&text);
  const char *searched = tn__loader_searched();
  tn__text_append(&text, "searched: %s\n", searched == NULL ? "(nothing)" : searched);
  if (tn__is_secure() && getenv("TENON_BACKEND_PATH") != NULL) {
    tn__text_append(&text, "TENON_BACKEND_PATH is ignored: this is a set-uid process\n");
  }
  tn__settings_unknown(append_unknown, &text);
  for (tn__backend *backend = tn__loader_first(); backend != NULL; backend = backend->next) {
    append_backend(&text, backend);
  }
  if (tn__loader_first() == NULL) tn__text_append(&text, "  no backend was found\n");
  return text.data;
}

tn_status tn__loader_error(tn_status status, const char *hint, const char *format, ...) {
  char story[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(story, sizeof story, format, arguments);
  va_end(arguments);
  char *report = tn__loader_report();
  tn__error(status, &(tn__error_details){NULL, NULL, NULL, hint}, "%s\nload report:\n%s", story,
            report == NULL ? "(out of memory)" : report);
  free(report);
  return status;
}

static void offer_list(tn__nearest *nearest, const char *list, char *kept, size_t size) {
  for (const char *at = list; *at != '\0';) {
    char name[64];
    size_t length = strcspn(at, ",");
    snprintf(name, sizeof name, "%.*s", (int)length, at);
    int before = nearest->distance;
    tn__nearest_offer(nearest, name);
    if (nearest->distance < before) {
      snprintf(kept, size, "%s", name);
      nearest->best = kept;
    }
    at += length + (at[length] == ',');
  }
}

const char *tn__loader_near_match(const char *name) {
  static _Thread_local char device[64];
  tn__nearest nearest = tn__nearest_to(name);
  for (tn__backend *backend = tn__loader_first(); backend != NULL; backend = backend->next) {
    tn__nearest_offer(&nearest, backend->facts.name);
    offer_list(&nearest, backend->facts.devices, device, sizeof device);
  }
  tn__nearest_offer(&nearest, "cpu");
  return nearest.best;
}

char *tn_load_report(void) {
  tn__registry_lock();
  tn__held_error held = tn__error_hold();
  tn__loader_scan();
  tn__error_restore(held);
  char *report = tn__loader_report();
  if (report == NULL) tn__out_of_memory("the load report", 0);
  tn__registry_unlock();
  return report;
}

int32_t tn_backend_candidate_count(void) {
  tn__registry_lock();
  tn__held_error held = tn__error_hold();
  tn__loader_scan();
  tn__error_restore(held);
  int32_t count = 0;
  for (tn__backend *at = tn__loader_first(); at != NULL; at = at->next) count++;
  tn__registry_unlock();
  return count;
}

static tn__backend *backend_at(int32_t index) {
  tn__backend *backend = index < 0 ? NULL : tn__loader_first();
  for (int32_t i = 0; i < index && backend != NULL; i++) backend = backend->next;
  return backend;
}

static tn_status no_backend(const char *function, int32_t index) {
  return tn__error(TN_OUT_OF_RANGE, NULL, "%s: there is no backend %d", function, index);
}

tn_status tn_backend_open(int32_t index) {
  tn__registry_lock();
  tn__backend *backend = backend_at(index);
  tn_status status = backend == NULL ? no_backend("tn_backend_open", index) : TN_OK;
  if (backend != NULL && backend->order >= 0) tn__backend_open(backend);
  tn__registry_unlock();
  return status;
}

int32_t tn_backend_count(void) {
  tn__registry_lock();
  int32_t count = 0;
  if (tn__loader_scan() == TN_OK) {
    for (tn__backend *backend = tn__loader_first(); backend != NULL; backend = backend->next) {
      if (backend->order >= 0) tn__backend_open(backend);
    }
  }
  for (tn__backend *at = tn__loader_first(); at != NULL; at = at->next) count++;
  tn__registry_unlock();
  return count;
}

tn_status tn_backend_at(int32_t index, tn_backend_info *info) {
  tn__registry_lock();
  tn__backend *backend = backend_at(index);
  tn_status status = TN_OK;
  if (backend == NULL) {
    status = no_backend("tn_backend_at", index);
  } else {
    *info = (tn_backend_info){
        .name = backend->facts.name,
        .version = backend->facts.version,
        .path = backend->path,
        .devices = backend->facts.devices,
        .stage = tn__backend_state(backend),
        .reason = backend->reason,
        .kernel_count = backend->kernel_count,
        .serves = backend->facts.serves,
        .wraps = backend->facts.wraps,
        .threading = backend->facts.threading,
        .advice = tn__backend_advice(backend),
        .remark = backend->remark,
    };
  }
  tn__registry_unlock();
  return status;
}
