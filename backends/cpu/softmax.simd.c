// SPDX-License-Identifier: Apache-2.0
//
// softmax.simd: the loops of softmax.h, once for each instruction set and element type.

#include "softmax.h"

#include "vecmath.h"

#define REAL float
#define EXP(x) vec_exp_f32(x)
#define LOG(x) vec_log_f32(x)
#define NAME(x) CPU_PASTE3(x, f32, TN_ISA)
#include "softmax.inc.h"
#undef REAL
#undef EXP
#undef LOG
#undef NAME

#define REAL double
#define EXP(x) vec_exp_f64(x)
#define LOG(x) vec_log_f64(x)
#define NAME(x) CPU_PASTE3(x, f64, TN_ISA)
#include "softmax.inc.h"
