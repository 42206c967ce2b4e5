// SPDX-License-Identifier: Apache-2.0
//
// call: a sample becomes tagged values, the operator is called by name, and what comes back is read
// byte for byte (never cast by the library) into doubles. Errors are taken here, so that one
// failed call never colours the next.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/init.h>

#include "kit.h"
#include "numbers.h"

// ---- arguments ---------------------------------------------------------------------------------

static tn__layout layout_of(tn__layout layout, int32_t operand) {
  static const tn__layout mixture[] = {TN__LAYOUT_TRANSPOSED, TN__LAYOUT_CONTIGUOUS,
                                       TN__LAYOUT_SPACED, TN__LAYOUT_REVERSED};
  return layout == TN__LAYOUT_MIXED ? mixture[operand % 4] : layout;
}

tn_status tn__prepare(const tn_sample *sample, tn__layout layout, tn_device device,
                      tn__prepared *prepared) {
  *prepared = (tn__prepared){.sample = sample};
  for (int32_t i = 0; i < sample->operand_count; i++) {
    tn_status status =
        tn__place(&sample->operands[i], layout_of(layout, i), device, &prepared->placed[i]);
    if (status != TN_OK) return status;
    prepared->lists[i] = prepared->placed[i].view;
  }
  for (int32_t i = 0; i < sample->arg_count; i++) {
    const tn_sample_arg *arg = &sample->args[i];
    prepared->args[i] = arg->value;
    if (arg->value.kind == TN_VALUE_TENSOR) {
      prepared->args[i] = tn_value_tensor(prepared->lists[arg->first]);
    } else if (arg->value.kind == TN_VALUE_TENSORS) {
      tn_tensors list = {prepared->lists + arg->first, arg->count};
      prepared->args[i] = tn_value_tensors(list);
    }
  }
  return TN_OK;
}

void tn__prepared_release(tn__prepared *prepared) {
  for (int32_t i = 0; i < prepared->sample->operand_count; i++) {
    tn__placed_release(&prepared->placed[i]);
  }
}

// ---- results -----------------------------------------------------------------------------------

// The elements of a tensor that is not contiguous: all memory that it spans is copied as it lies
// and the elements are picked here, so that reading needs no kernel of the device's.
static tn_status read_strided(tn_tensor *tensor, uint8_t *bytes, size_t size) {
  const int64_t *sizes = tn_tensor_sizes(tensor), *strides = tn_tensor_strides(tensor);
  int64_t low = 0, high = 0, index[TN_SPEC_MAX_DIMS], numel = tn_tensor_numel(tensor);
  int32_t ndim = tn_tensor_ndim(tensor);
  if (numel == 0) return TN_OK;
  for (int32_t d = 0; d < ndim; d++) {
    int64_t reach = (sizes[d] - 1) * strides[d];
    *(reach < 0 ? &low : &high) += reach;
  }
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return TN_OUT_OF_MEMORY;
  tn_tensor *span = tn_as_strided(tensor, TN_SHAPE(high - low + 1), TN_INTS(1),
                                  .storage_offset = TN_INT(tn_tensor_storage_offset(tensor) + low));
  size_t total = (size_t)(high - low + 1) * size;
  uint8_t *all = malloc(total > 0 ? total : 1);
  tn_status status = span == NULL  ? tn_error_peek()->status
                     : all == NULL ? tn_error_set(TN_OUT_OF_MEMORY, "a result")
                                   : tn_copy_to_host(span, all, total, tn_tensor_dtype(tensor));
  for (int64_t i = 0; status == TN_OK && i < numel; i++) {
    int64_t at = -low;
    tn_reference_unravel(i, ndim, sizes, index);
    for (int32_t d = 0; d < ndim; d++) at += index[d] * strides[d];
    memcpy(bytes + (size_t)i * size, all + (size_t)at * size, size);
  }
  free(all);
  tn_scope_close(scope);
  return status;
}

// Room for the values of |result|, and for imaginary parts where it is complex.
static bool make_room(tn_operand *result, tn__arena *arena) {
  size_t size_bytes = sizeof(double) * (size_t)result->numel;
  result->values = tn__arena_take(arena, size_bytes);
  if (!tn_dtype_is_complex(result->dtype)) return result->values != NULL;
  result->imag = tn__arena_take(arena, size_bytes);
  return result->values != NULL && result->imag != NULL;
}

static void read_elements(const uint8_t *bytes, tn_operand *result) {
  size_t size = (size_t)tn_dtype_size(result->dtype);
  for (int64_t i = 0; i < result->numel; i++) {
    const uint8_t *element = bytes + (size_t)i * size;
    result->values[i] = tn__element_read(element, result->dtype);
    if (result->imag != NULL) result->imag[i] = tn__imag_read(element, result->dtype);
  }
}

tn_status tn__read_result(tn_tensor *tensor, tn__arena *arena, tn__outcome *outcome) {
  if (outcome->count >= TN_SPEC_MAX_RESULTS || tn_tensor_ndim(tensor) > TN_SPEC_MAX_DIMS) {
    return tn_error_set(TN_INTERNAL, "more results or dimensions than the kit reads");
  }
  tn_operand *result = &outcome->results[outcome->count];
  result->dtype = tn_tensor_dtype(tensor);
  result->ndim = tn_tensor_ndim(tensor);
  result->numel = tn_tensor_numel(tensor);
  for (int32_t d = 0; d < result->ndim; d++) result->sizes[d] = tn_tensor_sizes(tensor)[d];
  size_t size = (size_t)tn_dtype_size(result->dtype), total = size * (size_t)result->numel;
  uint8_t *bytes = tn__arena_take(arena, total);
  if (bytes == NULL || !make_room(result, arena)) {
    return tn_error_set(TN_OUT_OF_MEMORY, "a result");
  }
  tn_status status = tn_tensor_is_contiguous(tensor)
                         ? tn_copy_to_host(tensor, bytes, total, result->dtype)
                         : read_strided(tensor, bytes, size);
  if (status != TN_OK) return status;
  read_elements(bytes, result);
  outcome->bytes[outcome->count++] = bytes;
  return TN_OK;
}

static tn_status read_value(const tn_value *value, const tn_tensor *first, tn__arena *arena,
                            tn__outcome *outcome) {
  if (value->kind == TN_VALUE_TENSOR) {
    outcome->shares[outcome->count] = tn_tensor_shares_storage(value->as.tensor, first);
    return tn__read_result(value->as.tensor, arena, outcome);
  }
  for (int64_t i = 0; i < tn_list_count(value->as.list); i++) {
    tn_tensor *tensor = tn_list_at(value->as.list, i);
    if (outcome->count < TN_SPEC_MAX_RESULTS) {
      outcome->shares[outcome->count] = tn_tensor_shares_storage(tensor, first);
    }
    tn_status status = tn__read_result(tensor, arena, outcome);
    if (status != TN_OK) return status;
  }
  return TN_OK;
}

static void take_error(tn__outcome *outcome) {
  const tn_error *error = tn_error_peek();
  if (error == NULL) {
    snprintf(outcome->message, sizeof outcome->message, "no error was recorded");
    return;
  }
  if (error->status != outcome->status) {
    snprintf(outcome->message, sizeof outcome->message,
             "the call returned '%s' but recorded '%s': %.300s", tn_status_name(outcome->status),
             tn_status_name(error->status), error->message);
    outcome->status = TN_INTERNAL;
  } else {
    snprintf(outcome->message, sizeof outcome->message, "%.500s", error->message);
  }
  snprintf(outcome->op, sizeof outcome->op, "%.60s", error->op);
  snprintf(outcome->argument, sizeof outcome->argument, "%.60s", error->argument);
  snprintf(outcome->backend, sizeof outcome->backend, "%.60s", error->backend);
  tn_error_clear();
}

// |before| is what had run on the cpu before the call. Another thread's calls may be counted too,
// which is no matter: the kit's own do the same.
static void note_provider(tn__outcome *outcome, int64_t before) {
  outcome->fallbacks = tn_fallback_count() - before;
  snprintf(outcome->provider, sizeof outcome->provider, "%s", tn__witness_served_by());
  snprintf(outcome->because, sizeof outcome->because, "%s", tn__witness_because());
}

// Takes the error of a call that failed, and of one that did not.
static void conclude(tn__outcome *outcome) {
  if (outcome->status != TN_OK) {
    take_error(outcome);
  } else if (!tn_ok()) {
    outcome->status = TN_INTERNAL;
    snprintf(outcome->message, sizeof outcome->message, "the call succeeded but recorded: %.400s",
             tn_error_peek()->message);
    tn_error_clear();
  }
}

void tn__call_op(const tn_op *op, const tn__prepared *prepared, tn__arena *arena,
                 tn__outcome *outcome) {
  tn__call_seeded(op, prepared, true, arena, outcome);
}

void tn__call_seeded(const tn_op *op, const tn__prepared *prepared, bool seed, tn__arena *arena,
                     tn__outcome *outcome) {
  tn_value values[TN_SPEC_MAX_RESULTS];
  *outcome = (tn__outcome){0};
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) {  // the kit makes allocations fail, this one too
    outcome->status = TN_OUT_OF_MEMORY;
    conclude(outcome);
    return;
  }
  tn__witness_forget();
  int64_t before = tn_fallback_count();
  if (seed) tn_manual_seed(TN__SEED);
  int32_t count = tn_op_result_count(op);
  const tn_tensor *first = prepared->sample->operand_count > 0 ? prepared->lists[0] : NULL;
  outcome->status = count > TN_SPEC_MAX_RESULTS
                        ? tn_error_set(TN_INTERNAL, "more results than the kit reads")
                        : tn_op_call(op, prepared->args, prepared->sample->arg_count, values);
  note_provider(outcome, before);
  for (int32_t i = 0; i < count && outcome->status == TN_OK; i++) {
    outcome->status = read_value(&values[i], first, arena, outcome);
  }
  conclude(outcome);
  tn_scope_close(scope);
}

void tn__call_out(const tn_op *op, const tn__prepared *prepared, tn_tensors outs,
                  tn__outcome *outcome) {
  *outcome = (tn__outcome){0};
  tn__witness_forget();
  int64_t before = tn_fallback_count();
  tn_manual_seed(TN__SEED);
  outcome->status = tn_op_call_out(op, outs, prepared->args, prepared->sample->arg_count);
  note_provider(outcome, before);
  conclude(outcome);
}
