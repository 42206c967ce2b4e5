// SPDX-License-Identifier: Apache-2.0
//
// Views against index arithmetic: element [i, j, k] of the input holds 100 i + 10 j + k, so where
// an element of a view came from can be read off its value. Each view is also written through.

#include "tensor_test.h"

enum { A = 2, B = 3, C = 4 };

// A float64 tensor of [2, 3, 4] whose elements say where they are.
static tn_tensor *grid(void) {
  double cells[A * B * C];
  for (int i = 0; i < A * B * C; i++) {
    cells[i] = 100 * (i / (B * C)) + 10 * (i / C % B) + i % C;
  }
  return tn_from_data(cells, TN_SHAPE(A, B, C), TN_F64);
}

static double at(tn_tensor *x, int64_t i, int64_t j, int64_t k) {
  const double *cells = tn_tensor_const_data(x);
  return cells[i * tn_tensor_stride(x, 0) + j * tn_tensor_stride(x, 1) +
               k * tn_tensor_stride(x, 2)];
}

// |view| shares |base|'s memory and has |shape| and the elements |expected|; writing it changes as
// many elements of the base as it has.
static void expect_view(tn_tensor *base, tn_tensor *view, tn_ints shape, const double *expected) {
  expect_shape(view, shape);
  cr_assert(tn_tensor_is_view(view));
  cr_assert(tn_tensor_shares_storage(base, view));
  expect_values(view, expected, tn_tensor_numel(view), 0);
  tn_scope *scope = tn_scope_open();
  tn_tensor *before = tn_clone(base);
  cr_assert_eq(tn_add_scalar_(view, 0.5), TN_OK, "%s", tn_ok() ? "" : tn_error_peek()->message);
  double changed = tn_item(tn_sum(tn_ne(base, before)));
  double added = tn_item(tn_sum(tn_sub(base, before)));
  cr_assert_eq(changed, (double)tn_tensor_numel(view));
  cr_assert_eq(added, 0.5 * (double)tn_tensor_numel(view));
  cr_assert_eq(tn_add_scalar_(view, -0.5), TN_OK);
  tn_scope_close(scope);
}

#define EXPECT_VIEW(base, view, shape, ...) expect_view(base, view, shape, (double[]){__VA_ARGS__})

// ---- one element, one row ----------------------------------------------------------------------

TN_TEST(view, select_takes_one_index_of_a_dim) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = grid();
  EXPECT_VIEW(x, tn_select(x, 0, 1), TN_SHAPE(B, C), 100, 101, 102, 103, 110, 111, 112, 113, 120,
              121, 122, 123);
  EXPECT_VIEW(x, tn_select(x, 1, -1), TN_SHAPE(A, C), 20, 21, 22, 23, 120, 121, 122, 123);
  EXPECT_VIEW(x, tn_select(x, -1, 2), TN_SHAPE(A, B), 2, 12, 22, 102, 112, 122);
  EXPECT_VIEW(x, tn_select(tn_select(tn_select(x, 0, 1), 0, 2), 0, 3), TN_SHAPE_SCALAR, 123);
  tn_scope_close(scope);
}

// ---- slices ------------------------------------------------------------------------------------

// Python's own rules, for any start, end and step.
static int64_t python_slice(int64_t size, int64_t start, int64_t end, int64_t step,
                            int64_t *taken) {
  int64_t count = 0;
  int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  if (start < 0) start += size;
  if (end < 0) end += size;
  start = start < low ? low : start > high ? high : start;
  end = end < low ? low : end > high ? high : end;
  for (int64_t i = start; step > 0 ? i < end : i > end; i += step) taken[count++] = i;
  return count;
}

TN_TEST(view, slice_follows_python_for_every_start_end_step) {
  double cells[7] = {0, 1, 2, 3, 4, 5, 6};
  tn_tensor *x = doubles(TN_SHAPE(7), cells);
  for (int64_t start = -9; start <= 9; start++) {
    for (int64_t end = -9; end <= 9; end++) {
      for (int64_t step = -4; step <= 4; step++) {
        if (step == 0) continue;
        int64_t taken[16];
        int64_t count = python_slice(7, start, end, step, taken);
        tn_tensor *view =
            tn_slice(x, .start = TN_INT(start), .end = TN_INT(end), .step = TN_INT(step));
        cr_assert_not_null(view, "[%d:%d:%d]", (int)start, (int)end, (int)step);
        cr_assert_eq(tn_tensor_numel(view), count, "[%d:%d:%d] has %d elements, not %d", (int)start,
                     (int)end, (int)step, (int)tn_tensor_numel(view), (int)count);
        double values[16], expected[16];
        for (int64_t i = 0; i < count; i++) expected[i] = (double)taken[i];
        tn_copy_to_host(view, values, (size_t)count * sizeof(double), TN_F64);
        for (int64_t i = 0; i < count; i++) cr_assert_eq(values[i], expected[i]);
        tn_release(view);
      }
    }
  }
  tn_release(x);
}

TN_TEST(view, slice_without_bounds_takes_all_in_either_direction) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_arange(5, .dtype = TN_F64);
  EXPECT_VIEW(x, tn_slice(x), TN_SHAPE(5), 0, 1, 2, 3, 4);
  EXPECT_VIEW(x, tn_slice(x, .step = TN_INT(2)), TN_SHAPE(3), 0, 2, 4);
  EXPECT_VIEW(x, tn_slice(x, .step = TN_INT(-1)), TN_SHAPE(5), 4, 3, 2, 1, 0);
  EXPECT_VIEW(x, tn_slice(x, .step = TN_INT(-2)), TN_SHAPE(3), 4, 2, 0);
  EXPECT_VIEW(x, tn_slice(x, .start = TN_INT(3), .step = TN_INT(-1)), TN_SHAPE(4), 3, 2, 1, 0);
  EXPECT_VIEW(x, tn_slice(x, .end = TN_INT(2), .step = TN_INT(-1)), TN_SHAPE(2), 4, 3);
  EXPECT_VIEW(x, tn_slice(x, .start = TN_INT(INT64_MIN), .end = TN_INT(INT64_MAX)), TN_SHAPE(5), 0,
              1, 2, 3, 4);
  EXPECT_VIEW(x, tn_slice(x, .step = TN_INT(INT64_MAX)), TN_SHAPE(1), 0);
  EXPECT_VIEW(x, tn_slice(x, .step = TN_INT(INT64_MIN)), TN_SHAPE(1), 4);
  tn_scope_close(scope);
}

TN_TEST(view, negative_step_slices_compute_everywhere) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = grid();
  tn_tensor *turned =
      tn_slice(tn_slice(x, .dim = 2, .step = TN_INT(-1)), .dim = 1, .step = TN_INT(-2));
  EXPECT_VIEW(x, turned, TN_SHAPE(A, 2, C), 23, 22, 21, 20, 3, 2, 1, 0, 123, 122, 121, 120, 103,
              102, 101, 100);
  expect_exactly(tn_sum_dim(turned, TN_DIMS(0, 1)), 252, 248, 244, 240);
  expect_exactly(tn_amax(turned, .dim = TN_DIMS(2)), 23, 3, 123, 103);
  expect_exactly(tn_neg(tn_select(tn_select(turned, 0, 0), 0, 1)), -3, -2, -1, 0);
  expect_exactly(tn_matmul(tn_select(turned, 0, 0), tn_ones(TN_SHAPE(C), .dtype = TN_F64)), 86, 6);
  tn_tensor *copy = tn_contiguous(turned);
  cr_assert(tn_tensor_is_contiguous(copy));
  cr_assert_eq(at(copy, 1, 0, 1), 122.0);
  tn_scope_close(scope);
}

TN_TEST(view, narrow_takes_a_range) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = grid();
  EXPECT_VIEW(x, tn_narrow(x, 2, 1, 2), TN_SHAPE(A, B, 2), 1, 2, 11, 12, 21, 22, 101, 102, 111, 112,
              121, 122);
  expect_shape(tn_narrow(x, 0, 2, 0), TN_SHAPE(0, B, C));
  expect_shape(tn_narrow(x, 1, -2, 2), TN_SHAPE(A, 2, C));
  tn_scope_close(scope);
}

// ---- turning -----------------------------------------------------------------------------------

TN_TEST(view, permute_and_its_kin_reorder_dims) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = grid();
  tn_tensor *turned = tn_permute(x, TN_DIMS(2, 0, 1));
  expect_shape(turned, TN_SHAPE(C, A, B));
  for (int i = 0; i < A; i++) {
    for (int j = 0; j < B; j++) {
      for (int k = 0; k < C; k++) {
        cr_assert_eq(at(turned, k, i, j), at(x, i, j, k));
        cr_assert_eq(at(tn_transpose(x, 0, -1), k, j, i), at(x, i, j, k));
        cr_assert_eq(at(tn_movedim(x, 0, 1), j, i, k), at(x, i, j, k));
        cr_assert_eq(at(tn_movedim(x, -1, 0), k, i, j), at(x, i, j, k));
      }
    }
  }
  EXPECT_VIEW(x, tn_permute(x, TN_DIMS(-1, 0, 1)), TN_SHAPE(C, A, B), 0, 10, 20, 100, 110, 120, 1,
              11, 21, 101, 111, 121, 2, 12, 22, 102, 112, 122, 3, 13, 23, 103, 113, 123);
  tn_tensor *m = tn_select(x, 0, 0);
  EXPECT_VIEW(x, tn_t(m), TN_SHAPE(C, B), 0, 10, 20, 1, 11, 21, 2, 12, 22, 3, 13, 23);
  tn_tensor *row = tn_select(m, 0, 1);
  EXPECT_VIEW(x, tn_t(row), TN_SHAPE(C), 10, 11, 12, 13);
  tn_scope_close(scope);
}

// ---- shapes ------------------------------------------------------------------------------------

TN_TEST(view, reshape_is_a_view_where_one_exists_and_a_copy_elsewhere) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = grid();
  tn_tensor *flat = tn_reshape(x, TN_SHAPE(-1));
  cr_assert(tn_tensor_shares_storage(x, flat));
  expect_shape(tn_reshape(x, TN_SHAPE(4, -1, 2)), TN_SHAPE(4, 3, 2));
  cr_assert(tn_tensor_shares_storage(
      x, tn_reshape(tn_permute(x, TN_DIMS(2, 0, 1)), TN_SHAPE(2, 2, A, B))));
  tn_tensor *copy = tn_reshape(tn_transpose(x, 1, 2), TN_SHAPE(A, C * B));
  cr_assert_not(tn_tensor_shares_storage(x, copy));
  expect_exactly(tn_select(copy, 0, 1), 100, 110, 120, 101, 111, 121, 102, 112, 122, 103, 113, 123);
  cr_assert_null(tn_view_shape(tn_transpose(x, 1, 2), TN_SHAPE(A, C * B)));
  expect_error(TN_INVALID_ARGUMENT, "view");
  tn_tensor *half = tn_slice(x, .dim = 2, .step = TN_INT(2));
  cr_assert(tn_tensor_shares_storage(x, tn_view_shape(half, TN_SHAPE(A * B * 2))),
            "evenly spaced elements are one dimension");
  expect_shape(tn_reshape(tn_zeros(TN_SHAPE(0, 3)), TN_SHAPE(3, 0, 7)), TN_SHAPE(3, 0, 7));
  expect_shape(tn_reshape(tn_zeros(TN_SHAPE(0, 3)), TN_SHAPE(-1, 5)), TN_SHAPE(0, 5));
  expect_shape(tn_reshape(tn_zeros(TN_SHAPE(1, 1)), TN_SHAPE_SCALAR), TN_SHAPE_SCALAR);
  tn_scope_close(scope);
}

TN_TEST(view, flatten_joins_dims) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = grid();
  expect_shape(tn_flatten(x), TN_SHAPE(A * B * C));
  expect_shape(tn_flatten(x, .start_dim = 1), TN_SHAPE(A, B * C));
  expect_shape(tn_flatten(x, .end_dim = TN_INT(1)), TN_SHAPE(A * B, C));
  expect_shape(tn_flatten(tn_zeros(TN_SHAPE_SCALAR)), TN_SHAPE(1));
  cr_assert_null(tn_flatten(x, .start_dim = 2, .end_dim = TN_INT(1)));
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_scope_close(scope);
}

TN_TEST(view, squeeze_and_unsqueeze_remove_and_add_ones) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_zeros(TN_SHAPE(1, 3, 1, 4));
  expect_shape(tn_squeeze(x), TN_SHAPE(3, 4));
  expect_shape(tn_squeeze_dim(x, 0), TN_SHAPE(3, 1, 4));
  expect_shape(tn_squeeze_dim(x, 1), TN_SHAPE(1, 3, 1, 4));
  expect_shape(tn_squeeze_dims(x, TN_DIMS(0, -2, 1)), TN_SHAPE(3, 4));
  expect_shape(tn_unsqueeze(x, -1), TN_SHAPE(1, 3, 1, 4, 1));
  expect_shape(tn_unsqueeze(x, 2), TN_SHAPE(1, 3, 1, 1, 4));
  expect_shape(tn_unsqueeze(tn_zeros(TN_SHAPE_SCALAR), -1), TN_SHAPE(1));
  expect_shape(tn_squeeze(tn_zeros(TN_SHAPE(1, 1))), TN_SHAPE_SCALAR);
  tn_tensor *g = grid();
  EXPECT_VIEW(g, tn_squeeze(tn_unsqueeze(tn_select(tn_select(g, 0, 0), 0, 0), 0)), TN_SHAPE(C), 0,
              1, 2, 3);
  tn_scope_close(scope);
}

TN_TEST(view, expand_repeats_without_memory) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2, 1), (double[]){1, 2});
  tn_tensor *wide = tn_expand(x, TN_SHAPE(3, 2, 2));
  expect_exactly(wide, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2);
  cr_assert_eq(tn_tensor_stride(wide, 0), 0);
  cr_assert_eq(tn_tensor_stride(wide, 2), 0);
  cr_assert(tn_tensor_shares_storage(x, wide));
  expect_shape(tn_expand(x, TN_SHAPE(-1, 4)), TN_SHAPE(2, 4));
  expect_shape(tn_expand(x, TN_SHAPE(0, 2, 1)), TN_SHAPE(0, 2, 1));
  expect_exactly(tn_broadcast_to(x, TN_SHAPE(2, 2)), 1, 1, 2, 2);
  expect_exactly(tn_expand(tn_select(tn_select(x, 0, 1), 0, 0), TN_SHAPE(3)), 2, 2, 2);
  tn_scope_close(scope);
}

// ---- diagonals and raw strides -----------------------------------------------------------------

TN_TEST(view, diagonal_walks_two_dims_together) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = grid();
  tn_tensor *m = tn_select(x, 0, 1);
  EXPECT_VIEW(x, tn_diagonal(m), TN_SHAPE(3), 100, 111, 122);
  EXPECT_VIEW(x, tn_diagonal(m, .offset = 2), TN_SHAPE(2), 102, 113);
  EXPECT_VIEW(x, tn_diagonal(m, .offset = -1), TN_SHAPE(2), 110, 121);
  EXPECT_VIEW(x, tn_diagonal(x, .dim1 = 0, .dim2 = TN_INT(2)), TN_SHAPE(B, 2), 0, 101, 10, 111, 20,
              121);
  expect_shape(tn_diagonal(m, .offset = 9), TN_SHAPE(0));
  expect_shape(tn_diagonal(m, .offset = INT64_MAX), TN_SHAPE(0));
  expect_shape(tn_diagonal(m, .offset = INT64_MIN), TN_SHAPE(0));
  cr_assert_null(tn_diagonal(m, .dim1 = 1, .dim2 = TN_INT(-1)));
  expect_error(TN_INVALID_ARGUMENT, "dim");
  tn_scope_close(scope);
}

TN_TEST(view, as_strided_addresses_the_storage) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_arange(10, .dtype = TN_F64);
  EXPECT_VIEW(x, tn_as_strided(x, TN_SHAPE(2, 2), TN_INTS(5, 2)), TN_SHAPE(2, 2), 0, 2, 5, 7);
  tn_tensor *tail = tn_slice(x, .start = TN_INT(4));
  EXPECT_VIEW(x, tn_as_strided(tail, TN_SHAPE(2), TN_INTS(3)), TN_SHAPE(2), 4, 7);
  EXPECT_VIEW(x, tn_as_strided(tail, TN_SHAPE(2), TN_INTS(3), .storage_offset = TN_INT(0)),
              TN_SHAPE(2), 0, 3);
  tn_tensor *windows = tn_as_strided(x, TN_SHAPE(3, 4), TN_INTS(1, 1));
  expect_exactly(windows, 0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5);
  tn_scope_close(scope);
}

// ---- lists -------------------------------------------------------------------------------------

TN_TEST(view, split_chunk_unbind_cut_a_dim) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = grid();
  tn_list *parts = tn_split(x, 3, .dim = 2);
  cr_assert_eq(tn_list_count(parts), 2);
  EXPECT_VIEW(x, tn_list_at(parts, 1), TN_SHAPE(A, B, 1), 3, 13, 23, 103, 113, 123);
  parts = tn_split_with_sizes(x, TN_INTS(1, 0, 2), .dim = 1);
  cr_assert_eq(tn_list_count(parts), 3);
  expect_shape(tn_list_at(parts, 1), TN_SHAPE(A, 0, C));
  EXPECT_VIEW(x, tn_list_at(parts, 0), TN_SHAPE(A, 1, C), 0, 1, 2, 3, 100, 101, 102, 103);
  parts = tn_chunk(x, 3, .dim = -1);
  cr_assert_eq(tn_list_count(parts), 2, "three chunks of four elements are two of two");
  expect_shape(tn_list_at(parts, 1), TN_SHAPE(A, B, 2));
  parts = tn_unbind(x, .dim = 1);
  cr_assert_eq(tn_list_count(parts), B);
  EXPECT_VIEW(x, tn_list_at(parts, 2), TN_SHAPE(A, C), 20, 21, 22, 23, 120, 121, 122, 123);
  cr_assert_eq(tn_list_count(tn_split(tn_zeros(TN_SHAPE(0)), 2)), 1);
  cr_assert_eq(tn_list_count(tn_unbind(tn_zeros(TN_SHAPE(0, 2)))), 0);
  tn_scope_close(scope);
}

// ---- what is no view ---------------------------------------------------------------------------

TN_TEST(copy, flip_repeat_tril_cat_stack_have_memory_of_their_own) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_reshape(tn_arange(4, .dtype = TN_F64), TN_SHAPE(2, 2));
  tn_tensor *copies[] = {
      tn_flip(x, TN_DIMS(0, 1)), tn_repeat(x, TN_INTS(1, 2)), tn_tril(x), tn_triu(x, .diagonal = 1),
      tn_cat(TN_TENSORS(x)),     tn_stack(TN_TENSORS(x)),     tn_clone(x)};
  for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
    cr_assert_not(tn_tensor_shares_storage(x, copies[i]));
  }
  expect_exactly(copies[0], 3, 2, 1, 0);
  expect_exactly(copies[1], 0, 1, 0, 1, 2, 3, 2, 3);
  expect_exactly(copies[2], 0, 0, 2, 3);
  expect_exactly(copies[3], 0, 1, 0, 0);
  expect_shape(copies[5], TN_SHAPE(1, 2, 2));
  cr_assert(tn_tensor_shares_storage(x, tn_contiguous(x)));
  expect_exactly(tn_cat(TN_TENSORS(x, tn_t(x)), .dim = 1), 0, 1, 0, 2, 2, 3, 1, 3);
  expect_exactly(tn_stack(TN_TENSORS(x, tn_t(x)), .dim = 2), 0, 0, 1, 2, 2, 1, 3, 3);
  tn_scope_close(scope);
}
