// SPDX-License-Identifier: Apache-2.0
//
// settings: see settings.h. The program's texts are copied by tn_init and kept until the process
// ends, as are the environment's: a later setenv does not pull a text from under a reader.

#include "settings.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <tenon/error.h>

#include "backend.h"
#include "backend_list.h"
#include "need.h"
#include "process.h"
#include "registry.h"
#include "text.h"
#include "thread.h"
#include "wrap.h"

// ---- what a value must look like ---------------------------------------------------------------

static tn_status bad_value(const char *name, const char *value, const char *wanted) {
  return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){NULL, name, NULL, NULL},
                   "%s=%.200s is not %s", tn__setting_label(name), value, wanted);
}

bool tn__parse_number(const char *text, uint64_t *number) {
  if (text[0] < '0' || text[0] > '9') return false;
  char *end;
  errno = 0;
  *number = strtoull(text, &end, 10);
  return *end == '\0' && errno == 0;
}

static tn_status check_backends(const char *name, const char *value) {
  (void)name;
  tn__backend_list list;
  tn_status status = tn__backend_list_parse(value, &list);
  tn__backend_list_free(&list);
  return status;
}

tn_status tn__path_check(const char *name, const char *value) {
  for (const char *at = value; *at != '\0';) {
    size_t length = strcspn(at, ":");
    if (length > 0 && at[0] != '/') {
      return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){NULL, name, NULL, NULL},
                       "%s: '%.*s' is not an absolute path", tn__setting_label(name),
                       (int)(length > 200 ? 200 : length), at);
    }
    at += length + (at[length] == ':');
  }
  return TN_OK;
}

static tn_status check_fallback(const char *name, const char *value) {
  bool known = strcmp(value, "error") == 0 || strcmp(value, "cpu") == 0;
  return known ? TN_OK : bad_value(name, value, "'error' or 'cpu'");
}

static tn_status check_log(const char *name, const char *value) {
  (void)name;
  return tn__log_check(value);
}

static tn_status check_threads(const char *name, const char *value) {
  uint64_t number;
  bool good = tn__parse_number(value, &number) && number >= 1 && number <= 1024;
  return good ? TN_OK : bad_value(name, value, "a number from 1 to 1024");
}

static tn_status check_seed(const char *name, const char *value) {
  uint64_t number;
  return tn__parse_number(value, &number) ? TN_OK
                                          : bad_value(name, value, "a number from 0 to 2^64 - 1");
}

static tn_status check_deterministic(const char *name, const char *value) {
  bool known = strcmp(value, "0") == 0 || strcmp(value, "1") == 0;
  return known ? TN_OK : bad_value(name, value, "'0' or '1'");
}

// ---- the table ---------------------------------------------------------------------------------

// Whoever reads the setting checks it there.
#define CHECKED_BY_ITS_READER NULL

// X(ID, variable, field of tn_init_options, path-like, check, example, meaning)
#define SETTING_TABLE(X)                                                                       \
  X(BACKENDS, "TENON_BACKENDS", backends, false, check_backends, "mine?,cpu",                  \
    "backends in order of preference: mine,cpu  ^mine  mine?  *  mine=/abs/lib.so")            \
  X(BACKEND_PATH, "TENON_BACKEND_PATH", backend_path, true, tn__path_check, "/opt/vendor/lib", \
    "more folders or files to look for backends in, absolute, separated by ':'")               \
  X(DEVICE, "TENON_DEVICE", device, false, CHECKED_BY_ITS_READER, "mine:1",                    \
    "the default device, where factories put tensors")                                         \
  X(PROVIDER, "TENON_PROVIDER", provider, false, CHECKED_BY_ITS_READER,                        \
    "matmul.f32=mine;conv*=cpu", "which backend serves an operator, by name and dtype")        \
  X(FALLBACK, "TENON_FALLBACK", fallback, false, check_fallback, "cpu",                        \
    "where a device lacks a kernel: 'error', or 'cpu' to copy there and back")                 \
  X(LOG, "TENON_LOG", log, false, check_log, "loader:debug,dispatch:info",                     \
    "what to log to standard error: level, or subsystem:level, of error warning info debug")   \
  X(TRACE, "TENON_TRACE", trace, true, CHECKED_BY_ITS_READER, "out.json",                      \
    "a file to write a trace into")                                                            \
  X(VERIFY, "TENON_VERIFY", verify, false, CHECKED_BY_ITS_READER, "cpu,sample=0.01",           \
    "a backend to run a sample of all calls again on, and compare")                            \
  X(NUM_THREADS, "TENON_NUM_THREADS", num_threads, false, check_threads, "4",                  \
    "threads of the pool")                                                                     \
  X(SEED, "TENON_SEED", seed, false, check_seed, "42",                                         \
    "the seed of generators that the program does not seed")                                   \
  X(DETERMINISTIC, "TENON_DETERMINISTIC", deterministic, false, check_deterministic, "1",      \
    "1: the same bits at any thread count, run after run")

enum {
#define X(id, name, field, path_like, check, example, meaning) ID_##id,
  SETTING_TABLE(X)
#undef X
      SETTING_COUNT
};

typedef struct row {
  const char *name, *label;
  size_t field;  // in tn_init_options
  bool path_like;
  tn_status (*check)(const char *name, const char *value);  // NULL: see above
  const char *example, *meaning;
} row;

static const row table[SETTING_COUNT] = {
#define X(id, name, field, path_like, check, example, meaning) \
  {name, "tn_init's " #field, offsetof(tn_init_options, field), path_like, check, example, meaning},
    SETTING_TABLE(X)
#undef X
};

static char *said[SETTING_COUNT];  // by the program; NULL: nothing, "": unset
static _Atomic bool used;          // what is set no longer changes

static int row_of(const char *name) {
  for (int i = 0; i < SETTING_COUNT; i++) {
    if (strcmp(table[i].name, name) == 0) return i;
  }
  return -1;
}

bool tn__is_secure(void) { return getauxval(AT_SECURE) != 0; }

static const char *environment_value(const char *name, bool path_like) {
  if (path_like && tn__is_secure()) return NULL;
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *value_of(int i) {
  if (said[i] != NULL) return said[i][0] != '\0' ? said[i] : NULL;
  return environment_value(table[i].name, table[i].path_like);
}

const char *tn__environment(const char *name, bool path_like) {
  atomic_store_explicit(&used, true, memory_order_relaxed);
  int i = row_of(name);
  if (i < 0) return environment_value(name, path_like);
  if (said[i] == NULL && path_like) return environment_value(name, true);
  return value_of(i);
}

const char *tn__environment_of_backend(const char *name) {
  if (row_of(name) >= 0) return tn__environment(name, false);
  const char *value = tn__environment(name, false);
  return value != NULL && tn__is_secure() && strchr(value, '/') != NULL ? NULL : value;
}

const char *tn__program_setting(const char *name) {
  int i = row_of(name);
  return i < 0 ? NULL : said[i];
}

const char *tn__setting_label(const char *name) {
  int i = row_of(name);
  return i >= 0 && said[i] != NULL ? table[i].label : name;
}

static tn_status check(int i) {
  const char *value = value_of(i);
  if (value == NULL || table[i].check == NULL) return TN_OK;
  return table[i].check(table[i].name, value);
}

tn_status tn__settings_check(void) {
  tn_status status = TN_OK;
  for (int i = 0; i < SETTING_COUNT && status == TN_OK; i++) {
    if (i != ID_LOG) status = check(i);
  }
  return status;
}

// ---- tn_init -----------------------------------------------------------------------------------

static void forget(void) {
  for (int i = 0; i < SETTING_COUNT; i++) {
    free(said[i]);
    said[i] = NULL;
  }
}

static tn_status take_text(int i, const char *text) {
  if (text == NULL) return TN_OK;
  said[i] = tn__strdup(text);
  return said[i] != NULL ? TN_OK : tn__out_of_memory(table[i].name, strlen(text) + 1);
}

// Copies what |options| say, whatever their size: fields past their end are not said.
static tn_status take(const tn_init_options *options) {
  enum { LONGEST = 4096, UNIT = sizeof(char *) };  // no field is cut in two
  tn_init_options copy = {0};
  size_t size = options->struct_size / UNIT * UNIT;
  if (size < UNIT || size > LONGEST) {
    return tn__error(TN_INVALID_ARGUMENT,
                     &(tn__error_details){NULL, "options", NULL,
                                          "start with {.struct_size = sizeof(tn_init_options)}"},
                     "tn_init: struct_size is %u", options->struct_size);
  }
  memcpy(&copy, options, size < sizeof copy ? size : sizeof copy);
  char number[16] = "";
  snprintf(number, sizeof number, "%d", copy.num_threads);
  tn_status status = TN_OK;
  for (int i = 0; i < SETTING_COUNT && status == TN_OK; i++) {
    const char *text = copy.num_threads != 0 ? number : NULL;
    if (i != ID_NUM_THREADS) memcpy(&text, (const char *)&copy + table[i].field, sizeof text);
    status = take_text(i, text);
  }
  for (int i = 0; i < SETTING_COUNT && status == TN_OK; i++) status = check(i);
  if (status != TN_OK) forget();
  return status;
}

// Now rather than at first use: what is named can be had.
static tn_status check_use(void) {
  tn_status status = check(ID_LOG);
  if (status == TN_OK) status = tn__loader_scan();
  if (status == TN_OK) status = tn__loader_open_named();
  if (status == TN_OK && tn_device_default().type == 0) status = tn__failure();
  if (status == TN_OK) status = tn__wrap_settle();
  return status;
}

tn_status tn_init(const tn_init_options *options) {
  if (tn__gate_load() & TN__GATE_CLOSED) return tn__process_error();
  tn__registry_lock();
  tn__held_error held = tn__error_hold();
  tn_status status = TN_OK;
  if (options != NULL && atomic_load_explicit(&used, memory_order_relaxed)) {
    status = tn__error(TN_WRONG_STATE,
                       &(tn__error_details){NULL, "options", NULL,
                                            "call tn_init before every other call, and once"},
                       "tn_init: settings have been used already");
  } else if (options != NULL) {
    status = take(options);
  }
  if (status == TN_OK) status = check_use();
  tn__error_merge(held);
  tn__registry_unlock();
  return status;
}

// ---- the list of what is set -------------------------------------------------------------------

// A variable that is not in the table: a backend's, or one that nobody reads.
typedef struct extra {
  struct extra *next;
  const char *backend;  // "": nobody's
  char name[64];
  char meaning[192];
} extra;

static extra *announced;  // by backends
static extra *unknown;    // taken by tn_setting_count

static tn_status add_extra(extra **list, const char *backend, const char *name, size_t name_length,
                           const char *meaning, size_t meaning_length) {
  extra *added = tn__calloc(1, sizeof *added);
  if (added == NULL) return tn__out_of_memory("the list of settings", sizeof *added);
  added->backend = backend;
  snprintf(added->name, sizeof added->name, "%.*s", (int)name_length, name);
  snprintf(added->meaning, sizeof added->meaning, "%.*s", (int)meaning_length, meaning);
  while (*list != NULL) list = &(*list)->next;
  *list = added;
  return TN_OK;
}

tn_status tn__settings_add(const char *backend, const char *options) {
  tn_status status = TN_OK;
  for (const char *at = options; *at != '\0' && status == TN_OK;) {
    size_t length = strcspn(at, ";"), name_length = strcspn(at, "=;");
    size_t meaning_at = name_length < length ? name_length + 1 : length;
    if (name_length > 0 && name_length < sizeof announced->name) {
      status =
          add_extra(&announced, backend, at, name_length, at + meaning_at, length - meaning_at);
    }
    at += length + (at[length] == ';');
  }
  return status;
}

void tn__settings_forget(void) {
  while (announced != NULL) {
    extra *next = announced->next;
    free(announced);
    announced = next;
  }
}

static bool is_announced(const char *name) {
  for (const extra *at = announced; at != NULL; at = at->next) {
    if (strcmp(at->name, name) == 0) return true;
  }
  return false;
}

const char *tn__setting_near_match(const char *name) {
  tn__nearest nearest = tn__nearest_to(name);
  for (int i = 0; i < SETTING_COUNT; i++) tn__nearest_offer(&nearest, table[i].name);
  for (const extra *at = announced; at != NULL; at = at->next) {
    tn__nearest_offer(&nearest, at->name);
  }
  return nearest.best;
}

extern char **environ;

void tn__settings_unknown(void (*visit)(void *closure, const char *name), void *closure) {
  static const char prefix[] = "TENON_";
  for (char **at = environ; at != NULL && *at != NULL; at++) {
    if (strncmp(*at, prefix, sizeof prefix - 1) != 0) continue;
    char name[64];
    size_t length = strcspn(*at, "=");
    if (length >= sizeof name) continue;
    memcpy(name, *at, length);
    name[length] = '\0';
    if (row_of(name) < 0 && !is_announced(name)) visit(closure, name);
  }
}

static void take_unknown(void *closure, const char *name) {
  (void)closure;
  const char *near = tn__setting_near_match(name);
  char meaning[192];
  snprintf(meaning, sizeof meaning, "nobody reads it%s%s%s", near[0] ? "; did you mean " : "", near,
           near[0] ? "?" : "");
  add_extra(&unknown, "", name, strlen(name), meaning, strlen(meaning));
}

static int32_t length_of(const extra *list) {
  int32_t count = 0;
  for (; list != NULL; list = list->next) count++;
  return count;
}

int32_t tn_setting_count(void) {
  tn__registry_lock();
  tn__held_error held = tn__error_hold();
  tn__loader_scan();
  while (unknown != NULL) {
    extra *next = unknown->next;
    free(unknown);
    unknown = next;
  }
  tn__settings_unknown(take_unknown, NULL);
  tn__error_restore(held);
  int32_t count = SETTING_COUNT + length_of(announced) + length_of(unknown);
  tn__registry_unlock();
  return count;
}

static const char *source_of(const char *name, const char *value, bool by_program) {
  if (by_program) return "tn_init";
  if (value != NULL) return "environment";
  const char *set = getenv(name);
  return set != NULL && set[0] != '\0' ? "ignored: set-uid process" : "";
}

static bool extra_at(const extra *list, int32_t index, bool known, tn_setting *setting) {
  for (; list != NULL && index > 0; list = list->next) index--;
  if (list == NULL) return false;
  bool path_like = getenv(list->name) != NULL && strchr(getenv(list->name), '/') != NULL;
  const char *value = environment_value(list->name, path_like);
  *setting =
      (tn_setting){list->name,    value, source_of(list->name, value, false), list->meaning, "",
                   list->backend, known};
  return true;
}

tn_status tn_setting_at(int32_t index, tn_setting *setting) {
  tn__registry_lock();
  tn_status status = TN_OK;
  int32_t more = index - SETTING_COUNT, backends = length_of(announced);
  if (index >= 0 && index < SETTING_COUNT) {
    const char *value = value_of(index), *name = table[index].name;
    *setting = (tn_setting){name,
                            value,
                            source_of(name, value, said[index] != NULL),
                            table[index].meaning,
                            table[index].example,
                            "",
                            true};
  } else if (index < 0 || !(more < backends ? extra_at(announced, more, true, setting)
                                            : extra_at(unknown, more - backends, false, setting))) {
    status = tn__error(TN_OUT_OF_RANGE, NULL, "tn_setting_at: there is no setting %d", index);
  }
  tn__registry_unlock();
  return status;
}
