// SPDX-License-Identifier: Apache-2.0
//
// init: what the environment says, said by the program, and the end of it all. A program need not
// call tn_init: settings are read at the first use of what they are about. What is set here beats
// the environment, which beats the defaults.

#ifndef TENON_INIT_H_
#define TENON_INIT_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Every text is as in the variable of the same name (TENON_BACKENDS and so on); NULL leaves it to
// the environment, "" means unset whatever the environment says. Copied by tn_init. Grows only at
// its end; set struct_size.
typedef struct tn_init_options {
  uint32_t struct_size;
  int32_t num_threads;        // TENON_NUM_THREADS; 0: not said
  const char *backends;       // "onednn,cpu"
  const char *backend_path;   // folders and files, absolute, searched before the variable's
  const char *device;         // "cuda:1"
  const char *provider;       // "matmul.f32=onednn;conv*=onednn"
  const char *fallback;       // "error" or "cpu"
  const char *log;            // "loader:debug,dispatch:info"
  const char *trace;          // a file to write a trace into
  const char *verify;         // "cpu,sample=0.01"
  const char *seed;           // "42"
  const char *deterministic;  // "0" or "1"
} tn_init_options;

// Sets what |options| say and checks all settings now rather than at first use: every value can be
// understood, backends are searched, those that are named are opened, and the default device must
// be there. NULL: only checks, at any time. After INVALID_ARGUMENT for a value nothing is set, and
// tn_init may be called again.
// errors: WRONG_STATE once a setting has been used (a call has run), INVALID_ARGUMENT, and those of
// the settings | threads: one, before all other calls
TN_API tn_status tn_init(const tn_init_options *options);

// Finishes work, writes out traces, empties caches. Later calls fail with WRONG_STATE; releasing
// stays legal.
// errors: none | threads: one, when no other computes
TN_API void tn_shutdown(void);

// ---- what is set -------------------------------------------------------------------------------

// One variable that Tenon reads. Texts are never NULL, except |value|.
typedef struct tn_setting {
  const char *name;     // "TENON_BACKENDS"
  const char *value;    // what holds; NULL where it is unset
  const char *source;   // "tn_init", "environment", "ignored: set-uid process"; "" where unset
  const char *meaning;  // one line; of an unknown variable, which known one it may be meant for
  const char *example;  // "" for a backend's
  const char *backend;  // the backend that reads it; "" for those of Tenon itself
  bool known;           // false: set in the environment, named TENON_..., and nobody reads it
} tn_setting;

// How many settings there are, and the i-th: Tenon's own, then those that backends announce (they
// are searched for that, and not opened), then variables TENON_... that nobody reads. Count first:
// that is what takes the list.
// owns: borrowed texts, until the next count | errors: OUT_OF_RANGE | threads: any
TN_API int32_t tn_setting_count(void);
TN_API tn_status tn_setting_at(int32_t index, tn_setting *setting);

// ---- what did not run where it was asked to ----------------------------------------------------

// How often an operator ran on the cpu in place of its own device, by TENON_FALLBACK=cpu.
// errors: none | threads: any
TN_API int64_t tn_fallback_count(void);

// The same by operator, dtype and device, with the bytes that were copied; "" where there was none.
// The same text is printed at shutdown where the environment or tn_init gave the permission.
// owns: the text, released with free() | errors: OUT_OF_MEMORY | threads: any
TN_API char *tn_fallback_report(void);

#ifdef __cplusplus
}
#endif

#endif  // TENON_INIT_H_
