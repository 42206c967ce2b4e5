// SPDX-License-Identifier: Apache-2.0
//
// optim: rules that change parameters by their gradients. An optimiser keeps references to its
// parameters and to a state for each (momentum and the like), made at the first step that has a
// gradient for it; parameters without a gradient are left alone. One thread at a time.
//
//   tn_optim *optim = tn_optim_adamw(tn_module_parameters(model), .lr = 1e-3);
//   ... tn_optim_zero_grad(optim); tn_backward(loss); tn_optim_step(optim); ...
//   tn_optim_release(optim);

#ifndef TENON_NN_OPTIM_H_
#define TENON_NN_OPTIM_H_

// Options may be left out altogether, which -Wpedantic would speak of at every call.
#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include <tenon/tenon.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tn_optim tn_optim;

// Constructors. |parameters|: leaves that require gradients, each once.
// owns: +1 result, released with tn_optim_release
// errors: INVALID_ARGUMENT naming the option or the parameter, OUT_OF_MEMORY | threads: any

// v <- momentum v + (1 - dampening) g;  p <- p - lr v   (the first v is g)
// with nesterov p <- p - lr (g + momentum v); weight_decay adds weight_decay p to g.
typedef struct tn_optim_sgd_options {
  uint32_t struct_size;
  double lr;            // default 1e-3
  double momentum;      // default 0
  double dampening;     // default 0
  double weight_decay;  // default 0
  bool nesterov;        // wants momentum > 0 and no dampening
} tn_optim_sgd_options;
TN_API tn_optim *tn_optim_sgd_with(tn_tensors parameters, const tn_optim_sgd_options *options);
#define tn_optim_sgd(parameters, ...)                    \
  tn_optim_sgd_with(parameters, &(tn_optim_sgd_options){ \
                                    .struct_size = sizeof(tn_optim_sgd_options), __VA_ARGS__})

// m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2
// p <- p - lr m' / (sqrt(v') + eps),  m' = m / (1 - beta1^t),  v' = v / (1 - beta2^t)
// adam adds weight_decay p to g (default 0); adamw first scales p by 1 - lr weight_decay (default
// 0.01), apart from the gradient. source: Kingma and Ba 2015; Loshchilov and Hutter 2019
typedef struct tn_optim_adam_options {
  uint32_t struct_size;
  double lr;           // default 1e-3
  double eps;          // default 1e-8
  tn_opt_float beta1;  // default 0.9
  tn_opt_float beta2;  // default 0.999
  tn_opt_float weight_decay;
} tn_optim_adam_options;
TN_API tn_optim *tn_optim_adam_with(tn_tensors parameters, const tn_optim_adam_options *options);
TN_API tn_optim *tn_optim_adamw_with(tn_tensors parameters, const tn_optim_adam_options *options);
#define tn_optim_adam(parameters, ...)                     \
  tn_optim_adam_with(parameters, &(tn_optim_adam_options){ \
                                     .struct_size = sizeof(tn_optim_adam_options), __VA_ARGS__})
#define tn_optim_adamw(parameters, ...)                     \
  tn_optim_adamw_with(parameters, &(tn_optim_adam_options){ \
                                      .struct_size = sizeof(tn_optim_adam_options), __VA_ARGS__})

// Applies the gradients once, unrecorded. When it fails, parameters before the one at fault have
// been changed. errors: INVALID_ARGUMENT for NULL, and the operators' own
TN_API tn_status tn_optim_step(tn_optim *optim);

// Drops the gradients. NULL is legal. errors: none
TN_API void tn_optim_zero_grad(tn_optim *optim);

// The learning rate, for schedules: tn_optim_set_lr(optim, tn_lr_one_cycle(step, steps, 3e-3)).
// errors: INVALID_ARGUMENT unless |lr| is finite and not negative
TN_API tn_status tn_optim_set_lr(tn_optim *optim, double lr);
TN_API double tn_optim_lr(const tn_optim *optim);  // 0 for NULL

// Steps done so far. 0 for NULL.
TN_API int64_t tn_optim_step_count(const tn_optim *optim);

// NULL is legal.
TN_API void tn_optim_release(tn_optim *optim);

// Scales the gradients of |parameters| so that their norm, taken as one vector, is at most
// |max_norm|, and writes the norm it was to |*norm| (unless NULL). Waits for the device.
// errors: INVALID_ARGUMENT unless |max_norm| > 0; WRONG_STATE for a norm that is NaN or infinite,
// and nothing is scaled then
TN_API tn_status tn_clip_grad_norm(tn_tensors parameters, double max_norm, double *norm);

#ifdef __cplusplus
}
#endif

#endif  // TENON_NN_OPTIM_H_
