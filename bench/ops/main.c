// SPDX-License-Identifier: Apache-2.0
//
// bench_ops: one row for each family of operators, timed in turn with NumPy and PyTorch on the same
// shapes and threads. The target is one for all: nothing slower than 1.2 times the faster of the
// two, and nothing that only moves memory below 0.9 of a loop written by hand. A target never fails
// the program. docs/performance.md has the table that --markdown prints.

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "machine.h"
#include "ops.h"

static const double SLOWEST = 1.2, LEAST_OF_LOOP = 0.9;

static const op_table *const tables[] = {&pointwise_table, &reduction_table, &movement_table,
                                         &network_table, &linear_table};
enum { TABLE_COUNT = sizeof tables / sizeof tables[0], MAX_RESULTS = 128, MAX_THREADS = 256 };

typedef struct options {
  const char *only, *json;
  int threads;
  bool quick, list, markdown;
} options;

typedef struct result {
  const op_row *row;
  op_timing timing;
} result;

typedef struct report {
  machine machine;
  char peers[128];
  bool quick;
  result results[MAX_RESULTS];
  int count;
} report;

static const char usage[] =
    "bench_ops [--only GLOB] [--threads N] [--quick] [--markdown] [--json FILE] [--list]\n"
    "  --only GLOB  the rows whose names match, such as 'sum.*'\n"
    "  --threads N  for everybody (default: 1, which is what NumPy uses for most calls)\n"
    "  --quick      a few short rounds, to see that everything runs\n"
    "  --markdown   print the table as docs/performance.md has it\n"
    "  --json FILE  where to write the figures (default: build/bench/ops-DATE-PROCESSOR.json)\n"
    "  --list       names the rows and measures nothing\n"
    "TENON_BENCH_PYTHON names the Python whose NumPy and PyTorch are measured beside (default:\n"
    "python3; empty: none).\n";

static bool read_number(const char *text, int *number) {
  char *end;
  long value = strtol(text, &end, 10);
  *number = (int)value;
  return end != text && *end == '\0' && value >= 1 && value <= MAX_THREADS;
}

// false where the program is to end, with |*status|.
static bool read_options(int argc, char **argv, options *o, int *status) {
  *o = (options){.only = "*", .threads = 1};
  for (int i = 1; i < argc; i++) {
    bool has_value = i + 1 < argc;
    if (strcmp(argv[i], "--only") == 0 && has_value) {
      o->only = argv[++i];
    } else if (strcmp(argv[i], "--json") == 0 && has_value) {
      o->json = argv[++i];
    } else if (strcmp(argv[i], "--threads") == 0 && has_value &&
               read_number(argv[i + 1], &o->threads)) {
      i++;
    } else if (strcmp(argv[i], "--quick") == 0) {
      o->quick = true;
    } else if (strcmp(argv[i], "--markdown") == 0) {
      o->markdown = true;
    } else if (strcmp(argv[i], "--list") == 0) {
      o->list = true;
    } else {
      bool asked = strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
      if (!asked) fprintf(stderr, "bench_ops: what is '%s'?\n", argv[i]);
      fputs(usage, asked ? stdout : stderr);
      *status = asked ? 0 : 2;
      return false;
    }
  }
  return true;
}

// ---- verdicts ----------------------------------------------------------------------------------

// Tenon's time over that of the faster of NumPy and PyTorch; 0 where there is neither.
static double against_faster(const op_timing *t) {
  return t->ratio[NUMPY] > t->ratio[PYTORCH] ? t->ratio[NUMPY] : t->ratio[PYTORCH];
}

static const char *verdict_of(const op_timing *t) {
  double slower = against_faster(t), of_loop = t->ratio[LOOP] > 0 ? 1 / t->ratio[LOOP] : 0;
  if (slower == 0 && of_loop == 0) return "";
  bool met = slower <= SLOWEST && (of_loop == 0 || of_loop >= LEAST_OF_LOOP);
  return met ? "met" : "missed";
}

// ---- text --------------------------------------------------------------------------------------

static const char *time_text(double ns, char *text, size_t size) {
  static const char *const units[] = {"ns", "us", "ms", "s"};
  int unit = 0;
  for (; ns >= 1000 && unit < 3; unit++) ns /= 1000;
  if (ns == 0) return "-";
  snprintf(text, size, "%.*f %s", ns < 10 ? 2 : ns < 100 ? 1 : 0, ns, units[unit]);
  return text;
}

static const char *ratio_text(double ratio, char *text, size_t size) {
  if (ratio == 0) return "-";
  snprintf(text, size, "%.2f", ratio);
  return text;
}

static void print_head(const report *r, const options *o) {
  const machine *m = &r->machine;
  if (o->markdown) {
    printf("| row | what | Tenon | NumPy | PyTorch | of the faster | of a loop | |\n");
    printf("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    return;
  }
  printf("%s, %d cores, %d threads (%s), load %.1f; %s; beside %s\n\n", m->processor, m->cores,
         o->threads, m->runtime, m->load, m->compiler, r->peers[0] == '\0' ? "nobody" : r->peers);
  printf("%-16s %-48s %10s %10s %10s %8s %8s\n", "row", "what", "tenon", "numpy", "pytorch",
         "x faster", "of loop");
}

static void print_result(const result *r, const options *o) {
  const op_timing *t = &r->timing;
  char own[24], numpy[24], torch[24], faster[16], loop[16];
  printf(o->markdown ? "| `%s` | %s | %s | %s | %s | %s | %s | %s |\n"
                     : "%-16s %-48s %10s %10s %10s %8s %8s %s\n",
         r->row->name, r->row->what, time_text(t->ns[PEER_COUNT], own, sizeof own),
         time_text(t->ns[NUMPY], numpy, sizeof numpy),
         time_text(t->ns[PYTORCH], torch, sizeof torch),
         ratio_text(against_faster(t), faster, sizeof faster),
         ratio_text(t->ratio[LOOP] > 0 ? 1 / t->ratio[LOOP] : 0, loop, sizeof loop), verdict_of(t));
  fflush(stdout);
}

static void print_summary(const report *r) {
  int met = 0, missed = 0;
  for (int i = 0; i < r->count; i++) {
    met += strcmp(verdict_of(&r->results[i].timing), "met") == 0;
    missed += strcmp(verdict_of(&r->results[i].timing), "missed") == 0;
  }
  printf("\n%d rows; %d met, %d missed", r->count, met, missed);
  for (int i = 0, said = 0; i < r->count; i++) {
    if (strcmp(verdict_of(&r->results[i].timing), "missed") != 0) continue;
    printf("%s%s", said++ == 0 ? ": " : ", ", r->results[i].row->name);
  }
  printf("\n");
}

// ---- JSON --------------------------------------------------------------------------------------

static void write_result(FILE *file, const result *r) {
  static const char *const names[] = {"numpy", "pytorch", "loop"};
  fprintf(file, "    {\"name\": \"%s\", \"family\": \"%s\", \"what\": \"%s\", \"tenon_ns\": %.6g",
          r->row->name, r->row->family, r->row->what, r->timing.ns[PEER_COUNT]);
  for (int who = 0; who < PEER_COUNT; who++) {
    if (r->timing.ns[who] == 0) continue;
    fprintf(file, ", \"%s_ns\": %.6g, \"ratio_to_%s\": %.4f", names[who], r->timing.ns[who],
            names[who], r->timing.ratio[who]);
  }
  fprintf(file, ", \"rounds\": %d, \"verdict\": \"%s\"}", r->timing.rounds, verdict_of(&r->timing));
}

static bool write_json(const report *r, const options *o) {
  char own[4096], slug[160];
  const char *path = o->json;
  if (path == NULL) {
    (void)mkdir(TN_BUILD_DIR "/../bench", 0777);  // where it is missing, fopen says so
    machine_slug(&r->machine, slug, sizeof slug);
    snprintf(own, sizeof own, TN_BUILD_DIR "/../bench/ops-%s-%d-threads.json", slug, o->threads);
    path = own;
  }
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    fprintf(stderr, "bench_ops: %s: %s\n", path, strerror(errno));
    return false;
  }
  fprintf(file,
          "{\n  \"date\": \"%s\",\n  \"processor\": \"%s\",\n  \"revision\": \"%s\",\n"
          "  \"compiler\": \"%s\",\n  \"cores\": %d,\n  \"threads\": %d,\n  \"load\": %.2f,\n"
          "  \"quick\": %s,\n  \"peers\": \"%s\",\n  \"rows\": [\n",
          r->machine.date, r->machine.processor, r->machine.revision, r->machine.compiler,
          r->machine.cores, o->threads, r->machine.load, r->quick ? "true" : "false", r->peers);
  for (int i = 0; i < r->count; i++) {
    write_result(file, &r->results[i]);
    fprintf(file, i + 1 < r->count ? ",\n" : "\n");
  }
  fprintf(file, "  ]\n}\n");
  bool written = ferror(file) == 0;
  if (fclose(file) != 0 || !written) {
    fprintf(stderr, "bench_ops: %s: writing failed\n", path);
    return false;
  }
  if (strcmp(path, "/dev/null") != 0) printf("written to %s\n", path);
  return true;
}

// ---- the run -----------------------------------------------------------------------------------

static bool is_wanted(const options *o, const op_row *row) {
  return fnmatch(o->only, row->name, 0) == 0;
}

static int list_rows(const options *o) {
  for (int t = 0; t < TABLE_COUNT; t++) {
    for (int i = 0; i < tables[t]->count; i++) {
      const op_row *row = &tables[t]->rows[i];
      if (is_wanted(o, row)) printf("%-16s %-24s %s\n", row->name, row->family, row->what);
    }
  }
  return 0;
}

static bool measure_all(report *r, const options *o, peers *p) {
  bool ok = true;
  for (int t = 0; t < TABLE_COUNT; t++) {
    for (int i = 0; i < tables[t]->count; i++) {
      const op_row *row = &tables[t]->rows[i];
      if (!is_wanted(o, row) || r->count == MAX_RESULTS) continue;
      result *next = &r->results[r->count++];
      *next = (result){row, measure_row(row, p, o->threads, o->quick)};
      print_result(next, o);
      if (tn_ok()) continue;
      fprintf(stderr, "bench_ops: %s: ", row->name);
      tn_error_print(stderr);
      tn_error_clear();
      ok = false;
    }
  }
  return ok;
}

static int run(const options *o) {
  static report r;
  tn_init_options settings = {.struct_size = sizeof settings, .num_threads = o->threads};
  if (tn_init(&settings) != TN_OK) {
    tn_error_print(stderr);
    return 1;
  }
  r.quick = o->quick;
  r.machine = machine_here();
  peers *p = peers_start(o->threads, r.peers, (int)sizeof r.peers);
  print_head(&r, o);
  bool ok = measure_all(&r, o, p);
  peers_stop(p);
  if (r.count == 0) {
    fprintf(stderr, "bench_ops: no row is called '%s'; --list names them\n", o->only);
    return 2;
  }
  print_summary(&r);
  return write_json(&r, o) && ok ? 0 : 1;
}

int main(int argc, char **argv) {
  options o;
  int status = 0;
  if (!read_options(argc, argv, &o, &status)) return status;
  return o.list ? list_rows(&o) : run(&o);
}
