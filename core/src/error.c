// SPDX-License-Identifier: Apache-2.0
//
// error: the recorded error of each thread. The first failure is kept until it is taken; later ones
// are only counted, so that the end of an expression shows the first cause. Recording must work
// when memory is out: the record then falls back to a fixed text.

#include <tenon/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "thread.h"

enum { MESSAGE_BYTES = 4096, NAME_BYTES = 96, HINT_BYTES = 1024 };

struct tn__error_record {
  tn_error error;
  char message[MESSAGE_BYTES];
  char op[NAME_BYTES];
  char argument[NAME_BYTES];
  char backend[NAME_BYTES];
  char hint[HINT_BYTES];
};

// What a thread without a record of its own shows: only memory can have run out so far.
static const tn_error no_memory_for_record = {
    TN_OUT_OF_MEMORY, "out of memory while an error was being recorded", "", "", "", ""};

const char *tn_status_name(tn_status status) {
  switch (status) {
#define X(name, value, text) \
  case TN_##name:            \
    return text;
    TN_STATUS_TABLE(X)
#undef X
    default:
      return "unknown status";
  }
}

static void copy_text(char *to, size_t size, const char *from) {
  snprintf(to, size, "%s", from == NULL ? "" : from);
}

static tn_status record(tn_status status, const tn__error_details *details, const char *format,
                        va_list arguments) {
  tn__thread *thread = &tn__tls;
  thread->newest_is_kept = !thread->has_error;
  if (thread->has_error) return status;
  thread->has_error = true;
  if (thread->error == NULL) {
    tn__thread_attach(thread);
    thread->error = tn__malloc(sizeof *thread->error);
  }
  tn__error_record *record = thread->error;
  if (record == NULL) return status;
  vsnprintf(record->message, sizeof record->message, format, arguments);
  static const tn__error_details unknown = {NULL, NULL, NULL, NULL};
  if (details == NULL) details = &unknown;
  copy_text(record->op, sizeof record->op, details->op);
  copy_text(record->argument, sizeof record->argument, details->argument);
  copy_text(record->backend, sizeof record->backend, details->backend);
  copy_text(record->hint, sizeof record->hint, details->hint);
  record->error = (tn_error){status,           record->message, record->op,
                             record->argument, record->backend, record->hint};
  return status;
}

tn_status tn__error(tn_status status, const tn__error_details *details, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  record(status, details, format, arguments);
  va_end(arguments);
  return status;
}

tn_status tn_error_set(tn_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  record(status == TN_OK ? TN_INTERNAL : status, NULL, format, arguments);
  va_end(arguments);
  return status == TN_OK ? TN_INTERNAL : status;
}

tn_status tn__out_of_memory(const char *what, uint64_t size_bytes) {
  return tn__error(TN_OUT_OF_MEMORY, NULL, "out of memory: %s needs %llu bytes", what,
                   (unsigned long long)size_bytes);
}

static void null_argument(const char *call, const char *argument, const char *hint) {
  if (tn__tls.has_error) return;
  tn__error_details details = {call, argument, NULL, hint};
  tn__error(TN_INVALID_ARGUMENT, &details,
            "%s: argument '%s' is NULL, and no earlier call on this thread has failed", call,
            argument);
}

void tn__null_operand(const char *op, const char *argument) {
  null_argument(op, argument, "use TN_NONE for an operand that is not given");
}

void tn__null_argument(const char *call, const char *argument) {
  null_argument(call, argument, "");
}

void tn__error_note(const char *format, ...) {
  tn__thread *thread = &tn__tls;
  if (!thread->has_error || thread->error == NULL) return;
  size_t length = strlen(thread->error->message);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(thread->error->message + length, sizeof thread->error->message - length, format,
            arguments);
  va_end(arguments);
}

void tn__error_name_op(const char *op) {
  tn__thread *thread = &tn__tls;
  tn__error_record *record = thread->error;
  if (!thread->newest_is_kept || record == NULL || record->op[0] != '\0') return;
  copy_text(record->op, sizeof record->op, op);
  size_t prefix = strlen(op) + 2, length = strlen(record->message);
  if (prefix + length >= sizeof record->message) return;
  memmove(record->message + prefix, record->message, length + 1);
  memcpy(record->message, op, prefix - 2);
  memcpy(record->message + prefix - 2, ": ", 2);
}

tn__held_error tn__error_hold(void) {
  tn__thread *thread = &tn__tls;
  tn__held_error held = {thread->error, thread->has_error};
  thread->error = NULL;
  thread->has_error = false;
  return held;
}

void tn__error_restore(tn__held_error held) {
  tn__thread *thread = &tn__tls;
  if (held.record == NULL) {
    thread->has_error = held.has_error;
    return;
  }
  free(thread->error);
  thread->error = held.record;
  thread->has_error = held.has_error;
}

void tn__error_merge(tn__held_error held) {
  if (held.has_error || tn_ok()) {
    tn__error_restore(held);
  } else {
    free(held.record);
  }
}

tn_status tn__failure(void) { return tn_ok() ? TN_INTERNAL : tn_error_peek()->status; }

bool tn_ok(void) { return !tn__tls.has_error; }

const tn_error *tn_error_peek(void) {
  tn__thread *thread = &tn__tls;
  if (!thread->has_error) return NULL;
  return thread->error == NULL ? &no_memory_for_record : &thread->error->error;
}

tn_status tn_error_clear(void) {
  const tn_error *error = tn_error_peek();
  tn_status status = error == NULL ? TN_OK : error->status;
  tn__tls.has_error = false;
  return status;
}

void tn_error_print(FILE *file) {
  const tn_error *error = tn_error_peek();
  if (error == NULL) return;
  fprintf(file, "error (%s): %s\n", tn_status_name(error->status), error->message);
  if (error->hint[0] != '\0') fprintf(file, "  hint: %s\n", error->hint);
  tn_error_clear();
}
