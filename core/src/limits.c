// SPDX-License-Identifier: Apache-2.0
//
// limits: what the numbers of a dtype can be. A float's follow from how many bits its fraction has
// and from its largest exponent, an integer's from its size.

#include <tenon/limits.h>

#include <string.h>
#include <tenon/error.h>
#include <tenon/tensor.h>

#include "thread.h"

// Digits of the fraction, and the exponent of the largest power of two.
typedef struct float_format {
  int fraction, exponent;
} float_format;

static float_format format_of(tn_dtype dtype) {
  if (dtype == TN_F16) return (float_format){10, 15};
  if (dtype == TN_BF16) return (float_format){7, 127};
  if (dtype == TN_F32 || dtype == TN_C64) return (float_format){23, 127};
  return (float_format){52, 1023};
}

static tn_dtype part_of(tn_dtype dtype) {
  return dtype == TN_C64 ? TN_F32 : dtype == TN_C128 ? TN_F64 : dtype;
}

tn_status tn_finfo(tn_dtype dtype, tn_float_limits *limits) {
  if (limits == NULL) return tn__error(TN_INVALID_ARGUMENT, NULL, "tn_finfo: limits is NULL");
  if (!tn_dtype_in(dtype, TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX)) {
    return tn__error(TN_INVALID_DTYPE, NULL, "tn_finfo: %s is not a floating or complex dtype",
                     tn_dtype_name(dtype));
  }
  const float_format format = format_of(dtype);
  const double eps = ldexp(1, -format.fraction), max = ldexp(2 - eps, format.exponent);
  *limits = (tn_float_limits){.dtype = part_of(dtype),
                              .bits = 8 * (int32_t)tn_dtype_size(part_of(dtype)),
                              .eps = eps,
                              .max = max,
                              .min = -max,
                              .smallest_normal = ldexp(1, 1 - format.exponent)};
  return TN_OK;
}

tn_status tn_iinfo(tn_dtype dtype, tn_integer_limits *limits) {
  if (limits == NULL) return tn__error(TN_INVALID_ARGUMENT, NULL, "tn_iinfo: limits is NULL");
  if (!tn_dtype_in(dtype, TN_DTYPES_INTEGER)) {
    return tn__error(TN_INVALID_DTYPE, NULL, "tn_iinfo: %s is not an integer dtype",
                     tn_dtype_name(dtype));
  }
  const int32_t bits = 8 * (int32_t)tn_dtype_size(dtype);
  const bool is_signed = tn_dtype_in(dtype, TN_DTYPES_SIGNED);
  const uint64_t max = UINT64_MAX >> (64 - bits + (is_signed ? 1 : 0));
  *limits = (tn_integer_limits){
      .dtype = dtype, .bits = bits, .min = is_signed ? -(int64_t)max - 1 : 0, .max = max};
  return TN_OK;
}

bool tn_isdtype(tn_dtype dtype, const char *kind) {
  static const struct {
    const char *kind;
    uint64_t dtypes;
  } kinds[] = {
      {"bool", TN_DTYPE_BIT(TN_BOOL)},
      {"signed integer", TN_DTYPES_SIGNED},
      {"unsigned integer", TN_DTYPES_UNSIGNED},
      {"integral", TN_DTYPES_INTEGER},
      {"real floating", TN_DTYPES_FLOATING},
      {"complex floating", TN_DTYPES_COMPLEX},
      {"numeric", TN_DTYPES_INTEGER | TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX},
  };
  for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof kinds[0]; i++) {
    if (strcmp(kind, kinds[i].kind) == 0) return tn_dtype_in(dtype, kinds[i].dtypes);
  }
  const tn_dtype named = kind == NULL ? TN_DTYPE_NONE : tn_dtype_parse(kind);
  if (named != TN_DTYPE_NONE) return dtype == named;
  (void)tn__error(TN_INVALID_ARGUMENT, NULL, "tn_isdtype: '%s' is neither a kind nor a dtype",
                  kind == NULL ? "NULL" : kind);
  return false;
}
