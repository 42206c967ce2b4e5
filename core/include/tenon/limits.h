// SPDX-License-Identifier: Apache-2.0
//
// limits: what the numbers of a dtype can be, as the Python Array API's finfo, iinfo and isdtype
// say it, and its constants.

#ifndef TENON_LIMITS_H_
#define TENON_LIMITS_H_

#include <math.h>
#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TN_E 2.71828182845904523536
#define TN_PI 3.14159265358979323846
#define TN_INF ((double)INFINITY)
#define TN_NAN ((double)NAN)

// Of a floating dtype; of a complex one, what holds for its parts.
typedef struct tn_float_limits {
  tn_dtype dtype;          // of the parts
  int32_t bits;            // that one number takes
  double eps;              // from 1 to the next larger number
  double max, min;         // the largest finite number, and the smallest: -max
  double smallest_normal;  // above 0
} tn_float_limits;

// Of an integer dtype.
typedef struct tn_integer_limits {
  tn_dtype dtype;
  int32_t bits;
  int64_t min;
  uint64_t max;
} tn_integer_limits;

// owns: nothing | errors: INVALID_DTYPE for other dtypes, INVALID_ARGUMENT for NULL | threads: any
TN_API tn_status tn_finfo(tn_dtype dtype, tn_float_limits *limits);
TN_API tn_status tn_iinfo(tn_dtype dtype, tn_integer_limits *limits);

// Whether |dtype| is of |kind|: "bool", "signed integer", "unsigned integer", "integral",
// "real floating", "complex floating", "numeric", or the name of a dtype.
// owns: nothing | errors: INVALID_ARGUMENT for another text, with false | threads: any
TN_API bool tn_isdtype(tn_dtype dtype, const char *kind);

#ifdef __cplusplus
}
#endif

#endif  // TENON_LIMITS_H_
