// SPDX-License-Identifier: Apache-2.0
//
// trace_text: records of a trace as JSON events of the "Trace Event Format". Written by hand rather
// than with printf, which would take longer than the calls that are described. Every event starts
// with ",\n": the first line of the file is an event of its own.

#include <string.h>
#include <tenon/device.h>

#include "trace.h"

// ---- pieces ------------------------------------------------------------------------------------

static char *put(char *at, const char *text) { return stpcpy(at, text); }

static char *put_number(char *at, uint64_t number) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count > 0) *at++ = digits[--count];
  return at;
}

// Nanoseconds as microseconds, "12.345".
static char *put_time(char *at, uint64_t ns) {
  at = put_number(at, ns / 1000);
  *at++ = '.';
  for (uint64_t unit = 100; unit > 0; unit /= 10) *at++ = (char)('0' + ns / unit % 10);
  return at;
}

// At most |length| bytes of |text| inside of quotes. What is not ASCII might be no UTF-8 and is
// written as a question mark.
static char *put_quoted(char *at, const char *text, size_t length) {
  static const char hex[] = "0123456789abcdef";
  *at++ = '"';
  for (size_t i = 0; i < length && text[i] != '\0'; i++) {
    unsigned char byte = (unsigned char)text[i];
    if (byte == '"' || byte == '\\') {
      *at++ = '\\';
      *at++ = (char)byte;
    } else if (byte < 0x20) {
      at = put(at, "\\u00");
      *at++ = hex[byte >> 4];
      *at++ = hex[byte & 15];
    } else {
      *at++ = byte < 0x7f ? (char)byte : '?';
    }
  }
  *at++ = '"';
  return at;
}

static char *put_field(char *at, const char *name, uint64_t number) {
  at = put(at, name);
  return put_number(at, number);
}

static char *put_device(char *at, const char *name, tn_device device) {
  char text[48];
  at = put(at, name);
  if (device.type == 0) return put(at, "null");
  if (device.type == TN_DEVICE_CPU.type) return put(at, "\"cpu\"");
  return put_quoted(at, tn_device_name(device, text, sizeof text), sizeof text);
}

static char *put_start(char *at, const char *start, int process, int thread) {
  at = put(at, start);
  at = put_field(at, ",\"pid\":", (uint64_t)process);
  return put_field(at, ",\"tid\":", (uint64_t)thread);
}

static char *put_span(char *at, const tn__trace_record *record) {
  at = put(at, ",\"ts\":");
  at = put_time(at, record->start_ns);
  at = put(at, ",\"dur\":");
  return put_time(at, record->duration_ns);
}

// ---- operands ----------------------------------------------------------------------------------

// "float32[2,3]"; what is absent, "none".
static char *put_operand(char *at, int dtype, int rank, const int64_t *sizes) {
  if (dtype == TN_DTYPE_NONE) return put(at, "\"none\"");
  *at++ = '"';
  at = put(at, tn_dtype_name(dtype));
  *at++ = '[';
  for (int d = 0; d < rank; d++) {
    if (d > 0) *at++ = ',';
    at = put_number(at, (uint64_t)sizes[d]);
  }
  return put(at, "]\"");
}

static char *put_operands(char *at, const tn__trace_record *record, int begin, int end,
                          const int64_t **sizes) {
  *at++ = '[';
  for (int i = begin; i < end; i++) {
    if (i > begin) *at++ = ',';
    at = put_operand(at, record->dtypes[i], record->ranks[i], *sizes);
    *sizes += record->ranks[i];
  }
  *at++ = ']';
  return at;
}

// ---- events ------------------------------------------------------------------------------------

static char *put_call(char *at, const tn__trace_record *record, int process, int thread) {
  const int64_t *sizes = record->sizes;
  at = put_start(at, ",\n{\"ph\":\"X\"", process, thread);
  at = put_span(at, record);
  at = put(at, record->gradient_of == NULL ? ",\"cat\":\"forward\",\"name\":"
                                           : ",\"cat\":\"backward\",\"name\":");
  at = put_quoted(at, record->op->name, 128);
  at = put(at, ",\"args\":{\"out\":");
  at = put_operands(at, record, 0, record->output_count, &sizes);
  at = put(at, ",\"in\":");
  at = put_operands(at, record, record->output_count, record->operand_count, &sizes);
  if (record->more > 0) at = put_field(at, ",\"more operands\":", record->more);
  at = put(at, ",\"provider\":");
  at = record->provider == NULL ? put(at, "null") : put_quoted(at, record->provider, 64);
  at = put(at, ",\"reason\":");
  const char *reason = record->reason != NULL ? record->reason : (const char *)sizes;
  at = put_quoted(at, reason, TN__TRACE_LONGEST_REASON);
  at = put_field(at, ",\"bytes read\":", record->bytes_read);
  at = put_field(at, ",\"bytes written\":", record->bytes_written);
  at = put_device(at, ",\"device\":", record->device);
  at = put_field(at, ",\"stream\":", record->stream);
  at = put_field(at, ",\"depth\":", record->depth);
  if (record->gradient_of != NULL) {
    at = put(at, ",\"gradient of\":");
    at = put_quoted(at, record->gradient_of, 128);
  }
  if (record->status != TN_OK) {
    at = put(at, ",\"error\":");
    at = put_quoted(at, tn_status_name((tn_status)record->status), 64);
  }
  return put(at, "}}");
}

static char *put_copy(char *at, const tn__trace_record *record, int process, int thread) {
  at = put_start(at, ",\n{\"ph\":\"X\"", process, thread);
  at = put_span(at, record);
  at = put(at, ",\"cat\":\"copy\",\"name\":\"copy\",\"args\":{");
  at = put_field(at, "\"bytes\":", record->bytes_written);
  at = put_device(at, ",\"from\":", record->from);
  at = put_device(at, ",\"to\":", record->device);
  at = put_field(at, ",\"stream\":", record->stream);
  return put(at, "}}");
}

static char *put_pass(char *at, const tn__trace_record *record, int process, int thread) {
  at = put_start(at, ",\n{\"ph\":\"X\"", process, thread);
  at = put_span(at, record);
  return put(at, ",\"cat\":\"backward\",\"name\":\"backward\",\"args\":{}}");
}

// A counter belongs to the process; its name says of which device it is.
static char *put_memory(char *at, const tn__trace_record *record, int process) {
  char device[48], name[64] = "memory of ";
  strncat(name, tn_device_name(record->device, device, sizeof device), sizeof name - 16);
  at = put_start(at, ",\n{\"ph\":\"C\"", process, 0);
  at = put(at, ",\"ts\":");
  at = put_time(at, record->start_ns);
  at = put(at, ",\"name\":");
  at = put_quoted(at, name, sizeof name);
  at = put_field(at, ",\"args\":{\"allocated bytes\":", record->bytes_written);
  return put(at, "}}");
}

char *tn__trace_event(char *at, const tn__trace_record *record, int process, int thread) {
  switch ((tn__trace_kind)record->kind) {
    case TN__TRACE_CALL:
      return put_call(at, record, process, thread);
    case TN__TRACE_COPY:
      return put_copy(at, record, process, thread);
    case TN__TRACE_PASS:
      return put_pass(at, record, process, thread);
    case TN__TRACE_MEMORY:
      return put_memory(at, record, process);
  }
  return at;
}

char *tn__trace_thread_name(char *at, const char *name, int process, int thread) {
  at = put_start(at, ",\n{\"ph\":\"M\"", process, thread);
  at = put(at, ",\"name\":\"thread_name\",\"args\":{\"name\":");
  at = put_quoted(at, name, 64);
  return put(at, "}}");
}

char *tn__trace_process_name(char *at, const char *name, int process) {
  at = put_start(at, "{\"ph\":\"M\"", process, 0);
  at = put(at, ",\"name\":\"process_name\",\"args\":{\"name\":");
  at = put_quoted(at, name, 64);
  return put(at, "}}");
}
