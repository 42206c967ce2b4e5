// SPDX-License-Identifier: Apache-2.0
//
// tensor_test: what the tests of tensors share: tensors from numbers, numbers from tensors, and
// errors that are expected to be there. A failed expectation ends the test.

#ifndef TENON_TENSOR_TEST_H_
#define TENON_TENSOR_TEST_H_

#include <math.h>
#include <string.h>
#include <tenon/tenon.h>

#include "tenon_test.h"

// A float64 tensor from a braced list: doubles(TN_SHAPE(2), (double[]){1, 2}).
static inline tn_tensor *doubles(tn_ints shape, const double *values) {
  return tn_from_data(values, shape, TN_F64);
}

// |tensor| has |count| elements, each within |tolerance| of |expected|.
static inline void expect_values(const tn_tensor *tensor, const double *expected, int64_t count,
                                 double tolerance) {
  double values[256];
  cr_assert_not_null(tensor, "%s", tn_ok() ? "no error" : tn_error_peek()->message);
  cr_assert(count <= 256);
  cr_assert_eq(tn_tensor_numel(tensor), count);
  size_t size_bytes = (size_t)count * sizeof(double);
  cr_assert_eq(tn_copy_to_host(tensor, values, size_bytes, TN_F64), TN_OK);
  for (int64_t i = 0; i < count; i++) {
    bool same = fabs(values[i] - expected[i]) <= tolerance || values[i] == expected[i];
    cr_assert(same, "element %d is %.12g, expected %.12g", (int)i, values[i], expected[i]);
  }
}

// The same for exact numbers in place: expect_exactly(x, 1, 2, 3).
#define expect_exactly(tensor, ...)              \
  expect_values(tensor, (double[]){__VA_ARGS__}, \
                (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), 0)

static inline void expect_shape(const tn_tensor *tensor, tn_ints shape) {
  cr_assert_not_null(tensor, "%s", tn_ok() ? "no error" : tn_error_peek()->message);
  cr_assert_eq(tn_tensor_ndim(tensor), (int32_t)shape.count);
  for (int64_t i = 0; i < shape.count; i++) {
    cr_assert_eq(tn_tensor_size(tensor, i), shape.data[i]);
  }
}

// An error of |status| whose message contains |words| is recorded; clears it.
static inline void expect_error(tn_status status, const char *words) {
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(error, "no error is recorded");
  cr_assert_eq(error->status, status, "%s: %s", tn_status_name(error->status), error->message);
  cr_assert_not_null(strstr(error->message, words), "'%s' is not in: %s", words, error->message);
  tn_error_clear();
}

static inline void expect_ok(void) {
  const tn_error *error = tn_error_peek();
  cr_assert_null(error, "%s: %s", error == NULL ? "" : tn_status_name(error->status),
                 error == NULL ? "" : error->message);
}

#endif  // TENON_TENSOR_TEST_H_
