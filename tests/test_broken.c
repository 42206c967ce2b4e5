// SPDX-License-Identifier: Apache-2.0
//
// Backends that break a promise while they are loaded: each is refused with a reason, and nothing
// of it stays. And backends whose structs have another size than the host's, which is no fault.
// Each test is a process of its own.

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tenon/tenon.h>
#include <tenon/testing.h>
#include <unistd.h>

#include "tenon_test.h"

#define BROKEN(name) TN_TEST_PLUGIN_DIR "/broken/libtenon_backend_" name ".so"
#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

static tn_tensor *one(void) { return tn_from_data(TN_F32S(1), TN_SHAPE(1), TN_F32); }

static void expect_sum_works_on(tn_device device) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_to(one(), device, TN_DTYPE_NONE);
  tn_tensor *sum = tn_to(tn_add(x, x), TN_DEVICE_CPU, TN_DTYPE_NONE);
  cr_assert_not_null(sum, "%s", tn_ok() ? "" : tn_error_peek()->message);
  cr_assert_eq(tn_item(sum), 2.0);
  tn_scope_close(scope);
}

static void list(const char *name, bool optional) {
  char text[512];
  snprintf(text, sizeof text, "%s%s=" TN_TEST_PLUGIN_DIR "/broken/libtenon_backend_%s.so,cpu", name,
           optional ? "?" : "", name);
  setenv("TENON_BACKENDS", text, 1);
}

// The backend is named, so that it must be usable: an error with |story|, its stage in the report.
static void expect_refused(const char *name, const char *stage, const char *story) {
  list(name, false);
  cr_assert_eq(tn_init(NULL), TN_UNAVAILABLE, "%s was taken", name);
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(strstr(error->message, story), "'%s' is not in: %s", story, error->message);
  char line[96];
  snprintf(line, sizeof line, "  %s: %s", name, stage);
  cr_assert_not_null(strstr(error->message, line), "'%s' is not in: %s", line, error->message);
  cr_assert_neq(error->hint[0], '\0', "it says what to do");
  tn_error_clear();
}

// ---- what tn_plugin_query gives ----------------------------------------------------------------

TN_TEST(descriptor, without_init_is_refused) { expect_refused("no_init", "ABI", "lacks init"); }
TN_TEST(descriptor, without_facts_is_refused) { expect_refused("no_facts", "ABI", "facts"); }
TN_TEST(descriptor, of_no_bytes_is_refused) { expect_refused("empty_desc", "ABI", "0 bytes"); }
TN_TEST(descriptor, of_four_gigabytes_is_refused) {
  expect_refused("huge_desc", "ABI", "4294967295 bytes");
}
TN_TEST(descriptor, of_the_oldest_size_is_taken_and_no_more_of_it_read) {
  list("short_desc", false);
  expect_sum_works_on(tn_device_parse("short_desc"));
  tn_shutdown();  // would call what lies behind
}
TN_TEST(descriptor, of_the_future_is_taken) {
  list("long_desc", false);
  expect_sum_works_on(tn_device_parse("long_desc"));
  tn_shutdown();
}

// ---- what init does ----------------------------------------------------------------------------

TN_TEST(init, that_gives_no_reason_is_said_to) {
  expect_refused("silent_init", "init", "gave no reason: it returned 7 (unavailable)");
}
TN_TEST(init, that_returns_what_is_no_status_fails) {
  expect_refused("odd_status", "init", "-4711 (unknown status)");
}
TN_TEST(init, that_announces_a_device_and_forgets_it_is_told) {
  list("forgotten_device", true);
  cr_assert_eq(tn_device_parse("forgotten_device").type, 0);
  cr_assert_not_null(strstr(tn_error_peek()->message, "announces it and did not bring it"), "%s",
                     tn_error_peek()->message);
  cr_assert_eq(tn_error_clear(), TN_UNAVAILABLE);
}

TN_TEST(init, that_fails_half_way_leaves_nothing) {
  list("half_way", true);
  cr_assert_not(tn_device_is_available("half_way"));
  char *report = tn_load_report();
  cr_assert_not_null(strstr(report, "half_way: init: half the way is enough"), "%s", report);
  free(report);
  cr_assert_eq(tn_device_count("half_way"), 0);
  cr_assert_str_neq(tn_thread_runtime(), "broken", "its workers stayed");
  expect_sum_works_on(TN_DEVICE_CPU);  // its wrapper would fail it
  cr_assert_str_neq(tn_thread_runtime(), "broken");
  tn_backend_info info = {.name = ""};
  for (int32_t i = 0; i < tn_backend_candidate_count(); i++) {
    cr_assert_eq(tn_backend_at(i, &info), TN_OK);
    if (strcmp(info.name, "half_way") == 0) break;
  }
  cr_assert_eq(info.kernel_count, 0);
}

// ---- devices -----------------------------------------------------------------------------------

TN_TEST(table, of_no_bytes_is_refused) { expect_refused("empty_table", "init", "struct_size"); }
TN_TEST(table, of_four_gigabytes_is_refused) {
  expect_refused("huge_table", "init", "struct_size");
}
TN_TEST(table, of_the_oldest_size_is_taken_and_no_more_of_it_read) {
  list("short_table", false);
  tn_device device = tn_device_parse("short_table");
  expect_sum_works_on(device);
  cr_assert_eq(tn_device_synchronize(device), TN_OK);
}
TN_TEST(table, of_the_future_is_taken) {
  list("long_table", false);
  expect_sum_works_on(tn_device_parse("long_table"));
}
TN_TEST(table, with_a_malformed_name_is_refused) {
  expect_refused("bad_name", "init", "[a-z][a-z0-9_]*");
}
TN_TEST(table, without_a_name_is_refused) { expect_refused("no_name", "init", "[a-z]"); }
TN_TEST(table, with_a_name_that_is_taken_is_refused) {
  expect_refused("taken_name", "init", "'cpu' exists already");
}
TN_TEST(table, without_a_required_entry_is_refused) {
  expect_refused("lacks_entry", "init", "lacks a required entry");
}
TN_TEST(table, that_comes_twice_is_refused) {
  expect_refused("twice_device", "init", "'twice_device' exists already");
}

static void expect_no_device(const char *name, const char *story) {
  list(name, false);
  cr_assert_eq(tn_device_parse(name).type, 0);
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(strstr(error->message, story), "'%s' is not in: %s", story, error->message);
  cr_assert_eq(tn_error_clear(), TN_UNAVAILABLE);
  char *report = tn_load_report(), line[96];
  snprintf(line, sizeof line, "%s: no device: no device of type '%s': ", name, name);
  cr_assert_not_null(strstr(report, line), "%s", report);
  free(report);
}
TN_TEST(count, that_fails_is_no_device) {
  expect_no_device("count_fails", "its count failed: unavailable");
}
TN_TEST(count, that_fails_with_a_reason_passes_it_on) {
  expect_no_device("count_says_why", "the driver is asleep");
}
TN_TEST(count, below_zero_is_no_device) {
  expect_no_device("count_negative", "it counts -3 devices");
}
TN_TEST(count, of_none_without_a_reason_is_said_so) {
  expect_no_device("count_silent", "gave no reason");
}

// ---- rows --------------------------------------------------------------------------------------

TN_TEST(row, without_run_is_refused) { expect_refused("no_run", "init", "has no run function"); }
TN_TEST(row, without_an_operator_is_refused) { expect_refused("no_op", "init", "no operator"); }
TN_TEST(row, for_an_unknown_dtype_is_refused) {
  expect_refused("unknown_dtype", "init", "unknown dtypes");
}
TN_TEST(row, for_no_dtype_is_refused) { expect_refused("no_dtype", "init", "serves no"); }
TN_TEST(row, that_comes_twice_is_refused) {
  expect_refused("same_row", "init", "two kernels for 'add.Tensor'");
}
TN_TEST(rows, with_a_huge_stride_are_refused) { expect_refused("huge_stride", "init", "stride"); }
TN_TEST(rows, with_a_tiny_stride_are_refused) { expect_refused("tiny_stride", "init", "stride"); }
TN_TEST(rows, at_null_are_refused) { expect_refused("null_rows", "init", "NULL"); }
TN_TEST(rows, for_a_device_that_nobody_brings_are_refused) {
  expect_refused("foreign_device", "init", "'nowhere', which nobody brings");
}
TN_TEST(rows, of_the_oldest_size_are_taken_and_no_more_of_them_read) {
  list("short_rows", false);
  expect_sum_works_on(tn_device_parse("short_rows"));
}
TN_TEST(rows, of_the_future_are_taken) {
  list("long_rows", false);
  expect_sum_works_on(tn_device_parse("long_rows"));
}

// The backend is taken, and the load report remarks |story|.
static void expect_remark(const char *name, const char *story) {
  list(name, false);
  cr_assert_neq(tn_device_parse(name).type, 0, "%s", tn_ok() ? "" : tn_error_peek()->message);
  char *report = tn_load_report();
  cr_assert_not_null(strstr(report, story), "'%s' is not in: %s", story, report);
  free(report);
  tn_backend_info info = {.name = ""};
  for (int32_t i = 0; strcmp(info.name, name) != 0; i++) {
    cr_assert_eq(tn_backend_at(i, &info), TN_OK);
  }
  cr_assert_str_eq(info.stage, "ready");
  cr_assert_not_null(strstr(info.remark, story), "%s", info.remark);
}
TN_TEST(rows, for_unknown_operators_are_remarked_on) {
  expect_remark("future_op",
                "2 rows name operators that this host does not know: addd.Tensor first "
                "(did you mean add.Tensor?)");
}
TN_TEST(rows, for_forms_of_operators_are_remarked_on) {
  expect_remark("inplace_op", "are never asked for: add_.Tensor first");
}
TN_TEST(rows, of_newer_attributes_are_taken_and_remarked_on) {
  expect_remark("newer_attrs", "newer attributes of their operators than this host has");
  expect_sum_works_on(tn_device_parse("newer_attrs"));
}
TN_TEST(rows, of_impossible_attributes_are_refused) {
  expect_refused("huge_attrs", "init", "have 60000 bytes, which cannot be");
}
TN_TEST(count, of_more_devices_than_are_used_is_remarked_on) {
  expect_remark("count_many",
                "it counts 2000000000 devices of type 'count_many', of which 64 are used");
  cr_assert_eq(tn_device_count("count_many"), 64);
}

// What a terminal would obey is not passed on.
TN_TEST(texts, of_a_plugin_hold_no_control_characters) {
  list("odd_texts", true);
  cr_assert_not(tn_device_is_available("odd_texts"));
  char *report = tn_load_report();
  cr_assert_null(strchr(report, '\033'), "%s", report);
  cr_assert_not_null(strstr(report, "odd_texts: init: ?[2Jgone   cpu: ready"), "%s", report);
  free(report);
  tn_backend_info info = {.name = ""};
  for (int32_t i = 0; strcmp(info.name, "odd_texts") != 0; i++) {
    cr_assert_eq(tn_backend_at(i, &info), TN_OK);
  }
  cr_assert_str_eq(info.version, "?[1m9  ready\xff???");
}

// ---- workers and wrappers ----------------------------------------------------------------------

TN_TEST(workers, of_few_bytes_are_refused) {
  expect_refused("tiny_workers", "init", "struct_size");
}
TN_TEST(workers, without_an_entry_are_refused) {
  expect_refused("idle_workers", "init", "lacks an entry");
}
TN_TEST(wrapper, of_few_bytes_is_refused) { expect_refused("tiny_wrapper", "init", "struct_size"); }
TN_TEST(wrapper, that_the_note_does_not_announce_is_refused) {
  expect_refused("unannounced_wrapper", "init", "wraps nothing");
}

// ---- what a device does later ------------------------------------------------------------------

static void expect_no_memory(const char *name, const char *story) {
  list(name, false);
  tn_scope *scope = tn_scope_open();
  tn_device device = tn_device_parse(name);
  cr_assert_neq(device.type, 0);
  cr_assert_null(tn_empty(TN_SHAPE(100), .device = device));
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(strstr(error->message, name), "%s", error->message);
  cr_assert_not_null(strstr(error->message, story), "'%s' is not in: %s", story, error->message);
  tn_error_clear();
  expect_sum_works_on(TN_DEVICE_CPU);
  tn_scope_close(scope);
}
TN_TEST(memory, that_is_null_is_an_error) {
  expect_no_memory("null_memory", "succeeded and gave no memory");
}
TN_TEST(memory, that_is_not_aligned_is_an_error) {
  expect_no_memory("crooked_memory", "not aligned");
}
TN_TEST(memory, that_there_is_none_of_is_an_error) { expect_no_memory("silent_memory", "memory"); }

// ---- all or nothing when our own memory runs out -----------------------------------------------

enum {
  ROUND_OK,
  ROUND_DONE,
  NO_ERROR,
  ODD_ERROR,
  HALF_A_DEVICE,
  NOT_TRIED_AGAIN,
  CPU_IS_GONE,
  LEAKED
};

extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static int sum_fails_on(tn_device device) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_to(one(), device, TN_DTYPE_NONE);
  tn_tensor *sum = tn_to(tn_add(x, x), TN_DEVICE_CPU, TN_DTYPE_NONE);
  bool failed = sum == NULL || tn_item(sum) != 2.0;
  tn_scope_close(scope);
  return failed;
}

// A process of its own: a device is loaded, and our |nth| allocation fails meanwhile.
static int load_with_failure(int64_t nth) {
  tn_testing_fail_allocation(nth);
  tn_device device = tn_device_parse("castor");
  bool failed = tn_testing_allocation_failed();
  tn_testing_fail_allocation(0);
  if (device.type != 0) {
    if (sum_fails_on(device)) return HALF_A_DEVICE;
    return failed ? ROUND_OK : ROUND_DONE;
  }
  if (tn_ok()) return NO_ERROR;
  if (strstr(tn_error_peek()->message, "out of memory") == NULL) {
    tn_error_print(stderr);
    return ODD_ERROR;
  }
  tn_error_clear();
  device = tn_device_parse("castor");  // the next need tries again
  if (device.type == 0 || sum_fails_on(device)) {
    tn_error_print(stderr);
    return NOT_TRIED_AGAIN;
  }
  return sum_fails_on(TN_DEVICE_CPU) ? CPU_IS_GONE : ROUND_OK;
}

TN_TEST(our_memory, running_out_during_a_load_leaves_all_or_nothing) {
  setenv("TENON_BACKENDS", "castor?=" PLUGIN("castor") ",cpu", 1);
  int64_t nth = 1;
  for (int ended = ROUND_OK; ended != ROUND_DONE; nth++) {
    fflush(NULL);
    pid_t child = fork();
    cr_assert_neq(child, -1);
    if (child == 0) {
      ended = load_with_failure(nth);
      bool leaks =
          __lsan_do_recoverable_leak_check != NULL && __lsan_do_recoverable_leak_check() != 0;
      _exit(leaks ? LEAKED : ended);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "allocation %d: signal %d", (int)nth, WTERMSIG(status));
    ended = WEXITSTATUS(status);
    cr_assert(ended == ROUND_OK || ended == ROUND_DONE, "allocation %d: %d", (int)nth, ended);
    cr_assert_lt(nth, 2000);
  }
  cr_assert_gt(nth, 20, "there are more allocations than that");
}

// ---- files -------------------------------------------------------------------------------------

static void expect_file_refused(const char *path, const char *story) {
  char text[512];
  snprintf(text, sizeof text, "thing=%s", path);
  setenv("TENON_BACKENDS", text, 1);
  cr_assert_eq(tn_init(NULL), TN_UNAVAILABLE);
  cr_assert_not_null(strstr(tn_error_peek()->message, story), "%s", tn_error_peek()->message);
  tn_error_clear();
}
TN_TEST(file, that_is_a_loop_of_links_is_refused) {
  char folder[] = "/tmp/tenon_broken_XXXXXX", a[64], b[64];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(a, sizeof a, "%s/a.so", folder);
  snprintf(b, sizeof b, "%s/b.so", folder);
  cr_assert(symlink(a, b) == 0 && symlink(b, a) == 0);
  expect_file_refused(a, "Too many levels of symbolic links");
  unlink(a);
  unlink(b);
  rmdir(folder);
}
TN_TEST(file, that_is_a_device_is_refused) { expect_file_refused("/dev/zero", "not a regular"); }
TN_TEST(file, that_may_not_be_read_is_refused) {
  if (geteuid() == 0) cr_skip_test("root may read everything");
  char path[] = "/tmp/tenon_broken_XXXXXX";
  int file = mkstemp(path);
  fchmod(file, 0);
  close(file);
  expect_file_refused(path, "Permission denied");
  unlink(path);
}
