// SPDX-License-Identifier: Apache-2.0
//
// sample: the calls of a spec, as it emits them. Everything a sample points to lies in the arena of
// its (operator, dtype) and goes with it. Running out of memory marks the arena; the run reports
// it.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"
#include "numbers.h"

// ---- arena -------------------------------------------------------------------------------------

struct tn__arena_block {
  struct tn__arena_block *next;
  max_align_t data[];
};

void *tn__arena_take(tn__arena *arena, size_t size_bytes) {
  struct tn__arena_block *block = calloc(1, sizeof *block + (size_bytes > 0 ? size_bytes : 1));
  if (block == NULL) {
    arena->failed = true;
    return NULL;
  }
  block->next = arena->blocks;
  arena->blocks = block;
  return block->data;
}

void tn__arena_free(tn__arena *arena) {
  while (arena->blocks != NULL) {
    struct tn__arena_block *next = arena->blocks->next;
    free(arena->blocks);
    arena->blocks = next;
  }
}

// ---- samples -----------------------------------------------------------------------------------

void tn__samples_init(tn_samples *samples, const tn_op_spec *spec, tn_dtype dtype, bool full) {
  *samples = (tn_samples){.spec = spec, .dtype = dtype, .full = full};
  for (const char *c = spec->op; *c != '\0'; c++) {
    samples->random = samples->random * 31 + (uint64_t)(unsigned char)*c;
  }
  samples->random += (uint64_t)dtype << 40;
}

void tn__samples_free(tn_samples *samples) {
  tn__arena_free(&samples->arena);
  free(samples->list);
}

tn_dtype tn_samples_dtype(const tn_samples *samples) { return samples->dtype; }
const tn_op_spec *tn_samples_spec(const tn_samples *samples) { return samples->spec; }
bool tn_samples_full(const tn_samples *samples) { return samples->full; }

static bool make_room(tn_samples *samples) {
  if (samples->count < samples->capacity) return true;
  int32_t capacity = samples->capacity * 2 + 16;
  tn_sample **list = realloc(samples->list, sizeof *list * (size_t)capacity);
  if (list == NULL) {
    samples->arena.failed = true;
    return false;
  }
  samples->list = list;
  samples->capacity = capacity;
  return true;
}

tn_sample *tn_sample_add(tn_samples *samples, const char *name, uint32_t flags) {
  tn_sample *sample = tn__arena_take(&samples->arena, sizeof *sample);
  if (sample == NULL || !make_room(samples)) return NULL;
  sample->spec = samples->spec;
  sample->owner = samples;
  sample->name = name;
  sample->flags = flags;
  sample->dtype = samples->dtype;
  samples->list[samples->count++] = sample;
  return sample;
}

tn_sample *tn_sample_failing(tn_samples *samples, const char *name, tn_status status,
                             const char *argument) {
  tn_sample *sample = tn_sample_add(samples, name, 0);
  if (sample == NULL) return NULL;
  sample->fails_with = status;
  sample->fails_at = argument;
  return sample;
}

// ---- operands ----------------------------------------------------------------------------------

// The argument that takes one more operand: the list that is being filled, or a new one.
static void count_operand(tn_sample *sample) {
  tn_sample_arg *last = sample->arg_count > 0 ? &sample->args[sample->arg_count - 1] : NULL;
  if (last != NULL && last->value.kind == TN_VALUE_TENSORS &&
      sample->operand_count < last->first + last->count) {
    return;
  }
  sample->args[sample->arg_count++] = (tn_sample_arg){
      .value = {.kind = TN_VALUE_TENSOR}, .first = sample->operand_count, .count = 1};
}

static tn_operand *add_operand(tn_sample *sample, tn_ints shape, tn_dtype dtype) {
  if (sample == NULL || sample->arg_count >= TN_SPEC_MAX_ARGS ||
      sample->operand_count >= TN_SPEC_MAX_OPERANDS || shape.count > TN_SPEC_MAX_DIMS) {
    if (sample != NULL) sample->owner->arena.failed = true;
    return NULL;
  }
  count_operand(sample);
  tn_operand *operand = &sample->operands[sample->operand_count++];
  operand->dtype = dtype;
  operand->ndim = (int32_t)shape.count;
  for (int64_t d = 0; d < shape.count; d++) operand->sizes[d] = shape.data[d];
  operand->numel = tn_reference_numel(operand->ndim, operand->sizes);
  operand->values = tn__arena_take(&sample->owner->arena, sizeof(double) * (size_t)operand->numel);
  if ((sample->spec->flags & TN_SPEC_COMPLEX) && tn_dtype_is_complex(dtype)) {
    operand->imag = tn__arena_take(&sample->owner->arena, sizeof(double) * (size_t)operand->numel);
    if (operand->imag == NULL) return NULL;
  }
  return operand->values == NULL ? NULL : operand;
}

void tn_sample_tensor(tn_sample *sample, tn_ints shape, tn_dtype dtype, double low, double high) {
  tn_operand *operand = add_operand(sample, shape, dtype);
  if (operand == NULL) return;
  if (tn_dtype_in(dtype, TN_DTYPES_UNSIGNED) && low < 0) low = 0;
  bool whole = !tn_dtype_is_floating(dtype) && !tn_dtype_is_complex(dtype);
  for (int64_t i = 0; i < operand->numel; i++) {
    double uniform = tn__random(&sample->owner->random);
    double value = dtype == TN_BOOL ? uniform < 0.5
                   : whole          ? ceil(low) + floor(uniform * (floor(high) - ceil(low) + 1))
                                    : low + uniform * (high - low);
    operand->values[i] = tn_reference_round(value, dtype);
  }
  for (int64_t i = 0; operand->imag != NULL && i < operand->numel; i++) {
    double value = low + tn__random(&sample->owner->random) * (high - low);
    operand->imag[i] = tn_reference_round(value, dtype);
  }
}

void tn_sample_values(tn_sample *sample, tn_ints shape, tn_dtype dtype, const double *values) {
  tn_sample_complex_values(sample, shape, dtype, values, NULL);
}

void tn_sample_complex_values(tn_sample *sample, tn_ints shape, tn_dtype dtype,
                              const double *values, const double *imag) {
  tn_operand *operand = add_operand(sample, shape, dtype);
  if (operand == NULL) return;
  for (int64_t i = 0; i < operand->numel; i++) {
    operand->values[i] = tn_reference_round(values[i], dtype);
    if (operand->imag != NULL && imag != NULL) {
      operand->imag[i] = tn_reference_round(imag[i], dtype);
    }
  }
}

void tn_sample_distinct(tn_sample *sample, tn_ints shape, tn_dtype dtype, double low, double step) {
  tn_operand *operand = add_operand(sample, shape, dtype);
  if (operand == NULL) return;
  for (int64_t i = 0; i < operand->numel; i++) {
    int64_t j = (int64_t)(tn__random(&sample->owner->random) * (double)(i + 1));
    operand->values[i] = operand->values[j];
    operand->values[j] = tn_reference_round(low + step * (double)i, dtype);
  }
}

// ---- other arguments ---------------------------------------------------------------------------

void tn_sample_value(tn_sample *sample, tn_value value) {
  if (sample == NULL || sample->arg_count >= TN_SPEC_MAX_ARGS) return;
  if (value.kind == TN_VALUE_INTS || value.kind == TN_VALUE_BOOLS) {
    size_t size_bytes = sizeof(int64_t) * (size_t)value.as.ints.count;
    int64_t *copy = tn__arena_take(&sample->owner->arena, size_bytes);
    if (copy == NULL) return;
    if (size_bytes > 0) memcpy(copy, value.as.ints.data, size_bytes);
    value.as.ints.data = copy;
  }
  if (value.kind == TN_VALUE_FLOATS) {
    size_t size_bytes = sizeof(double) * (size_t)value.as.floats.count;
    double *copy = tn__arena_take(&sample->owner->arena, size_bytes);
    if (copy == NULL) return;
    if (size_bytes > 0) memcpy(copy, value.as.floats.data, size_bytes);
    value.as.floats.data = copy;
  }
  sample->args[sample->arg_count++] = (tn_sample_arg){.value = value};
}

void tn_sample_list(tn_sample *sample, int32_t count) {
  if (sample == NULL || sample->arg_count >= TN_SPEC_MAX_ARGS) return;
  sample->args[sample->arg_count++] = (tn_sample_arg){
      .value = {.kind = TN_VALUE_TENSORS}, .first = sample->operand_count, .count = count};
}

void tn_sample_none(tn_sample *sample) { tn_sample_value(sample, tn_value_none()); }
void tn_sample_int(tn_sample *sample, int64_t value) {
  tn_sample_value(sample, tn_value_int(value));
}
void tn_sample_float(tn_sample *sample, double value) {
  tn_sample_value(sample, tn_value_float(value));
}
void tn_sample_bool(tn_sample *sample, bool value) {
  tn_sample_value(sample, tn_value_bool(value));
}
void tn_sample_ints(tn_sample *sample, tn_ints value) {
  tn_sample_value(sample, tn_value_ints(value));
}
void tn_sample_scalar(tn_sample *sample, tn_scalar value) {
  tn_sample_value(sample, tn_value_scalar(value));
}
void tn_sample_dtype(tn_sample *sample, tn_dtype value) {
  tn_sample_value(sample, tn_value_dtype(value));
}
void tn_sample_string(tn_sample *sample, const char *value) {
  tn_sample_value(sample, tn_value_string(value));
}

// ---- reading -----------------------------------------------------------------------------------

bool tn_sample_is_given(const tn_sample *sample, int32_t index) {
  return index < sample->arg_count && sample->args[index].value.kind != TN_VALUE_NONE;
}

int64_t tn_sample_int_at(const tn_sample *sample, int32_t index, int64_t absent) {
  return tn_sample_is_given(sample, index) ? sample->args[index].value.as.i : absent;
}

static double scalar_number(tn_scalar scalar) {
  switch (scalar.kind) {
    case TN_SCALAR_FLOAT:
      return scalar.as.f;
    case TN_SCALAR_UINT:
      return (double)scalar.as.u;
    case TN_SCALAR_COMPLEX:
      return scalar.as.c.real;
    default:
      return (double)scalar.as.i;
  }
}

double tn_sample_number_at(const tn_sample *sample, int32_t index, double absent) {
  if (!tn_sample_is_given(sample, index)) return absent;
  const tn_value *value = &sample->args[index].value;
  switch (value->kind) {
    case TN_VALUE_FLOAT:
      return value->as.f;
    case TN_VALUE_SCALAR:
      return value->as.scalar.kind == TN_SCALAR_NONE ? absent : scalar_number(value->as.scalar);
    case TN_VALUE_BOOL:
      return value->as.b;
    default:
      return (double)value->as.i;
  }
}

bool tn_sample_bool_at(const tn_sample *sample, int32_t index, bool absent) {
  return tn_sample_is_given(sample, index) ? sample->args[index].value.as.b : absent;
}

tn_ints tn_sample_ints_at(const tn_sample *sample, int32_t index) {
  if (!tn_sample_is_given(sample, index)) return tn_ints_of(NULL, -1);
  return sample->args[index].value.as.ints;
}

tn_dtype tn_sample_dtype_at(const tn_sample *sample, int32_t index, tn_dtype absent) {
  return tn_sample_is_given(sample, index) ? sample->args[index].value.as.dtype : absent;
}

const char *tn_sample_string_at(const tn_sample *sample, int32_t index, const char *absent) {
  return tn_sample_is_given(sample, index) ? sample->args[index].value.as.string : absent;
}

const tn_operand *tn_sample_tensor_at(const tn_sample *sample, int32_t index) {
  if (!tn_sample_is_given(sample, index)) return NULL;
  return &sample->operands[sample->args[index].first];
}

// ---- expected ----------------------------------------------------------------------------------

double *tn_expect(tn_expected *expected, tn_dtype dtype, int32_t ndim, const int64_t *sizes) {
  if (expected->count >= TN_SPEC_MAX_RESULTS || ndim > TN_SPEC_MAX_DIMS) {
    expected->arena->failed = true;
    return NULL;
  }
  tn_operand *result = &expected->results[expected->count++];
  result->dtype = dtype;
  result->ndim = ndim;
  for (int32_t d = 0; d < ndim; d++) result->sizes[d] = sizes[d];
  result->numel = tn_reference_numel(ndim, sizes);
  result->values = tn__arena_take(expected->arena, sizeof(double) * (size_t)result->numel);
  return result->values;
}

double *tn_expect_imag(tn_expected *expected) {
  if (expected->count == 0) return NULL;
  tn_operand *last = &expected->results[expected->count - 1];
  last->imag = tn__arena_take(expected->arena, sizeof(double) * (size_t)last->numel);
  return last->imag;
}

double *tn_expect_scales(tn_expected *expected) {
  if (expected->count == 0) return NULL;
  int32_t last = expected->count - 1;
  size_t size_bytes = sizeof(double) * (size_t)expected->results[last].numel;
  expected->scales[last] = tn__arena_take(expected->arena, size_bytes);
  return expected->scales[last];
}
