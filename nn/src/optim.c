// SPDX-License-Identifier: Apache-2.0
//
// optim: life and steps of an optimiser; the rules stand in files of their own. Invariant: each
// slot owns a reference to its parameter and to the states its rule has made.

#include "optim.h"

#include <math.h>
#include <stdlib.h>

#include "call.h"

tn_status tn__optim_expect(const char *optim, const char *what, double value, double low,
                           double high) {
  if (isfinite(value) && value >= low && value <= high) return TN_OK;
  return tn_error_set(TN_INVALID_ARGUMENT, "%s: %s must be in [%g, %g], and is %g", optim, what,
                      low, high, value);
}

static tn_status check_parameters(const char *optim, tn_tensors parameters) {
  if (parameters.count < 1 || parameters.data == NULL) {
    return tn_error_set(TN_INVALID_ARGUMENT, "%s: there are no parameters", optim);
  }
  for (int64_t i = 0; i < parameters.count; i++) {
    tn_tensor *parameter = parameters.data[i];
    const char *wrong = NULL;
    if (parameter == NULL || parameter == TN_NONE) {
      wrong = "is NULL";
    } else if (!tn_is_leaf(parameter)) {
      wrong = "is the result of a recorded call; only leaves can be trained";
    } else if (!tn_requires_grad(parameter)) {
      wrong = "does not require a gradient";
    }
    for (int64_t j = 0; wrong == NULL && j < i; j++) {
      if (parameters.data[j] == parameter) wrong = "is in the list twice";
    }
    if (wrong != NULL) {
      return tn_error_set(TN_INVALID_ARGUMENT, "%s: parameter %lld of %lld %s", optim, (long long)i,
                          (long long)parameters.count, wrong);
    }
  }
  return TN_OK;
}

tn_optim *tn__optim_create(const tn__optim_rule *rule, tn_tensors parameters,
                           const tn__optim_numbers *numbers) {
  if (check_parameters(rule->name, parameters) != TN_OK) return NULL;
  size_t slots = (size_t)parameters.count * sizeof(tn__optim_slot);
  tn_optim *optim = calloc(1, sizeof *optim + slots);
  if (optim == NULL) {
    tn_error_set(TN_OUT_OF_MEMORY, "%s: no memory for %lld parameters", rule->name,
                 (long long)parameters.count);
    return NULL;
  }
  optim->rule = rule;
  optim->numbers = *numbers;
  optim->slot_count = parameters.count;
  for (int64_t i = 0; i < parameters.count; i++) {
    optim->slots[i].parameter = tn_retain(parameters.data[i]);
  }
  return optim;
}

void tn_optim_release(tn_optim *optim) {
  if (optim == NULL) return;
  for (int64_t i = 0; i < optim->slot_count; i++) {
    tn_release(optim->slots[i].parameter);
    for (int32_t j = 0; j < TN__OPTIM_MAX_STATES; j++) tn_release(optim->slots[i].states[j]);
  }
  free(optim);
}

// Intermediates of one parameter are released before the next one's turn.
static tn_status apply_rule(tn_optim *optim, tn__optim_slot *slot) {
  tn_tensor *grad = tn_tensor_grad(slot->parameter);
  if (grad == NULL) return TN_OK;
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return tn__status_of(scope);
  tn_status status = optim->rule->apply(optim, slot->parameter, grad, slot->states, slot->step + 1);
  tn_scope_close(scope);
  if (status == TN_OK) slot->step++;
  return status;
}

tn_status tn_optim_step(tn_optim *optim) {
  if (optim == NULL) return tn_error_set(TN_INVALID_ARGUMENT, "tn_optim_step: NULL");
  bool recorded_before = tn_grad_mode_set(false);
  tn_status status = TN_OK;
  for (int64_t i = 0; status == TN_OK && i < optim->slot_count; i++) {
    status = apply_rule(optim, &optim->slots[i]);
  }
  (void)tn_grad_mode_set(recorded_before);
  if (status == TN_OK) optim->step_count++;
  return status;
}

void tn_optim_zero_grad(tn_optim *optim) {
  if (optim == NULL) return;
  for (int64_t i = 0; i < optim->slot_count; i++) {
    (void)tn_set_grad(optim->slots[i].parameter, NULL);
  }
}

tn_status tn_optim_set_lr(tn_optim *optim, double lr) {
  if (optim == NULL) return tn_error_set(TN_INVALID_ARGUMENT, "tn_optim_set_lr: NULL");
  TN_TRY(tn__optim_expect(optim->rule->name, "lr", lr, 0, HUGE_VAL));
  optim->numbers.lr = lr;
  return TN_OK;
}

double tn_optim_lr(const tn_optim *optim) { return optim == NULL ? 0 : optim->numbers.lr; }

int64_t tn_optim_step_count(const tn_optim *optim) { return optim == NULL ? 0 : optim->step_count; }
