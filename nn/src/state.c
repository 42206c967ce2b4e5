// SPDX-License-Identifier: Apache-2.0
//
// state: a module's tensors as a folder of .npy files. Saving writes all of them into a folder
// beside and then moves each into place; loading reads all of them before it changes one. So either
// works completely or leaves the state as it was, short of a machine that stops while files are
// moved.

#define _POSIX_C_SOURCE 200809L

#include <tenon/nn/state.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"

static const char suffix[] = ".npy";
static const char staging_name[] = ".saving";

typedef struct state {
  const tn_module *module;
  const char *folder;
  char staging[PATH_MAX];
  tn_tensor **loaded;  // in the order of the visit
  int64_t count;
  int64_t next;
} state;

// "<folder>/<name><ending>"
static tn_status join(char out[PATH_MAX], const char *folder, const char *name,
                      const char *ending) {
  int length = snprintf(out, PATH_MAX, "%s/%s%s", folder, name, ending);
  if (length > 0 && length < PATH_MAX) return TN_OK;
  return tn_error_set(TN_INVALID_ARGUMENT, "the path '%s/%s%s' is too long", folder, name, ending);
}

static tn_status system_failed(const char *doing, const char *path) {
  return tn_error_set(TN_IO_ERROR, "cannot %s '%s': %s", doing, path, strerror(errno));
}

// |name| without ".npy" is a tensor of the module.
static bool belongs(const tn_module *module, const char *name) {
  char path[TN_MODULE_PATH_MAX + 1];
  size_t length = strlen(name) - (sizeof suffix - 1);
  if (length > TN_MODULE_PATH_MAX) return false;
  memcpy(path, name, length);
  path[length] = '\0';
  return tn_module_tensor_at(module, path) != NULL;
}

// A .npy file that the module does not know is the sign of another model's folder.
static tn_status refuse_strangers(const state *s) {
  DIR *directory = opendir(s->folder);
  if (directory == NULL) {
    tn_status status = errno == ENOENT ? TN_NOT_FOUND : TN_IO_ERROR;
    return tn_error_set(status, "cannot open the folder '%s': %s", s->folder, strerror(errno));
  }
  tn_status status = TN_OK;
  for (struct dirent *item = readdir(directory); item != NULL && status == TN_OK;
       item = readdir(directory)) {
    size_t length = strlen(item->d_name);
    if (length < sizeof suffix || strcmp(item->d_name + length - 4, suffix) != 0) continue;
    if (belongs(s->module, item->d_name)) continue;
    status =
        tn_error_set(TN_INVALID_ARGUMENT, "the folder '%s' holds '%s', which is not this module's",
                     s->folder, item->d_name);
  }
  (void)closedir(directory);
  return status;
}

// ---- saving ------------------------------------------------------------------------------------

static tn_status make_folder(const char *path) {
  struct stat about;
  if (mkdir(path, 0777) == 0) return TN_OK;
  if (errno != EEXIST) return system_failed("make the folder", path);
  if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) return TN_OK;
  return tn_error_set(TN_IO_ERROR, "'%s' is not a folder", path);
}

static tn_status write_tensor(void *context, const tn_module_entry *entry) {
  const state *s = context;
  char path[PATH_MAX];
  TN_TRY(join(path, s->staging, entry->path, suffix));
  tn_tensor *tensor = entry->tensor;
  if (tn_tensor_dtype(tensor) == TN_BF16) tensor = tn_to(tensor, TN_DEVICE_DEFAULT, TN_F32);
  TN_TRY(tn__status_of(tensor));
  return tn_npy_save(tensor, path);
}

static tn_status move_tensor(void *context, const tn_module_entry *entry) {
  const state *s = context;
  char from[PATH_MAX], to[PATH_MAX];
  TN_TRY(join(from, s->staging, entry->path, suffix));
  TN_TRY(join(to, s->folder, entry->path, suffix));
  return rename(from, to) == 0 ? TN_OK : system_failed("write", to);
}

static tn_status drop_staged(void *context, const tn_module_entry *entry) {
  const state *s = context;
  char path[PATH_MAX];
  TN_TRY(join(path, s->staging, entry->path, suffix));
  (void)unlink(path);  // moved or never written: as good as gone
  return TN_OK;
}

tn_status tn_module_save(tn_module *module, const char *folder) {
  if (module == NULL || folder == NULL) {
    return tn_error_set(TN_INVALID_ARGUMENT, "tn_module_save: the %s is NULL",
                        module == NULL ? "module" : "folder");
  }
  state s = {.module = module, .folder = folder};
  TN_TRY(join(s.staging, folder, staging_name, ""));
  TN_TRY(make_folder(folder));
  TN_TRY(refuse_strangers(&s));
  TN_TRY(make_folder(s.staging));
  tn__unrecorded section;
  tn_status status = tn__unrecorded_open(&section);
  if (status == TN_OK) status = tn_module_visit(module, write_tensor, &s);
  if (status == TN_OK) status = tn_module_visit(module, move_tensor, &s);
  tn__unrecorded_close(&section);
  if (status != TN_OK) (void)tn_module_visit(module, drop_staged, &s);
  (void)rmdir(s.staging);
  return status;
}

// ---- loading -----------------------------------------------------------------------------------

static bool same_shape(const tn_tensor *a, const tn_tensor *b) {
  int32_t rank = tn_tensor_ndim(a);
  if (rank != tn_tensor_ndim(b)) return false;
  if (rank == 0) return true;
  return memcmp(tn_tensor_sizes(a), tn_tensor_sizes(b), (size_t)rank * sizeof(int64_t)) == 0;
}

// "[16, 1, 3, 3]"
static const char *shape_text(const tn_tensor *tensor, char *text, size_t size) {
  int length = snprintf(text, size, "[");
  for (int32_t i = 0; i < tn_tensor_ndim(tensor) && length >= 0 && (size_t)length < size; i++) {
    length += snprintf(text + length, size - (size_t)length, "%s%lld", i > 0 ? ", " : "",
                       (long long)tn_tensor_size(tensor, i));
  }
  if (length >= 0 && (size_t)length < size) {
    (void)snprintf(text + length, size - (size_t)length, "]");
  }
  return text;
}

static tn_status check_loaded(const char *path, const tn_tensor *loaded, const tn_tensor *own) {
  char have[160], want[160];
  if (!same_shape(loaded, own)) {
    return tn_error_set(TN_INVALID_ARGUMENT, "'%s' has the shape %s, and the module's is %s", path,
                        shape_text(loaded, have, sizeof have), shape_text(own, want, sizeof want));
  }
  if (!tn_dtype_is_complex(tn_tensor_dtype(loaded)) || tn_dtype_is_complex(tn_tensor_dtype(own))) {
    return TN_OK;
  }
  return tn_error_set(TN_INVALID_DTYPE, "'%s' is %s, and the module's tensor is %s", path,
                      tn_dtype_name(tn_tensor_dtype(loaded)), tn_dtype_name(tn_tensor_dtype(own)));
}

static tn_status read_tensor(void *context, const tn_module_entry *entry) {
  state *s = context;
  char path[PATH_MAX];
  TN_TRY(join(path, s->folder, entry->path, suffix));
  tn_tensor **grown = realloc(s->loaded, (size_t)(s->count + 1) * sizeof(tn_tensor *));
  if (grown == NULL) return tn_error_set(TN_OUT_OF_MEMORY, "no memory to load '%s'", path);
  s->loaded = grown;
  tn_tensor *loaded = tn_npy_load(path);
  TN_TRY(tn__status_of(loaded));
  TN_TRY(check_loaded(path, loaded, entry->tensor));
  grown[s->count++] = loaded;
  return TN_OK;
}

static tn_status copy_tensor(void *context, const tn_module_entry *entry) {
  state *s = context;
  return tn_copy_(entry->tensor, s->loaded[s->next++]);
}

tn_status tn_module_load(tn_module *module, const char *folder) {
  if (module == NULL || folder == NULL) {
    return tn_error_set(TN_INVALID_ARGUMENT, "tn_module_load: the %s is NULL",
                        module == NULL ? "module" : "folder");
  }
  state s = {.module = module, .folder = folder};
  TN_TRY(refuse_strangers(&s));
  tn__unrecorded section;  // owns what is read, until it has been copied
  tn_status status = tn__unrecorded_open(&section);
  if (status == TN_OK) status = tn_module_visit(module, read_tensor, &s);
  if (status == TN_OK) status = tn_module_visit(module, copy_tensor, &s);
  tn__unrecorded_close(&section);
  free(s.loaded);
  return status;
}
