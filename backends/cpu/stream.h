// SPDX-License-Identifier: Apache-2.0
//
// stream: writing past the caches. A result that is larger than the last-level cache pushes its
// own operands out, and each of its lines is first read only to be overwritten. Streaming stores
// do neither, but must fill whole lines: callers compute into a small block and stream that.

#ifndef TENON_CPU_STREAM_H_
#define TENON_CPU_STREAM_H_

#include "cpu.h"

enum {
  CPU_LINE_BYTES = 64,
  // A block: small enough that it and what it is computed from stay in the first-level cache.
  CPU_STREAM_BLOCK_BYTES = 1024,
};

// Copies |size| bytes from a block, aligned to a line; the whole lines of |to| are streamed.
typedef void (*cpu_stream_copy)(char *to, const char *from, int64_t size);

// The copy for each instruction set; NULL where the processor has no streaming stores.
#define X(isa) extern const cpu_stream_copy cpu_stream_copy_##isa;
CPU_ISA_TABLE(X)
#undef X

// Orders what was streamed before what follows; once after a piece of work.
void cpu_stream_end(void);

#endif  // TENON_CPU_STREAM_H_
