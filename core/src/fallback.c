// SPDX-License-Identifier: Apache-2.0
//
// fallback: see fallback.h. The device is asked for nothing but copies of contiguous bytes: a view
// with gaps comes over with what lies in them, and keeps its strides; what has to be written with
// gaps is written piece by piece, so that nothing between the pieces is touched.

#include "fallback.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/init.h>

#include "copy.h"
#include "log.h"
#include "op_ids.h"
#include "settings.h"
#include "text.h"

// ---- the permission ----------------------------------------------------------------------------

bool tn__fallback_is_allowed(void) {
  static _Atomic int32_t answer;  // 0: not asked yet, 1: no, 2: yes
  int32_t known = atomic_load_explicit(&answer, memory_order_relaxed);
  if (known == 0) {
    const char *text = tn__environment("TENON_FALLBACK", false);
    known = text != NULL && strcmp(text, "cpu") == 0 ? 2 : 1;
    atomic_store_explicit(&answer, known, memory_order_relaxed);
  }
  return known == 2;
}

bool tn__fallback_applies(const tn__call *call) {
  bool elsewhere = call->device.type != TN__DEVICE_TYPE_CPU && !call->op->returns_list;
  return elsewhere && tn__fallback_is_allowed();
}

// ---- counting ----------------------------------------------------------------------------------

typedef struct tally {
  struct tally *next;
  uint16_t op_id;
  tn_dtype dtype;
  tn_device device;
  int64_t calls;
  uint64_t bytes;
} tally;

static tally *tallies;  // in the order in which they came up
static pthread_mutex_t tally_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int64_t total;

static tally *tally_of(const tn__call *call) {
  tally **place = &tallies;
  for (; *place != NULL; place = &(*place)->next) {
    const tally *at = *place;
    if (at->op_id == call->op->id && at->dtype == call->key &&
        tn_device_equal(at->device, call->device)) {
      return *place;
    }
  }
  *place = tn__calloc(1, sizeof **place);
  if (*place == NULL) return NULL;  // the total counts it all the same
  (*place)->op_id = call->op->id;
  (*place)->dtype = call->key;
  (*place)->device = call->device;
  return *place;
}

static void count_call(const tn__call *call, uint64_t bytes) {
  atomic_fetch_add_explicit(&total, 1, memory_order_relaxed);
  pthread_mutex_lock(&tally_mutex);
  tally *found = tally_of(call);
  bool first = found != NULL && found->calls == 0;
  if (found != NULL) {
    found->calls++;
    found->bytes += bytes;
  }
  pthread_mutex_unlock(&tally_mutex);
  if (!first) return;
  char device[48];
  tn__log(TN__LOG_INFO, "dispatch", "%s of %s has no kernel on '%s' and runs on the cpu",
          call->op->name, tn_dtype_name(call->key),
          tn_device_name(call->device, device, sizeof device));
}

int64_t tn_fallback_count(void) { return atomic_load_explicit(&total, memory_order_relaxed); }

char *tn_fallback_report(void) {
  tn__text text = {NULL, 0, 0};
  tn__text_append(&text, "%s", "");
  pthread_mutex_lock(&tally_mutex);
  for (const tally *at = tallies; at != NULL; at = at->next) {
    char device[48];
    tn__text_append(&text, "%s %s on %s: %lld call%s, %llu bytes copied\n",
                    tn__op_table[at->op_id].name, tn_dtype_name(at->dtype),
                    tn_device_name(at->device, device, sizeof device), (long long)at->calls,
                    at->calls == 1 ? "" : "s", (unsigned long long)at->bytes);
  }
  pthread_mutex_unlock(&tally_mutex);
  if (text.data == NULL) tn__out_of_memory("the report of what ran on the cpu", 0);
  return text.data;
}

void tn__fallback_print(void) {
  int64_t count = tn_fallback_count();
  if (count == 0) return;
  tn__held_error held = tn__error_hold();
  char *report = tn_fallback_report();
  fprintf(stderr, "tenon: %lld call%s ran on the cpu, as TENON_FALLBACK=cpu allows:\n%s",
          (long long)count, count == 1 ? "" : "s", report == NULL ? "" : report);
  free(report);
  tn_error_clear();
  tn__error_restore(held);
}

// ---- copying -----------------------------------------------------------------------------------

typedef struct detour {
  tn__call *call;
  tn_tensor **inputs;  // as the cpu gets them, raw
  uint64_t bytes;      // copied, both ways
} detour;

static tn_status copy_run(detour *way, tn_tensor *to, const tn_tensor *from) {
  if (from->numel == 0) return TN_OK;
  way->bytes += (uint64_t)from->numel * from->item_bytes;
  return tn__tensor_copy(to, from, false);
}

// |count| elements of |tensor|'s storage from element |first| on. Raw.
static tn_tensor *run_of(const tn_tensor *tensor, int64_t first, int64_t count) {
  static const int64_t unit_stride[1] = {1};
  return tn__tensor_on(tensor->storage, 1, &count, unit_stride, first, (tn_dtype)tensor->dtype);
}

// |tensor| on the cpu, with the strides that it has. Raw.
static tn_tensor *fetch(detour *way, const tn_tensor *tensor) {
  const tn_dtype dtype = (tn_dtype)tensor->dtype;
  int64_t low, high;
  tn__extent(tensor->rank, tensor->sizes, tensor->strides, &low, &high);
  int64_t count = high - low + 1;
  tn_tensor *there = run_of(tensor, tensor->offset + low, count);
  tn_tensor *here = there == NULL ? NULL : tn__tensor_new(1, &count, dtype, TN_DEVICE_CPU);
  tn_tensor *view = NULL;
  if (here != NULL && copy_run(way, here, there) == TN_OK) {
    view = tn__tensor_on(here->storage, tensor->rank, tensor->sizes, tensor->strides, -low, dtype);
  }
  if (view != NULL) view->flags |= tensor->flags & TN__TENSOR_WRAPPED_NUMBER;
  if (there != NULL) tn__release_raw(there);
  if (here != NULL) tn__release_raw(here);
  return view;
}

// Numbers, absent operands and what is on the cpu already go as they are.
static bool stays(const tn_tensor *input) {
  return tn__is_none(input) || input->storage == NULL || input->device.type == TN__DEVICE_TYPE_CPU;
}

static tn_status fetch_inputs(detour *way) {
  tn_tensor *const *inputs = way->call->inputs;
  int32_t count = way->call->input_count;
  for (int32_t i = 0; i < count; i++) way->inputs[i] = NULL;
  for (int32_t i = 0; i < count; i++) {
    for (int32_t j = 0; j < i && way->inputs[i] == NULL; j++) {
      if (inputs[j] == inputs[i]) way->inputs[i] = way->inputs[j];  // given twice
    }
    if (stays(inputs[i])) {
      way->inputs[i] = inputs[i];
    } else if (way->inputs[i] != NULL) {
      tn__retain_raw(way->inputs[i]);
    } else if ((way->inputs[i] = fetch(way, inputs[i])) == NULL) {
      return tn__failure();
    }
  }
  return TN_OK;
}

static void release_inputs(detour *way) {
  for (int32_t i = 0; i < way->call->input_count; i++) {
    bool own = way->inputs[i] != NULL && way->inputs[i] != way->call->inputs[i];
    if (own) tn__release_raw(way->inputs[i]);
  }
}

// ---- results -----------------------------------------------------------------------------------

// Writes contiguous |value| into |out|, which has gaps: one copy for each piece that has none.
static tn_status write_pieces(detour *way, const tn_tensor *out, const tn_tensor *value) {
  int64_t index[TN_MAX_DIMS] = {0}, piece = 1, done = 0;
  int32_t outer = out->rank;
  for (; outer > 0; outer--) {
    if (out->sizes[outer - 1] != 1 && out->strides[outer - 1] != piece) break;
    piece *= out->sizes[outer - 1];
  }
  tn_status status = TN_OK;
  for (; done < value->numel && status == TN_OK; done += piece) {
    int64_t first = out->offset;
    for (int32_t d = 0; d < outer; d++) first += index[d] * out->strides[d];
    tn_tensor *to = run_of(out, first, piece), *from = run_of(value, value->offset + done, piece);
    status = to == NULL || from == NULL ? TN_OUT_OF_MEMORY : copy_run(way, to, from);
    if (to != NULL) tn__release_raw(to);
    if (from != NULL) tn__release_raw(from);
    for (int32_t d = outer - 1; d >= 0 && ++index[d] == out->sizes[d]; d--) index[d] = 0;
  }
  return status;
}

// |value| in new memory of the device. Raw.
static tn_tensor *send(detour *way, const tn_tensor *value) {
  tn_tensor *out =
      tn__tensor_new(value->rank, value->sizes, (tn_dtype)value->dtype, way->call->device);
  if (out == NULL || copy_run(way, out, value) == TN_OK) return out;
  tn__release_raw(out);
  return NULL;
}

// The device spreads the elements itself where it can copy with gaps.
static tn_status write_with_gaps(detour *way, tn_tensor *out, const tn_tensor *value) {
  const tn__call *call = way->call;
  bool can = call->op->run_id != TN__OP__cast &&
             tn_op_has_kernel("_cast", (tn_dtype)out->dtype, call->device);
  if (!can) return write_pieces(way, out, value);
  tn_tensor *dense = send(way, value);
  if (dense == NULL) return tn__failure();
  tn_status status = tn__cast_into(out, dense);
  tn__release_raw(dense);
  return status;
}

static tn_status write_given(detour *way, tn_tensor *out, tn_tensor *value) {
  tn_tensor *cast = NULL;
  if (value->dtype != out->dtype) {
    value = cast = tn__cast_raw(value, (tn_dtype)out->dtype);
    if (cast == NULL) return tn__failure();
  }
  tn_status status =
      tn__is_contiguous(out) ? copy_run(way, out, value) : write_with_gaps(way, out, value);
  if (cast != NULL) tn__release_raw(cast);
  return status;
}

static tn_status give_result(detour *way, int32_t i, tn_tensor *value) {
  tn__call *call = way->call;
  if (call->given == NULL) {
    call->outs[i] = send(way, value);
    return call->outs[i] == NULL ? tn__failure() : TN_OK;
  }
  call->outs[i] = call->given[i];
  return write_given(way, call->given[i], value);
}

// ---- the call ----------------------------------------------------------------------------------

// The attributes as the cpu gets them: a factory's device is the cpu. NULL when memory is out.
static void *attrs_there(tn__call *call) {
  const tn_op *op = call->op;
  char *attrs = tn__call_block(call, op->attrs_size + 1u);
  if (attrs == NULL) return NULL;
  if (op->attrs_size > 0) memcpy(attrs, call->attrs, op->attrs_size);
  for (int32_t i = 0; i < op->arg_count; i++) {
    if (op->args[i].kind != TN__ARG_DEVICE) continue;
    const tn_device cpu = TN_DEVICE_CPU;
    memcpy(attrs + op->args[i].attr_offset, &cpu, sizeof cpu);
  }
  return attrs;
}

static tn_status run_there(detour *way) {
  tn__call *call = way->call;
  void *attrs = attrs_there(call);
  if (attrs == NULL) return TN_OUT_OF_MEMORY;
  const bool was_ok = tn_ok();
  tn__call there;
  tn__call_init(&there, call->op, way->inputs, call->input_count, attrs);
  there.reserved = true;
  tn_status status = tn__call_run(&there);
  if (status != TN_OK && was_ok) {
    char device[48];
    tn__error_note(" [on the cpu in place of '%s', as TENON_FALLBACK=cpu allows]",
                   tn_device_name(call->device, device, sizeof device));
  }
  for (int32_t i = 0; status == TN_OK && i < call->output_count; i++) {
    status = give_result(way, i, there.outs[i]);
  }
  for (int32_t i = 0; i < there.output_count; i++) {
    if (there.outs[i] != NULL) tn__release_raw(there.outs[i]);
  }
  tn__call_end(&there);
  return status;
}

tn_status tn__fallback_run(tn__call *call) {
  detour way = {.call = call};
  way.inputs = tn__call_block(call, sizeof(tn_tensor *) * (uint64_t)(call->input_count + 1));
  if (way.inputs == NULL) return TN_OUT_OF_MEMORY;
  call->fell_back = true;
  tn_status status = fetch_inputs(&way);
  if (status == TN_OK) status = run_there(&way);
  release_inputs(&way);
  count_call(call, way.bytes);
  return status;
}
