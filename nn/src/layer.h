// SPDX-License-Identifier: Apache-2.0
//
// layer: what the layers' constructors have in common.

#ifndef TENON_NN_SRC_LAYER_H_
#define TENON_NN_SRC_LAYER_H_

#include <tenon/nn/module.h>

// Adds an uninitialised parameter (or buffer) of the given shape. errors: as
// tn_module_add_parameter
tn_status tn__add_new_tensor(tn_module *module, bool is_parameter, const char *name,
                             tn_tensor **slot, tn_ints shape, tn_dtype dtype, tn_device device);

// Adds "weight" of |shape| and, where |bias| is not TN_NO, "bias" of [shape[0]], drawn as PyTorch
// draws them for linear and convolution layers: uniform within 1 / sqrt(fan_in). An absent bias is
// TN_NONE.
typedef struct tn__affine {
  tn_tensor *weight;
  tn_tensor *bias;
} tn__affine;
tn_status tn__affine_add(tn_module *module, tn__affine *affine, tn_ints shape, tn_choice bias,
                         tn_dtype dtype, tn_device device);

// |value|, which |layer| calls |what|, must be at least 1. errors: INVALID_ARGUMENT
tn_status tn__expect_positive(const char *layer, const char *what, int64_t value);

// One number or two into |pair|; none: |fallback| twice. errors: INVALID_ARGUMENT for another count
// or a number below |minimum|
tn_status tn__read_pair(const char *layer, const char *what, tn_ints given, int64_t fallback,
                        int64_t minimum, int64_t pair[2]);

// |module| when |status| is TN_OK; otherwise releases it and gives NULL.
tn_module *tn__layer_finish(tn_module *module, tn_status status);

#endif  // TENON_NN_SRC_LAYER_H_
