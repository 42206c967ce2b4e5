// SPDX-License-Identifier: Apache-2.0
//
// op_spec: what one operator is held to. A spec emits sample calls, computes what each must give
// with a plain loop in double precision, and lists calls that must fail. The kit does everything
// else: it makes tensors of the samples in many layouts and dtypes, moves them to the device under
// test, calls the operator by name, and compares. A spec never creates a tensor and never calls
// Tenon.
//
// Invariant: every value of an operand is exactly representable in the operand's dtype, so that the
// reference and the operator see the same numbers.

#ifndef TENON_OP_SPEC_H_
#define TENON_OP_SPEC_H_

#include <tenon/tenon.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  TN_SPEC_MAX_DIMS = 8,
  TN_SPEC_MAX_ARGS = 14,
  TN_SPEC_MAX_OPERANDS = 8,
  TN_SPEC_MAX_RESULTS = 12,
};

// ---- data --------------------------------------------------------------------------------------

// A tensor on the host, for references: row-major doubles and the dtype that they stand for.
// bool holds 0 and 1. |imag| is NULL except in complex operands of specs with TN_SPEC_COMPLEX and
// in complex results: NULL stands for zeros.
typedef struct tn_operand {
  tn_dtype dtype;
  int32_t ndim;
  int64_t sizes[TN_SPEC_MAX_DIMS];
  int64_t numel;
  double *values;
  double *imag;
} tn_operand;

// One argument of a sample, in the schema's order. TN_VALUE_TENSOR and TN_VALUE_TENSORS stand for
// operands [first, first + count).
typedef struct tn_sample_arg {
  tn_value value;
  int32_t first, count;
} tn_sample_arg;

// How a sample is used.
enum {
  TN_SAMPLE_NO_GRAD = 1u << 0,    // at a kink, or too large for finite differences
  TN_SAMPLE_NO_EXPAND = 1u << 1,  // its values may not be repeated along a dimension
  TN_SAMPLE_LARGE = 1u << 2,      // long enough for several threads; one layout, no gradients
  TN_SAMPLE_NO_INPLACE = 1u << 3,
};

typedef struct tn_op_spec tn_op_spec;
typedef struct tn_samples tn_samples;

// One call: its arguments, and for calls that must fail, how.
typedef struct tn_sample {
  const tn_op_spec *spec;
  tn_samples *owner;
  const char *name;
  uint32_t flags;
  tn_dtype dtype;  // the dtype under test
  int32_t arg_count, operand_count;
  tn_sample_arg args[TN_SPEC_MAX_ARGS];
  tn_operand operands[TN_SPEC_MAX_OPERANDS];
  tn_status fails_with;  // error inputs: the status that the call must give
  const char *fails_at;  // and the argument it must name; NULL: any
} tn_sample;

// What a call must give. |scales| (optional) hold, for each element, the magnitude that rounding
// errors are relative to, such as the sum of the absolute values of what was added up.
typedef struct tn_expected tn_expected;

// ---- the spec ----------------------------------------------------------------------------------

enum {
  TN_SPEC_INT_TO_FLOAT = 1u << 0,        // integers and bool are computed in float32
  TN_SPEC_INT_TO_INT64 = 1u << 1,        // integers and bool are computed in int64
  TN_SPEC_NO_EXPAND = 1u << 2,           // no sample may be repeated along a dimension
  TN_SPEC_FIRST_GRAD_ONLY = 1u << 3,     // has no second gradient; `why` says the reason
  TN_SPEC_NO_GRAD = 1u << 4,             // gradients are not checked; `why` says the reason
  TN_SPEC_TAKES_ANY_DTYPE = 1u << 5,     // dtypes outside `dtypes` are neither required nor refused
  TN_SPEC_CONTIGUOUS_ONLY = 1u << 7,     // its meaning depends on how operands lie in memory
  TN_SPEC_UNSPECIFIED_VALUES = 1u << 6,  // shapes and dtypes alone are compared (empty)
  TN_SPEC_COMPLEX = 1u << 8,  // samples of complex dtypes have imaginary parts; else they are real
  // The same for operators that act on real and imaginary parts alike, as those that move or add
  // elements do: their references see real numbers and are asked twice.
  TN_SPEC_COMPLEX_PARTS = 1u << 9 | TN_SPEC_COMPLEX,
};

struct tn_op_spec {
  const char *op;    // schema name
  uint64_t dtypes;   // dtypes of samples that the operator admits; others must be refused
  uint32_t flags;    // TN_SPEC_*
  uint32_t smooth;   // bit i: operand i is differentiable; 0: all floating operands
  const void *data;  // of the family that the functions below serve
  void (*samples)(tn_samples *samples);
  // Appends what |sample| must give. NULL with `verify` for random results.
  void (*reference)(const tn_sample *sample, tn_expected *expected);
  // For results that no formula gives: NULL when |results| are right, else what is wrong.
  const char *(*verify)(const tn_sample *sample, const tn_operand *results, int32_t count);
  void (*errors)(tn_samples *samples);
  // How far a result may be from the reference, in units of the result dtype's last place at the
  // larger of the value and its scale. 0: exactly the reference, rounded.
  double ulps;
  double half_ulps;     // the same for f16 and bf16 where parts round on the way; 0: as `ulps`
  const char *why;      // the reason of a tolerance above 4 or of a flag that checks less
  uint32_t finite;      // bit i: what NaN or an infinity in operand i gives is not specified; `why`
  uint32_t writes;      // bit i: operand i is written, as the schema says with (a!)
  double complex_ulps;  // `ulps` of complex results, of the magnitude |z|; 0: as `ulps`
};

// ---- emitting samples --------------------------------------------------------------------------

// The dtype that samples are to be made of.
TN_API tn_dtype tn_samples_dtype(const tn_samples *samples);
TN_API const tn_op_spec *tn_samples_spec(const tn_samples *samples);
// Whether samples are for the full tier, which may take minutes.
TN_API bool tn_samples_full(const tn_samples *samples);

// Starts a sample; the calls below append its arguments in the schema's order. They accept NULL,
// which is what they give when memory is out: the kit reports that, a spec need not look.
TN_API tn_sample *tn_sample_add(tn_samples *samples, const char *name, uint32_t flags);
// The same for a call that must fail with |status| and name |argument| (NULL: any).
TN_API tn_sample *tn_sample_failing(tn_samples *samples, const char *name, tn_status status,
                                    const char *argument);

// A tensor of uniform random values in [low, high], rounded to |dtype|; integers are whole. With
// TN_SPEC_COMPLEX the imaginary parts of complex ones are drawn alike.
TN_API void tn_sample_tensor(tn_sample *sample, tn_ints shape, tn_dtype dtype, double low,
                             double high);
// A tensor of the given row-major values, rounded to |dtype|.
TN_API void tn_sample_values(tn_sample *sample, tn_ints shape, tn_dtype dtype,
                             const double *values);
// The same with imaginary parts, which dtypes that are not complex leave out.
TN_API void tn_sample_complex_values(tn_sample *sample, tn_ints shape, tn_dtype dtype,
                                     const double *values, const double *imag);
// A tensor whose values are all different: a shuffle of |low|, |low| + |step|, ...
TN_API void tn_sample_distinct(tn_sample *sample, tn_ints shape, tn_dtype dtype, double low,
                               double step);
// A Tensor[] argument made of the next |count| tensors.
TN_API void tn_sample_list(tn_sample *sample, int32_t count);
TN_API void tn_sample_value(tn_sample *sample, tn_value value);  // lists of integers are copied
TN_API void tn_sample_none(tn_sample *sample);
TN_API void tn_sample_int(tn_sample *sample, int64_t value);
TN_API void tn_sample_float(tn_sample *sample, double value);
TN_API void tn_sample_bool(tn_sample *sample, bool value);
TN_API void tn_sample_ints(tn_sample *sample, tn_ints value);
TN_API void tn_sample_scalar(tn_sample *sample, tn_scalar value);
TN_API void tn_sample_dtype(tn_sample *sample, tn_dtype value);
TN_API void tn_sample_string(tn_sample *sample, const char *value);

// ---- reading samples, in references ------------------------------------------------------------

// Argument |index|, with what stands for it where it is absent.
TN_API int64_t tn_sample_int_at(const tn_sample *sample, int32_t index, int64_t absent);
TN_API double tn_sample_number_at(const tn_sample *sample, int32_t index, double absent);
TN_API bool tn_sample_bool_at(const tn_sample *sample, int32_t index, bool absent);
TN_API tn_ints tn_sample_ints_at(const tn_sample *sample, int32_t index);  // count -1 where absent
TN_API tn_dtype tn_sample_dtype_at(const tn_sample *sample, int32_t index, tn_dtype absent);
TN_API const char *tn_sample_string_at(const tn_sample *sample, int32_t index, const char *absent);
TN_API bool tn_sample_is_given(const tn_sample *sample, int32_t index);
// The operand of a Tensor argument, NULL where absent.
TN_API const tn_operand *tn_sample_tensor_at(const tn_sample *sample, int32_t index);

// ---- writing what is expected ------------------------------------------------------------------

// Appends a result of zeros and returns its row-major values; NULL when memory is out.
TN_API double *tn_expect(tn_expected *expected, tn_dtype dtype, int32_t ndim, const int64_t *sizes);
// The imaginary parts of the result appended last, which is complex; all 0 at first, as they are
// where this is never called. NULL when memory is out.
TN_API double *tn_expect_imag(tn_expected *expected);
// The scales of the result appended last, all 0 at first; NULL when memory is out.
TN_API double *tn_expect_scales(tn_expected *expected);

// ---- arithmetic for references -----------------------------------------------------------------

// |value| as |dtype| holds it: rounded to nearest even, wrapped around for integers.
TN_API double tn_reference_round(double value, tn_dtype dtype);
TN_API int64_t tn_reference_numel(int32_t ndim, const int64_t *sizes);
// Row-major position <-> indices.
TN_API void tn_reference_unravel(int64_t position, int32_t ndim, const int64_t *sizes,
                                 int64_t *index);
TN_API int64_t tn_reference_ravel(int32_t ndim, const int64_t *sizes, const int64_t *index);
// The element of |operand| that stands at |index| of a shape of |ndim| dimensions to which it
// broadcasts.
TN_API double tn_reference_broadcast_at(const tn_operand *operand, int32_t ndim,
                                        const int64_t *index);
// Its imaginary part, 0 where the operand has none.
TN_API double tn_reference_broadcast_imag_at(const tn_operand *operand, int32_t ndim,
                                             const int64_t *index);

#ifdef __cplusplus
}
#endif

#endif  // TENON_OP_SPEC_H_
