// SPDX-License-Identifier: Apache-2.0
//
// Batches: every row once, the same order for the same seed, rows that stay together.

#include "nn_test.h"

enum { ROWS = 10 };

// Rows [i, i] beside labels 100 + i.
static tn_loader *numbered(int64_t batch_size, bool drop_last) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *labels = tn_arange(ROWS);
  tn_tensor *rows = tn_expand(tn_unsqueeze(labels, 1), TN_SHAPE(ROWS, 2));
  tn_tensor *shifted = tn_add_scalar(labels, 100);
  tn_loader *loader =
      tn_loader_create(TN_TENSORS(rows, shifted), batch_size, .drop_last = drop_last);
  tn_scope_close(scope);
  cr_assert_not_null(loader);
  return loader;
}

// The labels of all batches, one after the other; checks that each row is beside its label.
static int64_t read_all(tn_loader *loader, int64_t order[ROWS]) {
  int64_t count = 0;
  for (int64_t i = 0; i < tn_loader_batch_count(loader); i++) {
    tn_scope *scope = tn_scope_open();
    tn_tensor *batch[2];
    cr_assert_eq(tn_loader_batch(loader, i, batch), TN_OK);
    for (int64_t k = 0; k < tn_tensor_size(batch[1], 0); k++) {
      int64_t label = tn_item_int(tn_select(batch[1], 0, k));
      int64_t left = tn_item_int(tn_select(tn_select(batch[0], 0, k), 0, 0));
      int64_t right = tn_item_int(tn_select(tn_select(batch[0], 0, k), 0, 1));
      cr_assert(left == right && left + 100 == label);
      order[count++] = left;
    }
    tn_scope_close(scope);
  }
  expect_ok();
  return count;
}

TN_TEST(nn_loader, keeps_the_order_until_it_is_shuffled) {
  tn_loader *loader = numbered(4, false);
  int64_t order[ROWS];
  cr_assert_eq(tn_loader_row_count(loader), ROWS);
  cr_assert_eq(tn_loader_batch_count(loader), 3);
  cr_assert_eq(read_all(loader, order), ROWS);
  for (int i = 0; i < ROWS; i++) cr_assert_eq(order[i], i);
  tn_loader_release(loader);
}

TN_TEST(nn_loader, shuffling_gives_every_row_once) {
  tn_loader *loader = numbered(3, false);
  int64_t order[ROWS];
  tn_manual_seed(5);
  cr_assert_eq(tn_loader_shuffle(loader), TN_OK);
  cr_assert_eq(read_all(loader, order), ROWS);
  bool seen[ROWS] = {false};
  bool moved = false;
  for (int i = 0; i < ROWS; i++) {
    cr_assert(!seen[order[i]]);
    seen[order[i]] = true;
    moved = moved || order[i] != i;
  }
  cr_assert(moved);
  tn_loader_release(loader);
}

TN_TEST(nn_loader, a_seed_decides_the_order_and_each_epoch_has_its_own) {
  tn_loader *loader = numbered(4, false);
  int64_t first[ROWS], second[ROWS], again[ROWS];
  tn_manual_seed(5);
  tn_loader_shuffle(loader);
  read_all(loader, first);
  tn_loader_shuffle(loader);
  read_all(loader, second);
  tn_manual_seed(5);
  tn_loader_shuffle(loader);
  read_all(loader, again);
  cr_assert_arr_eq(first, again, sizeof first);
  cr_assert_neq(memcmp(first, second, sizeof first), 0);
  tn_loader_release(loader);
}

TN_TEST(nn_loader, drop_last_leaves_out_the_small_batch) {
  tn_loader *loader = numbered(4, true);
  int64_t order[ROWS];
  cr_assert_eq(tn_loader_batch_count(loader), 2);
  cr_assert_eq(read_all(loader, order), 8);
  tn_loader_release(loader);
}

TN_TEST(nn_loader, batches_in_order_share_the_data) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_zeros(TN_SHAPE(6, 2));
  tn_loader *loader = tn_loader_create(TN_TENSORS(x), 4);
  tn_tensor *batch;
  cr_assert_eq(tn_loader_batch(loader, 1, &batch), TN_OK);
  expect_shape(batch, TN_SHAPE(2, 2));
  cr_assert(tn_tensor_shares_storage(batch, x));
  tn_loader_release(loader);
  tn_scope_close(scope);
}

TN_TEST(nn_loader, without_a_scope_batches_belong_to_the_caller) {
  tn_loader *loader = numbered(4, false);
  tn_tensor *batch[2];
  cr_assert_eq(tn_loader_shuffle(loader), TN_OK);
  cr_assert_eq(tn_loader_batch(loader, 0, batch), TN_OK);
  tn_loader_release(loader);
  expect_shape(batch[0], TN_SHAPE(4, 2));
  tn_release(batch[0]);
  tn_release(batch[1]);
}

TN_TEST(nn_loader, a_batch_that_is_not_there_is_out_of_range) {
  tn_loader *loader = numbered(4, false);
  tn_tensor *batch[2] = {TN_NONE, TN_NONE};
  cr_assert_eq(tn_loader_batch(loader, 3, batch), TN_OUT_OF_RANGE);
  expect_error(TN_OUT_OF_RANGE, "batch 3 of 3");
  cr_assert(batch[0] == NULL && batch[1] == NULL);
  cr_assert_eq(tn_loader_batch(loader, -1, batch), TN_OUT_OF_RANGE);
  tn_error_clear();
  tn_loader_release(loader);
}

TN_TEST(nn_loader, what_cannot_be_loaded_is_refused) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *three = tn_zeros(TN_SHAPE(3));
  tn_tensor *four = tn_zeros(TN_SHAPE(4));
  cr_assert_null(tn_loader_create(TN_TENSORS(three, four), 2));
  expect_error(TN_INVALID_ARGUMENT, "tensor 1 has 4 rows, the first 3");
  cr_assert_null(tn_loader_create(TN_TENSORS(three), 0));
  expect_error(TN_INVALID_ARGUMENT, "batch_size");
  cr_assert_null(tn_loader_create(TN_TENSORS(tn_zeros(TN_SHAPE_SCALAR)), 1));
  expect_error(TN_INVALID_ARGUMENT, "no rows");
  cr_assert_null(tn_loader_create(((tn_tensors){NULL, 0}), 1));
  expect_error(TN_INVALID_ARGUMENT, "no tensors");
  cr_assert_eq(tn_loader_shuffle(NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  tn_loader_release(NULL);
  cr_assert_eq(tn_loader_batch_count(NULL), 0);
  tn_scope_close(scope);
}

TN_TEST(nn_loader, no_rows_are_no_batches) {
  tn_scope *scope = tn_scope_open();
  tn_loader *loader = tn_loader_create(TN_TENSORS(tn_zeros(TN_SHAPE(0, 2))), 4);
  cr_assert_eq(tn_loader_batch_count(loader), 0);
  cr_assert_eq(tn_loader_shuffle(loader), TN_OK);
  tn_loader_release(loader);
  tn_scope_close(scope);
}
