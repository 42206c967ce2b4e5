// SPDX-License-Identifier: Apache-2.0
//
// dispatch: see dispatch.h. The order of the stages is the order of the functions here; what a
// stage needs only in rare cases stands in a function of its own, out of the way of the common
// call.

#include "dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>

#include "autograd.h"
#include "backend.h"
#include "dtype.h"
#include "fallback.h"
#include "log.h"
#include "memory.h"
#include "need.h"
#include "op_ids.h"
#include "process.h"
#include "provider_rules.h"
#include "scope_impl.h"
#include "stream_impl.h"
#include "text.h"
#include "wrap.h"

// ---- the call's memory -------------------------------------------------------------------------

typedef struct call_block {
  struct call_block *next;
  void *unused[7];  // what follows is 64-byte aligned
} call_block;

void *tn__call_block(tn__call *call, uint64_t size_bytes) {
  call_block *block = size_bytes > INT64_MAX / 2 ? NULL : tn__allocate(sizeof *block + size_bytes);
  if (block == NULL) {
    tn__out_of_memory(call->op->name, size_bytes);
    return NULL;
  }
  block->next = call->blocks;
  call->blocks = block;
  return block + 1;
}

void tn__call_init(tn__call *call, const tn_op *op, tn_tensor *const *inputs, int32_t input_count,
                   void *attrs) {
  call->thread = &tn__tls;
  call->op = op;
  call->inputs = inputs;
  call->operands = inputs;
  call->input_count = input_count;
  call->output_count = op->result_count;
  call->attrs = attrs;
  call->given = NULL;
  call->kernel = NULL;
  call->views = call->inline_views;
  call->ints_used = 0;
  call->blocks = NULL;
  call->temporary_count = 0;
  call->copied_outs = 0;
  call->uniform = false;
  call->untracked = false;
  call->reserved = false;
  call->fell_back = false;
  call->outs[0] = NULL;
}

static void free_blocks(tn__call *call) {
  call_block *block = call->blocks;
  while (block != NULL) {
    call_block *next = block->next;
    tn__deallocate(block);
    block = next;
  }
}

void tn__call_end(tn__call *call) {
  for (int32_t i = 0; i < call->temporary_count; i++) tn__release_raw(call->temporaries[i]);
  if (call->blocks != NULL) free_blocks(call);
}

void tn__call_rewind(tn__call *call) {
  for (int32_t i = 0; i < call->temporary_count; i++) tn__release_raw(call->temporaries[i]);
  call->temporary_count = 0;
  call->operands = call->inputs;
  call->kernel = NULL;
  call->copied_outs = 0;
  call->uniform = false;
  call->untracked = false;
  call->fell_back = false;
}

void tn__call_drop_outs(tn__call *call) {
  for (int32_t i = 0; i < call->output_count; i++) {
    bool own = call->given == NULL || call->outs[i] != call->given[i];
    if (own && call->outs[i] != NULL) tn__release_raw(call->outs[i]);
    call->outs[i] = NULL;
  }
}

// ---- operands ----------------------------------------------------------------------------------

// The schema argument that input |input| belongs to.
static const tn__arg *arg_of_input(const tn_op *op, int32_t input) {
  int32_t seen = 0;
  const bool in_list = op->has_list && input >= op->tensor_count;
  for (int32_t i = 0; i < op->arg_count; i++) {
    const tn__arg *arg = &op->args[i];
    if (arg->kind > TN__ARG_OPTIONAL_IMMEDIATE) continue;
    if (tn__arg_is_list(arg) ? in_list : seen++ == input) return arg;
  }
  return &op->args[0];
}

tn_status tn__absent_operand(tn__call *call, int32_t input) {
  const tn__arg *arg = arg_of_input(call->op, input);
  if (call->inputs[input] == NULL) {
    tn__null_operand(call->op->name, arg->name);
    return tn_error_peek()->status;
  }
  if (arg->kind == TN__ARG_OPTIONAL_TENSOR || arg->kind == TN__ARG_OPTIONAL_IMMEDIATE ||
      arg->kind == TN__ARG_OPTIONAL_TENSORS) {
    return TN_OK;
  }
  return tn__op_error(call, TN_INVALID_ARGUMENT, arg->name,
                      "the operand is required, and was TN_NONE");
}

static tn_status device_mismatch(tn__call *call, int32_t input) {
  char a[48], b[48];
  return tn__op_error(call, TN_DEVICE_MISMATCH, arg_of_input(call->op, input)->name,
                      "operands are on two devices, '%s' and '%s'; move one with tn_to",
                      tn_device_name(call->device, a, sizeof a),
                      tn_device_name(call->inputs[input]->device, b, sizeof b));
}

// Numbers and 0-dim cpu tensors go along with any device.
static bool is_portable(const tn_tensor *tensor) {
  return tensor->rank == 0 && tensor->device.type == TN__DEVICE_TYPE_CPU;
}

// Checks operands and finds their common device.
static tn_status check_operands(tn__call *call) {
  tn_device device = TN_DEVICE_DEFAULT;
  bool portable = false;
  bool raw = (call->op->def->flags & TN_OP_RAW_INPUTS) != 0;
  call->device = device;
  for (int32_t i = 0; i < call->input_count; i++) {
    const tn_tensor *input = call->inputs[i];
    if (__builtin_expect(input == NULL || tn__is_none(input), 0)) {
      tn_status status = tn__absent_operand(call, i);
      if (status != TN_OK) return status;
      continue;
    }
    if (is_portable(input)) {
      portable = true;
    } else if (device.type == 0) {
      device = call->device = input->device;
    } else if (!raw && !tn_device_equal(device, input->device)) {
      return device_mismatch(call, i);
    }
  }
  if (device.type == 0 && portable) call->device = TN_DEVICE_CPU;
  return TN_OK;
}

// ---- the key dtype -----------------------------------------------------------------------------

static tn_status no_common_dtype(tn__call *call) {
  return tn__op_error(call, TN_INVALID_DTYPE, "",
                      "the operands have no common dtype; cast one with tn_to");
}

// Operators that do not promote want one dtype.
static tn_status key_of_first(tn__call *call) {
  tn_dtype key = TN_DTYPE_NONE;
  bool raw = (call->op->def->flags & TN_OP_RAW_INPUTS) != 0;
  for (int32_t i = 0; i < call->input_count; i++) {
    const tn_tensor *input = call->inputs[i];
    if (tn__is_none(input) || tn__is_exempt(call->op->def, i)) continue;
    if (input->flags & TN__TENSOR_WRAPPED_NUMBER && i > 0) continue;
    if (key == TN_DTYPE_NONE) {
      key = input->dtype;
      if (raw) break;
    } else if (key != input->dtype) {
      return tn__op_error(call, TN_INVALID_DTYPE, arg_of_input(call->op, i)->name,
                          "expected %s as the other operands have, not %s", tn_dtype_name(key),
                          tn_dtype_name(input->dtype));
    }
  }
  call->key = key;
  return TN_OK;
}

static tn_status promoted_key(tn__call *call) {
  const tn_op_def *def = call->op->def;
  tn_tensor *const *inputs = call->inputs;
  tn_dtype key;
  if (call->input_count == 1 ||
      (call->input_count == 2 && def->exempt == 0 && inputs[0]->dtype == inputs[1]->dtype)) {
    key = inputs[0]->dtype;
  } else {
    key = tn__result_type(inputs, call->input_count, def->exempt);
    if (key == TN_DTYPE_NONE) return no_common_dtype(call);
  }
  if (def->promote == TN_PROMOTE_INT_TO_FLOAT &&
      tn_dtype_in(key, TN_DTYPES_INTEGER | TN_DTYPE_BIT(TN_BOOL))) {
    key = tn_default_dtype();
  }
  call->key = key;
  return TN_OK;
}

static tn_status check_dtype(tn__call *call) {
  const tn_op_def *def = call->op->def;
  if (def->dtypes == 0 || call->key == TN_DTYPE_NONE || tn_dtype_in(call->key, def->dtypes)) {
    return TN_OK;
  }
  return tn__op_error(call, TN_INVALID_DTYPE, "self", "not implemented for dtype %s",
                      tn_dtype_name(call->key));
}

// Lists and dtypes come from the caller as they are. What no list or dtype can be is refused here,
// so that nothing behind follows a NULL or looks up a table with it.
static tn_status check_attrs(tn__call *call) {
  enum { LONGEST_LIST = 1 << 20 };
  for (int32_t i = 0; i < call->op->arg_count; i++) {
    const tn__arg *arg = &call->op->args[i];
    const char *field = (const char *)call->attrs + arg->attr_offset;
    if (TN__IS_LIST(arg->kind)) {
      tn_ints list = tn__list_at(field);
      bool absent = list.count == -1 && list.data == NULL;
      if (absent || (list.count >= 0 && list.count <= LONGEST_LIST &&
                     (list.count == 0 || list.data != NULL))) {
        continue;
      }
      return tn__op_error(call, TN_INVALID_ARGUMENT, arg->name, "a list of %lld numbers%s",
                          (long long)list.count, list.data == NULL ? " without data" : "");
    }
    if (arg->kind == TN__ARG_DTYPE) {
      tn_dtype dtype = *(const tn_dtype *)(const void *)field;
      if (dtype >= TN_DTYPE_NONE && dtype < TN_DTYPE_COUNT) continue;
      return tn__op_error(call, TN_INVALID_DTYPE, arg->name, "%d is no dtype", dtype);
    }
  }
  return TN_OK;
}

// ---- bodies ------------------------------------------------------------------------------------

// The result is a window on input 0's storage.
static tn_status run_alias(tn__call *call) {
  tn_tensor *self = call->inputs[0];
  const tn__result *result = &call->results[0];
  tn_tensor *view = tn__tensor_on(self->storage, result->rank, result->sizes, result->strides,
                                  result->offset, result->dtype);
  if (view == NULL) return TN_OUT_OF_MEMORY;
  call->outs[0] = view;
  if (!(call->op->def->flags & TN_OP_NONDIFFERENTIABLE)) {
    tn_tensor *root = self->base == NULL ? self : self->base;
    tn__retain_raw(root);
    view->base = root;
    atomic_init(&view->base_epoch, root->epoch);
  }
  return TN_OK;
}

static const char too_old[] = "compiled before the attributes that it was given";

// Why |kernel| does not take the described views; NULL where it does.
static inline const char *decline(const tn__call *call, const tn__kernel *kernel) {
  if (!tn__call_attrs_fit(call, kernel)) return too_old;
  const tn_kernel_row *row = &kernel->row;
  return row->supports == NULL ? NULL : row->supports(row->self, &call->args);
}

static __attribute__((noinline)) void note_decline(tn__call *call, const tn__kernel *kernel,
                                                   const char *reason) {
  call->declined = kernel;
  call->decline = reason;
  tn__log(TN__LOG_DEBUG, "dispatch", "%s: %s declines: %s", call->op->name,
          kernel->backend->facts.name, reason);
}

const tn__kernel *tn__call_select(tn__call *call, const tn__chain *chain) {
  for (int32_t i = 0; i < chain->count; i++) {
    const tn__kernel *kernel = chain->kernels[i];
    const char *reason = decline(call, kernel);
    if (__builtin_expect(reason == NULL, 1)) return kernel;
    note_decline(call, kernel, reason);
  }
  return NULL;
}

// The same among the kernels of one backend.
static const tn__kernel *select_of(tn__call *call, const tn__chain *chain,
                                   const tn__backend *backend) {
  for (int32_t i = 0; i < chain->count; i++) {
    const tn__kernel *kernel = chain->kernels[i];
    if (kernel->backend != backend) continue;
    const char *reason = decline(call, kernel);
    if (reason == NULL) return kernel;
    note_decline(call, kernel, reason);
  }
  return NULL;
}

static bool all_results_empty(const tn__call *call) {
  for (int32_t i = 0; i < call->output_count; i++) {
    if (call->outs[i]->numel != 0) return false;
  }
  return true;
}

// A reduction over no elements is its identity.
static tn_status fill_identity(tn__call *call) {
  const tn_op_def *def = call->op->def;
  if (!def->has_identity) {
    return tn__op_error(call, TN_INVALID_ARGUMENT, "self",
                        "cannot reduce over no elements: the operation has no identity");
  }
  for (int32_t i = 0; i < call->output_count; i++) {
    tn_status status = tn__fill(call->outs[i], tn_scalar_float(def->identity));
    if (status != TN_OK) return status;
  }
  return TN_OK;
}

tn_status tn__call_kernel_failed(tn__call *call, tn_status status) {
  if (tn_ok()) {
    tn__call_kernel_error(call, status, "the kernel failed and gave no reason");
  }
  return status;
}

tn_status tn__call_out_of_memory(const tn__call *call) {
  tn__error_name_op(call->op->name);
  return tn__failure();
}

// Says which stream uses the memory of the operands and results, and what makes the results.
static tn_status note_memory(const tn__call *call, tn_stream *stream) {
  tn_status status = TN_OK;
  for (int32_t i = 0; i < call->output_count && status == TN_OK; i++) {
    const tn_tensor *out = call->outs[i];
    if (out == NULL) continue;  // the kernel creates it
    if (call->given == NULL) tn__memory_made_by(out->storage, call->op->name);
    status = tn__memory_record_use(out->storage, stream);
  }
  for (int32_t i = 0; i < call->input_count && status == TN_OK; i++) {
    const tn_tensor *operand = call->operands[i];
    if (operand->storage != NULL) status = tn__memory_record_use(operand->storage, stream);
  }
  return status;
}

tn_status tn__call_enter_stream(tn__call *call, void **native) {
  tn_stream *stream = tn__stream_here(call->device);
  tn__stream_note(stream, call->op->name);
  *native = stream->native;
  tn_status noted = note_memory(call, tn__stream_or_null(stream));
  return noted == TN_OK ? TN_OK : tn__call_out_of_memory(call);
}

// Moves results that the kernel could not write in place into the given tensors.
static tn_status copy_outs(tn__call *call) {
  tn_status status = TN_OK;
  for (int32_t i = 0; i < call->output_count; i++) {
    if (!((call->copied_outs >> i) & 1)) continue;
    if (status == TN_OK) status = tn__cast_into(call->given[i], call->outs[i]);
    tn__release_raw(call->outs[i]);
    call->outs[i] = call->given[i];
  }
  return status;
}

// Lets the kernel create call->outs, which it may have forgotten to do.
static __attribute__((noinline)) tn_status create_outs(tn__call *call) {
  tn_status status = tn__call_kernel(call);
  for (int32_t i = 0; i < call->output_count && status == TN_OK; i++) {
    if (call->outs[i] != NULL) continue;
    status = tn__call_kernel_error(call, TN_INTERNAL, "the kernel created no result");
  }
  return status;
}

// Lets the kernel write call->outs, or writes what needs no kernel.
static inline tn_status fill_outs(tn__call *call) {
  uint32_t flags = call->op->def->flags;
  if (__builtin_expect(flags & TN_OP_DATA_SHAPE, 0)) return create_outs(call);
  if (__builtin_expect(call->outs[0]->numel == 0, 0) && all_results_empty(call)) return TN_OK;
  if ((flags & TN_OP_REDUCTION) && call->inputs[0]->numel == 0) return fill_identity(call);
  return tn__call_kernel(call);
}

static tn_status run_kernel(tn__call *call) {
  tn_status status = tn__call_prepare(call);
  if (status != TN_OK) return status;
  status = fill_outs(call);
  if (status != TN_OK) return status;
  return call->copied_outs == 0 ? TN_OK : copy_outs(call);
}

// What each kernel of |chain| says against the call.
static void append_reasons(const tn__call *call, const tn__chain *chain, tn__text *text) {
  for (int32_t i = 0; i < chain->count; i++) {
    const char *reason = decline(call, chain->kernels[i]);
    tn__text_append(text, "%s%s: %s", i ? "; " : "", chain->kernels[i]->backend->facts.name,
                    reason == NULL ? "accepts" : reason);
  }
}

static tn_status no_kernel(tn__call *call, const tn__chain *chain) {
  char device[48];
  tn_device_name(call->device, device, sizeof device);
  const bool was_ok = tn_ok();  // an error that was there before stays as it is
  const char *hint =
      call->device.type == TN__DEVICE_TYPE_CPU
          ? "`tenon ops` lists which backend has a kernel for what"
          : "TENON_FALLBACK=cpu runs it on the cpu instead, with copies there and back";
  tn__text story = {NULL, 0, 0};
  tn__text_append(&story,
                  chain == NULL ? "no backend has a kernel for dtype %s on device '%s'"
                                : "no kernel for dtype %s on device '%s' accepts: ",
                  tn_dtype_name(call->key), device);
  if (chain != NULL) append_reasons(call, chain, &story);
  tn_status status =
      tn__call_error(call, TN_UNIMPLEMENTED, &(tn__error_details){call->op->name, NULL, NULL, hint},
                     story.data == NULL ? "no kernel" : story.data);
  free(story.data);
  if (was_ok && chain == NULL && tn__chain_tables[call->device.type]->kernel_count == 0) {
    char *report = tn_load_report();
    tn__error_note("\nload report:\n%s", report == NULL ? "" : report);
    free(report);
  }
  return status;
}

// An error of a part also says what the program called.
static tn_status note_composite(const tn__call *call, tn_status status, bool was_ok) {
  const tn_error *error = tn_error_peek();
  if (was_ok && error != NULL && strcmp(error->op, call->op->name) != 0) {
    tn__error_note(" [a part of %s]", call->op->name);
  }
  return status;
}

// Composes where TENON_PROVIDER has rules about composed operators: what runs and what is recorded
// on the way is under the rule.
static __attribute__((noinline)) tn_status compose_ruled(tn__call *call, tn_compose *compose) {
  const int32_t outer = call->thread->provider_rule;
  const int32_t rule = tn__composite_rule_of(call->op, call->key, outer);
  call->thread->provider_rule = rule;
  tn_status status = call->op->def->compose(compose);
  call->thread->provider_rule = outer;
  if (status != TN_OK || rule == 0) return status;
  bool list = call->op->returns_list;
  if (list && compose->list == NULL) return status;
  tn__record_rule(list ? compose->list->tensors : compose->results,
                  list ? (int32_t)compose->list->count : call->output_count, call->inputs,
                  call->input_count, rule);
  return status;
}

// Runs the operator as other operators, in a scope of its own.
static __attribute__((noinline)) tn_status run_composed(tn__call *call) {
  const bool was_ok = tn_ok();
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return TN_OUT_OF_MEMORY;
  tn_compose compose = {
      .call = call, .inputs = call->inputs, .input_count = call->input_count, .attrs = call->attrs};
  int32_t rules = atomic_load_explicit(&tn__composite_rules, memory_order_relaxed);
  tn_status status = __builtin_expect(rules == TN__COMPOSITE_RULES_NONE, 1)
                         ? call->op->def->compose(&compose)
                         : compose_ruled(call, &compose);
  bool list = call->op->returns_list;
  for (int32_t i = 0; status == TN_OK && !list && i < call->output_count; i++) {
    if (compose.results[i] == NULL) status = tn_ok() ? TN_INTERNAL : tn_error_peek()->status;
  }
  if (status == TN_OK && list && compose.list == NULL) status = tn_error_peek()->status;
  if (status == TN_OK && list) {
    tn__scope_take_list(scope, compose.list);
    call->list = compose.list;
  }
  for (int32_t i = 0; status == TN_OK && !list && i < call->output_count; i++) {
    // What the scope owns moves out; what it does not (an operand, say) is retained.
    if (!tn__scope_take(scope, compose.results[i])) tn__retain_raw(compose.results[i]);
    call->outs[i] = compose.results[i];
  }
  tn_scope_close(scope);
  return status == TN_OK ? TN_OK : note_composite(call, status, was_ok);
}

// ---- the path ----------------------------------------------------------------------------------

static tn_status infer_results(tn__call *call) {
  const tn_op_def *def = call->op->def;
  tn_dtype dtype = def->result_dtype != TN_DTYPE_NONE ? def->result_dtype : call->key;
  for (int32_t i = 0; i < call->output_count; i++) {
    call->results[i].dtype = dtype;
    call->results[i].reduced = 0;
  }
  tn_infer infer = {.call = call,
                    .inputs = call->inputs,
                    .input_count = call->input_count,
                    .result_count = call->output_count,
                    .attrs = call->attrs,
                    .key = call->key,
                    .device = call->device,
                    .results = call->results};
  tn_status status = def->check == NULL ? TN_OK : def->check(call, call->attrs, call->key);
  if (status != TN_OK) return status;
  status = def->infer != NULL ? def->infer(&infer) : tn__infer_pointwise(&infer);
  call->key = infer.key;
  call->device = infer.device;
  return status;
}

// Takes a range of the generator's offsets, unless the call brings its own.
static tn_status reserve_random(tn__call *call) {
  tn_philox_state *state =
      (tn_philox_state *)(void *)((char *)call->attrs + call->op->generator_offset);
  if (state->seed != 0 || state->offset != 0 || call->reserved) return TN_OK;
  int64_t draws = tn__numel(call->results[0].rank, call->results[0].sizes, 1);
  *state = tn__generator_reserve(call->device, draws < 0 ? 0 : (uint64_t)draws);
  call->reserved = true;  // also where the call is run again
  return TN_OK;
}

// Selects where the chain at hand had nothing to offer at first sight: opens what claims the
// operator, and heeds the rule of the composed operator that this is a part of.
static __attribute__((noinline)) tn_status find_behind(tn__call *call, const tn__chain **chain) {
  tn_status status = tn__registry_chain(call->device.type, call->op->run_id, call->key, chain);
  if (status != TN_OK || *chain == NULL) return status;
  int32_t rule = call->thread->provider_rule;
  if (rule != 0 && ((*chain)->rule == 0 || rule < (*chain)->rule)) {
    call->kernel = select_of(call, *chain, tn__provider_rule_at(rule)->backend);
  }
  if (call->kernel == NULL) call->kernel = tn__call_select(call, *chain);
  return TN_OK;
}

// Selects a kernel for a described call, opening backends at the first need.
static tn_status find_kernel(tn__call *call, const tn__chain **chain) {
  *chain = tn__chain_of(call->device.type, call->op->run_id, call->key);
  if (__builtin_expect(tn__chain_tables[call->device.type] == NULL, 0)) {
    tn_status status = tn__registry_ensure(call->device.type);
    if (status != TN_OK) return status;
    *chain = tn__chain_of(call->device.type, call->op->run_id, call->key);
  }
  call->kernel = NULL;
  if (*chain == NULL) return TN_OK;
  tn_status status = tn__call_describe(call);
  if (status != TN_OK) return status;
  call->kernel = tn__call_select(call, *chain);
  if (__builtin_expect(call->kernel != NULL, 1) || (*chain)->count > 0) return TN_OK;
  return find_behind(call, chain);
}

// Whether the described results can go where they were asked for; a cast takes a detour.
static tn_status check_given(tn__call *call) {
  for (int32_t i = 0; i < call->output_count; i++) {
    const tn_tensor *given = call->given[i];
    const tn__result *result = &call->results[i];
    const char *name = call->input_count > 0 && given == call->inputs[0] ? "self" : "out";
    if (!tn_device_equal(given->device, call->device)) {
      return tn__op_error(call, TN_DEVICE_MISMATCH, "out",
                          "the tensor to write is on another device");
    }
    if (given->rank != result->rank ||
        memcmp(given->sizes, result->sizes, sizeof(int64_t) * (uint64_t)result->rank) != 0) {
      tn__text shape = {NULL, 0, 0};
      tn__text_append_ints(&shape, result->sizes, result->rank);
      tn_status status = tn__op_error(call, TN_INVALID_ARGUMENT, name,
                                      "the result has shape %s, which is not that of the tensor to "
                                      "write",
                                      shape.data == NULL ? "?" : shape.data);
      free(shape.data);
      return status;
    }
    if (given->dtype == result->dtype) continue;
    if (!tn_can_cast(result->dtype, given->dtype)) {
      return tn__op_error(call, TN_INVALID_DTYPE, name, "a result of %s cannot be written into %s",
                          tn_dtype_name(result->dtype), tn_dtype_name(given->dtype));
    }
    call->copied_outs |= 1u << i;
  }
  return TN_OK;
}

// Runs the parts apart from the given tensors, then copies.
static tn_status run_composed_into(tn__call *call) {
  tn_status status = run_composed(call);
  if (status != TN_OK) return status;
  call->copied_outs = (1u << call->output_count) - 1;
  return copy_outs(call);
}

// The body, recorded by its parts or not at all.
static tn_status run_body(tn__call *call, bool decompose_first) {
  const tn_op_def *def = call->op->def;
  if (def->compose != NULL && (decompose_first || !tn__runs_by_infer(def)))
    return run_composed(call);
  tn__result results[TN__MAX_RESULTS];
  call->results = results;
  tn_status status = infer_results(call);
  if (status == TN_OK) status = tn__device_resolve(&call->device);
  if (status == TN_OK && (def->flags & TN_OP_RANDOM)) status = reserve_random(call);
  if (status != TN_OK) return status;
  if (def->flags & TN_OP_VIEW) return run_alias(call);
  if (call->given != NULL && (status = check_given(call)) != TN_OK) return status;
  if ((def->flags & TN_OP_REDUCTION) && tn__call_whole(call, &status)) return status;
  const tn__chain *chain;
  status = find_kernel(call, &chain);
  if (status != TN_OK) return status;
  if (__builtin_expect(call->kernel != NULL, 1)) return run_kernel(call);
  if (def->compose != NULL) {
    return call->given == NULL ? run_composed(call) : run_composed_into(call);
  }
  return tn__fallback_applies(call) ? tn__fallback_run(call) : no_kernel(call, chain);
}

// Whether the call's results must require a gradient.
static bool must_record(const tn__call *call) {
  if (call->untracked || call->thread->grad_disabled) return false;
  if (call->op->def->flags & TN_OP_NONDIFFERENTIABLE) return false;
  for (int32_t i = 0; i < call->input_count; i++) {
    if (tn__tracks(call->inputs[i])) return true;
  }
  return false;
}

// Runs the body and, with |record|, records it; where only its parts have a gradient, they are what
// is recorded. One call of each stage, so that the compiler may put them in one piece.
static inline tn_status run(tn__call *call, bool uniform, bool record) {
  tn_status status;
  const tn_op_def *def = call->op->def;
  if (record) {
    if (def->vjp == NULL && def->compose != NULL) return run_body(call, true);
    call->thread->grad_disabled = true;
  }
  if (!uniform || !tn__call_uniform(call, &status)) status = run_body(call, false);
  if (!record) return status;
  call->thread->grad_disabled = false;
  return status == TN_OK ? tn__record_call(call, NULL) : status;
}

// Checks operands, their device and their dtype.
static tn_status check_call(tn__call *call) {
  tn_status status = check_operands(call);
  call->key = TN_DTYPE_NONE;
  if (status != TN_OK || call->input_count == 0) return status;
  return call->op->def->promote == TN_PROMOTE_NONE ? key_of_first(call) : promoted_key(call);
}

tn_status tn__call_run(tn__call *call) {
  if (__builtin_expect(tn__gate_load() != 0, 0)) {
    if (call->thread->passing != call) return tn__call_gated(call);
    call->thread->passing = NULL;
    call->declined = NULL;
  }
  bool uniform = tn__call_is_uniform(call);
  tn_status status = uniform ? TN_OK : check_call(call);
  if (status == TN_OK) status = check_dtype(call);
  if (status == TN_OK && call->op->attrs_check) status = check_attrs(call);
  if (__builtin_expect(status != TN_OK, 0)) return status;
  for (int32_t i = 1; i < call->output_count; i++) call->outs[i] = NULL;
  bool record = call->given == NULL && must_record(call);
  status = run(call, uniform, record);
  if (__builtin_expect(status != TN_OK, 0)) tn__call_drop_outs(call);
  return status;
}

// The first kernel of |provider| that takes the described call.
static const tn__kernel *select_by(tn__call *call, const tn__chain *chain, const char *provider) {
  for (int32_t i = 0; chain != NULL && i < chain->count; i++) {
    const tn__kernel *kernel = chain->kernels[i];
    if (strcmp(kernel->backend->facts.name, provider) != 0) continue;
    if (!tn__call_attrs_fit(call, kernel)) continue;
    const tn_kernel_row *row = &kernel->row;
    if (row->supports == NULL || row->supports(row->self, &call->args) == NULL) return kernel;
  }
  return NULL;
}

tn_status tn__call_run_by(tn__call *call, const char *provider) {
  tn__result results[TN__MAX_RESULTS];
  for (int32_t i = 1; i < call->output_count; i++) call->outs[i] = NULL;
  tn_status status = check_call(call);
  if (status != TN_OK) return status;
  call->results = results;
  status = infer_results(call);
  if (status == TN_OK) status = tn__device_resolve(&call->device);
  const tn__chain *chain = NULL;
  if (status == TN_OK) {
    status = tn__registry_chain(call->device.type, call->op->run_id, call->key, &chain);
  }
  if (status == TN_OK) status = tn__call_describe(call);
  if (status != TN_OK) return status;
  call->kernel = select_by(call, chain, provider);
  status = call->kernel == NULL ? TN_UNIMPLEMENTED : run_kernel(call);
  if (status != TN_OK) tn__call_drop_outs(call);
  call->results = NULL;
  return status;
}

// ---- the doors that generated code enters by ---------------------------------------------------

tn_tensor *tn__call_one(int32_t id, tn_tensor *const *inputs, int32_t input_count, void *attrs) {
  tn__call call;
  tn__call_init(&call, &tn__op_table[id], inputs, input_count, attrs);
  tn_status status = tn__call_run(&call);
  tn__call_end(&call);
  return __builtin_expect(status == TN_OK, 1) ? tn__give(call.outs[0]) : NULL;
}

tn_tensor *tn__call_many(int32_t id, tn_tensor *const *inputs, int32_t input_count, void *attrs,
                         tn_tensor **const *more) {
  const tn_op *op = &tn__op_table[id];
  for (int32_t i = 1; i < op->result_count; i++) {
    if (more[i - 1] != NULL) *more[i - 1] = NULL;
  }
  tn__call call;
  tn__call_init(&call, op, inputs, input_count, attrs);
  tn_status status = tn__call_run(&call);
  tn__call_end(&call);
  if (status != TN_OK) return NULL;
  for (int32_t i = 1; i < op->result_count; i++) {
    if (more[i - 1] == NULL) {
      tn__release_raw(call.outs[i]);
    } else {
      *more[i - 1] = tn__give(call.outs[i]);
    }
  }
  return tn__give(call.outs[0]);
}

tn_list *tn__call_list(int32_t id, tn_tensor *const *inputs, int32_t input_count, void *attrs) {
  tn__call call;
  tn__call_init(&call, &tn__op_table[id], inputs, input_count, attrs);
  call.output_count = 0;
  call.list = NULL;
  tn_status status = tn__call_run(&call);
  tn__call_end(&call);
  return status == TN_OK ? tn__give_list(call.list) : NULL;
}
