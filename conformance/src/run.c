// SPDX-License-Identifier: Apache-2.0
//
// run: walks specs and dtypes, and keeps the report. One row for each (operator, dtype); a row's
// samples, operands and results live in one arena that goes when the row is done.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated/spec_table.h"
#include "kit.h"
#include "report.h"

const tn_op_spec *const *tn_conformance_specs(int32_t *count) {
  *count = tn_spec_table_count;
  return tn_spec_table;
}

const char *const *tn_conformance_families(int32_t *count) {
  *count = tn_spec_table_count;
  return tn_spec_families;
}

// ---- one row -----------------------------------------------------------------------------------

static bool is_for_tier(const tn__run *run, const tn_sample *sample) {
  return !(sample->flags & TN_SAMPLE_LARGE) || run->full || run->dtype == TN_F32;
}

static void run_sample(tn__run *run, const tn_sample *sample) {
  tn__arena scratch = {0};
  tn_expected expected = {.arena = &scratch};
  tn__outcome first;
  if (run->spec->reference != NULL) tn__expect_of(sample, &expected);
  if (tn__check(run, !scratch.failed, sample, NULL, "out of memory, or beyond the kit's limits") &&
      tn__check_values(run, sample, &expected, &scratch, &first)) {
    run->row->ran++;
    tn__check_inplace(run, sample, &expected, &scratch);
    tn__check_out(run, sample, &expected, &scratch);
    tn__check_aliases(run, sample, &expected, &scratch);
    tn__check_specials(run, sample, &scratch);
    tn__check_state(run, sample, &scratch);
    tn__check_threads(run, sample, &first);
    tn__check_memory(run, sample);
    tn__check_gradients(run, sample, &expected);
  }
  tn__arena_free(&scratch);
}

// The dtype in which the operator looks for a kernel where all operands have the row's.
static tn_dtype key_of(const tn__run *run) {
  bool whole = run->dtype == TN_BOOL || tn_dtype_is_integer(run->dtype);
  if (whole && (run->spec->flags & TN_SPEC_INT_TO_FLOAT)) return TN_F32;
  if (whole && (run->spec->flags & TN_SPEC_INT_TO_INT64)) return TN_I64;
  return run->dtype;
}

// A row of which nothing ran is unsupported, unless somebody claims to have its kernel.
static void conclude(tn__run *run) {
  tn_conformance_row *row = run->row;
  if (row->verdict != TN_VERDICT_PASSED || row->ran > 0) return;
  if (run->claimed) {
    tn__check(run, false, NULL, NULL,
              "a kernel is registered, and none of %d samples was served: %s", row->skipped,
              row->note);
    return;
  }
  row->verdict = TN_VERDICT_UNSUPPORTED;
  row->reasons[0] = row->note;
  row->reason_count = row->note != NULL;
  row->note = NULL;
}

static void run_samples(tn__run *run, tn_samples *samples) {
  const char *provider = run->provider;
  tn_dtype key = key_of(run);
  run->claimed = provider == NULL ? tn_op_has_kernel(run->spec->op, key, run->device)
                                  : tn__provider_claims(provider, run->spec->op, key, run->device);
  if (provider != NULL && !run->claimed) {
    tn__skip(run, NULL, NULL, "the backend has no kernel for it");
    conclude(run);
    return;
  }
  for (int32_t i = 0; i < samples->count; i++) {
    if (is_for_tier(run, samples->list[i])) run_sample(run, samples->list[i]);
    // Where nobody claims the operator and its parts are not served either, more samples are vain.
    if (run->row->ran == 0 && run->row->skipped > 0 && !run->claimed) break;
  }
  if (run->row->ran > 0) {
    tn__arena scratch = {0};
    tn__check_null_operands(run, samples->list[0], &scratch);
    tn__arena_free(&scratch);
  }
  if (samples->count > 0) conclude(run);
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
    if (run->row->ran > 0 && asks_errors(run)) run_failing(run);
  } else {
    run->row->verdict = TN_VERDICT_REFUSED;
    tn__check_refusal(run, &samples);
  }
  tn__samples_free(&samples);
}

// ---- the run -----------------------------------------------------------------------------------

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
  report->expected += row->verdict == TN_VERDICT_EXPECTED;
  report->partial += row->verdict == TN_VERDICT_PASSED && row->skipped > 0;
}

static bool is_asked(const tn_op_spec *spec, tn_dtype dtype, uint64_t wanted) {
  if (wanted != 0 && !tn_dtype_in(dtype, wanted)) return false;
  if (tn_dtype_in(dtype, spec->dtypes)) return true;
  // The reference is real: complex dtypes are asked for only where a spec says that it serves them.
  return !tn_dtype_is_complex(dtype) && !(spec->flags & TN_SPEC_TAKES_ANY_DTYPE);
}

// What a run is of.
typedef struct campaign {
  const tn_conformance_options *options;
  tn__expectations expectations;
  tn_device device;
  tn_conformance_report *report;
} campaign;

static tn_status run_spec(campaign *c, const tn_op_spec *spec, const char *family) {
  bool first_row = true;
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    if (!is_asked(spec, dtype, c->options->dtypes)) continue;
    tn_conformance_row *row = add_row(c->report);
    if (row == NULL) return tn_error_set(TN_OUT_OF_MEMORY, "the conformance report");
    row->op = spec->op;
    row->dtype = dtype;
    row->family = family;
    tn__run run = {.spec = spec,
                   .op = tn_op_find(spec->op),
                   .dtype = dtype,
                   .device = c->device,
                   .provider = c->options->provider,
                   .full = c->options->full,
                   .gradients = !c->options->skip_gradients,
                   .first_row = first_row,
                   .row = row};
    run.traits = tn_op_traits_of(run.op);
    if (tn__check(&run, run.op != NULL, NULL, NULL, "there is no operator '%s'", spec->op)) {
      run_row(&run);
    }
    tn__expectations_apply(&c->expectations, &run);
    first_row = first_row && row->ran == 0;
    count_row(c->report, row);
    if (c->options->progress != NULL) c->options->progress(c->options->context, row);
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
    if (is_inplace(name) || has_spec(name) || !tn__matches(globs, name)) continue;
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

static tn_status run_specs(campaign *c) {
  const tn_conformance_options *options = c->options;
  int32_t count = options->spec_count;
  const tn_op_spec *const *specs = options->specs;
  tn_status status = TN_OK;
  const char *const *families = NULL;
  if (specs == NULL) {
    specs = tn_conformance_specs(&count);
    families = tn_spec_families;
    status = list_missing(options->ops, c->report);
  }
  if (status == TN_OK) status = tn__check_globs(options->ops, specs, count);
  for (int32_t i = 0; i < count && status == TN_OK; i++) {
    if (families != NULL && !is_family(options->family, families[i])) continue;
    if (!tn__matches(options->ops, specs[i]->op)) continue;
    status = run_spec(c, specs[i], families == NULL ? "" : families[i]);
  }
  return status;
}

// The backend must be there; from then on it is watched whose kernels run.
static tn_status check_provider(const campaign *c) {
  tn_backend_info info;
  int32_t count = tn_backend_count();
  for (int32_t i = 0; i < count && tn_backend_at(i, &info) == TN_OK; i++) {
    if (strcmp(info.name, c->options->provider) != 0) continue;
    if (strcmp(info.stage, "ready") == 0) return tn__witness_call();
    return tn_error_set(TN_UNAVAILABLE, "the backend '%s' cannot be used: %s: %s", info.name,
                        info.stage, info.reason);
  }
  if (!tn_ok()) return tn_error_peek()->status;
  return tn_error_set(TN_NOT_FOUND, "there is no backend '%s'", c->options->provider);
}

// Factories put their results on the default device, which is the one under test for the time of a
// run.
static tn_status run_on_device(campaign *c) {
  tn_device before = tn_device_default();
  c->device = find_device(c->options->device);
  if (c->device.type == 0) return tn_error_peek()->status;
  tn_status status = tn__report_describe(c->report, c->options, c->device);
  if (status == TN_OK && c->options->provider != NULL) status = check_provider(c);
  if (status == TN_OK) status = tn_device_set_default(c->device);
  if (status != TN_OK) return status;
  double start = tn__report_clock();
  status = run_specs(c);
  c->report->elapsed_s = tn__report_clock() - start;
  if (before.type != 0) (void)tn_device_set_default(before);
  return status;
}

static tn_status run_all(const tn_conformance_options *options, tn_conformance_report *report) {
  campaign c = {.options = options, .report = report};
  tn__page page = {0};
  tn_status status = tn__expectations_read(&c.expectations, options->expected);
  if (status == TN_OK) status = tn__page_open(&page, options->html);
  if (status == TN_OK) status = run_on_device(&c);
  if (status == TN_OK && page.file != NULL) tn_conformance_print_html(report, page.file);
  status = tn__page_close(&page, status);
  tn__expectations_free(&c.expectations);
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
    free(report->rows[i].note);
  }
  free(report->rows);
  free(report->missing);
  free(report->command);
  free(report);
}

bool tn_conformance_passed(const tn_conformance_report *report) {
  return report != NULL && report->passed > 0 && report->failed == 0 && report->missing_count == 0;
}
