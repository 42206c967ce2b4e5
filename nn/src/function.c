// SPDX-License-Identifier: Apache-2.0
//
// function: layers without parts: a function from a tensor to a tensor is all of their state.
// Dropout stands here too; its state is one number.

#include "call.h"
#include "layer.h"

#include <tenon/nn/layers.h>

typedef tn_tensor *(*tensor_function)(tn_tensor *);

typedef struct function {
  tensor_function apply;
  const char *name;
} function;

static tn_tensor *function_forward(tn_module *self, tn_tensor *input) {
  const function *f = tn_module_state(self);
  return f->apply(input);
}

static int function_describe(const tn_module *self, char *text, size_t size) {
  const function *f = tn_module_state(self);
  return snprintf(text, size, "%s", f->name);
}

static tn_module *function_create(const tn_module_type *type, const char *name,
                                  tensor_function apply) {
  tn_module *self = tn_module_create(type);
  function *f = tn_module_state(self);
  if (f != NULL) *f = (function){apply, name};
  return self;
}

tn_module *tn_nn_function(const char *name, tn_tensor *(*apply)(tn_tensor *)) {
  static const tn_module_type type = {.name = "function",
                                      .forward = function_forward,
                                      .describe = function_describe,
                                      .state_size = sizeof(function)};
  if (name == NULL || apply == NULL) {
    tn_error_set(TN_INVALID_ARGUMENT, "tn_nn_function: the %s is NULL",
                 name == NULL ? "name" : "function");
    return NULL;
  }
  return function_create(&type, name, apply);
}

// Operators with options are no plain functions.
static tn_tensor *gelu(tn_tensor *input) { return tn_gelu(input); }
static tn_tensor *flatten(tn_tensor *input) { return tn_flatten(input, .start_dim = 1); }

// X(layer): one type each, so that a printed tree shows the layer's own name.
#define FUNCTION_LAYERS(X) X(flatten) X(relu) X(gelu) X(silu) X(tanh) X(sigmoid)
#define X(layer)                               \
  static const tn_module_type layer##_type = { \
      .name = #layer, .forward = function_forward, .state_size = sizeof(function)};
FUNCTION_LAYERS(X)
#undef X

tn_module *tn_nn_flatten(void) { return function_create(&flatten_type, "flatten", flatten); }
tn_module *tn_nn_relu(void) { return function_create(&relu_type, "relu", tn_relu); }
tn_module *tn_nn_gelu(void) { return function_create(&gelu_type, "gelu", gelu); }
tn_module *tn_nn_silu(void) { return function_create(&silu_type, "silu", tn_silu); }
tn_module *tn_nn_tanh(void) { return function_create(&tanh_type, "tanh", tn_tanh); }
tn_module *tn_nn_sigmoid(void) { return function_create(&sigmoid_type, "sigmoid", tn_sigmoid); }

// ---- dropout -----------------------------------------------------------------------------------

static tn_tensor *dropout_forward(tn_module *self, tn_tensor *input) {
  const double *p = tn_module_state(self);
  return tn_dropout(input, *p, tn_module_is_training(self));
}

static int dropout_describe(const tn_module *self, char *text, size_t size) {
  const double *p = tn_module_state(self);
  return snprintf(text, size, "%g", *p);
}

tn_module *tn_nn_dropout(double p) {
  static const tn_module_type type = {.name = "dropout",
                                      .forward = dropout_forward,
                                      .describe = dropout_describe,
                                      .state_size = sizeof(double)};
  if (!(p >= 0 && p <= 1)) {
    tn_error_set(TN_INVALID_ARGUMENT, "tn_nn_dropout: p must be in [0, 1], and is %g", p);
    return NULL;
  }
  tn_module *self = tn_module_create(&type);
  double *state = tn_module_state(self);
  if (state != NULL) *state = p;
  return self;
}
