// SPDX-License-Identifier: Apache-2.0
//
// run: walks specs and dtypes, and keeps the report. One row for each (operator, dtype); a row's
// samples, operands and results live in one arena that goes when the row is done.

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated/spec_table.h"
#include "kit.h"

const tn_op_spec *const *tn_conformance_specs(int32_t *count) {
  *count = tn_spec_table_count;
  return tn_spec_table;
}

const char *const *tn_conformance_families(int32_t *count) {
  *count = tn_spec_table_count;
  return tn_spec_families;
}

// ---- findings ----------------------------------------------------------------------------------

static void add_reason(tn_conformance_row *row, const tn_sample *sample, const char *variant,
                       const char *story) {
  if (row->reason_count >= TN_CONFORMANCE_REASONS) return;
  char text[1024];
  snprintf(text, sizeof text, "%s%s%s%s%.800s", sample == NULL ? "" : sample->name,
           sample == NULL ? "" : ": ", variant == NULL ? "" : variant, variant == NULL ? "" : ": ",
           story);
  text[strcspn(text, "\n")] = '\0';  // load reports and the like follow on further lines
  char *kept = strdup(text);
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
  if (row->verdict == TN_VERDICT_UNSUPPORTED) return false;
  row->verdict = TN_VERDICT_FAILED;
  row->failures++;
  return false;
}

// ---- one row -----------------------------------------------------------------------------------

static bool is_stopped(const tn__run *run) { return run->row->verdict == TN_VERDICT_UNSUPPORTED; }

static bool is_for_tier(const tn__run *run, const tn_sample *sample) {
  return !(sample->flags & TN_SAMPLE_LARGE) || run->full || run->dtype == TN_F32;
}

static void run_samples(tn__run *run, tn_samples *samples) {
  for (int32_t i = 0; i < samples->count && !is_stopped(run); i++) {
    const tn_sample *sample = samples->list[i];
    if (!is_for_tier(run, sample)) continue;
    tn__arena scratch = {0};
    tn__check_values(run, sample, &scratch);
    if (!is_stopped(run)) {
      tn__check_inplace(run, sample, &scratch);
      tn__check_out(run, sample, &scratch);
      tn__check_gradients(run, sample, &scratch);
    }
    tn__arena_free(&scratch);
  }
  if (samples->count > 0 && !is_stopped(run)) {
    tn__arena scratch = {0};
    tn__check_null_operands(run, samples->list[0], &scratch);
    tn__arena_free(&scratch);
  }
}

static void run_failing(tn__run *run) {
  tn_samples samples;
  tn__samples_init(&samples, run->spec, run->dtype, run->full);
  if (run->spec->errors != NULL) run->spec->errors(&samples);
  for (int32_t i = 0; i < samples.count; i++) {
    tn__check_failing(run, samples.list[i], &samples.arena);
  }
  tn__check(run, !samples.arena.failed, NULL, NULL, "error samples: out of memory or limits");
  tn__samples_free(&samples);
}

// Error inputs are asked for once an operator, with the dtype that most kernels have.
static bool asks_errors(const tn__run *run) {
  uint64_t admitted = run->spec->dtypes;
  if (tn_dtype_in(TN_F32, admitted)) return run->dtype == TN_F32;
  return (admitted & (TN_DTYPE_BIT(run->dtype) - 1)) == 0;
}

static void run_row(tn__run *run) {
  tn_samples samples;
  tn__samples_init(&samples, run->spec, run->dtype, run->full);
  run->spec->samples(&samples);
  tn__check(run, !samples.arena.failed, NULL, NULL, "samples: out of memory or limits");
  if (tn_dtype_in(run->dtype, run->spec->dtypes)) {
    run_samples(run, &samples);
    if (!is_stopped(run) && asks_errors(run)) run_failing(run);
  } else {
    run->row->verdict = TN_VERDICT_REFUSED;
    tn__check_refusal(run, &samples);
  }
  tn__samples_free(&samples);
}

// ---- the run -----------------------------------------------------------------------------------

static bool matches(const char *globs, const char *name) {
  if (globs == NULL || *globs == '\0') return true;
  while (*globs != '\0') {
    char glob[96];
    size_t length = strcspn(globs, ",");
    snprintf(glob, sizeof glob, "%.*s", (int)length, globs);
    if (fnmatch(glob, name, 0) == 0) return true;
    globs += length + (globs[length] == ',');
  }
  return false;
}

static tn_conformance_row *add_row(tn_conformance_report *report) {
  size_t size_bytes = sizeof *report->rows * ((size_t)report->row_count + 1);
  tn_conformance_row *rows = realloc(report->rows, size_bytes);
  if (rows == NULL) return NULL;
  report->rows = rows;
  rows[report->row_count] = (tn_conformance_row){0};
  return &rows[report->row_count++];
}

static void count_row(tn_conformance_report *report, const tn_conformance_row *row) {
  report->checks += row->checks;
  report->passed += row->verdict == TN_VERDICT_PASSED;
  report->failed += row->verdict == TN_VERDICT_FAILED;
  report->unsupported += row->verdict == TN_VERDICT_UNSUPPORTED;
  report->refused += row->verdict == TN_VERDICT_REFUSED;
}

static bool is_asked(const tn_op_spec *spec, tn_dtype dtype, uint64_t wanted) {
  if (wanted != 0 && !tn_dtype_in(dtype, wanted)) return false;
  if (tn_dtype_in(dtype, spec->dtypes)) return true;
  // The reference is real: complex dtypes are asked for only where a spec says that it serves them.
  return !tn_dtype_is_complex(dtype) && !(spec->flags & TN_SPEC_TAKES_ANY_DTYPE);
}

static tn_status run_spec(const tn_conformance_options *options, const tn_op_spec *spec,
                          tn_device device, tn_conformance_report *report) {
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    if (!is_asked(spec, dtype, options->dtypes)) continue;
    tn_conformance_row *row = add_row(report);
    if (row == NULL) return tn_error_set(TN_OUT_OF_MEMORY, "the conformance report");
    row->op = spec->op;
    row->dtype = dtype;
    tn__run run = {.spec = spec,
                   .op = tn_op_find(spec->op),
                   .dtype = dtype,
                   .device = device,
                   .full = options->full,
                   .gradients = !options->skip_gradients,
                   .row = row};
    run.traits = tn_op_traits_of(run.op);
    if (tn__check(&run, run.op != NULL, NULL, NULL, "there is no operator '%s'", spec->op)) {
      run_row(&run);
    }
    count_row(report, row);
    if (options->progress != NULL) options->progress(options->context, row);
  }
  return TN_OK;
}

static bool has_spec(const char *name) {
  for (int32_t i = 0; i < tn_spec_table_count; i++) {
    if (strcmp(tn_spec_table[i]->op, name) == 0) return true;
  }
  return false;
}

// In-place forms are checked with their base.
static bool is_inplace(const char *name) {
  size_t stem = strcspn(name, ".");
  return stem > 1 && name[stem - 1] == '_';
}

static tn_status list_missing(const char *globs, tn_conformance_report *report) {
  report->missing = calloc((size_t)tn_op_count() + 1, sizeof *report->missing);
  if (report->missing == NULL) return tn_error_set(TN_OUT_OF_MEMORY, "the conformance report");
  for (int32_t i = 0; i < tn_op_count(); i++) {
    const char *name = tn_op_name(tn_op_at(i));
    if (is_inplace(name) || has_spec(name) || !matches(globs, name)) continue;
    report->missing[report->missing_count++] = name;
  }
  return TN_OK;
}

static tn_device find_device(const char *name) {
  return name == NULL ? tn_device_default() : tn_device_parse(name);
}

static bool is_family(const char *wanted, const char *family) {
  return wanted == NULL || strcmp(wanted, family) == 0;
}

static tn_status run_specs(const tn_conformance_options *options, tn_device device,
                           tn_conformance_report *report) {
  int32_t count = options->spec_count;
  const tn_op_spec *const *specs = options->specs;
  tn_status status = TN_OK;
  const char *const *families = NULL;
  if (specs == NULL) {
    specs = tn_conformance_specs(&count);
    families = tn_spec_families;
    status = list_missing(options->ops, report);
  }
  for (int32_t i = 0; i < count && status == TN_OK; i++) {
    if (families != NULL && !is_family(options->family, families[i])) continue;
    if (matches(options->ops, specs[i]->op)) status = run_spec(options, specs[i], device, report);
  }
  return status;
}

// Factories put their results on the default device, which is the one under test for the time of a
// run.
static tn_status run_all(const tn_conformance_options *options, tn_conformance_report *report) {
  tn_device device = find_device(options->device), before = tn_device_default();
  if (device.type == 0) return tn_error_peek()->status;
  tn_status status = tn_device_set_default(device);
  if (status == TN_OK) status = run_specs(options, device, report);
  if (before.type != 0) (void)tn_device_set_default(before);
  return status;
}

// The options of a caller that was built against an older or a newer header: what it does not know
// is zero, what is not known here is left out.
static tn_conformance_options known_options(const tn_conformance_options *options) {
  tn_conformance_options known = {.struct_size = sizeof known};
  if (options == NULL) return known;
  size_t size = options->struct_size < sizeof known ? options->struct_size : sizeof known;
  memcpy(&known, options, size);
  return known;
}

tn_status tn_conformance_run(const tn_conformance_options *options,
                             tn_conformance_report **report) {
  const tn_conformance_options known = known_options(options);
  *report = NULL;
  tn_conformance_report *made = calloc(1, sizeof *made);
  if (made == NULL) return tn_error_set(TN_OUT_OF_MEMORY, "the conformance report");
  tn_status status = run_all(&known, made);
  if (status == TN_OK) {
    *report = made;
  } else {
    tn_conformance_report_free(made);
  }
  return status;
}

void tn_conformance_report_free(tn_conformance_report *report) {
  if (report == NULL) return;
  for (int32_t i = 0; i < report->row_count; i++) {
    for (int32_t k = 0; k < report->rows[i].reason_count; k++) free(report->rows[i].reasons[k]);
  }
  free(report->rows);
  free(report->missing);
  free(report);
}

bool tn_conformance_passed(const tn_conformance_report *report) {
  return report != NULL && report->passed > 0 && report->failed == 0 && report->missing_count == 0;
}
