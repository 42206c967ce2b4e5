// SPDX-License-Identifier: Apache-2.0
//
// start: how long it takes from before a process is started to its first result, how long `tenon
// info` takes with five backends, and how large the library is without its symbols. The first two
// run bench_start and tenon, which stand beside this program.

#define _GNU_SOURCE  // dladdr, RTLD_DEFAULT
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "capture.h"

enum { STARTS = 40, QUICK_STARTS = 10 };

// ---- time --------------------------------------------------------------------------------------

// |program|'s folder with another file's name.
static bool beside(const char *program, const char *name, char *path, size_t size) {
  const char *slash = strrchr(program, '/');
  int folder = slash == NULL ? 0 : (int)(slash - program) + 1;
  int length = snprintf(path, size, "%.*s%s", folder, program, name);
  return length > 0 && (size_t)length < size;
}

// From here to the clock that the process prints, or -1.
static double start_once(char *path, const char *mode) {
  char text[64];
  char *argv[] = {path, (char *)(size_t)mode, NULL};
  int64_t started = now_ns();
  if (capture(argv, text, sizeof text, false) != 0) return -1;
  return (double)(strtoll(text, NULL, 10) - started);
}

static void measure_start(const bench_run *bench, const row_spec *spec, bench_row *row) {
  double samples[STARTS];
  char path[4096];
  int count = bench->quick ? QUICK_STARTS : STARTS;
  if (!beside(bench->program, "bench_start", path, sizeof path)) return;
  (void)start_once(path, spec->subject);  // warms the files
  for (int i = 0; i < count; i++) {
    samples[i] = start_once(path, spec->subject);
    if (samples[i] < 0) {
      row_missing(row, "bench_start failed");
      return;
    }
  }
  row_from_timing(row, summarise(samples, count));
}

// The backends of the tests, each of which is opened in a process that is started for it.
#define TEST_BACKEND(name) name "=" TN_BUILD_DIR "/lib/test_plugins/libtenon_backend_" name ".so,"
static const char five_backends[] = "TENON_BACKENDS=" TEST_BACKEND("castor") TEST_BACKEND("pollux")
    TEST_BACKEND("null") TEST_BACKEND("sim") "cpu";

static void measure_info(const bench_run *bench, const row_spec *spec, bench_row *row) {
  (void)spec;
  double samples[STARTS];
  char path[4096], text[16];
  int count = bench->quick ? QUICK_STARTS : STARTS;
  if (!beside(bench->program, "tenon", path, sizeof path)) return;
  char *argv[] = {"env", (char *)(size_t)five_backends, path, "info", NULL};
  for (int i = -1; i < count; i++) {  // once to warm the files
    int64_t started = now_ns();
    if (capture(argv, text, sizeof text, false) != 0) {
      row_missing(row, "tenon info failed: the tests' backends are not built");
      return;
    }
    if (i >= 0) samples[i] = (double)(now_ns() - started);
  }
  row_from_timing(row, summarise(samples, count));
}

// ---- size --------------------------------------------------------------------------------------

// The larger of |end| and where |section| ends in the file.
static uint64_t end_with(uint64_t end, const ElfW(Shdr) * section) {
  uint64_t other = section->sh_offset + (section->sh_type == SHT_NOBITS ? 0 : section->sh_size);
  return other > end ? other : end;
}

// What strip leaves: everything that is loaded, the sections' headers and their names.
static double stripped_size(FILE *file) {
  ElfW(Ehdr) header;
  ElfW(Shdr) section;
  uint64_t loaded_end = 0, names = 0, kept = 0;
  if (fread(&header, sizeof header, 1, file) != 1 || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return -1;
  }
  if (fseek(file, (long)header.e_shoff, SEEK_SET) != 0) return -1;
  for (int i = 0; i < header.e_shnum; i++) {
    if (fread(&section, sizeof section, 1, file) != 1) return -1;
    bool is_loaded = (section.sh_flags & SHF_ALLOC) != 0;
    if (is_loaded) loaded_end = end_with(loaded_end, &section);
    if (i == header.e_shstrndx) names = section.sh_size;
    if (is_loaded || i == header.e_shstrndx || i == 0) kept++;
  }
  return (double)(loaded_end + names + kept * sizeof section);
}

static void measure_size(const bench_run *bench, const row_spec *spec, bench_row *row) {
  (void)bench;
  (void)spec;
  Dl_info library;
  FILE *file = NULL;
  void *function = dlsym(RTLD_DEFAULT, "tn_release");
  if (function != NULL && dladdr(function, &library) != 0) file = fopen(library.dli_fname, "rb");
  double size = file == NULL ? -1 : stripped_size(file);
  if (file != NULL) fclose(file);
  row->value = size;
  row->samples = 1;
  if (size < 0) row_missing(row, "libtenon.so cannot be read");
}

static const row_spec specs[] = {
    {.name = "start.first_add",
     .what = "process start to the first sum",
     .unit = "ns",
     .target = VALUE_AT_MOST,
     .limit = 3e6,
     .measure = measure_start},
    {.name = "start.empty",
     .what = "process start without any call",
     .unit = "ns",
     .subject = "empty",
     .measure = measure_start},
    {.name = "start.info",
     .what = "tenon info, five backends",
     .unit = "ns",
     .target = VALUE_AT_MOST,
     .limit = 100e6,
     .measure = measure_info},
    {.name = "size.libtenon",
     .what = "libtenon.so, stripped",
     .unit = "bytes",
     .target = VALUE_AT_MOST,
     .limit = 1 << 20,
     .measure = measure_size},
};

const row_table start_rows = ROW_TABLE(specs);
