// SPDX-License-Identifier: Apache-2.0
//
// prod: the product over one dimension or all. The derivative in one factor is the product of the
// others. Dividing the whole product by the factor fails at zeros, so the others are multiplied out
// along a tree: upwards, the two halves of what is left are multiplied until one element remains;
// downwards, what stands outside a half is what stood outside both, times the other half. That is
// linear work for any number of zeros, and products only, so that its own gradients are right too.

#include <tenon/ops.h>

#include "op_def.h"
#include "reduction.h"

static tn_status prod_infer(tn_infer *infer) {
  tn_prod_dim_int_attrs *attrs = infer->attrs;
  const tn_status status = tn__infer_accumulation_dtype(infer, &attrs->dtype);
  if (status != TN_OK) return status;
  return tn__infer_reduction_dim(infer, &attrs->dim, attrs->keepdim);
}

// One level of the tree: [first half][second half][one element left over, for an odd count].
typedef struct tree_level {
  tn_tensor *first, *second, *rest;
  int64_t half;
} tree_level;

enum { MAX_LEVELS = 63 };  // each halves a count of 63 bits

static tree_level split(tn_tensor *factors, int64_t dim, int64_t count) {
  const int64_t half = count / 2;
  return (tree_level){tn_narrow(factors, dim, 0, half), tn_narrow(factors, dim, half, half),
                      count % 2 != 0 ? tn_narrow(factors, dim, 2 * half, 1) : TN_NONE, half};
}

static tn_tensor *level_above(tree_level level, int64_t dim) {
  tn_tensor *products = tn_mul(level.first, level.second);
  if (level.rest == TN_NONE) return products;
  return tn_cat(TN_TENSORS(products, level.rest), .dim = dim);
}

// |outside| holds, for each element of the level above, the gradient times all other elements.
static tn_tensor *outside_below(tn_tensor *outside, tree_level level, int64_t dim) {
  if (level.rest == TN_NONE) {
    return tn_cat(TN_TENSORS(tn_mul(outside, level.second), tn_mul(outside, level.first)),
                  .dim = dim);
  }
  tn_tensor *pairs = tn_narrow(outside, dim, 0, level.half);
  tn_tensor *rest = tn_narrow(outside, dim, level.half, 1);
  return tn_cat(TN_TENSORS(tn_mul(pairs, level.second), tn_mul(pairs, level.first), rest),
                .dim = dim);
}

// The gradient of the product of |factors| along |dim|, where |grad| has size 1.
static tn_tensor *tree_gradient(tn_tensor *grad, tn_tensor *factors, int64_t dim) {
  tree_level levels[MAX_LEVELS];
  int32_t depth = 0;
  for (int64_t count = tn_tensor_size(factors, dim); count > 1; count = count / 2 + count % 2) {
    levels[depth] = split(factors, dim, count);
    factors = level_above(levels[depth++], dim);
  }
  tn_tensor *outside = grad;
  while (depth > 0) outside = outside_below(outside, levels[--depth], dim);
  return outside;
}

static tn_status prod_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {
  const tn_prod_dim_int_attrs *attrs = tn_vjp_attrs(vjp);
  tn_tensor *self = tn_vjp_input(vjp, 0);
  const tn_ints dims = {&attrs->dim, 1};
  if (tn_tensor_ndim(self) == 0) {
    grad_in[0] = grad_out[0];
  } else if (tn_tensor_numel(self) == 0) {
    grad_in[0] = tn_zeros_like(self);
  } else {
    tn_tensor *grad = tn__with_reduced_dims(vjp, grad_out[0], dims, attrs->keepdim);
    // Multiplied in the dtype that the product was computed in.
    tn_tensor *factors = tn_to(self, TN_DEVICE_DEFAULT, attrs->dtype);
    grad_in[0] = tree_gradient(grad, factors, attrs->dim);
  }
  return TN_OK;
}

/// The product over the dimension dim; 1 over no elements.
/// self: any shape, any real dtype; dim in [-ndim, ndim). Returns self's shape without dim, or with
/// size 1 there under keepdim, in dtype; where that is not given, in self's dtype, integers and
/// bool in int64. gradient: the product of the other elements, zeros included. errors: OUT_OF_RANGE
/// for dim, INVALID_DTYPE for complex. source: ATen `prod.dim_int`.
const tn_op_def tn_op_prod_dim_int = {
    // clang-format off
    .schema = "prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_REDUCTION,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_REAL,
    .infer = prod_infer,
    .saves = {TN_SAVE_INPUT(0)},
    .save_count = 1,
    .vjp = prod_vjp,
    .identity = 1,
    .has_identity = true,
};

static tn_status prod_all_compose(tn_compose *compose) {
  const tn_prod_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  tn_tensor *flat = tn_reshape(self, TN_SHAPE(tn_tensor_numel(self)));
  compose->results[0] = tn_prod_dim(flat, 0, .dtype = attrs->dtype);
  return TN_OK;
}

/// The product of all elements. As `prod.dim_int`. source: ATen `prod`.
const tn_op_def tn_op_prod = {
    .schema = "prod(Tensor self, *, ScalarType? dtype=None) -> Tensor",
    .compose = prod_all_compose,
};
