// SPDX-License-Identifier: Apache-2.0
//
// asks: what a program with rights that its user does not have believes of the environment. Prints
// one line an answer; test_settings.c gives it the set-uid bit and reads them.

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <tenon/tenon.h>

static void say_setting(const char *name) {
  tn_setting setting;
  int32_t count = tn_setting_count();
  for (int32_t i = 0; i < count && tn_setting_at(i, &setting) == TN_OK; i++) {
    if (strcmp(setting.name, name) != 0) continue;
    printf("%s=%s (%s)\n", name, setting.value == NULL ? "" : setting.value, setting.source);
  }
}

int main(int argc, char **argv) {
  if (getauxval(AT_SECURE) == 0) return 77;
  if (argc > 1) {
    tn_init_options options = {.struct_size = sizeof options, .backend_path = argv[1]};
    printf("tn_init: %s\n", tn_status_name(tn_init(&options)));
  }
  printf("castor: %d\n", tn_device_is_available("castor"));
  say_setting("TENON_BACKEND_PATH");
  say_setting("TENON_DEVICE");
  char *report = tn_load_report();
  if (report != NULL) fputs(report, stdout);
  free(report);
  tn_release(tn_zeros(TN_SHAPE(1)));
  tn_error_print(stdout);
  return 0;
}
