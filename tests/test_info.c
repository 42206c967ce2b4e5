// SPDX-License-Identifier: Apache-2.0
//
// `tenon info`: what a backend does to the process that opens it is reported by name, and the
// others are listed all the same.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tenon_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"
#define BROKEN(name) TN_TEST_PLUGIN_DIR "/broken/libtenon_backend_" name ".so"

static char text[65536];

// The exit status of `tenon info`, whose output stands in |text|.
static int info(const char *arguments) {
  char command[512];
  snprintf(command, sizeof command, TN_BUILD_DIR "/bin/tenon info %s 2>&1", arguments);
  FILE *pipe = popen(command, "r");
  size_t length = fread(text, 1, sizeof text - 1, pipe);
  text[length] = '\0';
  int status = pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect(const char *story) {
  cr_assert_not_null(strstr(text, story), "'%s' is not in: %s", story, text);
}

TN_TEST(info, lists_devices_backends_and_threads) {
  setenv("TENON_BACKEND_PATH", PLUGIN("castor") ":" PLUGIN("no_device"), 1);
  cr_assert_eq(info(""), 0, "%s", text);
  expect("default device: cpu");
  expect("  castor  1\n");
  expect("castor 1  ready  1 kernels");
  expect("no_device 1  no device: no device of type 'unicorn': driver not found");
  expect("cpu 0.1.0  ready");
  expect("searched: ");
}

TN_TEST(info, speaks_json) {
  setenv("TENON_BACKEND_PATH", BROKEN("crashing_init"), 1);
  cr_assert_eq(info("--json"), 0, "%s", text);
  expect("\"name\":\"crashing_init\"");
  expect("\"crashed\":true");
  expect("{\"type\":\"cpu\",\"count\":1}");
}

// Python's reader is strict about both UTF-8 and JSON.
TN_TEST(info, speaks_json_whatever_the_texts_are) {
  setenv("TENON_BACKEND_PATH", BROKEN("odd_texts"), 1);
  setenv("TENON_BACKENDS", "cpu,odd\xff?", 1);
  info(
      "--json 2>/dev/null | python3 -c 'import json, sys; json.loads(sys.stdin.buffer.read()"
      ".decode())' && echo it is JSON");
  expect("it is JSON");
  info("--json 2>/dev/null");
  expect("odd\\ufffd?");
  unsetenv("TENON_BACKENDS");
  info("--json 2>/dev/null");
  expect("?[1m9  ready\\ufffd???");
  cr_assert_null(strchr(text, '\xff'));
}

TN_TEST(info, remarks_on_rows_that_are_left_out) {
  setenv("TENON_BACKEND_PATH", BROKEN("future_op"), 1);
  cr_assert_eq(info(""), 0, "%s", text);
  expect(
      "    2 rows name operators that this host does not know: addd.Tensor first (did you mean "
      "add.Tensor?)\n");
  cr_assert_eq(info("--why future_op"), 0, "%s", text);
  expect("    remark: 2 rows name operators");
}

static void expect_survived(const char *path, const char *arguments, const char *story) {
  setenv("TENON_BACKEND_PATH", path, 1);
  cr_assert_eq(info(arguments), 0, "%s", text);
  expect(story);
  expect("cpu 0.1.0  ready");
}
TN_TEST(info, survives_a_crash_in_init) {
  expect_survived(BROKEN("crashing_init"), "", "crashing_init 1  init: it crashes: signal 11");
}
TN_TEST(info, survives_a_crash_while_it_is_loaded) {
  expect_survived(BROKEN("crashing_load"), "", "crashing_load 1  dlopen: it crashes: signal 11");
}
TN_TEST(info, survives_a_crash_in_the_device_count) {
  expect_survived(BROKEN("count_crashes"), "", "count_crashes 1  device count: it crashes");
}
TN_TEST(info, survives_an_exit) {
  expect_survived(BROKEN("exiting_init"), "", "exiting_init 1  init: it ends the process");
}
TN_TEST(info, survives_a_hang) {
  expect_survived(BROKEN("hanging_init"), "--timeout 0.5", "hanging_init 1  init: it hangs");
}
TN_TEST(info, survives_all_of_them_at_once) {
  setenv("TENON_BACKEND_PATH",
         BROKEN("crashing_init") ":" BROKEN("crashing_load") ":" BROKEN("count_crashes") ":" BROKEN(
             "exiting_init") ":" PLUGIN("castor"),
         1);
  cr_assert_eq(info(""), 0, "%s", text);
  expect("crashing_init 1  init: it crashes");
  expect("crashing_load 1  dlopen: it crashes");
  expect("count_crashes 1  device count: it crashes");
  expect("exiting_init 1  init: it ends the process");
  expect("castor 1  ready");
  expect("cpu 0.1.0  ready");
}

TN_TEST(info, reports_a_default_device_that_crashes) {
  setenv("TENON_BACKENDS", "crashing_init=" BROKEN("crashing_init") ",cpu", 1);
  cr_assert_eq(info(""), 1, "%s", text);
  expect("crashing_init 1  init: it crashes");
  expect("default device: none");
  expect("TENON_DEVICE=cpu");
}

TN_TEST(info, fails_where_the_list_does) {
  setenv("TENON_BACKENDS", "cpuu", 1);
  cr_assert_eq(info(""), 1, "%s", text);
  expect("did you mean 'cpu'?");
  expect("default device: none");
}

// ---- why ---------------------------------------------------------------------------------------

TN_TEST(why, a_backend_can_be_used) {
  setenv("TENON_BACKEND_PATH", PLUGIN("castor"), 1);
  cr_assert_eq(info("--why castor"), 0, "%s", text);
  expect("'castor' can be used");
  expect(PLUGIN("castor"));
  cr_assert_eq(info("--why castor:0"), 0, "%s", text);
  cr_assert_eq(info("--why castor:7"), 1, "%s", text);
  cr_assert_eq(info("--why cpu"), 0, "%s", text);
}

TN_TEST(why, a_device_has_none) {
  setenv("TENON_BACKEND_PATH", PLUGIN("no_device"), 1);
  cr_assert_eq(info("--why unicorn"), 1, "%s", text);
  expect("'unicorn' cannot be used");
  expect("backend: no_device 1");
  expect("stage: no device");
  expect("driver not found: libunicorn.so.1");
  expect("what to do: see to the device or its driver");
}

TN_TEST(why, a_backend_is_refused) {
  setenv("TENON_BACKEND_PATH", PLUGIN("other_abi"), 1);
  cr_assert_eq(info("--why other_abi --json"), 1, "%s", text);
  expect("\"stage\":\"ABI\"");
  expect("plugin ABI 4711");
  expect("\"usable\":false");
}

TN_TEST(why, a_backend_crashes) {
  setenv("TENON_BACKEND_PATH", BROKEN("crashing_init"), 1);
  cr_assert_eq(info("--why crashing_init"), 1, "%s", text);
  expect("reason: it crashes: signal 11");
}

TN_TEST(why, a_backend_is_not_listed) {
  setenv("TENON_BACKEND_PATH", PLUGIN("castor"), 1);
  setenv("TENON_BACKENDS", "cpu", 1);
  cr_assert_eq(info("--why castor"), 1, "%s", text);
  expect("stage: not listed");
  expect("what to do: name it in TENON_BACKENDS");
}

TN_TEST(why, nothing_is_called_so) {
  cr_assert_eq(info("--why cpuu"), 1, "%s", text);
  expect("nothing called 'cpuu' was found");
  expect("did you mean 'cpu'?");
  expect("searched: ");
}

TN_TEST(usage, of_info_is_checked) {
  cr_assert_eq(info("nonsense"), 2);
  cr_assert_eq(info("--timeout x"), 2);
  cr_assert_eq(info("--why"), 2);
}
