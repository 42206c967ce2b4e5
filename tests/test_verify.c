// SPDX-License-Identifier: Apache-2.0
//
// The shadow checker behind TENON_VERIFY. The kernels that it is to find out are those of
// tests/backends/crooked, each wrong in a way of its own. Each test is a process of its own, so it
// sets the environment before the first call.

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <tenon/testing.h>
#include <unistd.h>

#include "tensor_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

static char folder[] = "/tmp/tenon_verify_XXXXXX";

// Checks crooked's kernels by |setting| and saves into a folder of its own.
static void verify(const char *setting) {
  char all[256];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(all, sizeof all, "%s,dir=%s", setting, folder);
  setenv("TENON_VERIFY", all, 1);
  setenv("TENON_BACKENDS", "crooked=" PLUGIN("crooked") ",*", 1);
}

// How many files there are, whose names end in |end|; removes them and the folder.
static int sweep(const char *end) {
  int count = 0;
  DIR *stream = opendir(folder);
  cr_assert_not_null(stream);
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char path[512];
    size_t length = strlen(entry->d_name), end_length = strlen(end);
    count += length >= end_length && strcmp(entry->d_name + length - end_length, end) == 0;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    unlink(path);
  }
  closedir(stream);
  rmdir(folder);
  return count;
}

static tn_verify_counts counts(void) {
  tn_verify_counts found = {.struct_size = sizeof found};
  cr_assert_eq(tn_verify_count(&found), TN_OK);
  return found;
}

static void expect_counts(uint64_t checked, uint64_t differing, uint64_t skipped) {
  tn_verify_counts found = counts();
  bool same = found.checked == checked && found.differing == differing && found.skipped == skipped;
  char *report = tn_verify_report();
  cr_assert(same, "checked %d, differing %d, skipped %d: %s", (int)found.checked,
            (int)found.differing, (int)found.skipped, report);
  free(report);
}

static void expect_reported(const char *words) {
  char *report = tn_verify_report();
  cr_assert_not_null(strstr(report, words), "'%s' is not in: %s", words, report);
  free(report);
}

static tn_tensor *floats(void) {
  return tn_from_data((const float[]){1, 2, 3, 4, 5, 6}, TN_SHAPE(2, 3), TN_F32);
}

static tn_tensor *integers(void) {
  return tn_from_data((const int32_t[]){7, 8, 9, 10}, TN_SHAPE(4), TN_I32);
}

// ---- what it finds -----------------------------------------------------------------------------

TN_TEST(verify, finds_one_wrong_element_and_leaves_the_result) {
  verify("cpu");
  tn_tensor *x = floats(), *sum = tn_add(x, x);
  expect_exactly(sum, 2, 4, 6, 8, 10, 12.5);
  expect_ok();
  expect_counts(1, 1, 0);
  expect_reported("add.Tensor: result 0 at [1, 2]: 12.5, and 12 with cpu");
  expect_reported("1 of 6 elements differ");
  tn_release(sum);
  tn_release(x);
  sweep("");
}

TN_TEST(verify, accepts_right_kernels_and_rounding) {
  verify("cpu");
  tn_tensor *x = floats(), *product = tn_mul(x, x), *n = integers(), *negative = tn_neg(n);
  expect_exactly(negative, -7, -8, -9, -10);
  expect_counts(2, 0, 0);
  cr_assert_eq(sweep(""), 0, "nothing differs, and something was saved");
  tn_release(negative);
  tn_release(n);
  tn_release(product);
  tn_release(x);
}

TN_TEST(verify, takes_integers_exactly) {
  verify("cpu");
  tn_tensor *n = integers(), *zero = tn_sub(n, n);
  expect_exactly(zero, 0, 0, -1, 0);
  expect_reported("sub.Tensor: result 0 at [2]: -1, and 0 with cpu");
  tn_release(zero);
  tn_release(n);
  sweep("");
}

TN_TEST(verify, finds_a_nan_that_should_be_none) {
  verify("cpu");
  tn_tensor *x = floats(), *e = tn_exp(x);
  expect_counts(1, 1, 0);
  expect_reported("exp: result 0 at [0, 0]: nan, and 2.718");
  tn_release(e);
  tn_release(x);
  sweep("");
}

TN_TEST(verify, compares_an_in_place_call_with_what_was_there_before) {
  verify("cpu");
  tn_tensor *x = floats(), *n = integers();
  cr_assert_eq(tn_add_(x, x), TN_OK);
  cr_assert_eq(tn_neg_(n), TN_OK);
  expect_counts(2, 1, 0);
  expect_reported("at [1, 2]: 12.5, and 12 with cpu");
  tn_release(n);
  tn_release(x);
  sweep("");
}

TN_TEST(verify, compares_an_out_form_that_writes_over_an_operand) {
  verify("cpu");
  tn_tensor *x = floats(), *y = floats();
  cr_assert_eq(tn_mul_out(y, x, y), TN_OK);
  expect_counts(1, 0, 0);
  tn_release(y);
  tn_release(x);
  sweep("");
}

TN_TEST(verify, checks_the_calls_of_a_backward_pass) {
  verify("cpu,ops=mul*");
  tn_tensor *x = floats();
  tn_requires_grad_(x, true);
  tn_tensor *y = tn_mul(x, x), *z = tn_mul(y, y), *loss = tn_sum(z);
  expect_counts(2, 0, 0);
  cr_assert_eq(tn_backward(loss), TN_OK);
  expect_counts(4, 0, 0);  // crooked declines the first two, whose operand is expanded
  tn_release(loss);
  tn_release(z);
  tn_release(y);
  tn_release(x);
  sweep("");
}

TN_TEST(verify, repeats_random_numbers_of_the_same_range) {
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",*", 1);
  setenv("TENON_VERIFY", "cpu", 1);
  tn_manual_seed(0);
  tn_device sim = tn_device_parse("sim");
  tn_tensor *a = tn_rand(TN_SHAPE(1000), .device = sim), *b = tn_randn(TN_SHAPE(7), .device = sim);
  cr_assert_not_null(b, "%s", tn_ok() ? "" : tn_error_peek()->message);
  expect_counts(2, 0, 0);
  tn_release(b);
  tn_release(a);
}

TN_TEST(verify, checks_another_device_on_the_cpu) {
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",*", 1);
  setenv("TENON_VERIFY", "cpu", 1);
  tn_device sim = tn_device_parse("sim");
  tn_tensor *x = tn_ones(TN_SHAPE(8, 8), .device = sim), *turned = tn_t(x);
  uint64_t before = counts().checked;
  tn_tensor *product = tn_mm(x, turned), *sum = tn_sum(product);
  cr_assert_eq(tn_item(sum), 512);
  cr_assert_eq(counts().checked - before, 2);
  cr_assert_eq(counts().differing, 0);
  tn_release(sum);
  tn_release(product);
  tn_release(turned);
  tn_release(x);
}

// ---- what it leaves alone ----------------------------------------------------------------------

TN_TEST(verify, skips_what_the_named_backend_served_itself) {
  verify("cpu");
  tn_tensor *x = floats(), *root = tn_sqrt(x), *sum = tn_sum(x);
  expect_counts(0, 0, 0);
  tn_release(sum);
  tn_release(root);
  tn_release(x);
  sweep("");
}

TN_TEST(verify, counts_what_the_named_backend_cannot_serve) {
  verify("crooked");
  tn_tensor *x = floats(), *sum = tn_sum(x), *root = tn_sqrt(x), *y = tn_mul(x, x);
  expect_counts(0, 0, 2);
  tn_release(y);
  tn_release(root);
  tn_release(sum);
  tn_release(x);
  sweep("");
}

TN_TEST(verify, sees_only_the_operators_that_are_asked_for) {
  verify("cpu,ops=mul*,ops=neg");
  tn_tensor *x = floats(), *sum = tn_add(x, x), *product = tn_mul(x, x);
  expect_counts(1, 0, 0);
  tn_release(product);
  tn_release(sum);
  tn_release(x);
  sweep("");
}

static uint64_t checked_of(int calls) {
  tn_tensor *x = floats();
  for (int i = 0; i < calls; i++) tn_release(tn_mul(x, x));
  tn_release(x);
  return counts().checked;
}

TN_TEST(verify, samples_the_first_call_and_the_share_that_is_asked_for) {
  verify("cpu,sample=0.1");
  cr_assert_eq(checked_of(1), 1);
  uint64_t checked = checked_of(2000);
  cr_assert(checked > 150 && checked < 250, "%d of 2000", (int)checked);
  sweep("");
}

// Which of 200 calls are checked, as bits, folded into 7.
static int pattern_of_200(void) {
  int pattern = 1;
  for (int i = 0; i < 200; i++) {
    uint64_t before = counts().checked;
    pattern = (pattern * 31 + (checked_of(1) > before ? i : 0)) % 127;
  }
  return pattern;
}

TN_TEST(verify, samples_the_same_calls_in_every_run) {
  verify("cpu,sample=0.1");
  pid_t child = fork();
  cr_assert_neq(child, -1);
  if (child == 0) _exit(pattern_of_200());
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  cr_assert(WIFEXITED(status));
  cr_assert_eq(WEXITSTATUS(status), pattern_of_200());
  cr_assert(counts().checked > 5 && counts().checked < 50);
  sweep("");
}

// ---- tolerances --------------------------------------------------------------------------------

TN_TEST(tolerance, of_the_user_takes_the_place_of_the_dtypes) {
  verify("cpu,rtol=1e-8");
  tn_tensor *x = floats(), *product = tn_mul(x, x);
  expect_counts(1, 1, 0);
  tn_release(product);
  tn_release(x);
  sweep("");
}

TN_TEST(tolerance, of_the_user_may_be_wide) {
  verify("cpu,rtol=0.1");
  tn_tensor *x = floats(), *sum = tn_add(x, x);
  expect_counts(1, 0, 0);
  tn_release(sum);
  tn_release(x);
  sweep("");
}

// ---- what it saves -----------------------------------------------------------------------------

static tn_tensor *load(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  tn_tensor *tensor = tn_npy_load(path);
  cr_assert_not_null(tensor, "%s", tn_ok() ? "" : tn_error_peek()->message);
  return tensor;
}

TN_TEST(saved, are_operands_and_both_results_and_a_text) {
  verify("cpu");
  tn_tensor *x = floats();
  cr_assert_eq(tn_add_(x, x), TN_OK);
  tn_tensor *before = load("001-add_.Tensor-operand0.npy"),
            *other = load("001-add_.Tensor-other0.npy");
  tn_tensor *result = load("001-add_.Tensor-result0.npy");
  expect_exactly(before, 1, 2, 3, 4, 5, 6);
  expect_exactly(result, 2, 4, 6, 8, 10, 12.5);
  expect_exactly(other, 2, 4, 6, 8, 10, 12);
  char path[256], text[2048] = "";
  snprintf(path, sizeof path, "%s/001-add_.Tensor.txt", folder);
  FILE *file = fopen(path, "r");
  cr_assert_not_null(file);
  cr_assert(fread(text, 1, sizeof text - 1, file) > 0);
  fclose(file);
  static const char *const words[] = {"at [1, 2]: 12.5, and 12 with cpu", "alpha: 1",
                                      "result: by crooked on cpu", "operand1.npy: float32[2, 3]"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    cr_assert_not_null(strstr(text, words[i]), "'%s' is not in: %s", words[i], text);
  }
  tn_release(before);
  tn_release(other);
  tn_release(result);
  tn_release(x);
  cr_assert_eq(sweep(".npy"), 4);
}

TN_TEST(saved, is_the_first_difference_of_each_operator_alone) {
  verify("cpu");
  tn_tensor *x = floats(), *e = tn_exp(x);
  for (int i = 0; i < 5; i++) tn_release(tn_add(x, x));
  expect_counts(6, 6, 0);
  tn_release(e);
  tn_release(x);
  cr_assert_eq(sweep(".txt"), 2);
}

TN_TEST(saved, bfloat16_is_saved_as_float32) {
  verify("cpu");
  tn_tensor *x = floats(), *y = tn_to(x, TN_DEVICE_DEFAULT, TN_BF16), *z = tn_neg(y);
  tn_tensor *larger = tn_maximum(y, z);
  expect_exactly(larger, -1, -2, -3, -4, -5, -6);
  tn_tensor *other = load("001-maximum-other0.npy");
  cr_assert_eq(tn_tensor_dtype(other), TN_F32);
  expect_exactly(other, 1, 2, 3, 4, 5, 6);
  tn_release(other);
  tn_release(larger);
  tn_release(z);
  tn_release(y);
  tn_release(x);
  sweep("");
}

TN_TEST(saved, nowhere_costs_the_files_and_nothing_else) {
  setenv("TENON_VERIFY", "cpu,dir=/nonexistent/folder", 1);
  setenv("TENON_BACKENDS", "crooked=" PLUGIN("crooked") ",*", 1);
  tn_tensor *x = floats(), *sum = tn_add(x, x);
  cr_assert_not_null(sum);
  expect_ok();
  expect_counts(1, 1, 0);
  tn_release(sum);
  tn_release(x);
}

TN_TEST(fatal, fails_the_call_that_differs_and_says_where) {
  verify("cpu,fatal");
  tn_tensor *x = floats(), *product = tn_mul(x, x);
  cr_assert_not_null(product);
  cr_assert_null(tn_add(x, x));
  cr_assert_eq(strcmp(tn_error_peek()->backend, "crooked"), 0);
  expect_error(TN_INTERNAL, "TENON_VERIFY: result 0 at [1, 2]: 12.5, and 12 with cpu");
  tn_release(product);
  tn_release(x);
  sweep("");
}

// ---- the setting -------------------------------------------------------------------------------

static void expect_refused(const char *setting, tn_status status, const char *words) {
  setenv("TENON_VERIFY", setting, 1);
  tn_tensor *x = tn_from_data(TN_F32S(1), TN_SHAPE(1), TN_F32);
  cr_assert_null(tn_add(x, x));
  expect_error(status, words);
  tn_tensor *sum = tn_add(x, x);
  expect_exactly(sum, 2);
  tn_release(sum);
  tn_release(x);
}

TN_TEST(setting, names_a_backend_that_is_there) {
  expect_refused("cpuu", TN_NOT_FOUND, "did you mean 'cpu'?");
}

TN_TEST(setting, starts_with_the_backend) {
  expect_refused("sample=1", TN_INVALID_ARGUMENT, "'sample=1' is no backend's name");
}

TN_TEST(setting, refuses_a_sample_above_one) {
  expect_refused("cpu,sample=2", TN_INVALID_ARGUMENT, "'sample=2' is no share");
}

TN_TEST(setting, refuses_a_sample_that_is_no_number) {
  expect_refused("cpu,sample=often", TN_INVALID_ARGUMENT, "'sample=often'");
}

TN_TEST(setting, refuses_a_relative_folder) {
  expect_refused("cpu,dir=here", TN_INVALID_ARGUMENT, "'dir=here' is not an absolute path");
}

TN_TEST(setting, refuses_what_it_does_not_know) {
  expect_refused("cpu,loud", TN_INVALID_ARGUMENT, "'loud' is not understood");
}

TN_TEST(setting, of_tn_init_is_refused_at_once) {
  tn_init_options options = {.struct_size = sizeof options, .verify = "cpu,sample=0"};
  cr_assert_neq(tn_init(&options), TN_OK);
  expect_error(TN_INVALID_ARGUMENT, "tn_init's verify: 'sample=0'");
}

TN_TEST(report, is_empty_where_nothing_is_to_be_verified) {
  char *report = tn_verify_report();
  cr_assert_eq(strcmp(report, ""), 0);
  free(report);
  cr_assert_neq(tn_verify_count(&(tn_verify_counts){0}), TN_OK);
  expect_error(TN_INVALID_ARGUMENT, "struct_size");
}

// ---- memory that is out, and threads -----------------------------------------------------------

TN_TEST(verify, fails_clearly_or_skips_at_each_allocation_in_turn) {
  verify("cpu");
  tn_tensor *x = floats(), *warm = tn_mul(x, x);
  tn_release(warm);
  bool failed = true;
  for (int64_t nth = 1; failed && nth < 400; nth++) {
    tn_tensor *y = floats();
    tn_testing_fail_allocation(nth);
    tn_tensor *sum = tn_add(x, x);
    tn_status status = tn_mul_(y, x);
    failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    cr_assert_eq(sum != NULL && status == TN_OK, tn_ok(), "allocation %d", (int)nth);
    if (!tn_ok()) cr_assert_eq(tn_error_peek()->status, TN_OUT_OF_MEMORY);
    tn_error_clear();
    tn_release(sum);
    tn_release(y);
  }
  cr_assert(!failed);
  tn_release(x);
  sweep("");
}

static void *compute(void *context) {
  (void)context;
  for (int i = 0; i < 100; i++) {
    tn_tensor *x = floats(), *sum = tn_add(x, x), *product = tn_mul(sum, x);
    tn_release(product);
    tn_release(sum);
    tn_release(x);
  }
  return NULL;
}

TN_TEST(verify, may_check_on_many_threads_at_once) {
  verify("cpu");
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, compute, NULL);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  expect_counts(800, 400, 0);
  cr_assert_eq(sweep(".txt"), 1);
}
