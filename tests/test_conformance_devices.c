// SPDX-License-Identifier: Apache-2.0
//
// test_conformance_devices: devices that are not the cpu in front of the kit: the template that
// backend authors copy conforms to the little that it claims.

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
