// SPDX-License-Identifier: Apache-2.0
//
// every_dtype: includes the file named by DTYPE_BODY once for each dtype, with
//   ELEMENT                  its storage type
//   NAME(x)                  x_<dtype>
//   ADD_SCALED(a, alpha, x)  a + alpha * x in it; |alpha| is a cpu_value of that dtype. Integers
//                            wrap, bool is "or"
//   FROM_F64(v), FROM_I64(v) a number in it; see cpu_store_f64
// DTYPE_BODY is undefined at the end. The including file includes cpu.h and defines nothing of
// these names.

#define ADD_SCALED_INTEGER(a, alpha, x) (ELEMENT)((uint64_t)(a) + (uint64_t)(alpha) * (uint64_t)(x))

#define ELEMENT uint8_t
#define NAME(x) x##_bool
#define FROM_F64(v) (ELEMENT)((v) != 0)
#define FROM_I64(v) (ELEMENT)((v) != 0)
#define ADD_SCALED(a, alpha, x) (ELEMENT)((a) | ((alpha).boolean & (x)))
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT uint8_t
#define NAME(x) x##_u8
#define FROM_F64(v) ((ELEMENT)cpu_f64_to_i64(v))
#define FROM_I64(v) ((ELEMENT)(v))
#define ADD_SCALED(a, alpha, x) ADD_SCALED_INTEGER(a, (alpha).u8, x)
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT int8_t
#define NAME(x) x##_i8
#define FROM_F64(v) ((ELEMENT)cpu_f64_to_i64(v))
#define FROM_I64(v) ((ELEMENT)(v))
#define ADD_SCALED(a, alpha, x) ADD_SCALED_INTEGER(a, (alpha).i8, x)
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT uint16_t
#define NAME(x) x##_u16
#define FROM_F64(v) ((ELEMENT)cpu_f64_to_i64(v))
#define FROM_I64(v) ((ELEMENT)(v))
#define ADD_SCALED(a, alpha, x) ADD_SCALED_INTEGER(a, (alpha).u16, x)
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT int16_t
#define NAME(x) x##_i16
#define FROM_F64(v) ((ELEMENT)cpu_f64_to_i64(v))
#define FROM_I64(v) ((ELEMENT)(v))
#define ADD_SCALED(a, alpha, x) ADD_SCALED_INTEGER(a, (alpha).i16, x)
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT uint32_t
#define NAME(x) x##_u32
#define FROM_F64(v) ((ELEMENT)cpu_f64_to_i64(v))
#define FROM_I64(v) ((ELEMENT)(v))
#define ADD_SCALED(a, alpha, x) ADD_SCALED_INTEGER(a, (alpha).u32, x)
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT int32_t
#define NAME(x) x##_i32
#define FROM_F64(v) ((ELEMENT)cpu_f64_to_i64(v))
#define FROM_I64(v) ((ELEMENT)(v))
#define ADD_SCALED(a, alpha, x) ADD_SCALED_INTEGER(a, (alpha).i32, x)
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT uint64_t
#define NAME(x) x##_u64
#define FROM_F64(v) cpu_f64_to_u64(v)
#define FROM_I64(v) ((uint64_t)(v))
#define ADD_SCALED(a, alpha, x) ADD_SCALED_INTEGER(a, (alpha).u64, x)
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT int64_t
#define NAME(x) x##_i64
#define FROM_F64(v) ((ELEMENT)cpu_f64_to_i64(v))
#define FROM_I64(v) ((ELEMENT)(v))
#define ADD_SCALED(a, alpha, x) ADD_SCALED_INTEGER(a, (alpha).i64, x)
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT uint16_t
#define NAME(x) x##_f16
#define FROM_F64(v) tn_f64_to_f16(v)
#define FROM_I64(v) tn_f64_to_f16((double)(v))
#define ADD_SCALED(a, alpha, x) tn_f32_to_f16(tn_f16_to_f32(a) + (alpha).f32 * tn_f16_to_f32(x))
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT uint16_t
#define NAME(x) x##_bf16
#define FROM_F64(v) tn_f64_to_bf16(v)
#define FROM_I64(v) tn_f64_to_bf16((double)(v))
#define ADD_SCALED(a, alpha, x) tn_f32_to_bf16(tn_bf16_to_f32(a) + (alpha).f32 * tn_bf16_to_f32(x))
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT float
#define NAME(x) x##_f32
#define FROM_F64(v) ((float)(v))
#define FROM_I64(v) ((float)(v))
#define ADD_SCALED(a, alpha, x) ((a) + (alpha).f32 * (x))
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT double
#define NAME(x) x##_f64
#define FROM_F64(v) (v)
#define FROM_I64(v) ((double)(v))
#define ADD_SCALED(a, alpha, x) ((a) + (alpha).f64 * (x))
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT tn_complex64
#define NAME(x) x##_c64
#define FROM_F64(v) ((tn_complex64){(float)(v), 0})
#define FROM_I64(v) ((tn_complex64){(float)(v), 0})
#define ADD_SCALED(a, alpha, x)                                                         \
  ((tn_complex64){(a).real + (alpha).c64.real * (x).real - (alpha).c64.imag * (x).imag, \
                  (a).imag + (alpha).c64.real * (x).imag + (alpha).c64.imag * (x).real})
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#define ELEMENT tn_complex128
#define NAME(x) x##_c128
#define FROM_F64(v) ((tn_complex128){(v), 0})
#define FROM_I64(v) ((tn_complex128){(double)(v), 0})
#define ADD_SCALED(a, alpha, x)                                                            \
  ((tn_complex128){(a).real + (alpha).c128.real * (x).real - (alpha).c128.imag * (x).imag, \
                   (a).imag + (alpha).c128.real * (x).imag + (alpha).c128.imag * (x).real})
#include DTYPE_BODY
#undef ELEMENT
#undef NAME
#undef FROM_F64
#undef FROM_I64
#undef ADD_SCALED

#undef ADD_SCALED_INTEGER
#undef DTYPE_BODY
