// SPDX-License-Identifier: Apache-2.0
//
// repeat: tiles a tensor. Each repeated dimension becomes two, of which the first is expanded; one
// copy then writes the tiles.

#include <inttypes.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// The three shapes on the way: self with a 1 before each repeated dimension, that expanded, and the
// result. A dimension of size 1 is expanded itself, which keeps the rank low.
typedef struct tiling {
  int64_t rank;  // of split and expanded
  int64_t split[2 * TN_MAX_DIMS], expanded[2 * TN_MAX_DIMS], result[TN_MAX_DIMS];
} tiling;

static void push_dimension(tiling *tiles, int64_t split, int64_t expanded) {
  tiles->split[tiles->rank] = split;
  tiles->expanded[tiles->rank++] = expanded;
}

static tn_status plan_tiles(tn_compose *compose, tn_ints repeats, tiling *tiles) {
  const tn_tensor *self = compose->inputs[0];
  if (repeats.count < self->rank || repeats.count > TN_MAX_DIMS) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "repeats",
                        "%" PRId64 " counts for %d dimensions; expected at least as many",
                        repeats.count, (int)self->rank);
  }
  TN_TRY(tn__expect_at_least(compose->call, "repeats", repeats, 0));
  tiles->rank = 0;
  for (int64_t d = 0; d < repeats.count; d++) {
    int64_t from = d - (repeats.count - self->rank), times = repeats.data[d];
    int64_t size = from < 0 ? 1 : self->sizes[from];
    if (__builtin_mul_overflow(size, times, &tiles->result[d])) {
      return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "repeats",
                          "the size of dimension %" PRId64 " overflows", d);
    }
    if (times != 1 && size != 1) push_dimension(tiles, 1, times);
    push_dimension(tiles, size, size == 1 ? times : size);
  }
  return TN_OK;
}

static tn_status repeat_compose(tn_compose *compose) {
  const tn_repeat_attrs *attrs = compose->attrs;
  tiling tiles;
  TN_TRY(plan_tiles(compose, attrs->repeats, &tiles));
  tn_tensor *split = tn_reshape(compose->inputs[0], tn_ints_of(tiles.split, tiles.rank));
  tn_tensor *whole = tn_clone(tn_expand(split, tn_ints_of(tiles.expanded, tiles.rank)));
  compose->results[0] = tn_reshape(whole, tn_ints_of(tiles.result, attrs->repeats.count));
  return tn__status_of(compose->results[0]);
}

/// self laid beside itself repeats[d] times along each dimension, always a copy. self: any shape
/// and dtype. repeats: at least self's rank, aligned at the end; 0 gives no elements.
/// errors: INVALID_ARGUMENT for too few or negative counts, or an overflow. source: ATen `repeat`.
const tn_op_def tn_op_repeat = {
    .schema = "repeat(Tensor self, int[] repeats) -> Tensor",
    .compose = repeat_compose,
};

static tn_status tile_compose(tn_compose *compose) {
  const tn_tile_attrs *attrs = compose->attrs;
  const int32_t rank = compose->inputs[0]->rank;
  int64_t repeats[TN_MAX_DIMS];
  if (attrs->dims.count > TN_MAX_DIMS) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "dims",
                        "%" PRId64 " counts; a tensor has at most %d dimensions", attrs->dims.count,
                        TN_MAX_DIMS);
  }
  TN_TRY(tn__expect_at_least(compose->call, "dims", attrs->dims, 0));
  const int64_t count = attrs->dims.count > rank ? attrs->dims.count : rank;
  for (int64_t d = 0; d < count; d++) {
    const int64_t from = d - (count - attrs->dims.count);
    repeats[d] = from < 0 ? 1 : attrs->dims.data[from];
  }
  compose->results[0] = tn_repeat(compose->inputs[0], tn_ints_of(repeats, count));
  return tn__status_of(compose->results[0]);
}

/// As `repeat`, with counts of 1 where dims is shorter than self's shape. self: any shape and
/// dtype. errors: INVALID_ARGUMENT for negative counts, or an overflow. source: ATen `tile`.
const tn_op_def tn_op_tile = {
    .schema = "tile(Tensor self, int[] dims) -> Tensor",
    .compose = tile_compose,
};
