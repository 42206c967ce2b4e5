// SPDX-License-Identifier: Apache-2.0
//
// numbers: the kit's own arithmetic on dtypes: rounding, and the bytes of one element. Written here
// rather than taken from the library under test, so that a wrong cast cannot hide itself.

#ifndef TENON_CONFORMANCE_NUMBERS_H_
#define TENON_CONFORMANCE_NUMBERS_H_

#include <tenon/op_spec.h>

// Writes |value|, which is one of |dtype|, to |element|; reads it back, of a complex element the
// real part. What is written to a complex one has no imaginary part, or is NaN in both.
void tn__element_write(void *element, tn_dtype dtype, double value);
double tn__element_read(const void *element, tn_dtype dtype);

// The imaginary part of a complex element.
void tn__imag_write(void *element, tn_dtype dtype, double imag);
double tn__imag_read(const void *element, tn_dtype dtype);

// A complex number as one double: its real part, or NaN where it has an imaginary part.
double tn__as_real(double real, double imag);

// The distance between |dtype|'s neighbours at |magnitude|; 1 for integers.
double tn__ulp(double magnitude, tn_dtype dtype);

// The value that fills memory around operands: NaN where there is one.
double tn__canary(tn_dtype dtype);

// A value of |dtype| that is not |right|.
double tn__wrong(tn_dtype dtype, double right);

// Uniform in [0, 1), from a counter that it advances.
double tn__random(uint64_t *state);

#endif  // TENON_CONFORMANCE_NUMBERS_H_
