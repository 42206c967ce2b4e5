// SPDX-License-Identifier: Apache-2.0
//
// wrap: what stands around calls of operators. Wrappers are kept in one immutable table, for each
// operator those that want to see it, outermost first; adding some builds a new table and swaps the
// pointer. While nothing wraps, no call knows that this exists: the gate (process.h) is what leads
// here. Every call that comes this way has a frame on its thread, wrapped or not, so that depths
// are right. Invariant: a frame's call has results exactly while `ran` holds.

#ifndef TENON_CORE_WRAP_H_
#define TENON_CORE_WRAP_H_

#include <tenon/plugin.h>

#include "dispatch.h"

typedef struct tn__wrap_entry {
  tn_wrapper wrapper;  // the plugin's, zero where it was shorter
  const char *owner;   // the backend's name; "tenon" for what is built in
  uint64_t key;        // rank, then the order of adding: outer entries have lower keys
} tn__wrap_entry;

typedef struct tn__wrap_chain {
  int32_t count;
  const tn__wrap_entry *entries[];
} tn__wrap_chain;

typedef struct tn__wrap_table tn__wrap_table;

struct tn_wrapped_call {
  tn__call *call;
  const tn__wrap_chain *chain;  // NULL: nobody looks at this operator
  tn_wrapped_call *outer;
  int32_t position;  // of the wrapper that is running
  int32_t depth;
  uint64_t floor;                  // entries below it do not see this call
  uint64_t inner_floor;            // nor what is called from here now
  bool ran;                        // the last `next` succeeded: there are results
  bool fresh;                      // the call has never run
  bool failed;                     // the last `next` failed
  bool was_ok;                     // no error was recorded when the call began
  bool muted;                      // what is called from here is seen by nobody
  tn_tensor *const *given_inputs;  // as the call came
  tn_tensor **cast_inputs;         // a copy of them with casts; NULL: none was cast
  tn_tensor **casts;               // [input_count], raw, NULL where not cast
  tn_args args;                    // what `args` gave last
  uint32_t view_capacity;
  char *reason;  // room for its text
};

// What tn__call_run does while the gate is not 0: refuses, looks for wrappers at the first call,
// and runs the call inside of its wrappers.
__attribute__((noinline)) tn_status tn__call_gated(tn__call *call);

// Runs |call| as if nothing were wrapped; its parts are wrapped.
tn_status tn__call_pass(tn__call *call);

// ---- registration. Registry locked for all of these.
// A table that has |count| more wrappers, owned by |owner| (a name that is never freed); NULL when
// memory is out. Publishing makes it the one that calls see; dropping forgets it.
tn__wrap_table *tn__wrap_table_with(const tn_wrapper *wrappers, int32_t count, const char *owner);
void tn__wrap_publish(tn__wrap_table *table);
void tn__wrap_drop(tn__wrap_table *table);

// Opens what the settings put around calls, once. errors: a backend that is named, wraps calls and
// cannot be had, which every call says again; a setting of what is built in, said once
__attribute__((cold, noinline)) tn_status tn__wrap_settle(void);

// Whether the comma-separated |globs| match one of an operator's names: its own, or that of the
// operator that it is a form of.
bool tn__wrap_matches(const char *globs, const tn_op *op);

// Which backend's kernel served the call, NULL for views and where parts ran.
const char *tn__call_provider(const tn__call *call);
// Why that one: "rank", "TENON_PROVIDER rule 'conv*=onednn'", "onednn declined: ...", "composed of
// other operators". After a call that the gate let through, on its thread (resolve.c).
// The text is static or in |text|.
const char *tn__wrapped_reason(const tn__call *call, char *text, size_t size);

#endif  // TENON_CORE_WRAP_H_
