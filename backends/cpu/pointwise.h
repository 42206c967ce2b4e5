// SPDX-License-Identifier: Apache-2.0
//
// pointwise: how an operation on elements becomes a kernel. A *loop* computes n elements along one
// dimension, for any strides; the driver, cpu_pointwise_run, walks the other dimensions, cuts
// tiles that suit the caches and spreads them over threads. An operator's kernel is a row that
// names its loop; loops for one dtype stand in one table, indexed by CPU_LOOP_*.
//
// Operands arrive broadcast (stride 0) and with adjacent dimensions merged: all views have the same
// rank and sizes. An operand may be the result itself, never overlap it otherwise.

#ifndef TENON_CPU_POINTWISE_H_
#define TENON_CPU_POINTWISE_H_

#include "cpu.h"
#include "loops.def"

enum { CPU_MAX_OPERANDS = 8 };

// What a loop is told beside its operands.
typedef struct cpu_params {
  cpu_value value;  // alpha, threshold, negative slope: in the loop's compute type
  int32_t choice;   // of several formulas
  int32_t *fault;   // set to 1 by a loop that met an operand without a result (x / 0)
} cpu_params;

// data[0] is the result; strides are in bytes. |params| is never NULL.
typedef void (*cpu_loop)(char *const *data, const int64_t *strides, int64_t n,
                         const cpu_params *params);

enum {
#define X(name) CPU_LOOP_##name,
  CPU_LOOPS(X)
#undef X
      CPU_LOOP_COUNT
};

// [dtype][CPU_LOOP_*]; NULL where there is no such loop. Filled by cpu_pointwise_start.
extern const cpu_loop *cpu_loops[TN_DTYPE_COUNT];

// The tables for integers and bool, and for complex types.
const cpu_loop *cpu_int_loops(tn_dtype dtype);
const cpu_loop *cpu_complex_loops(tn_dtype dtype);

// The tables for floats, one function for each instruction set: cpu_float_loops_avx2, ...
#define X(isa) const cpu_loop *cpu_float_loops_##isa(tn_dtype dtype);
CPU_ISA_TABLE(X)
#undef X

// Runs |loop| over all elements of views[0 .. count). |params| may be NULL.
void cpu_pointwise_run(const tn_view *views, uint32_t count, cpu_loop loop,
                       const cpu_params *params);

#define CPU_PASTE_(a, b) a##_##b
#define CPU_PASTE(a, b) CPU_PASTE_(a, b)
#define CPU_PASTE3_(a, b, c) a##_##b##_##c
#define CPU_PASTE3(a, b, c) CPU_PASTE3_(a, b, c)

// Tells the compiler that a loop's iterations are independent, as those of a pointwise loop are
// even where the result is one of the operands.
#if defined(__clang__)
#define CPU_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define CPU_INDEPENDENT _Pragma("GCC ivdep")
#endif

#define CPU_INLINE static inline __attribute__((always_inline))

#endif  // TENON_CPU_POINTWISE_H_
