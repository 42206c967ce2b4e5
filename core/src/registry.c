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
#include "need.h"
#include "provider_rules.h"
#include "thread.h"

_Atomic(tn__chain_table *) tn__chain_tables[TN__MAX_DEVICE_TYPES];

// Every kernel of one device type, in blocks that never move.
typedef struct kernel_block {
  struct kernel_block *next;
  uint64_t count;
  tn__kernel kernels[];
} kernel_block;

static kernel_block *blocks[TN__MAX_DEVICE_TYPES];

// Every table that was ever published: readers may hold one until the process ends. Each has this
// before it.
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

// ---- one chain ---------------------------------------------------------------------------------

static bool is_ruled(const tn__kernel *kernel, int32_t rule) {
  return rule != 0 && tn__provider_rule_at(rule)->backend == kernel->backend;
}

static bool goes_before(const tn__kernel *a, const tn__kernel *b, int32_t rule) {
  bool a_ruled = is_ruled(a, rule), b_ruled = is_ruled(b, rule);
  if (a_ruled != b_ruled) return a_ruled;
  if (a->order != b->order) return a->order < b->order;
  if (a->row.rank != b->row.rank) return a->row.rank > b->row.rank;
  return strcmp(a->backend->facts.name, b->backend->facts.name) < 0;
}

static void chain_insert(tn__chain *chain, const tn__kernel *kernel) {
  int32_t place = chain->count++;
  for (; place > 0 && goes_before(kernel, chain->kernels[place - 1], chain->rule); place--) {
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

// Whether a rule about composed operators would put another kernel of |chain| first.
static bool may_be_reordered(const tn__chain *chain) {
  for (int32_t rule = 1; rule <= tn__provider_rule_count(); rule++) {
    if (chain->rule != 0 && rule >= chain->rule) return false;
    if (!tn__provider_rule_at(rule)->composite || is_ruled(chain->kernels[0], rule)) continue;
    for (int32_t i = 1; i < chain->count; i++) {
      if (is_ruled(chain->kernels[i], rule)) return true;
    }
  }
  return false;
}

// ---- one table ---------------------------------------------------------------------------------

// Pending chains are all alike.
static const tn__chain pending_chain;

typedef struct builder {
  int32_t device_type;
  const char *device;  // its name: the type itself may not be visible yet
  int32_t kernel_count;
  uint64_t slots;
  uint32_t *counts;  // of kernels, for each slot
  tn__chain **chains;
  tn__chain_table *table;
} builder;

// Calls |visit| for every slot of every kernel that may run.
static void each_kernel(builder *build,
                        void (*visit)(builder *, const tn__kernel *, int32_t slot)) {
  for (kernel_block *block = blocks[build->device_type]; block != NULL; block = block->next) {
    for (uint64_t i = 0; i < block->count; i++) {
      const tn__kernel *kernel = &block->kernels[i];
      if (kernel->backend->failed) continue;
      if (tn__deterministic() && !(kernel->row.flags & TN_ROW_DETERMINISTIC)) continue;
      for (int32_t dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
        if (!tn_dtype_in(dtype, kernel->row.dtypes)) continue;
        visit(build, kernel, kernel->op_id * TN_DTYPE_COUNT + dtype);
      }
    }
  }
}

static void count_kernel(builder *build, const tn__kernel *kernel, int32_t slot) {
  (void)kernel;
  build->counts[slot]++;
  build->kernel_count++;
}

static void insert_kernel(builder *build, const tn__kernel *kernel, int32_t slot) {
  chain_insert(build->chains[slot], kernel);
}

// Room for each slot's chain, and for one in front of it where a rule may reorder it.
static uint64_t chain_bytes(uint32_t count) {
  uint64_t front = tn__provider_rule_count() > 0 ? sizeof(tn__chain) : 0;
  return sizeof(tn__chain) + count * sizeof(tn__kernel *) + front;
}

static void lay_out_chains(builder *build, char *arena) {
  for (uint64_t slot = 0; slot < build->slots; slot++) {
    if (build->counts[slot] == 0) continue;
    tn__chain *chain = build->chains[slot] = (tn__chain *)(void *)arena;
    const tn_op *op = &tn__op_table[slot / TN_DTYPE_COUNT];
    chain->rule = tn__provider_rule_of(op, (tn_dtype)(slot % TN_DTYPE_COUNT));
    arena += chain_bytes(build->counts[slot]);
  }
}

static void finish_chains(builder *build) {
  for (uint64_t slot = 0; slot < build->slots; slot++) {
    tn__chain *chain = build->chains[slot];
    if (chain == NULL) continue;
    if (!is_ruled(chain->kernels[0], chain->rule)) chain->rule = 0;
    find_plain(chain);
    build->table->chains[slot] = chain;
    if (!may_be_reordered(chain)) continue;
    tn__chain *front = (tn__chain *)(void *)&chain->kernels[chain->count];
    front->behind = chain;
    build->table->chains[slot] = front;
  }
}

// Marks what a backend claims that has still to be opened.
static void mark_pending(builder *build) {
  for (tn__backend *backend = tn__loader_first(); backend != NULL; backend = backend->next) {
    if (!tn__backend_pends(backend) || !tn__backend_serves(backend, build->device)) continue;
    for (int32_t id = 0; id < tn__op_table_count; id++) {
      const tn_op *op = &tn__op_table[id];
      bool runs = op->form == TN__FORM_BASE && !(op->def->flags & TN_OP_VIEW);
      if (!runs || !tn__backend_claims(backend, op->name)) continue;
      const tn__chain **chains = &build->table->chains[id * TN_DTYPE_COUNT];
      for (int32_t dtype = 0; dtype < TN_DTYPE_COUNT; dtype++) chains[dtype] = &pending_chain;
    }
  }
}

bool tn__registry_is_pending(int32_t device_type, int32_t op_id) {
  return tn__chain_of(device_type, op_id, TN_F32) == &pending_chain;  // all dtypes are, or none
}

// The table with its chains behind it, in one block after its `retired`.
static void build_table(builder *build) {
  uint64_t head = sizeof(tn__chain_table) + build->slots * sizeof build->table->chains[0];
  each_kernel(build, count_kernel);
  uint64_t bytes = head;
  for (uint64_t i = 0; i < build->slots; i++) {
    if (build->counts[i] > 0) bytes += chain_bytes(build->counts[i]);
  }
  retired *block = tn__calloc(1, sizeof *block + bytes);
  if (block == NULL) return;
  build->table = (tn__chain_table *)(void *)(block + 1);
  build->table->device_type = build->device_type;
  build->table->kernel_count = build->kernel_count;
  lay_out_chains(build, (char *)build->table + head);
  each_kernel(build, insert_kernel);
  finish_chains(build);
  mark_pending(build);
}

tn__chain_table *tn__registry_table(int32_t device_type, const char *device) {
  builder build = {.device_type = device_type,
                   .device = device,
                   .slots = (uint64_t)tn__op_table_count * TN_DTYPE_COUNT};
  build.counts = tn__calloc(build.slots, sizeof *build.counts);
  build.chains = tn__calloc(build.slots, sizeof *build.chains);
  if (build.counts != NULL && build.chains != NULL) build_table(&build);
  free(build.counts);
  free(build.chains);
  if (build.table == NULL) {
    tn__out_of_memory("the table of kernels", build.slots * sizeof *build.chains);
  }
  return build.table;
}

void tn__registry_drop(tn__chain_table *table) {
  if (table != NULL) free((retired *)(void *)table - 1);
}

// Says once of each rule that its backend, now that it is open, has nothing for it.
static void warn_of_idle_rules(void) {
  for (int32_t i = 1; i <= tn__provider_rule_count(); i++) {
    tn__provider_rule *rule = tn__provider_rule_at(i);
    if (rule->warned || rule->composite || rule->backend == NULL ||
        tn__backend_pends(rule->backend) || rule->backend->failed) {
      continue;
    }
    if (tn__registry_serves_rule(i)) continue;
    rule->warned = true;
    tn__log(TN__LOG_WARNING, "dispatch",
            "TENON_PROVIDER: rule '%s': the backend has no kernel for it", rule->text);
  }
}

bool tn__registry_serves_rule(int32_t rule) {
  const tn__provider_rule *of = tn__provider_rule_at(rule);
  for (int32_t type = 1; type <= tn__device_type_count(); type++) {
    for (kernel_block *block = blocks[type]; block != NULL; block = block->next) {
      for (uint64_t i = 0; i < block->count; i++) {
        const tn__kernel *kernel = &block->kernels[i];
        bool dtype = of->dtype == TN_DTYPE_NONE || tn_dtype_in(of->dtype, kernel->row.dtypes);
        if (kernel->backend == of->backend && dtype &&
            tn__provider_rule_is_about(of, &tn__op_table[kernel->op_id])) {
          return true;
        }
      }
    }
  }
  return false;
}

void tn__registry_swap(tn__chain_table *table) {
  retired *block = (retired *)(void *)table - 1;
  block->next = retired_blocks;
  retired_blocks = block;
  atomic_store_explicit(&tn__chain_tables[table->device_type], table, memory_order_release);
  warn_of_idle_rules();
}

tn_status tn__registry_publish(int32_t device_type) {
  tn__chain_table *table = tn__registry_table(device_type, tn__device_type_at(device_type)->name);
  if (table == NULL) return TN_OUT_OF_MEMORY;
  tn__registry_swap(table);
  return TN_OK;
}

void tn__registry_take_back(const tn__backend *backend) {
  for (int32_t type = 0; type < TN__MAX_DEVICE_TYPES; type++) {
    for (kernel_block **at = &blocks[type]; *at != NULL;) {
      kernel_block *block = *at;
      if (block->count == 0 || block->kernels[0].backend != backend) {
        at = &block->next;
        continue;
      }
      *at = block->next;
      free(block);
    }
  }
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
  return goes_before(first, second, 0) ? -1 : goes_before(second, first, 0);
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
    for (uint64_t i = 0; i < block->count; i++) {
      if (!block->kernels[i].backend->failed) kernels[filled++] = &block->kernels[i];
    }
  }
  qsort(kernels, filled, sizeof *kernels, compare_kernels);
  for (uint64_t i = 0; i < filled; i++) visit(closure, kernels[i]);
  free(kernels);
  return TN_OK;
}
