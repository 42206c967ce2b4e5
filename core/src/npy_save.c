// SPDX-License-Identifier: Apache-2.0
//
// npy_save: a tensor as a .npy file.
//
// The file is written beside its place under another name and renamed when it is complete, so that
// a reader sees the old file or the new one, and a tensor that maps the old one keeps its bytes.
// Invariant: whatever fails, the file that stood there is untouched and the other one is gone.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/io.h>
#include <unistd.h>

#include "copy.h"
#include "npy_impl.h"
#include "tensor_impl.h"

typedef struct npy_target {
  const char *path;  // as given, for messages
  char *place;       // where the file goes: |path| with symbolic links followed
  char *temporary;   // in the same folder
  int descriptor;
} npy_target;

static tn_status system_error(const npy_target *target, const char *what) {
  const int code = errno;
  return tn_error_set(TN_IO_ERROR, "npy_save: '%s' cannot be %s: %s", target->path, what,
                      strerror(code));
}

// Finds where the file goes. What stands there already must be a regular file: renaming would
// otherwise put a file in the place of a device or a pipe.
static tn_status find_place(npy_target *target) {
  struct stat facts;
  if (stat(target->path, &facts) != 0) {
    if (errno != ENOENT) return system_error(target, "written");
    target->place = tn__strdup(target->path);
  } else if (!S_ISREG(facts.st_mode)) {
    return tn_error_set(TN_IO_ERROR, "npy_save: '%s' is %s, which is not overwritten", target->path,
                        S_ISDIR(facts.st_mode) ? "a folder" : "a pipe, socket or device");
  } else {
    target->place = realpath(target->path, NULL);
    if (target->place == NULL && errno != ENOMEM) return system_error(target, "found");
  }
  return target->place == NULL ? tn__out_of_memory("a path", strlen(target->path)) : TN_OK;
}

static tn_status open_temporary(npy_target *target) {
  static _Atomic uint32_t number;
  const size_t size = strlen(target->place) + 48;
  target->temporary = tn__malloc(size);
  if (target->temporary == NULL) return tn__out_of_memory("a path", size);
  do {
    snprintf(target->temporary, size, "%s.%ld.%u.part", target->place, (long)getpid(),
             (unsigned)atomic_fetch_add_explicit(&number, 1, memory_order_relaxed));
    target->descriptor = open(target->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (target->descriptor < 0 && errno == EEXIST);
  if (target->descriptor >= 0) return TN_OK;
  tn_status status = system_error(target, "created");
  free(target->temporary);
  target->temporary = NULL;
  return status;
}

static tn_status write_bytes(const npy_target *target, const void *bytes, size_t count) {
  const char *from = bytes;
  while (count > 0) {
    const ssize_t taken = write(target->descriptor, from, count > (1u << 30) ? 1u << 30 : count);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) return system_error(target, "written");
    from += taken;
    count -= (size_t)taken;
  }
  return TN_OK;
}

static tn_status write_elements(const npy_target *target, const tn_tensor *tensor) {
  const size_t size_bytes = (size_t)tensor->numel * tensor->item_bytes;
  if (size_bytes == 0) return TN_OK;
  if (tn__device_is_host(tensor->device) && tn__is_contiguous(tensor) && !TN__HOST_BIG_ENDIAN) {
    const tn_status synchronized = tn__tensor_wait(tensor);
    return synchronized == TN_OK ? write_bytes(target, tensor->data, size_bytes) : synchronized;
  }
  void *copy = tn__malloc(size_bytes);
  if (copy == NULL) return tn__out_of_memory("a tensor to be saved", size_bytes);
  tn_status status = tn_copy_to_host(tensor, copy, size_bytes, tensor->dtype);
  if (TN__HOST_BIG_ENDIAN) tn__npy_swap_bytes(copy, tensor->numel, tensor->dtype);
  if (status == TN_OK) status = write_bytes(target, copy, size_bytes);
  free(copy);
  return status;
}

// Makes the file that was written the one at its place.
static tn_status put_in_place(npy_target *target) {
  // Some file systems cannot synchronise; they lose no more than they always do.
  if (fsync(target->descriptor) != 0 && errno != EINVAL && errno != ENOTSUP) {
    return system_error(target, "written");
  }
  const int closed = close(target->descriptor);
  target->descriptor = -1;
  if (closed != 0) return system_error(target, "written");
  if (rename(target->temporary, target->place) != 0) return system_error(target, "put in place");
  free(target->temporary);
  target->temporary = NULL;
  return TN_OK;
}

static void drop_target(npy_target *target) {
  if (target->descriptor >= 0) close(target->descriptor);
  if (target->temporary != NULL) unlink(target->temporary);
  free(target->temporary);
  free(target->place);
}

tn_status tn_npy_save(const tn_tensor *tensor, const char *path) {
  if (tensor == NULL) {
    tn__null_operand("npy_save", "tensor");
    return TN_INVALID_ARGUMENT;
  }
  if (tn__is_none(tensor) || path == NULL || path[0] == '\0') {
    return tn_error_set(TN_INVALID_ARGUMENT, "npy_save: there is no %s",
                        tn__is_none(tensor) ? "tensor" : "path");
  }
  char start[TN__NPY_LONGEST_START];
  const size_t start_bytes = tn__npy_write_start(start, tensor->dtype, tn_tensor_shape(tensor));
  if (start_bytes == 0) {
    return tn_error_set(TN_INVALID_DTYPE, "npy_save: NumPy has no %s; cast it to float32 first",
                        tn_dtype_name(tensor->dtype));
  }
  npy_target target = {path, NULL, NULL, -1};
  tn_status status = find_place(&target);
  if (status == TN_OK) status = open_temporary(&target);
  if (status == TN_OK) status = write_bytes(&target, start, start_bytes);
  if (status == TN_OK) status = write_elements(&target, tensor);
  if (status == TN_OK) status = put_in_place(&target);
  drop_target(&target);
  return status;
}
