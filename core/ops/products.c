// SPDX-License-Identifier: Apache-2.0
//
// products: outer, inner and cross products, contractions and powers, all written with the products
// of matrix and elementwise multiplication. Their gradients are those of the parts.

#include <inttypes.h>
#include <tenon/ops.h>

#include "linalg.h"
#include "pointwise.h"
#include "tensor_impl.h"

static tn_status expect_vectors(tn_compose *compose, const char *second) {
  for (int32_t i = 0; i < 2; i++) {
    if (compose->inputs[i]->rank == 1) continue;
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, i == 0 ? "self" : second,
                        "expected 1 dimension, not %d", (int)compose->inputs[i]->rank);
  }
  return TN_OK;
}

static tn_status outer_compose(tn_compose *compose) {
  TN_TRY(expect_vectors(compose, "vec2"));
  compose->results[0] = tn_mul(tn_unsqueeze(compose->inputs[0], 1), compose->inputs[1]);
  return tn__status_of(compose->results[0]);
}

/// result[i, j] = self[i] vec2[j]. self: [n]; vec2: [m]; dtypes promote. Returns [n, m].
/// errors: INVALID_ARGUMENT unless both have 1 dimension. source: ATen `outer`.
const tn_op_def tn_op_outer = {
    .schema = "outer(Tensor self, Tensor vec2) -> Tensor",
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .compose = outer_compose,
};

static tn_status vdot_compose(tn_compose *compose) {
  TN_TRY(expect_vectors(compose, "other"));
  compose->results[0] = tn_dot(tn__conjugated(compose->inputs[0]), compose->inputs[1]);
  return tn__status_of(compose->results[0]);
}

/// The sum of conj(self) * other. self, other: [n]; dtypes promote. Returns a 0-dim tensor.
/// errors: INVALID_ARGUMENT for ranks or sizes. source: ATen `vdot`.
const tn_op_def tn_op_vdot = {
    .schema = "vdot(Tensor self, Tensor other) -> Tensor",
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .compose = vdot_compose,
};

// Refuses operands whose dimension |dim| of the broadcast shape differs, since a size of 1 there
// is no vector to repeat.
static tn_status expect_same_length(tn_compose *compose, const char *argument, int64_t dim) {
  const tn_tensor *a = compose->inputs[0], *b = compose->inputs[1];
  const int64_t at_a = dim < 0 ? dim + a->rank : dim, at_b = dim < 0 ? dim + b->rank : dim;
  if (a->sizes[at_a] == b->sizes[at_b]) return TN_OK;
  return tn__op_error(compose->call, TN_INVALID_ARGUMENT, argument,
                      "vectors of %" PRId64 " and of %" PRId64 " elements", a->sizes[at_a],
                      b->sizes[at_b]);
}

static tn_status vecdot_compose(tn_compose *compose) {
  const tn_linalg_vecdot_attrs *attrs = compose->attrs;
  tn_tensor *x = compose->inputs[0], *y = compose->inputs[1];
  const int32_t rank = x->rank > y->rank ? x->rank : y->rank;
  const int32_t least = x->rank < y->rank ? x->rank : y->rank;
  int64_t dim = attrs->dim;
  if (least == 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, x->rank == 0 ? "x" : "y",
                        "a 0-dim tensor is no vector");
  }
  TN_TRY(tn__canonical_dim(compose->call, "dim", &dim, rank));
  if (rank - dim > least) {
    return tn__op_error(compose->call, TN_OUT_OF_RANGE, "dim",
                        "%" PRId64 " is not a dimension of both operands", attrs->dim);
  }
  dim -= rank;
  TN_TRY(expect_same_length(compose, "y", dim));
  tn_tensor *terms = tn_mul(tn__conjugated(x), y);
  if (terms == NULL) return tn__status_of(NULL);
  compose->results[0] = tn_sum_dim(terms, TN_DIMS(dim), .dtype = tn_tensor_dtype(terms));
  return tn__status_of(compose->results[0]);
}

/// The sum of conj(x) * y along dim. x, y: any shapes that broadcast and have equal sizes along
/// dim; numbers; dtypes promote. Returns the broadcast shape without dim.
/// errors: INVALID_ARGUMENT for shapes; OUT_OF_RANGE for dim; INVALID_DTYPE for bool.
/// source: ATen `linalg_vecdot`.
const tn_op_def tn_op_linalg_vecdot = {
    .schema = "linalg_vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor",
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS | TN_DTYPES_COMPLEX,
    .compose = vecdot_compose,
};

// ---- cross products

// |vectors| turned by |by| places along |dim|, of size 3.
static tn_tensor *turned(tn_tensor *vectors, int64_t dim, int64_t by) {
  tn_tensor *first = tn_narrow(vectors, dim, by, 3 - by), *rest = tn_narrow(vectors, dim, 0, by);
  if (first == NULL || rest == NULL) return NULL;
  return tn_cat(TN_TENSORS(first, rest), .dim = dim);
}

static tn_status cross_along(tn_compose *compose, int64_t dim) {
  tn_tensor *a = compose->inputs[0], *b = compose->inputs[1];
  for (int32_t i = 0; i < 2; i++) {
    const int64_t size = compose->inputs[i]->sizes[dim];
    if (size == 3) continue;
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, i == 0 ? "self" : "other",
                        "size 3 is needed along dim, not %" PRId64, size);
  }
  compose->results[0] = tn_sub(tn_mul(turned(a, dim, 1), turned(b, dim, 2)),
                               tn_mul(turned(a, dim, 2), turned(b, dim, 1)));
  return tn__status_of(compose->results[0]);
}

static tn_status expect_same_rank(tn_compose *compose) {
  const int32_t rank = compose->inputs[0]->rank, other = compose->inputs[1]->rank;
  if (rank == other && rank > 0) return TN_OK;
  return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "other",
                      "both operands must have the same number of dimensions, at least 1: %d and "
                      "%d",
                      (int)rank, (int)other);
}

static tn_status linalg_cross_compose(tn_compose *compose) {
  const tn_linalg_cross_attrs *attrs = compose->attrs;
  int64_t dim = attrs->dim;
  TN_TRY(expect_same_rank(compose));
  TN_TRY(tn__canonical_dim(compose->call, "dim", &dim, compose->inputs[0]->rank));
  return cross_along(compose, dim);
}

/// The cross product of vectors of 3 elements along dim. self, other: shapes of one rank that
/// broadcast, with size 3 along dim; numbers; dtypes promote. Returns the broadcast shape.
/// errors: INVALID_ARGUMENT for shapes; OUT_OF_RANGE for dim; INVALID_DTYPE for bool.
/// source: ATen `linalg_cross`.
const tn_op_def tn_op_linalg_cross = {
    .schema = "linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor",
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS | TN_DTYPES_COMPLEX,
    .compose = linalg_cross_compose,
};

static tn_status cross_compose(tn_compose *compose) {
  const tn_cross_attrs *attrs = compose->attrs;
  TN_TRY(expect_same_rank(compose));
  const tn_tensor *self = compose->inputs[0];
  int64_t dim = 0;
  if (attrs->dim.present) {
    dim = attrs->dim.value;
    TN_TRY(tn__canonical_dim(compose->call, "dim", &dim, self->rank));
    return cross_along(compose, dim);
  }
  while (dim < self->rank && self->sizes[dim] != 3) dim++;
  if (dim == self->rank) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "self", "no dimension has size 3");
  }
  return cross_along(compose, dim);
}

/// The cross product along dim; without dim along the first dimension of size 3. As linalg_cross.
/// source: ATen `cross`.
const tn_op_def tn_op_cross = {
    .schema = "cross(Tensor self, Tensor other, int? dim=None) -> Tensor",
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS | TN_DTYPES_COMPLEX,
    .compose = cross_compose,
};

// ---- contractions

// |tensor| as a matrix: what is contracted last (or, |first|, first), in the order of |dims|; what
// is left goes to |left|.
static tn_tensor *as_matrix(tn_tensor *tensor, tn_ints dims, uint32_t contracted, bool first,
                            int64_t *left, int32_t *left_rank) {
  int64_t order[TN_MAX_DIMS], rows = 1, cols = 1, place = 0;
  for (int64_t i = 0; first && i < dims.count; i++) order[place++] = dims.data[i];
  *left_rank = 0;
  for (int32_t d = 0; d < tensor->rank; d++) {
    if ((contracted >> d) & 1) {
      cols *= tensor->sizes[d];
      continue;
    }
    order[place++] = d;
    rows *= tensor->sizes[d];
    left[(*left_rank)++] = tensor->sizes[d];
  }
  for (int64_t i = 0; !first && i < dims.count; i++) order[place++] = dims.data[i];
  tn_tensor *ordered = tn_permute(tensor, tn_ints_of(order, place));
  return tn_reshape(ordered, first ? TN_SHAPE(cols, rows) : TN_SHAPE(rows, cols));
}

// Dims in the order given, non-negative; |mask| their set.
static tn_status contracted_dims(tn_compose *compose, const char *argument, tn_ints dims,
                                 int32_t rank, int64_t *to, uint32_t *mask) {
  *mask = 0;
  if (dims.count > TN_MAX_DIMS) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, argument, "too many dims");
  }
  for (int64_t i = 0; i < dims.count; i++) {
    to[i] = dims.data[i];
    TN_TRY(tn__canonical_dim(compose->call, argument, &to[i], rank));
    if (rank == 0 || ((*mask >> to[i]) & 1)) {
      return tn__op_error(
          compose->call, TN_INVALID_ARGUMENT, argument,
          rank == 0 ? "a 0-dim tensor has no dimension to contract" : "a dimension is named twice");
    }
    *mask |= 1u << to[i];
  }
  return TN_OK;
}

static tn_status tensordot_compose(tn_compose *compose) {
  const tn_tensordot_attrs *attrs = compose->attrs;
  tn_tensor *a = compose->inputs[0], *b = compose->inputs[1];
  const int64_t count = attrs->dims_self.count;
  int64_t dims_a[TN_MAX_DIMS], dims_b[TN_MAX_DIMS], left[2 * TN_MAX_DIMS];
  uint32_t mask_a, mask_b;
  int32_t rank_a, rank_b;
  if (count != attrs->dims_other.count) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "dims_other",
                        "%" PRId64 " dims against %" PRId64 " of self", attrs->dims_other.count,
                        count);
  }
  TN_TRY(contracted_dims(compose, "dims_self", attrs->dims_self, a->rank, dims_a, &mask_a));
  TN_TRY(contracted_dims(compose, "dims_other", attrs->dims_other, b->rank, dims_b, &mask_b));
  for (int64_t i = 0; i < count; i++) {
    const int64_t in_a = a->sizes[dims_a[i]], in_b = b->sizes[dims_b[i]];
    if (in_a == in_b) continue;
    if (in_a != 1 && in_b != 1) {
      return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "dims_other",
                          "contracted sizes differ: %" PRId64 " and %" PRId64, in_a, in_b);
    }
    // A size of 1 broadcasts, so the other side is summed first.
    tn_tensor **summed = in_a == 1 ? &b : &a;
    const int64_t dim = in_a == 1 ? dims_b[i] : dims_a[i];
    *summed = tn_sum_dim(*summed, TN_DIMS(dim), .keepdim = true, .dtype = tn_tensor_dtype(*summed));
    TN_TRY(tn__status_of(*summed));
  }
  tn_tensor *rows = as_matrix(a, tn_ints_of(dims_a, count), mask_a, false, left, &rank_a);
  tn_tensor *cols = as_matrix(b, tn_ints_of(dims_b, count), mask_b, true, left + rank_a, &rank_b);
  if (rank_a + rank_b > TN_MAX_DIMS) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "other", "too many dimensions");
  }
  compose->results[0] = tn_reshape(tn_mm(rows, cols), tn_ints_of(left, rank_a + rank_b));
  return tn__status_of(compose->results[0]);
}

/// The contraction over pairs of dimensions: the sum over all of dims_self of self and, in the same
/// order, dims_other of other; a size of 1 broadcasts. dtypes promote, numbers. Returns self's
/// other dimensions, then other's. errors: INVALID_ARGUMENT for sizes, a repeated dim or lists of
/// unequal length; OUT_OF_RANGE for a dim; INVALID_DTYPE for bool. source: ATen `tensordot`.
// clang-format off
const tn_op_def tn_op_tensordot = {
    .schema = "tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor",
    // clang-format on
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN__DTYPES_NUMBERS | TN_DTYPES_COMPLEX,
    .compose = tensordot_compose,
};

// ---- powers

static tn_tensor *power_of(tn_tensor *base, uint64_t n) {
  tn_tensor *result = NULL;
  for (;; n >>= 1) {
    if (base == NULL) return NULL;
    if (n & 1) result = result == NULL ? base : tn_matmul(result, base);
    if (n <= 1) return result;
    base = tn_matmul(base, base);
  }
}

static tn_status matrix_power_compose(tn_compose *compose) {
  const tn_linalg_matrix_power_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  TN_TRY(tn__expect_matrix(compose->call, self, "self", true));
  const int64_t n = attrs->n;
  if (n == 0) {
    tn_tensor *identity =
        tn_eye(self->sizes[self->rank - 1], .dtype = tn_tensor_dtype(self), .device = self->device);
    compose->results[0] = tn_clone(tn_expand(identity, tn_ints_of(self->sizes, self->rank)));
  } else if (n == 1) {
    compose->results[0] = tn_clone(self);
  } else if (n > 0) {
    compose->results[0] = power_of(self, (uint64_t)n);
  } else {
    compose->results[0] = power_of(tn_linalg_inv(self), 0 - (uint64_t)n);
  }
  return tn__status_of(compose->results[0]);
}

/// The matrices times themselves n times, by squaring; for a negative n the power of the inverse.
/// self: [*, k, k], numbers; n below 0 needs float32, float64 or complex. Returns self's shape;
/// identities for n = 0. errors: INVALID_ARGUMENT unless square; INVALID_DTYPE; NO_SOLUTION for a
/// singular matrix and a negative n. source: ATen `linalg_matrix_power`.
const tn_op_def tn_op_linalg_matrix_power = {
    .schema = "linalg_matrix_power(Tensor self, int n) -> Tensor",
    .forms = TN_FORM_OUT,
    .dtypes = TN__DTYPES_NUMBERS | TN_DTYPES_COMPLEX,
    .compose = matrix_power_compose,
};
