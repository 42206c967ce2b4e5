// SPDX-License-Identifier: Apache-2.0
//
// npy_impl: what the reader (npy.c) and the writer (npy_save.c) of .npy files share: the header.
// A file is: 6 bytes of magic, 2 of version, the length of the header (2 bytes in version 1, 4 in
// 2 and 3, little-endian), the header, which is a Python dict written as text, and the elements.
// source: NumPy's format description, NEP 1.

#ifndef TENON_CORE_NPY_IMPL_H_
#define TENON_CORE_NPY_IMPL_H_

#include <tenon/tensor.h>

enum {
  TN__NPY_PREAMBLE_BYTES = 12,         // magic, version, the longer of the two lengths
  TN__NPY_MAX_HEADER_BYTES = 1 << 16,  // far more than 32 dims need
  TN__NPY_ALIGNMENT = 64,              // of the first element in the file
};

typedef struct tn__npy_header {
  tn_dtype dtype;
  bool swapped;  // elements are in the other byte order than this machine's
  bool fortran_order;
  int32_t rank;
  int64_t sizes[TN_MAX_DIMS];
  int64_t numel;
  int64_t size_bytes;  // of the elements
} tn__npy_header;

// Why bytes were refused.
typedef struct tn__npy_refusal {
  tn_status status;  // DATA_ERROR or INVALID_DTYPE
  char reason[192];
} tn__npy_refusal;

// Where the header's text starts and how long it is, from the first |size| bytes of a file.
bool tn__npy_read_preamble(const uint8_t *bytes, size_t size, int64_t *header_offset,
                           int64_t *header_bytes, tn__npy_refusal *refusal);

// Reads the text of a header, of which nothing is believed: sizes are checked for overflow.
bool tn__npy_read_header(const char *text, size_t length, tn__npy_header *header,
                         tn__npy_refusal *refusal);

// Writes magic, version 1.0 and header for little-endian row-major elements into |out|, padded so
// that the elements start aligned; how many bytes that is, or 0 where .npy has no such dtype.
enum { TN__NPY_LONGEST_START = 1024 };
size_t tn__npy_write_start(char out[TN__NPY_LONGEST_START], tn_dtype dtype, tn_ints sizes);

// Turns round the bytes of |count| elements of |dtype|, in place.
void tn__npy_swap_bytes(void *elements, int64_t count, tn_dtype dtype);

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { TN__HOST_BIG_ENDIAN = 1 };
#else
enum { TN__HOST_BIG_ENDIAN = 0 };
#endif

#endif  // TENON_CORE_NPY_IMPL_H_
