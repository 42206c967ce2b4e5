// SPDX-License-Identifier: Apache-2.0
//
// npy: NumPy's .npy files, read into memory or mapped.
//
// A file is opened without waiting (a FIFO would hang), must be a regular one, and its own length
// is compared with what its header claims before a byte is allocated for elements. Invariant:
// whatever fails, the file is closed and nothing stays mapped.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <tenon/error.h>
#include <tenon/io.h>
#include <unistd.h>

#include "npy_impl.h"
#include "tensor_impl.h"

typedef struct npy_file {
  const char *call;  // for messages
  const char *path;
  int descriptor;
  int64_t length;
  int64_t data_offset;
  tn__npy_header header;
} npy_file;

static tn_status system_error(const npy_file *file, const char *what) {
  const int code = errno;
  const bool missing = code == ENOENT || code == ENOTDIR;
  return tn_error_set(missing ? TN_NOT_FOUND : TN_IO_ERROR, "%s: '%s' cannot be %s: %s", file->call,
                      file->path, what, strerror(code));
}

static tn_status malformed(const npy_file *file, const tn__npy_refusal *refusal) {
  return tn_error_set(refusal->status, "%s: '%s' is refused: %s", file->call, file->path,
                      refusal->reason);
}

// ---- opening -----------------------------------------------------------------------------------

static tn_status open_regular(npy_file *file, bool writable) {
  const int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  file->descriptor = open(file->path, flags);
  if (file->descriptor < 0) return system_error(file, "opened");
  struct stat facts;
  if (fstat(file->descriptor, &facts) != 0) return system_error(file, "examined");
  if (!S_ISREG(facts.st_mode)) {
    return tn_error_set(TN_IO_ERROR, "%s: '%s' is %s, not a regular file", file->call, file->path,
                        S_ISDIR(facts.st_mode) ? "a folder" : "a pipe, socket or device");
  }
  file->length = facts.st_size;
  return TN_OK;
}

// Reads exactly |count| bytes from |offset| on.
static tn_status read_at(const npy_file *file, int64_t offset, void *out, int64_t count) {
  char *to = out;
  while (count > 0) {
    const size_t step = count > (1 << 30) ? (size_t)1 << 30 : (size_t)count;
    const ssize_t got = pread(file->descriptor, to, step, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(file, "read");
    if (got == 0) {
      return tn_error_set(TN_DATA_ERROR, "%s: '%s' was cut short while it was read", file->call,
                          file->path);
    }
    to += got;
    offset += got;
    count -= got;
  }
  return TN_OK;
}

static tn_status check_length(const npy_file *file) {
  const int64_t present = file->length - file->data_offset;
  if (present == file->header.size_bytes) return TN_OK;
  return tn_error_set(
      TN_DATA_ERROR, "%s: '%s' claims %lld elements of %s, which are %lld bytes, and has %lld",
      file->call, file->path, (long long)file->header.numel, tn_dtype_name(file->header.dtype),
      (long long)file->header.size_bytes, (long long)present);
}

static tn_status read_header(npy_file *file) {
  uint8_t preamble[TN__NPY_PREAMBLE_BYTES];
  const int64_t known =
      file->length < TN__NPY_PREAMBLE_BYTES ? file->length : TN__NPY_PREAMBLE_BYTES;
  tn_status status = read_at(file, 0, preamble, known);
  if (status != TN_OK) return status;
  tn__npy_refusal refusal = {TN_DATA_ERROR, "it ends inside its header"};
  int64_t offset, count;
  if (!tn__npy_read_preamble(preamble, (size_t)known, &offset, &count, &refusal)) {
    return malformed(file, &refusal);
  }
  file->data_offset = offset + count;
  if (file->data_offset > file->length) return malformed(file, &refusal);
  char *text = tn__malloc((size_t)count + 1);
  if (text == NULL) return tn__out_of_memory("a .npy header", (uint64_t)count);
  status = read_at(file, offset, text, count);
  if (status == TN_OK && !tn__npy_read_header(text, (size_t)count, &file->header, &refusal)) {
    status = malformed(file, &refusal);
  }
  free(text);
  return status == TN_OK ? check_length(file) : status;
}

static tn_status open_npy(npy_file *file, const char *call, const char *path, bool writable) {
  *file = (npy_file){.call = call, .path = path, .descriptor = -1};
  if (path == NULL) return tn_error_set(TN_INVALID_ARGUMENT, "%s: the path is NULL", call);
  tn_status status = open_regular(file, writable);
  return status == TN_OK ? read_header(file) : status;
}

static void close_npy(npy_file *file) {
  if (file->descriptor >= 0) close(file->descriptor);
}

static void element_strides(const tn__npy_header *header, int64_t *strides) {
  if (!header->fortran_order) {
    tn__contiguous_strides(header->rank, header->sizes, strides);
    return;
  }
  int64_t step = 1;
  for (int32_t dim = 0; dim < header->rank; dim++) {
    strides[dim] = step;
    if (header->sizes[dim] > 1) step *= header->sizes[dim];
  }
}

// ---- loading -----------------------------------------------------------------------------------

// Any byte but 0 is true in NumPy; here true is 1.
static void normalise_bools(uint8_t *bytes, int64_t count) {
  for (int64_t i = 0; i < count; i++) bytes[i] = bytes[i] != 0;
}

static tn_tensor *read_elements(const npy_file *file) {
  const tn__npy_header *header = &file->header;
  int64_t strides[TN_MAX_DIMS];
  element_strides(header, strides);
  tn_tensor *tensor =
      tn__tensor_new_strided(header->rank, header->sizes, strides, header->dtype, TN_DEVICE_CPU);
  if (tensor == NULL) return NULL;
  if (read_at(file, file->data_offset, tensor->data, header->size_bytes) != TN_OK) {
    tn__release_raw(tensor);
    return NULL;
  }
  if (header->swapped) tn__npy_swap_bytes(tensor->data, header->numel, header->dtype);
  if (header->dtype == TN_BOOL) normalise_bools(tensor->data, header->numel);
  return tensor;
}

tn_tensor *tn_npy_load(const char *path) {
  npy_file file;
  tn_tensor *tensor = NULL;
  if (open_npy(&file, "npy_load", path, false) == TN_OK) tensor = read_elements(&file);
  close_npy(&file);
  return tn__give(tensor);
}

// ---- mapping -----------------------------------------------------------------------------------

typedef struct mapping {
  void *start;
  size_t length;
} mapping;

static void unmap(void *context) {
  mapping *mapped = context;
  munmap(mapped->start, mapped->length);
  free(mapped);
}

static tn_status check_mappable(const npy_file *file) {
  const tn__npy_header *header = &file->header;
  int64_t alignment = tn_dtype_size(header->dtype);
  if (tn_dtype_is_complex(header->dtype)) alignment /= 2;
  if (header->swapped) {
    return tn_error_set(
        TN_DATA_ERROR,
        "%s: '%s' is in the other byte order and cannot be mapped; npy_load reads it", file->call,
        file->path);
  }
  if (file->data_offset % alignment != 0) {
    return tn_error_set(TN_DATA_ERROR,
                        "%s: the elements of '%s' start at byte %lld, where no %s can be mapped; "
                        "npy_load reads it",
                        file->call, file->path, (long long)file->data_offset,
                        tn_dtype_name(header->dtype));
  }
  return TN_OK;
}

static mapping *map_file(const npy_file *file, bool writable) {
  mapping *mapped = tn__malloc(sizeof *mapped);
  if (mapped == NULL) {
    tn__out_of_memory("a mapped file", sizeof *mapped);
    return NULL;
  }
  mapped->length = (size_t)file->length;
  mapped->start = mmap(NULL, mapped->length, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                       MAP_SHARED, file->descriptor, 0);
  if (mapped->start != MAP_FAILED) return mapped;
  system_error(file, "mapped");
  free(mapped);
  return NULL;
}

static tn_tensor *map_elements(const npy_file *file, bool writable) {
  const tn__npy_header *header = &file->header;
  if (check_mappable(file) != TN_OK) return NULL;
  mapping *mapped = map_file(file, writable);
  if (mapped == NULL) return NULL;
  int64_t strides[TN_MAX_DIMS];
  element_strides(header, strides);
  char *data = (char *)mapped->start + file->data_offset;
  const tn_ints shape = {header->sizes, header->rank}, steps = {strides, header->rank};
  tn_tensor *tensor = writable
                          ? tn_from_blob(data, shape, steps, header->dtype, unmap, mapped)
                          : tn_from_const_blob(data, shape, steps, header->dtype, unmap, mapped);
  if (tensor == NULL) unmap(mapped);
  return tensor;
}

tn_tensor *tn_npy_map(const char *path, bool writable) {
  npy_file file;
  tn_tensor *tensor = NULL;
  if (open_npy(&file, "npy_map", path, writable) == TN_OK) tensor = map_elements(&file, writable);
  close_npy(&file);
  return tensor;
}
