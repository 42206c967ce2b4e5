// SPDX-License-Identifier: Apache-2.0
//
// optim: what every optimiser is: parameters, a few state tensors for each, numbers, and a rule.

#ifndef TENON_NN_SRC_OPTIM_H_
#define TENON_NN_SRC_OPTIM_H_

#include <tenon/nn/optim.h>

enum { TN__OPTIM_MAX_STATES = 2 };

// How one parameter changes. |states| are the rule's slots for this parameter, NULL until it fills
// them with references of its own. |step| counts this parameter's steps from 1. Runs unrecorded.
typedef struct tn__optim_rule {
  const char *name;
  int32_t state_count;
  tn_status (*apply)(const tn_optim *optim, tn_tensor *parameter, tn_tensor *grad,
                     tn_tensor **states, int64_t step);
} tn__optim_rule;

// Every rule's numbers; each reads its own.
typedef struct tn__optim_numbers {
  double lr;
  double weight_decay;
  double momentum, dampening;
  bool nesterov;
  double beta1, beta2, eps;
} tn__optim_numbers;

// One parameter with what belongs to it.
typedef struct tn__optim_slot {
  tn_tensor *parameter;
  tn_tensor *states[TN__OPTIM_MAX_STATES];
  int64_t step;
} tn__optim_slot;

struct tn_optim {
  const tn__optim_rule *rule;
  tn__optim_numbers numbers;
  int64_t step_count;
  int64_t slot_count;
  tn__optim_slot slots[];
};

// A new optimiser over |parameters|. errors: INVALID_ARGUMENT, OUT_OF_MEMORY
tn_optim *tn__optim_create(const tn__optim_rule *rule, tn_tensors parameters,
                           const tn__optim_numbers *numbers);

// |value|, the option |what|, must be finite and in [low, high]. errors: INVALID_ARGUMENT
tn_status tn__optim_expect(const char *optim, const char *what, double value, double low,
                           double high);

#endif  // TENON_NN_SRC_OPTIM_H_
