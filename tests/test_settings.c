// SPDX-License-Identifier: Apache-2.0
//
// What Tenon can be told: by tn_init, by the environment, and what becomes of nonsense. Each test
// is a process of its own, so it sets the environment before the first call.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tenon/tenon.h>
#include <unistd.h>

#include "tenon_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"
#define OPTIONS(...) (&(tn_init_options){.struct_size = sizeof(tn_init_options), __VA_ARGS__})

static void expect_error(tn_status status, const char *story) {
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(error, "no error; expected '%s'", story);
  cr_assert_not_null(strstr(error->message, story), "'%s' is not in: %s", story, error->message);
  cr_assert_eq(error->status, status, "%s", error->message);
  tn_error_clear();
}

static void expect_init_error(const tn_init_options *options, tn_status status, const char *story) {
  cr_assert_eq(tn_init(options), status, "expected '%s'", story);
  expect_error(status, story);
}

static tn_setting setting_named(const char *name) {
  tn_setting setting = {.name = NULL};
  int32_t count = tn_setting_count();
  for (int32_t i = 0; i < count; i++) {
    cr_assert_eq(tn_setting_at(i, &setting), TN_OK);
    if (strcmp(setting.name, name) == 0) return setting;
  }
  return (tn_setting){.name = NULL};
}

static void expect_device(const char *expected) {
  char name[32];
  tn_device device = tn_device_default();
  cr_assert_str_eq(tn_device_name(device, name, sizeof name), expected, "%s",
                   tn_ok() ? "" : tn_error_peek()->message);
}

// ---- tn_init -----------------------------------------------------------------------------------

TN_TEST(init, without_options_checks_and_may_come_at_any_time) {
  cr_assert_eq(tn_init(NULL), TN_OK);
  tn_release(tn_zeros(TN_SHAPE(1)));
  cr_assert_eq(tn_init(NULL), TN_OK);
}

TN_TEST(init, beats_the_environment) {
  setenv("TENON_BACKENDS", "nonsense that / nobody understands", 1);
  setenv("TENON_DEVICE", "cpu", 1);
  cr_assert_eq(tn_init(OPTIONS(.backends = "castor=" PLUGIN("castor") ",cpu", .device = "")), TN_OK,
               "%s", tn_ok() ? "" : tn_error_peek()->message);
  expect_device("castor:0");
  cr_assert_str_eq(setting_named("TENON_BACKENDS").source, "tn_init");
  cr_assert_null(setting_named("TENON_DEVICE").value);
}

TN_TEST(init, leaves_what_it_does_not_say_to_the_environment) {
  setenv("TENON_BACKENDS", "castor=" PLUGIN("castor") ",cpu", 1);
  setenv("TENON_NUM_THREADS", "7", 1);
  cr_assert_eq(tn_init(OPTIONS(.num_threads = 3)), TN_OK);
  expect_device("castor:0");
  cr_assert_str_eq(setting_named("TENON_NUM_THREADS").value, "3");
  cr_assert_str_eq(setting_named("TENON_BACKENDS").source, "environment");
}

TN_TEST(init, copies_its_texts) {
  char backends[] = "castor?=" PLUGIN("castor") ",cpu";
  cr_assert_eq(tn_init(OPTIONS(.backends = backends)), TN_OK);
  memset(backends, '?', sizeof backends - 1);
  cr_assert_str_eq(setting_named("TENON_BACKENDS").value, "castor?=" PLUGIN("castor") ",cpu");
}

TN_TEST(init, sets_the_threads_that_kernels_see) {
  if (strcmp(tn_thread_runtime(), "none") != 0) cr_skip_test("a pool before any backend?");
  cr_assert_eq(tn_init(OPTIONS(.num_threads = 1)), TN_OK);
  tn_release(tn_zeros(TN_SHAPE(1)));
  cr_assert_eq(tn_thread_count(), 1);
}

TN_TEST(init, too_late_is_a_wrong_state) {
  tn_release(tn_zeros(TN_SHAPE(1)));
  expect_init_error(OPTIONS(.device = "cpu"), TN_WRONG_STATE, "used already");
}

TN_TEST(init, twice_is_a_wrong_state) {
  cr_assert_eq(tn_init(OPTIONS(.device = "cpu")), TN_OK);
  expect_init_error(OPTIONS(.device = "cpu"), TN_WRONG_STATE, "used already");
}

TN_TEST(init, after_shutdown_is_a_wrong_state) {
  tn_shutdown();
  expect_init_error(OPTIONS(.device = "cpu"), TN_WRONG_STATE, "tn_shutdown");
}

TN_TEST(init, refuses_each_nonsense_and_can_be_called_again) {
  expect_init_error(OPTIONS(.backends = "a b"), TN_INVALID_ARGUMENT, "tn_init's backends: entry");
  expect_init_error(OPTIONS(.backends = "cpu,^cpu"), TN_INVALID_ARGUMENT, "listed and excluded");
  expect_init_error(OPTIONS(.backend_path = "lib"), TN_INVALID_ARGUMENT, "absolute");
  expect_init_error(OPTIONS(.log = "loader:banana"), TN_INVALID_ARGUMENT, "'loader:banana'");
  expect_init_error(OPTIONS(.log = "loader:debgu"), TN_INVALID_ARGUMENT, "did you mean 'debug'");
  expect_init_error(OPTIONS(.num_threads = -1), TN_INVALID_ARGUMENT, "1 to 1024");
  expect_init_error(OPTIONS(.seed = "x"), TN_INVALID_ARGUMENT, "tn_init's seed=x");
  expect_init_error(OPTIONS(.seed = "18446744073709551616"), TN_INVALID_ARGUMENT, "2^64");
  expect_init_error(OPTIONS(.deterministic = "maybe"), TN_INVALID_ARGUMENT, "'0' or '1'");
  expect_init_error(OPTIONS(.fallback = "gpu"), TN_INVALID_ARGUMENT, "'error' or 'cpu'");
  cr_assert_eq(tn_init(OPTIONS(.seed = "42", .log = " loader:error , *:warning,error")), TN_OK);
  tn_philox_state state;
  cr_assert_eq(tn_random_state(TN_DEVICE_CPU, &state), TN_OK);
  cr_assert_eq(state.seed, 42);
}

TN_TEST(init, takes_options_of_any_size) {
  struct {
    tn_init_options options;
    const char *of_the_future;
  } longer = {.options = {.struct_size = sizeof longer, .backends = "cpu"}, .of_the_future = "x"};
  tn_init_options shorter = {.struct_size = offsetof(tn_init_options, backend_path),
                             .backends = "cpu",
                             .backend_path = "not absolute, and not said"};
  expect_init_error(&(tn_init_options){.struct_size = 0}, TN_INVALID_ARGUMENT, "struct_size");
  expect_init_error(&(tn_init_options){.struct_size = UINT32_MAX}, TN_INVALID_ARGUMENT,
                    "struct_size");
  shorter.struct_size += 3;  // half a field is none
  cr_assert_eq(tn_init(&shorter), TN_OK, "%s", tn_ok() ? "" : tn_error_peek()->message);
  expect_init_error(&longer.options, TN_WRONG_STATE, "used already");
}

TN_TEST(init, takes_longer_options) {
  struct {
    tn_init_options options;
    const char *of_the_future;
  } longer = {.options = {.struct_size = sizeof longer, .backends = "cpu"}, .of_the_future = "x"};
  cr_assert_eq(tn_init(&longer.options), TN_OK);
}

TN_TEST(init, opens_what_is_named) {
  expect_init_error(OPTIONS(.backends = "fails_in_init=" PLUGIN("fails_in_init") ",cpu"),
                    TN_UNAVAILABLE, "licence server");
}

TN_TEST(init, wants_the_default_device) {
  expect_init_error(OPTIONS(.backends = "no_device=" PLUGIN("no_device") ",cpu"), TN_UNAVAILABLE,
                    "libunicorn.so.1");
}

TN_TEST(init, wants_the_device_that_it_names) {
  expect_init_error(OPTIONS(.device = "cpv"), TN_NOT_FOUND, "'cpv'");
}

TN_TEST(init, keeps_the_first_error) {
  tn_error_set(TN_OUT_OF_RANGE, "the disk is full");
  cr_assert_eq(tn_init(OPTIONS(.seed = "x")), TN_INVALID_ARGUMENT);
  cr_assert_str_eq(tn_error_peek()->message, "the disk is full");
  tn_error_clear();
}

TN_TEST(init, searches_its_own_path_first) {
  setenv("TENON_BACKEND_PATH", PLUGIN("castor"), 1);
  char link[] = "/tmp/tenon_settings_XXXXXX", path[64];
  cr_assert_not_null(mkdtemp(link));
  snprintf(path, sizeof path, "%s/libtenon_backend_castor.so", link);
  FILE *in = fopen(PLUGIN("castor"), "rb"), *out = fopen(path, "wb");
  for (int byte; (byte = fgetc(in)) != EOF;) fputc(byte, out);
  fclose(in);
  fclose(out);
  cr_assert_eq(tn_init(OPTIONS(.backend_path = link)), TN_OK);
  cr_assert(tn_device_is_available("castor"));
  tn_backend_info info = {.name = ""};
  for (int32_t i = 0; i < tn_backend_count(); i++) {
    cr_assert_eq(tn_backend_at(i, &info), TN_OK);
    if (strcmp(info.stage, "ready") == 0 && strcmp(info.name, "castor") == 0) break;
  }
  cr_assert_str_eq(info.path, path);
  remove(path);
  rmdir(link);
}

// ---- the environment at first use --------------------------------------------------------------

static void expect_first_use_fails(const char *name, const char *value, const char *story) {
  setenv(name, value, 1);
  cr_assert_null(tn_zeros(TN_SHAPE(1)));
  expect_error(TN_INVALID_ARGUMENT, story);
  cr_assert_null(tn_zeros(TN_SHAPE(1)), "nonsense must stay an error");
  tn_error_clear();
}
TN_TEST(environment, refuses_nonsense_in_deterministic) {
  expect_first_use_fails("TENON_DETERMINISTIC", "maybe", "TENON_DETERMINISTIC=maybe");
}
TN_TEST(environment, refuses_nonsense_in_threads) {
  expect_first_use_fails("TENON_NUM_THREADS", "abc", "TENON_NUM_THREADS=abc");
}
TN_TEST(environment, refuses_no_threads) {
  expect_first_use_fails("TENON_NUM_THREADS", "0", "1 to 1024");
}
TN_TEST(environment, refuses_nonsense_in_fallback) {
  expect_first_use_fails("TENON_FALLBACK", "yes", "TENON_FALLBACK=yes");
}

// What |body| writes to standard error.
static char *written_by(void (*body)(void)) {
  fflush(stderr);
  int saved = dup(2);
  FILE *file = tmpfile();
  dup2(fileno(file), 2);
  body();
  fflush(stderr);
  dup2(saved, 2);
  close(saved);
  char *text = calloc(1, 4096);
  rewind(file);
  cr_assert(fread(text, 1, 4095, file) < 4095);
  fclose(file);
  return text;
}

static void compute(void) {
  tn_tensor *zeros = tn_zeros(TN_SHAPE(1));
  cr_assert_not_null(zeros);
  tn_release(zeros);
}

TN_TEST(environment, nonsense_in_the_log_is_said_once_and_stops_nothing) {
  setenv("TENON_LOG", "loader:banana,loader:debug", 1);
  char *text = written_by(compute);
  const char *line = strstr(text, "'loader:banana' is neither");
  cr_assert_not_null(line, "%s", text);
  cr_assert_null(strstr(line + 10, "banana"), "%s", text);
  free(text);
}

TN_TEST(environment, unset_log_writes_nothing) {
  unsetenv("TENON_LOG");
  char *text = written_by(compute);
  cr_assert_str_eq(text, "");
  free(text);
}

// ---- the list of what is set -------------------------------------------------------------------

TN_TEST(settings, say_value_source_and_meaning) {
  setenv("TENON_SEED", "5", 1);
  tn_setting seed = setting_named("TENON_SEED");
  cr_assert_str_eq(seed.value, "5");
  cr_assert_str_eq(seed.source, "environment");
  cr_assert(seed.known);
  cr_assert_null(setting_named("TENON_TRACE").value);
  cr_assert_neq(setting_named("TENON_TRACE").meaning[0], '\0');
  compute();
}

TN_TEST(settings, of_backends_are_announced_without_opening_them) {
  setenv("TENON_BACKEND_PATH", PLUGIN("castor"), 1);
  setenv("TENON_TWIN_MOOD", "good", 1);
  tn_setting mood = setting_named("TENON_TWIN_MOOD");
  cr_assert_str_eq(mood.backend, "castor");
  cr_assert_str_eq(mood.value, "good");
  cr_assert_str_eq(mood.meaning, "how the twin feels: good or bad");
  cr_assert_str_eq(setting_named("TENON_CPU_ISA").backend, "cpu");
  char *report = tn_load_report();
  cr_assert_not_null(strstr(report, "castor: found, not opened yet"), "%s", report);
  free(report);
}

TN_TEST(settings, misspelt_gets_its_near_match_there_and_in_the_report) {
  setenv("TENON_BACKEND", "castor", 1);
  setenv("TENON_WEATHER", "fine", 1);
  tn_setting misspelt = setting_named("TENON_BACKEND");
  cr_assert_not(misspelt.known);
  cr_assert_not_null(strstr(misspelt.meaning, "did you mean TENON_BACKENDS?"));
  cr_assert_not(setting_named("TENON_WEATHER").known);
  char *report = tn_load_report();
  cr_assert_not_null(strstr(report, "did you mean TENON_BACKENDS?"), "%s", report);
  cr_assert_null(strstr(report, "TENON_WEATHER"), "others may be the program's own: %s", report);
  free(report);
  tn_setting setting;
  cr_assert_eq(tn_setting_at(-1, &setting), TN_OUT_OF_RANGE);
  tn_error_clear();
  cr_assert_eq(tn_setting_at(100000, &setting), TN_OUT_OF_RANGE);
  tn_error_clear();
}

// ---- a process with rights that its user does not have -----------------------------------------

// A copy of the program with the set-uid bit (as root) or the set-gid bit; false where neither can
// be had.
static bool make_secure_copy(const char *path) {
  FILE *in = fopen(TN_BUILD_DIR "/bin/secure_asks", "rb"), *out = fopen(path, "wb");
  cr_assert(in != NULL && out != NULL);
  for (int byte; (byte = fgetc(in)) != EOF;) fputc(byte, out);
  fclose(in);
  fclose(out);
  if (geteuid() == 0) return chown(path, 65534, 65534) == 0 && chmod(path, 04755) == 0;
  gid_t groups[64];
  int count = getgroups(64, groups);
  for (int i = 0; i < count; i++) {
    if (groups[i] != getegid())
      return chown(path, (uid_t)-1, groups[i]) == 0 && chmod(path, 02755) == 0;
  }
  return false;
}

// What the program with the bit prints, given |argument|.
static char *answers_of_secure(const char *argument) {
  static char answers[8192];
#ifdef TN_SANITIZE
  cr_skip_test("sanitizers do not run in set-uid programs");
#endif
  char folder[] = "/tmp/tenon_secure_XXXXXX", path[64], command[256];
  cr_assert_not_null(mkdtemp(folder));
  cr_assert_eq(chmod(folder, 0755), 0);
  snprintf(path, sizeof path, "%s/asks", folder);
  bool made = make_secure_copy(path);
  size_t length = 0;
  int status = 77;
  if (made) {
    snprintf(command, sizeof command, "exec %s %s", path, argument);
    FILE *pipe = popen(command, "r");
    length = fread(answers, 1, sizeof answers - 1, pipe);
    int ended = pclose(pipe);
    status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  }
  answers[length] = '\0';
  remove(path);
  rmdir(folder);
  if (status == 77) cr_skip_test("no set-uid program can be made here");
  cr_assert_eq(status, 0, "%s", answers);
  return answers;
}

TN_TEST(secure, process_ignores_paths_of_the_environment) {
  setenv("TENON_BACKEND_PATH", PLUGIN("castor"), 1);
  setenv("TENON_DEVICE", "cpu", 1);
  const char *answers = answers_of_secure("");
  cr_assert_not_null(strstr(answers, "castor: 0\n"), "%s", answers);
  cr_assert_not_null(strstr(answers, "TENON_BACKEND_PATH= (ignored: set-uid process)"), "%s",
                     answers);
  cr_assert_not_null(strstr(answers, "TENON_DEVICE=cpu (environment)"), "%s", answers);
  cr_assert_not_null(strstr(answers, "TENON_BACKEND_PATH is ignored"), "%s", answers);
}

TN_TEST(secure, process_refuses_a_file_in_the_list) {
  setenv("TENON_BACKENDS", "castor=" PLUGIN("castor") ",cpu", 1);
  const char *answers = answers_of_secure("");
  cr_assert_not_null(strstr(answers, "castor: 0\n"), "%s", answers);
  cr_assert_not_null(strstr(answers, "is not honoured in a set-uid process"), "%s", answers);
}

TN_TEST(secure, process_honours_its_own_path) {
  const char *answers = answers_of_secure(PLUGIN("castor"));
  cr_assert_not_null(strstr(answers, "tn_init: ok\n"), "%s", answers);
  cr_assert_not_null(strstr(answers, "castor: 1\n"), "%s", answers);
}
