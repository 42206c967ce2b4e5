// SPDX-License-Identifier: Apache-2.0
//
// backend: a backend on its way from a file on disk to registered kernels. Each candidate file has
// one record; the stage says how far it came and the reason why no further. Records never go
// away, since kernels and errors refer to them.

#ifndef TENON_CORE_BACKEND_H_
#define TENON_CORE_BACKEND_H_

#include <tenon/plugin.h>

#include "device_type.h"

// X(NAME, text, what to do when it refuses): the stages in order. A record that failed keeps the
// stage that refused it.
#define TN__STAGE_TABLE(X)                                                               \
  X(FOUND, "found", "give the path of a shared library that was built for this machine") \
  X(NOTE, "note", "`tenon check FILE` says what the file holds")                         \
  X(ABI, "ABI", "build the backend again with the headers of this version of Tenon")     \
  X(CPU, "CPU", "take a build of the backend for a plainer processor")                   \
  X(DLOPEN, "dlopen", "`tenon check FILE` says which libraries and symbols it lacks")    \
  X(INIT, "init", "the reason is the backend's own; TENON_LOG=debug may show more")      \
  X(NO_DEVICE, "no device", "see to the device or its driver, or leave the backend out") \
  X(READY, "ready", "")

typedef enum tn__stage {
#define X(name, text, advice) TN__STAGE_##name,
  TN__STAGE_TABLE(X)
#undef X
} tn__stage;

// X(NAME, what a row is, what several are): rows that are no failure and that the
// author may want to know of: the first two kinds are left out.
#define TN__ROW_TABLE(X)                                                             \
  X(UNKNOWN, "names an operator that this host does not know",                       \
    "name operators that this host does not know")                                   \
  X(FORM, "names a form of an operator that runs as another and is never asked for", \
    "name forms of operators that run as others and are never asked for")            \
  X(NEWER, "was built with newer attributes of its operator than this host has",     \
    "were built with newer attributes of their operators than this host has")

typedef enum tn__row_kind {
#define X(name, one, several) TN__ROW_##name,
  TN__ROW_TABLE(X)
#undef X
      TN__ROW_COUNT
} tn__row_kind;

struct tn__backend {
  tn_plugin_facts facts;  // from the note; name also from "name=/path" or the file's name
  char *path;
  uint64_t file_device, file_inode;
  tn__stage stage;
  bool failed;    // |stage| refused it
  bool opened;    // an attempt was made
  int32_t order;  // place in the user's list; -1: not allowed
  bool named;     // the user named it (and not as optional): failing is an error
  bool ruled;     // TENON_PROVIDER names it: the same
  char reason[512];
  void *library;
  tn_plugin_desc desc;  // a copy, zero where the plugin's was shorter
  int32_t kernel_count;
  struct {
    int32_t count;
    char first[64];  // the operator of the first of them
  } odd_rows[TN__ROW_COUNT];
  char remark[768];  // what there is to say of one that is taken: rows left out, devices cut
  struct tn__backend *next;
};
typedef struct tn__backend tn__backend;

const char *tn__stage_name(tn__stage stage);

// How far a candidate came, in words for people: "ready", "not listed", "found, not opened yet".
const char *tn__backend_state(const tn__backend *backend);

// What a user can do about a backend that cannot be used; "" where nothing is to be done.
const char *tn__backend_advice(const tn__backend *backend);

// Fails |backend| at |stage| with a reason (printf format); always TN_UNAVAILABLE.
tn_status tn__backend_fail(tn__backend *backend, tn__stage stage, const char *format, ...)
    TN_PRINTF(3, 4);

// Adds what a user should know of a backend that is taken all the same (printf format).
void tn__backend_remark(tn__backend *backend, const char *format, ...) TN_PRINTF(2, 3);

// Reads the facts of the library at backend->path from its ELF note, without loading it. Fails the
// record at FOUND, NOTE, ABI or CPU.
tn_status tn__note_read(tn__backend *backend);

// NULL where this machine has every feature of the comma-separated list, else the first that it
// lacks (a static or caller-visible text in |buffer|).
const char *tn__cpu_lacks(const char *features, char *buffer, size_t buffer_size);

// Tells whoever watches that code of |backend| is about to run, see tn_backend_watch.
void tn__backend_step(const tn__backend *backend, const char *step);

// Loads and initialises a record that passed its note. Where the host runs out of memory nothing is
// kept, and the next need tries again. Registry locked. errors: OUT_OF_MEMORY is recorded;
// UNAVAILABLE stands in the record
tn_status tn__backend_open(tn__backend *backend);

// Passes on the status of a service that a plugin's init used: where the host ran out of memory,
// the failure of init is not held against the plugin. Registry locked.
tn_status tn__backend_shortage(tn_status status);

// The table that backends are handed.
extern const tn_host_api tn__host_api;

// ---- the search (loader.c). Registry locked for all of these.
// Reads the environment and finds the candidates, once. errors: a named backend that nobody finds
tn_status tn__loader_scan(void);
tn__backend *tn__loader_first(void);
// The allowed backend that owns device type |name| and that is listed first, of those that can
// still be used; NULL where there is none.
tn__backend *tn__loader_device_owner(const char *name, size_t length);
// Records that |backend|, which must be usable, is not; UNAVAILABLE.
tn_status tn__loader_unusable(const tn__backend *backend);
// Writes the name of the device that the first listed backend with one gives; false: the cpu's.
bool tn__loader_default_device(char *name, size_t size);
// Where the search looked, for the report: "/opt/lib, /usr/lib"; NULL: nowhere.
const char *tn__loader_searched(void);
// Whether TENON_BACKENDS names |name| as one that may be missing.
bool tn__loader_is_optional(const char *name);
// The report: one line a candidate; malloc'ed, NULL when memory is out.
char *tn__loader_report(void);
// Records |status| with the story |format| and the load report as its end.
tn_status tn__loader_error(tn_status status, const char *hint, const char *format, ...)
    TN_PRINTF(3, 4);

// Whether the comma-separated |list| has |item|.
bool tn__list_has(const char *list, const char *item, size_t item_length);

// The nearest of the known backend and device names to |name|, "" when none is near.
const char *tn__loader_near_match(const char *name);

// The process's pool, as a backend offered it; calls run on the caller until then.
extern _Atomic(const tn_workers *) tn__workers;

#endif  // TENON_CORE_BACKEND_H_
