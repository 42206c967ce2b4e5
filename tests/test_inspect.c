// SPDX-License-Identifier: Apache-2.0
//
// A plugin's file looked at without loading it: tn_plugin_inspect says what the loader and the
// dynamic linker would say, runs none of it, and believes none of its bytes.

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <tenon/tenon.h>
#include <tenon/testing.h>
#include <unistd.h>

#include "tenon_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"
#define CPU_PLUGIN TN_BUILD_DIR "/lib/tenon/abi0/libtenon_backend_cpu.so"

static const tn_plugin_finding *finding(const tn_plugin_report *report, const char *text) {
  for (int32_t i = 0; i < report->finding_count; i++) {
    if (strstr(report->findings[i].text, text) != NULL) return &report->findings[i];
  }
  return NULL;
}

static void expect_finding(const tn_plugin_report *report, bool fatal, const char *text) {
  const tn_plugin_finding *found = finding(report, text);
  if (found == NULL) {
    for (int32_t i = 0; i < report->finding_count; i++) puts(report->findings[i].text);
  }
  cr_assert_not_null(found, "'%s' is not among the %d findings", text, report->finding_count);
  cr_assert_eq(found->fatal, fatal, "%s", found->text);
  if (fatal) cr_assert_not(report->loads);
}

// ---- plugins as they are -----------------------------------------------------------------------

TN_TEST(inspect, finds_the_cpu_backend_in_order) {
  tn_plugin_report *report = tn_plugin_inspect(CPU_PLUGIN);
  cr_assert_not_null(report);
  cr_assert(report->loads, "%s", report->finding_count > 0 ? report->findings[0].text : "");
  cr_assert_str_eq(report->name, "cpu");
  cr_assert_eq(report->word_bits, 64);
  cr_assert_eq(report->abi_version, report->host_abi);
  cr_assert_eq(report->export_count, 1);
  cr_assert_str_eq(report->exports[0], "tn_plugin_query");
  bool has_libc = false;
  for (int32_t i = 0; i < report->need_count; i++) {
    cr_assert_eq(report->needs[i].path[0], '/', "%s was not found", report->needs[i].name);
    has_libc = has_libc || strcmp(report->needs[i].name, "libc.so.6") == 0;
  }
  cr_assert(has_libc);
  cr_assert_not(report->executable_stack);
#ifndef TN_SANITIZE
  cr_assert_eq(report->finding_count, 0, "%s", report->findings[0].text);
  cr_assert_eq(strncmp(report->glibc, "2.", 2), 0, "%s", report->glibc);
#endif
  tn_plugin_report_free(report);
}

TN_TEST(inspect, runs_nothing) {
  char marker[] = "/tmp/tenon_marker_XXXXXX";
  close(mkstemp(marker));
  unlink(marker);
  setenv("TENON_TEST_MARKER", marker, 1);
  tn_plugin_report *report = tn_plugin_inspect(PLUGIN("untidy"));
  cr_assert(report->loads);
  cr_assert_neq(access(marker, F_OK), 0, "the constructor ran");
  tn_plugin_report_free(report);
  // The marker tells: loading does run it.
  setenv("TENON_BACKENDS", "untidy=" PLUGIN("untidy"), 1);
  tn_backend_count();
  cr_assert_eq(access(marker, F_OK), 0);
  unlink(marker);
}

TN_TEST(inspect, warns_of_what_is_untidy) {
  tn_plugin_report *report = tn_plugin_inspect(PLUGIN("untidy"));
  cr_assert(report->loads);
  cr_assert_eq(report->export_count, 2);
  expect_finding(report, false, "exports 1 symbol beside tn_plugin_query, such as untidy_answer");
  expect_finding(report, false, "'relative/lib' in its RUNPATH is relative");
  expect_finding(report, false, "executable stack");
  cr_assert(report->executable_stack);
  cr_assert_null(finding(report, "$ORIGIN'"));
  tn_plugin_report_free(report);
}

static void expect_refused(const char *path, const char *story) {
  tn_plugin_report *report = tn_plugin_inspect(path);
  cr_assert_not_null(report);
  expect_finding(report, true, story);
  tn_plugin_report_free(report);
}
TN_TEST(inspect, says_what_the_loader_says) {
  expect_refused(PLUGIN("other_abi"), "plugin ABI 4711");
  expect_refused(PLUGIN("other_cpu"), "'quantum9'");
  expect_refused(PLUGIN("no_note"), "no Tenon note");
  expect_refused(PLUGIN("two_notes"), "2 Tenon notes");
  expect_refused(PLUGIN("no_symbol"), "does not export tn_plugin_query");
  expect_refused("/tmp", "not a regular file");
  expect_refused("/nonexistent/lib.so", "No such file");
  expect_refused("", "cannot be opened");
  expect_refused(NULL, "cannot be opened");
}

TN_TEST(inspect, names_the_feature_that_is_lacking) {
  tn_plugin_report *report = tn_plugin_inspect(PLUGIN("other_cpu"));
  cr_assert_str_eq(report->cpu_lacks, "quantum9");
  tn_plugin_report_free(report);
}

// ---- copies with other bytes -------------------------------------------------------------------

static unsigned char *bytes_of(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  cr_assert_not_null(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(*size);
  cr_assert_eq(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

static void write_bytes(const char *path, const unsigned char *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  cr_assert_eq(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

// A copy of castor in which every |from| reads |to|, which is as long.
static tn_plugin_report *inspect_replaced(const char *path, const char *from, const char *to) {
  size_t size, length = strlen(from);
  int replaced = 0;
  unsigned char *bytes = bytes_of(PLUGIN("castor"), &size);
  for (size_t at = 0; at + length <= size; at++) {
    if (memcmp(bytes + at, from, length) != 0) continue;
    memcpy(bytes + at, to, length);
    replaced++;
  }
  cr_assert_gt(replaced, 0, "%s is not in the file", from);
  write_bytes(path, bytes, size);
  free(bytes);
  return tn_plugin_inspect(path);
}

// What is found agrees with what dlopen does.
static void expect_unloadable(const char *from, const char *to, const char *story) {
  char path[] = "/tmp/tenon_inspect_XXXXXX";
  close(mkstemp(path));
  tn_plugin_report *report = inspect_replaced(path, from, to);
  expect_finding(report, true, story);
  cr_assert_null(dlopen(path, RTLD_NOW | RTLD_LOCAL), "the linker takes it");
  tn_plugin_report_free(report);
  unlink(path);
}
TN_TEST(inspect, misses_a_library_that_is_nowhere) {
#ifdef TN_SANITIZE
  cr_skip_test("the sanitizer's library stands for the C library");
#endif
  expect_unloadable("libc.so.6", "libq.so.6", "needs the library libq.so.6");
}
TN_TEST(inspect, misses_a_symbol_that_nobody_has) {
  expect_unloadable("aligned_alloc", "aligned_allod", "uses aligned_allod, which no library");
}
TN_TEST(inspect, misses_a_version_of_the_c_library) {
#ifdef TN_SANITIZE
  cr_skip_test("the sanitizer's library stands for the C library");
#endif
  char path[] = "/tmp/tenon_inspect_XXXXXX";
  close(mkstemp(path));
  tn_plugin_report *report = inspect_replaced(path, "GLIBC_2.", "GLIBC_9.");
  expect_finding(report, true, "lacks version GLIBC_9.");
  cr_assert_eq(report->glibc[0], '9');
  tn_plugin_report_free(report);
  unlink(path);
}

TN_TEST(inspect, names_the_other_architecture) {
  char path[] = "/tmp/tenon_inspect_XXXXXX";
  close(mkstemp(path));
  size_t size;
  unsigned char *bytes = bytes_of(PLUGIN("castor"), &size);
  bytes[18] = 183;
  write_bytes(path, bytes, size);
  tn_plugin_report *report = tn_plugin_inspect(path);
#if defined(__x86_64__)
  expect_finding(report, true, "another architecture, AArch64");
  cr_assert_str_eq(report->machine, "AArch64");
#endif
  tn_plugin_report_free(report);
  bytes[18] = 3, bytes[4] = 1;
  write_bytes(path, bytes, size);
  report = tn_plugin_inspect(path);
  expect_finding(report, true, "32-bit");
  cr_assert_eq(report->word_bits, 32);
  cr_assert_str_eq(report->machine, "x86");
  tn_plugin_report_free(report);
  bytes[4] = 2, bytes[5] = 2;
  write_bytes(path, bytes, size);
  expect_refused(path, "big-endian");
  free(bytes);
  unlink(path);
}

// Any byte may be anything: no report may read past the file, hang or end the process.
TN_TEST(inspect, survives_arbitrary_bytes) {
  char path[] = "/tmp/tenon_inspect_XXXXXX";
  close(mkstemp(path));
  size_t size;
  unsigned char *good = bytes_of(PLUGIN("castor"), &size), *bytes = malloc(size);
  uint32_t state = 1;
  for (int round = 0; round < 300; round++) {
    memcpy(bytes, good, size);
    // Most of what is read stands at the start: headers, hash table, symbols, versions.
    size_t region = round % 3 == 0 ? size : round % 3 == 1 ? 1024 : 4096;
    if (region > size) region = size;
    for (int i = 0; i <= round % 8; i++) {
      state = state * 1664525u + 1013904223u;
      bytes[(state >> 8) % region] = (unsigned char)(state >> 3);
    }
    write_bytes(path, bytes, round % 10 == 9 ? size * (size_t)(round % 100) / 100 : size);
    tn_plugin_report *report = tn_plugin_inspect(path);
    cr_assert_not_null(report);
    tn_plugin_report_free(report);
  }
  free(good);
  free(bytes);
  unlink(path);
}

TN_TEST(inspect, reports_memory_that_runs_out_and_leaks_none) {
  for (int64_t nth = 1;; nth++) {
    tn_testing_fail_allocation(nth);
    tn_plugin_report *report = tn_plugin_inspect(PLUGIN("untidy"));
    bool failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    if (!failed) {
      cr_assert_not_null(report);
      cr_assert_gt(nth, 10);
      tn_plugin_report_free(report);
      return;
    }
    // The linker's cache may be done without.
    if (report == NULL) cr_assert_eq(tn_error_clear(), TN_OUT_OF_MEMORY);
    tn_plugin_report_free(report);
  }
}

// ---- the command -------------------------------------------------------------------------------

// The exit status of `tenon check` and what it prints.
static int check(const char *arguments, char *text, size_t size) {
  char command[512];
  snprintf(command, sizeof command, TN_BUILD_DIR "/bin/tenon check %s 2>&1", arguments);
  FILE *pipe = popen(command, "r");
  size_t length = fread(text, 1, size - 1, pipe);
  text[length] = '\0';
  int status = pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TN_TEST(command, check_exits_with_what_it_found) {
  char text[16384];
  cr_assert_eq(check(CPU_PLUGIN, text, sizeof text), 0, "%s", text);
  cr_assert_not_null(strstr(text, "it would be loaded"));
  cr_assert_eq(check(PLUGIN("other_abi"), text, sizeof text), 1, "%s", text);
  cr_assert_not_null(strstr(text, "wrong: built for plugin ABI 4711"), "%s", text);
  cr_assert_eq(check("/nonexistent --json", text, sizeof text), 1, "%s", text);
  cr_assert_not_null(strstr(text, "\"loads\":false"), "%s", text);
  cr_assert_eq(check("", text, sizeof text), 2);
}
