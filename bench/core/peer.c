// SPDX-License-Identifier: Apache-2.0
//
// peer: see peer.h. The script prints "version TEXT" and then a line for each row: its name, the
// median, the spread and the number of samples, in the row's unit.

#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"

enum { TEXT_SIZE = 1 << 14 };

static bool has_torch(char *python) {
  char text[64];
  return capture((char *[]){python, "-c", "import torch", NULL}, text, sizeof text, false) == 0;
}

static result *result_named(bench_report *report, const char *name) {
  for (int i = 0; i < report->count; i++) {
    if (strcmp(report->results[i].spec->name, name) == 0) return &report->results[i];
  }
  return NULL;
}

static void read_line(bench_report *report, const char *line) {
  char name[64];
  bench_row row = {0};
  if (strncmp(line, "version ", 8) == 0) {
    snprintf(report->peer, sizeof report->peer, "PyTorch %s", line + 8);
  } else if (sscanf(line, "%63s %lf %lf %d", name, &row.value, &row.spread, &row.samples) == 4) {
    result *r = result_named(report, name);
    if (r != NULL) r->peer = row;
  }
}

// The names of all rows, with spaces between.
static void write_names(const bench_report *report, char *names, size_t size) {
  size_t length = 0;
  for (int i = 0; i < report->count && length < size; i++) {
    int more = snprintf(names + length, size - length, "%s ", report->results[i].spec->name);
    length += more > 0 ? (size_t)more : 0;
  }
}

void peer_measure(bench_report *report) {
  char names[4096] = "";
  char *python = getenv("TENON_BENCH_PYTHON"), *text = malloc(TEXT_SIZE);
  if (python == NULL) python = "python3";
  if (text != NULL && python[0] != '\0' && has_torch(python)) {
    write_names(report, names, sizeof names);
    static char script[] = TN_SOURCE_DIR "/bench/torch_rows.py";
    char *argv[] = {python, script, names, report->quick ? "quick" : "", NULL};
    if (capture(argv, text, TEXT_SIZE, false) != 0) {
      fprintf(stderr, "bench: PyTorch's rows ended early\n");
    }
    char *rest = text;
    for (char *line; (line = strtok_r(rest, "\n", &rest)) != NULL;) read_line(report, line);
  }
  free(text);
}
