// SPDX-License-Identifier: Apache-2.0
//
// What a stranger does: installs Tenon somewhere, copies the template out of the installation and
// builds it against the installed headers alone, builds an application against the installed
// library, and runs it on the template's device. Once with CMake, once with pkg-config and cc.
// Each test works in a scratch folder of its own, which stays behind only where the test fails.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tenon_test.h"

// An application takes the sanitizers that the library under test was built with.
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZE "-fsanitize=address,undefined"
#elif defined(__SANITIZE_THREAD__)
#define SANITIZE "-fsanitize=thread"
#else
#define SANITIZE ""
#endif

enum { TEXT_BYTES = 16384 };

typedef struct scratch {
  char folder[64];  // holds prefix/, template/, app/, log
} scratch;

static void read_log(const scratch *place, char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/log", place->folder);
  FILE *file = fopen(path, "r");
  size_t length = file == NULL ? 0 : fread(text, 1, TEXT_BYTES - 1, file);
  text[length] = '\0';
  if (file != NULL) fclose(file);
}

// Runs one shell command in the scratch folder; the test fails with its output where it fails.
static void run(const scratch *place, const char *format, ...) {
  char command[4096], line[8192], text[TEXT_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command, sizeof command, format, arguments);
  va_end(arguments);
  snprintf(line, sizeof line, "cd '%s' && { %s; } >log 2>&1", place->folder, command);
  int status = system(line);
  read_log(place, text);
  cr_assert_eq(status, 0, "%s\n%s", command, text);
}

static bool is_installed(const char *program) {
  char line[128];
  snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", program);
  return system(line) == 0;
}

static void require(const char *program) {
  if (!is_installed(program)) cr_skip_test("%s is not installed", program);
}

// A scratch folder with Tenon installed into prefix/, and the template and the application copied.
static scratch installed(void) {
  scratch place = {"/tmp/tenon_install_XXXXXX"};
  cr_assert_not_null(mkdtemp(place.folder));
  run(&place, "cmake --install '%s' --prefix '%s/prefix'", TN_BUILD_DIR, place.folder);
  run(&place, "cp -R prefix/share/tenon/template template && cp -R '%s/tests/install' app",
      TN_SOURCE_DIR);
  return place;
}

static void leave(const scratch *place) {
  char line[128];
  snprintf(line, sizeof line, "rm -rf '%s'", place->folder);
  cr_assert_eq(system(line), 0);
}

// Runs the application on the template's device; |application| and |backend| are in the folder.
static void expect_numbers(const scratch *place, const char *application, const char *backend) {
  char text[TEXT_BYTES];
  run(place,
      "unset TENON_BACKEND_PATH TENON_DEVICE TENON_PROVIDER; export ASAN_OPTIONS=detect_leaks=1; "
      "TENON_BACKENDS=mine=$PWD/%s,cpu ./%s",
      backend, application);
  read_log(place, text);
  static const char expected[] =
      "broadcast: invalid argument\n"
      "device: mine:0\n"
      "tensor([[5.2500, 5.2500, 5.2500],\n"
      "        [5.2500, 5.2500, 5.2500]], dtype=torch.float64)\n"
      "exp there: unimplemented\n"
      "exp here: 1143.3976\n"
      "cpu backend: ";
  cr_assert_eq(strncmp(text, expected, sizeof expected - 1), 0, "%s\nexpected:\n%s", text,
               expected);
  char prefix[128];
  snprintf(prefix, sizeof prefix, "%s/prefix/", place->folder);
  cr_assert_eq(strncmp(text + sizeof expected - 1, prefix, strlen(prefix)), 0,
               "the installed library must find the installed backend: %s", text);
}

TN_TEST(install, find_package_builds_the_template_and_an_application_that_runs_on_it) {
  require("cmake");
  require("cc");
  scratch place = installed();
  const char *configure =
      "cmake -S %s -B %s/build -DCMAKE_PREFIX_PATH=\"$PWD/prefix\" -DCMAKE_C_FLAGS='%s' "
      "&& cmake --build %s/build";
  run(&place, configure, "template", "template", SANITIZE, "template");
  run(&place, configure, "app", "app", SANITIZE, "app");
  expect_numbers(&place, "app/build/app", "template/build/libtenon_backend_mine.so");
  leave(&place);
}

TN_TEST(install, pkg_config_builds_an_application_and_headers_alone_the_template) {
  require("cmake");  // which installs
  require("cc");
  require("pkg-config");
  scratch place = installed();
  run(&place,
      "export PKG_CONFIG_PATH=$(dirname $(find $PWD/prefix -name tenon.pc)); "
      "cc -std=c11 %s app/app.c -o application $(pkg-config --cflags --libs tenon) "
      "-Wl,-rpath,$(pkg-config --variable=libdir tenon)",
      SANITIZE);
  run(&place,
      "mkdir headers && cp -R prefix/include/tenon headers/ && cd headers/tenon && "
      "for f in *; do case $f in types.h|plugin.h|op_args.h|half.h|philox.h) ;; *) rm -r $f ;; "
      "esac; done");
  run(&place,
      "cc -std=c11 -shared -fPIC -fvisibility=hidden -Wall -Wextra -Wpedantic -Werror %s -Iheaders "
      "template/backend.c -o libtenon_backend_mine.so",
      SANITIZE);
  expect_numbers(&place, "application", "libtenon_backend_mine.so");
  leave(&place);
}

// The page, from its empty folder to the certified device, against the installed headers alone.
TN_TEST(install, the_how_to_leads_from_an_empty_folder_to_a_certified_device) {
  require("cmake");
  require("cc");
  require("pkg-config");
  require("python3");
  if (SANITIZE[0] != '\0') cr_skip_test("its commands know nothing of sanitizers");
  scratch place = installed();
  run(&place,
      "python3 '%s/tools/checks/howto.py' '%s/docs/howto/write-a-backend.md' \"$PWD/prefix\"",
      TN_SOURCE_DIR, TN_SOURCE_DIR);
  leave(&place);
}

TN_TEST(install, can_be_moved_to_another_prefix) {
  require("cmake");
  require("cc");
  scratch place = installed();
  run(&place, "mkdir elsewhere && mv prefix elsewhere/prefix && ln -s elsewhere/prefix moved");
  run(&place,
      "cmake -S app -B app/build -DCMAKE_PREFIX_PATH=\"$PWD/elsewhere/prefix\" "
      "-DCMAKE_C_FLAGS='%s' && cmake --build app/build && app/build/app",
      SANITIZE);
  char text[TEXT_BYTES];
  read_log(&place, text);
  cr_assert_not_null(strstr(text, "device: cpu"), "%s", text);
  cr_assert_not_null(strstr(text, "elsewhere/prefix/"), "%s", text);
  run(&place, "elsewhere/prefix/bin/tenon info");
  leave(&place);
}
