// SPDX-License-Identifier: Apache-2.0
//
// op_call: operators by name. The table is sorted, so a name is found by bisection; values are laid
// out as the generated calls lay them out, from the same description of the schema.

#include <tenon/op.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>

#include "backend.h"
#include "dispatch.h"
#include "op_alias.h"
#include "scope_impl.h"
#include "text.h"

// ---- finding -----------------------------------------------------------------------------------

static const tn_op *find_exact(const char *name, size_t length) {
  int32_t low = 0, high = tn__op_table_count - 1;
  while (low <= high) {
    int32_t middle = low + (high - low) / 2;
    const tn_op *op = &tn__op_table[middle];
    int order = strncmp(name, op->name, length);
    if (order == 0 && op->name[length] != '\0') order = -1;
    if (order == 0) return op;
    if (order < 0) {
      high = middle - 1;
    } else {
      low = middle + 1;
    }
  }
  return NULL;
}

// Overloads that a bare name stands for, in the order in which they are tried.
static const char *const bare_overloads[] = {
    "Tensor",      "int",           "self",       "default",    "dim",
    "dim_IntList", "Tensor_Tensor", "correction", "using_ints", "low",
    "start_step",  "src",           "Scalar",     "dims",       "dim_int"};

static const tn_op *find_own(const char *name) {
  size_t length = strlen(name);
  const tn_op *op = find_exact(name, length);
  if (op != NULL || strchr(name, '.') != NULL || length > 64) return op;
  for (size_t i = 0; op == NULL && i < sizeof bare_overloads / sizeof bare_overloads[0]; i++) {
    char full[96];
    int size = snprintf(full, sizeof full, "%s.%s", name, bare_overloads[i]);
    op = find_exact(full, (size_t)size);
  }
  return op;
}

const tn_op *tn_op_find(const char *name) {
  if (name == NULL) return NULL;
  if (strncmp(name, "aten::", 6) == 0) name += 6;
  const tn_op *op = find_own(name);
  char own[96];
  if (op == NULL && tn__op_alias_resolve(name, own, sizeof own)) op = find_own(own);
  return op;
}

int32_t tn_op_count(void) { return tn__op_table_count; }
const tn_op *tn_op_at(int32_t index) {
  return index >= 0 && index < tn__op_table_count ? &tn__op_table[index] : NULL;
}
const char *tn_op_name(const tn_op *op) { return op == NULL ? "" : op->name; }
const char *tn_op_schema(const tn_op *op) { return op == NULL ? "" : op->schema; }
int32_t tn_op_arg_count(const tn_op *op) { return op == NULL ? 0 : op->arg_count; }
int32_t tn_op_result_count(const tn_op *op) { return op == NULL ? 0 : op->result_count; }

tn_status tn_op_arg_at(const tn_op *op, int32_t index, tn_op_arg *arg) {
  if (op == NULL || index < 0 || index >= op->arg_count) {
    return tn__error(TN_OUT_OF_RANGE, NULL, "tn_op_arg_at: there is no argument %d", index);
  }
  const tn__arg *found = &op->args[index];
  *arg = (tn_op_arg){found->name, found->type, found->fallback};
  return TN_OK;
}

tn_op_traits tn_op_traits_of(const tn_op *op) {
  tn_op_traits traits = {0};
  if (op == NULL) return traits;
  const tn_op_def *def = op->def;
  bool runs = tn__runs_by_infer(def);
  traits.view = (def->flags & TN_OP_VIEW) != 0;
  traits.composite = def->compose != NULL;
  traits.differentiable =
      !(def->flags & TN_OP_NONDIFFERENTIABLE) && (def->vjp != NULL || def->compose != NULL);
  traits.random = (def->flags & TN_OP_RANDOM) != 0;
  traits.inplace = (def->forms & TN_FORM_INPLACE) != 0;
  traits.out = (def->forms & TN_FORM_OUT) != 0;
  traits.needs_kernel = runs && !traits.view && def->compose == NULL;
  return traits;
}

// ---- values to a call --------------------------------------------------------------------------

enum { STACK_INPUTS = 24, STACK_ATTRS = 512 };

typedef struct call_frame {
  const tn_op *op;
  tn_tensor **inputs;
  int32_t input_count;
  char *attrs;
  tn__immediate *immediates;
  int32_t immediate_count;
} call_frame;

static tn_status bad_value(const tn_op *op, int32_t index, const tn_value *value) {
  return tn__error(TN_INVALID_ARGUMENT,
                   &(tn__error_details){op->name, op->args[index].name, NULL, op->schema},
                   "%s: argument '%s' is of type %s, which a value of kind %d is not", op->name,
                   op->args[index].name, op->args[index].type, value->kind);
}

static bool as_scalar(const tn_value *value, tn_scalar *scalar) {
  switch (value->kind) {
    case TN_VALUE_SCALAR:
      *scalar = value->as.scalar;
      return true;
    case TN_VALUE_INT:
      *scalar = tn_scalar_int(value->as.i);
      return true;
    case TN_VALUE_FLOAT:
      *scalar = tn_scalar_float(value->as.f);
      return true;
    case TN_VALUE_BOOL:
      *scalar = tn_scalar_bool(value->as.b);
      return true;
    default:
      return false;
  }
}

static bool as_float(const tn_value *value, double *number) {
  if (value->kind == TN_VALUE_FLOAT) *number = value->as.f;
  if (value->kind == TN_VALUE_INT) *number = (double)value->as.i;
  return value->kind == TN_VALUE_FLOAT || value->kind == TN_VALUE_INT;
}

// Writes a value into the attributes; false where the kinds do not match.
static bool store_attr(const tn__arg *arg, const tn_value *value, char *attrs) {
  void *field = attrs + arg->attr_offset;
  switch (arg->kind) {
    case TN__ARG_BOOL:
      if (value->kind != TN_VALUE_BOOL) return false;
      *(bool *)field = value->as.b;
      return true;
    case TN__ARG_INT:
      if (value->kind != TN_VALUE_INT) return false;
      *(int64_t *)field = value->as.i;
      return true;
    case TN__ARG_OPT_INT:
      if (value->kind != TN_VALUE_INT) return false;
      *(tn_opt_int *)field = (tn_opt_int){value->as.i, 1};
      return true;
    case TN__ARG_FLOAT:
      return as_float(value, field);
    case TN__ARG_OPT_FLOAT:
      ((tn_opt_float *)field)->present = 1;
      return as_float(value, &((tn_opt_float *)field)->value);
    case TN__ARG_SCALAR:
      return as_scalar(value, field);
    case TN__ARG_INTS:
      if (value->kind != TN_VALUE_INTS && value->kind != TN_VALUE_BOOLS) return false;
      *(tn_ints *)field = value->as.ints;
      return true;
    case TN__ARG_FLOATS:
      if (value->kind != TN_VALUE_FLOATS) return false;
      *(tn_floats *)field = value->as.floats;
      return true;
    case TN__ARG_DTYPE:
      if (value->kind != TN_VALUE_DTYPE) return false;
      *(tn_dtype *)field = value->as.dtype;
      return true;
    case TN__ARG_DEVICE:
      if (value->kind != TN_VALUE_DEVICE) return false;
      *(tn_device *)field = value->as.device;
      return true;
    case TN__ARG_STRING:
      if (value->kind != TN_VALUE_STRING) return false;
      *(const char **)field = value->as.string;
      return true;
    default:
      return false;
  }
}

// Takes one operand; counts it in |frame|.
static bool take_operand(call_frame *frame, const tn__arg *arg, const tn_value *value) {
  tn_scalar scalar;
  if (tn__arg_is_list(arg)) {
    if (value->kind != TN_VALUE_TENSORS) return false;
    for (int64_t i = 0; i < value->as.tensors.count; i++) {
      frame->inputs[frame->input_count++] = value->as.tensors.data[i];
    }
    return true;
  }
  bool immediate = arg->kind == TN__ARG_IMMEDIATE || arg->kind == TN__ARG_OPTIONAL_IMMEDIATE;
  if (immediate && as_scalar(value, &scalar)) {
    frame->inputs[frame->input_count++] =
        tn__immediate_init(&frame->immediates[frame->immediate_count++], scalar);
    return true;
  }
  if (immediate || value->kind != TN_VALUE_TENSOR) return false;
  frame->inputs[frame->input_count++] = value->as.tensor;
  return true;
}

static bool is_optional_operand(const tn__arg *arg) {
  return arg->kind == TN__ARG_OPTIONAL_TENSOR || arg->kind == TN__ARG_OPTIONAL_IMMEDIATE;
}

static tn_status fill_frame(call_frame *frame, const tn_value *args, int32_t arg_count) {
  const tn_op *op = frame->op;
  int32_t list = -1;  // stands last among the inputs
  for (int32_t i = 0; i < op->arg_count; i++) {
    const tn__arg *arg = &op->args[i];
    bool given = i < arg_count && args[i].kind != TN_VALUE_NONE;
    bool operand = arg->kind <= TN__ARG_OPTIONAL_IMMEDIATE;
    if (given && tn__arg_is_list(arg)) {
      list = i;
      continue;
    }
    if (!given) {
      if (operand && is_optional_operand(arg)) {
        frame->inputs[frame->input_count++] = TN_NONE;
      } else if (arg->fallback == NULL && arg->kind != TN__ARG_GENERATOR &&
                 (tn__arg_is_list(arg) || strchr(arg->type, '?') == NULL)) {
        return tn__error(TN_INVALID_ARGUMENT,
                         &(tn__error_details){op->name, arg->name, NULL, op->schema},
                         "%s: argument '%s' is required", op->name, arg->name);
      }
      continue;
    }
    bool taken =
        operand ? take_operand(frame, arg, &args[i]) : store_attr(arg, &args[i], frame->attrs);
    if (!taken) return bad_value(op, i, &args[i]);
  }
  if (list >= 0 && !take_operand(frame, &op->args[list], &args[list])) {
    return bad_value(op, list, &args[list]);
  }
  return TN_OK;
}

static void give_results(const tn__call *call, tn_value *results) {
  if (call->op->returns_list) {
    results[0] = (tn_value){.kind = TN_VALUE_LIST, .as = {.list = tn__give_list(call->list)}};
    return;
  }
  for (int32_t i = 0; i < call->op->result_count; i++) {
    results[i] = tn_value_tensor(tn__give(call->outs[i]));
  }
}

static tn_status run_frame(const call_frame *frame, tn_value *results) {
  const tn_op *op = frame->op;
  if (op->form == TN__FORM_INPLACE) {
    tn_status status = tn__call_into(op->run_id, frame->inputs, frame->input_count, frame->attrs,
                                     frame->inputs, 1);
    if (status == TN_OK) {
      results[0] = tn_value_tensor(tn__give(tn_retain(frame->inputs[0])));
    }
    return status;
  }
  tn__call call;
  tn__call_init(&call, &tn__op_table[op->run_id], frame->inputs, frame->input_count, frame->attrs);
  call.list = NULL;
  if (op->returns_list) call.output_count = 0;
  tn_status status = tn__call_run(&call);
  tn__call_end(&call);
  if (status == TN_OK) give_results(&call, results);
  return status;
}

// How many inputs the values make at most; -1 with an error recorded for a list that can be none.
static int64_t count_inputs(const tn_op *op, const tn_value *args, int32_t arg_count) {
  int64_t count = op->arg_count;
  for (int32_t i = 0; i < arg_count; i++) {
    if (args[i].kind != TN_VALUE_TENSORS) continue;
    const tn_tensors list = args[i].as.tensors;
    if (list.count < 0 || list.count > INT16_MAX || (list.count > 0 && list.data == NULL)) {
      tn__error(TN_INVALID_ARGUMENT,
                &(tn__error_details){op->name, op->args[i].name, NULL, op->schema},
                "%s: argument '%s': a list of %lld tensors%s", op->name, op->args[i].name,
                (long long)list.count, list.data == NULL ? " without data" : "");
      return -1;
    }
    count += list.count;
  }
  return count;
}

// Into |outs| where that is not NULL, else to new |results|.
static tn_status call_named(const tn_op *op, const tn_value *args, int32_t arg_count,
                            const tn_tensors *outs, tn_value *results) {
  if (arg_count < 0 || arg_count > op->arg_count) {
    return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){op->name, NULL, NULL, op->schema},
                     "%s: %d values were given for %d arguments", op->name, arg_count,
                     op->arg_count);
  }
  int64_t inputs = count_inputs(op, args, arg_count);
  if (inputs < 0) return TN_INVALID_ARGUMENT;
  _Alignas(16) char attrs[STACK_ATTRS];
  tn_tensor *stack_inputs[STACK_INPUTS];
  tn__immediate immediates[4];
  if (op->attrs_size > sizeof attrs) return tn__error(TN_INTERNAL, NULL, "attributes too large");
  if (op->attrs_size > 0) memcpy(attrs, op->defaults, op->attrs_size);
  call_frame frame = {.op = op, .inputs = stack_inputs, .attrs = attrs, .immediates = immediates};
  tn_tensor **many = NULL;
  if (inputs > STACK_INPUTS) {
    frame.inputs = many = tn__malloc(sizeof(tn_tensor *) * (size_t)inputs);
    if (many == NULL) return tn__out_of_memory(op->name, sizeof(tn_tensor *) * (uint64_t)inputs);
  }
  tn_status status = fill_frame(&frame, args, arg_count);
  if (status == TN_OK && outs != NULL) {
    status = tn__call_into(op->run_id, frame.inputs, frame.input_count, frame.attrs, outs->data,
                           (int32_t)outs->count);
  } else if (status == TN_OK) {
    status = run_frame(&frame, results);
  }
  free(many);
  return status;
}

static tn_status no_operator(const char *call) {
  return tn__error(TN_NOT_FOUND, NULL, "%s: no operator (tn_op_find returned NULL?)", call);
}

tn_status tn_op_call(const tn_op *op, const tn_value *args, int32_t arg_count, tn_value *results) {
  if (op == NULL) return no_operator("tn_op_call");
  for (int32_t i = 0; i < op->result_count; i++) results[i] = tn_value_none();
  return call_named(op, args, arg_count, NULL, results);
}

tn_status tn_op_call_out(const tn_op *op, tn_tensors outs, const tn_value *args,
                         int32_t arg_count) {
  if (op == NULL) return no_operator("tn_op_call_out");
  if (!(op->def->forms & TN_FORM_OUT) || op->form == TN__FORM_INPLACE) {
    return tn__error(TN_UNIMPLEMENTED, &(tn__error_details){op->name, NULL, NULL, op->schema},
                     "%s has no out form", op->name);
  }
  if (outs.count != op->result_count || outs.data == NULL) {
    return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){op->name, "out", NULL, op->schema},
                     "%s: %lld tensors%s were given for %d results", op->name,
                     (long long)outs.count, outs.data == NULL ? " without data" : "",
                     op->result_count);
  }
  return call_named(op, args, arg_count, &outs, NULL);
}
