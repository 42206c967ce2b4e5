// SPDX-License-Identifier: Apache-2.0
//
// layer: what the layers' constructors have in common: new parameters, checked numbers.

#include "layer.h"

#include <math.h>
#include <tenon/nn/init.h>

#include "call.h"

tn_status tn__add_new_tensor(tn_module *module, bool is_parameter, const char *name,
                             tn_tensor **slot, tn_ints shape, tn_dtype dtype, tn_device device) {
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return tn__status_of(scope);
  tn_tensor *tensor = tn_empty(shape, .dtype = dtype, .device = device);
  tn_status status = is_parameter ? tn_module_add_parameter(module, name, slot, tensor)
                                  : tn_module_add_buffer(module, name, slot, tensor);
  tn_scope_close(scope);
  return status;
}

tn_status tn__affine_add(tn_module *module, tn__affine *affine, tn_ints shape, tn_choice bias,
                         tn_dtype dtype, tn_device device) {
  affine->bias = TN_NONE;
  int64_t fan_in = 1;
  for (int64_t i = 1; i < shape.count; i++) fan_in *= shape.data[i];
  TN_TRY(tn__add_new_tensor(module, true, "weight", &affine->weight, shape, dtype, device));
  // A slope of sqrt(5) makes the bound 1 / sqrt(fan_in).
  TN_TRY(tn_init_kaiming_uniform_(affine->weight, sqrt(5.0)));
  if (bias == TN_NO) return TN_OK;
  tn_ints bias_shape = {shape.data, 1};
  TN_TRY(tn__add_new_tensor(module, true, "bias", &affine->bias, bias_shape, dtype, device));
  double bound = 1.0 / sqrt((double)fan_in);
  return tn_init_uniform_(affine->bias, -bound, bound);
}

tn_status tn__expect_positive(const char *layer, const char *what, int64_t value) {
  if (value >= 1) return TN_OK;
  return tn_error_set(TN_INVALID_ARGUMENT, "%s: %s must be at least 1, and is %lld", layer, what,
                      (long long)value);
}

tn_status tn__read_pair(const char *layer, const char *what, tn_ints given, int64_t fallback,
                        int64_t minimum, int64_t pair[2]) {
  if (given.count < 0 || given.count > 2 || (given.count > 0 && given.data == NULL)) {
    return tn_error_set(TN_INVALID_ARGUMENT, "%s: %s is one number or two, not %lld", layer, what,
                        (long long)given.count);
  }
  for (int64_t i = 0; i < 2; i++) {
    pair[i] = given.count == 0 ? fallback : given.data[given.count == 2 ? i : 0];
    if (pair[i] < minimum) {
      return tn_error_set(TN_INVALID_ARGUMENT, "%s: %s must be at least %lld, and is %lld", layer,
                          what, (long long)minimum, (long long)pair[i]);
    }
  }
  return TN_OK;
}

tn_module *tn__layer_finish(tn_module *module, tn_status status) {
  if (status == TN_OK) return module;
  tn_module_release(module);
  return NULL;
}
