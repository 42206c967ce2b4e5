// SPDX-License-Identifier: Apache-2.0
//
// findings: what checks say of one row: that a demand holds or not, and that a form of a sample was
// not served by anybody. Only the first few stories are kept; all are counted.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

// One line of "sample: variant: story", NULL when memory is out.
static char *write_story(const tn_sample *sample, const char *variant, const char *story) {
  char text[1024];
  snprintf(text, sizeof text, "%s%s%s%s%.800s", sample == NULL ? "" : sample->name,
           sample == NULL ? "" : ": ", variant == NULL ? "" : variant, variant == NULL ? "" : ": ",
           story);
  text[strcspn(text, "\n")] = '\0';  // load reports and the like follow on further lines
  return strdup(text);
}

static void add_reason(tn_conformance_row *row, const tn_sample *sample, const char *variant,
                       const char *story) {
  if (row->reason_count >= TN_CONFORMANCE_REASONS) return;
  char *kept = write_story(sample, variant, story);
  if (kept != NULL) row->reasons[row->reason_count++] = kept;
}

bool tn__check(tn__run *run, bool holds, const tn_sample *sample, const char *variant,
               const char *format, ...) {
  tn_conformance_row *row = run->row;
  row->checks++;
  if (holds) return true;
  char story[800];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(story, sizeof story, format, arguments);
  va_end(arguments);
  add_reason(row, sample, variant, story);
  row->verdict = TN_VERDICT_FAILED;
  row->failures++;
  return false;
}

void tn__skip(tn__run *run, const tn_sample *sample, const char *variant, const char *reason) {
  tn_conformance_row *row = run->row;
  row->skipped++;
  if (row->note == NULL) row->note = write_story(sample, variant, reason);
}

bool tn__once(tn__run *run, uint32_t once) {
  if (!run->full && (run->done & once)) return false;
  run->done |= once;
  return true;
}

bool tn__is_unserved(tn_status status, const char *backend) {
  return status == TN_UNIMPLEMENTED && backend[0] == '\0';
}

// Whether the row's own kernel is the one that the sample needs: no operand is of another dtype,
// but masks and indices.
static bool is_uniform(const tn__run *run, const tn_sample *sample) {
  for (int32_t i = 0; i < sample->operand_count; i++) {
    tn_dtype dtype = sample->operands[i].dtype;
    if (dtype != run->dtype && dtype != TN_BOOL && dtype != TN_I64) return false;
  }
  return true;
}

// What ran on the cpu by TENON_FALLBACK=cpu shows nothing of the device; where the device claims to
// have the kernel, that is its failure.
static bool report_fallback(tn__run *run, const tn_sample *sample, const char *variant,
                            const tn__outcome *outcome) {
  if (run->claimed && is_uniform(run, sample)) {
    tn__check(run, false, sample, variant, "the kernel is claimed, and %lld calls ran on the cpu",
              (long long)outcome->fallbacks);
  } else {
    tn__skip(run, sample, variant, "ran on the cpu, as TENON_FALLBACK=cpu allows");
  }
  return false;
}

bool tn__check_called(tn__run *run, const tn_sample *sample, const char *variant,
                      const tn__outcome *outcome) {
  if (tn__is_unserved(outcome->status, outcome->backend)) {
    tn__skip(run, sample, variant, outcome->message);
    return false;
  }
  if (outcome->status == TN_OK && outcome->fallbacks > 0) {
    return report_fallback(run, sample, variant, outcome);
  }
  bool other = run->provider != NULL && strcmp(run->provider, outcome->provider) != 0;
  if (outcome->status == TN_OK && other) {
    char reason[320];
    snprintf(reason, sizeof reason, "%s ran: %s",
             outcome->provider[0] == '\0' ? "other operators" : outcome->provider,
             outcome->because);
    tn__skip(run, sample, variant, reason);
    return false;
  }
  return tn__check(run, outcome->status == TN_OK, sample, variant, "%s: %s",
                   tn_status_name(outcome->status), outcome->message);
}

bool tn__check_status(tn__run *run, const tn_sample *sample, const char *variant,
                      tn_status status) {
  const tn_error *error = tn_error_peek();
  const char *message = error == NULL ? "no error was recorded" : error->message;
  bool holds = status == TN_OK;
  if (tn__is_unserved(status, error == NULL ? "" : error->backend)) {
    tn__skip(run, sample, variant, message);
  } else {
    tn__check(run, holds, sample, variant, "%s: %s", tn_status_name(status), message);
  }
  tn_error_clear();
  return holds;
}
