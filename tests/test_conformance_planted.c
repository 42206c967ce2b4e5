// SPDX-License-Identifier: Apache-2.0
//
// test_conformance_planted: the kit against backends that are wrong on purpose. A certificate is
// worth as much as what would have been found: each planted mistake must be, with a reason that
// says where to look; the same kernel without a mistake passes.

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/conformance.h>

#include "tenon_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

// Runs neg in float32 on the backend with |fault| in it.
static tn_conformance_report *run_with(const char *fault, bool full) {
  setenv("TENON_BACKENDS", "planted=" PLUGIN("planted") ",cpu", 1);
  if (fault != NULL) setenv("TENON_PLANTED_FAULT", fault, 1);
  tn_conformance_options options = {.struct_size = sizeof options,
                                    .device = "planted",
                                    .ops = "neg",
                                    .dtypes = TN_DTYPE_BIT(TN_F32),
                                    .full = full};
  tn_conformance_report *report = NULL;
  tn_status status = tn_conformance_run(&options, &report);
  cr_assert_eq(status, TN_OK, "%s", tn_ok() ? "" : tn_error_peek()->message);
  cr_assert_eq(report->row_count, 1);
  return report;
}

// The row fails, and one of its reasons contains |words|.
static void expect_found(const char *fault, const char *words) {
  tn_conformance_report *report = run_with(fault, false);
  const tn_conformance_row *row = &report->rows[0];
  bool told = false;
  cr_expect_eq(row->verdict, TN_VERDICT_FAILED, "%s was not found", fault);
  cr_expect_not(tn_conformance_passed(report));
  for (int32_t i = 0; i < row->reason_count; i++) {
    told = told || strstr(row->reasons[i], words) != NULL;
  }
  cr_expect(told, "%s: '%s' is not in: %s", fault, words,
            row->reason_count > 0 ? row->reasons[0] : "(nothing)");
  tn_conformance_report_free(report);
}

TN_TEST(planted, the_kernel_without_a_mistake_passes_both_tiers) {
  for (int full = 0; full < 2; full++) {
    tn_conformance_report *report = run_with(NULL, full);
    const tn_conformance_row *row = &report->rows[0];
    cr_expect_eq(row->verdict, TN_VERDICT_PASSED, "%s",
                 row->reason_count > 0 ? row->reasons[0] : "");
    cr_expect(tn_conformance_passed(report));
    cr_expect_eq(row->skipped, 0, "%s", row->note == NULL ? "" : row->note);
    tn_conformance_report_free(report);
  }
}

TN_TEST(planted, a_wrong_last_element_is_found) {
  expect_found("wrong_last", "element 11 of 12: got");
}
TN_TEST(planted, a_mistake_in_large_tensors_alone_is_found) {
  expect_found("wrong_large", "large");
}
TN_TEST(planted, ignored_strides_are_found) { expect_found("ignores_strides", "spaced"); }
TN_TEST(planted, a_write_past_the_result_is_found) {
  expect_found("writes_past_end", "memory beside");
}
TN_TEST(planted, a_written_operand_is_found) {
  race_on_purpose();  // two threads at once write it
  expect_found("writes_operand", "operand 0, or memory beside it, was written");
}
TN_TEST(planted, a_kernel_that_writes_nothing_is_found) {
  expect_found("writes_nothing", "contiguous: result 0, element 0");
}
TN_TEST(planted, other_bits_in_another_call_are_found) {
  expect_found("changes_its_mind", "other bits");
}
TN_TEST(planted, a_swallowed_nan_is_found) { expect_found("swallows_nan", "nan"); }
TN_TEST(planted, a_read_past_the_operand_is_found) { expect_found("reads_past_end", "embedded"); }
TN_TEST(planted, values_kept_from_an_earlier_version_are_found) {
  expect_found("keeps_stale_values", "operands changed in place");
}
TN_TEST(planted, a_call_kept_in_a_global_is_found) {
  race_on_purpose();
  expect_found("keeps_call_in_global", "two threads at once");
}
TN_TEST(planted, a_kernel_that_says_unimplemented_claimed_too_much) {
  expect_found("says_unimplemented", "unimplemented");
}
TN_TEST(planted, a_kernel_that_declines_every_sample_claimed_too_much) {
  expect_found("declines_everything", "none of");
}

// Composites that need no kernel: a view, several, or (of a real tensor) the tensor itself.
static bool is_composed_of_views(const char *op) {
  static const char *const composed[] = {
      "broadcast_to",     "chunk",  "conj",      "mT",   "movedim.int",
      "movedim.intlist",  "narrow", "positive",  "real", "split.Tensor",
      "split_with_sizes", "t",      "unbind.int"};
  for (size_t i = 0; i < sizeof composed / sizeof composed[0]; i++) {
    if (strcmp(op, composed[i]) == 0) return true;
  }
  return false;
}

TN_TEST(planted, what_does_nothing_passes_only_where_nothing_is_to_be_done) {
  setenv("TENON_BACKENDS", "null=" PLUGIN("null") ",cpu", 1);
  tn_conformance_options options = {
      .struct_size = sizeof options,
      .device = "null",
      .dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_I64) | TN_DTYPE_BIT(TN_BOOL)};
  tn_conformance_report *report = NULL;
  tn_status status = tn_conformance_run(&options, &report);
  cr_assert_eq(status, TN_OK, "%s", tn_ok() ? "" : tn_error_peek()->message);
  cr_expect_not(tn_conformance_passed(report));
  cr_expect_gt(report->failed, 300);
  for (int32_t i = 0; i < report->row_count; i++) {
    const tn_conformance_row *row = &report->rows[i];
    bool view = tn_op_traits_of(tn_op_find(row->op)).view;
    bool pieces = is_composed_of_views(row->op);
    bool empty = strncmp(row->op, "empty", 5) == 0;
    cr_expect(row->verdict != TN_VERDICT_PASSED || view || pieces || empty,
              "%s %s passed without a kernel that does anything", row->op,
              tn_dtype_name(row->dtype));
  }
  tn_conformance_report_free(report);
}
