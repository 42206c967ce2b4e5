// SPDX-License-Identifier: Apache-2.0
//
// module: a tree of named parts. A module owns parameters (trained), buffers (kept, not trained)
// and children, each under a name, so that every tensor in the tree has a path: "conv1.weight".
// What a module computes is a function pointer in its type; its own fields are a struct that the
// type sizes. A model of one's own is such a struct, a forward, and a constructor:
//
//   typedef struct net { tn_module *hidden, *out; } net;
//
//   static tn_tensor *net_forward(tn_module *self, tn_tensor *x) {
//     net *n = tn_module_state(self);
//     return tn_module_forward(n->out, tn_relu(tn_module_forward(n->hidden, x)));
//   }
//   static const tn_module_type net_type = {
//       .name = "net", .forward = net_forward, .state_size = sizeof(net)};
//
//   tn_module *net_create(void) {
//     tn_module *self = tn_module_create(&net_type);
//     net *n = tn_module_state(self);
//     if (n == NULL) return NULL;
//     n->hidden = tn_module_add(self, "hidden", tn_nn_linear(784, 256));
//     n->out = tn_module_add(self, "out", tn_nn_linear(256, 10));
//     return tn_module_finish(self);  // NULL if any step above failed
//   }
//
// A tree is built and used by one thread at a time; forwards that change no buffer (everything but
// batch_norm2d in training) may run on several.

#ifndef TENON_NN_MODULE_H_
#define TENON_NN_MODULE_H_

#include <tenon/tenon.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tn_module tn_module;

// What all modules of one kind share. Unset members are legal, except name and forward.
typedef struct tn_module_type {
  const char *name;

  // The module's result for |input|. Runs in a scope of its own, from which tn_module_forward
  // escapes the result: everything else it makes is released when it returns.
  tn_tensor *(*forward)(tn_module *self, tn_tensor *input);

  // Writes what distinguishes this instance ("784, 256") for tn_module_to_string, as snprintf does.
  int (*describe)(const tn_module *self, char *text, size_t size);

  // Releases what the state owns beyond parameters, buffers and children.
  void (*destroy)(tn_module *self);

  size_t state_size;
} tn_module_type;

// ---- building ----------------------------------------------------------------------------------

// A module without parts, in training mode, its state filled with zeros. |type| must outlive it.
// owns: +1 result, released with tn_module_release | errors: INVALID_ARGUMENT, OUT_OF_MEMORY
TN_API tn_module *tn_module_create(const tn_module_type *type);

// The module's own fields. NULL for NULL. owns: borrowed | errors: none
TN_API void *tn_module_state(const tn_module *module);

// Registers |tensor| as a parameter, which then requires a gradient. The module keeps a reference
// and writes the tensor to |*slot| (unless NULL), now and whenever it is replaced by
// tn_module_to; |slot| usually points into the state. |tensor| may be NULL, a failed call's result.
// errors: INVALID_ARGUMENT (name taken, empty, or with '.' or '/'), INVALID_DTYPE, OUT_OF_MEMORY
TN_API tn_status tn_module_add_parameter(tn_module *module, const char *name, tn_tensor **slot,
                                         tn_tensor *tensor);

// The same for a tensor that is saved and moved with the module and never trained.
TN_API tn_status tn_module_add_buffer(tn_module *module, const char *name, tn_tensor **slot,
                                      tn_tensor *tensor);

// Puts |child| into |module|, which takes over the caller's reference, also when the call fails;
// NULL for |child| is a failed constructor's result. Returns |child| (borrowed), NULL on failure.
// errors: INVALID_ARGUMENT (as above, or the child contains |module|), OUT_OF_MEMORY
TN_API tn_module *tn_module_add(tn_module *module, const char *name, tn_module *child);

// Ends a constructor: |module| or, if a part could not be added, NULL with |module| released.
// owns: +1 result | errors: the first failed step's
TN_API tn_module *tn_module_finish(tn_module *module);

// One more reference, for a module that two parents share; and one less. NULL is legal.
TN_API tn_module *tn_module_retain(tn_module *module);
TN_API void tn_module_release(tn_module *module);

// ---- using -------------------------------------------------------------------------------------

// owns: +1 result, as any call's | errors: INVALID_ARGUMENT for NULL, and the forward's own
TN_API tn_tensor *tn_module_forward(tn_module *module, tn_tensor *input);

// Training or evaluation, for the whole tree: dropout and batch_norm2d ask. NULL is legal.
TN_API void tn_module_train(tn_module *module);
TN_API void tn_module_eval(tn_module *module);
TN_API bool tn_module_is_training(const tn_module *module);

// Casts floating parameters and buffers to |dtype| and moves everything to |device|; {0, 0} and
// TN_DTYPE_NONE leave that part as it is. All or nothing. Tensors are replaced: gradients go, and
// an optimiser is made afterwards. errors: as tn_to; INVALID_DTYPE unless |dtype| is floating
TN_API tn_status tn_module_to(tn_module *module, tn_device device, tn_dtype dtype);

// Drops every parameter's gradient. NULL is legal. errors: none
TN_API void tn_module_zero_grad(tn_module *module);

// ---- looking inside ----------------------------------------------------------------------------

// All parameters of the tree in the order they were added, a shared one once. For optimisers.
// owns: borrowed until this is called again on |module|, or it goes
// errors: INVALID_ARGUMENT for NULL, OUT_OF_MEMORY; the list is empty then
TN_API tn_tensors tn_module_parameters(tn_module *module);

// How many numbers the parameters hold. 0 for NULL. errors: as tn_module_parameters
TN_API int64_t tn_module_parameter_numel(tn_module *module);

// The parameter, buffer or child at |path|: "conv1.weight"; "conv1". NULL where there is none, and
// nothing is recorded. owns: borrowed
TN_API tn_tensor *tn_module_tensor_at(const tn_module *module, const char *path);
TN_API tn_module *tn_module_child_at(const tn_module *module, const char *path);

// Calls |visit| for each parameter and buffer, parents before children, until one fails. A shared
// tensor is met once for each of its paths. |path| lives during the call.
// errors: |visit|'s; INVALID_ARGUMENT for NULL or a path longer than TN_MODULE_PATH_MAX
#define TN_MODULE_PATH_MAX 240
typedef struct tn_module_entry {
  const char *path;
  tn_tensor *tensor;
  bool is_parameter;
} tn_module_entry;
typedef tn_status (*tn_module_visit_fn)(void *context, const tn_module_entry *entry);
TN_API tn_status tn_module_visit(const tn_module *module, tn_module_visit_fn visit, void *context);

// The tree as text, a line for each module, and the number of parameters.
// owns: the caller, released with free() | errors: INVALID_ARGUMENT for NULL, OUT_OF_MEMORY
TN_API char *tn_module_to_string(tn_module *module);

// Prints that text. errors: as tn_module_to_string, IO_ERROR
TN_API tn_status tn_module_print(tn_module *module, FILE *file);

#ifdef __cplusplus
}
#endif

#endif  // TENON_NN_MODULE_H_
