// SPDX-License-Identifier: Apache-2.0
//
// inspect: backends looked at from outside: a file without loading it, and loading step by step,
// for tools that must survive what a backend does. `tenon check` and `tenon info` are written with
// it.

#ifndef TENON_INSPECT_H_
#define TENON_INSPECT_H_

#include <tenon/device.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- a file, unloaded --------------------------------------------------------------------------

typedef struct tn_plugin_need {
  const char *name;    // "libm.so.6"
  const char *path;    // where it would be found; "" nowhere
  const char *needer;  // the library that asks for it: the file itself, or one that it needs
} tn_plugin_need;

typedef struct tn_plugin_finding {
  bool fatal;        // it cannot be loaded, or the host refuses it; else a warning
  const char *text;  // one sentence
} tn_plugin_finding;

// What a plugin's file says. Texts are never NULL.
typedef struct tn_plugin_report {
  const char *path;
  bool loads;         // nothing fatal was found; whether its init then succeeds is another question
  int32_t word_bits;  // 32, 64; 0: no ELF file
  const char *machine;  // "x86-64"

  // The note (name "" where there is none): see tn_plugin_facts.
  const char *name, *version, *cpu_features, *threading, *devices, *serves, *operators, *wraps,
      *options;
  uint32_t abi_version, min_host_abi, host_abi;
  const char *cpu_lacks;  // the first of cpu_features that this machine lacks

  // What the dynamic linker sees.
  const char *glibc, *host_glibc;  // the highest version that it asks for, and what there is
  const char *search_path;         // RUNPATH, or RPATH where that alone is set
  bool executable_stack;
  int32_t need_count, export_count, finding_count;
  const tn_plugin_need *needs;        // its own first, then what those need
  const char *const *exports;         // sorted; tn_plugin_query should be the only one
  const tn_plugin_finding *findings;  // what is wrong, the fatal ones first
} tn_plugin_report;

// Looks at the file |path|: what its note says, what it exports and needs, and what is wrong. None
// of it is loaded or run. A file that is no plugin, or none at all, gives a report that says so.
// owns: the report, given up with tn_plugin_report_free | errors: OUT_OF_MEMORY | threads: any
TN_API tn_plugin_report *tn_plugin_inspect(const char *path);
TN_API void tn_plugin_report_free(tn_plugin_report *report);

// ---- loading, step by step ---------------------------------------------------------------------

// The candidates that the search found, nothing opened; tn_backend_at tells of each.
// errors: none (tn_load_report says what is wrong with the search) | threads: any
TN_API int32_t tn_backend_candidate_count(void);

// Opens the i-th candidate alone, if it may be used and has not been opened. TN_OK also where it
// then cannot be used: tn_backend_at says how far it came. errors: OUT_OF_RANGE | threads: any
TN_API tn_status tn_backend_open(int32_t index);

// From now on |visit| is called before each step that runs code of a backend: "dlopen", "query",
// "init", "device count". NULL ends it. threads: one, before the first backend is opened; |visit|
// is called on the thread that opens
TN_API void tn_backend_watch(void (*visit)(void *closure, const char *backend, const char *step),
                             void *closure);

#ifdef __cplusplus
}
#endif

#endif  // TENON_INSPECT_H_
