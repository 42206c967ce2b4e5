// SPDX-License-Identifier: Apache-2.0
//
// report: what a run says of itself beside its rows, and the file that the page goes to.

#ifndef TENON_CONFORMANCE_REPORT_H_
#define TENON_CONFORMANCE_REPORT_H_

#include <limits.h>
#include <tenon/conformance.h>

// Fills in what is certified: device, backend, versions, processor, date, tier, command.
// errors: OUT_OF_MEMORY
tn_status tn__report_describe(tn_conformance_report *report, const tn_conformance_options *options,
                              tn_device device);
double tn__report_clock(void);  // seconds, from some start

// A file that appears whole or not at all: written beside its place, then moved there.
typedef struct tn__page {
  FILE *file;  // NULL where there is none
  char path[PATH_MAX], temporary[PATH_MAX];
} tn__page;
// |path| NULL: none. errors: IO_ERROR where the file cannot be made
tn_status tn__page_open(tn__page *page, const char *path);
// Moves the file to its place where |status| is TN_OK, else removes it. Returns |status|, or
// IO_ERROR where that cannot be done.
tn_status tn__page_close(tn__page *page, tn_status status);

#endif  // TENON_CONFORMANCE_REPORT_H_
