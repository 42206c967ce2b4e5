// SPDX-License-Identifier: Apache-2.0
//
// matrix_norm: norms of the matrices that two chosen dimensions hold. Sums of rows or columns and
// the Frobenius norm are reductions; the spectral and nuclear norms are made of singular values.

#include <math.h>
#include <string.h>
#include <tenon/ops.h>

#include "linalg.h"
#include "tensor_impl.h"

typedef struct norm {
  tn_tensor *self;
  int64_t rows, cols;  // dims, non-negative
  bool keepdim;
} norm;

// Takes over |self| cast to |dtype|, and two different |dims|.
static tn_status norm_of(tn_compose *compose, tn_ints dims, bool keepdim, tn_dtype dtype,
                         norm *out) {
  tn_tensor *self = compose->inputs[0];
  TN_TRY(tn__expect_matrix(compose->call, self, "self", false));
  if (dims.count != 2) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "dim",
                        "a matrix has two dimensions, not %d", (int)dims.count);
  }
  *out = (norm){self, dims.data[0], dims.data[1], keepdim};
  TN_TRY(tn__canonical_dim(compose->call, "dim", &out->rows, self->rank));
  TN_TRY(tn__canonical_dim(compose->call, "dim", &out->cols, self->rank));
  if (out->rows == out->cols) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "dim", "both are the same dimension");
  }
  if (dtype == TN_DTYPE_NONE || dtype == tn_tensor_dtype(self)) return TN_OK;
  const bool complex_self = tn_dtype_is_complex(tn_tensor_dtype(self));
  const bool fits = complex_self ? tn_dtype_is_complex(dtype)
                                 : tn_dtype_is_floating(dtype) || tn_dtype_is_complex(dtype);
  if (!fits) {
    return tn__op_error(compose->call, TN_INVALID_DTYPE, "dtype",
                        "a norm of %s is not computed in %s", tn_dtype_name(tn_tensor_dtype(self)),
                        tn_dtype_name(dtype));
  }
  out->self = tn_aten_cast(self, dtype);
  return tn__status_of(out->self);
}

// Sums of absolute values along |summed|, the largest (or smallest) of those along |other|.
static tn_tensor *extreme_sum(const norm *n, int64_t summed, int64_t other, bool smallest) {
  tn_tensor *sums = tn_sum_dim(tn_abs(n->self), TN_DIMS(summed), .keepdim = true);
  if (!smallest && n->self->sizes[other] == 0) {  // the largest of no sums is 0
    return tn_sum_dim(sums, TN_DIMS(summed, other), .keepdim = n->keepdim);
  }
  if (smallest) sums = tn_amin(sums, .dim = TN_DIMS(other), .keepdim = true);
  if (!smallest) sums = tn_amax(sums, .dim = TN_DIMS(other), .keepdim = true);
  return n->keepdim ? sums : tn_squeeze_dims(sums, TN_DIMS(summed, other));
}

// The square root of the sum of squares, of elements divided by the largest so that none overflows;
// that factor cancels, so it takes no part in the gradient, which is 0 for a matrix of zeros.
static tn_tensor *frobenius(const norm *n) {
  tn_tensor *sizes = tn_abs(tn_detach(n->self));
  if (sizes == NULL) return NULL;
  if (sizes->numel == 0)
    return tn_sum_dim(n->self, TN_DIMS(n->rows, n->cols), .keepdim = n->keepdim);
  tn_tensor *largest = tn_amax(tn_detach(sizes), .dim = TN_DIMS(n->rows, n->cols), .keepdim = true);
  tn_tensor *usual = tn_logical_and(tn_isfinite(largest), tn_gt_scalar(largest, 0));
  tn_tensor *unit = tn_where_scalar(usual, largest, 1);
  tn_tensor *scaled = tn_div(n->self, unit);
  tn_tensor *sum = tn_sum_dim(tn_mul(scaled, scaled), TN_DIMS(n->rows, n->cols), .keepdim = true);
  tn_tensor *zero = tn_eq_scalar(sum, 0);
  tn_tensor *root = tn_masked_fill_scalar(tn_sqrt(tn_masked_fill_scalar(sum, zero, 1)), zero, 0);
  tn_tensor *whole = tn_mul(root, unit);
  return n->keepdim ? whole : tn_squeeze_dims(whole, TN_DIMS(n->rows, n->cols));
}

// The singular values along the last dimension, the matrices' two dimensions gone.
static tn_tensor *singular_values(const norm *n) {
  int64_t order[TN_MAX_DIMS], place = 0;
  for (int64_t d = 0; d < n->self->rank; d++) {
    if (d != n->rows && d != n->cols) order[place++] = d;
  }
  order[place++] = n->rows;
  order[place++] = n->cols;
  return tn_linalg_svdvals(tn_permute(n->self, tn_ints_of(order, place)));
}

// Puts dimensions of size 1 where the matrices' were.
static tn_tensor *with_dims(const norm *n, tn_tensor *values) {
  if (!n->keepdim) return values;
  const int64_t first = n->rows < n->cols ? n->rows : n->cols;
  const int64_t second = n->rows < n->cols ? n->cols : n->rows;
  return tn_unsqueeze(tn_unsqueeze(values, first), second);
}

static tn_tensor *spectral(const norm *n, bool smallest) {
  tn_tensor *values = singular_values(n);
  if (values == NULL) return NULL;
  if (smallest) return with_dims(n, tn_amin(values, .dim = TN_DIMS(-1)));
  const bool none = values->sizes[values->rank - 1] == 0;  // the largest of no values is 0
  return with_dims(n, none ? tn_sum_dim(values, TN_DIMS(-1)) : tn_amax(values, .dim = TN_DIMS(-1)));
}

static tn_status norm_compose(tn_compose *compose) {
  const tn_linalg_matrix_norm_attrs *attrs = compose->attrs;
  norm n;
  double ord = attrs->ord.kind == TN_SCALAR_FLOAT ? attrs->ord.as.f : (double)attrs->ord.as.i;
  if (attrs->ord.kind == TN_SCALAR_COMPLEX) ord = NAN;
  const double size = fabs(ord);
  if (size != 1 && size != 2 && !isinf(ord)) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "ord",
                        "expected 1, -1, 2, -2, inf or -inf");
  }
  TN_TRY(norm_of(compose, attrs->dim, attrs->keepdim, attrs->dtype, &n));
  if (size == 1) {
    compose->results[0] = extreme_sum(&n, n.rows, n.cols, ord < 0);
  } else if (size == 2) {
    compose->results[0] = spectral(&n, ord < 0);
  } else {
    compose->results[0] = extreme_sum(&n, n.cols, n.rows, ord < 0);
  }
  return tn__status_of(compose->results[0]);
}

/// A norm of the matrices in the two dimensions dim (rows, then columns). ord: 1, the largest sum
/// of a column's absolute values; inf, of a row's; 2, the largest singular value; negative, the
/// smallest of each. self: floating or complex (2 and -2: float32, float64 or complex); cast to
/// dtype first where that is given. Returns self's shape without dim, or with size 1 there under
/// keepdim, real. errors: INVALID_ARGUMENT for ord, a rank below 2, dims that are not two or are
/// the same, no elements to take the smallest of; OUT_OF_RANGE for a dim; INVALID_DTYPE. source:
/// ATen `linalg_matrix_norm`.
// clang-format off
const tn_op_def tn_op_linalg_matrix_norm = {
    .schema = "linalg_matrix_norm(Tensor self, Scalar ord, int[] dim=[-2,-1], bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    // clang-format on
    .forms = TN_FORM_OUT,
    .dtypes = TN_DTYPES_FLOATING,
    .compose = norm_compose,
};

static tn_status named_norm_compose(tn_compose *compose) {
  const tn_linalg_matrix_norm_str_ord_attrs *attrs = compose->attrs;
  const bool nuclear = strcmp(attrs->ord, "nuc") == 0;
  norm n;
  if (!nuclear && strcmp(attrs->ord, "fro") != 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "ord", "'%s' is neither fro nor nuc",
                        attrs->ord);
  }
  TN_TRY(norm_of(compose, attrs->dim, attrs->keepdim, attrs->dtype, &n));
  compose->results[0] =
      nuclear ? with_dims(&n, tn_sum_dim(singular_values(&n), TN_DIMS(-1))) : frobenius(&n);
  return tn__status_of(compose->results[0]);
}

/// A norm of the matrices in the two dimensions dim by its name: fro, the square root of the sum of
/// squared absolute values, without overflow; nuc, the sum of the singular values. The rest as
/// `linalg_matrix_norm`. gradient of fro: self / norm, 0 for zeros.
/// errors: as `linalg_matrix_norm`. source: ATen `linalg_matrix_norm.str_ord`.
// clang-format off
const tn_op_def tn_op_linalg_matrix_norm_str_ord = {
    .schema = "linalg_matrix_norm.str_ord(Tensor self, str ord='fro', int[] dim=[-2,-1], bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    // clang-format on
    .forms = TN_FORM_OUT,
    .dtypes = TN_DTYPES_FLOATING,
    .compose = named_norm_compose,
};
