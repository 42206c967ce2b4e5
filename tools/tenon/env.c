// SPDX-License-Identifier: Apache-2.0
//
// env: the variables that Tenon and the backends that were found read, what they mean, and what
// holds here. The library's own list is printed; a variable that nobody reads is pointed out.

#include <stdio.h>
#include <tenon/tenon.h>

#include "commands.h"
#include "json.h"

static void json_setting(json *out, const tn_setting *setting) {
  json_open(out, NULL, '{');
  json_text(out, "name", setting->name);
  if (setting->value == NULL) {
    json_null(out, "value");
  } else {
    json_text(out, "value", setting->value);
  }
  json_text(out, "source", setting->source);
  json_text(out, "meaning", setting->meaning);
  json_text(out, "example", setting->example);
  json_text(out, "backend", setting->backend);
  json_bool(out, "known", setting->known);
  json_close(out, '}');
}

static void print_setting(const tn_setting *setting) {
  if (setting->value != NULL) {
    printf("%s=%s\n", setting->name, setting->value);
  } else {
    printf("%s (%s)\n", setting->name, setting->source[0] ? setting->source : "unset");
  }
  printf("    %s", setting->meaning);
  if (setting->example[0] != '\0') printf("; e.g. %s", setting->example);
  if (setting->backend[0] != '\0') printf(" [%s]", setting->backend);
  printf("\n");
}

int tenon_env(int argc, char **argv) {
  bool as_json = tenon_take_flag(&argc, argv, "--json");
  if (argc > 1) return tenon_usage("env");
  json out = {stdout, false};
  if (as_json) json_open(&out, NULL, '[');
  int32_t count = tn_setting_count();
  tn_setting setting;
  for (int32_t i = 0; i < count && tn_setting_at(i, &setting) == TN_OK; i++) {
    if (as_json) {
      json_setting(&out, &setting);
    } else {
      print_setting(&setting);
    }
  }
  if (as_json) {
    json_close(&out, ']');
    printf("\n");
  }
  return 0;
}
