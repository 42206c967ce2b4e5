// SPDX-License-Identifier: Apache-2.0
//
// Saving and loading a module: what comes back is what was there, and a folder that does not fit
// changes nothing.

#define _XOPEN_SOURCE 700

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn_test.h"

static char folder[] = "/tmp/tenon-test-state-XXXXXX";
static char state[64];

static int remove_one(const char *name, const struct stat *about, int type, struct FTW *where) {
  (void)about;
  (void)type;
  (void)where;
  return remove(name);
}

static void make_folder(void) {
  cr_assert_not_null(mkdtemp(folder));
  (void)snprintf(state, sizeof state, "%s/state", folder);
}

static void remove_folder(void) { nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

#define STATE_TEST(name) TN_TEST(nn_state, name, .init = make_folder, .fini = remove_folder)

// Two layers with parameters and buffers, drawn from |seed|.
static tn_module *small_model(uint64_t seed) {
  tn_manual_seed(seed);
  return tn_nn_sequential(
      TN_MODULES(tn_nn_conv2d(1, 2, TN_INTS(3)), tn_nn_batch_norm2d(2), tn_nn_relu()));
}

static bool same_tensors(const tn_module *a, const tn_module *b, const char *path) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *differ = tn_ne(tn_module_tensor_at(a, path), tn_module_tensor_at(b, path));
  bool same = tn_item_int(tn_sum(differ)) == 0;
  tn_scope_close(scope);
  expect_ok();
  return same;
}

static void path_in_state(char out[128], const char *name) {
  (void)snprintf(out, 128, "%s/%s", state, name);
}

STATE_TEST(a_round_trip_restores_parameters_and_buffers) {
  tn_module *saved = small_model(1);
  tn_module *loaded = small_model(2);
  tn_init_constant_(tn_module_tensor_at(saved, "1.running_mean"), 3);
  cr_assert(!same_tensors(saved, loaded, "0.weight"));
  cr_assert_eq(tn_module_save(saved, state), TN_OK);
  cr_assert_eq(tn_module_load(loaded, state), TN_OK);
  const char *const paths[] = {"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    cr_assert(same_tensors(saved, loaded, paths[i]), "%s", paths[i]);
  }
  tn_tensor *weight = tn_module_tensor_at(loaded, "0.weight");
  cr_assert(tn_requires_grad(weight) && tn_is_leaf(weight));
  tn_module_release(saved);
  tn_module_release(loaded);
  expect_ok();
}

STATE_TEST(files_are_npy_named_by_path_and_nothing_else_is_left) {
  tn_module *model = small_model(1);
  char name[128];
  cr_assert_eq(tn_module_save(model, state), TN_OK);
  cr_assert_eq(tn_module_save(model, state), TN_OK);  // over itself
  path_in_state(name, "0.weight.npy");
  tn_tensor *weight = tn_npy_load(name);
  expect_shape(weight, TN_SHAPE(2, 1, 3, 3));
  tn_release(weight);
  path_in_state(name, ".saving");
  cr_assert_neq(access(name, F_OK), 0);
  tn_module_release(model);
}

STATE_TEST(loading_casts_to_the_modules_dtype) {
  tn_module *saved = small_model(1);
  tn_module *loaded = small_model(2);
  cr_assert_eq(tn_module_to(loaded, TN_DEVICE_DEFAULT, TN_F64), TN_OK);
  cr_assert_eq(tn_module_save(saved, state), TN_OK);
  cr_assert_eq(tn_module_load(loaded, state), TN_OK);
  cr_assert_eq(tn_tensor_dtype(tn_module_tensor_at(loaded, "0.weight")), TN_F64);
  cr_assert(same_tensors(saved, loaded, "0.weight"));
  tn_module_release(saved);
  tn_module_release(loaded);
}

STATE_TEST(bfloat16_survives_a_format_that_does_not_know_it) {
  tn_module *saved = small_model(1);
  tn_module *loaded = small_model(2);
  cr_assert_eq(tn_module_to(saved, TN_DEVICE_DEFAULT, TN_BF16), TN_OK);
  cr_assert_eq(tn_module_to(loaded, TN_DEVICE_DEFAULT, TN_BF16), TN_OK);
  cr_assert_eq(tn_module_save(saved, state), TN_OK);
  cr_assert_eq(tn_module_load(loaded, state), TN_OK);
  cr_assert(same_tensors(saved, loaded, "0.weight"));
  tn_module_release(saved);
  tn_module_release(loaded);
}

// ---- folders that do not fit -------------------------------------------------------------------

// Loading what is in the folder fails and leaves a model of seed 2 as it was.
static void expect_no_change(tn_status status, const char *words) {
  tn_module *model = small_model(2);
  tn_module *untouched = small_model(2);
  cr_assert_eq(tn_module_load(model, state), status);
  expect_error(status, words);
  cr_assert(same_tensors(model, untouched, "0.weight"));
  cr_assert(same_tensors(model, untouched, "1.bias"));
  tn_module_release(model);
  tn_module_release(untouched);
}

static void save_small_model(void) {
  tn_module *model = small_model(1);
  cr_assert_eq(tn_module_save(model, state), TN_OK);
  tn_module_release(model);
}

STATE_TEST(a_folder_that_is_not_there_is_not_found) { expect_no_change(TN_NOT_FOUND, state); }

STATE_TEST(a_missing_file_is_named) {
  char name[128];
  save_small_model();
  path_in_state(name, "1.bias.npy");
  cr_assert_eq(unlink(name), 0);
  expect_no_change(TN_NOT_FOUND, "1.bias.npy");
}

STATE_TEST(a_file_too_many_is_named) {
  char name[128];
  save_small_model();
  path_in_state(name, "7.weight.npy");
  tn_tensor *stranger = tn_zeros(TN_SHAPE(1));
  cr_assert_eq(tn_npy_save(stranger, name), TN_OK);
  tn_release(stranger);
  expect_no_change(TN_INVALID_ARGUMENT, "7.weight.npy");
  tn_module *model = small_model(1);
  cr_assert_eq(tn_module_save(model, state), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "7.weight.npy");
  tn_module_release(model);
}

STATE_TEST(another_shape_is_shown_beside_the_modules) {
  char name[128];
  save_small_model();
  path_in_state(name, "1.bias.npy");
  tn_tensor *stranger = tn_zeros(TN_SHAPE(3));
  cr_assert_eq(tn_npy_save(stranger, name), TN_OK);
  tn_release(stranger);
  expect_no_change(TN_INVALID_ARGUMENT, "has the shape [3], and the module's is [2]");
}

STATE_TEST(a_damaged_file_is_the_readers_error) {
  char name[128];
  save_small_model();
  path_in_state(name, "1.bias.npy");
  cr_assert_eq(truncate(name, 20), 0);
  expect_no_change(TN_DATA_ERROR, "1.bias.npy");
}

STATE_TEST(saving_where_a_file_is_fails) {
  tn_module *model = small_model(1);
  int file = open(state, O_CREAT | O_WRONLY, 0600);
  cr_assert(file >= 0);
  close(file);
  cr_assert_eq(tn_module_save(model, state), TN_IO_ERROR);
  expect_error(TN_IO_ERROR, "not a folder");
  cr_assert_eq(tn_module_save(NULL, state), TN_INVALID_ARGUMENT);
  tn_error_clear();
  tn_module_release(model);
}
