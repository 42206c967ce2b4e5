// SPDX-License-Identifier: Apache-2.0
//
// report: see report.h.

#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef enum verdict { NONE, MET, MISSED } verdict;

static verdict verdict_of(const result *r) {
  const row_spec *spec = r->spec;
  double value = spec->target == VALUE_AT_MOST ? r->row.value : r->row.ratio;
  if (spec->target == NO_TARGET || r->row.missing[0] != '\0' || value <= 0) return NONE;
  bool met = spec->target == RATIO_AT_LEAST ? value >= spec->limit : value <= spec->limit;
  return met ? MET : MISSED;
}

static const char *const verdict_names[] = {"", "met", "missed"};

// ---- text --------------------------------------------------------------------------------------

static void write_time(double ns, char *text, size_t size) {
  static const char *const units[] = {"ns", "us", "ms", "s"};
  int unit = 0;
  while (ns >= 1000 && unit < 3) {
    ns /= 1000;
    unit++;
  }
  snprintf(text, size, "%.*f %s", ns < 10 ? 2 : ns < 100 ? 1 : 0, ns, units[unit]);
}

static void write_value(const row_spec *spec, double value, char *text, size_t size) {
  if (strcmp(spec->unit, "ns") == 0) {
    write_time(value, text, size);
  } else if (strcmp(spec->unit, "bytes") == 0) {
    snprintf(text, size, "%.0f KiB", value / 1024);
  } else if (strcmp(spec->unit, "instructions") == 0) {
    snprintf(text, size, "%.0f instr", value);
  } else {
    snprintf(text, size, "%.*f %s", value < 100 ? 1 : 0, value, spec->unit);
  }
}

static void write_target(const row_spec *spec, char *text, size_t size) {
  char value[32];
  text[0] = '\0';
  if (spec->target == VALUE_AT_MOST) {
    write_value(spec, spec->limit, value, sizeof value);
    snprintf(text, size, "<= %s", value);
  } else if (spec->target != NO_TARGET) {
    snprintf(text, size, "%s %.2f", spec->target == RATIO_AT_LEAST ? ">=" : "<=", spec->limit);
  }
}

// "0.98 of cblas_sgemm's speed"; "1.05 times existing tensor"
static void write_ratio(const result *r, char *text, size_t size) {
  text[0] = '\0';
  if (r->row.ratio <= 0) return;
  snprintf(text, size, "%.3f %s %s", r->row.ratio, r->spec->target == RATIO_AT_MOST ? "x" : "of",
           r->spec->against);
}

#define ROW_FORMAT "%-34s %12s %6s %4s  %-24s %-15s %s\n"

void report_print_head(const bench_report *report) {
  const machine *m = &report->machine;
  printf("%s, %d cores, %d threads (%s), load %.1f; %s; %s, %s\n", m->processor, m->cores,
         m->threads, m->runtime, m->load, m->compiler, m->c_library, m->date);
  if (m->blas[0] != '\0') printf("%s\n", m->blas);
  if (m->load > 0.5 * m->cores) {
    printf("the machine is busy: figures in time are larger than on a quiet one, ratios less so\n");
  }
  printf("\n" ROW_FORMAT, "row", "median", "+-", "n", "compared", "target", "");
}

void report_print_row(const result *r) {
  char value[32], spread[16] = "", samples[16], ratio[64], target[40];
  if (r->row.missing[0] != '\0') {
    printf("%-34s %12s  %s\n", r->spec->name, "-", r->row.missing);
    return;
  }
  write_value(r->spec, r->row.value, value, sizeof value);
  write_target(r->spec, target, sizeof target);
  write_ratio(r, ratio, sizeof ratio);
  if (r->row.spread > 0) snprintf(spread, sizeof spread, "%.1f%%", 100 * r->row.spread);
  snprintf(samples, sizeof samples, "%d", r->row.samples);
  printf(ROW_FORMAT, r->spec->name, value, spread, samples, ratio, target,
         verdict_names[verdict_of(r)]);
  fflush(stdout);
}

// How many times as fast we are: times and sizes shrink, rates grow.
static double times_as_fast(const result *r) {
  bool is_rate = strchr(r->spec->unit, '/') != NULL;
  return is_rate ? r->row.value / r->peer.value : r->peer.value / r->row.value;
}

void report_print_peer(const bench_report *report) {
  if (report->peer[0] == '\0') return;
  printf("\n%-34s %12s %6s %4s  %12s %s\n", report->peer, "median", "+-", "n", "tenon",
         "times as fast");
  for (int i = 0; i < report->count; i++) {
    const result *r = &report->results[i];
    char peer[32], ours[32];
    if (r->peer.samples == 0 || r->row.missing[0] != '\0') continue;
    write_value(r->spec, r->peer.value, peer, sizeof peer);
    write_value(r->spec, r->row.value, ours, sizeof ours);
    printf("%-34s %12s %5.1f%% %4d  %12s %.2f\n", r->spec->name, peer, 100 * r->peer.spread,
           r->peer.samples, ours, times_as_fast(r));
  }
}

void report_print_summary(const bench_report *report) {
  int met = 0, missed = 0;
  for (int i = 0; i < report->count; i++) {
    met += verdict_of(&report->results[i]) == MET;
    missed += verdict_of(&report->results[i]) == MISSED;
  }
  printf("\n%d rows; targets: %d met, %d missed", report->count, met, missed);
  for (int i = 0, said = 0; i < report->count; i++) {
    if (verdict_of(&report->results[i]) != MISSED) continue;
    printf("%s%s", said++ == 0 ? ": " : ", ", report->results[i].spec->name);
  }
  printf("\n");
}

// ---- JSON --------------------------------------------------------------------------------------

static void write_string(FILE *file, const char *name, const char *value) {
  fprintf(file, "\"%s\": \"", name);
  for (; *value != '\0'; value++) {
    unsigned char c = (unsigned char)*value;
    if (c == '"' || c == '\\') fputc('\\', file);
    if (c >= ' ') fputc(c, file);
  }
  fputc('"', file);
}

static void write_machine(FILE *file, const machine *m) {
  const struct {
    const char *name, *value;
  } texts[] = {{"date", m->date},
               {"processor", m->processor},
               {"thread_runtime", m->runtime},
               {"compiler", m->compiler},
               {"build_type", m->build_type},
               {"revision", m->revision},
               {"c_library", m->c_library},
               {"blas", m->blas}};
  fprintf(file, "  \"tenon\": \"%d.%d.%d\",\n", TN_VERSION_MAJOR, TN_VERSION_MINOR,
          TN_VERSION_PATCH);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    fprintf(file, "  ");
    write_string(file, texts[i].name, texts[i].value);
    fprintf(file, ",\n");
  }
  fprintf(file, "  \"cores\": %d,\n  \"threads\": %d,\n  \"load\": %.2f,\n", m->cores, m->threads,
          m->load);
}

static void write_result(FILE *file, const result *r) {
  static const char *const kinds[] = {"", "value_at_most", "ratio_at_least", "ratio_at_most"};
  fprintf(file, "    {");
  write_string(file, "name", r->spec->name);
  fprintf(file, ", ");
  write_string(file, "what", r->spec->what);
  fprintf(file, ", ");
  write_string(file, "unit", r->spec->unit);
  if (r->row.missing[0] != '\0') {
    fprintf(file, ", ");
    write_string(file, "missing", r->row.missing);
  } else {
    fprintf(file, ", \"median\": %.6g, \"spread\": %.4f, \"samples\": %d", r->row.value,
            r->row.spread, r->row.samples);
  }
  if (r->row.ratio > 0) {
    fprintf(file, ", ");
    write_string(file, "against", r->spec->against);
    fprintf(file, ", \"reference\": %.6g, \"ratio\": %.4f", r->row.reference, r->row.ratio);
  }
  if (r->spec->target != NO_TARGET) {
    fprintf(file, ", \"target\": {\"kind\": \"%s\", \"limit\": %.6g", kinds[r->spec->target],
            r->spec->limit);
    if (r->spec->next_limit > 0) fprintf(file, ", \"next\": %.6g", r->spec->next_limit);
    fprintf(file, "}, \"verdict\": \"%s\"", verdict_names[verdict_of(r)]);
  }
  if (r->peer.samples > 0) {
    fprintf(file, ", \"peer\": {\"median\": %.6g, \"spread\": %.4f, \"samples\": %d}",
            r->peer.value, r->peer.spread, r->peer.samples);
  }
  fprintf(file, "}");
}

bool report_write_json(const bench_report *report, const char *path) {
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
    return false;
  }
  fprintf(file, "{\n");
  write_machine(file, &report->machine);
  fprintf(file, "  \"quick\": %s,\n  ", report->quick ? "true" : "false");
  write_string(file, "peer", report->peer);
  fprintf(file, ",\n  \"rows\": [\n");
  for (int i = 0; i < report->count; i++) {
    write_result(file, &report->results[i]);
    fprintf(file, i + 1 < report->count ? ",\n" : "\n");
  }
  fprintf(file, "  ]\n}\n");
  bool written = ferror(file) == 0;
  if (fclose(file) != 0 || !written) {
    fprintf(stderr, "bench: %s: writing failed\n", path);
    return false;
  }
  return true;
}
