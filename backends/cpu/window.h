// SPDX-License-Identifier: Apache-2.0
//
// window: the geometry that convolutions share, in one shape for 1 to 3 spatial dimensions.
//
// A correlation slides a kernel over an image: y[o, p] = sum over c and taps t of
// w[o, c, t] * x[c, p * stride - padding + t * dilation]. All of convolution's forms are this, its
// adjoint in x, or its adjoint in w. The image is first copied between borders of zeros, so that
// every tap of every position is a plain read: element (c, t) of position p lies at
// tap_offsets[c * taps + t] + run offset + step * index in the run, a run being one row of
// positions.

#ifndef TENON_CPU_WINDOW_H_
#define TENON_CPU_WINDOW_H_

#include <stdint.h>

// One group's correlation for one image; leading dimensions that are not there have size 1.
typedef struct cpu_window {
  int64_t batch, groups;
  int64_t in_channels, out_channels;  // of one group
  int64_t in[3], out[3], kernel[3];
  int64_t stride[3], padding[3], dilation[3];
  // What follows from these (cpu_window_complete):
  int64_t padded[3];                          // the part of the bordered image that is read
  int64_t in_space, out_space, padded_space;  // elements in one channel
  int64_t taps, depth;                        // taps of one channel; in_channels * taps
  int64_t run_count, run_length;              // rows of positions
} cpu_window;

void cpu_window_complete(cpu_window *window);

// tap_offsets[depth] and run_offsets[run_count], in elements of the bordered image of one group.
void cpu_window_tap_offsets(const cpu_window *window, int64_t *tap_offsets);
void cpu_window_run_offsets(const cpu_window *window, int64_t *run_offsets);

// The correlation that is the adjoint in x of |window|, where all strides are 1: over an image of
// y, with the kernel's taps reversed and its channels exchanged.
cpu_window cpu_window_reversed(const cpu_window *window);

// Copies |channels| channels of an image between borders of zeros, and back without them.
void cpu_window_border(const cpu_window *window, const void *image, void *bordered,
                       int64_t channels, int64_t element_bytes);
void cpu_window_crop(const cpu_window *window, const void *bordered, void *image, int64_t channels,
                     int64_t element_bytes);

#endif  // TENON_CPU_WINDOW_H_
