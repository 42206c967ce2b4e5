// SPDX-License-Identifier: Apache-2.0
//
// norm.simd: the loops of norm.h, once for each instruction set and element type. Without
// assumptions about the order of additions a sum is no vector, so sums are spelled out in lanes.

#include "norm.h"

#include "pointwise.h"

#define REAL float
#define NAME(x) CPU_PASTE3(x, f32, TN_ISA)
#include "norm.inc.h"

#define REAL double
#define NAME(x) CPU_PASTE3(x, f64, TN_ISA)
#include "norm.inc.h"
