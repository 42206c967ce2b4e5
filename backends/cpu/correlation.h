// SPDX-License-Identifier: Apache-2.0
//
// correlation: the three products that all of convolution is made of, for f32 and f64, over a
// batch of images [batch, groups * in_channels, in...] and a weight
// [groups * out_channels, in_channels, kernel...]; see window.h. Everything is contiguous. The
// same bits come out at any thread count.

#ifndef TENON_CPU_CORRELATION_H_
#define TENON_CPU_CORRELATION_H_

#include "cpu.h"
#include "window.h"

// y = bias + w * x. |bias| [groups * out_channels] may be NULL. errors: OUT_OF_MEMORY
tn_status cpu_correlate(tn_kernel_ctx *ctx, tn_dtype dtype, const cpu_window *window, const void *x,
                        const void *weight, const void *bias, void *y);

// The adjoint in x: x = bias + the sum over taps of w * y. |bias| [groups * in_channels] may be
// NULL. errors: OUT_OF_MEMORY
tn_status cpu_correlate_adjoint(tn_kernel_ctx *ctx, tn_dtype dtype, const cpu_window *window,
                                const void *y, const void *weight, const void *bias, void *x);

// The adjoint in w: weight[o, c, t] = the sum over images and positions p of
// y[o, p] * x[c, position p's tap t]. errors: OUT_OF_MEMORY
tn_status cpu_correlate_weight(tn_kernel_ctx *ctx, tn_dtype dtype, const cpu_window *window,
                               const void *x, const void *y, void *weight);

// sums[c] = the sum of y[batch, channels, space] over batch and space.
void cpu_channel_sums(tn_dtype dtype, const void *y, int64_t batch, int64_t channels, int64_t space,
                      void *sums);

#endif  // TENON_CPU_CORRELATION_H_
