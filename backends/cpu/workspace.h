// SPDX-License-Identifier: Apache-2.0
//
// workspace: memory for the bodies of a parallel loop. Scratch memory comes only from the thread
// that runs the kernel, and a body does not know which thread it is on; so the kernel takes one
// slot for each thread up front, and a body claims any free one while it runs.
//
// Invariant: there is at least one slot, and a claimed slot is released without waiting for
// anything, so a claim always succeeds in the end.

#ifndef TENON_CPU_WORKSPACE_H_
#define TENON_CPU_WORKSPACE_H_

#include <stdatomic.h>
#include <stdbool.h>

#include "cpu.h"

enum { CPU_WORKSPACE_SLOTS = 64 };  // more threads than this share

typedef struct cpu_workspaces {
  char *memory;
  uint64_t slot_bytes;
  int32_t count;
  atomic_bool taken[CPU_WORKSPACE_SLOTS];
} cpu_workspaces;

// Takes slots of |slot_bytes| for at most |tasks| bodies at a time. errors: OUT_OF_MEMORY
tn_status cpu_workspaces_open(cpu_workspaces *workspaces, tn_kernel_ctx *ctx, uint64_t slot_bytes,
                              int64_t tasks);

// A free slot, 64-byte aligned; the contents are whatever the last body left.
void *cpu_workspace_claim(cpu_workspaces *workspaces);
void cpu_workspace_release(cpu_workspaces *workspaces, void *slot);

// Scratch memory for |count| elements of |size| bytes. NULL, with the error recorded, when there is
// none or the size overflows.
void *cpu_scratch(tn_kernel_ctx *ctx, int64_t count, uint64_t size);

#endif  // TENON_CPU_WORKSPACE_H_
