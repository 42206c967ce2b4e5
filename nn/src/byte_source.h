// SPDX-License-Identifier: Apache-2.0
//
// byte_source: a file read from front to back, decompressed where it is gzip. Errors name the file.

#ifndef TENON_NN_SRC_BYTE_SOURCE_H_
#define TENON_NN_SRC_BYTE_SOURCE_H_

#include <tenon/tenon.h>

typedef struct tn__byte_source tn__byte_source;

// Opens |path|, which must outlive the source. |*source| is NULL on failure.
// errors: NOT_FOUND; IO_ERROR (not a regular file, no permission); UNAVAILABLE (gzip without zlib);
// OUT_OF_MEMORY
tn_status tn__byte_source_open(const char *path, tn__byte_source **source);

// NULL is legal.
void tn__byte_source_close(tn__byte_source *source);

// Reads exactly |size| bytes. |what| is what they are, for the message.
// errors: DATA_ERROR (the file ends before, or its compressed data are damaged); IO_ERROR
tn_status tn__byte_source_read(tn__byte_source *source, void *out, size_t size, const char *what);

// The most bytes that can follow: exact for a plain file, an upper limit for a compressed one.
uint64_t tn__byte_source_limit(const tn__byte_source *source);

// Asks that nothing follows. errors: DATA_ERROR; IO_ERROR
tn_status tn__byte_source_expect_end(tn__byte_source *source);

#endif  // TENON_NN_SRC_BYTE_SOURCE_H_
