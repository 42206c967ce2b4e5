// SPDX-License-Identifier: Apache-2.0
//
// types: the small values that applications, the core and backends share: status codes, dtypes,
// devices, scalars and integer lists. Nothing here allocates or owns anything. Zero always means
// "unspecified" (TN_OK, the default dtype, the default device, an unset scalar), so that a
// zero-filled options struct asks for the defaults.

#ifndef TENON_TYPES_H_
#define TENON_TYPES_H_

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TN_PRINTF(format_index, first_argument) \
  __attribute__((format(printf, format_index, first_argument)))
#else
#define TN_PRINTF(format_index, first_argument)
#endif

// Before a field of an operator's attributes: it starts on 8 bytes, so that a struct whose last
// field is small grows all the same when another is added.
#if defined(__GNUC__)
#define TN_SLOT __attribute__((aligned(8)))
#else
#define TN_SLOT
#endif

// ---- status ------------------------------------------------------------------------------------

// X(name, value, text). Values are part of the ABI and only ever grow.
#define TN_STATUS_TABLE(X)                                                    \
  X(OK, 0, "ok")                                                              \
  X(INVALID_ARGUMENT, 1, "invalid argument") /* a wrong value or shape     */ \
  X(OUT_OF_RANGE, 2, "out of range")         /* an index or dim            */ \
  X(INVALID_DTYPE, 3, "invalid dtype")       /* a dtype the call refuses   */ \
  X(DEVICE_MISMATCH, 4, "device mismatch")   /* operands on two devices    */ \
  X(OUT_OF_MEMORY, 5, "out of memory")                                        \
  X(UNIMPLEMENTED, 6, "unimplemented") /* no kernel accepts the call       */ \
  X(UNAVAILABLE, 7, "unavailable")     /* a device or library is missing   */ \
  X(NOT_FOUND, 8, "not found")         /* a name or file nobody knows      */ \
  X(IO_ERROR, 9, "input/output error") /* the system refused a read/write  */ \
  X(DATA_ERROR, 10, "malformed data")  /* a file or blob lies about itself */ \
  X(ABI_MISMATCH, 11, "ABI mismatch")  /* a plugin for another host        */ \
  X(WRONG_STATE, 12, "wrong state")    /* legal call, wrong moment         */ \
  X(READ_ONLY, 13, "read-only")        /* a write to memory that refuses   */ \
  X(INTERNAL, 14, "internal error")    /* a bug in Tenon or in a backend   */ \
  X(NO_SOLUTION, 15, "no solution")    /* values that have none: singular  */

enum {
#define X(name, value, text) TN_##name = value,
  TN_STATUS_TABLE(X)
#undef X
};
typedef int32_t tn_status;

// ---- dtypes ------------------------------------------------------------------------------------

// X(NAME, id, printed name, size in bytes, C storage type). f16, bf16 are stored as their bits;
// complex values as two adjacent components, real part first. Ids are part of the ABI.
#define TN_DTYPE_TABLE(X)                         \
  X(BOOL, 1, "bool", 1, uint8_t)                  \
  X(U8, 2, "uint8", 1, uint8_t)                   \
  X(I8, 3, "int8", 1, int8_t)                     \
  X(U16, 4, "uint16", 2, uint16_t)                \
  X(I16, 5, "int16", 2, int16_t)                  \
  X(U32, 6, "uint32", 4, uint32_t)                \
  X(I32, 7, "int32", 4, int32_t)                  \
  X(U64, 8, "uint64", 8, uint64_t)                \
  X(I64, 9, "int64", 8, int64_t)                  \
  X(F16, 10, "float16", 2, uint16_t)              \
  X(BF16, 11, "bfloat16", 2, uint16_t)            \
  X(F32, 12, "float32", 4, float)                 \
  X(F64, 13, "float64", 8, double)                \
  X(C64, 14, "complex64", 8, struct tn_complex64) \
  X(C128, 15, "complex128", 16, struct tn_complex128)

enum {
  TN_DTYPE_NONE = 0,  // unspecified: the default dtype, or that of the input
#define X(name, id, text, size, ctype) TN_##name = id,
  TN_DTYPE_TABLE(X)
#undef X
      TN_DTYPE_COUNT = 16
};
typedef int32_t tn_dtype;

typedef struct tn_complex64 {
  float real, imag;
} tn_complex64;

typedef struct tn_complex128 {
  double real, imag;
} tn_complex128;

// Sets of dtypes, one bit each.
#define TN_DTYPE_BIT(dtype) (UINT64_C(1) << (dtype))
#define TN_DTYPES_UNSIGNED \
  (TN_DTYPE_BIT(TN_U8) | TN_DTYPE_BIT(TN_U16) | TN_DTYPE_BIT(TN_U32) | TN_DTYPE_BIT(TN_U64))
#define TN_DTYPES_SIGNED \
  (TN_DTYPE_BIT(TN_I8) | TN_DTYPE_BIT(TN_I16) | TN_DTYPE_BIT(TN_I32) | TN_DTYPE_BIT(TN_I64))
#define TN_DTYPES_INTEGER (TN_DTYPES_UNSIGNED | TN_DTYPES_SIGNED)
#define TN_DTYPES_HALF (TN_DTYPE_BIT(TN_F16) | TN_DTYPE_BIT(TN_BF16))
#define TN_DTYPES_FLOATING (TN_DTYPES_HALF | TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64))
#define TN_DTYPES_COMPLEX (TN_DTYPE_BIT(TN_C64) | TN_DTYPE_BIT(TN_C128))
#define TN_DTYPES_REAL (TN_DTYPE_BIT(TN_BOOL) | TN_DTYPES_INTEGER | TN_DTYPES_FLOATING)
#define TN_DTYPES_ALL (TN_DTYPES_REAL | TN_DTYPES_COMPLEX)

static inline int32_t tn_dtype_size(tn_dtype dtype) {
  switch (dtype) {
#define X(name, id, text, size, ctype) \
  case id:                             \
    return size;
    TN_DTYPE_TABLE(X)
#undef X
    default:
      return 0;
  }
}

static inline bool tn_dtype_in(tn_dtype dtype, uint64_t set) { return (set >> dtype) & 1; }
static inline bool tn_dtype_is_floating(tn_dtype dtype) {
  return tn_dtype_in(dtype, TN_DTYPES_FLOATING);
}
static inline bool tn_dtype_is_complex(tn_dtype dtype) {
  return tn_dtype_in(dtype, TN_DTYPES_COMPLEX);
}
// Integers, without bool.
static inline bool tn_dtype_is_integer(tn_dtype dtype) {
  return tn_dtype_in(dtype, TN_DTYPES_INTEGER);
}

// ---- devices -----------------------------------------------------------------------------------

// A device: a type id given out at run time and an index. {0, 0} is "the default device".
typedef struct tn_device {
  int32_t type;
  int32_t index;
} tn_device;

#define TN_DEVICE_DEFAULT ((tn_device){0, 0})
#define TN_DEVICE_CPU ((tn_device){1, 0})  // host memory, owned by the core

static inline bool tn_device_equal(tn_device a, tn_device b) {
  return a.type == b.type && a.index == b.index;
}

// ---- scalars and lists -------------------------------------------------------------------------

// The kind of a scalar; NONE is "not given".
enum {
  TN_SCALAR_NONE = 0,
  TN_SCALAR_BOOL = 1,
  TN_SCALAR_INT = 2,
  TN_SCALAR_UINT = 3,  // only for values above INT64_MAX
  TN_SCALAR_FLOAT = 4,
  TN_SCALAR_COMPLEX = 5
};

// A number with its kind, which is what decides how it promotes beside tensors.
typedef struct tn_scalar {
  int32_t kind;
  int32_t reserved;
  union {
    int64_t i;  // BOOL (0 or 1) and INT
    uint64_t u;
    double f;
    tn_complex128 c;
  } as;
} tn_scalar;

static inline tn_scalar tn_scalar_bool(bool value) {
  tn_scalar s = {TN_SCALAR_BOOL, 0, {0}};
  s.as.i = value;
  return s;
}
static inline tn_scalar tn_scalar_int(int64_t value) {
  tn_scalar s = {TN_SCALAR_INT, 0, {0}};
  s.as.i = value;
  return s;
}
static inline tn_scalar tn_scalar_uint(uint64_t value) {
  if (value <= INT64_MAX) return tn_scalar_int((int64_t)value);
  tn_scalar s = {TN_SCALAR_UINT, 0, {0}};
  s.as.u = value;
  return s;
}
static inline tn_scalar tn_scalar_float(double value) {
  tn_scalar s = {TN_SCALAR_FLOAT, 0, {0}};
  s.as.f = value;
  return s;
}
static inline tn_scalar tn_scalar_complex(double real, double imag) {
  tn_scalar s = {TN_SCALAR_COMPLEX, 0, {0}};
  s.as.c.real = real;
  s.as.c.imag = imag;
  return s;
}

// A borrowed list of integers: sizes, dims, strides.
typedef struct tn_ints {
  const int64_t *data;
  int64_t count;
} tn_ints;

// A list of floating numbers; count -1: absent.
typedef struct tn_floats {
  const double *data;
  int64_t count;
} tn_floats;

static inline tn_ints tn_ints_of(const int64_t *data, int64_t count) {
  tn_ints list = {data, count};
  return list;
}

// Numbers that may be absent, where 0 is a value like any other.
typedef struct tn_opt_int {
  int64_t value;
  int64_t present;
} tn_opt_int;

typedef struct tn_opt_float {
  double value;
  int64_t present;
} tn_opt_float;

// The state of one random draw: element i of a result depends on (seed, offset, i) alone.
typedef struct tn_philox_state {
  uint64_t seed;
  uint64_t offset;
} tn_philox_state;

#ifdef __cplusplus
}
#endif

#endif  // TENON_TYPES_H_
