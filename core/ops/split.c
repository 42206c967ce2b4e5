// SPDX-License-Identifier: Apache-2.0
//
// split: a tensor as a list of views along one dimension. Each piece is a slice (or a select) of
// its own, so gradients come from those.

#include <inttypes.h>
#include <stdlib.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// |compose|'s result: |count| pieces, piece i being |cut|(self, dim, i, rule).
typedef tn_tensor *(*cut_fn)(tn_tensor *self, int64_t dim, int64_t index, const void *rule);

static tn_status cut_all(tn_compose *compose, int64_t dim, int64_t count, cut_fn cut,
                         const void *rule) {
  tn_tensor **pieces = tn__calloc(count > 0 ? (size_t)count : 1, sizeof *pieces);
  if (pieces == NULL) {
    return tn__op_error(compose->call, TN_OUT_OF_MEMORY, "self",
                        "no memory for a list of %" PRId64 " tensors", count);
  }
  tn_status status = TN_OK;
  for (int64_t i = 0; i < count && status == TN_OK; i++) {
    pieces[i] = cut(compose->inputs[0], dim, i, rule);
    status = tn__status_of(pieces[i]);
  }
  if (status == TN_OK) {
    compose->list = tn__list_new(pieces, count);
    if (compose->list == NULL) status = tn__status_of(NULL);
  }
  free(pieces);
  return status;
}

static tn_status splitting_dim(tn_compose *compose, int64_t *dim, int64_t *size) {
  const tn_tensor *self = compose->inputs[0];
  if (self->rank == 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self",
                        "a 0-dim tensor has no dimension to split");
  }
  TN_TRY(tn__canonical_dim(compose->call, "dim", dim, self->rank));
  *size = self->sizes[*dim];
  return TN_OK;
}

static tn_tensor *cut_range(tn_tensor *self, int64_t dim, int64_t start, int64_t length) {
  return tn_slice(self, .dim = dim, .start = TN_INT(start), .end = TN_INT(start + length));
}

// Walks along the list of sizes as pieces are cut in order.
typedef struct sizes_rule {
  const int64_t *sizes;
  int64_t *start;
} sizes_rule;

static tn_tensor *cut_by_sizes(tn_tensor *self, int64_t dim, int64_t index, const void *rule) {
  const sizes_rule *by = rule;
  int64_t start = *by->start, length = by->sizes[index];
  *by->start += length;
  return cut_range(self, dim, start, length);
}

static tn_status split_with_sizes_compose(tn_compose *compose) {
  const tn_split_with_sizes_attrs *attrs = compose->attrs;
  int64_t dim = attrs->dim, size, sum = 0, start = 0;
  TN_TRY(splitting_dim(compose, &dim, &size));
  TN_TRY(tn__expect_at_least(compose->call, "split_sizes", attrs->split_sizes, 0));
  bool overflow = false;
  for (int64_t i = 0; i < attrs->split_sizes.count && !overflow; i++) {
    overflow = __builtin_add_overflow(sum, attrs->split_sizes.data[i], &sum);
  }
  if (overflow || sum != size) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "split_sizes",
                        "the sizes must sum to %" PRId64 ", the size of dimension %" PRId64, size,
                        dim);
  }
  sizes_rule rule = {attrs->split_sizes.data, &start};
  return cut_all(compose, dim, attrs->split_sizes.count, cut_by_sizes, &rule);
}

/// Views of consecutive ranges along dim, with the given sizes. self: at least one dimension, any
/// dtype. split_sizes: at least 0, with the dimension's size as their sum.
/// errors: OUT_OF_RANGE for dim; INVALID_ARGUMENT. source: ATen `split_with_sizes`.
// clang-format off
const tn_op_def tn_op_split_with_sizes = {
    .schema = "split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]",
    // clang-format on
    .compose = split_with_sizes_compose,
};

// Pieces of one length; slice() cuts the last one short.
static tn_tensor *cut_evenly(tn_tensor *self, int64_t dim, int64_t index, const void *rule) {
  const int64_t *length = rule;
  int64_t start = index * *length, left = self->sizes[dim] - start;
  return cut_range(self, dim, start, left < *length ? left : *length);
}

static tn_status split_compose(tn_compose *compose) {
  const tn_split_Tensor_attrs *attrs = compose->attrs;
  int64_t dim = attrs->dim, length = attrs->split_size, size;
  TN_TRY(splitting_dim(compose, &dim, &size));
  if (length < 0 || (length == 0 && size > 0)) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "split_size",
                        "pieces of %" PRId64 " elements cannot make up %" PRId64, length, size);
  }
  int64_t count = size == 0 ? 1 : (size - 1) / length + 1;
  return cut_all(compose, dim, count, cut_evenly, &length);
}

/// Views of consecutive ranges of split_size indices along dim; the last may be shorter.
/// self: at least one dimension, any dtype. split_size: positive, or 0 for a dimension of size 0.
/// errors: OUT_OF_RANGE for dim; INVALID_ARGUMENT. source: ATen `split.Tensor`.
const tn_op_def tn_op_split_Tensor = {
    .schema = "split.Tensor(Tensor self, int split_size, int dim=0) -> Tensor[]",
    .compose = split_compose,
};

static tn_status chunk_compose(tn_compose *compose) {
  const tn_chunk_attrs *attrs = compose->attrs;
  int64_t dim = attrs->dim, size;
  TN_TRY(splitting_dim(compose, &dim, &size));
  if (attrs->chunks <= 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "chunks",
                        "expected at least 1, not %" PRId64, attrs->chunks);
  }
  int64_t length = size == 0 ? 0 : (size - 1) / attrs->chunks + 1;
  int64_t count = size == 0 ? attrs->chunks : (size - 1) / length + 1;
  return cut_all(compose, dim, count, cut_evenly, &length);
}

/// At most chunks views of consecutive ranges along dim, all but the last of one size, which is the
/// smallest that suffices; so there may be fewer. A dimension of size 0 gives chunks empty views.
/// self: at least one dimension, any dtype. errors: OUT_OF_RANGE for dim; INVALID_ARGUMENT unless
/// chunks is positive. source: ATen `chunk`.
const tn_op_def tn_op_chunk = {
    .schema = "chunk(Tensor self, int chunks, int dim=0) -> Tensor[]",
    .compose = chunk_compose,
};

static tn_tensor *cut_one(tn_tensor *self, int64_t dim, int64_t index, const void *rule) {
  (void)rule;
  return tn_select(self, dim, index);
}

static tn_status unbind_compose(tn_compose *compose) {
  const tn_unbind_int_attrs *attrs = compose->attrs;
  int64_t dim = attrs->dim, size;
  TN_TRY(splitting_dim(compose, &dim, &size));
  return cut_all(compose, dim, size, cut_one, NULL);
}

/// Views of every index along dim, which the results have no more. self: at least one dimension,
/// any dtype. errors: OUT_OF_RANGE for dim; INVALID_ARGUMENT for a 0-dim self.
/// source: ATen `unbind.int`.
const tn_op_def tn_op_unbind_int = {
    .schema = "unbind.int(Tensor self, int dim=0) -> Tensor[]",
    .aliases = "unstack",
    .compose = unbind_compose,
};
