// SPDX-License-Identifier: Apache-2.0
//
// inspect: a plugin's file, judged without loading it. The note is read as the loader reads it; the
// rest is what the dynamic linker would meet, looked up library by library, breadth first, in the
// order in which it would search for symbols.

#include <tenon/inspect.h>

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/error.h>

#include "backend.h"
#include "elf_dynamic.h"
#include "library_search.h"
#include "thread.h"

// A library that is looked at: the plugin itself, then what it needs, then what those need.
typedef struct library {
  const char *name, *path, *needer;
  tn__elf elf;
  tn__elf_dynamic dynamic;
  bool read;
} library;

enum { MAX_LIBRARIES = 128 };

typedef struct inspection {
  tn_plugin_report report;  // first: what is handed out
  tn__backend record;
  char *searched_path;
  char lacks[64], glibc[24];
  library *libraries[MAX_LIBRARIES];
  int32_t library_count;
  tn_plugin_need *needs;
  const char **exports;
  tn_plugin_finding *findings;
  int32_t finding_capacity;
  char **texts;  // everything that was written down
  int32_t text_count;
  bool out_of_memory;
} inspection;

// ---- writing down ------------------------------------------------------------------------------

static const char *keep(inspection *look, const char *text) {
  char *copy = tn__strdup(text);
  char **grown = tn__realloc(look->texts, ((size_t)look->text_count + 1) * sizeof *grown);
  if (grown != NULL) look->texts = grown;
  if (copy == NULL || grown == NULL) {
    free(copy);
    look->out_of_memory = true;
    return "";
  }
  return grown[look->text_count++] = copy;
}

static void find_fault(inspection *look, bool fatal, const char *format, ...) TN_PRINTF(3, 4);
static void find_fault(inspection *look, bool fatal, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (look->report.finding_count == look->finding_capacity) {
    int32_t capacity = look->finding_capacity + 16;
    tn_plugin_finding *grown =
        tn__realloc(look->findings, (size_t)capacity * sizeof look->findings[0]);
    if (grown == NULL) {
      look->out_of_memory = true;
      return;
    }
    look->findings = grown;
    look->finding_capacity = capacity;
  }
  // The fatal ones stand first, each kind in the order in which it was found.
  int32_t place = look->report.finding_count++;
  while (fatal && place > 0 && !look->findings[place - 1].fatal) {
    look->findings[place] = look->findings[place - 1];
    place--;
  }
  look->findings[place] = (tn_plugin_finding){fatal, keep(look, text)};
}

// ---- the note ----------------------------------------------------------------------------------

static void look_at_note(inspection *look, const char *path) {
  tn_plugin_report *report = &look->report;
  tn__backend *record = &look->record;
  record->path = look->searched_path;
  tn_status status = tn__note_read(record);
  look->out_of_memory = look->out_of_memory || status == TN_OUT_OF_MEMORY;
  if (status != TN_OK) find_fault(look, true, "%s", record->reason);
  const tn_plugin_facts *facts = &record->facts;
  report->name = facts->name;
  report->version = facts->version;
  report->cpu_features = facts->cpu_features;
  report->threading = facts->threading;
  report->devices = facts->devices;
  report->serves = facts->serves;
  report->operators = facts->operators;
  report->wraps = facts->wraps;
  report->options = facts->options;
  report->abi_version = facts->abi_version;
  report->min_host_abi = facts->min_host_abi;
  const char *lacks = tn__cpu_lacks(facts->cpu_features, look->lacks, sizeof look->lacks);
  report->cpu_lacks = lacks == NULL ? "" : lacks;
  if (facts->name[0] == '\0') return;
  char expected[64];
  snprintf(expected, sizeof expected, "libtenon_backend_%s.so", facts->name);
  const char *slash = strrchr(path, '/');
  if (strcmp(slash == NULL ? path : slash + 1, expected) != 0) {
    find_fault(look, false, "a search of folders finds it only under the name %s", expected);
  }
}

// ---- libraries ---------------------------------------------------------------------------------

static library *add_library(inspection *look, const char *name, const char *path,
                            const char *needer) {
  library *added = tn__calloc(1, sizeof *added);
  if (added == NULL) {
    look->out_of_memory = true;
    return NULL;
  }
  *added = (library){.name = name, .path = path, .needer = needer, .elf = {.file = -1}};
  if (path[0] != '\0' && tn__elf_open(&added->elf, path)) {
    tn_status status = tn__elf_dynamic_read(&added->dynamic, &added->elf);
    added->read = status == TN_OK;
    look->out_of_memory = look->out_of_memory || status == TN_OUT_OF_MEMORY;
  }
  return look->libraries[look->library_count++] = added;
}

static library *library_named(inspection *look, const char *name) {
  for (int32_t i = 1; i < look->library_count; i++) {
    if (strcmp(look->libraries[i]->name, name) == 0) return look->libraries[i];
  }
  return NULL;
}

static void add_needs_of(inspection *look, const library *needer) {
  const tn__elf_dynamic *dynamic = &needer->dynamic;
  for (int32_t i = 0; i < dynamic->needed_count && look->library_count < MAX_LIBRARIES; i++) {
    const char *name = dynamic->needed[i];
    if (library_named(look, name) != NULL) continue;
    char path[PATH_MAX] = "";
    bool found = tn__library_find(name, needer->path, dynamic->rpath, dynamic->runpath, path);
    if (add_library(look, name, found ? keep(look, path) : "", needer->name) == NULL) return;
    if (!found) {
      find_fault(look, true, "%s needs the library %s, which is nowhere to be found",
                 needer == look->libraries[0] ? "it" : needer->name, name);
    } else if (strncmp(name, "libtenon.so", 11) == 0) {
      find_fault(look, false,
                 "it links libtenon: a plugin gets everything from the host table, and is bound "
                 "to one version so");
    }
  }
}

static void list_needs(inspection *look) {
  look->report.need_count = look->library_count - 1;
  look->needs = tn__calloc((size_t)look->library_count, sizeof *look->needs);
  if (look->needs == NULL) {
    look->report.need_count = 0;
    look->out_of_memory = true;
    return;
  }
  for (int32_t i = 1; i < look->library_count; i++) {
    const library *from = look->libraries[i];
    look->needs[i - 1] = (tn_plugin_need){from->name, from->path, from->needer};
  }
}

// ---- symbols -----------------------------------------------------------------------------------

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_exports(inspection *look, const library *plugin) {
  const tn__elf_dynamic *dynamic = &plugin->dynamic;
  look->exports = tn__calloc(dynamic->symbol_count + 1, sizeof *look->exports);
  if (look->exports == NULL) {
    look->out_of_memory = true;
    return;
  }
  int32_t count = 0;
  for (uint64_t i = 0; i < dynamic->symbol_count; i++) {
    if (!tn__elf_symbol_is_export(&dynamic->symbols[i])) continue;
    look->exports[count++] = tn__elf_string(dynamic, dynamic->symbols[i].st_name);
  }
  qsort(look->exports, (size_t)count, sizeof *look->exports, compare_texts);
  look->report.export_count = count;
}

static void judge_exports(inspection *look) {
  static const char entry[] = "tn_plugin_query";
  const char *first = NULL;
  int32_t others = 0;
  for (int32_t i = 0; i < look->report.export_count; i++) {
    if (strcmp(look->exports[i], entry) == 0) continue;
    if (first == NULL) first = look->exports[i];
    others++;
  }
  if (others == look->report.export_count) {
    find_fault(look, true, "it does not export %s%s", entry,
               others == 0 ? ": mark the function TN_PLUGIN_EXPORT" : "");
  }
  if (others > 0) {
    find_fault(look, false,
               "it exports %d symbol%s beside %s, such as %s, which others may run into: compile "
               "with -fvisibility=hidden",
               others, others == 1 ? "" : "s", entry, first);
  }
}

static bool has_export(const library *from, const char *name) {
  const tn__elf_dynamic *dynamic = &from->dynamic;
  for (uint64_t i = 0; from->read && i < dynamic->symbol_count; i++) {
    const Elf64_Sym *symbol = &dynamic->symbols[i];
    if (tn__elf_symbol_is_export(symbol) &&
        strcmp(tn__elf_string(dynamic, symbol->st_name), name) == 0) {
      return true;
    }
  }
  return false;
}

// The C library and the linker are in every process, whoever names them.
static bool is_of_the_system(const void *address) {
  Dl_info info;
  if (dladdr(address, &info) == 0 || info.dli_fname == NULL) return false;
  return strstr(info.dli_fname, "/libc.so") != NULL || strstr(info.dli_fname, "/ld-linux") != NULL;
}

static void judge_symbol(inspection *look, const char *name, int32_t *missing) {
  for (int32_t i = 0; i < look->library_count; i++) {
    if (has_export(look->libraries[i], name)) return;
  }
  const void *here = dlsym(RTLD_DEFAULT, name);
  if (here != NULL && is_of_the_system(here)) return;
  if (strncmp(name, "tn_", 3) == 0) {
    find_fault(look, here == NULL,
               "it refers to %s: a plugin gets everything from the host table, not from libtenon",
               name);
  } else if (here != NULL) {
    find_fault(look, false, "it uses %s and names no library that has it", name);
  } else if (++*missing <= 10) {
    find_fault(look, true, "it uses %s, which no library that it needs has", name);
  }
}

static void judge_symbols(inspection *look, const library *plugin) {
  // What a missing library has cannot be known.
  for (int32_t i = 1; i < look->library_count; i++) {
    if (!look->libraries[i]->read) return;
  }
  int32_t missing = 0;
  for (uint64_t i = 0; i < plugin->dynamic.symbol_count; i++) {
    const Elf64_Sym *symbol = &plugin->dynamic.symbols[i];
    if (!tn__elf_symbol_is_wanted(symbol)) continue;
    judge_symbol(look, tn__elf_string(&plugin->dynamic, symbol->st_name), &missing);
  }
  if (missing > 10) {
    find_fault(look, true, "%d more symbols that it uses are nowhere", missing - 10);
  }
}

static int version_parts(const char *version, int *parts) {
  parts[0] = parts[1] = parts[2] = 0;
  return sscanf(version, "%d.%d.%d", &parts[0], &parts[1], &parts[2]);
}

static bool is_newer(const char *version, const char *than) {
  int a[3], b[3];
  version_parts(version, a);
  version_parts(than, b);
  for (int i = 0; i < 3; i++) {
    if (a[i] != b[i]) return a[i] > b[i];
  }
  return false;
}

static bool judge_version(void *closure, const char *name, const char *version, bool weak) {
  inspection *look = closure;
  int parts[3];
  if (strncmp(version, "GLIBC_", 6) == 0 && version_parts(version + 6, parts) >= 2 &&
      is_newer(version + 6, look->glibc)) {
    snprintf(look->glibc, sizeof look->glibc, "%s", version + 6);
  }
  const library *from = library_named(look, name);
  if (from != NULL && from->read && !tn__elf_defines_version(&from->dynamic, &from->elf, version)) {
    find_fault(look, !weak, "it was built against a newer %s: the one here lacks version %s", name,
               version);
  }
  return true;
}

// ---- the rest ----------------------------------------------------------------------------------

static void judge_search_path(inspection *look, const char *kind, const char *folders) {
  for (const char *at = folders; *at != '\0';) {
    size_t length = strcspn(at, ":");
    bool fixed = at[0] == '/' || strncmp(at, "$ORIGIN", 7) == 0 || strncmp(at, "${ORIGIN}", 9) == 0;
    if (!fixed) {
      find_fault(look, false,
                 "'%.*s' in its %s is relative: what is loaded from there depends on "
                 "the working directory",
                 (int)length, at, kind);
    }
    at += length + (at[length] == ':');
  }
}

static void judge_segments(inspection *look, const tn__elf *elf) {
  look->report.executable_stack = true;  // unless the file says otherwise
  bool writable_code = false;
  for (int32_t i = 0; i < elf->segment_count; i++) {
    const Elf64_Phdr *segment = &elf->segments[i];
    if (segment->p_type == PT_GNU_STACK) {
      look->report.executable_stack = (segment->p_flags & PF_X) != 0;
    }
    bool both = (segment->p_flags & (PF_W | PF_X)) == (PF_W | PF_X);
    writable_code = writable_code || (segment->p_type == PT_LOAD && both);
  }
  if (look->report.executable_stack) {
    find_fault(look, false,
               "it wants an executable stack, which newer systems refuse to load: link with "
               "-Wl,-z,noexecstack");
  }
  if (writable_code) find_fault(look, false, "it has memory that is writable and executable");
}

static void judge_dynamic(inspection *look, const library *plugin) {
  const tn__elf_dynamic *dynamic = &plugin->dynamic;
  bool newer = dynamic->runpath[0] != '\0';
  look->report.search_path = newer ? dynamic->runpath : dynamic->rpath;
  judge_search_path(look, newer ? "RUNPATH" : "RPATH", look->report.search_path);
  if (dynamic->text_relocations) {
    find_fault(look, false, "it has text relocations: compile with -fPIC");
  }
  if (dynamic->static_tls) {
    find_fault(look, false,
               "it uses static thread-local storage, of which a process has little to give to "
               "libraries that come late");
  }
}

static void look_at_file(inspection *look) {
  library *plugin = add_library(look, look->report.path, look->report.path, "");
  if (plugin == NULL) return;
  look->report.word_bits = plugin->elf.word_bits;
  look->report.machine = plugin->elf.machine;
  if (plugin->elf.segment_count == 0) return;  // refused, and said so
  judge_segments(look, &plugin->elf);
  if (!plugin->read) {
    find_fault(look, true, "its dynamic section is missing or malformed");
    return;
  }
  judge_dynamic(look, plugin);
  for (int32_t i = 0; i < look->library_count; i++) add_needs_of(look, look->libraries[i]);
  list_needs(look);
  list_exports(look, plugin);
  if (look->report.name[0] != '\0') judge_exports(look);
  judge_symbols(look, plugin);
  tn__elf_versions_needed(&plugin->dynamic, &plugin->elf, judge_version, look);
}

tn_plugin_report *tn_plugin_inspect(const char *path) {
  inspection *look = tn__calloc(1, sizeof *look);
  if (look == NULL) {
    tn__out_of_memory("a plugin's report", sizeof *look);
    return NULL;
  }
  tn_plugin_report *report = &look->report;
  report->machine = report->search_path = "";
  report->path = keep(look, path == NULL ? "" : path);
  report->host_abi = TN_ABI_VERSION;
  report->host_glibc = gnu_get_libc_version();
  look->searched_path = look->text_count > 0 ? look->texts[0] : NULL;
  if (look->searched_path != NULL) {
    look_at_note(look, report->path);
    look_at_file(look);
  }
  for (int32_t i = 0; i < look->library_count; i++) tn__elf_close(&look->libraries[i]->elf);
  report->glibc = look->glibc;
  report->needs = look->needs;
  report->exports = look->exports;
  report->findings = look->findings;
  report->loads = report->finding_count == 0 || !look->findings[0].fatal;
  if (!look->out_of_memory) return report;
  tn_plugin_report_free(report);
  tn__out_of_memory("a plugin's report", sizeof *look);
  return NULL;
}

void tn_plugin_report_free(tn_plugin_report *report) {
  inspection *look = (inspection *)(void *)report;
  if (look == NULL) return;
  for (int32_t i = 0; i < look->library_count; i++) {
    tn__elf_dynamic_free(&look->libraries[i]->dynamic);
    free(look->libraries[i]);
  }
  for (int32_t i = 0; i < look->text_count; i++) free(look->texts[i]);
  free(look->texts);
  free(look->needs);
  free(look->exports);
  free(look->findings);
  free(look);
}
