// SPDX-License-Identifier: Apache-2.0
//
// registry: which kernels could serve an operator. For each device type there is one immutable
// table of chains, (operator, key dtype) -> kernels best first. Registering a backend builds a new
// table and swaps the pointer; readers that hold an old one may keep it, since tables are never
// freed before the process ends. Invariant: within a chain the kernels of the backend that a rule
// of TENON_PROVIDER names come first; behind them the user's order never decreases, and within
// equal order rank never increases.
//
// Two kinds of chain have nothing to offer at first sight, so that selecting from all others need
// not ask about them: a pending one, some of whose kernels are in a backend that has not been
// opened (need.h), and one of a part that a composed operator's rule may reorder
// (provider_rules.h).

#ifndef TENON_CORE_REGISTRY_H_
#define TENON_CORE_REGISTRY_H_

#include <stdatomic.h>
#include <tenon/plugin.h>

#include "device_type.h"
#include "op_table.h"

typedef struct tn__backend tn__backend;  // backend.h

typedef struct tn__kernel {
  tn_kernel_row row;  // the backend's, zero where it was shorter
  const tn__backend *backend;
  int32_t order;  // place of the backend in the user's list
  uint16_t op_id;
} tn__kernel;

typedef struct tn__chain tn__chain;
struct tn__chain {
  const tn__kernel *plain;  // the first kernel, if it takes any arguments; else NULL
  int32_t count;            // 0: look behind
  int32_t rule;             // of TENON_PROVIDER, whose backend's kernels come first; 0: none
  const tn__chain *behind;  // where count is 0: all the kernels, NULL while pending
  const tn__kernel *kernels[];
};

typedef struct tn__chain_table {
  int32_t device_type;
  int32_t kernel_count;       // in all chains; 0: nobody serves the device
  const tn__chain *chains[];  // [op id * TN_DTYPE_COUNT + dtype], NULL where nobody serves it
} tn__chain_table;

extern _Atomic(tn__chain_table *) tn__chain_tables[TN__MAX_DEVICE_TYPES];

// Adds kernels (the rows are copied), which nobody sees before a table of the device type with them
// is published; takes back those of a backend where something fails on the way. Registry locked for
// all of these.
tn_status tn__registry_add(const tn__backend *backend, int32_t order, int32_t device_type,
                           const tn_kernel_row *rows, const uint16_t *op_ids, uint64_t count);
void tn__registry_take_back(const tn__backend *backend);
// A table of every kernel of |device_type|, whose name is |device|: put in the place of the one
// that readers see, or dropped. NULL when memory is out (recorded).
tn__chain_table *tn__registry_table(int32_t device_type, const char *device);
void tn__registry_swap(tn__chain_table *table);
void tn__registry_drop(tn__chain_table *table);
// Both at once.
tn_status tn__registry_publish(int32_t device_type);

// Whether the published table waits for a backend that claims |op_id|.
bool tn__registry_is_pending(int32_t device_type, int32_t op_id);

// Visits the kernels of |device_type|, operator by operator, each operator's best first. Registry
// locked. errors: OUT_OF_MEMORY
tn_status tn__registry_each(int32_t device_type,
                            void (*visit)(void *closure, const tn__kernel *kernel), void *closure);

// Whether the backend of TENON_PROVIDER's rule |rule| has registered a kernel that it is about.
bool tn__registry_serves_rule(int32_t rule);

// The chain of (device type, op, dtype), NULL where nobody serves it.
static inline const tn__chain *tn__chain_of(int32_t device_type, int32_t op_id, tn_dtype dtype) {
  tn__chain_table *table =
      atomic_load_explicit(&tn__chain_tables[device_type], memory_order_acquire);
  return table == NULL ? NULL : table->chains[op_id * TN_DTYPE_COUNT + dtype];
}

// Whether only kernels that give the same bits every time may run. Asked when the first chains are
// made; what kernels are told of it is known from then on.
bool tn__deterministic(void);
extern _Atomic uint32_t tn__kernel_flags;  // TN_KERNEL_CTX_*

// One lock for registration, loading and the list of backends. Recursive.
void tn__registry_lock(void);
void tn__registry_unlock(void);

#endif  // TENON_CORE_REGISTRY_H_
