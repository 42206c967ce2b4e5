// SPDX-License-Identifier: Apache-2.0
//
// The search for backends: what TENON_BACKENDS may say, and what becomes of files that are not what
// they claim. Each test is a process of its own, so it sets the environment before the first call.

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tenon/tenon.h>
#include <unistd.h>

#include "tenon_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

static tn_tensor *one(void) { return tn_from_data(TN_F32S(1), TN_SHAPE(1), TN_F32); }

// Adds two numbers on the default device; what there is to say stands in the error.
static void expect_failure(const char *backends, tn_status status, const char *story) {
  setenv("TENON_BACKENDS", backends, 1);
  tn_tensor *zeros = tn_zeros(TN_SHAPE(1));
  cr_assert_null(zeros);
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(error);
  cr_assert_eq(error->status, status, "%s", error->message);
  cr_assert_not_null(strstr(error->message, story), "'%s' is not in: %s", story, error->message);
  tn_error_clear();
}

static void expect_sum_works(void) {
  tn_tensor *a = one(), *sum = tn_add(a, a);
  cr_assert_not_null(sum, "%s", tn_ok() ? "" : tn_error_peek()->message);
  cr_assert_eq(tn_item(sum), 2.0);
  tn_release(a);
  tn_release(sum);
}

// ---- names -------------------------------------------------------------------------------------

TN_TEST(backends, unset_finds_the_cpu) {
  unsetenv("TENON_BACKENDS");
  expect_sum_works();
}

TN_TEST(backends, star_and_exclusion_keep_the_cpu) {
  setenv("TENON_BACKENDS", "^nothing_of_that_name, *", 1);
  expect_sum_works();
}

TN_TEST(backends, misspelt_name_gets_its_near_match_and_the_report) {
  setenv("TENON_BACKENDS", "cpuu", 1);
  tn_tensor *a = one();
  cr_assert_null(tn_add(a, a));
  const tn_error *error = tn_error_peek();
  cr_assert_eq(error->status, TN_NOT_FOUND);
  cr_assert_not_null(strstr(error->message, "'cpuu'"));
  cr_assert_not_null(strstr(error->hint, "'cpu'"));
  cr_assert_not_null(strstr(error->message, "load report"));
  cr_assert_not_null(strstr(error->message, "libtenon_backend_cpu.so"));
  tn_error_clear();
  cr_assert_null(tn_add(a, a), "a bad list must stay an error");
  cr_assert_eq(tn_error_clear(), TN_NOT_FOUND);
  tn_release(a);
}

TN_TEST(backends, optional_name_may_be_missing) {
  setenv("TENON_BACKENDS", "unicorn?,cpu", 1);
  expect_sum_works();
}

TN_TEST(backends, excluded_cpu_computes_nothing_and_says_so) {
  setenv("TENON_BACKENDS", "^cpu", 1);
  tn_tensor *a = one();
  cr_assert_null(tn_add(a, a));
  cr_assert_eq(tn_error_peek()->status, TN_UNIMPLEMENTED);
  cr_assert_not_null(strstr(tn_error_peek()->message, "not listed"), "%s",
                     tn_error_peek()->message);
  tn_error_clear();
  tn_release(a);
}

TN_TEST(backends, relative_path_is_refused) {
  expect_failure("x=lib.so", TN_INVALID_ARGUMENT, "absolute path");
}

TN_TEST(backends, nonsense_is_refused_by_entry) {
  expect_failure("cpu,a b,cuda", TN_INVALID_ARGUMENT, "'a b'");
}

TN_TEST(backends, a_hundred_thousand_commas_are_an_empty_list) {
  enum { COMMAS = 100000 };
  char *commas = malloc(COMMAS + 1);
  memset(commas, ',', COMMAS);
  commas[COMMAS] = '\0';
  setenv("TENON_BACKENDS", commas, 1);
  free(commas);
  expect_sum_works();
}

TN_TEST(backends, a_path_may_hold_commas_spaces_and_colons) {
  char folder[] = "/tmp/tenon test,with:all XXXXXX";
  cr_assert_not_null(mkdtemp(folder));
  char link[128], list[256] = "faulty=";
  snprintf(link, sizeof link, "%s/lib.so", folder);
  cr_assert_eq(symlink(PLUGIN("faulty"), link), 0);
  for (char *at = link; *at != '\0'; at++) {
    char piece[3] = {*at == ',' ? '\\' : *at, *at == ',' ? ',' : '\0', '\0'};
    strcat(list, piece);
  }
  strcat(list, ",cpu");
  setenv("TENON_BACKENDS", list, 1);
  cr_assert(tn_device_is_available("faulty"));
  unlink(link);
  rmdir(folder);
}

TN_TEST(backend_path, takes_files_and_refuses_relative_ones) {
  setenv("TENON_BACKEND_PATH", PLUGIN("faulty"), 1);
  cr_assert(tn_device_is_available("faulty:0"));
  cr_assert_not(tn_device_is_available("faulty:1"));
  cr_assert(tn_ok(), "a question records nothing");
}

TN_TEST(backend_path, relative_entry_is_an_error) {
  setenv("TENON_BACKEND_PATH", "lib", 1);
  cr_assert_null(tn_zeros(TN_SHAPE(1)));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
}

// ---- files that are not what they claim --------------------------------------------------------

TN_TEST(plugin, missing_file_is_named) {
  expect_failure("gone=/nonexistent/lib.so", TN_UNAVAILABLE, "No such file");
}
TN_TEST(plugin, directory_is_refused) {
  expect_failure("folder=/tmp", TN_UNAVAILABLE, "not a regular file");
}
TN_TEST(plugin, fifo_is_refused_without_waiting) {
  char path[] = "/tmp/tenon_fifo_XXXXXX";
  int file = mkstemp(path);
  close(file);
  unlink(path);
  cr_assert_eq(mkfifo(path, 0600), 0);
  char list[64];
  snprintf(list, sizeof list, "fifo=%s", path);
  expect_failure(list, TN_UNAVAILABLE, "not a regular file");
  unlink(path);
}
TN_TEST(plugin, without_a_note_is_refused) {
  expect_failure("no_note=" PLUGIN("no_note"), TN_UNAVAILABLE, "no Tenon note");
}
TN_TEST(plugin, with_two_notes_is_refused) {
  expect_failure("two_notes=" PLUGIN("two_notes"), TN_UNAVAILABLE, "2 Tenon notes");
}
TN_TEST(plugin, without_the_symbol_is_refused) {
  expect_failure("no_symbol=" PLUGIN("no_symbol"), TN_UNAVAILABLE,
                 "does not export tn_plugin_query");
}
TN_TEST(plugin, under_another_name_says_which) {
  expect_failure("other=" PLUGIN("no_symbol"), TN_UNAVAILABLE, "its name is 'no_symbol'");
}
TN_TEST(plugin, that_declines_is_reported) {
  expect_failure("declines=" PLUGIN("declines"), TN_UNAVAILABLE, "declined");
}
TN_TEST(plugin, whose_descriptor_disagrees_is_refused) {
  expect_failure("disagrees=" PLUGIN("disagrees"), TN_UNAVAILABLE, "disagree");
}

// The marker that the plugin's constructor would leave must not appear.
static void expect_refused_unrun(const char *backends, const char *story) {
  char marker[] = "/tmp/tenon_marker_XXXXXX";
  int file = mkstemp(marker);
  close(file);
  unlink(marker);
  setenv("TENON_TEST_MARKER", marker, 1);
  expect_failure(backends, TN_UNAVAILABLE, story);
  cr_assert_neq(access(marker, F_OK), 0, "code of the refused plugin ran");
}
TN_TEST(plugin, of_another_abi_is_refused_before_it_runs) {
  expect_refused_unrun("other_abi=" PLUGIN("other_abi"), "plugin ABI 4711");
}

TN_TEST(plugin, that_needs_a_newer_host_is_refused_before_it_runs) {
  expect_refused_unrun("needs_newer=" PLUGIN("needs_newer"), "needs a host of plugin ABI 4711");
}
TN_TEST(plugin, for_another_cpu_is_refused_before_it_runs) {
  expect_refused_unrun("other_cpu=" PLUGIN("other_cpu"), "'quantum9'");
}

// A copy of the plugin |name| whose first |size| bytes are kept (0: all), with |patch| written at
// |offset|.
static void altered_copy(const char *from, char *path, long size, long offset,
                         unsigned char patch) {
  FILE *in = fopen(from, "rb");
  cr_assert_not_null(in);
  int file = mkstemp(path);
  FILE *out = fdopen(file, "wb");
  for (long at = 0; size == 0 || at < size; at++) {
    int byte = fgetc(in);
    if (byte == EOF) break;
    fputc(at == offset ? patch : byte, out);
  }
  fclose(in);
  fclose(out);
}

static void expect_altered_refused(long size, long offset, unsigned char patch, const char *story) {
  char path[] = "/tmp/tenon_plugin_XXXXXX", list[64];
  altered_copy(PLUGIN("faulty"), path, size, offset, patch);
  snprintf(list, sizeof list, "faulty=%s", path);
  expect_failure(list, TN_UNAVAILABLE, story);
  unlink(path);
}
TN_TEST(plugin, empty_file_is_refused) {
  char path[] = "/tmp/tenon_plugin_XXXXXX", list[64];
  close(mkstemp(path));
  snprintf(list, sizeof list, "empty=%s", path);
  expect_failure(list, TN_UNAVAILABLE, "truncated");
  unlink(path);
}
TN_TEST(plugin, truncated_in_its_headers_is_refused) {
  expect_altered_refused(100, -1, 0, "truncated");
}
TN_TEST(plugin, truncated_in_a_segment_is_refused) {
  expect_altered_refused(4096, -1, 0, "truncated");
}
TN_TEST(plugin, of_another_architecture_is_refused) {
  expect_altered_refused(0, 18, 0xf7, "another architecture");
}
TN_TEST(plugin, of_another_word_size_is_refused) { expect_altered_refused(0, 4, 1, "32-bit"); }
TN_TEST(plugin, that_is_no_elf_file_is_refused) {
  expect_altered_refused(0, 0, '!', "not an ELF file");
}
TN_TEST(plugin, sparse_gigabyte_is_refused_at_once) {
  char path[] = "/tmp/tenon_sparse_XXXXXX", list[64];
  int file = mkstemp(path);
  cr_assert_eq(ftruncate(file, 1L << 30), 0);
  close(file);
  snprintf(list, sizeof list, "sparse=%s", path);
  expect_failure(list, TN_UNAVAILABLE, "not an ELF file");
  unlink(path);
}

TN_TEST(plugin, named_by_its_path_goes_before_one_of_the_same_name) {
  char path[] = "/tmp/tenon_plugin_XXXXXX", list[64];
  altered_copy(PLUGIN("faulty"), path, 0, -1, 0);
  snprintf(list, sizeof list, "faulty=%s,cpu", path);
  setenv("TENON_BACKENDS", list, 1);
  setenv("TENON_BACKEND_PATH", PLUGIN("faulty"), 1);
  // Asking for kernels opens every backend of the device, and what is named must be usable.
  char *chain = tn_op_resolve("add.Tensor", TN_F32, tn_device_parse("faulty"));
  cr_assert(tn_ok(), "%s", tn_ok() ? "" : tn_error_peek()->message);
  free(chain);
  char *report = tn_load_report();
  cr_assert_not_null(strstr(report, path));
  cr_assert_not_null(strstr(report, "another file found earlier is 'faulty'"));
  free(report);
  unlink(path);
}

// ---- registration ------------------------------------------------------------------------------

TN_TEST(plugin, that_fails_in_init_leaves_nothing) {
  setenv("TENON_BACKENDS", "fails_in_init?=" PLUGIN("fails_in_init") ",cpu", 1);
  cr_assert_not(tn_device_is_available("half_done"));
  char *chain = tn_op_resolve("add", TN_F32, TN_DEVICE_CPU);
  cr_assert_not_null(chain);
  cr_assert_not_null(strstr(chain, "\n(fails_in_init cannot be used: "), "%s", chain);
  free(chain);
  expect_sum_works();
}

TN_TEST(plugin, that_fails_in_init_is_an_error_where_it_is_named) {
  expect_failure("fails_in_init=" PLUGIN("fails_in_init") ",cpu", TN_UNAVAILABLE,
                 "the licence server is on holiday");
}

TN_TEST(device, of_which_there_is_none_is_unavailable_with_the_reason) {
  setenv("TENON_BACKENDS", "no_device=" PLUGIN("no_device") ",cpu", 1);
  cr_assert_not(tn_device_is_available("unicorn"));
  cr_assert_eq(tn_device_count("unicorn"), 0);
  cr_assert_eq(tn_device_parse("unicorn").type, 0);
  cr_assert_not_null(strstr(tn_error_peek()->message, "libunicorn.so.1"), "%s",
                     tn_error_peek()->message);
  cr_assert_eq(tn_error_clear(), TN_UNAVAILABLE);
  cr_assert_null(tn_zeros(TN_SHAPE(1)), "the default device is the first listed");
  cr_assert_eq(tn_error_clear(), TN_UNAVAILABLE);
}

TN_TEST(device, first_listed_owner_is_the_default) {
  setenv("TENON_BACKENDS", "faulty=" PLUGIN("faulty") ",cpu", 1);
  char name[32];
  cr_assert_str_eq(tn_device_name(tn_device_default(), name, sizeof name), "faulty:0");
}

TN_TEST(device, environment_variable_beats_the_list) {
  setenv("TENON_BACKENDS", "faulty=" PLUGIN("faulty") ",cpu", 1);
  setenv("TENON_DEVICE", "cpu", 1);
  cr_assert(tn_device_equal(tn_device_default(), TN_DEVICE_CPU));
}

TN_TEST(device, unknown_name_gets_its_near_match) {
  setenv("TENON_BACKEND_PATH", PLUGIN("faulty"), 1);
  cr_assert_eq(tn_device_parse("fautly").type, 0);
  cr_assert_not_null(strstr(tn_error_peek()->hint, "'faulty'"), "%s", tn_error_peek()->hint);
  cr_assert_eq(tn_error_clear(), TN_NOT_FOUND);
  const char *malformed[] = {"", ":", "cpu:", "cpu:x", "cpu:-1", "cpu:1x", NULL};
  for (int i = 0; i < 7; i++) {
    cr_assert_eq(tn_device_parse(malformed[i]).type, 0);
    cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  }
}

// The cpu's type is there without a search; the report of an index too high is of a search all the
// same.
TN_TEST(device, index_too_high_reports_a_search) {
  cr_assert_eq(tn_device_parse("cpu:5").type, 0);
  cr_assert_not_null(strstr(tn_error_peek()->message, "  cpu: "), "%s", tn_error_peek()->message);
  cr_assert_eq(tn_error_clear(), TN_UNAVAILABLE);
}

TN_TEST(device, without_a_backend_is_reported_once) {
  setenv("TENON_BACKENDS", "^cpu", 1);
  cr_assert_null(tn_rand(TN_SHAPE(2)));
  const char *report = strstr(tn_error_peek()->message, "load report:");
  cr_assert_not_null(report);
  cr_assert_null(strstr(report + 1, "load report:"), "%s", tn_error_peek()->message);
  tn_error_clear();
}

// ---- kernels that fail -------------------------------------------------------------------------

static tn_device faulty(void) {
  setenv("TENON_BACKENDS", "faulty=" PLUGIN("faulty") ",cpu", 1);
  return tn_device_parse("faulty");
}

TN_TEST(kernel, error_names_operator_backend_and_reason) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_to(one(), faulty(), TN_DTYPE_NONE);
  cr_assert_null(tn_add(x, x));
  const tn_error *error = tn_error_peek();
  cr_assert_eq(error->status, TN_INVALID_ARGUMENT);
  cr_assert_str_eq(error->op, "add.Tensor");
  cr_assert_str_eq(error->backend, "faulty");
  cr_assert_not_null(strstr(error->message, "out of ink, 0 bottles left"));
  tn_error_clear();
  cr_assert_null(tn_mul(x, x));
  cr_assert_eq(tn_error_clear(), TN_INTERNAL);
  tn_scope_close(scope);
}

TN_TEST(kernel, that_declines_is_named_with_its_reason) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_to(one(), faulty(), TN_DTYPE_NONE);
  cr_assert_null(tn_sub(x, x));
  cr_assert_not_null(strstr(tn_error_peek()->message, "it is Sunday"));
  cr_assert_eq(tn_error_clear(), TN_UNIMPLEMENTED);
  cr_assert_null(tn_exp(x));
  cr_assert_not_null(strstr(tn_error_peek()->message, "no backend has a kernel"));
  cr_assert_eq(tn_error_clear(), TN_UNIMPLEMENTED);
  tn_scope_close(scope);
}

TN_TEST(device, without_memory_is_out_of_memory) {
  tn_scope *scope = tn_scope_open();
  tn_device device = faulty();
  cr_assert_null(tn_empty(TN_SHAPE(1 << 20), .device = device));
  cr_assert_not_null(strstr(tn_error_peek()->message, "faulty:0"));
  cr_assert_eq(tn_error_clear(), TN_OUT_OF_MEMORY);
  cr_assert_not_null(tn_empty(TN_SHAPE(16), .device = device));
  tn_scope_close(scope);
}

TN_TEST(device, operands_on_two_devices_are_refused) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *there = tn_to(one(), faulty(), TN_DTYPE_NONE), *here = one();
  cr_assert_null(tn_add(there, here));
  cr_assert_not_null(strstr(tn_error_peek()->message, "faulty:0"));
  cr_assert_eq(tn_error_clear(), TN_DEVICE_MISMATCH);
  tn_scope_close(scope);
}
