// SPDX-License-Identifier: Apache-2.0
//
// byte_source: a file read from front to back, decompressed where it is gzip (RFC 1952), which its
// first two bytes tell. A compressed file is one or several members; its data end where the last
// member does and the file ends. Invariant: buffer[position, filled) is read and not yet used.

#define _POSIX_C_SOURCE 200809L

#include "byte_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "call.h"

#ifndef TN_NO_ZLIB
#include <zlib.h>
#endif

enum { BUFFER_BYTES = 1 << 16 };

// Deflate cannot do better than 258 bytes for two bits.
static const uint64_t deflate_best_ratio = 1032;

struct tn__byte_source {
  const char *path;
  FILE *file;
  uint64_t file_bytes;
  uint64_t used_bytes;  // of a plain file
  bool is_gzip;
  bool ended;  // a gzip member is complete and no other has begun
#ifndef TN_NO_ZLIB
  bool inflating;  // |stream| wants inflateEnd
  z_stream stream;
#endif
  size_t position, filled;
  unsigned char buffer[BUFFER_BYTES];
};

// ---- the file ----------------------------------------------------------------------------------

static tn_status open_file(tn__byte_source *source) {
  const char *path = source->path;
  struct stat about;
  source->file = fopen(path, "rb");
  if (source->file == NULL) {
    tn_status status = errno == ENOENT || errno == ENOTDIR ? TN_NOT_FOUND : TN_IO_ERROR;
    return tn_error_set(status, "cannot open '%s': %s", path, strerror(errno));
  }
  if (fstat(fileno(source->file), &about) != 0) {
    return tn_error_set(TN_IO_ERROR, "cannot examine '%s': %s", path, strerror(errno));
  }
  if (!S_ISREG(about.st_mode)) {
    return tn_error_set(TN_IO_ERROR, "'%s' is %s", path,
                        S_ISDIR(about.st_mode) ? "a directory" : "not a regular file");
  }
  source->file_bytes = (uint64_t)about.st_size;
  return TN_OK;
}

// Fills the empty buffer; it stays empty at the end of the file.
static tn_status refill(tn__byte_source *source) {
  source->position = 0;
  source->filled = fread(source->buffer, 1, sizeof source->buffer, source->file);
  if (source->filled == 0 && ferror(source->file)) {
    return tn_error_set(TN_IO_ERROR, "cannot read '%s': %s", source->path, strerror(errno));
  }
  return TN_OK;
}

// ---- plain and compressed ----------------------------------------------------------------------

// Both read at most |size| bytes into |out| and write how many to |*count|: 0 at the end of data.

static tn_status read_plain(tn__byte_source *source, unsigned char *out, size_t size,
                            size_t *count) {
  *count = 0;
  if (source->position == source->filled) TN_TRY(refill(source));
  size_t ready = source->filled - source->position;
  *count = size < ready ? size : ready;
  memcpy(out, source->buffer + source->position, *count);
  source->position += *count;
  source->used_bytes += *count;
  return TN_OK;
}

#ifndef TN_NO_ZLIB

static tn_status zlib_failed(const tn__byte_source *source, int code) {
  if (code == Z_MEM_ERROR) {
    return tn_error_set(TN_OUT_OF_MEMORY, "no memory to decompress '%s'", source->path);
  }
  const char *why = source->stream.msg != NULL ? source->stream.msg : zError(code);
  return tn_error_set(TN_DATA_ERROR, "the compressed data of '%s' are damaged: %s", source->path,
                      why);
}

static tn_status start_gzip(tn__byte_source *source) {
  int code = inflateInit2(&source->stream, 16 + MAX_WBITS);  // 16: with gzip's header and checksum
  if (code != Z_OK) return zlib_failed(source, code);
  source->inflating = true;
  return TN_OK;
}

static tn_status read_gzip(tn__byte_source *source, unsigned char *out, size_t size,
                           size_t *count) {
  z_stream *stream = &source->stream;
  uInt wanted = size < (1u << 30) ? (uInt)size : 1u << 30;
  stream->next_out = out;
  stream->avail_out = wanted;
  *count = 0;
  while (stream->avail_out == wanted) {
    if (source->position == source->filled) TN_TRY(refill(source));
    if (source->filled == 0) {
      if (source->ended) return TN_OK;
      return tn_error_set(TN_DATA_ERROR, "the compressed data of '%s' are cut short", source->path);
    }
    if (source->ended) {
      source->ended = false;
      if (inflateReset(stream) != Z_OK) return zlib_failed(source, Z_STREAM_ERROR);
    }
    stream->next_in = source->buffer + source->position;
    stream->avail_in = (uInt)(source->filled - source->position);
    int code = inflate(stream, Z_NO_FLUSH);
    source->position = source->filled - stream->avail_in;
    source->ended = code == Z_STREAM_END;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return zlib_failed(source, code);
    }
  }
  *count = wanted - stream->avail_out;
  return TN_OK;
}

#else

static tn_status start_gzip(tn__byte_source *source) {
  return tn_error_set(TN_UNAVAILABLE,
                      "'%s' is compressed by gzip, and this Tenon was built without zlib: "
                      "decompress it with 'gunzip -k', or build with zlib (Debian: zlib1g-dev)",
                      source->path);
}

// Never reached: opening fails.
static tn_status read_gzip(tn__byte_source *source, unsigned char *out, size_t size,
                           size_t *count) {
  (void)out;
  (void)size;
  *count = 0;
  return start_gzip(source);
}

#endif

static tn_status read_some(tn__byte_source *source, unsigned char *out, size_t size,
                           size_t *count) {
  return source->is_gzip ? read_gzip(source, out, size, count)
                         : read_plain(source, out, size, count);
}

// ---- the interface -----------------------------------------------------------------------------

static tn_status begin(tn__byte_source *source) {
  TN_TRY(open_file(source));
  TN_TRY(refill(source));
  source->is_gzip = source->filled >= 2 && source->buffer[0] == 0x1f && source->buffer[1] == 0x8b;
  return source->is_gzip ? start_gzip(source) : TN_OK;
}

tn_status tn__byte_source_open(const char *path, tn__byte_source **source) {
  *source = NULL;
  if (path == NULL) return tn_error_set(TN_INVALID_ARGUMENT, "the path of a file is NULL");
  tn__byte_source *opened = calloc(1, sizeof *opened);
  if (opened == NULL) return tn_error_set(TN_OUT_OF_MEMORY, "no memory to read '%s'", path);
  opened->path = path;
  tn_status status = begin(opened);
  if (status == TN_OK) {
    *source = opened;
  } else {
    tn__byte_source_close(opened);
  }
  return status;
}

void tn__byte_source_close(tn__byte_source *source) {
  if (source == NULL) return;
#ifndef TN_NO_ZLIB
  if (source->inflating) (void)inflateEnd(&source->stream);
#endif
  if (source->file != NULL) (void)fclose(source->file);
  free(source);
}

tn_status tn__byte_source_read(tn__byte_source *source, void *out, size_t size, const char *what) {
  unsigned char *next = out;
  size_t left = size;
  while (left > 0) {
    size_t count = 0;
    TN_TRY(read_some(source, next, left, &count));
    if (count == 0) {
      return tn_error_set(TN_DATA_ERROR, "'%s' ends within its %s: %llu of %llu bytes are there",
                          source->path, what, (unsigned long long)(size - left),
                          (unsigned long long)size);
    }
    next += count;
    left -= count;
  }
  return TN_OK;
}

uint64_t tn__byte_source_limit(const tn__byte_source *source) {
  if (!source->is_gzip) return source->file_bytes - source->used_bytes;
  if (source->file_bytes > UINT64_MAX / deflate_best_ratio) return UINT64_MAX;
  return source->file_bytes * deflate_best_ratio;
}

tn_status tn__byte_source_expect_end(tn__byte_source *source) {
  unsigned char extra;
  size_t count = 0;
  TN_TRY(read_some(source, &extra, 1, &count));
  if (count == 0) return TN_OK;
  return tn_error_set(TN_DATA_ERROR, "'%s' goes on after the data that its header announces",
                      source->path);
}
