// SPDX-License-Identifier: Apache-2.0
//
// test_conformance: the conformance kit against the cpu device, one test a family of operators; and
// the kit against itself: specs that are wrong on purpose, which it must call wrong.

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>
#include <tenon/conformance.h>

#include "tenon_test.h"

// ---- the cpu device ----------------------------------------------------------------------------

static const char *family;  // of the test that runs

static void family_holds(void) {
  tn_conformance_options options = {
      .struct_size = sizeof options, .device = "cpu", .family = family};
  tn_conformance_report *report = NULL;
  cr_assert_eq(tn_conformance_run(&options, &report), TN_OK, "%s", family);
  cr_expect_gt(report->passed, 0, "family %s: nothing ran", family);
  for (int32_t i = 0; i < report->row_count; i++) {
    const tn_conformance_row *row = &report->rows[i];
    const char *reason = row->reason_count > 0 ? row->reasons[0] : "";
    cr_expect_neq(row->verdict, TN_VERDICT_FAILED, "%s %s: %s", row->op, tn_dtype_name(row->dtype),
                  reason);
    cr_expect(row->verdict == TN_VERDICT_UNSUPPORTED || row->skipped == 0,
              "%s %s is served in part only: %s", row->op, tn_dtype_name(row->dtype),
              row->note == NULL ? "" : row->note);
    bool common = row->dtype == TN_F32 || row->dtype == TN_F64;
    cr_expect(!common || row->verdict != TN_VERDICT_UNSUPPORTED, "%s has no %s: %s", row->op,
              tn_dtype_name(row->dtype), reason);
  }
  tn_conformance_report_free(report);
}

static void free_places(struct criterion_test_params *params) { cr_free(params->params); }

// Families by the place where each is met first; a parameter crosses into another process.
ParameterizedTestParameters(conformance, family) {
  int32_t count, found = 0;
  const char *const *families = tn_conformance_families(&count);
  int32_t *first = cr_malloc(sizeof *first * (size_t)count);
  for (int32_t i = 0; i < count; i++) {
    bool seen = false;
    for (int32_t k = 0; k < found; k++) {
      seen = seen || strcmp(families[first[k]], families[i]) == 0;
    }
    if (!seen) first[found++] = i;
  }
  return cr_make_param_array(int32_t, first, (size_t)found, free_places);
}
ParameterizedTest(int32_t *place, conformance, family) {
  int32_t count;
  family = tn_conformance_families(&count)[*place];
  tn_test_run(family_holds);
}

TN_TEST(conformance, every_operator_has_a_spec) {
  // No family is called so: only the list of what is missing is made.
  tn_conformance_options options = {
      .struct_size = sizeof options, .device = "cpu", .family = "none of them"};
  tn_conformance_report *report = NULL;
  cr_assert_eq(tn_conformance_run(&options, &report), TN_OK);
  for (int32_t i = 0; i < report->missing_count; i++) {
    cr_expect_fail("%s has no spec in conformance/ops", report->missing[i]);
  }
  cr_expect_eq(report->missing_count, 0);
  tn_conformance_report_free(report);
}

TN_TEST(conformance, every_spec_is_of_an_operator) {
  int32_t count;
  const tn_op_spec *const *specs = tn_conformance_specs(&count);
  for (int32_t i = 0; i < count; i++) {
    cr_expect_not_null(tn_op_find(specs[i]->op), "%s", specs[i]->op);
    bool explained = specs[i]->ulps <= 4 || specs[i]->why != NULL;
    cr_expect(explained, "%s: a tolerance of %g without a reason", specs[i]->op, specs[i]->ulps);
  }
}

// ---- the kit itself ----------------------------------------------------------------------------

static void line_samples(tn_samples *samples) {
  tn_sample *sample = tn_sample_add(samples, "line", 0);
  tn_sample_tensor(sample, TN_SHAPE(3, 4), tn_samples_dtype(samples), 1, 2);
}

// |slope| x of the operand.
static void scaled(const tn_sample *sample, tn_dtype dtype, int32_t ndim, double slope,
                   tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  double *out = tn_expect(expected, dtype, ndim, self->sizes);
  int64_t numel = tn_reference_numel(ndim, self->sizes);
  for (int64_t i = 0; out != NULL && i < numel; i++) out[i] = slope * self->values[i];
}
static void negative(const tn_sample *sample, tn_expected *expected) {
  scaled(sample, sample->operands[0].dtype, 2, -1, expected);
}
static void a_bit_off(const tn_sample *sample, tn_expected *expected) {
  scaled(sample, sample->operands[0].dtype, 2, -1.00001, expected);
}
static void wrong_dtype(const tn_sample *sample, tn_expected *expected) {
  scaled(sample, TN_I64, 2, -1, expected);
}
static void wrong_shape(const tn_sample *sample, tn_expected *expected) {
  scaled(sample, sample->operands[0].dtype, 1, -1, expected);
}
static const char *never_right(const tn_sample *sample, const tn_operand *results, int32_t count) {
  (void)sample, (void)results, (void)count;
  return "never right";
}
static void wants_failure(tn_samples *samples) {
  tn_sample *sample = tn_sample_failing(samples, "legal", TN_INVALID_ARGUMENT, "self");
  tn_sample_tensor(sample, TN_SHAPE(2), tn_samples_dtype(samples), 1, 2);
}

static tn_verdict verdict_on(const tn_op_spec *spec, tn_dtype dtype, char *reason, size_t size) {
  tn_conformance_options options = {.struct_size = sizeof options,
                                    .device = "cpu",
                                    .dtypes = TN_DTYPE_BIT(dtype),
                                    .specs = &spec,
                                    .spec_count = 1};
  tn_conformance_report *report = NULL;
  cr_assert_eq(tn_conformance_run(&options, &report), TN_OK);
  cr_assert_eq(report->row_count, 1);
  const tn_conformance_row *row = &report->rows[0];
  tn_verdict verdict = row->verdict;
  snprintf(reason, size, "%s", row->reason_count > 0 ? row->reasons[0] : "");
  cr_expect_eq(tn_conformance_passed(report), verdict == TN_VERDICT_PASSED);
  tn_conformance_report_free(report);
  return verdict;
}

TN_TEST(conformance, passes_a_right_spec) {
  char reason[1024];
  const tn_op_spec spec = {
      .op = "neg", .dtypes = TN_DTYPES_FLOATING, .samples = line_samples, .reference = negative};
  cr_expect_eq(verdict_on(&spec, TN_F32, reason, sizeof reason), TN_VERDICT_PASSED, "%s", reason);
}

static void negative_complex(const tn_sample *sample, tn_expected *expected) {
  negative(sample, expected);
  double *imag = tn_expect_imag(expected);
  for (int64_t i = 0; imag != NULL && i < 12; i++) imag[i] = -sample->operands[0].imag[i];
}
static void conjugate(const tn_sample *sample, tn_expected *expected) {
  negative(sample, expected);
  double *imag = tn_expect_imag(expected);
  for (int64_t i = 0; imag != NULL && i < 12; i++) imag[i] = sample->operands[0].imag[i];
}

TN_TEST(conformance, compares_imaginary_parts) {
  char reason[1024];
  tn_op_spec spec = {.op = "neg",
                     .dtypes = TN_DTYPES_COMPLEX,
                     .flags = TN_SPEC_COMPLEX,
                     .samples = line_samples,
                     .reference = negative_complex};
  cr_expect_eq(verdict_on(&spec, TN_C64, reason, sizeof reason), TN_VERDICT_PASSED, "%s", reason);
  spec.reference = conjugate;
  cr_expect_eq(verdict_on(&spec, TN_C64, reason, sizeof reason), TN_VERDICT_FAILED);
  spec.reference = negative;  // which expects no imaginary parts
  cr_expect_eq(verdict_on(&spec, TN_C128, reason, sizeof reason), TN_VERDICT_FAILED);
}

static void itself(const tn_sample *sample, tn_expected *expected) {
  scaled(sample, sample->operands[0].dtype, 2, 1, expected);
}

TN_TEST(conformance, asks_a_real_reference_for_both_parts) {
  char reason[1024];
  tn_op_spec spec = {.op = "neg",
                     .dtypes = TN_DTYPES_COMPLEX,
                     .flags = TN_SPEC_COMPLEX_PARTS,
                     .samples = line_samples,
                     .reference = negative};
  cr_expect_eq(verdict_on(&spec, TN_C128, reason, sizeof reason), TN_VERDICT_PASSED, "%s", reason);
  spec.op = "conj_physical";  // which turns one part only
  spec.reference = itself;
  cr_expect_eq(verdict_on(&spec, TN_C128, reason, sizeof reason), TN_VERDICT_FAILED);
}

TN_TEST(conformance, fails_planted_mistakes) {
  static const struct {
    tn_op_spec spec;
    const char *says;
  } planted[] = {
      {{.op = "neg", .samples = line_samples, .reference = a_bit_off}, "expected"},
      {{.op = "neg", .samples = line_samples, .reference = wrong_dtype}, "int64"},
      {{.op = "neg", .samples = line_samples, .reference = wrong_shape}, "expected float32[3]"},
      {{.op = "neg", .samples = line_samples, .verify = never_right}, "never right"},
      {{.op = "neg", .samples = line_samples, .reference = negative, .errors = wants_failure},
       "the call succeeded"},
      {{.op = "no_such_operator", .samples = line_samples, .reference = negative}, "no operator"},
  };
  for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
    char reason[1024];
    tn_op_spec spec = planted[i].spec;
    spec.dtypes = TN_DTYPES_FLOATING;
    cr_expect_eq(verdict_on(&spec, TN_F32, reason, sizeof reason), TN_VERDICT_FAILED, "%zu", i);
    cr_expect(strstr(reason, planted[i].says) != NULL, "%zu: '%s'", i, reason);
  }
}

TN_TEST(conformance, fails_a_dtype_that_should_be_refused) {
  char reason[1024];
  const tn_op_spec spec = {
      .op = "neg", .dtypes = TN_DTYPE_BIT(TN_F64), .samples = line_samples, .reference = negative};
  cr_expect_eq(verdict_on(&spec, TN_F32, reason, sizeof reason), TN_VERDICT_FAILED);
}

static void at_the_kink(tn_samples *samples) {
  tn_sample *sample = tn_sample_add(samples, "at the kink", 0);
  const double zeros[2] = {0, 0};
  tn_sample_values(sample, TN_SHAPE(2), tn_samples_dtype(samples), zeros);
}
static void rectified(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  double *out = tn_expect(expected, self->dtype, self->ndim, self->sizes);
  for (int64_t i = 0; out != NULL && i < self->numel; i++)
    out[i] = self->values[i] < 0 ? 0 : self->values[i];
}

TN_TEST(conformance, fails_a_gradient_that_finite_differences_deny) {
  char reason[1024];
  // At 0 the two sides of relu differ: no gradient that it could give agrees with both.
  const tn_op_spec spec = {
      .op = "relu", .dtypes = TN_DTYPES_FLOATING, .samples = at_the_kink, .reference = rectified};
  cr_expect_eq(verdict_on(&spec, TN_F64, reason, sizeof reason), TN_VERDICT_FAILED);
  cr_expect(strstr(reason, "gradient") != NULL, "%s", reason);
}

// ---- what is asked for -------------------------------------------------------------------------

// Runs |ops| in float32 on the cpu with a list of expected failures.
static tn_conformance_report *run_expecting(const char *ops, const char *expected) {
  tn_conformance_options options = {.struct_size = sizeof options,
                                    .device = "cpu",
                                    .ops = ops,
                                    .dtypes = TN_DTYPE_BIT(TN_F32),
                                    .expected = expected};
  tn_conformance_report *report = NULL;
  tn_status status = tn_conformance_run(&options, &report);
  cr_assert_eq(status == TN_OK, report != NULL);
  return report;
}

TN_TEST(conformance, an_expected_failure_that_passes_is_a_failure) {
  tn_conformance_report *report = run_expecting("neg", "# known\n\n  n?g f32 the sign is lost\n");
  cr_assert_not_null(report);
  cr_expect_eq(report->failed, 1);
  cr_expect_not(tn_conformance_passed(report));
  cr_expect_not_null(strstr(report->rows[0].reasons[0], "the sign is lost"), "%s",
                     report->rows[0].reasons[0]);
  tn_conformance_report_free(report);
}

TN_TEST(conformance, an_expected_failure_that_fails_is_none) {
  const tn_op_spec spec = {
      .op = "neg", .dtypes = TN_DTYPES_FLOATING, .samples = line_samples, .reference = a_bit_off};
  const tn_op_spec *specs[] = {&spec};
  tn_conformance_options options = {.struct_size = sizeof options,
                                    .device = "cpu",
                                    .specs = specs,
                                    .spec_count = 1,
                                    .dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64),
                                    .expected = "neg f32 off by a hair"};
  tn_conformance_report *report = NULL;
  cr_assert_eq(tn_conformance_run(&options, &report), TN_OK);
  cr_assert_eq(report->row_count, 2);
  cr_expect_eq(report->failed, 1, "float64 is not on the list");
  cr_expect_eq(report->expected, 1);
  cr_expect_eq(report->rows[0].verdict, TN_VERDICT_EXPECTED);
  cr_expect_str_eq(report->rows[0].note, "off by a hair");
  tn_conformance_report_free(report);
}

TN_TEST(conformance, an_expected_failure_needs_operator_dtype_and_reason) {
  static const struct {
    const char *text, *says;
  } wrong[] = {{"neg f32", "line 1"},
               {"neg f32   \n", "the reason"},
               {"\nneg", "line 2"},
               {"neg float33 never heard of", "'float33' is no dtype"},
               {"negg * misspelt", "no operator matches 'negg'"}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    cr_expect_null(run_expecting("neg", wrong[i].text));
    const tn_error *error = tn_error_peek();
    cr_assert_not_null(error);
    cr_expect_eq(error->status, TN_INVALID_ARGUMENT);
    cr_expect_not_null(strstr(error->message, wrong[i].says), "%s", error->message);
    tn_error_clear();
  }
}

TN_TEST(conformance, a_glob_without_an_operator_is_an_error_with_a_near_match) {
  cr_expect_null(run_expecting("neg,sofmax", NULL));
  cr_assert_not(tn_ok());
  cr_expect_eq(tn_error_peek()->status, TN_NOT_FOUND);
  cr_expect_not_null(strstr(tn_error_peek()->message, "softmax'"), "%s", tn_error_peek()->message);
  tn_error_clear();
  cr_expect_null(run_expecting("zzzzzzzzzzz*", NULL));
  cr_expect_eq(tn_error_clear(), TN_NOT_FOUND);
}

TN_TEST(conformance, names_a_device_that_is_not_there) {
  tn_conformance_options options = {.struct_size = sizeof options, .device = "no_such_device"};
  tn_conformance_report *report = NULL;
  cr_expect_neq(tn_conformance_run(&options, &report), TN_OK);
  cr_expect_null(report);
  cr_expect(!tn_ok());
  tn_error_clear();
}
