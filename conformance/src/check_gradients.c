// SPDX-License-Identifier: Apache-2.0
//
// check_gradients: first and second gradients of small float64 samples, and of complex128 ones
// where samples have imaginary parts, against central differences. The operands are host tensors,
// which finite differences can change; the function under test moves them to the device, calls the
// operator, and joins its floating results into one vector.

#include <math.h>
#include <stdio.h>

#include "kit.h"

enum { LARGEST = 64 };  // elements of all differentiable operands together

typedef struct subject {
  const tn__run *run;
  const tn_sample *sample;
} subject;

// Whether gradients of and through |dtype| are compared.
static bool is_checked(const tn__run *run, tn_dtype dtype) {
  return dtype == TN_F64 || (dtype == TN_C128 && (run->spec->flags & TN_SPEC_COMPLEX));
}

static bool is_smooth(const tn__run *run, const tn_sample *sample, int32_t operand) {
  bool chosen = run->spec->smooth == 0 || ((run->spec->smooth >> operand) & 1) != 0;
  return chosen && is_checked(run, sample->operands[operand].dtype);
}

// The floating results, flattened and joined; complex ones as pairs of real numbers. Indices and
// masks do not take part.
static tn_tensor *join(const tn__run *run, const tn_value *values, int32_t count) {
  tn_tensor *parts[TN_SPEC_MAX_RESULTS];
  int64_t part_count = 0;
  for (int32_t k = 0; k < count; k++) {
    bool list = values[k].kind == TN_VALUE_LIST;
    int64_t length = list ? tn_list_count(values[k].as.list) : 1;
    for (int64_t i = 0; i < length && part_count < TN_SPEC_MAX_RESULTS; i++) {
      tn_tensor *result = list ? tn_list_at(values[k].as.list, i) : values[k].as.tensor;
      if (!is_checked(run, tn_tensor_dtype(result))) continue;
      if (tn_tensor_dtype(result) == TN_C128) result = tn_view_as_real(result);
      if (result == NULL) return NULL;
      tn_tensor *flat = tn_reshape(result, TN_SHAPE(-1));
      if (flat == NULL) return NULL;
      parts[part_count++] = flat;
    }
  }
  if (part_count == 1) return parts[0];
  if (part_count > 1) return tn_cat(((tn_tensors){parts, part_count}));
  // Nothing to differentiate: give a result that requires no gradient, for the check to say so.
  return values[0].kind == TN_VALUE_TENSOR ? values[0].as.tensor : tn_list_at(values[0].as.list, 0);
}

static tn_tensor *call_subject(void *context, tn_tensors inputs) {
  const subject *s = context;
  tn__prepared prepared = {.sample = s->sample};
  tn_value values[TN_SPEC_MAX_RESULTS];
  for (int64_t i = 0; i < inputs.count; i++) {
    prepared.lists[i] = tn_to(inputs.data[i], s->run->device, TN_DTYPE_NONE);
    if (prepared.lists[i] == NULL) return NULL;
  }
  for (int32_t i = 0; i < s->sample->arg_count; i++) {
    const tn_sample_arg *arg = &s->sample->args[i];
    prepared.args[i] = arg->value;
    if (arg->value.kind == TN_VALUE_TENSOR) {
      prepared.args[i] = tn_value_tensor(prepared.lists[arg->first]);
    } else if (arg->value.kind == TN_VALUE_TENSORS) {
      tn_tensors list = {prepared.lists + arg->first, arg->count};
      prepared.args[i] = tn_value_tensors(list);
    }
  }
  tn_manual_seed(TN__SEED);
  if (tn_op_call(s->run->op, prepared.args, s->sample->arg_count, values) != TN_OK) return NULL;
  return join(s->run, values, tn_op_result_count(s->run->op));
}

static void check_both(tn__run *run, const tn_sample *sample, tn_tensors inputs) {
  subject s = {run, sample};
  tn_gradcheck_options first = {.struct_size = sizeof first, .atol = 1e-6, .rtol = 1e-5};
  tn_gradcheck_options second = {.struct_size = sizeof second, .atol = 1e-5, .rtol = 1e-4};
  bool served =
      tn__check_status(run, sample, "gradient", tn_gradcheck(call_subject, &s, inputs, &first));
  if (!served || (run->spec->flags & TN_SPEC_FIRST_GRAD_ONLY)) return;
  tn__check_status(run, sample, "second gradient",
                   tn_gradgradcheck(call_subject, &s, inputs, &second));
}

static bool is_wanted(const tn__run *run, const tn_sample *sample) {
  if (!run->gradients || !run->traits.differentiable || !is_checked(run, run->dtype) ||
      (run->spec->flags & TN_SPEC_NO_GRAD) ||
      (sample->flags & (TN_SAMPLE_NO_GRAD | TN_SAMPLE_LARGE))) {
    return false;
  }
  int64_t numel = 0;
  for (int32_t i = 0; i < sample->operand_count; i++) {
    if (is_smooth(run, sample, i)) numel += sample->operands[i].numel;
  }
  return numel > 0 && numel <= LARGEST;
}

// Finite differences say nothing of results that are NaN or infinite.
static bool is_finite(const tn_expected *expected) {
  for (int32_t k = 0; k < expected->count; k++) {
    for (int64_t i = 0; i < expected->results[k].numel; i++) {
      const tn_operand *result = &expected->results[k];
      if (!isfinite(result->values[i])) return false;
      if (result->imag != NULL && !isfinite(result->imag[i])) return false;
    }
  }
  return true;
}

void tn__check_gradients(tn__run *run, const tn_sample *sample, const tn_expected *expected) {
  if (!is_wanted(run, sample) || !is_finite(expected)) return;
  tn__placed placed[TN_SPEC_MAX_OPERANDS] = {{0}};
  tn_tensor *inputs[TN_SPEC_MAX_OPERANDS];
  tn_status status = TN_OK;
  for (int32_t i = 0; i < sample->operand_count && status == TN_OK; i++) {
    status = tn__place(&sample->operands[i], TN__LAYOUT_CONTIGUOUS, TN_DEVICE_CPU, &placed[i]);
    inputs[i] = placed[i].view;
    if (status == TN_OK && is_smooth(run, sample, i)) {
      status = tn_requires_grad_(inputs[i], true);
    }
  }
  if (tn__check(run, status == TN_OK, sample, "gradient", "operands cannot be made")) {
    check_both(run, sample, (tn_tensors){inputs, sample->operand_count});
  }
  tn_error_clear();
  for (int32_t i = 0; i < sample->operand_count; i++) tn__placed_release(&placed[i]);
}
