// SPDX-License-Identifier: Apache-2.0
//
// cdist: distances between the rows of two matrices, or of one, in the p-norm. Backward operators
// take the distances as an operand of their own; their gradients are those of the formula written
// with every difference, [*, rows, rows, columns], which needs memory but only for gradients of
// gradients.

#include <inttypes.h>
#include <math.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_status expect_norm(tn__call *call, double p) {
  if (p >= 0) return TN_OK;
  return tn__op_error(call, TN_INVALID_ARGUMENT, "p", "expected at least 0, not %g", p);
}

// The shape [*, rows of |first|, rows of |second|], * broadcast, in |sizes|; gives the rank.
static tn_status pair_shape(tn_infer *infer, int32_t first, int64_t *sizes, int32_t *rank) {
  static const char *const names[] = {"x1", "x2"};
  const tn_tensor *x1 = infer->inputs[first], *x2 = infer->inputs[first + 1];
  for (int32_t i = 0; i < 2; i++) {
    TN_TRY(tn__expect_rank(infer, first + i, names[i], 2, TN_MAX_DIMS - 1));
  }
  if (x1->sizes[x1->rank - 1] != x2->sizes[x2->rank - 1]) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "x2",
                        "x1 has %" PRId64 " columns and x2 %" PRId64, x1->sizes[x1->rank - 1],
                        x2->sizes[x2->rank - 1]);
  }
  *rank = x1->rank > x2->rank ? x1->rank : x2->rank;
  for (int32_t d = 0; d < *rank - 2; d++) {
    int32_t a = d - (*rank - x1->rank), b = d - (*rank - x2->rank);
    int64_t one = a < 0 ? 1 : x1->sizes[a], other = b < 0 ? 1 : x2->sizes[b];
    if (one != other && one != 1 && other != 1) {
      return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "x2",
                          "the batches of x1 and x2 do not broadcast");
    }
    sizes[d] = one == 1 ? other : one;
  }
  sizes[*rank - 2] = x1->sizes[x1->rank - 2];
  sizes[*rank - 1] = x2->sizes[x2->rank - 2];
  return TN_OK;
}

// As in PyTorch: in half precision a distance could not be told from its neighbours.
#define CDIST_DTYPES (TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64))

// ---- two matrices

static tn_status cdist_infer(tn_infer *infer) {
  const tn__cdist_forward_attrs *attrs = infer->attrs;
  int64_t sizes[TN_MAX_DIMS];
  int32_t rank;
  TN_TRY(expect_norm(infer->call, attrs->p));
  if (attrs->compute_mode.present &&
      (attrs->compute_mode.value < 0 || attrs->compute_mode.value > 2)) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "compute_mode",
                        "expected 0, 1 or 2, not %" PRId64, attrs->compute_mode.value);
  }
  TN_TRY(pair_shape(infer, 0, sizes, &rank));
  return tn__result_shape(infer, 0, tn_ints_of(sizes, rank));
}

static tn_status cdist_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__cdist_forward_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *x1 = tn_vjp_input(vjp, 0), *x2 = tn_vjp_input(vjp, 1);
  tn_tensor *grad = grad_out[0], *distance = tn_vjp_output(vjp, 0);
  if (tn_vjp_needs(vjp, 0)) {
    grad_in[0] = tn_aten_cdist_backward(grad, x1, x2, attrs->p, distance);
    TN_TRY(tn__status_of(grad_in[0]));
  }
  if (!tn_vjp_needs(vjp, 1)) return TN_OK;
  grad_in[1] = tn_aten_cdist_backward(tn_transpose(grad, -2, -1), x2, x1, attrs->p,
                                      tn_transpose(distance, -2, -1));
  return tn__status_of(grad_in[1]);
}

/// Distances between rows: result[*, i, j] = (sum_k |x1[*, i, k] - x2[*, j, k]|^p)^(1/p); for p 0
/// how many differ, for infinity the largest difference. x1: [*, P, M], x2: [*, R, M], float32 or
/// float64, * broadcast. Returns [*, P, R]. compute_mode: 0 to 2 or absent; of no consequence,
/// distances are always computed from differences. gradient: 0 where the distance is 0. errors:
/// INVALID_ARGUMENT for shapes, a negative p or the mode; INVALID_DTYPE. source: ATen
/// `_cdist_forward`.
// clang-format off
const tn_op_def tn_op__cdist_forward = {
    .schema = "_cdist_forward(Tensor x1, Tensor x2, float p, int? compute_mode) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .dtypes = CDIST_DTYPES,
    .infer = cdist_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_INPUT(1) | TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = cdist_vjp,
};

// |difference| -> its distance's derivative times |grad|, both [*, P, R, 1] but for the
// differences.
static tn_tensor *slopes(tn_tensor *grad, tn_tensor *difference, tn_tensor *distance, double p) {
  tn_tensor *zero = tn_eq_scalar(distance, 0), *size = tn_abs(difference);
  tn_tensor *sign = tn_sign(difference);
  if (p == 1) return tn_mul(grad, sign);
  if (isinf(p)) return tn_mul(grad, tn_mul(sign, tn_eq(size, distance)));
  // Where there is nothing to divide by, 1 stands in and the result is cleared.
  tn_tensor *divisor = tn_masked_fill_scalar(distance, zero, 1);
  if (p == 2) return tn_masked_fill_scalar(tn_mul(grad, tn_div(difference, divisor)), zero, 0);
  tn_tensor *none = tn_logical_or(zero, tn_eq_scalar(difference, 0));
  tn_tensor *base = tn_masked_fill_scalar(size, none, 1);
  tn_tensor *ratio = tn_pow_scalar(tn_div(base, divisor), p - 1);
  return tn_masked_fill_scalar(tn_mul(grad, tn_mul(sign, ratio)), none, 0);
}

static tn_status cdist_backward_infer(tn_infer *infer) {
  const tn__cdist_backward_attrs *attrs = infer->attrs;
  const tn_tensor *grad = infer->inputs[0], *x1 = infer->inputs[1], *distance = infer->inputs[3];
  int64_t sizes[TN_MAX_DIMS];
  int32_t rank;
  TN_TRY(expect_norm(infer->call, attrs->p));
  TN_TRY(pair_shape(infer, 1, sizes, &rank));
  bool fits = grad->rank == rank && distance->rank == rank;
  for (int32_t d = 0; fits && d < rank; d++) {
    fits = grad->sizes[d] == sizes[d] && distance->sizes[d] == sizes[d];
  }
  if (!fits) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "grad",
                        "grad and cdist must have the shape of the distances");
  }
  sizes[rank - 1] = x1->sizes[x1->rank - 1];
  return tn__result_shape(infer, 0, tn_ints_of(sizes, rank));
}

static tn_status cdist_backward_compose(tn_compose *compose) {
  const tn__cdist_backward_attrs *attrs = compose->attrs;
  tn_tensor *const *in = compose->inputs;
  tn_tensor *difference = tn_sub(tn_unsqueeze(in[1], -2), tn_unsqueeze(in[2], -3));
  tn_tensor *all = attrs->p == 0 ? tn_mul_scalar(difference, 0)
                                 : slopes(tn_unsqueeze(in[0], -1), difference,
                                          tn_unsqueeze(in[3], -1), attrs->p);
  compose->results[0] = tn_sum_dim(all, TN_DIMS(-2));
  return tn__status_of(compose->results[0]);
}

/// The gradient of `_cdist_forward` for x1, with the distances that it gave: the sum over x2's rows
/// of grad times the distance's derivative, 0 where the distance is. grad, cdist: [*, P, R]; x1,
/// x2, p as there. Returns [*, P, M], * broadcast. errors: as `_cdist_forward`. source: ATen
/// `_cdist_backward`.
// clang-format off
const tn_op_def tn_op__cdist_backward = {
    .schema = "_cdist_backward(Tensor grad, Tensor x1, Tensor x2, float p, Tensor cdist) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .dtypes = CDIST_DTYPES,
    .infer = cdist_backward_infer,
    .compose = cdist_backward_compose,
};

static tn_status cdist_compose(tn_compose *compose) {
  const tn_cdist_attrs *attrs = compose->attrs;
  compose->results[0] =
      tn_aten_cdist_forward(compose->inputs[0], compose->inputs[1], attrs->p, attrs->compute_mode);
  return tn__status_of(compose->results[0]);
}

/// `_cdist_forward` under its usual name. errors: as there. source: ATen `cdist`.
// clang-format off
const tn_op_def tn_op_cdist = {
    .schema = "cdist(Tensor x1, Tensor x2, float p=2, int? compute_mode=None) -> Tensor",
    // clang-format on
    .promote = TN_PROMOTE_COMMON,
    .compose = cdist_compose,
};

// ---- one matrix

static int64_t pairs_of(int64_t rows) { return rows < 2 ? 0 : rows * (rows - 1) / 2; }

static tn_status pdist_infer(tn_infer *infer) {
  const tn__pdist_forward_attrs *attrs = infer->attrs;
  TN_TRY(tn__expect_rank(infer, 0, "self", 2, 2));
  TN_TRY(expect_norm(infer->call, attrs->p));
  return tn__result_shape(infer, 0, TN_SHAPE(pairs_of(infer->inputs[0]->sizes[0])));
}

static tn_status pdist_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn__pdist_forward_attrs *attrs = tn_vjp_attrs(vjp);
  grad_in[0] =
      tn_aten_pdist_backward(grad_out[0], tn_vjp_input(vjp, 0), attrs->p, tn_vjp_output(vjp, 0));
  return tn__status_of(grad_in[0]);
}

/// Distances between all pairs of different rows, as `_cdist_forward` has them: of rows 0 and 1, 0
/// and 2, up to the last two. self: [N, M], float32 or float64. Returns [N (N - 1) / 2].
/// errors: INVALID_ARGUMENT for the rank or a negative p; INVALID_DTYPE. source: ATen
/// `_pdist_forward`.
const tn_op_def tn_op__pdist_forward = {
    .schema = "_pdist_forward(Tensor self, float p=2) -> Tensor",
    .dtypes = CDIST_DTYPES,
    .infer = pdist_infer,
    .saves = {TN_SAVE_INPUT(0) | TN_SAVE_OUTPUT(0)},
    .save_count = 1,
    .vjp = pdist_vjp,
};

static tn_status pdist_backward_infer(tn_infer *infer) {
  const tn__pdist_backward_attrs *attrs = infer->attrs;
  const tn_tensor *self = infer->inputs[1];
  TN_TRY(tn__expect_rank(infer, 1, "self", 2, 2));
  TN_TRY(expect_norm(infer->call, attrs->p));
  for (int32_t i = 0; i < 3; i += 2) {
    const tn_tensor *pairs = infer->inputs[i];
    if (pairs->rank == 1 && pairs->sizes[0] == pairs_of(self->sizes[0])) continue;
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, i == 0 ? "grad" : "pdist",
                        "expected [%" PRId64 "], one for each pair of rows",
                        pairs_of(self->sizes[0]));
  }
  tn__result_like(&infer->results[0], self);
  infer->results[0].dtype = infer->key;
  return TN_OK;
}

// The first or the second row's number of every pair.
static tn_tensor *rows_of_pairs(tn_tensor *self, bool second) {
  int64_t rows = self->sizes[0];
  tn_tensor *all = tn_ones(TN_SHAPE(rows, rows), .device = tn_tensor_device(self));
  tn_tensor *above = tn_nonzero(tn_triu(all, .diagonal = 1));
  return tn_select(above, 1, second ? 1 : 0);
}

static tn_status pdist_backward_compose(tn_compose *compose) {
  const tn__pdist_backward_attrs *attrs = compose->attrs;
  tn_tensor *const *in = compose->inputs;
  tn_tensor *first = rows_of_pairs(in[1], false), *second = rows_of_pairs(in[1], true);
  tn_tensor *difference =
      tn_sub(tn_index_select(in[1], 0, first), tn_index_select(in[1], 0, second));
  tn_tensor *all = attrs->p == 0 ? tn_mul_scalar(difference, 0)
                                 : slopes(tn_unsqueeze(in[0], -1), difference,
                                          tn_unsqueeze(in[2], -1), attrs->p);
  tn_tensor *whole = tn__zeros_beside(all, tn_tensor_shape(in[1]));
  compose->results[0] = tn_index_add(tn_index_add(whole, 0, first, all), 0, second, tn_neg(all));
  return tn__status_of(compose->results[0]);
}

/// The gradient of `_pdist_forward` with the distances that it gave. grad, pdist: [N (N - 1) / 2];
/// self: [N, M]. Returns [N, M]. errors: as `_pdist_forward`; INVALID_ARGUMENT for shapes.
/// source: ATen `_pdist_backward`.
const tn_op_def tn_op__pdist_backward = {
    .schema = "_pdist_backward(Tensor grad, Tensor self, float p, Tensor pdist) -> Tensor",
    .promote = TN_PROMOTE_COMMON,
    .dtypes = CDIST_DTYPES,
    .infer = pdist_backward_infer,
    .compose = pdist_backward_compose,
};

static tn_status usual_pdist_compose(tn_compose *compose) {
  const tn_pdist_attrs *attrs = compose->attrs;
  compose->results[0] = tn_aten_pdist_forward(compose->inputs[0], .p = TN_FLOAT(attrs->p));
  return tn__status_of(compose->results[0]);
}

/// `_pdist_forward` under its usual name. errors: as there. source: ATen `pdist`.
const tn_op_def tn_op_pdist = {
    .schema = "pdist(Tensor self, float p=2) -> Tensor",
    .compose = usual_pdist_compose,
};
