// SPDX-License-Identifier: Apache-2.0
//
// base: what every public header of the core starts from: visibility, the opaque types, and lists
// written in place (shapes, dims, tensors). A tensor argument is borrowed; a returned tensor is
// the caller's, or the open scope's (see scope.h). NULL is always a failed call and never a value.

#ifndef TENON_BASE_H_
#define TENON_BASE_H_

#include <stdio.h>
#include <tenon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TN_VERSION_MAJOR 0
#define TN_VERSION_MINOR 1
#define TN_VERSION_PATCH 0

#if defined(__GNUC__)
#define TN_API __attribute__((visibility("default")))
#else
#define TN_API
#endif

// Options by name end in `...`, which may be empty; clang says so under -Wpedantic.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

// An n-dimensional array: a storage shared with its views, an offset, sizes, strides and a dtype.
typedef struct tn_tensor tn_tensor;

// The constant for an optional operand that is not given. Never NULL: NULL is a failed operand.
TN_API extern struct tn_tensor tn_none_tensor;
#define TN_NONE (&tn_none_tensor)

// A list of tensors that a call returned; owned like a tensor.
typedef struct tn_list tn_list;

// A borrowed list of tensors: TN_TENSORS(a, b, c).
typedef struct tn_tensors {
  tn_tensor *const *data;
  int64_t count;
} tn_tensors;

#define TN__COUNT(type, ...) ((int64_t)(sizeof((const type[]){__VA_ARGS__}) / sizeof(type)))

// Integer lists written in place; they live until the enclosing block ends.
#define TN_INTS(...) ((tn_ints){(const int64_t[]){__VA_ARGS__}, TN__COUNT(int64_t, __VA_ARGS__)})
#define TN_FLOATS(...) ((tn_floats){(const double[]){__VA_ARGS__}, TN__COUNT(double, __VA_ARGS__)})
#define TN_SHAPE(...) TN_INTS(__VA_ARGS__)
#define TN_DIMS(...) TN_INTS(__VA_ARGS__)
#define TN_SHAPE_SCALAR ((tn_ints){NULL, 0})  // the shape of a 0-dim tensor
#define TN_NO_DIMS ((tn_ints){NULL, 0})
#define TN_TENSORS(...)                            \
  ((tn_tensors){(tn_tensor *const[]){__VA_ARGS__}, \
                (int64_t)(sizeof((tn_tensor *const[]){__VA_ARGS__}) / sizeof(tn_tensor *))})

// An optional integer among named options, where 0 is a value: `.dim = TN_INT(0)`. A bare number is
// an error, except for a bare 0, which cannot be told from an option that is not given.
#define TN_INT(value) ((tn_opt_int){(value), 1})

// An optional real number among named options.
#define TN_FLOAT(value) ((tn_opt_float){(value), 1})

// A truth value among named options whose default is true: `.largest = TN_NO`.
typedef enum tn_choice { TN_CHOICE_DEFAULT = 0, TN_YES = 1, TN_NO = 2 } tn_choice;

// Reductions of a loss.
#define TN_REDUCTION_NONE TN_INT(0)
#define TN_REDUCTION_MEAN TN_INT(1)
#define TN_REDUCTION_SUM TN_INT(2)

#ifndef __cplusplus
static inline tn_scalar tn__scalar_same(tn_scalar value) { return value; }
static inline tn_scalar tn__scalar_c64(float _Complex v) {
  return tn_scalar_complex((double)crealf(v), (double)cimagf(v));
}
static inline tn_scalar tn__scalar_c128(double _Complex v) {
  return tn_scalar_complex(creal(v), cimag(v));
}
// A scalar of any C number: TN_SCALAR(2), TN_SCALAR(0.5), TN_SCALAR(1.0 + 2.0 * I).
#define TN_SCALAR(value)                        \
  _Generic((value), _Bool                       \
           : tn_scalar_bool, char               \
           : tn_scalar_int, signed char         \
           : tn_scalar_int, short               \
           : tn_scalar_int, int                 \
           : tn_scalar_int, long                \
           : tn_scalar_int, long long           \
           : tn_scalar_int, unsigned char       \
           : tn_scalar_uint, unsigned short     \
           : tn_scalar_uint, unsigned int       \
           : tn_scalar_uint, unsigned long      \
           : tn_scalar_uint, unsigned long long \
           : tn_scalar_uint, float              \
           : tn_scalar_float, double            \
           : tn_scalar_float, float _Complex    \
           : tn__scalar_c64, double _Complex    \
           : tn__scalar_c128, tn_scalar         \
           : tn__scalar_same)(value)
#endif

#ifdef __cplusplus
}
#endif

#endif  // TENON_BASE_H_
