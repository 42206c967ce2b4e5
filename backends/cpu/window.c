// SPDX-License-Identifier: Apache-2.0
//
// window: sizes and offsets of a sliding window, and the copies between an image and its bordered
// form. Borders may be negative: then the bordered form is a part of the image.

#include "window.h"

#include <string.h>

void cpu_window_complete(cpu_window *window) {
  window->in_space = window->out_space = window->padded_space = window->taps = 1;
  for (int d = 0; d < 3; d++) {
    window->padded[d] = (window->out[d] - 1) * window->stride[d] +
                        (window->kernel[d] - 1) * window->dilation[d] + 1;
    window->in_space *= window->in[d];
    window->out_space *= window->out[d];
    window->padded_space *= window->padded[d];
    window->taps *= window->kernel[d];
  }
  window->depth = window->in_channels * window->taps;
  window->run_count = window->out[0] * window->out[1];
  window->run_length = window->out[2];
}

void cpu_window_tap_offsets(const cpu_window *window, int64_t *tap_offsets) {
  const int64_t *kernel = window->kernel, *dilation = window->dilation, *padded = window->padded;
  for (int64_t c = 0; c < window->in_channels; c++) {
    for (int64_t z = 0; z < kernel[0]; z++) {
      for (int64_t y = 0; y < kernel[1]; y++) {
        const int64_t row = z * dilation[0] * padded[1] + y * dilation[1];
        for (int64_t x = 0; x < kernel[2]; x++) {
          *tap_offsets++ = c * window->padded_space + row * padded[2] + x * dilation[2];
        }
      }
    }
  }
}

void cpu_window_run_offsets(const cpu_window *window, int64_t *run_offsets) {
  for (int64_t z = 0; z < window->out[0]; z++) {
    for (int64_t y = 0; y < window->out[1]; y++) {
      const int64_t row = z * window->stride[0] * window->padded[1] + y * window->stride[1];
      *run_offsets++ = row * window->padded[2];
    }
  }
}

cpu_window cpu_window_reversed(const cpu_window *window) {
  cpu_window reversed = *window;
  reversed.in_channels = window->out_channels;
  reversed.out_channels = window->in_channels;
  for (int d = 0; d < 3; d++) {
    reversed.in[d] = window->out[d];
    reversed.out[d] = window->in[d];
    reversed.padding[d] = window->dilation[d] * (window->kernel[d] - 1) - window->padding[d];
  }
  cpu_window_complete(&reversed);
  return reversed;
}

// ---- borders -----------------------------------------------------------------------------------

// Coordinates [begin, end) of the bordered form of dimension |d| that lie in the image.
static void inside(const cpu_window *window, int d, int64_t *begin, int64_t *end) {
  const int64_t padding = window->padding[d];
  *begin = padding > 0 ? padding : 0;
  *end = window->in[d] + padding;
  if (*end > window->padded[d]) *end = window->padded[d];
  if (*begin > *end) *begin = *end = 0;
}

typedef struct rows {
  int64_t begin[3], end[3];  // the part of the bordered form that the image covers
} rows;

static rows covered(const cpu_window *window) {
  rows r;
  for (int d = 0; d < 3; d++) inside(window, d, &r.begin[d], &r.end[d]);
  return r;
}

// The first image element of row (z, y) of the bordered form.
static int64_t image_row(const cpu_window *window, const rows *r, int64_t z, int64_t y) {
  const int64_t row = (z - window->padding[0]) * window->in[1] + (y - window->padding[1]);
  return row * window->in[2] + r->begin[2] - window->padding[2];
}

void cpu_window_border(const cpu_window *window, const void *image, void *bordered,
                       int64_t channels, int64_t element_bytes) {
  const rows r = covered(window);
  const size_t row_bytes = (size_t)((r.end[2] - r.begin[2]) * element_bytes);
  memset(bordered, 0, (size_t)(channels * window->padded_space * element_bytes));
  for (int64_t c = 0; c < channels; c++) {
    const char *from = (const char *)image + c * window->in_space * element_bytes;
    char *to = (char *)bordered + c * window->padded_space * element_bytes;
    for (int64_t z = r.begin[0]; z < r.end[0]; z++) {
      for (int64_t y = r.begin[1]; y < r.end[1]; y++) {
        const int64_t place = (z * window->padded[1] + y) * window->padded[2] + r.begin[2];
        memcpy(to + place * element_bytes, from + image_row(window, &r, z, y) * element_bytes,
               row_bytes);
      }
    }
  }
}

void cpu_window_crop(const cpu_window *window, const void *bordered, void *image, int64_t channels,
                     int64_t element_bytes) {
  const rows r = covered(window);
  const size_t row_bytes = (size_t)((r.end[2] - r.begin[2]) * element_bytes);
  memset(image, 0, (size_t)(channels * window->in_space * element_bytes));
  for (int64_t c = 0; c < channels; c++) {
    const char *from = (const char *)bordered + c * window->padded_space * element_bytes;
    char *to = (char *)image + c * window->in_space * element_bytes;
    for (int64_t z = r.begin[0]; z < r.end[0]; z++) {
      for (int64_t y = r.begin[1]; y < r.end[1]; y++) {
        const int64_t place = (z * window->padded[1] + y) * window->padded[2] + r.begin[2];
        memcpy(to + image_row(window, &r, z, y) * element_bytes, from + place * element_bytes,
               row_bytes);
      }
    }
  }
}
