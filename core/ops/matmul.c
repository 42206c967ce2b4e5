// SPDX-License-Identifier: Apache-2.0
//
// matmul: products of matrices and vectors. Three operators need kernels (mm, bmm, addmm); matmul
// brings any ranks to one of them with views alone where it can: vectors become matrices of one
// row or column, and a stack of matrices times one matrix becomes a single tall product.

#include <inttypes.h>
#include <tenon/ops.h>

#include "pointwise.h"
#include "shapes.h"
#include "tensor_impl.h"

static tn_status inner_mismatch(tn__call *call, const char *argument, int64_t left, int64_t right) {
  return tn__op_error(call, TN_INVALID_ARGUMENT, argument,
                      "the inner sizes differ: %" PRId64 " columns on the left, %" PRId64
                      " rows on the right",
                      left, right);
}

// ---- one product

static tn_status mm_infer(tn_infer *infer) {
  TN_TRY(tn__expect_rank(infer, 0, "self", 2, 2));
  TN_TRY(tn__expect_rank(infer, 1, "mat2", 2, 2));
  const int64_t *left = infer->inputs[0]->sizes, *right = infer->inputs[1]->sizes;
  if (left[1] != right[0]) return inner_mismatch(infer->call, "mat2", left[1], right[0]);
  return tn__result_shape(infer, 0, TN_SHAPE(left[0], right[1]));
}

static tn_status mm_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = tn_mm(grad_out[0], tn__conj(tn_transpose(tn_vjp_input(vjp, 1), 0, 1)));
    TN_TRY(tn__status_of(grad_in[0]));
  }
  if (tn_vjp_needs(vjp, 1)) {
    grad_in[1] = tn_mm(tn__conj(tn_transpose(tn_vjp_input(vjp, 0), 0, 1)), grad_out[0]);
    TN_TRY(tn__status_of(grad_in[1]));
  }
  return TN_OK;
}

/// The matrix product: result[i, j] = sum_k self[i, k] mat2[k, j]. self: [n, k]; mat2: [k, m];
/// their dtypes promote. Returns [n, m], zeros where k is 0. errors: INVALID_ARGUMENT for ranks or
/// inner sizes. source: ATen `mm`.
const tn_op_def tn_op_mm = {
    .schema = "mm(Tensor self, Tensor mat2) -> Tensor",
    .promote = TN_PROMOTE_COMMON,
    .infer = mm_infer,
    .saves = {TN_SAVE_INPUT(1), TN_SAVE_INPUT(0)},
    .save_count = 2,
    .vjp = mm_vjp,
};

static tn_status bmm_infer(tn_infer *infer) {
  TN_TRY(tn__expect_rank(infer, 0, "self", 3, 3));
  TN_TRY(tn__expect_rank(infer, 1, "mat2", 3, 3));
  const int64_t *left = infer->inputs[0]->sizes, *right = infer->inputs[1]->sizes;
  if (left[0] != right[0]) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "mat2",
                        "the batches differ: %" PRId64 " and %" PRId64 " matrices", left[0],
                        right[0]);
  }
  if (left[2] != right[1]) return inner_mismatch(infer->call, "mat2", left[2], right[1]);
  return tn__result_shape(infer, 0, TN_SHAPE(left[0], left[1], right[2]));
}

static tn_status bmm_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = tn_bmm(grad_out[0], tn__conj(tn_transpose(tn_vjp_input(vjp, 1), 1, 2)));
    TN_TRY(tn__status_of(grad_in[0]));
  }
  if (tn_vjp_needs(vjp, 1)) {
    grad_in[1] = tn_bmm(tn__conj(tn_transpose(tn_vjp_input(vjp, 0), 1, 2)), grad_out[0]);
    TN_TRY(tn__status_of(grad_in[1]));
  }
  return TN_OK;
}

/// Matrix products in a batch: result[b] = self[b] mat2[b]. self: [b, n, k]; mat2: [b, k, m]; their
/// dtypes promote. Returns [b, n, m]. errors: INVALID_ARGUMENT for ranks, batches or inner sizes.
/// source: ATen `bmm`.
const tn_op_def tn_op_bmm = {
    .schema = "bmm(Tensor self, Tensor mat2) -> Tensor",
    .promote = TN_PROMOTE_COMMON,
    .infer = bmm_infer,
    .saves = {TN_SAVE_INPUT(1), TN_SAVE_INPUT(0)},
    .save_count = 2,
    .vjp = bmm_vjp,
};

static tn_status addmm_infer(tn_infer *infer) {
  TN_TRY(tn__expect_rank(infer, 0, "self", 0, 2));
  TN_TRY(tn__expect_rank(infer, 1, "mat1", 2, 2));
  TN_TRY(tn__expect_rank(infer, 2, "mat2", 2, 2));
  const tn_tensor *self = infer->inputs[0];
  const int64_t *left = infer->inputs[1]->sizes, *right = infer->inputs[2]->sizes;
  if (left[1] != right[0]) return inner_mismatch(infer->call, "mat2", left[1], right[0]);
  const int64_t sizes[2] = {left[0], right[1]};
  for (int32_t d = 0; d < self->rank; d++) {
    int64_t size = self->sizes[self->rank - 1 - d], whole = sizes[1 - d];
    if (size == 1 || size == whole) continue;
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "self",
                        "size %" PRId64 " does not broadcast to the product's %" PRId64, size,
                        whole);
  }
  return tn__result_shape(infer, 0, tn_ints_of(sizes, 2));
}

// |tensor| times |factor|; the same tensor where that is 1.
static tn_tensor *scaled(tn_tensor *tensor, tn_scalar factor) {
  bool one = (factor.kind == TN_SCALAR_INT && factor.as.i == 1) ||
             (factor.kind == TN_SCALAR_FLOAT && factor.as.f == 1);
  return one ? tensor : tn_mul_scalar(tensor, factor);
}

static tn_status addmm_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_addmm_attrs *attrs = tn_vjp_attrs(vjp);
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = scaled(grad_out[0], tn__conjugate(attrs->beta));
    TN_TRY(tn__status_of(grad_in[0]));
  }
  if (tn_vjp_needs(vjp, 1)) {
    tn_tensor *product = tn_mm(grad_out[0], tn__conj(tn_transpose(tn_vjp_input(vjp, 2), 0, 1)));
    grad_in[1] = scaled(product, tn__conjugate(attrs->alpha));
    TN_TRY(tn__status_of(grad_in[1]));
  }
  if (tn_vjp_needs(vjp, 2)) {
    tn_tensor *product = tn_mm(tn__conj(tn_transpose(tn_vjp_input(vjp, 1), 0, 1)), grad_out[0]);
    grad_in[2] = scaled(product, tn__conjugate(attrs->alpha));
    TN_TRY(tn__status_of(grad_in[2]));
  }
  return TN_OK;
}

/// beta * self + alpha * (mat1 mat2). self: broadcasts to [n, m], and is not read where beta is 0;
/// mat1: [n, k]; mat2: [k, m]; dtypes promote. Returns [n, m].
/// errors: INVALID_ARGUMENT for ranks, inner sizes or a self that does not broadcast.
/// source: BLAS `gemm` (Dongarra et al. 1990); ATen `addmm`.
// clang-format off
const tn_op_def tn_op_addmm = {
    .schema = "addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    // clang-format on
    .flags = TN_OP_EXPANDS_FIRST,
    .promote = TN_PROMOTE_COMMON,
    .infer = addmm_infer,
    .saves = {0, TN_SAVE_INPUT(2), TN_SAVE_INPUT(1)},
    .save_count = 3,
    .vjp = addmm_vjp,
};

// ---- any ranks

static tn_tensor *as_row(tn_tensor *vector) { return tn_unsqueeze(vector, 0); }
static tn_tensor *as_column(tn_tensor *vector) { return tn_unsqueeze(vector, 1); }

// Both of at most two dimensions: one mm.
static tn_tensor *small_product(tn_tensor *left, tn_tensor *right) {
  bool row = left->rank == 1, column = right->rank == 1;
  if (!row && !column) return tn_mm(left, right);
  tn_tensor *product = tn_mm(row ? as_row(left) : left, column ? as_column(right) : right);
  if (row) product = tn_squeeze_dim(product, 0);
  return column ? tn_squeeze_dim(product, -1) : product;
}

// A stack of matrices times one matrix or vector: the stack's rows are one tall matrix.
static tn_tensor *folded_product(tn_tensor *left, tn_tensor *right) {
  int64_t sizes[TN_MAX_DIMS], rank = left->rank, columns = left->sizes[rank - 1], rows = 1;
  for (int64_t d = 0; d < rank - 1; d++) rows *= sizes[d] = left->sizes[d];
  tn_tensor *tall = tn_reshape(left, TN_SHAPE(rows, columns));
  bool column = right->rank == 1;
  if (column) return tn_view_shape(tn_mm(tall, as_column(right)), tn_ints_of(sizes, rank - 1));
  sizes[rank - 1] = right->sizes[1];
  return tn_view_shape(tn_mm(tall, right), tn_ints_of(sizes, rank));
}

// |tensor| [*, rows, columns] as [batches, rows, columns], its batch dimensions broadcast to
// |batch|.
static tn_tensor *as_batch(tn_tensor *tensor, tn_ints batch, int64_t batches) {
  int64_t sizes[TN_MAX_DIMS], rows = tensor->sizes[tensor->rank - 2];
  int64_t columns = tensor->sizes[tensor->rank - 1];
  if (batch.count == 1 && tensor->rank == 3 && tensor->sizes[0] == batches) return tensor;
  for (int64_t d = 0; d < batch.count; d++) sizes[d] = batch.data[d];
  sizes[batch.count] = rows;
  sizes[batch.count + 1] = columns;
  tn_tensor *whole = tn_expand(tensor, tn_ints_of(sizes, batch.count + 2));
  return batch.count == 1 ? whole : tn_reshape(whole, TN_SHAPE(batches, rows, columns));
}

// Both may be stacks: batch dimensions broadcast, then one bmm.
static tn_tensor *batched_product(tn_compose *compose, tn_tensor *left, tn_tensor *right) {
  bool row = left->rank == 1, column = right->rank == 1;
  if (row) left = as_row(left);
  if (column) right = as_column(right);
  if (left == NULL || right == NULL) return NULL;
  int64_t sizes[TN_MAX_DIMS], batches;
  int32_t rank = tn_broadcast_shapes(tn_ints_of(left->sizes, left->rank - 2),
                                     tn_ints_of(right->sizes, right->rank - 2), sizes);
  if (rank < 0) return NULL;
  tn_ints batch = {sizes, rank};
  if (tn__checked_numel(compose->call, "other", batch, &batches) != TN_OK) return NULL;
  int64_t rows = left->sizes[left->rank - 2], columns = right->sizes[right->rank - 1];
  tn_tensor *product = tn_bmm(as_batch(left, batch, batches), as_batch(right, batch, batches));
  if (rank == 1 && !row && !column) return product;
  if (!row) sizes[rank++] = rows;
  if (!column) sizes[rank++] = columns;
  return tn_view_shape(product, tn_ints_of(sizes, rank));
}

static tn_status matmul_compose(tn_compose *compose) {
  tn_tensor *left = compose->inputs[0], *right = compose->inputs[1];
  if (left->rank == 0 || right->rank == 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, left->rank == 0 ? "self" : "other",
                        "a 0-dim tensor has no dimension to multiply along; use mul");
  }
  int64_t inner = left->sizes[left->rank - 1];
  int64_t other = right->sizes[right->rank == 1 ? 0 : right->rank - 2];
  if (inner != other) return inner_mismatch(compose->call, "other", inner, other);
  if (left->rank <= 2 && right->rank <= 2) {
    compose->results[0] = small_product(left, right);
  } else if (right->rank <= 2) {
    compose->results[0] = folded_product(left, right);
  } else {
    compose->results[0] = batched_product(compose, left, right);
  }
  return tn__status_of(compose->results[0]);
}

/// The product of matrices, vectors and stacks of matrices, as NumPy's @: a 1-dim operand is a row
/// on the left and a column on the right, whose dimension the result does not have; dimensions
/// before the last two broadcast. self: [*, n, k] or [k]; other: [*, k, m] or [k]; dtypes promote.
/// errors: INVALID_ARGUMENT for a 0-dim operand, inner sizes, or batches that do not broadcast.
/// source: PEP 465; ATen `matmul`.
const tn_op_def tn_op_matmul = {
    .schema = "matmul(Tensor self, Tensor other) -> Tensor",
    .promote = TN_PROMOTE_COMMON,
    .compose = matmul_compose,
};

static tn_status expect_vector(tn_compose *compose, int32_t input, const char *argument) {
  if (compose->inputs[input]->rank == 1) return TN_OK;
  return tn__op_error(compose->call, TN_INVALID_ARGUMENT, argument, "expected 1 dimension, not %d",
                      (int)compose->inputs[input]->rank);
}

static tn_status dot_compose(tn_compose *compose) {
  TN_TRY(expect_vector(compose, 0, "self"));
  TN_TRY(expect_vector(compose, 1, "tensor"));
  tn_tensor *left = compose->inputs[0], *right = compose->inputs[1];
  if (left->sizes[0] != right->sizes[0]) {
    return inner_mismatch(compose->call, "tensor", left->sizes[0], right->sizes[0]);
  }
  compose->results[0] = small_product(left, right);
  return tn__status_of(compose->results[0]);
}

/// The sum of the products of two vectors' elements. self, tensor: [n]; dtypes promote. Returns a
/// 0-dim tensor. errors: INVALID_ARGUMENT for ranks or sizes. source: ATen `dot`.
const tn_op_def tn_op_dot = {
    .schema = "dot(Tensor self, Tensor tensor) -> Tensor",
    .promote = TN_PROMOTE_COMMON,
    .compose = dot_compose,
};

static tn_status mv_compose(tn_compose *compose) {
  tn_tensor *matrix = compose->inputs[0], *vector = compose->inputs[1];
  if (matrix->rank != 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self", "expected 2 dimensions, not %d",
                        (int)matrix->rank);
  }
  TN_TRY(expect_vector(compose, 1, "vec"));
  if (matrix->sizes[1] != vector->sizes[0]) {
    return inner_mismatch(compose->call, "vec", matrix->sizes[1], vector->sizes[0]);
  }
  compose->results[0] = small_product(matrix, vector);
  return tn__status_of(compose->results[0]);
}

/// A matrix times a vector. self: [n, k]; vec: [k]; dtypes promote. Returns [n].
/// errors: INVALID_ARGUMENT for ranks or sizes. source: ATen `mv`.
const tn_op_def tn_op_mv = {
    .schema = "mv(Tensor self, Tensor vec) -> Tensor",
    .promote = TN_PROMOTE_COMMON,
    .compose = mv_compose,
};
