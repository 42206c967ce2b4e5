// SPDX-License-Identifier: Apache-2.0
//
// norm: the loops of layer_norm.c, batch_norm.c and group_norm.c, for each instruction set and for
// f32 and f64. A plane is |space| neighbouring elements that share a mean and a weight (batch and
// group norm); a row is |count| elements that share a mean, each with a weight of its own (layer
// norm). Sums are made of short partial sums and added up in double; deviations are taken from the
// mean before they are squared, so large means do not cancel.

#ifndef TENON_CPU_NORM_H_
#define TENON_CPU_NORM_H_

#include "cpu.h"

typedef struct cpu_norm_loops {
  // For each of |planes| planes p of x, one after the other: sums[p] += sum of x
  void (*plane_sums)(const void *x, int64_t planes, int64_t space, double *sums);
  // squares[p] += sum of (x - mean[p])^2
  void (*plane_squares)(const void *x, int64_t planes, int64_t space, const double *mean,
                        double *squares);
  // sums[p] += sum of g; products[p] += sum of g (x - mean[p])
  void (*plane_products)(const void *g, const void *x, int64_t planes, int64_t space,
                         const double *mean, double *sums, double *products);
  // y = (x - mean[p]) scale[p] + shift[p]
  void (*plane_affine)(const void *x, void *y, int64_t planes, int64_t space, const double *mean,
                       const double *scale, const double *shift);
  // dx = g a[p] + (x - mean[p]) b[p] + c[p]
  void (*plane_gradient)(const void *g, const void *x, void *dx, int64_t planes, int64_t space,
                         const double *mean, const double *a, const double *b, const double *c);
  // y = (x - mean) scale weight + bias; weight, bias: NULL for ones and zeros
  void (*row_affine)(const void *x, void *y, int64_t count, double mean, double scale,
                     const void *weight, const void *bias);
  // dx = (h - mean h - (x - mean) rstd mean(h (x - mean) rstd)) rstd with h = g weight
  void (*row_gradient)(const void *g, const void *x, void *dx, int64_t count, double mean,
                       double rstd, const void *weight);
  // sums[k] += g[k] and products[k] += g[k] (x[k] - mean) rstd for every k of a row
  void (*row_products)(const void *g, const void *x, int64_t count, double mean, double rstd,
                       void *sums, void *products);
  // totals[k] = sum over |parts| of parts[k + part * stride], for k < |columns|
  void (*column_totals)(const void *partials, int64_t parts, int64_t stride, int64_t columns,
                        double *totals);
  // The |index|th of some statistics, weights or biases, and the same stored.
  double (*load)(const void *from, int64_t index);
  void (*store)(void *to, int64_t index, double value);
} cpu_norm_loops;

enum { CPU_NORM_COLUMNS = 128 };  // at most, in column_totals

#define X(isa) extern const cpu_norm_loops cpu_norm_f32_##isa, cpu_norm_f64_##isa;
CPU_ISA_TABLE(X)
#undef X

// The loops for |dtype|, f32 or f64, of this machine.
const cpu_norm_loops *cpu_norm_loops_for(tn_dtype dtype);

#endif  // TENON_CPU_NORM_H_
