// SPDX-License-Identifier: Apache-2.0
//
// Indexing by tensors where some dimensions are left whole: element [i, j, k] of the input holds
// 100 i + 10 j + k, so where an element came from can be read off its value. The shapes are
// NumPy's.

#include "tensor_test.h"

enum { A = 2, B = 3, C = 4 };

static tn_tensor *grid(void) {
  double cells[A * B * C];
  for (int i = 0; i < A * B * C; i++) {
    cells[i] = 100 * (i / (B * C)) + 10 * (i / C % B) + i % C;
  }
  return tn_from_data(cells, TN_SHAPE(A, B, C), TN_F64);
}

static tn_tensor *integers(tn_ints shape, const int64_t *values) {
  return tn_from_data(values, shape, TN_I64);
}

TN_TEST(index, an_index_of_the_last_dimension_leaves_the_others_whole) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *columns = integers(TN_SHAPE(2), (int64_t[]){-1, 0});
  tn_tensor *y = tn_index(grid(), TN_TENSORS(TN_NONE, TN_NONE, columns));
  expect_shape(y, TN_SHAPE(A, B, 2));
  expect_exactly(y, 3, 0, 13, 10, 23, 20, 103, 100, 113, 110, 123, 120);
  tn_scope_close(scope);
}

TN_TEST(index, adjacent_indices_stay_where_they_are) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *rows = integers(TN_SHAPE(2, 1), (int64_t[]){0, 2});
  tn_tensor *columns = integers(TN_SHAPE(3), (int64_t[]){1, 1, -1});
  tn_tensor *y = tn_index(grid(), TN_TENSORS(TN_NONE, rows, columns));
  expect_shape(y, TN_SHAPE(A, 2, 3));
  expect_exactly(y, 1, 1, 3, 21, 21, 23, 101, 101, 103, 121, 121, 123);
  tn_scope_close(scope);
}

TN_TEST(index, indices_with_a_dimension_between_them_come_first) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *i = integers(TN_SHAPE(2), (int64_t[]){1, 0}),
            *k = integers(TN_SHAPE(1), (int64_t[]){3});
  tn_tensor *y = tn_index(grid(), TN_TENSORS(i, TN_NONE, k));
  expect_shape(y, TN_SHAPE(2, B));
  expect_exactly(y, 103, 113, 123, 3, 13, 23);
  tn_tensor *x = grid();
  cr_assert_eq(
      tn_index_put_(x, TN_TENSORS(i, TN_NONE, k), doubles(TN_SHAPE(2, 1), (double[]){5, 6})),
      TN_OK);
  expect_exactly(tn_select(x, 2, 3), 6, 6, 6, 5, 5, 5);
  expect_exactly(tn_select(x, 2, 2), 2, 12, 22, 102, 112, 122);
  tn_scope_close(scope);
}

TN_TEST(index, a_mask_stands_for_as_many_dimensions_as_it_has) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = grid();
  tn_tensor *mask = tn_gt_scalar(tn_select(x, 0, 0), 20);
  expect_shape(mask, TN_SHAPE(B, C));
  tn_tensor *y = tn_index(x, TN_TENSORS(TN_NONE, mask));
  expect_shape(y, TN_SHAPE(A, 3));
  expect_exactly(y, 21, 22, 23, 121, 122, 123);
  tn_scope_close(scope);
}

TN_TEST(index, gradients_add_up_where_an_element_was_read_twice) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2, 3), (double[]){1, 2, 3, 4, 5, 6});
  tn_requires_grad_(x, true);
  tn_tensor *columns = integers(TN_SHAPE(3), (int64_t[]){2, 2, -3});
  tn_tensor *y = tn_sum(tn_index(x, TN_TENSORS(TN_NONE, columns)));
  cr_assert_eq(tn_backward(y), TN_OK);
  expect_exactly(tn_tensor_grad(x), 1, 0, 2, 1, 0, 2);
  tn_scope_close(scope);
}

TN_TEST(index, a_bad_index_is_named_with_its_dimension_and_size) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *rows = integers(TN_SHAPE(2), (int64_t[]){0, -4});
  cr_assert_null(tn_index(grid(), TN_TENSORS(TN_NONE, rows)));
  cr_assert_eq(tn_error_peek()->status, TN_OUT_OF_RANGE);
  cr_assert_not_null(strstr(tn_error_peek()->message, "index -4"));
  cr_assert_not_null(strstr(tn_error_peek()->message, "dimension 1 of size 3"));
  tn_error_clear();
  tn_scope_close(scope);
}

TN_TEST(index, writing_through_a_view_writes_its_base_and_records) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *weight = doubles(TN_SHAPE(2), (double[]){7, 8});
  tn_requires_grad_(weight, true);
  tn_tensor *x = tn_zeros(TN_SHAPE(2, 4), .dtype = TN_F64);
  tn_tensor *row = tn_select(x, 0, 1);
  tn_tensor *places = integers(TN_SHAPE(2), (int64_t[]){3, 1});
  cr_assert_eq(tn_index_put_(row, TN_TENSORS(places), weight), TN_OK);
  expect_exactly(x, 0, 0, 0, 0, 0, 8, 0, 7);
  cr_assert_eq(tn_backward(tn_sum(tn_mul_scalar(x, 3))), TN_OK);
  expect_exactly(tn_tensor_grad(weight), 3, 3);
  tn_scope_close(scope);
}
