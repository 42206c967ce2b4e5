// SPDX-License-Identifier: Apache-2.0
//
// workspace: slots of scratch memory that the bodies of a parallel loop claim and release. A claim
// tries the flags in turn; with as many slots as threads it finds one at once, and with fewer it
// yields until another body is through.

#include "workspace.h"

#include <sched.h>

tn_status cpu_workspaces_open(cpu_workspaces *workspaces, tn_kernel_ctx *ctx, uint64_t slot_bytes,
                              int64_t tasks) {
  int64_t count = cpu_host->thread_count();
  if (count > tasks) count = tasks;
  if (count > CPU_WORKSPACE_SLOTS) count = CPU_WORKSPACE_SLOTS;
  if (count < 1) count = 1;
  workspaces->slot_bytes = (slot_bytes + 63) / 64 * 64;
  workspaces->count = (int32_t)count;
  for (int32_t i = 0; i < workspaces->count; i++) atomic_init(&workspaces->taken[i], false);
  workspaces->memory = cpu_scratch(ctx, count, workspaces->slot_bytes);
  return workspaces->memory == NULL ? TN_OUT_OF_MEMORY : TN_OK;
}

void *cpu_workspace_claim(cpu_workspaces *workspaces) {
  for (;;) {
    for (int32_t i = 0; i < workspaces->count; i++) {
      if (!atomic_exchange_explicit(&workspaces->taken[i], true, memory_order_acquire)) {
        return workspaces->memory + (uint64_t)i * workspaces->slot_bytes;
      }
    }
    sched_yield();
  }
}

void cpu_workspace_release(cpu_workspaces *workspaces, void *slot) {
  const uint64_t offset = (uint64_t)((char *)slot - workspaces->memory);
  const uint64_t index = workspaces->slot_bytes == 0 ? 0 : offset / workspaces->slot_bytes;
  atomic_store_explicit(&workspaces->taken[index], false, memory_order_release);
}

void *cpu_scratch(tn_kernel_ctx *ctx, int64_t count, uint64_t size) {
  uint64_t bytes;
  if (__builtin_mul_overflow((uint64_t)count, size, &bytes)) {
    ctx->host->error(ctx, TN_OUT_OF_MEMORY, "scratch memory for %lld elements of %llu bytes",
                     (long long)count, (unsigned long long)size);
    return NULL;
  }
  void *memory = ctx->host->scratch(ctx, bytes > 0 ? bytes : 1);
  if (memory == NULL) {
    ctx->host->error(ctx, TN_OUT_OF_MEMORY, "no %llu bytes of scratch memory",
                     (unsigned long long)bytes);
  }
  return memory;
}
