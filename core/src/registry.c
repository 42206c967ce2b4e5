// SPDX-License-Identifier: Apache-2.0
//
// registry: see registry.h. Kernels are kept in the order in which they came, and every table is
// built from all of them; registration is rare and takes microseconds.

#include "registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "log.h"
#include "thread.h"

_Atomic(tn__chain_table *) tn__chain_tables[TN__MAX_DEVICE_TYPES];

// Every kernel of one device type, in blocks that never move.
typedef struct kernel_block {
  struct kernel_block *next;
  uint64_t count;
  tn__kernel kernels[];
} kernel_block;

static kernel_block *blocks[TN__MAX_DEVICE_TYPES];

// Superseded tables and their chains: readers may hold them until the process ends.
typedef struct retired {
  struct retired *next;
} retired;
static retired *retired_blocks;

static pthread_mutex_t registry_mutex;
static pthread_once_t registry_once = PTHREAD_ONCE_INIT;

static void make_mutex(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&registry_mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

void tn__registry_lock(void) {
  pthread_once(&registry_once, make_mutex);
  pthread_mutex_lock(&registry_mutex);
}

void tn__registry_unlock(void) { pthread_mutex_unlock(&registry_mutex); }

_Atomic uint32_t tn__kernel_flags;

// TENON_DETERMINISTIC=1: rows that do not promise the same bits every time stand in no chain.
bool tn__deterministic(void) {
  static _Atomic int32_t answer;  // 0: not asked yet, 1: no, 2: yes
  int32_t known = atomic_load_explicit(&answer, memory_order_relaxed);
  if (known == 0) {
    const char *text = tn__environment("TENON_DETERMINISTIC", false);
    known = text != NULL && strcmp(text, "0") != 0 ? 2 : 1;
    if (known == 2) {
      atomic_fetch_or_explicit(&tn__kernel_flags, TN_KERNEL_CTX_DETERMINISTIC,
                               memory_order_relaxed);
    }
    atomic_store_explicit(&answer, known, memory_order_relaxed);
  }
  return known == 2;
}

static void *keep(uint64_t size_bytes) {
  retired *block = tn__calloc(1, sizeof *block + size_bytes);
  if (block == NULL) return NULL;
  block->next = retired_blocks;
  retired_blocks = block;
  return block + 1;
}

static bool goes_before(const tn__kernel *a, const tn__kernel *b) {
  if (a->order != b->order) return a->order < b->order;
  if (a->row.rank != b->row.rank) return a->row.rank > b->row.rank;
  return strcmp(a->backend->facts.name, b->backend->facts.name) < 0;
}

static void chain_insert(tn__chain *chain, const tn__kernel *kernel) {
  int32_t place = chain->count++;
  for (; place > 0 && goes_before(kernel, chain->kernels[place - 1]); place--) {
    chain->kernels[place] = chain->kernels[place - 1];
  }
  chain->kernels[place] = kernel;
}

// The first kernel, if nothing needs to be asked before it runs.
static void find_plain(tn__chain *chain) {
  const tn__kernel *first = chain->kernels[0];
  uint32_t known = first->row.attrs_size;
  bool fits = known == 0 || known >= tn__op_table[first->op_id].attrs_size;
  chain->plain = first->row.supports == NULL && fits ? first : NULL;
}

// Visits (kernel, slot) pairs; counts them when |table| is NULL.
static void fill_table(int32_t device_type, uint32_t *counts, tn__chain_table *table,
                       tn__chain **chains) {
  for (kernel_block *block = blocks[device_type]; block != NULL; block = block->next) {
    for (uint64_t i = 0; i < block->count; i++) {
      const tn__kernel *kernel = &block->kernels[i];
      if (tn__deterministic() && !(kernel->row.flags & TN_ROW_DETERMINISTIC)) continue;
      for (int32_t dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
        if (!tn_dtype_in(dtype, kernel->row.dtypes)) continue;
        int32_t slot = kernel->op_id * TN_DTYPE_COUNT + dtype;
        if (table == NULL) {
          counts[slot]++;
        } else {
          chain_insert(chains[slot], kernel);
        }
      }
    }
  }
}

tn_status tn__registry_publish(int32_t device_type) {
  uint64_t slots = (uint64_t)tn__op_table_count * TN_DTYPE_COUNT;
  uint32_t *counts = tn__calloc(slots, sizeof *counts);
  tn__chain **chains = tn__calloc(slots, sizeof *chains);
  tn__chain_table *table = keep(sizeof *table + slots * sizeof table->chains[0]);
  uint64_t bytes = 0;
  char *arena = NULL;
  if (counts != NULL && chains != NULL && table != NULL) {
    fill_table(device_type, counts, NULL, NULL);
    for (uint64_t i = 0; i < slots; i++) {
      if (counts[i] > 0) bytes += sizeof(tn__chain) + counts[i] * sizeof(tn__kernel *);
    }
    arena = keep(bytes);
  }
  if (arena == NULL) {
    free(counts);
    free(chains);
    return tn__out_of_memory("the table of kernels", bytes);
  }
  for (uint64_t i = 0; i < slots; i++) {
    if (counts[i] == 0) continue;
    chains[i] = (tn__chain *)(void *)arena;
    table->chains[i] = chains[i];
    arena += sizeof(tn__chain) + counts[i] * sizeof(tn__kernel *);
  }
  table->device_type = device_type;
  fill_table(device_type, counts, table, chains);
  for (uint64_t i = 0; i < slots; i++) {
    if (chains[i] != NULL) find_plain(chains[i]);
  }
  free(counts);
  free(chains);
  atomic_store_explicit(&tn__chain_tables[device_type], table, memory_order_release);
  return TN_OK;
}

tn_status tn__registry_add(const tn__backend *backend, int32_t order, int32_t device_type,
                           const tn_kernel_row *rows, const uint16_t *op_ids, uint64_t count) {
  kernel_block *block = tn__calloc(1, sizeof *block + count * sizeof block->kernels[0]);
  if (block == NULL) return tn__out_of_memory("a table of kernels", count * sizeof *rows);
  block->count = count;
  for (uint64_t i = 0; i < count; i++) {
    block->kernels[i] = (tn__kernel){rows[i], backend, order, op_ids[i]};
  }
  block->next = blocks[device_type];
  blocks[device_type] = block;
  return TN_OK;
}

static int compare_kernels(const void *a, const void *b) {
  const tn__kernel *first = *(const tn__kernel *const *)a, *second = *(const tn__kernel *const *)b;
  if (first->op_id != second->op_id) return first->op_id < second->op_id ? -1 : 1;
  return goes_before(first, second) ? -1 : goes_before(second, first);
}

tn_status tn__registry_each(int32_t device_type,
                            void (*visit)(void *closure, const tn__kernel *kernel), void *closure) {
  uint64_t count = 0, filled = 0;
  for (kernel_block *block = blocks[device_type]; block != NULL; block = block->next) {
    count += block->count;
  }
  if (count == 0) return TN_OK;
  const tn__kernel **kernels = tn__malloc(count * sizeof(const tn__kernel *));
  if (kernels == NULL) return tn__out_of_memory("a list of kernels", count * sizeof *kernels);
  for (kernel_block *block = blocks[device_type]; block != NULL; block = block->next) {
    for (uint64_t i = 0; i < block->count; i++) kernels[filled++] = &block->kernels[i];
  }
  qsort(kernels, count, sizeof *kernels, compare_kernels);
  for (uint64_t i = 0; i < count; i++) visit(closure, kernels[i]);
  free(kernels);
  return TN_OK;
}
