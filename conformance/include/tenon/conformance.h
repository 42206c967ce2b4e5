// SPDX-License-Identifier: Apache-2.0
//
// conformance: certifies a backend. Every operator's spec is run on a device for each dtype:
// results against a double-precision reference in contiguous, strided, transposed, expanded,
// reversed, empty and 0-dim operands, in-place and out forms between canaries, aliased operands,
// NaN and infinities, gradients by finite differences, calls that must fail, each allocation
// failing in turn, and repeatability at any thread count, from two threads at once and after
// operands changed. "Unsupported" is a verdict of its own; what a backend claims and gets wrong is
// a failure.

#ifndef TENON_CONFORMANCE_H_
#define TENON_CONFORMANCE_H_

#include <tenon/op_spec.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tn_verdict {
  TN_VERDICT_PASSED = 0,
  TN_VERDICT_FAILED = 1,
  TN_VERDICT_UNSUPPORTED = 2,  // no kernel claims it, and its parts do not serve it either
  TN_VERDICT_REFUSED = 3,      // the operator admits no such dtype, and said so
  TN_VERDICT_EXPECTED = 4,     // failed as the list of expected failures says
} tn_verdict;

enum { TN_CONFORMANCE_REASONS = 3 };

// What came of one operator with one dtype.
typedef struct tn_conformance_row {
  const char *op;
  tn_dtype dtype;
  tn_verdict verdict;
  int32_t checks;    // comparisons and demands that were made
  int32_t failures;  // of them
  int32_t reason_count;
  char *reasons[TN_CONFORMANCE_REASONS];  // the first failures, or why it is unsupported
  const char *family;                     // "" for specs that are not built in
  int32_t ran;                            // samples that were served
  int32_t skipped;  // samples, or forms of them, that nobody claims: a second operand of another
                    // dtype, a gradient that needs an operator the device has not
  char *note;       // why the first of those was skipped, or an expected failure's reason; NULL
} tn_conformance_row;

typedef struct tn_conformance_report {
  tn_conformance_row *rows;  // by operator, then dtype
  int32_t row_count;
  int32_t passed, failed, unsupported, refused;
  int64_t checks;
  const char **missing;  // operators in the table that have no spec
  int32_t missing_count;
  int32_t expected;  // rows that failed as they were expected to
  int32_t partial;   // of `passed`: rows of which something was skipped
  bool full;
  double elapsed_s;
  // What was certified, with what, where: texts for people.
  char device[48], backend[256], version[16], processor[96], date[32];
  char *command;  // as in the options; "" where none was given
} tn_conformance_report;

// Grows only at its end; set struct_size.
typedef struct tn_conformance_options {
  uint32_t struct_size;
  const char *device;  // NULL: the default device
  const char *ops;     // globs, comma separated: "softmax,conv*"; NULL: all
  uint64_t dtypes;     // 0: all
  bool full;           // the full tier: large samples in every dtype, every layout of each operand
  bool skip_gradients;
  const tn_op_spec *const *specs;  // NULL: the built-in ones
  int32_t spec_count;
  // Called after each row, from the calling thread. NULL: no one.
  void (*progress)(void *context, const tn_conformance_row *row);
  void *context;
  const char *family;  // one of tn_conformance_families; NULL: all
  // Failures that are known, one a line: an operator (a glob), a dtype or '*', and the reason,
  // which must be there: "softmax bfloat16 rounds twice". '#' starts a comment. A row that is
  // listed and passes is a failure.
  const char *expected;
  const char *html;     // a file to write the report to, a page of its own; NULL: none
  const char *command;  // how the run was asked for, for the report
  // A backend whose kernels alone are certified, though others serve the device too; list it first.
  // What it has no kernel for is unsupported; samples that it declines are skipped, and a kernel
  // that declines all of them is a failure. NULL: whoever serves.
  const char *provider;
} tn_conformance_options;

// Runs the kit. |options| may be NULL.
// owns: |*report| released with tn_conformance_report_free
// errors: NOT_FOUND, UNAVAILABLE for the device; NOT_FOUND for a glob of `ops` that no operator
// has; INVALID_ARGUMENT for `expected`; IO_ERROR where `html` cannot be written, said before
// anything runs; OUT_OF_MEMORY. A failed check is no error | threads: one at a time
TN_API tn_status tn_conformance_run(const tn_conformance_options *options,
                                    tn_conformance_report **report);
TN_API void tn_conformance_report_free(tn_conformance_report *report);

// Whether something ran, nothing that was claimed failed, and no operator lacks a spec.
TN_API bool tn_conformance_passed(const tn_conformance_report *report);

TN_API const char *tn_verdict_name(tn_verdict verdict);

// The report as a table for people, or as JSON. |verbose| lists every row, else what failed.
TN_API void tn_conformance_print(const tn_conformance_report *report, FILE *file, bool verbose);
TN_API void tn_conformance_print_json(const tn_conformance_report *report, FILE *file);
// The report as one HTML page without outside resources: operators against dtypes.
TN_API void tn_conformance_print_html(const tn_conformance_report *report, FILE *file);

// The built-in specs, and the family of each (the name of the file it stands in).
TN_API const tn_op_spec *const *tn_conformance_specs(int32_t *count);
TN_API const char *const *tn_conformance_families(int32_t *count);

#ifdef __cplusplus
}
#endif

#endif  // TENON_CONFORMANCE_H_
