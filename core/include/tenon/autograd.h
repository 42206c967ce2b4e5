// SPDX-License-Identifier: Apache-2.0
//
// autograd: define-by-run reverse mode. Each operator that touches a tensor requiring a gradient
// records a node; tn_backward walks the nodes and adds gradients into leaves. Gradients of
// gradients come with create_graph, because every gradient is written with operators.

#ifndef TENON_AUTOGRAD_H_
#define TENON_AUTOGRAD_H_

// Options may be left out altogether, which -Wpedantic would speak of at every call.
#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Whether operators on |tensor| are recorded.
TN_API bool tn_requires_grad(const tn_tensor *tensor);

// Asks for (or stops) gradients of a leaf.
// errors: INVALID_DTYPE unless floating or complex; WRONG_STATE for turning off a non-leaf
TN_API tn_status tn_requires_grad_(tn_tensor *tensor, bool requires_grad);

TN_API bool tn_is_leaf(const tn_tensor *tensor);

// The operator that made |tensor|, "" for a leaf.
TN_API const char *tn_grad_fn(const tn_tensor *tensor);

// The gradient accumulated so far; NULL where there is none (records nothing).
// owns: borrowed until the next backward or tn_set_grad
TN_API tn_tensor *tn_tensor_grad(const tn_tensor *tensor);

// Replaces the gradient; NULL or TN_NONE removes it. errors: INVALID_ARGUMENT, INVALID_DTYPE
TN_API tn_status tn_set_grad(tn_tensor *tensor, tn_tensor *grad);

// Asks a non-leaf to keep its gradient. errors: WRONG_STATE where no gradient is required
TN_API tn_status tn_retain_grad(tn_tensor *tensor);

typedef struct tn_backward_options {
  uint32_t struct_size;
  bool retain_graph;    // keep what nodes saved, for another pass
  bool create_graph;    // record the gradients' own graph (implies retain_graph)
  tn_tensor *gradient;  // of |root|; NULL: ones, for a one-element root
} tn_backward_options;

// Adds d root / d leaf into every leaf's gradient: tn_backward(loss, .create_graph = true).
// errors: INVALID_ARGUMENT (root has many elements and no gradient), WRONG_STATE (no graph, freed
// graph, a saved tensor was changed in place), and whatever the gradients' operators give
TN_API tn_status tn_backward_with(tn_tensor *root, const tn_backward_options *options);
#define tn_backward(root, ...) \
  tn_backward_with(            \
      root, &(tn_backward_options){.struct_size = sizeof(tn_backward_options), __VA_ARGS__})

typedef struct tn_grad_options {
  uint32_t struct_size;
  bool retain_graph;
  bool create_graph;
  bool allow_unused;        // an input that outputs do not depend on gives TN_NONE, not an error
  tn_tensors grad_outputs;  // empty: ones
} tn_grad_options;

// The gradients of |outputs| with respect to |inputs|, accumulated nowhere.
// owns: +1 list | errors: as tn_backward; INVALID_ARGUMENT for an unused input
TN_API tn_list *tn_grad_with(tn_tensors outputs, tn_tensors inputs, const tn_grad_options *options);
#define tn_grad(outputs, inputs, ...) \
  tn_grad_with(outputs, inputs,       \
               &(tn_grad_options){.struct_size = sizeof(tn_grad_options), __VA_ARGS__})

// Turns recording on this thread on or off and returns what it was before:
//   bool before = tn_grad_mode_set(false); ... ; tn_grad_mode_set(before);
TN_API bool tn_grad_mode_set(bool enabled);
TN_API bool tn_grad_mode(void);

// Checks every gradient for NaN during backward passes on this thread, and names the operator
// whose gradient has one. Returns what it was before.
TN_API bool tn_anomaly_mode_set(bool enabled);

// A function that sees (and, returning a tensor, replaces) the gradient of |tensor| when it is
// computed. It returns TN_NONE to leave it. |deleter|(|context|) runs when the hook goes.
// An id for tn_remove_hook; 0 when it fails. errors: WRONG_STATE where no gradient is required
typedef tn_tensor *(*tn_hook_fn)(void *context, tn_tensor *grad);
TN_API uint64_t tn_register_hook(tn_tensor *tensor, tn_hook_fn hook, void *context,
                                 void (*deleter)(void *context));
TN_API void tn_remove_hook(tn_tensor *tensor, uint64_t id);

// An operator of the application's own: a forward over tensors and its gradient, both written with
// operators (or with what the application likes).
typedef struct tn_custom_call tn_custom_call;
typedef struct tn_custom_function {
  const char *name;
  // Computes |output_count| results from |inputs|, not recorded. Results are handed over (+1 or
  // owned by the open scope, as any call's). What it needs for the gradient it appends to |saved|
  // with tn_custom_save.
  tn_status (*forward)(void *context, tn_custom_call *call, tn_tensor *const *inputs,
                       tn_tensor **outputs);
  // grad_inputs[i] for each input, TN_NONE where there is none.
  tn_status (*backward)(void *context, tn_custom_call *call, tn_tensor *const *grad_outputs,
                        tn_tensor **grad_inputs);
  void (*deleter)(void *context);  // optional: when the node goes
} tn_custom_function;

TN_API tn_status tn_custom_save(tn_custom_call *call, tn_tensor *tensor);
TN_API tn_tensor *tn_custom_saved(tn_custom_call *call, int64_t index);  // borrowed

// Runs |function| and records it. owns: +1 list of |output_count| tensors
TN_API tn_list *tn_custom_apply(const tn_custom_function *function, void *context,
                                tn_tensors inputs, int32_t output_count);

// Compares gradients with central finite differences. |function| maps |inputs| to one tensor.
// Inputs that require a gradient should be float64 or complex128, whose gradients are compared as
// dL/dRe + i dL/dIm of a real loss; the result may be complex too. Zero tolerances: 1e-5 absolute,
// 1e-3 relative, step 1e-6. errors: INVALID_ARGUMENT naming the input, the element and both values
typedef tn_tensor *(*tn_gradcheck_fn)(void *context, tn_tensors inputs);
typedef struct tn_gradcheck_options {
  uint32_t struct_size;
  double eps, atol, rtol;
} tn_gradcheck_options;
TN_API tn_status tn_gradcheck(tn_gradcheck_fn function, void *context, tn_tensors inputs,
                              const tn_gradcheck_options *options);
// The same for second gradients.
TN_API tn_status tn_gradgradcheck(tn_gradcheck_fn function, void *context, tn_tensors inputs,
                                  const tn_gradcheck_options *options);

#ifdef __cplusplus
}
#endif

#endif  // TENON_AUTOGRAD_H_
