// SPDX-License-Identifier: Apache-2.0
//
// scalar: conversions between a number with its kind and an element of a dtype.
//
// Integers travel as sign and magnitude, so that the whole ranges of i64 and u64 compare without
// overflow and never pass through a double. Invariant: a store that fails has written nothing.

#include "scalar.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tenon/error.h>
#include <tenon/half.h>
#include <tenon/tensor.h>

const char *tn__scalar_text(tn_scalar value, char *buffer, size_t buffer_size) {
  switch (value.kind) {
    case TN_SCALAR_BOOL:
      snprintf(buffer, buffer_size, "%s", value.as.i != 0 ? "True" : "False");
      break;
    case TN_SCALAR_INT:
      snprintf(buffer, buffer_size, "%" PRId64, value.as.i);
      break;
    case TN_SCALAR_UINT:
      snprintf(buffer, buffer_size, "%" PRIu64, value.as.u);
      break;
    case TN_SCALAR_FLOAT:
      snprintf(buffer, buffer_size, "%.17g", value.as.f);
      break;
    case TN_SCALAR_COMPLEX:
      snprintf(buffer, buffer_size, "%.17g%+.17gj", value.as.c.real, value.as.c.imag);
      break;
    default:
      snprintf(buffer, buffer_size, "none");
  }
  return buffer;
}

static tn_status refuse(tn_scalar value, tn_dtype dtype) {
  char text[64];
  return tn_error_set(TN_INVALID_ARGUMENT, "%s cannot be held by %s",
                      tn__scalar_text(value, text, sizeof text), tn_dtype_name(dtype));
}

// ---- towards integers --------------------------------------------------------------------------

typedef struct integer {
  bool negative;
  uint64_t magnitude;
} integer;

// |value| without its fraction; false where no 64-bit integer comes near.
static bool to_integer(tn_scalar value, integer *out) {
  if (value.kind == TN_SCALAR_BOOL || value.kind == TN_SCALAR_INT) {
    out->negative = value.as.i < 0;
    out->magnitude = out->negative ? -(uint64_t)value.as.i : (uint64_t)value.as.i;
    return true;
  }
  if (value.kind == TN_SCALAR_UINT) {
    *out = (integer){false, value.as.u};
    return true;
  }
  double real = value.kind == TN_SCALAR_COMPLEX ? value.as.c.real : value.as.f;
  if (!(fabs(real) < 0x1p64)) return false;  // also NaN
  out->magnitude = (uint64_t)fabs(real);
  out->negative = real < 0 && out->magnitude != 0;
  return true;
}

static bool fits(integer value, tn_dtype dtype) {
  const int bits = 8 * tn_dtype_size(dtype);
  const uint64_t largest_unsigned = UINT64_MAX >> (64 - bits);
  if (tn_dtype_in(dtype, TN_DTYPES_UNSIGNED)) return value.magnitude <= largest_unsigned;
  const uint64_t largest = largest_unsigned >> 1;
  return value.magnitude <= largest + (value.negative ? 1 : 0);
}

static void write_bits(uint64_t bits, tn_dtype dtype, void *out) {
  switch (tn_dtype_size(dtype)) {
    case 1:
      memcpy(out, &(uint8_t){(uint8_t)bits}, 1);
      break;
    case 2:
      memcpy(out, &(uint16_t){(uint16_t)bits}, 2);
      break;
    case 4:
      memcpy(out, &(uint32_t){(uint32_t)bits}, 4);
      break;
    default:
      memcpy(out, &bits, 8);
  }
}

static tn_status store_integer(tn_scalar value, tn_dtype dtype, void *out) {
  integer exact;
  if (!to_integer(value, &exact) || !fits(exact, dtype)) return refuse(value, dtype);
  write_bits(exact.negative ? -exact.magnitude : exact.magnitude, dtype, out);
  return TN_OK;
}

// ---- towards floats, bool and complex ----------------------------------------------------------

static tn_complex128 to_complex(tn_scalar value) {
  switch (value.kind) {
    case TN_SCALAR_COMPLEX:
      return value.as.c;
    case TN_SCALAR_FLOAT:
      return (tn_complex128){value.as.f, 0};
    case TN_SCALAR_UINT:
      return (tn_complex128){(double)value.as.u, 0};
    default:
      return (tn_complex128){(double)value.as.i, 0};
  }
}

// Integers go straight to float: by way of double they would be rounded twice.
static float to_f32(tn_scalar value) {
  switch (value.kind) {
    case TN_SCALAR_COMPLEX:
      return (float)value.as.c.real;
    case TN_SCALAR_FLOAT:
      return (float)value.as.f;
    case TN_SCALAR_UINT:
      return (float)value.as.u;
    default:
      return (float)value.as.i;
  }
}

tn_status tn__scalar_store(tn_scalar value, tn_dtype dtype, void *out) {
  if (value.kind <= TN_SCALAR_NONE || value.kind > TN_SCALAR_COMPLEX) {
    return tn_error_set(TN_INVALID_ARGUMENT, "no number is given for an element of %s",
                        tn_dtype_name(dtype));
  }
  if (tn_dtype_size(dtype) == 0) {
    return tn_error_set(TN_INVALID_DTYPE, "dtype %d is none of Tenon's", (int)dtype);
  }
  const tn_complex128 wide = to_complex(value);
  if (!tn_dtype_is_complex(dtype) && dtype != TN_BOOL && wide.imag != 0) {
    return refuse(value, dtype);
  }
  switch (dtype) {
    case TN_BOOL:
      write_bits(wide.real != 0 || wide.imag != 0, dtype, out);
      return TN_OK;
    case TN_F16:
      write_bits(tn_f64_to_f16(wide.real), dtype, out);
      return TN_OK;
    case TN_BF16:
      write_bits(tn_f64_to_bf16(wide.real), dtype, out);
      return TN_OK;
    case TN_F32:
      memcpy(out, &(float){to_f32(value)}, sizeof(float));
      return TN_OK;
    case TN_F64:
      memcpy(out, &wide.real, sizeof(double));
      return TN_OK;
    case TN_C64:
      memcpy(out, &(tn_complex64){to_f32(value), (float)wide.imag}, sizeof(tn_complex64));
      return TN_OK;
    case TN_C128:
      memcpy(out, &wide, sizeof wide);
      return TN_OK;
    default:
      return store_integer(value, dtype, out);
  }
}

// ---- out of memory -----------------------------------------------------------------------------

static int64_t read_signed(const void *data, int32_t size) {
  union {
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
  } element = {.i64 = 0};
  memcpy(&element, data, (size_t)size);
  return size == 1 ? element.i8 : size == 2 ? element.i16 : size == 4 ? element.i32 : element.i64;
}

static uint64_t read_unsigned(const void *data, int32_t size) {
  union {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
  } element = {.u64 = 0};
  memcpy(&element, data, (size_t)size);
  return size == 1 ? element.u8 : size == 2 ? element.u16 : size == 4 ? element.u32 : element.u64;
}

static tn_scalar load_inexact(const void *data, tn_dtype dtype) {
  union {
    float f32;
    double f64;
    tn_complex64 c64;
    tn_complex128 c128;
  } element = {.c128 = {0, 0}};
  memcpy(&element, data, (size_t)tn_dtype_size(dtype));
  switch (dtype) {
    case TN_F32:
      return tn_scalar_float((double)element.f32);
    case TN_F64:
      return tn_scalar_float(element.f64);
    case TN_C64:
      return tn_scalar_complex((double)element.c64.real, (double)element.c64.imag);
    default:
      return tn_scalar_complex(element.c128.real, element.c128.imag);
  }
}

tn_scalar tn__scalar_load(const void *data, tn_dtype dtype) {
  const int32_t size = tn_dtype_size(dtype);
  if (size == 0) return (tn_scalar){TN_SCALAR_NONE, 0, {0}};
  if (dtype == TN_BOOL) return tn_scalar_bool(read_unsigned(data, size) != 0);
  if (dtype == TN_F16) {
    return tn_scalar_float((double)tn_f16_to_f32((uint16_t)read_unsigned(data, size)));
  }
  if (dtype == TN_BF16) {
    return tn_scalar_float((double)tn_bf16_to_f32((uint16_t)read_unsigned(data, size)));
  }
  if (tn_dtype_in(dtype, TN_DTYPES_SIGNED)) return tn_scalar_int(read_signed(data, size));
  if (tn_dtype_in(dtype, TN_DTYPES_UNSIGNED)) return tn_scalar_uint(read_unsigned(data, size));
  return load_inexact(data, dtype);
}
