// SPDX-License-Identifier: Apache-2.0
//
// wrap: see wrap.h. The innermost `next` runs the call as if nothing were wrapped: it is marked on
// its thread as the one that the gate lets through, once. A wrapper's own calls (a cast) are seen
// only by wrappers further in, so that none can call itself without end.

#include "wrap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/error.h>
#include <tenon/ops.h>

#include "backend.h"
#include "need.h"
#include "op_glob.h"
#include "process.h"
#include "registry.h"
#include "scope_impl.h"
#include "text.h"
#include "trace.h"
#include "verify.h"

// ---- the table ---------------------------------------------------------------------------------

struct tn__wrap_table {
  struct tn__wrap_table *older;  // kept until the process ends: calls may be inside
  int32_t count;
  tn__wrap_entry *entries;        // in order, outermost first
  const tn__wrap_chain **chains;  // [op id], NULL where nobody looks
};

static _Atomic(tn__wrap_table *) current_table;

bool tn__wrap_matches(const char *globs, const tn_op *op) {
  return tn__op_globs_match(globs, op->name) ||
         tn__op_globs_match(globs, tn__op_table[op->run_id].name);
}

static void table_free(tn__wrap_table *table) {
  if (table == NULL) return;
  for (int32_t op = 0; table->chains != NULL && op < tn__op_table_count; op++) {
    free((void *)(uintptr_t)table->chains[op]);
  }
  free((void *)(uintptr_t)table->chains);
  free(table->entries);
  free(table);
}

static int compare_keys(const void *a, const void *b) {
  uint64_t x = ((const tn__wrap_entry *)a)->key, y = ((const tn__wrap_entry *)b)->key;
  return x < y ? -1 : x > y;
}

// The chain of one operator; *failed when memory is out.
static tn__wrap_chain *chain_of(const tn__wrap_table *table, const tn_op *op, bool *failed) {
  int32_t count = 0;
  for (int32_t i = 0; i < table->count; i++) {
    count += tn__wrap_matches(table->entries[i].wrapper.operators, op);
  }
  if (count == 0) return NULL;
  tn__wrap_chain *chain =
      tn__malloc(sizeof *chain + (size_t)count * sizeof(const tn__wrap_entry *));
  *failed = chain == NULL;
  if (chain == NULL) return NULL;
  chain->count = 0;
  for (int32_t i = 0; i < table->count; i++) {
    const tn__wrap_entry *entry = &table->entries[i];
    if (tn__wrap_matches(entry->wrapper.operators, op)) chain->entries[chain->count++] = entry;
  }
  return chain;
}

tn__wrap_table *tn__wrap_table_with(const tn_wrapper *wrappers, int32_t count, const char *owner) {
  tn__wrap_table *old = atomic_load_explicit(&current_table, memory_order_relaxed);
  int32_t old_count = old == NULL ? 0 : old->count;
  tn__wrap_table *table = tn__calloc(1, sizeof *table);
  if (table == NULL) return NULL;
  table->count = old_count + count;
  table->entries = tn__calloc((size_t)table->count, sizeof *table->entries);
  table->chains = tn__calloc((size_t)tn__op_table_count, sizeof *table->chains);
  bool failed = table->entries == NULL || table->chains == NULL;
  for (int32_t i = 0; !failed && i < table->count; i++) {
    if (i < old_count) {
      table->entries[i] = old->entries[i];
      continue;
    }
    const tn_wrapper *added = &wrappers[i - old_count];
    uint64_t inward = (uint64_t)((int64_t)INT32_MAX - added->rank);
    table->entries[i] = (tn__wrap_entry){*added, owner, inward << 32 | (uint64_t)i};
  }
  if (!failed) qsort(table->entries, (size_t)table->count, sizeof *table->entries, compare_keys);
  for (int32_t op = 0; !failed && op < tn__op_table_count; op++) {
    table->chains[op] = chain_of(table, &tn__op_table[op], &failed);
  }
  if (!failed) return table;
  table_free(table);
  tn__out_of_memory("a table of wrappers", sizeof *table);
  return NULL;
}

void tn__wrap_publish(tn__wrap_table *table) {
  if (table == NULL) return;
  table->older = atomic_load_explicit(&current_table, memory_order_relaxed);
  atomic_store_explicit(&current_table, table, memory_order_release);
  atomic_fetch_or_explicit(&tn__gate, TN__GATE_WRAPPED, memory_order_release);
}

void tn__wrap_drop(tn__wrap_table *table) { table_free(table); }

// ---- settling ----------------------------------------------------------------------------------

tn_status tn__wrap_settle(void) {
  static bool settling;  // registry locked
  tn_status status = TN_OK;
  tn__registry_lock();
  if ((tn__gate_load() & TN__GATE_UNSETTLED) && !settling) {
    settling = true;
    status = tn__loader_open_wrappers();
    if (status == TN_OK) {
      tn_status watched = tn__verify_open();
      status = tn__trace_open();
      if (watched != TN_OK) status = watched;
      atomic_fetch_and_explicit(&tn__gate, ~(uint32_t)TN__GATE_UNSETTLED, memory_order_release);
    }
    settling = false;
  }
  tn__registry_unlock();
  return status;
}

// ---- what ran ----------------------------------------------------------------------------------

const char *tn__call_provider(const tn__call *call) {
  return call->kernel == NULL ? NULL : call->kernel->backend->facts.name;
}

// ---- the entries of the table that wrappers are handed -----------------------------------------

static const tn_wrap_api wrap_api;

static const char *api_op(tn_wrapped_call *frame) { return frame->call->op->name; }
static int32_t api_depth(tn_wrapped_call *frame) { return frame->depth; }

static void describe(tn_view *view, const tn_tensor *tensor) {
  memset(view, 0, sizeof *view);
  if (tensor == NULL || tn__is_none(tensor)) {
    static const int64_t nothing[1] = {0};
    view->sizes = view->strides = nothing;
    view->flags = TN_VIEW_ABSENT;
    return;
  }
  view->data = tensor->data;
  view->sizes = tensor->sizes;
  view->strides = tensor->strides;
  view->rank = tensor->rank;
  view->dtype = tensor->dtype;
  view->flags = tn__is_contiguous(tensor) ? TN_VIEW_CONTIGUOUS : 0;
  view->numel = tensor->numel;
  view->device = tensor->device;
  if (tensor->storage == NULL) {
    memcpy(&view->immediate, tensor->data, tensor->item_bytes);
    view->data = &view->immediate;
    view->flags = TN_VIEW_IMMEDIATE;
    return;
  }
  view->storage_id = tensor->storage->id;
  view->version = atomic_load_explicit(&tensor->storage->version, memory_order_relaxed);
}

static int32_t result_count(const tn_wrapped_call *frame) {
  const tn__call *call = frame->call;
  if (!call->op->returns_list) return call->output_count;
  return frame->ran ? (int32_t)call->list->count : 0;
}

static const tn_tensor *result_at(const tn_wrapped_call *frame, int32_t i) {
  const tn__call *call = frame->call;
  if (!frame->ran) return call->given == NULL ? NULL : call->given[i];
  return call->op->returns_list ? call->list->tensors[i] : call->outs[i];
}

static const tn_args *api_args(tn_wrapped_call *frame) {
  tn__call *call = frame->call;
  int32_t results = result_count(frame);
  uint32_t count = (uint32_t)(results + call->input_count);
  if (count > frame->view_capacity || frame->args.views == NULL) {
    frame->args.views = tn__call_block(call, (count + 1) * sizeof(tn_view));
    frame->view_capacity = frame->args.views == NULL ? 0 : count;
    if (frame->args.views == NULL) return NULL;
  }
  frame->args.struct_size = sizeof frame->args;
  frame->args.view_count = count;
  frame->args.output_count = (uint32_t)results;
  frame->args.attrs_size = call->op->attrs_size;
  frame->args.attrs = call->attrs;
  tn_view *view = frame->args.views;
  for (int32_t i = 0; i < results; i++) describe(view++, result_at(frame, i));
  for (int32_t i = 0; i < call->input_count; i++) describe(view++, call->inputs[i]);
  return &frame->args;
}

static const char *api_provider(tn_wrapped_call *frame) {
  return frame->ran ? tn__call_provider(frame->call) : NULL;
}

static const char *api_reason(tn_wrapped_call *frame) {
  enum { ROOM = 512 };
  if (!frame->ran) return "it has not run";
  if (frame->reason == NULL) frame->reason = tn__call_block(frame->call, ROOM);
  if (frame->reason == NULL) return "";
  return tn__wrapped_reason(frame->call, frame->reason, ROOM);
}

static tn_status api_error(tn_wrapped_call *frame, tn_status status, const char *format, ...)
    TN_PRINTF(3, 4);
static tn_status api_error(tn_wrapped_call *frame, tn_status status, const char *format, ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (status == TN_OK) status = TN_INTERNAL;
  const char *owner = frame->chain->entries[frame->position]->owner;
  return tn__call_error_of(frame->call, status, owner, message);
}

// ---- casts -------------------------------------------------------------------------------------

// |tensor| as |dtype|, recorded as any cast. Raw.
static tn_tensor *cast_raw(tn_tensor *tensor, tn_dtype dtype) {
  tn_scope *scope = tn__tls.scope;
  tn_tensor *cast = tn_to(tensor, tensor->device, dtype);
  if (cast != NULL && scope != NULL && !tn__scope_take(scope, cast)) tn__retain_raw(cast);
  return cast;
}

// Room for cast operands, made at the first cast.
static tn_status make_casts(tn_wrapped_call *frame) {
  tn__call *call = frame->call;
  uint64_t bytes = sizeof(tn_tensor *) * (uint64_t)call->input_count;
  tn_tensor **room = tn__call_block(call, 2 * bytes);
  if (room == NULL) return TN_OUT_OF_MEMORY;
  memcpy(room, call->inputs, bytes);
  memset(room + call->input_count, 0, bytes);
  frame->cast_inputs = room;
  frame->casts = room + call->input_count;
  call->inputs = call->operands = room;
  return TN_OK;
}

static tn_status api_cast(tn_wrapped_call *frame, uint32_t operand, tn_dtype dtype) {
  tn__call *call = frame->call;
  if (operand >= (uint32_t)call->input_count) {
    return api_error(frame, TN_OUT_OF_RANGE, "there is no operand %u to cast: %d were given",
                     operand, call->input_count);
  }
  if (dtype <= TN_DTYPE_NONE || dtype >= TN_DTYPE_COUNT) {
    return api_error(frame, TN_INVALID_DTYPE, "%d is no dtype to cast to", dtype);
  }
  tn_tensor *tensor = call->inputs[operand];
  // Numbers take the dtype of what they meet; what is absent has none.
  if (tensor == NULL || tn__is_none(tensor) || tensor->storage == NULL || tensor->dtype == dtype) {
    return TN_OK;
  }
  tn_status status = frame->cast_inputs == NULL ? make_casts(frame) : TN_OK;
  if (status != TN_OK) return status;
  tn_tensor *cast = cast_raw(tensor, dtype);
  if (cast == NULL) return tn__failure();
  if (frame->casts[operand] != NULL) tn__release_raw(frame->casts[operand]);
  frame->cast_inputs[operand] = frame->casts[operand] = cast;
  return TN_OK;
}

static void drop_casts(tn_wrapped_call *frame) {
  tn__call *call = frame->call;
  if (frame->cast_inputs == NULL) return;
  call->inputs = call->operands = frame->given_inputs;
  for (int32_t i = 0; i < call->input_count; i++) {
    if (frame->casts[i] != NULL) tn__release_raw(frame->casts[i]);
  }
}

// ---- running -----------------------------------------------------------------------------------

static void drop_results(tn_wrapped_call *frame) {
  tn__call *call = frame->call;
  if (!frame->ran) return;
  frame->ran = false;
  if (call->op->returns_list) {
    tn_list_release(call->list);
    call->list = NULL;
  } else {
    tn__call_drop_outs(call);
  }
}

tn_status tn__call_pass(tn__call *call) {
  tn__thread *thread = call->thread;
  thread->passing = call;
  tn_status status = tn__call_run(call);
  thread->passing = NULL;
  return status;
}

// The call itself.
static tn_status run_call(tn_wrapped_call *frame) {
  if (!frame->fresh) tn__call_rewind(frame->call);
  frame->fresh = false;
  frame->inner_floor = frame->floor;
  tn_status status = tn__call_pass(frame->call);
  frame->ran = status == TN_OK;
  return status;
}

static bool is_status(tn_status status) {
  switch (status) {
#define X(name, value, text) case TN_##name:
    TN_STATUS_TABLE(X)
#undef X
    return true;
    default:
      return false;
  }
}

// What a wrapper's answer comes to.
static tn_status judge(tn_wrapped_call *frame, const tn__wrap_entry *entry, tn_status status) {
  const char *name = entry->wrapper.name;
  if (status == TN_OK && frame->ran) return TN_OK;
  if (status == TN_OK && frame->failed) return tn__failure();
  if (status == TN_OK) {
    return api_error(frame, TN_INTERNAL, "the wrapper '%s' said ok without having run the call",
                     name);
  }
  drop_results(frame);
  if (!is_status(status)) {
    int answer = (int)status;
    return api_error(frame, TN_INTERNAL, "the wrapper '%s' answered %d, which is no status", name,
                     answer);
  }
  if (tn_ok()) api_error(frame, status, "the wrapper '%s' failed and gave no reason", name);
  return status;
}

// The wrapper at |position| and all inside of it, or the call.
static tn_status run_from(tn_wrapped_call *frame, int32_t position) {
  if (frame->chain == NULL || position == frame->chain->count) return run_call(frame);
  const tn__wrap_entry *entry = frame->chain->entries[position];
  int32_t outer_position = frame->position;
  uint64_t outer_floor = frame->inner_floor;
  frame->position = position;
  frame->inner_floor = entry->key + 1;
  tn_status status = entry->wrapper.call(entry->wrapper.self, &wrap_api, frame);
  status = judge(frame, entry, status);
  frame->position = outer_position;
  frame->inner_floor = outer_floor;
  return status;
}

// A run after a failed one starts with a clean slate, unless the error was there before the call.
static tn_status api_next(tn_wrapped_call *frame) {
  if (frame->failed && frame->was_ok) tn_error_clear();
  drop_results(frame);
  uint64_t floor = frame->inner_floor;
  tn_status status = run_from(frame, frame->position + 1);
  frame->inner_floor = floor;
  frame->failed = status != TN_OK;
  return status;
}

static const tn_wrap_api wrap_api = {
    .struct_size = sizeof(tn_wrap_api),
    .op = api_op,
    .depth = api_depth,
    .args = api_args,
    .next = api_next,
    .provider = api_provider,
    .reason = api_reason,
    .cast = api_cast,
    .error = api_error,
};

// The first wrapper of |chain| that may see what |floor| allows.
static int32_t first_above(const tn__wrap_chain *chain, uint64_t floor) {
  int32_t position = 0;
  while (position < chain->count && chain->entries[position]->key < floor) position++;
  return position;
}

static tn_status run_framed(tn__call *call, const tn__wrap_chain *chain) {
  tn__thread *thread = call->thread;
  tn_wrapped_call *outer = thread->wrapped;
  tn_wrapped_call frame = {.call = call,
                           .chain = chain,
                           .outer = outer,
                           .depth = outer == NULL ? 0 : outer->depth + 1,
                           .floor = outer == NULL ? 0 : outer->inner_floor,
                           .fresh = true,
                           .was_ok = tn_ok(),
                           .given_inputs = call->inputs};
  frame.inner_floor = frame.floor;
  thread->wrapped = &frame;
  tn_status status = run_from(&frame, chain == NULL ? 0 : first_above(chain, frame.floor));
  thread->wrapped = outer;
  drop_casts(&frame);
  // An error that a wrapper made up for is none of the program's.
  if (status == TN_OK && frame.was_ok && !tn_ok()) tn_error_clear();
  return status;
}

tn_status tn__call_gated(tn__call *call) {
  if (tn__gate_load() & TN__GATE_CLOSED) return tn__process_error();
  if (tn__gate_load() & TN__GATE_UNSETTLED) {
    tn_status status = tn__wrap_settle();
    if (status != TN_OK) return status;
  }
  tn_wrapped_call *outer = call->thread->wrapped;
  tn__wrap_table *table = atomic_load_explicit(&current_table, memory_order_acquire);
  if (table == NULL || (outer != NULL && outer->muted)) return tn__call_pass(call);
  return run_framed(call, table->chains[call->op->id]);
}
