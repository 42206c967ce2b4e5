// SPDX-License-Identifier: Apache-2.0
//
// check: a plugin's file without loading it: what its note says, what it exports and needs, and
// what is wrong with it. Exits with 0 when it would be loaded, 1 when not.

#include <string.h>
#include <tenon/inspect.h>
#include <tenon/tenon.h>

#include "commands.h"
#include "json.h"

static void print_fact(const char *name, const char *value) {
  if (value[0] != '\0') printf("  %-14s %s\n", name, value);
}

static void print_note(const tn_plugin_report *report) {
  if (report->name[0] == '\0') {
    printf("note: none\n");
    return;
  }
  printf("note:\n");
  print_fact("name", report->name);
  print_fact("version", report->version);
  printf("  %-14s %u (this host: %u)\n", "plugin ABI", report->abi_version, report->host_abi);
  print_fact("devices", report->devices);
  print_fact("serves", report->serves);
  print_fact("operators", report->operators);
  print_fact("wraps", report->wraps);
  print_fact("threads", report->threading);
  print_fact("cpu features", report->cpu_features);
  print_fact("lacking here", report->cpu_lacks);
  print_fact("reads", report->options);
}

static void print_links(const tn_plugin_report *report) {
  printf("needs:\n");
  for (int32_t i = 0; i < report->need_count; i++) {
    const tn_plugin_need *need = &report->needs[i];
    bool own = strcmp(need->needer, report->path) == 0;
    printf("  %s => %s%s%s\n", need->name, need->path[0] ? need->path : "not found",
           own ? "" : "  for ", own ? "" : need->needer);
  }
  if (report->glibc[0] != '\0') {
    printf("  glibc %s or newer (here: %s)\n", report->glibc, report->host_glibc);
  }
  print_fact("search path", report->search_path);
  printf("exports:\n");
  for (int32_t i = 0; i < report->export_count && i < 20; i++) printf("  %s\n", report->exports[i]);
  if (report->export_count > 20) printf("  ... and %d more\n", report->export_count - 20);
}

static void print_report(const tn_plugin_report *report) {
  printf("%s", report->path);
  if (report->word_bits != 0) printf(": %d-bit %s", report->word_bits, report->machine);
  printf("\n");
  print_note(report);
  if (report->need_count + report->export_count > 0) print_links(report);
  for (int32_t i = 0; i < report->finding_count; i++) {
    printf("%s: %s\n", report->findings[i].fatal ? "wrong" : "warning", report->findings[i].text);
  }
  printf("%s\n", report->loads ? "it would be loaded" : "it would not be loaded");
}

static void json_needs(json *out, const tn_plugin_report *report) {
  json_open(out, "needs", '[');
  for (int32_t i = 0; i < report->need_count; i++) {
    json_open(out, NULL, '{');
    json_text(out, "name", report->needs[i].name);
    json_text(out, "path", report->needs[i].path);
    json_text(out, "for", report->needs[i].needer);
    json_close(out, '}');
  }
  json_close(out, ']');
}

static void json_findings(json *out, const tn_plugin_report *report) {
  json_open(out, "findings", '[');
  for (int32_t i = 0; i < report->finding_count; i++) {
    json_open(out, NULL, '{');
    json_bool(out, "fatal", report->findings[i].fatal);
    json_text(out, "text", report->findings[i].text);
    json_close(out, '}');
  }
  json_close(out, ']');
}

static void json_note(json *out, const tn_plugin_report *report) {
  json_open(out, "note", '{');
  json_text(out, "name", report->name);
  json_text(out, "version", report->version);
  json_int(out, "abi_version", report->abi_version);
  json_int(out, "min_host_abi", report->min_host_abi);
  json_text(out, "devices", report->devices);
  json_text(out, "serves", report->serves);
  json_text(out, "operators", report->operators);
  json_text(out, "wraps", report->wraps);
  json_text(out, "threading", report->threading);
  json_text(out, "cpu_features", report->cpu_features);
  json_text(out, "cpu_lacks", report->cpu_lacks);
  json_text(out, "options", report->options);
  json_close(out, '}');
}

static void json_report(const tn_plugin_report *report) {
  json out = {stdout, false};
  json_open(&out, NULL, '{');
  json_text(&out, "path", report->path);
  json_bool(&out, "loads", report->loads);
  json_int(&out, "word_bits", report->word_bits);
  json_text(&out, "machine", report->machine);
  json_int(&out, "host_abi", report->host_abi);
  json_note(&out, report);
  json_needs(&out, report);
  json_text(&out, "glibc", report->glibc);
  json_text(&out, "host_glibc", report->host_glibc);
  json_text(&out, "search_path", report->search_path);
  json_bool(&out, "executable_stack", report->executable_stack);
  json_open(&out, "exports", '[');
  for (int32_t i = 0; i < report->export_count; i++) json_text(&out, NULL, report->exports[i]);
  json_close(&out, ']');
  json_findings(&out, report);
  json_close(&out, '}');
  printf("\n");
}

int tenon_check(int argc, char **argv) {
  bool as_json = tenon_take_flag(&argc, argv, "--json");
  if (argc != 2) return tenon_usage("check");
  tn_plugin_report *report = tn_plugin_inspect(argv[1]);
  if (report == NULL) {
    tn_error_print(stderr);
    return 1;
  }
  if (as_json) {
    json_report(report);
  } else {
    print_report(report);
  }
  int result = report->loads ? 0 : 1;
  tn_plugin_report_free(report);
  return result;
}
