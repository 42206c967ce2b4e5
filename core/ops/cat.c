// SPDX-License-Identifier: Apache-2.0
//
// cat: tensors one behind the other along a dimension, and stack, which makes that dimension first.
// As in ATen, a tensor of shape [0] is ignored whatever the others' shapes are; kernels see it
// and copy nothing from it.

#include <inttypes.h>
#include <stdlib.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static bool is_ignored(tn_ints sizes) { return sizes.count == 1 && sizes.data[0] == 0; }

// The first tensor that is not ignored; its index, or -1.
static int32_t first_of(const tn_infer *infer) {
  for (int32_t i = 0; i < infer->input_count; i++) {
    if (!is_ignored(tn_tensor_shape(infer->inputs[i]))) return i;
  }
  return -1;
}

static tn_status check_piece(tn_infer *infer, int32_t index, int32_t first, int64_t dim) {
  const tn_tensor *piece = infer->inputs[index], *model = infer->inputs[first];
  if (piece->rank != model->rank) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "tensors",
                        "tensor %d has %d dimensions and tensor %d has %d", (int)first,
                        (int)model->rank, (int)index, (int)piece->rank);
  }
  for (int32_t d = 0; d < model->rank; d++) {
    if (d == dim || piece->sizes[d] == model->sizes[d]) continue;
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "tensors",
                        "tensors %d and %d differ in dimension %d (%" PRId64 " and %" PRId64
                        "), but only dimension %" PRId64 " may differ",
                        (int)first, (int)index, (int)d, model->sizes[d], piece->sizes[d], dim);
  }
  return TN_OK;
}

static tn_status cat_infer(tn_infer *infer) {
  tn_cat_attrs *attrs = infer->attrs;
  tn__result *result = &infer->results[0];
  if (infer->input_count == 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "tensors", "expected at least one");
  }
  int32_t first = first_of(infer);
  if (first < 0) {
    tn__result_like(result, infer->inputs[0]);
    return tn__canonical_dim(infer->call, "dim", &attrs->dim, 1);
  }
  const tn_tensor *model = infer->inputs[first];
  if (model->rank == 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "tensors",
                        "0-dim tensors cannot be joined; stack() makes a dimension for them");
  }
  TN_TRY(tn__canonical_dim(infer->call, "dim", &attrs->dim, model->rank));
  int64_t sum = 0, sizes[TN_MAX_DIMS];
  for (int32_t i = first; i < infer->input_count; i++) {
    if (is_ignored(tn_tensor_shape(infer->inputs[i]))) continue;
    TN_TRY(check_piece(infer, i, first, attrs->dim));
    if (__builtin_add_overflow(sum, infer->inputs[i]->sizes[attrs->dim], &sum)) {
      return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "tensors",
                          "the size of dimension %" PRId64 " overflows", attrs->dim);
    }
  }
  for (int32_t d = 0; d < model->rank; d++) sizes[d] = d == attrs->dim ? sum : model->sizes[d];
  return tn__result_shape(infer, 0, tn_ints_of(sizes, model->rank));
}

static tn_status cat_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_cat_attrs *attrs = tn_vjp_attrs(vjp);
  int64_t start = 0;
  for (int32_t i = 0; i < tn_vjp_input_count(vjp); i++) {
    tn_ints sizes = tn_vjp_input_sizes(vjp, i);
    if (is_ignored(sizes)) continue;
    int64_t end = start + sizes.data[attrs->dim];
    if (tn_vjp_needs(vjp, i)) {
      grad_in[i] =
          tn_slice(grad_out[0], .dim = attrs->dim, .start = TN_INT(start), .end = TN_INT(end));
      TN_TRY(tn__status_of(grad_in[i]));
    }
    start = end;
  }
  return TN_OK;
}

/// The tensors one behind the other along dim. tensors: at least one; the same shape but for dim,
/// any dtypes, which promote; those of shape [0] are ignored. Returns the shape with dim's sizes
/// added up. errors: INVALID_ARGUMENT for shapes that differ elsewhere, no or 0-dim tensors;
/// OUT_OF_RANGE for dim. source: ATen `cat`.
const tn_op_def tn_op_cat = {
    .schema = "cat(Tensor[] tensors, int dim=0) -> Tensor",
    .aliases = "concat,concatenate",
    .flags = TN_OP_VJP_GEOMETRY,
    .promote = TN_PROMOTE_COMMON,
    .infer = cat_infer,
    .vjp = cat_vjp,
};

static tn_status check_stack(tn_compose *compose, int64_t *dim) {
  if (compose->input_count == 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "tensors", "expected at least one");
  }
  const tn_tensor *model = compose->inputs[0];
  for (int32_t i = 1; i < compose->input_count; i++) {
    const tn_tensor *piece = compose->inputs[i];
    bool same = piece->rank == model->rank;
    for (int32_t d = 0; same && d < model->rank; d++) same = piece->sizes[d] == model->sizes[d];
    if (same) continue;
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "tensors",
                        "all tensors must have one shape, but tensors 0 and %d differ", (int)i);
  }
  return tn__canonical_dim(compose->call, "dim", dim, model->rank + 1);
}

static tn_status stack_compose(tn_compose *compose) {
  const tn_stack_attrs *attrs = compose->attrs;
  int64_t dim = attrs->dim;
  TN_TRY(check_stack(compose, &dim));
  tn_tensor **layers = tn__calloc((size_t)compose->input_count, sizeof *layers);
  if (layers == NULL) {
    return tn__op_error(compose->call, TN_OUT_OF_MEMORY, "tensors", "no memory for %d views",
                        (int)compose->input_count);
  }
  for (int32_t i = 0; i < compose->input_count; i++) {
    layers[i] = tn_unsqueeze(compose->inputs[i], dim);
  }
  tn_tensors all = {layers, compose->input_count};
  compose->results[0] = tn_cat(all, .dim = dim);
  free(layers);
  return tn__status_of(compose->results[0]);
}

/// The tensors as layers along a new dimension dim. tensors: at least one, of one shape; their
/// dtypes promote. errors: INVALID_ARGUMENT for shapes that differ; OUT_OF_RANGE for dim.
/// source: ATen `stack`.
const tn_op_def tn_op_stack = {
    .schema = "stack(Tensor[] tensors, int dim=0) -> Tensor",
    .promote = TN_PROMOTE_COMMON,
    .compose = stack_compose,
};
