// SPDX-License-Identifier: Apache-2.0
//
// npy_header: the text in front of the elements of a .npy file, both ways.
//
// A reader of one small grammar, not of Python: a dict with exactly the keys 'descr',
// 'fortran_order' and 'shape'. It moves forward only and never beyond `end`; the first thing that
// does not fit ends it with a reason. Invariant: a header that is accepted has sizes whose product,
// in bytes, fits int64_t.

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "npy_impl.h"

// X(dtype, NumPy's kind letter, size in bytes). bf16 has none.
#define TN__NPY_DTYPE_TABLE(X) \
  X(BOOL, 'b', 1)              \
  X(U8, 'u', 1)                \
  X(I8, 'i', 1)                \
  X(U16, 'u', 2)               \
  X(I16, 'i', 2)               \
  X(U32, 'u', 4)               \
  X(I32, 'i', 4)               \
  X(U64, 'u', 8)               \
  X(I64, 'i', 8)               \
  X(F16, 'f', 2)               \
  X(F32, 'f', 4)               \
  X(F64, 'f', 8)               \
  X(C64, 'c', 8)               \
  X(C128, 'c', 16)

typedef struct npy_dtype {
  tn_dtype dtype;
  char kind;
  int size;
} npy_dtype;

static const npy_dtype npy_dtypes[] = {
#define X(dtype, kind, size) {TN_##dtype, kind, size},
    TN__NPY_DTYPE_TABLE(X)
#undef X
};
enum { NPY_DTYPE_COUNT = sizeof npy_dtypes / sizeof npy_dtypes[0] };

static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

static bool refuse(tn__npy_refusal *refusal, tn_status status, const char *format, ...)
    TN_PRINTF(3, 4);
static bool refuse(tn__npy_refusal *refusal, tn_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  refusal->status = status;
  vsnprintf(refusal->reason, sizeof refusal->reason, format, arguments);
  va_end(arguments);
  return false;
}

bool tn__npy_read_preamble(const uint8_t *bytes, size_t size, int64_t *header_offset,
                           int64_t *header_bytes, tn__npy_refusal *refusal) {
  if (size < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0) {
    return refuse(refusal, TN_DATA_ERROR, "it is not a .npy file (no \\x93NUMPY at its start)");
  }
  if (size < 10) return refuse(refusal, TN_DATA_ERROR, "it ends inside its first 10 bytes");
  const int major = bytes[6], minor = bytes[7];
  if (major < 1 || major > 3 || minor != 0) {
    return refuse(refusal, TN_DATA_ERROR, "its format version is %d.%d; 1.0 to 3.0 are known",
                  major, minor);
  }
  *header_offset = major == 1 ? 10 : 12;
  if (size < (size_t)*header_offset) {
    return refuse(refusal, TN_DATA_ERROR, "it ends inside its first 12 bytes");
  }
  *header_bytes = bytes[8] | bytes[9] << 8;
  if (major > 1) *header_bytes |= (int64_t)bytes[10] << 16 | (int64_t)bytes[11] << 24;
  if (*header_bytes > TN__NPY_MAX_HEADER_BYTES) {
    return refuse(refusal, TN_DATA_ERROR,
                  "it claims a header of %" PRId64 " bytes, which no plain array has",
                  *header_bytes);
  }
  return true;
}

// ---- the dict ----------------------------------------------------------------------------------

typedef struct reader {
  const char *at, *end;
  tn__npy_header *header;
  tn__npy_refusal *refusal;
} reader;

static bool malformed(reader *r, const char *expected) {
  int shown = r->end - r->at < 20 ? (int)(r->end - r->at) : 20;
  char seen[21];
  for (int i = 0; i < shown; i++) seen[i] = r->at[i] >= ' ' && r->at[i] <= '~' ? r->at[i] : '?';
  seen[shown] = '\0';
  return refuse(r->refusal, TN_DATA_ERROR, "its header has '%s' where %s should be", seen,
                expected);
}

static void skip_space(reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')) {
    r->at++;
  }
}

// Goes past |symbol| and the space around it; false, without moving on, where another stands there.
static bool take(reader *r, char symbol) {
  skip_space(r);
  if (r->at == r->end || *r->at != symbol) return false;
  r->at++;
  skip_space(r);
  return true;
}

static bool take_word(reader *r, const char *word) {
  const size_t length = strlen(word);
  if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) return false;
  r->at += length;
  return true;
}

// A string in either kind of quotes, without escapes.
static bool take_string(reader *r, char *out, size_t size) {
  if (r->at == r->end || (*r->at != '\'' && *r->at != '"')) return malformed(r, "a string");
  const char *start = r->at + 1;
  const char *close = memchr(start, *r->at, (size_t)(r->end - start));
  if (close == NULL || (size_t)(close - start) >= size ||
      memchr(start, '\\', (size_t)(close - start)) != NULL) {
    return malformed(r, "a short string");
  }
  memcpy(out, start, (size_t)(close - start));
  out[close - start] = '\0';
  r->at = close + 1;
  return true;
}

static bool refuse_dtype(reader *r, const char *descr) {
  static const char *const kinds[] = {
      "Oobject array, whose elements are pickled Python objects",
      "Sarray of byte strings",
      "Uarray of strings",
      "Vstructured array",
      "Marray of dates",
      "marray of time differences",
  };
  const char *letter = strchr("<>|=", descr[0]) != NULL ? descr + 1 : descr;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (letter[0] == kinds[i][0]) {
      return refuse(r->refusal, TN_INVALID_DTYPE, "it holds an %s (descr '%s')", kinds[i] + 1,
                    descr);
    }
  }
  return refuse(r->refusal, TN_INVALID_DTYPE, "there is no dtype for its descr '%s'", descr);
}

// "<f4": byte order, kind, size in bytes.
static bool take_descr(reader *r) {
  char descr[24];
  if (r->at < r->end && *r->at == '[') {
    return refuse(r->refusal, TN_INVALID_DTYPE, "it holds a structured array");
  }
  if (!take_string(r, descr, sizeof descr)) return false;
  const char order = descr[0];
  if (order == '\0' || strchr("<>|=", order) == NULL) return refuse_dtype(r, descr);
  for (int i = 0; i < NPY_DTYPE_COUNT; i++) {
    char spelling[8];
    snprintf(spelling, sizeof spelling, "%c%d", npy_dtypes[i].kind, npy_dtypes[i].size);
    const bool is_bool = npy_dtypes[i].dtype == TN_BOOL && strcmp(descr + 1, "?") == 0;
    if (strcmp(descr + 1, spelling) != 0 && !is_bool) continue;
    r->header->dtype = npy_dtypes[i].dtype;
    r->header->swapped = npy_dtypes[i].size > 1 && order == (TN__HOST_BIG_ENDIAN ? '<' : '>');
    return true;
  }
  return refuse_dtype(r, descr);
}

static bool take_bool(reader *r, bool *out) {
  *out = take_word(r, "True");
  return *out || take_word(r, "False") || malformed(r, "True or False");
}

// A size; Python 2 put an L behind large ones.
static bool take_size(reader *r, int64_t *out) {
  if (r->at == r->end || *r->at < '0' || *r->at > '9') return malformed(r, "a size");
  *out = 0;
  for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
    if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *r->at - '0', out)) {
      return refuse(r->refusal, TN_DATA_ERROR, "a size in its shape does not fit 64 bits");
    }
  }
  if (r->at < r->end && *r->at == 'L') r->at++;
  return true;
}

// "()", "(3,)", "(3, 4)" or "(3, 4,)".
static bool take_shape(reader *r) {
  tn__npy_header *header = r->header;
  if (!take(r, '(')) return malformed(r, "a tuple");
  bool comma = true;
  for (header->rank = 0; !take(r, ')'); header->rank++) {
    if (!comma) return malformed(r, "',' or ')'");
    if (header->rank == TN_MAX_DIMS) {
      return refuse(r->refusal, TN_DATA_ERROR, "it has more than %d dims", TN_MAX_DIMS);
    }
    if (!take_size(r, &header->sizes[header->rank])) return false;
    comma = take(r, ',');
  }
  if (header->rank == 1 && !comma) return malformed(r, "a ',' before ')'");
  return true;
}

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

static bool take_entry(reader *r, int *seen) {
  char key[24];
  if (!take_string(r, key, sizeof key)) return false;
  int entry = strcmp(key, "descr") == 0           ? HAS_DESCR
              : strcmp(key, "fortran_order") == 0 ? HAS_ORDER
              : strcmp(key, "shape") == 0         ? HAS_SHAPE
                                                  : 0;
  if (entry == 0) return refuse(r->refusal, TN_DATA_ERROR, "its header has a key '%s'", key);
  if ((*seen & entry) != 0) {
    return refuse(r->refusal, TN_DATA_ERROR, "its header has '%s' twice", key);
  }
  *seen |= entry;
  if (!take(r, ':')) return malformed(r, "':'");
  if (entry == HAS_DESCR) return take_descr(r);
  if (entry == HAS_ORDER) return take_bool(r, &r->header->fortran_order);
  return take_shape(r);
}

// The elements' count and size in bytes. A dim of size 0 hides no overflow of the others.
static bool measure(tn__npy_header *header, tn__npy_refusal *refusal) {
  int64_t product = tn_dtype_size(header->dtype);
  bool empty = false, fits = true;
  for (int32_t dim = 0; dim < header->rank; dim++) {
    const int64_t size = header->sizes[dim];
    empty = empty || size == 0;
    if (size != 0 && __builtin_mul_overflow(product, size, &product)) fits = false;
  }
  if (!fits) {
    return refuse(refusal, TN_DATA_ERROR, "the sizes in its header overflow 64 bits");
  }
  header->size_bytes = empty ? 0 : product;
  header->numel = header->size_bytes / tn_dtype_size(header->dtype);
  return true;
}

bool tn__npy_read_header(const char *text, size_t length, tn__npy_header *header,
                         tn__npy_refusal *refusal) {
  *header = (tn__npy_header){.dtype = TN_DTYPE_NONE};
  reader r = {text, text + length, header, refusal};
  int seen = 0;
  if (!take(&r, '{')) return malformed(&r, "a dict");
  bool comma = true;
  while (!take(&r, '}')) {
    if (!comma) return malformed(&r, "',' or '}'");
    if (!take_entry(&r, &seen)) return false;
    comma = take(&r, ',');
  }
  if (r.at != r.end) return malformed(&r, "the end");
  if (seen != HAS_ALL) {
    return refuse(refusal, TN_DATA_ERROR, "its header lacks 'descr', 'fortran_order' or 'shape'");
  }
  return measure(header, refusal);
}

// ---- writing -----------------------------------------------------------------------------------

size_t tn__npy_write_start(char out[TN__NPY_LONGEST_START], tn_dtype dtype, tn_ints sizes) {
  const npy_dtype *row = NULL;
  for (int i = 0; i < NPY_DTYPE_COUNT; i++) {
    if (npy_dtypes[i].dtype == dtype) row = &npy_dtypes[i];
  }
  if (row == NULL) return 0;
  memset(out, ' ', TN__NPY_LONGEST_START);
  memcpy(out, magic, sizeof magic);
  out[6] = 1;
  out[7] = 0;
  enum { START = 10 };
  char *text = out + START;
  const size_t room = TN__NPY_LONGEST_START - START;
  size_t used =
      (size_t)snprintf(text, room, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': (",
                       row->size == 1 ? '|' : '<', row->kind, row->size);
  for (int64_t dim = 0; dim < sizes.count; dim++) {
    used += (size_t)snprintf(text + used, room - used, "%s%" PRId64, dim > 0 ? ", " : "",
                             sizes.data[dim]);
  }
  used += (size_t)snprintf(text + used, room - used, "%s), }", sizes.count == 1 ? "," : "");
  text[used] = ' ';
  size_t total = START + used + 1;
  total += (TN__NPY_ALIGNMENT - total % TN__NPY_ALIGNMENT) % TN__NPY_ALIGNMENT;
  out[total - 1] = '\n';
  out[8] = (char)((total - START) & 0xff);
  out[9] = (char)((total - START) >> 8);
  return total;
}

void tn__npy_swap_bytes(void *elements, int64_t count, tn_dtype dtype) {
  int64_t size = tn_dtype_size(dtype);
  if (tn_dtype_is_complex(dtype)) {
    size /= 2;
    count *= 2;
  }
  uint8_t *bytes = elements;
  for (int64_t i = 0; i < count; i++, bytes += size) {
    for (int64_t low = 0, high = size - 1; low < high; low++, high--) {
      const uint8_t kept = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = kept;
    }
  }
}
