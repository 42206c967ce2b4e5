// SPDX-License-Identifier: Apache-2.0
//
// sequential: layers one after the other. Each result is released as soon as the next layer has it,
// so that without gradients two activations are alive at a time, however deep the stack.

#include "module.h"

#include <tenon/nn/layers.h>

// |input| through |layer|, kept by the caller, whose reference to |input| is given up.
static tn_tensor *advance(tn_module *layer, tn_tensor *input) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *output = scope == NULL ? NULL : tn_retain(tn_module_forward(layer, input));
  tn_scope_close(scope);
  tn_release(input);
  return output;
}

static tn_tensor *sequential_forward(tn_module *self, tn_tensor *input) {
  tn_tensor *x = tn_retain(input);
  for (int64_t i = 0; x != NULL && i < self->child_count; i++) {
    x = advance(self->children[i].module, x);
  }
  if (x == NULL) return NULL;
  // Gives the reference to the scope that this forward runs in.
  tn_scope *scope = tn_scope_open();
  tn_tensor *result = scope == NULL ? NULL : tn_escape(x);
  tn_scope_close(scope);
  tn_release(x);
  return result;
}

tn_module *tn_nn_sequential(tn_modules layers) {
  static const tn_module_type type = {.name = "sequential", .forward = sequential_forward};
  tn_module *self = tn_module_create(&type);
  for (int64_t i = 0; i < layers.count; i++) {
    char name[24];
    (void)snprintf(name, sizeof name, "%lld", (long long)i);
    // Also where an earlier one failed, or creation did: each reference is taken over.
    (void)tn_module_add(self, name, layers.data[i]);
  }
  return tn_module_finish(self);
}
