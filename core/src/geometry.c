// SPDX-License-Identifier: Apache-2.0
//
// geometry: sizes, strides and what they cover. Everything is checked for overflow here, so that no
// other file multiplies sizes that a user gave.

#include <stdlib.h>
#include <string.h>

#include "tensor_impl.h"
#include "text.h"

int64_t tn__numel(int32_t rank, const int64_t *sizes, int64_t item_bytes) {
  int64_t numel = 1;
  bool empty = false;
  for (int32_t i = 0; i < rank; i++) {
    if (sizes[i] < 0) return -1;
    if (sizes[i] == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(numel, sizes[i], &numel)) {
      return -1;
    }
  }
  if (empty) return 0;
  int64_t bytes;
  if (__builtin_mul_overflow(numel, item_bytes, &bytes) || bytes > INT64_MAX - 128) return -1;
  return numel;
}

void tn__contiguous_strides(int32_t rank, const int64_t *sizes, int64_t *strides) {
  int64_t stride = 1;
  for (int32_t i = rank - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= sizes[i] > 1 ? sizes[i] : 1;
  }
}

bool tn__strides_contiguous(int32_t rank, const int64_t *sizes, const int64_t *strides) {
  int64_t expected = 1;
  bool contiguous = true;
  for (int32_t i = rank - 1; i >= 0; i--) {
    if (sizes[i] == 0) return true;
    if (sizes[i] == 1) continue;
    if (strides[i] != expected) contiguous = false;
    expected *= sizes[i];
  }
  return contiguous;
}

void tn__extent(int32_t rank, const int64_t *sizes, const int64_t *strides, int64_t *low,
                int64_t *high) {
  *low = *high = 0;
  for (int32_t i = 0; i < rank; i++) {
    if (sizes[i] == 0) {
      *low = 0;
      *high = -1;
      return;
    }
    int64_t reach = (sizes[i] - 1) * strides[i];
    if (reach < 0) {
      *low += reach;
    } else {
      *high += reach;
    }
  }
}

static void no_broadcast(tn_ints a, tn_ints b) {
  tn__text shapes = {NULL, 0, 0};
  tn__text_append_ints(&shapes, a.data, (int32_t)a.count);
  tn__text_append(&shapes, " and ");
  tn__text_append_ints(&shapes, b.data, (int32_t)b.count);
  tn__error(TN_INVALID_ARGUMENT, NULL, "shapes %s do not broadcast",
            shapes.data == NULL ? "" : shapes.data);
  free(shapes.data);
}

int32_t tn_broadcast_shapes(tn_ints a, tn_ints b, int64_t *out) {
  int64_t rank = a.count > b.count ? a.count : b.count;
  if (rank > TN_MAX_DIMS || a.count < 0 || b.count < 0) {
    tn__error(TN_INVALID_ARGUMENT, NULL, "tensors have at most %d dimensions", TN_MAX_DIMS);
    return -1;
  }
  for (int64_t i = 1; i <= rank; i++) {
    int64_t x = i <= a.count ? a.data[a.count - i] : 1;
    int64_t y = i <= b.count ? b.data[b.count - i] : 1;
    if (x != y && x != 1 && y != 1) {
      no_broadcast(a, b);
      return -1;
    }
    out[rank - i] = x == 1 ? y : x;
  }
  return (int32_t)rank;
}
