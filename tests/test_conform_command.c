// SPDX-License-Identifier: Apache-2.0
//
// test_conform_command: `tenon conform` as a shell sees it: what may be named, the exit status, the
// page that it leaves.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tenon_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

enum { TEXT_BYTES = 1 << 16 };

// Runs `tenon conform ARGUMENTS`; its exit status, and what it wrote to either stream in |text|.
static int conform(const char *arguments, char *text) {
  char command[2048];
  snprintf(command, sizeof command, "'%s/bin/tenon' conform %s 2>&1", TN_BUILD_DIR, arguments);
  FILE *pipe = popen(command, "r");
  cr_assert_not_null(pipe);
  size_t length = fread(text, 1, TEXT_BYTES - 1, pipe);
  text[length] = '\0';
  while (fgetc(pipe) != EOF) continue;
  int status = pclose(pipe);
  cr_assert(WIFEXITED(status), "%s: %s", command, text);
  return WEXITSTATUS(status);
}

static void expect(int status, const char *words, const char *arguments) {
  static char text[TEXT_BYTES];
  int got = conform(arguments, text);
  cr_expect_eq(got, status, "conform %s: exit status %d, expected %d: %s", arguments, got, status,
               text);
  cr_expect_not_null(strstr(text, words), "conform %s: '%s' is not in: %s", arguments, words, text);
}

TN_TEST(conform_command, zero_says_that_what_ran_holds) {
  expect(0, "1 passed", "cpu --ops neg --dtype f32");
  expect(0, "1 passed", "cpu:0 --ops neg --dtype f32 --quick");
  expect(0, "\"conforms\": true", "--ops neg --dtype f32 --json");
  expect(0, "neg                                float32    passed", "--ops neg --verbose");
}

TN_TEST(conform_command, one_says_that_something_claimed_fails) {
  expect(1, "neg float32: matrix", "'" PLUGIN("null") "' --ops neg");
  expect(1, "0 passed", "'" PLUGIN("mine") "' --ops neg");
  expect(1, "abs float32", "'" PLUGIN("guest") "' --ops abs,neg --dtype f32");
  expect(1, "cannot be loaded", "'" PLUGIN("other_abi") "'");
}

TN_TEST(conform_command, two_says_that_the_question_was_wrong) {
  expect(2, "did you mean 'cpu'", "cpuu");
  expect(2, "the nearest is 'neg'", "cpu --ops negg");
  expect(2, "is no dtype", "cpu --dtype float33");
  expect(2, "usage:", "cpu --full --quick");
  expect(2, "usage:", "--no-such-option");
  expect(2, "there is no file", "/nonexistent/libtenon_backend_x.so");
  expect(2, "cannot be written", "cpu --ops neg --report /nonexistent/page.html");
  expect(2, "cannot be read", "cpu --ops neg --expect /nonexistent/list");
}

TN_TEST(conform_command, takes_a_backend_of_any_file_name_by_its_note) {
  char folder[] = "/tmp/tenon conform, XXXXXX", path[64], arguments[256];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/x.so.1", folder);
  cr_assert_eq(symlink(PLUGIN("mine"), path), 0);
  snprintf(arguments, sizeof arguments, "'%s' --ops 'add.*' --dtype f32", path);
  expect(0, "2 passed (1 in part)", arguments);
  unlink(path);
  rmdir(folder);
}

TN_TEST(conform_command, certifies_a_guest_of_the_cpu_by_name) {
  setenv("TENON_BACKENDS", "cpu,guest=" PLUGIN("guest"), 1);
  expect(0, "1 passed, 0 failed, 0 unsupported", "guest --ops neg --dtype f32");
  expect(1, "1 unsupported", "guest --ops cos --dtype f32");
  expect(1, "none of", "guest --ops exp --dtype f32");
}

TN_TEST(conform_command, a_listed_failure_is_expected_until_it_passes) {
  char list[] = "/tmp/tenon_expect_XXXXXX", arguments[256];
  int file = mkstemp(list);
  cr_assert_geq(file, 0);
  static const char text[] = "# known\nabs float32 a thousandth too large\n";
  cr_assert_eq(write(file, text, sizeof text - 1), (long)sizeof text - 1);
  close(file);
  snprintf(arguments, sizeof arguments, "'%s' --ops abs,neg --dtype f32 --expect %s",
           PLUGIN("guest"), list);
  expect(0, "1 failed as expected", arguments);
  snprintf(arguments, sizeof arguments, "cpu --ops abs --dtype f32 --expect %s", list);
  expect(1, "take it off the list", arguments);
  unlink(list);
}

TN_TEST(conform_command, leaves_a_page_that_says_how_it_was_made) {
  char folder[] = "/tmp/tenon_page_XXXXXX", arguments[256], page[TEXT_BYTES];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(arguments, sizeof arguments, "cpu --ops 'neg,ab*' --report %s/page.html", folder);
  expect(0, "passed", arguments);
  snprintf(arguments, sizeof arguments, "%s/page.html", folder);
  FILE *file = fopen(arguments, "r");
  cr_assert_not_null(file);
  page[fread(page, 1, sizeof page - 1, file)] = '\0';
  fclose(file);
  cr_expect_not_null(strstr(page, "tenon conform cpu --ops &#39;neg,ab*&#39; --report"), "%s",
                     page);
  unlink(arguments);
  rmdir(folder);
}

TN_TEST(conform_command, a_backend_that_ends_the_process_gets_no_certificate) {
  setenv("TENON_HOSTILE", "exit", 1);
  expect(1, "called exit, after", "'" PLUGIN("hostile") "' --ops add --dtype f32");
  setenv("TENON_HOSTILE", "crash", 1);
  expect(3, "crashed (SIGSEGV), after",
         "'" PLUGIN("hostile") "' --ops add --dtype f32 2>&1 || exit 3");
}

TN_TEST(conform_command, settings_that_make_no_sense_are_not_the_backends_fault) {
  setenv("TENON_FALLBACK", "maybe", 1);
  expect(2, "TENON_FALLBACK=maybe", "cpu --ops neg");
  unsetenv("TENON_FALLBACK");
  setenv("TENON_TRACE", "/nonexistent/trace", 1);
  expect(2, "cannot be written", "cpu --ops neg");
}
