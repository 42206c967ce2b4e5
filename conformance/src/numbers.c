// SPDX-License-Identifier: Apache-2.0
//
// numbers: see numbers.h. A floating dtype is three numbers: bits of the significand, the exponent
// of the smallest normal value and the largest finite value; rounding scales by the last place and
// takes the nearest integer, which is to even on ties in the default rounding mode.

#include "numbers.h"

#include <math.h>
#include <string.h>

typedef struct float_format {
  int digits;       // of the significand, the leading one included
  int lowest;       // frexp exponent of the smallest normal value
  double greatest;  // finite
} float_format;

static float_format format_of(tn_dtype dtype) {
  switch (dtype) {
    case TN_F16:
      return (float_format){11, -13, 65504.0};
    case TN_BF16:
      return (float_format){8, -125, 0x1.FEp127};
    case TN_F32:
    case TN_C64:
      return (float_format){24, -125, 0x1.FFFFFEp127};
    default:
      return (float_format){53, -1021, 0x1.FFFFFFFFFFFFFp1023};
  }
}

double tn__ulp(double magnitude, tn_dtype dtype) {
  if (!tn_dtype_is_floating(dtype) && !tn_dtype_is_complex(dtype)) return 1;
  float_format format = format_of(dtype);
  int exponent = format.lowest;
  if (isfinite(magnitude) && magnitude != 0) (void)frexp(magnitude, &exponent);
  if (exponent < format.lowest) exponent = format.lowest;
  return ldexp(1.0, exponent - format.digits);
}

static double round_float(double value, tn_dtype dtype) {
  if (!isfinite(value) || value == 0 || dtype == TN_F64 || dtype == TN_C128) return value;
  double last = tn__ulp(value, dtype);
  double rounded = rint(value / last) * last;
  if (fabs(rounded) > format_of(dtype).greatest) return copysign(INFINITY, value);
  return copysign(rounded, value);
}

static double wrap(double value, int bits, bool is_signed) {
  double span = ldexp(1.0, bits);
  value = fmod(trunc(value), span);
  double top = is_signed ? span / 2 : span;
  if (value >= top) value -= span;
  if (value < (is_signed ? -span / 2 : 0)) value += span;
  return value;
}

double tn_reference_round(double value, tn_dtype dtype) {
  if (dtype == TN_BOOL) return value != 0;
  if (tn_dtype_is_integer(dtype)) {
    return wrap(value, 8 * tn_dtype_size(dtype), tn_dtype_in(dtype, TN_DTYPES_SIGNED));
  }
  return round_float(value, dtype);
}

// ---- 16-bit floats -----------------------------------------------------------------------------

static uint16_t half_bits(double value) {
  uint16_t sign = signbit(value) ? 0x8000 : 0;
  if (isnan(value)) return 0x7E00;
  if (isinf(value)) return (uint16_t)(sign | 0x7C00);
  if (value == 0) return sign;
  int exponent;
  double fraction = frexp(fabs(value), &exponent);  // in [0.5, 1)
  if (exponent < -13) return (uint16_t)(sign | (uint16_t)ldexp(fabs(value), 24));
  unsigned significand = (unsigned)ldexp(fraction, 11) - 1024;
  return (uint16_t)(sign | (unsigned)(exponent + 14) << 10 | significand);
}

static double half_value(uint16_t bits) {
  int exponent = (bits >> 10) & 31;
  double significand = bits & 1023;
  double value = exponent == 0    ? ldexp(significand, -24)
                 : exponent == 31 ? (significand != 0 ? NAN : INFINITY)
                                  : ldexp(significand + 1024, exponent - 25);
  return bits & 0x8000 ? -value : value;
}

static uint16_t bfloat_bits(double value) {
  float narrow = (float)value;
  uint32_t bits;
  memcpy(&bits, &narrow, sizeof bits);
  return isnan(value) ? 0x7FC0 : (uint16_t)(bits >> 16);
}

static double bfloat_value(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return (double)value;
}

// ---- elements ----------------------------------------------------------------------------------

static void write_float(void *element, tn_dtype dtype, double value) {
  float narrow = (float)value;
  uint16_t bits = dtype == TN_F16 ? half_bits(value) : bfloat_bits(value);
  tn_complex64 c64 = {narrow, isnan(narrow) ? narrow : 0};
  tn_complex128 c128 = {value, isnan(value) ? value : 0};
  const void *source = dtype == TN_F32    ? (const void *)&narrow
                       : dtype == TN_F64  ? (const void *)&value
                       : dtype == TN_C64  ? (const void *)&c64
                       : dtype == TN_C128 ? (const void *)&c128
                                          : (const void *)&bits;
  memcpy(element, source, (size_t)tn_dtype_size(dtype));
}

void tn__element_write(void *element, tn_dtype dtype, double value) {
  if (tn_dtype_is_floating(dtype) || tn_dtype_is_complex(dtype)) {
    write_float(element, dtype, value);
    return;
  }
  // The low bytes of a 64-bit integer are the narrower ones, whichever end comes first in memory.
  int64_t whole = value >= 0x1p63 ? (int64_t)(uint64_t)value : (int64_t)value;
  switch (tn_dtype_size(dtype)) {
#define WRITE(type)                          \
  {                                          \
    type narrow = (type)whole;               \
    memcpy(element, &narrow, sizeof narrow); \
    return;                                  \
  }
    case 1:
      WRITE(uint8_t)
    case 2:
      WRITE(uint16_t)
    case 4:
      WRITE(uint32_t)
    default:
      WRITE(uint64_t)
#undef WRITE
  }
}

void tn__imag_write(void *element, tn_dtype dtype, double imag) {
  float narrow = (float)imag;
  size_t size = (size_t)tn_dtype_size(dtype) / 2;
  memcpy((uint8_t *)element + size, dtype == TN_C64 ? (const void *)&narrow : &imag, size);
}

double tn__imag_read(const void *element, tn_dtype dtype) {
  size_t size = (size_t)tn_dtype_size(dtype) / 2;
  return tn__element_read((const uint8_t *)element + size, dtype == TN_C64 ? TN_F32 : TN_F64);
}

double tn__as_real(double real, double imag) { return imag == 0 || isnan(real) ? real : NAN; }

double tn__element_read(const void *element, tn_dtype dtype) {
  union {
    uint8_t u8;
    int8_t i8;
    uint16_t u16;
    int16_t i16;
    uint32_t u32;
    int32_t i32;
    uint64_t u64;
    int64_t i64;
    float f32;
    double f64;
    tn_complex64 c64;
    tn_complex128 c128;
  } raw;
  memcpy(&raw, element, (size_t)tn_dtype_size(dtype));
  switch (dtype) {
    case TN_BOOL:
    case TN_U8:
      return raw.u8;
    case TN_I8:
      return raw.i8;
    case TN_U16:
      return raw.u16;
    case TN_I16:
      return raw.i16;
    case TN_U32:
      return raw.u32;
    case TN_I32:
      return raw.i32;
    case TN_U64:
      return (double)raw.u64;
    case TN_I64:
      return (double)raw.i64;
    case TN_F16:
      return half_value(raw.u16);
    case TN_BF16:
      return bfloat_value(raw.u16);
    case TN_F32:
      return (double)raw.f32;
    case TN_C64:
      return (double)raw.c64.real;
    case TN_C128:
      return raw.c128.real;
    default:
      return raw.f64;
  }
}

double tn__canary(tn_dtype dtype) {
  if (dtype == TN_BOOL) return 1;
  return tn_dtype_is_integer(dtype) ? 91 : NAN;
}

double tn__wrong(tn_dtype dtype, double right) {
  if (dtype == TN_BOOL) return right == 0;
  double canary = tn__canary(dtype);
  return canary == tn_reference_round(right, dtype) ? canary + 1 : canary;
}

double tn__random(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

// ---- shapes ------------------------------------------------------------------------------------

int64_t tn_reference_numel(int32_t ndim, const int64_t *sizes) {
  int64_t numel = 1;
  for (int32_t d = 0; d < ndim; d++) numel *= sizes[d];
  return numel;
}

void tn_reference_unravel(int64_t position, int32_t ndim, const int64_t *sizes, int64_t *index) {
  for (int32_t d = ndim - 1; d >= 0; d--) {
    index[d] = position % sizes[d];
    position /= sizes[d];
  }
}

int64_t tn_reference_ravel(int32_t ndim, const int64_t *sizes, const int64_t *index) {
  int64_t position = 0;
  for (int32_t d = 0; d < ndim; d++) position = position * sizes[d] + index[d];
  return position;
}

static int64_t broadcast_position(const tn_operand *operand, int32_t ndim, const int64_t *index) {
  int64_t position = 0;
  for (int32_t d = 0; d < operand->ndim; d++) {
    int64_t at = operand->sizes[d] == 1 ? 0 : index[ndim - operand->ndim + d];
    position = position * operand->sizes[d] + at;
  }
  return position;
}

double tn_reference_broadcast_at(const tn_operand *operand, int32_t ndim, const int64_t *index) {
  return operand->values[broadcast_position(operand, ndim, index)];
}

double tn_reference_broadcast_imag_at(const tn_operand *operand, int32_t ndim,
                                      const int64_t *index) {
  return operand->imag == NULL ? 0 : operand->imag[broadcast_position(operand, ndim, index)];
}
