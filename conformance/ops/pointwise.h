// SPDX-License-Identifier: Apache-2.0
//
// pointwise: specs of operators that work element by element. A row names a C function on doubles
// and the range of each argument; samples (broadcast, empty, 0-dim, mixed dtypes, special values,
// long) and the reference are the same for all of them.

#ifndef TENON_CONFORMANCE_POINTWISE_H_
#define TENON_CONFORMANCE_POINTWISE_H_

#include <complex.h>
#include <math.h>
#include <tenon/op_spec.h>

enum { POINTWISE_MAX_ARGS = 4 };

// What an argument of the schema is.
typedef enum pointwise_arg {
  POINTWISE_TENSOR,    // of the dtype under test
  POINTWISE_MASK,      // a bool tensor without a say in promotion
  POINTWISE_SCALAR,    // a number that promotes beside the tensors
  POINTWISE_OPTION,    // a number that is an option: scalars of |options|, or left out
  POINTWISE_OPTIONAL,  // a tensor that is sometimes left out
  POINTWISE_TEXT,      // a string of |texts|, or left out
} pointwise_arg;

typedef struct pointwise {
  double (*f)(double x);  // one of these; f and g take the first arguments
  double (*g)(double x, double y);
  double (*h)(const double *x, const tn_sample *sample);  // x[i]: argument i as a number
  // The same for complex numbers, in specs with TN_SPEC_COMPLEX.
  double _Complex (*fc)(double _Complex x);
  double _Complex (*gc)(double _Complex x, double _Complex y);
  double _Complex (*hc)(const double _Complex *x, const tn_sample *sample);
  // Of the rounding errors, from the arguments (magnitudes, of complex ones); NULL: the result's
  // own.
  double (*scale)(const double *x);
  pointwise_arg args[POINTWISE_MAX_ARGS];
  int32_t arg_count;
  double low[POINTWISE_MAX_ARGS], high[POINTWISE_MAX_ARGS];  // range of random values
  double absent[POINTWISE_MAX_ARGS];  // what stands for an argument that is left out
  bool real_result;                   // complex arguments give the real dtype of their parts
  tn_dtype result;        // of the result, where it is not the dtype that is computed in
  const double *options;  // values of a POINTWISE_OPTION
  int32_t option_count;
  const char *const *texts;
  int32_t text_count;
  bool no_specials;  // NaN, infinities and extreme values are not specified
  bool no_mixed;     // all tensors must have one dtype
} pointwise;

void pointwise_samples(tn_samples *samples);
void pointwise_reference(const tn_sample *sample, tn_expected *expected);
// The same for a row that is not the spec's data.
void pointwise_reference_of(const tn_sample *sample, const pointwise *row, tn_expected *expected);
void pointwise_errors(tn_samples *samples);  // shapes that do not broadcast

#define POINTWISE \
  .samples = pointwise_samples, .reference = pointwise_reference, .errors = pointwise_errors

#define POINTWISE_NUMBERS (TN_DTYPES_INTEGER | TN_DTYPES_FLOATING)
#define POINTWISE_RANGE(a, b) .low = {a, a, a, a}, .high = {b, b, b, b}

#endif  // TENON_CONFORMANCE_POINTWISE_H_
