// SPDX-License-Identifier: Apache-2.0
//
// curve: a series of numbers drawn with text.

#ifndef FASHION_MNIST_CURVE_H_
#define FASHION_MNIST_CURVE_H_

#include <stddef.h>

#include "terminal.h"

// Draws |values| (all positive) from left to right over a logarithmic axis, in braille dots or,
// without Unicode, in asterisks. |title| goes above. Draws nothing for fewer than 2 values.
void curve_print(const terminal *t, const char *title, const double *values, size_t count);

#endif  // FASHION_MNIST_CURVE_H_
