// SPDX-License-Identifier: Apache-2.0
//
// trace: see trace.h. Only its own thread appends to a buffer and empties it; what has been
// appended is published by `used`, so that another thread may write it out at the end. The mutex
// guards the file, the list of buffers and the emptying.

#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <tenon/error.h>
#include <tenon/memory.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "log.h"
#include "settings.h"
#include "stream_impl.h"
#include "text.h"
#include "wrap.h"

enum { BUFFER_BYTES = 256 << 10, TEXT_BYTES = 128 << 10 };

struct tn__trace_buffer {
  tn__trace_buffer *next;
  int thread;
  bool named;             // the thread's name is in the file
  _Atomic uint32_t used;  // bytes of complete records
  char name[16];
  _Alignas(8) char records[BUFFER_BYTES];
};

static struct {
  pthread_mutex_t mutex;
  int file;   // -1: not open
  off_t end;  // where the next event goes
  struct timespec began;
  char *text;  // TEXT_BYTES, while events are written
  tn__trace_buffer *buffers;
  uint64_t lost;  // events
} trace = {.mutex = PTHREAD_MUTEX_INITIALIZER, .file = -1};

static const char file_end[] = "\n]}\n";

uint64_t tn__trace_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t ns =
      (int64_t)(now.tv_sec - trace.began.tv_sec) * 1000000000 + now.tv_nsec - trace.began.tv_nsec;
  return ns > 0 ? (uint64_t)ns : 1;
}

// ---- the file. Mutex held.

static bool write_at(const char *bytes, size_t count, off_t place) {
  while (count > 0) {
    ssize_t taken = pwrite(trace.file, bytes, count, place);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) return false;
    bytes += taken;
    count -= (size_t)taken;
    place += taken;
  }
  return true;
}

// Stops a trace that can no longer be written: the disk is full, say.
static void give_up(void) {
  tn__log(TN__LOG_ERROR, "trace", "the trace cannot be written any further: %s", strerror(errno));
  close(trace.file);
  trace.file = -1;
}

// Writes the text up to |at| and, behind it, what ends the file until more comes.
static void write_text(const char *at) {
  size_t count = (size_t)(at - trace.text);
  bool written = write_at(trace.text, count, trace.end) &&
                 write_at(file_end, sizeof file_end - 1, trace.end + (off_t)count);
  trace.end += (off_t)count;
  if (!written) give_up();
}

// The child of a fork shares the file with its parent, whose it is.
static bool is_open(void) { return trace.file >= 0 && !(tn__gate_load() & TN__GATE_FORKED); }

static void write_buffer(tn__trace_buffer *buffer) {
  uint32_t used = atomic_load_explicit(&buffer->used, memory_order_acquire);
  int process = (int)getpid();
  char *at = trace.text;
  if (!buffer->named) {
    at = tn__trace_thread_name(at, buffer->name, process, buffer->thread);
    buffer->named = true;
  }
  for (uint32_t offset = 0; offset < used && is_open();) {
    const tn__trace_record *record = (const void *)(buffer->records + offset);
    at = tn__trace_event(at, record, process, buffer->thread);
    offset += record->size_bytes;
    if (at - trace.text < TEXT_BYTES - TN__TRACE_LONGEST_TEXT && offset < used) continue;
    write_text(at);
    at = trace.text;
  }
}

// ---- buffers -----------------------------------------------------------------------------------

static tn__trace_buffer *buffer_new(tn__thread *thread) {
  tn__trace_buffer *buffer = tn__calloc(1, sizeof *buffer);
  if (buffer == NULL) return NULL;
  buffer->thread = (int)syscall(SYS_gettid);
  if (pthread_getname_np(pthread_self(), buffer->name, sizeof buffer->name) != 0) {
    buffer->name[0] = '\0';
  }
  tn__thread_attach(thread);
  pthread_mutex_lock(&trace.mutex);
  buffer->next = trace.buffers;
  trace.buffers = buffer;
  pthread_mutex_unlock(&trace.mutex);
  return buffer;
}

static void empty(tn__trace_buffer *buffer) {
  pthread_mutex_lock(&trace.mutex);
  if (is_open()) write_buffer(buffer);
  atomic_store_explicit(&buffer->used, 0, memory_order_relaxed);
  pthread_mutex_unlock(&trace.mutex);
}

// Room for a record in the thread's buffer; NULL, and the event is lost, where there is none.
static tn__trace_record *record_new(tn__thread *thread, size_t size_bytes) {
  tn__trace_buffer *buffer = thread->trace;
  if (buffer == NULL) buffer = thread->trace = buffer_new(thread);
  if (buffer == NULL) {
    pthread_mutex_lock(&trace.mutex);
    trace.lost++;
    pthread_mutex_unlock(&trace.mutex);
    return NULL;
  }
  uint32_t used = atomic_load_explicit(&buffer->used, memory_order_relaxed);
  if (used + size_bytes > BUFFER_BYTES) {
    empty(buffer);
    used = 0;
  }
  tn__trace_record *record = (void *)(buffer->records + used);
  memset(record, 0, sizeof *record);
  record->size_bytes = (uint32_t)size_bytes;
  return record;
}

static void publish(tn__thread *thread, const tn__trace_record *record) {
  tn__trace_buffer *buffer = thread->trace;
  uint32_t used = atomic_load_explicit(&buffer->used, memory_order_relaxed);
  atomic_store_explicit(&buffer->used, used + record->size_bytes, memory_order_release);
}

static void unlink_buffer(const tn__trace_buffer *buffer) {
  tn__trace_buffer **link = &trace.buffers;
  while (*link != NULL && *link != buffer) link = &(*link)->next;
  if (*link != NULL) *link = buffer->next;
}

void tn__trace_thread_end(tn__thread *thread) {
  tn__trace_buffer *buffer = thread->trace;
  if (buffer == NULL) return;
  thread->trace = NULL;
  empty(buffer);
  pthread_mutex_lock(&trace.mutex);
  unlink_buffer(buffer);
  pthread_mutex_unlock(&trace.mutex);
  free(buffer);
}

void tn__trace_finish(void) {
  if (!(tn__gate_load() & TN__GATE_TRACED)) return;
  pthread_mutex_lock(&trace.mutex);
  if (is_open()) {
    for (tn__trace_buffer *buffer = trace.buffers; buffer != NULL; buffer = buffer->next) {
      write_buffer(buffer);
    }
  }
  if (trace.lost > 0) {
    tn__log(TN__LOG_WARNING, "trace", "%llu events were lost: no memory",
            (unsigned long long)trace.lost);
  }
  if (trace.file >= 0) close(trace.file);
  trace.file = -1;
  free(trace.text);
  trace.text = NULL;
  atomic_fetch_and_explicit(&tn__gate, ~(uint32_t)TN__GATE_TRACED, memory_order_relaxed);
  pthread_mutex_unlock(&trace.mutex);
}

__attribute__((destructor)) static void trace_end(void) { tn__trace_finish(); }

// ---- records -----------------------------------------------------------------------------------

// What a call's record says of one operand; counts its bytes.
typedef struct described {
  tn__trace_record *record;
  int64_t *sizes;
} described;

static void describe(described *to, const tn_tensor *tensor, uint64_t *bytes) {
  tn__trace_record *record = to->record;
  int at = record->operand_count++;
  if (tensor == NULL || tn__is_none(tensor)) return;
  record->dtypes[at] = tensor->dtype;
  record->ranks[at] = tensor->rank;
  for (int32_t d = 0; d < tensor->rank; d++) *to->sizes++ = tensor->sizes[d];
  *bytes += (uint64_t)tensor->numel * tensor->item_bytes;
}

// The results that there are: of a call that failed, none.
static tn_tensor *const *results_of(const tn_wrapped_call *frame, int32_t *count) {
  const tn__call *call = frame->call;
  *count = 0;
  if (!frame->ran) return NULL;
  if (call->op->returns_list) {
    *count = (int32_t)call->list->count;
    return call->list->tensors;
  }
  *count = call->output_count;
  return call->outs;
}

static uint64_t sizes_bytes(tn_tensor *const *tensors, int32_t count) {
  uint64_t bytes = 0;
  for (int32_t i = 0; i < count; i++) {
    bool absent = tensors[i] == NULL || tn__is_none(tensors[i]);
    if (!absent) bytes += sizeof(int64_t) * tensors[i]->rank;
  }
  return bytes;
}

static int32_t at_most(int32_t count, int32_t limit) { return count < limit ? count : limit; }

static void record_call(const tn_wrapped_call *frame, uint64_t start, uint64_t end,
                        tn_status status) {
  tn__call *call = frame->call;
  tn__thread *thread = call->thread;
  int32_t results;
  tn_tensor *const *outs = results_of(frame, &results);
  int32_t described_outs = at_most(results, TN__TRACE_OPERANDS);
  int32_t described_inputs = at_most(call->input_count, TN__TRACE_OPERANDS - described_outs);
  char text[TN__TRACE_LONGEST_REASON] = "";
  const char *reason = frame->ran ? tn__wrapped_reason(call, text, sizeof text) : "it failed";
  size_t text_bytes = reason == text ? (strlen(text) + 8) & ~(size_t)7 : 0;
  tn__trace_record *record =
      record_new(thread, sizeof *record + sizes_bytes(outs, described_outs) +
                             sizes_bytes(call->inputs, described_inputs) + text_bytes);
  if (record == NULL) return;
  described to = {record, record->sizes};
  for (int32_t i = 0; i < described_outs; i++) describe(&to, outs[i], &record->bytes_written);
  for (int32_t i = 0; i < described_inputs; i++) {
    describe(&to, call->inputs[i], &record->bytes_read);
  }
  if (text_bytes > 0) memcpy(to.sizes, text, strlen(text) + 1);
  // Composed operators leave their device to their parts.
  tn_device device = results > 0 ? outs[0]->device : call->device;
  const tn_stream *stream = tn__stream_current(thread, device);
  record->kind = TN__TRACE_CALL;
  record->status = (uint8_t)status;
  record->output_count = (uint8_t)described_outs;
  record->more = (uint16_t)(results - described_outs + call->input_count - described_inputs);
  record->start_ns = start;
  record->duration_ns = end - start;
  record->op = call->op;
  record->provider = frame->ran ? tn__call_provider(call) : NULL;
  record->reason = reason == text ? NULL : reason;
  record->device = device;
  record->stream = stream == NULL ? 0 : stream->id;
  record->depth = (uint16_t)frame->depth;
  record->gradient_of =
      thread->pass == NULL || thread->pass->node == NULL ? NULL : thread->pass->node->name;
  publish(thread, record);
}

static tn_status trace_call(void *self, const tn_wrap_api *api, tn_wrapped_call *frame) {
  (void)self;
  uint64_t start = tn__trace_begin();
  if (start == 0) return api->next(frame);  // the trace has ended
  tn_status status = api->next(frame);
  record_call(frame, start, tn__trace_clock(), status);
  return status;
}

static void record_span(tn__trace_kind kind, uint64_t start, tn_device to, tn_device from,
                        uint64_t size_bytes) {
  if (start == 0) return;
  uint64_t end = tn__trace_clock();
  tn__thread *thread = &tn__tls;
  tn__trace_record *record = record_new(thread, sizeof *record);
  if (record == NULL) return;
  record->kind = (uint8_t)kind;
  record->start_ns = start;
  record->duration_ns = end - start;
  tn_device side = to.type == TN__DEVICE_TYPE_CPU ? from : to;
  const tn_stream *stream = tn__stream_current(thread, side);
  record->device = to;
  record->from = from;
  record->stream = stream == NULL ? 0 : stream->id;
  record->bytes_written = size_bytes;
  publish(thread, record);
}

void tn__trace_copy(uint64_t start, tn_device to, tn_device from, uint64_t size_bytes) {
  record_span(TN__TRACE_COPY, start, to, from, size_bytes);
}

// Small host storages, which come from a thread's cache, are not counted.
void tn__trace_memory(tn_device device) {
  tn_memory_stats stats = {.struct_size = sizeof stats};
  tn__held_error held = tn__error_hold();
  if (tn_memory_stats_of(device, &stats) == TN_OK) {
    record_span(TN__TRACE_MEMORY, tn__trace_clock(), device, device, stats.allocated_bytes);
  }
  tn_error_clear();
  tn__error_restore(held);
}

void tn__trace_pass(uint64_t start) {
  record_span(TN__TRACE_PASS, start, TN_DEVICE_CPU, TN_DEVICE_CPU, 0);
}

// ---- opening -----------------------------------------------------------------------------------

// |pattern| with "%p" as the process's id, so that several processes write several files.
static char *file_name(const char *pattern) {
  tn__text name = {NULL, 0, 0};
  for (const char *at = pattern; *at != '\0'; at++) {
    if (at[0] == '%' && at[1] == 'p') {
      tn__text_append(&name, "%d", (int)getpid());
      at++;
    } else {
      tn__text_append(&name, "%c", *at);
    }
  }
  return name.data;
}

static tn_status open_file(const char *pattern) {
  char *name = file_name(pattern);
  if (name == NULL) return tn__out_of_memory("the trace's name", strlen(pattern));
  trace.file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  tn_status status = TN_OK;
  if (trace.file < 0) {
    status = tn__error(TN_INVALID_ARGUMENT,
                       &(tn__error_details){NULL, NULL, NULL,
                                            "name a file in a folder that is there; calls go on "
                                            "without a trace"},
                       "%s: '%.400s' cannot be written: %s", tn__setting_label("TENON_TRACE"), name,
                       strerror(errno));
  }
  free(name);
  return status;
}

static tn_status add_wrapper(void) {
  const tn_wrapper wrapper = {.struct_size = sizeof wrapper,
                              .rank = INT32_MAX,
                              .name = "trace",
                              .operators = "*",
                              .call = trace_call};
  tn__wrap_table *table = tn__wrap_table_with(&wrapper, 1, "tenon");
  if (table == NULL) return TN_OUT_OF_MEMORY;
  atomic_fetch_or_explicit(&tn__gate, TN__GATE_TRACED, memory_order_release);
  tn__wrap_publish(table);
  return TN_OK;
}

tn_status tn__trace_open(void) {
  const char *pattern = tn__environment("TENON_TRACE", true);
  if (pattern == NULL) return TN_OK;
  tn_status status = open_file(pattern);
  if (status != TN_OK) return status;
  clock_gettime(CLOCK_MONOTONIC, &trace.began);
  trace.text = tn__malloc(TEXT_BYTES);
  if (trace.text == NULL) {
    status = tn__out_of_memory("the trace", TEXT_BYTES);
  } else {
    static const char start[] = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
    memcpy(trace.text, start, sizeof start - 1);
    write_text(tn__trace_process_name(trace.text + sizeof start - 1, program_invocation_short_name,
                                      (int)getpid()));
    status = add_wrapper();
  }
  if (status == TN_OK) return TN_OK;
  free(trace.text);
  trace.text = NULL;
  if (trace.file >= 0) close(trace.file);
  trace.file = -1;
  return status;
}
