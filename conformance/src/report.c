// SPDX-License-Identifier: Apache-2.0
//
// report: a finished run as text and as JSON. The text is one line a row and one line a reason;
// what passed is left out unless it is asked for.

#include <inttypes.h>
#include <stdio.h>

#include "kit.h"

const char *tn_verdict_name(tn_verdict verdict) {
  static const char *const names[] = {"passed", "FAILED", "unsupported", "refused"};
  return verdict <= TN_VERDICT_REFUSED ? names[verdict] : "?";
}

static void print_row(const tn_conformance_row *row, FILE *file) {
  fprintf(file, "%-34s %-10s %-11s %5d checks", row->op, tn_dtype_name(row->dtype),
          tn_verdict_name(row->verdict), row->checks);
  if (row->failures > 0) fprintf(file, ", %d failed", row->failures);
  fputc('\n', file);
  for (int32_t i = 0; i < row->reason_count; i++) fprintf(file, "    %s\n", row->reasons[i]);
}

void tn_conformance_print(const tn_conformance_report *report, FILE *file, bool verbose) {
  for (int32_t i = 0; i < report->row_count; i++) {
    const tn_conformance_row *row = &report->rows[i];
    bool passed = row->verdict == TN_VERDICT_PASSED || row->verdict == TN_VERDICT_REFUSED;
    if (verbose || !passed) print_row(row, file);
  }
  for (int32_t i = 0; i < report->missing_count; i++) {
    fprintf(file, "%-34s has no spec\n", report->missing[i]);
  }
  fprintf(file,
          "%d passed, %d failed, %d unsupported, %d refused as they should be; %" PRId64
          " checks; %d operators without a spec\n",
          report->passed, report->failed, report->unsupported, report->refused, report->checks,
          report->missing_count);
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

static void print_json_row(const tn_conformance_row *row, FILE *file) {
  static const char *const words[] = {"passed", "failed", "unsupported", "refused"};
  fprintf(file,
          "    {\"op\": \"%s\", \"dtype\": \"%s\", \"verdict\": \"%s\", \"checks\": %d, "
          "\"failures\": %d, \"reasons\": [",
          row->op, tn_dtype_name(row->dtype), words[row->verdict], row->checks, row->failures);
  for (int32_t i = 0; i < row->reason_count; i++) {
    if (i > 0) fputs(", ", file);
    print_json_text(row->reasons[i], file);
  }
  fputs("]}", file);
}

void tn_conformance_print_json(const tn_conformance_report *report, FILE *file) {
  fprintf(file, "{\n  \"passed\": %d, \"failed\": %d, \"unsupported\": %d, \"refused\": %d,\n",
          report->passed, report->failed, report->unsupported, report->refused);
  fprintf(file, "  \"checks\": %" PRId64 ",\n  \"missing\": [", report->checks);
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
