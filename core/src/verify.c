// SPDX-License-Identifier: Apache-2.0
//
// verify: see verify.h. Which calls are sampled is decided by hashing the operator's name and the
// number of its calls so far, so that a run with the same calls checks the same ones; an operator's
// first call is always checked.

#include "verify.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/error.h>
#include <tenon/verify.h>
#include <unistd.h>

#include "backend.h"
#include "log.h"
#include "process.h"
#include "settings.h"
#include "text.h"

enum { LONGEST_STORY = 512 };

// What the first difference of an operator was; kept for the report.
typedef struct finding {
  struct finding *next;
  const tn_op *op;
  char story[LONGEST_STORY];
} finding;

static struct {
  bool wanted;
  char provider[32];
  double sample, rtol;
  bool fatal;
  char operators[512];
  char folder[PATH_MAX];    // "": nothing is saved
  _Atomic uint64_t *calls;  // [op id]
  _Atomic uint64_t checked, differing, skipped;
  pthread_mutex_t mutex;  // guards what follows, and the writing of files
  finding *findings;
  finding **last;
  int count;
  bool reported;
} verify = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void count_one(_Atomic uint64_t *counter) {
  atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

// ---- which calls -------------------------------------------------------------------------------

// Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators": the finisher.
static uint64_t mix(uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
  return bits ^ (bits >> 31);
}

static uint64_t hash_of(const char *name) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; *name != '\0'; name++) hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
  return hash;
}

static bool is_sampled(const tn_op *op) {
  uint64_t number = atomic_fetch_add_explicit(&verify.calls[op->id], 1, memory_order_relaxed);
  if (number == 0 || verify.sample >= 1) return true;
  uint64_t bits = mix(hash_of(op->name) + number * UINT64_C(0x9e3779b97f4a7c15));
  return (double)(bits >> 11) * 0x1p-53 < verify.sample;
}

// ---- operands as they were ---------------------------------------------------------------------

// Copies of the operands that the call writes over, raw, on their device; NULL for the others.
static tn_status keep_overwritten(const tn__call *call, tn_tensor **kept) {
  for (int32_t i = 0; call->given != NULL && i < call->input_count; i++) {
    tn_tensor *input = call->inputs[i];
    if (input == NULL || tn__is_none(input) || input->storage == NULL) continue;
    for (int32_t k = 0; k < call->output_count && kept[i] == NULL; k++) {
      if (call->given[k]->storage != input->storage) continue;
      kept[i] = tn__cast_raw(input, (tn_dtype)input->dtype);
      if (kept[i] == NULL) return tn__failure();
    }
  }
  return TN_OK;
}

// |tensor| as contiguous memory of the cpu, where it is not. Given, as any call's result.
static tn_tensor *on_cpu(tn_tensor *tensor, bool contiguous) {
  if (tn__is_none(tensor) || tensor->storage == NULL) return tensor;
  bool there = tensor->device.type == TN__DEVICE_TYPE_CPU;
  if (there && (!contiguous || tn__is_contiguous(tensor))) return tensor;
  return tn__to_copy(tensor, TN_DEVICE_CPU, (tn_dtype)tensor->dtype, false);
}

static bool move_all(tn_tensor *const *from, int32_t count, tn_tensor **to) {
  for (int32_t i = 0; i < count; i++) {
    to[i] = on_cpu(from[i], true);
    if (to[i] == NULL) return false;
  }
  return true;
}

// ---- one check ---------------------------------------------------------------------------------

enum { MOST_ATTRS = 512 };

// Results and places of one call that is run again.
typedef struct shadow {
  tn__call call;
  _Alignas(16) char attrs[MOST_ATTRS];
} shadow;

// The call's attributes; what they say of a device is the cpu.
static bool copy_attrs(const tn__call *call, char *attrs) {
  const tn_op *op = call->op;
  if (op->attrs_size > MOST_ATTRS) return false;
  if (op->attrs_size > 0) memcpy(attrs, call->attrs, op->attrs_size);
  op = &tn__op_table[op->run_id];
  for (int32_t i = 0; i < op->arg_count; i++) {
    if (op->args[i].kind != TN__ARG_DEVICE) continue;
    *(tn_device *)(void *)(attrs + op->args[i].attr_offset) = TN_DEVICE_CPU;
  }
  return true;
}

static void note_finding(const tn__divergence *divergence, const char *story) {
  pthread_mutex_lock(&verify.mutex);
  const tn_op *op = divergence->call->op;
  finding *known = verify.findings;
  while (known != NULL && known->op != op) known = known->next;
  finding *added = known == NULL ? tn__calloc(1, sizeof *added) : NULL;
  if (added != NULL) {
    added->op = op;
    snprintf(added->story, sizeof added->story, "%s", story);
    *(verify.last == NULL ? &verify.findings : verify.last) = added;
    verify.last = &added->next;
    verify.count++;
    bool saved = verify.folder[0] == '\0' ||
                 tn__divergence_save(divergence, verify.folder, verify.count, story);
    if (!saved) {
      tn__log(TN__LOG_ERROR, "verify", "%s: what differs cannot be saved in %s", op->name,
              verify.folder);
    }
  }
  pthread_mutex_unlock(&verify.mutex);
}

// Compares what |call| gave with what |again| gave. False where memory is out.
static bool compare(const tn__call *call, const tn__call *again, tn_tensor *const *operands,
                    char *story) {
  tn_tensor *ours[TN__MAX_RESULTS], *theirs[TN__MAX_RESULTS];
  if (!move_all(call->outs, call->output_count, ours) ||
      !move_all(again->outs, again->output_count, theirs)) {
    return false;
  }
  tn__tolerance tolerance = tn__tolerance_of(call, operands, verify.rtol);
  tn__divergence divergence = {.call = call,
                               .attrs = call->attrs,
                               .other = verify.provider,
                               .operands = operands,
                               .ours = ours,
                               .theirs = theirs,
                               .result_count = call->output_count};
  for (int32_t k = 0; k < call->output_count; k++) {
    tn__compare(ours[k], theirs[k], k, tolerance, &divergence.difference);
  }
  count_one(&verify.checked);
  if (!divergence.difference.found) return true;
  count_one(&verify.differing);
  tn__divergence_story(&divergence, story, LONGEST_STORY);
  tn__log(TN__LOG_WARNING, "verify", "%s by %s: %s", call->op->name, tn__call_provider(call),
          story);
  note_finding(&divergence, story);
  return true;
}

// Runs |call| again and compares; false where that could not be done. |operands| has room for the
// call's operands; |kept| are those that it has written over.
static bool check(const tn__call *call, tn_tensor *const *kept, tn_tensor **operands, char *story) {
  shadow *again = tn__malloc(sizeof *again);
  if (again == NULL || !copy_attrs(call, again->attrs)) {
    free(again);
    return false;
  }
  bool done = true;
  for (int32_t i = 0; done && i < call->input_count; i++) {
    operands[i] = on_cpu(kept[i] != NULL ? kept[i] : call->inputs[i], true);
    done = operands[i] != NULL;
  }
  if (done) {
    tn__call_init(&again->call, call->op, operands, call->input_count, again->attrs);
    done = tn__call_run_by(&again->call, verify.provider) == TN_OK;
    done = done && compare(call, &again->call, operands, story);
    tn__call_drop_outs(&again->call);
    tn__call_end(&again->call);
  }
  free(again);
  return done;
}

// Whether there is anything to check: a kernel ran, and not the one to compare with.
static bool is_checkable(const tn__call *call) {
  const char *provider = tn__call_provider(call);
  if (provider == NULL || call->op->returns_list) return false;
  bool cpu = call->device.type == TN__DEVICE_TYPE_CPU;
  return !(cpu && strcmp(provider, verify.provider) == 0);
}

// |room|: for the operands that were kept, then for all operands.
static tn_status verify_after(tn_wrapped_call *frame, tn_tensor **room) {
  tn__call *call = frame->call;
  char story[LONGEST_STORY] = "";
  tn__held_error held = tn__error_hold();
  bool before = call->thread->grad_disabled;
  call->thread->grad_disabled = true;
  frame->muted = true;
  tn_scope *scope = tn_scope_open();
  bool done = scope != NULL && check(call, room, room + call->input_count, story);
  if (scope != NULL) tn_scope_close(scope);
  frame->muted = false;
  call->thread->grad_disabled = before;
  if (!done) count_one(&verify.skipped);
  tn__error_restore(held);
  if (story[0] == '\0' || !verify.fatal) return TN_OK;
  char message[LONGEST_STORY + 32];
  snprintf(message, sizeof message, "TENON_VERIFY: %s", story);
  return tn__call_error_of(call, TN_INTERNAL, tn__call_provider(call), message);
}

static tn_status verify_call(void *self, const tn_wrap_api *api, tn_wrapped_call *frame) {
  (void)self;
  tn__call *call = frame->call;
  if (!is_sampled(call->op)) return api->next(frame);
  tn_tensor **room = tn__calloc(2 * (size_t)call->input_count + 1, sizeof *room);
  tn__held_error held = tn__error_hold();
  frame->muted = true;
  bool ready = room != NULL && keep_overwritten(call, room) == TN_OK;
  frame->muted = false;
  tn__error_restore(held);
  tn_status status = api->next(frame);
  if (status == TN_OK && !ready) count_one(&verify.skipped);
  if (status == TN_OK && ready && is_checkable(call)) status = verify_after(frame, room);
  for (int32_t i = 0; room != NULL && i < call->input_count; i++) {
    if (room[i] != NULL) tn__release_raw(room[i]);
  }
  free(room);
  return status;
}

// ---- the setting -------------------------------------------------------------------------------

static tn_status bad_setting(const char *entry, size_t length, const char *wanted) {
  return tn__error(
      TN_INVALID_ARGUMENT,
      &(tn__error_details){NULL, "TENON_VERIFY", NULL,
                           "write cpu,sample=0.01 and, as wanted, ops=GLOB, rtol=1e-3, "
                           "dir=/abs, fatal"},
      "%s: '%.*s' %s", tn__setting_label("TENON_VERIFY"), (int)(length < 200 ? length : 200), entry,
      wanted);
}

// Whether |entry| is "name=..."; *value is what stands behind.
static bool is_entry(const char *entry, size_t length, const char *name, const char **value) {
  size_t name_length = strlen(name);
  *value = entry + name_length + 1;
  return length > name_length && memcmp(entry, name, name_length) == 0 && entry[name_length] == '=';
}

static bool parse_double(const char *text, size_t length, double *number) {
  char copy[64], *end;
  snprintf(copy, sizeof copy, "%.*s", (int)length, text);
  *number = strtod(copy, &end);
  return length > 0 && length < sizeof copy && *end == '\0' && *number > 0 && isfinite(*number);
}

static tn_status add_globs(const char *globs, size_t length) {
  size_t used = strlen(verify.operators);
  if (used + length + 2 > sizeof verify.operators) return TN_OUT_OF_RANGE;
  snprintf(verify.operators + used, sizeof verify.operators - used, "%s%.*s", used > 0 ? "," : "",
           (int)length, globs);
  return TN_OK;
}

static tn_status parse_entry(const char *entry, size_t length) {
  const char *value;
  if (is_entry(entry, length, "sample", &value)) {
    bool good = parse_double(value, length - 7, &verify.sample) && verify.sample <= 1;
    return good ? TN_OK : bad_setting(entry, length, "is no share of calls, above 0 and up to 1");
  }
  if (is_entry(entry, length, "rtol", &value)) {
    bool good = parse_double(value, length - 5, &verify.rtol);
    return good ? TN_OK : bad_setting(entry, length, "is no relative difference above 0");
  }
  if (is_entry(entry, length, "ops", &value)) {
    bool good = length > 4 && add_globs(value, length - 4) == TN_OK;
    return good ? TN_OK : bad_setting(entry, length, "names no operators, or too many");
  }
  if (is_entry(entry, length, "dir", &value)) {
    if (length - 4 >= sizeof verify.folder || value[0] != '/') {
      return bad_setting(entry, length, "is not an absolute path");
    }
    snprintf(verify.folder, sizeof verify.folder, "%.*s", (int)(length - 4), value);
    return TN_OK;
  }
  if (length == 5 && memcmp(entry, "fatal", 5) == 0) {
    verify.fatal = true;
    return TN_OK;
  }
  return bad_setting(entry, length, "is not understood");
}

static tn_status parse(const char *text) {
  size_t length = strcspn(text, ",");
  if (length == 0 || length >= sizeof verify.provider || memchr(text, '=', length) != NULL) {
    return bad_setting(text, length, "is no backend's name, which comes first");
  }
  snprintf(verify.provider, sizeof verify.provider, "%.*s", (int)length, text);
  verify.sample = 1;
  tn_status status = TN_OK;
  for (text += length; status == TN_OK && *text == ',';) {
    text++;
    length = strcspn(text, ",");
    status = parse_entry(text, length);
    text += length;
  }
  if (verify.operators[0] == '\0') snprintf(verify.operators, sizeof verify.operators, "*");
  if (verify.folder[0] == '\0') {
    snprintf(verify.folder, sizeof verify.folder, "tenon-verify-%d", (int)getpid());
  }
  if (tn__is_secure()) verify.folder[0] = '\0';  // no files in the name of another user
  return status;
}

static tn_status check_provider(void) {
  bool found = tn__loader_first() == NULL;  // the list of backends is an error of its own
  for (const tn__backend *at = tn__loader_first(); at != NULL && !found; at = at->next) {
    found = strcmp(at->facts.name, verify.provider) == 0;
  }
  if (found) return TN_OK;
  const char *near = tn__loader_near_match(verify.provider);
  return tn__loader_error(TN_NOT_FOUND, "", "%s names '%s', and no such backend was found%s%s%s",
                          tn__setting_label("TENON_VERIFY"), verify.provider,
                          near[0] ? "; did you mean '" : "", near, near[0] ? "'?" : "");
}

tn_status tn__verify_open(void) {
  const char *text = tn__environment("TENON_VERIFY", false);
  if (text == NULL) return TN_OK;
  tn_status status = parse(text);
  if (status == TN_OK) status = check_provider();
  if (status != TN_OK) return status;
  verify.calls = tn__calloc((size_t)tn__op_table_count, sizeof *verify.calls);
  if (verify.calls == NULL) return tn__out_of_memory("the checker's counters", 0);
  const tn_wrapper wrapper = {.struct_size = sizeof wrapper,
                              .rank = INT32_MIN,
                              .name = "verify",
                              .operators = verify.operators,
                              .call = verify_call};
  tn__wrap_table *table = tn__wrap_table_with(&wrapper, 1, "tenon");
  if (table == NULL) return TN_OUT_OF_MEMORY;
  verify.wanted = true;
  tn__wrap_publish(table);
  return TN_OK;
}

// ---- answers -----------------------------------------------------------------------------------

tn_status tn_verify_count(tn_verify_counts *counts) {
  if (counts == NULL || counts->struct_size == 0) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, "tn_verify_count: struct_size is not set");
  }
  tn_verify_counts known = {
      .struct_size = counts->struct_size,
      .checked = atomic_load_explicit(&verify.checked, memory_order_relaxed),
      .differing = atomic_load_explicit(&verify.differing, memory_order_relaxed),
      .skipped = atomic_load_explicit(&verify.skipped, memory_order_relaxed)};
  memcpy(counts, &known, counts->struct_size < sizeof known ? counts->struct_size : sizeof known);
  return TN_OK;
}

static void append_report(tn__text *text) {
  tn_verify_counts counts = {.struct_size = sizeof counts};
  tn_verify_count(&counts);
  tn__text_append(text,
                  "%llu calls were run again with '%s': %llu differ, %llu could not be checked",
                  (unsigned long long)counts.checked, verify.provider,
                  (unsigned long long)counts.differing, (unsigned long long)counts.skipped);
  if (verify.findings != NULL && verify.folder[0] != '\0') {
    tn__text_append(text, "; see %s", verify.folder);
  }
  for (const finding *at = verify.findings; at != NULL; at = at->next) {
    tn__text_append(text, "\n  %s: %s", at->op->name, at->story);
  }
}

char *tn_verify_report(void) {
  tn__text text = {NULL, 0, 0};
  pthread_mutex_lock(&verify.mutex);
  if (verify.wanted) append_report(&text);
  pthread_mutex_unlock(&verify.mutex);
  if (text.data == NULL && !verify.wanted) text.data = tn__strdup("");
  if (text.data == NULL) tn__out_of_memory("the checker's report", 0);
  return text.data;
}

void tn__verify_finish(void) {
  if (!verify.wanted || verify.reported || (tn__gate_load() & TN__GATE_FORKED)) return;
  verify.reported = true;
  char *report = tn_verify_report();
  if (report != NULL) fprintf(stderr, "tenon verify: %s\n", report);
  free(report);
}

__attribute__((destructor)) static void verify_end(void) { tn__verify_finish(); }
