// SPDX-License-Identifier: Apache-2.0
//
// softmax: the loops behind softmax.c, for each instruction set and element type. A slice is the n
// elements of one softmax; slices lie side by side, |inner| of them interleaved:
// element i of slice j of an interleaved group stands at [i * inner + j].

#ifndef TENON_CPU_SOFTMAX_H_
#define TENON_CPU_SOFTMAX_H_

#include "cpu.h"

// Slices [begin, end) of a tensor with |n| elements in each. |y| may be |x|, |grad_x| may be
// |grad|.
typedef struct cpu_softmax_job {
  void *result;
  const void *first;   // x, or the gradient
  const void *second;  // y, in a backward loop
  int64_t n, inner;
} cpu_softmax_job;

typedef struct cpu_softmax_loops {
  // y_i = exp(x_i - max x) / sum_j exp(x_j - max x)
  tn_range_body softmax;
  // y_i = x_i - max x - log(sum_j exp(x_j - max x))
  tn_range_body log_softmax;
  // grad_x_i = y_i * (grad_i - sum_j grad_j y_j)
  tn_range_body softmax_backward;
  // grad_x_i = grad_i - exp(y_i) * sum_j grad_j
  tn_range_body log_softmax_backward;
} cpu_softmax_loops;

#define X(isa) extern const cpu_softmax_loops cpu_softmax_f32_##isa, cpu_softmax_f64_##isa;
CPU_ISA_TABLE(X)
#undef X

#endif  // TENON_CPU_SOFTMAX_H_
