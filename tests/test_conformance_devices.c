// SPDX-License-Identifier: Apache-2.0
//
// test_conformance_devices: devices that are not the cpu in front of the kit: the template that
// backend authors copy conforms to the little that it claims, the simulated accelerator to all that
// it borrows, and a guest on the cpu device is judged by its own kernels. `./dev check` runs every
// operator.

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/conformance.h>

#include "tenon_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

static tn_conformance_report *run_on(const char *backends, const char *device, const char *ops,
                                     uint64_t dtypes) {
  setenv("TENON_BACKENDS", backends, 1);
  tn_conformance_options options = {
      .struct_size = sizeof options, .device = device, .ops = ops, .dtypes = dtypes};
  tn_conformance_report *report = NULL;
  tn_status status = tn_conformance_run(&options, &report);
  cr_assert_eq(status, TN_OK, "%s", tn_ok() ? "" : tn_error_peek()->message);
  return report;
}

static void expect_no_failure(const tn_conformance_report *report) {
  for (int32_t i = 0; i < report->row_count; i++) {
    const tn_conformance_row *row = &report->rows[i];
    cr_expect_neq(row->verdict, TN_VERDICT_FAILED, "%s %s: %s", row->op, tn_dtype_name(row->dtype),
                  row->reason_count > 0 ? row->reasons[0] : "");
  }
  cr_expect(tn_conformance_passed(report));
}

static const tn_conformance_row *row_of(const tn_conformance_report *report, const char *op,
                                        tn_dtype dtype) {
  for (int32_t i = 0; i < report->row_count; i++) {
    if (report->rows[i].dtype == dtype && strcmp(report->rows[i].op, op) == 0) {
      return &report->rows[i];
    }
  }
  cr_assert_fail("there is no row of %s", op);
  return NULL;
}

TN_TEST(conformance_devices, the_template_conforms_to_what_it_claims) {
  uint64_t dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64) | TN_DTYPE_BIT(TN_I64);
  tn_conformance_report *report = run_on("mine=" PLUGIN("mine") ",cpu", "mine", NULL, dtypes);
  expect_no_failure(report);
  static const char *const claimed[] = {"add.Tensor", "mul.Tensor", "fill.Scalar"};
  for (size_t i = 0; i < sizeof claimed / sizeof claimed[0]; i++) {
    const tn_conformance_row *row = row_of(report, claimed[i], TN_F32);
    cr_expect_eq(row->verdict, TN_VERDICT_PASSED, "%s", claimed[i]);
    cr_expect_gt(row->ran, 2, "%s", claimed[i]);
    cr_expect_eq(row_of(report, claimed[i], TN_F64)->verdict, TN_VERDICT_UNSUPPORTED, "%s",
                 claimed[i]);
  }
  const tn_conformance_row *add = row_of(report, "add.Tensor", TN_F32);
  cr_expect_eq(add->skipped, 1, "float32 and float64 are added in float64, which it has not");
  cr_expect_not_null(strstr(add->note, "two dtypes"), "%s", add->note);
  tn_conformance_report_free(report);
}

TN_TEST(conformance_devices, a_slow_device_that_the_host_cannot_reach_conforms) {
  uint64_t dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_I64);
  tn_conformance_report *report = run_on("sim=" PLUGIN("sim") ",cpu", "sim",
                                         "add.*,mm,sum*,cat,_softmax,index*,conv2d", dtypes);
  expect_no_failure(report);
  cr_expect_eq(report->unsupported, 0);
  cr_expect_eq(report->partial, 0);
  tn_conformance_report_free(report);
}

// ---- kernels for a device of somebody else's ---------------------------------------------------

TN_TEST(conformance_devices, of_a_guest_its_own_kernels_alone_are_judged) {
  setenv("TENON_BACKENDS", "guest=" PLUGIN("guest") ",cpu", 1);
  tn_conformance_options options = {.struct_size = sizeof options,
                                    .device = "cpu",
                                    .provider = "guest",
                                    .ops = "abs,cos,exp,neg,relu,silu",
                                    .dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64)};
  tn_conformance_report *report = NULL;
  tn_status status = tn_conformance_run(&options, &report);
  cr_assert_eq(status, TN_OK, "%s", tn_ok() ? "" : tn_error_peek()->message);
  const tn_conformance_row *neg = row_of(report, "neg", TN_F32);
  const tn_conformance_row *absolute = row_of(report, "abs", TN_F32);
  const tn_conformance_row *relu = row_of(report, "relu", TN_F32);
  const tn_conformance_row *exponential = row_of(report, "exp", TN_F32);
  cr_expect_eq(neg->verdict, TN_VERDICT_PASSED);
  cr_expect_eq(neg->skipped, 0, "%s", neg->note == NULL ? "" : neg->note);
  cr_expect_eq(absolute->verdict, TN_VERDICT_FAILED, "another's kernel was judged");
  cr_expect_eq(relu->verdict, TN_VERDICT_PASSED, "%s",
               relu->reason_count > 0 ? relu->reasons[0] : "");
  cr_expect_gt(relu->skipped, 0);
  cr_expect_not_null(strstr(relu->note, "more than a dozen"), "%s", relu->note);
  cr_expect_eq(exponential->verdict, TN_VERDICT_FAILED, "claimed, and another served all of it");
  cr_expect_not_null(strstr(exponential->reasons[0], "it is Sunday"), "%s",
                     exponential->reasons[0]);
  for (int32_t i = 0; i < report->row_count; i++) {
    const tn_conformance_row *row = &report->rows[i];
    bool claimed = row->dtype == TN_F32 && strstr("abs exp neg relu", row->op) != NULL;
    cr_expect_eq(row->verdict == TN_VERDICT_UNSUPPORTED, !claimed, "%s %s", row->op,
                 tn_dtype_name(row->dtype));
  }
  cr_expect_str_eq(report->backend, "guest 0.3, 4 kernels");
  tn_conformance_report_free(report);
}

TN_TEST(conformance_devices, a_guest_that_is_not_there_is_an_error) {
  tn_conformance_options options = {
      .struct_size = sizeof options, .device = "cpu", .provider = "nobody"};
  tn_conformance_report *report = NULL;
  cr_expect_eq(tn_conformance_run(&options, &report), TN_NOT_FOUND);
  cr_expect_null(report);
  tn_error_clear();
}

// ---- what ran on the cpu -----------------------------------------------------------------------

TN_TEST(conformance_devices, what_fell_back_to_the_cpu_is_nobody_s_merit) {
  setenv("TENON_FALLBACK", "cpu", 1);
  tn_conformance_report *report =
      run_on("mine=" PLUGIN("mine") ",cpu", "mine", "add.Tensor,exp", TN_DTYPE_BIT(TN_F32));
  const tn_conformance_row *add = row_of(report, "add.Tensor", TN_F32);
  cr_expect_eq(add->verdict, TN_VERDICT_PASSED, "%s", add->reason_count > 0 ? add->reasons[0] : "");
  cr_expect_not_null(strstr(add->note, "ran on the cpu"), "%s", add->note);
  cr_expect_eq(row_of(report, "exp", TN_F32)->verdict, TN_VERDICT_UNSUPPORTED);
  tn_conformance_report_free(report);
}

TN_TEST(conformance_devices, a_claimed_kernel_that_falls_back_is_a_failure) {
  setenv("TENON_FALLBACK", "cpu", 1);
  setenv("TENON_PLANTED_FAULT", "declines_everything", 1);
  tn_conformance_report *report =
      run_on("planted=" PLUGIN("planted") ",cpu", "planted", "neg", TN_DTYPE_BIT(TN_F32));
  cr_expect_eq(report->rows[0].verdict, TN_VERDICT_FAILED);
  cr_expect_not_null(strstr(report->rows[0].reasons[0], "ran on the cpu"), "%s",
                     report->rows[0].reasons[0]);
  tn_conformance_report_free(report);
}
