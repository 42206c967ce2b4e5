// SPDX-License-Identifier: Apache-2.0
//
// What a tensor is made of: memory that is shared with the program, views that share a storage,
// version counters, moving and casting, and values on their way out.

#include <pthread.h>
#include <stdlib.h>

#include "tensor_test.h"

static void count_call(void *context) { ++*(int *)context; }

// ---- foreign memory ----------------------------------------------------------------------------

TN_TEST(from_blob, shares_memory_both_ways) {
  double cells[4] = {1, 2, 3, 4};
  tn_tensor *x = tn_from_blob(cells, TN_SHAPE(2, 2), TN_NO_DIMS, TN_F64, NULL, NULL);
  cells[3] = 40;
  expect_exactly(x, 1, 2, 3, 40);
  cr_assert_eq(tn_mul_scalar_(x, 10), TN_OK);
  cr_assert(cells[0] == 10 && cells[3] == 400);
  cr_assert_eq(tn_tensor_data(x), (void *)cells);
  tn_release(x);
}

TN_TEST(from_blob, deleter_runs_once_when_the_last_view_is_gone) {
  int calls = 0;
  float cells[4] = {1, 2, 3, 4};
  tn_tensor *x = tn_from_blob(cells, TN_SHAPE(4), TN_NO_DIMS, TN_F32, count_call, &calls);
  tn_tensor *view = tn_slice(x, .start = TN_INT(1));
  tn_tensor *deeper = tn_reshape(view, TN_SHAPE(3, 1));
  tn_release(x);
  tn_release(view);
  cr_assert_eq(calls, 0);
  expect_exactly(deeper, 2, 3, 4);
  tn_release(deeper);
  cr_assert_eq(calls, 1);
}

static void *release_there(void *tensor) {
  tn_release(tensor);
  return NULL;
}

TN_TEST(from_blob, deleter_runs_on_whatever_thread_releases_last) {
  int calls = 0;
  float cell = 1;
  pthread_t thread;
  tn_tensor *x = tn_from_blob(&cell, TN_SHAPE(1), TN_NO_DIMS, TN_F32, count_call, &calls);
  cr_assert_eq(pthread_create(&thread, NULL, release_there, x), 0);
  pthread_join(thread, NULL);
  cr_assert_eq(calls, 1);
}

TN_TEST(from_blob, deleter_does_not_run_when_the_call_fails) {
  int calls = 0;
  float cell = 1;
  cr_assert_null(tn_from_blob(&cell, TN_SHAPE(-1), TN_NO_DIMS, TN_F32, count_call, &calls));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_from_blob(&cell, TN_SHAPE(1), TN_INTS(1, 1), TN_F32, count_call, &calls));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_from_blob(NULL, TN_SHAPE(1), TN_NO_DIMS, TN_F32, count_call, &calls));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_from_blob(&cell, TN_SHAPE(1), TN_NO_DIMS, 77, count_call, &calls));
  expect_error(TN_INVALID_DTYPE, "");
  cr_assert_eq(calls, 0);
}

TN_TEST(from_blob, memory_is_kept_by_a_graph_that_saved_it) {
  int calls = 0;
  double cells[2] = {5, 6};
  tn_tensor *w = tn_ones(TN_SHAPE(2), .dtype = TN_F64);
  tn_requires_grad_(w, true);
  tn_tensor *x = tn_from_blob(cells, TN_SHAPE(2), TN_NO_DIMS, TN_F64, count_call, &calls);
  tn_tensor *y = tn_mul(w, x);
  tn_tensor *loss = tn_sum(y);
  tn_release(x);
  tn_release(y);
  cr_assert_eq(calls, 0);
  cr_assert_eq(tn_backward(loss), TN_OK);
  cr_assert_eq(calls, 1, "a backward pass gives up what was saved");
  expect_exactly(tn_tensor_grad(w), 5, 6);
  tn_release(loss);
  tn_release(w);
}

TN_TEST(from_blob, takes_any_strides) {
  double cells[6] = {0, 1, 2, 3, 4, 5};
  tn_scope *scope = tn_scope_open();
  tn_tensor *column_major = tn_from_blob(cells, TN_SHAPE(2, 3), TN_INTS(1, 2), TN_F64, NULL, NULL);
  expect_exactly(column_major, 0, 2, 4, 1, 3, 5);
  tn_tensor *backward = tn_from_blob(cells + 5, TN_SHAPE(6), TN_INTS(-1), TN_F64, NULL, NULL);
  expect_exactly(backward, 5, 4, 3, 2, 1, 0);
  expect_exactly(tn_add(backward, backward), 10, 8, 6, 4, 2, 0);
  cr_assert_eq(tn_tensor_data(backward), (void *)(cells + 5));
  tn_tensor *mixed = tn_from_blob(cells + 2, TN_SHAPE(2, 3), TN_INTS(3, -1), TN_F64, NULL, NULL);
  expect_exactly(mixed, 2, 1, 0, 5, 4, 3);
  expect_exactly(tn_sum_dim(mixed, TN_DIMS(0)), 7, 5, 3);
  tn_tensor *constant = tn_from_blob(cells + 3, TN_SHAPE(2, 2), TN_INTS(0, 0), TN_F64, NULL, NULL);
  expect_exactly(constant, 3, 3, 3, 3);
  cr_assert_not(tn_tensor_is_contiguous(constant));
  cr_assert_eq(tn_add_scalar_(backward, 1), TN_OK);
  cr_assert(cells[0] == 1 && cells[5] == 6);
  cr_assert_eq(tn_add_scalar_(constant, 1), TN_INVALID_ARGUMENT, "several elements are one");
  expect_error(TN_INVALID_ARGUMENT, "clone");
  cr_assert_eq(cells[3], 4.0);
  tn_scope_close(scope);
}

TN_TEST(from_blob, takes_every_dtype) {
  _Alignas(16) unsigned char cells[32] = {0};
  for (tn_dtype dtype = TN_BOOL; dtype < TN_DTYPE_COUNT; dtype++) {
    tn_tensor *x = tn_from_blob(cells, TN_SHAPE(2), TN_NO_DIMS, dtype, NULL, NULL);
    cr_assert_eq(tn_tensor_dtype(x), dtype);
    expect_exactly(x, 0, 0);
    tn_release(x);
  }
}

TN_TEST(from_data, copies) {
  double cells[2] = {1, 2};
  tn_tensor *x = tn_from_data(cells, TN_SHAPE(2), TN_F64);
  cells[0] = 100;
  expect_exactly(x, 1, 2);
  cr_assert_neq(tn_tensor_const_data(x), (const void *)cells);
  tn_release(x);
}

TN_TEST(from_data, makes_scalars_and_empty_tensors) {
  tn_tensor *scalar = tn_from_data(TN_F64S(7), TN_SHAPE_SCALAR, TN_F64);
  cr_assert_eq(tn_tensor_ndim(scalar), 0);
  cr_assert_eq(tn_tensor_numel(scalar), 1);
  cr_assert_eq(tn_item(scalar), 7.0);
  tn_tensor *empty = tn_from_data(TN_F64S(7), TN_SHAPE(3, 0, 2), TN_F64);
  cr_assert_eq(tn_tensor_numel(empty), 0);
  expect_shape(empty, TN_SHAPE(3, 0, 2));
  tn_release(scalar);
  tn_release(empty);
}

// ---- what a tensor says of itself --------------------------------------------------------------

TN_TEST(tensor, says_its_geometry) {
  tn_tensor *x = tn_zeros(TN_SHAPE(2, 3, 4));
  cr_assert_eq(tn_tensor_ndim(x), 3);
  cr_assert_eq(tn_tensor_numel(x), 24);
  cr_assert_eq(tn_tensor_size(x, -1), 4);
  cr_assert_eq(tn_tensor_size(x, 3), -1);
  cr_assert_eq(tn_tensor_size(x, -4), -1);
  cr_assert_eq(tn_tensor_stride(x, 0), 12);
  cr_assert_eq(tn_tensor_stride(x, -2), 4);
  cr_assert_eq(tn_tensor_stride(x, 3), -1);
  cr_assert_eq(tn_tensor_storage_offset(x), 0);
  cr_assert(tn_tensor_is_contiguous(x));
  cr_assert_not(tn_tensor_is_view(x));
  cr_assert(tn_device_equal(tn_tensor_device(x), TN_DEVICE_CPU));
  tn_ints shape = tn_tensor_shape(x);
  cr_assert(shape.count == 3 && shape.data[1] == 3);
  cr_assert_eq(tn_tensor_sizes(x)[2], 4);
  cr_assert_eq(tn_tensor_strides(x)[2], 1);
  tn_release(x);
}

TN_TEST(tensor, of_rank_32_computes) {
  int64_t sizes[32];
  for (int i = 0; i < 32; i++) sizes[i] = i % 16 == 0 ? 2 : 1;
  tn_tensor *x = tn_arange(4, .dtype = TN_F64);
  tn_tensor *deep = tn_reshape(x, tn_ints_of(sizes, 32));
  tn_tensor *turned = tn_transpose(deep, 0, 16);
  tn_tensor *sum = tn_add(deep, turned);
  expect_exactly(sum, 0, 3, 3, 6);
  tn_tensor *one = tn_sum_dim(sum, TN_DIMS(0), .keepdim = true);
  expect_exactly(one, 3, 9);
  tn_release(one);
  tn_release(sum);
  tn_release(turned);
  tn_release(deep);
  tn_release(x);
}

TN_TEST(view, shares_storage_and_says_so) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_zeros(TN_SHAPE(4)), *other = tn_zeros(TN_SHAPE(4));
  tn_tensor *view = tn_slice(x, .start = TN_INT(2));
  cr_assert(tn_tensor_is_view(view));
  cr_assert(tn_tensor_shares_storage(x, view));
  cr_assert_not(tn_tensor_shares_storage(x, other));
  cr_assert_eq(tn_tensor_storage_offset(view), 2);
  cr_assert_eq(tn_fill_(view, 5), TN_OK);
  expect_exactly(x, 0, 0, 5, 5);
  cr_assert_not(tn_tensor_shares_storage(x, tn_clone(x)));
  cr_assert_eq((const char *)tn_tensor_const_data(view) - (const char *)tn_tensor_const_data(x), 8);
  tn_scope_close(scope);
}

// ---- versions ----------------------------------------------------------------------------------

TN_TEST(version, grows_with_every_change_through_any_view) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_zeros(TN_SHAPE(4));
  tn_tensor *view = tn_select(x, 0, 1), *detached = tn_detach(x);
  uint64_t version = tn_tensor_version(x);
  tn_status changes[] = {tn_add_scalar_(x, 1),       tn_mul_scalar_(view, 2),
                         tn_fill_(detached, 3),      tn_copy_(view, tn_ones(TN_SHAPE_SCALAR)),
                         tn_exp_out(x, tn_clone(x)), tn_tensor_data(x) != NULL ? TN_OK : -1};
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) cr_assert_eq(changes[i], TN_OK);
  cr_assert_eq(tn_tensor_version(x), version + 6);
  cr_assert_eq(tn_tensor_version(view), version + 6);
  cr_assert_eq(tn_tensor_version(detached), version + 6);
  tn_scope_close(scope);
}

TN_TEST(version, does_not_grow_with_reading_or_failing) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(2));
  uint64_t version = tn_tensor_version(x);
  double out[2];
  tn_add(x, x);
  tn_sum(x);
  tn_select(x, 0, 0);
  tn_tensor_const_data(x);
  tn_copy_to_host(x, out, sizeof out, TN_F64);
  cr_assert_neq(tn_add_(x, tn_ones(TN_SHAPE(3))), TN_OK);
  cr_assert_neq(tn_copy_(x, tn_ones(TN_SHAPE(3))), TN_OK);
  tn_error_clear();
  cr_assert_eq(tn_tensor_version(x), version);
  tn_scope_close(scope);
}

// ---- moving and casting ------------------------------------------------------------------------

TN_TEST(to, gives_the_same_tensor_retained_when_nothing_changes) {
  tn_tensor *x = tn_ones(TN_SHAPE(2));
  tn_tensor *same[] = {tn_to(x, TN_DEVICE_CPU, TN_F32), tn_to(x, TN_DEVICE_DEFAULT, TN_DTYPE_NONE),
                       tn_to_named(x, "cpu", TN_DTYPE_NONE), tn_to_named(x, "cpu:0", TN_F32)};
  for (int i = 0; i < 4; i++) cr_assert_eq(same[i], x);
  cr_assert_eq(tn_tensor_refcount(x), 5);
  for (int i = 0; i < 5; i++) tn_release(x);
}

TN_TEST(to, casts_between_all_dtypes) {
  for (tn_dtype from = TN_BOOL; from < TN_DTYPE_COUNT; from++) {
    for (tn_dtype to = TN_BOOL; to < TN_DTYPE_COUNT; to++) {
      tn_scope *scope = tn_scope_open();
      tn_tensor *x = tn_to(doubles(TN_SHAPE(3), (double[]){0, 1, 3}), TN_DEVICE_DEFAULT, from);
      tn_tensor *y = tn_to(x, TN_DEVICE_DEFAULT, to);
      cr_assert_not_null(y, "%s to %s", tn_dtype_name(from), tn_dtype_name(to));
      cr_assert_eq(tn_tensor_dtype(y), to);
      bool truth = from == TN_BOOL || to == TN_BOOL;
      expect_exactly(y, 0, 1, truth ? 1 : 3);
      tn_scope_close(scope);
    }
  }
}

TN_TEST(to, casts_a_strided_view_and_is_differentiable) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_reshape(tn_arange(6, .dtype = TN_F32), TN_SHAPE(2, 3));
  tn_requires_grad_(x, true);
  tn_tensor *y = tn_to(tn_t(x), TN_DEVICE_DEFAULT, TN_F64);
  expect_exactly(y, 0, 3, 1, 4, 2, 5);
  cr_assert_eq(tn_backward(tn_sum(tn_mul(y, y))), TN_OK);
  cr_assert_eq(tn_tensor_dtype(tn_tensor_grad(x)), TN_F32);
  expect_exactly(tn_tensor_grad(x), 0, 2, 4, 6, 8, 10);
  tn_scope_close(scope);
}

// ---- values out --------------------------------------------------------------------------------

TN_TEST(item, of_every_dtype) {
  tn_scope *scope = tn_scope_open();
  for (tn_dtype dtype = TN_BOOL; dtype < TN_DTYPE_COUNT; dtype++) {
    tn_tensor *one = tn_ones(TN_SHAPE(1, 1), .dtype = dtype);
    cr_assert_eq(tn_item(one), 1.0, "%s", tn_dtype_name(dtype));
    if (!tn_dtype_is_complex(dtype)) cr_assert_eq(tn_item_int(one), 1);
  }
  tn_tensor *big = tn_full(TN_SHAPE_SCALAR, UINT64_MAX, .dtype = TN_U64);
  tn_scalar scalar = tn_item_scalar(big);
  cr_assert_eq(scalar.kind, TN_SCALAR_UINT);
  cr_assert_eq(scalar.as.u, UINT64_MAX);
  tn_tensor *low = tn_full(TN_SHAPE_SCALAR, INT64_MIN);
  cr_assert_eq(tn_item_int(low), INT64_MIN);
  tn_tensor *z = tn_full(TN_SHAPE(1), 1.5 - 2.5 * I);
  scalar = tn_item_scalar(z);
  cr_assert_eq(scalar.kind, TN_SCALAR_COMPLEX);
  cr_assert(scalar.as.c.real == 1.5 && scalar.as.c.imag == -2.5);
  cr_assert_eq(tn_item_scalar(tn_gt_scalar(low, 0)).kind, TN_SCALAR_BOOL);
  expect_ok();
  tn_scope_close(scope);
}

TN_TEST(copy_to_host, is_row_major_and_casts) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_t(tn_reshape(tn_arange(6), TN_SHAPE(2, 3)));
  int32_t whole[6];
  cr_assert_eq(tn_copy_to_host(x, whole, sizeof whole, TN_I32), TN_OK);
  const int32_t expected[] = {0, 3, 1, 4, 2, 5};
  cr_assert_arr_eq(whole, expected, sizeof expected);
  unsigned char none = 9;
  cr_assert_eq(tn_copy_to_host(tn_zeros(TN_SHAPE(0)), &none, 0, TN_F32), TN_OK);
  cr_assert_eq(none, 9);
  tn_scope_close(scope);
}

// ---- defaults ----------------------------------------------------------------------------------

TN_TEST(defaults, dtype_is_float32_until_set) {
  cr_assert_eq(tn_default_dtype(), TN_F32);
  tn_tensor *x = tn_zeros(TN_SHAPE(1));
  cr_assert_eq(tn_tensor_dtype(x), TN_F32);
  cr_assert_eq(tn_set_default_dtype(TN_F64), TN_OK);
  tn_tensor *y = tn_zeros(TN_SHAPE(1)), *whole = tn_ones(TN_SHAPE(1), .dtype = TN_I32);
  tn_tensor *root = tn_sqrt(whole), *range = tn_arange(3), *halves = tn_arange(1.5);
  cr_assert_eq(tn_tensor_dtype(y), TN_F64);
  cr_assert_eq(tn_tensor_dtype(root), TN_F64, "integers become the default dtype");
  cr_assert_eq(tn_tensor_dtype(range), TN_I64);
  cr_assert_eq(tn_tensor_dtype(halves), TN_F64);
  cr_assert_eq(tn_set_default_dtype(TN_F32), TN_OK);
  tn_release(x);
  tn_release(y);
  tn_release(whole);
  tn_release(root);
  tn_release(range);
  tn_release(halves);
}

TN_TEST(defaults, device_is_the_cpu) {
  char name[16];
  tn_device device = tn_device_default();
  cr_assert_str_eq(tn_device_name(device, name, sizeof name), "cpu");
  cr_assert_eq(tn_device_set_default(device), TN_OK);
  cr_assert(tn_device_is_available("cpu"));
  cr_assert_eq(tn_device_count("cpu"), 1);
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
}

TN_TEST(factories, take_dtype_and_device_from_the_like) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(2, 3), .dtype = TN_I16);
  cr_assert_eq(tn_tensor_dtype(tn_zeros_like(x)), TN_I16);
  cr_assert_eq(tn_tensor_dtype(tn_ones_like(x, .dtype = TN_F64)), TN_F64);
  expect_shape(tn_empty_like(tn_t(x)), TN_SHAPE(3, 2));
  expect_exactly(tn_full_like(x, 7), 7, 7, 7, 7, 7, 7);
  tn_scope_close(scope);
}

TN_TEST(factories, infer_the_dtype_of_a_number) {
  tn_scope *scope = tn_scope_open();
  cr_assert_eq(tn_tensor_dtype(tn_full(TN_SHAPE(1), 3)), TN_I64);
  cr_assert_eq(tn_tensor_dtype(tn_full(TN_SHAPE(1), 3.0)), TN_F32);
  cr_assert_eq(tn_tensor_dtype(tn_full(TN_SHAPE(1), (bool)1)), TN_BOOL);
  cr_assert_eq(tn_tensor_dtype(tn_full(TN_SHAPE(1), 1.0 * I)), TN_C64);
  expect_exactly(tn_arange_step(5, 0, .step = TN_SCALAR(-2)), 5, 3, 1);
  expect_shape(tn_arange_step(3, 3), TN_SHAPE(0));
  expect_exactly(tn_linspace(0, 1, 5), 0, 0.25, 0.5, 0.75, 1);
  expect_exactly(tn_linspace(3, 9, 1), 3);
  expect_shape(tn_linspace(0, 1, 0), TN_SHAPE(0));
  expect_exactly(tn_eye_m(2, 3), 1, 0, 0, 0, 1, 0);
  tn_scope_close(scope);
}

TN_TEST(factories, empty_strided_reaches_its_last_element) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_empty_strided(TN_SHAPE(2, 3), TN_INTS(1, 4), .dtype = TN_F64);
  cr_assert_eq(tn_tensor_stride(x, 1), 4);
  cr_assert_eq(tn_fill_(x, 2), TN_OK);
  expect_exactly(x, 2, 2, 2, 2, 2, 2);
  tn_scope_close(scope);
}
