// SPDX-License-Identifier: Apache-2.0
//
// trace: what ran, when and where, in a file that ui.perfetto.dev and chrome://tracing open
// (TENON_TRACE). A call costs its thread one binary record in a buffer of its own; records become
// text when the buffer is full, when the thread ends, at tn_shutdown and when the library goes.
// Invariant: after each of these the file is complete JSON, whatever happens next.

#ifndef TENON_CORE_TRACE_H_
#define TENON_CORE_TRACE_H_

#include <tenon/plugin.h>

#include "op_table.h"
#include "process.h"
#include "thread.h"

// Starts a trace where the settings want one; adds a wrapper. Registry locked. errors:
// INVALID_ARGUMENT for a file that cannot be written
tn_status tn__trace_open(void);

// Writes what |thread| has recorded and gives its buffer up.
__attribute__((cold, noinline)) void tn__trace_thread_end(tn__thread *thread);

// Writes what every thread has recorded and closes the file.
void tn__trace_finish(void);

// Now, in ns since the trace began, where there is one; else 0, which the calls below take as
// "record nothing".
__attribute__((noinline)) uint64_t tn__trace_clock(void);
// The child of a fork records nothing: the file is its parent's, and locks may be held for good.
static inline bool tn__is_traced(void) {
  const uint32_t gate = tn__gate_load() & (TN__GATE_TRACED | TN__GATE_FORKED);
  return __builtin_expect(gate == TN__GATE_TRACED, 0);
}
static inline uint64_t tn__trace_begin(void) { return tn__is_traced() ? tn__trace_clock() : 0; }

// Records a copy of |size_bytes| that began at |start|.
__attribute__((cold, noinline)) void tn__trace_copy(uint64_t start, tn_device to, tn_device from,
                                                    uint64_t size_bytes);
// Records how much of |device|'s memory tensors hold now.
__attribute__((cold, noinline)) void tn__trace_memory(tn_device device);
// Records a backward pass that began at |start|.
__attribute__((cold, noinline)) void tn__trace_pass(uint64_t start);

// ---- records, for trace_text.c. Each stands at a multiple of 8 bytes.

enum { TN__TRACE_OPERANDS = 24 };  // more are counted, not described

typedef enum tn__trace_kind {
  TN__TRACE_CALL,
  TN__TRACE_COPY,
  TN__TRACE_PASS,
  TN__TRACE_MEMORY,
} tn__trace_kind;

// Behind it: for each described operand its sizes, then the reason's text where `reason` is NULL.
typedef struct tn__trace_record {
  uint32_t size_bytes;
  uint8_t kind;          // tn__trace_kind
  uint8_t status;        // tn_status
  uint8_t output_count;  // of the described
  uint8_t operand_count;
  uint64_t start_ns, duration_ns;
  const tn_op *op;
  const char *provider, *reason;  // texts that are never freed, or NULL
  const char *gradient_of;        // the operator whose gradient is being computed; NULL: forward
  uint64_t bytes_read, bytes_written;
  tn_device device, from;
  uint32_t stream;
  uint16_t depth;
  uint16_t more;  // operands that are not described
  uint8_t dtypes[TN__TRACE_OPERANDS];
  uint8_t ranks[TN__TRACE_OPERANDS];
  int64_t sizes[];
} tn__trace_record;

// No event's text is longer.
enum { TN__TRACE_LONGEST_TEXT = 32 << 10, TN__TRACE_LONGEST_REASON = 256 };

// Writes |record| as one event behind |at|, which has room; returns the end.
char *tn__trace_event(char *at, const tn__trace_record *record, int process, int thread);
// The name of a thread, and of the process.
char *tn__trace_thread_name(char *at, const char *name, int process, int thread);
char *tn__trace_process_name(char *at, const char *name, int process);

#endif  // TENON_CORE_TRACE_H_
