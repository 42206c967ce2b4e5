// SPDX-License-Identifier: Apache-2.0
//
// Calls that write into tensors that exist: what may be cast, what may overlap, what is refused,
// and what happens to the history of a tensor, of its base and of its other views.

#include "tensor_test.h"

static tn_tensor *leaf_of(tn_ints shape, const double *values) {
  tn_tensor *leaf = doubles(shape, values);
  tn_requires_grad_(leaf, true);
  return leaf;
}

// ---- results and dtypes ------------------------------------------------------------------------

TN_TEST(inplace, writes_into_the_same_memory) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(3), (double[]){1, 2, 3});
  const void *memory = tn_tensor_const_data(x);
  cr_assert_eq(tn_add_(x, x), TN_OK);
  cr_assert_eq(tn_mul_(x, doubles(TN_SHAPE(1), (double[]){3})), TN_OK);
  cr_assert_eq(tn_sub_scalar_(x, 6), TN_OK);
  cr_assert_eq(tn_clamp_(x, .max = TN_SCALAR(10)), TN_OK);
  cr_assert_eq(tn_neg_(x), TN_OK);
  expect_exactly(x, -0.0, -6, -10);
  cr_assert_eq(tn_tensor_const_data(x), memory);
  tn_scope_close(scope);
}

TN_TEST(inplace, computes_in_the_promoted_dtype_and_casts_back) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *small = tn_full(TN_SHAPE(2), 100, .dtype = TN_I8);
  tn_tensor *wide = tn_full(TN_SHAPE(2), 1000, .dtype = TN_I32);
  cr_assert_eq(tn_sub_(small, wide), TN_OK);
  expect_exactly(small, 124, 124);  // -900 in eight bits
  tn_tensor *real = tn_full(TN_SHAPE(2), 0.5, .dtype = TN_F32);
  cr_assert_eq(tn_add_(real, tn_full(TN_SHAPE(2), 0.25, .dtype = TN_F64)), TN_OK);
  cr_assert_eq(tn_tensor_dtype(real), TN_F32);
  expect_exactly(real, 0.75, 0.75);
  cr_assert_eq(tn_add_(real, wide), TN_OK);
  expect_exactly(real, 1000.75, 1000.75);
  tn_scope_close(scope);
}

TN_TEST(inplace, refuses_a_result_of_a_higher_category) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *whole = tn_ones(TN_SHAPE(2), .dtype = TN_I64);
  tn_tensor *truth = tn_gt_scalar(whole, 0);
  tn_tensor *real = tn_ones(TN_SHAPE(2));
  cr_assert_eq(tn_add_(whole, real), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "float32");
  cr_assert_eq(tn_add_scalar_(whole, 0.5), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "int64");
  cr_assert_eq(tn_div_(whole, whole), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "");
  cr_assert_eq(tn_sqrt_(whole), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "");
  cr_assert_eq(tn_add_(truth, whole), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "bool");
  cr_assert_eq(tn_add_(real, tn_full(TN_SHAPE(2), 1.0 * I)), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "complex64");
  expect_exactly(whole, 1, 1);
  cr_assert_eq(tn_gt_scalar_(real, 0), TN_OK, "a truth value fits into a float");
  expect_exactly(real, 1, 1);
  tn_scope_close(scope);
}

TN_TEST(inplace, comparison_into_its_operand_keeps_the_dtype) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(3), (double[]){1, 5, 9});
  cr_assert_eq(tn_lt_scalar_(x, 6), TN_OK);
  cr_assert_eq(tn_tensor_dtype(x), TN_F64);
  expect_exactly(x, 1, 1, 0);
  tn_scope_close(scope);
}

TN_TEST(inplace, does_not_grow_self) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *row = tn_ones(TN_SHAPE(3)), *grid = tn_ones(TN_SHAPE(2, 3));
  cr_assert_eq(tn_add_(row, grid), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "[2, 3]");
  cr_assert_eq(tn_add_(tn_ones(TN_SHAPE(1)), row), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "[3]");
  cr_assert_eq(tn_add_(tn_ones(TN_SHAPE_SCALAR), tn_ones(TN_SHAPE(1))), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_add_(grid, row), TN_OK);
  expect_exactly(grid, 2, 2, 2, 2, 2, 2);
  tn_scope_close(scope);
}

// ---- out forms ---------------------------------------------------------------------------------

TN_TEST(out, writes_the_given_tensor_and_casts) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = doubles(TN_SHAPE(3), (double[]){1, 4, 9});
  tn_tensor *out = tn_empty(TN_SHAPE(3), .dtype = TN_F32);
  cr_assert_eq(tn_sqrt_out(out, a), TN_OK);
  expect_exactly(out, 1, 2, 3);
  cr_assert_eq(tn_sum_dim_out(tn_select(out, 0, 1), a, TN_DIMS(0)), TN_OK);
  expect_exactly(out, 1, 14, 3);
  tn_tensor *column = tn_select(tn_zeros(TN_SHAPE(3, 2), .dtype = TN_F64), 1, 1);
  cr_assert_eq(tn_mul_out(column, a, a), TN_OK);
  expect_exactly(column, 1, 16, 81);
  cr_assert_eq(tn_add_out(tn_empty(TN_SHAPE(3), .dtype = TN_I64), a, a), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "int64");
  cr_assert_eq(tn_add_out(tn_empty(TN_SHAPE(4)), a, a), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "[3]");
  cr_assert_eq(tn_add_out(TN_NONE, a, a), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_add_out(NULL, a, a), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "out");
  tn_scope_close(scope);
}

TN_TEST(out, may_be_an_operand) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = doubles(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4});
  cr_assert_eq(tn_add_out(a, a, a), TN_OK);
  expect_exactly(a, 2, 4, 6, 8);
  cr_assert_eq(tn_mul_out(a, a, tn_t(a)), TN_OK);
  expect_exactly(a, 4, 24, 24, 64);
  tn_scope_close(scope);
}

TN_TEST(out, records_no_gradient_and_says_so) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(1), (double[]){2});
  tn_tensor *out = tn_empty(TN_SHAPE(1), .dtype = TN_F64);
  cr_assert_eq(tn_exp_out(out, leaf), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "gradient");
  tn_grad_mode_set(false);
  cr_assert_eq(tn_square_out(out, leaf), TN_OK);
  tn_grad_mode_set(true);
  expect_exactly(out, 4);
  tn_scope_close(scope);
}

// ---- overlap -----------------------------------------------------------------------------------

TN_TEST(overlap, of_an_operand_with_the_result_reads_the_old_values) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_arange_step(1, 6, .dtype = TN_F64);  // 1 2 3 4 5
  tn_tensor *head = tn_slice(x, .end = TN_INT(4)), *tail = tn_slice(x, .start = TN_INT(1));
  cr_assert_eq(tn_add_(tail, head), TN_OK);
  expect_exactly(x, 1, 3, 5, 7, 9);
  cr_assert_eq(tn_add_(head, tail), TN_OK);
  expect_exactly(x, 4, 8, 12, 16, 9);
  cr_assert_eq(tn_copy_(tail, head), TN_OK);
  expect_exactly(x, 4, 4, 8, 12, 16);
  cr_assert_eq(tn_copy_(x, tn_slice(x, .step = TN_INT(-1))), TN_OK);
  expect_exactly(x, 16, 12, 8, 4, 4);
  cr_assert_eq(tn_sub_(x, tn_select(x, 0, 0)), TN_OK);
  expect_exactly(x, 0, -4, -8, -12, -12);
  tn_scope_close(scope);
}

TN_TEST(overlap, with_the_transpose_reads_the_old_values) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_reshape(tn_arange(9, .dtype = TN_F64), TN_SHAPE(3, 3));
  cr_assert_eq(tn_add_(x, tn_t(x)), TN_OK);
  expect_exactly(x, 0, 4, 8, 4, 8, 12, 8, 12, 16);
  tn_tensor *y = tn_reshape(tn_arange(9, .dtype = TN_F64), TN_SHAPE(3, 3));
  cr_assert_eq(tn_copy_(y, tn_t(y)), TN_OK);
  expect_exactly(y, 0, 3, 6, 1, 4, 7, 2, 5, 8);
  tn_scope_close(scope);
}

TN_TEST(overlap, of_a_reduction_with_its_result_reads_the_old_values) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_reshape(tn_arange(6, .dtype = TN_F64), TN_SHAPE(2, 3));
  cr_assert_eq(tn_sum_dim_out(tn_select(x, 0, 0), x, TN_DIMS(0)), TN_OK);
  expect_exactly(x, 3, 5, 7, 3, 4, 5);
  cr_assert_eq(tn_scatter_add_(x, 0, tn_zeros(TN_SHAPE(2, 3), .dtype = TN_I64), x), TN_OK);
  expect_exactly(x, 9, 14, 19, 3, 4, 5);
  tn_scope_close(scope);
}

TN_TEST(overlap, large_enough_for_threads_reads_the_old_values) {
  tn_scope *scope = tn_scope_open();
  enum { COUNT = 300001 };
  tn_tensor *x = tn_arange(COUNT, .dtype = TN_F64);
  cr_assert_eq(tn_add_(tn_slice(x, .start = TN_INT(1)), tn_slice(x, .end = TN_INT(COUNT - 1))),
               TN_OK);
  tn_tensor *expected = tn_sub_scalar(tn_mul_scalar(tn_arange(COUNT, .dtype = TN_F64), 2), 1);
  cr_assert_eq(tn_fill_(tn_select(expected, 0, 0), 0), TN_OK);
  cr_assert_eq(tn_item(tn_sum(tn_ne(x, expected))), 0.0);
  tn_scope_close(scope);
}

TN_TEST(overlap, of_a_result_with_itself_is_refused) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *one = tn_ones(TN_SHAPE(1), .dtype = TN_F64);
  tn_tensor *wide = tn_expand(one, TN_SHAPE(4));
  cr_assert_eq(tn_add_scalar_(wide, 1), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "expand");
  cr_assert_eq(tn_fill_(wide, 1), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_copy_(wide, tn_ones(TN_SHAPE(4))), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_add_out(wide, tn_ones(TN_SHAPE(4)), one), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_tensor *windows = tn_as_strided(tn_arange(6, .dtype = TN_F64), TN_SHAPE(3, 3), TN_INTS(1, 1));
  cr_assert_eq(tn_mul_scalar_(windows, 2), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_copy_(windows, tn_ones(TN_SHAPE(3, 3))), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  expect_exactly(one, 1);
  tn_scope_close(scope);
}

// ---- what autograd refuses ---------------------------------------------------------------------

TN_TEST(inplace_autograd, leaf_that_requires_a_gradient_is_refused) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){1, 2});
  cr_assert_eq(tn_add_scalar_(leaf, 1), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "leaf");
  cr_assert_eq(tn_fill_(leaf, 1), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "leaf");
  cr_assert_eq(tn_copy_(leaf, tn_ones(TN_SHAPE(2))), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "leaf");
  tn_tensor *view = tn_select(leaf, 0, 0);
  cr_assert_eq(tn_add_scalar_(view, 1), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "leaf");
  expect_exactly(leaf, 1, 2);
  tn_grad_mode_set(false);
  cr_assert_eq(tn_add_scalar_(leaf, 1), TN_OK);
  cr_assert_eq(tn_mul_scalar_(view, 5), TN_OK);
  tn_grad_mode_set(true);
  expect_exactly(leaf, 10, 3);
  cr_assert(tn_is_leaf(leaf));
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, on_a_view_from_a_list_is_refused_or_differentiated) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(4), (double[]){1, 2, 3, 4});
  tn_tensor *x = tn_mul_scalar(leaf, 2);
  tn_list *halves = tn_split(x, 2);
  tn_status status = tn_mul_scalar_(tn_list_at(halves, 0), 3);
  if (status == TN_OK) {
    expect_exactly(x, 6, 12, 6, 8);
    cr_assert_eq(tn_backward(tn_sum(tn_mul(x, x))), TN_OK);
    expect_exactly(tn_tensor_grad(leaf), 72, 144, 24, 32);  // d (6 w)^2, then d (2 w)^2
  } else {
    expect_error(TN_WRONG_STATE, "");
  }
  tn_scope_close(scope);
}

// ---- histories ---------------------------------------------------------------------------------

TN_TEST(inplace_autograd, on_a_result_continues_its_history) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *x = tn_mul_scalar(leaf, 3);
  cr_assert_eq(tn_add_scalar_(x, 1), TN_OK);
  cr_assert_eq(tn_mul_(x, x), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(x)), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 24, 42);  // d (3 w + 1)^2 = 6 (3 w + 1)
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, that_saves_its_result_is_right) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){0.5, -1});
  tn_tensor *x = tn_mul_scalar(leaf, 2);
  cr_assert_eq(tn_exp_(x), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(x)), TN_OK);
  expect_values(tn_tensor_grad(leaf), (double[]){2 * exp(1), 2 * exp(-2)}, 2, 1e-12);
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, with_an_operand_makes_a_constant_require_a_gradient) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *x = tn_ones(TN_SHAPE(2), .dtype = TN_F64);
  cr_assert_eq(tn_mul_(x, leaf), TN_OK);
  cr_assert(tn_requires_grad(x));
  cr_assert_not(tn_is_leaf(x));
  cr_assert_eq(tn_backward(tn_sum(tn_mul(x, x))), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 2, 4);
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, through_a_view_rewrites_the_base) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(3), (double[]){1, 2, 3});
  tn_tensor *base = tn_mul_scalar(leaf, 2);
  tn_tensor *view = tn_slice(base, .end = TN_INT(2));
  cr_assert_eq(tn_mul_scalar_(view, 5), TN_OK);
  expect_exactly(base, 10, 20, 6);
  cr_assert_eq(tn_backward(tn_sum(base)), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 10, 10, 2);
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, sibling_views_follow_the_base) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4});
  tn_tensor *base = tn_mul_scalar(leaf, 1);
  tn_tensor *row = tn_select(base, 0, 0), *turned = tn_t(base), *column = tn_select(base, 1, 1);
  cr_assert_eq(tn_mul_(row, row), TN_OK);  // [1, 4]
  expect_exactly(turned, 1, 3, 4, 4);
  expect_exactly(column, 4, 4);
  cr_assert_eq(tn_backward(tn_sum(tn_mul(column, column)), .retain_graph = true), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 0, 32, 0, 8);  // d (w^2)^2 = 4 w^3 at 2; d w^2 at 4
  tn_set_grad(leaf, NULL);
  cr_assert_eq(tn_backward(tn_sum(turned)), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 2, 4, 1, 1);
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, views_of_views_follow_the_base) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4});
  tn_tensor *base = tn_mul_scalar(leaf, 1);
  tn_tensor *cell = tn_select(tn_t(base), 0, 1);  // column 1
  tn_tensor *last = tn_select(cell, 0, 1);        // element [1, 1]
  cr_assert_eq(tn_mul_scalar_(base, 3), TN_OK);
  cr_assert_eq(tn_add_(last, last), TN_OK);
  expect_exactly(base, 3, 6, 9, 24);
  cr_assert_eq(tn_backward(tn_sum(cell)), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 0, 3, 0, 6);
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, a_view_of_a_constant_base_learns_of_its_new_history) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *base = tn_zeros(TN_SHAPE(4), .dtype = TN_F64);
  tn_tensor *before = tn_slice(base, .step = TN_INT(2));
  cr_assert_eq(tn_copy_(tn_slice(base, .start = TN_INT(2)), leaf), TN_OK);
  cr_assert(tn_requires_grad(base));
  cr_assert(tn_requires_grad(before));
  cr_assert_not(tn_is_leaf(before));
  cr_assert_neq(strlen(tn_grad_fn(before)), 0);
  expect_exactly(before, 0, 1);
  cr_assert_eq(tn_backward(tn_sum(tn_mul(before, before))), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 2, 0);
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, copy_fill_and_masked_fill_have_gradients) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(3), (double[]){1, 2, 3});
  tn_tensor *source = leaf_of(TN_SHAPE(1), (double[]){7});
  tn_tensor *x = tn_mul_scalar(leaf, 2);
  cr_assert_eq(tn_fill_(tn_select(x, 0, 0), 9), TN_OK);
  cr_assert_eq(tn_copy_(tn_slice(x, .start = TN_INT(2)), source), TN_OK);
  expect_exactly(x, 9, 4, 7);
  cr_assert_eq(tn_backward(tn_sum(tn_mul(x, x))), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 0, 16, 0);
  expect_exactly(tn_tensor_grad(source), 14);
  tn_set_grad(leaf, NULL);
  tn_tensor *y = tn_mul_scalar(leaf, 2);
  cr_assert_eq(tn_masked_fill_scalar_(y, tn_gt_scalar(leaf, 1.5), 5), TN_OK);
  expect_exactly(y, 2, 5, 5);
  cr_assert_eq(tn_backward(tn_sum(y)), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 2, 0, 0);
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, with_a_cast_casts_the_gradient_back) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *x = tn_ones(TN_SHAPE(2), .dtype = TN_F32);
  cr_assert_eq(tn_mul_(x, leaf), TN_OK);
  cr_assert_eq(tn_tensor_dtype(x), TN_F32);
  cr_assert_eq(tn_backward(tn_sum(tn_mul(x, x))), TN_OK);
  cr_assert_eq(tn_tensor_dtype(tn_tensor_grad(leaf)), TN_F64);
  expect_exactly(tn_tensor_grad(leaf), 2, 4);
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, second_gradient_goes_through_it) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(1), (double[]){2});
  tn_tensor *base = tn_mul(leaf, leaf);
  cr_assert_eq(tn_mul_(tn_select(base, 0, 0), tn_select(leaf, 0, 0)), TN_OK);  // w^3
  tn_list *first = tn_grad(TN_TENSORS(tn_sum(base)), TN_TENSORS(leaf), .create_graph = true);
  expect_exactly(tn_list_at(first, 0), 12);
  tn_list *second = tn_grad(TN_TENSORS(tn_sum(tn_list_at(first, 0))), TN_TENSORS(leaf));
  expect_exactly(tn_list_at(second, 0), 12);
  tn_scope_close(scope);
}

TN_TEST(inplace_autograd, refuses_views_of_a_base_with_gaps_and_changes_nothing) {
  tn_scope *scope = tn_scope_open();
  double data[] = {1, 2, 3, 4, 5, 6};
  tn_tensor *base = tn_from_blob(data, TN_SHAPE(3), TN_INTS(2), TN_F64, NULL, NULL);
  tn_tensor *leaf = leaf_of(TN_SHAPE(1), (double[]){7});
  cr_assert_eq(tn_add_(tn_slice(base, .end = TN_INT(1)), leaf), TN_UNIMPLEMENTED);
  expect_error(TN_UNIMPLEMENTED, "clone the base");
  cr_assert_eq(data[0], 1.0);
  tn_scope_close(scope);
}

// ---- version counters --------------------------------------------------------------------------

TN_TEST(version_counter, error_names_both_operators) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *x = tn_mul_scalar(leaf, 2);
  tn_tensor *y = tn_sin(x);
  cr_assert_eq(tn_mul_scalar_(x, 3), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(y)), TN_WRONG_STATE);
  cr_assert_not_null(strstr(tn_error_peek()->message, "'mul_.Scalar'"), "%s",
                     tn_error_peek()->message);
  expect_error(TN_WRONG_STATE, "sin");
  cr_assert_null(tn_tensor_grad(leaf));
  tn_scope_close(scope);
}

TN_TEST(version_counter, catches_changes_through_views_and_of_saved_results) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *y = tn_exp(leaf);
  tn_tensor *loss = tn_sum(tn_mul_scalar(y, 1));
  cr_assert_eq(tn_add_scalar_(tn_select(tn_detach(y), 0, 0), 1), TN_OK);
  cr_assert_eq(tn_backward(loss), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "exp");
  tn_tensor *constant = tn_ones(TN_SHAPE(2), .dtype = TN_F64);
  tn_tensor *product = tn_mul(leaf, constant);
  *(double *)tn_tensor_data(constant) = 5;
  cr_assert_eq(tn_backward(tn_sum(product)), TN_WRONG_STATE);
  cr_assert_not_null(strstr(tn_error_peek()->message, "'tn_tensor_data'"));
  expect_error(TN_WRONG_STATE, "mul");
  tn_tensor *quotient = tn_div(leaf, constant);
  cr_assert_eq(tn_copy_(constant, leaf), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(quotient)), TN_WRONG_STATE);
  cr_assert_not_null(strstr(tn_error_peek()->message, "'copy_"), "%s", tn_error_peek()->message);
  expect_error(TN_WRONG_STATE, "div");
  tn_scope_close(scope);
}

TN_TEST(version_counter, catches_a_second_inplace_call_over_a_saved_result) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){0.5, -1});
  tn_tensor *x = tn_mul_scalar(leaf, 1);
  cr_assert_eq(tn_exp_(x), TN_OK);
  cr_assert_eq(tn_sigmoid_(x), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(x)), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "exp_");
  tn_scope_close(scope);
}

TN_TEST(version_counter, ignores_changes_of_what_no_gradient_reads) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = leaf_of(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *x = tn_mul_scalar(leaf, 2), *c = tn_ones(TN_SHAPE(2), .dtype = TN_F64);
  tn_tensor *y = tn_add(x, c);
  cr_assert_eq(tn_mul_scalar_(x, 100), TN_OK);
  cr_assert_eq(tn_mul_scalar_(c, 100), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(y)), TN_OK);
  expect_exactly(tn_tensor_grad(leaf), 2, 2);
  tn_scope_close(scope);
}
