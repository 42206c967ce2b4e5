// SPDX-License-Identifier: Apache-2.0
//
// loader: the search for backends. The environment is read once, at the first need. Every candidate
// file becomes a record whose note has been read; libraries are opened later, when something they
// claim is first needed. Searched, in order: name=/path entries, TENON_BACKEND_PATH, the folder
// tenon/abi<N> beside libtenon.so, the compiled-in one. Never the working directory.

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tenon/device.h>
#include <tenon/error.h>

#include "backend.h"
#include "backend_list.h"
#include "log.h"
#include "process.h"
#include "provider_rules.h"
#include "registry.h"
#include "settings.h"
#include "text.h"
#include "thread.h"

#ifndef TN_INSTALL_LIBDIR
#define TN_INSTALL_LIBDIR "/usr/local/lib"
#endif

static const char file_prefix[] = "libtenon_backend_";
static const char file_suffix[] = ".so";

static struct {
  bool scanned;
  tn_status status;  // of the scan; anything but TN_OK is repeated at every need
  char message[4096];
  char hint[1024];
  tn__backend_list list;
  tn__backend *first, *last;
  char *searched;  // folders, for the report
} loader;

tn__backend *tn__loader_first(void) { return loader.first; }

const char *tn__loader_searched(void) { return loader.searched; }

// ---- records -----------------------------------------------------------------------------------

static tn__backend *record_new(const char *path, const char *name) {
  tn__backend *backend = tn__calloc(1, sizeof *backend);
  if (backend == NULL) return NULL;
  backend->path = tn__strdup(path);
  if (backend->path == NULL) {
    free(backend);
    return NULL;
  }
  backend->order = -1;
  snprintf(backend->facts.name, sizeof backend->facts.name, "%s", name);
  return backend;
}

static void record_free(tn__backend *backend) {
  free(backend->path);
  free(backend);
}

static bool is_known_file(const tn__backend *backend) {
  for (const tn__backend *other = loader.first; other != NULL; other = other->next) {
    if (other->file_inode != 0 && other->file_inode == backend->file_inode &&
        other->file_device == backend->file_device) {
      return true;
    }
  }
  return false;
}

static bool is_known_name(const char *name) {
  for (const tn__backend *other = loader.first; other != NULL; other = other->next) {
    if (!other->failed && strcmp(other->facts.name, name) == 0) return true;
  }
  return false;
}

static void append(tn__backend *backend) {
  if (loader.last == NULL) {
    loader.first = backend;
  } else {
    loader.last->next = backend;
  }
  loader.last = backend;
}

// Reads the note of |path| and keeps the record. |name| is the user's, or NULL for the note's own.
static tn_status add_file(const char *path, const char *name) {
  char guessed[32] = "?";
  const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
  if (strncmp(base, file_prefix, sizeof file_prefix - 1) == 0) {
    size_t length = strlen(base + sizeof file_prefix - 1);
    if (length > sizeof file_suffix - 1) length -= sizeof file_suffix - 1;
    snprintf(guessed, sizeof guessed, "%.*s", (int)length, base + sizeof file_prefix - 1);
  }
  tn__backend *backend = record_new(path, name == NULL ? guessed : name);
  if (backend == NULL) return tn__out_of_memory("a backend's record", sizeof *backend);
  tn_status status = tn__note_read(backend);
  if (status == TN_OUT_OF_MEMORY || (name == NULL && is_known_file(backend))) {
    record_free(backend);
    return status == TN_OUT_OF_MEMORY ? status : TN_OK;
  }
  if (!backend->failed && name != NULL && strcmp(name, backend->facts.name) != 0) {
    tn__backend_fail(backend, TN__STAGE_NOTE, "its name is '%s', not '%s': write %s=%s",
                     backend->facts.name, name, backend->facts.name, path);
    snprintf(backend->facts.name, sizeof backend->facts.name, "%s", name);
  }
  bool shadowed = !backend->failed && is_known_name(backend->facts.name);
  if (shadowed) {
    tn__backend_fail(backend, TN__STAGE_NOTE, "another file found earlier is '%s'",
                     backend->facts.name);
  }
  backend->order = tn__backend_list_order(&loader.list, backend->facts.name, &backend->named);
  // A name that the user lists is the first file's; that a later one is passed over is no failure.
  if (shadowed && name == NULL) backend->named = false;
  append(backend);
  return tn__settings_add(backend->facts.name, shadowed ? "" : backend->facts.options);
}

// ---- folders -----------------------------------------------------------------------------------

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_backend_file(const char *name) {
  size_t length = strlen(name), suffix = sizeof file_suffix - 1;
  return length > sizeof file_prefix - 1 + suffix &&
         strncmp(name, file_prefix, sizeof file_prefix - 1) == 0 &&
         strcmp(name + length - suffix, file_suffix) == 0;
}

static tn_status add_sorted(const char *folder, char **names, int count) {
  qsort(names, (size_t)count, sizeof *names, compare_names);
  tn_status status = TN_OK;
  for (int i = 0; i < count && status == TN_OK; i++) {
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    if (length > 0 && (size_t)length < sizeof path) status = add_file(path, NULL);
  }
  return status;
}

static tn_status add_folder(const char *folder) {
  tn__text searched = {loader.searched, loader.searched == NULL ? 0 : strlen(loader.searched), 0};
  tn__text_append(&searched, "%s%s", searched.length > 0 ? ", " : "", folder);
  loader.searched = searched.data;
  DIR *stream = opendir(folder);
  if (stream == NULL) return TN_OK;
  char **names = NULL;
  int count = 0, capacity = 0;
  tn_status status = TN_OK;
  for (struct dirent *entry; status == TN_OK && (entry = readdir(stream)) != NULL;) {
    if (!is_backend_file(entry->d_name)) continue;
    if (count == capacity) {
      capacity = capacity == 0 ? 16 : capacity * 2;
      char **grown = tn__realloc(names, (size_t)capacity * sizeof *names);
      if (grown == NULL) {
        status = tn__out_of_memory("a folder's backends", (uint64_t)capacity * sizeof *names);
        break;
      }
      names = grown;
    }
    names[count] = tn__strdup(entry->d_name);
    if (names[count] == NULL) {
      status = tn__out_of_memory("a folder's backends", sizeof entry->d_name);
      break;
    }
    count++;
  }
  closedir(stream);
  if (status == TN_OK && count > 0) status = add_sorted(folder, names, count);
  for (int i = 0; i < count; i++) free(names[i]);
  free(names);
  return status;
}

// Adds the folders and files of |text|, whose paths tn__settings_check has found absolute.
static tn_status add_path(const char *text) {
  tn_status status = TN_OK;
  while (text != NULL && *text != '\0' && status == TN_OK) {
    size_t length = strcspn(text, ":");
    char path[PATH_MAX];
    if (length > 0 && length < sizeof path) {
      memcpy(path, text, length);
      path[length] = '\0';
      struct stat info;
      bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
      status = folder ? add_folder(path) : add_file(path, NULL);
    }
    text += length + (text[length] == ':');
  }
  return status;
}

// What the program adds goes first; "" takes the environment's away too.
static tn_status add_paths(void) {
  const char *programs = tn__program_setting("TENON_BACKEND_PATH");
  if (programs != NULL && programs[0] == '\0') return TN_OK;
  tn_status status = add_path(programs);
  if (status != TN_OK || tn__is_secure()) return status;
  const char *value = getenv("TENON_BACKEND_PATH");
  if (programs != NULL && value != NULL) status = tn__path_check("TENON_BACKEND_PATH", value);
  return status == TN_OK ? add_path(value) : status;
}

// The folder of libtenon.so itself.
static tn_status add_own_folder(void) {
  static const char here = 0;
  Dl_info info;
  char resolved[PATH_MAX], folder[PATH_MAX];
  if (dladdr(&here, &info) == 0 || info.dli_fname == NULL ||
      realpath(info.dli_fname, resolved) == NULL) {
    return TN_OK;
  }
  char *slash = strrchr(resolved, '/');
  if (slash == NULL) return TN_OK;
  *slash = '\0';
  int length = snprintf(folder, sizeof folder, "%s/tenon/abi%d", resolved, TN_ABI_VERSION);
  return length > 0 && (size_t)length < sizeof folder ? add_folder(folder) : TN_OK;
}

// ---- the scan ----------------------------------------------------------------------------------

// The record that |entry| means: the file that it gives, else the first of its name that can still
// be used, else the first; NULL: none.
static tn__backend *find(const tn__entry *entry) {
  tn__backend *found = NULL;
  for (tn__backend *backend = loader.first; backend != NULL; backend = backend->next) {
    if (strcmp(backend->facts.name, entry->name) != 0) continue;
    if (!backend->failed || entry->path != NULL) return backend;  // listed files stand first
    if (found == NULL) found = backend;
  }
  return found;
}

static tn_status not_found(const tn__entry *entry) {
  const char *label = tn__setting_label("TENON_BACKENDS");
  const char *near = tn__loader_near_match(entry->name);
  if (entry->kind == TN__ENTRY_NOT) {
    tn__log(TN__LOG_WARNING, "loader", "%s excludes '%s', which was not found%s%s%s", label,
            entry->name, near[0] ? "; did you mean '" : "", near, near[0] ? "'?" : "");
    return TN_OK;
  }
  char hint[128];
  snprintf(hint, sizeof hint,
           near[0] ? "did you mean '%s'?" : "`tenon info` lists what was found%s", near);
  return tn__loader_error(TN_NOT_FOUND, hint, "%s names '%s', and no such backend was found", label,
                          entry->name);
}

tn_status tn__loader_unusable(const tn__backend *backend) {
  const char *by =
      tn__setting_label(backend->ruled && !backend->named ? "TENON_PROVIDER" : "TENON_BACKENDS");
  return tn__loader_error(TN_UNAVAILABLE, tn__backend_advice(backend),
                          "the backend '%s', which %s names, cannot be used: %s",
                          backend->facts.name, by, backend->reason);
}

// Whether everything that must be there was found. A file that was refused is made up for by a
// later one of the same name, unless the user gave its path.
static tn_status check_named(void) {
  for (int32_t i = 0; i < loader.list.count; i++) {
    const tn__entry *entry = &loader.list.entries[i];
    if (entry->kind == TN__ENTRY_STAR || entry->optional) continue;
    const tn__backend *backend = find(entry);
    tn_status status = TN_OK;
    if (backend == NULL) {
      status = not_found(entry);
    } else if (entry->kind == TN__ENTRY_NAME && backend->failed) {
      status = tn__loader_unusable(backend);
    }
    if (status != TN_OK) return status;
  }
  return TN_OK;
}

// Files that the list gives by their path.
static tn_status add_listed_files(void) {
  tn_status status = TN_OK;
  for (int32_t i = 0; i < loader.list.count && status == TN_OK; i++) {
    const tn__entry *entry = &loader.list.entries[i];
    if (entry->path == NULL) continue;
    if (tn__is_secure() && tn__program_setting("TENON_BACKENDS") == NULL) {
      return tn__error(TN_INVALID_ARGUMENT, NULL,
                       "TENON_BACKENDS: the path of '%s' is not honoured in a set-uid process",
                       entry->name);
    }
    status = add_file(entry->path, entry->name);
  }
  return status;
}

static tn_status add_install_folder(void) {
  char folder[PATH_MAX];
  int length = snprintf(folder, sizeof folder, "%s/tenon/abi%d", TN_INSTALL_LIBDIR, TN_ABI_VERSION);
  return length > 0 && (size_t)length < sizeof folder ? add_folder(folder) : TN_OK;
}

// A value that makes no sense is an error of every need; what was found is reported all the same.
static tn_status scan(void) {
  tn_status status = tn__settings_check();
  if (status == TN_OK) {
    status = tn__backend_list_parse(tn__environment("TENON_BACKENDS", false), &loader.list);
  }
  tn_status found = status == TN_OK ? add_listed_files() : TN_OK;
  if (found == TN_OK && status == TN_OK) found = add_paths();
  if (found == TN_OK) found = add_own_folder();
  if (found == TN_OK) found = add_install_folder();
  if (status == TN_OK) status = found;
  if (status == TN_OK) status = check_named();
  return status == TN_OK ? tn__provider_rules_load() : status;
}

// Keeps the scan's error, so that every later need reports the same.
static void keep_error(tn_status status) {
  loader.status = status;
  const tn_error *error = tn_error_peek();
  if (error == NULL) return;
  snprintf(loader.message, sizeof loader.message, "%s", error->message);
  snprintf(loader.hint, sizeof loader.hint, "%s", error->hint);
}

// Takes back a search that ran out of memory, so that the next need searches again. Nothing refers
// to its records yet.
static void forget(void) {
  while (loader.first != NULL) {
    tn__backend *next = loader.first->next;
    record_free(loader.first);
    loader.first = next;
  }
  loader.last = NULL;
  free(loader.searched);
  loader.searched = NULL;
  tn__backend_list_free(&loader.list);
  tn__settings_forget();
  loader.scanned = false;
}

tn_status tn__loader_scan(void) {
  if (!loader.scanned) {
    loader.scanned = true;
    tn__process_watch_forks();
    tn__held_error held = tn__error_hold();
    keep_error(scan());
    if (loader.status == TN_OUT_OF_MEMORY) forget();
    tn__error_restore(held);
  }
  if (loader.status == TN_OK) return TN_OK;
  return tn__error(loader.status, &(tn__error_details){NULL, NULL, NULL, loader.hint}, "%s",
                   loader.message);
}

// ---- opening -----------------------------------------------------------------------------------

bool tn__list_has(const char *list, const char *item, size_t item_length) {
  while (*list != '\0') {
    size_t length = strcspn(list, ",");
    if (length == item_length && memcmp(list, item, length) == 0) return true;
    list += length;
    if (*list == ',') list++;
  }
  return false;
}

tn__backend *tn__loader_device_owner(const char *name, size_t length) {
  tn__backend *best = NULL;
  for (tn__backend *backend = loader.first; backend != NULL; backend = backend->next) {
    if (backend->order < 0 || !tn__list_has(backend->facts.devices, name, length)) continue;
    bool better = best == NULL || (best->failed && !backend->failed) ||
                  (best->failed == backend->failed && backend->order < best->order);
    if (better) best = backend;
  }
  return best;
}

bool tn__loader_is_optional(const char *name) {
  bool optional = false;
  for (int32_t i = 0; i < loader.list.count; i++) {
    const tn__entry *entry = &loader.list.entries[i];
    if (entry->kind != TN__ENTRY_NAME || strcmp(entry->name, name) != 0) continue;
    if (!entry->optional) return false;
    optional = true;
  }
  return optional;
}

bool tn__loader_default_device(char *name, size_t size) {
  for (int32_t i = 0; i < loader.list.count; i++) {
    const tn__entry *entry = &loader.list.entries[i];
    const tn__backend *backend = entry->kind == TN__ENTRY_NAME ? find(entry) : NULL;
    for (const char *at = backend == NULL ? "" : backend->facts.devices; *at != '\0';) {
      size_t length = strcspn(at, ",");
      snprintf(name, size, "%.*s", (int)length, at);
      // What must be there is the default even where it is not, which is then the error.
      if (!entry->optional || tn_device_is_available(name)) return true;
      at += length + (at[length] == ',');
    }
  }
  return false;
}
