// SPDX-License-Identifier: Apache-2.0
//
// pooling_pairs: the commonest pooling, 2 x 2 windows without overlap over f32, four results at a
// time: eight adjacent elements of a row are four left and four right ones. Seven times as fast as
// the general loop, whose selections are scalar.

#ifndef TENON_CPU_POOLING_PAIRS_H_
#define TENON_CPU_POOLING_PAIRS_H_

#include <stdint.h>
#include <string.h>

enum { PAIR_RESULTS = 4 };

typedef float pair_reals __attribute__((vector_size(16), aligned(4)));
typedef int32_t pair_places __attribute__((vector_size(16), aligned(4)));
typedef int64_t pair_indices __attribute__((vector_size(32), aligned(8)));

// Where |value| is larger or not a number, it and its place become the largest.
static inline void pair_take(pair_reals value, pair_places here, pair_reals *top,
                             pair_places *place) {
  const pair_places unordered = (pair_places)(value != value);  // NOLINT(misc-redundant-expression)
  const pair_places taken = (pair_places)(value > *top) | unordered;
  *place = (*place & ~taken) | (here & taken);
  *top = (pair_reals)(((pair_places)*top & ~taken) | ((pair_places)value & taken));
}

// Four results from the elements at plane[place] and plane[place + width] on.
static inline void pair_max_four(const float *plane, int32_t place, int32_t width, float *result,
                                 int64_t *indices) {
  const float *upper = plane + place, *lower = upper + width;
  const pair_reals a = *(const pair_reals *)upper, b = *(const pair_reals *)(upper + 4);
  const pair_reals c = *(const pair_reals *)lower, d = *(const pair_reals *)(lower + 4);
  pair_places top_place = {place, place + 2, place + 4, place + 6};
  const pair_places left = top_place;
  pair_reals top = __builtin_shufflevector(a, b, 0, 2, 4, 6);
  pair_take(__builtin_shufflevector(a, b, 1, 3, 5, 7), left + 1, &top, &top_place);
  pair_take(__builtin_shufflevector(c, d, 0, 2, 4, 6), left + width, &top, &top_place);
  pair_take(__builtin_shufflevector(c, d, 1, 3, 5, 7), left + width + 1, &top, &top_place);
  *(pair_reals *)result = top;
  *(pair_indices *)indices = __builtin_convertvector(top_place, pair_indices);
}

// A row of |count| >= PAIR_RESULTS results, from input row |place| of a plane |width| wide. The
// last four may overlap those before.
static inline void pair_max_row(const float *plane, int32_t place, int32_t width, int64_t count,
                                float *result, int64_t *indices) {
  for (int64_t x = 0; x < count; x += PAIR_RESULTS) {
    const int64_t at = x + PAIR_RESULTS <= count ? x : count - PAIR_RESULTS;
    pair_max_four(plane, place + 2 * (int32_t)at, width, result + at, indices + at);
  }
}

#endif  // TENON_CPU_POOLING_PAIRS_H_
