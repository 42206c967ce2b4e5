// SPDX-License-Identifier: Apache-2.0
//
// bench_core: measures calls, kernels, start-up and training steps, says beside each figure what is
// aimed at, and writes everything down as JSON. See docs/performance.md for how and why so.

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "instructions.h"
#include "peer.h"
#include "report.h"
#include "watched.h"

static const row_table *const tables[] = {&call_rows,   &watched_rows, &instruction_rows,
                                          &start_rows,  &matmul_rows,  &add_rows,
                                          &kernel_rows, &training_rows};
enum { TABLE_COUNT = sizeof tables / sizeof tables[0] };

typedef struct options {
  const char *only, *json;
  bool quick, list;
} options;

static void print_usage(FILE *file) {
  fprintf(file,
          "bench_core [--only GLOB] [--quick] [--json FILE] [--list]\n"
          "  --only GLOB  the rows whose names match, such as 'matmul.*'\n"
          "  --quick      fewer and smaller measurements, to see that everything runs\n"
          "  --json FILE  where to write the figures (default: build/bench/DATE-PROCESSOR.json)\n"
          "  --list       names the rows and measures nothing\n"
          "TENON_BENCH_PYTHON names the Python whose PyTorch is measured beside (default: "
          "python3;\nempty: none).\n");
}

// false where the program is to end, with |*status|.
static bool read_options(int argc, char **argv, options *o, int *status) {
  *o = (options){.only = "*"};
  for (int i = 1; i < argc; i++) {
    bool has_value = i + 1 < argc;
    if (strcmp(argv[i], "--only") == 0 && has_value) {
      o->only = argv[++i];
    } else if (strcmp(argv[i], "--json") == 0 && has_value) {
      o->json = argv[++i];
    } else if (strcmp(argv[i], "--quick") == 0) {
      o->quick = true;
    } else if (strcmp(argv[i], "--list") == 0) {
      o->list = true;
    } else {
      bool asked = strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
      if (!asked) fprintf(stderr, "bench_core: what is '%s'?\n", argv[i]);
      print_usage(asked ? stdout : stderr);
      *status = asked ? 0 : 2;
      return false;
    }
  }
  return true;
}

static bool is_wanted(const options *o, const row_spec *spec) {
  return fnmatch(o->only, spec->name, 0) == 0;
}

static int list_rows(const options *o) {
  for (int t = 0; t < TABLE_COUNT; t++) {
    for (int i = 0; i < tables[t]->count; i++) {
      const row_spec *spec = &tables[t]->specs[i];
      if (is_wanted(o, spec)) printf("%-34s %s [%s]\n", spec->name, spec->what, spec->unit);
    }
  }
  return 0;
}

// Measures and prints one row. false when something failed, which is printed.
static bool measure(const bench_run *bench, const row_spec *spec, bench_report *report) {
  if (report->count == MAX_RESULTS) return false;
  result *r = &report->results[report->count++];
  *r = (result){.spec = spec};
  spec->measure(bench, spec, &r->row);
  bool ok = tn_ok();
  if (!ok) row_missing(&r->row, "failed");
  report_print_row(r);
  if (!ok) tn_error_print(stderr);
  return ok;
}

static bool measure_all(const bench_run *bench, const options *o, bench_report *report) {
  bool ok = true;
  for (int t = 0; t < TABLE_COUNT; t++) {
    for (int i = 0; i < tables[t]->count; i++) {
      const row_spec *spec = &tables[t]->specs[i];
      if (is_wanted(o, spec)) ok &= measure(bench, spec, report);
    }
  }
  return ok;
}

static bool make_folder(const char *path) { return mkdir(path, 0777) == 0 || errno == EEXIST; }

static bool write_json(const bench_report *report, const char *path) {
  char own[4096], slug[160];
  if (path == NULL) {
    if (!make_folder(TN_SOURCE_DIR "/build") || !make_folder(TN_SOURCE_DIR "/build/bench")) {
      fprintf(stderr, "bench: build/bench: %s\n", strerror(errno));
      return false;
    }
    machine_slug(&report->machine, slug, sizeof slug);
    snprintf(own, sizeof own, "%s/build/bench/%s.json", TN_SOURCE_DIR, slug);
    path = own;
  }
  if (!report_write_json(report, path)) return false;
  if (strcmp(path, "/dev/null") != 0) printf("written to %s\n", path);
  return true;
}

static int run(const char *program, const options *o) {
  static bench_report report;
  bench_run bench = {.quick = o->quick, .program = program};
  report.quick = o->quick;
  report.machine = machine_here();
  report_print_head(&report);
  bool ok = measure_all(&bench, o, &report);
  if (report.count == 0) {
    fprintf(stderr, "bench_core: no row is called '%s'; --list names them\n", o->only);
    return 2;
  }
  peer_measure(&report);
  report_print_peer(&report);
  report_print_summary(&report);
  return write_json(&report, o->json) && ok ? 0 : 1;
}

int main(int argc, char **argv) {
  char program[4096] = "";
  ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) snprintf(program, sizeof program, "%s", argv[0]);
  // What the program runs itself with; not for people.
  if (argc == 4 && strcmp(argv[1], "--run-passes") == 0) return run_passes(argv[2], argv[3]);
  if (argc == 4 && strcmp(argv[1], "--time-passes") == 0) return time_passes(argv[2], argv[3]);
  if (argc == 3 && strcmp(argv[1], "--instructions") == 0) {
    return print_instructions(program, argv[2]);
  }
  options o;
  int status = 0;
  if (!read_options(argc, argv, &o, &status)) return status;
  return o.list ? list_rows(&o) : run(program, &o);
}
