// SPDX-License-Identifier: Apache-2.0
//
// What TENON_BACKENDS may say, and which backend and device it then chooses. Each test is a process
// of its own, so it sets the environment before the first call.

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tenon/tenon.h>
#include <unistd.h>

#include "tenon_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"
#define CASTOR "castor=" PLUGIN("castor")
#define POLLUX "pollux=" PLUGIN("pollux")

static void expect_device(const char *backends, const char *expected) {
  setenv("TENON_BACKENDS", backends, 1);
  char name[32];
  tn_device device = tn_device_default();
  cr_assert_str_eq(tn_device_name(device, name, sizeof name), expected, "%s: %s", backends,
                   tn_ok() ? name : tn_error_peek()->message);
}

static void expect_error(const char *backends, tn_status status, const char *story) {
  setenv("TENON_BACKENDS", backends, 1);
  cr_assert_null(tn_zeros(TN_SHAPE(1)));
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(error);
  cr_assert_not_null(strstr(error->message, story), "'%s' is not in: %s", story, error->message);
  cr_assert_eq(error->status, status, "%s", error->message);
  tn_error_clear();
}

static void expect_stage(const char *backend, const char *stage) {
  char *report = tn_load_report(), line[64];
  snprintf(line, sizeof line, "  %s: %s", backend, stage);
  cr_assert_not_null(strstr(report, line), "'%s' is not in: %s", line, report);
  free(report);
}

// ---- the grammar -------------------------------------------------------------------------------

TN_TEST(list, says_a_name_twice_like_once) {
  expect_device("castor?," CASTOR ",cpu,cpu,castor?", "castor:0");
}
TN_TEST(list, that_must_have_a_name_wins_over_may) {
  expect_error("unicorn?,cpu,unicorn", TN_NOT_FOUND, "'unicorn'");
}
TN_TEST(list, that_contradicts_itself_is_refused) {
  expect_error("cpu,^cpu", TN_INVALID_ARGUMENT, "listed and excluded");
}
TN_TEST(list, that_contradicts_itself_the_other_way_is_refused) {
  expect_error("^cpu, cpu?", TN_INVALID_ARGUMENT, "listed and excluded");
}
TN_TEST(list, with_two_files_for_a_name_is_refused) {
  expect_error(CASTOR ",castor=/elsewhere/lib.so", TN_INVALID_ARGUMENT, "second file");
}
TN_TEST(list, with_one_file_twice_is_fine) { expect_device(CASTOR "," CASTOR, "castor:0"); }

TN_TEST(list, refuses_each_malformed_entry) {
  const char *entries[] = {"^",   "?",        "^^x", "x??",
                           "=",   "=/abs",    "x=",  "^x=/abs",
                           "x y", "x=lib.so", "**",  "^*",
                           "*?",  "a/b",      "\\,", "name_of_more_than_thirty_one_letters"};
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    tn_init_options options = {.struct_size = sizeof options, .backends = entries[i]};
    cr_assert_eq(tn_init(&options), TN_INVALID_ARGUMENT, "%s", entries[i]);
    cr_assert_not_null(strstr(tn_error_peek()->message, entries[i]), "%s",
                       tn_error_peek()->message);
    tn_error_clear();
  }
}

TN_TEST(list, of_nothing_but_space_is_unset) { expect_device(" ,\t,, ", "cpu"); }

// As long as an environment may be, and quick to refuse.
TN_TEST(list, of_a_hundred_kilobytes_of_names_is_refused) {
  char *names = malloc(100001), *at = names;
  for (int i = 0; at - names < 99990; i++) at += snprintf(at, 10, "n%d,", i);
  expect_error(names, TN_INVALID_ARGUMENT, "at most 256");
  free(names);
}
TN_TEST(list, of_a_hundred_kilobytes_of_one_name_is_that_name) {
  char *names = malloc(100001);
  for (int i = 0; i < 25000; i++) memcpy(names + 4 * i, "cpu,", 4);
  names[100000] = '\0';
  expect_device(names, "cpu");
  free(names);
}
TN_TEST(list, of_one_name_without_an_end_is_refused) {
  char *name = malloc(100001);
  memset(name, 'x', 100000);
  name[100000] = '\0';
  expect_error(name, TN_INVALID_ARGUMENT, "at most 31");
  free(name);
}

// ---- which device ------------------------------------------------------------------------------

TN_TEST(device, is_the_first_listed_ones) { expect_device(POLLUX "," CASTOR, "pollux:0"); }
TN_TEST(device, is_the_cpu_where_that_is_listed_first) { expect_device("cpu," CASTOR, "cpu"); }
TN_TEST(device, is_an_optional_ones_where_it_is_there) {
  expect_device("castor?=" PLUGIN("castor") ",cpu", "castor:0");
}
TN_TEST(device, is_the_next_ones_where_an_optional_one_is_missing) {
  expect_device("unicorn?," POLLUX ",cpu", "pollux:0");
}
TN_TEST(device, is_the_next_ones_where_an_optional_one_has_none) {
  expect_device("no_device?=" PLUGIN("no_device") "," POLLUX ",cpu", "pollux:0");
}
TN_TEST(device, is_the_next_ones_where_an_optional_one_is_broken) {
  expect_device("fails_in_init?=" PLUGIN("fails_in_init") ",other_abi?=" PLUGIN("other_abi") ",cpu",
                "cpu");
}
TN_TEST(device, is_the_cpu_where_nothing_is_listed) {
  setenv("TENON_BACKEND_PATH", TN_TEST_PLUGIN_DIR, 1);
  expect_device("*,^castor", "cpu");
}

// ---- which backends ----------------------------------------------------------------------------

TN_TEST(backends, of_third_parties_work_side_by_side) {
  setenv("TENON_BACKENDS", CASTOR "," POLLUX, 1);
  tn_device castor = tn_device_parse("castor"), pollux = tn_device_parse("pollux");
  cr_assert_neq(castor.type, pollux.type);
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_from_data(TN_F32S(1, 2), TN_SHAPE(2), TN_F32);
  tn_tensor *a = tn_to(x, castor, TN_DTYPE_NONE), *b = tn_to(x, pollux, TN_DTYPE_NONE);
  tn_tensor *sum = tn_to(tn_add(a, a), TN_DEVICE_CPU, TN_DTYPE_NONE);
  tn_tensor *other = tn_to(tn_add(b, b), TN_DEVICE_CPU, TN_DTYPE_NONE);
  tn_tensor *moved =
      tn_to(tn_add(tn_to(a, pollux, TN_DTYPE_NONE), b), TN_DEVICE_CPU, TN_DTYPE_NONE);
  cr_assert(tn_ok(), "%s", tn_ok() ? "" : tn_error_peek()->message);
  const tn_tensor *all[] = {sum, other, moved};
  for (int i = 0; i < 3; i++) {
    const float *values = tn_tensor_const_data(all[i]);
    cr_assert(values[0] == 2 && values[1] == 4);
  }
  cr_assert_null(tn_add(a, b));
  cr_assert_eq(tn_error_clear(), TN_DEVICE_MISMATCH);
  tn_scope_close(scope);
}

TN_TEST(backends, that_are_not_listed_are_not_opened) {
  setenv("TENON_BACKEND_PATH", TN_TEST_PLUGIN_DIR, 1);
  setenv("TENON_BACKENDS", "castor", 1);
  tn_backend_count();  // opens what may be used
  expect_stage("castor", "ready");
  expect_stage("pollux", "not listed");
  expect_stage("cpu", "ready");
}

TN_TEST(backends, that_are_excluded_are_not_opened) {
  setenv("TENON_BACKEND_PATH", TN_TEST_PLUGIN_DIR, 1);
  setenv("TENON_BACKENDS", "^castor", 1);
  cr_assert(tn_device_is_available("pollux"));
  cr_assert_not(tn_device_is_available("castor"));
  expect_stage("castor", "not listed");
}

TN_TEST(backends, of_the_rest_may_be_used) {
  setenv("TENON_BACKEND_PATH", TN_TEST_PLUGIN_DIR, 1);
  setenv("TENON_BACKENDS", "castor,*", 1);
  cr_assert(tn_device_is_available("castor"));
  cr_assert(tn_device_is_available("pollux"));
}

static void copy_file(const char *from, const char *to) {
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  cr_assert(in != NULL && out != NULL);
  for (int byte; (byte = fgetc(in)) != EOF;) fputc(byte, out);
  fclose(in);
  fclose(out);
}

// The first folder has a file of the name that cannot be used, the second a good one.
TN_TEST(backends, refused_file_is_made_up_for_by_a_later_one_of_its_name) {
  char folder[] = "/tmp/tenon_choosing_XXXXXX", bad[64], paths[512];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(bad, sizeof bad, "%s/libtenon_backend_castor.so", folder);
  copy_file(PLUGIN("castor"), bad);
  FILE *file = fopen(bad, "r+b");
  fseek(file, 18, SEEK_SET);  // the architecture
  fputc(0xf7, file);
  fclose(file);
  snprintf(paths, sizeof paths, "%s:%s", folder, TN_TEST_PLUGIN_DIR);
  setenv("TENON_BACKEND_PATH", paths, 1);
  expect_device("castor,cpu", "castor:0");
  expect_stage("castor", "found: built for another architecture");
  remove(bad);
  rmdir(folder);
}

TN_TEST(backends, given_by_their_path_must_be_usable_themselves) {
  setenv("TENON_BACKEND_PATH", TN_TEST_PLUGIN_DIR, 1);
  expect_error("castor=/nonexistent/lib.so,cpu", TN_UNAVAILABLE, "No such file");
}

// ---- names that are nearly right ---------------------------------------------------------------

TN_TEST(near_match, takes_capitals_for_small_letters) {
  setenv("TENON_BACKENDS", "CPU", 1);
  cr_assert_null(tn_zeros(TN_SHAPE(1)));
  cr_assert_str_eq(tn_error_peek()->hint, "did you mean 'cpu'?");
  tn_error_clear();
}

TN_TEST(near_match, is_not_far_fetched) {
  cr_assert_eq(tn_device_parse("cpx").type, 0);
  cr_assert_not_null(strstr(tn_error_peek()->hint, "'cpu'"), "one letter of three");
  tn_error_clear();
  cr_assert_eq(tn_device_parse("xpy").type, 0);
  cr_assert_null(strstr(tn_error_peek()->hint, "did you mean"), "%s", tn_error_peek()->hint);
  tn_error_clear();
}

TN_TEST(near_match, finds_a_device_of_a_backend_of_another_name) {
  setenv("TENON_BACKEND_PATH", PLUGIN("no_device"), 1);
  cr_assert_eq(tn_device_parse("unicron").type, 0);
  cr_assert_str_eq(tn_error_peek()->hint, "did you mean 'unicorn'?");
  tn_error_clear();
}
