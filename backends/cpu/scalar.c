// SPDX-License-Identifier: Apache-2.0
//
// scalar: numbers that came with a call, in the types that kernels compute in.

#include "cpu.h"

double cpu_scalar_f64(tn_scalar scalar) {
  switch (scalar.kind) {
    case TN_SCALAR_BOOL:
    case TN_SCALAR_INT:
      return (double)scalar.as.i;
    case TN_SCALAR_UINT:
      return (double)scalar.as.u;
    case TN_SCALAR_FLOAT:
      return scalar.as.f;
    case TN_SCALAR_COMPLEX:
      return scalar.as.c.real;
    default:
      return 0.0;
  }
}

int64_t cpu_scalar_i64(tn_scalar scalar) {
  switch (scalar.kind) {
    case TN_SCALAR_BOOL:
    case TN_SCALAR_INT:
      return scalar.as.i;
    case TN_SCALAR_UINT:
      return (int64_t)scalar.as.u;
    default:
      return cpu_f64_to_i64(cpu_scalar_f64(scalar));
  }
}

tn_complex128 cpu_scalar_c128(tn_scalar scalar) {
  if (scalar.kind == TN_SCALAR_COMPLEX) return scalar.as.c;
  return (tn_complex128){cpu_scalar_f64(scalar), 0.0};
}

cpu_value cpu_scalar_value(tn_scalar scalar, tn_dtype dtype) {
  const int64_t i = cpu_scalar_i64(scalar);
  const tn_complex128 c = cpu_scalar_c128(scalar);
  cpu_value value = {.c128 = {0.0, 0.0}};
  switch (dtype) {
    case TN_BOOL:
      value.boolean = c.real != 0.0 || c.imag != 0.0;
      break;
    case TN_U8:
      value.u8 = (uint8_t)i;
      break;
    case TN_I8:
      value.i8 = (int8_t)i;
      break;
    case TN_U16:
      value.u16 = (uint16_t)i;
      break;
    case TN_I16:
      value.i16 = (int16_t)i;
      break;
    case TN_U32:
      value.u32 = (uint32_t)i;
      break;
    case TN_I32:
      value.i32 = (int32_t)i;
      break;
    case TN_U64:
      value.u64 = scalar.kind == TN_SCALAR_FLOAT ? cpu_f64_to_u64(c.real) : (uint64_t)i;
      break;
    case TN_I64:
      value.i64 = i;
      break;
    case TN_F64:
      value.f64 = c.real;
      break;
    case TN_C64:
      value.c64 = (tn_complex64){(float)c.real, (float)c.imag};
      break;
    case TN_C128:
      value.c128 = c;
      break;
    default:
      value.f32 = (float)c.real;
      break;  // f32 and the halves
  }
  return value;
}
