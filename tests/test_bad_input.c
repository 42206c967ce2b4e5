// SPDX-License-Identifier: Apache-2.0
//
// Bad input: shapes, dims, dtypes, indices and sizes that cannot be. Each is a recorded error that
// names what was wrong; nothing is leaked and the process lives.

#include <limits.h>
#include <stdlib.h>

#include "tensor_test.h"

static const tn_tensors empty_list = {NULL, 0};

// The call failed with |status|, about |argument| ("" where it is about several), saying |words|.
static void expect_refusal(const tn_tensor *result, tn_status status, const char *argument,
                           const char *words) {
  cr_assert_null(result, "the call should have failed");
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(error);
  cr_assert_str_eq(error->argument, argument, "argument '%s': %s", error->argument, error->message);
  cr_assert(strlen(error->op) > 0, "no operator in: %s", error->message);
  expect_error(status, words);
}

// ---- shapes ------------------------------------------------------------------------------------

TN_TEST(bad_shape, operands_that_do_not_broadcast) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3)), *b = tn_ones(TN_SHAPE(2, 4));
  expect_refusal(tn_add(a, b), TN_INVALID_ARGUMENT, "", "broadcast");
  expect_refusal(tn_mul(a, tn_ones(TN_SHAPE(2))), TN_INVALID_ARGUMENT, "", "[2, 3]");
  expect_refusal(tn_where(tn_gt_scalar(b, 0), a, a), TN_INVALID_ARGUMENT, "", "[2, 4]");
  expect_refusal(tn_addcmul(a, a, b), TN_INVALID_ARGUMENT, "", "broadcast");
  expect_refusal(tn_lerp(a, b, a), TN_INVALID_ARGUMENT, "", "broadcast");
  cr_assert_eq(tn_add_(a, b), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "broadcast");
  cr_assert_eq(tn_add_(tn_ones(TN_SHAPE(3)), a), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "shape");
  cr_assert_eq(tn_copy_(a, b), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "broadcast");
  expect_exactly(a, 1, 1, 1, 1, 1, 1);
  tn_scope_close(scope);
}

TN_TEST(bad_shape, broadcast_shapes_answers_minus_one) {
  int64_t out[TN_MAX_DIMS];
  cr_assert_eq(tn_broadcast_shapes(TN_SHAPE(2, 1, 4), TN_SHAPE(3, 1), out), 3);
  cr_assert(out[0] == 2 && out[1] == 3 && out[2] == 4);
  cr_assert_eq(tn_broadcast_shapes(TN_SHAPE(0, 1), TN_SHAPE(1, 5), out), 2);
  cr_assert(out[0] == 0 && out[1] == 5);
  expect_ok();
  cr_assert_eq(tn_broadcast_shapes(TN_SHAPE(2, 3), TN_SHAPE(2), out), -1);
  expect_error(TN_INVALID_ARGUMENT, "[2, 3]");
}

TN_TEST(bad_shape, matrix_products_whose_insides_differ) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3)), *v = tn_ones(TN_SHAPE(4));
  expect_refusal(tn_mm(a, a), TN_INVALID_ARGUMENT, "mat2", "[2, 3]");
  expect_refusal(tn_mm(a, v), TN_INVALID_ARGUMENT, "mat2", "2");
  cr_assert_null(tn_matmul(a, a));
  expect_error(TN_INVALID_ARGUMENT, "[2, 3]");
  cr_assert_null(tn_matmul(a, v));
  expect_error(TN_INVALID_ARGUMENT, "[4]");
  cr_assert_null(tn_matmul(tn_ones(TN_SHAPE(2, 2, 3)), tn_ones(TN_SHAPE(3, 3, 2))));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_matmul(tn_ones(TN_SHAPE_SCALAR), a));
  expect_error(TN_INVALID_ARGUMENT, "");
  expect_refusal(tn_bmm(tn_ones(TN_SHAPE(2, 2, 3)), tn_ones(TN_SHAPE(3, 3, 2))),
                 TN_INVALID_ARGUMENT, "mat2", "");
  cr_assert_null(tn_addmm(tn_ones(TN_SHAPE(5)), a, tn_ones(TN_SHAPE(3, 2))));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_linear(a, tn_ones(TN_SHAPE(5, 4)), TN_NONE));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_dot(v, tn_ones(TN_SHAPE(5))));
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_scope_close(scope);
}

TN_TEST(bad_shape, reshape_of_another_count) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3));
  cr_assert_null(tn_reshape(a, TN_SHAPE(7)));
  expect_error(TN_INVALID_ARGUMENT, "7");
  cr_assert_null(tn_reshape(a, TN_SHAPE(-1, -1)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_reshape(a, TN_SHAPE(-2, 3)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_reshape(a, TN_SHAPE(4, -1)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_reshape(tn_ones(TN_SHAPE(0)), TN_SHAPE(0, -1)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_view_shape(tn_t(a), TN_SHAPE(6)));
  expect_error(TN_INVALID_ARGUMENT, "reshape");
  tn_scope_close(scope);
}

TN_TEST(bad_shape, expand_repeat_cat_stack_split_permute) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3));
  cr_assert_null(tn_expand(a, TN_SHAPE(4, 3)));
  expect_error(TN_INVALID_ARGUMENT, "[2, 3]");
  cr_assert_null(tn_expand(a, TN_SHAPE(3)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_expand(a, TN_SHAPE(-1, 2, 3)));
  expect_error(TN_INVALID_ARGUMENT, "-1");
  cr_assert_null(tn_repeat(a, TN_SHAPE(2)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_repeat(a, TN_SHAPE(2, -1)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_cat(TN_TENSORS(a, tn_ones(TN_SHAPE(2, 4)))));
  expect_error(TN_INVALID_ARGUMENT, "[2, 4]");
  cr_assert_null(tn_cat(TN_TENSORS(a, tn_ones(TN_SHAPE(2)))));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_cat(empty_list));
  expect_error(TN_INVALID_ARGUMENT, "tensors");
  cr_assert_null(tn_stack(empty_list));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_stack(TN_TENSORS(a, tn_ones(TN_SHAPE(2, 4)))));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_split(a, 0));
  expect_error(TN_INVALID_ARGUMENT, "0");
  cr_assert_null(tn_split(a, -1));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_chunk(a, 0));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_split_with_sizes(a, TN_INTS(1, 5)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_split_with_sizes(a, TN_INTS(-1, 3)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_permute(a, TN_DIMS(0, 0)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_permute(a, TN_DIMS(0)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_t(tn_ones(TN_SHAPE(2, 2, 2))));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_unbind(tn_ones(TN_SHAPE_SCALAR)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_scope_close(scope);
}

TN_TEST(bad_shape, more_than_32_dims) {
  int64_t ones[40];
  for (int i = 0; i < 40; i++) ones[i] = 1;
  tn_tensor *most = tn_ones(tn_ints_of(ones, 32));
  cr_assert_eq(tn_tensor_ndim(most), 32);
  cr_assert_null(tn_ones(tn_ints_of(ones, 33)));
  expect_error(TN_INVALID_ARGUMENT, "32");
  cr_assert_null(tn_unsqueeze(most, 0));
  expect_error(TN_INVALID_ARGUMENT, "32");
  cr_assert_null(tn_expand(most, tn_ints_of(ones, 40)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_reshape(most, tn_ints_of(ones, 40)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_stack(TN_TENSORS(most, most)));
  expect_error(TN_INVALID_ARGUMENT, "");
  float cell = 0;
  cr_assert_null(tn_from_blob(&cell, tn_ints_of(ones, 33), TN_NO_DIMS, TN_F32, NULL, NULL));
  expect_error(TN_INVALID_ARGUMENT, "32");
  cr_assert_null(tn_ones(tn_ints_of(ones, -1)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_as_strided(most, tn_ints_of(ones, 40), tn_ints_of(ones, 40)));
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_release(most);
}

TN_TEST(bad_shape, convolution_and_pooling) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(1, 3, 5, 5));
  cr_assert_null(tn_conv2d(x, tn_ones(TN_SHAPE(4, 2, 3, 3)), TN_NONE));
  expect_error(TN_INVALID_ARGUMENT, "channels");
  cr_assert_null(tn_conv2d(x, tn_ones(TN_SHAPE(4, 3, 7, 7)), TN_NONE));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_conv2d(x, tn_ones(TN_SHAPE(4, 3, 3, 3)), tn_ones(TN_SHAPE(5))));
  expect_error(TN_INVALID_ARGUMENT, "bias");
  cr_assert_null(tn_conv2d(x, tn_ones(TN_SHAPE(4, 3, 3, 3)), TN_NONE, .stride = TN_INTS(0)));
  expect_error(TN_INVALID_ARGUMENT, "stride");
  cr_assert_null(tn_conv2d(x, tn_ones(TN_SHAPE(4, 3, 3, 3)), TN_NONE, .padding = TN_INTS(-1)));
  expect_error(TN_INVALID_ARGUMENT, "padding");
  cr_assert_null(tn_conv2d(x, tn_ones(TN_SHAPE(4, 3, 3, 3)), TN_NONE, .groups = -2));
  expect_error(TN_INVALID_ARGUMENT, "groups");
  cr_assert_null(tn_conv2d(tn_ones(TN_SHAPE(5)), tn_ones(TN_SHAPE(4, 3, 3, 3)), TN_NONE));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_max_pool2d(x, TN_INTS(0)));
  expect_error(TN_INVALID_ARGUMENT, "kernel_size");
  cr_assert_null(tn_max_pool2d(x, TN_INTS(9)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_max_pool2d(x, TN_INTS(2), .padding = TN_INTS(2)));
  expect_error(TN_INVALID_ARGUMENT, "padding");
  cr_assert_null(tn_avg_pool2d(x, TN_INTS(2), .divisor_override = TN_INT(0)));
  expect_error(TN_INVALID_ARGUMENT, "divisor_override");
  cr_assert_null(tn_avg_pool2d(tn_ones(TN_SHAPE(5)), TN_INTS(2)));
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_scope_close(scope);
}

TN_TEST(bad_shape, losses) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *scores = tn_ones(TN_SHAPE(2, 3));
  tn_tensor *three = tn_zeros(TN_SHAPE(3), .dtype = TN_I64);
  tn_tensor *two = tn_zeros(TN_SHAPE(2), .dtype = TN_I64);
  cr_assert_null(tn_cross_entropy_loss(scores, three, TN_NONE));
  expect_error(TN_INVALID_ARGUMENT, "target");
  cr_assert_null(tn_nll_loss(scores, two, tn_ones(TN_SHAPE(5))));
  expect_error(TN_INVALID_ARGUMENT, "weight");
  cr_assert_null(tn_nll_loss(scores, two, TN_NONE, .reduction = TN_INT(7)));
  expect_error(TN_INVALID_ARGUMENT, "reduction");
  tn_scope_close(scope);
}

// ---- dims --------------------------------------------------------------------------------------

TN_TEST(bad_dim, is_out_of_range_in_every_kind_of_operator) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3));
  tn_tensor *i = tn_zeros(TN_SHAPE(2, 3), .dtype = TN_I64);
  tn_tensor *row = tn_zeros(TN_SHAPE(2), .dtype = TN_I64);
  const int64_t bad[] = {2, -3, INT64_MAX, INT64_MIN};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    int64_t dim = bad[k];
    expect_refusal(tn_softmax(a, dim), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_log_softmax(a, dim), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_sum_dim(a, TN_DIMS(dim)), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_mean_dim(a, TN_DIMS(0, dim)), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_prod_dim(a, dim), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_amax(a, .dim = TN_DIMS(dim)), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_argmax(a, .dim = TN_INT(dim)), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_max_dim(a, dim, NULL), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_var(a, .dim = TN_DIMS(dim)), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_any_dims(a, .dim = TN_DIMS(dim)), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_logsumexp(a, TN_DIMS(dim)), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_select(a, dim, 0), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_slice(a, .dim = dim), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_narrow(a, dim, 0, 1), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_transpose(a, 0, dim), TN_OUT_OF_RANGE, "dim1", "");
    expect_refusal(tn_permute(a, TN_DIMS(0, dim)), TN_OUT_OF_RANGE, "dims", "");
    expect_refusal(tn_squeeze_dim(a, dim), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_flip(a, TN_DIMS(dim)), TN_OUT_OF_RANGE, "dims", "");
    expect_refusal(tn_cat(TN_TENSORS(a, a), .dim = dim), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_gather(a, dim, i), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_scatter_add(a, dim, i, a), TN_OUT_OF_RANGE, "dim", "");
    expect_refusal(tn_index_select(a, dim, row), TN_OUT_OF_RANGE, "dim", "");
    cr_assert_null(tn_split(a, 1, .dim = dim));
    expect_error(TN_OUT_OF_RANGE, "dim");
    cr_assert_null(tn_unbind(a, .dim = dim));
    expect_error(TN_OUT_OF_RANGE, "dim");
    cr_assert_null(tn_flatten(a, .start_dim = dim));
    expect_error(TN_OUT_OF_RANGE, "dim");
    cr_assert_null(tn_movedim(a, dim, 0));
    expect_error(TN_OUT_OF_RANGE, "");
    cr_assert_null(tn_diagonal(a, .dim1 = 0, .dim2 = TN_INT(dim)));
    expect_error(TN_OUT_OF_RANGE, "dim");
  }
  expect_refusal(tn_unsqueeze(a, 3), TN_OUT_OF_RANGE, "dim", "3");
  expect_refusal(tn_unsqueeze(a, -4), TN_OUT_OF_RANGE, "dim", "-4");
  expect_refusal(tn_sum_dim(a, TN_DIMS(1, -1)), TN_INVALID_ARGUMENT, "dim", "twice");
  tn_scope_close(scope);
}

TN_TEST(bad_dim, empty_dimension_has_no_maximum) {
  tn_tensor *empty = tn_ones(TN_SHAPE(0, 3));
  cr_assert_null(tn_amax(empty, .dim = TN_DIMS(0)));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  cr_assert_null(tn_argmax(empty));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  cr_assert_null(tn_max(empty));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  tn_tensor *over_three = tn_amax(empty, .dim = TN_DIMS(1));
  expect_shape(over_three, TN_SHAPE(0));
  tn_release(over_three);
  tn_release(empty);
}

// ---- dtypes ------------------------------------------------------------------------------------

TN_TEST(bad_dtype, is_refused_by_name) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *whole = tn_ones(TN_SHAPE(2, 2), .dtype = TN_I64);
  tn_tensor *real = tn_ones(TN_SHAPE(2, 2));
  tn_tensor *truth = tn_gt_scalar(real, 0);
  expect_refusal(tn_softmax(whole, 0), TN_INVALID_DTYPE, "self", "int64");
  expect_refusal(tn_mean_dim(whole, TN_DIMS(0)), TN_INVALID_DTYPE, "self", "int64");
  expect_refusal(tn_bitwise_not(real), TN_INVALID_DTYPE, "self", "float32");
  cr_assert_null(tn_bitwise_and(real, real));
  expect_error(TN_INVALID_DTYPE, "float32");
  cr_assert_null(tn_sub(truth, truth));
  expect_error(TN_INVALID_DTYPE, "bool");
  cr_assert_null(tn_gelu(whole));
  expect_error(TN_INVALID_DTYPE, "int64");
  cr_assert_null(tn_where(whole, real, real));
  expect_error(TN_INVALID_DTYPE, "condition");
  cr_assert_null(tn_bernoulli(whole));
  expect_error(TN_INVALID_DTYPE, "int64");
  cr_assert_null(tn_rand(TN_SHAPE(2), .dtype = TN_I64));
  expect_error(TN_INVALID_DTYPE, "int64");
  tn_scope_close(scope);
}

TN_TEST(bad_dtype, indices_must_be_integers) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(2, 2)), *v = tn_zeros(TN_SHAPE(2));
  expect_refusal(tn_gather(a, 0, a), TN_INVALID_DTYPE, "index", "float32");
  expect_refusal(tn_index_select(a, 0, v), TN_INVALID_DTYPE, "index", "float32");
  expect_refusal(tn_scatter_add(a, 0, a, a), TN_INVALID_DTYPE, "index", "float32");
  cr_assert_null(tn_embedding(a, v));
  expect_error(TN_INVALID_DTYPE, "float32");
  cr_assert_null(tn_nll_loss(a, v, TN_NONE));
  expect_error(TN_INVALID_DTYPE, "target");
  tn_scope_close(scope);
}

TN_TEST(bad_dtype, numbers_that_are_no_dtype) {
  const tn_dtype bad[] = {-1, TN_DTYPE_COUNT, 99, INT32_MAX, INT32_MIN};
  float cell = 0;
  tn_tensor *a = tn_ones(TN_SHAPE(1));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cr_assert_null(tn_zeros(TN_SHAPE(1), .dtype = bad[i]));
    expect_error(TN_INVALID_DTYPE, "");
    cr_assert_null(tn_empty(TN_SHAPE(1), .dtype = bad[i]));
    expect_error(TN_INVALID_DTYPE, "");
    cr_assert_null(tn_from_blob(&cell, TN_SHAPE(1), TN_NO_DIMS, bad[i], NULL, NULL));
    expect_error(TN_INVALID_DTYPE, "");
    cr_assert_null(tn_to(a, TN_DEVICE_CPU, bad[i]));
    expect_error(TN_INVALID_DTYPE, "");
    cr_assert_null(tn_sum(a, .dtype = bad[i]));
    expect_error(TN_INVALID_DTYPE, "");
    cr_assert_eq(tn_set_default_dtype(bad[i]), TN_INVALID_DTYPE);
    expect_error(TN_INVALID_DTYPE, "");
    cr_assert_eq(tn_promote_types(TN_F32, bad[i]), TN_DTYPE_NONE);
    tn_error_clear();
    cr_assert_str_eq(tn_dtype_name(bad[i]), "?");
    cr_assert_not(tn_can_cast(TN_F32, bad[i]));
    expect_ok();
  }
  cr_assert_eq(tn_set_default_dtype(TN_I64), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "int64");
  cr_assert_null(tn_from_blob(&cell, TN_SHAPE(1), TN_NO_DIMS, TN_DTYPE_NONE, NULL, NULL));
  expect_error(TN_INVALID_DTYPE, "");
  tn_release(a);
}

TN_TEST(bad_dtype, a_name_that_is_no_option) {
  tn_tensor *a = tn_ones(TN_SHAPE(2));
  cr_assert_null(tn_gelu(a, .approximate = "cubic"));
  expect_error(TN_INVALID_ARGUMENT, "cubic");
  cr_assert_null(tn_div_mode(a, a, "upward"));
  expect_error(TN_INVALID_ARGUMENT, "upward");
  tn_release(a);
}

// ---- indices -----------------------------------------------------------------------------------

TN_TEST(bad_index, names_index_dim_and_size) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(3, 4));
  const int64_t bad[] = {4, -5, 1000000, INT64_MAX, INT64_MIN};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    tn_tensor *row = tn_from_data(((int64_t[]){0, bad[k]}), TN_SHAPE(2), TN_I64);
    tn_tensor *grid = tn_reshape(row, TN_SHAPE(1, 2));
    tn_tensor *src = tn_ones(TN_SHAPE(1, 2));
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)bad[k]);
    cr_assert_null(tn_gather(a, 1, grid));
    expect_error(TN_OUT_OF_RANGE, number);
    cr_assert_null(tn_index_select(a, 1, row));
    expect_error(TN_OUT_OF_RANGE, number);
    cr_assert_null(tn_scatter_add(a, 1, grid, src));
    expect_error(TN_OUT_OF_RANGE, number);
    cr_assert_null(tn_scatter(a, 1, grid, src));
    expect_error(TN_OUT_OF_RANGE, number);
    cr_assert_null(tn_index_add(a, 1, row, tn_ones(TN_SHAPE(3, 2))));
    expect_error(TN_OUT_OF_RANGE, number);
    cr_assert_null(tn_embedding(tn_ones(TN_SHAPE(4, 2)), row));
    expect_error(TN_OUT_OF_RANGE, number);
    cr_assert_null(
        tn_nll_loss(a, tn_cat(TN_TENSORS(row, tn_slice(row, .end = TN_INT(1)))), TN_NONE));
    expect_error(TN_OUT_OF_RANGE, number);
    cr_assert_eq(tn_scatter_add_(a, 1, grid, src), TN_OUT_OF_RANGE);
    expect_error(TN_OUT_OF_RANGE, number);
  }
  tn_scope_close(scope);
}

TN_TEST(bad_index, of_select_and_narrow) {
  tn_tensor *a = tn_ones(TN_SHAPE(3, 4));
  expect_refusal(tn_select(a, 0, 3), TN_OUT_OF_RANGE, "index", "3");
  expect_refusal(tn_select(a, 0, -4), TN_OUT_OF_RANGE, "index", "-4");
  expect_refusal(tn_select(a, 0, INT64_MIN), TN_OUT_OF_RANGE, "index", "");
  tn_tensor *number = tn_ones(TN_SHAPE_SCALAR);
  cr_assert_null(tn_select(number, 0, 0));
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_release(number);
  cr_assert_null(tn_narrow(a, 0, 2, 2));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_narrow(a, 0, 0, -1));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_narrow(a, 0, 1, INT64_MAX));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_slice(a, .step = TN_INT(0)));
  expect_error(TN_INVALID_ARGUMENT, "step");
  tn_release(a);
}

TN_TEST(bad_index, an_index_of_an_empty_dimension) {
  tn_tensor *none = tn_ones(TN_SHAPE(0, 2));
  tn_tensor *zero = tn_zeros(TN_SHAPE(1), .dtype = TN_I64);
  cr_assert_null(tn_index_select(none, 0, zero));
  cr_assert_eq(tn_error_clear(), TN_OUT_OF_RANGE);
  cr_assert_null(tn_embedding(none, zero));
  cr_assert_eq(tn_error_clear(), TN_OUT_OF_RANGE);
  tn_release(none);
  tn_release(zero);
}

// ---- sizes that overflow -----------------------------------------------------------------------

#define VAST INT64_C(4611686018427387904)  // 2^62

TN_TEST(overflow, of_sizes_given_to_factories) {
  const int64_t shapes[][3] = {
      {VAST, 4, 1},    {INT64_MAX, 1, 1},           {INT64_MAX, INT64_MAX, 1},
      {VAST, 1, VAST}, {1 << 30, 1 << 30, 1 << 30}, {INT64_MAX / 2, 3, 1},
      {-1, 2, 2},      {INT64_MIN, 1, 1},           {-2, -2, 1},
      {VAST, VAST, 0}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    tn_ints shape = tn_ints_of(shapes[i], 3);
    tn_tensor *made[] = {tn_zeros(shape),         tn_ones(shape),
                         tn_empty(shape),         tn_full(shape, 1),
                         tn_rand(shape),          tn_randn(shape),
                         tn_randint(0, 2, shape), tn_empty_strided(shape, TN_INTS(1, 1, 1))};
    for (size_t k = 0; k < sizeof made / sizeof *made; k++) {
      cr_assert_null(made[k], "factory %d, shape %d", (int)k, (int)i);
    }
    expect_error(TN_INVALID_ARGUMENT, "");
  }
}

TN_TEST(overflow, of_strides) {
  cr_assert_null(tn_empty_strided(TN_SHAPE(4, 4), TN_INTS(VAST, 1)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_empty_strided(TN_SHAPE(4, 4), TN_INTS(INT64_MIN, 1)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_tensor *a = tn_ones(TN_SHAPE(4));
  cr_assert_null(tn_as_strided(a, TN_SHAPE(3), TN_INTS(VAST)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_as_strided(a, TN_SHAPE(3), TN_INTS(1), .storage_offset = TN_INT(INT64_MAX)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_as_strided(a, TN_SHAPE(3), TN_INTS(1), .storage_offset = TN_INT(2)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_as_strided(a, TN_SHAPE(5), TN_INTS(1)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_as_strided(a, TN_SHAPE(2), TN_INTS(-1)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_as_strided(a, TN_SHAPE(2, 2), TN_INTS(1)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_release(a);
}

TN_TEST(overflow, of_views_that_grow) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *one = tn_ones(TN_SHAPE(1));
  cr_assert_null(tn_expand(one, TN_SHAPE(VAST, VAST)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_broadcast_to(one, TN_SHAPE(INT64_MAX, 2)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_repeat(one, TN_INTS(VAST, 8)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_reshape(one, TN_SHAPE(VAST, VAST)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_reshape(one, TN_SHAPE(INT64_C(1) << 32, INT64_C(1) << 32)));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_view_shape(one, TN_SHAPE(VAST, 8, -1)));
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_tensor *wide = tn_expand(one, TN_SHAPE(INT64_C(1) << 40));
  tn_tensor *tall = tn_expand(tn_reshape(one, TN_SHAPE(1, 1)), TN_SHAPE(INT64_C(1) << 40, 1));
  cr_assert_null(tn_add(wide, tall));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_matmul(tall, tn_reshape(wide, TN_SHAPE(1, INT64_C(1) << 40))));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_cat(TN_TENSORS(tn_expand(one, TN_SHAPE(INT64_C(1) << 58)),
                                   tn_expand(one, TN_SHAPE(INT64_C(1) << 58)))));
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_scope_close(scope);
}

TN_TEST(overflow, of_ranges) {
  cr_assert_null(tn_arange(1e300));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_arange_step(0, 1, .step = TN_SCALAR(1e-300)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_arange_step(0, 1, .step = TN_SCALAR(0)));
  expect_error(TN_INVALID_ARGUMENT, "step");
  cr_assert_null(tn_arange_step(0, 1, .step = TN_SCALAR(-1)));
  expect_error(TN_INVALID_ARGUMENT, "step");
  cr_assert_null(tn_arange(NAN));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_arange(INFINITY));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_arange_step(INT64_MIN, INT64_MAX));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_linspace(0, 1, -1));
  expect_error(TN_INVALID_ARGUMENT, "steps");
  cr_assert_null(tn_linspace(0, 1, INT64_MAX));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_eye(-1));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_eye(INT64_MAX));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_eye_m(VAST, 8));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_randperm(-1));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_randperm(INT64_MAX));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_randint(5, 5, TN_SHAPE(1)));
  expect_error(TN_INVALID_ARGUMENT, "");
}

TN_TEST(overflow, of_convolution_arguments) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(1, 1, 3, 3)), *w = tn_ones(TN_SHAPE(1, 1, 2, 2));
  cr_assert_null(tn_conv2d(x, w, TN_NONE, .padding = TN_INTS(INT64_MAX)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_conv2d(x, w, TN_NONE, .padding = TN_INTS(VAST)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_conv2d(x, w, TN_NONE, .dilation = TN_INTS(INT64_MAX)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_conv2d(x, w, TN_NONE, .groups = INT64_MAX));
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_tensor *y = tn_conv2d(x, w, TN_NONE, .stride = TN_INTS(INT64_MAX));
  expect_exactly(y, 4);
  cr_assert_null(tn_max_pool2d(x, TN_INTS(INT64_MAX)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_max_pool2d(x, TN_INTS(2), .dilation = TN_INTS(INT64_MAX)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_avg_pool2d(x, TN_INTS(INT64_MAX), .padding = TN_INTS(VAST)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_scope_close(scope);
}

// ---- memory that cannot be had -----------------------------------------------------------------

TN_TEST(out_of_memory, is_an_error_like_any_other) {
  tn_scope *scope = tn_scope_open();
  const int64_t size = INT64_C(1) << 50;  // a pebibyte of bytes, four of floats
  tn_tensor *one = tn_ones(TN_SHAPE(1));
  cr_assert_null(tn_zeros(TN_SHAPE(size)));
  expect_error(TN_OUT_OF_MEMORY, "bytes");
  cr_assert_null(tn_empty(TN_SHAPE(size), .dtype = TN_U8));
  expect_error(TN_OUT_OF_MEMORY, "bytes");
  cr_assert_null(tn_arange(size));
  expect_error(TN_OUT_OF_MEMORY, "");
  cr_assert_null(tn_rand(TN_SHAPE(size)));
  expect_error(TN_OUT_OF_MEMORY, "");
  tn_tensor *wide = tn_expand(one, TN_SHAPE(size));
  cr_assert_not_null(wide, "a view needs no memory");
  cr_assert_null(tn_add(wide, one));
  expect_error(TN_OUT_OF_MEMORY, "");
  cr_assert_null(tn_clone(wide));
  expect_error(TN_OUT_OF_MEMORY, "");
  cr_assert_null(tn_contiguous(wide));
  expect_error(TN_OUT_OF_MEMORY, "");
  cr_assert_null(tn_to(wide, TN_DEVICE_CPU, TN_F64));
  expect_error(TN_OUT_OF_MEMORY, "");
  cr_assert_null(tn_cat(TN_TENSORS(wide, wide)));
  expect_error(TN_OUT_OF_MEMORY, "");
  cr_assert_null(tn_repeat(one, TN_INTS(size)));
  expect_error(TN_OUT_OF_MEMORY, "");
  expect_exactly(tn_add(one, one), 2);
  tn_scope_close(scope);
}

TN_TEST(out_of_memory, in_a_backward_pass_leaves_the_leaf_as_it_was) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = tn_ones(TN_SHAPE(1));
  tn_requires_grad_(leaf, true);
  tn_tensor *wide = tn_expand(leaf, TN_SHAPE(INT64_C(1) << 50));
  tn_tensor *cell = tn_select(wide, 0, 7);
  cr_assert_neq(tn_backward(cell), TN_OK);
  expect_error(TN_OUT_OF_MEMORY, "");
  cr_assert_null(tn_tensor_grad(leaf));
  tn_scope_close(scope);
}

// ---- memory that may not be written ------------------------------------------------------------

TN_TEST(read_only, blobs_refuse_every_write_through_every_view) {
  static const float cells[4] = {1, 2, 3, 4};
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_from_const_blob(cells, TN_SHAPE(2, 2), TN_NO_DIMS, TN_F32, NULL, NULL);
  tn_tensor *views[] = {x,
                        tn_t(x),
                        tn_select(x, 0, 1),
                        tn_slice(x, .end = TN_INT(1)),
                        tn_view_shape(x, TN_SHAPE(4)),
                        tn_detach(x)};
  tn_tensor *one = tn_ones(TN_SHAPE_SCALAR);
  for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
    tn_tensor *view = views[i];
    uint64_t version = tn_tensor_version(view);
    cr_assert_eq(tn_add_(view, one), TN_READ_ONLY);
    expect_error(TN_READ_ONLY, "");
    cr_assert_eq(tn_mul_scalar_(view, 2), TN_READ_ONLY);
    expect_error(TN_READ_ONLY, "");
    cr_assert_eq(tn_fill_(view, 0), TN_READ_ONLY);
    expect_error(TN_READ_ONLY, "");
    cr_assert_eq(tn_copy_(view, one), TN_READ_ONLY);
    expect_error(TN_READ_ONLY, "");
    cr_assert_eq(tn_exp_out(view, tn_ones_like(view)), TN_READ_ONLY);
    expect_error(TN_READ_ONLY, "");
    cr_assert_null(tn_tensor_data(view));
    expect_error(TN_READ_ONLY, "");
    cr_assert_not_null(tn_tensor_const_data(view));
    cr_assert_eq(tn_tensor_version(view), version, "a refused write is no change");
  }
  expect_exactly(x, 1, 2, 3, 4);
  expect_exactly(tn_add(x, one), 2, 3, 4, 5);
  tn_scope_close(scope);
}

// ---- values and answers ------------------------------------------------------------------------

TN_TEST(bad_value, items_need_exactly_one_element) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *two = tn_ones(TN_SHAPE(2)), *none = tn_ones(TN_SHAPE(0));
  cr_assert_eq(tn_item(two), 0.0);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_item_int(none), 0);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_item_int(tn_full(TN_SHAPE(1), 1.5)), 0);
  expect_error(TN_INVALID_ARGUMENT, "1.5");
  cr_assert_eq(tn_item_int(tn_full(TN_SHAPE(1), NAN)), 0);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_item_int(tn_full(TN_SHAPE(1), 1e30)), 0);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_item(tn_full(TN_SHAPE(1), 1.0 + 2.0 * I, .dtype = TN_C128)), 0.0);
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_scope_close(scope);
}

TN_TEST(bad_value, copy_to_host_wants_the_exact_size) {
  double out[4];
  tn_tensor *x = tn_ones(TN_SHAPE(2));
  cr_assert_eq(tn_copy_to_host(x, out, sizeof out, TN_F64), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_copy_to_host(x, out, 8, TN_F64), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_copy_to_host(x, NULL, 16, TN_F64), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_copy_to_host(NULL, out, 16, TN_F64), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_release(x);
}

TN_TEST(bad_value, probabilities_outside_zero_and_one) {
  tn_tensor *x = tn_ones(TN_SHAPE(2));
  const double bad[] = {-0.1, 1.1, NAN, INFINITY};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cr_assert_null(tn_dropout(x, bad[i], true));
    expect_error(TN_INVALID_ARGUMENT, "p");
    cr_assert_null(tn_bernoulli_p(x, bad[i]));
    expect_error(TN_INVALID_ARGUMENT, "p");
  }
  tn_release(x);
}

TN_TEST(bad_value, null_where_data_is_needed) {
  cr_assert_null(tn_from_blob(NULL, TN_SHAPE(2), TN_NO_DIMS, TN_F32, NULL, NULL));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_from_data(NULL, TN_SHAPE(2), TN_F32));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_zeros(tn_ints_of(NULL, 2)));
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_tensor *empty = tn_from_blob(NULL, TN_SHAPE(0), TN_NO_DIMS, TN_F32, NULL, NULL);
  expect_shape(empty, TN_SHAPE(0));
  tn_release(empty);
}

TN_TEST(bad_device, names_that_are_none) {
  const char *bad[] = {"",        ":",       "cpu:", "cpu:x", "cpu:-1", "cpu:99999999999999999999",
                       "unicorn", "cpu:0:0", " cpu"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    tn_device device = tn_device_parse(bad[i]);
    cr_assert(tn_device_equal(device, TN_DEVICE_DEFAULT), "'%s'", bad[i]);
    cr_assert_neq(tn_error_clear(), TN_OK);
  }
  tn_device_parse(NULL);
  cr_assert_neq(tn_error_clear(), TN_OK);
  const tn_device nowhere[] = {{99, 0}, {1, 5}, {-3, 0}, {1, -1}};
  tn_tensor *x = tn_ones(TN_SHAPE(1));
  for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
    cr_assert_null(tn_zeros(TN_SHAPE(1), .device = nowhere[i]));
    cr_assert_neq(tn_error_clear(), TN_OK);
    cr_assert_null(tn_to(x, nowhere[i], TN_DTYPE_NONE));
    cr_assert_neq(tn_error_clear(), TN_OK);
    cr_assert_neq(tn_device_set_default(nowhere[i]), TN_OK);
    cr_assert_neq(tn_error_clear(), TN_OK);
    char name[32];
    cr_assert_str_eq(tn_device_name(nowhere[i], name, sizeof name), i == 0 || i == 2 ? "?" : name);
  }
  tn_release(x);
}

// What `.start = 1` in place of `.start = TN_INT(1)` makes of the option.
TN_TEST(bad_option, bare_numbers_are_not_taken_for_absent) {
  tn_tensor *x = tn_ones(TN_SHAPE(4, 3));
  cr_assert_null(tn_slice(x, .start = {1, 0}));
  expect_error(TN_INVALID_ARGUMENT, "option 'start' is a bare number; write TN_INT");
  cr_assert_eq(tn_argmax_out(x, x, .dim = {1, 0}), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "'dim'");
  tn_tensor *all = tn_slice(x, .start = {0, 0});
  expect_shape(all, TN_SHAPE(4, 3));
  tn_release(all);
  tn_release(x);
}
