// SPDX-License-Identifier: Apache-2.0
//
// dispatch: one operator call on its way from operands to results:
//   check operands -> key dtype and device -> infer -> select a kernel (or alias, or compose)
//   -> cast or copy what the kernel does not take as it is -> allocate -> run -> record
// A call lives on the stack of the thread that makes it. What it allocates on the way stands in its
// own small arena, or in lists that are given up when it ends.

#ifndef TENON_CORE_DISPATCH_H_
#define TENON_CORE_DISPATCH_H_

#include <tenon/plugin.h>

#include "backend.h"
#include "op_table.h"
#include "registry.h"
#include "tensor_impl.h"

enum { TN__CALL_INTS = 160, TN__CALL_VIEWS = 12, TN__CALL_TEMPORARIES = 8 };

struct tn__call {
  tn__thread *thread;
  const tn_op *op;             // what runs: a base operator
  tn_tensor *const *inputs;    // flattened, TN_NONE for absent
  tn_tensor *const *operands;  // inputs as the kernel takes them: cast or copied where it must be
  int32_t input_count;
  int32_t output_count;
  void *attrs;
  tn_dtype key;
  tn_device device;
  tn_tensor *outs[TN__MAX_RESULTS];  // raw references, or borrowed where given
  tn_tensor *const *given;           // in-place and out forms: where the results go; else NULL
  tn__result *results;
  const tn__kernel *kernel;
  const tn__kernel *declined;  // the last to decline, NULL where none has; of wrapped calls
  tn_list *list;
  const char *decline;  // what `declined` said

  // The kernel's arguments.
  tn_args args;
  tn_view *views;
  tn_view inline_views[TN__CALL_VIEWS];
  int32_t ints_used;
  int64_t ints[TN__CALL_INTS];  // sizes, strides, canonical attributes
  void *blocks;                 // a chain of what did not fit, and of scratch memory
  int32_t temporary_count;
  tn_tensor *temporaries[TN__CALL_TEMPORARIES];  // casts and copies of inputs, raw
  bool uniform;                                  // every operand has the sizes of input 0
  bool untracked;                                // no operand requires a gradient, as is known
  bool reserved;         // the generator's offsets in the attributes are the call's
  bool fell_back;        // it ran on the cpu in place of its device
  uint32_t copied_outs;  // bit i: result i is computed in new memory and copied into given[i]
};

// Runs |call| up to its results (raw, unrecorded), or into the given ones. The caller has set
// thread, op, inputs, input_count, attrs, given.
tn_status tn__call_run(tn__call *call);
void tn__call_init(tn__call *call, const tn_op *op, tn_tensor *const *inputs, int32_t input_count,
                   void *attrs);
void tn__call_end(tn__call *call);

// Runs a call with a kernel of the backend |provider|, unrecorded and with the range of random
// numbers that its attributes say. UNIMPLEMENTED, not recorded, where it has no kernel that
// accepts.
tn_status tn__call_run_by(tn__call *call, const char *provider);

// Makes a call that has run ready to run again: what it allocated on the way is given up.
void tn__call_rewind(tn__call *call);
// Gives up results that the call has made; those that were given stay as they are.
void tn__call_drop_outs(tn__call *call);

// Input |input| is NULL or TN_NONE: TN_OK where it is TN_NONE and optional, else a recorded error.
tn_status tn__absent_operand(tn__call *call, int32_t input);

// The common pointwise call, in one go: whether every operand is a contiguous tensor of one dtype,
// shape and device (key and device are then set); and running it. The latter returns false, with
// nothing done, where the first kernel of the chain asks questions or there is none.
bool tn__call_is_uniform(tn__call *call);
bool tn__call_uniform(tn__call *call, tn_status *status);
// The same for a reduction, once its result is described: all of one operand into one element.
bool tn__call_whole(tn__call *call, tn_status *status);
// Runs the selected kernel on the described views.
tn_status tn__call_kernel_failed(tn__call *call, tn_status status);
// Memory for the call could not be had: names the operator in the error that was just recorded.
__attribute__((cold)) tn_status tn__call_out_of_memory(const tn__call *call);
// The native stream that a kernel of a device other than the cpu is about to run on; notes the
// operator in the stream, and the stream in the operands' memory. errors: OUT_OF_MEMORY
__attribute__((cold)) tn_status tn__call_enter_stream(tn__call *call, void **native);
static inline tn_status tn__call_kernel(tn__call *call) {
  tn_kernel_ctx ctx;
  ctx.struct_size = sizeof ctx;
  ctx.flags = atomic_load_explicit(&tn__kernel_flags, memory_order_relaxed);
  ctx.host = &tn__host_api;
  ctx.op = call->op->name;
  ctx.stream = NULL;
  if (__builtin_expect(call->device.type != TN__DEVICE_TYPE_CPU, 0)) {
    tn_status entered = tn__call_enter_stream(call, &ctx.stream);
    if (entered != TN_OK) return entered;
  }
  ctx.device = call->device;
  ctx.host_data = call;
  const tn_kernel_row *row = &call->kernel->row;
  tn_status status = row->run(row->self, &ctx, &call->args);
  return __builtin_expect(status == TN_OK, 1) ? TN_OK : tn__call_kernel_failed(call, status);
}
// The first kernel of |chain| that accepts the described views; NULL where none does.
const tn__kernel *tn__call_select(tn__call *call, const tn__chain *chain);
// Whether the attributes that |kernel| was compiled before have their defaults.
bool tn__call_attrs_fit(const tn__call *call, const tn__kernel *kernel);

// Whether input |input| takes no part in promotion.
static inline bool tn__is_exempt(const tn_op_def *def, int32_t input) {
  return input < 32 && ((def->exempt >> input) & 1) != 0;
}
// Whether results can be described before the operator runs: it is no mere composition.
static inline bool tn__runs_by_infer(const tn_op_def *def) {
  return def->infer != NULL || (def->flags & TN_OP_POINTWISE) != 0;
}

// Memory that lives as long as the call; NULL with an error recorded when there is none.
void *tn__call_block(tn__call *call, uint64_t size_bytes);
static inline int64_t *tn__call_int_room(tn__call *call, int64_t count) {
  if (count <= TN__CALL_INTS - call->ints_used) {
    int64_t *room = call->ints + call->ints_used;
    call->ints_used += (int32_t)count;
    return room;
  }
  return tn__call_block(call, (uint64_t)count * sizeof(int64_t));
}

// Describes outputs and inputs as the kernel will see them (call_views.c).
tn_status tn__call_describe(tn__call *call);
// Casts and copies what |call->kernel| does not take as it is, and allocates results.
tn_status tn__call_prepare(tn__call *call);

// Records an error about the call: |story| and its operands; returns |status|.
tn_status tn__call_error(tn__call *call, tn_status status, const tn__error_details *details,
                         const char *story);
// Records an error about the call, made by |backend| (NULL: by nobody known); returns |status|.
tn_status tn__call_error_of(tn__call *call, tn_status status, const char *backend,
                            const char *message);

// What the host table's kernel services do.
tn_status tn__call_kernel_error(tn__call *call, tn_status status, const char *message);
void *tn__call_scratch(tn__call *call, uint64_t size_bytes);
tn_status tn__call_result_create(tn__call *call, const tn_args *args, uint32_t output, int32_t rank,
                                 const int64_t *sizes);

// Writes |self| cast to |dtype| into new memory, row-major, on its own device. Raw.
tn_tensor *tn__cast_raw(tn_tensor *self, tn_dtype dtype);
// Writes |src|, broadcast and cast, into |self| on the same device through the cast kernel.
tn_status tn__cast_into(tn_tensor *self, tn_tensor *src);
// Sets every element of |self|. Through the fill kernel.
tn_status tn__fill(tn_tensor *self, tn_scalar value);

#endif  // TENON_CORE_DISPATCH_H_
