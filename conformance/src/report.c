// SPDX-License-Identifier: Apache-2.0
//
// report: a finished run as text and as JSON. The text is one line a row and one line a reason;
// what is no failure is left out unless it is asked for.

#include <inttypes.h>
#include <stdio.h>

#include "kit.h"

const char *tn_verdict_name(tn_verdict verdict) {
  static const char *const names[] = {"passed", "FAILED", "unsupported", "refused", "expected"};
  return verdict <= TN_VERDICT_EXPECTED ? names[verdict] : "?";
}

static void print_row(const tn_conformance_row *row, FILE *file) {
  fprintf(file, "%-34s %-10s %-11s %5d checks", row->op, tn_dtype_name(row->dtype),
          tn_verdict_name(row->verdict), row->checks);
  if (row->failures > 0) fprintf(file, ", %d failed", row->failures);
  if (row->skipped > 0 && row->ran > 0) fprintf(file, ", %d skipped", row->skipped);
  fputc('\n', file);
  if (row->note != NULL) {
    fprintf(file, "    %s%s\n", row->verdict == TN_VERDICT_EXPECTED ? "" : "skipped: ", row->note);
  }
  for (int32_t i = 0; i < row->reason_count; i++) fprintf(file, "    %s\n", row->reasons[i]);
}

static void print_totals(const tn_conformance_report *report, FILE *file) {
  fprintf(file, "%s %s: %d passed", report->device,
          tn_conformance_passed(report) ? "conforms" : "does not conform", report->passed);
  if (report->partial > 0) fprintf(file, " (%d in part)", report->partial);
  fprintf(file, ", %d failed", report->failed);
  if (report->expected > 0) fprintf(file, ", %d failed as expected", report->expected);
  fprintf(file, ", %d unsupported, %d refused as they should be; %" PRId64 " checks in %.1f s",
          report->unsupported, report->refused, report->checks, report->elapsed_s);
  if (report->missing_count > 0)
    fprintf(file, "; %d operators have no spec", report->missing_count);
  fputc('\n', file);
}

void tn_conformance_print(const tn_conformance_report *report, FILE *file, bool verbose) {
  for (int32_t i = 0; i < report->row_count; i++) {
    const tn_conformance_row *row = &report->rows[i];
    bool told = row->verdict == TN_VERDICT_FAILED || row->verdict == TN_VERDICT_EXPECTED;
    if (verbose || told) print_row(row, file);
  }
  for (int32_t i = 0; i < report->missing_count; i++) {
    fprintf(file, "%-34s has no spec\n", report->missing[i]);
  }
  print_totals(report, file);
}

static void print_json_text(const char *text, FILE *file) {
  fputc('"', file);
  for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\') {
      fprintf(file, "\\%c", *c);
    } else if (*c < 0x20) {
      fprintf(file, "\\u%04x", *c);
    } else {
      fputc(*c, file);
    }
  }
  fputc('"', file);
}

static void print_json_fact(const char *name, const char *value, FILE *file) {
  fprintf(file, "  \"%s\": ", name);
  print_json_text(value, file);
  fputs(",\n", file);
}

static void print_json_row(const tn_conformance_row *row, FILE *file) {
  static const char *const words[] = {"passed", "failed", "unsupported", "refused", "expected"};
  fprintf(file,
          "    {\"op\": \"%s\", \"dtype\": \"%s\", \"verdict\": \"%s\", \"checks\": %d, "
          "\"failures\": %d, \"samples\": %d, \"skipped\": %d, \"note\": ",
          row->op, tn_dtype_name(row->dtype), words[row->verdict], row->checks, row->failures,
          row->ran, row->skipped);
  print_json_text(row->note == NULL ? "" : row->note, file);
  fputs(", \"reasons\": [", file);
  for (int32_t i = 0; i < row->reason_count; i++) {
    if (i > 0) fputs(", ", file);
    print_json_text(row->reasons[i], file);
  }
  fputs("]}", file);
}

void tn_conformance_print_json(const tn_conformance_report *report, FILE *file) {
  fprintf(file,
          "{\n  \"conforms\": %s,\n  \"passed\": %d, \"partial\": %d, \"failed\": %d, "
          "\"expected\": %d, \"unsupported\": %d, \"refused\": %d,\n",
          tn_conformance_passed(report) ? "true" : "false", report->passed, report->partial,
          report->failed, report->expected, report->unsupported, report->refused);
  print_json_fact("device", report->device, file);
  print_json_fact("backend", report->backend, file);
  print_json_fact("version", report->version, file);
  print_json_fact("processor", report->processor, file);
  print_json_fact("date", report->date, file);
  print_json_fact("tier", report->full ? "full" : "quick", file);
  print_json_fact("command", report->command, file);
  fprintf(file, "  \"elapsed_s\": %.3f, \"checks\": %" PRId64 ",\n  \"missing\": [",
          report->elapsed_s, report->checks);
  for (int32_t i = 0; i < report->missing_count; i++) {
    fprintf(file, "%s\"%s\"", i > 0 ? ", " : "", report->missing[i]);
  }
  fputs("],\n  \"rows\": [\n", file);
  for (int32_t i = 0; i < report->row_count; i++) {
    print_json_row(&report->rows[i], file);
    fputs(i + 1 < report->row_count ? ",\n" : "\n", file);
  }
  fputs("  ]\n}\n", file);
}
