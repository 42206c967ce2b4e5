// SPDX-License-Identifier: Apache-2.0
//
// idx: the IDX format. Two zero bytes, a byte for the type, a byte for the rank, then the sizes as
// big-endian 32-bit numbers, then the elements, row-major and big-endian. Sizes are believed only
// as far as the file can hold them.

#include <stdlib.h>
#include <string.h>
#include <tenon/nn/data.h>

#include "byte_source.h"
#include "call.h"

typedef struct idx_header {
  tn_dtype dtype;
  int32_t rank;
  int64_t sizes[TN_MAX_DIMS];
  uint64_t data_bytes;
} idx_header;

static tn_dtype dtype_of(unsigned char type) {
  switch (type) {
    case 0x08:
      return TN_U8;
    case 0x09:
      return TN_I8;
    case 0x0b:
      return TN_I16;
    case 0x0c:
      return TN_I32;
    case 0x0d:
      return TN_F32;
    case 0x0e:
      return TN_F64;
    default:
      return TN_DTYPE_NONE;
  }
}

static tn_status read_magic(tn__byte_source *source, const char *path, idx_header *header) {
  unsigned char magic[4];
  TN_TRY(tn__byte_source_read(source, magic, sizeof magic, "magic number"));
  if (magic[0] != 0 || magic[1] != 0) {
    return tn_error_set(TN_DATA_ERROR,
                        "'%s' is not an IDX file: it starts with %02x %02x, not with two zeros",
                        path, magic[0], magic[1]);
  }
  header->dtype = dtype_of(magic[2]);
  header->rank = magic[3];
  if (header->dtype == TN_DTYPE_NONE) {
    return tn_error_set(TN_DATA_ERROR, "'%s' has elements of the unknown type 0x%02x", path,
                        magic[2]);
  }
  if (header->rank > TN_MAX_DIMS) {
    return tn_error_set(TN_DATA_ERROR, "'%s' has %d dimensions; at most %d are supported", path,
                        (int)header->rank, TN_MAX_DIMS);
  }
  return TN_OK;
}

static tn_status read_sizes(tn__byte_source *source, const char *path, idx_header *header) {
  bool overflow = false;
  bool empty = false;
  header->data_bytes = (uint64_t)tn_dtype_size(header->dtype);
  for (int32_t i = 0; i < header->rank; i++) {
    unsigned char b[4];
    TN_TRY(tn__byte_source_read(source, b, sizeof b, "sizes"));
    uint32_t size = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    header->sizes[i] = size;
    empty = empty || size == 0;
    if (size != 0 && header->data_bytes > (uint64_t)INT64_MAX / size) overflow = true;
    if (!overflow && size != 0) header->data_bytes *= size;
  }
  if (empty) header->data_bytes = 0;
  if (!overflow || empty) return TN_OK;
  return tn_error_set(TN_DATA_ERROR, "'%s' claims sizes whose product is beyond 64 bits", path);
}

static tn_status read_header(tn__byte_source *source, const char *path, idx_header *header) {
  TN_TRY(read_magic(source, path, header));
  TN_TRY(read_sizes(source, path, header));
  uint64_t limit = tn__byte_source_limit(source);
  if (header->data_bytes <= limit) return TN_OK;
  return tn_error_set(TN_DATA_ERROR,
                      "'%s' is cut short: its header announces %llu bytes of data, and the file "
                      "cannot hold more than %llu",
                      path, (unsigned long long)header->data_bytes, (unsigned long long)limit);
}

static void reverse_bytes(unsigned char *data, uint64_t count, int32_t size) {
  for (uint64_t i = 0; i < count; i++, data += size) {
    for (int32_t low = 0, high = size - 1; low < high; low++, high--) {
      unsigned char byte = data[low];
      data[low] = data[high];
      data[high] = byte;
    }
  }
}

static bool host_is_little_endian(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 1;
}

// The data of |source|, which stands behind the header, as a tensor of the open scope.
static tn_tensor *read_elements(tn__byte_source *source, const idx_header *header) {
  tn_ints shape = {header->sizes, header->rank};
  tn_tensor *tensor = tn_empty(shape, .dtype = header->dtype, .device = TN_DEVICE_CPU);
  if (tensor == NULL) return NULL;
  if (header->data_bytes > 0) {
    unsigned char *data = tn_tensor_data(tensor);
    int32_t size = tn_dtype_size(header->dtype);
    if (data == NULL) return NULL;
    if (tn__byte_source_read(source, data, header->data_bytes, "data") != TN_OK) return NULL;
    if (size > 1 && host_is_little_endian()) {
      reverse_bytes(data, header->data_bytes / (uint64_t)size, size);
    }
  }
  return tn__byte_source_expect_end(source) == TN_OK ? tensor : NULL;
}

tn_tensor *tn_idx_load(const char *path) {
  tn__byte_source *source = NULL;
  idx_header header = {0};
  tn_tensor *tensor = NULL;
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return NULL;
  if (tn__byte_source_open(path, &source) == TN_OK && read_header(source, path, &header) == TN_OK) {
    tensor = tn_escape(read_elements(source, &header));
  }
  tn__byte_source_close(source);
  tn_scope_close(scope);
  return tensor;
}
